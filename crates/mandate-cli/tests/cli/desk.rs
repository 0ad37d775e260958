//! A principal's desk: the built command line over a home, the daemon beside it, and a merchant to buy from.

use std::ffi::OsStr;
use std::fs;
use std::process::Command;

use mandate::{Cart, Intent, Mandate, Payment};
use mandate_host::clock::wall_clock;
use mandate_tests::{Home, Merchant, Running, TestClock, alone};
use tokio::runtime::Runtime;

pub(crate) use mandate_tests::{Said, fed, said, start};

/// The built command line.
pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_mandate");

/// Rules that grant a room, and whose windows do not end while a test runs.
pub(crate) const CAPS: &str = r#"
[[cap]]
per = "payment"
spend = "250.00 EUR"

[[cap]]
per = "lifetime"
spend = "500.00 EUR"
count = 3

[[cap]]
per = "lifetime"
spend = "400.00 EUR"
merchant = "lux-hotels"
action = "book_room"
"#;

/// How old a home's ledger is, in seconds: older than anything a test does.
const AGE_S: u64 = 3_600;

/// A home, and the daemon over it while it runs.
#[derive(Debug)]
pub(crate) struct Desk {
    runtime: Runtime,
    daemon: Option<Running>,
    /// Where everything is.
    pub(crate) home: Home,
}

/// A command without places.
pub(crate) fn bare() -> Command {
    mandate_tests::bare(BINARY)
}

/// A home whose ledger is older than anything a test does; `None` where the kernel has no keyring.
pub(crate) fn home() -> Option<Home> {
    Home::made_at(wall_clock().minus(AGE_S).seconds())
}

impl Desk {
    /// A wallet under these rules that does not run; `None` where the kernel has no keyring.
    pub(crate) fn closed(rules: &str) -> Option<Self> {
        let home = home()?;
        home.write(&home.toml(rules));
        Some(Self { runtime: Runtime::new().expect("threads"), daemon: None, home })
    }

    /// A wallet under these rules, running.
    pub(crate) fn open(rules: &str) -> Option<Self> {
        let mut desk = Self::closed(rules)?;
        desk.start();
        Some(desk)
    }

    /// Starts the daemon.
    pub(crate) fn start(&mut self) {
        let _alone = alone();
        self.daemon = Some(self.runtime.block_on(self.home.start()));
    }

    /// Starts the daemon on another clock than the machine's.
    pub(crate) fn start_at(&mut self, clock: &TestClock) {
        let _alone = alone();
        self.daemon = Some(self.runtime.block_on(self.home.start_at(clock)));
    }

    /// Stops the daemon as SIGTERM does.
    pub(crate) fn stop(&mut self) {
        let daemon = self.daemon.take().expect("it runs");
        let _alone = alone();
        self.runtime.block_on(daemon.stop());
    }

    /// Whether the daemon runs.
    pub(crate) fn is_running(&self) -> bool {
        self.daemon.is_some()
    }

    /// The command line over this home.
    pub(crate) fn command<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Command {
        let mut command = bare();
        command
            .env("MANDATE_CONFIG", self.home.paths.config())
            .env("MANDATE_STATE_DIR", self.home.paths.state_dir())
            .env("MANDATE_RUNTIME_DIR", self.home.paths.runtime_dir())
            .args(arguments);
        command
    }

    /// Runs the command line with arguments that hold no blanks.
    pub(crate) fn mandate(&self, arguments: &str) -> Said {
        self.run(arguments.split_whitespace())
    }

    /// Runs the command line.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = A>) -> Said {
        said(self.command(arguments))
    }

    /// The merchant that most rules list.
    pub(crate) fn lux(&self) -> &Merchant {
        &self.home.lux
    }

    /// Asks for the intent of a room.
    pub(crate) fn intent(&self) -> Mandate<Intent> {
        let token = self.mandate("intent --merchant lux-hotels --action book_room").yes();
        self.admit(token.trim_end())
    }

    /// Reads an intent as its merchant does.
    pub(crate) fn admit(&self, token: &str) -> Mandate<Intent> {
        self.lux().admit(token, self.home.key).expect("a good intent")
    }

    /// The merchant's price for it.
    pub(crate) fn cart(&self, intent: &Mandate<Intent>, title: &str, total: &str) -> Mandate<Cart> {
        let (title, total) = (title.parse().expect("text"), total.parse().expect("an amount"));
        let claims = self.lux().cart(intent, title, total, wall_clock());
        self.lux().sign_cart(&claims.expect("a cart")).expect("a cart")
    }

    /// Asks for the payment of a cart on standard input.
    pub(crate) fn pay(&self, cart: &str) -> Said {
        fed(self.command(["pay", "-"]), cart)
    }

    /// Books a room at this price, and reads the payment as its merchant does.
    pub(crate) fn book(&self, total: &str) -> Mandate<Payment> {
        let cart = self.cart(&self.intent(), "a room", total);
        let payment = self.pay(cart.as_str()).yes();
        self.lux().admit(payment.trim_end(), self.home.key).expect("a good payment")
    }

    /// The merchant's receipt of a payment, as a file.
    pub(crate) fn receipt(&self, payment: &Mandate<Payment>) -> String {
        let order = "LUX-1".parse().expect("text");
        let claims = self.lux().executed(payment, order, wall_clock());
        let receipt = self.lux().sign_receipt(&claims.expect("a receipt")).expect("a receipt");
        self.file("receipt", receipt.as_str())
    }

    /// Puts a file into the home; gives its path.
    pub(crate) fn file(&self, name: &str, text: &str) -> String {
        let path = self.home.folder().join(name);
        fs::write(&path, text).expect("a file");
        path.display().to_string()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        if let Some(daemon) = self.daemon.take()
            && !std::thread::panicking()
        {
            self.runtime.block_on(daemon.stop());
        }
    }
}
