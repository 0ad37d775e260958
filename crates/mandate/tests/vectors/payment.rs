//! Payments: what they pay, and the caps they tell the merchant of.

use super::forge::Fault::{Claims, Header, Parts as Altered, Token};
use super::forge::{Case, Holder, Parts, Row};

const CLAIMS: &str = r#"{"iss":"ada","aud":"lux-hotels","jti":"AAECAwQFBgcICQoLDA0ODw","iat":1767225610,"exp":1767225640,"act":{"sub":"travel"},"action":{"sku":"book_room","quantity":2,"request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA"},"total":{"currency":"EUR","amount":18600},"intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","cart":"ccccccccccccccccccccccccccccccccccccccccccA","caps":[{"currency":"EUR","max":50000,"count":3,"from":1767225600,"until":1767312000,"action":"book_room","agent":"travel"},{"count":100,"from":1764633600}],"peer_log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"},"log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}}"#;

/// A good one.
pub(crate) fn parts() -> Parts {
    Parts::new("payment-mandate+jwt", Holder::Principal, CLAIMS)
}

/// Puts so many caps in place of its own.
fn with_caps(parts: &mut Parts, count: usize) {
    let (start, end) = (parts.claims.find("[{").unwrap(), parts.claims.find("}]").unwrap());
    let caps = vec![r#"{"count":3,"from":0}"#; count].join(",");
    parts.claims.replace_range(start..end + 2, &format!("[{caps}]"));
}

pub(crate) fn cases() -> Vec<Case> {
    parts().cases(ROWS)
}

const ROWS: &[Row] = &[
    ("valid", "ok", "", Altered(|_| {})),
    ("valid_16_caps", "ok", "", Altered(|parts| with_caps(parts, 16))),
    ("valid_cap_of_amount_only", "ok", "", Claims(r#""count":3,"#, "")),
    ("valid_without_caps", "ok", "", Altered(|parts| with_caps(parts, 0))),
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
    ("caps_17", "caps_max", "", Altered(|parts| with_caps(parts, 17))),
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
    ("act_missing", "member_missing", "act", Claims(r#""act":{"sub":"travel"},"#, "")),
    (
        "act_sub_upper_case",
        "id_invalid",
        "act.sub",
        Claims(r#""act":{"sub":"travel"}"#, r#""act":{"sub":"Travel"}"#),
    ),
    ("action_sku_missing", "member_missing", "action.sku", Claims(r#""sku":"book_room","#, "")),
    (
        "action_quantity_text",
        "member_type",
        "action.quantity",
        Claims(r#""quantity":2,"request""#, r#""quantity":"2","request""#),
    ),
    ("iat_past_2_53", "json_number_too_large", "payload", Claims("1767225610", "9007199254740992")),
    (
        "log_root_missing",
        "member_missing",
        "log.root",
        Claims(
            r#""log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#,
            r#""log":{"size":9}"#,
        ),
    ),
    (
        "log_size_text",
        "member_type",
        "log.size",
        Claims(r#""log":{"size":9"#, r#""log":{"size":"9""#),
    ),
    ("jti_number", "member_type", "jti", Claims(r#""AAECAwQFBgcICQoLDA0ODw""#, "1")),
    ("iss_missing", "member_missing", "iss", Claims(r#""iss":"ada","#, "")),
    ("iat_missing", "member_missing", "iat", Claims(r#""iat":1767225610,"#, "")),
    ("jti_missing", "member_missing", "jti", Claims(r#""jti":"AAECAwQFBgcICQoLDA0ODw","#, "")),
    ("aud_array", "member_type", "aud", Claims(r#""aud":"lux-hotels""#, r#""aud":["lux-hotels"]"#)),
    (
        "log_missing",
        "member_missing",
        "log",
        Claims(r#","log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#, ""),
    ),
    (
        "log_before_another_claim",
        "log_not_last",
        "",
        Altered(|parts| {
            let log = r#","log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#;
            parts.swap_claim(log, "");
            parts.swap_claim(r#","intent""#, &format!(r#"{log},"intent""#));
        }),
    ),
    (
        "log_of_an_empty_log",
        "log_empty",
        "log.size",
        Claims(r#""log":{"size":9"#, r#""log":{"size":0"#),
    ),
    (
        "intent_null",
        "member_type",
        "intent",
        Claims(r#""iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA""#, "null"),
    ),
    (
        "total_amount_missing",
        "member_missing",
        "total.amount",
        Claims(r#""total":{"currency":"EUR","amount":18600}"#, r#""total":{"currency":"EUR"}"#),
    ),
    (
        "total_amount_text",
        "member_type",
        "total.amount",
        Claims(r#""amount":18600"#, r#""amount":"18600""#),
    ),
    (
        "total_currency_missing",
        "member_missing",
        "total.currency",
        Claims(r#""total":{"currency":"EUR","#, r#""total":{"#),
    ),
    (
        "total_unknown_member",
        "member_unknown",
        "total.vat",
        Claims(r#""amount":18600"#, r#""amount":18600,"vat":600"#),
    ),
    (
        "peer_log_text",
        "member_type",
        "peer_log",
        Claims(
            r#""peer_log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#,
            r#""peer_log":"41""#,
        ),
    ),
    (
        "peer_log_root_short",
        "digest_invalid",
        "peer_log.root",
        Claims(
            r#""peer_log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#,
            r#""peer_log":{"size":41,"root":"wwww"}"#,
        ),
    ),
    ("aud_missing", "member_missing", "aud", Claims(r#""aud":"lux-hotels","#, "")),
    ("exp_missing", "member_missing", "exp", Claims(r#""exp":1767225640,"#, "")),
    (
        "cap_action_upper_case",
        "id_invalid",
        "caps[0].action",
        Claims(r#""action":"book_room""#, r#""action":"Book_room""#),
    ),
    (
        "cap_currency_unknown",
        "currency_unknown",
        "caps[0].currency",
        Claims(r#"[{"currency":"EUR""#, r#"[{"currency":"XXX""#),
    ),
    ("cap_from_text", "member_type", "caps[1].from", Claims("1764633600", r#""1764633600""#)),
    ("cap_max_text", "member_type", "caps[0].max", Claims("50000", r#""500.00""#)),
    (
        "cap_text",
        "member_type",
        "caps[1]",
        Claims(r#"{"count":100,"from":1764633600}"#, r#""100 a month""#),
    ),
    ("cap_window_backwards", "cap_window", "", Claims("1767312000", "1767225599")),
    ("life_backwards", "life_empty", "", Claims("1767225640", "1767225609")),
    (
        "limit",
        "member_unknown",
        "limit",
        Claims(r#""caps""#, r#""limit":{"currency":"EUR","max":1},"caps""#),
    ),
    (
        "payment",
        "member_unknown",
        "payment",
        Claims(r#""caps""#, r#""payment":"ppppppppppppppppppppppppppppppppppppppppppA","caps""#),
    ),
    ("status", "member_unknown", "status", Claims(r#""caps""#, r#""status":"executed","caps""#)),
];
