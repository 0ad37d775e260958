//! Months of a wallet's life, lived through the real ledger: empty, usual and busy ones, to be told of in a statement.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use mandate::clock::{BootTime, ClockReading};
use mandate::token::Status;
use mandate::{Intent, Kind, Mandate, Payment, PrincipalId, UnixSeconds};
use mandate_keys::{Seed, SigningKey};
use mandate_ledger::{
    Caller, Died, Genesis, IntentAsk, Ledger, Options, Outcome, Permit, Redeemed, Scope,
};
use mandate_policy::Rules;
use tempfile::TempDir;

use crate::wallet::{NoUsers, fresh_jti, one_of};
use crate::{Merchant, alone};

/// The first second of November 2026 in Paris.
pub const NOVEMBER: u64 = 1_793_487_600;
/// Seconds of a day.
pub const DAY_S: u64 = 86_400;
/// When the months here are looked back at: the 27th, at noon.
pub const LOOKED_AT: u64 = NOVEMBER + 26 * DAY_S + 12 * 3_600;

const UID: u32 = 1_001;
const SHOPS: [(&str, &str, &str); 3] = [
    ("lux-hotels", "book_room", "search_rooms"),
    ("rival-air", "book_flight", "search_flights"),
    ("tokyo-books", "buy_book", "search_books"),
];
const CAPS: &str = r#"
[[cap]]
per = "day"
spend = "500.00 EUR"

[[cap]]
per = "month"
spend = "4000.00 EUR"

[[cap]]
per = "7d"
spend = "1200.00 EUR"
merchant = "lux-hotels"

[[cap]]
per = "lifetime"
spend = "90000 JPY"

[[cap]]
per = "week"
spend = "900.00 EUR"
merchant = "rival-air"
action = "book_flight"
"#;

/// A wallet without a daemon, and three shops.
#[derive(Debug)]
pub struct Months {
    ledger: Ledger,
    key: SigningKey,
    shops: Vec<Merchant>,
    folder: TempDir,
    begun: u64,
    _died: Died,
}

/// The same, closed: its files are there to be read.
#[derive(Debug)]
pub struct Lived {
    folder: TempDir,
}

impl Lived {
    /// Its `wallet.toml`.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.folder.path().join("wallet.toml")
    }

    /// The folder of its ledger.
    #[must_use]
    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// A path in its folder.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Months {
    /// A wallet that begins at this second, under these caps.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    pub async fn begin(begun: u64, caps: &str, unsettled: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let shop = |(id, _, _): (&str, _, _)| Merchant::new(id.parse().expect("an id"));
        let shops: Vec<_> = SHOPS.map(|names| shop(names).expect("a merchant")).into();
        let mut toml = format!(
            "[principal]\nname = \"Ada Lovelace\"\ntimezone = \"Europe/Paris\"\n[limits]\nunsettled = {unsettled}\n\
             [[agent]]\nname = \"travel\"\nuid = {UID}\n"
        );
        for (shop, (id, paid, free)) in shops.iter().zip(SHOPS) {
            let key = shop.toml_key();
            toml += &format!(
                "[[merchant]]\nid = \"{id}\"\nkeys = [{key}]\npaid = [\"{paid}\"]\nfree = [\"{free}\"]\n"
            );
        }
        toml += caps;
        fs::write(folder.path().join("wallet.toml"), &toml).expect("a file");
        let rules = Arc::new(Rules::parse(&toml, &NoUsers).expect("rules"));
        let key = SigningKey::from_seed(Seed::copy_from(&[7; 32]));
        let state = folder.path().join("state");
        fs::create_dir(&state).expect("a folder");
        let public = key.public_key();
        let time = UnixSeconds::new(begun).expect("a moment");
        let genesis = Genesis { principal: PrincipalId::from_key(&public), key: public, time };
        let locking = alone();
        Ledger::create(&state, &genesis).expect("a new ledger");
        let opened = Ledger::open(&state, Arc::clone(&rules), Options::default());
        drop(locking);
        let (ledger, died) = opened.expect("a ledger");
        let months = Self { ledger, key, shops, folder, begun, _died: died };
        months.ledger.reload(months.at(begun), rules).await.expect("an answer");
        months
    }

    /// An honest clock.
    fn at(&self, wall: u64) -> ClockReading {
        let elapsed_ms = (wall - self.begun + 60) * 1_000;
        let boot = BootTime { id: "b0".parse().expect("hexadecimal"), elapsed_ms };
        ClockReading { wall: UnixSeconds::new(wall).expect("a moment"), boot }
    }

    fn caller() -> Caller {
        Caller { agent: Some("travel".parse().expect("a name")), uid: UID }
    }

    fn sign<K: Kind>(&self, permit: Permit<K>) -> Mandate<K> {
        let signed = permit.redeem(|draft, head| draft.issue(head, &self.key));
        let Redeemed::Signed(mandate) = signed else { panic!("nothing stops this signature") };
        mandate
    }

    async fn intent(
        &self,
        at: u64,
        ware: (&'static str, &'static str),
        purpose: &str,
    ) -> Option<Mandate<Intent>> {
        let purpose = Some(purpose.parse().expect("text"));
        let ask = IntentAsk { purpose, ..one_of(ware) };
        let minted = self.ledger.mint_intent(self.at(at), &Self::caller(), ask, fresh_jti()).await;
        match minted.expect("an answer") {
            Outcome::Granted(permit) => Some(self.sign(permit)),
            Outcome::Denied(_) => None,
        }
    }

    /// Buys at a shop, by its place; `None` where the wallet says no.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn buy(
        &self,
        at: u64,
        shop: usize,
        price: &str,
        title: &str,
        purpose: &str,
    ) -> Option<Mandate<Payment>> {
        let (id, paid, _) = SHOPS[shop];
        let intent = self.intent(at, (id, paid), purpose).await?;
        let (title, price) = (title.parse().expect("text"), price.parse().expect("an amount"));
        let seller = &self.shops[shop];
        let claims = seller.cart(&intent, title, price, self.at(at).wall).expect("a cart");
        let cart = seller.sign_cart(&claims).expect("a cart");
        let paid = self.ledger.reserve(self.at(at + 1), &Self::caller(), cart, fresh_jti()).await;
        match paid.expect("an answer") {
            Outcome::Granted(permit) => Some(self.sign(permit)),
            Outcome::Denied(_) => None,
        }
    }

    /// The shop answers a payment, and the agent hands the receipt in.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn answer(&self, at: u64, payment: &Mandate<Payment>, status: Status, words: &str) {
        let id = &payment.claims().aud;
        let shop = self.shops.iter().find(|shop| shop.id() == id).expect("a shop");
        let now = self.at(at);
        let claims = match status {
            Status::Executed => shop.executed(payment, words.parse().expect("text"), now.wall),
            Status::Void => shop.void(payment, words.parse().expect("text"), now.wall),
        };
        let receipt = shop.sign_receipt(&claims.expect("a receipt")).expect("a receipt");
        self.ledger.record_receipt(now, &Self::caller(), receipt).await.expect("an answer");
    }

    /// Searches at a shop, which is free.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn search(&self, at: u64, shop: usize, purpose: &str) {
        let (id, _, free) = SHOPS[shop];
        let intent = self.intent(at, (id, free), purpose).await.expect("an intent");
        let now = self.at(at + 1);
        let seller = &self.shops[shop];
        let claims = seller.executed_free(&intent, now.wall).expect("a receipt");
        let receipt = seller.sign_receipt(&claims).expect("a receipt");
        self.ledger.record_receipt(now, &Self::caller(), receipt).await.expect("an answer");
    }

    /// Freezes the wallet between a reservation and its signature, and thaws it after.
    ///
    /// # Panics
    ///
    /// If there is no answer.
    pub async fn buy_stopped(&self, at: u64, shop: usize, price: &str) {
        let (id, paid, _) = SHOPS[shop];
        let intent = self.intent(at, (id, paid), "one more").await.expect("an intent");
        let (title, price) =
            ("as ordered".parse().expect("text"), price.parse().expect("an amount"));
        let seller = &self.shops[shop];
        let claims = seller.cart(&intent, title, price, self.at(at).wall).expect("a cart");
        let cart = seller.sign_cart(&claims).expect("a cart");
        let paid = self.ledger.reserve(self.at(at), &Self::caller(), cart, fresh_jti()).await;
        let Outcome::Granted(permit) = paid.expect("an answer") else { panic!("it was refused") };
        let (all, why) = (Scope::Wallet, "something looked wrong".parse().expect("text"));
        self.ledger.freeze(self.at(at), 0, all.clone(), Some(why)).await.expect("an answer");
        let signed = permit.redeem(|draft, head| draft.issue(head, &self.key));
        let Redeemed::Withheld(withheld) = signed else { panic!("it was signed") };
        self.ledger.withhold(self.at(at), withheld).await.expect("an answer");
        self.ledger.thaw(self.at(at + 600), 0, all).await.expect("an answer");
    }

    /// Ends it; the files stay as long as the value.
    ///
    /// # Panics
    ///
    /// If the disk fails.
    #[must_use]
    pub fn close(self) -> Lived {
        let Self { ledger, folder, .. } = self;
        let locking = alone();
        ledger.close().expect("an orderly end");
        drop(locking);
        Lived { folder }
    }
}

/// A wallet that was made in November and did nothing.
pub async fn empty() -> Lived {
    Months::begin(NOVEMBER + 3 * DAY_S, CAPS, 16).await.close()
}

/// October's last days and November: three shops, two currencies, and one of everything that can go wrong.
///
/// # Panics
///
/// If anything of it is answered otherwise than it should be.
pub async fn usual() -> Lived {
    let approval = "[[approval]]\nabove = \"250.00 EUR\"\nmerchant = \"lux-hotels\"\n";
    let months = Months::begin(NOVEMBER - 5 * DAY_S, &format!("{CAPS}{approval}"), 16).await;
    let reasons = [
        "two nights near the conference",
        "cheapest direct flight back home, window seat",
        "The Art of Computer Programming, volume 4B, for the reading group",
    ];
    let titles = ["Hôtel Lux, double room", "CDG → TYO, economy", "計算機プログラミング"];
    // Before the month: it counts for the lifetime and the trailing cap alone.
    let early = months.buy(NOVEMBER - 2 * DAY_S, 0, "240.00 EUR", titles[0], reasons[0]).await;
    months.answer(NOVEMBER + 3_600, &early.expect("a payment"), Status::Executed, "LUX-0").await;
    for number in 0..40_u64 {
        let shop = usize::try_from(number % 3).expect("a shop");
        let at = NOVEMBER + (number * 62 + 30) * 900;
        let price = match shop {
            2 => format!("{} JPY", 1_480 + number * 37),
            _ => format!("{}.{:02} EUR", 42 + (number * 53) % 190, (number * 7) % 100),
        };
        if number % 5 == 0 {
            months.search(at - 60, shop, "what is there, and for how much?").await;
        }
        let bought = months.buy(at, shop, &price, titles[shop], reasons[shop]).await;
        let Some(payment) = bought else { continue };
        let order = format!("{}-{number}", SHOPS[shop].0);
        match number % 10 {
            3 => months.answer(at + 7_200, &payment, Status::Void, "no room left").await,
            7 if number > 30 => {}
            _ => months.answer(at + 30, &payment, Status::Executed, &order).await,
        }
    }
    let late = NOVEMBER + 25 * DAY_S + 20 * 3_600;
    // Too dear for a day, and above what needs no yes.
    let suite = [
        "the <b>presidential</b> suite",
        "sea view & \"breakfast\" for 2 ]]> <script>alert(1)</script>",
    ];
    for minute in 0..4 {
        let asked = months.buy(late + minute * 60, 0, "640.00 EUR", suite[0], suite[1]).await;
        assert!(asked.is_none());
    }
    assert!(months.buy(late + 600, 0, "260.00 EUR", suite[0], suite[1]).await.is_none());
    let wrong = months.intent(late + 700, ("lux-hotels", "cancel_room"), "never mind").await;
    assert!(wrong.is_none());
    months.buy_stopped(late + 900, 2, "5200 JPY").await;
    let torn = months.buy(late + 2_000, 2, "990 JPY", titles[2], reasons[2]).await;
    let torn = torn.expect("a payment");
    months.answer(late + 2_030, &torn, Status::Void, "sold out").await;
    months.answer(late + 2_060, &torn, Status::Executed, "B-99").await;
    months.close()
}

/// A November with `purchases` of them.
///
/// # Panics
///
/// If one is refused.
pub async fn busy(purchases: u64) -> Lived {
    let caps = "[[cap]]\nper = \"day\"\nspend = \"900.00 EUR\"\n\
                [[cap]]\nper = \"month\"\nspend = \"15000.00 EUR\"\n\
                [[cap]]\nper = \"24h\"\nspend = \"950.00 EUR\"\n";
    let months = Months::begin(NOVEMBER, caps, 16).await;
    for number in 0..purchases {
        let at = NOVEMBER + 60 + number * (26 * DAY_S / purchases);
        let shop = usize::try_from(number % 2).expect("a shop");
        let price = format!("{}.{:02} EUR", 4 + (number * 31) % 19, (number * 13) % 100);
        let bought = months.buy(at, shop, &price, "as ordered", "the usual").await;
        let payment = bought.expect("a payment");
        let status = if number % 11 == 4 { Status::Void } else { Status::Executed };
        months.answer(at + 20, &payment, status, "A-1").await;
    }
    months.close()
}
