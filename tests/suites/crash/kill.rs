//! A child that mints is killed after a random line of its report; then the ledger is opened again.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use mandate::{
    Cart, KeySet, Mandate, MerchantRole, Payment, PrincipalRole, PublicKey, Receipt,
    UnverifiedMandate,
};
use mandate_policy::{PolicyDigest, Reason};
use mandate_tests::parties::Parties;
use mandate_tests::tally::PARIS;
use mandate_tests::wallet::{MORNING, Wallet, reading};
use mandate_tests::{LUX, rounds, start};

use crate::child;

/// Kills in a normal run, and in a long one.
const ROUNDS: u64 = 50;
const ROUNDS_LONG: u64 = 2_000;

/// Kills one ledger lives through: a check reads all of it.
const ROUNDS_PER_LEDGER: u64 = 5;

/// The child is killed after at most so many lines.
const LINES_MAX: u64 = 32;

/// What one child said before it was killed.
#[derive(Default)]
struct Report {
    policy: Option<PolicyDigest>,
    merchants: BTreeMap<&'static str, PublicKey>,
    paid: Vec<Paid>,
}

struct Paid {
    agent: String,
    cart: Mandate<Cart>,
    payment: Mandate<Payment>,
    /// Whether a receipt was on its way, or known to be recorded.
    receipt: Option<Receiving>,
}

struct Receiving {
    receipt: String,
    recorded: bool,
}

impl Report {
    fn keys(&self, id: &str) -> KeySet<MerchantRole> {
        let name = if id == LUX { "lux" } else { "rival" };
        KeySet::new([self.merchants[name]])
    }

    fn take(&mut self, line: &str, principal: PublicKey) {
        let mut words = line.split(' ');
        let (what, mut word) = (words.next().unwrap_or_default(), || words.next().unwrap());
        match what {
            "policy" => self.policy = word().parse().ok(),
            "lux" => _ = self.merchants.insert("lux", PublicKey::from_did_key(word()).unwrap()),
            "rival" => _ = self.merchants.insert("rival", PublicKey::from_did_key(word()).unwrap()),
            "paid" => {
                let agent = word().to_owned();
                let cart = UnverifiedMandate::<Cart>::parse(word()).unwrap();
                let keys = self.keys(cart.claims().iss.as_str());
                let payment = UnverifiedMandate::<Payment>::parse(word()).unwrap();
                let principal = KeySet::<PrincipalRole>::new([principal]);
                self.paid.push(Paid {
                    agent,
                    cart: cart.verify(&keys).unwrap(),
                    payment: payment.verify(&principal).unwrap(),
                    receipt: None,
                });
            }
            "settling" | "settled" => {
                let (cart, receipt) = (word(), word().to_owned());
                let paid = self.paid.iter_mut().find(|paid| paid.cart.as_str() == cart).unwrap();
                paid.receipt = Some(Receiving { receipt, recorded: what == "settled" });
            }
            // What the harness says, and refusals.
            _ => {}
        }
    }
}

/// Lets a child mint, and kills it when it has said `lines` lines about it.
fn run_child(folder: &Path, clock: u64, lines: u64, principal: PublicKey) -> Report {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", child::TEST, "--nocapture", "--test-threads=1"])
        .env(child::FOLDER, folder)
        .env(child::CLOCK, clock.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut child = start(&mut command);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut report = Report::default();
    let (mut line, mut left) = (String::new(), lines);
    // What was said before the kill is read to its end; half a line was not said.
    while stdout.read_line(&mut line).unwrap() > 0 {
        if let Some(line) = line.strip_suffix('\n') {
            report.take(line, principal);
            let said =
                ["paid", "settling", "settled", "refused"].iter().any(|w| line.starts_with(w));
            left = left.saturating_sub(u64::from(said));
        }
        if left == 0 {
            child.kill().unwrap();
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    assert!(left == 0 && !status.success(), "the child ended by itself: {status}");
    report
}

/// What was said is there, with the same bytes; whoever asks again pays nothing more.
async fn check(wallet: &Wallet, report: &Report, clock: u64) {
    let now = reading(clock);
    let before = wallet.spent(now.clone()).await;
    for paid in &report.paid {
        let again = wallet.pay(now.clone(), &paid.agent, &paid.cart).await;
        match (&paid.receipt, again) {
            (None, again) => assert_eq!(again.unwrap().as_str(), paid.payment.as_str()),
            (Some(receiving), Ok(again)) => {
                assert!(!receiving.recorded, "a receipt is gone");
                assert_eq!(again.as_str(), paid.payment.as_str());
            }
            (Some(_), Err(reason)) => assert_eq!(reason, Reason::CartAlreadyPaid),
        }
        if let Some(Receiving { receipt, recorded: true }) = &paid.receipt {
            let size = wallet.ledger.head().size;
            let receipt = UnverifiedMandate::<Receipt>::parse(receipt).unwrap();
            let keys = report.keys(receipt.claims().iss.as_str());
            let receipt = receipt.verify(&keys).unwrap();
            let status = receipt.claims().status;
            assert_eq!(wallet.hand_in(now.clone(), &paid.agent, &receipt).await, Ok(status));
            assert_eq!(wallet.ledger.head().size, size, "it was recorded before");
        }
    }
    assert_eq!(wallet.spent(now).await, before);
}

#[tokio::test]
async fn every_payment_that_was_handed_out_survives_the_kill() {
    let rounds = rounds(ROUNDS, ROUNDS_LONG);
    let parties = Arc::new(Parties::new(child::SEED));
    let mut folder = tempfile::tempdir().unwrap();
    let (mut signed, mut policies) = (Vec::new(), Vec::new());
    for round in 0..rounds {
        if round % ROUNDS_PER_LEDGER == 0 {
            folder = tempfile::tempdir().unwrap();
            Wallet::create(folder.path(), &parties, MORNING);
            (signed, policies) = (Vec::new(), Vec::new());
        }
        // Two minutes and a bit later: the trailing caps have room again.
        let clock = MORNING + round * 130;
        let lines = random(LINES_MAX);
        let report = run_child(folder.path(), clock, lines, parties.public_key());
        let opened = Wallet::open(folder.path(), &parties, PARIS, child::UNSETTLED, child::caps());
        let mut wallet = opened.unwrap_or_else(|e| panic!("round {round}, {lines} lines: {e:?}"));
        policies.extend(report.policy);
        policies.iter().for_each(|policy| wallet.know(*policy, child::caps()));
        wallet.sign_unhashed(reading(clock)).await;
        check(&wallet, &report, clock).await;
        signed.extend(report.paid.into_iter().map(|paid| paid.payment));
        wallet.check(reading(clock), &signed).await;
        wallet.ledger.close().unwrap();
    }
}

/// A number from 1 to `most`.
fn random(most: u64) -> u64 {
    let mut bits = [0; 8];
    getrandom::fill(&mut bits).unwrap();
    1 + u64::from_le_bytes(bits) % most
}
