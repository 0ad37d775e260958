//! A call as an agent makes it.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Request};
use http_body_util::Full;
use mandate::{RequestDigest, request_digest};

/// One HTTP request, without a mandate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The content type, if one is sent.
    pub content_type: Option<String>,
    /// The body.
    pub body: Bytes,
}

impl Call {
    /// A call without a body.
    #[must_use]
    pub fn bare(method: &str, target: &str) -> Self {
        let (method, target) = (method.to_owned(), target.to_owned());
        Self { method, target, content_type: None, body: Bytes::new() }
    }

    /// A call with a JSON body.
    #[must_use]
    pub fn json(method: &str, target: &str, body: &str) -> Self {
        let content_type = Some("application/json".to_owned());
        Self {
            content_type,
            body: Bytes::copy_from_slice(body.as_bytes()),
            ..Self::bare(method, target)
        }
    }

    /// What a mandate for it is bound to.
    #[must_use]
    pub fn digest(&self) -> RequestDigest {
        let content_type = self.content_type.as_deref().unwrap_or("");
        request_digest(&self.method, &self.target, content_type, &self.body)
    }

    /// The request, without a mandate.
    ///
    /// # Panics
    ///
    /// If the parts make none.
    #[must_use]
    pub fn request(&self) -> Request<Full<Bytes>> {
        let mut request = Request::builder().method(self.method.as_str()).uri(&self.target);
        if let Some(content_type) = &self.content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        request.body(Full::new(self.body.clone())).expect("a request")
    }

    /// The request with a token in this header.
    ///
    /// # Panics
    ///
    /// As [`Call::request`], and if the token is no header's value.
    #[must_use]
    pub fn with(&self, header: &'static str, token: &str) -> Request<Full<Bytes>> {
        let mut request = self.request();
        request.headers_mut().insert(header, HeaderValue::from_str(token).expect("ASCII"));
        request
    }
}
