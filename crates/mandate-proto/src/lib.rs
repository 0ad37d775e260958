//! gRPC bindings of the wallet's API, generated from `proto/`, where its sockets are ([`paths`]), and [`connect`].
//!
//! Nothing here decides anything; the contract and its documentation are in the `.proto` files.

use std::io;
use std::path::Path;

use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint, Uri};

pub mod paths;

/// The package `mandate.v1`.
#[allow(clippy::all, clippy::pedantic, missing_docs, reason = "generated from documented protos")]
pub mod v1 {
    tonic::include_proto!("mandate.v1");
}

/// The serialised file descriptors, for the reflection service.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// The `domain` of every `google.rpc.ErrorInfo` this API sends (AIP-193).
pub const ERROR_DOMAIN: &str = "mandate";

/// Connects to one of the wallet's Unix sockets.
///
/// # Errors
///
/// The transport error when nothing accepts on `path`; its source is the operating system's error.
pub async fn connect(path: &Path) -> Result<Channel, tonic::transport::Error> {
    let path = path.to_owned();
    // The URI is only the HTTP/2 `:authority`; the connector decides where the bytes go.
    Endpoint::from_static("http://localhost")
        .connect_with_connector(tower::service_fn(move |_: Uri| {
            let path = path.clone();
            async move { Ok::<_, io::Error>(TokioIo::new(UnixStream::connect(path).await?)) }
        }))
        .await
}
