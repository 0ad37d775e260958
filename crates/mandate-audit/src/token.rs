//! Tokens as an auditor sees them: of any kind, own ones rebuilt from an entry, and a peer's kept whole.

use std::collections::BTreeMap;
use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use mandate::{
    Cart, Draft, Head, Intent, Jti, KeyId, KeySet, Kind, Payment, PublicKey, Receipt, Root,
    UnverifiedMandate,
};
use mandate_journal::Entry;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::log::{Log, Side};

/// The members of an entry that hold a peer's token whole. No other member does: what an agent wrote may look like one.
const TOKEN_MEMBERS: [&str; 6] = ["cart", "earlier", "intent", "mandate", "receipt", "token"];
/// Kinds of entry that keep tokens upon which nothing was done: they are evidence.
const TURNED_AWAY: [&str; 3] = ["approval_request", "equivocation", "refusal"];

/// Which of the four kinds a token is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Typ {
    /// A wallet asks.
    Intent,
    /// A merchant names a price.
    Cart,
    /// A wallet pays.
    Payment,
    /// A merchant says what became of it.
    Receipt,
}

impl Typ {
    /// All of them, in the order in which a purchase has them.
    const ALL: [Self; 4] = [Self::Intent, Self::Cart, Self::Payment, Self::Receipt];

    /// The word for it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Intent => "intent",
            Self::Cart => "cart",
            Self::Payment => "payment",
            Self::Receipt => "receipt",
        }
    }

    /// Whose it is.
    #[must_use]
    pub fn side(self) -> Side {
        match self {
            Self::Intent | Self::Payment => Side::Wallet,
            Self::Cart | Self::Receipt => Side::Gateway,
        }
    }

    fn typ(self) -> &'static str {
        match self {
            Self::Intent => Intent::TYP,
            Self::Cart => Cart::TYP,
            Self::Payment => Payment::TYP,
            Self::Receipt => Receipt::TYP,
        }
    }
}

impl fmt::Display for Typ {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The claims of a token by name, for telling in which of them two differ.
pub(crate) type Claims = BTreeMap<String, Value>;

/// What all kinds of token have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Body {
    pub(crate) typ: Typ,
    pub(crate) iss: Box<str>,
    pub(crate) jti: Jti,
    /// A digest of header and claims without `log`: the same for an own token's entry and for the token.
    pub(crate) digest: [u8; 32],
    pub(crate) claims: Claims,
}

/// A token of a peer, whole; its signature was not looked at.
#[derive(Debug, Clone)]
pub(crate) struct Token {
    pub(crate) compact: Box<str>,
    pub(crate) body: Body,
    pub(crate) kid: KeyId,
    /// H of the compact form.
    pub(crate) hash: [u8; 32],
    pub(crate) head: Head,
    pub(crate) peer_log: Option<Head>,
}

impl Token {
    /// Reads a compact token of any kind; `None` if it is none.
    pub(crate) fn parse(compact: &str) -> Option<Self> {
        let (header, rest) = compact.split_once('.')?;
        let (payload, _) = rest.split_once('.')?;
        let header = BASE64URL_NOPAD.decode(header.as_bytes()).ok()?;
        let payload = BASE64URL_NOPAD.decode(payload.as_bytes()).ok()?;
        let payload = str::from_utf8(&payload).ok()?;
        let typ = typ(str::from_utf8(&header).ok()?)?;
        let (kid, hash, head) = match typ {
            Typ::Intent => shape::<Intent>(compact)?,
            Typ::Cart => shape::<Cart>(compact)?,
            Typ::Payment => shape::<Payment>(compact)?,
            Typ::Receipt => shape::<Receipt>(compact)?,
        };
        let mut claims: Claims = serde_json::from_str(payload).ok()?;
        claims.remove("log");
        let log = format!(r#","log":{{"size":{},"root":"{}"}}}}"#, head.size, head.root);
        // What cannot be taken apart so was not made from an entry as its format says, and equals none.
        let open = payload.strip_suffix(&log).unwrap_or_default();
        let digest = digest(&header, format!("{open}}}").as_bytes());
        let peer_log = claims.get("peer_log").and_then(read_head);
        let body = Body::new(typ, digest, claims)?;
        Some(Self { compact: compact.into(), body, kid, hash, head, peer_log })
    }

    /// Whether one of these keys signed it.
    pub(crate) fn is_signed(&self, keys: &[PublicKey]) -> bool {
        let compact = &self.compact;
        match self.body.typ {
            Typ::Intent => verifies::<Intent>(compact, keys),
            Typ::Cart => verifies::<Cart>(compact, keys),
            Typ::Payment => verifies::<Payment>(compact, keys),
            Typ::Receipt => verifies::<Receipt>(compact, keys),
        }
    }

    /// H of it, as other tokens name it.
    pub(crate) fn hash_text(&self) -> String {
        Root::from_bytes(self.hash).to_string()
    }

    /// The log it is an entry of.
    pub(crate) fn log(&self) -> Log {
        Log { side: self.body.typ.side(), id: self.body.iss.clone() }
    }
}

impl Body {
    fn new(typ: Typ, digest: [u8; 32], claims: Claims) -> Option<Self> {
        let iss = claims.get("iss")?.as_str()?.into();
        let jti = claims.get("jti")?.as_str()?.parse().ok()?;
        Some(Self { typ, iss, jti, digest, claims })
    }

    /// The names of the claims that differ, with both values.
    pub(crate) fn differences<'a>(
        &'a self,
        other: &'a Self,
    ) -> impl Iterator<Item = (&'a str, Option<&'a Value>, Option<&'a Value>)> {
        let names = self.claims.keys().chain(other.claims.keys());
        let names: std::collections::BTreeSet<&String> = names.collect();
        names.into_iter().filter_map(|name| {
            let (one, two) = (self.claims.get(name), other.claims.get(name));
            (one != two).then_some((name.as_str(), one, two))
        })
    }
}

/// What one entry has to say to an auditor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Reading {
    /// The log's own token that this entry is, without its signature.
    pub(crate) own: Option<Body>,
    /// The peers' tokens that it keeps.
    pub(crate) held: Vec<Token>,
    /// Whether those tokens were turned away.
    pub(crate) is_turned_away: bool,
}

impl Reading {
    /// Reads an entry of any kind.
    ///
    /// Members by other names and of other shapes say nothing here: newer versions may add kinds and members.
    pub(crate) fn of(entry: &Entry<'_>) -> Self {
        let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(entry.body) else {
            return Self::default();
        };
        let text = |name: &str| members.get(name).copied().map(RawValue::get);
        let own = text("header").zip(text("claims")).and_then(|(header, claims)| {
            let typ = typ(header)?;
            kid(header)?;
            let claims_read = serde_json::from_str(claims).ok()?;
            let digest = digest(header.as_bytes(), claims.as_bytes());
            Body::new(typ, digest, claims_read)
        });
        let held = TOKEN_MEMBERS.into_iter().filter_map(|name| {
            let compact: String = serde_json::from_str(text(name)?).ok()?;
            Token::parse(&compact)
        });
        let held = held.collect();
        Self { own, held, is_turned_away: TURNED_AWAY.contains(&entry.kind) }
    }
}

/// The key that an entry's own token names; `None` if it is no token.
pub(crate) fn own_kid(entry: &Entry<'_>) -> Option<KeyId> {
    #[derive(Deserialize)]
    struct Own<'a> {
        #[serde(borrow)]
        header: &'a RawValue,
        #[serde(borrow, rename = "claims")]
        _claims: &'a RawValue,
    }
    let Own { header, .. } = serde_json::from_str(entry.body).ok()?;
    typ(header.get()).and_then(|_| kid(header.get()))
}

/// Whether an own token's stored bytes are what the format allows.
pub(crate) fn is_draft(entry: &Entry<'_>) -> bool {
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(entry.body) else {
        return false;
    };
    let (Some(header), Some(claims)) = (members.get("header"), members.get("claims")) else {
        return false;
    };
    match typ(header.get()) {
        Some(Typ::Intent) => Draft::<Intent>::from_stored(header, claims).is_ok(),
        Some(Typ::Cart) => Draft::<Cart>::from_stored(header, claims).is_ok(),
        Some(Typ::Payment) => Draft::<Payment>::from_stored(header, claims).is_ok(),
        Some(Typ::Receipt) => Draft::<Receipt>::from_stored(header, claims).is_ok(),
        None => false,
    }
}

fn member(header: &str, name: &str) -> Option<String> {
    let header: BTreeMap<String, Value> = serde_json::from_str(header).ok()?;
    header.get(name)?.as_str().map(str::to_owned)
}

fn typ(header: &str) -> Option<Typ> {
    let name = member(header, "typ")?;
    Typ::ALL.into_iter().find(|typ| typ.typ() == name)
}

fn kid(header: &str) -> Option<KeyId> {
    member(header, "kid")?.parse().ok()
}

/// A digest over two texts, neither of which can run into the other.
fn digest(header: &[u8], claims: &[u8]) -> [u8; 32] {
    let header = Root::of(header);
    let claims = Root::of(claims);
    Root::of(&[header.as_bytes().as_slice(), claims.as_bytes()].concat()).into()
}

fn read_head(value: &Value) -> Option<Head> {
    serde_json::from_value(value.clone()).ok()
}

fn shape<K: Kind>(compact: &str) -> Option<(KeyId, [u8; 32], Head)> {
    let token = UnverifiedMandate::<K>::parse(compact).ok()?;
    Some((*token.kid(), token.hash().into(), token.head()))
}

fn verifies<K: Kind>(compact: &str, keys: &[PublicKey]) -> bool {
    let keys = KeySet::new(keys.iter().copied());
    UnverifiedMandate::<K>::parse(compact).is_ok_and(|token| token.verify(&keys).is_ok())
}
