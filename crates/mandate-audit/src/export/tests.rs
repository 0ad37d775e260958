use std::fs;

use proptest::prelude::*;

use super::*;
use crate::testing::{export_numbers, keys, numbers};

/// Opens and checks an export; the fault in words.
fn fault(dir: &Path, key: u8) -> Option<String> {
    let export = match Export::open(dir, &keys(&[key])) {
        Ok(export) => export,
        Err(error) => return Some(error.to_string()),
    };
    export.verify(|_, _| ()).err().map(|error| error.to_string())
}

#[test]
fn what_was_written_is_whole_at_any_size() {
    for size in [1, 2, 255, 256, 257, 700] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("export");
        export_numbers(&dir, size);
        let export = Export::open(&dir, &keys(&[1])).unwrap();
        let (entries, checkpoint) = numbers(size);
        assert_eq!(export.checkpoint(), &checkpoint);
        let read: Vec<Vec<u8>> = export.entries().map(Result::unwrap).collect();
        assert_eq!(read, entries);
        let mut seen = Vec::new();
        export.verify(|link, _| seen.push(link.entry.body.as_bytes().to_vec())).unwrap();
        assert_eq!(seen, entries);
    }
}

#[test]
fn the_file_at_fault_is_named() {
    let temp = tempfile::tempdir().unwrap();
    let mut number = 0;
    let mut after = |change: &dyn Fn(&Path)| {
        number += 1;
        let dir = temp.path().join(number.to_string());
        export_numbers(&dir, 600);
        change(&dir);
        fault(&dir, 1).unwrap()
    };
    let flip = |file: &'static str, at: usize| {
        move |dir: &Path| {
            let mut bytes = fs::read(dir.join(file)).unwrap();
            bytes[at] ^= 1;
            fs::write(dir.join(file), bytes).unwrap();
        }
    };
    let cut = |file: &'static str| {
        move |dir: &Path| {
            let mut bytes = fs::read(dir.join(file)).unwrap();
            bytes.pop();
            fs::write(dir.join(file), bytes).unwrap();
        }
    };
    let expected = "tile/entries/000: entry 0 is not the one that the signed tree holds";
    assert_eq!(after(&flip("tile/entries/000", 30)), expected);
    let expected = "tile/0/001: hash 3 is not the one that the entries lead to";
    assert_eq!(after(&flip("tile/0/001", 64)), expected);
    let expected = "tile/1/000.p/2: hash 2 is not the one that the entries lead to";
    assert_eq!(after(&flip("tile/1/000.p/2", 32)), expected);
    let expected = "tile/entries/002.p/88: entry 599 ends after the bundle does";
    assert_eq!(after(&cut("tile/entries/002.p/88")), expected);
    let expected = "tile/0/000: has 8191 bytes; a tile of this width has 8192";
    assert_eq!(after(&cut("tile/0/000")), expected);
    let gone = |dir: &Path| fs::remove_file(dir.join("tile/entries/001")).unwrap();
    assert_eq!(after(&gone), "tile/entries/001 is missing");
    let expected = "checkpoint: line 2 is no size";
    let error = after(&flip("checkpoint", "mandate/wallet/ada\n".len()));
    assert!(error.starts_with(expected) || error.contains("does not verify"), "{error}");
    let dir = temp.path().join("other");
    export_numbers(&dir, 3);
    assert_eq!(fault(&dir, 2).unwrap(), "checkpoint: no key that is known signed it");
    fs::write(dir.join("tile/extra"), "whatever").unwrap();
    assert_eq!(fault(&dir, 1), None, "what else lies there is not looked at");
}

#[test]
fn whose_key_it_is_must_be_known() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("export");
    export_numbers(&dir, 3);
    let export = Export::open(&dir, &keys(&[2, 1])).unwrap();
    let error = export.verify(|_, _| ()).unwrap_err();
    assert!(matches!(error, ExportError::KeyUndecided { count: 2, .. }), "{error}");
}

#[test]
fn a_huge_checkpoint_asks_for_no_memory() {
    use mandate::Signer as _;
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("export");
    export_numbers(&dir, 3);
    let origin = "mandate/wallet/ada".parse().unwrap();
    let key = crate::testing::TestKey::new(1);
    let head = Head { size: (1 << 53) - 1, root: Root::of(b"") };
    let checkpoint = Checkpoint::sign(&origin, head, &key).unwrap();
    fs::write(dir.join(CHECKPOINT), checkpoint.as_str()).unwrap();
    assert_eq!(fault(&dir, 1).unwrap(), "tile/entries/000 is missing");
    assert!(key.public_key().id() != crate::testing::TestKey::new(2).public_key().id());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_changed_byte_goes_unnoticed(file in 0usize..6, at: proptest::sample::Index, flip in 1u8..) {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("export");
        export_numbers(&dir, 300);
        let files = [
            "checkpoint", "tile/entries/000", "tile/entries/001.p/44", "tile/0/000",
            "tile/0/001.p/44", "tile/1/000.p/1",
        ];
        let path = dir.join(files[file]);
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        fs::write(&path, bytes).unwrap();
        prop_assert!(fault(&dir, 1).is_some());
    }
}
