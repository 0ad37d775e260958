//! The text around the bytes: segments, and base64url.

use super::super::forge::Fault::Token;
use super::super::forge::{Parts, encode, segments, with_tail_bits};
use super::super::intent;
use super::flag::Flag::{Base64, Base64TailBits, Segments, StricterProfile, TokenSize};
use super::{Flag, Row, Topic, invalid};

pub(super) fn topic() -> Topic {
    Topic::new("segments and base64url", &intent::parts(), ROWS)
}

/// Header and claims of which neither ends on a whole group of four characters: both can be padded.
fn ragged(parts: &Parts) -> (String, String) {
    let header = encode(parts.header.replacen(',', ", ", 1).as_bytes());
    (header, encode(format!("{{ {}", &parts.claims[1..]).as_bytes()))
}

/// The token with `mark` put into the middle of its `at`th segment, and signed so.
fn marked(parts: &Parts, at: usize, mark: &str) -> String {
    let mut segments = segments(&parts.token());
    let middle = segments[at].len() / 8 * 4;
    segments[at].insert_str(middle, mark);
    if at == 2 { segments.join(".") } else { parts.seal(&segments[0], &segments[1]) }
}

const FORM: &[Flag] = &[Base64];
const COUNT: &[Flag] = &[Segments];
const TAIL: &[Flag] = &[StricterProfile, Base64TailBits];

const ROWS: &[Row] = &[
    invalid(
        "the header padded",
        FORM,
        Token(|parts| {
            let (header, payload) = ragged(parts);
            parts.seal(&format!("{header}="), &payload)
        }),
    ),
    invalid(
        "the payload padded",
        FORM,
        Token(|parts| {
            let (header, payload) = ragged(parts);
            parts.seal(&header, &format!("{payload}=="))
        }),
    ),
    invalid("the signature padded", FORM, Token(|parts| format!("{}==", parts.token()))),
    invalid("the signature padded halfway", FORM, Token(|parts| format!("{}=", parts.token()))),
    invalid(
        "tail bits in the header",
        TAIL,
        Token(|parts| {
            let (header, payload) = ragged(parts);
            parts.seal(&with_tail_bits(&header), &payload)
        }),
    ),
    invalid(
        "tail bits in the payload",
        TAIL,
        Token(|parts| {
            let (header, payload) = ragged(parts);
            parts.seal(&header, &with_tail_bits(&payload))
        }),
    ),
    invalid("tail bits in the signature", TAIL, Token(|parts| with_tail_bits(&parts.token()))),
    invalid(
        "the payload in the standard alphabet",
        FORM,
        Token(|parts| {
            let payload = encode(parts.claims.replace("ada", "a~~~?").as_bytes());
            let standard = payload.replace('-', "+").replace('_', "/");
            assert_ne!(payload, standard);
            parts.seal(&encode(parts.header.as_bytes()), &standard)
        }),
    ),
    invalid(
        "the signature in the standard alphabet",
        FORM,
        Token(|parts| {
            let [header, payload, signature] = segments(&parts.token());
            let standard = signature.replace('-', "+").replace('_', "/");
            assert_ne!(signature, standard);
            format!("{header}.{payload}.{standard}")
        }),
    ),
    invalid("a space in the header", FORM, Token(|parts| marked(parts, 0, " "))),
    invalid("a line feed in the payload", FORM, Token(|parts| marked(parts, 1, "\n"))),
    invalid("a carriage return in the payload", FORM, Token(|parts| marked(parts, 1, "\r\n"))),
    invalid("a line feed in the signature", FORM, Token(|parts| marked(parts, 2, "\n"))),
    invalid("a tab in the signature", FORM, Token(|parts| marked(parts, 2, "\t"))),
    invalid(
        "a character of no alphabet in the payload",
        FORM,
        Token(|parts| marked(parts, 1, "!")),
    ),
    invalid(
        "a character of no alphabet in the signature",
        FORM,
        Token(|parts| marked(parts, 2, "~")),
    ),
    invalid("a zero byte in the signature", FORM, Token(|parts| marked(parts, 2, "\0"))),
    invalid(
        "a character beyond ASCII in the signature",
        FORM,
        Token(|parts| marked(parts, 2, "é")),
    ),
    invalid("a percent escape in the signature", FORM, Token(|parts| marked(parts, 2, "%2D"))),
    invalid("a space before the token", FORM, Token(|parts| format!(" {}", parts.token()))),
    invalid("a space after the token", FORM, Token(|parts| format!("{} ", parts.token()))),
    invalid("a line feed after the token", FORM, Token(|parts| format!("{}\n", parts.token()))),
    invalid(
        "a byte order mark before the token",
        FORM,
        Token(|parts| format!("\u{feff}{}", parts.token())),
    ),
    invalid(
        "one character of base64url left over in the payload",
        FORM,
        Token(|parts| {
            let payload = encode(parts.claims.as_bytes());
            let whole = payload.len() / 4 * 4;
            parts.seal(&encode(parts.header.as_bytes()), &format!("{}A", &payload[..whole]))
        }),
    ),
    invalid("nothing", COUNT, Token(|_| String::new())),
    invalid("one segment", COUNT, Token(|parts| encode(parts.claims.as_bytes()))),
    invalid(
        "no signature and no dot before it",
        COUNT,
        Token(|parts| parts.token().rsplit_once('.').unwrap().0.to_owned()),
    ),
    invalid("four segments", COUNT, Token(|parts| format!("{}.AAAA", parts.token()))),
    invalid(
        "five segments, as in JWE",
        COUNT,
        Token(|parts| format!("{}.AAAA.AAAA", parts.token())),
    ),
    invalid("a dot after the token", COUNT, Token(|parts| format!("{}.", parts.token()))),
    invalid("a dot before the token", COUNT, Token(|parts| format!(".{}", parts.token()))),
    invalid("two dots alone", COUNT, Token(|_| "..".to_owned())),
    invalid(
        "an empty header",
        COUNT,
        Token(|parts| parts.seal("", &encode(parts.claims.as_bytes()))),
    ),
    invalid(
        "an empty payload",
        COUNT,
        Token(|parts| parts.seal(&encode(parts.header.as_bytes()), "")),
    ),
    invalid(
        "the JSON serialization, flattened",
        COUNT,
        Token(|parts| {
            let [header, payload, signature] = segments(&parts.token());
            format!(r#"{{"protected":"{header}","payload":"{payload}","signature":"{signature}"}}"#)
        }),
    ),
    invalid(
        "the JSON serialization, general",
        COUNT,
        Token(|parts| {
            let [header, payload, signature] = segments(&parts.token());
            format!(
                r#"{{"payload":"{payload}","signatures":[{{"protected":"{header}","signature":"{signature}"}}]}}"#
            )
        }),
    ),
    invalid(
        "the name of a scheme before the token",
        COUNT,
        Token(|parts| format!("Bearer {}", parts.token().replace('.', ". "))),
    ),
    invalid(
        "a token past 8 KiB",
        &[StricterProfile, TokenSize],
        Token(|parts| {
            parts.token_of(
                parts.claims.replacen('{', &format!("{{{}", " ".repeat(6_000)), 1).as_bytes(),
            )
        }),
    ),
];
