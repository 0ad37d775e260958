//! Both sides, and what those who buy share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use mandate::{KeySet, Mandate, MerchantRole, Receipt, ReceiptHash, Status};
use mandate_host::clock::wall_clock;
use mandate_tests::gateway::{Answered, Asked, Kept, KeyedApi, MerchantHome, Reaction, Wire};
use mandate_tests::random::Random;
use mandate_tests::rerun::Rerun;
use mandate_tests::{Home, OUT_OF_REACH};

use crate::child::{GATEWAY, WALLET};

/// The caps of each wallet.toml; what differs is the last one.
const CAPS: &str = r#"
[[cap]]
per = "lifetime"
spend = "100000000.00 EUR"

[[cap]]
per = "day"
spend = "50000000.00 EUR"
count = 1000000
merchant = "lux-hotels"

[[cap]]
per = "24h"
merchant = "lux-hotels"
action = "book_room"
"#;

/// A wallet, a gateway before an API, and their homes.
pub struct Pair {
    pub home: Home,
    pub merchant: MerchantHome,
    pub keys: KeySet<MerchantRole>,
    pub api: KeyedApi,
    pub upstream: SocketAddr,
    /// Nobody begins anything new.
    pub closing: AtomicBool,
    outcomes: Mutex<BTreeMap<&'static str, u64>>,
    /// The receipt of each use, by its key.
    receipts: Mutex<BTreeMap<String, Told>>,
    rewrites: AtomicU64,
}

/// One receipt that is out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Told {
    hash: ReceiptHash,
    /// What became of the use.
    pub status: Status,
    /// What was paid, in euro cents.
    pub paid_minor: u64,
}

/// The two processes.
pub struct Processes {
    pub wallet: Rerun,
    pub gateway: Rerun,
    pub address: SocketAddr,
}

impl Pair {
    /// Both homes; `None`, with a word about it, where the kernel has no keyring.
    pub async fn new() -> Option<Self> {
        let home = Home::made_at(wall_clock().seconds())?;
        let merchant = MerchantHome::new()?;
        let api = KeyedApi::new(Kept::Keys, reaction, |_| ());
        let pair = Self {
            keys: merchant.keys(),
            upstream: api.listen().await,
            home,
            merchant,
            api,
            closing: AtomicBool::new(false),
            outcomes: Mutex::default(),
            receipts: Mutex::default(),
            rewrites: AtomicU64::new(0),
        };
        pair.rewrite();
        Some(pair)
    }

    pub async fn start(&self) -> Processes {
        let (mut wallet, mut gateway) =
            (self.home.start_child(WALLET, None), self.merchant.start(GATEWAY, None));
        wallet.heard(&["ready"]).await.expect("a wallet");
        let (_, address) = gateway.heard(&["ready"]).await.expect("a gateway");
        Processes { wallet, gateway, address: address.parse().unwrap() }
    }

    /// Puts other files in force, and now and then tries some that are refused.
    pub fn rewrite(&self) {
        let turn = self.rewrites.fetch_add(1, Ordering::Relaxed);
        let fault = if turn % 4 == 3 { "no_such_key = 1\n" } else { "" };
        let wallet = self.home.toml(&format!(
            "{OUT_OF_REACH}{CAPS}spend = \"{}.00 EUR\"\n{fault}",
            40_000_000 + turn
        ));
        self.home.write(&wallet.replace(&self.home.lux.toml_key(), &self.merchant.toml_key()));
        let limits = format!("upstream_timeout = \"{}s\"\n{fault}", turn % 2 + 1);
        self.merchant.write(&self.merchant.toml(self.upstream, &limits));
    }

    /// Counts one thing that happened.
    pub fn count(&self, what: &'static str) {
        *self.outcomes.lock().unwrap().entry(what).or_default() += 1;
    }

    pub fn outcomes(&self) -> BTreeMap<&'static str, u64> {
        self.outcomes.lock().unwrap().clone()
    }

    /// How many requests were answered by anyone.
    pub fn calls(&self) -> u64 {
        let outcomes = self.outcomes();
        ["calls to the gateway", "calls to the wallet"]
            .into_iter()
            .filter_map(|what| outcomes.get(what))
            .sum()
    }

    /// Keeps the receipt in an answer; one use never has two.
    pub fn keep_receipt(&self, key: &str, answered: &Answered) -> Option<Mandate<Receipt>> {
        let receipt = answered.receipt(&self.keys)?;
        let claims = receipt.claims();
        let of = claims.payment.map_or_else(|| claims.intent.to_string(), |of| of.to_string());
        assert_eq!(of, key, "a receipt of another use");
        let paid_minor = claims.total.map_or(0, |total| total.amount.units());
        let told = Told { hash: receipt.hash(), status: claims.status, paid_minor };
        let mut receipts = self.receipts.lock().unwrap();
        let before = *receipts.entry(key.to_owned()).or_insert(told);
        assert_eq!(before, told, "one use has two receipts");
        Some(receipt)
    }

    pub fn receipts(&self) -> BTreeMap<String, Told> {
        self.receipts.lock().unwrap().clone()
    }
}

/// What the API does about a call; the key decides.
fn reaction(asked: Asked<'_>) -> Reaction {
    let sum = asked.key.bytes().fold(0, |sum, byte| (sum * 31 + u64::from(byte)) % 65_521);
    match (Random::new(sum).below(128), asked.before) {
        (0..16, 0) => Reaction::refused(422),
        (16..20, 0) => Reaction::refused(500),
        (20..24, 0) => Reaction::nothing_but(Wire::Lost),
        (24..28, 0) => Reaction::executed_but(Wire::Lost),
        // It waits for the time-out, so there are few.
        (28, 0) => Reaction::executed_but(Wire::Silent),
        (29, 0) => Reaction::nothing_but(Wire::Silent),
        _ => Reaction::executed("A-1"),
    }
}
