//! Which unit a process runs in.

use std::fs;

use crate::peer::of_systemd;

/// What the kernel says of this process's control groups.
const CGROUP_FILE: &str = "/proc/self/cgroup";
/// How the control group of a user's own service manager begins, below the slices.
const USER_MANAGER: &str = "user@";

/// A systemd service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name, as in `mandated.service`.
    pub name: String,
    /// Whether it is a user's own service manager that runs it.
    pub is_users: bool,
}

/// The systemd service that this process runs in, if it runs in one.
///
/// Source: `cgroups(7)`, "/proc/pid/cgroup"; `systemd.service(5)`: the control group of a service has its name.
#[must_use]
pub fn unit() -> Option<Unit> {
    service(&fs::read_to_string(CGROUP_FILE).ok()?)
}

/// The service in one of systemd's trees.
fn service(groups: &str) -> Option<Unit> {
    of_systemd(groups).find_map(|path| {
        let (slices, name) = path.rsplit_once('/')?;
        let is_users = slices.split('/').any(|slice| slice.starts_with(USER_MANAGER));
        name.ends_with(".service").then(|| Unit { name: name.to_owned(), is_users })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(groups: &str) -> Option<(String, bool)> {
        service(groups).map(|unit| (unit.name, unit.is_users))
    }

    #[test]
    fn a_service_is_told_from_a_session() {
        let unit = |name: &str, is_users| Some((name.to_owned(), is_users));
        assert_eq!(found("0::/system.slice/mandated.service\n"), unit("mandated.service", false));
        let user = "0::/user.slice/user-7.slice/user@7.service/app.slice/mandated.service\n";
        assert_eq!(found(user), unit("mandated.service", true));
        let hybrid = "3:cpu:/\n1:name=systemd:/system.slice/mandated@ada.service\n0::/\n";
        assert_eq!(found(hybrid), unit("mandated@ada.service", false));
        assert_eq!(found("0::/user.slice/user-7.slice/session-2.scope\n"), None);
        // A terminal of a desktop is a scope below the user's manager, which is a service.
        let terminal = "0::/user.slice/user-7.slice/user@7.service/app.slice/terminal.scope\n";
        assert_eq!(found(terminal), None);
    }
}
