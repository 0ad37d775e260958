//! What all clients of one ledger share: the principal's home, what they were told; and the check.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};

use mandate::token::Status as Outcome;
use mandate::{
    Cart, CartHash, Draft, Intent, IntentClaims, Jti, Mandate, Payment, PolicyDigest,
    UnverifiedMandate,
};
use mandate_host::clock::wall_clock;
use mandate_journal::Entry;
use mandate_ledger::{Event, Scope, StoppedLedger};
use mandate_tests::invariants::{Terms, check_entries};
use mandate_tests::rerun::kill_at_once;
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::{Home, LUX, OUT_OF_REACH, alone};
use rustix::process::Pid;
use tokio::sync::watch;

/// What all payments may sum up to, in euro cents: few enough rooms that the cap binds.
const LIFETIME_MINOR: u64 = 36_000;

/// Entries read at a time.
const PAGE: usize = 256;

/// What clients were told.
#[derive(Debug, Default)]
pub struct Told {
    /// Each intent that is out.
    pub intents: BTreeMap<Jti, IntentClaims>,
    /// The payment of each cart.
    payments: BTreeMap<CartHash, Mandate<Payment>>,
    /// Payments whose receipt the wallet has taken.
    pub settled: BTreeMap<Jti, Outcome>,
    /// What happened, and how often.
    counts: BTreeMap<&'static str, u64>,
    /// What each client did last, for the case that it never ends.
    pub last: BTreeMap<usize, String>,
}

/// Kills the daemon when so many requests were sent.
#[derive(Debug, Default)]
pub struct Fuse(Mutex<Option<(u64, Pid)>>);

impl Fuse {
    pub fn light(&self, requests: u64, pid: Pid) {
        *self.lock() = Some((requests, pid));
    }

    /// From here on it kills nothing.
    pub fn put_out(&self) {
        *self.lock() = None;
    }

    /// One request is sent.
    pub fn burn(&self) {
        // Held while it kills: who puts it out may wait for the process next, and its number may be another's then.
        let mut lit = self.lock();
        let Some((left, pid)) = lit.as_mut() else { return };
        *left = left.saturating_sub(1);
        if *left == 0 {
            kill_at_once(*pid);
            *lit = None;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<(u64, Pid)>> {
        self.0.lock().expect("no panic while held")
    }
}

/// One life of the daemon.
#[derive(Debug, Clone, Copy)]
struct Life {
    number: u64,
    is_over: bool,
}

/// One principal, one ledger, and everybody who buys with it.
pub struct Principal {
    pub home: Home,
    pub fuse: Fuse,
    /// The life of the daemon that is asked now, or was last.
    life: watch::Sender<Life>,
    /// Nobody begins anything new.
    pub closing: AtomicBool,
    told: Mutex<Told>,
    terms: Mutex<Terms>,
    rewrites: AtomicU64,
}

impl Principal {
    /// A new ledger; `None`, with a word about it, where the kernel has no keyring.
    pub fn new() -> Option<Self> {
        let principal = Self {
            home: Home::made_at(wall_clock().seconds())?,
            fuse: Fuse::default(),
            life: watch::Sender::new(Life { number: 0, is_over: true }),
            closing: AtomicBool::new(false),
            told: Mutex::default(),
            terms: Mutex::new(Terms { zone: PARIS, caps: BTreeMap::new() }),
            rewrites: AtomicU64::new(0),
        };
        principal.rewrite();
        Some(principal)
    }

    /// A daemon may be asked.
    pub fn begin_life(&self) {
        self.life.send_modify(|life| *life = Life { number: life.number + 1, is_over: false });
    }

    /// It is about to be killed.
    pub fn end_life(&self) {
        self.life.send_modify(|life| life.is_over = true);
    }

    /// Waits for a daemon that may be asked; gives the number of its life.
    pub async fn alive(&self) -> u64 {
        let mut life = self.life.subscribe();
        life.wait_for(|life| !life.is_over).await.expect("a principal").number
    }

    /// Waits until a life is over.
    pub async fn over(&self, number: u64) {
        let mut life = self.life.subscribe();
        life.wait_for(|life| life.is_over || life.number > number).await.expect("a principal");
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no panic while held")
    }

    pub fn count(&self, what: &'static str) {
        *self.told().counts.entry(what).or_default() += 1;
    }

    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        self.told().counts.clone()
    }

    /// Puts other caps in force.
    pub fn rewrite(&self) {
        let turn = self.rewrites.fetch_add(1, Ordering::Relaxed);
        let caps = vec![
            Cap::spend("lifetime", ("EUR", LIFETIME_MINOR)),
            Cap { about: [None, Some(LUX), None], ..Cap::count("24h", 12 + 4 * (turn % 8)) },
        ];
        let rules: String = caps.iter().map(Cap::toml).collect();
        let text = self.home.toml(&format!("{OUT_OF_REACH}{rules}"));
        let digest = PolicyDigest::of(text.as_bytes());
        self.terms.lock().expect("no panic while held").caps.insert(digest, caps);
        self.home.write(&text);
    }

    /// Keeps a payment that is out; one cart never has two.
    pub fn keep(&self, cart: &Mandate<Cart>, payment: &Mandate<Payment>) {
        assert_eq!(payment.claims().cart, cart.hash(), "a payment of another cart");
        let mut told = self.told();
        let before = told.payments.entry(cart.hash()).or_insert_with(|| payment.clone());
        assert_eq!(before.as_str(), payment.as_str(), "one cart has two payments");
    }

    /// Everything that has to be true whenever the daemon is dead; gives whether the wallet is frozen.
    ///
    /// The ledger verifies, its totals made again; its entries say that each intent and cart was paid once and no cap
    /// was passed; every mandate that anybody ever got is in it as it was signed; every receipt that was answered is in
    /// it; nothing was minted between a freeze and its thaw.
    pub fn check(&self) -> bool {
        let opened = {
            let _locking = alone();
            StoppedLedger::open(self.home.paths.state_dir()).expect("a ledger")
        };
        let verified = opened.verify().expect("a good ledger");
        assert_eq!(verified.head, opened.head().expect("a head"));
        let entries = entries(&opened);
        let told = self.told();
        let signed: Vec<_> = told.payments.values().cloned().collect();
        let terms = self.terms.lock().expect("no panic while held");
        let counted = check_entries(&entries, &terms, &signed).len();
        let journal = Journal::read(&entries);
        for (jti, claims) in &told.intents {
            assert_eq!(
                journal.intents.get(jti),
                Some(claims),
                "an intent is out that is not on disk"
            );
        }
        for (jti, outcome) in &told.settled {
            assert_eq!(journal.settled.get(jti), Some(outcome), "a receipt was lost");
        }
        let voids = journal.settled.values().filter(|outcome| **outcome == Outcome::Void).count();
        assert_eq!(
            counted + voids + journal.withheld,
            journal.payments,
            "a payment is not counted"
        );
        journal.frozen
    }
}

/// What the entries say of what clients were told.
#[derive(Debug, Default)]
struct Journal {
    intents: BTreeMap<Jti, IntentClaims>,
    settled: BTreeMap<Jti, Outcome>,
    payments: usize,
    withheld: usize,
    frozen: bool,
}

impl Journal {
    fn read(entries: &[Vec<u8>]) -> Self {
        let (mut journal, mut ids) = (Self::default(), BTreeMap::new());
        for (seq, bytes) in (0_u64..).zip(entries) {
            let entry = Entry::parse(bytes).expect("an entry");
            match Event::parse(&entry).expect("an event") {
                Event::Freeze(freeze) if freeze.scope == Scope::Wallet => journal.frozen = true,
                Event::Thaw(thaw) if thaw.scope == Scope::Wallet => journal.frozen = false,
                Event::Intent(intent) => {
                    assert!(!journal.frozen, "an intent was minted under a freeze");
                    let draft = Draft::<Intent>::from_stored(&intent.header, &intent.claims);
                    let claims = draft.expect("an intent").claims().clone();
                    journal.intents.insert(claims.jti, claims);
                }
                Event::Payment(payment) => {
                    assert!(!journal.frozen, "a payment was minted under a freeze");
                    let draft = Draft::<Payment>::from_stored(&payment.header, &payment.claims);
                    ids.insert(seq, draft.expect("a payment").claims().jti);
                    journal.payments += 1;
                }
                Event::Receipt(receipt) => {
                    let token = UnverifiedMandate::<mandate::Receipt>::parse(&receipt.receipt);
                    let status = token.expect("a receipt").claims().status;
                    journal.settled.insert(ids[&receipt.of_seq], status);
                }
                Event::Withheld(_) => journal.withheld += 1,
                _ => {}
            }
        }
        journal
    }
}

fn entries(ledger: &StoppedLedger) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let from = u64::try_from(all.len()).expect("a count");
        let page = ledger.entries(from, PAGE).expect("entries");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}
