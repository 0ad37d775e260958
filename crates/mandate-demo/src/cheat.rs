//! What somebody who holds a log's key can do to a copy of that log: change entries, number and link them anew, and sign
//! the new head.
//!
//! None of the product's programs does any of this. What comes out is whole in itself, so nothing but what the other
//! side keeps can tell that it is not what was signed before.

use mandate::token::Draft;
use mandate::{Intent, IntentClaims, Mandate};
use mandate_journal::{Chain, Checkpoint, Entry};
use mandate_keys::SigningKey;
use serde_json::value::RawValue;

use crate::error::DemoError;
use crate::handed::Handed;

/// The log without one of its entries.
///
/// # Errors
///
/// [`DemoError`] if there is no such entry.
pub(crate) fn without(log: &Handed, seq: u64, key: &SigningKey) -> Result<Handed, DemoError> {
    log.entry(seq)?;
    let entries = (0..).zip(&log.entries).filter(|(number, _)| *number != seq);
    remade(log, entries.map(|(_, entry)| entry.as_slice()), key)
}

/// The log with another text in one of its entries.
///
/// # Errors
///
/// [`DemoError`] if the text is not in that entry.
pub(crate) fn rewritten(
    log: &Handed,
    (seq, from, to): (u64, &str, &str),
    key: &SigningKey,
) -> Result<Handed, DemoError> {
    let changed = replaced(log.entry(seq)?, from, to)?;
    let entries = (0..)
        .zip(&log.entries)
        .map(|(number, entry)| if number == seq { changed.as_slice() } else { entry.as_slice() });
    remade(log, entries, key)
}

/// The log that went on from where it ends with one entry again and again, up to a size.
///
/// # Errors
///
/// [`DemoError`] if there is no such entry.
pub(crate) fn gone_on(
    log: &Handed,
    (seq, size): (u64, u64),
    key: &SigningKey,
) -> Result<Handed, DemoError> {
    let again = log.entry(seq)?;
    let more = (log.head().size..size).map(|_| again);
    remade(log, log.entries.iter().map(Vec::as_slice).chain(more), key)
}

/// An intent that stands where the log has something else: signed as its entry `seq`, after the same entries before it.
///
/// It is written as the entry of `like`, an intent that the log has, with other claims.
///
/// # Errors
///
/// [`DemoError`] if the log does not have that intent.
pub(crate) fn second_history(
    log: &Handed,
    (seq, like, claims): (u64, &Mandate<Intent>, &IntentClaims),
    key: &SigningKey,
) -> Result<Mandate<Intent>, DemoError> {
    let kid = key.public_key().id();
    let draft = Draft::<Intent>::new(claims, kid)?;
    let honest = Draft::<Intent>::new(like.claims(), kid)?;
    let entry = log.entry(like.head().size.saturating_sub(1))?;
    let entry = replaced(entry, honest.claims_json().get(), draft.claims_json().get())?;
    let before = log.entries.iter().take(usize::try_from(seq).unwrap_or(usize::MAX));
    let other = remade(log, before.map(Vec::as_slice).chain([entry.as_slice()]), key)?;
    Ok(draft.issue(other.head(), key)?)
}

/// A log made anew: its entries numbered and linked in this order, each otherwise as it was, and its head signed.
fn remade<'e>(
    log: &Handed,
    entries: impl Iterator<Item = &'e [u8]>,
    key: &SigningKey,
) -> Result<Handed, DemoError> {
    let (mut chain, mut linked) = (Chain::default(), Vec::new());
    for bytes in entries {
        let entry = Entry::parse(bytes)?;
        let bytes = chain.encode(entry.time, entry.kind, &fields(&entry)?)?;
        chain.push(&bytes)?;
        linked.push(bytes);
    }
    let checkpoint = Checkpoint::sign(log.checkpoint.origin(), chain.head(), key)?;
    Ok(Handed { checkpoint, key: key.public_key(), entries: linked })
}

/// An entry's own fields: what follows `prev`.
fn fields(entry: &Entry<'_>) -> Result<Box<RawValue>, DemoError> {
    let after_prev =
        entry.body.split_once(r#","prev":""#).and_then(|(_, rest)| rest.split_once('"'));
    let Some((_, rest)) = after_prev else {
        return Err(DemoError::differs(&"an entry with `prev`", &entry.body));
    };
    Ok(RawValue::from_string(format!("{{{}", rest.strip_prefix(',').unwrap_or(rest)))?)
}

/// An entry's bytes with another text in the first place of this one.
fn replaced(entry: &[u8], from: &str, to: &str) -> Result<Vec<u8>, DemoError> {
    let text = Entry::parse(entry)?.body;
    if text.contains(from) {
        Ok(text.replacen(from, to, 1).into_bytes())
    } else {
        Err(DemoError::differs(&from, &text))
    }
}

#[cfg(test)]
mod tests {
    use mandate::UnixSeconds;
    use mandate_journal::verify_entries;
    use mandate_keys::Seed;
    use serde_json::json;

    use super::*;

    fn key() -> SigningKey {
        SigningKey::from_seed(Seed::copy_from(&[7; 32]))
    }

    /// A log of a few notes, each with its own number.
    fn notes(count: u64) -> Handed {
        let (mut chain, mut entries) = (Chain::default(), Vec::new());
        for number in 0..count {
            let time = UnixSeconds::new(number).unwrap();
            let bytes = chain.encode(time, "note", &json!({"n": number})).unwrap();
            chain.push(&bytes).unwrap();
            entries.push(bytes);
        }
        let origin = "mandate/wallet/ada".parse().unwrap();
        let checkpoint = Checkpoint::sign(&origin, chain.head(), &key()).unwrap();
        Handed { checkpoint, key: key().public_key(), entries }
    }

    /// What the entries of a log say, which has to be whole and signed.
    fn says(log: &Handed) -> String {
        let head = verify_entries(&log.entries).unwrap();
        assert_eq!(head, log.head());
        let origin = log.checkpoint.origin();
        Checkpoint::verify(log.checkpoint.as_str(), origin, &[log.key]).unwrap();
        let note = |entry: &Vec<u8>| fields(&Entry::parse(entry).unwrap()).unwrap().to_string();
        log.entries.iter().map(note).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn what_was_cheated_is_whole_in_itself() {
        let log = notes(3);
        let less = without(&log, 1, &key()).unwrap();
        assert_eq!(says(&less), r#"{"n":0} {"n":2}"#);
        let other = rewritten(&log, (1, r#""n":1"#, r#""n":9"#), &key()).unwrap();
        assert_eq!(says(&other), r#"{"n":0} {"n":9} {"n":2}"#);
        let more = gone_on(&log, (1, 5), &key()).unwrap();
        assert_eq!(says(&more), r#"{"n":0} {"n":1} {"n":2} {"n":1} {"n":1}"#);
    }

    #[test]
    fn a_cheat_that_would_change_nothing_is_an_error() {
        let log = notes(3);
        assert!(without(&log, 3, &key()).is_err());
        assert!(rewritten(&log, (1, r#""n":2"#, r#""n":9"#), &key()).is_err());
        assert!(gone_on(&log, (3, 5), &key()).is_err());
    }
}
