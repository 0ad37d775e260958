//! The header of every kind, tried on intents.

use super::forge::Fault::{Header, Parts as Altered, Token};
use super::forge::{Holder, Parts, Row, encode};

/// Puts in another `kid`, or none.
fn with_kid(parts: &mut Parts, kid: &str) {
    parts.header = format!(r#"{{"alg":"EdDSA","typ":"intent-mandate+jwt"{kid}}}"#);
}

pub(crate) const HEADER: &[Row] = &[
    ("header_alg_case", "alg_refused", "", Header("EdDSA", "eddsa")),
    ("header_alg_ed448", "alg_refused", "", Header("EdDSA", "Ed448")),
    ("header_alg_hs256", "alg_refused", "", Header("EdDSA", "HS256")),
    ("header_alg_missing", "member_missing", "alg", Header(r#""alg":"EdDSA","#, "")),
    ("header_alg_none", "alg_refused", "", Header("EdDSA", "none")),
    ("header_alg_number", "member_type", "alg", Header(r#""EdDSA""#, "8")),
    (
        "header_alg_twice",
        "json_duplicate_key",
        "header",
        Header(r#""typ""#, r#""alg":"EdDSA","typ""#),
    ),
    ("header_b64", "member_unknown", "b64", Header("{", r#"{"b64":true,"#)),
    ("header_crit", "member_unknown", "crit", Header("{", r#"{"crit":["exp"],"#)),
    ("header_cty", "member_unknown", "cty", Header("{", r#"{"cty":"json","#)),
    ("header_jku", "member_unknown", "jku", Header("{", r#"{"jku":"https://keys.example","#)),
    (
        "header_jwk",
        "member_unknown",
        "jwk",
        Header(
            "{",
            r#"{"jwk":{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},"#,
        ),
    ),
    ("header_kid_missing", "member_missing", "kid", Altered(|parts| with_kid(parts, ""))),
    (
        "header_kid_name",
        "digest_invalid",
        "kid",
        Altered(|parts| with_kid(parts, r#","kid":"ada""#)),
    ),
    ("header_kid_null", "member_type", "kid", Altered(|parts| with_kid(parts, r#","kid":null"#))),
    ("header_not_json", "json_syntax", "header", Header("\"EdDSA\",", "\"EdDSA\";")),
    ("header_typ_case", "typ_mismatch", "", Header("intent-mandate+jwt", "Intent-Mandate+JWT")),
    ("header_typ_jwt", "typ_mismatch", "", Header("intent-mandate+jwt", "JWT")),
    ("header_typ_missing", "member_missing", "typ", Header(r#""typ":"intent-mandate+jwt","#, "")),
    ("header_typ_of_a_cart", "typ_mismatch", "", Header("intent-mandate+jwt", "cart-mandate+jwt")),
    (
        "header_typ_with_type",
        "typ_mismatch",
        "",
        Header("intent-mandate+jwt", "application/intent-mandate+jwt"),
    ),
    ("header_x5u", "member_unknown", "x5u", Header("{", r#"{"x5u":"https://keys.example","#)),
    (
        "header_array",
        "json_not_an_object",
        "header",
        Altered(|parts| parts.header = format!("[{}]", parts.header)),
    ),
    (
        "header_byte_order_mark",
        "json_byte_order_mark",
        "header",
        Altered(|parts| parts.header.insert(0, '\u{feff}')),
    ),
    ("header_deep", "json_depth", "header", Header("{", r#"{"x":[[[[[[[[[]]]]]]]]],"#)),
    (
        "header_many_members",
        "json_members",
        "header",
        Altered(|parts| {
            let many = (0..32).map(|n| format!("\"k{n}\":0,")).collect::<Vec<_>>().concat();
            parts.header = parts.header.replacen('{', &format!("{{{many}"), 1);
        }),
    ),
    ("header_number_fraction", "json_number", "header", Header("{", r#"{"x":1.5,"#)),
    ("header_space_after", "json_trailing", "header", Altered(|parts| parts.header.push(' '))),
    (
        "header_utf8",
        "json_utf8",
        "header",
        Token(|parts| {
            let mut header = parts.header.clone().into_bytes();
            header[2] = 0xff;
            parts.seal(&encode(&header), &encode(parts.claims.as_bytes()))
        }),
    ),
    ("header_alg_ed25519_case", "alg_refused", "", Header("EdDSA", "ed25519")),
    ("header_alg_es256", "alg_refused", "", Header("EdDSA", "ES256")),
    (
        "header_kid_padded",
        "digest_invalid",
        "kid",
        Altered(|parts| {
            let kid = Holder::Principal.public_key().id();
            with_kid(parts, &format!(r#","kid":"{kid}=""#));
        }),
    ),
    (
        "header_kid_list",
        "member_type",
        "kid",
        Altered(|parts| {
            let kid = Holder::Principal.public_key().id();
            with_kid(parts, &format!(r#","kid":["{kid}"]"#));
        }),
    ),
    ("header_typ_number", "member_type", "typ", Header("\"intent-mandate+jwt\"", "1")),
    ("header_x5c", "member_unknown", "x5c", Header("{", r#"{"x5c":["MIIB"],"#)),
    ("header_zip", "member_unknown", "zip", Header("{", r#"{"zip":"DEF","#)),
];
