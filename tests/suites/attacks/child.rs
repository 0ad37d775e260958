//! The two processes: the wallet and the gateway as they ship.

use mandate_tests::gateway::serve_as_child;
use mandate_tests::serve_home_as_child;

/// The test that is the gateway's process.
pub const GATEWAY: &str = "child::serves_a_merchant";
/// The test that is the wallet's process.
pub const WALLET: &str = "child::serves_a_principal";

#[test]
fn serves_a_merchant() {
    serve_as_child();
}

#[test]
fn serves_a_principal() {
    serve_home_as_child();
}
