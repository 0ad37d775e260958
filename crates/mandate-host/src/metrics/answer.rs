//! What is answered to who asks for the figures, over whatever socket.

use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, header};
use http_body_util::Full;

use super::{Health, Observed, Page};

/// Where the figures are.
pub const METRICS_PATH: &str = "/metrics";
/// Where it is told whether the daemon serves.
pub const HEALTH_PATH: &str = "/healthz";
/// What is answered elsewhere.
const NOTHING_HERE: &str = "nothing is here but GET /metrics and GET /healthz\n";

/// An answer, whole.
pub(super) type Answer = Response<Full<Bytes>>;

/// Answers `GET /metrics` with the figures, and `GET /healthz` with 200 while the daemon serves and 503 while it does
/// not, each with what stands against it as JSON. Nothing else is here.
pub async fn answer(observed: &impl Observed, method: &Method, path: &str) -> Answer {
    match (path, *method == Method::GET) {
        (METRICS_PATH, true) => {
            let text = observed.page().await.text();
            made(StatusCode::OK, Page::CONTENT_TYPE, text.into_bytes())
        }
        (HEALTH_PATH, true) => health(&observed.health().await),
        (METRICS_PATH | HEALTH_PATH, false) => refused(StatusCode::METHOD_NOT_ALLOWED),
        _ => refused(StatusCode::NOT_FOUND),
    }
}

fn health(health: &Health) -> Answer {
    let status = if health.serving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let json = serde_json::to_vec(health).unwrap_or_else(|error| {
        tracing::error!(%error, "an answer could not be written");
        Vec::new()
    });
    made(status, "application/json", json)
}

/// An answer that says what there is.
pub(super) fn refused(status: StatusCode) -> Answer {
    made(status, "text/plain; charset=utf-8", NOTHING_HERE.as_bytes().to_vec())
}

fn made(status: StatusCode, content_type: &'static str, body: Vec<u8>) -> Answer {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(header::ALLOW, HeaderValue::from_static("GET"));
    }
    answer
}
