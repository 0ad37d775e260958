//! Bad clients at the wallet's socket: they take nothing from others, and the daemon keeps nothing of them.
//!
//! The daemon is a process of its own, so that what it has open and in memory is its own. As root, the bad clients have
//! another uid than the good agent; without root there is one uid, and then the principal's socket is the one that has
//! to stay open beside the agents'.

mod child;
mod crowd;
