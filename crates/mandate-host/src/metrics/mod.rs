//! Figures of a running daemon, as Prometheus reads them, and whether it serves.
//!
//! Calls count with [`Counts`] and [`Histogram`], which are atomic numbers and take no lock. Whoever asks gets a
//! [`Page`], made for that one answer. Each side names its own figures; what both need is here, with the loopback
//! address that they may be read at ([`Listener`]). Nothing here ever holds an amount, a token or a key.

mod answer;
mod commits;
mod counts;
mod histogram;
mod listener;
mod page;

use std::future::Future;

use serde::Serialize;

pub use answer::{HEALTH_PATH, METRICS_PATH, answer};
pub use commits::Commits;
pub use counts::Counts;
pub use histogram::{Histogram, Measured};
pub use listener::Listener;
pub use page::{Labels, Page};

/// What stands for every party that the configuration file does not list: no id has capitals.
pub const UNLISTED: &str = "UNLISTED";

/// A daemon that tells its operator's tools how it is.
pub trait Observed: Send + Sync + 'static {
    /// All figures, as they are now.
    fn page(&self) -> impl Future<Output = Page> + Send;

    /// Whether it serves, and what stands against it.
    fn health(&self) -> impl Future<Output = Health> + Send;
}

/// Whether a daemon serves, and what stands against it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Health {
    /// Whether it does what it is for.
    pub serving: bool,
    /// Each condition, and whether all is well with it.
    pub conditions: Vec<Condition>,
}

/// One thing that has to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Condition {
    /// Its name.
    pub name: &'static str,
    /// Whether it is.
    pub well: bool,
}
