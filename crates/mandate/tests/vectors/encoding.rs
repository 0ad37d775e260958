//! What concerns every kind alike, tried on intents: segments, JSON and signature.

use super::forge::Fault::{Claims, Parts as Altered, Token};
use super::forge::{Holder, Parts, Row, encode, resigned, segments, with_tail_bits};

/// The order of the group, little endian (RFC 8032, section 5.1).
const ORDER: [u8; 32] = [
    0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
];

/// The token made so many bytes long, by white space in its header and its claims.
fn of_bytes(parts: &Parts, bytes: usize) -> String {
    let spaced =
        |text: &str, spaces: usize| text.replacen(',', &format!(",{}", " ".repeat(spaces)), 1);
    (0..4)
        .flat_map(|header| (0..bytes).map(move |payload| (header, payload)))
        .map(|(header, payload)| {
            let (header, claims) = (spaced(&parts.header, header), spaced(&parts.claims, payload));
            Parts { header, claims, ..parts.clone() }
        })
        .find(|parts| parts.length() == bytes)
        .unwrap()
        .token()
}

pub(crate) const SHAPE: &[Row] = &[
    (
        "header_padded",
        "base64",
        "header",
        Token(|parts| {
            let header = encode(parts.header.replacen(',', ", ", 1).as_bytes());
            parts.seal(&format!("{header}="), &encode(parts.claims.as_bytes()))
        }),
    ),
    (
        "header_tail_bits",
        "base64",
        "header",
        Token(|parts| {
            let header = encode(parts.header.replacen(',', ", ", 1).as_bytes());
            parts.seal(&with_tail_bits(&header), &encode(parts.claims.as_bytes()))
        }),
    ),
    (
        "payload_line_feed",
        "base64",
        "payload",
        Token(|parts| {
            let (first, rest) = (&parts.claims[..30], &parts.claims[30..]);
            parts.seal(
                &encode(parts.header.as_bytes()),
                &format!("{}\r{}", encode(first.as_bytes()), encode(rest.as_bytes())),
            )
        }),
    ),
    (
        "payload_padded",
        "base64",
        "payload",
        Token(|parts| {
            let payload = encode(format!("{{ {}", &parts.claims[1..]).as_bytes());
            parts.seal(&encode(parts.header.as_bytes()), &format!("{payload}=="))
        }),
    ),
    (
        "payload_standard_alphabet",
        "base64",
        "payload",
        Token(|parts| {
            let payload = encode(parts.claims.replace("ada", "a~~~?").as_bytes());
            parts.seal(
                &encode(parts.header.as_bytes()),
                &payload.replace('-', "+").replace('_', "/"),
            )
        }),
    ),
    (
        "payload_tail_bits",
        "base64",
        "payload",
        Token(|parts| {
            let payload = encode(format!("{{ {}", &parts.claims[1..]).as_bytes());
            parts.seal(&encode(parts.header.as_bytes()), &with_tail_bits(&payload))
        }),
    ),
    ("segments_one", "segments", "", Token(|parts| encode(parts.claims.as_bytes()))),
    (
        "segments_two",
        "segments",
        "",
        Token(|parts| parts.token().rsplit_once('.').unwrap().0.to_owned()),
    ),
    ("segments_four", "segments", "", Token(|parts| format!("{}.AAAA", parts.token()))),
    (
        "signature_absent",
        "signature_length",
        "",
        Token(|parts| resigned(&parts.token(), Vec::clear)),
    ),
    (
        "signature_long",
        "signature_length",
        "",
        Token(|parts| resigned(&parts.token(), |bytes| bytes.push(0))),
    ),
    ("signature_padded", "base64", "signature", Token(|parts| format!("{}==", parts.token()))),
    (
        "signature_short",
        "signature_length",
        "",
        Token(|parts| resigned(&parts.token(), |bytes| bytes.truncate(63))),
    ),
    ("signature_tail_bits", "base64", "signature", Token(|parts| with_tail_bits(&parts.token()))),
    (
        "too_large",
        "too_large",
        "",
        Altered(|parts| parts.swap_claim("{\"iss\"", &format!("{{{}\"iss\"", " ".repeat(6_000)))),
    ),
    ("too_large_by_a_byte", "too_large", "", Token(|parts| of_bytes(parts, 8_193))),
    ("valid_8192_bytes", "ok", "", Token(|parts| of_bytes(parts, 8_192))),
    ("white_space_after", "base64", "signature", Token(|parts| format!("{} ", parts.token()))),
    (
        "segments_empty_header",
        "json_not_an_object",
        "header",
        Token(|parts| parts.seal("", &encode(parts.claims.as_bytes()))),
    ),
    ("segments_dots_alone", "signature_length", "", Token(|_| "..".to_owned())),
    ("segments_five", "segments", "", Token(|parts| format!("{}.AAAA.AAAA", parts.token()))),
    (
        "signature_standard_alphabet",
        "base64",
        "signature",
        Token(|parts| {
            let [header, payload, signature] = segments(&parts.token());
            let standard = signature.replace('-', "+").replace('_', "/");
            assert_ne!(signature, standard);
            format!("{header}.{payload}.{standard}")
        }),
    ),
    ("white_space_before", "base64", "header", Token(|parts| format!(" {}", parts.token()))),
];

pub(crate) const JSON: &[Row] = &[
    (
        "json_array",
        "json_not_an_object",
        "payload",
        Token(|parts| parts.token_of(format!("[{}]", parts.claims).as_bytes())),
    ),
    (
        "json_byte_order_mark",
        "json_byte_order_mark",
        "payload",
        Token(|parts| parts.token_of(format!("\u{feff}{}", parts.claims).as_bytes())),
    ),
    ("json_comma_at_the_end", "json_syntax", "payload", Claims(r#"A"}}"#, r#"A"},}"#)),
    ("json_comment", "json_syntax", "payload", Claims(r#""exp""#, r#"/* */"exp""#)),
    (
        "json_deep",
        "json_depth",
        "payload",
        Claims(r#""max":20000"#, r#""max":[[[[[[[[[1]]]]]]]]]"#),
    ),
    ("json_empty", "json_not_an_object", "payload", Token(|parts| parts.token_of(b""))),
    ("json_key_twice", "json_duplicate_key", "payload", Claims(r#""aud""#, r#""iss":"ada","aud""#)),
    (
        "json_key_twice_by_escape",
        "json_duplicate_key",
        "payload",
        Claims(r#""aud""#, r#""\u0069ss":"ada","aud""#),
    ),
    (
        "json_key_twice_within",
        "json_duplicate_key",
        "payload",
        Claims(r#""max""#, r#""max":20000,"max""#),
    ),
    (
        "json_many_members",
        "json_members",
        "payload",
        Altered(|parts| {
            let many = (0..32).map(|n| format!("\"k{n}\":0,")).collect::<Vec<_>>().concat();
            parts.swap_claim("{\"iss\"", &format!("{{{many}\"iss\""));
        }),
    ),
    ("json_number_exponent", "json_number", "payload", Claims("20000", "2e4")),
    ("json_number_fraction", "json_number", "payload", Claims("20000", "20000.0")),
    ("json_number_leading_zero", "json_syntax", "payload", Claims("20000", "020000")),
    ("json_number_minus_zero", "json_number", "payload", Claims("20000", "-0")),
    ("json_number_negative", "json_number", "payload", Claims("20000", "-20000")),
    (
        "json_number_past_2_53",
        "json_number_too_large",
        "payload",
        Claims("20000", "9007199254740992"),
    ),
    ("json_number_past_2_64", "json_number", "payload", Claims("20000", "18446744073709551616")),
    ("json_number_plus", "json_syntax", "payload", Claims("20000", "+20000")),
    (
        "json_space_after",
        "json_trailing",
        "payload",
        Token(|parts| parts.token_of(format!("{} ", parts.claims).as_bytes())),
    ),
    (
        "json_space_before",
        "json_not_an_object",
        "payload",
        Token(|parts| parts.token_of(format!(" {}", parts.claims).as_bytes())),
    ),
    ("json_surrogate_alone", "json_syntax", "payload", Claims("travel", r"\ud800")),
    (
        "json_two_objects",
        "json_trailing",
        "payload",
        Token(|parts| parts.token_of(format!("{}{{}}", parts.claims).as_bytes())),
    ),
    (
        "json_utf8",
        "json_utf8",
        "payload",
        Token(|parts| {
            let mut payload = parts.claims.clone().into_bytes();
            payload[8] = 0xff;
            parts.token_of(&payload)
        }),
    ),
];

pub(crate) const SIGNATURE: &[Row] = &[
    (
        "key_of_a_stranger",
        "key_unknown",
        "",
        Token(|parts| Parts::new("intent-mandate+jwt", Holder::Other, &parts.claims).token()),
    ),
    (
        "signature_by_a_stranger",
        "signature_invalid",
        "",
        Altered(|parts| parts.signed_by = Holder::Other),
    ),
    (
        "signature_flipped",
        "signature_invalid",
        "",
        Token(|parts| resigned(&parts.token(), |bytes| bytes[0] ^= 1)),
    ),
    (
        "signature_not_canonical",
        "signature_invalid",
        "",
        Token(|parts| {
            resigned(&parts.token(), |bytes| {
                let mut carry = 0;
                for (byte, add) in bytes[32..].iter_mut().zip(ORDER) {
                    let sum = u16::from(*byte) + u16::from(add) + carry;
                    [*byte, _] = sum.to_le_bytes();
                    carry = sum >> 8;
                }
            })
        }),
    ),
    (
        "signature_of_another_header",
        "signature_invalid",
        "",
        Token(|parts| {
            let [_, payload, signature] = segments(&parts.token());
            let header = encode(parts.header.replace("EdDSA", "Ed25519").as_bytes());
            format!("{header}.{payload}.{signature}")
        }),
    ),
    (
        "signature_of_another_payload",
        "signature_invalid",
        "",
        Token(|parts| {
            let [header, _, signature] = segments(&parts.token());
            format!(
                "{header}.{}.{signature}",
                encode(parts.claims.replace("20000", "90000").as_bytes())
            )
        }),
    ),
    (
        "signature_zero",
        "signature_invalid",
        "",
        Token(|parts| resigned(&parts.token(), |bytes| bytes.fill(0))),
    ),
];
