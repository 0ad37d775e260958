//! `mandate-gateway lock` and `unlock`: the key goes at a word, and comes back after a question.

use mandate_tests::typed;

use crate::shop::Shop;

#[test]
fn a_lock_is_at_once_outlives_the_gateway_and_an_unlock_asks() {
    let Some(mut shop) = Shop::closed() else { return };
    let waits = shop.reserved().hash().to_string();
    shop.open();
    let told = shop.gateway("unlock").yes();
    assert_eq!(told, "the gateway is not locked; nothing was changed\n");
    assert_eq!(shop.gateway("lock").yes(), "locked: the key is wiped from memory\n");
    let locked = "the gateway is locked by its operator";
    let doctor = shop.gateway("doctor").out;
    assert!(doctor.contains(locked), "{doctor}");
    let resolve = format!("resolve {waits} --void --yes");
    let err = shop.gateway(&resolve).refused(1);
    assert!(err.starts_with(&format!("denied: unavailable: {locked}")), "{err}");

    // Also while it is stopped: nobody else asks for the key then.
    shop.close();
    let doctor = shop.gateway("doctor").out;
    assert!(doctor.contains(locked), "{doctor}");
    let err = shop.gateway(&resolve).refused(1);
    assert!(err.contains("the gateway is locked; start it"), "{err}");
    shop.open();
    let err = shop.gateway(&resolve).refused(1);
    assert!(err.contains(locked), "{err}");

    assert!(shop.gateway("unlock").refused(2).contains("pass --yes"));
    let said = typed(shop.command(["unlock"]), "n");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""), "{}", said.err);
    let said = typed(shop.command(["unlock"]), "y");
    assert_eq!((said.code, said.out.as_str()), (Some(0), "unlocked\n"), "{}", said.err);
    shop.gateway(&resolve).yes();
    let log = shop.gateway("audit log").yes();
    assert!(log.contains(" lock ") && log.contains(" unlock "), "{log}");
    assert!(shop.gateway("audit verify").yes().contains("whole"));
}

#[test]
fn a_program_reads_what_became_of_the_lock() {
    let Some(mut shop) = Shop::closed() else { return };
    shop.open();
    let answer = shop.gateway("lock --json").json(0);
    assert_eq!(answer, serde_json::json!({"locked": true, "durable": true}));
    let answer = shop.gateway("unlock --yes --json").json(0);
    assert_eq!(answer, serde_json::json!({"locked": false, "was_locked": true}));
    let answer = shop.gateway("unlock --json").json(0);
    assert_eq!(answer, serde_json::json!({"locked": false, "was_locked": false}));
    shop.close();
    shop.gateway("lock").refused(3);
}
