//! What both journals have to say when the traffic is over.

use std::collections::BTreeMap;

use mandate::{Draft, Receipt, Status, UnverifiedMandate};
use mandate_gateway::book::StoppedBook;
use mandate_gateway::book::event as sold;
use mandate_journal::Entry;
use mandate_ledger::StoppedLedger;
use mandate_ledger::event as spent;

use crate::pair::Pair;

/// Entries that are read at once.
const PAGE: u32 = 256;

/// Both books once no process has them.
///
/// Both verify. Each execution of the API has one receipt, which says so, and no other use has one; the agents got
/// exactly these. The wallet has each of them once, and no hold is open.
pub fn check(pair: &Pair) {
    let book = pair.merchant.stopped();
    book.verify().expect("a good book");
    let signed = receipts_signed(&book);
    let told: BTreeMap<_, _> =
        pair.receipts().into_iter().map(|(key, told)| (key, told.status)).collect();
    assert!(signed == told, "the agents got other receipts than the book has");
    let mut executed: Vec<_> = pair.api.executions();
    executed.sort();
    let receipts = signed.iter().filter(|(_, status)| **status == Status::Executed);
    let receipts: Vec<_> = receipts.map(|(key, _)| key.clone()).collect();
    assert!(executed == receipts, "executions and receipts are not the same");

    let ledger = StoppedLedger::open(pair.home.paths.state_dir()).expect("a ledger");
    ledger.verify().expect("a good ledger");
    assert!(ledger.holds(0, 1).expect("holds").is_empty(), "a hold is open");
    let (payments, recorded) = receipts_recorded(&ledger);
    assert!(recorded == signed, "the wallet has other receipts than the gateway signed");
    assert_eq!(payments, book_uses(&book), "payments that nobody used");
}

fn pages<E: std::fmt::Debug>(
    page: impl Fn(u64) -> Result<Vec<Vec<u8>>, E>,
    mut each: impl FnMut(&Entry<'_>),
) {
    let mut from = 0;
    loop {
        let entries = page(from).expect("entries");
        if entries.is_empty() {
            return;
        }
        for bytes in &entries {
            each(&Entry::parse(bytes).expect("an entry"));
        }
        from += u64::try_from(entries.len()).expect("a count");
    }
}

/// What each receipt in the gateway's book says, by the key of its use.
fn receipts_signed(book: &StoppedBook) -> BTreeMap<String, Status> {
    let mut receipts = BTreeMap::new();
    pages(
        |from| book.entries(from, PAGE),
        |entry| {
            let sold::Event::Receipt(receipt) = sold::Event::parse(entry).expect("an event") else {
                return;
            };
            let draft = Draft::<Receipt>::from_stored(&receipt.header, &receipt.claims);
            let claims = draft.expect("a receipt").claims().clone();
            let key = key_of(&claims);
            assert!(receipts.insert(key, claims.status).is_none(), "two receipts for one use");
        },
    );
    receipts
}

/// How many payments the gateway used.
fn book_uses(book: &StoppedBook) -> u64 {
    let mut uses = 0;
    pages(
        |from| book.entries(from, PAGE),
        |entry| match sold::Event::parse(entry).expect("an event") {
            sold::Event::Use(used) => uses += u64::from(used.cart_seq.is_some()),
            sold::Event::Bar(_) => panic!("nobody asked for a void"),
            _ => {}
        },
    );
    uses
}

/// How many payments the wallet minted, and what each receipt in its ledger says, by the key of its use.
fn receipts_recorded(ledger: &StoppedLedger) -> (u64, BTreeMap<String, Status>) {
    let (mut payments, mut receipts) = (0, BTreeMap::new());
    pages(
        |from| ledger.entries(from, PAGE.try_into().expect("a count")),
        |entry| match spent::Event::parse(entry).expect("an event") {
            spent::Event::Payment(_) => payments += 1,
            spent::Event::Receipt(receipt) => {
                let receipt = UnverifiedMandate::<Receipt>::parse(&receipt.receipt);
                let claims = receipt.expect("a receipt").claims().clone();
                let before = receipts.insert(key_of(&claims), claims.status);
                assert!(before.is_none(), "a receipt was recorded twice");
            }
            _ => {}
        },
    );
    (payments, receipts)
}

fn key_of(claims: &mandate::ReceiptClaims) -> String {
    claims.payment.map_or_else(|| claims.intent.to_string(), |payment| payment.to_string())
}
