//! A request as the gateway judges it: read whole, once, and passed on as the same bytes.

use std::pin::pin;
use std::time::Duration;

use bytes::{Buf as _, Bytes};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use http::request::Parts;
use http::{Method, Version};
use http_body::Body;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use mandate::{RequestDigest, request_digest};

use crate::refusal::{BODY_BYTES_MAX, Refusal};

/// An error of a body or an inner service, whatever it is.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// A request with its body.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    pub(super) method: Method,
    /// Origin form: path and query, as received.
    pub(super) target: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Whole {
    /// The digest that a mandate is bound to.
    pub(super) fn digest(&self) -> Result<RequestDigest, Refusal> {
        let mut types = self.headers.get_all(CONTENT_TYPE).iter();
        let content_type = types.next().map(|value| value.to_str());
        let (Ok(content_type), None) = (content_type.unwrap_or(Ok("")), types.next()) else {
            return Err(Refusal::ContentType);
        };
        Ok(request_digest(self.method.as_str(), &self.target, content_type, &self.body))
    }
}

/// The path and query of a request, if it is in origin form.
///
/// Over HTTP/2 the scheme and host stand in fields of their own; over HTTP/1 they would be part of the target.
pub(super) fn origin_form(parts: &Parts) -> Result<String, Refusal> {
    let absolute = parts.version < Version::HTTP_2
        && (parts.uri.scheme().is_some() || parts.uri.authority().is_some());
    match parts.uri.path_and_query() {
        Some(target) if !absolute && target.as_str().starts_with('/') => {
            Ok(target.as_str().to_owned())
        }
        _ => Err(Refusal::RequestTarget),
    }
}

/// Refuses a body that says itself that it is too large.
pub(super) fn check_declared_size(headers: &HeaderMap) -> Result<(), Refusal> {
    let declared = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    match declared.and_then(|text| text.parse::<u64>().ok()) {
        Some(bytes) if usize::try_from(bytes).map_or(true, |bytes| bytes > BODY_BYTES_MAX) => {
            Err(Refusal::BodyTooLarge)
        }
        _ => Ok(()),
    }
}

/// Reads a body to its end.
pub(super) async fn read_body<B>(body: B, timeout: Duration) -> Result<Bytes, Refusal>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let mut buffers =
        in_time(Limited::new(body, BODY_BYTES_MAX).collect(), timeout).await?.aggregate();
    let length = buffers.remaining();
    Ok(buffers.copy_to_bytes(length))
}

/// Reads a body to its end and keeps nothing of it: a client may not listen before it has sent all.
pub(super) async fn pass_over<B>(body: B, timeout: Duration) -> Result<(), Refusal>
where
    B: Body,
    B::Error: Into<BoxError>,
{
    let passed = async {
        let mut body = pin!(Limited::new(body, BODY_BYTES_MAX));
        while let Some(frame) = body.frame().await {
            frame?;
        }
        Ok(())
    };
    in_time(passed, timeout).await
}

/// Waits for a body that is read, but not for ever.
async fn in_time<T>(
    read: impl Future<Output = Result<T, BoxError>>,
    timeout: Duration,
) -> Result<T, Refusal> {
    let incomplete = |problem: String| Refusal::BodyIncomplete { problem };
    match tokio::time::timeout(timeout, read).await {
        Ok(Ok(read)) => Ok(read),
        Ok(Err(error)) if error.downcast_ref::<LengthLimitError>().is_some() => {
            Err(Refusal::BodyTooLarge)
        }
        Ok(Err(error)) => Err(incomplete(error.to_string())),
        Err(_elapsed) => Err(incomplete(format!("not whole after {} s", timeout.as_secs()))),
    }
}
