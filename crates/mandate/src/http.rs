//! The digest that binds a mandate to one exact HTTP request.

use sha2::{Digest as _, Sha256};

use crate::digest::RequestDigest;

/// Hashes `method LF target LF content-type LF body` with SHA-256.
///
/// `target` is the origin form as received (path and query, RFC 9112, section 3.2.1), `content_type` the field's value
/// as sent or the empty text. None of the three can hold a line feed in a valid request, so no two requests share a
/// preimage; `body` is taken as sent, without any content coding.
#[must_use]
pub fn request_digest(
    method: &str,
    target: &str,
    content_type: &str,
    body: &[u8],
) -> RequestDigest {
    let mut hash = Sha256::new();
    for line in [method, target, content_type] {
        hash.update(line.as_bytes());
        hash.update(b"\n");
    }
    hash.update(body);
    RequestDigest::from_bytes(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_of_the_four_parts_on_lines() {
        let whole = b"POST\n/bookings?x=1\napplication/json\n{\"nights\":2}";
        assert_eq!(
            request_digest("POST", "/bookings?x=1", "application/json", b"{\"nights\":2}"),
            RequestDigest::of(whole)
        );
        assert_eq!(request_digest("GET", "/", "", b""), RequestDigest::of(b"GET\n/\n\n"));
    }

    #[test]
    fn each_part_counts() {
        let base = request_digest("POST", "/a", "text/plain", b"x");
        assert_ne!(base, request_digest("PUT", "/a", "text/plain", b"x"));
        assert_ne!(base, request_digest("POST", "/b", "text/plain", b"x"));
        assert_ne!(base, request_digest("POST", "/a", "", b"x"));
        assert_ne!(base, request_digest("POST", "/a", "text/plain", b"y"));
    }
}
