//! A wallet without a daemon: a ledger on disk and the key that signs for it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::clock::ClockReading;
use mandate::token::{Draft, Status};
use mandate::{
    Cart, Head, Intent, Jti, Kind, Mandate, Money, Payment, PrincipalId, Quantity, Receipt,
    UnixSeconds, UnverifiedMandate,
};
use mandate_ledger::{
    BudgetFilter, Died, Genesis, IntentAsk, Ledger, LedgerError, OpenError, Options, Outcome,
    Permit, Redeemed, Unhashed,
};
use mandate_policy::{PolicyDigest, Reason, Rules, Users};
use tempfile::TempDir;

use crate::TestClock;
use crate::alone;
use crate::invariants::{Terms, check_entries};
use crate::parties::{Parties, Ware, caller, money};
use crate::tally::{Cap, PARIS, Price, Zone};

/// The first instant of a test clock, for tests that need no other: 2026-11-24T10:00:00Z.
pub const MORNING: u64 = 1_795_514_400;

/// A system without named users.
#[derive(Debug)]
pub struct NoUsers;

impl Users for NoUsers {
    fn uid(&self, _name: &str) -> Option<u32> {
        None
    }
}

/// What one request came to: the answer, or the stable reason of the refusal.
pub type Answer<T> = Result<T, Reason>;

/// An open ledger and what is in force over it.
#[derive(Debug)]
pub struct Wallet {
    /// The ledger itself, for what has no short form here.
    pub ledger: Ledger,
    /// Who trades with it.
    pub parties: Arc<Parties>,
    folder: PathBuf,
    terms: Terms,
    caps: Vec<Cap>,
    rules: Arc<Rules>,
    unsettled: u64,
    _died: Died,
}

impl Wallet {
    /// Makes a ledger in a folder.
    ///
    /// # Panics
    ///
    /// If there is one, or the disk fails.
    pub fn create(folder: &Path, parties: &Parties, seconds: u64) {
        let key = parties.public_key();
        let time = UnixSeconds::new(seconds).expect("a moment");
        let genesis = Genesis { principal: PrincipalId::from_key(&key), key, time };
        let locking = alone();
        Ledger::create(folder, &genesis).expect("a new ledger");
        drop(locking);
    }

    /// A new ledger in a folder of its own, of parties made from `seed`, under these caps in Paris.
    ///
    /// # Panics
    ///
    /// If the disk fails, or the caps make no rules.
    #[must_use]
    pub fn fresh(seed: [u8; 32], unsettled: u64, caps: Vec<Cap>) -> (TempDir, Self) {
        let folder = tempfile::tempdir().expect("a folder");
        let parties = Arc::new(Parties::new(seed));
        Self::create(folder.path(), &parties, MORNING);
        let wallet = Self::open(folder.path(), &parties, PARIS, unsettled, caps);
        (folder, wallet.expect("a new ledger opens"))
    }

    /// Opens the ledger in a folder under these caps.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    ///
    /// # Panics
    ///
    /// If the caps make no rules.
    pub fn open(
        folder: &Path,
        parties: &Arc<Parties>,
        zone: Zone,
        unsettled: u64,
        caps: Vec<Cap>,
    ) -> Result<Self, OpenError> {
        Self::open_with(folder, parties, zone, unsettled, caps, Options::default())
    }

    /// As [`Wallet::open`], with points at which a commit breaks.
    ///
    /// # Errors
    ///
    /// [`OpenError`].
    ///
    /// # Panics
    ///
    /// If the caps make no rules.
    pub fn open_with(
        folder: &Path,
        parties: &Arc<Parties>,
        zone: Zone,
        unsettled: u64,
        caps: Vec<Cap>,
        options: Options,
    ) -> Result<Self, OpenError> {
        let rules = Arc::new(rules(parties, &zone, unsettled, &caps));
        let locking = alone();
        let (ledger, died) = Ledger::open(folder, Arc::clone(&rules), options)?;
        drop(locking);
        Ok(Self {
            ledger,
            parties: Arc::clone(parties),
            folder: folder.to_owned(),
            terms: Terms { zone, caps: BTreeMap::from([(rules.digest(), caps.clone())]) },
            caps,
            rules,
            unsettled,
            _died: died,
        })
    }

    /// Another `wallet.toml` with these caps was in force before.
    pub fn know(&mut self, policy: PolicyDigest, caps: Vec<Cap>) {
        self.terms.caps.insert(policy, caps);
    }

    /// Closes the ledger and opens it again from disk, as a daemon that starts does.
    ///
    /// # Panics
    ///
    /// If either fails.
    #[must_use]
    pub async fn restart(self, now: ClockReading) -> Self {
        let Self { ledger, parties, folder, terms, caps, rules, unsettled, _died: died } = self;
        let locking = alone();
        ledger.close().expect("an orderly end");
        drop(died);
        let (ledger, died) = Ledger::open(&folder, Arc::clone(&rules), Options::default())
            .expect("a ledger that was closed well");
        drop(locking);
        let wallet = Self { ledger, parties, folder, terms, caps, rules, unsettled, _died: died };
        wallet.sign_unhashed(now).await;
        wallet
    }

    /// Signs again what has no hash on disk, so that carts and receipts that name it are known.
    ///
    /// # Panics
    ///
    /// If the ledger cannot be read.
    pub async fn sign_unhashed(&self, now: ClockReading) {
        for token in self.ledger.unhashed(now).await.expect("an answer") {
            let signed = match token {
                Unhashed::Intent(permit) => matches!(self.sign(permit), Redeemed::Signed(_)),
                Unhashed::Payment(permit) => matches!(self.sign(permit), Redeemed::Signed(_)),
            };
            assert!(signed, "what was minted can be signed again");
        }
    }

    /// Puts other caps in force.
    ///
    /// # Panics
    ///
    /// If they make no rules, or the disk fails.
    pub async fn reload(&mut self, now: ClockReading, caps: Vec<Cap>) {
        self.try_reload(now, caps).await.expect("an answer");
    }

    /// As [`Wallet::reload`], on a disk that may fail.
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    ///
    /// # Panics
    ///
    /// If the caps make no rules.
    pub async fn try_reload(
        &mut self,
        now: ClockReading,
        caps: Vec<Cap>,
    ) -> Result<(), LedgerError> {
        let rules = Arc::new(rules(&self.parties, &self.terms.zone, self.unsettled, &caps));
        self.ledger.reload(now, Arc::clone(&rules)).await?;
        self.terms.caps.insert(rules.digest(), caps.clone());
        (self.rules, self.caps) = (rules, caps);
        Ok(())
    }

    /// Uses a permit up.
    pub fn sign<K: Kind>(&self, permit: Permit<K>) -> Redeemed<K, mandate::IssueError> {
        permit.redeem(|draft: &Draft<K>, head: Head| draft.issue(head, self.parties.key()))
    }

    /// Mints an intent.
    ///
    /// # Errors
    ///
    /// The refusal.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn intent(
        &self,
        now: ClockReading,
        agent: &str,
        ware: Ware,
        price_max: Option<Price>,
    ) -> Answer<Mandate<Intent>> {
        let ask = IntentAsk { price_max: price_max.map(money), ..one_of(ware) };
        let minted = self.ledger.mint_intent(now, &caller(agent), ask, fresh_jti()).await;
        granted(minted).map(|permit| self.signed(permit))
    }

    /// Writes an intent down; the permit is still to be signed.
    ///
    /// # Errors
    ///
    /// The refusal.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn intent_permit(
        &self,
        now: ClockReading,
        agent: &str,
        ware: Ware,
    ) -> Answer<Permit<Intent>> {
        granted(self.ledger.mint_intent(now, &caller(agent), one_of(ware), fresh_jti()).await)
    }

    /// Reserves a cart's total; the permit is still to be signed.
    ///
    /// # Errors
    ///
    /// The refusal.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn reserve(
        &self,
        now: ClockReading,
        agent: &str,
        cart: &Mandate<Cart>,
    ) -> Answer<Permit<Payment>> {
        granted(self.ledger.reserve(now, &caller(agent), cart.clone(), fresh_jti()).await)
    }

    /// Pays a cart.
    ///
    /// # Errors
    ///
    /// The refusal.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn pay(
        &self,
        now: ClockReading,
        agent: &str,
        cart: &Mandate<Cart>,
    ) -> Answer<Mandate<Payment>> {
        Ok(self.signed(self.reserve(now, agent, cart).await?))
    }

    /// Mints an intent, has it quoted and pays.
    ///
    /// # Errors
    ///
    /// The refusal of either.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn buy(
        &self,
        now: ClockReading,
        agent: &str,
        ware: Ware,
        price: Price,
    ) -> Answer<Mandate<Payment>> {
        let intent = self.intent(now.clone(), agent, ware, None).await?;
        let cart = self.parties.cart(&intent, price, now.wall);
        self.pay(now, agent, &cart).await
    }

    /// Hands a receipt in, verified as a daemon verifies it.
    ///
    /// # Errors
    ///
    /// The refusal.
    ///
    /// # Panics
    ///
    /// If there is no answer, or no key that the ledger knows verifies it.
    pub async fn hand_in(
        &self,
        now: ClockReading,
        agent: &str,
        receipt: &Mandate<Receipt>,
    ) -> Answer<Status> {
        let receipt = UnverifiedMandate::<Receipt>::parse(receipt.as_str()).expect("a receipt");
        let keys = self.ledger.receipt_keys(&receipt).expect("an answer");
        let receipt = receipt.verify(&keys).expect("a key of its merchant");
        granted(self.ledger.record_receipt(now, &caller(agent), receipt).await)
    }

    /// What each cap has counted: the amount and the payments, in the order of the caps.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn spent(&self, now: ClockReading) -> Vec<(u64, u64)> {
        let caps = self.ledger.budget(now, None, BudgetFilter::default()).await.expect("a budget");
        let spent = |amount: Option<Money>| amount.map_or(0, |money| money.amount.units());
        caps.iter().map(|cap| (spent(cap.spent), cap.count_used)).collect()
    }

    /// Everything that has to be true of a ledger: it verifies, no window ever held more than its cap, what was signed
    /// is in it, and each total is what the entries add up to.
    ///
    /// # Panics
    ///
    /// If anything of this is not so.
    pub async fn check(&self, now: ClockReading, signed: &[Mandate<Payment>]) {
        let verified = self.ledger.verify(|| false).expect("a good journal");
        assert_eq!(verified.head, self.ledger.head());
        let charges = check_entries(&self.entries(), &self.terms, signed);
        let (zone, at) = (&self.terms.zone, now.wall.seconds());
        let expected: Vec<_> = self.caps.iter().map(|cap| cap.spent(zone, &charges, at)).collect();
        assert_eq!(self.spent(now).await, expected, "the totals are not those of the entries");
    }

    /// The whole journal, as stored.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    pub fn entries(&self) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        loop {
            let from = u64::try_from(all.len()).expect("a count");
            let page = self.ledger.entries(from, 256).expect("entries");
            if page.is_empty() {
                return all;
            }
            all.extend(page);
        }
    }

    fn signed<K: Kind>(&self, permit: Permit<K>) -> Mandate<K> {
        match self.sign(permit) {
            Redeemed::Signed(mandate) => mandate,
            other => panic!("nothing stops this signature: {other:?}"),
        }
    }
}

/// A reading of an honest clock at `seconds`, which is [`MORNING`] or later.
#[must_use]
pub fn reading(seconds: u64) -> ClockReading {
    let clock = TestClock::at(MORNING);
    clock.pass(seconds - MORNING);
    mandate::clock::Clock::read(&clock)
}

/// A request for an intent, and nothing special about it.
///
/// # Panics
///
/// If the names are none.
#[must_use]
pub fn one_of((merchant, action): Ware) -> IntentAsk {
    IntentAsk {
        merchant: merchant.parse().expect("an id"),
        action: action.parse().expect("a SKU"),
        quantity: Quantity::new(1).expect("one"),
        price_max: None,
        request: None,
        purpose: None,
        idempotency_key: None,
    }
}

/// An id that no token has yet.
///
/// # Panics
///
/// If the system gives no random bytes.
#[must_use]
pub fn fresh_jti() -> Jti {
    let mut bits = [0; mandate::id::JTI_BYTES];
    getrandom::fill(&mut bits).expect("random bytes");
    Jti::from_random(bits)
}

/// The rules of a `wallet.toml` with these caps.
///
/// # Panics
///
/// If they make none.
#[must_use]
pub fn rules(parties: &Parties, zone: &Zone, unsettled: u64, caps: &[Cap]) -> Rules {
    let text = parties.toml(zone, unsettled, caps);
    Rules::parse(&text, &NoUsers).unwrap_or_else(|faults| panic!("{faults:?} in {text}"))
}

fn granted<T>(answer: Result<Outcome<T>, LedgerError>) -> Answer<T> {
    match answer.expect("an answer") {
        Outcome::Granted(granted) => Ok(granted),
        Outcome::Denied(refusal) => Err(refusal.reason()),
    }
}
