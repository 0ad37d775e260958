//! The process that is killed: the gateway as it ships.

use mandate_tests::gateway::serve_as_child;

/// The test that does the child's work.
pub const TEST: &str = "child::serves_until_it_is_killed";

#[test]
fn serves_until_it_is_killed() {
    serve_as_child();
}
