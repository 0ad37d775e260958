//! Many clients at once: exactly as many permits as the caps have room for, and the journal says the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use mandate::{Cart, Mandate, Payment};
use mandate_ledger::{Redeemed, Scope};
use mandate_policy::Reason;
use mandate_tests::LUX;
use mandate_tests::parties::{AGENTS, WARES};
use mandate_tests::tally::{Cap, Price};
use mandate_tests::wallet::{Answer, MORNING, Wallet, reading};
use tempfile::TempDir;
use tokio::sync::Barrier;

const CLIENTS: usize = 64;

const PRICE: Price = ("EUR", 1_250);

/// More than any of these tests spends.
const ROOM: Price = ("EUR", 1_000_000);

/// A wallet with room for everything.
struct Shop {
    wallet: Wallet,
    _folder: TempDir,
}

fn shop(unsettled: u64) -> Shop {
    let caps = vec![Cap::spend("lifetime", ROOM)];
    let (folder, wallet) = Wallet::fresh([9; 32], unsettled, caps);
    Shop { wallet, _folder: folder }
}

/// Who pays what.
type Wish = (&'static str, Mandate<Cart>);

/// One cart for each client, from all agents and for all wares in turn.
async fn wishes(wallet: &Wallet) -> Vec<Wish> {
    let mut wishes = Vec::new();
    for client in 0..CLIENTS {
        let (agent, _) = AGENTS[client % AGENTS.len()];
        let now = reading(MORNING);
        let ware = WARES[client % WARES.len()];
        let intent = wallet.intent(now.clone(), agent, ware, None).await.unwrap();
        wishes.push((agent, wallet.parties.cart(&intent, PRICE, now.wall)));
    }
    wishes
}

/// Everyone pays at once; a signature that a freeze stopped is given back.
async fn rush(
    wallet: Wallet,
    wishes: Vec<Wish>,
    freeze: bool,
) -> (Wallet, Vec<Answer<Mandate<Payment>>>) {
    let wallet = Arc::new(wallet);
    let gate = Arc::new(Barrier::new(wishes.len() + usize::from(freeze)));
    let frozen = Arc::new(AtomicBool::new(false));
    let mut clients = Vec::new();
    for (agent, cart) in wishes {
        let (wallet, gate, frozen) = (Arc::clone(&wallet), Arc::clone(&gate), Arc::clone(&frozen));
        clients.push(tokio::spawn(async move {
            gate.wait().await;
            let permit = wallet.reserve(reading(MORNING), agent, &cart).await?;
            let too_late = frozen.load(Ordering::SeqCst);
            match wallet.sign(permit) {
                Redeemed::Signed(payment) => {
                    assert!(!too_late, "a signature after the freeze was answered");
                    Ok(payment)
                }
                Redeemed::Withheld(withheld) => {
                    let refusal = wallet.ledger.withhold(reading(MORNING), withheld).await;
                    Err(refusal.unwrap().reason())
                }
                Redeemed::Failed(error) => panic!("{error}"),
            }
        }));
    }
    if freeze {
        gate.wait().await;
        wallet.ledger.freeze(reading(MORNING), 0, Scope::Wallet, None).await.unwrap();
        frozen.store(true, Ordering::SeqCst);
    }
    let mut answers = Vec::new();
    for client in clients {
        answers.push(client.await.unwrap());
    }
    (Arc::into_inner(wallet).expect("all clients are gone"), answers)
}

fn split(answers: Vec<Answer<Mandate<Payment>>>) -> (Vec<Mandate<Payment>>, Vec<Reason>) {
    let (paid, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(Result::is_ok);
    (paid.into_iter().flatten().collect(), refused.into_iter().filter_map(Result::err).collect())
}

/// Lets the clients loose on caps that have room for `n` more payments, after one that was made before.
async fn releases(caps: impl Fn(u64) -> Vec<Cap>, reason: Reason) {
    for n in [0_u64, 1, 7, 40] {
        let Shop { mut wallet, _folder } = shop(1_000);
        let wishes = wishes(&wallet).await;
        let now = reading(MORNING);
        let first = wallet.buy(now.clone(), "travel", WARES[0], PRICE).await.unwrap();
        wallet.reload(now.clone(), caps(n + 1)).await;
        let (wallet, answers) = rush(wallet, wishes, false).await;
        let (mut paid, refused) = split(answers);
        assert_eq!(u64::try_from(paid.len()).unwrap(), n);
        assert_eq!(refused, vec![reason; CLIENTS - paid.len()]);
        paid.push(first);
        wallet.check(now.clone(), &paid).await;
        // What was counted is on disk.
        let wallet = wallet.restart(now.clone()).await;
        wallet.check(now.clone(), &paid).await;
        let (amount, count) = wallet.spent(now).await[0];
        assert_eq!((amount, count), ((n + 1) * PRICE.1, n + 1));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cap_on_an_amount_lets_exactly_as_many_through() {
    releases(|n| vec![Cap::spend("day", ("EUR", n * PRICE.1))], Reason::CapExceeded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_left_of_a_cap_buys_nothing_if_it_is_too_little() {
    let caps = |n| vec![Cap::spend("24h", ("EUR", n * PRICE.1 + PRICE.1 - 1))];
    releases(caps, Reason::CapExceeded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cap_on_a_number_lets_exactly_as_many_through() {
    let caps = |n| vec![Cap::spend("lifetime", ROOM), Cap::count("month", n)];
    releases(caps, Reason::CountExceeded).await;
}

/// The hotel has room for seven; who buys elsewhere is not held up by that.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cap_about_one_merchant_limits_that_one_alone() {
    let Shop { mut wallet, _folder } = shop(1_000);
    let wishes = wishes(&wallet).await;
    let of_lux = |cart: &Mandate<Cart>| cart.claims().iss.as_str() == LUX;
    let to_lux = wishes.iter().filter(|(_, cart)| of_lux(cart)).count();
    let hotel = Cap { about: [None, Some(LUX), None], ..Cap::count("day", 7) };
    wallet.reload(reading(MORNING), vec![Cap::spend("lifetime", ROOM), hotel]).await;
    let (wallet, answers) = rush(wallet, wishes, false).await;
    let (paid, refused) = split(answers);
    assert_eq!(paid.iter().filter(|paid| paid.claims().aud.as_str() == LUX).count(), 7);
    assert_eq!(refused, vec![Reason::CountExceeded; to_lux - 7]);
    wallet.check(reading(MORNING), &paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn an_agent_has_no_more_open_payments_than_it_may() {
    let Shop { wallet, _folder } = shop(5);
    let wishes = wishes(&wallet).await;
    let (wallet, answers) = rush(wallet, wishes, false).await;
    let (paid, refused) = split(answers);
    assert_eq!(paid.len(), 5 * AGENTS.len());
    assert_eq!(refused, vec![Reason::TooManyUnsettled; CLIENTS - paid.len()]);
    wallet.check(reading(MORNING), &paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_cart_is_paid_once_and_gives_everyone_the_same_bytes() {
    let Shop { wallet, _folder } = shop(1_000);
    let wish = wishes(&wallet).await.remove(0);
    let (wallet, answers) = rush(wallet, vec![wish; CLIENTS], false).await;
    let (paid, refused) = split(answers);
    assert_eq!(refused, []);
    assert!(paid.iter().all(|payment| payment.as_str() == paid[0].as_str()));
    assert_eq!(wallet.spent(reading(MORNING)).await, [(PRICE.1, 1)]);
    wallet.check(reading(MORNING), &paid).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_intent_pays_for_one_of_many_carts() {
    let Shop { wallet, _folder } = shop(1_000);
    let now = reading(MORNING);
    let intent = wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = || ("travel", wallet.parties.cart(&intent, PRICE, now.wall));
    let wishes = (0..CLIENTS).map(|_| cart()).collect();
    let (wallet, answers) = rush(wallet, wishes, false).await;
    let (paid, refused) = split(answers);
    assert_eq!(paid.len(), 1);
    assert_eq!(refused, vec![Reason::IntentAlreadyPaid; CLIENTS - 1]);
    wallet.check(now, &paid).await;
}

/// Wherever the freeze falls, what was not signed does not count and what was signed does.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_freeze_in_the_middle_leaves_exactly_what_was_signed() {
    let Shop { wallet, _folder } = shop(1_000);
    let wishes = wishes(&wallet).await;
    let (wallet, answers) = rush(wallet, wishes, true).await;
    let (paid, refused) = split(answers);
    assert!(refused.iter().all(|reason| *reason == Reason::Frozen), "{refused:?}");
    let count = u64::try_from(paid.len()).unwrap();
    let now = reading(MORNING);
    let late = wallet.buy(now.clone(), "travel", WARES[0], PRICE).await;
    assert_eq!(late.err(), Some(Reason::Frozen));
    assert_eq!(wallet.spent(now.clone()).await, [(count * PRICE.1, count)]);
    wallet.check(now.clone(), &paid).await;
    wallet.restart(now.clone()).await.check(now, &paid).await;
}
