//! The accept and refuse set for `EdDSA` in compact JWS, in the form of Project Wycheproof's JSON files.
//!
//! `tests/vectors/jws_eddsa.json` is written by `MANDATE_BLESS=1 cargo test -p mandate --test vectors` from the tables
//! beside this file, and each verdict in it is held against ours. What a plain JWT library may accept and this project
//! refuses has the flag `StricterProfile`: without that flag every sound library should agree.

mod curve;
mod encoding;
mod flag;
mod header;
mod kinds;
mod payload;
mod points;
mod signature;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use data_encoding::BASE64URL_NOPAD;
use mandate::key::{Jwk, Role};
use mandate::token::{Cart, Intent, Kind, Payment, Receipt, UnverifiedMandate};
use mandate::{KeySet, PublicKey};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::forge::{Fault, Parts};
use flag::Flag;

/// The whole file.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Set {
    algorithm: String,
    schema: String,
    number_of_tests: usize,
    header: Vec<String>,
    notes: BTreeMap<String, flag::Note>,
    test_groups: Vec<Group>,
}

/// The cases of one key and one topic.
#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Group {
    #[serde(rename = "type")]
    kind: String,
    source: Source,
    comment: String,
    public: Public,
    tests: Vec<Test>,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Source {
    name: String,
    version: String,
}

/// The key that is trusted, as a JWK.
#[derive(Debug, Clone, Serialize, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
struct Public {
    kty: String,
    crv: String,
    x: String,
    kid: String,
    #[serde(rename = "use")]
    purpose: String,
}

#[derive(Debug, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Test {
    tc_id: usize,
    comment: String,
    jws: String,
    result: Verdict,
    flags: Vec<String>,
}

#[derive(Debug, Clone, Copy, Serialize, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Valid,
    Invalid,
}

/// One case before it is put together.
struct Row {
    comment: &'static str,
    result: Verdict,
    flags: &'static [Flag],
    fault: Fault,
}

const fn valid(comment: &'static str, flags: &'static [Flag], fault: Fault) -> Row {
    Row { comment, result: Verdict::Valid, flags, fault }
}

const fn invalid(comment: &'static str, flags: &'static [Flag], fault: Fault) -> Row {
    Row { comment, result: Verdict::Invalid, flags, fault }
}

impl Public {
    /// `kid` is the RFC 7638 thumbprint, worked out here because a faulty key has none elsewhere.
    fn of(point: &[u8; 32]) -> Self {
        let x = BASE64URL_NOPAD.encode(point);
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let kid = BASE64URL_NOPAD.encode(&Sha256::digest(members));
        Self { kty: "OKP".into(), crv: "Ed25519".into(), x, kid, purpose: "sig".into() }
    }
}

/// What is in a group but the numbers of its cases.
struct Topic {
    comment: &'static str,
    public: Public,
    tests: Vec<(&'static str, String, Verdict, &'static [Flag])>,
}

impl Topic {
    /// One case for each row, made of these parts; the key of their holder is trusted.
    fn new(comment: &'static str, parts: &Parts, rows: &[Row]) -> Self {
        let tests = rows.iter().map(|row| {
            let jws = parts.with(row.fault).unwrap_or_else(|| panic!("{} fails", row.comment));
            (row.comment, jws, row.result, row.flags)
        });
        let public = Public::of(parts.signed_by.public_key().as_bytes());
        Self { comment, public, tests: tests.collect() }
    }
}

fn made() -> Set {
    let topics = [
        kinds::topics(),
        vec![encoding::topic(), header::topic(), payload::topic(), signature::topic()],
        points::topics(),
    ];
    let mut number_of_tests = 0;
    let mut used: BTreeSet<Flag> = BTreeSet::new();
    let mut test_groups = Vec::new();
    for topic in topics.into_iter().flatten() {
        let mut tests = Vec::new();
        for (comment, jws, result, flags) in topic.tests {
            number_of_tests += 1;
            used.extend(flags);
            let flags = flags.iter().map(|flag| flag.name()).collect();
            let comment = comment.to_owned();
            tests.push(Test { tc_id: number_of_tests, comment, jws, result, flags });
        }
        test_groups.push(Group {
            kind: "JsonWebSignature".into(),
            source: Source { name: "mandate".into(), version: "1".into() },
            comment: topic.comment.into(),
            public: topic.public,
            tests,
        });
    }
    Set {
        algorithm: "EdDSA".into(),
        schema: "json_web_signature_schema_v1.json".into(),
        number_of_tests,
        header: HEADER.iter().map(|&line| line.to_owned()).collect(),
        notes: used.into_iter().map(|flag| (flag.name(), flag.note())).collect(),
        test_groups,
    }
}

const HEADER: [&str; 4] = [
    "Compact JWS with EdDSA over Ed25519 (RFC 7515, RFC 8037, RFC 8032, RFC 9864), whose payloads are JWT claims.",
    "The key of a group is the only one that is trusted, and is found by its kid.",
    "Times play no part: iat and exp are of 2026-01-01, and a verifier that reads the clock is given that day.",
    "Cases with the flag StricterProfile are refused by this project and may be accepted by a plain JWT library.",
];

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/jws_eddsa.json")
}

fn kept() -> Set {
    serde_json::from_str(&fs::read_to_string(path()).unwrap()).unwrap()
}

/// Whether the product accepts this text as a token of the kind, under this key.
fn accepts<K: Kind>(jws: &str, key: PublicKey) -> bool
where
    K::Role: Role,
{
    UnverifiedMandate::<K>::parse(jws)
        .is_ok_and(|parsed| parsed.verify(&KeySet::new([key])).is_ok())
}

/// Our verdict: the token is of any kind, and its key is usable.
fn ours(jws: &str, public: &Public) -> Verdict {
    let Public { kty, crv, x, .. } = public.clone();
    let accepted = PublicKey::try_from(Jwk { kty, crv, x }).is_ok_and(|key| {
        accepts::<Intent>(jws, key)
            || accepts::<Cart>(jws, key)
            || accepts::<Payment>(jws, key)
            || accepts::<Receipt>(jws, key)
    });
    if accepted { Verdict::Valid } else { Verdict::Invalid }
}

#[test]
fn each_jws_of_the_set_is_judged_as_it_says() {
    let set = kept();
    let mut wrong = Vec::new();
    for group in &set.test_groups {
        for test in &group.tests {
            let found = ours(&test.jws, &group.public);
            if found != test.result {
                wrong.push(format!("{} {}: {found:?}", test.tc_id, test.comment));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_set_is_what_its_tables_make() {
    let made = made();
    if std::env::var_os("MANDATE_BLESS").is_some() {
        fs::write(path(), format!("{}\n", serde_json::to_string_pretty(&made).unwrap())).unwrap();
    }
    let set = kept();
    assert!(set == made, "tests/vectors/jws_eddsa.json is not what its tables make");
}

#[test]
fn each_case_of_the_set_is_one_of_its_kind() {
    let set = made();
    let tests = || set.test_groups.iter().flat_map(|group| &group.tests);
    let comments: BTreeSet<&str> = tests().map(|test| test.comment.as_str()).collect();
    assert_eq!(comments.len(), set.number_of_tests, "two cases have one comment");
    let inputs: BTreeSet<(&str, &str)> = set
        .test_groups
        .iter()
        .flat_map(|group| group.tests.iter().map(|test| (&*group.public.kid, &*test.jws)))
        .collect();
    assert_eq!(inputs.len(), set.number_of_tests, "two cases are one JWS");
    for test in tests().filter(|test| test.result == Verdict::Invalid) {
        assert!(!test.flags.is_empty(), "{} does not say why it is refused", test.comment);
    }
}
