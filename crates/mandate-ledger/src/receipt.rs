//! Recording receipts: a payment settles, or its amount comes back, by the merchant's signature alone.

use mandate::token::{Intent, Mandate, Payment, Receipt, ReceiptClaims, Status, UnverifiedMandate};
use mandate::{AgentName, Head, KeySet, MerchantId, MerchantRole, MinorUnits, Money, PublicKey};
use mandate_journal::StoreError;
use mandate_policy::Rules;
use rusqlite::Connection;

use crate::accounts::{self, effect_of};
use crate::damage::damaged;
use crate::desk::{Desk, parse_event, stored_draft};
use crate::equivocation::HandedIn;
use crate::event::{self, About, Effect, Event, kind};
use crate::refusal::{Outcome, Refusal};
use crate::request::{Call, Caller, Scope, Stop};

/// What a receipt answers, as this wallet wrote it down.
struct Answered {
    seq: u64,
    agent: AgentName,
    merchant: MerchantId,
    expected: Expected,
}

/// What the receipt must say.
struct Expected {
    action: mandate::token::Action,
    /// Absent for a free action.
    total: Option<Money>,
    peer_log: Head,
}

impl Desk<'_, '_> {
    pub(crate) fn record_receipt(
        &mut self,
        caller: &Caller,
        receipt: &Mandate<Receipt>,
    ) -> Result<Outcome<Status>, StoreError> {
        let answered = match self.answered(receipt.claims())? {
            Ok(answered) => answered,
            Err(refusal) => return self.deny_receipt(caller, receipt, refusal),
        };
        let claims = receipt.claims();
        if let Some(field) = self.differs(claims, &answered)? {
            let problem = format!("`{field}` is not what this wallet minted");
            return self.deny_receipt(caller, receipt, Refusal::ReceiptInvalid { problem });
        }
        let before = accounts::answer_of(self.tx.db(), answered.seq)?;
        let (same, other) = match claims.status {
            Status::Executed => (before.executed, before.void),
            Status::Void => (before.void, before.executed),
        };
        // Where both are kept, neither alone says what became of the amount.
        let again = if other {
            Outcome::Denied(Refusal::ReceiptConflict)
        } else {
            Outcome::Granted(claims.status)
        };
        if same && self.knows(&claims.iss, receipt)? {
            return Ok(again);
        }
        // A second outcome of one payment counts and freezes, whatever its head says.
        let is_conflict = other && !same;
        if !is_conflict
            && let Some(found) = self.contradiction(&claims.iss, receipt, answered.seq)?
        {
            let about = self.about(receipt)?;
            let handed_in = HandedIn { caller, call: Call::RecordReceipt, token: receipt, about };
            return self.accuse(&claims.iss, handed_in, found).map(Outcome::Denied);
        }
        if same {
            return Ok(again);
        }
        let effect = if is_conflict { Effect::Conflict } else { effect_of(claims.status) };
        if effect == Effect::Conflict {
            self.stop(Stop::Freeze(Scope::Merchant(answered.merchant.clone())));
        }
        self.append(
            kind::RECEIPT,
            &event::Receipt {
                agent: caller.agent.clone(),
                uid: caller.uid,
                receipt: receipt.as_str().to_owned(),
                hash: receipt.hash(),
                of_seq: answered.seq,
                effect,
            },
        )?;
        Ok(match effect {
            Effect::Conflict => Outcome::Denied(Refusal::ReceiptConflict),
            Effect::Released | Effect::Settled => Outcome::Granted(claims.status),
        })
    }

    fn deny_receipt(
        &mut self,
        caller: &Caller,
        receipt: &Mandate<Receipt>,
        refusal: Refusal,
    ) -> Result<Outcome<Status>, StoreError> {
        let about = self.about(receipt)?;
        self.deny(caller, Call::RecordReceipt, refusal, about).map(Outcome::Denied)
    }

    fn about(&self, receipt: &Mandate<Receipt>) -> Result<About, StoreError> {
        let claims = receipt.claims();
        Ok(About {
            merchant: Some(claims.iss.clone()),
            action: Some(claims.action.sku.clone()),
            total: claims.total,
            cart: claims.cart,
            intent_seq: self.intent_seq(&claims.intent)?,
            purpose: None,
        })
    }

    /// The payment or free intent that the receipt's hashes name.
    fn answered(&self, claims: &ReceiptClaims) -> Result<Result<Answered, Refusal>, StoreError> {
        let unknown =
            |problem: &str| Ok(Err(Refusal::ReceiptInvalid { problem: problem.to_owned() }));
        let db = self.tx.db();
        let Some(intent_seq) = accounts::seq_of_hash(db, claims.intent.as_bytes())? else {
            return self.unknown_by_hash("`intent` is not an intent of this wallet");
        };
        let (Some(cart), Some(payment)) = (claims.cart, claims.payment) else {
            return self.answered_free(intent_seq);
        };
        let Some(hold) = accounts::hold_by_intent(db, intent_seq)? else {
            return unknown("`intent` is not an intent this wallet paid for");
        };
        if hold.cart != cart {
            return unknown("`cart` is not the cart this wallet paid for its intent");
        }
        if accounts::seq_of_hash(db, payment.as_bytes())? != Some(hold.seq) {
            let problem = "`payment` is not the payment this wallet minted for the cart";
            return self.unknown_by_hash(problem);
        }
        let Event::Payment(minted) = self.event(hold.seq)? else {
            return Err(damaged(format!("entry {} is no payment", hold.seq)));
        };
        let draft = stored_draft::<Payment>(hold.seq, &minted.header, &minted.claims)?;
        Ok(Ok(Answered {
            seq: hold.seq,
            agent: hold.charge.agent.clone(),
            merchant: hold.charge.merchant.clone(),
            expected: Expected {
                action: draft.claims().action.clone().into(),
                total: Some(hold.total()),
                peer_log: self.head_after(hold.seq)?,
            },
        }))
    }

    /// Why a hash is not one of ours. After a crash that cannot be said before the key has made the last hashes again.
    fn unknown_by_hash(&self, problem: &str) -> Result<Result<Answered, Refusal>, StoreError> {
        if !accounts::is_unhashed_before(self.tx.db(), self.shared.found())? {
            return Ok(Err(Refusal::ReceiptInvalid { problem: problem.to_owned() }));
        }
        if self.shared.gate.is_locked() {
            return Ok(Err(Refusal::Locked));
        }
        let problem = "what it signed last is to be made out with it first; try again in a moment";
        Ok(Err(Refusal::KeyUnavailable { problem: problem.to_owned() }))
    }

    fn answered_free(&self, intent_seq: u64) -> Result<Result<Answered, Refusal>, StoreError> {
        let Event::Intent(minted) = self.event(intent_seq)? else {
            // The hash of a payment: merchants know those, too.
            let problem = "`intent` is not an intent of this wallet".to_owned();
            return Ok(Err(Refusal::ReceiptInvalid { problem }));
        };
        let draft = stored_draft::<Intent>(intent_seq, &minted.header, &minted.claims)?;
        if accounts::hold_by_intent(self.tx.db(), intent_seq)?.is_some() {
            let problem = "the intent was paid, and the receipt names no payment".to_owned();
            return Ok(Err(Refusal::ReceiptInvalid { problem }));
        }
        let claims = draft.claims();
        Ok(Ok(Answered {
            seq: intent_seq,
            agent: minted.agent,
            merchant: claims.aud.clone(),
            expected: Expected {
                action: claims.action.clone(),
                total: None,
                peer_log: self.head_after(intent_seq)?,
            },
        }))
    }

    /// The first claim that is not what this wallet wrote down.
    fn differs(
        &self,
        claims: &ReceiptClaims,
        answered: &Answered,
    ) -> Result<Option<&'static str>, StoreError> {
        let principal = &self.tx.projection().owner()?.principal;
        let expected = &answered.expected;
        let total = expected.total.map(|total| match claims.status {
            Status::Executed => total,
            Status::Void => Money { amount: MinorUnits::ZERO, ..total },
        });
        let fits = [
            ("iss", claims.iss == answered.merchant),
            ("aud", claims.aud == *principal),
            ("act", claims.act == answered.agent),
            ("action", claims.action == expected.action),
            ("total", claims.total == total),
            ("peer_log", claims.peer_log == expected.peer_log),
        ];
        Ok(fits.into_iter().find_map(|(field, fits)| (!fits).then_some(field)))
    }
}

/// The keys that may have signed a receipt: those listed now, and those listed when its payment was minted.
pub(crate) fn receipt_keys(
    db: &Connection,
    rules: &Rules,
    receipt: &UnverifiedMandate<Receipt>,
) -> Result<KeySet<MerchantRole>, StoreError> {
    let claims = receipt.claims();
    let listed =
        rules.merchant(&claims.iss).into_iter().flat_map(|merchant| merchant.keys.iter().copied());
    let mut keys: Vec<PublicKey> = listed.collect();
    let intent_seq = accounts::seq_of_hash(db, claims.intent.as_bytes())?;
    let hold = intent_seq.map(|seq| accounts::hold_by_intent(db, seq)).transpose()?.flatten();
    if let Some(hold) = hold.filter(|hold| hold.charge.merchant == claims.iss)
        && let Some(bytes) = mandate_journal::read::entry(db, hold.seq)?
        && let Event::Payment(payment) = parse_event(hold.seq, &bytes)?
    {
        for jwk in payment.keys {
            let key = PublicKey::try_from(jwk)
                .map_err(|error| damaged(format!("entry {}: {error}", hold.seq)))?;
            keys.push(key);
        }
    }
    Ok(KeySet::new(keys))
}
