//! Receipts: paid and free, executed and void.

use super::forge::Fault::{Claims, Header, Parts as Altered, Token};
use super::forge::{Case, Holder, Parts, Row};

const CLAIMS: &str = r#"{"iss":"lux-hotels","aud":"ada","jti":"AAECAwQFBgcICQoLDA0ODw","iat":1767225612,"act":{"sub":"travel"},"action":{"sku":"book_room","quantity":2,"request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA"},"total":{"currency":"EUR","amount":18600},"intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","cart":"ccccccccccccccccccccccccccccccccccccccccccA","payment":"ppppppppppppppppppppppppppppppppppppppppppA","status":"executed","order":"LH-2026/0042","peer_log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"},"log":{"size":43,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}}"#;

/// A good one.
pub(crate) fn parts() -> Parts {
    Parts::new("mandate-receipt+jwt", Holder::Merchant, CLAIMS)
}

pub(crate) fn cases() -> Vec<Case> {
    parts().cases(ROWS)
}

/// Makes it the receipt of a free action.
fn free(parts: &mut Parts) {
    parts.swap_claim(r#""total":{"currency":"EUR","amount":18600},"#, "");
    parts.swap_claim(r#""cart":"ccccccccccccccccccccccccccccccccccccccccccA","payment":"ppppppppppppppppppppppppppppppppppppppppppA","#, "");
}

/// Makes it a void.
fn void(parts: &mut Parts) {
    parts.swap_claim(
        r#""status":"executed","order":"LH-2026/0042""#,
        r#""status":"void","reason":"sold out""#,
    );
}

const ROWS: &[Row] = &[
    ("valid_executed", "ok", "", Altered(|_| {})),
    ("valid_free", "ok", "", Altered(free)),
    (
        "valid_free_void",
        "ok",
        "",
        Altered(|parts| {
            free(parts);
            void(parts);
        }),
    ),
    (
        "valid_free_without_request",
        "ok",
        "",
        Altered(|parts| {
            free(parts);
            parts.swap_claim(r#","request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, "");
        }),
    ),
    (
        "valid_void",
        "ok",
        "",
        Altered(|parts| {
            void(parts);
            parts.swap_claim("18600", "0");
        }),
    ),
    ("valid_without_order", "ok", "", Claims(r#","order":"LH-2026/0042""#, "")),
    (
        "action_request_missing",
        "paid_request_missing",
        "",
        Claims(r#","request":"rrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrrA""#, ""),
    ),
    ("caps", "member_unknown", "caps", Claims(r#""peer_log""#, r#""caps":[],"peer_log""#)),
    (
        "cart_missing",
        "cart_without_payment",
        "",
        Claims(r#""cart":"ccccccccccccccccccccccccccccccccccccccccccA","#, ""),
    ),
    (
        "executed_reason",
        "executed_reason",
        "",
        Claims(r#""order""#, r#""reason":"sold out","order""#),
    ),
    ("executed_total_zero", "total_zero", "", Claims("18600", "0")),
    ("exp", "member_unknown", "exp", Claims(r#""act""#, r#""exp":1767225642,"act""#)),
    (
        "free_total",
        "free_total",
        "",
        Altered(|parts| {
            free(parts);
            parts.swap_claim(r#""intent""#, r#""total":{"currency":"EUR","amount":0},"intent""#);
        }),
    ),
    (
        "header_typ_of_a_payment",
        "typ_mismatch",
        "",
        Header("mandate-receipt+jwt", "payment-mandate+jwt"),
    ),
    (
        "intent_missing",
        "member_missing",
        "intent",
        Claims(r#""intent":"iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiA","#, ""),
    ),
    (
        "key_of_the_principal",
        "key_unknown",
        "",
        Token(|parts| Parts::new("mandate-receipt+jwt", Holder::Principal, &parts.claims).token()),
    ),
    ("order_control", "text_character", "order", Claims("LH-2026/0042", r"LH\n2026")),
    (
        "order_81_bytes",
        "text_too_long",
        "order",
        Altered(|parts| parts.swap_claim("LH-2026/0042", &"x".repeat(81))),
    ),
    (
        "payment_missing",
        "cart_without_payment",
        "",
        Claims(r#""payment":"ppppppppppppppppppppppppppppppppppppppppppA","#, ""),
    ),
    ("payment_padded", "digest_invalid", "payment", Claims("ppA\"", "ppA=\"")),
    (
        "peer_log_missing",
        "member_missing",
        "peer_log",
        Claims(
            r#""peer_log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"},"#,
            "",
        ),
    ),
    ("status_missing", "member_missing", "status", Claims(r#""status":"executed","#, "")),
    ("status_number", "member_type", "status", Claims("\"executed\"", "1")),
    ("status_unknown", "status_unknown", "status", Claims("executed", "refunded")),
    (
        "total_missing",
        "paid_total_missing",
        "",
        Claims(r#""total":{"currency":"EUR","amount":18600},"#, ""),
    ),
    (
        "void_order",
        "void_order",
        "",
        Altered(|parts| {
            parts.swap_claim("18600", "0");
            parts.swap_claim("\"executed\"", r#""void","reason":"sold out""#);
        }),
    ),
    (
        "void_reason_201_bytes",
        "text_too_long",
        "reason",
        Altered(|parts| {
            void(parts);
            parts.swap_claim("18600", "0");
            parts.swap_claim("sold out", &"x".repeat(201));
        }),
    ),
    (
        "void_reason_missing",
        "void_reason_missing",
        "",
        Altered(|parts| {
            void(parts);
            parts.swap_claim("18600", "0");
            parts.swap_claim(r#","reason":"sold out""#, "");
        }),
    ),
    ("void_total", "void_total", "", Altered(void)),
    ("act_missing", "member_missing", "act", Claims(r#""act":{"sub":"travel"},"#, "")),
    ("act_sub_upper_case", "id_invalid", "act.sub", Claims(r#""travel"}"#, r#""Travel"}"#)),
    ("action_sku_missing", "member_missing", "action.sku", Claims(r#""sku":"book_room","#, "")),
    (
        "action_quantity_text",
        "member_type",
        "action.quantity",
        Claims(r#""quantity":2,"request""#, r#""quantity":"2","request""#),
    ),
    ("iat_past_2_53", "json_number_too_large", "payload", Claims("1767225612", "9007199254740992")),
    (
        "log_root_missing",
        "member_missing",
        "log.root",
        Claims(
            r#""log":{"size":43,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#,
            r#""log":{"size":43}"#,
        ),
    ),
    (
        "log_size_text",
        "member_type",
        "log.size",
        Claims(r#""log":{"size":43"#, r#""log":{"size":"43""#),
    ),
    ("jti_number", "member_type", "jti", Claims(r#""AAECAwQFBgcICQoLDA0ODw""#, "1")),
    ("iss_missing", "member_missing", "iss", Claims(r#""iss":"lux-hotels","#, "")),
    ("iat_missing", "member_missing", "iat", Claims(r#""iat":1767225612,"#, "")),
    ("jti_missing", "member_missing", "jti", Claims(r#""jti":"AAECAwQFBgcICQoLDA0ODw","#, "")),
    ("aud_array", "member_type", "aud", Claims(r#""aud":"ada""#, r#""aud":["ada"]"#)),
    (
        "log_missing",
        "member_missing",
        "log",
        Claims(r#","log":{"size":43,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#, ""),
    ),
    (
        "log_before_another_claim",
        "log_not_last",
        "",
        Altered(|parts| {
            let log = r#","log":{"size":43,"root":"mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmA"}"#;
            parts.swap_claim(log, "");
            parts.swap_claim(r#","intent""#, &format!(r#"{log},"intent""#));
        }),
    ),
    (
        "log_of_an_empty_log",
        "log_empty",
        "log.size",
        Claims(r#""log":{"size":43"#, r#""log":{"size":0"#),
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
            r#""peer_log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#,
            r#""peer_log":"9""#,
        ),
    ),
    (
        "peer_log_root_short",
        "digest_invalid",
        "peer_log.root",
        Claims(
            r#""peer_log":{"size":9,"root":"wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwA"}"#,
            r#""peer_log":{"size":9,"root":"wwww"}"#,
        ),
    ),
    ("aud_missing", "member_missing", "aud", Claims(r#""aud":"ada","#, "")),
    (
        "cart_null",
        "member_type",
        "cart",
        Claims(r#""ccccccccccccccccccccccccccccccccccccccccccA""#, "null"),
    ),
    (
        "iss_did_key",
        "id_invalid",
        "iss",
        Claims(r#""lux-hotels""#, r#""did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp""#),
    ),
    (
        "line_items",
        "member_unknown",
        "line_items",
        Claims(r#""intent""#, r#""line_items":[],"intent""#),
    ),
    ("order_number", "member_type", "order", Claims(r#""LH-2026/0042""#, "42")),
    ("order_bidi", "text_character", "order", Claims("LH-2026/0042", "LH-\u{202e}2400")),
    (
        "signature_by_the_principal",
        "signature_invalid",
        "",
        Altered(|parts| parts.signed_by = Holder::Principal),
    ),
    ("status_case", "status_unknown", "status", Claims(r#""executed""#, r#""Executed""#)),
    ("total_currency_unknown", "currency_unknown", "total.currency", Claims("EUR", "EURO")),
    (
        "void_reason_control",
        "text_character",
        "reason",
        Altered(|parts| {
            void(parts);
            parts.swap_claim("18600", "0");
            parts.swap_claim("sold out", r"sold\nout");
        }),
    ),
    (
        "void_reason_number",
        "member_type",
        "reason",
        Altered(|parts| {
            void(parts);
            parts.swap_claim("18600", "0");
            parts.swap_claim("\"sold out\"", "404");
        }),
    ),
    (
        "free_status_missing",
        "member_missing",
        "status",
        Altered(|parts| {
            free(parts);
            parts.swap_claim(r#""status":"executed","#, "");
        }),
    ),
];
