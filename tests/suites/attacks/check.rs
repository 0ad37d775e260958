//! What has to be true after every attack, whatever it met: one check of both stopped journals and the API.

use std::collections::BTreeMap;

use mandate::{Draft, Payment, Receipt, UnverifiedMandate};
use mandate_audit::{Contents, Export, Keys, TrustedKey, reconcile::reconcile, write};
use mandate_gateway::book::StoppedBook;
use mandate_journal::{Checkpoint, Entry};
use mandate_ledger::{Event, StoppedLedger};
use mandate_tests::alone;
use mandate_tests::gateway::{Sale, SaleState, check_calls, check_entries};
use mandate_tests::invariants;

use crate::street::Closed;

/// Entries read at a time.
const PAGE: u32 = 256;

/// A payment of the wallet's: its currency and amount in minor units, and what its merchant said of it.
#[derive(Debug, Default)]
struct Spent {
    price: (String, u64),
    outcome: Option<mandate::Status>,
}

/// Both journals verify. No cap was passed, and nothing was paid under a freeze; each intent, cart and payment was used
/// once; every payment that is out is in the wallet's ledger. The API executed each use once, and nothing that is not on
/// disk or is void. What the gateway sold to this principal the wallet paid, at that price; each receipt that the wallet
/// has says what the gateway's book says. An auditor with public keys alone finds that both journals agree.
pub fn check(closed: &Closed) {
    let (ledger, book) = {
        let _locking = alone();
        let ledger = StoppedLedger::open(closed.home.paths.state_dir()).expect("a ledger");
        (ledger, StoppedBook::open(&closed.merchant.state_dir()).expect("a book"))
    };
    ledger.verify().expect("a good ledger");
    book.verify().expect("a good book");
    let page = usize::try_from(PAGE).expect("a count");
    let wallet = all(|from| ledger.entries(from, page).expect("entries"));
    let gateway = all(|from| book.entries(from, PAGE).expect("entries"));

    let counted = invariants::check_entries(&wallet, &closed.terms, &closed.signed);
    let spent = spent(&wallet);
    let kept = spent.values().filter(|paid| paid.outcome != Some(mandate::Status::Void)).count();
    assert_eq!(counted.len(), kept, "what counts is not what was paid and not voided");
    let sales = check_entries(&gateway, &closed.merchant.merchant());
    check_calls(&sales, &closed.api.heard(), &closed.api.executions());
    check_views(closed, &spent, &sales);

    let folder = tempfile::tempdir().expect("a folder");
    let wallet = Side {
        checkpoint: ledger.checkpoint().expect("a ledger").expect("a checkpoint"),
        key: closed.home.key,
        entries: wallet,
    };
    let (_, key) = book.owner().expect("an owner");
    let gateway = Side {
        checkpoint: book.checkpoint().expect("a book").expect("a checkpoint"),
        key,
        entries: gateway,
    };
    let keys = Keys::new([&wallet, &gateway].map(Side::trusted));
    let export = |side: &Side, name| side.export(&folder.path().join(name), &keys);
    let found = reconcile(&export(&wallet, "wallet"), &[export(&gateway, "gateway")]);
    let found = found.expect("two exports");
    assert!(found.agrees(), "{found:#?}");
}

/// The wallet's view is the gateway's view.
fn check_views(closed: &Closed, spent: &BTreeMap<String, Spent>, sales: &BTreeMap<String, Sale>) {
    let ours = closed.home.principal().to_string();
    for sale in sales.values().filter(|sale| sale.principal == ours) {
        let Some(cart) = &sale.cart else { continue };
        let paid = spent.get(cart).unwrap_or_else(|| panic!("nobody paid for {sale:?}"));
        assert_eq!(sale.price.as_ref(), Some(&paid.price), "sold at another price");
    }
    let lux: BTreeMap<_, _> =
        sales.values().filter_map(|sale| Some((sale.cart.clone()?, sale))).collect();
    for (cart, paid) in spent {
        // What the rival said is the rival's; it has no book.
        let (Some(outcome), Some(sale)) = (paid.outcome, lux.get(cart)) else { continue };
        let state = match outcome {
            mandate::Status::Executed => SaleState::Executed,
            mandate::Status::Void => SaleState::Void,
        };
        assert_eq!(sale.state, state, "the wallet has another receipt");
    }
}

/// What the wallet's entries say of each payment, by the hash of its cart.
fn spent(entries: &[Vec<u8>]) -> BTreeMap<String, Spent> {
    let (mut spent, mut carts) = (BTreeMap::<String, Spent>::new(), BTreeMap::new());
    let mut frozen = false;
    for (seq, bytes) in (0_u64..).zip(entries) {
        let entry = Entry::parse(bytes).expect("an entry");
        match Event::parse(&entry).expect("an event") {
            Event::Freeze(_) => frozen = true,
            Event::Payment(payment) => {
                assert!(!frozen, "a payment was minted under a freeze");
                let draft = Draft::<Payment>::from_stored(&payment.header, &payment.claims);
                let claims = draft.expect("a payment").claims().clone();
                let total = claims.total;
                let price = (total.currency.code().to_owned(), total.amount.units());
                spent.insert(claims.cart.to_string(), Spent { price, outcome: None });
                carts.insert(seq, claims.cart.to_string());
            }
            Event::Receipt(receipt) => {
                let token = UnverifiedMandate::<Receipt>::parse(&receipt.receipt);
                let status = token.expect("a receipt").claims().status;
                if let Some(cart) = carts.get(&receipt.of_seq) {
                    // A merchant that says something else later takes nothing back.
                    spent.entry(cart.clone()).or_default().outcome.get_or_insert(status);
                }
            }
            Event::Withheld(withheld) => {
                spent.remove(&carts[&withheld.of_seq]);
            }
            _ => {}
        }
    }
    spent
}

/// One side's log, to be exported.
struct Side {
    checkpoint: Checkpoint,
    key: mandate::PublicKey,
    entries: Vec<Vec<u8>>,
}

impl Side {
    fn trusted(&self) -> TrustedKey {
        TrustedKey { key: self.key, origin: Some(self.checkpoint.origin().clone()) }
    }

    fn export(&self, dir: &std::path::Path, keys: &Keys) -> Export {
        let contents = Contents { checkpoint: &self.checkpoint, key: self.key, policy: None };
        let entries = self.entries.iter().cloned().map(Ok::<_, std::convert::Infallible>);
        write(dir, &contents, entries).expect("an export");
        Export::open(dir, keys).expect("an export that opens")
    }
}

fn all(page: impl Fn(u64) -> Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let more = page(u64::try_from(all.len()).expect("a count"));
        if more.is_empty() {
            return all;
        }
        all.extend(more);
    }
}
