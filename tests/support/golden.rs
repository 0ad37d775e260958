//! Outputs held against files, with what differs from run to run in letters of the same width.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::Value;

/// How a moment is written.
pub const MOMENT: &str = "dddd-dd-dd dd:dd:dd +00:00";

/// Masks the moments, ids, digests and keys in a text; columns stay where they are.
///
/// # Panics
///
/// Never: every cut is at a boundary.
#[must_use]
pub fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = rest.find(|c| !is_of_a_word(c)).unwrap_or(rest.len());
        let (taken, shown) = if is_moment(rest) {
            (MOMENT.len(), MOMENT.to_owned())
        } else if word > 0 {
            (word, mask_word(rest.get(..word).expect("a boundary")))
        } else {
            (first.len_utf8(), first.to_string())
        };
        masked.push_str(&shown);
        rest = rest.get(taken..).expect("a boundary");
    }
    masked
}

fn is_of_a_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == '-'
}

fn is_moment(text: &str) -> bool {
    text.len() >= MOMENT.len()
        && MOMENT.chars().zip(text.chars()).all(|(pattern, c)| match pattern {
            'd' => c.is_ascii_digit(),
            literal => c == literal,
        })
}

/// A moment has ten digits of seconds, an id 16 bytes, a digest and a key's thumbprint 32; a did:key begins with the same letters always.
fn mask_word(word: &str) -> String {
    match word.len() {
        10 if word.bytes().all(|b| b.is_ascii_digit()) => "T".repeat(10),
        22 => "J".repeat(22),
        43 => "H".repeat(43),
        48 if word.starts_with("z6Mk") => format!("z6Mk{}", "K".repeat(44)),
        _ => word.to_owned(),
    }
}

/// The paths of all members of a document, sorted, one a line.
#[must_use]
pub fn member_names(document: &Value) -> String {
    fn walk(value: &Value, path: &str, into: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    walk(value, &format!("{path}.{name}"), into);
                }
            }
            Value::Array(items) => {
                for item in items {
                    walk(item, &format!("{path}[]"), into);
                }
            }
            _ => drop(into.insert(format!("  {path}"))),
        }
    }
    let mut paths = BTreeSet::new();
    walk(document, "", &mut paths);
    paths.into_iter().fold(String::new(), |text, path| text + &path + "\n")
}

/// Holds a text against a file; with `BLESS=1` the file is written instead.
///
/// # Panics
///
/// If they differ.
#[track_caller]
pub fn assert_golden(path: &Path, found: &str) {
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        fs::write(path, found).expect("a file");
    }
    let wanted = fs::read_to_string(path).unwrap_or_default();
    let differing = wanted.lines().zip(found.lines()).enumerate().find(|(_, (w, f))| w != f);
    assert!(
        wanted == found,
        "{} differs, first at {differing:?}; if that is meant, run the tests with BLESS=1. Found:\n{found}",
        path.display()
    );
}
