//! What waits for a yes is listed, looked at and answered.

use serde_json::json;

use crate::desk::{CAPS, Desk};
use mandate_tests::typed;

const RULE: &str = "[[approval]]\nabove = \"100.00 EUR\"\n";

#[test]
fn a_cart_is_listed_looked_at_and_approved() {
    let Some(desk) = Desk::open(&format!("{CAPS}{RULE}")) else { return };
    assert_eq!(desk.mandate("approvals").yes(), "nothing waits for your yes\n");
    let cart = desk.cart(&desk.intent(), "a room\u{301}", "180.00 EUR");
    let err = desk.pay(cart.as_str()).refused(1);
    assert!(
        err.contains("APPROVAL_REQUIRED") && err.contains("needs the principal's yes"),
        "{err}"
    );
    let listed = desk.mandate("approvals --json").json(0);
    let id = listed[0]["id"].as_u64().expect("an id");
    assert_eq!(listed[0]["cart"], cart.hash().to_string());
    assert_eq!(listed[0]["agent"], "travel");
    assert_eq!(listed[0]["total"], json!({"currency": "EUR", "amount": 18_000}));
    assert!(listed[0]["expires_at"].is_u64());
    let shown = desk.mandate("approvals").yes();
    assert!(shown.contains("180.00 EUR") && shown.contains("mandate approve ID"), "{shown}");
    // Only a yes is a yes, and it is asked beside what is bought.
    let said = typed(desk.command(["approve", &id.to_string()]), "n");
    assert_eq!(said.code, Some(1), "{}", said.err);
    assert!(said.err.contains("1 x a room") && said.err.contains("180.00 EUR"), "{}", said.err);
    assert!(said.err.ends_with("error: nothing was approved\n"), "{}", said.err);
    desk.pay(cart.as_str()).refused(1);
    let said = typed(desk.command(["approve", &id.to_string()]), "y");
    assert_eq!(
        (said.code, said.out),
        (Some(0), format!("the cart of {id} is approved\n")),
        "{}",
        said.err
    );
    // A second answer changes nothing, and says nothing that is not so.
    let again = desk.run(["approve", &id.to_string(), "--yes"]).yes();
    assert_eq!(again, format!("the cart of {id} is approved\n"));
    let err = desk.run(["deny", &id.to_string()]).refused(1);
    let told = format!("error: {id} was approved before, and the first answer stands; ");
    assert_eq!(err, told + "if it must not be paid, run `mandate freeze` or `mandate lock`\n");
    let payment = desk.pay(cart.as_str()).yes();
    let payment = desk.lux().admit::<mandate::Payment>(payment.trim_end(), desk.home.key);
    let jti = payment.expect("a good payment").claims().jti.to_string();
    let story = desk.run(["audit", "show", &jti]).yes();
    assert!(story.contains("approval_request") && story.contains("approved by uid"), "{story}");
    let log = desk.mandate("audit log --kind approval").yes();
    assert!(log.contains("was approved by uid"), "{log}");
}

#[test]
fn a_no_is_told_to_the_agent_and_cannot_be_taken_back() {
    let Some(desk) = Desk::open(&format!("{CAPS}{RULE}")) else { return };
    let cart = desk.cart(&desk.intent(), "a room", "180.00 EUR");
    desk.pay(cart.as_str()).refused(1);
    let id = desk.mandate("approvals --json").json(0)[0]["id"].to_string();
    let said = desk.run(["deny", &id, "--json"]).json(0);
    assert_eq!(said, json!({"id": id.parse::<u64>().expect("a number"), "answer": "denied"}));
    let err = desk.pay(cart.as_str()).refused(1);
    assert!(err.contains("APPROVAL_DENIED"), "{err}");
    assert_eq!(desk.run(["deny", &id]).yes(), format!("the cart of {id} is refused\n"));
    let err = desk.run(["approve", &id, "--yes"]).refused(1);
    let told = format!("error: {id} was denied before, and the first answer stands; ");
    assert_eq!(err, told + "the agent has to ask for a new quote\n");
    let said = desk.run(["approve", &id, "--yes", "--json"]).json(1);
    assert_eq!(said["reason"], "FIELD_INVALID");
    let err = desk.run(["approve", &id]).refused(1);
    assert!(err.contains("does not wait for a yes"), "{err}");
    let err = desk.run(["deny", "0"]).refused(1);
    let told = "error: 0 is no request for approval; `mandate approvals` lists what waits\n";
    assert_eq!(err, told);
    assert_eq!(desk.mandate("approvals").yes(), "nothing waits for your yes\n");
}
