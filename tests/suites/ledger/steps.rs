//! What may happen to a wallet, and how often.

use std::collections::BTreeSet;

use mandate_tests::parties::{AGENTS, WARES};
use mandate_tests::tally::{Cap, PARIS, Price, SANTIAGO, TABLES_END, Zone};
use mandate_tests::{LUX, RIVAL};
use proptest::prelude::*;
use proptest::sample::select;
use proptest_state_machine::ReferenceStateMachine;

use crate::model::{Scope, World};

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Step {
    /// An agent mints an intent, has it quoted and pays; a freeze may come before the signature, and end after it.
    Buy {
        agent: &'static str,
        ware: usize,
        price: Price,
        price_max: Option<Price>,
        stopped: bool,
    },
    /// Another cart for an intent that was minted before.
    BuyWith {
        intent: usize,
        price: Price,
    },
    /// The same cart again, perhaps by somebody else.
    PayAgain {
        cart: usize,
        agent: &'static str,
    },
    /// A receipt, perhaps for the second time, perhaps against an earlier one.
    HandIn {
        payment: usize,
        executed: bool,
    },
    Freeze(Scope),
    Thaw(Scope),
    /// Other caps come into force.
    Reload(Vec<Cap>),
    /// The ledger is closed and opened again.
    Restart,
    /// Time passes.
    Pass(u64),
    /// Somebody sets the wall clock; no time passes.
    Set(u64),
    /// The machine starts again, with its wall clock at this second.
    Reboot(u64),
    /// The principal says that the clock is right.
    Confirm,
}

/// Quiet hours, and moments next to a boundary.
const STARTS: [(Zone, u64); 6] = [
    (PARIS, 1_795_514_400),    // 2026-11-24T10:00:00Z
    (PARIS, 1_774_738_740),    // 2026-03-28T22:59:00Z, a minute before the short day of 23 hours
    (PARIS, 1_792_879_190),    // 2026-10-24T21:59:50Z, ten seconds before the long day of 25 hours
    (PARIS, 1_796_079_500),    // 2026-11-30T22:58:20Z, at the end of the month
    (SANTIAGO, 1_788_667_140), // 2026-09-06T03:59:00Z, a minute before a day without a midnight
    (SANTIAGO, 1_775_354_340), // 2026-04-05T01:59:00Z, an hour before the hour that comes twice
];

const CURRENCIES: [&str; 2] = ["EUR", "JPY"];

const ABOUT: [[Option<&str>; 3]; 6] = [
    [None, None, None],
    [Some("travel"), None, None],
    [None, Some(LUX), None],
    [None, Some(LUX), Some("book_room")],
    [None, None, Some("book_flight")],
    [Some("errands"), Some(RIVAL), None],
];

const PERIODS: [&str; 10] =
    ["payment", "day", "week", "month", "lifetime", "1m", "90m", "24h", "25h", "7d"];

fn price() -> impl Strategy<Value = Price> {
    (prop_oneof![6 => Just(CURRENCIES[0]), 1 => Just(CURRENCIES[1])], 1_u64..=40)
}

fn agent() -> impl Strategy<Value = &'static str> {
    select(AGENTS.map(|(name, _)| name).to_vec())
}

fn cap() -> impl Strategy<Value = Cap> {
    let currency = prop_oneof![3 => Just(CURRENCIES[0]), 1 => Just(CURRENCIES[1])];
    let spend = prop::option::weighted(0.8, (currency, 0_u64..160));
    let (count, about) = (prop::option::weighted(0.4, 1_u64..6), select(&ABOUT));
    (select(&PERIODS), spend, count, about).prop_map(|(per, spend, count, about)| {
        let (spend, count) = match (per, spend, count) {
            ("payment", spend, _) => (spend.or(Some(("EUR", 30))), None),
            (_, None, None) => (None, Some(3)),
            (_, spend, count) => (spend, count),
        };
        Cap { per, spend, count, about }
    })
}

/// A cap that lets some payments through, and up to three more.
fn caps() -> impl Strategy<Value = Vec<Cap>> {
    let wide = (select(vec!["day", "month", "lifetime", "24h"]), 60_u64..400)
        .prop_map(|(per, most)| Cap::spend(per, ("EUR", most)));
    (wide, prop::collection::vec(cap(), 0..4)).prop_map(|(wide, mut caps)| {
        caps.push(wide);
        caps
    })
}

/// The caps in force, with one of them changed, dropped or moved, or with another one.
fn edited(caps: Vec<Cap>) -> BoxedStrategy<Vec<Cap>> {
    let dropped = (Just(caps.clone()), any::<prop::sample::Index>()).prop_map(|(mut caps, at)| {
        if !caps.is_empty() {
            caps.remove(at.index(caps.len()));
        }
        caps
    });
    let changed = (Just(caps.clone()), any::<prop::sample::Index>(), 0_u64..200, select(&PERIODS));
    let changed = changed.prop_map(|(mut caps, at, most, per)| {
        if !caps.is_empty() {
            let at = at.index(caps.len());
            let cap = &mut caps[at];
            match most % 3 {
                0 if cap.count.is_none() => cap.per = per,
                1 if cap.count.is_some() => cap.count = Some(1 + most % 5),
                _ => cap.spend = cap.spend.map(|(currency, _)| (currency, most)),
            }
        }
        caps
    });
    let added = (Just(caps.clone()), cap()).prop_map(|(mut caps, cap)| {
        caps.insert(0, cap);
        caps
    });
    let moved = Just(caps).prop_shuffle();
    prop_oneof![dropped, changed, added, moved, self::caps()].boxed()
}

fn buy() -> impl Strategy<Value = Step> {
    // What the agent is ready to pay is just enough, one too little, or of another currency.
    let price_max = |(currency, amount): Price| {
        let near = select(vec![None, None, None, Some(amount), Some(amount + 1), Some(amount - 1)]);
        let near = near.prop_map(move |max| max.map(|max| (currency, max.max(1))));
        prop_oneof![12 => near, 1 => price().prop_map(Some)]
    };
    let priced = price().prop_flat_map(move |price| (Just(price), price_max(price)));
    (agent(), 0..WARES.len(), priced, prop::bool::weighted(0.1)).prop_map(
        |(agent, ware, (price, price_max), stopped)| Step::Buy {
            agent,
            ware,
            price,
            price_max,
            stopped,
        },
    )
}

/// A later cart for an intent, or a cart again: mostly of the last ones, which may still be paid.
fn repeats(world: &World) -> Vec<(u32, BoxedStrategy<Step>)> {
    let recent = |length: usize| prop_oneof![3 => length.saturating_sub(3)..length, 1 => 0..length];
    let mut steps = Vec::new();
    if !world.intents.is_empty() {
        let other = (recent(world.intents.len()), price());
        steps.push((2, other.prop_map(|(intent, price)| Step::BuyWith { intent, price }).boxed()));
    }
    if !world.carts.is_empty() {
        let owners: Vec<_> =
            world.carts.iter().map(|cart| world.intents[cart.intent].agent).collect();
        let again = recent(owners.len()).prop_flat_map(move |cart| {
            let by = prop_oneof![6 => Just(owners[cart]), 1 => agent()];
            by.prop_map(move |agent| Step::PayAgain { cart, agent })
        });
        steps.push((5, again.boxed()));
    }
    steps
}

/// A merchant's answer: mostly the first one to a payment.
fn answers(world: &World) -> Vec<(u32, BoxedStrategy<Step>)> {
    let signed = (0..world.payments.len()).filter(|at| !world.payments[*at].withheld);
    let (open, answered): (Vec<_>, Vec<_>) = signed.partition(|at| world.payments[*at].is_open());
    let hand_in = |payments: Vec<usize>| {
        (select(payments), any::<bool>())
            .prop_map(|(payment, executed)| Step::HandIn { payment, executed })
            .boxed()
    };
    let kinds = [(5, open), (2, answered)].into_iter().filter(|(_, some)| !some.is_empty());
    kinds.map(|(weight, payments)| (weight, hand_in(payments))).collect()
}

/// Seconds to wait for: plain ones, and those around every boundary that matters in this world.
fn waits(world: &World) -> Vec<u64> {
    let now = world.now.wall;
    let mut moments = BTreeSet::from([now - now % 60 + 60, now - now % 3_600 + 3_600]);
    moments.extend(world.zone.shifts.iter().map(|(at, _)| *at).find(|at| *at > now));
    for cap in &world.caps {
        moments.extend(cap.until(&world.zone, now));
        let Some(length_s) = cap.length_s() else { continue };
        for payment in world.payments.iter().rev().take(4) {
            // The last second of its minute, and the first one after it, as seen from the end of the window.
            let at = payment.charge.at;
            moments.extend([at + length_s, at - at % 60 + length_s + 60]);
        }
    }
    moments.extend(world.payments.last().map(|payment| payment.exp + 1));
    moments.extend(world.carts.last().map(|cart| cart.exp));
    let around =
        moments.iter().flat_map(|at| [at.saturating_sub(now), (at - 1).saturating_sub(now)]);
    let plain = [1, 31, 59, 60, 61, 91, 600, 3_599, 3_600, 86_399, 86_400, 7 * 86_400];
    around.filter(|wait_s| *wait_s > 0).chain(plain).collect()
}

/// Where somebody may set the wall clock: about where it is believed, and far from there.
fn settings(world: &World) -> Vec<u64> {
    let now = world.now.wall;
    let mut settings =
        vec![now - 86_400, now - 3_600, now - 6, now - 5, now + 6, now + 40 * 86_400];
    if let Some(mark) = world.mark {
        let passed = world.now.elapsed.saturating_sub(mark.elapsed);
        let right = mark.wall + passed;
        let drift = passed.div_ceil(1_000);
        settings.extend([
            right,
            right + drift + 5,
            right + drift + 6,
            mark.wall - 5,
            mark.wall - 6,
        ]);
    }
    settings
}

fn scope() -> impl Strategy<Value = Scope> {
    let agents = AGENTS.map(|(name, _)| Scope::Agent(name));
    let all = [Scope::Wallet, Scope::Merchant(LUX), Scope::Merchant(RIVAL)];
    select(agents.into_iter().chain(all).collect::<Vec<_>>())
}

impl ReferenceStateMachine for World {
    type State = Self;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Self> {
        let start = select(&STARTS);
        (start, caps()).prop_map(|((zone, wall), caps)| Self::new(zone, wall, caps)).boxed()
    }

    fn transitions(world: &Self) -> BoxedStrategy<Step> {
        let mut steps = vec![
            (12, buy().boxed()),
            (6, select(waits(world)).prop_map(Step::Pass).boxed()),
            (1, select(settings(world)).prop_map(Step::Set).boxed()),
            (1, select(settings(world)).prop_map(Step::Reboot).boxed()),
            (2, edited(world.caps.clone()).prop_map(Step::Reload).boxed()),
            (4, Just(Step::Restart).boxed()),
            (1, scope().prop_map(Step::Freeze).boxed()),
            // A world that refuses everything soon comes to its senses, or there would be little to see.
            (if world.bent() { 20 } else { 1 }, Just(Step::Confirm).boxed()),
        ];
        if !world.frozen.is_empty() {
            let frozen: Vec<_> = world.frozen.iter().copied().collect();
            steps.push((5, select(frozen).prop_map(Step::Thaw).boxed()));
        }
        steps.extend(repeats(world));
        steps.extend(answers(world));
        prop::strategy::Union::new_weighted(steps).boxed()
    }

    fn apply(mut world: Self, step: &Step) -> Self {
        world.answers.clear();
        match step.clone() {
            Step::Buy { agent, ware, price, price_max, stopped } => {
                world.mint_intent(agent, ware, price_max);
                if world.answers == [Ok(())] {
                    let cart = world.quote(world.intents.len() - 1, price);
                    world.pay(agent, cart, stopped);
                }
            }
            Step::BuyWith { intent, price } => {
                let cart = world.quote(intent, price);
                world.pay(world.intents[intent].agent, cart, false);
            }
            Step::PayAgain { cart, agent } => world.pay(agent, cart, false),
            Step::HandIn { payment, executed } => world.hand_in(payment, executed),
            Step::Freeze(scope) => {
                world.frozen.insert(scope);
                world.wrote();
            }
            Step::Thaw(scope) => {
                world.frozen.remove(&scope);
                world.wrote();
            }
            Step::Reload(caps) => {
                world.reloaded = Some(caps.clone());
                world.caps = caps;
                world.wrote();
            }
            Step::Restart => {}
            Step::Pass(seconds) => {
                world.now.wall += seconds;
                world.now.elapsed += seconds;
            }
            Step::Set(wall) => world.now.wall = wall,
            Step::Reboot(wall) => {
                world.now.wall = wall;
                world.now.boot += 1;
                world.now.elapsed = 10;
            }
            Step::Confirm => world.mark = Some(world.now),
        }
        world
    }

    fn preconditions(world: &Self, step: &Step) -> bool {
        let wall = match step {
            Step::BuyWith { intent, .. } => return *intent < world.intents.len(),
            Step::PayAgain { cart, .. } => return *cart < world.carts.len(),
            Step::HandIn { payment, .. } => {
                return world.payments.get(*payment).is_some_and(|payment| !payment.withheld);
            }
            // A file that says what the last one said may go unmentioned in the journal.
            Step::Reload(caps) => return world.reloaded.as_ref() != Some(caps),
            Step::Pass(seconds) => world.now.wall + seconds,
            Step::Set(wall) | Step::Reboot(wall) => *wall,
            _ => return true,
        };
        (STARTS[1].1 - 90 * 86_400..TABLES_END - 90 * 86_400).contains(&wall)
    }
}
