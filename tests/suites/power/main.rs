//! Power cuts, failing syncs and full disks under the wallet's real ledger code: no mandate that was acknowledged is
//! lost, none is signed that is not on disk, and no cap is passed.
//!
//! A child mints on a real file while `tests/shim/power.c` writes down what it does to its files. The suite then plays
//! that back to any moment and makes the disk that a power cut may leave there: what was synced, and of the rest any part,
//! in any order, torn at sectors. The ledger is opened over it, by the same code, and has to hold everything.

mod check;
mod child;
mod cuts;
mod disk;
mod faults;
mod shim;
mod trace;
