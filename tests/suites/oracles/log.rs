//! A log as its owner holds it: real entries, the stored nodes, and the key that signs its heads.

use std::convert::Infallible;
use std::sync::Arc;

use ed25519_dalek::{Signer as _, SigningKey};
use mandate::key::SignError;
use mandate::{Head, PublicKey, Root, Signature, Signer, UnixSeconds};
use mandate_journal::chain::Chain;
use mandate_journal::proof::TlogProof;
use mandate_journal::tile::{Tile, Tiler};
use mandate_journal::tree::{
    NodeHash, NodeId, consistency_path, inclusion_path, leaf_hash, root_at,
};
use mandate_journal::{Checkpoint, Origin};
use serde_json::json;

/// The moment of the first entry.
const START_S: u64 = 1_800_000_000;

/// A key whose seed is one byte, 32 times.
pub struct Key(pub SigningKey);

impl Key {
    pub fn new(byte: u8) -> Self {
        Self(SigningKey::from_bytes(&[byte; 32]))
    }
}

impl Signer for Key {
    fn public_key(&self) -> PublicKey {
        PublicKey::from_bytes(self.0.verifying_key().as_bytes()).unwrap()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        Ok(Signature::from_bytes(self.0.sign(message).to_bytes()))
    }
}

/// A log of any size up to that of its entries.
pub struct Log {
    pub origin: Origin,
    pub key: Key,
    pub entries: Vec<Arc<[u8]>>,
    nodes: Vec<NodeHash>,
    /// Which of [`Log::nodes`] each entry completed: where the first of them is, and how many.
    added: Vec<(usize, usize)>,
}

impl Log {
    pub fn new(origin: &str, key: u8, size: usize) -> Self {
        let mut chain = Chain::default();
        let mut log = Self {
            origin: origin.parse().unwrap(),
            key: Key::new(key),
            entries: Vec::with_capacity(size),
            nodes: Vec::with_capacity(2 * size),
            added: Vec::with_capacity(size),
        };
        for seq in 0..size {
            let time = UnixSeconds::new(START_S + seq as u64).unwrap();
            let fields = json!({"of": origin, "jti": format!("{seq:022}"), "total": {"currency": "EUR", "amount": seq}});
            let bytes = chain.encode(time, "payment", &fields).unwrap();
            let added = chain.push(&bytes).unwrap().added;
            assert_eq!(added.position, log.nodes.len() as u64);
            log.added.push((log.nodes.len(), added.nodes.len()));
            log.nodes.extend(added.nodes);
            log.entries.push(bytes.into());
        }
        log
    }

    pub fn node(&self, id: NodeId) -> Result<NodeHash, Infallible> {
        Ok(self.nodes[usize::try_from(id.position()).unwrap()])
    }

    pub fn entry(&self, seq: u64) -> &[u8] {
        &self.entries[usize::try_from(seq).unwrap()]
    }

    pub fn leaf(&self, seq: u64) -> NodeHash {
        leaf_hash(self.entry(seq))
    }

    pub fn root(&self, size: u64) -> Root {
        let Ok(root) = root_at(size, |id| self.node(id));
        root
    }

    pub fn checkpoint(&self, size: u64) -> Checkpoint {
        let head = Head { size, root: self.root(size) };
        Checkpoint::sign(&self.origin, head, &self.key).unwrap()
    }

    /// The key as other tools take it.
    pub fn verifier_key(&self) -> String {
        self.origin.key(self.key.public_key()).to_string()
    }

    pub fn inclusion(&self, index: u64, size: u64) -> Vec<NodeHash> {
        let Ok(path) = inclusion_path(index, size, |id| self.node(id));
        path
    }

    pub fn consistency(&self, before: u64, after: u64) -> Vec<NodeHash> {
        let Ok(path) = consistency_path(before, after, |id| self.node(id));
        path
    }

    /// A proof in one file, with the entry beside it.
    pub fn proof(&self, index: u64, size: u64) -> TlogProof {
        TlogProof {
            index,
            path: self.inclusion(index, size),
            checkpoint: self.checkpoint(size).as_str().to_owned(),
            extra: Some(self.entry(index).to_vec()),
        }
    }

    /// Every tile and bundle of the first `size` entries.
    pub fn tiles(&self, size: u64, mut keep: impl FnMut(Tile, &[u8])) {
        let mut tiler = Tiler::default();
        let mut give = |tile: Tile, bytes: &[u8]| {
            keep(tile, bytes);
            Ok::<_, Infallible>(())
        };
        let entries = self.entries.iter().zip(&self.added);
        for (entry, (first, count)) in entries.take(usize::try_from(size).unwrap()) {
            let Ok(()) = tiler.push(entry, &self.nodes[*first..first + count], &mut give);
        }
        let Ok(()) = tiler.finish(&mut give);
    }
}
