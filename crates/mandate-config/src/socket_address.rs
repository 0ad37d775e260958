//! Reads where a program listens.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, quoted};

/// Reads an IP address and a port, as in `"127.0.0.1:8402"` or `"[::1]:8402"`; port 0 is any free one.
///
/// A host name is refused: it may stand for several addresses, or for another one tomorrow.
///
/// # Errors
///
/// [`FaultKind::Type`] or [`FaultKind::SocketAddress`] is noted.
pub fn socket_address<F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
) -> Read<SocketAddr> {
    let expected = "an address in quotes, as in \"127.0.0.1:8402\"";
    let text = item.as_str().ok_or_else(|| item.mistyped(report, expected))?;
    // The parser says no more than that it is none.
    text.parse().ok().ok_or_else(|| {
        let meant = nearest_address(text).map(|address| quoted(&address.to_string()));
        item.fault_with(report, FaultKind::SocketAddress, meant)
    })
}

/// The address that was meant by `localhost:8402`, `:8402`, `8402`, `http://127.0.0.1:8402/`, `::1:8402`; where none is
/// named, this machine's own.
fn nearest_address(text: &str) -> Option<SocketAddr> {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest).trim_end_matches('/');
    let (host, port) = text.rsplit_once(':').unwrap_or(("", text));
    let port = port.parse().ok()?;
    let host = match host {
        "" | "localhost" => IpAddr::from(Ipv4Addr::LOCALHOST),
        _ => host.trim_start_matches('[').trim_end_matches(']').parse().ok()?,
    };
    Some(SocketAddr::new(host, port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read;

    #[test]
    fn an_address_is_an_ip_and_a_port() {
        for address in ["127.0.0.1:8402", "0.0.0.0:80", "[::1]:8402", "127.0.0.1:0"] {
            let listened = read(&format!("\"{address}\""), socket_address);
            assert_eq!(listened.map(|address| address.to_string()), Ok(address.to_owned()));
        }
    }

    #[test]
    fn what_is_no_address_is_told_with_what_was_meant() {
        let form = "1:9: field: is not an address to listen on; write an IP address and a port, as in \"127.0.0.1:8402\"";
        for (written, meant) in [
            ("localhost:8402", "127.0.0.1:8402"),
            (":8402", "127.0.0.1:8402"),
            ("8402", "127.0.0.1:8402"),
            (" 127.0.0.1:8402", "127.0.0.1:8402"),
            ("http://127.0.0.1:8402/", "127.0.0.1:8402"),
            ("::1:8402", "[::1]:8402"),
        ] {
            let message = format!("{form} (did you mean \"{meant}\"?)");
            assert_eq!(read(&format!("\"{written}\""), socket_address), Err(message));
        }
        for written in
            ["", "127.0.0.1", "::1", "shop.example:8402", "127.0.0.1:65536", "/run/gateway"]
        {
            let found = read(&format!("\"{written}\""), socket_address);
            assert_eq!(found, Err(form.to_owned()), "{written}");
        }
        let mistyped =
            "1:9: field: is a whole number; write an address in quotes, as in \"127.0.0.1:8402\"";
        assert_eq!(read("8402", socket_address), Err(mistyped.to_owned()));
    }
}
