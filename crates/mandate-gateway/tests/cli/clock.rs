//! `mandate-gateway clock confirm`: a clock that stepped, and the operator's word.

use std::sync::Arc;

use mandate_tests::typed;

use crate::shop::{Shop, test_clock};

#[test]
fn a_clock_that_stepped_is_believed_after_the_operators_word() {
    let Some(mut shop) = Shop::closed() else { return };
    let clock = test_clock();
    shop.start(Arc::new(clock.clone()));
    shop.gateway("clock confirm --yes").yes();
    clock.set(clock.now().plus(600));
    let found = shop.gateway("doctor --json").json(1);
    let checks = found["checks"].as_array().expect("checks");
    let time = checks.iter().find(|found| found["check"] == "time").expect("a fault");
    assert_eq!(time["result"], "fail");
    assert!(time["detail"].as_str().expect("text").contains("s ahead"), "{time}");

    let err = shop.gateway("clock confirm").refused(2);
    assert!(err.contains("pass --yes"), "{err}");
    let said = typed(shop.command(["clock", "confirm"]), "no");
    assert_eq!((said.code, said.out.as_str()), (Some(1), ""));
    assert!(said.err.contains("Is that right? [y/N]"), "{}", said.err);
    let confirmed = shop.gateway("clock confirm --yes --json").json(0);
    assert_eq!(confirmed["confirmed"], clock.now().seconds());
    let found = shop.gateway("doctor --json").json(0);
    let checks = found["checks"].as_array().expect("checks");
    assert!(checks.iter().all(|found| found["check"] != "time"), "{found}");
}

#[test]
fn a_gateway_that_does_not_run_is_exit_3() {
    let Some(shop) = Shop::closed() else { return };
    let err = shop.gateway("clock confirm --yes").refused(3);
    assert!(err.starts_with("error: cannot reach the gateway on /"), "{err}");
    assert!(err.contains("no gateway is running there; start it with `mandate-gateway`"), "{err}");
    // What a killed gateway leaves behind.
    drop(
        std::os::unix::net::UnixListener::bind(shop.state_dir().join("gateway.sock")).expect("one"),
    );
    let err = shop.gateway("clock confirm --yes --json").refused(3);
    assert!(err.contains("the gateway that made this socket has ended"), "{err}");
}

#[test]
fn a_book_that_is_held_by_somebody_who_does_not_answer_is_exit_3() {
    let Some(mut shop) = Shop::closed() else { return };
    let hash = shop.reserved().hash().to_string();
    shop.open();
    std::fs::remove_file(shop.state_dir().join("gateway.sock")).expect("a socket");
    for arguments in
        ["audit log", "audit verify", "resolve", &format!("resolve {hash} --void --yes")]
    {
        let err = shop.gateway(arguments).refused(3);
        assert!(err.starts_with("error: cannot reach the gateway on /"), "{arguments}: {err}");
    }
}
