//! Intents: their claims, and the rules between them.

use super::forge::Fault::{Claims, Header, Parts as Altered};
use super::forge::{Case, Holder, Parts, Row};
use super::{encoding, header};

pub(crate) const CLAIMS: &str = r#"{"iss":"ada","aud":"lux-hotels","jti":"AAECAwQFBgcICQoLDA0ODw","iat":1767225600,"exp":1767225660,"act":{"sub":"travel"},"action":{"sku":"book_room","quantity":1,"request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA"},"limit":{"currency":"EUR","max":20000},"log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}}"#;

/// A good one.
pub(crate) fn parts() -> Parts {
    Parts::new("intent-mandate+jwt", Holder::Principal, CLAIMS)
}

pub(crate) fn cases() -> Vec<Case> {
    let parts = parts();
    [SOUND, encoding::SHAPE, header::HEADER, encoding::JSON, MEMBERS, RULES, encoding::SIGNATURE]
        .iter()
        .flat_map(|rows| parts.cases(rows))
        .collect()
}

const SOUND: &[Row] = &[
    ("valid", "ok", "", Altered(|_| {})),
    ("valid_alg_ed25519", "ok", "", Header("EdDSA", "Ed25519")),
    (
        "valid_header_in_another_order",
        "ok",
        "",
        Altered(|parts| {
            parts.header = parts
                .header
                .replacen(r#""alg":"EdDSA","#, "", 1)
                .replace('}', r#","alg":"EdDSA"}"#);
        }),
    ),
    (
        "valid_issuer_did_key",
        "ok",
        "",
        Claims("\"ada\"", "\"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp\""),
    ),
    ("valid_life_300", "ok", "", Claims("1767225660", "1767225900")),
    ("valid_quantity_1000", "ok", "", Claims(r#""quantity":1"#, r#""quantity":1000"#)),
    ("valid_space_within", "ok", "", Claims(r#""exp":"#, "\n\t\"exp\" : ")),
    ("valid_without_limit", "ok", "", Claims(r#""limit":{"currency":"EUR","max":20000},"#, "")),
    (
        "valid_without_request",
        "ok",
        "",
        Claims(r#","request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, ""),
    ),
];

const MEMBERS: &[Row] = &[
    (
        "act_agent_beside",
        "member_unknown",
        "act.iss",
        Claims(r#""sub":"travel""#, r#""sub":"travel","iss":"ada""#),
    ),
    ("act_text", "member_type", "act", Claims(r#"{"sub":"travel"}"#, r#""travel""#)),
    ("act_without_sub", "member_missing", "act.sub", Claims(r#""sub":"travel""#, "")),
    (
        "action_missing",
        "member_missing",
        "action",
        Claims(
            r#""action":{"sku":"book_room","quantity":1,"request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA"},"#,
            "",
        ),
    ),
    (
        "action_quantity_missing",
        "member_missing",
        "action.quantity",
        Claims(r#""quantity":1,"#, ""),
    ),
    (
        "action_unknown_member",
        "member_unknown",
        "action.price",
        Claims(r#""quantity":1"#, r#""price":1,"quantity":1"#),
    ),
    ("aud_array", "member_type", "aud", Claims(r#""lux-hotels""#, r#"["lux-hotels"]"#)),
    ("aud_missing", "member_missing", "aud", Claims(r#""aud":"lux-hotels","#, "")),
    ("aud_url", "id_invalid", "aud", Claims("lux-hotels", "https://lux-hotels.example")),
    ("exp_missing", "member_missing", "exp", Claims(r#""exp":1767225660,"#, "")),
    ("exp_null", "member_type", "exp", Claims("1767225660", "null")),
    ("iat_missing", "member_missing", "iat", Claims(r#""iat":1767225600,"#, "")),
    ("iat_text", "member_type", "iat", Claims("1767225600", "\"1767225600\"")),
    ("iss_did_web", "id_invalid", "iss", Claims("\"ada\"", "\"did:web:ada.example\"")),
    ("iss_empty", "id_invalid", "iss", Claims("\"ada\"", "\"\"")),
    ("iss_missing", "member_missing", "iss", Claims(r#""iss":"ada","#, "")),
    ("jti_missing", "member_missing", "jti", Claims(r#""jti":"AAECAwQFBgcICQoLDA0ODw","#, "")),
    ("jti_short", "id_invalid", "jti", Claims("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0O")),
    (
        "jti_tail_bits",
        "id_invalid",
        "jti",
        Claims("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODx"),
    ),
    ("limit_currency_case", "currency_unknown", "limit.currency", Claims("EUR", "eur")),
    ("limit_currency_gold", "currency_unknown", "limit.currency", Claims("EUR", "XAU")),
    ("limit_max_missing", "member_missing", "limit.max", Claims(r#","max":20000"#, "")),
    ("limit_null", "member_type", "limit", Claims(r#"{"currency":"EUR","max":20000}"#, "null")),
    (
        "log_missing",
        "member_missing",
        "log",
        Claims(r#","log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#, ""),
    ),
    ("log_of_an_empty_log", "log_empty", "log.size", Claims(r#""size":7"#, r#""size":0"#)),
    (
        "log_root_short",
        "digest_invalid",
        "log.root",
        Claims("wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA", "wwww"),
    ),
    (
        "log_unknown_member",
        "member_unknown",
        "log.time",
        Claims(r#""size":7"#, r#""size":7,"time":1767225600"#),
    ),
    ("nbf", "member_unknown", "nbf", Claims(r#""exp""#, r#""nbf":1767225600,"exp""#)),
    (
        "quantity_1001",
        "quantity_range",
        "action.quantity",
        Claims(r#""quantity":1"#, r#""quantity":1001"#),
    ),
    (
        "quantity_zero",
        "quantity_range",
        "action.quantity",
        Claims(r#""quantity":1"#, r#""quantity":0"#),
    ),
    ("request_padded", "digest_invalid", "action.request", Claims("rrA\"", "rrA=\"")),
    ("request_tail_bits", "digest_invalid", "action.request", Claims("rrA\"", "rrB\"")),
    (
        "sku_65_bytes",
        "id_invalid",
        "action.sku",
        Altered(|parts| parts.swap_claim("book_room", &"b".repeat(65))),
    ),
    ("sku_upper_case", "id_invalid", "action.sku", Claims("book_room", "Book_room")),
    (
        "total",
        "member_unknown",
        "total",
        Claims(r#""limit""#, r#""total":{"currency":"EUR","amount":1},"limit""#),
    ),
    ("act_missing", "member_missing", "act", Claims(r#""act":{"sub":"travel"},"#, "")),
    ("act_sub_upper_case", "id_invalid", "act.sub", Claims(r#""travel"}"#, r#""Travel"}"#)),
    ("action_sku_missing", "member_missing", "action.sku", Claims(r#""sku":"book_room","#, "")),
    (
        "action_quantity_text",
        "member_type",
        "action.quantity",
        Claims(r#""quantity":1,"request""#, r#""quantity":"1","request""#),
    ),
    ("iat_past_2_53", "json_number_too_large", "payload", Claims("1767225600", "9007199254740992")),
    (
        "log_root_missing",
        "member_missing",
        "log.root",
        Claims(
            r#""log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#,
            r#""log":{"size":7}"#,
        ),
    ),
    (
        "log_size_text",
        "member_type",
        "log.size",
        Claims(r#""log":{"size":7"#, r#""log":{"size":"7""#),
    ),
    ("jti_number", "member_type", "jti", Claims(r#""AAECAwQFBgcICQoLDA0ODw""#, "1")),
    (
        "action_text",
        "member_type",
        "action",
        Altered(|parts| {
            let (start, end) =
                (parts.claims.find("{\"sku\"").unwrap(), parts.claims.find("},\"limit\"").unwrap());
            parts.claims.replace_range(start..=end, "\"book_room\"");
        }),
    ),
    (
        "aud_65_bytes",
        "id_invalid",
        "aud",
        Altered(|parts| parts.swap_claim("lux-hotels", &"l".repeat(65))),
    ),
    ("caps", "member_unknown", "caps", Claims(r#""limit""#, r#""caps":[],"limit""#)),
    (
        "cart",
        "member_unknown",
        "cart",
        Claims(r#""limit""#, r#""cart":"ccccccccccccccccccccccccccccccccccccccccccA","limit""#),
    ),
    ("iss_number", "member_type", "iss", Claims(r#""ada""#, "1")),
    (
        "iss_did_key_of_another_curve",
        "id_invalid",
        "iss",
        Claims(r#""ada""#, r#""did:key:zDnaerDaTF5BXEavCrfRZEk316dpbLsfPDZ3WJ5hRTPFU2169""#),
    ),
    (
        "iss_did_key_with_a_fragment",
        "id_invalid",
        "iss",
        Claims(
            r#""ada""#,
            r#""did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp#z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp""#,
        ),
    ),
    (
        "iss_did_key_of_small_order",
        "id_invalid",
        "iss",
        Claims(r#""ada""#, r#""did:key:z6MkeXATEjyXENzBXBxgC5EHk2JE5aqd7qMGGtDpLUH1e2Sj""#),
    ),
    ("jti_long", "id_invalid", "jti", Claims("AAECAwQFBgcICQoLDA0ODw", "AAECAwQFBgcICQoLDA0ODxA")),
    (
        "limit_currency_missing",
        "member_missing",
        "limit.currency",
        Claims(r#""currency":"EUR","#, ""),
    ),
    ("limit_currency_number", "member_type", "limit.currency", Claims(r#""EUR""#, "978")),
    ("limit_currency_retired", "currency_unknown", "limit.currency", Claims("EUR", "DEM")),
    ("limit_max_text", "member_type", "limit.max", Claims("20000", r#""200.00""#)),
    ("limit_unknown_member", "member_unknown", "limit.min", Claims(r#""max""#, r#""min":1,"max""#)),
    (
        "log_text",
        "member_type",
        "log",
        Claims(r#"{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}}"#, r#""7"}"#),
    ),
    ("log_size_missing", "member_missing", "log.size", Claims(r#""size":7,"#, "")),
    (
        "peer_log",
        "member_unknown",
        "peer_log",
        Claims(
            r#""log""#,
            r#""peer_log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"},"log""#,
        ),
    ),
    (
        "request_null",
        "member_type",
        "action.request",
        Claims(r#""rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, "null"),
    ),
    (
        "request_short",
        "digest_invalid",
        "action.request",
        Claims(r#""rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, r#""rrrr""#),
    ),
];

const RULES: &[Row] = &[
    ("life_301", "life_too_long", "", Claims("1767225660", "1767225901")),
    ("life_backwards", "life_empty", "", Claims("1767225660", "1767225599")),
    ("life_zero", "life_empty", "", Claims("1767225660", "1767225600")),
    (
        "log_before_another_claim",
        "log_not_last",
        "",
        Altered(|parts| {
            let log = r#","log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#;
            parts.swap_claim(log, "");
            parts.swap_claim(r#","limit""#, &format!(r#"{log},"limit""#));
        }),
    ),
];
