//! The machine under a daemon: its clocks, its configuration file, its sockets, its log, its metrics, its signals, its
//! key store, and the service manager that started it.
//!
//! What is here is the same for every daemon, and none of it knows what the daemon is for. It never decides anything
//! about money or mandates, and never knows what a configuration file means.

pub mod clock;
pub mod config;
pub mod head;
pub mod key;
pub mod log;
pub mod metrics;
pub mod peer;
pub mod program;
pub mod socket;
pub mod supervisor;
pub mod warnings;
pub mod watch;
