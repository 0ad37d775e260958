//! Any sequence of steps: the gateway and the model agree on every answer, every use, every byte handed out again.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use mandate::clock::{BootTime, ClockReading};
use mandate::{Cart, Head, Intent, Limit, Mandate, Payment, PaymentClaims, Root};
use mandate_gateway::ResolveError;
use mandate_gateway::book::{Outcome, UseKey};
use mandate_journal::Options;
use mandate_tests::gateway::{
    Answered, Ask, GatewayHome, Payer, QuoteReaction, Reaction, SaleState, Shop, Wire, sign_with,
};
use mandate_tests::parties::money;
use proptest::test_runner::Config;
use proptest_state_machine::{ReferenceStateMachine, StateMachineTest, prop_state_machine};
use tokio::runtime::{self, Runtime};

use crate::breaks::{Break, Switch, hooks};
use crate::claims::{at, cap_claim, slipped, units};
use crate::model::{
    self, AGENTS, Forgery, How, PAYERS, Reading, Slip, State, Told, World, unavailable, yes,
};
use crate::steps::Step;
use crate::wares::{WARES, call};

/// Sequences in a normal run; `PROPTEST_CASES` says otherwise.
const CASES: u32 = 30;

fn config() -> Config {
    match std::env::var_os("PROPTEST_CASES") {
        Some(_) => Config::default(),
        None => Config::with_cases(CASES),
    }
}

prop_state_machine! {
    #![proptest_config(config())]

    #[test]
    fn the_gateway_does_what_the_model_does(sequential 1..40 => Machine);
}

/// The gateway under test, and every token that was handed out, in the model's order.
struct Machine {
    runtime: Arc<Runtime>,
    home: GatewayHome,
    /// Absent only while it is being closed and opened.
    shop: Option<Shop>,
    switch: Switch,
    payers: [Payer; PAYERS],
    stranger: Payer,
    intents: Vec<Mandate<Intent>>,
    /// Those that an agent has.
    carts: BTreeMap<usize, Mandate<Cart>>,
    payments: Vec<Mandate<Payment>>,
    /// The size of the journal and the calls to the API that were checked last.
    checked: Cell<(u64, usize)>,
}

fn clock(now: Reading) -> ClockReading {
    let id = format!("b{}", now.boot).parse().expect("hexadecimal");
    ClockReading { wall: at(now.wall), boot: BootTime { id, elapsed_ms: now.elapsed * 1_000 } }
}

/// Whether no answer will ever come, so that the runtime's timers have to run.
fn is_silent(quote: Option<&QuoteReaction>, reactions: &[Reaction]) -> bool {
    quote == Some(&QuoteReaction::Silent) || reactions.iter().any(|one| one.wire == Wire::Silent)
}

impl Machine {
    fn shop(&self) -> &Shop {
        self.shop.as_ref().expect("an open shop")
    }

    async fn open(&mut self) {
        let settings = self.home.settings(&self.payers);
        let options = Options { hooks: hooks(&self.switch), ..Options::default() };
        self.shop = Some(self.home.open_with(settings, options).await);
    }

    /// Signs what has a forgery of this kind.
    fn sign<K>(&self, claims: &K::Claims, payer: usize, forgery: Option<Forgery>) -> Mandate<K>
    where
        K: mandate::Kind<Role = mandate::PrincipalRole>,
    {
        let head = Head { size: 1, root: Root::of(b"forged") };
        match forgery {
            None | Some(Forgery::Audience) => self.payers[payer].sign(claims),
            Some(Forgery::Stranger | Forgery::ForeignKey) => self.stranger.sign(claims),
            Some(Forgery::MerchantKey) => sign_with(claims, head, self.home.key()),
        }
    }

    /// Mints the intents that the model has and this machine has not.
    fn mint_intents(&mut self, world: &World) {
        for asked in &world.intents[self.intents.len()..] {
            let payer = &self.payers[asked.payer];
            let ask = Ask {
                agent: AGENTS[asked.agent],
                action: WARES[asked.ware].action,
                quantity: asked.quantity,
                request: asked.bound.map(|bound| call(bound).digest()),
                limit: asked.limit.map(|(currency, max)| Limit {
                    currency: currency.parse().expect("a currency"),
                    max: units(max),
                }),
            };
            let mut claims = payer.intent_claims(&self.home.merchant(), &ask, at(asked.iat));
            claims.exp = at(asked.exp);
            match asked.forgery {
                Some(Forgery::Audience) => claims.aud = "rival-air".parse().expect("an id"),
                Some(Forgery::Stranger) => claims.iss = self.stranger.id().clone(),
                _ => {}
            }
            let intent = self.sign::<Intent>(&claims, asked.payer, asked.forgery);
            self.intents.push(intent);
        }
    }

    /// Mints the payments that the model has and this machine has not.
    fn mint_payments(&mut self, world: &World) {
        for paid in &world.payments[self.payments.len()..] {
            let cart = &self.carts[&paid.cart];
            let payer = world.intents[world.carts[paid.cart].intent].payer;
            let issuer = if paid.slip == Some(Slip::Issuer) { (payer + 1) % PAYERS } else { payer };
            let right = self.payers[payer].payment_claims(cart, at(paid.iat));
            let caps = paid.caps.iter().map(cap_claim).collect();
            let mut claims = PaymentClaims { exp: at(paid.exp), caps, ..right };
            if let Some(slip) = paid.slip {
                slipped(&mut claims, slip, self.payers[issuer].id());
            }
            match paid.forgery {
                Some(Forgery::Audience) => claims.aud = "rival-air".parse().expect("an id"),
                Some(Forgery::Stranger) => claims.iss = self.stranger.id().clone(),
                _ => {}
            }
            let payment = self.sign::<Payment>(&claims, issuer, paid.forgery);
            self.payments.push(payment);
        }
    }

    /// What a use is known by.
    fn key(&self, used: &model::Use) -> String {
        match used.mandate {
            model::Mandate::Intent(intent) => self.intents[intent].hash().to_string(),
            model::Mandate::Payment(payment) => self.payments[payment].hash().to_string(),
        }
    }

    /// An answer in the model's words: what came with it is told by its place there.
    fn told(&mut self, answered: &Answered, world: &World, nth: usize) -> Told {
        let keys = &self.shop().keys;
        let (cart, receipt) = (answered.cart(keys), answered.receipt(keys));
        let place = world.answers.get(nth).and_then(|told| told.cart);
        let cart = cart.map(|cart| match place {
            Some(place) if self.is_cart(place, cart, world) => place,
            _ => usize::MAX,
        });
        let receipt = receipt.map(|receipt| {
            let claims = receipt.claims();
            let key = claims.payment.map_or_else(|| claims.intent.to_string(), |p| p.to_string());
            world.uses.iter().position(|used| self.key(used) == key).unwrap_or(usize::MAX)
        });
        Told { status: answered.status, reason: answered.reason(), cart, receipt }
    }

    /// Whether a cart is the model's of this place: the same bytes as before, or what a first one has to say.
    fn is_cart(&mut self, place: usize, cart: Mandate<Cart>, world: &World) -> bool {
        if let Some(before) = self.carts.get(&place) {
            return before.as_str() == cart.as_str();
        }
        let model::Cart { intent, call: quoted, price, iat, exp, .. } = world.carts[place];
        let claims = cart.claims();
        let fits = claims.intent == self.intents[intent].hash()
            && claims.action.request == call(quoted).digest()
            && claims.total == money(price)
            && (claims.iat, claims.exp) == (at(iat), at(exp));
        self.carts.insert(place, cart);
        fits
    }

    /// Lets timers run while an answer is waited for, if none will come.
    async fn wait(silent: bool, answer: impl Future<Output = Answered>) -> Answered {
        if silent {
            tokio::time::pause();
        }
        let answered = answer.await;
        if silent {
            tokio::time::resume();
        }
        answered
    }

    async fn send_intent(
        &mut self,
        world: &World,
        intent: usize,
        with: usize,
        quote: &QuoteReaction,
        reaction: &Reaction,
    ) -> Answered {
        self.mint_intents(world);
        self.shop().api.script([reaction.clone()]);
        self.shop().api.script_quotes([quote.clone()]);
        let answer = self.shop().send_intent(&call(with), &self.intents[intent]);
        Self::wait(is_silent(Some(quote), std::slice::from_ref(reaction)), answer).await
    }

    async fn present(&self, payment: usize, with: usize, reactions: &[Reaction]) -> Vec<Answered> {
        let (shop, payment) = (self.shop(), &self.payments[payment]);
        shop.api.script(reactions.iter().cloned());
        if let [reaction] = reactions {
            let silent = is_silent(None, std::slice::from_ref(reaction));
            return vec![Self::wait(silent, shop.send_payment(&call(with), payment)).await];
        }
        let clients: Vec<_> = reactions
            .iter()
            .map(|_| tokio::spawn(shop.send_payment(&call(with), payment)))
            .collect();
        let mut answered = Vec::new();
        for client in clients {
            answered.push(client.await.expect("an answer"));
        }
        answered
    }

    async fn ask_void(&self, payment: usize, named: bool) -> Answered {
        let payment = &self.payments[payment];
        if named {
            return self.shop().ask_void(payment).await;
        }
        let other = mandate::PaymentHash::of(b"another payment");
        let target = format!("{}/{other}", mandate::discovery::RECEIPTS_PATH);
        let call = mandate_tests::gateway::Call::bare("POST", &target);
        self.shop().send(call.with("mandate-payment", payment.as_str())).await
    }

    /// Takes a step, and gives the answers that came.
    async fn step(&mut self, world: &World, step: &Step) -> Vec<Told> {
        let answered = match step {
            Step::Ask { call, quote, reaction, .. } => {
                vec![self.send_intent(world, world.intents.len() - 1, *call, quote, reaction).await]
            }
            Step::AskAgain { intent, call, quote, reaction } => {
                vec![self.send_intent(world, *intent, *call, quote, reaction).await]
            }
            Step::Buy { call, quote, reaction, .. } => {
                return self.buy(world, *call, quote, reaction).await;
            }
            Step::Pay { .. } => {
                self.mint_payments(world);
                Vec::new()
            }
            Step::Present { payment, call, reactions } => {
                self.present(*payment, *call, reactions).await
            }
            Step::AskVoid { payment, named } => vec![self.ask_void(*payment, *named).await],
            Step::Resolve { used, executed } => {
                return vec![self.resolve(world, *used, *executed).await];
            }
            Step::Broken { after, how, step } => {
                let (after, how) = (*after, *how);
                let armed = Break { after, how, now: false };
                *self.switch.lock().expect("no panic while held") = Some(armed);
                let told = Box::pin(self.step(world, step)).await;
                let broken = self.switch.lock().expect("no panic while held").take().is_none();
                if broken && how != How::Full {
                    let closed = self.shop.take().expect("an open shop").close().await;
                    closed.expect_err("the writer had stopped");
                    self.open().await;
                }
                return told;
            }
            Step::Restart => {
                self.shop.take().expect("an open shop").close().await.expect("a good end");
                self.open().await;
                Vec::new()
            }
            Step::Confirm => return vec![self.confirm().await],
            Step::Pass(_) | Step::Set(_) | Step::Reboot(_) => Vec::new(),
        };
        self.all_told(world, 0, &answered)
    }

    fn all_told(&mut self, world: &World, from: usize, answered: &[Answered]) -> Vec<Told> {
        (from..).zip(answered).map(|(nth, answered)| self.told(answered, world, nth)).collect()
    }

    async fn buy(
        &mut self,
        world: &World,
        with: usize,
        quote: &QuoteReaction,
        reaction: &Reaction,
    ) -> Vec<Told> {
        let intent = world.intents.len() - 1;
        let answered = self.send_intent(world, intent, with, quote, reaction).await;
        let mut told = self.all_told(world, 0, &[answered]);
        if told[0] == world.answers[0] && told[0].cart.is_some() {
            self.mint_payments(world);
            let payment = self.payments.len() - 1;
            let answered = self.present(payment, with, std::slice::from_ref(reaction)).await;
            told.extend(self.all_told(world, 1, &answered));
        }
        told
    }

    async fn resolve(&self, world: &World, used: usize, executed: bool) -> Told {
        let key: UseKey = self.key(&world.uses[used]).parse().expect("a key");
        let outcome = if executed {
            Outcome::Executed { order: None }
        } else {
            Outcome::Void { reason: "the operator says so".parse().expect("text") }
        };
        match self.shop().gateway.resolve(key, outcome).await {
            Ok(_) => yes(200, Some(used)),
            Err(ResolveError::Write(_)) => unavailable(),
            Err(other) => panic!("{other:?}"),
        }
    }

    async fn confirm(&self) -> Told {
        let gateway = &self.shop().gateway;
        match gateway.book().confirm_clock(gateway.now()).await {
            Ok(()) => yes(200, None),
            Err(_) => unavailable(),
        }
    }

    async fn check(&self, world: &World) {
        let shop = self.shop();
        let status = shop.gateway.book().status(clock(world.now)).await.expect("a status");
        assert_eq!(status.clock.is_some(), world.bent(), "{:?} at {:?}", status.clock, world.now);
        // The passing of time changes no file.
        let seen = (status.head.size, shop.api.heard().len());
        if self.checked.replace(seen) == seen {
            return;
        }
        let sales = shop.check().await;
        assert_eq!(sales.len(), world.uses.len());
        let mut done = BTreeSet::new();
        for used in &world.uses {
            let key = self.key(used);
            let sale = sales.get(&key).expect("a use");
            let state = match sale.state {
                SaleState::Reserved => State::Reserved,
                SaleState::Executed => State::Executed,
                SaleState::Void => State::Void,
            };
            assert_eq!(state, used.state, "{used:?}");
            assert_eq!(sale.order, used.order, "{used:?}");
            let price = sale.price.as_ref().map(|(currency, amount)| (currency.as_str(), *amount));
            assert_eq!(price, used.price);
            if used.done.is_some() {
                done.insert(key);
            }
        }
        assert_eq!(shop.api.executions().into_iter().collect::<BTreeSet<_>>(), done);
        // What was never used has no receipt.
        let intents = self.intents.iter().map(|intent| intent.hash().to_string());
        let payments = self.payments.iter().map(|payment| payment.hash().to_string());
        for key in intents.chain(payments).filter(|key| !sales.contains_key(key)) {
            assert_eq!(shop.ask_receipt(&key).await.status, 404);
        }
    }
}

impl StateMachineTest for Machine {
    type SystemUnderTest = Self;
    type Reference = World;

    fn init_test(world: &World) -> Self {
        let home = GatewayHome::made_at(world.now.wall);
        home.clock.show(clock(world.now));
        let runtime = runtime::Builder::new_current_thread().enable_time().build();
        let mut machine = Self {
            runtime: Arc::new(runtime.expect("a runtime")),
            home,
            shop: None,
            switch: Switch::default(),
            payers: [Payer::new([1; 32]), Payer::named("bob", [2; 32])],
            stranger: Payer::new([3; 32]),
            intents: Vec::new(),
            carts: BTreeMap::new(),
            payments: Vec::new(),
            checked: Cell::default(),
        };
        let runtime = Arc::clone(&machine.runtime);
        runtime.block_on(machine.open());
        machine
    }

    fn apply(mut machine: Self, world: &World, step: Step) -> Self {
        machine.home.clock.show(clock(world.now));
        let runtime = Arc::clone(&machine.runtime);
        let answers = runtime.block_on(machine.step(world, &step));
        assert_eq!(answers, world.answers, "the answers to {step:?} at {:?}", world.now);
        machine
    }

    fn check_invariants(machine: &Self, world: &<World as ReferenceStateMachine>::State) {
        machine.runtime.block_on(machine.check(world));
    }
}
