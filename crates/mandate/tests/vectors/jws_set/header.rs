//! The protected header: its algorithm, its key, its kind, and what does not belong into it.

use josekit::jws::{HS256, JwsSigner as _};

use super::super::forge::Fault::{Header, Parts as Altered, Token};
use super::super::forge::{Holder, Parts, encode, segments};
use super::super::intent;
use super::flag::Flag::{
    AlgNone, AlgorithmConfusion, AlgorithmName, CriticalHeader, DuplicateKey, EmbeddedKey,
    HeaderMember, JsonSyntax, JsonUnusual, KeyId, StricterProfile, TokenType,
};
use super::{Flag, Row, Topic, invalid};

pub(super) fn topic() -> Topic {
    Topic::new("headers", &intent::parts(), ROWS)
}

/// Begins the DER of an Ed25519 public key (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The token under a MAC whose secret is this text of the public key.
fn mac(parts: &Parts, secret: &[u8]) -> String {
    let message = format!(
        "{}.{}",
        encode(parts.header.replacen("EdDSA", "HS256", 1).as_bytes()),
        encode(parts.claims.as_bytes())
    );
    let signer = HS256.signer_from_bytes(secret).unwrap();
    format!("{message}.{}", encode(&signer.sign(message.as_bytes()).unwrap()))
}

fn der(parts: &Parts) -> Vec<u8> {
    [SPKI.as_slice(), parts.signed_by.public_key().as_bytes()].concat()
}

fn pem(parts: &Parts) -> String {
    let body = data_encoding::BASE64.encode(&der(parts));
    format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----\n")
}

/// The token with another `alg`, signed as it says it is not.
fn unsigned(parts: &Parts, alg: &str) -> String {
    let header = parts.header.replacen("EdDSA", alg, 1);
    format!("{}.{}.", encode(header.as_bytes()), encode(parts.claims.as_bytes()))
}

/// The token with these bytes as its header, signed.
fn with_header(parts: &Parts, header: &[u8]) -> String {
    parts.seal(&encode(header), &encode(parts.claims.as_bytes()))
}

/// Takes `kid` out, or puts this in its place.
fn with_kid(parts: &mut Parts, kid: &str) {
    parts.header = format!(r#"{{"alg":"EdDSA","typ":"intent-mandate+jwt"{kid}}}"#);
}

/// Puts a member before the others.
const fn member(text: &'static str) -> super::Fault {
    Header("{", text)
}

const NAME: &[Flag] = &[AlgorithmName];
const CONFUSED: &[Flag] = &[AlgorithmConfusion];
const MEMBER: &[Flag] = &[StricterProfile, HeaderMember];
const TYPE: &[Flag] = &[StricterProfile, TokenType];
const CRIT: &[Flag] = &[CriticalHeader];
const JSON: &[Flag] = &[JsonSyntax];

const ROWS: &[Row] = &[
    invalid("alg none and an empty signature", &[AlgNone], Token(|parts| unsigned(parts, "none"))),
    invalid("alg None and an empty signature", &[AlgNone], Token(|parts| unsigned(parts, "None"))),
    invalid("alg NONE and an empty signature", &[AlgNone], Token(|parts| unsigned(parts, "NONE"))),
    invalid("alg nOnE and an empty signature", &[AlgNone], Token(|parts| unsigned(parts, "nOnE"))),
    invalid("alg none and a good signature", &[AlgNone], Header("EdDSA", "none")),
    invalid("alg of no letters", NAME, Header("EdDSA", "")),
    invalid("alg in lower case", NAME, Header("EdDSA", "eddsa")),
    invalid("alg in upper case", NAME, Header("EdDSA", "EDDSA")),
    invalid("alg in another mixed case", NAME, Header("EdDSA", "EdDsa")),
    invalid("alg ed25519 in lower case", NAME, Header("EdDSA", "ed25519")),
    invalid("alg with a space after it", NAME, Header("EdDSA", "EdDSA ")),
    invalid("alg with a zero byte after it", NAME, Header("EdDSA", r"EdDSA\u0000")),
    invalid("alg missing", NAME, Header(r#""alg":"EdDSA","#, "")),
    invalid("alg is null", NAME, Header(r#""EdDSA""#, "null")),
    invalid("alg is a number", NAME, Header(r#""EdDSA""#, "-8")),
    invalid("alg is a list", NAME, Header(r#""EdDSA""#, r#"["EdDSA"]"#)),
    invalid("alg is an object", NAME, Header(r#""EdDSA""#, r#"{"name":"EdDSA"}"#)),
    invalid("the member is named ALG", NAME, Header(r#""alg""#, r#""ALG""#)),
    invalid("alg Ed448", CONFUSED, Header("EdDSA", "Ed448")),
    invalid("alg Ed25519ph", CONFUSED, Header("EdDSA", "Ed25519ph")),
    invalid("alg ES256", CONFUSED, Header("EdDSA", "ES256")),
    invalid("alg ES256K", CONFUSED, Header("EdDSA", "ES256K")),
    invalid("alg RS256", CONFUSED, Header("EdDSA", "RS256")),
    invalid("alg ECDH-ES", CONFUSED, Header("EdDSA", "ECDH-ES")),
    invalid("alg HS256 and a good signature", CONFUSED, Header("EdDSA", "HS256")),
    invalid(
        "alg HS256 under the bytes of the public key",
        CONFUSED,
        Token(|parts| mac(parts, parts.signed_by.public_key().as_bytes())),
    ),
    invalid(
        "alg HS256 under the x of the JWK",
        CONFUSED,
        Token(|parts| mac(parts, parts.signed_by.public_key().x().as_bytes())),
    ),
    invalid(
        "alg HS256 under the DER of the public key",
        CONFUSED,
        Token(|parts| mac(parts, &der(parts))),
    ),
    invalid(
        "alg HS256 under the PEM of the public key",
        CONFUSED,
        Token(|parts| mac(parts, pem(parts).as_bytes())),
    ),
    invalid(
        "alg twice, EdDSA first",
        &[AlgorithmName, DuplicateKey],
        Header(r#""typ""#, r#""alg":"none","typ""#),
    ),
    invalid(
        "alg twice, EdDSA last",
        &[StricterProfile, DuplicateKey],
        Header("{", r#"{"alg":"none","#),
    ),
    invalid(
        "alg twice, the same",
        &[StricterProfile, DuplicateKey],
        Header("{", r#"{"alg":"EdDSA","#),
    ),
    invalid(
        "alg twice by an escape",
        &[StricterProfile, DuplicateKey],
        Header("{", r#"{"\u0061lg":"EdDSA","#),
    ),
    invalid(
        "kid twice, the trusted one last",
        &[StricterProfile, DuplicateKey],
        Header("{", r#"{"kid":"x","#),
    ),
    invalid(
        "typ twice, the right one last",
        &[StricterProfile, DuplicateKey],
        Header("{", r#"{"typ":"JWT","#),
    ),
    invalid("kid missing", &[StricterProfile, HeaderMember], Altered(|parts| with_kid(parts, ""))),
    invalid("kid of a name", &[KeyId], Altered(|parts| with_kid(parts, r#","kid":"ada""#))),
    invalid("kid of no letters", &[KeyId], Altered(|parts| with_kid(parts, r#","kid":"""#))),
    invalid("kid is null", &[KeyId], Altered(|parts| with_kid(parts, r#","kid":null"#))),
    invalid("kid is a number", &[KeyId], Altered(|parts| with_kid(parts, r#","kid":1"#))),
    invalid(
        "kid is a list with the trusted one",
        &[KeyId],
        Altered(|parts| {
            let kid = parts.signed_by.public_key().id();
            with_kid(parts, &format!(r#","kid":["{kid}"]"#));
        }),
    ),
    invalid(
        "kid of a path",
        &[KeyId],
        Altered(|parts| with_kid(parts, r#","kid":"../../dev/null""#)),
    ),
    invalid(
        "kid of a statement",
        &[KeyId],
        Altered(|parts| with_kid(parts, r#","kid":"x' OR '1'='1""#)),
    ),
    invalid(
        "kid of another key, signed by that",
        &[KeyId],
        Token(|parts| Parts::new("intent-mandate+jwt", Holder::Other, &parts.claims).token()),
    ),
    invalid(
        "kid of another key, signed by the trusted one",
        &[KeyId],
        Altered(|parts| {
            let kid = Holder::Other.public_key().id();
            with_kid(parts, &format!(r#","kid":"{kid}""#));
        }),
    ),
    invalid(
        "kid padded",
        &[KeyId],
        Altered(|parts| {
            let kid = parts.signed_by.public_key().id();
            with_kid(parts, &format!(r#","kid":"{kid}=""#));
        }),
    ),
    invalid(
        "jwk of a forger, signed by that",
        &[EmbeddedKey],
        Altered(|parts| {
            let key = Holder::Other.public_key();
            let jwk = format!(r#"{{"jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}},"#, key.x());
            parts.header = parts.header.replacen('{', &jwk, 1);
            parts.signed_by = Holder::Other;
        }),
    ),
    invalid(
        "jwk of a forger instead of kid, signed by that",
        &[EmbeddedKey],
        Altered(|parts| {
            let jwk = format!(
                r#","jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}}"#,
                Holder::Other.public_key().x()
            );
            with_kid(parts, &jwk);
            parts.signed_by = Holder::Other;
        }),
    ),
    invalid(
        "jku of a forger, signed by that",
        &[EmbeddedKey],
        Altered(|parts| {
            parts.header = parts.header.replacen('{', r#"{"jku":"https://keys.example/jwks","#, 1);
            parts.signed_by = Holder::Other;
        }),
    ),
    invalid(
        "jwk of the trusted key",
        MEMBER,
        Altered(|parts| {
            let jwk = format!(
                r#"{{"jwk":{{"kty":"OKP","crv":"Ed25519","x":"{}"}},"#,
                parts.signed_by.public_key().x()
            );
            parts.header = parts.header.replacen('{', &jwk, 1);
        }),
    ),
    invalid("jku", MEMBER, member(r#"{"jku":"https://keys.example/jwks","#)),
    invalid("x5u", MEMBER, member(r#"{"x5u":"https://keys.example/x5u","#)),
    invalid("x5c", MEMBER, member(r#"{"x5c":["MIIB"],"#)),
    invalid("x5t", MEMBER, member(r#"{"x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA","#)),
    invalid("cty", MEMBER, member(r#"{"cty":"json","#)),
    invalid("zip", MEMBER, member(r#"{"zip":"DEF","#)),
    invalid("enc", MEMBER, member(r#"{"enc":"A256GCM","#)),
    invalid("a member that nobody knows", MEMBER, member(r#"{"x":1,"#)),
    invalid("a member named __proto__", MEMBER, member(r#"{"__proto__":{"alg":"none"},"#)),
    invalid("a claim in the header", MEMBER, member(r#"{"iss":"ada","#)),
    invalid("b64 true without crit", MEMBER, member(r#"{"b64":true,"#)),
    invalid("crit with an extension that nobody knows", CRIT, member(r#"{"x":1,"crit":["x"],"#)),
    invalid("crit with an extension that is not there", CRIT, member(r#"{"crit":["x"],"#)),
    invalid("crit of nothing", CRIT, member(r#"{"crit":[],"#)),
    invalid("crit is a text", CRIT, member(r#"{"x":1,"crit":"x","#)),
    invalid("crit is null", CRIT, member(r#"{"crit":null,"#)),
    invalid("crit with a claim", CRIT, member(r#"{"exp":1767225660,"crit":["exp"],"#)),
    invalid("crit with a registered member", CRIT, member(r#"{"crit":["alg"],"#)),
    invalid(
        "crit with b64, and the payload not encoded",
        CRIT,
        Token(|parts| {
            let header = parts.header.replacen('{', r#"{"b64":false,"crit":["b64"],"#, 1);
            parts.seal(&encode(header.as_bytes()), "claims")
        }),
    ),
    invalid(
        "crit with b64, and the payload encoded",
        CRIT,
        member(r#"{"b64":false,"crit":["b64"],"#),
    ),
    invalid("typ missing", TYPE, Header(r#""typ":"intent-mandate+jwt","#, "")),
    invalid("typ JWT", TYPE, Header("intent-mandate+jwt", "JWT")),
    invalid(
        "typ of a cart over the claims of an intent",
        TYPE,
        Header("intent-mandate+jwt", "cart-mandate+jwt"),
    ),
    invalid(
        "typ of a payment over the claims of an intent",
        TYPE,
        Header("intent-mandate+jwt", "payment-mandate+jwt"),
    ),
    invalid("typ in another case", TYPE, Header("intent-mandate+jwt", "Intent-Mandate+JWT")),
    invalid(
        "typ with its media type",
        TYPE,
        Header("intent-mandate+jwt", "application/intent-mandate+jwt"),
    ),
    invalid("typ with a space after it", TYPE, Header("+jwt", "+jwt ")),
    invalid(
        "the header is a list",
        JSON,
        Token(|parts| with_header(parts, format!("[{}]", parts.header).as_bytes())),
    ),
    invalid("the header is a text", JSON, Token(|parts| with_header(parts, b"\"EdDSA\""))),
    invalid("the header is null", JSON, Token(|parts| with_header(parts, b"null"))),
    invalid("the header is no JSON", JSON, Header("\"EdDSA\",", "\"EdDSA\";")),
    invalid("the header has a comma at its end", JSON, Header("\"}", "\",}")),
    invalid(
        "the header is not UTF-8",
        JSON,
        Token(|parts| {
            let mut header = parts.header.clone().into_bytes();
            header[2] = 0xff;
            with_header(parts, &header)
        }),
    ),
    invalid(
        "the header goes on after its object",
        JSON,
        Token(|parts| with_header(parts, format!("{}{{}}", parts.header).as_bytes())),
    ),
    invalid(
        "the header has a byte order mark",
        &[StricterProfile, JsonUnusual],
        Token(|parts| with_header(parts, format!("\u{feff}{}", parts.header).as_bytes())),
    ),
    invalid(
        "the header has a space after it",
        &[StricterProfile, JsonUnusual],
        Token(|parts| with_header(parts, format!("{} ", parts.header).as_bytes())),
    ),
    invalid(
        "the header is in UTF-16",
        JSON,
        Token(|parts| {
            let bytes: Vec<u8> = parts.header.encode_utf16().flat_map(u16::to_le_bytes).collect();
            with_header(parts, &bytes)
        }),
    ),
    invalid(
        "header and claims swapped",
        &[JsonSyntax],
        Token(|parts| {
            let [header, payload, _] = segments(&parts.token());
            parts.seal(&payload, &header)
        }),
    ),
];
