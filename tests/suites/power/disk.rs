//! A disk that keeps what was synced, and of the rest whatever it pleases.
//!
//! A write, a new size and a changed name are held back until their file or folder is synced. At a cut each held write
//! is there whole, not at all, or torn at sectors of 512 bytes of which each is there or not; half of the time those
//! that are there arrive in another order than they were made in. Each held change of a name took place or did not,
//! whatever became of the others. A sync that fails leaves any part of what was held on disk and forgets the rest: it
//! is in the page cache still and counts as clean, as Linux has it. A folder whose sync fails stays dirty, since the
//! next change writes its block again.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mandate_tests::random::Random;

use crate::trace::Op;

/// What a disk writes whole, in bytes.
const SECTOR_BYTES: usize = 512;

/// What a sync is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Honesty {
    /// What was synced is on disk.
    Honest,
    /// `synchronous=NORMAL`: a WAL is synced only when it is about to be copied into its database.
    Normal,
    /// A sync says it is done, and does nothing.
    Lying,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Debug)]
enum Held {
    Write { at: usize, bytes: Vec<u8> },
    Size(usize),
}

#[derive(Debug, Default)]
struct File {
    is_wal: bool,
    owes_sync: bool,
    durable: Vec<u8>,
    held: Vec<Held>,
}

/// One name that goes, one that comes, or both at once.
#[derive(Debug, Clone)]
struct Change {
    gone: Option<String>,
    come: Option<(String, Node)>,
}

/// The disk under one folder.
#[derive(Debug)]
pub struct Disk {
    honesty: Honesty,
    files: Vec<File>,
    /// By the number the kernel gives a file; a number is used again after its file is gone.
    numbers: BTreeMap<u64, usize>,
    /// As the running system sees them.
    names: BTreeMap<String, Node>,
    durable_names: BTreeMap<String, Node>,
    held_names: Vec<Change>,
}

impl Disk {
    /// An empty folder.
    pub fn new(honesty: Honesty) -> Self {
        Self {
            honesty,
            files: Vec::new(),
            numbers: BTreeMap::new(),
            names: BTreeMap::new(),
            durable_names: BTreeMap::new(),
            held_names: Vec::new(),
        }
    }

    /// One thing happens.
    pub fn apply(&mut self, op: &Op, random: &mut Random) {
        match op {
            Op::Create { file, name } => {
                self.numbers.insert(*file, self.files.len());
                let node = Node::File(self.files.len());
                self.files.push(File { is_wal: name.ends_with("-wal"), ..File::default() });
                self.rename(None, Some((name.clone(), node)));
            }
            Op::Folder { name } => self.rename(None, Some((name.clone(), Node::Folder))),
            Op::Link { from, to } => self.rename(None, Some((to.clone(), self.names[from]))),
            Op::Rename { from, to } => {
                self.rename(Some(from.clone()), Some((to.clone(), self.names[from])));
            }
            Op::Remove { name } => self.rename(Some(name.clone()), None),
            Op::Write { file, at, bytes } => {
                self.hold(*file, Held::Write { at: *at, bytes: bytes.clone() });
            }
            Op::Size { file, size } => self.hold(*file, Held::Size(*size)),
            Op::Sync { file, is_good } => self.sync(*file, *is_good, random),
            Op::SyncFolder { name, is_good: true } if self.honesty != Honesty::Lying => {
                let held = std::mem::take(&mut self.held_names);
                for change in held {
                    if change.folders().any(|folder| folder == name) {
                        change.apply(&mut self.durable_names);
                    } else {
                        self.held_names.push(change);
                    }
                }
            }
            Op::SyncFolder { .. } | Op::Said(_) => {}
        }
    }

    fn rename(&mut self, gone: Option<String>, come: Option<(String, Node)>) {
        let change = Change { gone, come };
        change.apply(&mut self.names);
        self.held_names.push(change);
    }

    fn hold(&mut self, number: u64, held: Held) {
        let file = self.numbers[&number];
        if !self.files[file].is_wal {
            self.files.iter_mut().filter(|file| file.owes_sync).for_each(File::sync);
        }
        self.files[file].held.push(held);
    }

    fn sync(&mut self, number: u64, is_good: bool, random: &mut Random) {
        let file = &mut self.files[self.numbers[&number]];
        match (is_good, self.honesty) {
            (true, Honesty::Lying) => {}
            (true, Honesty::Normal) if file.is_wal => file.owes_sync = true,
            (true, _) => file.sync(),
            (false, _) => {
                file.durable = file.after_a_cut(Mood::any(random), random);
                file.held.clear();
            }
        }
    }

    /// What is in the folder after the power was cut now.
    pub fn cut(&self, random: &mut Random, into: &Path) {
        let mood = Mood::any(random);
        let mut names = self.durable_names.clone();
        for change in &self.held_names {
            if mood.keeps(random) {
                change.apply(&mut names);
            }
        }
        // A folder sorts before what is in it; what is in a folder that is not there is not there either.
        for (name, node) in names {
            let path = into.join(&name);
            if !path.parent().unwrap().is_dir() {
                continue;
            }
            match node {
                Node::Folder => fs::create_dir(path).unwrap(),
                Node::File(file) => {
                    fs::write(path, self.files[file].after_a_cut(mood, random)).unwrap();
                }
            }
        }
    }
}

impl Change {
    fn folders(&self) -> impl Iterator<Item = &str> {
        let come = self.come.as_ref().map(|(name, _)| name);
        let folder = |name: &String| name.rfind('/').map_or(0, |at| at);
        self.gone.iter().chain(come).map(move |name| &name[..folder(name)])
    }

    fn apply(&self, names: &mut BTreeMap<String, Node>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((name, node)) = &self.come {
            names.insert(name.clone(), *node);
        }
    }
}

impl File {
    fn sync(&mut self) {
        self.owes_sync = false;
        for held in std::mem::take(&mut self.held) {
            held.apply(&mut self.durable, |_| true);
        }
    }

    fn after_a_cut(&self, mood: Mood, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let mut order: Vec<_> = self.held.iter().collect();
        if random.below(2) == 0 {
            for at in (1..order.len()).rev() {
                let other = random.below(u64::try_from(at + 1).unwrap());
                order.swap(at, usize::try_from(other).unwrap());
            }
        }
        for held in order {
            match (mood, random.below(3)) {
                (Mood::Nothing, _) | (Mood::Some, 0) => {}
                (Mood::Some, 1) => held.apply(&mut bytes, |_| random.below(2) == 0),
                _ => held.apply(&mut bytes, |_| true),
            }
        }
        bytes
    }
}

impl Held {
    /// Takes effect, as far as these sectors are concerned.
    fn apply(&self, file: &mut Vec<u8>, mut keeps: impl FnMut(usize) -> bool) {
        match self {
            Self::Size(size) => {
                if keeps(0) {
                    file.resize(*size, 0);
                }
            }
            Self::Write { at, bytes } => {
                let (mut from, end) = (*at, at + bytes.len());
                while from < end {
                    let to = end.min((from / SECTOR_BYTES + 1) * SECTOR_BYTES);
                    if keeps(from / SECTOR_BYTES) {
                        file.resize(file.len().max(to), 0);
                        file[from..to].copy_from_slice(&bytes[from - at..to - at]);
                    }
                    from = to;
                }
            }
        }
    }
}

/// What becomes of everything that is held back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Nothing,
    Some,
    Everything,
}

impl Mood {
    fn any(random: &mut Random) -> Self {
        *random.one_of(&[Self::Nothing, Self::Some, Self::Some, Self::Some, Self::Everything])
    }

    fn keeps(self, random: &mut Random) -> bool {
        match self {
            Self::Nothing => false,
            Self::Some => random.below(2) == 0,
            Self::Everything => true,
        }
    }
}
