//! The caps that a payment carries hold at the merchant as well, also where the wallet that wrote them is a copy.

use mandate::{CapClaim, Mandate, MinorUnits, Payment, UnixSeconds};
use mandate_tests::gateway::{Payer, QuoteReaction, SaleState, Shop};

use crate::{Street, booking, refused, room, street, told};

const PRICE: u64 = 18_000;
const PAYMENTS: usize = 64;
/// How many of them fit.
const FIT: usize = 11;

fn lifetime() -> CapClaim {
    CapClaim {
        currency: None,
        max: None,
        count: None,
        from: UnixSeconds::EPOCH,
        until: None,
        action: None,
        agent: None,
    }
}

/// At most this much, in euro cents.
fn at_most(max: u64) -> CapClaim {
    let max = Some(MinorUnits::new(max).unwrap());
    CapClaim { currency: Some("EUR".parse().unwrap()), max, ..lifetime() }
}

fn at_most_payments(count: usize) -> CapClaim {
    CapClaim { count: Some(count.try_into().unwrap()), ..lifetime() }
}

async fn payment_under(shop: &Shop, payer: &Payer, cap: &CapClaim) -> Mandate<Payment> {
    let cart = shop.quote(payer, &room(), &booking()).await;
    let claims = payer.payment_claims(&cart, shop.clock.now());
    payer.sign::<Payment>(&mandate::PaymentClaims { caps: vec![cap.clone()], ..claims })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn exactly_as_many_as_fit_pass_at_once() {
    let fit = u64::try_from(FIT).unwrap();
    for cap in [at_most(fit * PRICE), at_most((fit + 1) * PRICE - 1), at_most_payments(FIT)] {
        let Street { shop, ada, home: _home } = street().await;
        let mut payments = Vec::new();
        for _ in 0..PAYMENTS {
            payments.push(payment_under(&shop, &ada, &cap).await);
        }
        let clients: Vec<_> = payments
            .iter()
            .map(|payment| tokio::spawn(shop.send_payment(&booking(), payment)))
            .collect();
        let mut passed = 0;
        for client in clients {
            match told(&client.await.unwrap()) {
                (200, None) => passed += 1,
                told => assert_eq!(told, refused(403, "over_cap")),
            }
        }
        assert_eq!((passed, shop.api.executions().len()), (FIT, FIT), "{cap:?}");
        assert_eq!(shop.check().await.len(), FIT);
    }
}

/// What is reserved counts, a void gives back, and another principal has caps of its own.
#[tokio::test]
async fn a_void_makes_room_again() {
    let (home, ada) = (mandate_tests::gateway::GatewayHome::new(), Payer::new([1; 32]));
    let bob = Payer::named("bob", [2; 32]);
    let shop = home.open(home.settings([&ada, &bob])).await;
    let cap = at_most(PRICE);
    let first = payment_under(&shop, &ada, &cap).await;
    let second = payment_under(&shop, &ada, &cap).await;
    shop.api.script([mandate_tests::gateway::Reaction::refused(500)]);
    assert_eq!(told(&shop.send_payment(&booking(), &first).await), refused(502, "upstream_failed"));
    assert_eq!(told(&shop.send_payment(&booking(), &second).await), refused(403, "over_cap"));
    let bobs = payment_under(&shop, &bob, &cap).await;
    assert_eq!(told(&shop.send_payment(&booking(), &bobs).await), (200, None));
    let void = mandate_gateway::book::Outcome::Void { reason: "never arrived".parse().unwrap() };
    shop.gateway.resolve(first.hash().into(), void).await.unwrap();
    assert_eq!(told(&shop.send_payment(&booking(), &second).await), (200, None));
    let sales = shop.check().await;
    assert_eq!(sales[&first.hash().to_string()].state, SaleState::Void);
}

/// A cap of another currency, action, agent or time does not count this payment.
#[tokio::test]
async fn a_cap_counts_what_it_is_about() {
    let Street { shop, ada, home: _home } = street().await;
    let now = shop.clock.now();
    let none = at_most_payments(0);
    let about = [
        CapClaim {
            currency: Some("JPY".parse().unwrap()),
            max: Some(MinorUnits::ZERO),
            ..lifetime()
        },
        CapClaim { action: Some("late_checkout".parse().unwrap()), ..none.clone() },
        CapClaim { agent: Some("errands".parse().unwrap()), ..none.clone() },
        CapClaim { until: Some(now), ..none.clone() },
        CapClaim { from: now.plus(1), ..none.clone() },
    ];
    for cap in about {
        let payment = payment_under(&shop, &ada, &cap).await;
        assert_eq!(told(&shop.send_payment(&booking(), &payment).await), (200, None), "{cap:?}");
    }
    for cap in [CapClaim { from: now, until: Some(now.plus(1)), ..none.clone() }, none] {
        let payment = payment_under(&shop, &ada, &cap).await;
        assert_eq!(told(&shop.send_payment(&booking(), &payment).await), refused(403, "over_cap"));
    }
    shop.api.script_quotes([QuoteReaction::price("JPY", 500)]);
    let payment = payment_under(&shop, &ada, &at_most(1)).await;
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), (200, None));
    shop.check().await;
}
