//! What has to be true of whatever a power cut leaves.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use mandate::token::Status;
use mandate::{Cart, KeySet, Mandate, MerchantRole, Payment, PrincipalRole, UnverifiedMandate};
use mandate_ledger::{OpenError, Redeemed, Scope};
use mandate_policy::{PolicyDigest, Reason};
use mandate_tests::RIVAL;
use mandate_tests::parties::{Parties, WARES};
use mandate_tests::tally::PARIS;
use mandate_tests::wallet::{MORNING, Wallet, reading};

use crate::child::{PRICE, UNSETTLED, caps, ledger, other_caps, parties};

/// What the child had said when the power went.
#[derive(Debug, Default)]
pub struct Said {
    created: bool,
    paid: Vec<(String, String)>,
    settling: BTreeSet<String>,
    settled: BTreeMap<String, String>,
    /// Whether the last word about the freeze is that it is on disk.
    frozen: bool,
}

impl Said {
    pub fn take(&mut self, text: &str) {
        let words: Vec<&str> = text.split(' ').collect();
        match *words {
            ["created"] => self.created = true,
            ["paid", cart, payment] => self.paid.push((cart.to_owned(), payment.to_owned())),
            ["settling", jti] => drop(self.settling.insert(jti.to_owned())),
            ["settled", jti, status] => {
                self.settled.insert(jti.to_owned(), status.to_owned());
            }
            ["frozen"] => self.frozen = true,
            // A freeze on a full disk is over with the process, and then thawed.
            ["freezing" | "thawing"] | ["freeze", "answered"] => self.frozen = false,
            _ => {}
        }
    }

    pub fn is_created(&self) -> bool {
        self.created
    }
}

/// Opens the ledger over a disk as it was left, and holds it against what was said.
///
/// # Panics
///
/// If a mandate that is out is not in it, a word is broken, a total is wrong, a cap is passed, or it does not go on.
pub async fn check(root: &Path, said: &Said) {
    let (dir, parties, now) = (ledger(root), parties(), reading(MORNING));
    let open = || Wallet::open(&dir, &parties, PARIS, UNSETTLED, caps());
    let mut wallet = match open() {
        Err(OpenError::Missing { .. }) if !said.created => {
            Wallet::create(&dir, &parties, MORNING);
            open().expect("a new ledger")
        }
        opened => opened.expect("a ledger that opens"),
    };
    let other = parties.toml(&PARIS, UNSETTLED, &other_caps());
    wallet.know(PolicyDigest::of(other.as_bytes()));
    wallet.sign_unhashed(now.clone()).await;
    let signed: Vec<_> =
        said.paid.iter().map(|(_, payment)| payment_of(&parties, payment)).collect();
    wallet.check(now.clone(), &signed).await;
    for ((cart, _), payment) in said.paid.iter().zip(&signed) {
        ask_again(&wallet, &cart_of(&parties, cart), payment, said).await;
    }
    let frozen = wallet.ledger.status(now.clone()).await.expect("a status").frozen;
    let rival = Scope::Merchant(RIVAL.parse().unwrap());
    assert!(!said.frozen || frozen.contains(&rival), "a freeze was lost");
    // It goes on.
    wallet.ledger.thaw(now.clone(), 0, rival).await.expect("a thaw");
    let mut paid = signed;
    match wallet.buy(now.clone(), "travel", WARES[2], PRICE).await {
        Ok(payment) => paid.push(payment),
        Err(Reason::CapExceeded | Reason::CountExceeded) => {}
        Err(other) => panic!("it does not mint: {other}"),
    }
    wallet.check(now, &paid).await;
    wallet.ledger.close().expect("an orderly end");
}

/// The same cart gives the same bytes, unless its receipt may have come in.
async fn ask_again(wallet: &Wallet, cart: &Mandate<Cart>, payment: &Mandate<Payment>, said: &Said) {
    let jti = payment.claims().jti.to_string();
    match wallet.reserve(reading(MORNING), "travel", cart).await {
        Ok(permit) => {
            assert!(!said.settled.contains_key(&jti), "a receipt was lost");
            let Redeemed::Signed(again) = wallet.sign(permit) else { panic!("it was not signed") };
            assert_eq!(again.as_str(), payment.as_str(), "one cart has two payments");
        }
        Err(Reason::CartAlreadyPaid) => {
            assert!(said.settling.contains(&jti), "a receipt came from nowhere");
        }
        Err(other) => panic!("a payment that is out is refused: {other}"),
    }
    let is_known =
        |status: &String| [Status::Executed, Status::Void].iter().any(|s| s.to_string() == *status);
    assert!(said.settled.get(&jti).is_none_or(is_known));
}

fn payment_of(parties: &Parties, compact: &str) -> Mandate<Payment> {
    let keys = KeySet::<PrincipalRole>::new([parties.public_key()]);
    UnverifiedMandate::parse(compact).unwrap().verify(&keys).unwrap()
}

fn cart_of(parties: &Parties, compact: &str) -> Mandate<Cart> {
    let keys = KeySet::<MerchantRole>::new([parties.lux.public_key()]);
    UnverifiedMandate::parse(compact).unwrap().verify(&keys).unwrap()
}
