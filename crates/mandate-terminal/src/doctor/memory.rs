//! Memory that may be kept out of swap.

use rustix::process::{Resource, getrlimit};

use super::Finding;

/// What the key's own page takes at most, in bytes, on any architecture.
const KEY_PAGE_BYTES: u64 = 64 * 1024;

/// Whether a process started from here may keep the key out of swap.
#[must_use]
pub fn memory() -> Finding {
    match getrlimit(Resource::Memlock).current {
        None => Finding::ok("memory", "all of it may be kept out of swap"),
        Some(bytes) if bytes >= KEY_PAGE_BYTES => Finding::ok(
            "memory",
            format!("the key may be kept out of swap ({bytes} bytes may be locked)"),
        ),
        Some(bytes) => Finding::warn(
            "memory",
            format!("only {bytes} bytes may be locked: the key may be written to swap"),
            "raise the limit (ulimit -l, or LimitMEMLOCK= in the unit)",
        ),
    }
}
