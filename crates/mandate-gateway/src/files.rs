//! How the open files of the process are shared out, so that whoever calls leaves some for the operator.

use tokio::sync::Semaphore;

/// Open files that are not for callers: the book, the operator's door, the figures, the log, a file that is read again.
const FILES_KEPT: u64 = 128;

/// How many connections there may be at once, on both sides of the gateway. Each is one open file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// From callers.
    pub(crate) callers: usize,
    /// To the API: one connection of HTTP/2 brings many calls, each of which may need one of its own.
    pub(crate) api: usize,
}

impl Share {
    /// As many callers as are wanted, unless open files allow fewer, and calls with all the rest; at least one of each.
    pub(crate) fn of(callers_wanted: u32, open_files_max: u64) -> Self {
        let files = open_files_max.saturating_sub(FILES_KEPT);
        let callers = files.div_euclid(2).min(callers_wanted.into());
        let places = |files: u64| {
            usize::try_from(files).unwrap_or(usize::MAX).clamp(1, Semaphore::MAX_PERMITS)
        };
        Self { callers: places(callers), api: places(files.saturating_sub(callers)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_held_against_open_files() {
        let share = |wanted, open_files_max| {
            let Share { callers, api } = Share::of(wanted, open_files_max);
            (callers, api)
        };
        assert_eq!(share(1_024, u64::MAX), (1_024, Semaphore::MAX_PERMITS));
        assert_eq!(share(1_024, 65_536), (1_024, 64_384));
        assert_eq!(share(1_024, 2_176), (1_024, 1_024));
        assert_eq!(share(1_024, 2_175), (1_023, 1_024));
        assert_eq!(share(1_024, 1_024), (448, 448));
        assert_eq!(share(64, 1_024), (64, 832));
        assert_eq!(share(1_024, 64), (1, 1), "one at a time is better than none");
    }
}
