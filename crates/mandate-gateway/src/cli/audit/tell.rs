//! A story in words.

use mandate::token::{CartClaims, LineItem, ReceiptClaims};
use mandate::{Head, Money};
use mandate_terminal::failure::Failure;
use mandate_terminal::time::local;
use mandate_terminal::ui::{Table, Ui, counted};
use serde_json::value::RawValue;

use super::fact::{Fact, cart_claims, contradiction, decider, receipt_claims};
use super::story::{Part, Story};
use crate::book::event::{self, Event};
use crate::cli::record::{Presented, Record, Said};

/// Labels and values of one entry.
type Rows = Vec<(&'static str, String)>;

/// Stands for what an entry should hold and does not.
const UNREADABLE: &str = "does not read; run `mandate-gateway audit verify`";

/// Tells everything, entry by entry.
pub(crate) fn story(story: &Story, ui: &mut Ui<'_>) -> Result<(), Failure> {
    ui.line(format_args!("intent {}", story.intent))?;
    story.parts.iter().try_for_each(|part| {
        ui.line("")?;
        entry(part, ui)
    })
}

/// Tells of an entry that is a part of no purchase.
pub(crate) fn alone(record: &Record, ui: &mut Ui<'_>) -> Result<(), Failure> {
    title(record, ui)?;
    let Fact { principal, words, .. } = Fact::of(record);
    let rows = [
        ("  principal", principal),
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

fn entry(part: &Part, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Part { record, head } = part;
    title(record, ui)?;
    let rows = match record.event() {
        Some(Event::Cart(cart)) => of_cart(cart, *head),
        Some(Event::Use(used)) => of_use(used, *head),
        Some(Event::Receipt(receipt)) => {
            let mut rows = vec![
                ("  answers", format!("entry {}", receipt.of_seq)),
                ("  said by", decider(receipt.by)),
            ];
            rows.extend(of_receipt(&receipt.header, &receipt.claims, *head));
            rows
        }
        Some(Event::Bar(bar)) => of_bar(bar, *head),
        Some(Event::Refusal(refusal)) => of_refusal(refusal),
        Some(Event::Equivocation(found)) => of_equivocation(found),
        _ => vec![("  what", Fact::of(record).words)],
    };
    ui.table(&Table::pairs(rows))
}

fn of_cart(cart: &event::Cart, head: Head) -> Rows {
    let Some(claims) = cart_claims(cart) else { return unreadable("  cart") };
    let mut rows = vec![
        ("  principal", claims.aud.to_string()),
        ("  agent", claims.act.to_string()),
        ("  jti", claims.jti.to_string()),
        ("  action", format!("{} x {}", claims.action.quantity, claims.action.sku)),
        ("  request", claims.action.request.to_string()),
    ];
    rows.extend(lines(&claims));
    rows.push(("  total", claims.total.to_string()));
    rows.push(("  until", local(claims.exp)));
    rows.push(("  our log", head_in_words(head)));
    match Presented::read(&cart.intent) {
        Some(intent) => rows.extend(of_intent(&intent)),
        None => rows.extend(unreadable("  intent")),
    }
    rows
}

/// The intent that a cart answers.
fn of_intent(mandate: &Presented) -> Rows {
    let Said { jti, issued, until, .. } = mandate.said();
    let mut rows = vec![
        ("  intent jti", jti.to_string()),
        ("  intent issued", local(issued)),
        ("  intent until", local(until)),
    ];
    if let Presented::Intent(intent) = mandate {
        let limit = intent.claims().limit;
        let limit = limit.map(|limit| Money { currency: limit.currency, amount: limit.max });
        rows.extend(limit.map(|limit| ("  at most", limit.to_string())));
    }
    rows.push(("  signature", mandate.signature()));
    rows.push(("  wallet's log", head_in_words(mandate.head())));
    rows
}

fn of_use(used: &event::Use, head: Head) -> Rows {
    let Some(mandate) = Presented::read(&used.mandate) else { return unreadable("  mandate") };
    let mut rows = of_mandate(&mandate);
    rows.push(("  request", used.request.to_string()));
    rows.extend(used.cart_seq.map(|seq| ("  pays", format!("the cart of entry {seq}"))));
    rows.push(("  known by", mandate.hash().to_string()));
    rows.push(("  our log", head_in_words(head)));
    rows
}

fn of_mandate(mandate: &Presented) -> Rows {
    let Said { principal, agent, sku, quantity, total, jti, issued, until } = mandate.said();
    let what = match mandate {
        Presented::Intent(_) => "intent",
        Presented::Payment(_) => "payment",
    };
    let mut rows = vec![
        ("  mandate", what.to_owned()),
        ("  principal", principal.to_string()),
        ("  agent", agent.to_string()),
        ("  jti", jti.to_string()),
        ("  action", format!("{quantity} x {sku}")),
    ];
    rows.extend(total.map(|total| ("  total", total.to_string())));
    if let Presented::Payment(payment) = mandate {
        rows.push(("  H(cart)", payment.claims().cart.to_string()));
    }
    rows.push(("  issued", local(issued)));
    rows.push(("  until", local(until)));
    rows.push(("  signature", mandate.signature()));
    rows.push(("  wallet's log", head_in_words(mandate.head())));
    rows
}

fn of_receipt(header: &RawValue, claims: &RawValue, head: Head) -> Rows {
    let Some(claims) = receipt_claims(header, claims) else { return unreadable("  receipt") };
    let ReceiptClaims { jti, iat, total, status, reason, order, peer_log, .. } = claims;
    let mut rows = vec![("  jti", jti.to_string()), ("  status", status.to_string())];
    rows.extend(total.map(|total| ("  cost", total.to_string())));
    rows.extend(order.map(|order| ("  order", order.to_string())));
    rows.extend(reason.map(|reason| ("  reason", format!("\"{reason}\""))));
    rows.push(("  issued", local(iat)));
    rows.push(("  wallet's log", head_in_words(peer_log)));
    rows.push(("  our log", head_in_words(head)));
    rows
}

fn of_bar(bar: &event::Bar, head: Head) -> Rows {
    let mut rows = match Presented::read(&bar.mandate) {
        Some(mandate) => of_mandate(&mandate),
        None => unreadable("  mandate"),
    };
    rows.push(("  was for", format!("the cart of entry {}", bar.cart_seq)));
    rows.push(("  what", "it was never presented in its time, and is barred for ever".to_owned()));
    let receipt = of_receipt(&bar.header, &bar.claims, head);
    rows.extend(receipt.into_iter().map(|(label, value)| match label {
        "  jti" => ("  void jti", value),
        "  issued" => ("  void issued", value),
        label => (label, value),
    }));
    rows
}

fn of_refusal(refusal: &event::Refusal) -> Rows {
    let mut rows = vec![
        ("  call", refusal.call.clone()),
        ("  refused", format!("{}: {}", refusal.reason, refusal.message)),
    ];
    match Presented::read(&refusal.mandate) {
        Some(mandate) => rows.extend(of_mandate(&mandate)),
        None => rows.extend(unreadable("  mandate")),
    }
    rows
}

fn of_equivocation(found: &event::Equivocation) -> Rows {
    let mut rows = vec![("  what", contradiction(found))];
    match Presented::read(&found.token) {
        Some(mandate) => rows.extend(of_mandate(&mandate)),
        None => rows.extend(unreadable("  mandate")),
    }
    match Presented::read(&found.earlier) {
        Some(earlier) => {
            rows.push(("  earlier mandate", earlier.hash().to_string()));
            rows.push(("  earlier signature", earlier.signature()));
            rows.push(("  earlier log", head_in_words(earlier.head())));
        }
        None => rows.extend(unreadable("  earlier mandate")),
    }
    rows
}

/// What the price is made of.
fn lines(cart: &CartClaims) -> Rows {
    let line = |item: &LineItem| {
        let amount = Money { currency: cart.total.currency, amount: item.amount };
        ("  for", format!("{} x {}, {amount}", item.quantity, item.title))
    };
    cart.line_items.iter().map(line).collect()
}

fn head_in_words(head: Head) -> String {
    format!("{}, root {}", counted(head.size, "entry", "entries"), head.root)
}

fn unreadable(label: &'static str) -> Rows {
    vec![(label, UNREADABLE.to_owned())]
}
