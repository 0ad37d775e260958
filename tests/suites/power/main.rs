//! The power goes, the disk fails or is full at any moment: nothing that was handed out is lost.
//!
//! A child runs the wallet's ledger under a shim (`tests/shim/power.c`) that writes down everything it does to its
//! files, and beside it what it acknowledges. The trace is then played up to a moment into a simulated disk
//! ([`disk`]), which gives back what was synced and any part of the rest; the ledger's own code opens that, and one
//! checker looks at it ([`check`]). Of one trace thousands of cuts can be made.

mod check;
mod child;
mod cuts;
mod disk;
mod faults;
mod story;
mod trace;
