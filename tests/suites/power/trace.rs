//! What a child did, as the shim wrote it down.

use std::path::PathBuf;

/// The bytes of a record before its own: what, two numbers, and how many follow.
const HEAD_BYTES: usize = 1 + 8 + 8 + 4;

/// One thing that the child did to its files, or said.
#[derive(Debug, Clone)]
pub enum Record {
    /// A new file.
    Create { inode: u64, path: PathBuf },
    /// Bytes of a file.
    Write { inode: u64, offset: usize, bytes: Vec<u8> },
    /// Its length.
    Truncate { inode: u64, length: usize },
    /// A file or a folder is on disk.
    Sync { inode: u64 },
    /// It is not, and the system said so.
    SyncFailed { inode: u64 },
    /// A write that the shim refused.
    WriteFailed,
    /// A new folder.
    Folder { inode: u64, path: PathBuf },
    /// A name is gone.
    Remove { path: PathBuf },
    /// One more name for a file.
    Link { from: PathBuf, to: PathBuf },
    /// Another name for a file.
    Rename { from: PathBuf, to: PathBuf },
    /// The child said this to whoever waits for it.
    Said(String),
}

/// Reads a trace.
///
/// # Panics
///
/// If it is none.
pub fn read(mut bytes: &[u8]) -> Vec<Record> {
    let mut records = Vec::new();
    while let Some((head, rest)) = bytes.split_at_checked(HEAD_BYTES) {
        let number = |at: usize| u64::from_le_bytes(head[at..at + 8].try_into().unwrap());
        let length = u32::from_le_bytes(head[17..].try_into().unwrap());
        let (own, rest) = rest.split_at(length.try_into().unwrap());
        records.push(record(head[0], number(1), number(9), own));
        bytes = rest;
    }
    assert!(bytes.is_empty(), "half a record");
    records
}

fn record(what: u8, a: u64, b: u64, bytes: &[u8]) -> Record {
    let text = || String::from_utf8(bytes.to_vec()).unwrap();
    let path = || PathBuf::from(text());
    let both = || {
        let text = text();
        let (from, to) = text.split_once('\0').unwrap();
        (PathBuf::from(from), PathBuf::from(to))
    };
    match what {
        b'A' => Record::Said(text()),
        b'C' => Record::Create { inode: a, path: path() },
        b'D' => Record::Remove { path: path() },
        b'E' => Record::SyncFailed { inode: a },
        b'F' => Record::WriteFailed,
        b'L' => {
            let (from, to) = both();
            Record::Link { from, to }
        }
        b'M' => Record::Folder { inode: a, path: path() },
        b'R' => {
            let (from, to) = both();
            Record::Rename { from, to }
        }
        b'S' => Record::Sync { inode: a },
        b'T' => Record::Truncate { inode: a, length: b.try_into().unwrap() },
        b'W' => Record::Write { inode: a, offset: b.try_into().unwrap(), bytes: bytes.to_vec() },
        other => panic!("no record begins with {other}"),
    }
}

/// A record of what the child says, as it appends it itself.
pub fn said(text: &str) -> Vec<u8> {
    let length = u32::try_from(text.len()).unwrap();
    [&b"A"[..], &[0; 16], &length.to_le_bytes(), text.as_bytes()].concat()
}
