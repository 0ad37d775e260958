//! A principal whose wallet's log contradicts itself is noticed, its key used no longer, and both tokens kept.

use mandate::history::Rule;
use mandate::{Intent, KeySet, Mandate, Payment, PaymentClaims, PrincipalRole, UnverifiedMandate};
use mandate_gateway::Principal;
use mandate_gateway::book::event::{self, Event};
use mandate_journal::Entry;
use mandate_tests::gateway::{Answered, Ask, Call, Payer, Shop};

use crate::{Street, booking, refused, room, street, told};

/// From the minting of a payment to the first second in which it can be voided.
const VOID_AFTER_S: u64 = 61;

fn rooms() -> Call {
    Call::bare("GET", "/rooms")
}

/// A free call by an intent that is the last entry of a log of this size.
async fn search(shop: &Shop, ada: &Payer, size: u64) -> (Mandate<Intent>, Answered) {
    let ask = Ask::one("search_rooms");
    let claims = ada.intent_claims(shop.merchant(), &ask, shop.clock.now());
    let intent = ada.sign_at::<Intent>(&claims, size);
    let answered = shop.send_intent(&rooms(), &intent).await;
    (intent, answered)
}

/// The payment of a fresh cart, as the last entry of a log of this size.
async fn pay_at(shop: &Shop, ada: &Payer, size: u64) -> Mandate<Payment> {
    let cart = shop.quote(ada, &room(), &booking()).await;
    let claims: PaymentClaims = ada.payment_claims(&cart, shop.clock.now());
    ada.sign_at::<Payment>(&claims, size)
}

fn proofs(shop: &Shop) -> Vec<event::Equivocation> {
    let entries = shop.entries();
    let events = entries.iter().map(|bytes| Event::parse(&Entry::parse(bytes).unwrap()).unwrap());
    let proofs = events.filter_map(|event| match event {
        Event::Equivocation(found) => Some(found),
        _ => None,
    });
    proofs.collect()
}

fn contradicts() -> (u16, Option<String>) {
    refused(403, "equivocation")
}

/// The journal holds one proof, of these two tokens, and a book that is opened again knows of it.
async fn check_proof(street: Street, rule: Rule, earlier: &str, token: &str) -> Street {
    let Street { home, shop, ada } = street;
    shop.check().await;
    let settings = (*shop.gateway.settings()).clone();
    shop.close().await.unwrap();
    let shop = home.open(settings).await;
    let [proof] = proofs(&shop).try_into().unwrap();
    assert_eq!((proof.rule, proof.token.as_str()), (rule, token));
    assert_eq!((proof.earlier.as_str(), &proof.peer), (earlier, ada.id()));
    let found = shop.gateway.book().status(shop.gateway.now()).await.unwrap().equivocations;
    let [found] = found.try_into().unwrap();
    assert_eq!((found.peer.as_str(), found.rule), (ada.id().as_str(), rule));
    assert_eq!((found.kid, found.earlier_seq), (ada.public_key().id(), proof.earlier_seq));
    Street { home, shop, ada }
}

#[tokio::test]
async fn two_tokens_of_one_size_are_a_fork_and_bar_their_key() {
    let street = street().await;
    let (shop, ada) = (&street.shop, &street.ada);
    let known = shop.pay(ada, &room(), &booking()).await;
    assert_eq!(shop.send_payment(&booking(), &known).await.status, 200);
    let (first, answered) = search(shop, ada, 10_000_000).await;
    assert_eq!(answered.status, 200);
    let (second, answered) = search(shop, ada, 10_000_000).await;
    assert_eq!(told(&answered), contradicts());
    let heard = shop.api.heard().len();
    let street = check_proof(street, Rule::SameSize, first.as_str(), second.as_str()).await;
    let (shop, ada) = (&street.shop, &street.ada);
    let keys = KeySet::<PrincipalRole>::new([ada.public_key()]);
    let proof = &proofs(shop)[0];
    for token in [&proof.token, &proof.earlier] {
        assert!(UnverifiedMandate::<Intent>::parse(token).unwrap().verify(&keys).is_ok());
    }

    // Nothing of that key from here on, however long its log is; but what is known keeps its answer.
    let intent = ada.intent(shop.merchant(), &room(), shop.clock.now());
    assert_eq!(told(&shop.send_intent(&booking(), &intent).await), contradicts());
    let (_, answered) = search(shop, ada, 20_000_000).await;
    assert_eq!(told(&answered), contradicts());
    assert_eq!(shop.send_payment(&booking(), &known).await.status, 200);
    assert_eq!(shop.ask_receipt(&known.hash().to_string()).await.status, 200);
    assert_eq!(shop.api.heard().len(), heard, "nothing of it reached the API");
    assert_eq!(proofs(shop).len(), 1);

    // The way out: a new log under a new key, listed in place of the old one.
    let heir = Payer::new([7; 32]);
    let mut settings = (*shop.gateway.settings()).clone();
    let keys = KeySet::new([heir.public_key()]);
    settings.enrolment.principals.insert(ada.id().clone(), Principal { keys, account: None });
    shop.reload(settings).await.unwrap();
    let ask = Ask::one("search_rooms");
    let claims = ada.intent_claims(shop.merchant(), &ask, shop.clock.now());
    let fresh = heir.sign_at::<Intent>(&claims, 2);
    assert_eq!(shop.send_intent(&rooms(), &fresh).await.status, 200);
    shop.check().await;
}

#[tokio::test]
async fn a_ledger_that_was_put_back_is_noticed_by_its_next_payment() {
    let street = street().await;
    let (shop, ada) = (&street.shop, &street.ada);
    let (earlier, answered) = search(shop, ada, 10_000_000).await;
    assert_eq!(answered.status, 200);
    // An intent answers nothing, so one that comes late is no proof.
    let (_, answered) = search(shop, ada, 9_000_000).await;
    assert_eq!(answered.status, 200);
    let payment = pay_at(shop, ada, 9_500_000).await;
    assert_eq!(told(&shop.send_payment(&booking(), &payment).await), contradicts());
    let street = check_proof(street, Rule::Backwards, earlier.as_str(), payment.as_str()).await;
    assert_eq!(street.shop.reserved().len(), 0, "it was not used");
}

/// Nor is it voided.
#[tokio::test]
async fn a_payment_of_a_forked_log_gets_no_void() {
    let street = street().await;
    let (shop, ada) = (&street.shop, &street.ada);
    let payment = pay_at(shop, ada, 10_000_000).await;
    let (earlier, answered) = search(shop, ada, 10_000_000).await;
    assert_eq!(answered.status, 200);
    shop.clock.pass(VOID_AFTER_S);
    assert_eq!(told(&shop.ask_void(&payment).await), contradicts());
    assert_eq!(told(&shop.ask_void(&payment).await), contradicts());
    check_proof(street, Rule::SameSize, earlier.as_str(), payment.as_str()).await;
}

/// What is wrong in another way keeps its reason, and is the earlier token of a later contradiction.
#[tokio::test]
async fn a_token_that_was_refused_counts_as_shown() {
    let street = street().await;
    let (shop, ada) = (&street.shop, &street.ada);
    let ask = Ask::one("search_rooms");
    let claims = ada.intent_claims(shop.merchant(), &ask, shop.clock.now());
    let stale = ada.sign_at::<Intent>(&claims, 10_000_000);
    shop.clock.pass(1_000);
    assert_eq!(told(&shop.send_intent(&rooms(), &stale).await), refused(401, "expired"));
    let (fork, answered) = search(shop, ada, 10_000_000).await;
    assert_eq!(told(&answered), contradicts());
    // And again for one that contradicts as well: its time is judged first.
    assert_eq!(told(&shop.send_intent(&rooms(), &stale).await), refused(401, "expired"));
    check_proof(street, Rule::SameSize, stale.as_str(), fork.as_str()).await;
}

/// Open enrolment takes anybody, but not anybody's two logs.
#[tokio::test]
async fn an_open_door_has_the_same_rule() {
    let street = street().await;
    let (shop, stranger) = (&street.shop, Payer::new([9; 32]));
    let mut settings = (*shop.gateway.settings()).clone();
    settings.enrolment.open = true;
    shop.reload(settings).await.unwrap();
    assert_eq!(search(shop, &stranger, 5).await.1.status, 200);
    assert_eq!(told(&search(shop, &stranger, 5).await.1), contradicts());
    assert_eq!(told(&search(shop, &stranger, 6).await.1), contradicts());
    // Of Ada's own log this says nothing.
    assert_eq!(search(shop, &street.ada, 5).await.1.status, 200);
    shop.check().await;
}
