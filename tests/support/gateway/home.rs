//! A merchant's home in a temporary folder: a key, a book, a clock to bend, and the API behind it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mandate::{KeySet, MerchantId, MerchantRole, PolicyDigest, PublicKey};
use mandate_gateway::book::{Book, Genesis};
use mandate_gateway::{
    Action, Enrolment, KeyReference, KeyStore, Limits, Merchant, Price, Settings, UpstreamAddress,
};
use mandate_journal::Options;
use mandate_keys::{Seed, SigningKey};
use tempfile::TempDir;

use super::api::{Api, QUOTE_PATH};
use super::payer::Payer;
use super::shop::Shop;
use crate::wallet::MORNING;
use crate::{LUX, TestClock, alone};

/// What the merchant's key is made of.
pub const MERCHANT_SEED: [u8; 32] = [0x4c; 32];

/// How long a cart lives, in seconds.
const CART_TTL_S: u64 = 120;

/// A merchant that sells rooms. Shops are opened in it, one after the other.
#[derive(Debug)]
pub struct GatewayHome {
    /// Shared with the shops: it goes with the last of them.
    pub(super) folder: Arc<TempDir>,
    key: Arc<SigningKey>,
    /// What every shop of this home takes for the time.
    pub clock: TestClock,
    /// What stands behind every shop of this home.
    pub api: Api,
    /// Every receipt that was ever handed out, by what it is known by.
    pub(super) receipts: Arc<Mutex<BTreeMap<String, String>>>,
}

impl GatewayHome {
    /// Makes a home with an empty book, at [`MORNING`].
    ///
    /// # Panics
    ///
    /// If the disk fails.
    #[must_use]
    pub fn new() -> Self {
        Self::made_at(MORNING)
    }

    /// Makes a home whose book begins at this second.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    #[must_use]
    pub fn made_at(seconds: u64) -> Self {
        let home = Self {
            folder: Arc::new(TempDir::with_prefix("mandate-").expect("a temporary folder")),
            key: Arc::new(SigningKey::from_seed(Seed::copy_from(&MERCHANT_SEED))),
            clock: TestClock::at(seconds),
            api: Api::default(),
            receipts: Arc::default(),
        };
        let genesis =
            Genesis { merchant: home.merchant(), key: home.public_key(), time: home.clock.now() };
        let locking = alone();
        Book::create(home.folder(), &genesis).expect("a new book");
        drop(locking);
        home
    }

    /// The folder that the book is in.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Who sells.
    ///
    /// # Panics
    ///
    /// Never: it is an id.
    #[must_use]
    pub fn merchant(&self) -> MerchantId {
        LUX.parse().expect("an id")
    }

    /// The merchant's key.
    #[must_use]
    pub fn key(&self) -> &Arc<SigningKey> {
        &self.key
    }

    /// Its public half.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.key.public_key()
    }

    /// What carts and receipts are verified under.
    #[must_use]
    pub fn keys(&self) -> KeySet<MerchantRole> {
        KeySet::new([self.public_key()])
    }

    /// Settings that list these principals and one action of each kind, and limit nobody.
    ///
    /// | action | call | price | its digest in the intent |
    /// |---|---|---|---|
    /// | `search_rooms` | `GET /rooms` | free | may be there |
    /// | `check_in` | `POST /check-ins` | free | has to be there |
    /// | `book_room` | `POST /bookings` | quoted | may be there |
    /// | `late_checkout` | `POST /late` | 18.00 EUR a unit | may be there |
    /// | `cancel_room` | `DELETE /bookings/{id}` | 500 JPY a unit | has to be there |
    ///
    /// # Panics
    ///
    /// Never: all of it is well formed.
    #[must_use]
    pub fn settings<'p>(&self, payers: impl IntoIterator<Item = &'p Payer>) -> Settings {
        let action = |sku: &str, route: &str, price, request_required| Action {
            sku: sku.parse().expect("a SKU"),
            route: route.parse().expect("a route"),
            price,
            request_required,
        };
        let fixed = |amount: &str| Price::Fixed(amount.parse().expect("an amount"));
        let quote = format!("POST {QUOTE_PATH}").parse().expect("a route");
        Settings {
            digest: PolicyDigest::of(b"gateway.toml"),
            merchant: Merchant { id: self.merchant(), name: "Lux Hotels".parse().expect("a name") },
            key: KeyReference { store: KeyStore::Auto, account: "default".to_owned() },
            listen: "127.0.0.1:0".parse().expect("an address"),
            upstream: UpstreamAddress {
                scheme: http::uri::Scheme::HTTP,
                authority: "127.0.0.1:1".parse().expect("an authority"),
                base_path: String::new(),
            },
            metrics_listen: None,
            cart_ttl_s: CART_TTL_S,
            actions: vec![
                action("search_rooms", "GET /rooms", Price::Free, false),
                action("check_in", "POST /check-ins", Price::Free, true),
                action("book_room", "POST /bookings", Price::Quote(quote), false),
                action("late_checkout", "POST /late", fixed("18.00 EUR"), false),
                action("cancel_room", "DELETE /bookings/{id}", fixed("500 JPY"), true),
            ],
            enrolment: Enrolment {
                principals: payers.into_iter().map(Payer::listed).collect(),
                open: false,
            },
            limits: Limits {
                requests_per_s: 1_000_000,
                burst: 1_000_000,
                in_flight: 10_000,
                connections: 10_000,
                client_timeout: Duration::from_secs(15),
                upstream_timeout: Duration::from_secs(30),
            },
        }
    }

    /// Opens a shop on the book of this home.
    ///
    /// # Panics
    ///
    /// If the book does not open, or does not verify.
    pub async fn open(&self, settings: Settings) -> Shop {
        self.open_with(settings, Options::default()).await
    }

    /// As [`GatewayHome::open`], with points where the test can wait or break a commit.
    ///
    /// # Panics
    ///
    /// As [`GatewayHome::open`].
    pub async fn open_with(&self, settings: Settings, options: Options) -> Shop {
        Shop::open(self, settings, options).await
    }
}

impl Default for GatewayHome {
    fn default() -> Self {
        Self::new()
    }
}
