//! The token vectors of `tests/vectors`: one fault a file, and the exact reason for which it is refused.
//!
//! A file is a header (`expect:`, `at:` where the fault has a place, `key:`), an empty line and a compact JWS.
//! `MANDATE_BLESS=1` writes the files anew from the tables beside this file; without it they have to agree with them.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod cart;
mod encoding;
mod forge;
mod header;
mod intent;
mod jws_set;
mod payment;
mod receipt;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use mandate::token::{
    Cart, Intent, Kind, ParseError, Payment, Receipt, UnverifiedMandate, VerifyError,
};
use mandate::{KeySet, PublicKey};

use forge::{Case, Holder};

const TOPICS: [&str; 4] = ["intent", "cart", "payment", "receipt"];

fn folder(topic: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors").join(topic)
}

/// Files of a topic by name, without their ending.
fn files(topic: &str) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder(topic)).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .map(|path| {
            assert_eq!(path.extension().unwrap(), "txt", "{} is no vector", path.display());
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(&path).unwrap())
        })
        .collect()
}

fn cases(topic: &str) -> Vec<Case> {
    match topic {
        "intent" => intent::cases(),
        "cart" => cart::cases(),
        "payment" => payment::cases(),
        _ => receipt::cases(),
    }
}

/// What a vector says: the reason, its place, whose key is trusted, and the token.
#[derive(Debug)]
struct Vector<'a> {
    expect: &'a str,
    at: Option<&'a str>,
    key: PublicKey,
    token: &'a str,
}

impl<'a> Vector<'a> {
    fn parse(text: &'a str) -> Self {
        let (header, input) = text.split_once("\n\n").expect("an empty line ends the header");
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        for line in header.lines() {
            let (name, value) = line.split_once(": ").expect("a header line is `name: value`");
            assert!(["expect", "at", "key"].contains(&name), "the header key {name:?} is unknown");
            assert!(fields.insert(name, value).is_none(), "the header key {name:?} stands twice");
        }
        Self {
            expect: fields["expect"],
            at: fields.get("at").copied(),
            key: Holder::named(fields["key"]).public_key(),
            token: input.strip_suffix('\n').expect("a line feed ends the input"),
        }
    }

    fn judge<K: Kind>(&self) -> (&'static str, Option<String>) {
        let parsed = match UnverifiedMandate::<K>::parse(self.token) {
            Ok(parsed) => parsed,
            Err(error) => return (ParseError::code(&error), error.at()),
        };
        let verified = parsed.verify(&KeySet::new([self.key]));
        (verified.map_or_else(|error| VerifyError::code(&error), |_| "ok"), None)
    }
}

#[test]
fn each_vector_is_judged_as_it_says() {
    let mut wrong = Vec::new();
    for topic in TOPICS {
        for (name, text) in files(topic) {
            let vector = Vector::parse(&text);
            let (found, at) = match topic {
                "intent" => vector.judge::<Intent>(),
                "cart" => vector.judge::<Cart>(),
                "payment" => vector.judge::<Payment>(),
                _ => vector.judge::<Receipt>(),
            };
            if (found, at.as_deref()) != (vector.expect, vector.at) {
                wrong.push(format!(
                    "{topic}/{name}: {found} at {at:?}, not {} at {:?}",
                    vector.expect, vector.at
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_files_are_those_of_the_tables() {
    let bless = std::env::var_os("MANDATE_BLESS").is_some();
    for topic in TOPICS {
        let written: BTreeMap<String, String> =
            cases(topic).into_iter().map(|case| (case.name.to_owned(), case.to_string())).collect();
        assert_eq!(written.len(), cases(topic).len(), "two vectors of {topic} have one name");
        let texts: BTreeSet<&String> = written.values().collect();
        assert_eq!(texts.len(), written.len(), "two vectors of {topic} are one");
        if bless {
            fs::create_dir_all(folder(topic)).unwrap();
            for name in files(topic).keys().filter(|name| !written.contains_key(*name)) {
                fs::remove_file(folder(topic).join(format!("{name}.txt"))).unwrap();
            }
            for (name, text) in &written {
                fs::write(folder(topic).join(format!("{name}.txt")), text).unwrap();
            }
        }
        let names = |of: &BTreeMap<String, String>| of.keys().cloned().collect::<BTreeSet<_>>();
        let kept = files(topic);
        assert_eq!(names(&kept), names(&written), "{topic}");
        for (name, text) in &written {
            assert!(kept[name] == *text, "{topic}/{name} is not what its table makes");
        }
    }
}

#[test]
#[should_panic(expected = "the header key \"note\" is unknown")]
fn an_unknown_header_key_is_refused() {
    Vector::parse("expect: ok\nnote: x\nkey: principal\n\nx\n");
}
