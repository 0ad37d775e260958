//! A purchase proven to a third person, from either side's log.

use mandate_audit::{check, own_jti};
use mandate_tests::LUX;
use mandate_tests::gateway::{Call, Reaction};
use mandate_tests::pair::{Log, Pair};
use mandate_tests::wallet::{MORNING, reading};

/// How long a cart lives where it is to run out before its intent does.
const CART_TTL_S: u64 = 5;
/// When it has, whatever the two clocks may differ by.
const LATER_S: u64 = 40;

/// Checks the proof of every token that a log holds as its own; how many there are.
fn all_proven(pair: &Pair, log: &Log) -> usize {
    let tokens = (0..log.entries.len()).filter(|seq| own_jti(&log.entries[*seq]).is_some());
    let proven = tokens.map(|seq| {
        let checked = check(log.proof(seq).as_bytes(), &pair.keys()).unwrap();
        assert!(checked.is_proven(), "entry {seq}: {:#?}", checked.facts);
    });
    proven.count()
}

#[tokio::test]
async fn every_token_of_both_logs_is_proven() {
    let pair = Pair::open().await;
    pair.buy().await;
    pair.buy().await;
    let mut proven = 0;
    for log in [pair.wallet_log(), pair.gateway_log()] {
        for seq in 0..log.entries.len() {
            let Some(jti) = own_jti(&log.entries[seq]) else { continue };
            let checked = check(log.proof(seq).as_bytes(), &pair.keys()).unwrap();
            assert!(checked.is_proven(), "{:#?}", checked.facts);
            assert!(checked.entry.contains(&jti.to_string()));
            assert!(checked.facts.len() > 4, "a counterpart's token: {:#?}", checked.facts);
            proven += 1;
        }
    }
    assert_eq!(proven, 8);
}

#[tokio::test]
async fn a_cart_that_ran_out_before_the_next_was_paid_is_proven() {
    let pair = Pair::open_with(|settings| settings.cart_ttl_s = CART_TTL_S).await;
    let call = Call::json("POST", "/bookings", r#"{"nights":2}"#);
    let intent = pair.wallet.intent(reading(MORNING), "travel", (LUX, "book_room"), None).await;
    let intent = intent.unwrap();
    let first = pair.shop.send_intent(&call, &intent).await.cart(&pair.shop.keys).unwrap();
    pair.shop.clock.pass(LATER_S);
    let now = reading(MORNING + LATER_S);
    let second = pair.shop.send_intent(&call, &intent).await.cart(&pair.shop.keys).unwrap();
    assert_ne!(first.as_str(), second.as_str());
    let payment = pair.wallet.pay(now.clone(), "travel", &second).await.unwrap();
    pair.shop.api.script([Reaction::executed("A-1")]);
    let receipt = pair.shop.send_payment(&call, &payment).await.receipt(&pair.shop.keys).unwrap();
    pair.wallet.hand_in(now, "travel", &receipt).await.unwrap();
    assert_eq!(all_proven(&pair, &pair.gateway_log()), 3, "two carts and a receipt");
    assert_eq!(all_proven(&pair, &pair.wallet_log()), 2, "an intent and a payment");
}

#[tokio::test]
async fn another_log_s_proof_and_another_key_prove_nothing() {
    let pair = Pair::open().await;
    pair.buy().await;
    let (wallet, gateway) = (pair.wallet_log(), pair.gateway_log());
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let (one, two) = (lines(&wallet.proof(2)), lines(&gateway.proof(2)));
    let mixed = [&two[..2], &one[2..]].concat().join("\n") + "\n";
    assert!(check(mixed.as_bytes(), &pair.keys()).is_err());
    let none = mandate_audit::Keys::new([]);
    assert!(check(wallet.proof(2).as_bytes(), &none).is_err());
}
