//! The claims: their JSON, their numbers, and what they say.

use super::super::forge::Fault::{Claims, Token};
use super::super::forge::Parts;
use super::super::intent;
use super::flag::Flag::{
    ClaimsOfTheKind, DuplicateKey, JsonNumber, JsonSyntax, JsonUnusual, StricterProfile,
};
use super::{Flag, Row, Topic, invalid};

pub(super) fn topic() -> Topic {
    Topic::new("claims", &intent::parts(), ROWS)
}

/// The token with its claims as bytes, altered.
fn bytes(parts: &Parts, alter: impl FnOnce(&mut Vec<u8>)) -> String {
    let mut payload = parts.claims.clone().into_bytes();
    alter(&mut payload);
    parts.token_of(&payload)
}

/// The token with these bytes in place of the agent's name.
fn agent(parts: &Parts, name: &[u8]) -> String {
    let (before, after) = parts.claims.split_once("travel").unwrap();
    parts.token_of(&[before.as_bytes(), name, after.as_bytes()].concat())
}

/// The token with an array, so many levels deep, as the price ceiling.
fn nested(parts: &Parts, depth: usize) -> String {
    let array = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    parts.token_of(parts.claims.replace("20000", &array).as_bytes())
}

const TWICE: &[Flag] = &[StricterProfile, DuplicateKey];
const NUMBER: &[Flag] = &[StricterProfile, JsonNumber];
const SYNTAX: &[Flag] = &[JsonSyntax];
const UNUSUAL: &[Flag] = &[StricterProfile, JsonUnusual];
const KIND: &[Flag] = &[StricterProfile, ClaimsOfTheKind];

const ROWS: &[Row] = &[
    invalid("a claim twice, the same", TWICE, Claims(r#""aud""#, r#""iss":"ada","aud""#)),
    invalid("a claim twice, with two values", TWICE, Claims(r#""aud""#, r#""iss":"bob","aud""#)),
    invalid("a claim twice by an escape", TWICE, Claims(r#""aud""#, r#""\u0069ss":"ada","aud""#)),
    invalid("a member of a claim twice", TWICE, Claims(r#""max""#, r#""max":1,"max""#)),
    invalid("an amount with a fraction of zero", NUMBER, Claims("20000", "20000.0")),
    invalid("an amount with a fraction", NUMBER, Claims("20000", "200.5")),
    invalid("an amount with an exponent", NUMBER, Claims("20000", "2e4")),
    invalid("an amount past all numbers", NUMBER, Claims("20000", "1e400")),
    invalid("an amount below zero", NUMBER, Claims("20000", "-20000")),
    invalid("an amount of minus zero", NUMBER, Claims("20000", "-0")),
    invalid("an amount of 2^53", NUMBER, Claims("20000", "9007199254740992")),
    invalid("an amount of 2^53 and 1", NUMBER, Claims("20000", "9007199254740993")),
    invalid("an amount of 2^63", NUMBER, Claims("20000", "9223372036854775808")),
    invalid("an amount of 2^64", NUMBER, Claims("20000", "18446744073709551616")),
    invalid(
        "an amount of a hundred digits",
        NUMBER,
        Claims(
            "20000",
            "1000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000000",
        ),
    ),
    invalid("an end with a fraction", NUMBER, Claims("1767225660", "1767225660.5")),
    invalid("a number that begins with zero", SYNTAX, Claims("20000", "020000")),
    invalid("a number with a plus", SYNTAX, Claims("20000", "+20000")),
    invalid("a hexadecimal number", SYNTAX, Claims("20000", "0x4e20")),
    invalid("NaN", SYNTAX, Claims("20000", "NaN")),
    invalid("Infinity", SYNTAX, Claims("20000", "Infinity")),
    invalid("minus Infinity", SYNTAX, Claims("20000", "-Infinity")),
    invalid("a comma after the last claim", SYNTAX, Claims(r#"A"}}"#, r#"A"},}"#)),
    invalid("a comment", SYNTAX, Claims(r#""exp""#, r#"/* */"exp""#)),
    invalid("single quotes", SYNTAX, Claims("\"ada\"", "'ada'")),
    invalid("a key without quotes", SYNTAX, Claims("\"iss\"", "iss")),
    invalid("an escape that JSON does not have", SYNTAX, Claims("travel", r"\x74ravel")),
    invalid("a control character in a text", SYNTAX, Claims("travel", "tra\tvel")),
    invalid(
        "a brace missing",
        SYNTAX,
        Token(|parts| bytes(parts, |payload| payload.truncate(payload.len() - 1))),
    ),
    invalid(
        "a second object",
        SYNTAX,
        Token(|parts| bytes(parts, |payload| payload.extend(b"{}"))),
    ),
    invalid("a second brace", SYNTAX, Token(|parts| bytes(parts, |payload| payload.push(b'}')))),
    invalid(
        "a zero byte after the object",
        SYNTAX,
        Token(|parts| bytes(parts, |payload| payload.push(0))),
    ),
    invalid(
        "a list of the claims",
        SYNTAX,
        Token(|parts| parts.token_of(format!("[{}]", parts.claims).as_bytes())),
    ),
    invalid("a text as the claims", SYNTAX, Token(|parts| parts.token_of(b"\"ada\""))),
    invalid("a number as the claims", SYNTAX, Token(|parts| parts.token_of(b"1"))),
    invalid("null as the claims", SYNTAX, Token(|parts| parts.token_of(b"null"))),
    invalid("a byte that is not UTF-8", SYNTAX, Token(|parts| agent(parts, b"tra\xffvel"))),
    invalid("an overlong character", SYNTAX, Token(|parts| agent(parts, b"trav\xc1\xa5l"))),
    invalid("a surrogate in UTF-8", SYNTAX, Token(|parts| agent(parts, b"\xed\xa0\x80"))),
    invalid("a character of UTF-8 cut off", SYNTAX, Token(|parts| agent(parts, b"\xe2\x82"))),
    invalid(
        "the claims in UTF-16",
        SYNTAX,
        Token(|parts| {
            let payload: Vec<u8> = parts.claims.encode_utf16().flat_map(u16::to_le_bytes).collect();
            parts.token_of(&payload)
        }),
    ),
    invalid(
        "the claims in UTF-32",
        SYNTAX,
        Token(|parts| {
            let payload: Vec<u8> =
                parts.claims.chars().flat_map(|c| u32::from(c).to_be_bytes()).collect();
            parts.token_of(&payload)
        }),
    ),
    invalid(
        "a byte order mark",
        UNUSUAL,
        Token(|parts| parts.token_of(format!("\u{feff}{}", parts.claims).as_bytes())),
    ),
    invalid(
        "a space before the object",
        UNUSUAL,
        Token(|parts| parts.token_of(format!(" {}", parts.claims).as_bytes())),
    ),
    invalid(
        "a space after the object",
        UNUSUAL,
        Token(|parts| parts.token_of(format!("{} ", parts.claims).as_bytes())),
    ),
    invalid(
        "a line feed after the object",
        UNUSUAL,
        Token(|parts| parts.token_of(format!("{}\n", parts.claims).as_bytes())),
    ),
    invalid("a high surrogate alone", UNUSUAL, Claims("travel", r"\ud800")),
    invalid("a low surrogate alone", UNUSUAL, Claims("travel", r"\udc00")),
    invalid("two surrogates in the wrong order", UNUSUAL, Claims("travel", r"\udc00\ud800")),
    invalid("nine levels", UNUSUAL, Token(|parts| nested(parts, 7))),
    invalid("2,000 levels", UNUSUAL, Token(|parts| nested(parts, 2_000))),
    invalid(
        "33 claims",
        UNUSUAL,
        Token(|parts| {
            let many = (0..24).map(|n| format!("\"k{n}\":0,")).collect::<Vec<_>>().concat();
            parts.token_of(parts.claims.replacen('{', &format!("{{{many}"), 1).as_bytes())
        }),
    ),
    invalid("a claim that nobody knows", KIND, Claims(r#""iss""#, r#""x":1,"iss""#)),
    invalid(
        "a claim named __proto__",
        KIND,
        Claims(r#""iss""#, r#""__proto__":{"iss":"bob"},"iss""#),
    ),
    invalid(
        "a claim of RFC 7519 that no mandate has",
        KIND,
        Claims(r#""iss""#, r#""nbf":1767225600,"iss""#),
    ),
    invalid(
        "a claim of a cart",
        KIND,
        Claims(r#""log""#, r#""total":{"currency":"EUR","amount":1},"log""#),
    ),
    invalid(
        "a claim after the head of the log",
        KIND,
        Token(|parts| {
            let claims = parts.claims.replacen(r#""iss":"ada","#, "", 1);
            parts.token_of(
                format!(r#"{},"iss":"ada"}}"#, claims.strip_suffix('}').unwrap()).as_bytes(),
            )
        }),
    ),
    invalid("no claims", KIND, Token(|parts| parts.token_of(b"{}"))),
    invalid("no issuer", KIND, Claims(r#""iss":"ada","#, "")),
    invalid("no end", KIND, Claims(r#""exp":1767225660,"#, "")),
    invalid("an end as a text", KIND, Claims("1767225660", "\"1767225660\"")),
    invalid("an end that is null", KIND, Claims("1767225660", "null")),
    invalid("an end before the beginning", KIND, Claims("1767225660", "1767225599")),
    invalid("a life of 301 s", KIND, Claims("1767225660", "1767225901")),
    invalid("an audience in a list", KIND, Claims(r#""lux-hotels""#, r#"["lux-hotels"]"#)),
    invalid("two audiences", KIND, Claims(r#""lux-hotels""#, r#"["lux-hotels","rival"]"#)),
    invalid("an audience with a slash", KIND, Claims("lux-hotels", "https://lux-hotels.example/")),
    invalid("an issuer that is a number", KIND, Claims("\"ada\"", "1")),
    invalid("an amount as a text", KIND, Claims("20000", "\"20000\"")),
    invalid("an amount that is true", KIND, Claims("20000", "true")),
    invalid("a currency without an exponent", KIND, Claims("EUR", "XAU")),
    invalid("a quantity of zero", KIND, Claims(r#""quantity":1"#, r#""quantity":0"#)),
    invalid("an agent with a line break", KIND, Claims("travel", r"tra\nvel")),
    invalid("an agent in another script", KIND, Claims("travel", "trаvel")),
];
