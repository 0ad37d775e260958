//! The crates `signed_note`, `tlog_tiles` and `ct-merkle` accept what we make and refuse what we refuse; and the other
//! way round.

use std::collections::{BTreeMap, BTreeSet};

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use data_encoding::{BASE64, HEXLOWER};
use mandate::Root;
use mandate::Signer as _;
use mandate_journal::Checkpoint;
use mandate_journal::tile::{Tile, TileKind};
use mandate_journal::tree::{NodeHash, verify_consistency, verify_inclusion};
use mandate_tests::random::Random;
use sha2::Sha256;
use signed_note::{
    Note, StandardSigner, StandardVerifier, Verifier as _, VerifierList, Verifiers as _,
};
use tlog_tiles::{Hash, HashReader as _, TileHashReader, TileReader};

use crate::log::{Key, Log};

/// Every size up to here is tried.
const SIZES_MAX: u64 = 1_100;
/// And those around the first full tile of the second level.
const SIZES_LARGE: [u64; 3] = [65_535, 65_536, 65_537];
/// Entries and earlier sizes that are drawn at random for each size.
const DRAWN: u64 = 4;
/// Levels of the tree between two levels of tiles.
const HEIGHT: u8 = 8;

/// The tiles of one size, as they would lie on a web server.
struct Served(BTreeMap<String, Vec<u8>>);

impl Served {
    fn new(log: &Log, size: u64) -> Self {
        let mut files = BTreeMap::new();
        log.tiles(size, |tile, bytes| {
            assert!(files.insert(tile.to_string(), bytes.to_vec()).is_none(), "{tile}");
        });
        Self(files)
    }

    /// Every entry, read with nothing of ours.
    fn entries(&self) -> Vec<&[u8]> {
        let mut entries = Vec::new();
        for (path, bundle) in &self.0 {
            let mut rest = bundle.as_slice();
            while path.starts_with("tile/entries/") && !rest.is_empty() {
                let (length, after) = rest.split_at(2);
                let length = usize::from(length[0]) * 256 + usize::from(length[1]);
                entries.push(&after[..length]);
                rest = &after[length..];
            }
        }
        entries
    }
}

impl TileReader for Served {
    fn height(&self) -> u8 {
        HEIGHT
    }

    fn read_tiles(&self, tiles: &[tlog_tiles::Tile]) -> Result<Vec<Vec<u8>>, tlog_tiles::Error> {
        let read = |tile: &tlog_tiles::Tile| {
            // That crate writes the height into the path, as the Go checksum database does; C2SP leaves it out.
            let path = tile.path().replacen("tile/8/", "tile/", 1);
            self.0.get(&path).cloned().ok_or(tlog_tiles::Error::InvalidTile)
        };
        tiles.iter().map(read).collect()
    }

    fn save_tiles(&self, _: &[tlog_tiles::Tile], _: &[Vec<u8>]) {}
}

fn verifiers(verifier_key: &str) -> VerifierList {
    VerifierList::new(vec![Box::new(StandardVerifier::new(verifier_key).unwrap())])
}

fn theirs(path: &[NodeHash]) -> Vec<Hash> {
    path.iter().map(|node| Hash(*node.as_bytes())).collect()
}

fn flat(path: &[NodeHash]) -> Vec<u8> {
    path.iter().flat_map(|node| *node.as_bytes()).collect()
}

fn ours(proof: &[u8]) -> Vec<NodeHash> {
    proof.as_chunks().0.iter().map(|hash| NodeHash::from_bytes(*hash)).collect()
}

fn root_hash(root: &Root, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

/// The first, the last, the middle and some other entries of a log.
fn indices(size: u64, random: &mut Random) -> BTreeSet<u64> {
    let drawn = (0..DRAWN).map(|_| random.below(size));
    [0, size / 2, size - 1].into_iter().chain(drawn).collect()
}

/// Powers of two, the size just before, and some others: all at least 1 and below `size`.
fn earlier(size: u64, random: &mut Random) -> BTreeSet<u64> {
    let powers = (0..u64::BITS).map(|bit| 1 << bit).take_while(|power| *power < size);
    let drawn = (0..DRAWN).map(|_| random.below(size));
    powers.chain(drawn).chain([size - 1]).filter(|before| *before > 0).collect()
}

fn the_checkpoint_is_read(log: &Log, size: u64) {
    let signed = log.checkpoint(size);
    let note = Note::from_bytes(signed.as_str().as_bytes()).unwrap();
    let (verified, others) = note.verify(&verifiers(&log.verifier_key())).unwrap();
    assert_eq!((verified.len(), others.len()), (1, 0));
    assert_eq!(note.to_bytes(), signed.as_str().as_bytes());
    let read = tlog_tiles::Checkpoint::from_bytes(note.text()).unwrap();
    assert_eq!((read.origin(), read.size()), (log.origin.as_str(), size));
    assert_eq!(read.hash().0, *log.root(size).as_bytes());
    assert_eq!(read.extension(), "");
    assert_eq!(read.to_bytes(), note.text());
}

fn the_tiles_are_read(log: &Log, size: u64, random: &mut Random) {
    let served = Served::new(log, size);
    let names: BTreeSet<String> =
        Tile::hashes(size).chain(Tile::entries(size)).map(|tile| tile.to_string()).collect();
    assert_eq!(served.0.keys().cloned().collect::<BTreeSet<_>>(), names);
    let published = tlog_tiles::Tile::new_tiles(HEIGHT, 0, size).into_iter();
    let published: BTreeSet<String> =
        published.map(|tile| tile.path().replacen("tile/8/", "tile/", 1)).collect();
    let hashes = Tile::hashes(size).map(|tile| tile.to_string()).collect::<BTreeSet<_>>();
    assert_eq!(published, hashes, "size {size}");

    let root = Hash(*log.root(size).as_bytes());
    let reader = TileHashReader::new(size, root, &served);
    assert_eq!(tlog_tiles::tree_hash(size, &reader).unwrap(), root);
    let entries = served.entries();
    assert_eq!(entries.len() as u64, size);
    // The reader proves its tiles anew on each call, so few calls are made of it.
    let chosen = indices(size, random);
    let places: Vec<u64> =
        chosen.iter().map(|index| tlog_tiles::stored_hash_index(0, *index)).collect();
    let stored = reader.read_hashes(&places).unwrap();
    for (index, stored) in chosen.iter().copied().zip(stored) {
        let entry = entries[usize::try_from(index).unwrap()];
        assert_eq!(entry, log.entry(index));
        let leaf = tlog_tiles::record_hash(entry);
        assert_eq!(stored, leaf, "entry {index} of {size}");
        let path = theirs(&log.inclusion(index, size));
        tlog_tiles::check_record(&path, size, root, index, leaf).unwrap();
        let other = tlog_tiles::record_hash(b"another");
        assert!(tlog_tiles::check_record(&path, size, root, index, other).is_err());
    }
    let index = random.below(size);
    let proven = tlog_tiles::prove_record(size, index, &reader).unwrap();
    assert_eq!(proven, theirs(&log.inclusion(index, size)), "entry {index} of {size}");
    let earlier = earlier(size, random);
    for before in earlier.iter().copied() {
        let path = theirs(&log.consistency(before, size));
        let old = Hash(*log.root(before).as_bytes());
        tlog_tiles::check_tree(&path, size, root, before, old).unwrap();
        assert!(tlog_tiles::check_tree(&path, size, root, before, Hash::default()).is_err());
    }
    if let Some(before) = earlier.last().copied() {
        let proven = tlog_tiles::prove_tree(size, before, &reader).unwrap();
        assert_eq!(proven, theirs(&log.consistency(before, size)), "{before} to {size}");
    }
}

fn the_proofs_are_shared(
    log: &Log,
    tree: &MemoryBackedTree<Sha256, &[u8]>,
    size: u64,
    random: &mut Random,
) {
    let root = log.root(size);
    let theirs = tree.root();
    assert!(theirs == root_hash(&root, size), "size {size}");
    for index in indices(size, random) {
        let proof = tree.prove_inclusion(usize::try_from(index).unwrap());
        let path = log.inclusion(index, size);
        assert_eq!(flat(&path), proof.as_bytes(), "entry {index} of {size}");
        let path = InclusionProof::try_from_bytes(flat(&path)).unwrap();
        theirs.verify_inclusion(&log.entry(index), index, &path).unwrap();
        assert!(theirs.verify_inclusion(b"another", index, &path).is_err());
        let path = ours(proof.as_bytes());
        verify_inclusion(log.leaf(index), index, size, &root, &path).unwrap();
    }
    for before in earlier(size, random) {
        let old = log.root(before);
        let proof = tree.prove_consistency(usize::try_from(size - before).unwrap());
        let path = log.consistency(before, size);
        assert_eq!(flat(&path), proof.as_bytes(), "{before} to {size}");
        let path = ConsistencyProof::try_from_bytes(flat(&path)).unwrap();
        theirs.verify_consistency(&root_hash(&old, before), &path).unwrap();
        let forged = root_hash(&Root::of(b"forged"), before);
        assert!(theirs.verify_consistency(&forged, &path).is_err());
        verify_consistency((before, &old), (size, &root), &ours(proof.as_bytes())).unwrap();
    }
}

#[test]
fn every_size_is_accepted_by_public_crates() {
    let seed = Random::seed("MANDATE_ORACLES_SEED");
    println!("MANDATE_ORACLES_SEED={seed}");
    let mut random = Random::new(seed);
    let log = Log::new("mandate/wallet/ada", 1, 65_537);
    let mut tree = MemoryBackedTree::<Sha256, &[u8]>::new();
    for size in 1..=*SIZES_LARGE.last().unwrap() {
        tree.push(log.entry(size - 1));
        if size <= SIZES_MAX || SIZES_LARGE.contains(&size) {
            the_checkpoint_is_read(&log, size);
            the_tiles_are_read(&log, size, &mut random);
            the_proofs_are_shared(&log, &tree, size, &mut random);
        }
    }
}

/// A key as `signed_note` takes it.
fn secret_key(key: &Key, name: &str, verifier_key: &str) -> String {
    let id = StandardVerifier::new(verifier_key).unwrap().key_id();
    let seed: Vec<u8> = [1].into_iter().chain(key.0.to_bytes()).collect();
    format!("PRIVATE+KEY+{name}+{}+{}", HEXLOWER.encode(&id.to_be_bytes()), BASE64.encode(&seed))
}

#[test]
fn checkpoints_of_public_crates_are_accepted() {
    let log = Log::new("mandate/gateway/lux-hotels", 2, 300);
    let keys = [log.key.public_key()];
    let origin = log.origin.as_str();
    let signer = StandardSigner::new(&secret_key(&log.key, origin, &log.verifier_key())).unwrap();
    let witness = Key::new(9);
    let name = "witness.example/a".parse().unwrap();
    let witness_key = mandate_journal::note::NoteKey::new(name, witness.public_key()).to_string();
    let witness = secret_key(&witness, "witness.example/a", &witness_key);
    let witness = StandardSigner::new(&witness).unwrap();
    for size in [0, 1, 255, 256, 300] {
        let root = Hash(*log.root(size).as_bytes());
        let text = tlog_tiles::Checkpoint::new(origin, size, root, "").unwrap().to_bytes();
        let mut note = Note::new(&text, &[]).unwrap();
        note.add_sigs(&[&signer]).unwrap();
        let alone = String::from_utf8(note.to_bytes()).unwrap();
        assert_eq!(alone, log.checkpoint(size).as_str(), "Ed25519 signs one text one way");
        note.add_sigs(&[&witness]).unwrap();
        let both = String::from_utf8(note.to_bytes()).unwrap();
        let read = Checkpoint::verify(&both, &log.origin, &keys).unwrap();
        assert_eq!((read.head().size, read.head().root), (size, log.root(size)));
    }
}

#[test]
fn public_crates_refuse_what_is_refused() {
    let log = Log::new("mandate/wallet/ada", 1, 300);
    let keys = [log.key.public_key()];
    let verifiers = verifiers(&log.verifier_key());
    assert!(verifiers.verifier(log.origin.as_str(), 0).is_err());
    let good = log.checkpoint(300).as_str().to_owned();
    let stranger = Log::new("mandate/wallet/ada", 3, 300).checkpoint(300).as_str().to_owned();
    let renamed = good.replace("\u{2014} mandate/wallet/ada", "\u{2014} mandate/wallet/eve");
    let bad = [
        stranger,
        renamed,
        good.replacen("300", "301", 1),
        good.replacen("\n\n", "\n", 1),
        good.trim_end().to_owned(),
        good.replace("=\n", "\n"),
        format!("{good}\n"),
    ];
    for bad in bad {
        let theirs = Note::from_bytes(bad.as_bytes()).and_then(|note| note.verify(&verifiers));
        assert!(theirs.is_err(), "{bad}");
        assert!(Checkpoint::verify(&bad, &log.origin, &keys).is_err(), "{bad}");
    }

    // That crate's reader takes some full tiles unproven: it counts the subtrees of the right edge where it means their
    // tiles. A proof made of such a tile still fails.
    let root = Hash(*log.root(300).as_bytes());
    let hash_tiles = Tile::hashes(300).filter(|tile| matches!(tile.kind, TileKind::Hashes { .. }));
    for tile in hash_tiles {
        let mut served = Served::new(&log, 300);
        served.0.get_mut(&tile.to_string()).unwrap()[7] ^= 1;
        let reader = TileHashReader::new(300, root, &served);
        let beside = tile.first() + 1;
        let leaf = tlog_tiles::record_hash(log.entry(beside));
        let proven = tlog_tiles::prove_record(300, beside, &reader)
            .and_then(|path| tlog_tiles::check_record(&path, 300, root, beside, leaf));
        assert!(proven.is_err(), "{tile}");
    }
}
