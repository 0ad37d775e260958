//! An agent that never stops.

use mandate_proto::v1;
use mandate_tests::denied;
use tokio::task::JoinSet;

use crate::street::{Street, ask, refused};

/// More calls than the rate and its burst let pass.
const CALLS: usize = 400;
/// Payments that an agent may leave open.
const UNSETTLED_MAX: usize = 16;

pub async fn flood_of_calls(street: &mut Street) -> String {
    // A client that has not heard yet how many calls it may have at once is cut off for the rest of them.
    street.wallet.get_principal(v1::GetPrincipalRequest {}).await.unwrap();
    let mut calling = JoinSet::new();
    for _ in 0..CALLS {
        let mut wallet = street.wallet.clone();
        calling.spawn(async move { wallet.mint_intent(ask("book_room")).await });
    }
    let refused: Vec<String> = calling
        .join_all()
        .await
        .into_iter()
        .filter_map(|answer| answer.err())
        .map(|status| denied(Err::<(), _>(status)).reason)
        .collect();
    assert!(!refused.is_empty(), "{CALLS} calls passed");
    assert!(refused.iter().all(|reason| *reason == refused[0]), "{refused:?}");
    refused[0].clone()
}

pub async fn payments_that_nobody_presents(street: &mut Street) -> String {
    let mut last = None;
    for _ in 0..=UNSETTLED_MAX {
        let intent = street.flight().await;
        let cart = street.rivals(&intent, "1.00 EUR", |_| ());
        last = Some(street.pay(cart.as_str()).await);
    }
    refused(last.unwrap())
}

/// Pays as long as it is let; the day's count ends it.
pub async fn loop_that_pays(street: &mut Street) -> String {
    loop {
        let asked = v1::MintIntentRequest { purpose: "again".to_owned(), ..ask("book_room") };
        let intent = match street.intent(asked).await {
            Ok(intent) => intent,
            Err(status) => return refused(Err::<(), _>(status)),
        };
        let call = crate::street::booking();
        let cart = street.quoted(&call, &intent).await;
        let payment = street.pay(cart.as_str()).await.unwrap();
        let answered = street.present(&call, &payment).await;
        let receipt = street.receipt(&answered);
        street.hand_in(receipt.as_str()).await.unwrap();
    }
}
