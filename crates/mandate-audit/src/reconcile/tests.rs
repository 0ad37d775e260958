use std::path::Path;

use mandate::Signer as _;
use mandate_journal::Origin;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::keys::{Keys, TrustedKey};
use crate::testing::story::{Party, Street};
use crate::testing::{TestKey, keys, named as named_keys};

/// Exports everything and holds it against each other.
fn reconciled(street: &Street) -> Reconciliation {
    let shops = [(2, "mandate/gateway/shop-0"), (3, "mandate/gateway/shop-1")];
    judged(street, &named_keys(&[(1, "mandate/wallet/ada"), shops[0], shops[1]])).unwrap()
}

/// The same, as somebody sees it who has these keys.
fn judged(street: &Street, keys: &Keys) -> Result<Reconciliation, ReconcileError> {
    let temp = tempfile::tempdir().unwrap();
    let open = |party: &Party, name: &str| {
        let dir = temp.path().join(name);
        party.export(&dir);
        Export::open(&dir, keys).unwrap()
    };
    let wallet = open(&street.wallet, "wallet");
    let gateways = street.gateways.iter().zip(["a", "b", "c"]);
    let gateways: Vec<Export> = gateways.map(|(party, name)| open(party, name)).collect();
    reconcile(&wallet, &gateways)
}

/// The findings in short: whose log, what, and which entries.
fn short(found: &Reconciliation) -> Vec<(String, &'static str, u64, u64)> {
    let short = |finding: &Finding| {
        (finding.fault.to_string(), finding.kind.as_str(), finding.from, finding.to)
    };
    found.findings.iter().map(short).collect()
}

fn street(purchases: u64) -> Street {
    let mut street = Street::new(1);
    for number in 0..purchases {
        street.buy(0, 10_000 + number);
    }
    street
}

// The logs of such a street, a purchase being three entries on each side:
// wallet   0 init | 1 intent, 2 payment, 3 receipt kept | 4 …
// gateway  0 init | 1 cart, 2 use, 3 receipt | 4 …

const SHOP: &str = "gateway shop-0";
const ADA: &str = "wallet ada";

fn one(fault: &str, kind: &'static str, from: u64, to: u64) -> (String, &'static str, u64, u64) {
    (fault.to_owned(), kind, from, to)
}

#[test]
fn honest_logs_agree() {
    let found = reconciled(&street(4));
    assert!(found.agrees(), "{found:?}");
    assert_eq!((found.purchases, found.totals_minor.get("EUR")), (4, Some(&40_006)));
    let proven: Vec<u64> = found.logs.iter().map(|log| log.proven).collect();
    assert_eq!(proven, [8, 8], "each token of one side is kept by the other");
    assert_eq!(found.partings, []);
}

#[test]
fn one_key_cannot_stand_for_two_parties() {
    let temp = tempfile::tempdir().unwrap();
    let open = |party: &Party, name: &str| {
        let dir = temp.path().join(name);
        party.export(&dir);
        Export::open(&dir, &keys(&[1])).unwrap()
    };
    let wallet = open(&Party::new("wallet", "ada", 1), "wallet");
    let gateway = open(&Party::new("gateway", "shop-0", 1), "gateway");
    let error = reconcile(&wallet, &[gateway]).unwrap_err();
    assert!(matches!(error, ReconcileError::OneKey { .. }), "{error}");
}

#[test]
fn a_deleted_receipt_is_named_on_the_side_that_deleted_it() {
    let mut broken = street(4);
    let mut entries = broken.gateways[0].entries.clone();
    entries.remove(6);
    broken.gateways[0].rewrite(entries);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(SHOP, "missing", 6, 6)], "{found:#?}");
    let evidence = &found.findings[0].evidence[0];
    assert_eq!((evidence.typ, evidence.held_in, evidence.log.size), ("receipt", 6, 7));
    let [parting] = &found.partings[..] else { panic!("{found:?}") };
    assert_eq!((parting.agreed, parting.parted), (5, 7));
}

#[test]
fn a_rewritten_amount_is_named_with_both_amounts() {
    let mut broken = street(4);
    let rewritten = broken.wallet.entries.iter().enumerate().map(|(seq, entry)| {
        let text = String::from_utf8(entry.clone()).unwrap();
        let text =
            if seq == 5 { text.replace("\"amount\":10001", "\"amount\":18000") } else { text };
        text.into_bytes()
    });
    let rewritten: Vec<_> = rewritten.collect();
    broken.wallet.rewrite(rewritten);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(ADA, "altered", 5, 5)], "{found:#?}");
    let [difference] = &found.findings[0].differences[..] else { panic!("{found:?}") };
    assert_eq!(difference.claim, "total");
    assert_eq!(difference.entry, Some(json!({ "currency": "EUR", "amount": 18_000 })));
    assert_eq!(difference.token, Some(json!({ "currency": "EUR", "amount": 10_001 })));
    assert_eq!(found.findings[0].evidence[0].typ, "payment");
}

#[test]
fn what_has_no_token_of_its_own_is_narrowed_down_to_the_entries_between() {
    let mut broken = street(4);
    let mut entries = broken.gateways[0].entries.clone();
    let text = String::from_utf8(entries[5].clone()).unwrap().replace("\"use\"", "\"used\"");
    entries[5] = text.into_bytes();
    broken.gateways[0].rewrite(entries);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(SHOP, "altered", 5, 6)], "{found:#?}");
}

#[test]
fn inserted_and_removed_entries_are_counted() {
    let mut broken = street(4);
    let mut entries = broken.wallet.entries.clone();
    let mut other = broken.wallet.clone();
    other.append("denial", &json!({ "reason": "CAP_EXCEEDED" }));
    entries.insert(6, other.entries.last().unwrap().clone());
    entries.insert(6, other.entries.last().unwrap().clone());
    broken.wallet.rewrite(entries);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(ADA, "extra", 6, 8)], "{found:#?}");
    assert!(found.findings[0].what.starts_with("2 more"), "{found:#?}");

    let mut broken = street(4);
    let mut entries = broken.gateways[0].entries.clone();
    entries.remove(5);
    broken.gateways[0].rewrite(entries);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(SHOP, "missing", 5, 5)], "{found:#?}");
}

#[test]
fn reordered_entries_are_named() {
    for (one_seq, two_seq) in [(6, 7), (5, 6)] {
        let mut broken = street(4);
        let mut entries = broken.gateways[0].entries.clone();
        entries.swap(one_seq, two_seq);
        broken.gateways[0].rewrite(entries);
        let found = reconciled(&broken);
        let [(fault, kind, from, _)] = &short(&found)[..] else { panic!("{found:#?}") };
        assert_eq!((fault.as_str(), *kind), (SHOP, "reordered"), "{found:#?}");
        assert!((5..=7).contains(from), "{found:#?}");
    }
}

#[test]
fn a_restored_backup_that_went_on_is_named() {
    let mut broken = street(2);
    let backup = broken.gateways[0].clone();
    broken.buy(0, 500);
    broken.gateways[0] = backup;
    broken.buy(0, 700);
    let found = reconciled(&broken);
    let kinds: std::collections::BTreeSet<&str> =
        found.findings.iter().map(|finding| finding.kind.as_str()).collect();
    assert!(found.findings.iter().all(|finding| finding.fault.to_string() == SHOP), "{found:#?}");
    assert!(kinds.contains("rolled_back") && kinds.contains("two_histories"), "{found:#?}");
    assert_eq!(found.partings[0].agreed, 7);

    let mut broken = street(2);
    let backup = broken.wallet.clone();
    broken.buy(0, 500);
    broken.wallet = backup;
    broken.buy(0, 700);
    let found = reconciled(&broken);
    assert!(found.findings.iter().all(|finding| finding.fault.to_string() == ADA), "{found:#?}");
    assert!(found.findings.iter().any(|f| f.kind == FindingKind::RolledBack), "{found:#?}");
}

#[test]
fn a_backup_that_did_not_go_on_is_beyond_and_no_fault() {
    let mut behind = street(2);
    let backup = behind.gateways[0].clone();
    behind.buy(0, 500);
    behind.gateways[0] = backup;
    let found = reconciled(&behind);
    assert!(found.agrees(), "{found:#?}");
    assert_eq!((found.logs[1].beyond, found.logs[1].beyond_size), (2, 10));
}

#[test]
fn two_histories_are_named_also_across_gateways() {
    let mut street = Street::new(2);
    street.buy(0, 100);
    let mut other = street.clone();
    let intent = street.intent(0);
    street.cart(0, &intent, 100);
    // The same wallet shows the other merchant another history of the same length.
    let shown = other.intent(1);
    street.cart(1, &shown, 900);
    let found = reconciled(&street);
    assert_eq!(short(&found)[0].1, "two_histories", "{found:#?}");
    assert_eq!(found.findings[0].fault.to_string(), ADA);
    let holders: Vec<String> =
        found.findings[0].evidence.iter().map(|token| token.held_by.to_string()).collect();
    assert_eq!(holders.len(), 2);
    assert_ne!(holders[0], holders[1]);
}

#[test]
fn a_token_and_a_checkpoint_of_one_size_and_two_roots_are_two_histories() {
    let mut broken = street(2);
    // The last entry is the second receipt; the use before it is rewritten, and the head signed again.
    let mut entries = broken.gateways[0].entries.clone();
    let text = String::from_utf8(entries[5].clone()).unwrap().replace("\"use\"", "\"used\"");
    entries[5] = text.into_bytes();
    broken.gateways[0].rewrite(entries);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(SHOP, "two_histories", 6, 6)], "{found:#?}");
}

#[test]
fn a_token_that_its_peer_did_not_sign_is_the_holder_s_fault() {
    let mut broken = street(1);
    let mut forger = broken.clone();
    forger.gateways[0] = {
        let mut stranger = Party::new("gateway", "shop-0", 9);
        stranger.append("policy", &json!({}));
        stranger
    };
    let (_, receipt) = forger.buy(0, 100);
    broken.hand_in(&receipt);
    let found = reconciled(&broken);
    assert_eq!(short(&found), [one(ADA, "foreign_token_invalid", 4, 4)], "{found:#?}");
}

#[test]
fn a_key_that_is_somebody_else_s_frames_nobody() {
    // The auditor has keys of others, too: of a shop whose log is not here, or one that a party had before.
    let mut street = Street::new(1);
    let intent = street.intent(0);
    let cart = street.cart(0, &intent, 100);
    let payment = street.pay(&cart);
    let mut forger = street.clone();
    forger.gateways[0] = {
        let mut other = Party::new("gateway", "shop-0", 3);
        other.rewrite(street.gateways[0].entries.clone());
        other
    };
    // It never came to the shop, whose log went on.
    street.hand_in(&forger.execute(0, &payment));
    for _ in 0..4 {
        street.gateways[0].append("policy", &json!({}));
    }
    let found = reconciled(&street);
    assert_eq!(short(&found), [one(ADA, "foreign_token_invalid", 3, 3)], "{found:#?}");
}

/// The same entries under another party's key, also in the headers if that is asked.
fn signed_by(party: &Party, seed: u8, with_headers: bool) -> Party {
    let [from, to] = [party.key(), TestKey::new(seed)].map(|key| key.public_key().id().to_string());
    let mut other = party.under(seed);
    let entries = party.entries.iter().map(|entry| {
        let text = str::from_utf8(entry).unwrap();
        if with_headers { text.replace(&from, &to) } else { text.to_owned() }.into_bytes()
    });
    other.rewrite(entries);
    other
}

#[test]
fn keys_without_a_name_do_where_each_signed_its_own_log() {
    let mut street = Street::new(2);
    street.buy(0, 100);
    street.buy(1, 200);
    let found = judged(&street, &keys(&[3, 1, 2])).unwrap();
    assert!(found.agrees() && found.purchases == 2, "{found:#?}");
}

#[test]
fn a_log_under_another_s_key_accuses_nobody_else() {
    let honest = street(2);
    // The key of a merchant whose log was not handed in signs the wallet's: with the keys as they were in it, or changed.
    for with_headers in [false, true] {
        let mut broken = honest.clone();
        broken.wallet = signed_by(&honest.wallet, 3, with_headers);
        let error = judged(&broken, &keys(&[1, 2, 3])).unwrap_err();
        let ReconcileError::KeyUnused { key, log, .. } = &error else { panic!("{error}") };
        assert_eq!((*key, log.to_string()), (TestKey::new(1).public_key().id(), ADA.to_owned()));
        assert!(error.to_string().ends_with("`mandate/wallet/ada=KEY`"), "{error}");
    }
    // Also where that key is all that was given for the wallet: its own pages name another.
    let mut broken = honest.clone();
    broken.wallet = signed_by(&honest.wallet, 3, false);
    let error = judged(&broken, &keys(&[2, 3])).unwrap_err();
    let expected =
        "the export of wallet ada: tile/entries/000.p/7: entry 1 is a token under the key ";
    assert!(error.to_string().starts_with(expected), "{error}");
    // And with the merchant's help, who signs with the wallet's key in turn, so that no key is left over.
    let mut street = Street::new(2);
    street.buy(0, 100);
    let mut broken = street.clone();
    broken.wallet = signed_by(&street.wallet, 3, true);
    broken.gateways[1] = signed_by(&street.gateways[1], 1, true);
    let error = judged(&broken, &keys(&[1, 2, 3])).unwrap_err();
    assert!(matches!(&error, ReconcileError::KeyUndecided { .. }), "{error}");
    assert!(error.to_string().starts_with("gateway shop-0 keeps intent "), "{error}");
    assert!(error.to_string().ends_with("`mandate/wallet/ada=KEY`"), "{error}");
}

#[test]
fn what_a_party_signed_in_a_log_that_it_lost_accuses_nobody() {
    let mut street = street(2);
    let lost = street.gateways[0].key().public_key();
    // It began a new one under a new key, as it has to, and the wallet lists that in place of the old one.
    street.gateways[0] = Party::new("gateway", "shop-0", 3);
    street.buy(0, 500);
    let shop: Origin = "mandate/gateway/shop-0".parse().unwrap();
    let named = [lost, TestKey::new(3).public_key()]
        .map(|key| TrustedKey { key, origin: Some(shop.clone()) });
    let ada = TrustedKey { key: TestKey::new(1).public_key(), origin: None };
    let known = Keys::new(named.into_iter().chain([ada]));
    let temp = tempfile::tempdir().unwrap();
    let open = |party: &Party, name: &str| {
        party.export(&temp.path().join(name));
        Export::open(&temp.path().join(name), &known).unwrap()
    };
    let gateway = open(&street.gateways[0], "gateway");
    let found = reconcile(&open(&street.wallet, "wallet"), &[gateway]).unwrap();
    assert!(found.agrees(), "{found:#?}");
    let told: Vec<_> = found.logs.iter().map(|log| (log.proven, log.unasked)).collect();
    assert_eq!(told, [(2, 4), (2, 0)], "two carts and two receipts are of the log that was lost");
}

#[test]
fn the_wallet_s_own_key_signs_nothing_of_a_merchant_s() {
    let street = street(1);
    let temp = tempfile::tempdir().unwrap();
    let dir = |name: &str| temp.path().join(name);
    street.wallet.export(&dir("wallet"));
    street.gateways[0].export(&dir("gateway"));
    let open = |dir: &Path| Export::open(dir, &keys(&[1, 2])).unwrap();
    let (wallet, gateway) = (open(&dir("wallet")), open(&dir("gateway")));
    let twice = [open(&dir("gateway")), gateway];
    assert!(matches!(reconcile(&wallet, &twice), Err(ReconcileError::Twice { .. })));
    let [one, _] = twice;
    assert!(matches!(reconcile(&one, &[]), Err(ReconcileError::Side { .. })));
    let named =
        TrustedKey { key: *wallet.key(), origin: Some("mandate/gateway/x".parse().unwrap()) };
    assert!(Export::open(&dir("wallet"), &Keys::new([named])).is_err());
}

/// What agents do, one after the other or mixed up.
#[derive(Debug, Clone)]
enum Step {
    Intent(usize),
    Cart(usize),
    Pay(usize),
    Execute(usize),
    HandIn(usize),
    Noise(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        (0usize..2).prop_map(Step::Intent),
        any::<usize>().prop_map(Step::Cart),
        any::<usize>().prop_map(Step::Pay),
        any::<usize>().prop_map(Step::Execute),
        any::<usize>().prop_map(Step::HandIn),
        any::<bool>().prop_map(Step::Noise),
    ];
    proptest::collection::vec(step, 1..80)
}

fn lived(steps: &[Step]) -> Street {
    let mut street = Street::new(2);
    let (mut intents, mut carts, mut payments, mut receipts) = (vec![], vec![], vec![], vec![]);
    for step in steps {
        match *step {
            Step::Intent(at) => intents.push((at, street.intent(at))),
            Step::Cart(any) if !intents.is_empty() => {
                let (at, intent) = intents.swap_remove(any % intents.len());
                carts.push((at, street.cart(at, &intent, 100)));
            }
            Step::Pay(any) if !carts.is_empty() => {
                let (at, cart) = carts.swap_remove(any % carts.len());
                payments.push((at, street.pay(&cart)));
            }
            Step::Execute(any) if !payments.is_empty() => {
                let (at, payment) = payments.swap_remove(any % payments.len());
                receipts.push(street.execute(at, &payment));
            }
            Step::HandIn(any) if !receipts.is_empty() => {
                let receipt = receipts.swap_remove(any % receipts.len());
                street.hand_in(&receipt);
            }
            Step::Noise(true) => drop(street.wallet.append("denial", &json!({}))),
            Step::Noise(false) => drop(street.gateways[0].append("rate_limited", &json!({}))),
            _ => {}
        }
    }
    street
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn honest_logs_are_quiet_wherever_they_are_cut_off(
        steps in steps(),
        cuts in any::<[proptest::sample::Index; 3]>(),
    ) {
        let mut street = lived(&steps);
        let cut = |party: &Party, cut: &proptest::sample::Index| party.until(cut.index(party.entries.len()) + 1);
        street.wallet = cut(&street.wallet, &cuts[0]);
        let gateways = street.gateways.iter().zip(&cuts[1..]);
        street.gateways = gateways.map(|(party, at)| cut(party, at)).collect();
        let found = reconciled(&street);
        prop_assert!(found.agrees(), "{:#?}", found);
    }

    #[test]
    fn a_change_before_a_proven_size_is_never_missed(
        purchases in 2u64..6,
        at: proptest::sample::Index,
        how in 0usize..4,
        is_wallet: bool,
    ) {
        let mut street = street(purchases);
        let party = if is_wallet { &mut street.wallet } else { &mut street.gateways[0] };
        // The wallet's last token is its last payment; what comes later nobody has signed over.
        let anchored = party.entries.len() - if is_wallet { 2 } else { 1 };
        let at = 1 + at.index(anchored - 1);
        let mut entries = party.entries.clone();
        match how {
            0 => drop(entries.remove(at)),
            1 => entries.swap(at - 1, at),
            2 => entries.insert(at, entries[0].clone()),
            _ => {
                let text = String::from_utf8(entries[at].clone()).unwrap();
                let open = text.strip_suffix('}').unwrap();
                entries[at] = format!("{open},\"more\":1}}").into_bytes();
            }
        }
        party.rewrite(entries);
        let found = reconciled(&street);
        prop_assert!(!found.agrees());
        let fault = if is_wallet { ADA } else { SHOP };
        for finding in &found.findings {
            prop_assert_eq!(finding.fault.to_string(), fault, "{:#?}", found);
        }
    }
}
