//! What a child did to its files and what it acknowledged, in one order.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::Path;

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Op {
    /// A file is there that was not.
    Create { file: u64, name: String },
    /// A folder is.
    Folder { name: String },
    /// A second name of a file.
    Link { from: String, to: String },
    /// A name became another.
    Rename { from: String, to: String },
    /// A name is gone.
    Remove { name: String },
    /// Bytes were written.
    Write { file: u64, at: usize, bytes: Vec<u8> },
    /// The size was set.
    Size { file: u64, size: usize },
    /// A file was synced; if that failed, its dirty pages count as clean and are on disk or not.
    Sync { file: u64, is_good: bool },
    /// The names in a folder were synced; a folder that could not be stays dirty.
    SyncFolder { name: String, is_good: bool },
    /// The child says something: a token went out, a phase begins.
    Said(String),
}

/// Bytes before a record's payload: its kind, the file, the offset and the length.
const HEAD_BYTES: usize = 32;

/// Reads a whole trace.
///
/// # Panics
///
/// If it is none.
pub fn read(path: &Path) -> Vec<Op> {
    let all = std::fs::read(path).unwrap();
    let (mut rest, mut ops) = (all.as_slice(), Vec::new());
    while let Some((head, after)) = rest.split_at_checked(HEAD_BYTES) {
        let field = |at: usize| u64::from_ne_bytes(head[at * 8..at * 8 + 8].try_into().unwrap());
        let (file, at, length) = (field(1), index(field(2)), index(field(3)));
        let (bytes, next) = after.split_at(length);
        ops.push(op(u8::try_from(field(0)).unwrap(), file, at, bytes));
        rest = next;
    }
    assert!(rest.is_empty(), "half a record");
    ops
}

fn op(kind: u8, file: u64, at: usize, bytes: &[u8]) -> Op {
    if kind == b'W' {
        return Op::Write { file, at, bytes: bytes.to_vec() };
    }
    let text = String::from_utf8(bytes.to_vec()).unwrap();
    let two = || {
        let (from, to) = text.split_once('\n').unwrap();
        (from.to_owned(), to.to_owned())
    };
    match kind {
        b'C' => Op::Create { file, name: text },
        b'D' => Op::Folder { name: text },
        b'L' => {
            let (from, to) = two();
            Op::Link { from, to }
        }
        b'R' => {
            let (from, to) = two();
            Op::Rename { from, to }
        }
        b'U' => Op::Remove { name: text },
        b'T' => Op::Size { file, size: at },
        b'S' | b's' => Op::Sync { file, is_good: kind == b'S' },
        b'Y' | b'y' => Op::SyncFolder { name: text, is_good: kind == b'Y' },
        b'A' => Op::Said(text),
        other => panic!("a record of kind {other}"),
    }
}

/// In the child: says something in the order of everything else.
///
/// # Panics
///
/// If the trace cannot be written.
pub fn say(trace: &Path, text: &str) {
    let length = u64::try_from(text.len()).unwrap();
    let mut record: Vec<u8> =
        [u64::from(b'A'), 0, 0, length].into_iter().flat_map(u64::to_ne_bytes).collect();
    record.extend(text.as_bytes());
    // One write at the end of the file, as the shim's are: whole, and after what the child saw answered.
    let mut file = OpenOptions::new().create(true).append(true).open(trace).unwrap();
    assert_eq!(file.write(&record).unwrap(), record.len());
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap()
}
