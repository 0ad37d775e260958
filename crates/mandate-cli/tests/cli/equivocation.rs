//! A merchant whose log contradicts itself, as its principal is told of it.

use mandate_host::clock::wall_clock;

use crate::desk::{CAPS, Desk};

#[test]
fn the_entry_that_proves_it_is_named_and_told() {
    let Some(mut desk) = Desk::open(CAPS) else { return };
    let fork = desk.lux().fork();
    desk.book("10.00 EUR");
    let intent = desk.intent();
    let (title, total) = ("a room".parse().unwrap(), "10.00 EUR".parse().unwrap());
    let claims = fork.cart(&intent, title, total, wall_clock()).unwrap();
    let cart = fork.sign_cart(&claims).unwrap();
    let err = desk.pay(cart.as_str()).refused(1);
    assert!(err.contains("merchant lux-hotels contradicts itself"), "{err}");

    let found = "its log contradicts itself (same_size), entry 5 against entry 3";
    let status = desk.mandate("status").yes();
    assert!(status.contains("frozen     merchant lux-hotels"), "{status}");
    let line = format!(
        "problem with the merchant lux-hotels: {found}; look at it with `mandate audit show 5`"
    );
    assert!(status.contains(&line), "{status}");
    let told = &desk.mandate("status --json").json(0)["equivocations"];
    let expected = serde_json::json!([
        { "merchant": "lux-hotels", "seq": 5, "earlier_seq": 3, "rule": "same_size" }
    ]);
    assert_eq!(*told, expected);
    let doctor = desk.mandate("doctor").out;
    assert!(doctor.contains(found), "{doctor}");

    // The journal tells the same while the wallet is stopped.
    desk.stop();
    let told = "each the last entry of a log of 1 entry";
    for look in ["audit show 5", "audit log --kind equivocation --merchant lux-hotels"] {
        let shown = desk.mandate(look).yes();
        assert!(shown.contains("equivocation") && shown.contains(told), "{shown}");
    }
    let proof = desk.mandate("audit show 5 --json").json(0);
    assert_eq!(proof["entries"][0]["entry"]["token"], cart.as_str());
    desk.mandate("audit verify").yes();
}
