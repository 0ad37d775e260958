//! A merchant's desk: the built command line over a book, a key and a gateway.toml, and a gateway over them while it
//! runs.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use mandate::clock::{Clock, ClockReading};
use mandate::token::{LineItem, Quantity, Quote};
use mandate::{Cart, Kind, Mandate, MinorUnits, Payment, PrincipalRole, PublicKey};
use mandate_gateway::book::{
    Book, Decider, Genesis, IntentState, Outcome, Presented, Trusted, event,
};
use mandate_gateway::door::{self, Door};
use mandate_gateway::{Action, Call, Gateway, Price, Reason, Settings};
use mandate_host::clock::{SystemClock, wall_clock};
use mandate_journal::Options;
use mandate_keys::{Account, KeyLocation, KeyStoreError, Service, SigningKey, StoreChoice};
use mandate_tests::golden;
use mandate_tests::{Said, TestClock, alone, bare, must_not_skip, said};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::wallet::{Wallet, request};

/// The built command line.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mandate-gateway");
/// The merchant.
pub(crate) const MERCHANT: &str = "lux-hotels";
/// What it takes.
pub(crate) const EUR: &str = "EUR";

/// How old a book is, in seconds: older than anything a test does.
const AGE_S: u64 = 3_600;

/// A key that is removed in the end.
#[derive(Debug)]
pub(crate) struct TestKey(pub(crate) KeyLocation);

impl TestKey {
    /// A name that no key has; `None`, with a word about it, where the kernel has no keyring.
    pub(crate) fn unmade() -> Option<Self> {
        let folder = TempDir::new().expect("a temporary folder");
        let name = folder.path().file_name().expect("a name").to_string_lossy().to_lowercase();
        let account = format!("test{}-{}", name.replace('.', "-"), std::process::id());
        let account: Account = account.parse().expect("an account");
        let service = Service::Gateway;
        let key = Self(KeyLocation { service, choice: StoreChoice::Keyutils, account });
        match mandate_keys::load(&key.0) {
            Err(error @ KeyStoreError::Unreachable { .. }) => {
                assert!(!must_not_skip(), "under CI nothing is skipped: {error}");
                eprintln!("not run: no kernel keyring here: {error}");
                None
            }
            _ => Some(key),
        }
    }

    /// The key's name.
    pub(crate) fn account(&self) -> String {
        self.0.account.to_string()
    }

    /// What signs.
    pub(crate) fn load(&self) -> SigningKey {
        mandate_keys::load(&self.0).expect("a key").key
    }
}

impl Drop for TestKey {
    fn drop(&mut self) {
        // A test that failed early may have made none.
        drop(mandate_keys::delete(&self.0));
    }
}

/// A gateway in this process.
struct Serving {
    gateway: Gateway,
    stop: CancellationToken,
    task: JoinHandle<()>,
    door: Door,
}

/// A merchant, its book, and a wallet to sell to.
pub(crate) struct Shop {
    runtime: Runtime,
    folder: TempDir,
    serving: Option<Serving>,
    public: PublicKey,
    /// The key.
    pub(crate) key: TestKey,
    /// Who buys.
    pub(crate) wallet: Wallet,
}

impl Shop {
    /// A shop whose gateway does not run; `None` where the kernel has no keyring.
    pub(crate) fn closed() -> Option<Self> {
        let key = TestKey::unmade()?;
        let public = mandate_keys::create(&key.0).expect("a key").key.public_key();
        let folder = TempDir::with_prefix("gateway-").expect("a temporary folder");
        let runtime = Runtime::new().expect("threads");
        let wallet = Wallet::new();
        let shop = Self { runtime, folder, serving: None, public, key, wallet };
        for name in ["config", "state"] {
            let path = shop.path(name);
            fs::DirBuilder::new().mode(0o700).create(path).expect("a new folder");
        }
        shop.write(&shop.toml());
        let time = wall_clock().minus(AGE_S);
        let genesis = Genesis { merchant: MERCHANT.parse().expect("an id"), key: public, time };
        let _locking = alone();
        Book::create(&shop.state_dir(), &genesis).expect("a new book");
        Some(shop)
    }

    /// A path in the shop's folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The file gateway.toml.
    pub(crate) fn config(&self) -> PathBuf {
        self.path("config/gateway.toml")
    }

    /// The folder of the book.
    pub(crate) fn state_dir(&self) -> PathBuf {
        self.path("state")
    }

    /// A good gateway.toml.
    pub(crate) fn toml(&self) -> String {
        format!(
            r#"# What we offer.
listen = "127.0.0.1:0"
upstream = "http://127.0.0.1:9"

[merchant]
id = "{MERCHANT}"
name = "Hôtel Lux"

[key]
store = "keyutils"
account = "{account}"

[[action]]
sku = "book_room"
route = "POST /bookings"
price = "180.00 EUR" # a night

[[action]]
sku = "search_rooms"
route = "GET /rooms"
price = "free"

[[principal]]
id = "{ada}"
account = "customer 4711"
"#,
            account = self.key.account(),
            ada = self.wallet.id(),
        )
    }

    /// Puts a gateway.toml in its place.
    pub(crate) fn write(&self, text: &str) {
        fs::write(self.config(), text).expect("a file");
        fs::set_permissions(self.config(), fs::Permissions::from_mode(0o600)).expect("a mode");
    }

    /// The command line over this shop.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = bare(BINARY);
        command
            .args([OsStr::new("--config"), self.config().as_os_str()])
            .args([OsStr::new("--state-dir"), self.state_dir().as_os_str()])
            .args(arguments);
        command
    }

    /// Runs the command line with arguments that hold no blanks.
    pub(crate) fn gateway(&self, arguments: &str) -> Said {
        self.run(arguments.split_whitespace())
    }

    /// Runs the command line.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Said {
        said(self.command(arguments))
    }

    /// Works on the book as a gateway does that is stopped afterwards.
    pub(crate) fn with_book<R>(&self, work: impl AsyncFnOnce(&Book, ClockReading) -> R) -> R {
        let _locking = alone();
        let (book, _died) = Book::open(&self.state_dir(), Options::default()).expect("a book");
        let now = SystemClock::new().expect("a clock").read();
        let done = self.runtime.block_on(work(&book, now));
        book.close().expect("a closed book");
        done
    }

    /// A mandate as it is let in: its principal has one key.
    pub(crate) fn trusted<K: Kind<Role = PrincipalRole>>(&self, mandate: Mandate<K>) -> Trusted<K> {
        Trusted { mandate, keys: self.wallet.keys() }
    }

    /// A cart for a room.
    async fn quoted(&self, book: &Book, now: &ClockReading) -> Mandate<Cart> {
        let intent = self.wallet.intent("book_room", now);
        let line = LineItem {
            title: "Hôtel Lux, one night".parse().expect("text"),
            quantity: Quantity::new(1).expect("one"),
            amount: MinorUnits::new(18_000).expect("an amount"),
        };
        let quote = Quote::new(EUR.parse().expect("a currency"), vec![line]).expect("a quote");
        let (call, jti) = (call("book_room"), self.wallet.jti());
        let quoted = book.quote(now.clone(), self.trusted(intent), call, quote, 600, jti).await;
        let Ok(Ok(IntentState::Quoted(cart))) = quoted else { panic!("{quoted:?}") };
        cart.sign(&self.key.load()).expect("a cart")
    }

    /// The one cart that a payment pays, with its entry.
    fn cart_of(&self, book: &Book, payment: &Mandate<Payment>) -> Option<(u64, Mandate<Cart>)> {
        let carts = book.carts_of(&payment.claims().intent).expect("a cart");
        let (seq, cart) = carts.into_iter().next()?;
        Some((seq, cart.sign(&self.key.load()).expect("a cart")))
    }

    /// A payment that is reserved, and of which nobody knows what became.
    pub(crate) fn reserved(&self) -> Mandate<Payment> {
        self.with_book(async |book, now| {
            let cart = self.quoted(book, &now).await;
            let payment = self.wallet.payment(&cart, now.wall);
            let cart = self.cart_of(book, &payment);
            let used = book
                .present_payment(now, self.trusted(payment.clone()), cart, call("book_room"))
                .await;
            assert!(matches!(used, Ok(Presented::Reserved(_))), "{used:?}");
            payment
        })
    }

    /// A payment that was never presented in its time.
    fn barred(&self) -> Mandate<Payment> {
        self.with_book(async |book, now| {
            let cart = self.quoted(book, &now).await;
            let payment = self.wallet.payment(&cart, now.wall.minus(100));
            let cart = self.cart_of(book, &payment);
            let reason = "it was not presented in its time".parse().expect("text");
            let jti = self.wallet.jti();
            let barred = book.bar(now, self.trusted(payment.clone()), cart, reason, jti).await;
            assert!(matches!(barred, Ok(Presented::Settled(_))), "{barred:?}");
            payment
        })
    }

    /// A shop that has lived: one room booked, one search, one that waits and was refused once, one that was never
    /// presented.
    pub(crate) fn live(&self) -> Lived {
        let booked = self.reserved();
        self.with_book(async |book, now| {
            let order = Some("LUX-1".parse().expect("text"));
            let by = Decider::Upstream { status: 201 };
            let (key, jti) = (booked.hash().into(), self.wallet.jti());
            let settled = book.settle(now.clone(), key, Outcome::Executed { order }, by, jti).await;
            assert!(matches!(settled, Ok(Some(_))), "{settled:?}");
            let search = self.wallet.intent("search_rooms", &now);
            let used = book
                .present_free(now.clone(), self.trusted(search.clone()), call("search_rooms"))
                .await;
            assert!(matches!(used, Ok(Presented::Reserved(_))), "{used:?}");
            let (key, jti) = (search.hash().into(), self.wallet.jti());
            let outcome = Outcome::Executed { order: None };
            let by = Decider::Upstream { status: 200 };
            book.settle(now, key, outcome, by, jti).await.expect("a receipt");
        });
        let waits = self.reserved();
        self.with_book(async |book, now| {
            let refusal = event::Refusal {
                reason: Reason::RequestMismatch,
                message: "the call is not the one the mandate is bound to".to_owned(),
                mandate: waits.as_str().to_owned(),
                call: "POST /bookings".to_owned(),
            };
            book.refused(now.clone(), refusal).await.expect("an entry");
            book.policy(now.clone(), self.settings().digest).await.expect("an entry");
            let calls = event::RateLimited { principal: self.wallet.id(), calls: 7 };
            book.rate_limited(now, calls).await.expect("an entry");
        });
        let barred = self.barred();
        Lived { booked, waits, barred }
    }

    /// Starts a gateway in this process, under this clock.
    pub(crate) fn start(&mut self, clock: Arc<dyn Clock>) {
        let settings = self.settings();
        let _locking = alone();
        let (book, _died) = Book::open(&self.state_dir(), Options::default()).expect("a book");
        let gateway = Gateway::new(book, settings, clock);
        gateway.supply(Arc::new(self.key.load())).expect("the right key");
        self.runtime.block_on(gateway.write_settings()).expect("an entry");
        let _inside = self.runtime.enter();
        let (door, listener) = Door::open(&self.state_dir()).expect("a door");
        let stop = CancellationToken::new();
        let task = self.runtime.spawn(door::serve(listener, gateway.clone(), stop.clone()));
        self.serving = Some(Serving { gateway, stop, task, door });
    }

    /// Starts one under the system's clock.
    pub(crate) fn open(&mut self) {
        self.start(Arc::new(SystemClock::new().expect("a clock")));
    }

    /// Stops it.
    pub(crate) fn close(&mut self) {
        let Serving { gateway, stop, task, door } = self.serving.take().expect("it runs");
        let _locking = alone();
        stop.cancel();
        self.runtime.block_on(task).expect("an end");
        self.runtime.block_on(gateway.drain());
        drop(door);
        gateway.book().clone().close().expect("a closed book");
    }

    /// The gateway in this process.
    pub(crate) fn serving(&self) -> &Gateway {
        &self.serving.as_ref().expect("it runs").gateway
    }

    /// The settings that gateway.toml says.
    pub(crate) fn settings(&self) -> Settings {
        let text = fs::read_to_string(self.config()).expect("a file");
        Settings::parse(&text).expect("a good file")
    }

    /// Runs a future beside the gateway.
    pub(crate) fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(work);
    }

    /// Masks what differs from run to run.
    pub(crate) fn masked(&self, text: &str) -> String {
        let text = text.replace(&self.folder.path().display().to_string(), "/srv/lux");
        golden::masked(&text.replace(&self.key.account(), "ACCOUNT"))
    }

    /// The public half of the key.
    pub(crate) fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        if self.serving.is_some() && !std::thread::panicking() {
            self.close();
        }
    }
}

/// What a lived-in shop is known by.
pub(crate) struct Lived {
    /// A payment that was executed.
    pub(crate) booked: Mandate<Payment>,
    /// One that waits.
    pub(crate) waits: Mandate<Payment>,
    /// One that was never presented.
    pub(crate) barred: Mandate<Payment>,
}

/// The call of an action.
pub(crate) fn call(sku: &str) -> Call {
    let (route, price) = match sku {
        "book_room" => ("POST /bookings", "180.00 EUR".parse().map_or(Price::Free, Price::Fixed)),
        _ => ("GET /rooms", Price::Free),
    };
    let (sku, route) = (sku.parse().expect("an id"), route.parse().expect("a route"));
    let action = Action { sku, route, price, request_required: false };
    Call { action, request: request() }
}

/// A clock that a test moves, at the system's own time.
pub(crate) fn test_clock() -> TestClock {
    TestClock::at(wall_clock().seconds())
}

/// Holds a text against a file beside the tests; with `BLESS=1` the file is written instead.
#[track_caller]
pub(crate) fn assert_golden(name: &str, found: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    golden::assert_golden(&folder.join(name), found);
}
