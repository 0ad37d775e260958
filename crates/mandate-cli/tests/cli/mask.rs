//! What differs from run to run, in letters of the same width, so that the rest can be held against a file.

use std::path::Path;

use mandate_tests::golden;

use crate::desk::Desk;

/// Masks the moments, ids, digests, keys and places in a text; columns stay where they are.
pub(crate) fn masked(text: &str, desk: &Desk) -> String {
    let folder = desk.home.folder().display().to_string();
    let text =
        text.replace(&folder, "/home/ada").replace(&format!("uid {}", desk.home.uid()), "uid N");
    golden::masked(&text)
}

/// Holds a text against a file beside the tests; with `BLESS=1` the file is written instead.
#[track_caller]
pub(crate) fn assert_golden(name: &str, found: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    golden::assert_golden(&folder.join(name), found);
}

#[test]
fn only_what_differs_is_masked() {
    let Some(desk) = Desk::closed("") else { return };
    let key = desk.home.key.id();
    let text = format!("at 2026-11-25 09:43:16 +00:00 by {key}, search_rooms 180.00 EUR é");
    let expected =
        format!("at {} by {}, search_rooms 180.00 EUR é", golden::MOMENT, "H".repeat(43));
    assert_eq!(masked(&text, &desk), expected);
}
