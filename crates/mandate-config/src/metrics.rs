//! Reads `[metrics]`: where a daemon's figures may be read over TCP.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, quoted};
use crate::socket_address::socket_address;
use crate::table::Table;

/// Reads the table `[metrics]` of a file: its `listen`, an address that only this machine reaches. Without the table, or
/// without `listen` in it, the figures are not read over TCP.
///
/// # Errors
///
/// [`FaultKind::NotLoopback`] or [`FaultKind::SocketAddress`], or what a table can have wrong, is noted.
pub fn metrics_listen<F: OwnFault>(
    root: &Table<'_>,
    report: &mut Report<'_, F>,
) -> Read<Option<SocketAddr>> {
    let listen = root.optional("metrics", report, |item, report| {
        let expected = "a table under the header [metrics]";
        let table = Table::open(item, &["listen"], expected, report)?;
        table.optional("listen", report, loopback_address)
    })?;
    Ok(listen.flatten())
}

/// Reads an address that only this machine reaches; port 0 is any free one.
fn loopback_address<F: OwnFault>(item: &Item<'_>, report: &mut Report<'_, F>) -> Read<SocketAddr> {
    let address = socket_address(item, report)?;
    if address.ip().is_loopback() {
        return Ok(address);
    }
    let meant = SocketAddr::new(IpAddr::from(Ipv4Addr::LOCALHOST), address.port());
    Err(item.fault_with(report, FaultKind::NotLoopback, Some(quoted(&meant.to_string()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read;

    #[test]
    fn only_this_machine_may_be_listened_on() {
        for address in ["127.0.0.1:9464", "127.8.7.6:1", "[::1]:9464", "127.0.0.1:0"] {
            let listened = read(&format!("\"{address}\""), loopback_address);
            assert_eq!(listened.map(|address| address.to_string()), Ok(address.to_owned()));
        }
        for address in ["0.0.0.0:9464", "[::]:9464", "192.168.0.7:9464", "[::ffff:127.0.0.1]:9464"]
        {
            let fault = read(&format!("\"{address}\""), loopback_address).unwrap_err();
            let told = "1:9: field: can be reached from other machines, and whoever reaches it reads the figures; \
                 listen on this machine alone (did you mean \"127.0.0.1:9464\"?)";
            assert_eq!(fault, told, "{address}");
        }
    }
}
