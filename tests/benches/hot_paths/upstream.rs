//! A merchant's API that does nothing: it reads the call and says yes.

use std::convert::Infallible;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use mandate_tests::gateway::QUOTE_PATH;
use tokio::net::TcpListener;

use crate::child::say;

/// What a room costs.
const QUOTE: &str =
    r#"{"currency":"EUR","line_items":[{"title":"a room","quantity":1,"amount":180}]}"#;

async fn answer(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let is_quote = request.uri().path() == QUOTE_PATH;
    // Who hangs up has no answer.
    request.into_body().collect().await.map(drop).unwrap_or_default();
    let answer = Response::builder().header("content-type", "application/json");
    let answer = if is_quote {
        answer.body(QUOTE.into())
    } else {
        answer.header("mandate-order", "A-1").body(r#"{"booked":true}"#.into())
    };
    Ok(answer.expect("an answer"))
}

/// The whole work of the process: it says where it listens.
pub fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        say(&listener.local_addr().expect("an address"));
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).expect("a socket");
            let connection =
                http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(answer));
            // The client ends it.
            tokio::spawn(async move { connection.await.unwrap_or_default() });
        }
    });
}
