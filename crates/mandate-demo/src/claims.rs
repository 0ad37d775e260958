//! What a token says, in one line: its main claims under the names that stand in it.

use std::fmt::Display;

use mandate::{Cart, Intent, Mandate, Money, Payment, Receipt};

/// Characters of a digest that are shown; enough to see that two are the same.
const DIGEST_SHOWN: usize = 8;

/// The main claims of an intent.
pub(crate) fn intent(token: &Mandate<Intent>) -> String {
    let claims = token.claims();
    let limit = claims.limit.as_ref().map(|limit| {
        let max = Money { currency: limit.currency, amount: limit.max };
        pair("limit", max)
    });
    let pairs = [
        Some(pair("aud", &claims.aud)),
        Some(pair("act", &claims.act)),
        Some(pair("action", format_args!("{} x{}", claims.action.sku, claims.action.quantity))),
        limit,
        Some(life(claims.life())),
    ];
    joined(pairs)
}

/// The main claims of a cart.
pub(crate) fn cart(token: &Mandate<Cart>) -> String {
    let claims = token.claims();
    let titles: Vec<_> = claims.line_items.iter().map(|line| line.title.as_str()).collect();
    let pairs = [
        pair("iss", &claims.iss),
        pair("line_items", titles.join(", ")),
        pair("total", claims.total),
        pair("intent", short(claims.intent)),
    ];
    joined(pairs.map(Some))
}

/// The main claims of a payment.
pub(crate) fn payment(token: &Mandate<Payment>) -> String {
    let claims = token.claims();
    let pairs = [
        pair("aud", &claims.aud),
        pair("action", &claims.action.sku),
        pair("total", claims.total),
        pair("cart", short(claims.cart)),
        life(claims.life()),
    ];
    joined(pairs.map(Some))
}

/// The main claims of a receipt.
pub(crate) fn receipt(token: &Mandate<Receipt>) -> String {
    let claims = token.claims();
    let pairs = [
        Some(pair("status", claims.status)),
        claims.total.map(|total| pair("total", total)),
        claims.order.as_ref().map(|order| pair("order", order)),
        Some(match claims.payment {
            Some(payment) => pair("payment", short(payment)),
            None => pair("intent", short(claims.intent)),
        }),
    ];
    joined(pairs)
}

/// The beginning of a digest.
pub(crate) fn short(digest: impl Display) -> String {
    let text: String = digest.to_string().chars().take(DIGEST_SHOWN).collect();
    format!("{text}..")
}

fn life(life: mandate::Life) -> String {
    pair("exp", format_args!("in {} s", life.exp.since(life.iat)))
}

fn pair(name: &str, value: impl Display) -> String {
    format!("{name} {value}")
}

fn joined<const N: usize>(pairs: [Option<String>; N]) -> String {
    pairs.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}
