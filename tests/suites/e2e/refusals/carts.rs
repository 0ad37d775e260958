//! Carts that are refused for what they hold, and for the time.

use mandate::{RequestDigest, UnixSeconds};
use mandate_tests::{Agent, TestClock};

use super::{CAPS, Met, ask, home};

/// 2026-11-24T10:00:00Z, the second in which a home's ledger begins.
const START: u64 = 1_795_514_400;

pub(super) async fn carts(met: &mut Met) {
    let home = home(CAPS);
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let good = agent.cart(&intent, "10.00 EUR", |_| ());

    met.expect("CART_MALFORMED", agent.pay_text("not a token").await);
    met.expect("CART_MALFORMED", agent.pay_text(intent.as_str()).await);
    let unlisted = agent.cart(&intent, "10.00 EUR", |cart| cart.iss = "evil-shop".parse().unwrap());
    met.expect("MERCHANT_NOT_ALLOWED", agent.pay_text(unlisted.as_str()).await);
    // The rival signs a cart in the hotel's name.
    let mut forged = good.claims().clone();
    forged.line_items[0].amount = "9.00 EUR".parse::<mandate::Money>().unwrap().amount;
    forged.total = "9.00 EUR".parse().unwrap();
    let forged = home.rival.sign_cart(&forged).unwrap();
    met.expect("CART_SIGNATURE_INVALID", agent.pay_text(forged.as_str()).await);
    let unknown = agent.cart(&intent, "10.00 EUR", |cart| {
        cart.intent = mandate::IntentHash::of(b"no intent of ours");
    });
    met.expect("INTENT_UNKNOWN", agent.pay(&unknown).await);

    // The rival's own cart for the hotel's intent.
    let rivals = home.rival.cart(&intent, "x".parse().unwrap(), good.claims().total, agent.now());
    let rivals = home.rival.sign_cart(&rivals.unwrap()).unwrap();
    let denied = met.expect("CART_MISMATCH", agent.pay_text(rivals.as_str()).await);
    assert!(denied.message.contains("`iss`"), "{denied:?}");
    type Break = fn(&mut mandate::CartClaims);
    let wrong: [(&str, Break); 6] = [
        ("aud", |cart| cart.aud = "somebody-else".parse().unwrap()),
        ("act", |cart| cart.act = "another".parse().unwrap()),
        ("action.sku", |cart| cart.action.sku = "cancel_room".parse().unwrap()),
        ("action.quantity", |cart| cart.action.quantity = mandate::Quantity::new(2).unwrap()),
        ("peer_log", |cart| cart.peer_log.size += 1),
        ("iat", |cart| {
            (cart.iat, cart.exp) = (cart.iat.plus(60), cart.exp.plus(60));
        }),
    ];
    for (field, change) in wrong {
        let cart = agent.cart(&intent, "10.00 EUR", change);
        let denied = met.expect("CART_MISMATCH", agent.pay(&cart).await);
        assert!(denied.message.contains(&format!("`{field}`")), "{denied:?}");
    }
    let bound = ask(|m| m.request_sha256 = vec![7; 32]);
    let bound = agent.intent(bound).await.unwrap();
    let other = agent.cart(&bound, "10.00 EUR", |cart| {
        cart.action.request = RequestDigest::from_bytes([8; 32]);
    });
    met.expect("CART_MISMATCH", agent.pay(&other).await);
    assert_eq!(agent.spent().await, [(0, 0)], "a refusal costs nothing");

    agent.pay(&good).await.unwrap();
    let second = agent.cart(&intent, "9.00 EUR", |_| ());
    met.expect("INTENT_ALREADY_PAID", agent.pay(&second).await);
    let search = ask(|m| m.action_sku = "search_rooms".to_owned());
    let search = agent.intent(search).await.unwrap();
    met.expect("ACTION_IS_FREE", agent.pay(&agent.cart(&search, "1.00 EUR", |_| ())).await);
    assert_eq!(agent.spent().await, [(1_000, 1)]);
    daemon.stop().await;
}

pub(super) async fn times(met: &mut Met) {
    let home = home(CAPS);
    let clock = TestClock::at(START);
    let daemon = home.start_at(&clock).await;
    let mut agent = home.agent().await.on(&clock);
    let keyed = || ask(|m| m.idempotency_key = "k".to_owned());
    let intent = agent.intent(keyed()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    let payment = agent.pay(&cart).await.unwrap();
    assert_eq!(payment.claims().exp, clock.now().plus(30));
    clock.pass(30);
    assert_eq!(agent.pay(&cart).await.unwrap().as_str(), payment.as_str());
    clock.pass(1);
    met.expect("CART_ALREADY_PAID", agent.pay(&cart).await);
    clock.pass(29);
    assert_eq!(agent.intent(keyed()).await.unwrap().as_str(), intent.as_str());
    clock.pass(1);
    met.expect("INTENT_EXPIRED", agent.intent(keyed()).await);

    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let in_time = agent.cart(&intent, "10.00 EUR", |_| ());
    clock.pass(60 + 31);
    let too_late = agent.cart(&intent, "10.00 EUR", |_| ());
    met.expect("INTENT_EXPIRED", agent.pay(&too_late).await);
    // A cart that was issued in time may be paid while it lives.
    clock.pass(500);
    agent.pay(&in_time).await.unwrap();
    let intent = agent.intent(Agent::book_room()).await.unwrap();
    let cart = agent.cart(&intent, "10.00 EUR", |_| ());
    clock.pass(600);
    met.expect("CART_EXPIRED", agent.pay(&cart).await);

    let before = clock.now();
    clock.set(before.minus(6));
    met.expect("CLOCK_UNTRUSTED", agent.intent(Agent::book_room()).await);
    clock.set(UnixSeconds::new(START + 86_400 * 400).unwrap());
    met.expect("CLOCK_UNTRUSTED", agent.intent(Agent::book_room()).await);
    clock.set(before);
    agent.intent(Agent::book_room()).await.unwrap();
    daemon.stop().await;
}
