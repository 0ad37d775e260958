//! A ledger with a past: purchases made through the real ledger, before its daemon is started.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use mandate::clock::Clock as _;
use mandate::{Kind, Mandate};
use mandate_host::clock::SystemClock;
use mandate_keys::{Seed, SigningKey};
use mandate_ledger::{Caller, Ledger, Options, Outcome, Permit, Redeemed};
use mandate_policy::Rules;
use mandate_tests::wallet::{NoUsers, fresh_jti, one_of};
use mandate_tests::{Home, RIVAL, alone};

/// Entries of one purchase: its intent, its payment, its receipt.
const ENTRIES_PER_PURCHASE: u64 = 3;
/// Who buys at a time: as many requests as the writer takes into one transaction.
const BUYERS: u64 = 128;

struct Past {
    ledger: Ledger,
    key: SigningKey,
    clock: SystemClock,
    home: Home,
    left: AtomicU64,
}

/// Buys until the ledger has this many entries.
///
/// What is written is what a daemon writes: the same decisions, projections and signed checkpoints, by the same writer.
pub fn fill(home: Home, toml: &str, entries: u64) -> Home {
    let rules = Arc::new(Rules::parse(toml, &NoUsers).expect("rules"));
    let seed = home.seed().try_into().expect("a seed");
    let locking = alone();
    let opened = Ledger::open(home.paths.state_dir(), Arc::clone(&rules), Options::default());
    drop(locking);
    let (ledger, _died) = opened.expect("a ledger");
    ledger.sign_with(Arc::new(SigningKey::from_seed(Seed::copy_from(&seed))));
    let key = SigningKey::from_seed(Seed::copy_from(&seed));
    let clock = SystemClock::new().expect("a clock");
    let left = AtomicU64::new(entries / ENTRIES_PER_PURCHASE);
    let past = Arc::new(Past { ledger, key, clock, home, left });
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        past.ledger.reload(past.clock.read(), rules).await.expect("the rules are written");
        let buyers = (0..BUYERS).map(|_| tokio::spawn(Arc::clone(&past).buy()));
        for buyer in buyers.collect::<Vec<_>>() {
            buyer.await.expect("no purchase fails");
        }
    });
    drop(runtime);
    let past = Arc::into_inner(past).expect("all buyers are gone");
    let locking = alone();
    past.ledger.close().expect("an orderly end");
    drop(locking);
    past.home
}

impl Past {
    async fn buy(self: Arc<Self>) {
        let caller =
            Caller { agent: Some("travel".parse().expect("a name")), uid: self.home.uid() };
        let take = |left: u64| left.checked_sub(1);
        while self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
            let (ask, now) = (one_of((RIVAL, "book_flight")), self.clock.read());
            let minted = self.ledger.mint_intent(now.clone(), &caller, ask, fresh_jti()).await;
            let intent = self.signed(minted.expect("written"));
            let (title, price) = ("a flight".parse().expect("text"), "1.80 EUR".parse());
            let rival = &self.home.rival;
            let cart = rival.cart(&intent, title, price.expect("an amount"), now.wall);
            let cart = rival.sign_cart(&cart.expect("claims")).expect("a cart");
            let paid = self.ledger.reserve(now.clone(), &caller, cart, fresh_jti()).await;
            let payment = self.signed(paid.expect("written"));
            let receipt = rival.executed(&payment, "A-1".parse().expect("text"), now.wall);
            let receipt = rival.sign_receipt(&receipt.expect("claims")).expect("a receipt");
            let settled = self.ledger.record_receipt(now, &caller, receipt).await;
            assert!(matches!(settled.expect("written"), Outcome::Granted(_)));
        }
    }

    fn signed<K: Kind>(&self, minted: Outcome<Permit<K>>) -> Mandate<K> {
        let Outcome::Granted(permit) = minted else { panic!("a purchase was refused") };
        match permit.redeem(|draft, head| draft.issue(head, &self.key)) {
            Redeemed::Signed(mandate) => mandate,
            _ => panic!("nothing stops this signature"),
        }
    }
}
