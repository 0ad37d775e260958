//! The uid of a user named in wallet.toml.

use std::fs;

use mandate_policy::Users;

/// Where local users are listed.
const PASSWD: &str = "/etc/passwd";

/// The users of this system, as listed in `/etc/passwd`.
///
/// Users of a directory service are not found; wallet.toml takes their `uid`.
#[derive(Debug, Clone, Copy)]
pub struct SystemUsers;

impl Users for SystemUsers {
    fn uid(&self, name: &str) -> Option<u32> {
        uid_in(&fs::read_to_string(PASSWD).ok()?, name)
    }
}

/// Source: passwd(5).
fn uid_in(passwd: &str, name: &str) -> Option<u32> {
    let mut fields = passwd.lines().map(|line| line.split(':'));
    let mut user = fields.find_map(|mut user| (user.next() == Some(name)).then_some(user))?;
    user.nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\ntravel:x:1001:1001::/:/bin/false\n";
        assert_eq!(uid_in(passwd, "travel"), Some(1001));
        assert_eq!(uid_in(passwd, "trav"), None);
        assert_eq!(uid_in("broken", "broken"), None);
    }
}
