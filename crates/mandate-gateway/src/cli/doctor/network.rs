//! Whether the API can be reached, and whether the gateway can listen.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, ToSocketAddrs as _};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use http::uri::Scheme;
use mandate_terminal::doctor::Finding;

use crate::settings::UpstreamAddress;

/// How long the API may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// How long it may take until a name is an address and that address accepts.
const REACH_TIMEOUT: Duration = Duration::from_secs(5);

/// Whether the gateway can listen there; `taken_by` is where the running one does.
pub(super) fn listen(address: SocketAddr, taken_by: Option<SocketAddr>) -> Finding {
    if taken_by == Some(address) {
        return Finding::ok("listen", format!("{address} is the running gateway's"));
    }
    match TcpListener::bind(address) {
        Ok(_) => Finding::ok("listen", format!("{address} is free")),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Finding::fail(
            "listen",
            format!("{address} is taken by another program"),
            "end that program, or choose another `listen` in gateway.toml",
        ),
        Err(error) => Finding::fail(
            "listen",
            format!("cannot listen on {address}: {error}"),
            "choose another `listen` in gateway.toml",
        ),
    }
}

/// Whether the API accepts a connection. It may run later than the gateway does, so this only warns.
pub(super) fn upstream(address: &UpstreamAddress) -> Finding {
    let port = if address.scheme == Scheme::HTTPS { 443 } else { 80 };
    let host = address.authority.host().trim_start_matches('[').trim_end_matches(']').to_owned();
    let port = address.authority.port_u16().unwrap_or(port);
    let shown = format!("{}://{}", address.scheme, address.authority);
    match reached(host, port) {
        Ok(()) => Finding::ok("upstream", format!("{shown} accepts connections")),
        Err(problem) => Finding::warn(
            "upstream",
            format!("{shown} does not accept connections: {problem}"),
            "start the API, or name its address as `upstream` in gateway.toml",
        ),
    }
}

/// Connects on a thread of its own: no time limit ends the search for a name.
fn reached(host: String, port: u16) -> Result<(), String> {
    let (done, answer) = mpsc::channel();
    thread::spawn(move || {
        // Whoever asked may have given up.
        drop(done.send(connected(&host, port).map_err(|error| error.to_string())));
    });
    answer.recv_timeout(REACH_TIMEOUT).unwrap_or_else(|_late| Err("no answer in time".to_owned()))
}

fn connected(host: &str, port: u16) -> io::Result<()> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(_) => return Ok(()),
            Err(error) => last = error,
        }
    }
    Err(last)
}

#[cfg(test)]
mod tests {
    use mandate_terminal::doctor::Verdict;

    use super::*;

    #[test]
    fn an_address_is_free_taken_or_the_running_gateways() {
        let other = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = other.local_addr().unwrap();
        assert_eq!(listen(address, None).result, Verdict::Fail);
        assert_eq!(listen(address, Some(address)).result, Verdict::Ok);
        drop(other);
        assert_eq!(listen(address, None).result, Verdict::Ok);
    }

    #[test]
    fn an_api_that_does_not_run_is_a_warning() {
        let api = TcpListener::bind("127.0.0.1:0").unwrap();
        let authority = api.local_addr().unwrap().to_string().parse().unwrap();
        let address = UpstreamAddress { scheme: Scheme::HTTP, authority, base_path: String::new() };
        assert_eq!(upstream(&address).result, Verdict::Ok);
        drop(api);
        assert_eq!(upstream(&address).result, Verdict::Warn);
    }
}
