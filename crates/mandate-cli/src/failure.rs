//! Why a command does not end with yes, in the principal's words.

use mandated::ConfigError;

pub(crate) use mandate_terminal::failure::{Denial, Failure, chain};

/// A wallet.toml that cannot be used.
pub(crate) fn bad_config(error: &ConfigError) -> Failure {
    Failure::Config(chain(error))
}
