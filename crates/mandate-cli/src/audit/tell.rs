//! A story in words.

use mandate::token::{CartClaims, Kind, LineItem, VerifyError};
use mandate::{AgentName, Head, Money};
use mandate_ledger::Event;
use mandate_ledger::event;

use super::fact::{Fact, intent_claims, payment_claims};
use super::story::{Seen, Story};
use crate::failure::Failure;
use crate::record::Record;
use crate::time::local;
use crate::ui::{Table, Ui, counted};

/// Labels and values of one entry.
type Rows = Vec<(&'static str, String)>;

/// Tells everything, entry by entry.
pub(crate) fn story(story: &Story, ui: &mut Ui<'_>) -> Result<(), Failure> {
    entry(story, &story.intent, ui)?;
    story.after.iter().try_for_each(|record| {
        ui.line("")?;
        entry(story, record, ui)
    })
}

/// Tells of an entry that is a part of no purchase.
pub(crate) fn alone(record: &Record, ui: &mut Ui<'_>) -> Result<(), Failure> {
    title(record, ui)?;
    let Fact { agent, merchant, action, total, words } = Fact::of(record);
    let rows = [
        ("  agent", agent),
        ("  merchant", merchant),
        ("  action", action),
        ("  total", total.map(|total| total.to_string())),
        ("  what", Some(words)),
        ("  stored as", Some(record.body().get().to_owned())),
    ];
    let rows = rows.into_iter().filter_map(|(label, value)| Some((label, value?)));
    ui.table(&Table::pairs(rows))
}

fn title(record: &Record, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let (kind, seq) = (record.kind(), record.seq());
    ui.line(format_args!("{kind} (entry {seq}, {})", local(record.time())))
}

fn entry(story: &Story, record: &Record, ui: &mut Ui<'_>) -> Result<(), Failure> {
    title(record, ui)?;
    let rows = match record.event() {
        Some(Event::Intent(intent)) => of_intent(intent),
        Some(Event::Payment(payment)) => of_payment(story, payment),
        Some(Event::Receipt(receipt)) => of_receipt(story, receipt),
        Some(Event::Denial(denial)) => of_denial(denial, record),
        _ => vec![("  what", Fact::of(record).words)],
    };
    ui.table(&Table::pairs(rows))
}

fn of_intent(intent: &event::Intent) -> Rows {
    let event::Intent { agent, uid, purpose, idempotency_key, policy, .. } = intent;
    let mut rows = vec![("  asked by", format!("agent {agent}, uid {uid}"))];
    if let Some(claims) = intent_claims(intent) {
        let action = &claims.action;
        rows.push(("  jti", claims.jti.to_string()));
        rows.push(("  merchant", claims.aud.to_string()));
        rows.push(("  action", format!("{} x {}", action.quantity, action.sku)));
        let limit = claims.limit.map(|limit| Money { currency: limit.currency, amount: limit.max });
        rows.extend(limit.map(|limit| ("  at most", limit.to_string())));
        rows.extend(action.request.map(|request| ("  request", request.to_string())));
        rows.push(("  until", local(claims.exp)));
    }
    rows.extend(purpose.as_ref().map(|purpose| ("  purpose", format!("\"{purpose}\""))));
    let key = idempotency_key.as_ref();
    rows.extend(key.map(|key| ("  idempotency key", key.as_str().to_owned())));
    rows.push(("  wallet.toml", policy.to_string()));
    rows
}

fn of_payment(story: &Story, payment: &event::Payment) -> Rows {
    let event::Payment { agent, uid, caps, policy, .. } = payment;
    let mut rows = vec![("  asked by", format!("agent {agent}, uid {uid}"))];
    if let Some(claims) = payment_claims(payment) {
        rows.push(("  jti", claims.jti.to_string()));
        rows.push(("  merchant", claims.aud.to_string()));
        rows.push(("  action", format!("{} x {}", claims.action.quantity, claims.action.sku)));
        rows.push(("  request", claims.action.request.to_string()));
        rows.push(("  total", claims.total.to_string()));
        rows.extend(story.cart(payment).iter().flat_map(|cart| lines(&cart.claims)));
        rows.push(("  until", local(claims.exp)));
        rows.push(("  H(intent)", claims.intent.to_string()));
        rows.push(("  H(cart)", claims.cart.to_string()));
    }
    match story.cart(payment) {
        Some(cart) => {
            rows.push(("  cart jti", cart.claims.jti.to_string()));
            rows.push(("  cart issued", local(cart.claims.iat)));
            rows.push(("  cart until", local(cart.claims.exp)));
            rows.push(("  cart signature", signature(story, &cart)));
            rows.push((
                "  wallet's log",
                head(cart.claims.peer_log, "the cart repeats the intent's"),
            ));
            rows.extend(merchants_log(&cart.verified));
        }
        None => rows.push(("  cart", "does not read; run `mandate audit verify`".to_owned())),
    }
    for seen in caps {
        let spent = seen.spent.map(|spent| format!("{spent} spent, ")).unwrap_or_default();
        let payments = counted(seen.count, "payment", "payments");
        let line = format!("{}: {spent}{payments} before", seen.cap);
        rows.push(("  counted by", line));
    }
    rows.push(("  wallet.toml", policy.to_string()));
    rows
}

fn of_receipt(story: &Story, receipt: &event::Receipt) -> Rows {
    let mut rows = vec![("  handed in by", caller(receipt.agent.as_ref(), receipt.uid))];
    let Some(seen) = story.receipt(receipt) else {
        rows.push(("  receipt", "does not read; run `mandate audit verify`".to_owned()));
        return rows;
    };
    let claims = &seen.claims;
    rows.push(("  jti", claims.jti.to_string()));
    rows.push(("  answers", format!("entry {}", receipt.of_seq)));
    rows.push(("  status", Fact::effect(receipt.effect, claims.status)));
    rows.extend(claims.total.map(|total| ("  cost", total.to_string())));
    rows.extend(claims.order.as_ref().map(|order| ("  order", order.to_string())));
    rows.extend(claims.reason.as_ref().map(|reason| ("  reason", format!("\"{reason}\""))));
    rows.push(("  issued", local(claims.iat)));
    rows.push(("  signature", signature(story, &seen)));
    rows.push(("  H(receipt)", receipt.hash.to_string()));
    let repeats = if claims.payment.is_some() { "the payment's" } else { "the intent's" };
    rows.push(("  wallet's log", head(claims.peer_log, &format!("the receipt repeats {repeats}"))));
    rows.extend(merchants_log(&seen.verified));
    rows
}

fn of_denial(denial: &event::Denial, record: &Record) -> Rows {
    vec![
        ("  asked by", caller(denial.agent.as_ref(), denial.uid)),
        ("  what", Fact::of(record).words),
    ]
}

fn caller(agent: Option<&AgentName>, uid: u32) -> String {
    match agent {
        Some(agent) => format!("agent {agent}, uid {uid}"),
        None => format!("uid {uid}"),
    }
}

/// What the price is made of.
fn lines(cart: &CartClaims) -> Rows {
    let line = |item: &LineItem| {
        let amount = Money { currency: cart.total.currency, amount: item.amount };
        ("  for", format!("{} x {}, {amount}", item.quantity, item.title))
    };
    cart.line_items.iter().map(line).collect()
}

fn signature<K: Kind>(story: &Story, seen: &Seen<K>) -> String {
    let Seen { kid, verified, .. } = seen;
    match verified {
        Ok(_) => format!("verifies under the merchant's key {kid}"),
        Err(VerifyError::KeyUnknown { .. }) if !story.has_keys() => {
            format!("by the key {kid}; it was checked when the receipt came in")
        }
        Err(VerifyError::KeyUnknown { .. }) => {
            format!("by the key {kid}, which was not yet listed when the payment was minted")
        }
        Err(error) => format!("by the key {kid}: {error}"),
    }
}

fn entries(head: Head) -> String {
    counted(head.size, "entry", "entries")
}

fn head(head: Head, whence: &str) -> String {
    format!("{}, root {} ({whence})", entries(head), head.root)
}

fn merchants_log(verified: &Result<Head, VerifyError>) -> Option<(&'static str, String)> {
    let head = verified.as_ref().ok()?;
    Some(("  merchant's log", format!("{}, root {}", entries(*head), head.root)))
}
