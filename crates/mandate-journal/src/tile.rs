//! Tiles: a log as a finite set of files, which any web server can serve and any tool of that format can check.
//!
//! A hash tile holds up to 256 neighbouring nodes of one height, a bundle up to 256 entries. Which files a log of a
//! given size consists of, what they are called and how long they are follows from the size alone, so a reader knows
//! every name and every limit before it opens anything.
//!
//! Source: C2SP tlog-tiles.

use std::fmt;

use thiserror::Error;

use crate::entry::ENTRY_BYTES_MAX;
use crate::tree::{NODE_BYTES, NodeHash};

/// Nodes or entries in a full tile.
pub const TILE_WIDTH: u16 = 256;
/// Levels of the tree between two levels of tiles.
pub const TILE_HEIGHT: u32 = 8;
/// Most bytes in a hash tile.
pub const HASH_TILE_BYTES_MAX: usize = 256 * NODE_BYTES;
/// Most bytes in a bundle of entries.
pub const BUNDLE_BYTES_MAX: usize = 256 * (LENGTH_BYTES + ENTRY_BYTES_MAX);

/// Every how many heights of the tree there is a level of tiles.
const STEP: usize = 8;
/// Bytes of an entry's length in a bundle.
const LENGTH_BYTES: usize = 2;
/// Levels of tiles that a log of at most 2^53 − 1 entries can have.
const LEVELS: usize = 7;

/// Why the bytes of a tile are not what its name says.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TileError {
    /// An entry's length is more than what is left.
    #[error("entry {seq} ends after the bundle does")]
    Entry {
        /// The entry's number in the log.
        seq: u64,
    },
    /// It has another length than its width asks for.
    #[error("has {actual} bytes; a tile of this width has {expected}")]
    Length {
        /// How many it has.
        actual: usize,
        /// How many it should have.
        expected: usize,
    },
    /// Bytes follow the last entry.
    #[error("has {surplus} bytes after its last entry")]
    Surplus {
        /// How many.
        surplus: usize,
    },
}

/// What a tile holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TileKind {
    /// Entries.
    Entries,
    /// Nodes of height 8 · `level`.
    Hashes {
        /// The level of tiles, from 0.
        level: u8,
    },
}

/// One tile of a log of a given size.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub kind: TileKind,
    /// Which of its level, counted from the left, from 0.
    pub index: u64,
    /// How many nodes or entries it holds: 1 to [`TILE_WIDTH`].
    pub width: u16,
}

impl Tile {
    /// The bundles of entries of a log of `size` entries, from the left.
    pub fn entries(size: u64) -> impl Iterator<Item = Self> {
        row(TileKind::Entries, size)
    }

    /// The hash tiles of a log of `size` entries, level by level, from the left.
    pub fn hashes(size: u64) -> impl Iterator<Item = Self> {
        (0u8..).take(LEVELS).flat_map(move |level| {
            let nodes = size.checked_shr(TILE_HEIGHT.saturating_mul(level.into())).unwrap_or(0);
            row(TileKind::Hashes { level }, nodes)
        })
    }

    /// The number of its first entry; for hashes, of its first node.
    #[must_use]
    pub fn first(&self) -> u64 {
        self.index.saturating_mul(TILE_WIDTH.into())
    }

    /// Most bytes that the tile can have.
    #[must_use]
    pub fn bytes_max(&self) -> usize {
        let each = match self.kind {
            TileKind::Entries => LENGTH_BYTES.saturating_add(ENTRY_BYTES_MAX),
            TileKind::Hashes { .. } => NODE_BYTES,
        };
        usize::from(self.width).saturating_mul(each)
    }
}

/// All tiles over `nodes` nodes or entries.
fn row(kind: TileKind, nodes: u64) -> impl Iterator<Item = Tile> {
    let full = nodes.checked_div(TILE_WIDTH.into()).unwrap_or(0);
    let rest = nodes.checked_rem(TILE_WIDTH.into()).unwrap_or(0);
    let rest = u16::try_from(rest).ok().filter(|rest| *rest > 0);
    let tiles = (0..full).map(move |index| Tile { kind, index, width: TILE_WIDTH });
    tiles.chain(rest.map(|width| Tile { kind, index: full, width }))
}

/// The path of the tile below the log's folder: `tile/0/x001/x234/067`, `tile/entries/000.p/17`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            TileKind::Entries => f.write_str("tile/entries")?,
            TileKind::Hashes { level } => write!(f, "tile/{level}")?,
        }
        let digits = self.index.to_string();
        let width = digits.len().next_multiple_of(3);
        let padded = format!("{digits:0>width$}");
        let mut groups = padded.as_bytes().chunks(3).peekable();
        while let Some(group) = groups.next() {
            let prefix = if groups.peek().is_some() { "x" } else { "" };
            write!(f, "/{prefix}{}", String::from_utf8_lossy(group))?;
        }
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

/// Appends one entry to a bundle.
///
/// `entry` has at most [`ENTRY_BYTES_MAX`] bytes, as every entry of a journal.
pub fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) {
    // What is longer is no entry: its length would be cut off here, and no reader would take the bundle.
    let length = u16::try_from(entry.len()).unwrap_or(u16::MAX);
    bundle.extend(length.to_be_bytes());
    bundle.extend(entry);
}

/// The entries of a bundle, in order.
///
/// # Errors
///
/// [`TileError`] if the bytes are not exactly as many entries as the tile is wide.
pub fn read_entries<'b>(tile: &Tile, bundle: &'b [u8]) -> Result<Vec<&'b [u8]>, TileError> {
    let mut rest = bundle;
    let mut entries = Vec::with_capacity(tile.width.into());
    for seq in (tile.first()..).take(tile.width.into()) {
        let cut = TileError::Entry { seq };
        let (length, after) = rest.split_first_chunk::<LENGTH_BYTES>().ok_or(cut)?;
        let length = u16::from_be_bytes(*length).into();
        let (entry, after) = after.split_at_checked(length).ok_or(cut)?;
        entries.push(entry);
        rest = after;
    }
    if rest.is_empty() { Ok(entries) } else { Err(TileError::Surplus { surplus: rest.len() }) }
}

/// The hashes of a hash tile, in order.
///
/// # Errors
///
/// [`TileError::Length`] if the bytes are not exactly as many hashes as the tile is wide.
pub fn read_hashes(tile: &Tile, bytes: &[u8]) -> Result<Vec<NodeHash>, TileError> {
    let expected = tile.bytes_max();
    let (hashes, rest) = bytes.as_chunks::<NODE_BYTES>();
    if bytes.len() != expected || !rest.is_empty() {
        return Err(TileError::Length { actual: bytes.len(), expected });
    }
    Ok(hashes.iter().map(|hash| NodeHash::from_bytes(*hash)).collect())
}

/// Cuts a growing log into tiles: each is given out once, full ones as soon as they are.
///
/// Holds at most one tile of each level, so memory does not grow with the log.
#[derive(Debug, Default)]
pub struct Tiler {
    bundle: Vec<u8>,
    entries: u64,
    levels: [Vec<u8>; LEVELS],
}

impl Tiler {
    /// Takes the next entry with the nodes that it completed ([`crate::tree::Added`]); `give` gets the tiles that are
    /// full with it.
    ///
    /// # Errors
    ///
    /// Whatever `give` fails with.
    pub fn push<E>(
        &mut self,
        entry: &[u8],
        nodes: &[NodeHash],
        mut give: impl FnMut(Tile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        push_entry(&mut self.bundle, entry);
        self.entries = self.entries.saturating_add(1);
        for (level, hash) in self.levels.iter_mut().zip(nodes.iter().step_by(STEP)) {
            level.extend(hash.as_bytes());
        }
        if self.entries.is_multiple_of(TILE_WIDTH.into()) {
            let is_full = |tile: &Tile| tile.width == TILE_WIDTH;
            self.give(is_full, &mut give)?;
        }
        Ok(())
    }

    /// Gives out what is left: the tiles at the right edge that are not full.
    ///
    /// # Errors
    ///
    /// Whatever `give` fails with.
    pub fn finish<E>(
        mut self,
        mut give: impl FnMut(Tile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.give(|_| true, &mut give)
    }

    /// Gives out the newest tile of each level that is fit.
    fn give<E>(
        &mut self,
        fit: impl Fn(&Tile) -> bool,
        give: &mut impl FnMut(Tile, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let size = self.entries;
        if let Some(tile) = newest(TileKind::Entries, size).filter(&fit)
            && !self.bundle.is_empty()
        {
            give(tile, &self.bundle)?;
            self.bundle.clear();
        }
        for (level, bytes) in (0u8..).zip(&mut self.levels) {
            let nodes = size.checked_shr(TILE_HEIGHT.saturating_mul(level.into())).unwrap_or(0);
            let tile = newest(TileKind::Hashes { level }, nodes).filter(&fit);
            if let Some(tile) = tile.filter(|_| !bytes.is_empty()) {
                give(tile, bytes)?;
                bytes.clear();
            }
        }
        Ok(())
    }
}

/// The rightmost tile over `nodes` nodes.
fn newest(kind: TileKind, nodes: u64) -> Option<Tile> {
    let last = nodes.checked_sub(1)?;
    let index = last.checked_div(TILE_WIDTH.into())?;
    let width = last.checked_rem(TILE_WIDTH.into())?.saturating_add(1);
    Some(Tile { kind, index, width: u16::try_from(width).ok()? })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::tree::{Frontier, leaf_hash};

    #[test]
    fn paths_are_those_of_the_format() {
        let path = |kind, index, width| Tile { kind, index, width }.to_string();
        let hashes = TileKind::Hashes { level: 0 };
        assert_eq!(path(hashes, 1_234_067, 256), "tile/0/x001/x234/067");
        assert_eq!(path(TileKind::Entries, 0, 17), "tile/entries/000.p/17");
        assert_eq!(path(TileKind::Hashes { level: 2 }, 999, 256), "tile/2/999");
        assert_eq!(path(TileKind::Hashes { level: 2 }, 1_000, 1), "tile/2/x001/000.p/1");
    }

    #[test]
    fn a_log_of_70_000_has_the_tiles_of_the_format_s_own_example() {
        let tiles: Vec<Tile> = Tile::hashes(70_000).collect();
        let count = |level, full| {
            let of = |tile: &&Tile| {
                tile.kind == TileKind::Hashes { level } && (tile.width == TILE_WIDTH) == full
            };
            tiles.iter().filter(of).count()
        };
        assert_eq!((count(0, true), count(1, true), count(2, true)), (273, 1, 0));
        let partial: Vec<u16> =
            tiles.iter().filter(|tile| tile.width < TILE_WIDTH).map(|tile| tile.width).collect();
        assert_eq!(partial, [112, 17, 1]);
        let exact: Vec<String> = Tile::hashes(256).map(|tile| tile.to_string()).collect();
        assert_eq!(exact, ["tile/0/000", "tile/1/000.p/1"]);
    }

    fn entry(seq: u64) -> Vec<u8> {
        format!("entry {seq}").into_bytes()
    }

    fn cut(size: u64) -> BTreeMap<Tile, Vec<u8>> {
        let mut cut = BTreeMap::new();
        let mut frontier = Frontier::default();
        let mut tiler = Tiler::default();
        let mut keep = |tile: Tile, bytes: &[u8]| {
            assert!(cut.insert(tile, bytes.to_vec()).is_none(), "{tile} is given out once");
            Ok::<_, Infallible>(())
        };
        for seq in 0..size {
            let entry = entry(seq);
            tiler.push(&entry, &frontier.push(leaf_hash(&entry)).nodes, &mut keep).unwrap();
        }
        tiler.finish(&mut keep).unwrap();
        cut
    }

    #[test]
    fn a_log_is_cut_into_exactly_its_tiles() {
        for size in [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537] {
            let tiles = cut(size);
            let expected: Vec<Tile> = Tile::entries(size).chain(Tile::hashes(size)).collect();
            assert_eq!(tiles.keys().copied().collect::<Vec<_>>(), expected, "{size}");
            for (tile, bytes) in &tiles {
                assert!(bytes.len() <= tile.bytes_max());
                match tile.kind {
                    TileKind::Entries => {
                        let read = read_entries(tile, bytes).unwrap();
                        let made = (tile.first()..).map(entry);
                        assert!(made.zip(&read).all(|(made, read)| made == *read));
                    }
                    TileKind::Hashes { level: 0 } => {
                        let read = read_hashes(tile, bytes).unwrap();
                        let made = (tile.first()..).map(|seq| leaf_hash(&entry(seq)));
                        assert!(made.zip(&read).all(|(made, read)| made == *read));
                    }
                    TileKind::Hashes { .. } => {
                        assert_eq!(
                            read_hashes(tile, bytes).unwrap().len(),
                            usize::from(tile.width)
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_tile_of_another_length_is_refused() {
        let tile = Tile { kind: TileKind::Entries, index: 1, width: 2 };
        let mut bundle = Vec::new();
        push_entry(&mut bundle, b"a");
        push_entry(&mut bundle, b"bc");
        assert_eq!(read_entries(&tile, &bundle).unwrap(), [b"a".as_slice(), b"bc"]);
        let short = &bundle[..bundle.len() - 1];
        assert_eq!(read_entries(&tile, short), Err(TileError::Entry { seq: 257 }));
        bundle.push(0);
        assert_eq!(read_entries(&tile, &bundle), Err(TileError::Surplus { surplus: 1 }));
        let hashes = Tile { kind: TileKind::Hashes { level: 0 }, index: 0, width: 2 };
        let error = TileError::Length { actual: 63, expected: 64 };
        assert_eq!(read_hashes(&hashes, &[0; 63]), Err(error));
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_bundle_or_refused(bytes in any::<Vec<u8>>(), width in 1u16..=256) {
            let tile = Tile { kind: TileKind::Entries, index: 0, width };
            if let Ok(entries) = read_entries(&tile, &bytes) {
                let mut again = Vec::new();
                for entry in entries {
                    push_entry(&mut again, entry);
                }
                prop_assert_eq!(again, bytes);
            }
        }
    }
}
