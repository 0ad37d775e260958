//! The address of an API.

use std::net::Ipv6Addr;

use thiserror::Error;

use crate::item::Item;
use crate::kind::OwnFault;
use crate::report::{Read, Report};
use crate::value::text;

/// Longest address, in bytes.
pub const URL_BYTES_MAX: usize = 2_048;

/// Largest port.
const PORT_MAX: u32 = 65_535;

/// Why a text is no address of an API.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UrlError {
    /// It holds a character that has to be percent-encoded.
    #[error("holds {found:?}; percent-encode what is not plain ASCII")]
    Character {
        /// The first such character.
        found: char,
    },
    /// No host, or none that can be asked.
    #[error("has no host; write it as in https://api.example.com or http://127.0.0.1:8080")]
    Host,
    /// More than an address to which paths are added.
    #[error("has a query or fragment; write the address of the API alone, paths are added to it")]
    Query,
    /// Another scheme, or none.
    #[error("does not start with https:// or http://")]
    Scheme,
    /// It is longer than any real one.
    #[error("has {actual} bytes; at most {limit} are allowed")]
    TooLong {
        /// The most, in bytes.
        limit: usize,
        /// Its length in bytes.
        actual: usize,
    },
    /// It carries a name or a password.
    #[error("names a user; this file holds no secrets: remove everything up to the @")]
    UserInfo,
}

/// Reads the address of an API: scheme, host, perhaps a port and a path.
///
/// # Errors
///
/// [`FaultKind::Type`], or [`FaultKind::Url`] with the first rule that it breaks, is noted.
///
/// [`FaultKind::Type`]: crate::FaultKind::Type
/// [`FaultKind::Url`]: crate::FaultKind::Url
///
/// Source: RFC 3986, section 3.
pub fn url<F: OwnFault>(item: &Item<'_>, report: &mut Report<'_, F>) -> Read<String> {
    let text = text(item, report)?;
    check_url(text).map_err(|error| item.fault(report, error))?;
    Ok(text.to_owned())
}

/// Checks the address of an API.
///
/// # Errors
///
/// [`UrlError`] with the first rule that it breaks.
///
/// Source: RFC 3986, section 3.
pub fn check_url(url: &str) -> Result<(), UrlError> {
    if url.len() > URL_BYTES_MAX {
        return Err(UrlError::TooLong { limit: URL_BYTES_MAX, actual: url.len() });
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or(UrlError::Scheme)?;
    let plain = |c: &char| {
        c.is_ascii_graphic() && !matches!(c, '"' | '<' | '>' | '\\' | '^' | '`' | '{' | '|' | '}')
    };
    if let Some(found) = url.chars().find(|c| !plain(c)) {
        return Err(UrlError::Character { found });
    }
    if rest.contains(['?', '#']) {
        return Err(UrlError::Query);
    }
    let authority = rest.split('/').next().unwrap_or_default();
    if authority.contains('@') {
        return Err(UrlError::UserInfo);
    }
    if is_host(authority) { Ok(()) } else { Err(UrlError::Host) }
}

/// Whether it is a name or an address, and perhaps a port.
fn is_host(authority: &str) -> bool {
    let bracketed = authority.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (is_host, port) = if let Some((address, port)) = bracketed {
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let end = authority.find(':').unwrap_or(authority.len());
        let (name, port) = authority.split_at_checked(end).unwrap_or((authority, ""));
        let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        (!name.is_empty() && name.bytes().all(fits), port)
    };
    is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port))
}

fn is_port(port: &str) -> bool {
    let digits = !port.is_empty() && port.bytes().all(|b| b.is_ascii_digit());
    digits && port.parse::<u32>().is_ok_and(|port| (1..=PORT_MAX).contains(&port))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read;

    #[test]
    fn an_address_is_read_as_it_is_written() {
        let address = "https://api.lux-hotels.example/v1";
        assert_eq!(read(&format!("\"{address}\""), url), Ok(address.to_owned()));
        let told = "1:9: field: does not start with https:// or http://";
        assert_eq!(read("\"lux\"", url), Err(told.to_owned()));
        assert!(read("7", url).is_err_and(|told| told.contains("write a text in quotes")));
    }

    #[test]
    fn an_address_is_a_scheme_a_host_and_perhaps_a_path() {
        for url in [
            "https://api.lux-hotels.example",
            "https://api.lux-hotels.example/",
            "http://127.0.0.1:8080/v1",
            "http://[::1]:8080",
            "http://localhost",
        ] {
            assert_eq!(check_url(url), Ok(()), "{url}");
        }
        let too_long = format!("https://{}", "a".repeat(URL_BYTES_MAX));
        for (url, error) in [
            ("", UrlError::Scheme),
            ("api.lux-hotels.example", UrlError::Scheme),
            ("ftp://lux-hotels.example", UrlError::Scheme),
            ("HTTPS://lux-hotels.example", UrlError::Scheme),
            ("https://", UrlError::Host),
            ("https:///v1", UrlError::Host),
            ("https://:8080", UrlError::Host),
            ("https://lux:", UrlError::Host),
            ("https://lux:0", UrlError::Host),
            ("https://lux:65536", UrlError::Host),
            ("https://[::1", UrlError::Host),
            ("https://[lux]", UrlError::Host),
            ("https://[::1]8080", UrlError::Host),
            ("https://ada:pw@lux-hotels.example", UrlError::UserInfo),
            ("https://lux-hotels.example/?a=b", UrlError::Query),
            ("https://lux-hotels.example#top", UrlError::Query),
            ("https://lux hotels.example", UrlError::Character { found: ' ' }),
            ("https://lüx.example", UrlError::Character { found: 'ü' }),
            ("https://lux.example\\@evil.example", UrlError::Character { found: '\\' }),
            (too_long.as_str(), UrlError::TooLong { limit: 2_048, actual: 2_056 }),
        ] {
            assert_eq!(check_url(url), Err(error), "{url}");
        }
    }
}
