//! The Go package that defined these formats, `golang.org/x/mod/sumdb`, reads an exported log from files.
//!
//! `tests/stock/tlog` is the program. It needs a Go toolchain and its one module, from Go's cache or its proxy.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use data_encoding::BASE64;
use mandate_journal::tree::NodeHash;
use mandate_tests::must_not_skip;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::log::Log;

/// Sizes around each change of shape.
const SIZES: [u64; 9] = [1, 2, 7, 255, 256, 257, 1_100, 65_536, 65_537];

fn go(arguments: &[&str], folder: &Path) -> Option<Output> {
    let mut go = Command::new("go");
    // What is installed is what is used: no other toolchain is fetched, and no file here changes.
    go.args(arguments)
        .current_dir(folder)
        .env("GOTOOLCHAIN", "local")
        .env("GOFLAGS", "-mod=readonly");
    match go.output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
        Err(error) => panic!("go: {error}"),
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Builds the program; `None`, with a word about it, where that cannot be done.
fn program(folder: &Path) -> Option<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("stock/tlog");
    let Some(fetched) = go(&["mod", "download"], &source) else {
        eprintln!("not run: no Go toolchain here");
        return None;
    };
    if !fetched.status.success() {
        assert!(!must_not_skip(), "under CI nothing is skipped: {}", said(&fetched));
        eprintln!("not run: golang.org/x/mod cannot be fetched here: {}", said(&fetched));
        return None;
    }
    let program = folder.join("tlog");
    let built = go(&["build", "-o", program.to_str().unwrap(), "."], &source).expect("go");
    assert!(built.status.success(), "{}", said(&built));
    Some(program)
}

fn base64(path: &[NodeHash]) -> Vec<String> {
    path.iter().map(|node| BASE64.encode(node.as_bytes())).collect()
}

/// Writes the log as of `size`, with proofs of a few entries and from every power of two.
fn export(log: &Log, size: u64, dir: &Path) {
    log.tiles(size, |tile, bytes| {
        let path = dir.join(tile.to_string());
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    });
    fs::write(dir.join("key"), log.verifier_key()).unwrap();
    fs::write(dir.join("checkpoint"), log.checkpoint(size).as_str()).unwrap();
    let record = |index| json!({"Index": index, "Path": base64(&log.inclusion(index, size))});
    let records: Vec<Value> = [0, size / 3, size / 2, size - 1].map(record).into();
    let powers = (0..u64::BITS).map(|bit| 1 << bit).take_while(|power| *power < size);
    let trees = powers.chain([size - 1, size]).filter(|before| *before > 0).map(|before| {
        let root = BASE64.encode(log.root(before).as_bytes());
        json!({"Before": before, "Root": root, "Path": base64(&log.consistency(before, size))})
    });
    let proofs = json!({"Records": records, "Trees": trees.collect::<Vec<_>>()});
    fs::write(dir.join("proofs.json"), proofs.to_string()).unwrap();
}

/// What is done to a good export, and what the answer then begins with.
type Damage = (fn(&Path, &Log), &'static str);

const DAMAGES: [Damage; 6] = [
    (|dir, _| edit(&dir.join("checkpoint"), |text| text[20] ^= 1), "refused"),
    (|dir, log| fs::write(dir.join("key"), other(log).verifier_key()).unwrap(), "refused"),
    (|dir, _| edit(&dir.join("tile/0/001"), |tile| tile[0] ^= 1), "refused"),
    (|dir, _| edit(&dir.join("tile/1/000.p/4"), |tile| tile[127] ^= 1), "refused"),
    (
        |dir, _| edit(&dir.join("tile/entries/004.p/76"), |bundle| bundle[9] ^= 1),
        "refused entry 1024",
    ),
    (|dir, log| export_proofs_of(&other(log), dir), "refused record 0"),
];

fn edit(path: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let mut bytes = fs::read(path).unwrap();
    change(&mut bytes);
    fs::write(path, bytes).unwrap();
}

/// Another log of the same name, under another key.
fn other(log: &Log) -> Log {
    Log::new(log.origin.as_str(), 7, 1_101)
}

fn export_proofs_of(other: &Log, dir: &Path) {
    let theirs = tempfile::tempdir().unwrap();
    // One entry more, so that no path is the same.
    export(other, 1_101, theirs.path());
    fs::copy(theirs.path().join("proofs.json"), dir.join("proofs.json")).unwrap();
}

#[test]
fn the_go_package_accepts_our_logs_and_refuses_damaged_ones() {
    let folder = TempDir::new().unwrap();
    let Some(program) = program(folder.path()) else { return };
    let log = Log::new("mandate/gateway/lux-hotels", 2, 65_537);
    let mut checks = Command::new(program);
    let mut expected = Vec::new();
    for size in SIZES {
        let dir = folder.path().join(size.to_string());
        export(&log, size, &dir);
        checks.arg(dir);
        expected.push(format!("ok {size}"));
    }
    for (number, (damage, answer)) in DAMAGES.iter().enumerate() {
        let dir = folder.path().join(format!("damaged-{number}"));
        export(&log, 1_100, &dir);
        damage(&dir, &log);
        checks.arg(dir);
        expected.push((*answer).to_owned());
    }
    let output = checks.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let answers = String::from_utf8(output.stdout).unwrap();
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), expected.len(), "{answers:?}");
    for (answer, expected) in answers.iter().zip(&expected) {
        let exact = expected.starts_with("ok");
        assert!(
            if exact { answer == expected } else { answer.starts_with(expected) },
            "{answer}: {expected}"
        );
    }
}
