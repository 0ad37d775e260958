//! One pass over the journal: what a month's statement says is picked up entry by entry.
//!
//! What is kept grows with the month, and with the payments that are not settled; the log may be of any length.

use std::collections::BTreeMap;

use mandate::{MerchantId, PolicyDigest, PrincipalId, Sku, UnixSeconds};
use mandate_journal::Chain;
use mandate_ledger::{Charge, Event, event};
use mandate_policy::Rules;
use mandate_terminal::record::{Entries, damaged};

use super::approvals::ApprovalLine;
use super::calendar::Period;
use super::denials::{DenialLine, Denials};
use super::events::EventLine;
use super::purchases::{Answer, Direction, Purchase};
use super::spending::{FreeLine, sums};
use super::usage::Follower;
use super::{Policy, Source, Statement, Whose, broken};
use crate::audit::fact::intent_claims;
use crate::failure::Failure;
use crate::record::{Record, Wallet};

/// Reads the whole journal and tells of one month.
///
/// # Errors
///
/// [`Failure`] when it cannot be read, or its entries do not follow from each other.
pub(super) fn statement<E: Entries<Side = Wallet>>(
    journal: &E,
    rules: &Rules,
    period: Period,
    now: UnixSeconds,
) -> Result<Statement, Failure> {
    let caps = rules.caps().iter().filter_map(|cap| Follower::of(cap, &period, now));
    let mut reader = Reader {
        journal,
        period: &period,
        chain: Chain::default(),
        of_the_month: 0,
        principal: None,
        policy: None,
        intents: BTreeMap::new(),
        open: BTreeMap::new(),
        purchases: BTreeMap::new(),
        caps: caps.collect(),
        denials: Vec::new(),
        approvals: BTreeMap::new(),
        events: Vec::new(),
    };
    journal.forward(0, |record| reader.entry(&record))?;
    let head = reader.chain.head();
    let free = reader.free(rules);
    let Reader {
        of_the_month, principal, policy, purchases, caps, denials, approvals, events, ..
    } = reader;
    let purchases: Vec<Purchase> = purchases.into_values().collect();
    let (spending, totals) = sums(&purchases);
    let caps = caps.into_iter().map(|cap| cap.finish(now)).collect();
    let id = principal.ok_or_else(|| damaged::<Wallet>("the first entry is none of a wallet"))?;
    Ok(Statement {
        principal: Whose { name: rules.principal().name.to_string(), id },
        made_at: now,
        journal: Source { head, of_the_month },
        policy: Policy { digest: rules.digest(), in_force: policy == Some(rules.digest()) },
        totals,
        spending,
        free,
        caps,
        denials: Denials::of(denials),
        approvals: approvals.into_values().collect(),
        events,
        purchases,
        period,
    })
}

/// An intent of the month.
#[derive(Debug)]
struct Asked {
    merchant: MerchantId,
    action: Sku,
    purpose: Option<String>,
    /// Whether a receipt without a payment answered it.
    answered: bool,
}

struct Reader<'s, E> {
    journal: &'s E,
    period: &'s Period,
    chain: Chain,
    of_the_month: u64,
    principal: Option<PrincipalId>,
    policy: Option<PolicyDigest>,
    /// The intents of the month, by their entries.
    intents: BTreeMap<u64, Asked>,
    /// Payments of other months that are not settled yet.
    open: BTreeMap<u64, Charge>,
    /// The payments of the month, by their entries.
    purchases: BTreeMap<u64, Purchase>,
    caps: Vec<Follower<'s>>,
    denials: Vec<DenialLine>,
    /// The requests for approval of the month, by their entries.
    approvals: BTreeMap<u64, ApprovalLine>,
    events: Vec<EventLine>,
}

impl<E: Entries<Side = Wallet>> Reader<'_, E> {
    fn entry(&mut self, record: &Record) -> Result<(), Failure> {
        self.chain.push(record.body().get().as_bytes()).map_err(|error| broken(&error))?;
        let (seq, at) = (record.seq(), record.time());
        let in_month = self.period.holds(at);
        if in_month {
            self.of_the_month = self.of_the_month.saturating_add(1);
            self.events.extend(EventLine::read(record));
        }
        match record.event() {
            Some(Event::Init(init)) => self.principal = Some(init.principal.clone()),
            Some(Event::Policy(policy)) => self.policy = Some(policy.digest),
            Some(Event::Intent(intent)) if in_month => self.intent(seq, intent),
            Some(Event::Payment(payment)) => self.payment(seq, at, payment)?,
            Some(Event::Receipt(receipt)) => self.receipt(seq, at, receipt)?,
            Some(Event::Withheld(withheld)) => {
                let answer = Answer::withheld(seq, withheld.scope.as_ref());
                self.answer(withheld.of_seq, at, &answer)?;
            }
            Some(Event::ApprovalRequest(request)) if in_month => {
                let asked = ApprovalLine::read(seq, at, request);
                self.approvals.extend(asked.map(|asked| (seq, asked)));
            }
            Some(Event::Approval(approval)) => {
                if let Some(asked) = self.approvals.get_mut(&approval.of_seq) {
                    (asked.answer, asked.answer_seq) = (Some(approval.answer), Some(seq));
                }
            }
            Some(Event::Denial(denial)) if in_month => {
                self.denials.push(DenialLine::read(seq, at, denial));
            }
            _ => {}
        }
        Ok(())
    }

    fn intent(&mut self, seq: u64, intent: &event::Intent) {
        self.intents.extend(asked(intent).map(|asked| (seq, asked)));
    }

    fn payment(
        &mut self,
        seq: u64,
        at: UnixSeconds,
        payment: &event::Payment,
    ) -> Result<(), Failure> {
        let mut purchase = Purchase::read(seq, payment)?;
        let charge = purchase.charge();
        self.move_caps(at, &charge, Direction::Count);
        if self.period.holds(purchase.at) {
            purchase.purpose = self.purpose(purchase.intent_seq)?;
            self.purchases.insert(seq, purchase);
        } else {
            self.open.insert(seq, charge);
        }
        Ok(())
    }

    /// The words of an intent; one of the month before is looked up.
    fn purpose(&self, intent_seq: u64) -> Result<Option<String>, Failure> {
        if let Some(asked) = self.intents.get(&intent_seq) {
            return Ok(asked.purpose.clone());
        }
        let record = self.journal.record(intent_seq)?;
        let Some(Event::Intent(intent)) = record.event() else {
            return Err(damaged::<Wallet>(&format!("entry {intent_seq} is no intent")));
        };
        Ok(intent.purpose.as_ref().map(ToString::to_string))
    }

    fn receipt(
        &mut self,
        seq: u64,
        at: UnixSeconds,
        receipt: &event::Receipt,
    ) -> Result<(), Failure> {
        if let Some(answer) = Answer::read(seq, receipt)? {
            return self.answer(receipt.of_seq, at, &answer);
        }
        if let Some(asked) = self.intents.get_mut(&receipt.of_seq) {
            asked.answered = true;
        }
        Ok(())
    }

    /// Something became of the payment of an entry.
    fn answer(&mut self, of_seq: u64, at: UnixSeconds, answer: &Answer) -> Result<(), Failure> {
        let open = self.open.remove(&of_seq);
        let charge = match self.purchases.get_mut(&of_seq) {
            Some(purchase) => {
                purchase.settle(answer);
                Some(purchase.charge())
            }
            None => open,
        };
        let Some(direction) = answer.moves else { return Ok(()) };
        let charge = match charge {
            Some(charge) => charge,
            // A second answer to a payment of another month; the first one ended its wait.
            None => self.charge(of_seq)?,
        };
        self.move_caps(at, &charge, direction);
        Ok(())
    }

    fn charge(&self, seq: u64) -> Result<Charge, Failure> {
        match self.journal.record(seq)?.event() {
            Some(Event::Payment(payment)) => Ok(Purchase::read(seq, payment)?.charge()),
            _ => Err(damaged::<Wallet>(&format!("entry {seq} is no payment"))),
        }
    }

    fn move_caps(&mut self, at: UnixSeconds, charge: &Charge, direction: Direction) {
        for cap in &mut self.caps {
            cap.record(at, charge, direction);
        }
    }

    /// What was asked for nothing: actions that wallet.toml lists as free, or that were answered without a payment.
    fn free(&self, rules: &Rules) -> Vec<FreeLine> {
        let mut lines: BTreeMap<_, FreeLine> = BTreeMap::new();
        for Asked { merchant, action, answered, purpose: _ } in self.intents.values() {
            let listed = rules.merchant(merchant).is_some_and(|known| known.free.contains(action));
            if !listed && !answered {
                continue;
            }
            let line = lines.entry((merchant, action)).or_insert_with(|| FreeLine {
                merchant: merchant.clone(),
                action: action.clone(),
                asked: 0,
                answered: 0,
            });
            line.asked = line.asked.saturating_add(1);
            line.answered = line.answered.saturating_add(usize::from(*answered));
        }
        lines.into_values().collect()
    }
}

fn asked(intent: &event::Intent) -> Option<Asked> {
    let claims = intent_claims(intent)?;
    let purpose = intent.purpose.as_ref().map(ToString::to_string);
    Some(Asked { merchant: claims.aud, action: claims.action.sku, purpose, answered: false })
}
