//! Each reason that a parser can give is shown by a vector.
//!
//! The reasons are read from the sources, from the arms that name them, so none can be added without one. Those of HTTP
//! are held against their vectors where these are judged, in `gateway_http`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// A parser: where its reasons are named, where its vectors are, and what no vector can show.
struct Parser {
    sources: &'static [&'static str],
    topics: &'static [&'static str],
    /// Reasons without a vector, each with why.
    without: &'static [(&'static str, &'static str)],
}

/// No JSON that is read holds a number past 2^53 − 1, so these are for claims that are made in memory.
const IN_MEMORY: &str = "no JSON that is read holds such a number";

const TOKENS: Parser = Parser {
    sources: &[
        "crates/mandate/src/json.rs",
        "crates/mandate/src/token/error.rs",
        "crates/mandate/src/token/member.rs",
        "crates/mandate/src/token/signed.rs",
    ],
    topics: &["intent", "cart", "payment", "receipt"],
    without: &[
        ("amount_invalid", IN_MEMORY),
        ("cap_count", IN_MEMORY),
        ("peer_log_size", IN_MEMORY),
        ("stored_header", "it is of entries, not of tokens"),
        ("time_range", IN_MEMORY),
    ],
};

const WALLET_TOML: Parser = Parser {
    sources: &[
        "crates/mandate-config/src/kind.rs",
        "crates/mandate-config/src/once.rs",
        "crates/mandate-policy/src/file/fault.rs",
    ],
    topics: &["wallet-toml"],
    without: &[],
};

const GATEWAY_TOML: Parser = Parser {
    sources: &[
        "crates/mandate-config/src/kind.rs",
        "crates/mandate-config/src/once.rs",
        "crates/mandate-gateway/src/settings/fault.rs",
    ],
    topics: &["gateway-toml"],
    without: &[("discovery_too_long", "it takes a file of 256 KiB; a test makes one")],
};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The word in quotes that a text begins with.
fn quoted(text: &str) -> Option<&str> {
    let (word, _) = text.strip_prefix('"')?.split_once('"')?;
    let is_code = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    (!word.is_empty() && word.chars().all(is_code)).then_some(word)
}

impl Parser {
    /// Each reason that the sources name: an arm `=> "code"`, or something that must stand `Once`.
    fn reasons(&self) -> BTreeSet<String> {
        let mut reasons = BTreeSet::new();
        for source in self.sources {
            let text = fs::read_to_string(workspace().join(source)).expect(source);
            let (product, _) = text.split_once("#[cfg(test)]").unwrap_or((&text, ""));
            let named = ["=> ", "Once::new(", "Self = Self::new("]
                .into_iter()
                .flat_map(|lead| product.split(lead).skip(1));
            let before = reasons.len();
            reasons.extend(named.filter_map(quoted).map(str::to_owned));
            assert!(reasons.len() > before, "{source} names no reason any more");
        }
        reasons
    }

    /// Each reason that a vector expects.
    fn shown(&self) -> BTreeSet<String> {
        let mut shown = BTreeSet::new();
        for topic in self.topics {
            let files = fs::read_dir(workspace().join("tests/vectors").join(topic)).expect(topic);
            for file in files {
                let text = fs::read_to_string(file.expect("a file").path()).expect("a vector");
                let expected = text.strip_prefix("expect: ").and_then(|rest| rest.split_once('\n'));
                shown.insert(expected.expect("a vector begins with what it expects").0.to_owned());
            }
        }
        shown
    }

    fn check(&self) {
        let (reasons, shown) = (self.reasons(), self.shown());
        let without: BTreeSet<String> =
            self.without.iter().map(|(reason, _)| (*reason).to_owned()).collect();
        let missing: BTreeSet<_> = reasons.difference(&shown).cloned().collect();
        assert_eq!(missing, without, "reasons without a vector, and those that may have none");
        let mut unknown = shown.difference(&reasons).filter(|reason| *reason != "ok");
        assert_eq!(unknown.next(), None, "a vector expects what no source names");
    }
}

#[test]
fn each_reason_of_a_token_has_a_vector() {
    TOKENS.check();
}

#[test]
fn each_fault_of_a_wallet_toml_has_a_vector() {
    WALLET_TOML.check();
}

#[test]
fn each_fault_of_a_gateway_toml_has_a_vector() {
    GATEWAY_TOML.check();
}
