//! The disk under a child: what is on it for sure, and what was only written.
//!
//! A sync puts everything written to that file before it on disk; a sync of a folder, the names in it. Of the rest a power
//! cut leaves any part: each write whole, torn at sectors, or not at all, in any order; of a folder's names any first few.
//! A sync that failed leaves what it should have written neither on disk nor to be written by a later one, as Linux does.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use mandate_tests::random::Random;

use crate::trace::Record;

/// What a disk writes whole or not at all.
const SECTOR_BYTES: usize = 512;

#[derive(Debug, Clone)]
enum Change {
    Write { offset: usize, bytes: Vec<u8> },
    Truncate { length: usize },
}

#[derive(Debug, Clone, Copy)]
enum Node {
    File(usize),
    Folder,
}

#[derive(Debug, Clone)]
enum Naming {
    Add(PathBuf, Node),
    Remove(PathBuf),
}

#[derive(Debug, Default)]
struct File {
    on_disk: Vec<u8>,
    written: Vec<Change>,
}

/// One disk.
#[derive(Debug, Default)]
pub struct Disk {
    root: PathBuf,
    files: Vec<File>,
    /// Which file an inode is now; numbers are used again.
    inodes: BTreeMap<u64, usize>,
    folders: BTreeMap<u64, PathBuf>,
    /// Every name as programs see it.
    names: BTreeMap<PathBuf, usize>,
    on_disk: BTreeMap<PathBuf, Node>,
    /// Changes of names, by their folder.
    named: BTreeMap<PathBuf, Vec<Naming>>,
}

impl Disk {
    /// An empty disk, whose first folder is `root`.
    pub fn new(root: &Path, inode: u64) -> Self {
        let folders = BTreeMap::from([(inode, root.to_owned())]);
        Self { root: root.to_owned(), folders, ..Self::default() }
    }

    /// One more thing happens.
    pub fn take(&mut self, record: &Record, random: &mut Random) {
        match record {
            Record::Create { inode, path } => {
                let id = self.files.len();
                self.files.push(File::default());
                self.inodes.insert(*inode, id);
                self.names.insert(path.clone(), id);
                self.name(path, Naming::Add(path.clone(), Node::File(id)));
            }
            Record::Folder { inode, path } => {
                self.folders.insert(*inode, path.clone());
                self.name(path, Naming::Add(path.clone(), Node::Folder));
            }
            Record::Write { inode, offset, bytes } => {
                let change = Change::Write { offset: *offset, bytes: bytes.clone() };
                self.file(*inode).written.push(change);
            }
            Record::Truncate { inode, length } => {
                self.file(*inode).written.push(Change::Truncate { length: *length });
            }
            Record::Sync { inode } => self.sync(*inode),
            Record::SyncFailed { inode } => {
                if !self.folders.contains_key(inode) {
                    let file = self.file(*inode);
                    let lost = std::mem::take(&mut file.written);
                    some(&mut file.on_disk, lost, random);
                }
            }
            Record::Remove { path } => {
                self.names.remove(path);
                self.name(path, Naming::Remove(path.clone()));
            }
            Record::Link { from, to } => {
                let id = self.names[from];
                self.names.insert(to.clone(), id);
                self.name(to, Naming::Add(to.clone(), Node::File(id)));
            }
            Record::Rename { from, to } => {
                let id = self.names.remove(from).unwrap();
                self.names.insert(to.clone(), id);
                self.name(from, Naming::Remove(from.clone()));
                self.name(to, Naming::Add(to.clone(), Node::File(id)));
            }
            Record::WriteFailed | Record::Said(_) => {}
        }
    }

    fn file(&mut self, inode: u64) -> &mut File {
        let id = self.inodes[&inode];
        &mut self.files[id]
    }

    fn name(&mut self, path: &Path, naming: Naming) {
        self.named.entry(path.parent().unwrap().to_owned()).or_default().push(naming);
    }

    fn sync(&mut self, inode: u64) {
        // A folder's number may be a file's by now.
        if let Some(folder) = self.folders.get(&inode).filter(|_| !self.inodes.contains_key(&inode))
        {
            for naming in self.named.remove(folder).unwrap_or_default() {
                rename(&mut self.on_disk, naming);
            }
            return;
        }
        let File { on_disk, written } = self.file(inode);
        for change in std::mem::take(written) {
            apply(on_disk, &change);
        }
    }

    /// Makes what a power cut now leaves, in an empty folder in place of the first one.
    pub fn cut(&self, random: &mut Random, into: &Path) {
        let mut names = self.on_disk.clone();
        for named in self.named.values() {
            let first = random.below(u64::try_from(named.len()).unwrap() + 1);
            for naming in named.iter().take(first.try_into().unwrap()) {
                rename(&mut names, naming.clone());
            }
        }
        // In this order a folder comes before what is in it; what is in none is out of reach.
        for (path, node) in &names {
            let path = into.join(path.strip_prefix(&self.root).unwrap());
            if !path.parent().unwrap().is_dir() {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir(&path).unwrap(),
                Node::File(id) => {
                    let mut bytes = self.files[*id].on_disk.clone();
                    some(&mut bytes, self.files[*id].written.clone(), random);
                    fs::write(&path, bytes).unwrap();
                }
            }
        }
    }
}

fn rename(names: &mut BTreeMap<PathBuf, Node>, naming: Naming) {
    match naming {
        Naming::Add(path, node) => drop(names.insert(path, node)),
        Naming::Remove(path) => drop(names.remove(&path)),
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Change) {
    match change {
        Change::Truncate { length } => bytes.resize(*length, 0),
        Change::Write { offset, bytes: new } => {
            let end = offset + new.len();
            if bytes.len() < end {
                bytes.resize(end, 0);
            }
            bytes[*offset..end].copy_from_slice(new);
        }
    }
}

/// Any part of these changes, in any order.
fn some(bytes: &mut Vec<u8>, mut changes: Vec<Change>, random: &mut Random) {
    // Mostly much of it, sometimes nothing: a disk that had no time, and one that was nearly done.
    let kept_of_four = random.below(5);
    if random.below(2) == 0 {
        shuffle(&mut changes, random);
    }
    for change in changes {
        match random.below(4) {
            0 => {
                for sector in sectors(change) {
                    if random.below(2) == 0 {
                        apply(bytes, &sector);
                    }
                }
            }
            turn if turn < kept_of_four => apply(bytes, &change),
            _ => {}
        }
    }
}

/// A write in parts that are whole sectors of the file.
fn sectors(change: Change) -> Vec<Change> {
    let Change::Write { offset, bytes } = change else { return vec![change] };
    let (mut parts, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        let room = SECTOR_BYTES - (offset + at) % SECTOR_BYTES;
        let end = bytes.len().min(at + room);
        parts.push(Change::Write { offset: offset + at, bytes: bytes[at..end].to_vec() });
        at = end;
    }
    parts
}

fn shuffle<T>(all: &mut [T], random: &mut Random) {
    for last in (1..all.len()).rev() {
        let other = random.below(u64::try_from(last).unwrap() + 1);
        all.swap(last, other.try_into().unwrap());
    }
}
