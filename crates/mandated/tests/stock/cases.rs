//! What a merchant may be shown: good mandates, and mandates with one thing wrong.
//!
//! A key of the test, enrolled beside the wallet's, signs what no wallet would; unchanged, its tokens are accepted.

use data_encoding::BASE64URL_NOPAD;
use mandate::key::Jwk;
use mandate::token::{Intent, Kind, Mandate, Payment};
use mandate::{PublicKey, Signer as _};
use mandate_host::clock::wall_clock;
use mandate_keys::{Seed, SigningKey};
use mandate_tests::{Home, LUX, RIVAL};
use serde_json::{Value, json};

/// How long the tokens of the test live.
const LIFE_S: u64 = 60;

/// What is asked of a verifier, and what it has to say.
pub(crate) struct Case {
    pub(crate) asked: Value,
    /// `ok`, or the word that its refusal begins with; empty where any refusal will do.
    pub(crate) expected: &'static str,
    /// What is different here.
    pub(crate) about: String,
}

/// Changes the header and the claims of a token before it is signed.
type Forge = fn(&mut Value, &mut Value);
/// Changes what a merchant asks or expects.
type Ask = fn(&mut Value);
/// Changes the text of a token.
type Mangle = fn(&str) -> String;

const FORGED: [(&str, &str, Forge); 28] = [
    ("nothing", "ok", |_, _| ()),
    ("the other name of the algorithm", "ok", |header, _| header["alg"] = json!("Ed25519")),
    ("a clock ahead, within the skew", "ok", |_, claims| shift(claims, "iat", 15)),
    ("over, within the skew", "ok", |_, claims| {
        shift(claims, "iat", -75);
        shift(claims, "exp", -75);
    }),
    ("a header with a key", "header", |header, _| header["jwk"] = json!({ "kty": "OKP" })),
    ("a header with an extension", "header", |header, _| header["crit"] = json!(["b64"])),
    ("a header without kid", "header", |header, _| remove(header, "kid")),
    ("no algorithm", "alg", |header, _| header["alg"] = json!("none")),
    ("an algorithm of shared keys", "alg", |header, _| header["alg"] = json!("HS256")),
    ("an algorithm of the same key type", "alg", |header, _| header["alg"] = json!("Ed448")),
    ("a plain JWT", "typ", |header, _| header["typ"] = json!("JWT")),
    ("a cart", "typ", |header, _| header["typ"] = json!("cart-mandate+jwt")),
    ("a typ in another spelling", "typ", |header, _| {
        header["typ"] = json!(format!("application/{}", header["typ"].as_str().unwrap()));
    }),
    ("a key that is not enrolled", "kid", |header, _| {
        header["kid"] = json!(fresh().public_key().id());
    }),
    ("a kid that is no text", "", |header, _| header["kid"] = json!(["x"])),
    ("another issuer", "iss", |_, claims| claims["iss"] = json!("did:key:z6Mk")),
    ("another audience", "aud", |_, claims| claims["aud"] = json!(RIVAL)),
    ("two audiences", "aud", |_, claims| claims["aud"] = json!([LUX, RIVAL])),
    ("one audience in a list", "aud", |_, claims| claims["aud"] = json!([LUX])),
    ("not yet valid", "iat", |_, claims| {
        shift(claims, "iat", 45);
        shift(claims, "exp", 45);
    }),
    ("expired", "exp", |_, claims| {
        shift(claims, "iat", -3_600);
        shift(claims, "exp", -3_600);
    }),
    ("an end as text", "exp", |_, claims| claims["exp"] = json!(claims["exp"].to_string())),
    ("a life too long", "life", |_, claims| shift(claims, "exp", 241)),
    ("an end before the beginning", "life", |_, claims| shift(claims, "exp", -61)),
    ("another action", "sku", |_, claims| claims["action"]["sku"] = json!("cancel_room")),
    ("more units", "quantity", |_, claims| claims["action"]["quantity"] = json!(2)),
    ("no action", "", |_, claims| remove(claims, "action")),
    ("oversized", "size", |_, claims| claims["x"] = json!("x".repeat(mandate::TOKEN_BYTES_MAX))),
];

const FORGED_PAYMENTS: [(&str, &str, Forge); 5] = [
    ("no request", "request", |_, claims| remove(&mut claims["action"], "request")),
    ("no total", "total", |_, claims| remove(claims, "total")),
    ("another price", "total", |_, claims| claims["total"]["amount"] = json!(17_999)),
    ("a price as text", "total", |_, claims| claims["total"]["amount"] = json!("18000")),
    ("another currency", "total", |_, claims| claims["total"]["currency"] = json!("JPY")),
];

const ASKED: [(&str, &str, Ask); 11] = [
    ("an intent for a payment and the reverse", "typ", |asked| {
        let payment = asked["typ"] == Payment::TYP;
        asked["typ"] = json!(if payment { Intent::TYP } else { Payment::TYP });
    }),
    ("keys of somebody else", "kid", |asked| asked["keys"] = json!([jwk(&fresh().public_key())])),
    ("no keys", "kid", |asked| asked["keys"] = json!([])),
    ("another principal", "iss", |asked| asked["principal"] = json!("did:key:z6Mk")),
    ("another merchant", "aud", |asked| asked["merchant"] = json!(RIVAL)),
    ("another action", "sku", |asked| asked["sku"] = json!("cancel_room")),
    ("more units", "quantity", |asked| asked["quantity"] = json!(2)),
    ("another method", "request", |asked| asked["request"]["method"] = json!("PUT")),
    ("another target", "request", |asked| asked["request"]["target"] = json!("/bookings?x=1")),
    ("another content type", "request", |asked| asked["request"]["content_type"] = json!("")),
    ("another body", "request", |asked| asked["request"]["body"] = json!("{}")),
];

const ASKED_OF_PAYMENTS: [(&str, &str, Ask); 3] = [
    ("another price", "total", |asked| asked["total"]["amount"] = json!(18_001)),
    ("another currency", "total", |asked| asked["total"]["currency"] = json!("USD")),
    ("no price", "total", |asked| remove(asked, "total")),
];

/// A signature has one spelling, or one payment would have two hashes.
const MANGLED: [(&str, Mangle); 7] = [
    ("padding", |token| format!("{token}=")),
    ("full padding", |token| format!("{token}==")),
    ("tail bits", |token| {
        let (rest, last) = token.split_at(token.len().checked_sub(1).unwrap());
        let other = match last {
            "A" => "B",
            "Q" => "R",
            "g" => "h",
            "w" => "x",
            _ => panic!("64 bytes do not end in {last}"),
        };
        format!("{rest}{other}")
    }),
    ("a line feed", |token| format!("{token}\n")),
    ("a fourth part", |token| format!("{token}.")),
    ("no signature", |token| token.rsplit_once('.').unwrap().0.to_owned()),
    ("an empty signature", |token| format!("{}.", token.rsplit_once('.').unwrap().0)),
];

fn shift(claims: &mut Value, name: &str, by_s: i64) {
    let at = claims[name].as_i64().unwrap();
    claims[name] = json!(at.checked_add(by_s).unwrap());
}

fn remove(object: &mut Value, name: &str) {
    object.as_object_mut().unwrap().remove(name).unwrap();
}

fn fresh() -> SigningKey {
    SigningKey::from_seed(Seed::random().unwrap())
}

fn jwk(key: &PublicKey) -> Value {
    serde_json::to_value(Jwk::from(key)).unwrap()
}

/// A token as the wallet minted it, and what the merchant expects of it.
pub(crate) fn minted<K: Kind>(home: &Home, wallet: &Value, mandate: &Mandate<K>) -> Value {
    json!({
        "token": mandate.as_str(),
        "typ": K::TYP,
        "keys": [wallet],
        "principal": home.principal().to_string(),
        "merchant": LUX,
        "sku": "book_room",
        "quantity": 1,
        "request": {
            "method": "POST",
            "target": "/bookings",
            "content_type": "application/json",
            "body": r#"{"room":"sea view","nights":1}"#,
        },
        "total": { "currency": "EUR", "amount": 18_000 },
    })
}

/// The question with another token.
pub(crate) fn about(asked: &Value, token: &str) -> Value {
    let mut asked = asked.clone();
    asked["token"] = json!(token);
    asked
}

/// The token with each of its characters, in turn, another one.
pub(crate) fn flipped(token: &str) -> impl Iterator<Item = String> {
    const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // Half an alphabet on: the upper of six bits, which counts also in the last character of a segment.
    let other = |letter| BASE64URL.chars().cycle().skip_while(move |l| *l != letter).nth(32);
    token.char_indices().filter(|(_, letter)| *letter != '.').map(move |(at, letter)| {
        let (before, rest) = token.split_at(at);
        let after = rest.strip_prefix(letter).unwrap();
        format!("{before}{}{after}", other(letter).unwrap())
    })
}

/// The header and the claims of a token.
fn parts(token: &str) -> (Value, Value) {
    let part = |at| {
        let part: &str = token.split('.').nth(at).unwrap();
        serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
    };
    (part(0), part(1))
}

/// The minted token anew: with this key and a life that begins now, changed, and signed whatever it says.
fn forged(minted: &str, key: &SigningKey, change: impl FnOnce(&mut Value, &mut Value)) -> String {
    let ((mut header, mut claims), now) = (parts(minted), wall_clock());
    header["kid"] = json!(key.public_key().id());
    claims["iat"] = json!(now.seconds());
    claims["exp"] = json!(now.plus(LIFE_S).seconds());
    change(&mut header, &mut claims);
    let encode = |value: Value| BASE64URL_NOPAD.encode(value.to_string().as_bytes());
    let signed = format!("{}.{}", encode(header), encode(claims));
    let signature = key.sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_bytes()))
}

/// Every case that grows out of one good question.
pub(crate) fn cases(good: &Value) -> Vec<Case> {
    let case = |about: &str, expected, asked| Case { asked, expected, about: about.to_owned() };
    let (minted, is_payment) = (good["token"].as_str().unwrap(), good["typ"] == Payment::TYP);
    let key = fresh();
    let mut enrolled = good.clone();
    enrolled["keys"].as_array_mut().unwrap().push(jwk(&key.public_key()));

    let mut cases = vec![case("as the wallet minted it", "ok", good.clone())];
    let more: &[_] = if is_payment { &FORGED_PAYMENTS } else { &[] };
    for (name, expected, change) in FORGED.iter().chain(more) {
        cases.push(case(name, expected, about(&enrolled, &forged(minted, &key, change))));
    }
    let kid = parts(minted).0["kid"].clone();
    let stolen = forged(minted, &key, |header, _| header["kid"] = kid);
    cases.push(case(
        "the wallet's kid over another signature",
        "signature",
        about(&enrolled, &stolen),
    ));

    let more: &[_] = if is_payment { &ASKED_OF_PAYMENTS } else { &[] };
    for (name, expected, change) in ASKED.iter().chain(more) {
        let mut asked = good.clone();
        change(&mut asked);
        cases.push(case(name, expected, asked));
    }
    if !is_payment {
        let unbound = forged(minted, &key, |_, claims| remove(&mut claims["action"], "request"));
        let mut asked = about(&enrolled, &unbound);
        asked["request"]["body"] = json!("{}");
        remove(&mut asked, "total");
        cases.push(case("an intent for any request", "ok", asked));
    }
    for (name, mangle) in MANGLED {
        cases.push(case(name, "", about(good, &mangle(minted))));
    }
    cases
}
