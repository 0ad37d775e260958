//! The gate every signature passes, and the permit that opens it.
//!
//! A freeze or a lock shuts the gate and waits for signatures under way, so that none follows a stop that was answered.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::sync::{Arc, PoisonError};

use mandate::digest::DIGEST_BYTES;
use mandate::token::{Draft, Intent, Kind, Mandate, Payment};
use mandate::{AgentName, Head, MerchantId, PaymentHash};

use crate::request::Stop;
use crate::sync::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Written notes that are kept in case their commit fails: more than one batch can write.
const NOTES_KEPT: usize = 1_024;

/// What may not be signed.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    shut: RwLock<Shut>,
}

#[derive(Debug, Default)]
struct Shut {
    /// Each under the number of the word that put it there last: a thaw ends the words it came after, and no later one.
    stops: BTreeMap<Stop, u64>,
    /// Words so far.
    words: u64,
    /// Payments whose signature was stopped, by entry: a second permit for one must not sign it later.
    withheld: BTreeMap<u64, Stop>,
    /// Those of them that no transaction has given back yet.
    unwritten: BTreeSet<u64>,
}

impl Gate {
    pub(crate) fn new(stops: BTreeSet<Stop>) -> Self {
        let stops = stops.into_iter().map(|stop| (stop, 0)).collect();
        Self { shut: RwLock::new(Shut { stops, ..Shut::default() }) }
    }

    // A panic elsewhere cannot leave the sets half changed, so a poisoned lock is still good.
    fn read(&self) -> RwLockReadGuard<'_, Shut> {
        self.shut.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shut> {
        self.shut.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns once no signature that this stops is under way and none can begin.
    pub(crate) fn stop(&self, stop: Stop) {
        let mut shut = self.write();
        shut.words = shut.words.saturating_add(1);
        let word = shut.words;
        shut.stops.insert(stop, word);
    }

    /// The word that put a stop there last, if it stands: asked where a thaw has its place among the entries.
    pub(crate) fn word(&self, stop: &Stop) -> Option<u64> {
        self.read().stops.get(stop).copied()
    }

    /// Ends a stop, unless a later word than this put it there again.
    pub(crate) fn end(&self, stop: &Stop, word: Option<u64>) {
        let mut shut = self.write();
        if shut.stops.get(stop).copied() == word {
            shut.stops.remove(stop);
        }
    }

    pub(crate) fn stops(&self) -> BTreeSet<Stop> {
        self.read().stops.keys().cloned().collect()
    }

    pub(crate) fn is_locked(&self) -> bool {
        self.read().stops.contains_key(&Stop::Lock)
    }

    /// The widest stop that covers the pair.
    pub(crate) fn covering(&self, agent: &AgentName, merchant: &MerchantId) -> Option<Stop> {
        self.read().covering(agent, merchant)
    }

    /// Takes the payments that are to be given back now: all that were ever withheld when an earlier transaction may have
    /// been rolled back.
    pub(crate) fn to_give_back(&self, rewrite: bool) -> Vec<(u64, Stop)> {
        if !rewrite && self.read().unwritten.is_empty() {
            return Vec::new();
        }
        let mut shut = self.write();
        let unwritten = std::mem::take(&mut shut.unwritten);
        let stopped = shut.withheld.iter().filter(|(seq, _)| rewrite || unwritten.contains(seq));
        stopped.map(|(seq, stop)| (*seq, stop.clone())).collect()
    }

    /// Whether a payment's signature was stopped.
    pub(crate) fn is_withheld(&self, seq: u64) -> bool {
        self.read().withheld.contains_key(&seq)
    }

    /// Lets a payment be signed again: it was signed before the stop, and its bytes may be out.
    pub(crate) fn release(&self, seq: u64) {
        self.write().withheld.remove(&seq);
    }
}

impl Shut {
    fn covering(&self, agent: &AgentName, merchant: &MerchantId) -> Option<Stop> {
        if self.stops.is_empty() {
            return None;
        }
        Stop::covering(agent, merchant).into_iter().find(|stop| self.stops.contains_key(stop))
    }
}

/// The hash of a token that was signed.
///
/// Its row is written with the next entry, so that a mint costs one commit. A crash before that loses nothing:
/// signing is deterministic, and the hash is made again at start.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    pub(crate) seq: u64,
    pub(crate) hash: [u8; DIGEST_BYTES],
}

/// Notes in the order of signing; the last `unwritten` have no row yet.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    queue: Mutex<NoteQueue>,
}

#[derive(Debug, Default)]
struct NoteQueue {
    notes: VecDeque<Note>,
    unwritten: usize,
}

impl Notes {
    fn lock(&self) -> MutexGuard<'_, NoteQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, note: Note) {
        let mut queue = self.lock();
        queue.notes.push_back(note);
        queue.unwritten = queue.unwritten.saturating_add(1);
    }

    /// Takes the notes to write now: all that are kept when an earlier write may have been rolled back.
    pub(crate) fn to_write(&self, rewrite: bool) -> Vec<Note> {
        let mut queue = self.lock();
        if rewrite {
            queue.unwritten = queue.notes.len();
        }
        let written = queue.notes.len().saturating_sub(queue.unwritten);
        let notes = queue.notes.iter().skip(written).copied().collect();
        queue.unwritten = 0;
        // Those of this transaction stay: it may be rolled back.
        let excess = queue.notes.len().saturating_sub(NOTES_KEPT).min(written);
        queue.notes.drain(..excess);
        notes
    }

    /// The hash of what was signed not long ago, whether it has its row yet or not.
    pub(crate) fn hash(&self, seq: u64) -> Option<[u8; DIGEST_BYTES]> {
        self.lock().notes.iter().rfind(|note| note.seq == seq).map(|note| note.hash)
    }
}

/// The right to sign one token, once.
///
/// Only a committed reservation makes one; it cannot be copied, and redeeming consumes it.
pub struct Permit<K: Kind> {
    pub(crate) draft: Draft<K>,
    pub(crate) head: Head,
    pub(crate) seq: u64,
    pub(crate) agent: AgentName,
    pub(crate) merchant: MerchantId,
    pub(crate) gate: Arc<Gate>,
    pub(crate) notes: Arc<Notes>,
}

/// A token whose hash a crash left unwritten: sign it again, so that carts and receipts that name it are known.
#[derive(Debug)]
pub enum Unhashed {
    /// An intent.
    Intent(Permit<Intent>),
    /// A payment.
    Payment(Permit<Payment>),
}

/// A payment that was signed before and whose time is over, to be made again for its merchant's void.
#[derive(Debug)]
pub struct Expired {
    /// Signs it once more; no freeze stops it, because its bytes may be out.
    pub permit: Permit<Payment>,
    /// The hash of the bytes that were signed before: others are not that payment and are not to be handed out.
    pub hash: PaymentHash,
}

/// What came of redeeming a [`Permit`].
#[derive(Debug)]
pub enum Redeemed<K: Kind, E> {
    /// The signer failed; the reservation stands and the same request may be sent again.
    Failed(E),
    /// The token.
    Signed(Mandate<K>),
    /// A freeze or a lock came in between; nothing was signed.
    Withheld(Withheld),
}

/// A reservation whose signature was stopped; it goes to [`crate::Ledger::withhold`].
#[derive(Debug)]
pub struct Withheld {
    pub(crate) seq: u64,
    pub(crate) stop: Stop,
}

impl Withheld {
    /// What stopped it.
    #[must_use]
    pub fn stop(&self) -> &Stop {
        &self.stop
    }
}

impl<K: Kind> Permit<K> {
    /// What will be signed.
    #[must_use]
    pub fn claims(&self) -> &K::Claims {
        self.draft.claims()
    }

    /// The same permit before a gate that is open: for making a hash again, never for handing a token out.
    pub(crate) fn past_the_gate(self) -> Self {
        Self { gate: Arc::default(), ..self }
    }

    /// The same permit before a gate that is open, and without a note: for what was signed before and has its hash.
    pub(crate) fn anew(self) -> Self {
        Self { gate: Arc::default(), notes: Arc::default(), ..self }
    }

    /// Runs `sign` unless a freeze or a lock came since the reservation; either waits until it returns.
    pub fn redeem<E>(
        self,
        sign: impl FnOnce(&Draft<K>, Head) -> Result<Mandate<K>, E>,
    ) -> Redeemed<K, E> {
        let shut = self.gate.read();
        if let Some(stop) = shut.withheld.get(&self.seq).cloned() {
            return Redeemed::Withheld(Withheld { seq: self.seq, stop });
        }
        if let Some(stop) = shut.covering(&self.agent, &self.merchant) {
            drop(shut);
            // Meanwhile the stop may end; the permit is void all the same.
            let mut shut = self.gate.write();
            shut.withheld.insert(self.seq, stop.clone());
            shut.unwritten.insert(self.seq);
            return Redeemed::Withheld(Withheld { seq: self.seq, stop });
        }
        match sign(&self.draft, self.head) {
            Ok(mandate) => {
                self.notes.push(Note { seq: self.seq, hash: mandate.hash().into() });
                Redeemed::Signed(mandate)
            }
            Err(error) => Redeemed::Failed(error),
        }
    }
}

impl<K: Kind> fmt::Debug for Permit<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut f = f.debug_struct("Permit");
        f.field("kind", &K::TYP).field("seq", &self.seq).finish_non_exhaustive()
    }
}
