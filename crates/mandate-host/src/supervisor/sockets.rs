//! Sockets that were opened before the daemon and handed in: taken, if they are exactly those it serves.
//!
//! Their files belong to whoever opened them. They are never made, removed or given another mode here.

use std::env;
use std::io;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;
use thiserror::Error;

/// For which process the sockets are.
const PID_VARIABLE: &str = "LISTEN_PID";
/// What they are called, joined by colons.
const NAMES_VARIABLE: &str = "LISTEN_FDNAMES";

/// A listening Unix socket that was handed in.
#[derive(Debug)]
pub struct HandedIn {
    /// Accepts without blocking.
    pub listener: UnixListener,
    /// Where it is in the file system.
    pub path: PathBuf,
}

/// Why sockets that were handed in cannot be served.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum HandedInError {
    /// Names and sockets do not fit together.
    #[error(
        "{sockets} sockets and {names} names were handed in; each socket unit needs a FileDescriptorName="
    )]
    Count {
        /// How many sockets there are.
        sockets: usize,
        /// How many names there are.
        names: usize,
    },
    /// It is another kind of socket, or none.
    #[error(
        "what was handed in as `{name}` is no Unix stream socket; its unit needs ListenStream= and a path"
    )]
    Kind {
        /// Its name.
        name: String,
        /// What it is instead.
        #[source]
        source: io::Error,
    },
    /// One that has to be there is not.
    #[error(
        "no socket was handed in as `{name}`; start its socket unit, and name it in the service's Sockets="
    )]
    Missing {
        /// Its name.
        name: &'static str,
    },
    /// Nobody listens on it.
    #[error("the socket that was handed in as `{name}` does not listen; its unit needs Accept=no")]
    NotListening {
        /// Its name.
        name: &'static str,
    },
    /// The operating system refused.
    #[error("the socket that was handed in as `{name}` cannot be used")]
    Io {
        /// Its name.
        name: &'static str,
        /// The operating system's error.
        #[source]
        source: io::Error,
    },
    /// It has no place in the file system, so nobody guards it by a mode.
    #[error(
        "the socket that was handed in as `{name}` has no path; its unit needs ListenStream= and a path"
    )]
    NoPath {
        /// Its name.
        name: &'static str,
    },
    /// Two have one name.
    #[error(
        "two sockets were handed in as `{name}`; each unit needs a FileDescriptorName= of its own"
    )]
    Twice {
        /// The name.
        name: &'static str,
    },
    /// Nothing serves it.
    #[error(
        "a socket was handed in as `{name}`, and only {expected} are served; mend FileDescriptorName= in its unit"
    )]
    Unknown {
        /// Its name.
        name: String,
        /// The names that are served.
        expected: String,
    },
}

/// Takes the two sockets that were handed in to this process, in the order of `names`; `None` if there are none.
///
/// To be called before a thread is started, since it changes the environment, and once: later there are none.
///
/// # Errors
///
/// [`HandedInError`] unless they are these two, each a Unix stream socket with a path, and listening.
///
/// Source: `sd_listen_fds(3)`.
pub fn handed_in(names: [&'static str; 2]) -> Result<Option<[HandedIn; 2]>, HandedInError> {
    // Sockets for another process are not ours, and those for nobody are nobody's.
    let pid = env::var(PID_VARIABLE).ok().and_then(|pid| pid.parse().ok());
    if pid != Some(std::process::id()) {
        return Ok(None);
    }
    let given = env::var(NAMES_VARIABLE).unwrap_or_default();
    let mut sockets = ListenFd::from_env();
    let count = sockets.len();
    if count == 0 {
        return Ok(None);
    }
    let given: Vec<&str> = given.split(':').collect();
    if given.len() != count {
        return Err(HandedInError::Count { sockets: count, names: given.len() });
    }
    let mut found = Vec::with_capacity(count);
    for (index, name) in given.into_iter().enumerate() {
        let kind = |source| HandedInError::Kind { name: name.to_owned(), source };
        let listener = sockets.take_unix_listener(index).map_err(kind)?;
        found.extend(listener.map(|listener| (name.to_owned(), listener)));
    }
    sort_out(found, names).map(Some)
}

/// Puts what was found into the order of `names`, and looks at each.
fn sort_out(
    mut found: Vec<(String, UnixListener)>,
    names: [&'static str; 2],
) -> Result<[HandedIn; 2], HandedInError> {
    if let Some((name, _)) = found.iter().find(|(name, _)| !names.contains(&name.as_str())) {
        let expected = names.map(|name| format!("`{name}`")).join(" and ");
        return Err(HandedInError::Unknown { name: name.clone(), expected });
    }
    let mut take = |name| {
        let place = found.iter().position(|(found, _)| found == name);
        let place = place.ok_or(HandedInError::Missing { name })?;
        let (_, listener) = found.swap_remove(place);
        if found.iter().any(|(found, _)| found == name) {
            return Err(HandedInError::Twice { name });
        }
        look_at(name, listener)
    };
    let [first, second] = names;
    Ok([take(first)?, take(second)?])
}

fn look_at(name: &'static str, listener: UnixListener) -> Result<HandedIn, HandedInError> {
    let failed = |source| HandedInError::Io { name, source };
    if !socket_acceptconn(&listener).map_err(|error| failed(error.into()))? {
        return Err(HandedInError::NotListening { name });
    }
    let address = listener.local_addr().map_err(failed)?;
    let path = address.as_pathname().ok_or(HandedInError::NoPath { name })?.to_owned();
    listener.set_nonblocking(true).map_err(failed)?;
    Ok(HandedIn { listener, path })
}

#[cfg(test)]
mod tests {
    use std::os::linux::net::SocketAddrExt as _;
    use std::os::unix::net::SocketAddr;

    use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, bind, socket};
    use tempfile::TempDir;

    use super::*;

    const NAMES: [&str; 2] = ["wallet", "control"];

    fn folder() -> TempDir {
        TempDir::new().unwrap()
    }

    fn listening(folder: &TempDir, name: &str, file: &str) -> (String, UnixListener) {
        (name.to_owned(), UnixListener::bind(folder.path().join(file)).unwrap())
    }

    #[test]
    fn the_order_is_that_of_the_names() {
        let folder = folder();
        let found =
            vec![listening(&folder, "control", "c.sock"), listening(&folder, "wallet", "w.sock")];
        let [wallet, control] = sort_out(found, NAMES).unwrap();
        assert_eq!(wallet.path, folder.path().join("w.sock"));
        assert_eq!(control.path, folder.path().join("c.sock"));
        let would_block = wallet.listener.accept().unwrap_err();
        assert_eq!(would_block.kind(), io::ErrorKind::WouldBlock);
    }

    #[test]
    fn one_too_few_one_too_many_and_one_of_another_name_are_refused() {
        let folder = folder();
        let one = |file: &str| listening(&folder, "wallet", file);
        let refused = sort_out(vec![one("1")], NAMES);
        assert!(matches!(refused, Err(HandedInError::Missing { name: "control" })));
        let refused = sort_out(vec![one("2"), one("3")], NAMES);
        assert!(matches!(refused, Err(HandedInError::Twice { name: "wallet" })));
        let refused = sort_out(vec![one("4"), listening(&folder, "http", "5")], NAMES);
        let Err(HandedInError::Unknown { name, expected }) = refused else { panic!() };
        assert_eq!((name.as_str(), expected.as_str()), ("http", "`wallet` and `control`"));
    }

    #[test]
    fn a_socket_that_does_not_listen_or_has_no_path_is_refused() {
        let folder = folder();
        let bound = socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
        bind(&bound, &SocketAddrUnix::new(folder.path().join("bound")).unwrap()).unwrap();
        let refused = look_at("wallet", UnixListener::from(bound));
        assert!(matches!(refused, Err(HandedInError::NotListening { name: "wallet" })));
        let abstract_name = format!("mandate-{}", folder.path().display());
        let address = SocketAddr::from_abstract_name(abstract_name).unwrap();
        let refused = look_at("wallet", UnixListener::bind_addr(&address).unwrap());
        assert!(matches!(refused, Err(HandedInError::NoPath { name: "wallet" })));
    }
}
