//! A wallet and a gateway in one process that trade with each other, and what their logs look like from outside.
//!
//! Ledger and book are the product's; a [`Log`] is a copy of their entries that a test may break as whoever holds the
//! key could: numbers and `prev` set right, and the head signed again.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;

use mandate::{Mandate, Payment, PublicKey, Receipt};
use mandate_audit::{Contents, Export, Keys, Story, TrustedKey, compose, write};
use mandate_gateway::Settings;
use mandate_journal::tree::{Frontier, NodeHash, NodeId, inclusion_path, leaf_hash};
use mandate_journal::{Chain, Checkpoint, Entry, Origin};
use mandate_keys::{Seed, SigningKey};
use serde_json::value::RawValue;
use tempfile::TempDir;

use crate::gateway::{Call, GatewayHome, MERCHANT_SEED, Reaction, Shop};
use crate::parties::Parties;
use crate::tally::{Cap, PARIS};
use crate::wallet::{MORNING, Wallet, reading};
use crate::{LUX, Merchant};

/// What the principal's key is made of.
const PRINCIPAL_SEED: [u8; 32] = [0x41; 32];
/// What all purchases may sum up to.
const LIFETIME: (&str, u64) = ("EUR", 100_000_000);

/// Both sides.
#[derive(Debug)]
pub struct Pair {
    /// The wallet.
    pub wallet: Wallet,
    /// The gateway.
    pub shop: Shop,
    home: GatewayHome,
    _folder: TempDir,
}

impl Pair {
    /// A new wallet that lists the gateway's merchant, and a gateway that is open to all.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    pub async fn open() -> Self {
        Self::open_with(|_| ()).await
    }

    /// The same, with a gateway whose settings were changed.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    pub async fn open_with(change: impl FnOnce(&mut Settings)) -> Self {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let mut parties = Parties::new(PRINCIPAL_SEED);
        parties.lux = Merchant::from_seed(LUX.parse().expect("an id"), MERCHANT_SEED);
        let parties = Arc::new(parties);
        Wallet::create(folder.path(), &parties, MORNING);
        let caps = vec![Cap::spend("lifetime", LIFETIME)];
        let wallet = Wallet::open(folder.path(), &parties, PARIS, 1_000, caps).expect("a ledger");
        let home = GatewayHome::new();
        let mut settings = home.settings([]);
        settings.enrolment.open = true;
        change(&mut settings);
        let shop = home.open(settings).await;
        Self { wallet, shop, home, _folder: folder }
    }

    /// Pays for a room and presents the payment; the receipt is not handed in.
    ///
    /// # Panics
    ///
    /// If either side refuses.
    pub async fn book(&self) -> (Mandate<Payment>, Mandate<Receipt>) {
        let (call, now) = (Call::json("POST", "/bookings", r#"{"nights":2}"#), reading(MORNING));
        let intent = self.wallet.intent(now.clone(), "travel", (LUX, "book_room"), None).await;
        let quoted = self.shop.send_intent(&call, &intent.expect("an intent")).await;
        let cart = quoted.cart(&self.shop.keys).expect("a cart");
        let payment = self.wallet.pay(now, "travel", &cart).await.expect("a payment");
        self.shop.api.script([Reaction::executed("A-1")]);
        let answered = self.shop.send_payment(&call, &payment).await;
        let receipt = answered.receipt(&self.shop.keys).expect("a receipt");
        (payment, receipt)
    }

    /// One whole purchase.
    ///
    /// # Panics
    ///
    /// If either side refuses.
    pub async fn buy(&self) -> Mandate<Payment> {
        let (payment, receipt) = self.book().await;
        self.wallet.hand_in(reading(MORNING), "travel", &receipt).await.expect("a settled hold");
        payment
    }

    /// The wallet's log as it is now.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    pub fn wallet_log(&self) -> Log {
        let id = mandate::PrincipalId::from_key(&self.wallet.parties.public_key());
        Log::new(&format!("mandate/wallet/{id}"), PRINCIPAL_SEED, self.wallet.entries())
    }

    /// The gateway's log as it is now.
    ///
    /// # Panics
    ///
    /// If it cannot be read.
    #[must_use]
    pub fn gateway_log(&self) -> Log {
        let origin = format!("mandate/gateway/{}", self.home.merchant());
        Log::new(&origin, MERCHANT_SEED, self.shop.entries())
    }

    /// The public keys of both sides, each by the name of its log.
    #[must_use]
    pub fn keys(&self) -> Keys {
        let key = |log: Log| TrustedKey { key: log.public_key(), origin: Some(log.origin) };
        Keys::new([key(self.wallet_log()), key(self.gateway_log())])
    }
}

/// One side's log in the hands of whoever has its key.
#[derive(Debug, Clone)]
pub struct Log {
    /// Which log it is.
    pub origin: Origin,
    /// Its entries.
    pub entries: Vec<Vec<u8>>,
    seed: [u8; 32],
}

impl Log {
    fn new(origin: &str, seed: [u8; 32], entries: Vec<Vec<u8>>) -> Self {
        Self { origin: origin.parse().expect("an origin"), entries, seed }
    }

    /// The key that signs it.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key().public_key()
    }

    fn key(&self) -> SigningKey {
        SigningKey::from_seed(Seed::copy_from(&self.seed))
    }

    /// The log made anew from other entries: numbered and linked in their order, each otherwise as it was.
    ///
    /// # Panics
    ///
    /// If one is no entry.
    #[must_use]
    pub fn of(&self, entries: impl IntoIterator<Item = Vec<u8>>) -> Self {
        let (mut chain, mut linked) = (Chain::default(), Vec::new());
        for bytes in entries {
            let entry = Entry::parse(&bytes).expect("an entry");
            let (_, rest) = entry.body.split_once(",\"prev\":\"").expect("a prev");
            let (_, rest) = rest.split_once('"').expect("its end");
            let fields = format!("{{{}", rest.strip_prefix(',').unwrap_or(rest));
            let fields = RawValue::from_string(fields).expect("an object");
            let bytes = chain.encode(entry.time, entry.kind, &fields).expect("an entry");
            chain.push(&bytes).expect("the next entry");
            linked.push(bytes);
        }
        Self { origin: self.origin.clone(), entries: linked, seed: self.seed }
    }

    /// The first entries.
    #[must_use]
    pub fn until(&self, size: usize) -> Self {
        self.of(self.entries.iter().take(size).cloned())
    }

    /// Its head, signed.
    ///
    /// # Panics
    ///
    /// If the entries are no log.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        let head = mandate_journal::verify_entries(&self.entries).expect("a log");
        Checkpoint::sign(&self.origin, head, &self.key()).expect("a signature")
    }

    /// The proof of one entry, with the other side's tokens of its purchase.
    ///
    /// # Panics
    ///
    /// If there is no such entry.
    #[must_use]
    pub fn proof(&self, seq: usize) -> String {
        let mut frontier = Frontier::default();
        let added = self.entries.iter().map(|entry| frontier.push(leaf_hash(entry)).nodes);
        let nodes: Vec<NodeHash> = added.flatten().collect();
        let node = |id: NodeId| {
            let position = usize::try_from(id.position()).expect("a place");
            Ok::<_, Infallible>(nodes[position])
        };
        let index = u64::try_from(seq).expect("a number");
        let Ok(path) = inclusion_path(index, frontier.size(), node);
        let read = |bytes| Entry::parse(bytes).expect("an entry");
        let entry = read(&self.entries[seq]);
        let mut story = Story::of(&entry);
        self.entries.iter().for_each(|bytes| story.take(&read(bytes)));
        let (checkpoint, tokens) = (self.checkpoint(), story.tokens());
        compose(&checkpoint, index, path, entry.body, &tokens).expect("a proof")
    }

    /// Exports it.
    ///
    /// # Panics
    ///
    /// If it cannot be.
    pub fn export(&self, dir: &Path) {
        let (checkpoint, key) = (self.checkpoint(), self.public_key());
        let contents = Contents { checkpoint: &checkpoint, key, policy: None };
        let entries = self.entries.iter().cloned().map(Ok::<_, Infallible>);
        write(dir, &contents, entries).expect("an export");
    }

    /// Exports it and opens the export.
    ///
    /// # Panics
    ///
    /// If either cannot be.
    #[must_use]
    pub fn exported(&self, dir: &Path, keys: &Keys) -> Export {
        self.export(dir);
        Export::open(dir, keys).expect("an export that opens")
    }
}
