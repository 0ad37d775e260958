//! Whether this machine tells the time as a daemon needs it.

use mandate::UnixSeconds;
use mandate::clock::CLOCK_TOLERANCE_S;
use mandate_host::clock::SystemClock;

use super::Finding;
use crate::failure::chain;
use crate::time::local;

/// Whether this boot can be told from another, and whether time went on since the last entry, if one is known.
///
/// `confirm` is the command that says that the clock is right.
#[must_use]
pub fn clock(now: UnixSeconds, last: Option<UnixSeconds>, confirm: &str) -> Finding {
    if let Err(error) = SystemClock::new() {
        let way_out = "the /proc of a Linux kernel is needed to notice a step of the clock";
        return Finding::fail("clock", chain(&error), way_out);
    }
    match last {
        Some(last) if last.since(now) > CLOCK_TOLERANCE_S => Finding::fail(
            "clock",
            format!("it says {}, and the last entry is of {}", local(now), local(last)),
            format!("set the clock right; if it is right, confirm it with `{confirm}`"),
        ),
        _ => Finding::ok("clock", local(now)),
    }
}
