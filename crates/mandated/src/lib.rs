//! The wallet daemon: two Unix sockets before one ledger and one key.
//!
//! It reads requests, asks the ledger, signs what a permit allows, and answers. It decides nothing itself: what may be
//! spent is for the policy and the ledger to say. [`run`] is all of it; [`program`] makes a process of it, and `main.rs`
//! adds the command line.

mod approvals;
mod control;
mod convert;
mod daemon;
mod doors;
mod health;
mod key;
mod limits;
mod lines;
mod metrics;
mod mint;
mod own;
mod policy;
mod program;
mod reload;
mod run;
mod serve;
mod sockets;
mod status;
mod stops;
mod stranger;
mod summary;
mod users;
mod wallet;

pub use mandate_host::socket::{SOCKET_PATH_BYTES_MAX, SocketError};
pub use policy::{CONFIG_BYTES_MAX, ConfigError, Loaded, load, load_candidate};
pub use program::program;
pub use run::{Config, RunError, run};

pub use users::SystemUsers;
