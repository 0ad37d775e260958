use std::convert::Infallible;

use mandate::Signer as _;
use mandate_journal::tree::{Frontier, inclusion_path, leaf_hash};
use proptest::prelude::*;

use super::*;
use crate::keys::TrustedKey;
use crate::story::Story;
use crate::testing::story::{Party, Street};
use crate::testing::{TestKey, keys, named};

/// The proof of an entry of a log, with tokens beside it.
fn proof(party: &Party, seq: usize, tokens: &[String]) -> String {
    let mut frontier = Frontier::default();
    let nodes: Vec<NodeHash> =
        party.entries.iter().flat_map(|entry| frontier.push(leaf_hash(entry)).nodes).collect();
    let (index, size) = (u64::try_from(seq).unwrap(), frontier.size());
    let node = |id: mandate_journal::tree::NodeId| {
        Ok::<_, Infallible>(nodes[usize::try_from(id.position()).unwrap()])
    };
    let path = inclusion_path(index, size, node).unwrap();
    let entry = str::from_utf8(&party.entries[seq]).unwrap();
    compose(&party.checkpoint(), index, path, entry, tokens).unwrap()
}

/// The proof of an entry of a log, with what that log gathers beside it.
fn told(party: &Party, seq: usize) -> String {
    let read = |bytes| Entry::parse(bytes).unwrap();
    let mut story = Story::of(&read(&party.entries[seq]));
    party.entries.iter().for_each(|bytes| story.take(&read(bytes)));
    proof(party, seq, &story.tokens())
}

fn wrong(checked: &Checked) -> Vec<String> {
    let wrong = checked.facts.iter().filter(|fact| !fact.proven);
    wrong.map(|fact| format!("{} {}", fact.about, fact.says)).collect()
}

#[test]
fn a_payment_is_proven_with_its_cart_and_receipt() {
    let mut street = Street::new(1);
    street.buy(0, 100);
    let (payment, receipt) = street.buy(0, 200);
    let proof = proof(&street.wallet, 5, &[receipt.as_str().to_owned()]);
    let checked = check(proof.as_bytes(), &keys(&[1, 2])).unwrap();
    assert!(checked.is_proven(), "{:#?}", checked.facts);
    assert_eq!((checked.seq, checked.log.to_string()), (5, "wallet ada".to_owned()));
    assert!(checked.entry.contains(&payment.claims().jti.to_string()));
    let says: Vec<&str> = checked.facts.iter().map(|fact| fact.says.as_str()).collect();
    for expected in ["the entry names H(cart)", "names H(cart)", "has the same `total`"] {
        assert!(says.contains(&expected), "{says:?}");
    }
    assert!(says.contains(&"answers the log right after the entry"), "{says:?}");
}

#[test]
fn a_receipt_is_proven_from_the_gateway_s_log() {
    let mut street = Street::new(1);
    let (payment, _) = street.buy(0, 200);
    let proof = proof(&street.gateways[0], 3, &[payment.as_str().to_owned()]);
    let checked = check(proof.as_bytes(), &keys(&[1, 2])).unwrap();
    assert!(checked.is_proven(), "{:#?}", checked.facts);
}

#[test]
fn what_is_only_said_is_not_proven() {
    let mut street = Street::new(1);
    let (_, other) = street.buy(0, 100);
    let (_, receipt) = street.buy(0, 200);
    let with = |tokens: &[&str], known: &[u8]| {
        let tokens: Vec<String> = tokens.iter().map(|&token| token.to_owned()).collect();
        wrong(&check(proof(&street.wallet, 5, &tokens).as_bytes(), &keys(known)).unwrap())
    };
    let receipt_of_other = with(&[other.as_str()], &[1, 2]);
    assert!(receipt_of_other.iter().any(|fact| fact.ends_with("has the same `total`")));
    assert!(receipt_of_other.iter().any(|fact| fact.ends_with("names H(cart)")));
    let without_key = with(&[receipt.as_str()], &[1]);
    assert_eq!(without_key.len(), 2, "neither cart nor receipt: {without_key:?}");
    assert!(without_key.iter().all(|fact| fact.ends_with("is signed by gateway shop-0")));
    let own = street.clone().intent(0);
    assert!(with(&[own.as_str(), "x.y.z"], &[1, 2]).len() > 1);
    let mut damaged = receipt.as_str().to_owned();
    let last = if damaged.ends_with('A') { "Q" } else { "A" };
    damaged.replace_range(damaged.len() - 1.., last);
    assert!(with(&[&damaged], &[1, 2])[0].contains("is"), "a flipped signature is no proof");
}

#[test]
fn a_file_that_proves_nothing_says_why() {
    let mut street = Street::new(1);
    street.buy(0, 100);
    let fault =
        |text: &str, known: &[u8]| check(text.as_bytes(), &keys(known)).unwrap_err().to_string();
    let text = proof(&street.wallet, 2, &[]);
    assert!(fault(&text, &[2]).contains("no key that is known signed it"));
    let mut parsed = TlogProof::parse(text.as_bytes()).unwrap();
    parsed.extra = None;
    assert!(fault(&parsed.print(), &[1]).starts_with("line 2: there is no `extra`"));
    parsed.extra = Some(b"{\"entry\":1}".to_vec());
    assert!(fault(&parsed.print(), &[1]).starts_with("line 2: `extra` is not"));
    parsed.extra = Some(b"{\"entry\":\"\",\"tokens\":[]}\n".to_vec());
    assert!(fault(&parsed.print(), &[1]).contains("not in its one spelling"));
    let many = vec![String::new(); PROOF_TOKENS_MAX + 1];
    let extra = Extra { entry: String::new(), tokens: many };
    parsed.extra = Some(serde_json::to_vec(&extra).unwrap());
    assert!(fault(&parsed.print(), &[1]).starts_with("there are 17 tokens"));
    let other = str::from_utf8(&street.wallet.entries[1]).unwrap().to_owned();
    let extra = Extra { entry: other, tokens: Vec::new() };
    parsed.extra = Some(serde_json::to_vec(&extra).unwrap());
    assert!(fault(&parsed.print(), &[1]).starts_with("the entry is not in the log"));
}

/// One entry as a log of its own, as whoever has the key of that seed can make it.
fn forged(side: &'static str, id: &str, seed: u8, entry: &str) -> String {
    let mut party = Party::new(side, id, seed);
    party.rewrite([entry.as_bytes().to_vec()]);
    proof(&party, 0, &[])
}

#[test]
fn a_merchant_s_own_key_proves_nothing_of_a_wallet() {
    let mut street = Street::new(1);
    let (payment, receipt) = street.buy(0, 500_000);
    let by_name = named(&[(1, "mandate/wallet/ada"), (2, "mandate/gateway/shop-0")]);
    let one_by_name = Keys::new([1, 2].map(|seed| TrustedKey {
        key: TestKey::new(seed).public_key(),
        origin: (seed == 1).then(|| "mandate/wallet/ada".parse().unwrap()),
    }));
    let refused = |text: &str| {
        let error = check(text.as_bytes(), &keys(&[1, 2])).unwrap_err();
        assert!(matches!(error, EntryProofError::KeyUndecided { count: 2, .. }), "{error}");
        for known in [&by_name, &one_by_name] {
            let error = check(text.as_bytes(), known).unwrap_err();
            assert!(error.to_string().contains("no key that is known signed it"), "{error}");
        }
        error.to_string()
    };
    // The shop signs a payment of the wallet's, less the cart that it could not have kept under two keys.
    let entry = str::from_utf8(&street.wallet.entries[2]).unwrap();
    let (entry, _) = entry.split_once(",\"cart\":\"ey").unwrap();
    let entry = format!("{entry}}}");
    let [ada, shop] = [1, 2].map(|seed| TestKey::new(seed).public_key().id().to_string());
    for entry in [entry.replace(&ada, &shop), entry.clone()] {
        let error = refused(&forged("wallet", "ada", 2, &entry));
        assert!(error.contains("by name, `mandate/wallet/ada=KEY`"), "{error}");
    }
    // Even alone, a key proves no token that names another one.
    let alone = check(forged("wallet", "ada", 2, &entry).as_bytes(), &keys(&[2])).unwrap();
    assert_eq!(
        wrong(&alone),
        [format!("entry 0 is the payment {} (kind `payment`)", payment.claims().jti)]
    );
    // And the wallet signs a receipt of the shop's; the payment beside it is its own.
    let entry = str::from_utf8(&street.gateways[0].entries[3]).unwrap();
    let entry = entry.replace(&shop, &ada);
    assert!(entry.contains(&receipt.claims().jti.to_string()));
    let error = refused(&forged("gateway", "shop-0", 1, &entry));
    assert!(error.contains("by name, `mandate/gateway/shop-0=KEY`"), "{error}");
    let mut party = Party::new("gateway", "shop-0", 1);
    party.rewrite([entry.into_bytes()]);
    refused(&proof(&party, 0, &[payment.as_str().to_owned()]));
}

#[test]
fn the_id_of_a_wallet_decides_its_key() {
    let mut street = Street::new(1);
    let id = TestKey::new(1).public_key().did_key();
    street.wallet = Party::new("wallet", &id, 1);
    let (_, receipt) = street.buy(0, 200);
    let checked = |party: &Party, seq, tokens: &[String], known: &[u8]| {
        check(proof(party, seq, tokens).as_bytes(), &keys(known))
    };
    let receipt = [receipt.as_str().to_owned()];
    for known in [[1, 2], [2, 1]] {
        assert!(checked(&street.wallet, 2, &receipt, &known).unwrap().is_proven());
        // Nothing of the merchant's stands beside the start of the log.
        assert!(checked(&street.wallet, 0, &[], &known).unwrap().is_proven());
    }
    let any_key = checked(&street.wallet, 2, &receipt, &[1, 2, 3]).unwrap();
    assert_eq!(wrong(&any_key).len(), 2, "which one is the shop's? {:?}", any_key.facts);
    let forged = forged("wallet", &id, 2, str::from_utf8(&street.wallet.entries[0]).unwrap());
    let error = check(forged.as_bytes(), &keys(&[1, 2])).unwrap_err();
    assert!(error.to_string().contains("no key that is known signed it"), "{error}");
}

#[test]
fn a_token_of_the_counterpart_tells_whose_key_is_whose() {
    let mut street = Street::new(1);
    let (_, receipt) = street.buy(0, 200);
    let receipt = [receipt.as_str().to_owned()];
    let checked = |seq, tokens: &[String], known: &[u8]| {
        check(proof(&street.wallet, seq, tokens).as_bytes(), &keys(known))
    };
    assert!(checked(2, &receipt, &[1, 2]).unwrap().is_proven());
    assert!(checked(0, &[], &[1]).unwrap().is_proven(), "given alone, it is this log's");
    for (seq, tokens, known) in
        [(0, &[][..], &[1, 2][..]), (2, &receipt, &[1, 2, 3]), (2, &receipt, &[1, 3])]
    {
        let error = checked(seq, tokens, known).unwrap_err();
        assert!(matches!(error, EntryProofError::KeyUndecided { .. }), "{seq}: {error}");
    }
}

#[test]
fn a_proof_has_beside_it_what_belongs_to_its_entry_alone() {
    let mut street = Street::new(1);
    let intent = street.intent(0);
    // Nobody paid the first one, and the same intent asked again.
    street.cart(0, &intent, 100);
    let cart = street.cart(0, &intent, 200);
    // A freeze withheld the first payment of it.
    street.pay(&cart);
    let payment = street.pay(&cart);
    let receipt = street.execute(0, &payment);
    street.hand_in(&receipt);
    let tokens = |party: &Party, seq: usize| {
        let text = told(party, seq);
        let checked = check(text.as_bytes(), &keys(&[1, 2])).unwrap();
        assert!(checked.is_proven(), "entry {seq}: {:#?}", checked.facts);
        let proof = TlogProof::parse(text.as_bytes()).unwrap();
        serde_json::from_slice::<Extra>(&proof.extra.unwrap()).unwrap().tokens
    };
    let (asked, paid) = (intent.as_str(), payment.as_str());
    let shop = &street.gateways[0];
    assert_eq!(tokens(shop, 1), [""; 0], "the first cart: its intent is in the entry");
    assert_eq!(tokens(shop, 2), [paid], "the second cart");
    assert_eq!(tokens(shop, 3), [asked], "the use of the payment");
    assert_eq!(tokens(shop, 4), [asked, paid], "the receipt");
    let (cart, receipt) = (cart.as_str(), receipt.as_str());
    assert_eq!(tokens(&street.wallet, 1), [cart, receipt], "the intent");
    assert_eq!(tokens(&street.wallet, 2), [""; 0], "the payment that was never signed");
    assert_eq!(tokens(&street.wallet, 3), [receipt], "the other: its cart is in the entry");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_a_log_gathers_beside_its_tokens_is_proven(
        steps in proptest::collection::vec((0u8..5, any::<proptest::sample::Index>()), 1..40),
    ) {
        let mut street = Street::new(1);
        let (mut intents, mut carts, mut payments, mut receipts) = (vec![], vec![], vec![], vec![]);
        // Any of them may be answered more than once.
        for (step, any) in steps {
            match step {
                0 => intents.push(street.intent(0)),
                1 if !intents.is_empty() => carts.push(street.cart(0, any.get(&intents), 100)),
                2 if !carts.is_empty() => payments.push(street.pay(any.get(&carts))),
                3 if !payments.is_empty() => {
                    receipts.push(street.execute(0, any.get(&payments)));
                }
                4 if !receipts.is_empty() => street.hand_in(any.get(&receipts)),
                _ => {}
            }
        }
        let known = named(&[(1, "mandate/wallet/ada"), (2, "mandate/gateway/shop-0")]);
        for party in [&street.wallet, &street.gateways[0]] {
            for seq in 0..party.entries.len() {
                let checked = check(told(party, seq).as_bytes(), &known).unwrap();
                prop_assert!(checked.is_proven(), "entry {}: {:#?}", seq, checked.facts);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]
    #[test]
    fn no_changed_byte_is_proven(at: proptest::sample::Index, flip in 1u8..) {
        let mut street = Street::new(1);
        let (_, receipt) = street.buy(0, 100);
        let mut bytes = proof(&street.wallet, 2, &[receipt.as_str().to_owned()]).into_bytes();
        let at = at.index(bytes.len());
        bytes[at] ^= flip;
        let known = keys(&[1, 2]);
        prop_assert!(!check(&bytes, &known).is_ok_and(|checked| checked.is_proven()));
    }
}
