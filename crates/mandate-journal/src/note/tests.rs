//! Notes are believed for a known key's signature and for nothing else, and the line at fault is named.

use proptest::prelude::*;

use super::*;
use crate::testing::TestKey;

fn name() -> KeyName {
    "mandate/wallet/ada".parse().unwrap()
}

#[test]
fn a_note_verifies_under_the_key_that_signed_it_and_under_no_other() {
    let (key, other) = (TestKey::new(1), TestKey::new(2));
    let note = sign("one\n\ntwo\n", &name(), &key).unwrap();
    let note = Note::parse(note.as_bytes()).unwrap();
    let known = [NoteKey::new(name(), key.public_key())];
    assert_eq!(note.verify(&known).unwrap().0, "one\n\ntwo\n");
    let unknown = [NoteKey::new(name(), other.public_key())];
    assert_eq!(note.verify(&unknown).unwrap_err(), NoteError::KeyUnknown);
    let renamed = [NoteKey::new("other".parse().unwrap(), key.public_key())];
    assert_eq!(note.verify(&renamed).unwrap_err(), NoteError::KeyUnknown);
}

#[test]
fn unknown_signatures_are_passed_over_and_a_known_bad_one_is_not() {
    let (key, witness) = (TestKey::new(1), TestKey::new(2));
    let text = "text\n";
    let first = sign(text, &name(), &key).unwrap();
    let second = sign(text, &"witness.example".parse().unwrap(), &witness).unwrap();
    let both = format!("{first}{}", second.strip_prefix("text\n\n").unwrap());
    let known = [NoteKey::new(name(), key.public_key())];
    assert!(Note::parse(both.as_bytes()).unwrap().verify(&known).is_ok());

    let changed = both.replace("text", "test");
    let error = Note::parse(changed.as_bytes()).unwrap().verify(&known).unwrap_err();
    assert_eq!(error, NoteError::Signature { line: 3 });
}

#[test]
fn another_key_of_the_same_name_and_id_hides_nobody() {
    let (key, other) = (TestKey::new(1), TestKey::new(2));
    let note = sign("text\n", &name(), &key).unwrap();
    let note = Note::parse(note.as_bytes()).unwrap();
    let known = NoteKey::new(name(), key.public_key());
    let alike = NoteKey { id: known.id, ..NoteKey::new(name(), other.public_key()) };
    for keys in [[alike.clone(), known.clone()], [known.clone(), alike.clone()]] {
        assert_eq!(note.verify(&keys).unwrap().1, &known);
    }
    assert_eq!(note.verify(&[alike]).unwrap_err(), NoteError::Signature { line: 3 });
}

#[test]
fn a_name_that_no_key_of_ours_could_have_is_passed_over() {
    let key = TestKey::new(1);
    let note = sign("text\n", &name(), &key).unwrap();
    let known = [NoteKey::new(name(), key.public_key())];
    for witness in ["w".repeat(KEY_NAME_BYTES_MAX + 1), "a\u{7f}b".to_owned()] {
        let cosigned = format!("{note}\u{2014} {witness} AAAAAAA=\n");
        assert!(Note::parse(cosigned.as_bytes()).unwrap().verify(&known).is_ok());
    }
    for bad in ["a+b", "a\u{a0}b", ""] {
        let cosigned = format!("{note}\u{2014} {bad} AAAAAAA=\n");
        let error = Note::parse(cosigned.as_bytes()).unwrap_err();
        assert_eq!(error, NoteError::Line { line: 4 }, "{bad:?}");
    }
}

#[test]
fn a_line_at_fault_is_named() {
    let key = TestKey::new(1);
    let note = sign("text\n", &name(), &key).unwrap();
    let cases: [(String, NoteError); 8] = [
        (note.replace("text", "te\txt"), NoteError::Control { line: 1 }),
        (note.replace("\u{2014} ", "- "), NoteError::Line { line: 3 }),
        (note.replace("mandate/wallet/ada ", ""), NoteError::Line { line: 3 }),
        (format!("{note}junk\n"), NoteError::Line { line: 4 }),
        (note.trim_end().to_owned(), NoteError::Frame),
        ("text\n".to_owned(), NoteError::Frame),
        (
            format!("{}\n", "x".repeat(NOTE_BYTES_MAX)),
            NoteError::TooLarge { actual: NOTE_BYTES_MAX + 1 },
        ),
        (
            format!("t\n\n{}", "\u{2014} a AAAAAAA=\n".repeat(SIGNATURES_MAX + 1)),
            NoteError::TooManySignatures { actual: SIGNATURES_MAX + 1 },
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(Note::parse(text.as_bytes()).unwrap_err(), expected, "{text:.80}");
    }
    assert_eq!(Note::parse(b"\xff\n\n").unwrap_err(), NoteError::Utf8);
}

#[test]
fn a_verifier_key_reads_back_and_its_id_must_be_its_own() {
    let key = NoteKey::new(name(), TestKey::new(1).public_key());
    let text = key.to_string();
    assert_eq!(text.parse::<NoteKey>().unwrap(), key);
    let (_, public) = text.rsplit_once('+').unwrap();
    let other = format!("{}+00000000+{public}", name());
    assert_eq!(other.parse::<NoteKey>(), Err(NoteError::KeyText));
    for bad in ["", "a", "a+b", "a+b+c", "a+00000000+AQ==", "a b+00000000+AQ=="] {
        assert!(bad.parse::<NoteKey>().is_err(), "{bad}");
    }
}

/// The example key of the Go package's documentation, `golang.org/x/mod/sumdb/note`.
#[test]
fn a_public_verifier_key_is_read() {
    let text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    let key: NoteKey = text.parse().unwrap();
    assert_eq!(key.to_string(), text);
    let note = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        \u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
    let note = Note::parse(note.as_bytes()).unwrap();
    assert!(note.verify(&[key]).is_ok());
}

#[test]
fn names_that_would_break_the_line_are_refused() {
    for bad in ["", " ", "a b", "a+b", "a\n", "a\u{a0}b", &"x".repeat(KEY_NAME_BYTES_MAX + 1)] {
        assert!(bad.parse::<KeyName>().is_err(), "{bad:?}");
    }
}

proptest! {
    #[test]
    fn no_byte_of_text_or_signature_can_change(at: usize, flip in 1u8..) {
        let key = TestKey::new(1);
        let known = [NoteKey::new(name(), key.public_key())];
        let mut note = sign("mandate/wallet/ada\n7\nroot\n", &name(), &key).unwrap().into_bytes();
        let at = at % note.len();
        note[at] ^= flip;
        let verified = Note::parse(&note).and_then(|note| note.verify(&known).map(drop));
        prop_assert!(verified.is_err());
    }

    #[test]
    fn any_bytes_are_a_note_or_refused(bytes in any::<Vec<u8>>()) {
        drop(Note::parse(&bytes));
    }
}
