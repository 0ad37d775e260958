//! Which call stands for which action: a method and a path, matched byte by byte.
//!
//! A path is never decoded, normalised or guessed at: what could be read in two ways by the gateway and by the API
//! behind it matches nothing.

use std::fmt;
use std::str::FromStr;

use http::Method;
use thiserror::Error;

/// Longest path of a route, in bytes.
pub const ROUTE_BYTES_MAX: usize = 512;

/// Why a text is no route.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RouteError {
    /// It is no method, a space and a path.
    #[error("is not a method and a path, as in \"POST /bookings\"")]
    Form,
    /// The method is no upper-case word, or one that no action can stand on.
    #[error("has the method {found:?}; use one such as GET, POST, PUT, PATCH or DELETE")]
    Method {
        /// The method as written.
        found: String,
    },
    /// A segment is neither plain nor a placeholder.
    #[error(
        "has the segment {found:?}; a segment is made of A-Z a-z 0-9 . _ ~ - and is not . or .., or it is a placeholder such as {{id}}"
    )]
    Segment {
        /// The segment as written.
        found: String,
    },
    /// It is too long.
    #[error("has {actual} bytes; at most {ROUTE_BYTES_MAX} are allowed")]
    TooLong {
        /// Its length in bytes.
        actual: usize,
    },
}

/// One segment of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    /// Exactly this text.
    Literal(Box<str>),
    /// Any one plain segment.
    Any(Box<str>),
}

/// A method and a path, perhaps with placeholders: `POST /rooms/{id}/bookings`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    method: Method,
    segments: Vec<Segment>,
}

/// Whether a segment means the same to everyone: unreserved characters, and no dot segment (RFC 3986, sections 2.3
/// and 3.3).
fn is_plain(segment: &str) -> bool {
    let unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    !segment.is_empty() && segment.bytes().all(unreserved) && segment != "." && segment != ".."
}

/// The segments of a path from its first slash on; the path `/` has none.
fn segments(path: &str) -> Option<impl Iterator<Item = &str>> {
    let rest = path.strip_prefix('/')?;
    Some(rest.split('/').filter(move |_| !rest.is_empty()))
}

impl Route {
    /// The method.
    #[must_use]
    pub fn method(&self) -> &Method {
        &self.method
    }

    /// The path as written.
    #[must_use]
    pub fn path(&self) -> String {
        let segments = self.segments.iter().map(|segment| match segment {
            Segment::Literal(text) => format!("/{text}"),
            Segment::Any(name) => format!("/{{{name}}}"),
        });
        let path: String = segments.collect();
        if path.is_empty() { "/".to_owned() } else { path }
    }

    /// Whether it has no placeholder.
    #[must_use]
    pub fn is_literal(&self) -> bool {
        self.segments.iter().all(|segment| matches!(segment, Segment::Literal(_)))
    }

    /// Whether a request's method and raw path are this route's.
    #[must_use]
    pub fn matches(&self, method: &Method, path: &str) -> bool {
        if *method != self.method {
            return false;
        }
        let Some(mut found) = segments(path) else { return false };
        let all = self.segments.iter().all(|segment| {
            found.next().is_some_and(|found| match segment {
                Segment::Literal(text) => **text == *found,
                Segment::Any(_) => is_plain(found),
            })
        });
        all && found.next().is_none()
    }

    /// Whether some request is on both routes.
    #[must_use]
    pub fn overlaps(&self, other: &Self) -> bool {
        self.method == other.method
            && self.segments.len() == other.segments.len()
            && self.segments.iter().zip(&other.segments).all(|pair| match pair {
                (Segment::Literal(one), Segment::Literal(two)) => one == two,
                _ => true,
            })
    }
}

impl FromStr for Route {
    type Err = RouteError;

    fn from_str(text: &str) -> Result<Self, RouteError> {
        if text.len() > ROUTE_BYTES_MAX {
            return Err(RouteError::TooLong { actual: text.len() });
        }
        let (method, path) = text.split_once(' ').ok_or(RouteError::Form)?;
        let known = method.bytes().all(|byte| byte.is_ascii_uppercase());
        let method = Some(method)
            .filter(|name| known && !["CONNECT", "OPTIONS", "TRACE"].contains(name))
            .and_then(|name| Method::from_bytes(name.as_bytes()).ok())
            .ok_or_else(|| RouteError::Method { found: method.to_owned() })?;
        let segments = segments(path).ok_or(RouteError::Form)?.map(|segment| {
            let name = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            match name {
                Some(name) if is_plain(name) => Ok(Segment::Any(name.into())),
                None if is_plain(segment) => Ok(Segment::Literal(segment.into())),
                _ => Err(RouteError::Segment { found: segment.to_owned() }),
            }
        });
        Ok(Self { method, segments: segments.collect::<Result<_, _>>()? })
    }
}

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn route(text: &str) -> Route {
        text.parse().unwrap()
    }

    #[test]
    fn a_route_is_written_as_it_is_read() {
        for text in ["POST /bookings", "GET /", "GET /rooms/{id}", "DELETE /a.b_c~d-E/{x}/y"] {
            assert_eq!(route(text).to_string(), text);
        }
        for (text, error) in [
            ("/bookings", RouteError::Form),
            ("POST bookings", RouteError::Form),
            ("POST", RouteError::Form),
            ("post /a", RouteError::Method { found: "post".into() }),
            ("CONNECT /a", RouteError::Method { found: "CONNECT".into() }),
            ("POST /a//b", RouteError::Segment { found: String::new() }),
            ("POST /a/", RouteError::Segment { found: String::new() }),
            ("POST /a/..", RouteError::Segment { found: "..".into() }),
            ("POST /a%2fb", RouteError::Segment { found: "a%2fb".into() }),
            ("POST /{}", RouteError::Segment { found: "{}".into() }),
            ("POST /a?b", RouteError::Segment { found: "a?b".into() }),
            ("POST  /a", RouteError::Form),
        ] {
            assert_eq!(text.parse::<Route>(), Err(error), "{text}");
        }
    }

    #[test]
    fn a_path_matches_as_it_stands_or_not_at_all() {
        let rooms = route("GET /rooms/{id}");
        assert!(
            rooms.matches(&Method::GET, "/rooms/12") && rooms.matches(&Method::GET, "/rooms/a.b~c")
        );
        for path in [
            "/rooms",
            "/rooms/",
            "/rooms//",
            "/rooms/.",
            "/rooms/..",
            "/rooms/a%20b",
            "/rooms/a;b",
            "/Rooms/12",
            "/rooms/12/",
            "//rooms/12",
            "/rooms/12/..",
            "rooms/12",
            "",
            "/",
            "/rooms/é",
            "/./rooms/12",
        ] {
            assert!(!rooms.matches(&Method::GET, path), "{path}");
        }
        assert!(!rooms.matches(&Method::POST, "/rooms/12"));
        assert!(
            route("GET /").matches(&Method::GET, "/")
                && !route("GET /").matches(&Method::GET, "//")
        );
    }

    #[test]
    fn routes_that_share_a_path_overlap() {
        assert!(route("GET /a/{x}").overlaps(&route("GET /{y}/b")));
        assert!(!route("GET /a/{x}").overlaps(&route("GET /b/{x}")));
        assert!(!route("GET /a").overlaps(&route("POST /a")));
        assert!(!route("GET /a").overlaps(&route("GET /a/{x}")));
    }
}
