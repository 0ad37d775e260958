//! Clients that mean harm: what they do to a socket, and the uid that they do it with.

mod attack;
mod caller;

pub use attack::{Attack, Pace};
pub use caller::{Caller, OTHER_UID};
