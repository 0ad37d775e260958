//! How steps are drawn: mostly what fits the world as it is, and now and then something that does not.

use std::collections::BTreeSet;

use mandate_tests::gateway::{Deed, QuoteReaction, Reaction, Wire};
use proptest::prelude::*;
use proptest::sample::select;

use super::{Asked, CapSpec, PRESENTATIONS_MAX, Paid, Step, is_payable};
use crate::model::{AGENTS, Forgery, How, PAYERS, Slip, State, World};
use crate::wares::{CALLS, Price, WARES};

fn forgery() -> impl Strategy<Value = Option<Forgery>> {
    use Forgery::{Audience, ForeignKey, MerchantKey, Stranger};
    let one = select(vec![Audience, Audience, ForeignKey, MerchantKey, Stranger]);
    prop::option::weighted(0.06, one)
}

fn ahead() -> impl Strategy<Value = i64> {
    prop_oneof![20 => Just(0), 1 => select(vec![-20_i64, 29, 30, 31])]
}

fn life() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(60_u64), 2 => select(vec![1_u64, 30, 300])]
}

fn wire() -> impl Strategy<Value = Wire> {
    let odd = select(vec![Wire::Cut, Wire::Lost, Wire::Silent, Wire::Unreached]);
    prop_oneof![4 => Just(Wire::Whole), 1 => odd]
}

fn deed() -> impl Strategy<Value = Deed> {
    let orders = vec![None, Some("A-17".to_owned()), Some("é".to_owned()), Some("x".repeat(81))];
    let executes = (select(vec![200, 201, 204]), select(orders));
    let executes = executes.prop_map(|(status, order)| Deed::Execute { status, order });
    let refuses = select(vec![
        301_u16, 302, 307, 400, 401, 403, 404, 405, 408, 409, 410, 413, 415, 418, 422, 425, 429,
        500, 502, 503, 504,
    ]);
    prop_oneof![3 => executes, 2 => refuses.prop_map(|status| Deed::Refuse { status })]
}

fn reaction() -> impl Strategy<Value = Reaction> {
    (deed(), wire()).prop_map(|(deed, wire)| Reaction { deed, wire })
}

fn quote() -> impl Strategy<Value = QuoteReaction> {
    let currency = prop_oneof![6 => Just("EUR"), 1 => Just("JPY")];
    let amounts = prop::collection::vec(1_u64..4_000, 1..3);
    let priced = (currency, amounts)
        .prop_map(|(currency, amounts)| QuoteReaction::Price { currency, amounts });
    let body = |status, body: &str| QuoteReaction::Body { status, body: body.to_owned() };
    let odd = select(vec![
        QuoteReaction::price("EUR", 0),
        QuoteReaction::Lost,
        QuoteReaction::Silent,
        body(200, "18.00"),
        body(503, ""),
        body(201, r#"{"currency":"EUR","line_items":[{"title":"a","quantity":1,"amount":1}]}"#),
    ]);
    prop_oneof![10 => priced, 1 => odd]
}

/// The two calls of a ware.
fn call_of(ware: usize) -> impl Strategy<Value = usize> {
    prop_oneof![Just(2 * ware), Just(2 * ware + 1)]
}

/// Mostly this call, else any.
fn about(call: usize) -> impl Strategy<Value = usize> {
    prop_oneof![10 => Just(call), 1 => Just(call ^ 1), 1 => 0..CALLS.len()]
        .prop_map(|call| call.min(CALLS.len() - 1))
}

/// An intent of a ware that is free or not, a call that it may be sent with, and a price.
fn ask(free: bool) -> impl Strategy<Value = (Asked, usize, QuoteReaction)> {
    let wares: Vec<_> =
        (0..WARES.len()).filter(|ware| (WARES[*ware].price == Price::Free) == free).collect();
    let ware = select(wares).prop_flat_map(|ware| (Just(ware), call_of(ware)));
    let quantity = prop_oneof![3 => Just(1_u32), 1 => 2_u32..4];
    (ware, quote(), quantity).prop_flat_map(|((ware, call), quote, quantity)| {
        let price = match (&WARES[ware].price, &quote) {
            (Price::Each(currency, unit), _) => (*currency, unit * u64::from(quantity)),
            (Price::Quoted, QuoteReaction::Price { currency, amounts }) => {
                (*currency, amounts.iter().sum())
            }
            _ => ("EUR", 1_000),
        };
        let near = vec![price.1, price.1 + 1, price.1.saturating_sub(1)];
        let limit = prop_oneof![5 => select(near).prop_map(move |max| (price.0, max)), 1 => Just(("BHD", 9_000))];
        let limit = prop::option::weighted(0.3, limit);
        let needed = if WARES[ware].request_required { 0.95 } else { 0.4 };
        let bound = prop::option::weighted(needed, prop_oneof![12 => Just(call), 1 => Just(call ^ 1)]);
        let who = (0..PAYERS, 0..AGENTS.len());
        (Just((ware, call, quantity, quote)), who, limit, bound, ahead(), life(), forgery())
    })
    .prop_map(|((ware, call, quantity, quote), (payer, agent), limit, bound, ahead_s, life_s, forgery)| {
        (Asked { payer, agent, ware, quantity, bound, limit, ahead_s, life_s, forgery }, call, quote)
    })
}

fn cap() -> impl Strategy<Value = CapSpec> {
    let slack = || prop::option::weighted(0.6, select(vec![-1_i64, 0, 0, 1, 2_000, 9_000]));
    let count = prop::option::weighted(0.4, select(vec![-1_i64, 0, 0, 1, 3]));
    let back = select(vec![0_u64, 1, 59, 60, 61, 119, 120, 3_600, 86_399, 86_400, 172_801]);
    let until = prop::option::weighted(0.3, select(vec![0_u64, 1, 60, 90_000]));
    let selector = || prop::option::weighted(0.3, prop::bool::weighted(0.7));
    (slack(), count, back, until, selector(), selector()).prop_map(
        |(max, count, back_s, until_s, action, agent)| CapSpec {
            // A cap says at least one of the two.
            max: max.or(if count.is_none() { Some(0) } else { None }),
            count,
            back_s,
            until_s,
            action,
            agent,
        },
    )
}

fn paid() -> impl Strategy<Value = Paid> {
    let slips = prop_oneof![
        select(vec![
            Slip::Agent,
            Slip::Cart,
            Slip::Currency,
            Slip::Intent,
            Slip::Issuer,
            Slip::PeerLog,
            Slip::Quantity,
            Slip::Total { more: true },
            Slip::Total { more: false },
        ]),
        (0..CALLS.len()).prop_map(Slip::Request),
        (0..WARES.len()).prop_map(Slip::Sku),
    ];
    let slip = prop::option::weighted(0.12, slips);
    let caps = prop_oneof![2 => Just(Vec::new()), 3 => prop::collection::vec(cap(), 1..3)];
    (ahead(), life(), prop::bool::weighted(0.03), caps, forgery(), slip).prop_map(
        |(ahead_s, life_s, past_cart, caps, forgery, slip)| {
            let slip = slip.filter(|_| forgery.is_none() && !past_cart);
            Paid { ahead_s, life_s, past_cart, caps, forgery, slip }
        },
    )
}

pub(super) fn buy() -> impl Strategy<Value = Step> {
    (ask(false), paid(), reaction()).prop_map(|((asked, call, quote), paid, reaction)| Step::Buy {
        asked,
        call,
        quote,
        paid,
        reaction,
    })
}

pub(super) fn ask_any() -> impl Strategy<Value = Step> {
    let asked = prop_oneof![ask(true), ask(false)];
    (asked, reaction())
        .prop_flat_map(|((asked, call, quote), reaction)| {
            (Just(asked), about(call), Just(quote), Just(reaction))
        })
        .prop_map(|(asked, call, quote, reaction)| Step::Ask { asked, call, quote, reaction })
}

/// Mostly one of the last ones.
fn recent(length: usize) -> impl Strategy<Value = usize> {
    prop_oneof![3 => length.saturating_sub(3)..length, 1 => 0..length]
}

pub(super) fn ask_again(world: &World) -> Option<BoxedStrategy<Step>> {
    if world.intents.is_empty() {
        return None;
    }
    // A cart says for which call the intent is good; without one, its ware does.
    let calls: Vec<_> = (0..world.intents.len())
        .map(|intent| {
            let cart = world.carts.iter().rev().find(|cart| cart.intent == intent);
            cart.map_or(2 * world.intents[intent].ware, |cart| cart.call)
        })
        .collect();
    let quoted: Vec<_> = world.carts.iter().rev().take(3).map(|cart| cart.intent).collect();
    let any = recent(calls.len()).boxed();
    let intent = if quoted.is_empty() { any } else { prop_oneof![any, select(quoted)].boxed() };
    let sent = intent.prop_flat_map(move |intent| (Just(intent), about(calls[intent])));
    let again = (sent, quote(), reaction()).prop_map(|((intent, call), quote, reaction)| {
        Step::AskAgain { intent, call, quote, reaction }
    });
    Some(again.boxed())
}

pub(super) fn pay(world: &World) -> Option<BoxedStrategy<Step>> {
    let seen: Vec<_> =
        (0..world.carts.len()).filter(|cart| is_payable(world, *cart)).rev().take(3).collect();
    if seen.is_empty() {
        return None;
    }
    Some((select(seen), paid()).prop_map(|(cart, paid)| Step::Pay { cart, paid }).boxed())
}

pub(super) fn present(world: &World) -> Option<BoxedStrategy<Step>> {
    if world.payments.is_empty() {
        return None;
    }
    let calls: Vec<_> =
        world.payments.iter().map(|payment| world.carts[payment.cart].call).collect();
    let sent =
        recent(calls.len()).prop_flat_map(move |payment| (Just(payment), about(calls[payment])));
    let once = reaction().prop_map(|reaction| vec![reaction]);
    let heard = |reaction: &Reaction| reaction.wire != Wire::Silent;
    let many =
        prop::collection::vec(reaction().prop_filter("an answer", heard), 2..=PRESENTATIONS_MAX);
    let reactions = prop_oneof![3 => once, 1 => many];
    let present = (sent, reactions).prop_map(|((payment, call), reactions)| Step::Present {
        payment,
        call,
        reactions,
    });
    Some(present.boxed())
}

/// Mostly of a payment whose intent nobody used.
pub(super) fn ask_void(world: &World) -> Option<BoxedStrategy<Step>> {
    if world.payments.is_empty() {
        return None;
    }
    let intent_of = |payment: usize| world.carts[world.payments[payment].cart].intent;
    let unused: Vec<_> = (0..world.payments.len())
        .filter(|payment| world.use_of_intent(intent_of(*payment)).is_none())
        .collect();
    let any = recent(world.payments.len()).boxed();
    let payment =
        if unused.is_empty() { any } else { prop_oneof![1 => any, 3 => select(unused)].boxed() };
    let step = (payment, prop::bool::weighted(0.95))
        .prop_map(|(payment, named)| Step::AskVoid { payment, named });
    Some(step.boxed())
}

/// The operator's word: mostly about what nobody knows, and never that what was executed was not.
pub(super) fn resolve(world: &World) -> Option<BoxedStrategy<Step>> {
    let reserved: Vec<_> =
        (0..world.uses.len()).filter(|used| world.uses[*used].state == State::Reserved).collect();
    let all: Vec<_> = (0..world.uses.len()).collect();
    let among = if reserved.is_empty() { all } else { reserved };
    if among.is_empty() {
        return None;
    }
    let done: Vec<_> = world.uses.iter().map(|used| used.done.is_some()).collect();
    let step = (select(among), any::<bool>())
        .prop_map(move |(used, executed)| Step::Resolve { used, executed: executed || done[used] });
    Some(step.boxed())
}

/// Seconds to wait for: plain ones, and mostly those around the end of what is there.
pub(super) fn waits(world: &World) -> BoxedStrategy<u64> {
    let now = world.now.wall;
    let intents = world.intents.iter().rev().take(2).map(|intent| intent.exp);
    let payments = world.payments.iter().rev().take(3).map(|payment| payment.exp);
    let mut ends: BTreeSet<_> = intents.chain(payments).map(|exp| exp + 30).collect();
    ends.extend(world.carts.iter().rev().take(2).map(|cart| cart.exp));
    let around = ends.iter().flat_map(|at| [at.saturating_sub(now), (at + 1).saturating_sub(now)]);
    let around: Vec<_> = around.filter(|wait_s| *wait_s > 0).collect();
    let plain = select(vec![1, 5, 6, 30, 31, 60, 61, 91, 3_600, 86_400]);
    if around.is_empty() {
        plain.boxed()
    } else {
        prop_oneof![1 => plain, 2 => select(around)].boxed()
    }
}

/// Where somebody may set the wall clock: about where it is believed, and far from there.
pub(super) fn settings(world: &World) -> Vec<u64> {
    let now = world.now.wall;
    let passed = world.now.elapsed.saturating_sub(world.mark.elapsed);
    let right = world.mark.wall + passed;
    let latest = right + passed.div_ceil(1_000) + 5;
    let earliest = world.mark.wall - 5;
    vec![
        now - 86_400,
        now - 6,
        now - 5,
        now + 6,
        now + 40 * 86_400,
        right,
        latest,
        latest + 1,
        earliest,
        earliest - 1,
    ]
}

/// A commit that breaks in the middle of another step.
pub(super) fn broken(world: &World) -> BoxedStrategy<Step> {
    let mut steps =
        vec![(3, buy().boxed()), (2, ask_any().boxed()), (1, Just(Step::Confirm).boxed())];
    let one = |step: BoxedStrategy<Step>| {
        let is_single =
            |step: &Step| !matches!(step, Step::Present { reactions, .. } if reactions.len() > 1);
        step.prop_filter("one call", is_single).boxed()
    };
    steps.extend(ask_again(world).map(|step| (2, step)));
    steps.extend(present(world).map(|step| (6, one(step))));
    steps.extend(ask_void(world).map(|step| (2, step)));
    steps.extend(resolve(world).map(|step| (2, step)));
    let after = prop_oneof![3 => 0_u32..2, 1 => 2_u32..6];
    let how = select(vec![How::Full, How::NotApplied, How::YetApplied]);
    (after, how, prop::strategy::Union::new_weighted(steps))
        .prop_map(|(after, how, step)| Step::Broken { after, how, step: Box::new(step) })
        .boxed()
}
