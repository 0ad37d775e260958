//! Good tokens of each kind, and a good token under the key of the other side.

use super::super::forge::Fault::{Claims, Header, Parts as Altered};
use super::super::forge::Parts;
use super::super::{cart, intent, payment, receipt};
use super::{Row, Topic, valid};

pub(super) fn topics() -> Vec<Topic> {
    let topic = |comment, parts: &Parts, rows| Topic::new(comment, parts, rows);
    vec![
        topic("intents of the wallet", &intent::parts(), INTENT),
        topic("carts of the merchant", &cart::parts(), CART),
        topic("payments of the wallet", &payment::parts(), PAYMENT),
        topic("receipts of the merchant", &receipt::parts(), RECEIPT),
    ]
}

const INTENT: &[Row] = &[
    valid("an intent", &[], Altered(|_| {})),
    valid("an intent that names its algorithm as RFC 9864 does", &[], Header("EdDSA", "Ed25519")),
    valid(
        "an intent whose header is in another order",
        &[],
        Altered(|parts| {
            let alg = r#""alg":"EdDSA","#;
            parts.header = parts.header.replace(alg, "").replace('}', r#","alg":"EdDSA"}"#);
        }),
    ),
    valid(
        "an intent whose header has white space",
        &[],
        Header(":\"EdDSA\",", " :\t\"EdDSA\" ,\n "),
    ),
    valid("an intent whose header has an escape", &[], Header("EdDSA", r"Ed\u0044SA")),
    valid("an intent whose claims have white space", &[], Claims(r#""exp":"#, "\n\t\"exp\" : ")),
    valid("an intent whose claims have an escape", &[], Claims(r#""aud""#, r#""\u0061ud""#)),
    valid(
        "an intent of a did:key",
        &[],
        Claims("\"ada\"", "\"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp\""),
    ),
    valid("an intent with the largest exact integer", &[], Claims("20000", "9007199254740991")),
];

const CART: &[Row] = &[
    valid("a cart", &[], Altered(|_| {})),
    valid(
        "a cart whose titles are not ASCII",
        &[],
        Claims("City tax", "Kurtaxe für zwei Nächte 🏨"),
    ),
];

const PAYMENT: &[Row] = &[
    valid("a payment", &[], Altered(|_| {})),
    valid("a payment that names its algorithm as RFC 9864 does", &[], Header("EdDSA", "Ed25519")),
];

const RECEIPT: &[Row] = &[
    valid("a receipt", &[], Altered(|_| {})),
    valid("a receipt without a reference", &[], Claims(r#","order":"LH-2026/0042""#, "")),
];
