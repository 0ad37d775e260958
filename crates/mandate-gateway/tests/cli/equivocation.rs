//! A wallet whose log contradicts itself, as the operator is told of it.

use mandate::clock::ClockReading;
use mandate::{Intent, Mandate};
use mandate_gateway::Reason;
use mandate_gateway::book::Presented;

use crate::shop::{Shop, call};

/// Shows the shop two tokens of its wallet, each the last entry of a log of one size; gives both.
fn lie_to(shop: &Shop) -> [Mandate<Intent>; 2] {
    shop.with_book(async |book, now| {
        let first = shop.wallet.intent("search_rooms", &now);
        let presented = shop.trusted(first.clone());
        let used = book.present_free(now.clone(), presented, call("search_rooms")).await;
        assert!(matches!(used, Ok(Presented::Reserved(_))), "{used:?}");
        shop.wallet.cut_back();
        // Another time makes it another token.
        let then = ClockReading { wall: now.wall.minus(1), ..now.clone() };
        let second = shop.wallet.intent("search_rooms", &then);
        let presented = shop.trusted(second.clone());
        let used = book.present_free(now, presented, call("search_rooms")).await;
        let Ok(Presented::Refused(refusal)) = used else { panic!("{used:?}") };
        assert_eq!(refusal.reason(), Reason::Equivocation);
        [first, second]
    })
}

#[test]
fn the_entry_that_proves_it_is_named_and_told() {
    let Some(mut shop) = Shop::closed() else { return };
    let [first, second] = lie_to(&shop);
    let told = "this token and the one of entry 1 are each the last entry of a log of";
    let told_everywhere = |shop: &Shop| {
        let log = shop.gateway("audit log --kind equivocation").yes();
        assert!(log.contains(told), "{log}");
        let story = shop.gateway("audit show 2").yes();
        for word in [told, &second.hash().to_string(), &first.hash().to_string()] {
            assert!(story.contains(word), "{story}");
        }
        shop.gateway("audit verify").yes();
    };
    told_everywhere(&shop);
    shop.open();
    told_everywhere(&shop);
    let doctor = shop.gateway("doctor").out;
    let found = "contradicts itself (same_size), entry 2 against entry 1";
    assert!(doctor.contains(found) && doctor.contains("mandate-gateway audit show 2"), "{doctor}");
}
