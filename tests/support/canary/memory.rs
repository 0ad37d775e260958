//! The memory of another process, which only root may read once that one is hardened.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;

use rustix::process::geteuid;

use super::Canary;
use crate::must_not_skip;

/// What is read of a process's memory at a time, in bytes.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Where a form of the key is in a process's memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sighting {
    /// Which form.
    pub form: &'static str,
    /// The mapping: its first address, and its name where it has one.
    pub mapping: String,
    /// The address.
    pub address: u64,
    /// Whether the page is kept out of swap.
    pub is_locked: bool,
}

impl Canary {
    /// Where the key is in the memory of a process; `None`, with a word about it, for whoever is not root.
    ///
    /// What nobody has written to is passed over: it is the program's file, or nothing.
    ///
    /// # Panics
    ///
    /// If root cannot read that memory; under CI also without root.
    #[must_use]
    pub fn in_memory_of(&self, pid: u32) -> Option<Vec<Sighting>> {
        if !geteuid().is_root() {
            assert!(!must_not_skip(), "under CI nothing is skipped: only root reads that memory");
            eprintln!("not run: only root may read the memory of a hardened process");
            return None;
        }
        let memory = File::open(format!("/proc/{pid}/mem")).expect("root may read it");
        let maps = fs::read_to_string(format!("/proc/{pid}/smaps")).expect("root may read it");
        let mut found = Vec::new();
        for mapping in mappings(&maps) {
            if mapping.is_touched {
                // A mapping may end while it is read.
                self.in_mapping(&memory, &mapping, &mut found).unwrap_or_default();
            }
        }
        Some(found)
    }

    fn in_mapping(
        &self,
        memory: &File,
        mapping: &Mapping,
        found: &mut Vec<Sighting>,
    ) -> io::Result<()> {
        // A form that begins in one chunk and ends in the next one is found in neither without this.
        let overlap = self.forms.iter().map(|(_, form)| form.len()).max().unwrap_or_default();
        let mut chunk = vec![0; CHUNK_BYTES + overlap];
        let mut at = mapping.from;
        while at < mapping.until {
            let left = usize::try_from(mapping.until - at).unwrap_or(usize::MAX);
            let chunk = &mut chunk[..left.min(CHUNK_BYTES + overlap)];
            memory.read_exact_at(chunk, at)?;
            for (form, offset) in self.in_bytes(chunk) {
                let address = at + u64::try_from(offset).expect("an address");
                let mapping_name = format!("{:x} {}", mapping.from, mapping.name);
                let sighting =
                    Sighting { form, mapping: mapping_name, address, is_locked: mapping.is_locked };
                if !found.contains(&sighting) {
                    found.push(sighting);
                }
            }
            at += u64::try_from(CHUNK_BYTES).expect("a length");
        }
        Ok(())
    }
}

/// A part of a process's address space.
#[derive(Debug, Default)]
struct Mapping {
    from: u64,
    until: u64,
    name: String,
    is_locked: bool,
    /// Somebody wrote to it, or may have: it holds more than its file.
    is_touched: bool,
}

/// Reads `proc_pid_smaps(5)`.
fn mappings(smaps: &str) -> Vec<Mapping> {
    let mut found: Vec<Mapping> = Vec::new();
    for line in smaps.lines() {
        let first = line.split_ascii_whitespace().next().unwrap_or_default();
        if let Some(range) = (!first.ends_with(':')).then(|| first.split_once('-')).flatten() {
            let address = |text| u64::from_str_radix(text, 16).expect("an address");
            let name = line.split_ascii_whitespace().skip(5).collect::<Vec<_>>().join(" ");
            found.push(Mapping {
                from: address(range.0),
                until: address(range.1),
                name,
                ..Mapping::default()
            });
        } else if let Some(mapping) = found.last_mut() {
            let mut words = line.split_ascii_whitespace().skip(1);
            match first {
                "Anonymous:" => mapping.is_touched |= words.next() != Some("0"),
                "VmFlags:" => mapping.is_locked = words.any(|flag| flag == "lo"),
                _ => {}
            }
        }
    }
    found
}
