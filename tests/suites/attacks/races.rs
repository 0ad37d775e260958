//! Many at once, between a check and what it was for.

use mandate::{CLOCK_SKEW_S, Payment};
use mandate_host::clock::wall_clock;
use mandate_tests::gateway::{Ask, Line, Payer};
use mandate_tests::{Denied, denied};
use tokio::task::JoinSet;

use crate::street::{Street, booking, met};

/// Who pays at once.
const PAYERS: usize = 32;
/// Payments a day that the wallet allows at the hotel.
const COUNT_MAX: usize = 12;

/// Pays each cart at once; gives the payments and the refusals.
async fn pay_all(street: &Street, carts: &[String]) -> (Vec<String>, Vec<Denied>) {
    let mut paying = JoinSet::new();
    for cart in carts {
        let (mut wallet, cart) = (street.wallet.clone(), cart.clone());
        paying.spawn(async move {
            let ask = mandate_proto::v1::MintPaymentRequest { cart, approval_wait: None };
            wallet.mint_payment(ask).await.map(|answer| answer.into_inner().mandate)
        });
    }
    let (mut paid, mut refused) = (Vec::new(), Vec::new());
    for answer in paying.join_all().await {
        match answer {
            Ok(mandate) => paid.push(mandate),
            Err(status) => refused.push(denied(Err::<(), _>(status))),
        }
    }
    (paid, refused)
}

pub async fn past_the_cap(street: &mut Street) -> String {
    let mut carts = Vec::new();
    for _ in 0..PAYERS {
        carts.push(street.quote(&booking()).await.as_str().to_owned());
    }
    let (paid, refused) = pay_all(street, &carts).await;
    assert_eq!((paid.len(), refused.len()), (COUNT_MAX, PAYERS - COUNT_MAX));
    assert!(refused.iter().all(|denied| denied.reason == refused[0].reason), "{refused:?}");
    refused[0].reason.clone()
}

pub async fn one_cart(street: &mut Street) -> String {
    let cart = street.quote(&booking()).await.as_str().to_owned();
    let (mut paid, refused) = pay_all(street, &vec![cart; PAYERS]).await;
    assert_eq!((paid.len(), refused.len()), (PAYERS, 0));
    paid.dedup();
    assert_eq!(paid.len(), 1, "one cart has two payments");
    "one payment, given to each".to_owned()
}

pub async fn carts_of_one_intent(street: &mut Street) -> String {
    let intent = street.flight().await;
    let carts = (0..PAYERS).map(|_| street.rivals(&intent, "9.00 EUR", |_| ()));
    let carts: Vec<String> = carts.map(|cart| cart.as_str().to_owned()).collect();
    let (paid, refused) = pay_all(street, &carts).await;
    assert_eq!((paid.len(), refused.len()), (1, PAYERS - 1));
    assert!(refused.iter().all(|denied| denied.reason == refused[0].reason), "{refused:?}");
    refused[0].reason.clone()
}

/// The wallet is the attacker's: it signs as many payments of one cart as it likes.
pub async fn payments_of_one_cart(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let intent = bob.intent(&street.merchant.merchant(), &Ask::one("book_room"), wall_clock());
    let cart = street.quoted(&booking(), &intent).await;
    let mut presenting = JoinSet::new();
    for _ in 0..PAYERS {
        let payment = bob.pay(&cart, wall_clock());
        let request = booking().with("mandate-payment", payment.as_str());
        let mut line = Line::to(street.line.address());
        presenting.spawn(async move { line.send(request).await.expect("an answer") });
    }
    let answers = presenting.join_all().await;
    let mut refused: Vec<String> = answers.iter().map(met).filter(|met| met != "201").collect();
    assert_eq!(refused.len(), PAYERS - 1, "{answers:?}");
    // Who came while the first was under way is told that; all others that it was used.
    refused.retain(|met| met != "409 in_progress");
    refused.dedup();
    assert_eq!(street.api.executions().len(), 1);
    match &refused[..] {
        [] => met(&street.present(&booking(), &bob.pay(&cart, wall_clock())).await),
        [reason] => reason.clone(),
        several => panic!("{several:?}"),
    }
}

/// A wallet that lies about its cap to itself still told the merchant of it.
pub async fn past_the_cap_in_the_payment(street: &mut Street) -> String {
    let bob = Payer::new([0x42; 32]);
    let mut last = String::new();
    for _ in 0..2 {
        let intent = bob.intent(&street.merchant.merchant(), &Ask::one("book_room"), wall_clock());
        let cart = street.quoted(&booking(), &intent).await;
        let mut claims = bob.payment_claims(&cart, wall_clock());
        claims.caps = vec![mandate::token::CapClaim {
            currency: Some(claims.total.currency),
            max: Some("10.00 EUR".parse::<mandate::Money>().unwrap().amount),
            count: None,
            from: claims.iat.minus(CLOCK_SKEW_S),
            until: None,
            action: None,
            agent: None,
        }];
        last = met(&street.present(&booking(), &bob.sign::<Payment>(&claims)).await);
    }
    last
}

/// Payments are under way when the principal says stop; the check finds none after the freeze.
pub async fn freeze(street: &mut Street) -> String {
    let mut carts = Vec::new();
    for _ in 0..COUNT_MAX {
        carts.push(street.quote(&booking()).await.as_str().to_owned());
    }
    let late = carts.pop().unwrap();
    let mut control = street.home.control().await;
    let stop = control.freeze(mandate_proto::v1::FreezeRequest::default());
    let ((_, refused), frozen) = tokio::join!(pay_all(street, &carts), stop);
    assert!(frozen.unwrap().into_inner().durable);
    assert!(refused.iter().all(|denied| denied.reason == "FROZEN"), "{refused:?}");
    crate::street::refused(street.pay(&late).await)
}
