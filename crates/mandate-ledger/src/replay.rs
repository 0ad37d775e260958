//! The past under other rules: which payments a new wallet.toml would have refused.

use std::collections::BTreeMap;
use std::sync::Arc;

use mandate::token::Payment;
use mandate::{Jti, Money};
use mandate_journal::{Entry, Projection, StoreError};
use mandate_policy::{Ask, Consent, Decision, Denial, Request, Rules, decide};
use rusqlite::Connection;

use crate::accounts::{self, Accounts, Charge, Direction};
use crate::desk::{parse_event, stored_draft};
use crate::event::{self, ApprovalAnswer, Effect, Event};

/// One past payment that the rules refuse.
#[derive(Debug, Clone)]
pub struct Refused {
    /// Its entry.
    pub seq: u64,
    /// Its id.
    pub jti: Jti,
    /// What it was, and when.
    pub charge: Charge,
    /// Why it is refused.
    pub denial: Denial,
}

/// Walks a journal under given rules, entry by entry, in memory.
///
/// A payment that the rules refuse does not count against later ones. How many payments were unsettled at a time is
/// not replayed: it is a matter of pace, not of money.
#[derive(Debug)]
pub struct Replay {
    rules: Arc<Rules>,
    db: Connection,
    accounts: Accounts,
    counted: BTreeMap<u64, Charge>,
}

impl Replay {
    /// Starts with nothing spent.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when there is no memory for it.
    pub fn new(rules: Arc<Rules>) -> Result<Self, StoreError> {
        let db = Connection::open_in_memory()?;
        Accounts::SCHEMA.iter().try_for_each(|sql| db.execute_batch(sql))?;
        let accounts = Accounts::load(&db)?;
        Ok(Self { rules, db, accounts, counted: BTreeMap::new() })
    }

    /// Takes the next entry, as stored; gives the payment in it if the rules refuse it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the entry is none of a wallet.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Option<Refused>, StoreError> {
        let entry = Entry::parse(bytes)?;
        let seq = entry.seq;
        match parse_event(seq, bytes)? {
            // What the principal said yes to stays said, whatever the rules.
            Event::ApprovalRequest(_) | Event::Approval(_) => {
                self.accounts.apply(&self.db, &entry)?;
            }
            Event::Payment(payment) => return self.payment(seq, &payment),
            Event::Receipt(receipt) if receipt.effect == Effect::Released => {
                self.give_back(receipt.of_seq)?;
            }
            Event::Withheld(withheld) => self.give_back(withheld.of_seq)?,
            _ => {}
        }
        Ok(None)
    }

    fn payment(
        &mut self,
        seq: u64,
        payment: &event::Payment,
    ) -> Result<Option<Refused>, StoreError> {
        let draft = stored_draft::<Payment>(seq, &payment.header, &payment.claims)?;
        let charge = Charge::of(&payment.agent, draft.claims());
        let asked = accounts::approval_of_cart(&self.db, &draft.claims().cart)?;
        let consent = match asked.and_then(|asked| asked.answer) {
            Some(ApprovalAnswer::Approved) => Consent::Given,
            Some(ApprovalAnswer::Denied) | None => Consent::Standing,
        };
        let total = Money { currency: charge.currency, amount: charge.amount };
        let request = Request {
            agent: &charge.agent,
            merchant: &charge.merchant,
            action: &charge.action,
            ask: Ask::Payment { total, consent },
        };
        let spent = self.accounts.spent(&self.db, &self.rules, charge.at)?;
        if let Decision::Deny(denial) = decide(&self.rules, &request, spent, 0, charge.at) {
            let jti = draft.claims().jti;
            return Ok(Some(Refused { seq, jti, charge, denial }));
        }
        self.accounts.move_total(&self.db, &charge, Direction::Count)?;
        self.counted.insert(seq, charge);
        Ok(None)
    }

    fn give_back(&mut self, of_seq: u64) -> Result<(), StoreError> {
        match self.counted.remove(&of_seq) {
            Some(charge) => self.accounts.move_total(&self.db, &charge, Direction::GiveBack),
            None => Ok(()),
        }
    }
}
