//! One booking, told by both logs: who wrote what down, and which head of the other each token answers.

use mandate::{Head, Mandate, token::Kind};
use mandate_gateway::book::event::Event as BookEvent;
use mandate_journal::Entry;
use mandate_ledger::event::Event;

use super::logs::{Log, Logs};
use super::shopping::Booking;
use crate::claims;
use crate::error::{DemoError, same};
use crate::stage::Stage;

/// Shows where each token of a booking stands in both logs, after checking that it does.
pub(super) async fn tell(
    stage: &mut Stage<'_, '_, '_>,
    booking: &Booking,
    logs: &Logs,
) -> Result<(), DemoError> {
    stage
        .scene(
            "One booking, told by both logs",
            "Each token is an entry of who signed it, and is kept whole by the other. It carries the head of its \
             signer's log (how many entries, and the root over them) and the head that it answers.",
        )
        .await?;
    let Logs { wallet, lux } = logs;
    let Booking { intent, cart, payment, receipt } = booking;
    // Each answers the one before it.
    let answers = [
        (intent.head(), cart.claims().peer_log),
        (cart.head(), payment.claims().peer_log),
        (payment.head(), receipt.claims().peer_log),
    ];
    for (head, answered) in answers {
        same(&claims::head(head), &claims::head(answered))?;
    }
    let hotel = stage.sellers.lux.id.to_string();
    let rows = [
        [String::new(), "Ada's wallet".to_owned(), hotel],
        row("intent", own(wallet, intent)?, kept_by_book(lux, intent.as_str())?),
        row("cart", kept_by_wallet(wallet, cart.as_str())?, own(lux, cart)?),
        answers_row(Side::Right, "the wallet's", intent.head()),
        row("payment", own(wallet, payment)?, kept_by_book(lux, payment.as_str())?),
        answers_row(Side::Left, "the hotel's", cart.head()),
        row("receipt", kept_by_wallet(wallet, receipt.as_str())?, own(lux, receipt)?),
        answers_row(Side::Right, "the wallet's", payment.head()),
    ];
    stage.screen.columns(&rows)?;
    stage.screen.fact("checked", "each head above was recomputed from the entries in the files")?;
    stage.screen.fact(
        "so",
        &format!(
            "to take entry {} out of her log, Ada would have to make the hotel's signed cart disappear; to take \
             entry {} out of its log, the hotel would have to make her signed payment disappear",
            seq(intent.head()),
            seq(cart.head()),
        ),
    )
}

/// In whose column something stands.
#[derive(Debug, Clone, Copy)]
enum Side {
    Left,
    Right,
}

fn row(token: &str, left: String, right: String) -> [String; 3] {
    [token.to_owned(), left, right]
}

fn answers_row(side: Side, whose: &str, head: Head) -> [String; 3] {
    let text = format!("  answers {whose} {}", claims::head(head));
    match side {
        Side::Left => row("", text, String::new()),
        Side::Right => row("", String::new(), text),
    }
}

/// The entry that a token's head ends with.
fn seq(head: Head) -> u64 {
    head.size.saturating_sub(1)
}

/// The entry of a token in its signer's log, and the head that it carries: that of the log right after it.
fn own<K: Kind>(log: &Log, token: &Mandate<K>) -> Result<String, DemoError> {
    let (head, seq) = (token.head(), seq(token.head()));
    let at = usize::try_from(seq).ok().and_then(|seq| log.heads.get(seq)).copied();
    same(&claims::head(head), &at.map(claims::head).unwrap_or_default())?;
    Ok(format!("entry {seq}, head {}", claims::head(head)))
}

/// The entry of the wallet's log that keeps a merchant's token whole.
fn kept_by_wallet(log: &Log, token: &str) -> Result<String, DemoError> {
    kept(log, |entry| {
        Ok(match Event::parse(entry)? {
            Event::Payment(payment) => payment.cart == token,
            Event::Receipt(receipt) => receipt.receipt == token,
            _ => false,
        })
    })
}

/// The entry of a merchant's book that keeps a wallet's token whole.
fn kept_by_book(log: &Log, token: &str) -> Result<String, DemoError> {
    kept(log, |entry| {
        Ok(match BookEvent::parse(entry)? {
            BookEvent::Cart(cart) => cart.intent == token,
            BookEvent::Use(used) => used.mandate == token,
            _ => false,
        })
    })
}

fn kept(
    log: &Log,
    keeps: impl Fn(&Entry<'_>) -> Result<bool, DemoError>,
) -> Result<String, DemoError> {
    for bytes in &log.entries {
        let entry = Entry::parse(bytes)?;
        if keeps(&entry)? {
            return Ok(format!("entry {} keeps it whole", entry.seq));
        }
    }
    Err(DemoError::differs(&"an entry that keeps the token", &"none"))
}
