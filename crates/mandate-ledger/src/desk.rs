//! One request at the writer's desk: inside the transaction, with the rules, the accounts and one clock reading.

use std::sync::{Arc, OnceLock, PoisonError};

use mandate::token::{Draft, Kind};
use mandate::{AgentName, Head, IntentHash, MerchantId};
use mandate_journal::{Appended, Entry, StoreError, Transaction};
use mandate_policy::{PolicyDigest, Rules, Spent};
use serde::Serialize;

use crate::accounts::{self, Accounts};
use crate::damage::damaged;
use crate::event::{self, About, Event, EventError, kind};
use crate::gate::{Gate, Note, Notes, Permit};
use crate::refusal::Refusal;
use crate::request::{Call, Caller, Stop};
use crate::sync::RwLock;
use mandate::clock::{ClockFault, ClockReading};

/// What all requests share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) gate: Arc<Gate>,
    pub(crate) notes: Arc<Notes>,
    rules: RwLock<InForce>,
    distrusted: OnceLock<String>,
    /// Entries that were there when the ledger was opened.
    found: u64,
}

impl Shared {
    pub(crate) fn new(gate: Gate, rules: Arc<Rules>, found: u64) -> Self {
        Self {
            gate: Arc::new(gate),
            notes: Arc::default(),
            rules: RwLock::new(InForce { last: rules, earlier: Vec::new() }),
            distrusted: OnceLock::new(),
            found,
        }
    }

    /// Entries that were there when the ledger was opened: what they minted and a crash left without its hash is known
    /// by it again once the key is at hand.
    pub(crate) fn found(&self) -> u64 {
        self.found
    }

    pub(crate) fn rules(&self) -> Arc<Rules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner).last)
    }

    /// Puts rules in force from here on; those before them stay at hand until [`Shared::settle_rules`].
    pub(crate) fn set_rules(&self, rules: Arc<Rules>) {
        let mut in_force = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut in_force.last, rules);
        in_force.earlier.push(before);
    }

    /// Forgets what was in force before a file that is on disk.
    pub(crate) fn settle_rules(&self, written: PolicyDigest) {
        let mut in_force = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if in_force.last.digest() == written {
            in_force.earlier.clear();
        } else if let Some(at) = in_force.position(written) {
            in_force.earlier.drain(..at);
        }
    }

    /// Puts the file that is on disk back in force: what came after it was rolled back. Where that file is an earlier
    /// process's, or none, it is the one that the ledger was opened with.
    fn restore_rules(&self, written: Option<PolicyDigest>) {
        let mut in_force = self.rules.write().unwrap_or_else(PoisonError::into_inner);
        if written == Some(in_force.last.digest()) {
            return;
        }
        let at = written.and_then(|digest| in_force.position(digest)).unwrap_or_default();
        if let Some(rules) = in_force.earlier.split_off(at).into_iter().next() {
            in_force.last = rules;
        }
    }

    /// Mints nothing from here on: what was read back is not what was written.
    pub(crate) fn distrust(&self, problem: String) {
        self.distrusted.get_or_init(|| problem);
    }

    pub(crate) fn distrusted(&self) -> Option<&str> {
        self.distrusted.get().map(String::as_str)
    }
}

/// The rules that decide, and those before them whose successors may still be rolled back, in order.
#[derive(Debug)]
struct InForce {
    last: Arc<Rules>,
    earlier: Vec<Arc<Rules>>,
}

impl InForce {
    fn position(&self, digest: PolicyDigest) -> Option<usize> {
        self.earlier.iter().rposition(|rules| rules.digest() == digest)
    }
}

pub(crate) struct Desk<'a, 't> {
    pub(crate) tx: &'a mut Transaction<'t, Accounts>,
    pub(crate) shared: &'a Shared,
    pub(crate) rules: Arc<Rules>,
    pub(crate) now: ClockReading,
    clock: Result<(), ClockFault>,
}

impl<'a, 't> Desk<'a, 't> {
    /// Opens the desk for a request that may write.
    pub(crate) fn open(
        tx: &'a mut Transaction<'t, Accounts>,
        shared: &'a Shared,
        now: ClockReading,
    ) -> Result<Self, StoreError> {
        let mut desk = Self::read(tx, shared, now)?;
        let rewrite = desk.tx.projection_mut().take_reloaded();
        // First what was stopped, then the notes: what was signed before its stop, by another permit, has its note by then.
        let stopped = shared.gate.to_give_back(rewrite);
        let notes = shared.notes.to_write(rewrite);
        let made_good = desk.make_good(&notes, stopped, rewrite);
        if made_good.is_err() {
            // Also where nothing was rolled back: all of it is written by the next one.
            desk.tx.projection_mut().set_reloaded();
        }
        made_good.map(|()| desk)
    }

    /// Writes what could not be, or is written with the next request.
    fn make_good(
        &mut self,
        notes: &[Note],
        stopped: Vec<(u64, Stop)>,
        rewrite: bool,
    ) -> Result<(), StoreError> {
        for note in notes {
            accounts::note_hash(self.tx.db(), note.seq, &note.hash)?;
        }
        for (seq, stop) in stopped {
            self.give_back(seq, &stop)?;
        }
        if rewrite {
            // The entry that named them may be rolled back, or could not be written when they came in force.
            self.name_rules(self.rules.digest())?;
        }
        Ok(())
    }

    /// Opens the desk for a request that only reads.
    pub(crate) fn read(
        tx: &'a mut Transaction<'t, Accounts>,
        shared: &'a Shared,
        now: ClockReading,
    ) -> Result<Self, StoreError> {
        if tx.projection_mut().is_reloaded() {
            shared.restore_rules(accounts::policy(tx.db())?);
        }
        let clock = tx.believe(&now);
        Ok(Self { rules: shared.rules(), tx, shared, now, clock })
    }

    pub(crate) fn clock(&self) -> Result<(), ClockFault> {
        self.clock
    }

    /// Writes one entry at this request's time. An unbelieved clock never becomes the measure of later ones.
    pub(crate) fn append(
        &mut self,
        kind: &'static str,
        fields: &impl Serialize,
    ) -> Result<Appended, StoreError> {
        let appended = self.tx.append(self.now.wall, kind, fields)?;
        if self.clock.is_ok() {
            self.tx.set_mark(&self.now);
        }
        Ok(appended)
    }

    /// Writes the refusal down and gives it back: the answer.
    pub(crate) fn deny(
        &mut self,
        caller: &Caller,
        call: Call,
        refusal: Refusal,
        about: About,
    ) -> Result<Refusal, StoreError> {
        let denial = event::Denial {
            agent: caller.agent.clone(),
            uid: caller.uid,
            call,
            reason: refusal.reason(),
            message: refusal.to_string(),
            about,
        };
        self.append(kind::DENIAL, &denial)?;
        Ok(refusal)
    }

    /// What refuses any mint for the pair before its own rules are asked.
    pub(crate) fn barred(&self, agent: &AgentName, merchant: &MerchantId) -> Option<Refusal> {
        if self.shared.distrusted().is_some() {
            return Some(Refusal::LedgerUnsafe);
        }
        if let Err(fault) = self.clock {
            return Some(Refusal::ClockUntrusted(fault));
        }
        self.shared.gate.covering(agent, merchant).map(Refusal::from)
    }

    /// The sums of all caps, and the open holds of an agent.
    pub(crate) fn spent(&mut self, agent: &AgentName) -> Result<(&[Spent], u64), StoreError> {
        let (db, accounts) = self.tx.db_and_projection_mut();
        let unsettled = accounts.unsettled(agent);
        Ok((accounts.spent(db, &self.rules, self.now.wall)?, unsettled))
    }

    /// The event in an entry that a row points to.
    pub(crate) fn event(&self, seq: u64) -> Result<Event, StoreError> {
        let bytes =
            self.tx.entry(seq)?.ok_or_else(|| damaged(format!("entry {seq} is missing")))?;
        parse_event(seq, &bytes)
    }

    /// The entry of the intent of that hash, if this wallet minted it.
    pub(crate) fn intent_seq(&self, intent: &IntentHash) -> Result<Option<u64>, StoreError> {
        accounts::seq_of_hash(self.tx.db(), intent.as_bytes())
    }

    /// The head right after an entry: what its token carries as `log`.
    pub(crate) fn head_after(&self, seq: u64) -> Result<Head, StoreError> {
        let size = seq.saturating_add(1);
        Ok(Head { size, root: self.tx.root_at(size)? })
    }

    /// The permit for a token whose entry is in this transaction or before it.
    ///
    /// The journal answers a request only after its commit, so no permit leaves before its entry is on disk.
    pub(crate) fn permit<K: Kind>(
        &self,
        draft: Draft<K>,
        head: Head,
        seq: u64,
        (agent, merchant): (AgentName, MerchantId),
    ) -> Permit<K> {
        Permit {
            draft,
            head,
            seq,
            agent,
            merchant,
            gate: Arc::clone(&self.shared.gate),
            notes: Arc::clone(&self.shared.notes),
        }
    }
}

/// Reads an entry of this wallet's own making.
pub(crate) fn parse_event(seq: u64, bytes: &[u8]) -> Result<Event, StoreError> {
    Entry::parse(bytes)
        .map_err(EventError::from)
        .and_then(|entry| Event::parse(&entry))
        .map_err(|error| damaged(format!("entry {seq}: {error}")))
}

/// Reads back the draft of an own token.
pub(crate) fn stored_draft<K: Kind>(
    seq: u64,
    header: &serde_json::value::RawValue,
    claims: &serde_json::value::RawValue,
) -> Result<Draft<K>, StoreError> {
    Draft::from_stored(header, claims).map_err(|error| damaged(format!("entry {seq}: {error}")))
}
