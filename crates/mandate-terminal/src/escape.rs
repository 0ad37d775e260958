//! Makes foreign text harmless to a terminal.
//!
//! Everything a person is shown passes through here; nothing that a token, a journal or a file says can restyle the
//! screen, hide a character or start a line of its own.

use std::borrow::Cow;
use std::fmt::Write as _;

use mandate::text::is_unsafe_to_show;

/// Writes each control, bidi and line-separator character as `\u{…}`.
#[must_use]
pub fn for_terminal(text: &str) -> Cow<'_, str> {
    replace(text, |escaped, c| write!(escaped, "\\u{{{:x}}}", u32::from(c)))
}

/// Writes the same characters as the `\uXXXX` of a JSON string, so that the meaning of a document stays.
///
/// `json` is a serialised document: such a character can only stand in a string there, besides the line feeds of a
/// pretty-printed layout, which are kept.
pub(crate) fn for_terminal_json(json: &str) -> Cow<'_, str> {
    // Every such character is below U+10000: one escape is enough.
    replace(json, |escaped, c| match c {
        '\n' => escaped.write_char(c),
        c => write!(escaped, "\\u{:04x}", u32::from(c)),
    })
}

/// The start of a foreign text that may be of any length, with a sign where it was cut.
#[must_use]
pub fn shortened(text: &str, chars_max: usize) -> Cow<'_, str> {
    match text.char_indices().nth(chars_max) {
        Some((at, _)) => Cow::Owned(format!("{}…", text.get(..at).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

fn replace(text: &str, escape: impl Fn(&mut String, char) -> std::fmt::Result) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe_to_show) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if !is_unsafe_to_show(c) {
            escaped.push(c);
        } else if escape(&mut escaped, c).is_err() {
            // A `String` takes whatever is written to it.
            escaped.push('\u{fffd}');
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_steers_a_terminal_is_spelled_out() {
        assert_eq!(for_terminal("red \u{1b}[31m\n"), "red \\u{1b}[31m\\u{a}");
        assert_eq!(for_terminal("\u{202e}desrever"), "\\u{202e}desrever");
        assert_eq!(for_terminal("Hôtel — 2 nuits"), "Hôtel — 2 nuits");
    }

    #[test]
    fn what_is_long_is_cut_between_characters() {
        assert_eq!(shortened("Hôtel", 5), "Hôtel");
        assert_eq!(shortened("Hôtel", 2), "Hô…");
        assert_eq!(shortened("", 0), "");
    }

    proptest! {
        #[test]
        fn nothing_unsafe_is_left(text: String) {
            prop_assert!(!for_terminal(&text).chars().any(is_unsafe_to_show));
        }

        #[test]
        fn a_document_keeps_its_meaning(text: String) {
            let json = serde_json::to_string_pretty(&[&text]).unwrap();
            let escaped = for_terminal_json(&json);
            prop_assert!(!escaped.chars().any(|c| c != '\n' && is_unsafe_to_show(c)));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&escaped).unwrap(), vec![text]);
        }
    }
}
