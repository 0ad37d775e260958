//! Makes tokens of raw parts, right and wrong ones alike, without the code under test.

use std::fmt;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signer as _, SigningKey};
use mandate::PublicKey;

/// Who holds a key of the vectors. Each seed is 32 equal bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    Principal,
    Merchant,
    Other,
}

impl Holder {
    pub(crate) fn named(name: &str) -> Self {
        [Self::Principal, Self::Merchant, Self::Other]
            .into_iter()
            .find(|holder| holder.name() == name)
            .expect("a key is of the principal, the merchant or other")
    }

    fn name(self) -> &'static str {
        match self {
            Self::Principal => "principal",
            Self::Merchant => "merchant",
            Self::Other => "other",
        }
    }

    fn signing_key(self) -> SigningKey {
        let seed = match self {
            Self::Principal => 1,
            Self::Merchant => 2,
            Self::Other => 3,
        };
        SigningKey::from_bytes(&[seed; 32])
    }

    pub(crate) fn public_key(self) -> PublicKey {
        PublicKey::from_bytes(self.signing_key().verifying_key().as_bytes()).unwrap()
    }
}

/// The parts of a token before anything is encoded.
#[derive(Debug, Clone)]
pub(crate) struct Parts {
    pub(crate) header: String,
    pub(crate) claims: String,
    pub(crate) signed_by: Holder,
}

/// The one thing that is wrong with a token.
#[derive(Clone, Copy)]
pub(crate) enum Fault {
    /// A text of the claims is another.
    Claims(&'static str, &'static str),
    /// A text of the header is another.
    Header(&'static str, &'static str),
    /// The parts are altered.
    Parts(fn(&mut Parts)),
    /// The token is put together in another way.
    Token(fn(&Parts) -> String),
}

/// Name, expected reason, its place (empty: none), and the fault.
pub(crate) type Row = (&'static str, &'static str, &'static str, Fault);

/// One file.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: &'static str,
    expect: &'static str,
    at: &'static str,
    trusted: Holder,
    token: String,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "expect: {}", self.expect)?;
        if !self.at.is_empty() {
            writeln!(f, "at: {}", self.at)?;
        }
        writeln!(f, "key: {}\n\n{}", self.trusted.name(), self.token)
    }
}

impl Parts {
    pub(crate) fn new(typ: &str, signed_by: Holder, claims: &str) -> Self {
        let kid = signed_by.public_key().id();
        let header = format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{kid}"}}"#);
        Self { header, claims: claims.to_owned(), signed_by }
    }

    /// One file for each row.
    pub(crate) fn cases(&self, rows: &[Row]) -> Vec<Case> {
        let trusted = self.signed_by;
        rows.iter()
            .map(|&(name, expect, at, fault)| {
                let token = self.with(fault).unwrap_or_else(|| panic!("{name} does not apply"));
                Case { name, expect, at, trusted, token }
            })
            .collect()
    }

    /// The token with this fault; `None` if what it changes is not there once.
    pub(crate) fn with(&self, fault: Fault) -> Option<String> {
        let mut parts = self.clone();
        match fault {
            Fault::Claims(from, to) => parts.claims = swapped(&self.claims, from, to)?,
            Fault::Header(from, to) => parts.header = swapped(&self.header, from, to)?,
            Fault::Parts(alter) => alter(&mut parts),
            Fault::Token(make) => return Some(make(self)),
        }
        Some(parts.token())
    }

    pub(crate) fn swap_claim(&mut self, from: &str, to: &str) {
        self.claims = swapped(&self.claims, from, to).unwrap();
    }

    /// The token these parts make.
    pub(crate) fn token(&self) -> String {
        self.token_of(self.claims.as_bytes())
    }

    /// Bytes in the token these parts make.
    pub(crate) fn length(&self) -> usize {
        let segments = [self.header.len(), self.claims.len(), 64];
        segments.map(|bytes| BASE64URL_NOPAD.encode_len(bytes)).iter().sum::<usize>() + 2
    }

    /// The token with another payload, signed all the same.
    pub(crate) fn token_of(&self, payload: &[u8]) -> String {
        self.seal(&encode(self.header.as_bytes()), &encode(payload))
    }

    /// Signs two segments as they stand.
    pub(crate) fn seal(&self, header: &str, payload: &str) -> String {
        let message = format!("{header}.{payload}");
        let signature = self.signed_by.signing_key().sign(message.as_bytes());
        format!("{message}.{}", encode(&signature.to_bytes()))
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

/// The three segments of a token.
pub(crate) fn segments(token: &str) -> [String; 3] {
    let segments: Vec<String> = token.split('.').map(str::to_owned).collect();
    segments.try_into().unwrap()
}

/// The token with its signature bytes altered.
pub(crate) fn resigned(token: &str, alter: impl FnOnce(&mut Vec<u8>)) -> String {
    let [header, payload, signature] = segments(token);
    let mut signature = BASE64URL_NOPAD.decode(signature.as_bytes()).unwrap();
    alter(&mut signature);
    format!("{header}.{payload}.{}", encode(&signature))
}

/// The segment with its unused low bits set: other text, same bytes to a lenient reader.
pub(crate) fn with_tail_bits(segment: &str) -> String {
    const ALPHABET: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    assert_ne!(segment.len() % 4, 0, "this segment has no unused bits");
    let (rest, last) = segment.split_at(segment.len() - 1);
    let index = ALPHABET.find(last).unwrap() + 1;
    format!("{rest}{}", &ALPHABET[index..=index])
}

fn swapped(text: &str, from: &str, to: &str) -> Option<String> {
    (text.matches(from).count() == 1).then(|| text.replacen(from, to, 1))
}
