//! The process that is killed: the daemon as it ships.

use mandate_tests::serve_home_as_child;

/// The test that does the child's work.
pub const TEST: &str = "child::mints_until_it_is_killed";

#[test]
fn mints_until_it_is_killed() {
    serve_home_as_child();
}
