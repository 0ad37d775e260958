//! The process under the shim: it makes a ledger and mints on it, and says what it hands out.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use mandate::token::Status;
use mandate::{Mandate, Payment, PrincipalId};
use mandate_ledger::{
    Durability, Genesis, Ledger, LedgerError, OpenError, Outcome, Permit, Redeemed, Scope,
    StoreError,
};
use mandate_tests::parties::{Parties, caller};
use mandate_tests::random::Random;
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, fresh_jti, one_of, reading};
use mandate_tests::{LUX, Merchant, RIVAL};

use crate::shim::{ROOT, TRACE};
use crate::trace;

/// The test that does the child's work.
pub const TEST: &str = "child::mints_under_the_shim";
/// What it chooses by.
pub const SEED_OF_STORY: &str = "MANDATE_POWER_STORY";
/// How long it goes on.
pub const TURNS: &str = "MANDATE_POWER_TURNS";

/// More than an agent has open here.
pub const UNSETTLED: u64 = 1_000_000;
/// What every payment costs.
pub const PRICE: (&str, u64) = ("EUR", 900);

const PRINCIPAL: [u8; 32] = [31; 32];
/// How often something is tried on a broken disk: more often than it breaks.
const ATTEMPTS: usize = 64;

/// Who trades here; each value has merchants with a log of their own.
pub fn parties() -> Arc<Parties> {
    let merchant = |id: &str, byte| Merchant::from_seed(id.parse().unwrap(), [byte; 32]);
    let mut parties = Parties::new(PRINCIPAL);
    (parties.lux, parties.rival) = (merchant(LUX, 32), merchant(RIVAL, 33));
    Arc::new(parties)
}

/// Caps that bind before a story ends.
pub fn caps() -> Vec<Cap> {
    vec![Cap::spend("lifetime", ("EUR", 40 * PRICE.1)), Cap::count("1h", 30)]
}

/// The same in another order: another file.
pub fn other_caps() -> Vec<Cap> {
    caps().into_iter().rev().collect()
}

/// Where the ledger is below the first folder.
pub fn ledger(root: &Path) -> PathBuf {
    root.join("state/ledger")
}

#[test]
fn mints_under_the_shim() {
    let Some(root) = std::env::var_os(ROOT) else { return };
    let number = |name| std::env::var(name).unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let story = Child { dir: ledger(Path::new(&root)), parties: parties(), wallet: None };
    runtime.block_on(story.live(Random::new(number(SEED_OF_STORY)), number(TURNS)));
}

fn say(text: &str) {
    let mut trace = OpenOptions::new().append(true).open(std::env::var_os(TRACE).unwrap()).unwrap();
    trace.write_all(&trace::said(text)).unwrap();
}

/// Why a call came to nothing.
enum Broken {
    /// Not now: the disk is full.
    Full,
    /// The process would end here, and the next one read back what is on disk.
    Ended,
}

impl From<LedgerError> for Broken {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::NotApplied(StoreError::Stopped | StoreError::Closed)
            | LedgerError::Unknown(_) => Self::Ended,
            _ => Self::Full,
        }
    }
}

struct Child {
    dir: PathBuf,
    parties: Arc<Parties>,
    wallet: Option<Wallet>,
}

impl Child {
    async fn live(mut self, mut random: Random, turns: u64) {
        self.create();
        for _ in 0..turns {
            if self.wallet.is_none() {
                self.open().await;
            }
            let Some(wallet) = &mut self.wallet else { continue };
            match turn(wallet, &mut random).await {
                Ok(()) => {}
                Err(Broken::Full) => stop_on_a_full_disk(wallet).await,
                Err(Broken::Ended) => self.stopped(),
            }
            if random.below(16) == 0 {
                self.end();
            }
        }
        self.goes_on().await;
        self.end();
    }

    /// Whatever there was, it is over, and the ledger decides and writes again.
    async fn goes_on(&mut self) {
        for _ in 0..ATTEMPTS {
            if self.wallet.is_none() {
                self.open().await;
            }
            let Some(wallet) = &self.wallet else { continue };
            match pay(wallet).await {
                Ok(_) => return say("it goes on"),
                Err(Broken::Full) => {}
                Err(Broken::Ended) => self.stopped(),
            }
        }
        panic!("nothing is minted any more");
    }

    /// The process would have ended.
    fn stopped(&mut self) {
        say("it stopped");
        self.end();
    }

    /// Tries as often as a person would: a fault is over after a while.
    fn create(&self) {
        let key = self.parties.public_key();
        let time = reading(MORNING).wall;
        let genesis = Genesis { principal: PrincipalId::from_key(&key), key, time };
        for _ in 0..ATTEMPTS {
            match Ledger::create(&self.dir, &genesis) {
                // The link was made, and the folder's sync failed.
                Ok(()) | Err(OpenError::Exists { .. }) => return say("created"),
                Err(_) => {}
            }
        }
        panic!("no ledger could be made");
    }

    /// As a new process does; one that fails is started again.
    async fn open(&mut self) {
        let opened = Wallet::open(&self.dir, &self.parties, PARIS, UNSETTLED, caps());
        let Ok(wallet) = opened else { return };
        let unhashed = wallet.ledger.unhashed(reading(MORNING)).await;
        if unhashed.is_err() {
            return;
        }
        wallet.sign_unhashed(reading(MORNING)).await;
        wallet.ledger.sign_with(Arc::new(mandate_keys::SigningKey::from_seed(
            mandate_keys::Seed::copy_from(&PRINCIPAL),
        )));
        self.wallet = Some(wallet);
    }

    fn end(&mut self) {
        if let Some(wallet) = self.wallet.take() {
            // What it says of a broken disk is known by now.
            drop(wallet.ledger.close());
        }
    }
}

/// A freeze is answered whatever the disk does.
async fn stop_on_a_full_disk(wallet: &Wallet) {
    let frozen = wallet.ledger.freeze(reading(MORNING), 0, rival(), None).await;
    match frozen {
        Ok(Durability::Durable | Durability::UntilExit) => say("freeze answered"),
        Err(error) => panic!("a freeze was not answered: {error}"),
    }
    wallet.ledger.thaw(reading(MORNING), 0, rival()).await.unwrap_or_default();
}

fn rival() -> Scope {
    Scope::Merchant(RIVAL.parse().unwrap())
}

/// One purchase, or something else that writes.
async fn turn(wallet: &mut Wallet, random: &mut Random) -> Result<(), Broken> {
    let now = reading(MORNING);
    match random.below(12) {
        0 => {
            say("freezing");
            if wallet.ledger.freeze(now, 0, rival(), None).await? == Durability::Durable {
                say("frozen");
            }
        }
        1 => {
            say("thawing");
            wallet.ledger.thaw(now, 0, rival()).await?;
        }
        2 => {
            let caps = if random.below(2) == 0 { caps() } else { other_caps() };
            wallet.try_reload(now, caps).await?;
        }
        3 => wallet.ledger.seal().await?,
        what => {
            let Some(payment) = pay(wallet).await? else { return Ok(()) };
            if what % 4 < 3 {
                settle(
                    wallet,
                    &payment,
                    if what % 4 == 0 { Status::Executed } else { Status::Void },
                )
                .await?;
            }
        }
    }
    Ok(())
}

async fn pay(wallet: &Wallet) -> Result<Option<Mandate<Payment>>, Broken> {
    let (now, travel) = (reading(MORNING), caller("travel"));
    let ask = one_of((LUX, "book_room"));
    let minted = wallet.ledger.mint_intent(now.clone(), &travel, ask, fresh_jti()).await?;
    let Some(intent) = signed(wallet, minted) else { return Ok(None) };
    let cart = wallet.parties.cart(&intent, PRICE, now.wall);
    let reserved = wallet.ledger.reserve(now, &travel, cart.clone(), fresh_jti()).await?;
    let Some(payment) = signed(wallet, reserved) else { return Ok(None) };
    say(&format!("paid {} {}", cart.as_str(), payment.as_str()));
    Ok(Some(payment))
}

/// Signs what was granted: from here on the token may be anywhere.
fn signed<K: mandate::Kind>(wallet: &Wallet, outcome: Outcome<Permit<K>>) -> Option<Mandate<K>> {
    match outcome {
        Outcome::Granted(permit) => match wallet.sign(permit) {
            Redeemed::Signed(token) => Some(token),
            other => panic!("nothing stops it: {other:?}"),
        },
        Outcome::Denied(_) => None,
    }
}

async fn settle(wallet: &Wallet, payment: &Mandate<Payment>, status: Status) -> Result<(), Broken> {
    let now = reading(MORNING);
    let receipt = wallet.parties.receipt(payment, status, now.wall);
    let jti = payment.claims().jti;
    say(&format!("settling {jti}"));
    wallet.ledger.record_receipt(now, &caller("travel"), receipt).await?;
    say(&format!("settled {jti} {status}"));
    Ok(())
}
