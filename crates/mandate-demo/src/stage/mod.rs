//! What every scene plays with: the principal, her wallet, the merchants, the agent, and the screen.

mod trace;

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use http::StatusCode;
use mandate::token::Status;
use mandate::{Cart, Intent, Mandate, MinorUnits, Money, Payment, Receipt};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use tonic::transport::Channel;

use crate::agent::Agent;
use crate::answer::Answer;
use crate::call::{Call, With};
use crate::error::{DemoError, same};
use crate::home::Home;
use crate::process::Process;
use crate::screen::Screen;
use crate::sellers::{Door, Gateways, Sellers};

/// Everything that is on the stage.
pub(crate) struct Stage<'h, 's, 'o> {
    /// Her folder and her key, and what the merchants have on disk.
    pub(crate) home: &'h Home,
    /// The merchants as anyone sees them.
    pub(crate) sellers: &'h Sellers,
    /// Where it is told.
    pub(crate) screen: &'s mut Screen<'o>,
    /// The wallet's process.
    pub(crate) wallet: Process,
    /// The gateways' processes.
    pub(crate) gateways: Gateways,
    /// Who shops.
    pub(crate) agent: Agent,
    /// The principal's own line to her wallet.
    pub(crate) control: ControlClient<Channel>,
    /// The pause before each scene.
    pub(crate) pace: Duration,
}

/// What is left under the caps of her wallet.toml.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Budget {
    /// The most that may be spent in a day.
    pub(crate) limit: Money,
    /// Spent today, at all merchants together.
    pub(crate) spent: Money,
    /// Left for today.
    pub(crate) left: Money,
    /// Bookings today at the merchant where they are counted.
    pub(crate) bookings: u32,
    /// The most bookings there in a day.
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
        (sellers, gateways): (&'h Sellers, Gateways),
        screen: &'s mut Screen<'o>,
    ) -> Result<(Self, Duration), DemoError> {
        let start = Instant::now();
        let wallet = Process::wallet(&home.paths, &home.log()).await?;
        let took = start.elapsed();
        let agent = Agent::connect(&home.paths.wallet_socket(), home.key.public).await?;
        let (control, pace) = (control(home).await?, Duration::ZERO);
        Ok((Self { home, sellers, screen, wallet, gateways, agent, control, pace }, took))
    }

    /// Begins a scene, at the pace of the story.
    ///
    /// # Errors
    ///
    /// [`DemoError::Screen`].
    pub(crate) async fn scene(&mut self, heading: &str, why: &str) -> Result<(), DemoError> {
        tokio::time::sleep(self.pace).await;
        self.screen.scene(heading, why)
    }

    /// Kills the wallet as a crash would, and starts it again; says how long the start took.
    ///
    /// # Errors
    ///
    /// As [`Stage::open`].
    pub(crate) async fn crash(&mut self) -> Result<Duration, DemoError> {
        self.wallet.kill();
        self.start_wallet().await
    }

    /// Starts the wallet again after it has ended; says how long the start took.
    ///
    /// # Errors
    ///
    /// As [`Stage::open`].
    pub(crate) async fn start_wallet(&mut self) -> Result<Duration, DemoError> {
        let start = Instant::now();
        self.wallet = Process::wallet(&self.home.paths, &self.home.log()).await?;
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
        door: &Door,
        action: &str,
    ) -> Result<Mandate<Intent>, DemoError> {
        self.agent.intent(&door.id, action, None).await?.granted()
    }

    /// Mints an intent and has a call quoted.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when either is refused.
    pub(crate) async fn quoted(
        &mut self,
        door: &Door,
        (action, path, body): (&str, &str, &str),
    ) -> Result<Mandate<Cart>, DemoError> {
        let intent = self.intent(door, action).await?;
        self.agent.call(door, Call::post(path, body, With::Intent(&intent))).await?.cart()
    }

    /// Pays a cart that is known to be fine.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it is refused.
    pub(crate) async fn pay(
        &mut self,
        cart: &Mandate<Cart>,
    ) -> Result<Mandate<Payment>, DemoError> {
        let payment = self.agent.pay(cart.as_str()).await?.granted()?;
        same(&cart.claims().total.to_string(), &payment.claims().total.to_string())?;
        same(&cart.hash(), &payment.claims().cart)?;
        Ok(payment)
    }

    /// Makes a paid call that is known to be fine.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the merchant does not accept it.
    pub(crate) async fn execute(
        &mut self,
        door: &Door,
        (path, body): (&str, &str),
        payment: &Mandate<Payment>,
    ) -> Result<Mandate<Receipt>, DemoError> {
        let reply = self.agent.call(door, Call::post(path, body, With::Payment(payment))).await?;
        let receipt = reply.receipt(StatusCode::CREATED)?;
        same(&Status::Executed, &receipt.claims().status)?;
        Ok(receipt)
    }

    /// Makes a paid call that is known to be fine, and hands its receipt in.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when the merchant or the wallet does not accept it.
    pub(crate) async fn buy(
        &mut self,
        door: &Door,
        call: (&str, &str),
        payment: &Mandate<Payment>,
    ) -> Result<(), DemoError> {
        let receipt = self.execute(door, call, payment).await?;
        self.agent.hand_in(&receipt).await
    }

    /// What is left, which must be so: this much spent today, and so many bookings where they are counted.
    ///
    /// # Errors
    ///
    /// [`DemoError::Differs`] if it is not.
    pub(crate) async fn budget(&mut self, spent: &str, bookings: u32) -> Result<Budget, DemoError> {
        let caps = self.agent.budget().await?;
        let [day, counted] = caps.as_slice() else {
            return Err(DemoError::differs(&"2 caps", &caps.len()));
        };
        let budget = Budget {
            limit: money(day.limit.as_ref())?,
            spent: money(day.spent.as_ref())?,
            left: money(day.remaining.as_ref())?,
            bookings: counted.count_used,
            bookings_max: counted.count_limit,
        };
        let expected = format!("{spent} and {bookings} bookings");
        same(&expected, &format!("{} and {} bookings", budget.spent, budget.bookings))?;
        Ok(budget)
    }

    /// Shows what is left for today, which must be so, and how many receipts are awaited.
    ///
    /// # Errors
    ///
    /// As [`Stage::budget`].
    pub(crate) async fn show_budget(
        &mut self,
        spent: &str,
        bookings: u32,
        waiting: u64,
    ) -> Result<(), DemoError> {
        let Budget { limit, spent, left, bookings, bookings_max } =
            self.budget(spent, bookings).await?;
        let mut text = format!("{spent} of {limit} spent today, {left} left");
        if bookings > 0 {
            // A String takes whatever is written to it.
            write!(text, "; {bookings} of {bookings_max} bookings at {}", self.sellers.sea.id)
                .unwrap_or_default();
        }
        same(&waiting, &self.status().await?.holds)?;
        match waiting {
            0 => {}
            1 => text.push_str("; 1 receipt awaited"),
            many => write!(text, "; {many} receipts awaited").unwrap_or_default(),
        }
        self.screen.fact("budget", &text)
    }

    /// What the wallet is, holds and obeys right now.
    ///
    /// # Errors
    ///
    /// [`DemoError`] when it does not say.
    pub(crate) async fn status(&mut self) -> Result<v1::GetStatusResponse, DemoError> {
        let status = self.control.get_status(v1::GetStatusRequest {}).await;
        Ok(Answer::of(status)?.granted()?.into_inner())
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
