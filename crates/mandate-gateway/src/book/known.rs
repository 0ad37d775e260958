//! What the book knows of a mandate that is presented again: its state is the answer, whatever the time.

use mandate::token::Receipt;
use mandate::{IntentHash, RequestDigest};
use mandate_journal::StoreError;

use super::answer::{IntentState, Mark, Presented, Reservation};
use super::desk::Desk;
use super::key::UseKey;
use super::recorded::Recorded;
use super::{rows, stopped};
use crate::judge::Call;
use crate::refusal::Refusal;

impl Desk<'_, '_> {
    /// The receipt of a mandate that `otherwise` speaks against, if it was used; none if it is known and only its call
    /// tells how it goes on.
    pub(super) fn known_or(
        &self,
        mark: Mark,
        otherwise: Refusal,
    ) -> Result<Result<Option<Recorded<Receipt>>, Refusal>, StoreError> {
        let db = self.tx.db();
        let (used, newest) = match mark {
            Mark::Intent(intent) => {
                (rows::use_by_intent(db, &intent)?, rows::newest_cart(db, &intent)?)
            }
            Mark::Use(key) => (rows::use_by_key(db, &key)?, None),
        };
        if let Some(used) = used {
            let receipt = stopped::receipt_of(db, &used)?;
            return Ok(match (mark, receipt) {
                // Whatever the call is: another mandate waits.
                (Mark::Intent(_), None) => Err(Refusal::InProgress),
                (_, receipt) => Ok(receipt),
            });
        }
        if newest.is_some_and(|cart| self.now.wall <= cart.expires_at) {
            return Ok(Ok(None));
        }
        Ok(Err(self.believed().err().unwrap_or(otherwise)))
    }

    /// What is known of an intent that asks for the price of a call.
    pub(super) fn intent_state(
        &self,
        intent: &IntentHash,
        request: RequestDigest,
    ) -> Result<Result<IntentState, Refusal>, StoreError> {
        if let Some(used) = rows::use_by_intent(self.tx.db(), intent)? {
            return Ok(Ok(IntentState::Used(stopped::receipt_of(self.tx.db(), &used)?)));
        }
        match rows::newest_cart(self.tx.db(), intent)? {
            Some(row) if self.now.wall <= row.expires_at => {
                if row.request != request {
                    return Ok(Err(Refusal::RequestMismatch));
                }
                Ok(Ok(IntentState::Quoted(stopped::cart(self.tx.db(), row.seq)?)))
            }
            _ => Ok(self.believed().map(|()| IntentState::Fresh)),
        }
    }

    /// The state of a use that is known, whatever the time.
    pub(super) fn known(&self, key: &UseKey, call: &Call) -> Result<Option<Presented>, StoreError> {
        let Some(used) = rows::use_by_key(self.tx.db(), key)? else { return Ok(None) };
        if let Some(receipt) = stopped::receipt_of(self.tx.db(), &used)? {
            return Ok(Some(Presented::Settled(receipt)));
        }
        Ok(Some(if used.request == call.request {
            Presented::Again(Reservation { seq: used.seq, key: used.key })
        } else {
            Presented::Refused(Refusal::RequestMismatch)
        }))
    }
}
