//! The past under other rules: what counted then counts, what was given back does not, and what they refuse neither.

use std::sync::Arc;

use mandate::token::Status;
use mandate_ledger::{Redeemed, Refused, Replay, Scope};
use mandate_policy::Reason;
use mandate_tests::parties::WARES;
use mandate_tests::tally::{Cap, PARIS};
use mandate_tests::wallet::{MORNING, Wallet, reading, rules};

/// Open payments that an agent may have.
const UNSETTLED: u64 = 16;

#[tokio::test]
async fn what_a_stricter_file_would_have_refused_is_told() {
    let spend = |most| vec![Cap::spend("day", ("EUR", most))];
    let (_folder, wallet) = Wallet::fresh([6; 32], UNSETTLED, spend(10_000));
    let (now, ledger) = (reading(MORNING), &wallet.ledger);
    let buy = async |price| {
        wallet.buy(reading(MORNING), "travel", WARES[0], ("EUR", price)).await.unwrap()
    };
    let settle = async |payment, status| {
        let receipt = wallet.parties.receipt(payment, status, reading(MORNING).wall);
        wallet.hand_in(reading(MORNING), "travel", &receipt).await.unwrap()
    };

    let intent = wallet.intent(now.clone(), "travel", WARES[0], None).await.unwrap();
    let cart = wallet.parties.cart(&intent, ("EUR", 1_000), now.wall);
    let permit = wallet.reserve(now.clone(), "travel", &cart).await.unwrap();
    ledger.freeze(now.clone(), 0, Scope::Wallet, None).await.unwrap();
    let Redeemed::Withheld(withheld) = wallet.sign(permit) else { panic!("it was signed") };
    ledger.withhold(now.clone(), withheld).await.unwrap();
    ledger.thaw(now.clone(), 0, Scope::Wallet).await.unwrap();
    let void = buy(1_000).await;
    settle(&void, Status::Void).await;
    let executed = buy(1_000).await;
    settle(&executed, Status::Executed).await;
    let too_much = buy(1).await;
    let also = buy(2).await;

    let refused = |most| -> Vec<Refused> {
        let strict = rules(&wallet.parties, &PARIS, UNSETTLED, &spend(most));
        let mut replay = Replay::new(Arc::new(strict)).unwrap();
        wallet.entries().iter().filter_map(|bytes| replay.step(bytes).unwrap()).collect()
    };
    let ids = |refused: &[Refused]| refused.iter().map(|refused| refused.jti).collect::<Vec<_>>();
    let found = refused(1_000);
    assert_eq!(ids(&found), [too_much.claims().jti, also.claims().jti]);
    assert_eq!(found[0].denial.reason(), Reason::CapExceeded);
    assert_eq!(
        (found[0].charge.amount, found[0].charge.at),
        (too_much.claims().total.amount, now.wall)
    );
    // The first one is not counted, and so the second one fits.
    assert_eq!(ids(&refused(1_001)), [also.claims().jti]);
    assert_eq!(ids(&refused(1_003)), []);
}
