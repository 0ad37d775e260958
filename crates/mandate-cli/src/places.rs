//! Where the wallet's files and sockets are for this call.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mandate_proto::paths::{Overrides, PathError, Paths};

use crate::failure::{Failure, chain};

/// The variable that names the ledger's folder as `--state-dir` does.
const STATE_DIR_VARIABLE: &str = "MANDATE_STATE_DIR";

/// The wallet's places.
///
/// A command that needs no socket works where nothing says in which folder the sockets are, as in a cron job.
#[derive(Debug)]
pub(crate) struct Places {
    paths: Paths,
    sockets_unknown: Option<PathError>,
    state_dir_was_named: bool,
}

impl Places {
    /// Resolves each place from the command line, then the environment.
    pub(crate) fn resolve(overrides: &Overrides) -> Result<Self, Failure> {
        Self::resolve_in(overrides, |name| env::var_os(name))
            .map_err(|error| Failure::Usage(chain(&error)))
    }

    fn resolve_in(
        overrides: &Overrides,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, PathError> {
        let state_dir_was_named = overrides.state_dir.is_some()
            || variable(STATE_DIR_VARIABLE).is_some_and(|folder| !folder.is_empty());
        let (paths, sockets_unknown) = match Paths::resolve_in(overrides.clone(), &variable) {
            Err(unknown @ PathError::Unknown { option: "runtime-dir", .. }) => {
                // Never handed out: whoever asks for a socket is told that its folder is unknown.
                let nowhere =
                    Overrides { runtime_dir: Some(PathBuf::from("/")), ..overrides.clone() };
                (Paths::resolve_in(nowhere, &variable)?, Some(unknown))
            }
            resolved => (resolved?, None),
        };
        Ok(Self { paths, sockets_unknown, state_dir_was_named })
    }

    /// The file `wallet.toml`.
    pub(crate) fn config(&self) -> &Path {
        self.paths.config()
    }

    /// The folder of the ledger.
    pub(crate) fn state_dir(&self) -> &Path {
        self.paths.state_dir()
    }

    /// Whether this very folder was asked for, so that no other ledger will do.
    pub(crate) fn state_dir_was_named(&self) -> bool {
        self.state_dir_was_named
    }

    /// The ledger.
    pub(crate) fn ledger(&self) -> PathBuf {
        self.paths.ledger()
    }

    /// The folder of the sockets.
    pub(crate) fn runtime_dir(&self) -> Result<&Path, Failure> {
        match &self.sockets_unknown {
            Some(unknown) => Err(Failure::Usage(unknown.to_string())),
            None => Ok(self.paths.runtime_dir()),
        }
    }

    /// The agents' socket.
    pub(crate) fn wallet_socket(&self) -> Result<PathBuf, Failure> {
        self.runtime_dir().map(|_| self.paths.wallet_socket())
    }

    /// The principal's socket.
    pub(crate) fn control_socket(&self) -> Result<PathBuf, Failure> {
        self.runtime_dir().map(|_| self.paths.control_socket())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(variables: &[(&str, &str)]) -> Places {
        Places::resolve_in(&Overrides::default(), |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
        .unwrap()
    }

    #[test]
    fn files_are_found_where_the_folder_of_the_sockets_is_unknown() {
        let places = resolve(&[("HOME", "/home/ada")]);
        assert_eq!(places.config(), Path::new("/home/ada/.config/mandate/wallet.toml"));
        let Err(Failure::Usage(problem)) = places.control_socket() else { panic!() };
        assert!(problem.contains("--runtime-dir"), "{problem}");
    }

    #[test]
    fn a_folder_that_was_named_is_told_from_the_default() {
        assert!(!resolve(&[("HOME", "/home/ada")]).state_dir_was_named());
        assert!(resolve(&[("HOME", "/h"), (STATE_DIR_VARIABLE, "/backup")]).state_dir_was_named());
    }
}
