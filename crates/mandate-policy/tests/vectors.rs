//! The vectors of `tests/vectors/wallet-toml`: one fault a file, with its exact code and place.
//!
//! A file is a header (`expect:`, and `at:` where a fault is expected), an empty line and a `wallet.toml`.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test stops where its own assumption fails"
)]

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mandate_policy::Rules;

use support::KnownUsers;

/// What a vector says: the code, its place, and the file.
#[derive(Debug)]
struct Vector<'a> {
    expect: &'a str,
    at: Option<&'a str>,
    file: &'a str,
}

impl<'a> Vector<'a> {
    fn parse(text: &'a str) -> Self {
        let (header, file) = text.split_once("\n\n").expect("an empty line ends the header");
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        for line in header.lines() {
            let (name, value) = line.split_once(": ").expect("a header line is `name: value`");
            assert!(["expect", "at"].contains(&name), "the header key {name:?} is unknown");
            assert!(fields.insert(name, value).is_none(), "the header key {name:?} stands twice");
        }
        Self { expect: fields["expect"], at: fields.get("at").copied(), file }
    }

    /// What is wrong with the file, as the header would put it.
    fn judge(&self) -> Vec<(&'static str, Option<String>)> {
        match Rules::parse(self.file, &KnownUsers) {
            Ok(_) => vec![("ok", None)],
            Err(faults) => {
                let place = |line: usize, column: usize| Some(format!("{line}:{column}"));
                faults.iter().map(|f| (f.code(), place(f.line(), f.column()))).collect()
            }
        }
    }
}

#[test]
fn each_vector_is_judged_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wallet-toml");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(path.extension().unwrap(), "txt", "{} is no vector", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let vector = Vector::parse(&text);
        assert_eq!(vector.expect == "ok", name.starts_with("valid"), "{name}");
        let found = vector.judge();
        if found != [(vector.expect, vector.at.map(str::to_owned))] {
            wrong.push(format!("{name}: {found:?}, not {} at {:?}", vector.expect, vector.at));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
#[should_panic(expected = "the header key \"note\" is unknown")]
fn an_unknown_header_key_is_refused() {
    Vector::parse("expect: ok\nnote: x\n\nx\n");
}
