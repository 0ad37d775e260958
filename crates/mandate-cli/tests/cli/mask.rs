//! What differs from run to run, in letters of the same width, so that the rest can be held against a file.

use std::fs;
use std::path::Path;

use crate::desk::Desk;

/// How a moment is written.
const MOMENT: &str = "dddd-dd-dd dd:dd:dd +00:00";

/// Masks the moments, ids, digests, keys and places in a text; columns stay where they are.
pub(crate) fn masked(text: &str, desk: &Desk) -> String {
    let folder = desk.home.folder().display().to_string();
    let text =
        text.replace(&folder, "/home/ada").replace(&format!("uid {}", desk.home.uid()), "uid N");
    let mut masked = String::new();
    let mut rest = text.as_str();
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

/// Holds a text against a file beside the tests; with `BLESS=1` the file is written instead.
#[track_caller]
pub(crate) fn assert_golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        fs::write(&path, found).expect("a file");
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    let differing = wanted.lines().zip(found.lines()).enumerate().find(|(_, (w, f))| w != f);
    assert!(
        wanted == found,
        "{name} differs, first at {differing:?}; if that is meant, run the tests with BLESS=1. Found:\n{found}"
    );
}

#[test]
fn only_what_differs_is_masked() {
    let Some(desk) = Desk::closed("") else { return };
    let key = desk.home.key.id();
    let text = format!("at 2026-11-25 09:43:16 +00:00 by {key}, search_rooms 180.00 EUR é");
    let expected = format!("at {MOMENT} by {}, search_rooms 180.00 EUR é", "H".repeat(43));
    assert_eq!(masked(&text, &desk), expected);
}
