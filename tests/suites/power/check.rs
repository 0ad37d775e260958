//! What a ledger must be after a cut, given what was said before it.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mandate::{
    Cart, Draft, Intent, KeySet, Kind, Mandate, Payment, PublicKey, Receipt, UnverifiedMandate,
};
use mandate_journal::Entry;
use mandate_ledger::{Event, Outcome};
use mandate_tests::parties::{Parties, WARES, caller};
use mandate_tests::tally::PARIS;
use mandate_tests::wallet::{Wallet, fresh_jti, reading, rules};

use crate::child::{self, STATE, UNSETTLED};
use crate::trace::Op;

/// A token is asked for again if it went out at most so many seconds before the cut.
const ASKED_AGAIN_S: u64 = 20;

/// What was acknowledged up to a cut.
#[derive(Debug, Default)]
pub struct Said {
    /// What the child was doing.
    pub phase: String,
    /// Whether there must be a ledger.
    is_created: bool,
    turns: u8,
    now: u64,
    sealed: u64,
    /// Whether it must be frozen; `None` while that was being changed.
    is_frozen: Option<bool>,
    intents: Vec<IntentSaid>,
    paid: Vec<Paid>,
}

#[derive(Debug)]
struct IntentSaid {
    key: String,
    agent: String,
    ware: usize,
    at: u64,
    token: String,
}

#[derive(Debug)]
struct Paid {
    agent: String,
    at: u64,
    cart: Mandate<Cart>,
    payment: Mandate<Payment>,
    /// A receipt that was on its way, and whether it was recorded.
    receipt: Option<(String, bool)>,
}

impl Said {
    /// Takes one more thing in.
    pub fn take(&mut self, op: &Op) {
        let Op::Said(text) = op else { return };
        let (what, rest) = text.split_once(' ').unwrap_or((text, ""));
        let words: Vec<_> = rest.split(' ').collect();
        match what {
            "phase" => rest.clone_into(&mut self.phase),
            "created" => self.is_created = true,
            "now" => self.now = rest.parse().unwrap(),
            "sealed" => self.sealed = rest.parse().unwrap(),
            "end" => self.turns += 1,
            "freezing" | "thawing" => self.is_frozen = None,
            "frozen" | "thawed" | "found" => {
                // "frozen until exit" is not on disk.
                let is_durable = rest != "until exit";
                self.is_frozen = is_durable.then_some(what == "frozen" || rest == "frozen");
            }
            "intent" => {
                let [key, agent, ware, at, token] = words[..] else { panic!("{text}") };
                let (ware, at) = (ware.parse().unwrap(), at.parse().unwrap());
                let (key, agent, token) = (key.into(), agent.into(), token.into());
                self.intents.push(IntentSaid { key, agent, ware, at, token });
            }
            "paid" => {
                let [turn, agent, at, cart, payment] = words[..] else { panic!("{text}") };
                let parties = Parties::in_turn(child::SEED, turn.parse().unwrap());
                let merchants = [parties.lux.public_key(), parties.rival.public_key()];
                self.paid.push(Paid {
                    agent: agent.into(),
                    at: at.parse().unwrap(),
                    cart: verified::<Cart>(cart, &merchants),
                    payment: verified::<Payment>(payment, &[parties.public_key()]),
                    receipt: None,
                });
            }
            "settling" | "settled" => {
                let paid = self.paid.iter_mut().find(|paid| paid.cart.as_str() == words[0]);
                paid.unwrap().receipt = Some((words[1].into(), what == "settled"));
            }
            _ => {}
        }
    }
}

/// What is left of a ledger.
pub enum Left {
    /// There is none, and none was promised.
    Nothing,
    /// Something that was acknowledged is gone.
    Lost(String),
    /// Every token that went out is an entry of it.
    Whole(Box<Wallet>),
}

/// Opens what a cut left, and looks for every token that went out.
pub fn look(root: &Path, said: &Said) -> Left {
    let folder = root.join(STATE);
    if !folder.join("wallet.db").exists() {
        return if said.is_created { Left::Lost("no ledger".into()) } else { Left::Nothing };
    }
    let parties = Arc::new(Parties::in_turn(child::SEED, said.turns + 1));
    let [caps, others] = child::caps();
    let mut wallet = match Wallet::open(&folder, &parties, PARIS, UNSETTLED, caps) {
        Ok(wallet) => wallet,
        Err(error) => return Left::Lost(format!("it does not open: {error:?}")),
    };
    for turn in 0..=said.turns {
        let parties = Parties::in_turn(child::SEED, turn);
        for caps in child::caps() {
            wallet.know(rules(&parties, &PARIS, UNSETTLED, &caps).digest(), caps);
        }
    }
    wallet.know(rules(&parties, &PARIS, UNSETTLED, &others).digest(), others);
    let there = wallet.entries().iter().filter_map(|bytes| token_id(bytes)).collect();
    match said.missing_in(&there) {
        0 => Left::Whole(Box::new(wallet)),
        missing => Left::Lost(format!("{missing} tokens")),
    }
}

impl Said {
    fn missing_in(&self, there: &BTreeSet<String>) -> usize {
        let parsed = |token: &str| UnverifiedMandate::<Intent>::parse(token).unwrap();
        let intents = self.intents.iter().map(|said| parsed(&said.token).claims().jti.to_string());
        let payments = self.paid.iter().map(|paid| paid.payment.claims().jti.to_string());
        intents.chain(payments).filter(|jti| !there.contains(jti)).count()
    }
}

/// The id of the wallet's token behind an entry.
fn token_id(bytes: &[u8]) -> Option<String> {
    let entry = Entry::parse(bytes).unwrap();
    match Event::parse(&entry).unwrap() {
        Event::Intent(event) => {
            let draft = Draft::<Intent>::from_stored(&event.header, &event.claims).unwrap();
            Some(draft.claims().jti.to_string())
        }
        Event::Payment(event) => {
            let draft = Draft::<Payment>::from_stored(&event.header, &event.claims).unwrap();
            Some(draft.claims().jti.to_string())
        }
        _ => None,
    }
}

/// Everything else that has to be true of a whole ledger; and it trades again.
///
/// # Panics
///
/// If something is not.
pub async fn stands(wallet: Wallet, said: &Said) {
    let now = reading(said.now.max(child::begins(0)));
    // As a daemon that starts.
    wallet.sign_unhashed(now.clone()).await;
    wallet.ledger.reload(now.clone(), wallet.ledger.rules()).await.unwrap();
    let frozen = !wallet.ledger.status(now.clone()).await.unwrap().frozen.is_empty();
    assert!(said.is_frozen.is_none_or(|must| must == frozen), "frozen: {frozen}");
    let sealed = wallet.ledger.checkpoint().map_or(0, |sealed| sealed.head().size);
    assert!(sealed >= said.sealed, "sealed {sealed}, and {} was said", said.sealed);
    if frozen {
        wallet.ledger.thaw(now.clone(), 0, child::frozen_scope()).await.unwrap();
    }
    asked_again(&wallet, said).await;
    // The next process is somebody else's time, with room under every trailing cap.
    let later = reading(child::begins(said.turns + 1));
    let paid = wallet.buy(later.clone(), "travel", WARES[0], ("EUR", 900)).await.unwrap();
    let before = said.paid.iter().map(|said| said.payment.clone());
    wallet.check(later, &before.chain([paid]).collect::<Vec<_>>()).await;
    wallet.ledger.close().unwrap();
}

/// Who asks again gets the same bytes and pays nothing more.
async fn asked_again(wallet: &Wallet, said: &Said) {
    let now = reading(said.now.max(child::begins(0)));
    let before = wallet.spent(now.clone()).await;
    let is_recent = |at: u64| at + ASKED_AGAIN_S >= said.now;
    for intent in said.intents.iter().filter(|intent| is_recent(intent.at)) {
        let ask = child::ask(&intent.key, intent.ware);
        let who = caller(&intent.agent);
        let minted = wallet.ledger.mint_intent(now.clone(), &who, ask, fresh_jti()).await;
        let Outcome::Granted(permit) = minted.unwrap() else { panic!("{intent:?} is refused") };
        let mandate_ledger::Redeemed::Signed(again) = wallet.sign(permit) else { panic!("frozen") };
        assert_eq!(again.as_str(), intent.token);
    }
    for paid in &said.paid {
        if paid.receipt.is_none() && is_recent(paid.at) {
            let again = wallet.pay(now.clone(), &paid.agent, &paid.cart).await.unwrap();
            assert_eq!(again.as_str(), paid.payment.as_str());
        }
        if let Some((receipt, true)) = &paid.receipt {
            let size = wallet.ledger.head().size;
            let receipt = UnverifiedMandate::<Receipt>::parse(receipt).unwrap();
            let keys = wallet.ledger.receipt_keys(&receipt).unwrap();
            let receipt = receipt.verify(&keys).unwrap();
            wallet.hand_in(now.clone(), &paid.agent, &receipt).await.unwrap();
            assert_eq!(wallet.ledger.head().size, size, "a receipt is gone");
        }
    }
    assert_eq!(wallet.spent(now).await, before);
}

/// After a cut in the middle of making a ledger: `init` is run again and finishes.
///
/// # Panics
///
/// If it does not.
pub async fn begins_anew(root: &Path, said: &Said) {
    let parties = Parties::in_turn(child::SEED, said.turns + 1);
    Wallet::create(&root.join(STATE), &parties, child::begins(0));
    let Left::Whole(wallet) = look(root, said) else { panic!("a new ledger does not open") };
    stands(*wallet, said).await;
}

fn verified<K: Kind>(token: &str, keys: &[PublicKey]) -> Mandate<K> {
    let keys = KeySet::<K::Role>::new(keys.iter().copied());
    UnverifiedMandate::<K>::parse(token).unwrap().verify(&keys).unwrap()
}
