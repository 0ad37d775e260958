//! What has to be true of every ledger, whatever was done to it: one checker for all suites.

use std::collections::{BTreeMap, BTreeSet};

use mandate::token::{PaymentClaims, Status};
use mandate::{Draft, Mandate, Payment, PolicyDigest, Receipt, UnverifiedMandate};
use mandate_journal::Entry;
use mandate_ledger::Event;

use crate::tally::{Cap, Charge, Zone};

/// The caps that were ever in force, and where days begin.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Where days begin.
    pub zone: Zone,
    /// The caps of each `wallet.toml`, by its digest.
    pub caps: BTreeMap<PolicyDigest, Vec<Cap>>,
}

/// One payment in the journal, and the merchant's answers to it.
struct Minted {
    claims: PaymentClaims,
    charge: Charge,
    answers: BTreeSet<bool>,
}

impl Minted {
    /// It counts unless the merchant gave it up and said nothing else.
    fn counts(&self) -> bool {
        self.answers.is_empty() || self.answers.contains(&true)
    }
}

/// Walks a journal and checks, at each payment, every cap in force; returns what counts at its end.
///
/// Whatever counted at the moment of the last payment in a window counts at most that much later, unless a merchant
/// contradicts itself: so no window of any cap ever holds more than the cap allows. Each intent and each cart pays
/// once, and every payment in `signed` is in the journal and was never withheld.
///
/// # Panics
///
/// If anything of this is not so.
#[must_use]
pub fn check_entries(
    entries: &[Vec<u8>],
    terms: &Terms,
    signed: &[Mandate<Payment>],
) -> Vec<Charge> {
    let mut minted: BTreeMap<u64, Minted> = BTreeMap::new();
    let mut is_locked = false;
    for (seq, bytes) in (0_u64..).zip(entries) {
        let entry = Entry::parse(bytes).expect("an entry");
        match Event::parse(&entry).expect("an event") {
            Event::Lock(_) => is_locked = true,
            Event::Unlock(_) => is_locked = false,
            Event::Intent(_) => assert!(!is_locked, "entry {seq} was minted while locked"),
            Event::Payment(event) => {
                assert!(!is_locked, "entry {seq} was minted while locked");
                let draft = Draft::<Payment>::from_stored(&event.header, &event.claims);
                let claims = draft.expect("a payment").claims().clone();
                let charge = charge(&claims);
                assert_eq!(claims.act, event.agent);
                check_singular(&claims, &minted);
                let earlier = minted.values().filter(|minted| minted.counts());
                let caps = terms.caps.get(&event.policy).expect("a known policy");
                check_caps(caps, &terms.zone, &charge, earlier.map(|minted| &minted.charge));
                minted.insert(seq, Minted { claims, charge, answers: BTreeSet::new() });
            }
            Event::Receipt(event) => {
                let receipt = UnverifiedMandate::<Receipt>::parse(&event.receipt);
                let status = receipt.expect("a receipt").claims().status;
                if let Some(minted) = minted.get_mut(&event.of_seq) {
                    minted.answers.insert(status == Status::Executed);
                }
            }
            Event::Withheld(event) => {
                let withheld = minted.remove(&event.of_seq).expect("a payment");
                assert!(withheld.answers.is_empty(), "a merchant answered what was never signed");
            }
            _ => {}
        }
    }
    check_signed(signed, &minted);
    minted.into_values().filter(Minted::counts).map(|minted| minted.charge).collect()
}

fn charge(claims: &PaymentClaims) -> Charge {
    Charge {
        about: [
            claims.act.to_string(),
            claims.aud.to_string(),
            claims.action.sku.as_str().to_owned(),
        ],
        currency: claims.total.currency.code().to_owned(),
        amount: claims.total.amount.units(),
        at: claims.iat.seconds(),
    }
}

/// One intent, one cart, one payment.
fn check_singular(claims: &PaymentClaims, minted: &BTreeMap<u64, Minted>) {
    for other in minted.values() {
        assert_ne!(claims.intent, other.claims.intent, "an intent was paid twice");
        assert_ne!(claims.cart, other.claims.cart, "a cart was paid twice");
        assert_ne!(claims.jti, other.claims.jti, "two payments have one id");
    }
}

/// The cap is hard: with this payment in it, every window that counts it fits.
fn check_caps<'c>(
    caps: &[Cap],
    zone: &Zone,
    charge: &Charge,
    earlier: impl Iterator<Item = &'c Charge> + Clone,
) {
    for cap in caps.iter().filter(|cap| cap.counts(charge)) {
        let (amount, count) = cap.spent(zone, earlier.clone(), charge.at);
        if let Some((_, most)) = cap.spend {
            assert!(amount + charge.amount <= most, "{charge:?} on top of {amount} under {cap:?}");
        }
        assert!(cap.count.is_none_or(|most| count < most), "{charge:?} is one too many: {cap:?}");
    }
}

fn check_signed(signed: &[Mandate<Payment>], minted: &BTreeMap<u64, Minted>) {
    let by_id: BTreeMap<_, _> =
        minted.values().map(|minted| (minted.claims.jti, &minted.claims)).collect();
    for payment in signed {
        let claims = payment.claims();
        assert_eq!(by_id.get(&claims.jti), Some(&claims), "a payment is out that does not count");
    }
}
