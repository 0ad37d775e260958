//! The users of a system that is not there.

use mandate_policy::Users;

/// Knows `travel` and `errands`.
#[derive(Debug)]
pub(crate) struct KnownUsers;

impl Users for KnownUsers {
    fn uid(&self, name: &str) -> Option<u32> {
        match name {
            "travel" => Some(1001),
            "errands" => Some(1002),
            _ => None,
        }
    }
}
