//! A purchase proven to a third person, from either side's log.

use mandate_audit::{check, own_jti};
use mandate_tests::pair::Pair;

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
