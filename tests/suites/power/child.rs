//! The process under the shim: it makes a ledger if there is none, trades on it, and says what went out.

use std::path::PathBuf;
use std::sync::Arc;

use mandate::token::Status;
use mandate::{Intent, Mandate, Payment, PrincipalId, UnixSeconds};
use mandate_keys::{Seed, SigningKey};
use mandate_ledger::{
    Durability, Genesis, IntentAsk, Ledger, LedgerError, Options, Outcome, Permit, Redeemed, Scope,
    StoreError,
};
use mandate_tests::parties::{AGENTS, Parties, WARES, caller};
use mandate_tests::random::Random;
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, fresh_jti, one_of, reading};

use crate::trace::say;

/// The folder everything is in; without it this binary is a suite like any other. The shim reads it too.
pub const ROOT: &str = "MANDATE_POWER_ROOT";
/// The trace. The shim reads it too.
pub const TRACE: &str = "MANDATE_POWER_TRACE";
/// What the shim has fail.
pub const FAULT: &str = "MANDATE_POWER_FAULT";
/// The how-manieth process over this folder it is.
pub const TURN: &str = "MANDATE_POWER_TURN";
/// What the story's choices come from.
pub const STORY: &str = "MANDATE_POWER_STORY";

/// The test that does the child's work.
pub const TEST: &str = "child::trades_until_its_story_ends";

/// The principal's key, in all processes.
pub const SEED: [u8; 32] = [9; 32];
/// The ledger's folder, which the wallet makes itself.
pub const STATE: &str = "state";
/// More than an agent has open here.
pub const UNSETTLED: u64 = 1_000;
/// The process's time is so many seconds after that of the one before it.
pub const TURN_S: u64 = 1_000;

/// What a story does, one after the other; each of most of them is three purchases at once.
const STEPS: u64 = 14;
/// A full disk is asked again so many times: it has room sooner.
const TRIES: u32 = 64;

/// The caps a reload changes between; they bind now and then.
pub fn caps() -> [Vec<Cap>; 2] {
    let lifetime = Cap::spend("lifetime", ("EUR", 10_000_000));
    let minute = |most| Cap { count: Some(most), ..Cap::spend("1m", ("EUR", 9_500)) };
    [
        vec![lifetime.clone(), minute(10)],
        vec![
            lifetime,
            minute(8),
            Cap { about: [Some("errands"), None, None], ..Cap::count("1m", 4) },
        ],
    ]
}

/// When the story of a turn begins.
pub fn begins(turn: u8) -> u64 {
    MORNING + u64::from(turn) * TURN_S
}

/// An intent that can be asked for again under its key.
pub fn ask(key: &str, ware: usize) -> IntentAsk {
    IntentAsk { idempotency_key: Some(key.parse().unwrap()), ..one_of(WARES[ware]) }
}

#[test]
fn trades_until_its_story_ends() {
    let (Some(root), Some(trace)) = (std::env::var_os(ROOT), std::env::var_os(TRACE)) else {
        return;
    };
    let number = |name: &str| std::env::var(name).unwrap().parse::<u64>().unwrap();
    let turn = u8::try_from(number(TURN)).unwrap();
    let mut child = Child {
        folder: PathBuf::from(root).join(STATE),
        trace: PathBuf::from(trace),
        parties: Arc::new(Parties::in_turn(SEED, turn)),
        turn,
        now: begins(turn),
        random: Random::new(number(STORY)),
        in_force: 0,
        is_frozen: false,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let end = match runtime.block_on(child.live()) {
        Ok(()) => "end well".to_owned(),
        Err(stopped) => format!("end stopped {stopped}"),
    };
    say(&child.trace, &end);
}

/// The writer copies its WAL after thousands of pages; here after those of a few commits.
const WAL_PAGES: i32 = 40;

struct Child {
    folder: PathBuf,
    trace: PathBuf,
    parties: Arc<Parties>,
    turn: u8,
    now: u64,
    random: Random,
    in_force: usize,
    is_frozen: bool,
}

/// After this nothing is written any more by this process.
type Stopped = String;

impl Child {
    fn say(&self, text: &str) {
        say(&self.trace, text);
    }

    async fn live(&mut self) -> Result<(), Stopped> {
        self.say(&format!("now {}", self.now));
        if !self.folder.join("wallet.db").exists() {
            self.say("phase creating");
            let key = self.parties.public_key();
            let time = UnixSeconds::new(self.now).unwrap();
            let genesis = Genesis { principal: PrincipalId::from_key(&key), key, time };
            Ledger::create(&self.folder, &genesis)
                .map_err(|error| format!("creating {error:?}"))?;
            self.say("created");
        }
        let mut wallet = self.open().await?;
        for step in 0..STEPS {
            self.now += 7;
            self.say(&format!("now {}", self.now));
            match self.random.below(8) {
                0 => self.freeze_or_thaw(&wallet).await?,
                1 => self.reload(&mut wallet).await?,
                2 => {
                    self.say("phase sealing");
                    insist(async || wallet.ledger.seal().await).await?;
                    let size = wallet.ledger.checkpoint().map_or(0, |sealed| sealed.head().size);
                    self.say(&format!("sealed {size}"));
                }
                3 => {
                    self.close(wallet)?;
                    wallet = self.open().await?;
                }
                _ => {
                    self.say("phase serving");
                    let (a, b, c) = tokio::join!(
                        self.buy(&wallet, step * 3),
                        self.buy(&wallet, step * 3 + 1),
                        self.buy(&wallet, step * 3 + 2)
                    );
                    a.and(b).and(c)?;
                }
            }
        }
        self.close(wallet)
    }

    async fn open(&mut self) -> Result<Wallet, Stopped> {
        self.say("phase opening");
        let caps = caps()[self.in_force].clone();
        let options = Options { wal_pages: Some(WAL_PAGES), ..Options::default() };
        let wallet =
            Wallet::open_with(&self.folder, &self.parties, PARIS, UNSETTLED, caps, options);
        let wallet = wallet.map_err(|error| format!("opening {error:?}"))?;
        wallet.ledger.sign_with(Arc::new(SigningKey::from_seed(Seed::copy_from(&SEED))));
        let now = reading(self.now);
        for token in insist(async || wallet.ledger.unhashed(now.clone()).await).await? {
            match token {
                mandate_ledger::Unhashed::Intent(permit) => drop(wallet.sign(permit)),
                mandate_ledger::Unhashed::Payment(permit) => drop(wallet.sign(permit)),
            }
        }
        let frozen = insist(async || wallet.ledger.status(now.clone()).await).await?.frozen;
        self.is_frozen = !frozen.is_empty();
        self.say(if self.is_frozen { "found frozen" } else { "found thawed" });
        // As the daemon does at its start.
        let rules = wallet.ledger.rules();
        insist(async || wallet.ledger.reload(now.clone(), Arc::clone(&rules)).await).await?;
        Ok(wallet)
    }

    fn close(&self, wallet: Wallet) -> Result<(), Stopped> {
        self.say("phase closing");
        wallet.ledger.close().map_err(|error| format!("closing {error:?}"))
    }

    async fn freeze_or_thaw(&mut self, wallet: &Wallet) -> Result<(), Stopped> {
        self.say("phase freezing");
        let (now, scope) = (reading(self.now), frozen_scope());
        if self.is_frozen {
            self.say("thawing");
            insist(async || wallet.ledger.thaw(now.clone(), 0, scope.clone()).await).await?;
            self.say("thawed");
        } else {
            self.say("freezing");
            let mut tries = TRIES;
            loop {
                let frozen = wallet.ledger.freeze(now.clone(), 0, scope.clone(), None).await;
                match frozen.map_err(|error| format!("freezing {error:?}"))? {
                    Durability::Durable => break self.say("frozen"),
                    // It answers on a full disk, and holds; on disk it is only once there is room.
                    Durability::UntilExit => self.say("frozen until exit"),
                }
                tries -= 1;
                if tries == 0 {
                    return Err("the disk was never freed".into());
                }
            }
        }
        self.is_frozen = !self.is_frozen;
        Ok(())
    }

    async fn reload(&mut self, wallet: &mut Wallet) -> Result<(), Stopped> {
        self.say("phase reloading");
        self.in_force = 1 - self.in_force;
        let (now, caps) = (reading(self.now), caps()[self.in_force].clone());
        for _ in 0..TRIES {
            match wallet.try_reload(now.clone(), caps.clone()).await {
                Ok(()) => return Ok(()),
                Err(error) => full(&error)?,
            }
        }
        Err("the disk was never freed".into())
    }

    /// Buys; some purchases are given a receipt.
    async fn buy(&self, wallet: &Wallet, number: u64) -> Result<(), Stopped> {
        let turn = usize::try_from(number).unwrap();
        let ((agent, _), ware) = (AGENTS[turn % AGENTS.len()], turn % WARES.len());
        let (now, key) = (reading(self.now), format!("{}-{number}", self.turn));
        let ledger = &wallet.ledger;
        let minted = insist(async || {
            ledger.mint_intent(now.clone(), &caller(agent), ask(&key, ware), fresh_jti()).await
        });
        let Some(intent) = granted::<Intent>(wallet, minted.await?) else { return Ok(()) };
        self.say(&format!("intent {key} {agent} {ware} {} {}", self.now, intent.as_str()));
        let cart = self.parties.cart(&intent, ("EUR", 900), now.wall);
        let reserved = insist(async || {
            ledger.reserve(now.clone(), &caller(agent), cart.clone(), fresh_jti()).await
        });
        let Some(payment) = granted::<Payment>(wallet, reserved.await?) else { return Ok(()) };
        let paid = format!("{} {} {}", self.now, cart.as_str(), payment.as_str());
        self.say(&format!("paid {} {agent} {paid}", self.turn));
        let status = match number {
            _ if number.is_multiple_of(5) => Status::Void,
            _ if number.is_multiple_of(3) => Status::Executed,
            _ => return Ok(()),
        };
        let receipt = self.parties.receipt(&payment, status, now.wall);
        let settled = format!("{} {}", cart.as_str(), receipt.as_str());
        self.say(&format!("settling {settled}"));
        insist(async || ledger.record_receipt(now.clone(), &caller(agent), receipt.clone()).await)
            .await?;
        self.say(&format!("settled {settled}"));
        Ok(())
    }
}

/// What stories freeze.
pub fn frozen_scope() -> Scope {
    Scope::Merchant("rival-air".parse().unwrap())
}

fn granted<K: mandate::Kind>(wallet: &Wallet, outcome: Outcome<Permit<K>>) -> Option<Mandate<K>> {
    let Outcome::Granted(permit) = outcome else { return None };
    match wallet.sign(permit) {
        Redeemed::Signed(token) => Some(token),
        // A freeze came between; what was reserved is withheld by whoever settles it.
        _ => None,
    }
}

/// Asks until the disk has room. Any other fault of the disk is the end of this process, as it is the daemon's.
async fn insist<T>(work: impl AsyncFn() -> Result<T, LedgerError>) -> Result<T, Stopped> {
    for _ in 0..TRIES {
        match work().await {
            Ok(done) => return Ok(done),
            Err(error) => full(&error)?,
        }
    }
    Err("the disk was never freed".into())
}

fn full(error: &LedgerError) -> Result<(), Stopped> {
    match error {
        LedgerError::NotApplied(StoreError::Stopped | StoreError::Closed)
        | LedgerError::Unknown(_) => Err(format!("{error:?}")),
        _ => Ok(()),
    }
}
