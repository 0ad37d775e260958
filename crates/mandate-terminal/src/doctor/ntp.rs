//! Whether somebody keeps this machine's clock right.

use super::Finding;
use super::ask::{ask, property};

const PROGRAM: &str = "timedatectl";
const PROPERTY: &str = "NTPSynchronized";

/// Whether the kernel's clock is synchronised; nothing where systemd cannot tell.
#[must_use]
pub fn ntp() -> Option<Finding> {
    judge(&ask(PROGRAM, &["show", "--property", PROPERTY])?)
}

fn judge(told: &str) -> Option<Finding> {
    Some(match property(told, PROPERTY)? {
        "yes" => Finding::ok("ntp", "the clock is kept right over the network"),
        _ => Finding::warn(
            "ntp",
            "nothing keeps the clock right: when it is off, mandates are refused as expired or not yet valid",
            "run a time service (systemd-timesyncd, chrony)",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn a_clock_that_nobody_keeps_is_a_warning() {
        assert_eq!(judge("NTPSynchronized=yes\n").unwrap().result, Verdict::Ok);
        assert_eq!(judge("NTPSynchronized=no\n").unwrap().result, Verdict::Warn);
        assert_eq!(judge("Timezone=Etc/UTC\n"), None);
    }
}
