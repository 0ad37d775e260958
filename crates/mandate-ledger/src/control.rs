//! The principal's hand on the wallet: freeze, thaw, lock, unlock, the clock, the rules.

use std::sync::Arc;

use mandate::PaymentHash;
use mandate::text::Purpose;
use mandate::token::{Intent, Payment};
use mandate_journal::StoreError;
use mandate_policy::{PolicyDigest, Rules};

use crate::accounts::{self, Hold, TokenState};
use crate::damage::damaged;
use crate::desk::{Desk, stored_draft};
use crate::event::{self, Event, kind};
use crate::gate::{Expired, Unhashed, Withheld};
use crate::refusal::{HoldState, Outcome, Refusal};
use crate::request::{Caller, Scope, Stop};

impl Desk<'_, '_> {
    pub(crate) fn freeze(
        &mut self,
        scope: Scope,
        uid: u32,
        reason: Option<Purpose>,
    ) -> Result<(), StoreError> {
        self.stop(Stop::Freeze(scope.clone()));
        self.append(kind::FREEZE, &event::Freeze { scope, uid, reason })?;
        Ok(())
    }

    /// Writes the end of a freeze down; the word that it ends.
    pub(crate) fn thaw(&mut self, scope: Scope, uid: u32) -> Result<Option<u64>, StoreError> {
        let word = self.shared.gate.word(&Stop::Freeze(scope.clone()));
        self.append(kind::THAW, &event::Thaw { scope, uid })?;
        Ok(word)
    }

    /// Shuts the gate where the stop has its place among the entries, so that no thaw before it ends it.
    pub(crate) fn stop(&self, stop: Stop) {
        self.shared.gate.stop(stop);
    }

    /// Writes the lock down under a last checkpoint, since without the key none can be signed.
    pub(crate) fn lock(&mut self, uid: u32) -> Result<(), StoreError> {
        self.stop(Stop::Lock);
        self.append(kind::LOCK, &event::Lock { uid })?;
        self.tx.seal()
    }

    /// Writes the end of a lock down; the word that it ends.
    pub(crate) fn unlock(&mut self, uid: u32) -> Result<Option<u64>, StoreError> {
        let word = self.shared.gate.word(&Stop::Lock);
        self.append(kind::UNLOCK, &event::Unlock { uid })?;
        Ok(word)
    }

    /// From here on this reading is the measure, whatever was believed before.
    pub(crate) fn confirm_clock(&mut self, uid: u32) -> Result<(), StoreError> {
        self.append(kind::CLOCK, &event::Clock { uid })?;
        self.tx.set_mark(&self.now);
        Ok(())
    }

    /// Puts rules in force, and writes it down.
    pub(crate) fn reload(&mut self, rules: &Arc<Rules>) -> Result<(), StoreError> {
        self.name_rules(rules.digest())?;
        self.shared.set_rules(Arc::clone(rules));
        Ok(())
    }

    /// Writes rules down as those in force, unless the last entry about rules says the same.
    pub(crate) fn name_rules(&mut self, digest: PolicyDigest) -> Result<(), StoreError> {
        if accounts::policy(self.tx.db())? != Some(digest) {
            self.append(kind::POLICY, &event::Policy { digest })?;
        }
        Ok(())
    }

    pub(crate) fn reload_refused(
        &mut self,
        digest: PolicyDigest,
        faults: u64,
    ) -> Result<(), StoreError> {
        self.append(kind::POLICY_REFUSED, &event::PolicyRefused { digest, faults })?;
        Ok(())
    }

    pub(crate) fn rate_limited(&mut self, caller: &Caller, calls: u64) -> Result<(), StoreError> {
        let Caller { agent, uid } = caller.clone();
        self.append(kind::RATE_LIMITED, &event::RateLimited { agent, uid, calls })?;
        Ok(())
    }

    /// Gives a reservation back whose signature was stopped; it is never signed.
    ///
    /// What was signed before (this was a retry) keeps its hold, because its bytes may be out.
    pub(crate) fn withhold(&mut self, withheld: Withheld) -> Result<Refusal, StoreError> {
        let Withheld { seq, stop } = withheld;
        self.give_back(seq, &stop)?;
        Ok(stop.into())
    }

    /// Gives a reservation back, unless that was done or its payment was signed.
    pub(crate) fn give_back(&mut self, seq: u64, stop: &Stop) -> Result<(), StoreError> {
        let db = self.tx.db();
        match (accounts::token_state(db, seq)?, accounts::hold(db, seq)?) {
            (TokenState::Unsigned, Some(hold)) => {
                let scope = match stop {
                    Stop::Freeze(scope) => Some(scope.clone()),
                    Stop::Lock => None,
                };
                let entry = event::Withheld { of_seq: seq, jti: hold.jti, scope };
                self.append(kind::WITHHELD, &entry)?;
            }
            // Another permit for it came here first: the gate stays shut for good.
            (TokenState::Absent, _) => {}
            // Signed before, or an intent, which reserves nothing: it may be signed again after the stop.
            (TokenState::Signed, _) | (TokenState::Unsigned, None) => self.shared.gate.release(seq),
        }
        Ok(())
    }

    /// Open holds after `after_seq`, oldest first, with the hash of each payment that was signed.
    pub(crate) fn open_holds(&self, after_seq: u64, limit: usize) -> Result<Vec<Hold>, StoreError> {
        let holds = accounts::open_holds(self.tx.db(), after_seq, limit)?;
        Ok(holds.into_iter().map(|hold| self.noted(hold)).collect())
    }

    /// A hold with the hash of its payment, also where that was signed since the last request that wrote.
    fn noted(&self, hold: Hold) -> Hold {
        let hash = || self.shared.notes.hash(hold.seq).map(PaymentHash::from_bytes);
        Hold { payment: hold.payment.or_else(hash), ..hold }
    }

    /// The payment of an open hold once its time is over, if it was ever signed.
    pub(crate) fn expired(&self, seq: u64) -> Result<Outcome<Expired>, StoreError> {
        let refuse =
            |problem: String| Ok(Outcome::Denied(Refusal::FieldInvalid { field: "seq", problem }));
        if self.shared.distrusted().is_some() {
            return Ok(Outcome::Denied(Refusal::LedgerUnsafe));
        }
        // A clock that runs ahead must not hand out what can still be used.
        if let Err(fault) = self.clock() {
            return Ok(Outcome::Denied(Refusal::ClockUntrusted(fault)));
        }
        let hold = accounts::hold(self.tx.db(), seq)?.map(|hold| self.noted(hold));
        let Some(hold) = hold.filter(|hold| hold.state == HoldState::Open) else {
            return refuse(format!("{seq} is no open hold"));
        };
        // Before that a freeze must hold it back.
        if self.now.wall <= hold.expires_at {
            return refuse(format!("{seq} can be used until {}", hold.expires_at));
        }
        // A hash is written for what was signed, and for nothing that was withheld.
        let Some(hash) = hold.payment else {
            return refuse(format!("{seq} was never signed"));
        };
        let Event::Payment(minted) = self.event(seq)? else {
            return Err(damaged(format!("entry {seq} is no payment")));
        };
        let draft = stored_draft::<Payment>(seq, &minted.header, &minted.claims)?;
        let pair = (hold.charge.agent, hold.charge.merchant);
        let permit = self.permit(draft, self.head_after(seq)?, seq, pair).anew();
        Ok(Outcome::Granted(Expired { permit, hash }))
    }

    /// The permits of tokens whose hash was not written before the process ended.
    pub(crate) fn unhashed(&self) -> Result<Vec<Unhashed>, StoreError> {
        let unhashed = accounts::unhashed(self.tx.db())?.into_iter();
        // What was stopped is given back, and never signed.
        let unhashed = unhashed.filter(|seq| !self.shared.gate.is_withheld(*seq));
        unhashed.map(|seq| self.unhashed_at(seq)).collect()
    }

    fn unhashed_at(&self, seq: u64) -> Result<Unhashed, StoreError> {
        let head = self.head_after(seq)?;
        Ok(match self.event(seq)? {
            Event::Intent(minted) => {
                let draft = stored_draft::<Intent>(seq, &minted.header, &minted.claims)?;
                let pair = (minted.agent, draft.claims().aud.clone());
                Unhashed::Intent(self.permit(draft, head, seq, pair).past_the_gate())
            }
            Event::Payment(minted) => {
                let draft = stored_draft::<Payment>(seq, &minted.header, &minted.claims)?;
                let pair = (minted.agent, draft.claims().aud.clone());
                Unhashed::Payment(self.permit(draft, head, seq, pair).past_the_gate())
            }
            _ => return Err(damaged(format!("entry {seq} is no token of this wallet"))),
        })
    }
}
