//! What may happen to a merchant, and how often.

mod draw;

use mandate_tests::gateway::{QuoteReaction, Reaction};
use mandate_tests::wallet::MORNING;
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use crate::model::{
    AGENTS, Amount, Cap, Cart, Forgery, How, Intent, Payment, Reading, Slip, State, World,
};
use crate::wares::WARES;

/// Refusals of one principal that are surely written down after a start; the rest depends on real time.
const REFUSALS_MAX: u32 = 16;
/// Most presentations at once.
const PRESENTATIONS_MAX: usize = 4;

/// An intent to mint.
#[derive(Debug, Clone)]
pub struct Asked {
    payer: usize,
    agent: usize,
    ware: usize,
    quantity: u32,
    bound: Option<usize>,
    limit: Option<Amount>,
    /// Seconds that the wallet's clock is ahead of the merchant's.
    ahead_s: i64,
    life_s: u64,
    forgery: Option<Forgery>,
}

/// A cap to write, by what it is about and how much more it allows than is spent and asked.
#[derive(Debug, Clone)]
pub struct CapSpec {
    max: Option<i64>,
    count: Option<i64>,
    back_s: u64,
    until_s: Option<u64>,
    /// The payment's own action, or another one.
    action: Option<bool>,
    agent: Option<bool>,
}

/// A payment to mint.
#[derive(Debug, Clone)]
pub struct Paid {
    ahead_s: i64,
    life_s: u64,
    /// It lives longer than its cart.
    past_cart: bool,
    caps: Vec<CapSpec>,
    forgery: Option<Forgery>,
    slip: Option<Slip>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// An agent has an intent minted and sends it with a call.
    Ask { asked: Asked, call: usize, quote: QuoteReaction, reaction: Reaction },
    /// The same intent again.
    AskAgain { intent: usize, call: usize, quote: QuoteReaction, reaction: Reaction },
    /// It has a cart paid.
    Pay { cart: usize, paid: Paid },
    /// It has an intent minted, the call quoted and the cart paid, and presents the payment.
    Buy { asked: Asked, call: usize, quote: QuoteReaction, paid: Paid, reaction: Reaction },
    /// A payment is presented as often as there are reactions, at once.
    Present { payment: usize, call: usize, reactions: Vec<Reaction> },
    /// An agent asks for the void of a payment, under its name or another one's.
    AskVoid { payment: usize, named: bool },
    /// The operator says what became of a use.
    Resolve { used: usize, executed: bool },
    /// A commit breaks in the middle of this step.
    Broken { after: u32, how: How, step: Box<Step> },
    /// The gateway is closed and started again.
    Restart,
    /// Time passes.
    Pass(u64),
    /// Somebody sets the wall clock; no time passes.
    Set(u64),
    /// The machine starts again, with its wall clock at this second.
    Reboot(u64),
    /// The operator says that the clock is right.
    Confirm,
}

/// Whether a wallet can sign a payment of it.
fn is_payable(world: &World, cart: usize) -> bool {
    world.carts.get(cart).is_some_and(|cart| cart.seen && cart.exp > world.now.wall + 31)
}

impl World {
    fn mint_intent(&mut self, asked: &Asked) -> usize {
        let iat = self.now.wall.saturating_add_signed(asked.ahead_s);
        self.intents.push(Intent {
            payer: asked.payer,
            agent: asked.agent,
            ware: asked.ware,
            quantity: asked.quantity,
            bound: asked.bound,
            limit: asked.limit,
            iat,
            exp: iat + asked.life_s,
            forgery: asked.forgery,
        });
        self.intents.len() - 1
    }

    fn mint_payment(&mut self, cart: usize, paid: &Paid) -> usize {
        let iat = self.now.wall.saturating_add_signed(paid.ahead_s);
        let Cart { intent, price, exp: cart_exp, .. } = self.carts[cart];
        let (payer, agent, ware) = {
            let Intent { payer, agent, ware, .. } = self.intents[intent];
            (payer, agent, ware)
        };
        let exp = if paid.past_cart { cart_exp + 1 } else { cart_exp.min(iat + paid.life_s) };
        let caps = paid.caps.iter().map(|spec| {
            let mut cap = Cap {
                currency: spec.max.map(|_| price.0),
                max: None,
                count: None,
                from: iat - spec.back_s,
                until: spec.until_s.map(|until_s| iat + until_s).filter(|_| spec.back_s > 0),
                action: spec.action.map(|own| WARES[if own { ware } else { 3 }].action),
                agent: spec.agent.map(|own| AGENTS[if own { agent } else { (agent + 1) % 2 }]),
            };
            let (sum, count) = self.spent(payer, &cap);
            cap.max = spec.max.map(|more| (sum + price.1).saturating_add_signed(more));
            cap.count = spec.count.map(|more| (count + 1).saturating_add_signed(more));
            cap
        });
        let caps = caps.collect();
        let (forgery, slip) = (paid.forgery, paid.slip.filter(|slip| self.differs(cart, *slip)));
        self.payments.push(Payment { cart, caps, iat, exp: exp.min(iat + 300), forgery, slip });
        self.payments.len() - 1
    }

    /// Whether a claim that is put in differs from the cart's.
    fn differs(&self, cart: usize, slip: Slip) -> bool {
        let Cart { intent, call, price, .. } = self.carts[cart];
        match slip {
            Slip::Request(other) => other != call,
            Slip::Sku(other) => other != self.intents[intent].ware,
            Slip::Total { more } => more || price.1 > 1,
            _ => true,
        }
    }

    /// Whether a step can be taken here, and all that it writes down surely is.
    fn allows(&self, step: &Step) -> bool {
        let busy = u32::try_from(PRESENTATIONS_MAX).expect("a few");
        let quiet = self.refusals.iter().all(|written| written + busy <= REFUSALS_MAX);
        match step {
            Step::Ask { .. } | Step::Buy { .. } => quiet,
            Step::AskAgain { intent, .. } => quiet && *intent < self.intents.len(),
            Step::Pay { cart, .. } => is_payable(self, *cart),
            Step::Present { payment, .. } | Step::AskVoid { payment, .. } => {
                quiet && *payment < self.payments.len()
            }
            Step::Resolve { used, executed } => self.uses.get(*used).is_some_and(|used| {
                *executed || used.done.is_none() || used.state != State::Reserved
            }),
            Step::Broken { step, .. } => self.allows(step),
            Step::Restart | Step::Pass(_) | Step::Set(_) | Step::Reboot(_) | Step::Confirm => true,
        }
    }

    fn act(&mut self, step: &Step) {
        match step {
            Step::Ask { asked, call, quote, reaction } => {
                self.reactions = [reaction.clone()].into();
                let intent = self.mint_intent(asked);
                self.send_intent(intent, *call, quote);
            }
            Step::AskAgain { intent, call, quote, reaction } => {
                self.reactions = [reaction.clone()].into();
                self.send_intent(*intent, *call, quote);
            }
            Step::Pay { cart, paid } => {
                self.mint_payment(*cart, paid);
            }
            Step::Buy { asked, call, quote, paid, reaction } => {
                self.reactions = [reaction.clone()].into();
                let intent = self.mint_intent(asked);
                self.send_intent(intent, *call, quote);
                if let Some(cart) = self.answers[0].cart {
                    let payment = self.mint_payment(cart, paid);
                    self.send_payment(payment, *call);
                }
            }
            Step::Present { payment, call, reactions } => {
                self.reactions = reactions.iter().cloned().collect();
                for _ in reactions {
                    self.send_payment(*payment, *call);
                }
            }
            Step::AskVoid { payment, named } => self.ask_void(*payment, *named),
            Step::Resolve { used, executed } => self.resolve(*used, *executed),
            Step::Broken { after, how, step } => {
                self.broken = Some((*after, *how));
                self.act(step);
                self.broken = None;
                if self.stopped {
                    self.restart();
                }
            }
            Step::Restart => self.restart(),
            Step::Confirm => self.confirm(),
            Step::Pass(seconds) => {
                self.now.wall += seconds;
                self.now.elapsed += seconds;
            }
            Step::Set(wall) => self.now.wall = *wall,
            Step::Reboot(wall) => {
                let boot = self.now.boot + 1;
                self.now = Reading { wall: *wall, boot, elapsed: 10 };
            }
        }
    }
}

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        // A quiet hour, and ten seconds before a day of caps ends.
        select(vec![MORNING, MORNING + 14 * 3_600 - 10]).prop_map(Self::new).boxed()
    }

    fn transitions(world: &Self) -> BoxedStrategy<Step> {
        let mut steps = vec![
            (8, draw::buy().boxed()),
            (5, draw::ask_any().boxed()),
            (5, draw::waits(world).prop_map(Step::Pass).boxed()),
            (1, select(draw::settings(world)).prop_map(Step::Set).boxed()),
            (1, select(draw::settings(world)).prop_map(Step::Reboot).boxed()),
            (2, Just(Step::Restart).boxed()),
            (5, draw::broken(world)),
            // A world that refuses everything soon comes to its senses, or there would be little to see.
            (if world.bent() { 8 } else { 1 }, Just(Step::Confirm).boxed()),
        ];
        steps.extend(draw::ask_again(world).map(|step| (4, step)));
        steps.extend(draw::pay(world).map(|step| (4, step)));
        steps.extend(draw::present(world).map(|step| (9, step)));
        steps.extend(draw::ask_void(world).map(|step| (4, step)));
        steps.extend(draw::resolve(world).map(|step| (2, step)));
        let steps = prop::strategy::Union::new_weighted(steps);
        let quiet = world.refusals.iter().all(|written| *written < REFUSALS_MAX - 4);
        if quiet { steps.boxed() } else { Just(Step::Restart).boxed() }
    }

    fn preconditions(world: &Self, step: &Step) -> bool {
        world.allows(step)
    }

    fn apply(mut world: Self, step: &Step) -> Self {
        world.answers.clear();
        world.reactions.clear();
        world.act(step);
        world
    }
}
