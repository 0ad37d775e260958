//! What all clients of one book share: where the gateway is, whose purse they use, what they were told; and the check.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use mandate::{Draft, KeySet, Mandate, MerchantId, MerchantRole, Receipt, Status};
use mandate_gateway::book::StoppedBook;
use mandate_gateway::book::event::Event;
use mandate_journal::Entry;
use mandate_tests::gateway::{
    Answered, Asked, Kept, KeyedApi, MerchantHome, Moment, Payer, Reaction, Sale, SaleState, Wire,
    check_calls, check_entries,
};
use mandate_tests::random::Random;
use mandate_tests::rerun::kill_at_once;
use rustix::process::Pid;
use tokio::sync::watch;

/// Clients that share one principal and its caps.
const CLIENTS_PER_PURSE: usize = 2;

/// Where in the life of a call the gateway is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Somewhere after a client sent a request.
    Sent,
    /// The use or the receipt is about to be on disk; the writer stands there.
    BeforeCommit,
    /// It is on disk, and nobody was answered or asked; the writer stands there.
    AfterCommit,
    /// The API has the call and executed nothing.
    Arrived,
    /// The API executed it, or refused it, and does not answer.
    Executed,
    /// The API's answer is on its way.
    Answered,
}

impl Phase {
    pub const ALL: [Self; 6] = [
        Self::Sent,
        Self::BeforeCommit,
        Self::AfterCommit,
        Self::Arrived,
        Self::Executed,
        Self::Answered,
    ];
}

/// Kills the gateway when so many moments of its phase have passed.
#[derive(Debug, Default)]
pub struct Trigger(Mutex<Option<Armed>>);

#[derive(Debug)]
struct Armed {
    phase: Phase,
    /// Moments to come; none when the kill is on its way.
    left: Option<u64>,
    /// How many other tasks have a turn in between, where the phase goes on for a while.
    turns: u64,
    pid: Pid,
}

impl Trigger {
    pub fn arm(&self, phase: Phase, nth: u64, turns: u64, pid: Pid) {
        *self.lock() = Some(Armed { phase, left: Some(nth), turns, pid });
    }

    /// From here on it kills nothing.
    pub fn disarm(&self) {
        *self.lock() = None;
    }

    /// One moment of a phase passes.
    pub fn pass(self: &Arc<Self>, phase: Phase) {
        let mut armed = self.lock();
        let Some(now) = armed.as_mut().filter(|armed| armed.phase == phase) else { return };
        let Some(left) = &mut now.left else { return };
        *left -= 1;
        if *left > 0 {
            return;
        }
        now.left = None;
        let turns = now.turns;
        drop(armed);
        if matches!(phase, Phase::Arrived | Phase::Executed) {
            // The call that passes stays where it is until the gateway is dead.
            return self.pull();
        }
        let trigger = Arc::clone(self);
        tokio::spawn(async move {
            for _ in 0..turns {
                tokio::task::yield_now().await;
            }
            trigger.pull();
        });
    }

    fn pull(&self) {
        // Held until it is done: who disarms may wait for the process next, and its number may be another's then.
        let mut armed = self.lock();
        if let Some(Armed { pid, .. }) = armed.take() {
            kill_at_once(pid);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Armed>> {
        self.0.lock().expect("no panic while held")
    }
}

/// What clients were told, by the key of the use.
#[derive(Debug, Default)]
pub struct Told {
    /// The receipt of each use.
    receipts: BTreeMap<String, Mandate<Receipt>>,
    /// Payments that no cap let through.
    over_cap: BTreeSet<String>,
    /// Uses that nobody asks about any more.
    given_up: BTreeSet<String>,
    /// What each client did last, for the case that it never ends.
    pub last: BTreeMap<usize, String>,
}

/// One merchant, one book, and everybody who buys there.
pub struct Street {
    pub home: MerchantHome,
    pub keys: KeySet<MerchantRole>,
    pub merchant: MerchantId,
    pub api: KeyedApi,
    pub trigger: Arc<Trigger>,
    /// Where the gateway is, while there is one.
    pub address: watch::Sender<Option<SocketAddr>>,
    /// Nobody begins anything new.
    pub closing: AtomicBool,
    pub told: Mutex<Told>,
    purses: Vec<Mutex<Arc<Payer>>>,
    purses_made: AtomicU8,
}

impl Street {
    pub async fn new(clients: usize) -> Option<Self> {
        let home = MerchantHome::new()?;
        let trigger = Arc::<Trigger>::default();
        let pulled = Arc::clone(&trigger);
        let api = KeyedApi::new(Kept::Calls, reaction, move |moment| {
            pulled.pass(match moment {
                Moment::Arrived => Phase::Arrived,
                Moment::Executed => Phase::Executed,
                Moment::Answered => Phase::Answered,
            });
        });
        let upstream = api.listen().await;
        home.write(&home.toml(upstream, ""));
        let street = Self {
            keys: home.keys(),
            merchant: home.merchant(),
            home,
            api,
            trigger,
            address: watch::Sender::new(None),
            closing: AtomicBool::new(false),
            told: Mutex::default(),
            purses: Vec::new(),
            purses_made: AtomicU8::new(0),
        };
        let purses = clients.div_ceil(CLIENTS_PER_PURSE);
        let purses = (0..purses).map(|_| Mutex::new(street.fresh_purse())).collect();
        Some(Self { purses, ..street })
    }

    fn fresh_purse(&self) -> Arc<Payer> {
        let made = self.purses_made.fetch_add(1, Ordering::Relaxed);
        assert!(made < u8::MAX, "more purses than seeds");
        Arc::new(Payer::new([made; 32]))
    }

    /// The principal that a client buys as.
    pub fn purse(&self, client: usize) -> Arc<Payer> {
        Arc::clone(&self.purses[client / CLIENTS_PER_PURSE].lock().expect("no panic while held"))
    }

    /// Another principal in the place of one whose caps are full.
    pub fn replace_purse(&self, client: usize, full: &Arc<Payer>) {
        let mut purse =
            self.purses[client / CLIENTS_PER_PURSE].lock().expect("no panic while held");
        if Arc::ptr_eq(&purse, full) {
            *purse = self.fresh_purse();
        }
    }

    pub fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().expect("no panic while held")
    }

    /// Keeps the receipt in an answer; one use never has two.
    pub fn keep_receipt(&self, key: &str, answered: &Answered) -> Option<Status> {
        let receipt = answered.receipt(&self.keys)?;
        let claims = receipt.claims();
        let of = claims.payment.map_or_else(|| claims.intent.to_string(), |of| of.to_string());
        assert_eq!(of, key, "a receipt of another use");
        let status = claims.status;
        let mut told = self.told();
        let before = told.receipts.entry(key.to_owned()).or_insert_with(|| receipt.clone());
        assert_eq!(before.as_str(), receipt.as_str(), "one use has two receipts");
        Some(status)
    }

    /// The keys of all receipts that are out.
    pub fn receipts(&self) -> Vec<String> {
        self.told().receipts.keys().cloned().collect()
    }

    /// Everything that has to be true whenever the gateway is dead; gives the sales by their keys.
    ///
    /// The journal verifies; its entries say that each intent, cart and payment was used once and no cap was passed;
    /// the API heard of no use that is not on disk, executed none twice and none that is void; every receipt that
    /// anybody ever got is on disk as it was signed; and what no cap let through is not.
    pub fn check(&self, book: &StoppedBook) -> BTreeMap<String, Sale> {
        let verified = book.verify().expect("a good journal");
        assert_eq!(verified.head, book.head().expect("a head"));
        let entries = entries(book);
        let sales = check_entries(&entries, &self.merchant);
        // First what the API knows: a call may arrive from a dead gateway's socket, never one that is not on disk.
        check_calls(&sales, &self.api.heard(), &self.api.executions());
        let told = self.told();
        for (key, receipt) in &told.receipts {
            check_recorded(key, receipt, &sales, &entries);
        }
        for key in &told.over_cap {
            assert!(!sales.contains_key(key), "{key} is over a cap, and used");
        }
        sales
    }

    /// Whether everybody who asked to the end was answered: only what was given up waits.
    pub fn check_end(&self, sales: &BTreeMap<String, Sale>) {
        let told = self.told();
        for (key, sale) in sales {
            if !told.receipts.contains_key(key) {
                assert!(told.given_up.contains(key), "{key} has no receipt: {sale:?}");
            }
        }
    }
}

impl Told {
    pub fn is_over_cap(&mut self, key: &str) {
        assert!(!self.receipts.contains_key(key), "a payment with a receipt is over a cap");
        self.over_cap.insert(key.to_owned());
    }

    pub fn gives_up(&mut self, key: &str) {
        self.given_up.insert(key.to_owned());
    }
}

fn entries(book: &StoppedBook) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let from = u64::try_from(all.len()).expect("a count");
        let page = book.entries(from, 256).expect("entries");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// A receipt that is out is the one on disk: its head names the entry that holds its claims.
fn check_recorded(
    key: &str,
    receipt: &Mandate<Receipt>,
    sales: &BTreeMap<String, Sale>,
    entries: &[Vec<u8>],
) {
    let sale = sales.get(key).expect("a receipt is out that is not on disk");
    let state = match receipt.claims().status {
        Status::Executed => SaleState::Executed,
        Status::Void => SaleState::Void,
    };
    assert_eq!(sale.state, state, "{key}");
    let seq = usize::try_from(receipt.head().size - 1).expect("an index");
    let entry = Entry::parse(&entries[seq]).expect("an entry");
    let Event::Receipt(stored) = Event::parse(&entry).expect("an event") else {
        panic!("{key}: the head of its receipt names another entry");
    };
    let draft = Draft::<Receipt>::from_stored(&stored.header, &stored.claims);
    assert_eq!(draft.expect("a receipt").claims(), receipt.claims(), "{key}");
}

/// What the API does about a call: the key decides, so that it does the same whatever is killed.
fn reaction(asked: Asked<'_>) -> Reaction {
    let class =
        Random::new(asked.key.bytes().fold(0, |sum, byte| sum * 31 % 65_521 + u64::from(byte)))
            .below(16);
    match (class, asked.before) {
        // Refused at first; whoever asks again has it executed. A void is right only if nobody asks again.
        (0..=2, 0) => Reaction::refused(422),
        // Executed at first, and then it forgets for a moment: a void would be wrong.
        (3..=4, 1) => Reaction::refused(404),
        // Not executed, and it does not say so.
        (5, 0) => Reaction::refused(500),
        (6, 0) => Reaction::nothing_but(Wire::Lost),
        // Executed, and it does not say so.
        (7, 0) => Reaction::executed_but(Wire::Lost),
        _ => Reaction::executed("A-1"),
    }
}
