//! A merchant that shows two heads of its log that cannot both be true: written down with both tokens, and frozen.

use mandate::MerchantId;
use mandate::history::{Shown, same_log};
use mandate::token::{Kind, Mandate};
use mandate_journal::peers::{Contradiction, Equivocation};
use mandate_journal::{StoreError, peers};

use crate::damage::damaged;
use crate::desk::Desk;
use crate::event::{self, About, Event, kind};
use crate::ledger::EQUIVOCATIONS_MAX;
use crate::refusal::Refusal;
use crate::request::{Call, Caller, Scope, Stop};

/// A merchant's token, and who came with it.
pub(crate) struct HandedIn<'a, K: Kind> {
    pub(crate) caller: &'a Caller,
    pub(crate) call: Call,
    pub(crate) token: &'a Mandate<K>,
    pub(crate) about: About,
}

impl Desk<'_, '_> {
    /// What a token's head contradicts among those that its merchant showed before.
    ///
    /// `answers` is the entry that the token answers.
    pub(crate) fn contradiction<K: Kind>(
        &self,
        merchant: &MerchantId,
        token: &Mandate<K>,
        answers: u64,
    ) -> Result<Option<Contradiction>, StoreError> {
        let shown = Shown::from(token);
        let listed = self.rules.merchant(merchant);
        let keys =
            listed.map_or_else(|| vec![shown.kid], |listed| same_log(shown.kid, &listed.keys));
        peers::contradiction(self.tx.db(), merchant.as_str(), &shown, Some(answers), &keys)
    }

    /// Writes a contradiction down; the refusal of its newer token.
    ///
    /// The merchant is frozen, unless the very same two tokens were written down before: the principal who thawed it
    /// since knows of them.
    pub(crate) fn accuse<K: Kind>(
        &mut self,
        merchant: &MerchantId,
        handed_in: HandedIn<'_, K>,
        found: Contradiction,
    ) -> Result<Refusal, StoreError> {
        let HandedIn { caller, call, token, about } = handed_in;
        let Contradiction { rule, earlier } = found;
        let shown = Shown::from(token);
        let refusal = Refusal::Equivocation {
            merchant: merchant.clone(),
            rule,
            size: shown.size,
            earlier_size: earlier.shown.size,
        };
        if peers::is_accused_of(self.tx.db(), &shown, &earlier)? {
            return self.deny(caller, call, refusal, about);
        }
        let entry = event::Equivocation {
            agent: caller.agent.clone(),
            uid: caller.uid,
            call,
            peer: merchant.clone(),
            rule,
            token: token.as_str().to_owned(),
            earlier: self.merchants_token(earlier.seq)?,
            earlier_seq: earlier.seq,
        };
        self.stop(Stop::Freeze(Scope::Merchant(merchant.clone())));
        self.append(kind::EQUIVOCATION, &entry)?;
        Ok(refusal)
    }

    /// Whether this very token is in the journal.
    pub(crate) fn knows<K: Kind>(
        &self,
        merchant: &MerchantId,
        token: &Mandate<K>,
    ) -> Result<bool, StoreError> {
        peers::is_known(self.tx.db(), merchant.as_str(), &Shown::from(token))
    }

    /// The newest contradictions in tokens whose key is listed for their merchant now.
    pub(crate) fn equivocations(&self) -> Result<Vec<Equivocation>, StoreError> {
        let mut found = peers::equivocations(self.tx.db(), EQUIVOCATIONS_MAX)?;
        found.retain(|found| {
            let merchant: Option<MerchantId> = found.peer.parse().ok();
            let listed = merchant.and_then(|id| self.rules.merchant(&id));
            listed.is_some_and(|listed| listed.keys.key(&found.kid).is_some())
        });
        Ok(found)
    }

    /// The merchant's token in an entry, whole.
    fn merchants_token(&self, seq: u64) -> Result<String, StoreError> {
        match self.event(seq)? {
            Event::Equivocation(found) => Ok(found.token),
            Event::Payment(payment) => Ok(payment.cart),
            Event::Receipt(receipt) => Ok(receipt.receipt),
            _ => Err(damaged(format!("entry {seq} holds no token of a merchant"))),
        }
    }
}
