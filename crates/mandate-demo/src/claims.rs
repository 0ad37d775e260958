//! What a token says, in one line: its main claims under the names that stand in it.

use std::fmt::Display;

use mandate::{Cart, Head, Intent, Mandate, Money, Payment, Receipt};

use crate::screen::unbroken;

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
        Some(short(token.hash())),
        Some(pair("aud", &claims.aud)),
        Some(pair("act", &claims.act)),
        Some(pair("action", &claims.action.sku)),
        limit,
        Some(life(claims.life())),
    ];
    joined(pairs)
}

/// The main claims of a cart.
pub(crate) fn cart(token: &Mandate<Cart>) -> String {
    let claims = token.claims();
    let pairs = [
        short(token.hash()),
        pair("iss", &claims.iss),
        pair("total", claims.total),
        pair("intent", short(claims.intent)),
        life(claims.life()),
    ];
    joined(pairs.map(Some))
}

/// The main claims of a payment.
pub(crate) fn payment(token: &Mandate<Payment>) -> String {
    let claims = token.claims();
    let pairs = [
        short(token.hash()),
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
        Some(short(token.hash())),
        Some(pair("status", claims.status)),
        claims.reason.as_ref().map(|reason| pair("reason", reason)),
        claims.total.map(|total| pair("total", total)),
        claims.order.as_ref().map(|order| pair("order", order)),
        Some(match claims.payment {
            Some(payment) => pair("payment", short(payment)),
            None => pair("intent", short(claims.intent)),
        }),
    ];
    joined(pairs)
}

/// A journal's head: how many entries, and the beginning of the root over them.
pub(crate) fn head(head: Head) -> String {
    format!("{}/{}", head.size, short(head.root))
}

/// A token in a header, by the beginning of its hash.
pub(crate) fn token(header: &str, hash: impl Display) -> String {
    pair(header, short(hash))
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
    unbroken(&format!("{name} {value}"))
}

fn joined<const N: usize>(pairs: [Option<String>; N]) -> String {
    pairs.into_iter().flatten().collect::<Vec<_>>().join(" | ")
}
