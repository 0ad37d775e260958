//! Where the gateway's files are for this call.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use mandate_places::{Environment, PathError, absolute};
use mandate_terminal::failure::{Failure, chain};

use super::command::Options;
use crate::book::book_path;
use crate::door::socket_path;

const CONFIG_FILE: &str = "gateway.toml";

/// The gateway's places, all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    config: PathBuf,
    state_dir: PathBuf,
}

impl Places {
    /// Resolves each place: the command line, then systemd's folders, then the XDG ones.
    pub(crate) fn resolve(options: &Options) -> Result<Self, Failure> {
        let Options { config, state_dir, json: _, log_format: _ } = options;
        let variable = |name: &str| std::env::var_os(name);
        Self::resolve_in(config.clone(), state_dir.clone(), variable)
            .map_err(|error| Failure::Usage(chain(&error)))
    }

    fn resolve_in(
        config: Option<PathBuf>,
        state_dir: Option<PathBuf>,
        variable: impl Fn(&str) -> Option<OsString>,
    ) -> Result<Self, PathError> {
        let environment = Environment::new(variable);
        let config = match config {
            Some(file) => file,
            None => environment.config_dir()?.join(CONFIG_FILE),
        };
        let state_dir = match state_dir {
            Some(folder) => folder,
            None => environment.state_dir()?,
        };
        Ok(Self { config: absolute(config)?, state_dir: absolute(state_dir)? })
    }

    /// The file `gateway.toml`.
    pub(crate) fn config(&self) -> &Path {
        &self.config
    }

    /// The folder of the book.
    pub(crate) fn state_dir(&self) -> &Path {
        &self.state_dir
    }

    /// The book.
    pub(crate) fn book(&self) -> PathBuf {
        book_path(&self.state_dir)
    }

    /// The operator's socket.
    pub(crate) fn socket(&self) -> PathBuf {
        socket_path(&self.state_dir)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolve(config: Option<&str>, variables: &[(&str, &str)]) -> Places {
        Places::resolve_in(config.map(PathBuf::from), None, |name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| value.into())
        })
        .unwrap()
    }

    #[test]
    fn the_command_line_beats_systemd_which_beats_xdg() {
        let mut variables = vec![("HOME", "/home/ada")];
        let places = resolve(None, &variables);
        assert_eq!(places.config(), Path::new("/home/ada/.config/mandate/gateway.toml"));
        assert_eq!(places.book(), Path::new("/home/ada/.local/state/mandate/gateway.db"));
        assert_eq!(places.socket(), Path::new("/home/ada/.local/state/mandate/gateway.sock"));
        // A variable of the wallet's says nothing to the gateway.
        variables.push(("MANDATE_CONFIG", "/w/wallet.toml"));
        assert_eq!(resolve(None, &variables), places);
        variables.push(("CONFIGURATION_DIRECTORY", "/etc/mandate"));
        variables.push(("STATE_DIRECTORY", "/var/lib/mandate"));
        let places = resolve(None, &variables);
        assert_eq!(places.config(), Path::new("/etc/mandate/gateway.toml"));
        assert_eq!(places.book(), Path::new("/var/lib/mandate/gateway.db"));
        assert_eq!(resolve(Some("/g.toml"), &variables).config(), Path::new("/g.toml"));
    }
}
