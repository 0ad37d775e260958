//! The address of the API behind the gateway.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

use http::uri::{Authority, Scheme};
use mandate_config::{Item, Read, UrlError, check_url, url};

use super::fault::{GatewayFault, Report};

/// The address of the API: scheme, host and perhaps a path that every call is put below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamAddress {
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Host and port.
    pub authority: Authority,
    /// The path before every call's own, without a slash at its end; often empty.
    pub base_path: String,
}

/// Reads the address of the API, which is another than the gateway's own.
pub(super) fn upstream(
    item: &Item<'_>,
    listen: Read<SocketAddr>,
    report: &mut Report<'_>,
) -> Read<UpstreamAddress> {
    let upstream = address(item, report)?;
    if listen.is_ok_and(|listen| upstream.is_at(listen)) {
        return Err(item.fault(report, GatewayFault::UpstreamIsListen));
    }
    Ok(upstream)
}

fn address(item: &Item<'_>, report: &mut Report<'_>) -> Read<UpstreamAddress> {
    url(item, report)?.parse().map_err(|error: UrlError| item.fault(report, error))
}

impl UpstreamAddress {
    /// Takes a checked address apart.
    fn split(url: &str) -> Option<Self> {
        let (scheme, rest) = match url.strip_prefix("https://") {
            Some(rest) => (Scheme::HTTPS, rest),
            None => (Scheme::HTTP, url.strip_prefix("http://")?),
        };
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len()))?;
        let base_path = path.trim_end_matches('/').to_owned();
        Some(Self { scheme, authority: authority.parse().ok()?, base_path })
    }

    /// The port, by the scheme if none is written.
    #[must_use]
    pub fn port(&self) -> u16 {
        let by_scheme = if self.scheme == Scheme::HTTPS { 443 } else { 80 };
        self.authority.port_u16().unwrap_or(by_scheme)
    }

    /// Whether this is a socket of this machine that a program listens on, as far as the text tells.
    fn is_at(&self, listen: SocketAddr) -> bool {
        let host = self.authority.host().trim_start_matches('[').trim_end_matches(']');
        let is_localhost = host.eq_ignore_ascii_case("localhost");
        let host = if is_localhost { Some(Ipv4Addr::LOCALHOST.into()) } else { host.parse().ok() };
        let Some(host) = host.map(|host: IpAddr| host.to_canonical()) else { return false };
        let own = listen.ip().to_canonical();
        let this_machine = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
        // To connect to "any address" is to connect to this machine; to listen there is to listen on all of them.
        let is_any = own.is_unspecified() || host.is_unspecified() || is_localhost;
        let same = host == own || (is_any && this_machine(host) && this_machine(own));
        same && self.port() == listen.port()
    }
}

impl fmt::Display for UpstreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.authority, self.base_path)
    }
}

impl FromStr for UpstreamAddress {
    type Err = UrlError;

    /// Reads an address by the rules of the file.
    fn from_str(text: &str) -> Result<Self, UrlError> {
        check_url(text)?;
        Self::split(text).ok_or(UrlError::Host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> UpstreamAddress {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_is_taken_apart_and_put_together() {
        let api = upstream("https://api.lux-hotels.example:8443/v1/");
        assert_eq!(
            (api.scheme.as_str(), api.authority.as_str()),
            ("https", "api.lux-hotels.example:8443")
        );
        assert_eq!((api.base_path.as_str(), api.port()), ("/v1", 8443));
        assert_eq!(api.to_string(), "https://api.lux-hotels.example:8443/v1");
        assert_eq!(upstream("http://[::1]").port(), 80);
        assert_eq!(upstream("https://lux.example/").base_path, "");
        let query = "http://127.0.0.1/?a".parse::<UpstreamAddress>();
        assert_eq!(query, Err(UrlError::Query));
        let quote = "http://127.0.0.1/\"\n".parse::<UpstreamAddress>();
        assert_eq!(quote, Err(UrlError::Character { found: '"' }));
    }

    /// What the reader lets through can stand in a request.
    #[test]
    fn every_base_path_is_one_of_a_uri() {
        for byte in u8::MIN..=u8::MAX {
            let text = format!("http://127.0.0.1:8080/a{}b", char::from(byte));
            if let Ok(api) = text.parse::<UpstreamAddress>() {
                let path = format!("{}/bookings", api.base_path);
                assert_eq!(path.parse::<http::Uri>().unwrap().path(), path);
            }
        }
    }

    #[test]
    fn the_gateways_own_address_is_known_under_its_names() {
        for (listen, api, own) in [
            ("127.0.0.1:80", "http://127.0.0.1", true),
            ("127.0.0.1:443", "https://127.0.0.1/v1", true),
            ("127.0.0.1:8402", "http://localhost:8402", true),
            ("127.0.0.1:8402", "http://0.0.0.0:8402", true),
            ("0.0.0.0:8402", "http://127.0.0.1:8402", true),
            ("[::]:8402", "http://127.0.0.1:8402", true),
            ("[::1]:8402", "http://LOCALHOST:8402", true),
            ("[::ffff:127.0.0.1]:8402", "http://127.0.0.1:8402", true),
            ("192.0.2.1:8402", "http://192.0.2.1:8402", true),
            ("127.0.0.1:8402", "http://127.0.0.1:8080", false),
            ("127.0.0.1:8402", "http://127.0.0.2:8402", false),
            ("127.0.0.1:8402", "http://[::1]:8402", false),
            ("127.0.0.1:8402", "http://api.example:8402", false),
            ("0.0.0.0:8402", "http://192.0.2.1:8402", false),
        ] {
            assert_eq!(upstream(api).is_at(listen.parse().unwrap()), own, "{listen} {api}");
        }
    }
}
