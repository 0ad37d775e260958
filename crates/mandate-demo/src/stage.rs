//! What every scene plays with: the principal, her wallet, the agent, and the screen.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use mandate::token::Status;
use mandate::{Cart, CartClaims, Intent, Mandate, MinorUnits, Money, Payment, Receipt, Sku};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use tonic::transport::Channel;

use crate::agent::Agent;
use crate::error::{DemoError, same};
use crate::home::Home;
use crate::merchant::Merchant;
use crate::process::Daemon;
use crate::screen::Screen;

/// Everything that is on the stage.
pub(crate) struct Stage<'h, 's, 'o> {
    /// Her folder, her key, and the merchants.
    pub(crate) home: &'h Home,
    /// Where it is told.
    pub(crate) screen: &'s mut Screen<'o>,
    /// The wallet's process.
    pub(crate) daemon: Daemon,
    /// Who shops.
    pub(crate) agent: Agent,
    /// The principal's own line to her wallet.
    pub(crate) control: ControlClient<Channel>,
}

/// What is left under the two caps of her wallet.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The most that may be spent in a day.
    pub(crate) limit: Money,
    /// Spent today, at all merchants together.
    pub(crate) spent: Money,
    /// Left for today.
    pub(crate) left: Money,
    /// Bookings at the hotels today.
    pub(crate) bookings: u32,
    /// The most bookings in a day.
    pub(crate) bookings_max: u32,
}

impl<'h, 's, 'o> Stage<'h, 's, 'o> {
    /// Starts the wallet and connects to both of its sockets; says how long the start took.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the wallet does not get ready.
    pub(crate) async fn open(
        home: &'h Home,
        screen: &'s mut Screen<'o>,
    ) -> Result<(Self, Duration), DemoError> {
        let start = Instant::now();
        let daemon = Daemon::start(&home.paths, &home.log()).await?;
        let took = start.elapsed();
        let agent = Agent::connect(&home.paths.wallet_socket(), home.public_key).await?;
        let control = control(home).await?;
        Ok((Self { home, screen, daemon, agent, control }, took))
    }

    /// Kills the wallet as a crash would, and starts it again; says how long the start took.
    ///
    /// # Errors
    ///
    /// As [`Stage::open`].
    pub(crate) async fn crash(&mut self) -> Result<Duration, DemoError> {
        self.daemon.kill();
        let start = Instant::now();
        self.daemon = Daemon::start(&self.home.paths, &self.home.log()).await?;
        let took = start.elapsed();
        self.agent.reconnect(&self.home.paths.wallet_socket()).await?;
        self.control = control(self.home).await?;
        Ok(took)
    }

    /// Mints an intent that is known to be fine.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is refused.
    pub(crate) async fn intent(
        &mut self,
        merchant: &Merchant,
        action: &str,
    ) -> Result<Mandate<Intent>, DemoError> {
        let action: Sku = action.parse()?;
        self.agent.intent(merchant, &action, None).await?.granted()
    }

    /// Mints an intent and has it quoted.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when either is refused.
    pub(crate) async fn quoted(
        &mut self,
        merchant: &Merchant,
        action: &str,
        line: (&str, &str),
    ) -> Result<Mandate<Cart>, DemoError> {
        let intent = self.intent(merchant, action).await?;
        quote(merchant, &intent, line, |_| ())
    }

    /// Pays a cart that is known to be fine.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is refused.
    pub(crate) async fn pay(
        &mut self,
        merchant: &Merchant,
        cart: &Mandate<Cart>,
    ) -> Result<Mandate<Payment>, DemoError> {
        let payment = self.agent.pay(merchant, cart).await?.granted()?;
        same(&cart.claims().total.to_string(), &payment.claims().total.to_string())?;
        same(&cart.hash(), &payment.claims().cart)?;
        Ok(payment)
    }

    /// Has the merchant execute a payment, and hands the receipt in.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when either does not accept it.
    pub(crate) async fn execute(
        &mut self,
        merchant: &Merchant,
        payment: &Mandate<Payment>,
        order: &str,
    ) -> Result<Mandate<Receipt>, DemoError> {
        let claims = merchant.executed(payment, order.parse()?, wall_clock())?;
        let receipt = merchant.sign_receipt(&claims)?;
        same(&Status::Executed, &receipt.claims().status)?;
        self.agent.hand_in(&receipt).await?;
        Ok(receipt)
    }

    /// What is left, which must be so: this much spent today, and so many bookings.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is not.
    pub(crate) async fn budget(&mut self, spent: &str, bookings: u32) -> Result<Budget, DemoError> {
        let caps = self.agent.budget().await?;
        let [day, rooms] = caps.as_slice() else {
            return Err(DemoError::differs(&"2 caps", &caps.len()));
        };
        let budget = Budget {
            limit: money(day.limit.as_ref())?,
            spent: money(day.spent.as_ref())?,
            left: money(day.remaining.as_ref())?,
            bookings: rooms.count_used,
            bookings_max: rooms.count_limit,
        };
        let expected = format!("{spent} and {bookings} bookings");
        same(&expected, &format!("{} and {} bookings", budget.spent, budget.bookings))?;
        Ok(budget)
    }

    /// Shows what is left for today, which must be so.
    ///
    /// # Errors
    ///
    /// As [`Stage::budget`].
    pub(crate) async fn show_budget(
        &mut self,
        spent: &str,
        bookings: u32,
    ) -> Result<(), DemoError> {
        let Budget { limit, spent, left, bookings, bookings_max } =
            self.budget(spent, bookings).await?;
        let mut text = format!("{spent} of {limit} spent today, {left} left");
        if bookings > 0 {
            // A String takes whatever is written to it.
            write!(text, "; {bookings} of {bookings_max} bookings").unwrap_or_default();
        }
        self.screen.fact("budget", &text)
    }
}

async fn control(home: &Home) -> Result<ControlClient<Channel>, DemoError> {
    let socket = home.paths.control_socket();
    Ok(ControlClient::new(mandate_proto::connect(&socket).await?))
}

/// An amount from the wire.
fn money(wire: Option<&v1::Money>) -> Result<Money, DemoError> {
    let wire = wire.ok_or_else(|| DemoError::differs(&"an amount", &"none"))?;
    let currency = wire.currency.parse()?;
    let units = u64::try_from(wire.minor_units).or(Err(mandate::AmountError::Underflow))?;
    Ok(Money { currency, amount: MinorUnits::new(units)? })
}

/// Has a merchant quote one line, and change what it signs.
///
/// # Errors
///
/// [`DemoError`] when the merchant does not sign.
pub(crate) fn quote(
    signer: &Merchant,
    intent: &Mandate<Intent>,
    (title, total): (&str, &str),
    change: impl FnOnce(&mut CartClaims),
) -> Result<Mandate<Cart>, DemoError> {
    let mut claims = signer.cart(intent, title.parse()?, total.parse()?, wall_clock())?;
    change(&mut claims);
    Ok(signer.sign_cart(&claims)?)
}
