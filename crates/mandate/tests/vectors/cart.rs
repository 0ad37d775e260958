//! Carts: lines, sums, and what a merchant may write.

use super::forge::Fault::{Claims, Header, Parts as Altered, Token};
use super::forge::{Case, Holder, Parts, Row};

const CLAIMS: &str = r#"{"iss":"lux-hotels","aud":"ada","jti":"AAECAwQFBgcICQoLDA0ODw","iat":1767225600,"exp":1767226200,"act":{"sub":"travel"},"action":{"sku":"book_room","quantity":2,"request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA"},"line_items":[{"title":"Room, 2 nights","quantity":2,"amount":18000},{"title":"City tax","quantity":4,"amount":600}],"total":{"currency":"EUR","amount":18600},"intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","peer_log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"},"log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}}"#;

const LINES: &str = r#"[{"title":"Room, 2 nights","quantity":2,"amount":18000},{"title":"City tax","quantity":4,"amount":600}]"#;

/// A good one.
pub(crate) fn parts() -> Parts {
    Parts::new("cart-mandate+jwt", Holder::Merchant, CLAIMS)
}

pub(crate) fn cases() -> Vec<Case> {
    parts().cases(ROWS)
}

/// Puts in this many lines of one unit, and their sum.
fn with_lines(parts: &mut Parts, count: usize) {
    let lines = vec![r#"{"title":"x","quantity":1,"amount":1}"#; count].join(",");
    parts.swap_claim(LINES, &format!("[{lines}]"));
    parts.swap_claim("18600", &count.to_string());
}

const ROWS: &[Row] = &[
    ("valid", "ok", "", Altered(|_| {})),
    ("valid_32_lines", "ok", "", Altered(|parts| with_lines(parts, 32))),
    ("valid_life_900", "ok", "", Claims("1767226200", "1767226500")),
    (
        "valid_line_of_nothing",
        "ok",
        "",
        Altered(|parts| {
            parts.swap_claim(r#""amount":600"#, r#""amount":0"#);
            parts.swap_claim("18600", "18000");
        }),
    ),
    (
        "valid_title_80_bytes",
        "ok",
        "",
        Altered(|parts| parts.swap_claim("City tax", &"é".repeat(40))),
    ),
    ("valid_yen", "ok", "", Claims("EUR", "JPY")),
    (
        "action_request_missing",
        "member_missing",
        "action.request",
        Claims(r#","request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, ""),
    ),
    ("aud_missing", "member_missing", "aud", Claims(r#""aud":"ada","#, "")),
    (
        "cart",
        "member_unknown",
        "cart",
        Claims(r#""intent""#, r#""cart":"ccccccccccccccccccccccccccccccccccccccccccA","intent""#),
    ),
    ("exp_missing", "member_missing", "exp", Claims(r#""exp":1767226200,"#, "")),
    (
        "header_typ_of_an_intent",
        "typ_mismatch",
        "",
        Header("cart-mandate+jwt", "intent-mandate+jwt"),
    ),
    (
        "intent_missing",
        "member_missing",
        "intent",
        Claims(r#""intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","#, ""),
    ),
    ("intent_short", "digest_invalid", "intent", Claims("iiA\"", "i\"")),
    (
        "iss_did_key",
        "id_invalid",
        "iss",
        Claims("\"lux-hotels\"", "\"did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp\""),
    ),
    (
        "key_of_the_principal",
        "key_unknown",
        "",
        Token(|parts| Parts::new("cart-mandate+jwt", Holder::Principal, &parts.claims).token()),
    ),
    ("life_901", "life_too_long", "", Claims("1767226200", "1767226501")),
    (
        "limit",
        "member_unknown",
        "limit",
        Claims(r#""total""#, r#""limit":{"currency":"EUR","max":18600},"total""#),
    ),
    ("line_amount_fraction", "json_number", "payload", Claims("18000", "180.00")),
    (
        "line_amount_missing",
        "member_missing",
        "line_items[1].amount",
        Claims(r#","amount":600"#, ""),
    ),
    (
        "line_amount_negative",
        "json_number",
        "payload",
        Claims(r#""amount":600"#, r#""amount":-600"#),
    ),
    ("line_amount_text", "member_type", "line_items[0].amount", Claims("18000", "\"18000\"")),
    (
        "line_currency",
        "member_unknown",
        "line_items[0].currency",
        Claims("18000", r#"18000,"currency":"EUR""#),
    ),
    (
        "line_quantity_zero",
        "quantity_range",
        "line_items[1].quantity",
        Claims(r#""quantity":4"#, r#""quantity":0"#),
    ),
    (
        "line_text",
        "member_type",
        "line_items[1]",
        Claims(r#"{"title":"City tax","quantity":4,"amount":600}"#, r#""City tax""#),
    ),
    (
        "line_title_81_bytes",
        "text_too_long",
        "line_items[1].title",
        Altered(|parts| parts.swap_claim("City tax", &"x".repeat(81))),
    ),
    (
        "line_title_bidi",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City \u{202e}xat"),
    ),
    (
        "line_title_control",
        "text_character",
        "line_items[1].title",
        Claims("City tax", r"City\u001b[2Ktax"),
    ),
    (
        "line_title_line_separator",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City\u{2028}tax"),
    ),
    ("lines_33", "line_count", "", Altered(|parts| with_lines(parts, 33))),
    (
        "lines_missing",
        "member_missing",
        "line_items",
        Altered(|parts| parts.swap_claim(&format!(r#""line_items":{LINES},"#), "")),
    ),
    ("lines_none", "line_count", "", Claims(LINES, "[]")),
    ("lines_object", "member_type", "line_items", Claims(LINES, "{}")),
    ("lines_past_2_53", "line_sum", "", Claims("18000", "9007199254740991")),
    (
        "peer_log_missing",
        "member_missing",
        "peer_log",
        Claims(
            r#""peer_log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"},"#,
            "",
        ),
    ),
    (
        "signature_by_the_principal",
        "signature_invalid",
        "",
        Altered(|parts| parts.signed_by = Holder::Principal),
    ),
    (
        "status",
        "member_unknown",
        "status",
        Claims(r#""intent""#, r#""status":"executed","intent""#),
    ),
    ("total_above_the_lines", "total_not_sum", "", Claims("18600", "18601")),
    ("total_below_the_lines", "total_not_sum", "", Claims("18600", "18599")),
    ("total_currency_unknown", "currency_unknown", "total.currency", Claims("EUR", "EURO")),
    (
        "total_missing",
        "member_missing",
        "total",
        Claims(r#""total":{"currency":"EUR","amount":18600},"#, ""),
    ),
    (
        "total_text",
        "member_type",
        "total",
        Claims(r#"{"currency":"EUR","amount":18600}"#, r#""186.00 EUR""#),
    ),
    (
        "total_zero",
        "total_zero",
        "",
        Altered(|parts| {
            parts.swap_claim(LINES, r#"[{"title":"x","quantity":1,"amount":0}]"#);
            parts.swap_claim("18600", "0");
        }),
    ),
    ("act_missing", "member_missing", "act", Claims(r#""act":{"sub":"travel"},"#, "")),
    ("act_sub_upper_case", "id_invalid", "act.sub", Claims(r#""travel"}"#, r#""Travel"}"#)),
    ("action_sku_missing", "member_missing", "action.sku", Claims(r#""sku":"book_room","#, "")),
    (
        "action_quantity_text",
        "member_type",
        "action.quantity",
        Claims(r#""quantity":2,"request""#, r#""quantity":"2","request""#),
    ),
    ("iat_past_2_53", "json_number_too_large", "payload", Claims("1767225600", "9007199254740992")),
    (
        "log_root_missing",
        "member_missing",
        "log.root",
        Claims(
            r#""log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#,
            r#""log":{"size":41}"#,
        ),
    ),
    (
        "log_size_text",
        "member_type",
        "log.size",
        Claims(r#""log":{"size":41"#, r#""log":{"size":"41""#),
    ),
    ("jti_number", "member_type", "jti", Claims(r#""AAECAwQFBgcICQoLDA0ODw""#, "1")),
    ("iss_missing", "member_missing", "iss", Claims(r#""iss":"lux-hotels","#, "")),
    ("iat_missing", "member_missing", "iat", Claims(r#""iat":1767225600,"#, "")),
    ("jti_missing", "member_missing", "jti", Claims(r#""jti":"AAECAwQFBgcICQoLDA0ODw","#, "")),
    ("aud_array", "member_type", "aud", Claims(r#""aud":"ada""#, r#""aud":["ada"]"#)),
    (
        "log_missing",
        "member_missing",
        "log",
        Claims(r#","log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#, ""),
    ),
    (
        "log_before_another_claim",
        "log_not_last",
        "",
        Altered(|parts| {
            let log = r#","log":{"size":41,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#;
            parts.swap_claim(log, "");
            parts.swap_claim(r#","intent""#, &format!(r#"{log},"intent""#));
        }),
    ),
    (
        "log_of_an_empty_log",
        "log_empty",
        "log.size",
        Claims(r#""log":{"size":41"#, r#""log":{"size":0"#),
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
            r#""peer_log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#,
            r#""peer_log":"7""#,
        ),
    ),
    (
        "peer_log_root_short",
        "digest_invalid",
        "peer_log.root",
        Claims(
            r#""peer_log":{"size":7,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#,
            r#""peer_log":{"size":7,"root":"wwww"}"#,
        ),
    ),
    ("caps", "member_unknown", "caps", Claims(r#""intent""#, r#""caps":[],"intent""#)),
    ("life_backwards", "life_empty", "", Claims("1767226200", "1767225599")),
    (
        "line_quantity_missing",
        "member_missing",
        "line_items[1].quantity",
        Claims(r#""quantity":4,"#, ""),
    ),
    (
        "line_quantity_1001",
        "quantity_range",
        "line_items[1].quantity",
        Claims(r#""quantity":4"#, r#""quantity":1001"#),
    ),
    (
        "line_title_missing",
        "member_missing",
        "line_items[1].title",
        Claims(r#""title":"City tax","#, ""),
    ),
    ("line_title_number", "member_type", "line_items[1].title", Claims(r#""City tax""#, "1")),
    (
        "line_title_bidi_isolate",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City \u{2067}xat"),
    ),
    (
        "line_title_delete",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City\u{7f}tax"),
    ),
    (
        "line_title_next_line",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City\u{85}tax"),
    ),
    (
        "line_title_paragraph_separator",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City\u{2029}tax"),
    ),
    (
        "line_title_right_to_left_mark",
        "text_character",
        "line_items[1].title",
        Claims("City tax", "City\u{200f}tax"),
    ),
    ("order", "member_unknown", "order", Claims(r#""intent""#, r#""order":"LH-1","intent""#)),
    (
        "payment",
        "member_unknown",
        "payment",
        Claims(
            r#""intent""#,
            r#""payment":"ppppppppppppppppppppppppppppppppppppppppppA","intent""#,
        ),
    ),
];
