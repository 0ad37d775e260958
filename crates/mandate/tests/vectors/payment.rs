//! Payments: what they pay, and the caps they tell the merchant of.

use super::forge::Fault::{Claims, Header, Parts as Altered, Token};
use super::forge::{Case, Holder, Parts, Row};

const CLAIMS: &str = r#"{"iss":"ada","aud":"lux-hotels","jti":"AAECAwQFBgcICQoLDA0ODw","iat":1767225610,"exp":1767225640,"act":{"sub":"travel"},"action":{"sku":"book_room","quantity":2,"request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA"},"total":{"currency":"EUR","amount":18600},"intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","cart":"ccccccccccccccccccccccccccccccccccccccccccA","caps":[{"currency":"EUR","max":50000,"count":3,"from":1767225600,"until":1767312000,"action":"book_room","agent":"travel"},{"count":100,"from":1764633600}],"peer_log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"},"log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}}"#;

/// A good one.
pub(crate) fn parts() -> Parts {
    Parts::new("payment-mandate+jwt", Holder::Principal, CLAIMS)
}

pub(crate) fn cases() -> Vec<Case> {
    parts().cases(ROWS)
}

const ROWS: &[Row] = &[
    ("valid", "ok", "", Altered(|_| {})),
    ("valid_cap_of_amount_only", "ok", "", Claims(r#""count":3,"#, "")),
    (
        "valid_without_caps",
        "ok",
        "",
        Altered(|parts| {
            let (start, end) = (parts.claims.find("[{").unwrap(), parts.claims.find("}]").unwrap());
            parts.claims.replace_range(start..end + 2, "[]");
        }),
    ),
    (
        "action_request_missing",
        "member_missing",
        "action.request",
        Claims(r#","request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, ""),
    ),
    (
        "cap_agent_empty",
        "id_invalid",
        "caps[0].agent",
        Claims(r#""agent":"travel""#, r#""agent":"""#),
    ),
    ("cap_count_text", "member_type", "caps[1].count", Claims("100", "\"100\"")),
    ("cap_currency_alone", "cap_currency", "", Claims(r#""max":50000,"#, "")),
    ("cap_empty", "cap_empty", "", Claims(r#""count":100,"#, "")),
    ("cap_from_missing", "member_missing", "caps[1].from", Claims(r#","from":1764633600"#, "")),
    ("cap_max_alone", "cap_currency", "", Claims(r#""currency":"EUR","max""#, r#""max""#)),
    (
        "cap_unknown_member",
        "member_unknown",
        "caps[1].per",
        Claims(r#""count":100"#, r#""per":"day","count":100"#),
    ),
    ("cap_until_null", "member_type", "caps[0].until", Claims("1767312000", "null")),
    ("cap_window_empty", "cap_window", "", Claims("1767312000", "1767225600")),
    (
        "caps_missing",
        "member_missing",
        "caps",
        Altered(|parts| {
            let (start, end) = (
                parts.claims.find("\"caps\"").unwrap(),
                parts.claims.find("\"peer_log\"").unwrap(),
            );
            parts.claims.replace_range(start..end, "");
        }),
    ),
    (
        "caps_object",
        "member_type",
        "caps",
        Altered(|parts| {
            let (start, end) = (parts.claims.find("[{").unwrap(), parts.claims.find("}]").unwrap());
            parts.claims.replace_range(start..end + 2, "{}");
        }),
    ),
    (
        "cart_missing",
        "member_missing",
        "cart",
        Claims(r#""cart":"ccccccccccccccccccccccccccccccccccccccccccA","#, ""),
    ),
    ("cart_tail_bits", "digest_invalid", "cart", Claims("ccA\"", "ccB\"")),
    (
        "header_typ_of_a_receipt",
        "typ_mismatch",
        "",
        Header("payment-mandate+jwt", "mandate-receipt+jwt"),
    ),
    (
        "intent_missing",
        "member_missing",
        "intent",
        Claims(r#""intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","#, ""),
    ),
    (
        "key_of_the_merchant",
        "key_unknown",
        "",
        Token(|parts| Parts::new("payment-mandate+jwt", Holder::Merchant, &parts.claims).token()),
    ),
    ("life_301", "life_too_long", "", Claims("1767225640", "1767225911")),
    ("life_zero", "life_empty", "", Claims("1767225640", "1767225610")),
    (
        "line_items",
        "member_unknown",
        "line_items",
        Claims(r#""intent""#, r#""line_items":[],"intent""#),
    ),
    (
        "peer_log_missing",
        "member_missing",
        "peer_log",
        Claims(
            r#""peer_log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"},"#,
            "",
        ),
    ),
    ("peer_log_size_missing", "member_missing", "peer_log.size", Claims(r#""size":41,"#, "")),
    (
        "signature_by_the_merchant",
        "signature_invalid",
        "",
        Altered(|parts| parts.signed_by = Holder::Merchant),
    ),
    (
        "total_missing",
        "member_missing",
        "total",
        Claims(r#""total":{"currency":"EUR","amount":18600},"#, ""),
    ),
    ("total_zero", "total_zero", "", Claims("18600", "0")),
];
