//! A principal that shows two heads of its wallet's log that cannot both be true: written down with both tokens, and
//! its key used no longer.

use mandate::history::{Shown, same_log};
use mandate::token::{Kind, Mandate};
use mandate::{KeySet, PrincipalId, PrincipalRole};
use mandate_journal::peers::Contradiction;
use mandate_journal::{StoreError, peers};

use super::damage::damaged;
use super::desk::Desk;
use super::event::{self, Event, kind};
use super::stopped;
use crate::refusal::Refusal;

/// A mandate that verified, and every key that is trusted for its principal.
#[derive(Debug, Clone)]
pub struct Trusted<K: Kind<Role = PrincipalRole>> {
    /// The mandate.
    pub mandate: Mandate<K>,
    /// The keys: the heads that they sign are those of one log.
    pub keys: KeySet<PrincipalRole>,
}

impl Desk<'_, '_> {
    /// The refusal of a mandate whose head contradicts one that its principal showed before, which is written down then;
    /// and of every mandate under a key of which that was so before.
    ///
    /// `answers` is the entry that the mandate answers; an intent answers none.
    pub(super) fn equivocation<K: Kind<Role = PrincipalRole>>(
        &mut self,
        issuer: &PrincipalId,
        presented: &Trusted<K>,
        answers: Option<u64>,
    ) -> Result<Option<Refusal>, StoreError> {
        let shown = Shown::from(&presented.mandate);
        let (db, peer) = (self.tx.db(), issuer.as_str());
        if peers::accused(db, peer, &shown.kid)?.is_some() {
            return Ok(Some(Refusal::KeyBarred { issuer: issuer.clone(), kid: shown.kid }));
        }
        let keys = same_log(shown.kid, &presented.keys);
        let found = peers::contradiction(db, peer, &shown, answers, &keys)?;
        let Some(Contradiction { rule, earlier }) = found else { return Ok(None) };
        let entry = event::Equivocation {
            peer: issuer.clone(),
            rule,
            token: presented.mandate.as_str().to_owned(),
            earlier: self.principals_token(earlier.seq)?,
            earlier_seq: earlier.seq,
        };
        self.append(kind::EQUIVOCATION, &entry)?;
        Ok(Some(Refusal::Equivocation {
            issuer: issuer.clone(),
            rule,
            size: shown.size,
            earlier_size: earlier.shown.size,
        }))
    }

    /// The principal's token in an entry, whole.
    fn principals_token(&self, seq: u64) -> Result<String, StoreError> {
        match stopped::event(self.tx.db(), seq)? {
            Event::Bar(bar) => Ok(bar.mandate),
            Event::Cart(cart) => Ok(cart.intent),
            Event::Equivocation(found) => Ok(found.token),
            Event::Refusal(refusal) => Ok(refusal.mandate),
            Event::Use(used) => Ok(used.mandate),
            _ => Err(damaged(format!("entry {seq} holds no token of a principal"))),
        }
    }
}
