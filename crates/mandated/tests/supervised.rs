//! The daemon under a service manager: what it tells it, in which order, and the sockets that it takes from it.

#![expect(clippy::expect_used, reason = "a test stops where its own assumption fails")]

#[path = "supervised/activated.rs"]
mod activated;
#[path = "supervised/handed_in.rs"]
mod handed_in;
#[path = "supervised/notify.rs"]
mod notify;
#[path = "supervised/watchdog.rs"]
mod watchdog;

use std::process::Child;

const BINARY: &str = env!("CARGO_BIN_EXE_mandated");
const CAPS: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

/// A process that does not outlive its test, however that ends.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.kill().unwrap_or_default();
        self.0.wait().map(drop).unwrap_or_default();
    }
}
