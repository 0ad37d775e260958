//! The process that is attacked: the wallet as it ships.

use mandate_tests::serve_home_as_child;

/// The test that does the child's work.
pub const TEST: &str = "child::serves_until_it_is_told_to_end";

#[test]
fn serves_until_it_is_told_to_end() {
    // Without a wallet's places there is nothing to serve, as in a run of the whole suite.
    serve_home_as_child();
}
