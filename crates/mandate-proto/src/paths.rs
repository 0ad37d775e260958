//! Where the wallet's files and sockets are: the daemon and its clients must agree on it.
//!
//! Resolves names only; nothing is created, opened or checked here.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mandate_places::{Environment, absolute};

pub use mandate_places::PathError;

const CONFIG_FILE: &str = "wallet.toml";
const LEDGER_FILE: &str = "wallet.db";
const WALLET_SOCKET: &str = "wallet.sock";
const CONTROL_SOCKET: &str = "control.sock";

/// What the command line says; `None` leaves the choice to the environment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--config`: the file `wallet.toml`.
    pub config: Option<PathBuf>,
    /// `--state-dir`: the folder of the ledger.
    pub state_dir: Option<PathBuf>,
    /// `--runtime-dir`: the folder of the two sockets.
    pub runtime_dir: Option<PathBuf>,
}

/// The wallet's places, all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    config: PathBuf,
    state_dir: PathBuf,
    runtime_dir: PathBuf,
}

impl Paths {
    /// Resolves each place: the command line, then `MANDATE_CONFIG`, `MANDATE_STATE_DIR` and `MANDATE_RUNTIME_DIR`,
    /// then systemd's `CONFIGURATION_DIRECTORY`, `STATE_DIRECTORY` and `RUNTIME_DIRECTORY`, then the XDG folders.
    ///
    /// # Errors
    ///
    /// [`PathError`] when nothing tells a place.
    pub fn resolve(overrides: Overrides) -> Result<Self, PathError> {
        Self::resolve_in(overrides, |name| env::var_os(name))
    }

    /// As [`Paths::resolve`], in a given environment. An empty variable counts as unset.
    ///
    /// # Errors
    ///
    /// [`PathError`] when nothing tells a place.
    pub fn resolve_in(
        overrides: Overrides,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, PathError> {
        let environment = Environment::new(variable);
        let Overrides { config, state_dir, runtime_dir } = overrides;
        Ok(Self {
            config: absolute(match config.or_else(|| environment.path("MANDATE_CONFIG")) {
                Some(file) => file,
                None => environment.config_dir()?.join(CONFIG_FILE),
            })?,
            state_dir: absolute(
                match state_dir.or_else(|| environment.path("MANDATE_STATE_DIR")) {
                    Some(folder) => folder,
                    None => environment.state_dir()?,
                },
            )?,
            runtime_dir: absolute(
                match runtime_dir.or_else(|| environment.path("MANDATE_RUNTIME_DIR")) {
                    Some(folder) => folder,
                    None => environment.runtime_dir()?,
                },
            )?,
        })
    }

    /// The file `wallet.toml`.
    #[must_use]
    pub fn config(&self) -> &Path {
        &self.config
    }

    /// The folder of the ledger.
    #[must_use]
    pub fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The ledger.
    #[must_use]
    pub fn ledger(&self) -> PathBuf {
        self.state_dir.join(LEDGER_FILE)
    }

    /// The folder of the sockets.
    #[must_use]
    pub fn runtime_dir(&self) -> &Path {
        &self.runtime_dir
    }

    /// The agents' socket.
    #[must_use]
    pub fn wallet_socket(&self) -> PathBuf {
        self.runtime_dir.join(WALLET_SOCKET)
    }

    /// The principal's socket.
    #[must_use]
    pub fn control_socket(&self) -> PathBuf {
        self.runtime_dir.join(CONTROL_SOCKET)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(overrides: Overrides, variables: &[(&str, &str)]) -> Result<Paths, PathError> {
        Paths::resolve_in(overrides, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_defaults_are_the_xdg_folders() {
        let home = [("HOME", "/home/ada"), ("XDG_RUNTIME_DIR", "/run/user/7")];
        let paths = resolve(Overrides::default(), &home).unwrap();
        assert_eq!(paths.config(), Path::new("/home/ada/.config/mandate/wallet.toml"));
        assert_eq!(paths.ledger(), Path::new("/home/ada/.local/state/mandate/wallet.db"));
        assert_eq!(paths.wallet_socket(), Path::new("/run/user/7/mandate/wallet.sock"));
        assert_eq!(paths.control_socket(), Path::new("/run/user/7/mandate/control.sock"));
    }

    #[test]
    fn the_command_line_beats_our_variables_which_beat_systemd_which_beats_xdg() {
        let mut variables =
            vec![("HOME", "/h"), ("XDG_STATE_HOME", "/xdg"), ("XDG_RUNTIME_DIR", "/r")];
        let state = |given: Option<&str>, variables: &[(&str, &str)]| {
            let overrides =
                Overrides { state_dir: given.map(PathBuf::from), ..Overrides::default() };
            resolve(overrides, variables).unwrap().state_dir().to_owned()
        };
        assert_eq!(state(None, &variables), Path::new("/xdg/mandate"));
        variables.push(("STATE_DIRECTORY", "/var/lib/mandate:/var/lib/other"));
        assert_eq!(state(None, &variables), Path::new("/var/lib/mandate"));
        variables.push(("MANDATE_STATE_DIR", "/ours"));
        assert_eq!(state(None, &variables), Path::new("/ours"));
        assert_eq!(state(Some("/given"), &variables), Path::new("/given"));
    }

    #[test]
    fn a_place_that_nothing_tells_is_named() {
        let error = resolve(Overrides::default(), &[("HOME", "/h")]).unwrap_err();
        assert!(error.to_string().contains("--runtime-dir"), "{error}");
        let error = resolve(Overrides::default(), &[("HOME", "")]).unwrap_err();
        assert!(error.to_string().contains("--config"), "{error}");
    }
}
