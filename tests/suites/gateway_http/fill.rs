//! Puts tokens into the request of a vector: the placeholders of `tests/vectors/README.md`.

use std::collections::BTreeMap;
use std::path::Path;

use mandate::discovery::RECEIPTS_PATH;
use mandate::token::CapClaim;
use mandate::{
    CartHash, Head, Intent, IntentClaims, IntentHash, Kind, Limit, Mandate, Money, Payment,
    PaymentClaims, PrincipalRole, Root, UnixSeconds,
};
use mandate_keys::{Seed, SigningKey};
use mandate_tests::gateway::{Ask, Call, Payer, Shop, sign_with};

/// The seed of the merchant's key, which is the harness's.
const MERCHANT_SEED: [u8; 32] = [0x4c; 32];

/// Everyone whose name stands in a vector, with the bytes that the key is made of.
const PEOPLE: [(&str, [u8; 32]); 4] =
    [("ada", [1; 32]), ("bob", [2; 32]), ("stranger", [9; 32]), ("merchant", MERCHANT_SEED)];

/// A principal of that name. Ada is known by her key, and Bob by a stable id.
pub fn payer(name: &str) -> Payer {
    let seed = seed(name);
    if name == "bob" { Payer::named(name, seed) } else { Payer::new(seed) }
}

fn seed(name: &str) -> [u8; 32] {
    let known = PEOPLE.into_iter().find(|(known, _)| *known == name);
    known.unwrap_or_else(|| panic!("nobody is called {name:?}")).1
}

/// A token that was minted, and the call it is bound to.
#[derive(Debug, Clone)]
pub struct Minted {
    pub token: Token,
    pub call: Call,
}

#[derive(Debug, Clone)]
pub enum Token {
    Intent(Mandate<Intent>),
    Payment(Mandate<Payment>),
}

impl Token {
    pub fn as_str(&self) -> &str {
        match self {
            Self::Intent(intent) => intent.as_str(),
            Self::Payment(payment) => payment.as_str(),
        }
    }

    /// Entries of its wallet's log.
    pub fn size(&self) -> u64 {
        match self {
            Self::Intent(intent) => intent.head().size,
            Self::Payment(payment) => payment.head().size,
        }
    }

    pub fn hash(&self) -> String {
        match self {
            Self::Intent(intent) => intent.hash().to_string(),
            Self::Payment(payment) => payment.hash().to_string(),
        }
    }
}

/// The request as it goes over the wire, and the tokens in it, in order.
#[derive(Debug)]
pub struct Filled {
    pub bytes: Vec<u8>,
    pub minted: Vec<Minted>,
}

/// Fills a request.
pub async fn fill(shop: &Shop, address: std::net::SocketAddr, request: &str) -> Filled {
    let (head, body) = request.split_once("\n\n").unwrap_or((request, ""));
    let body = fill_body(body);
    let call = call_of(head, &body);
    let (mut filled, mut minted) = (String::new(), Vec::new());
    let mut rest = head;
    // First the tokens, in order; then what is named after them.
    while let Some((before, placeholder, after)) = next(rest) {
        filled.push_str(before);
        match Placeholder::parse(placeholder) {
            Placeholder::Token { kind, shown, mut keys } => {
                let one = mint(shop, kind, &call, &mut keys).await;
                assert!(keys.is_empty(), "{{{placeholder}}} has unknown keys: {keys:?}");
                filled.push_str(&shown.of(&one, &mut minted));
            }
            Placeholder::Other(text) => filled.push_str(&text),
            Placeholder::Host => filled.push_str(&address.to_string()),
            Placeholder::Length => filled.push_str(&body.len().to_string()),
            Placeholder::Hash => filled.push_str("{hash}"),
        }
        rest = after;
    }
    filled.push_str(rest);
    if let Some(last) = minted.last() {
        filled = filled.replace("{hash}", &last.token.hash());
    }
    let mut bytes = filled.replace('\n', "\r\n").into_bytes();
    bytes.extend_from_slice(b"\r\n\r\n");
    bytes.extend_from_slice(&body);
    Filled { bytes, minted }
}

/// What a placeholder becomes.
enum Placeholder<'a> {
    Token { kind: &'a str, shown: Shown, keys: BTreeMap<&'a str, String> },
    Other(String),
    Host,
    Length,
    Hash,
}

/// What is shown of a token.
enum Shown {
    Whole,
    HashAlone,
    /// With the first byte of the signature changed.
    SignatureFlipped,
}

impl Shown {
    fn of(&self, one: &Minted, minted: &mut Vec<Minted>) -> String {
        minted.push(one.clone());
        let compact = one.token.as_str();
        match self {
            Self::Whole => compact.to_owned(),
            Self::HashAlone => one.token.hash(),
            Self::SignatureFlipped => {
                let (signed, signature) = compact.rsplit_once('.').expect("a compact token");
                let first = if signature.starts_with('A') { 'B' } else { 'A' };
                format!("{signed}.{first}{}", &signature[1..])
            }
        }
    }
}

impl<'a> Placeholder<'a> {
    fn parse(text: &'a str) -> Self {
        let (name, rest) = text.split_once(' ').unwrap_or((text, ""));
        match (name, rest) {
            ("host", "") => Self::Host,
            ("length", "") => Self::Length,
            ("hash", "") => Self::Hash,
            ("vector", path) => Self::Other(token_of_vector(path)),
            ("hash", rest) => {
                let (kind, keys) = rest.split_once(' ').unwrap_or((rest, ""));
                Self::Token { kind, shown: Shown::HashAlone, keys: keys_of(keys) }
            }
            ("intent" | "payment", rest) => {
                let mut keys = keys_of(rest);
                let shown = match keys.remove("signature").as_deref() {
                    None => Shown::Whole,
                    Some("flipped") => Shown::SignatureFlipped,
                    Some(other) => panic!("`signature` is unknown: {other:?}"),
                };
                Self::Token { kind: name, shown, keys }
            }
            _ => panic!("{{{text}}} is no placeholder"),
        }
    }
}

/// The next placeholder: a brace and a small letter, up to the brace that closes it. JSON has quotes there.
fn next(text: &str) -> Option<(&str, &str, &str)> {
    let opens = |at: &usize| text[at + 1..].starts_with(|first: char| first.is_ascii_lowercase());
    let start = text.match_indices('{').map(|(at, _)| at).find(opens)?;
    let mut depth = 0_u32;
    for (at, byte) in text[start..].bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => {
                let end = start + at;
                return Some((&text[..start], &text[start + 1..end], &text[end + 1..]));
            }
            b'}' => depth -= 1,
            _ => {}
        }
    }
    panic!("a placeholder is not closed: {}", &text[start..]);
}

/// `key=value` pairs; a value goes on to the next key.
fn keys_of(text: &str) -> BTreeMap<&str, String> {
    let mut keys: BTreeMap<&str, String> = BTreeMap::new();
    let mut last = "";
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        match word.split_once('=') {
            Some((key, value)) if key.bytes().all(|byte| byte.is_ascii_lowercase()) => {
                assert!(keys.insert(key, value.to_owned()).is_none(), "{key:?} stands twice");
                last = key;
            }
            _ => {
                let value = keys.get_mut(last).unwrap_or_else(|| panic!("{word:?} has no key"));
                value.push(' ');
                value.push_str(word);
            }
        }
    }
    keys
}

fn fill_body(text: &str) -> Vec<u8> {
    let (mut body, mut rest) = (String::new(), text);
    while let Some((before, placeholder, after)) = next(rest) {
        body.push_str(before);
        match placeholder.split_once(' ') {
            None if placeholder == "crlf" => body.push_str("\r\n"),
            Some(("bytes", count)) => body.push_str(&"x".repeat(count.parse().expect("a count"))),
            _ => panic!("{{{placeholder}}} has no place in a body"),
        }
        rest = after;
    }
    body.push_str(rest);
    body.into_bytes()
}

/// The token of another vector.
fn token_of_vector(path: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors").join(format!("{path}.txt"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| panic!("no vector {path}"));
    let (_header, token) = text.split_once("\n\n").expect("a header and a token");
    token.trim_end_matches('\n').to_owned()
}

/// The call that a request is; on the path of receipts, the booking that is asked about.
fn call_of(head: &str, body: &[u8]) -> Call {
    let line = head.lines().next().expect("a request line");
    let mut words = line.split(' ');
    let (method, target) = (words.next().expect("a method"), words.next().expect("a target"));
    if target.starts_with(RECEIPTS_PATH) {
        return Call::json("POST", "/bookings", r#"{"nights":2}"#);
    }
    let content_type = head.lines().find_map(|line| line.strip_prefix("Content-Type: "));
    let body = bytes::Bytes::copy_from_slice(body);
    let (method, target) = (method.to_owned(), target.to_owned());
    Call { method, target, content_type: content_type.map(str::to_owned), body }
}

/// What is signed and by whom, in terms of the keys of a placeholder.
struct Wanted {
    issuer: Payer,
    key: Option<[u8; 32]>,
    iat: UnixSeconds,
    exp: UnixSeconds,
}

async fn mint(shop: &Shop, kind: &str, call: &Call, keys: &mut BTreeMap<&str, String>) -> Minted {
    let mut call = call.clone();
    for (key, part) in [("method", &mut call.method), ("target", &mut call.target)] {
        if let Some(value) = keys.remove(key) {
            *part = value;
        }
    }
    if let Some(content_type) = keys.remove("type") {
        call.content_type = Some(content_type);
    }
    if let Some(body) = keys.remove("body") {
        call.body = body.into();
    }
    let life = if kind == "intent" { 60 } else { 30 };
    let wanted = wanted(shop, life, keys);
    let ask = Ask {
        agent: "travel",
        action: sku(keys.remove("sku").as_deref().unwrap_or("book_room")),
        quantity: keys.remove("quantity").map_or(1, |quantity| quantity.parse().expect("a count")),
        request: match keys.remove("request").as_deref() {
            None => Some(call.digest()),
            Some("none") => None,
            Some(other) => panic!("`request` is unknown: {other:?}"),
        },
        limit: keys.remove("limit").map(|limit| {
            let Money { currency, amount } = limit.parse().expect("an amount");
            Limit { currency, max: amount }
        }),
    };
    let token = match kind {
        "intent" => Token::Intent(mint_intent(shop, &wanted, &ask, keys)),
        "payment" => Token::Payment(mint_payment(shop, &wanted, &ask, &call, keys).await),
        other => panic!("no token is called {other:?}"),
    };
    Minted { token, call }
}

/// An action of the harness.
fn sku(name: &str) -> &'static str {
    let known = ["search_rooms", "check_in", "book_room", "late_checkout", "cancel_room"];
    known.into_iter().find(|known| *known == name).unwrap_or_else(|| panic!("no action {name:?}"))
}

fn wanted(shop: &Shop, life: u64, keys: &mut BTreeMap<&str, String>) -> Wanted {
    let now = shop.clock.now().seconds();
    let mut time = |key| {
        let offset: Option<i64> = keys.remove(key).map(|offset| offset.parse().expect("seconds"));
        offset.map(|offset| now.checked_add_signed(offset).expect("a moment"))
    };
    let (iat, exp) = (time("iat"), time("exp"));
    let iat = iat.unwrap_or_else(|| exp.map_or(now, |exp| now.min(exp - life)));
    let exp = exp.unwrap_or(iat + life);
    let moment = |seconds| UnixSeconds::new(seconds).expect("a moment");
    Wanted {
        issuer: payer(keys.remove("by").as_deref().unwrap_or("ada")),
        key: keys.remove("key").map(|name| seed(&name)),
        iat: moment(iat),
        exp: moment(exp),
    }
}

fn mint_intent(
    shop: &Shop,
    wanted: &Wanted,
    ask: &Ask,
    keys: &mut BTreeMap<&str, String>,
) -> Mandate<Intent> {
    let right = wanted.issuer.intent_claims(shop.merchant(), ask, wanted.iat);
    let aud = keys.remove("aud").map_or(right.aud.clone(), |aud| aud.parse().expect("an id"));
    sign(wanted, &IntentClaims { exp: wanted.exp, aud, ..right })
}

async fn mint_payment(
    shop: &Shop,
    wanted: &Wanted,
    ask: &Ask,
    call: &Call,
    keys: &mut BTreeMap<&str, String>,
) -> Mandate<Payment> {
    // Nobody else gets a quote here; a stranger pays the cart of somebody who does.
    let enrolled = shop.gateway.settings().enrolment.principals.contains_key(wanted.issuer.id());
    let quoted = if enrolled { &wanted.issuer } else { &payer("ada") };
    let cart = shop.quote(quoted, ask, call).await;
    let right = wanted.issuer.payment_claims(&cart, wanted.iat);
    let mut claims = PaymentClaims { exp: wanted.exp, ..right };
    if let Some(aud) = keys.remove("aud") {
        claims.aud = aud.parse().expect("an id");
    }
    if let Some(act) = keys.remove("act") {
        claims.act = act.parse().expect("a name");
    }
    if let Some(total) = keys.remove("total") {
        claims.total = total.parse().expect("an amount");
    }
    for key in ["cart", "intent", "head"] {
        let Some(value) = keys.remove(key) else { continue };
        assert_eq!(value, "other", "`{key}` is unknown");
        match key {
            "cart" => claims.cart = CartHash::of(b"other"),
            "intent" => claims.intent = IntentHash::of(b"other"),
            _ => claims.peer_log = Head { size: 1, root: Root::of(b"other") },
        }
    }
    let cap = CapClaim {
        currency: None,
        max: None,
        count: None,
        from: UnixSeconds::EPOCH,
        until: None,
        action: None,
        agent: None,
    };
    if let Some(max) = keys.remove("max") {
        let Money { currency, amount } = max.parse().expect("an amount");
        claims.caps.push(CapClaim { currency: Some(currency), max: Some(amount), ..cap.clone() });
    }
    if let Some(count) = keys.remove("count") {
        claims.caps.push(CapClaim { count: Some(count.parse().expect("a count")), ..cap });
    }
    sign(wanted, &claims)
}

fn sign<K: Kind<Role = PrincipalRole>>(wanted: &Wanted, claims: &K::Claims) -> Mandate<K> {
    let Some(seed) = wanted.key else { return wanted.issuer.sign::<K>(claims) };
    let key = SigningKey::from_seed(Seed::copy_from(&seed));
    sign_with(claims, Head { size: 1, root: Root::of(b"1") }, &key)
}
