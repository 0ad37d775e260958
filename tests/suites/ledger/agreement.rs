//! Any sequence of steps: the ledger and the model agree on every answer, every total, every byte handed out again.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use mandate::clock::{BootTime, ClockReading};
use mandate::token::Status;
use mandate::{Cart, Intent, Mandate, Payment, UnixSeconds};
use mandate_ledger::{Redeemed, Scope as LedgerScope};
use mandate_policy::Reason;
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::Price;
use mandate_tests::wallet::{Answer, Wallet};
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tempfile::TempDir;
use tokio::runtime::{self, Runtime};

use crate::model::{Reading, Scope, UNSETTLED, World};
use crate::steps::Step;

/// Sequences in a normal run; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 60;

fn config() -> Config {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default(),
        None => Config::with_cases(CASES),
    }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn the_ledger_does_what_the_model_does(sequential 1..50 => Machine);
}

/// The ledger under test, and every token that was handed out, in the model's order.
struct Machine {
    runtime: Arc<Runtime>,
    /// Absent only while it is being closed and opened.
    wallet: Option<Wallet>,
    intents: Vec<Mandate<Intent>>,
    carts: Vec<Mandate<Cart>>,
    /// `None` where a freeze stopped the signature.
    payments: Vec<Option<Mandate<Payment>>>,
    /// The size of the journal that was checked last.
    checked: Cell<u64>,
    _folder: TempDir,
}

fn clock(now: Reading) -> ClockReading {
    let id = format!("b{}", now.boot).parse().expect("hexadecimal");
    let wall = UnixSeconds::new(now.wall).expect("a moment");
    ClockReading { wall, boot: BootTime { id, elapsed_ms: now.elapsed * 1_000 } }
}

fn scope(scope: Scope) -> LedgerScope {
    match scope {
        Scope::Wallet => LedgerScope::Wallet,
        Scope::Agent(name) => LedgerScope::Agent(name.parse().expect("a name")),
        Scope::Merchant(id) => LedgerScope::Merchant(id.parse().expect("an id")),
    }
}

impl Machine {
    fn wallet(&self) -> &Wallet {
        self.wallet.as_ref().expect("an open ledger")
    }

    fn quote(&mut self, intent: usize, price: Price, now: &ClockReading) -> Mandate<Cart> {
        let cart = self.wallet().parties.cart(&self.intents[intent], price, now.wall);
        self.carts.push(cart.clone());
        cart
    }

    async fn buy(&mut self, now: &ClockReading, step: &Step) -> Vec<Answer<()>> {
        let Step::Buy { agent, ware, price, price_max, stopped } = *step else { unreachable!() };
        let intent = self.wallet().intent(now.clone(), agent, WARES[ware], price_max).await;
        match intent {
            Ok(intent) => self.intents.push(intent),
            Err(reason) => return vec![Err(reason)],
        }
        let cart = self.quote(self.intents.len() - 1, price, now);
        let paid = if stopped {
            self.pay_stopped(now, agent, &cart).await
        } else {
            self.pay(now, agent, &cart).await
        };
        vec![Ok(()), paid]
    }

    /// Pays; what was handed out before for the same cart is the same, byte by byte.
    async fn pay(&mut self, now: &ClockReading, agent: &str, cart: &Mandate<Cart>) -> Answer<()> {
        let payment = self.wallet().pay(now.clone(), agent, cart).await?;
        let same_cart = |paid: &&Mandate<Payment>| paid.claims().cart == cart.hash();
        match self.payments.iter().flatten().find(same_cart) {
            Some(before) => assert_eq!(before.as_str(), payment.as_str()),
            None => self.payments.push(Some(payment)),
        }
        Ok(())
    }

    /// Pays, and freezes the wallet before the signature; the thaw comes before the ledger is told.
    async fn pay_stopped(
        &mut self,
        now: &ClockReading,
        agent: &str,
        cart: &Mandate<Cart>,
    ) -> Answer<()> {
        let wallet = self.wallet();
        let permit = wallet.reserve(now.clone(), agent, cart).await?;
        let (ledger, all) = (&wallet.ledger, LedgerScope::Wallet);
        ledger.freeze(now.clone(), 0, all.clone(), None).await.expect("an answer");
        let Redeemed::Withheld(withheld) = wallet.sign(permit) else { panic!("it was signed") };
        ledger.thaw(now.clone(), 0, all).await.expect("an answer");
        let refusal = ledger.withhold(now.clone(), withheld).await.expect("an answer");
        self.payments.push(None);
        Err(refusal.reason())
    }

    async fn hand_in(&self, now: &ClockReading, payment: usize, executed: bool) -> Answer<()> {
        let payment = self.payments[payment].as_ref().expect("a signed payment");
        let status = if executed { Status::Executed } else { Status::Void };
        let receipt = self.wallet().parties.receipt(payment, status, now.wall);
        let agent = payment.claims().act.to_string();
        let answer = self.wallet().hand_in(now.clone(), &agent, &receipt).await;
        answer.map(|settled| assert_eq!(settled, status))
    }

    async fn step(&mut self, now: &ClockReading, step: &Step) -> Vec<Answer<()>> {
        match step.clone() {
            Step::Buy { .. } => return self.buy(now, step).await,
            Step::BuyWith { intent, price } => {
                let cart = self.quote(intent, price, now);
                let agent = self.intents[intent].claims().act.to_string();
                return vec![self.pay(now, &agent, &cart).await];
            }
            Step::PayAgain { cart, agent } => {
                let cart = self.carts[cart].clone();
                return vec![self.pay(now, agent, &cart).await];
            }
            Step::HandIn { payment, executed } => {
                return vec![self.hand_in(now, payment, executed).await];
            }
            Step::Freeze(frozen) => {
                let ledger = &self.wallet().ledger;
                ledger.freeze(now.clone(), 0, scope(frozen), None).await.expect("an answer");
            }
            Step::Thaw(thawed) => {
                let ledger = &self.wallet().ledger;
                ledger.thaw(now.clone(), 0, scope(thawed)).await.expect("an answer");
            }
            Step::Reload(caps) => {
                self.wallet.as_mut().expect("open").reload(now.clone(), caps).await;
            }
            Step::Restart => {
                let wallet = self.wallet.take().expect("an open ledger");
                self.wallet = Some(wallet.restart(now.clone()).await);
            }
            Step::Confirm => {
                self.wallet().ledger.confirm_clock(now.clone(), 0).await.expect("an answer");
            }
            Step::Pass(_) | Step::Set(_) | Step::Reboot(_) => {}
        }
        Vec::new()
    }

    async fn check(&self, world: &World) {
        let now = clock(world.now);
        let spent = self.wallet().spent(now.clone()).await;
        let expected: Vec<_> = world.caps.iter().map(|cap| world.spent(cap)).collect();
        assert_eq!(spent, expected, "a total is not the sum of what was charged: {:?}", world.caps);
        let status = self.wallet().ledger.status(now.clone()).await.expect("a status");
        assert_eq!(status.clock.is_some(), world.bent(), "{:?}", status.clock);
        assert_eq!(status.holds, world.open(None));
        let frozen: BTreeSet<_> = status.frozen.into_iter().collect();
        assert_eq!(frozen, world.frozen.iter().copied().map(scope).collect());
        // The passing of time changes no file.
        let size = self.wallet().ledger.head().size;
        if self.checked.replace(size) != size {
            let signed: Vec<_> = self.payments.iter().flatten().cloned().collect();
            self.wallet().check(now, &signed).await;
        }
    }
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Self;
    type Reference = World;

    fn init_test(world: &World) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let parties = Arc::new(Parties::new([7; 32]));
        Wallet::create(folder.path(), &parties, world.now.wall);
        let (zone, caps) = (world.zone, world.caps.clone());
        let wallet = Wallet::open(folder.path(), &parties, zone, UNSETTLED, caps);
        Self {
            runtime: Arc::new(runtime::Builder::new_current_thread().build().expect("a runtime")),
            wallet: Some(wallet.expect("a new ledger")),
            intents: Vec::new(),
            carts: Vec::new(),
            payments: Vec::new(),
            checked: Cell::new(0),
            _folder: folder,
        }
    }

    fn apply(mut machine: Self, world: &World, step: Step) -> Self {
        let runtime = Arc::clone(&machine.runtime);
        let answers: Vec<Result<(), Reason>> =
            runtime.block_on(machine.step(&clock(world.now), &step));
        assert_eq!(answers, world.answers, "the answers to {step:?} at {:?}", world.now);
        assert_eq!(machine.payments.len(), world.payments.len());
        machine
    }

    fn check_invariants(machine: &Self, world: &<World as ReferenceStateMachine>::State) {
        machine.runtime.block_on(machine.check(world));
    }
}
