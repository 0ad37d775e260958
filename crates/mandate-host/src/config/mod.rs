//! A configuration file as a process holds it: read with care, and kept until a better one is in force.
//!
//! Never takes a file that somebody else could have written, and never knows what the file says.

mod file;
mod in_force;

pub use file::{ConfigFile, ConfigFileError};
pub use in_force::{InForce, Standing};
