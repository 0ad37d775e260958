//! Freeze, lock and reload beside mints, in every order that was tried.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use mandate::key::SignError;
use mandate::token::Draft;
use mandate::{Cart, Head, IssueError, Kind, Mandate, Payment, PublicKey, Signature, Signer};
use mandate_journal::Entry;
use mandate_ledger::{
    Durability, Event, Fault, Hook, LedgerError, Options, Outcome, Permit, Redeemed, Scope,
    WriteError,
};
use mandate_policy::{PolicyDigest, Reason};
use mandate_schedules::parties::{Parties, WARES, caller};
use mandate_schedules::tally::{Cap, PARIS};
use mandate_schedules::wallet::{MORNING, Wallet, fresh_jti, reading, rules};
use mandate_schedules::{explore, folder};
use shuttle::future::block_on;
use shuttle::rand::{Rng as _, thread_rng};
use shuttle::sync::atomic::AtomicBool;
use shuttle::thread;

/// The agent of these scenarios.
const AGENT: &str = "travel";
/// Payments that an agent may have open.
const UNSETTLED: u64 = 16;

fn caps(most: u64) -> Vec<Cap> {
    vec![Cap::spend("lifetime", ("EUR", most))]
}

/// A wallet under a cap, its rules written down as at a daemon's start.
fn wallet(dir: &Path, most: u64, before_commit: Option<Hook>) -> Wallet {
    let parties = Arc::new(Parties::in_turn([9; 32], 1));
    Wallet::create(dir, &parties, MORNING);
    let mut options = Options::default();
    options.hooks.before_commit = before_commit;
    let wallet = Wallet::open_with(dir, &parties, PARIS, UNSETTLED, caps(most), options).unwrap();
    block_on(wallet.ledger.reload(reading(MORNING), wallet.ledger.rules())).unwrap();
    wallet
}

fn cart(wallet: &Wallet, units: u64) -> Mandate<Cart> {
    let intent = block_on(wallet.intent(reading(MORNING), AGENT, WARES[0], None)).unwrap();
    wallet.parties.cart(&intent, ("EUR", units), reading(MORNING).wall)
}

/// Set once the answer to a freeze or a lock is out.
type Answered = Arc<AtomicBool>;

/// Signs in two steps, as slowly as the schedule likes: none of them follows the answer to a freeze.
fn sign<K: Kind>(
    wallet: &Wallet,
    permit: Permit<K>,
    answered: &Answered,
) -> Redeemed<K, IssueError> {
    permit.redeem(|draft: &Draft<K>, head: Head| {
        assert!(!answered.load(Ordering::SeqCst), "a signature began after the answer");
        let mandate = draft.issue(head, wallet.parties.key());
        assert!(!is_stopped(wallet), "a signature beside a stop that is on disk");
        thread::yield_now();
        assert!(!answered.load(Ordering::SeqCst), "a signature ended after the answer");
        mandate
    })
}

/// Whether the newest word on disk is a freeze or a lock.
fn is_stopped(wallet: &Wallet) -> bool {
    events(wallet).iter().fold(false, |stopped, event| match event {
        Event::Freeze(_) | Event::Lock(_) => true,
        Event::Thaw(_) | Event::Unlock(_) => false,
        _ => stopped,
    })
}

fn events(wallet: &Wallet) -> Vec<Event> {
    let entries = wallet.entries();
    entries.iter().map(|bytes| Event::parse(&Entry::parse(bytes).unwrap()).unwrap()).collect()
}

/// Pays a cart as the daemon does.
fn pay(
    wallet: &Wallet,
    cart: &Mandate<Cart>,
    answered: &Answered,
) -> Result<Mandate<Payment>, Reason> {
    let mut asked = block_on(reserve(wallet, cart));
    // A full disk is told to whoever was in that commit; they ask again.
    while let Err(WriteError::NotApplied(_)) = asked {
        asked = block_on(reserve(wallet, cart));
    }
    let permit = match asked.unwrap() {
        Outcome::Granted(permit) => permit,
        Outcome::Denied(refusal) => return Err(refusal.reason()),
    };
    redeem(wallet, permit, answered)
}

/// Uses a permit as the daemon does: what a stop held back is given back.
fn redeem(
    wallet: &Wallet,
    permit: Permit<Payment>,
    answered: &Answered,
) -> Result<Mandate<Payment>, Reason> {
    match sign(wallet, permit, answered) {
        Redeemed::Signed(payment) => Ok(payment),
        Redeemed::Withheld(withheld) => {
            Err(block_on(wallet.ledger.withhold(reading(MORNING), withheld)).unwrap().reason())
        }
        Redeemed::Failed(error) => panic!("{error}"),
    }
}

async fn reserve(
    wallet: &Wallet,
    cart: &Mandate<Cart>,
) -> Result<Outcome<Permit<Payment>>, LedgerError> {
    wallet.ledger.reserve(reading(MORNING), &caller(AGENT), cart.clone(), fresh_jti()).await
}

/// Most steps that [`take_steps`] takes.
const STEPS_MAX: u32 = 16;

/// Lets the others go on for some steps.
fn take_steps() {
    (0..thread_rng().gen_range(0..=STEPS_MAX)).for_each(|_| thread::yield_now());
}

/// Most writes that [`walk_along`] takes.
const WALK_MAX: u32 = 4;

/// Takes as long as some writes do, so that what comes next meets the others at any of their steps.
fn walk_along(wallet: &Wallet) {
    for _ in 0..thread_rng().gen_range(0..=WALK_MAX) {
        assert!(block_on(wallet.ledger.answers()));
    }
}

/// What became of the payments of all schedules: a scenario that never saw both shows nothing of a race.
#[derive(Default)]
struct Seen {
    signed: AtomicU64,
    refused: AtomicU64,
}

impl Seen {
    fn note(&self, answers: &[Result<Mandate<Payment>, Reason>]) {
        for answer in answers {
            let count = if answer.is_ok() { &self.signed } else { &self.refused };
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// Tells the counts, and fails where one of them is none.
    fn tell(&self) {
        let [signed, refused] = [&self.signed, &self.refused].map(|n| n.load(Ordering::SeqCst));
        println!("{signed} payments signed, {refused} refused");
        assert!(signed > 0 && refused > 0, "no schedule made a race of it");
    }
}

/// Everything that has to be true at the end; every decision was made under the rules that were last written down.
fn check(wallet: &Wallet, answers: &[Result<Mandate<Payment>, Reason>]) {
    let signed: Vec<_> = answers.iter().flatten().cloned().collect();
    block_on(wallet.check(reading(MORNING), &signed));
    let mut in_force: Option<PolicyDigest> = None;
    for event in events(wallet) {
        match event {
            Event::Policy(policy) => in_force = Some(policy.digest),
            Event::Intent(intent) => assert_eq!(Some(intent.policy), in_force, "half a reload"),
            Event::Payment(paid) => assert_eq!(Some(paid.policy), in_force, "half a reload"),
            _ => {}
        }
    }
}

/// Two permits for one payment: a freeze stops one of them, the other may have signed right before, and whatever is written
/// meanwhile gives nothing back whose bytes are out. Every second commit fails, after which all is written again.
#[test]
fn what_one_permit_signed_is_not_given_back_for_another_that_was_stopped() {
    let seen = Arc::new(Seen::default());
    let noted = Arc::clone(&seen);
    explore(move || {
        let dir = folder();
        let full = Arc::new(AtomicBool::new(false));
        let fills = Arc::clone(&full);
        let hook: Hook =
            Arc::new(move || fills.swap(false, Ordering::SeqCst).then_some(Fault::DiskFull));
        let wallet = Arc::new(wallet(dir.path(), 10_000, Some(hook)));
        let answered = Answered::default();
        let cart = cart(&wallet, 100);
        let permits = [(), ()].map(|()| match block_on(reserve(&wallet, &cart)).unwrap() {
            Outcome::Granted(permit) => permit,
            Outcome::Denied(refusal) => panic!("{refusal}"),
        });
        let note = |wallet: &Wallet| {
            block_on(wallet.ledger.rate_limited(reading(MORNING), &caller(AGENT), 1))
        };
        let other = {
            let wallet = Arc::clone(&wallet);
            thread::spawn(move || {
                for write in 0..WALK_MAX {
                    full.store(write % 2 == 0, Ordering::SeqCst);
                    drop(note(&wallet));
                }
                full.store(false, Ordering::SeqCst);
            })
        };
        let payers = permits.map(|permit| {
            let (wallet, answered) = (Arc::clone(&wallet), Arc::clone(&answered));
            thread::spawn(move || {
                take_steps();
                match sign(&wallet, permit, &answered) {
                    Redeemed::Signed(payment) => Ok(payment),
                    Redeemed::Withheld(withheld) => {
                        take_steps();
                        // On a full disk the next write does it.
                        drop(block_on(wallet.ledger.withhold(reading(MORNING), withheld)));
                        Err(Reason::Frozen)
                    }
                    Redeemed::Failed(error) => panic!("{error}"),
                }
            })
        });
        take_steps();
        let frozen = wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None);
        block_on(frozen).unwrap();
        let answers = payers.map(|payer| payer.join().unwrap());
        other.join().unwrap();
        note(&wallet).unwrap();
        noted.note(&answers);
        // Both are the same bytes.
        let signed = answers.into_iter().find(Result::is_ok);
        check(&wallet, signed.as_slice());
        if signed.is_none() {
            let spent = block_on(wallet.spent(reading(MORNING)));
            assert_eq!(spent, [(0, 0)], "what nobody signed is given back");
        }
    });
    seen.tell();
}

#[test]
fn no_signature_follows_the_answer_to_a_freeze() {
    let seen = Arc::new(Seen::default());
    let noted = Arc::clone(&seen);
    explore(move || {
        let dir = folder();
        let wallet = Arc::new(wallet(dir.path(), 10_000, None));
        let answered = Answered::default();
        let carts = [cart(&wallet, 100), cart(&wallet, 200)];
        let payers = carts.map(|cart| {
            let (wallet, answered) = (Arc::clone(&wallet), Arc::clone(&answered));
            thread::spawn(move || pay(&wallet, &cart, &answered))
        });
        let minter = {
            let (wallet, answered) = (Arc::clone(&wallet), Arc::clone(&answered));
            thread::spawn(move || {
                let permit = block_on(wallet.intent_permit(reading(MORNING), AGENT, WARES[1]));
                permit.map(|permit| drop(sign(&wallet, permit, &answered)))
            })
        };
        walk_along(&wallet);
        let frozen = wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None);
        assert_eq!(block_on(frozen).unwrap(), Durability::Durable);
        answered.store(true, Ordering::SeqCst);
        assert!(is_stopped(&wallet), "a freeze was answered before it was on disk");
        let answers = payers.map(|payer| payer.join().unwrap());
        let minted = minter.join().unwrap();
        assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(Reason::Frozen))));
        assert!(matches!(minted, Ok(()) | Err(Reason::Frozen)));
        noted.note(&answers);
        check(&wallet, &answers);
    });
    seen.tell();
}

#[test]
fn a_payment_that_a_freeze_withheld_is_never_signed_whoever_asks_again_and_when() {
    let seen = Arc::new(Seen::default());
    let noted = Arc::clone(&seen);
    explore(move || {
        let dir = folder();
        let wallet = Arc::new(wallet(dir.path(), 10_000, None));
        // The freeze ends again: a signature after it breaks nothing, but that of a withheld payment does.
        let never = Answered::default();
        let cart = cart(&wallet, 100);
        // All have their permit before: the freeze meets them at the signature alone.
        let permits = [(); 3].map(|()| block_on(reserve(&wallet, &cart)).unwrap());
        let payers = permits.map(|permit| {
            let Outcome::Granted(permit) = permit else { panic!("nothing refuses it") };
            let (wallet, never) = (Arc::clone(&wallet), Arc::clone(&never));
            thread::spawn(move || {
                walk_along(&wallet);
                redeem(&wallet, permit, &never)
            })
        });
        let frozen = wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None);
        block_on(frozen).unwrap();
        block_on(wallet.ledger.thaw(reading(MORNING), 0, Scope::Wallet)).unwrap();
        let mut answers = payers.map(|payer| payer.join().unwrap()).to_vec();
        answers.push(pay(&wallet, &cart, &never));
        let mut signed = answers.iter().flatten();
        if let Some(first) = signed.next() {
            assert!(signed.all(|other| other.as_str() == first.as_str()), "two tokens for one");
        }
        noted.note(&answers);
        check(&wallet, &answers);
    });
    seen.tell();
}

#[test]
fn a_thaw_ends_no_freeze_that_came_after_it() {
    let ends = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
    let noted = Arc::clone(&ends);
    explore(move || {
        let dir = folder();
        let wallet = Arc::new(wallet(dir.path(), 10_000, None));
        let freeze = |wallet: &Wallet| {
            let frozen = wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None);
            assert_eq!(block_on(frozen).unwrap(), Durability::Durable);
        };
        freeze(&wallet);
        let again = {
            let wallet = Arc::clone(&wallet);
            thread::spawn(move || freeze(&wallet))
        };
        block_on(wallet.ledger.thaw(reading(MORNING), 0, Scope::Wallet)).unwrap();
        again.join().unwrap();
        let stopped = is_stopped(&wallet);
        noted[usize::from(stopped)].fetch_add(1, Ordering::SeqCst);
        let status = block_on(wallet.ledger.status(reading(MORNING))).unwrap();
        assert_eq!(status.frozen.contains(&Scope::Wallet), stopped, "another state than on disk");
    });
    let [open, frozen] = [&ends[0], &ends[1]].map(|n| n.load(Ordering::SeqCst));
    println!("{open} schedules ended with the thaw, {frozen} with the freeze");
    assert!(open > 0 && frozen > 0, "no schedule made a race of it");
}

#[test]
fn caps_hold_while_they_are_changed_and_each_reload_swaps_whole() {
    explore(|| {
        let dir = folder();
        reload_beside_payments(wallet(dir.path(), 1_000, None), [900, 1_500], &Commits::default());
    });
}

#[test]
fn a_reload_that_could_not_be_written_decides_nothing() {
    for number in 0..3 {
        explore(move || {
            let dir = folder();
            // No commit has a number before anything runs beside another, nor after.
            let next = Arc::new(Mutex::new(None));
            let commits = Arc::clone(&next);
            let full: Hook = Arc::new(move || {
                let mut next = commits.lock().unwrap();
                let commit = (*next)?;
                *next = Some(commit + 1);
                (commit == number).then_some(Fault::DiskFull)
            });
            let wallet = wallet(dir.path(), 1_000, Some(full));
            reload_beside_payments(wallet, [900, 1_500], &next);
        });
    }
}

/// The number of the next commit, while they are counted.
type Commits = Mutex<Option<u64>>;

/// Three pay while two files come, and everything is decided under what was written down.
fn reload_beside_payments(mut wallet: Wallet, reloads: [u64; 2], commits: &Commits) {
    let carts = [600, 500, 400].map(|units| cart(&wallet, units));
    let before = wallet.ledger.rules().digest();
    let mut known = vec![(before, caps(1_000))];
    let files =
        reloads.map(|most| Arc::new(rules(&wallet.parties, &PARIS, UNSETTLED, &caps(most))));
    for (rules, most) in files.iter().zip(reloads) {
        wallet.know(rules.digest(), caps(most));
        known.push((rules.digest(), caps(most)));
    }
    *commits.lock().unwrap() = Some(0);
    let wallet = Arc::new(wallet);
    let never = Answered::default();
    let payers = carts.map(|cart| {
        let (wallet, never) = (Arc::clone(&wallet), Arc::clone(&never));
        thread::spawn(move || pay(&wallet, &cart, &never))
    });
    let mut in_force = before;
    for rules in files {
        let digest = rules.digest();
        if block_on(wallet.ledger.reload(reading(MORNING), rules)).is_ok() {
            in_force = digest;
        }
        assert_eq!(wallet.ledger.rules().digest(), in_force, "another file than was answered");
    }
    let answers = payers.map(|payer| payer.join().unwrap());
    *commits.lock().unwrap() = None;
    let mut wallet = Arc::into_inner(wallet).expect("nobody else has it");
    let (_, caps) = known.into_iter().find(|(digest, _)| *digest == in_force).expect("a file");
    block_on(wallet.reload(reading(MORNING), caps));
    check(&wallet, &answers);
}

/// The principal's key, which a lock takes away.
struct Taken {
    wallet: Arc<Wallet>,
    answered: Answered,
}

impl Signer for Taken {
    fn public_key(&self) -> PublicKey {
        self.wallet.parties.public_key()
    }

    fn sign(&self, message: &[u8]) -> Result<Signature, SignError> {
        assert!(!self.answered.load(Ordering::SeqCst), "a checkpoint was signed after a lock");
        thread::yield_now();
        let signature = self.wallet.parties.key().sign(message);
        assert!(!self.answered.load(Ordering::SeqCst), "a checkpoint was signed after a lock");
        signature
    }
}

#[test]
fn after_a_lock_nothing_signs_also_no_checkpoint() {
    let seen = Arc::new(Seen::default());
    let noted = Arc::clone(&seen);
    explore(move || {
        let dir = folder();
        let wallet = Arc::new(wallet(dir.path(), 10_000, None));
        let (answered, forgotten) = (Answered::default(), Answered::default());
        let key = Taken { wallet: Arc::clone(&wallet), answered: Arc::clone(&forgotten) };
        wallet.ledger.sign_with(Arc::new(key));
        let cart = cart(&wallet, 100);
        let payer = {
            let (wallet, answered) = (Arc::clone(&wallet), Arc::clone(&answered));
            thread::spawn(move || pay(&wallet, &cart, &answered))
        };
        let sealer = {
            let ledger = wallet.ledger.clone();
            thread::spawn(move || {
                for calls in 1..=3 {
                    let agent = caller(AGENT);
                    block_on(ledger.rate_limited(reading(MORNING), &agent, calls)).unwrap();
                    block_on(ledger.seal()).unwrap();
                }
            })
        };
        walk_along(&wallet);
        block_on(wallet.ledger.lock(reading(MORNING), 0)).unwrap();
        answered.store(true, Ordering::SeqCst);
        wallet.ledger.forget_key();
        forgotten.store(true, Ordering::SeqCst);
        let answer = payer.join().unwrap();
        sealer.join().unwrap();
        assert!(matches!(answer, Ok(_) | Err(Reason::KeyUnavailable)), "{answer:?}");
        let answers = [answer];
        noted.note(&answers);
        check(&wallet, &answers);
    });
    seen.tell();
}
