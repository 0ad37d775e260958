//! The gateway as it is deployed: behind a TCP listener, in front of an API on another one.

use std::net::SocketAddr;

use mandate_gateway::{GatewayLayer, Proxy, Settings, UpstreamAddress, serve};
use mandate_tests::gateway::{Api, GatewayHome, Shop};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tower::Layer as _;

/// A shop that is served over TCP.
pub struct Front {
    pub shop: Shop,
    pub address: SocketAddr,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Front {
    /// Opens a shop in front of the API at `upstream`.
    pub async fn open(home: &GatewayHome, settings: Settings, upstream: SocketAddr) -> Self {
        let authority = upstream.to_string().parse().unwrap();
        let scheme = http::uri::Scheme::HTTP;
        let address = UpstreamAddress { scheme, authority, base_path: String::new() };
        let limits = settings.limits.clone();
        let shop = home.open(Settings { upstream: address, ..settings }).await;
        let proxy = Proxy::new(shop.gateway.clone()).unwrap();
        let service = GatewayLayer::new(shop.gateway.clone()).layer(proxy);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let server = tokio::spawn(async move { serve(listener, service, &limits, stopped).await });
        Self { shop, address, stop, server }
    }

    /// Lets every call end, and with them every connection to the API.
    pub async fn close(self) -> Shop {
        self.stop.cancel();
        self.server.await.unwrap();
        self.shop.gateway.drain().await;
        self.shop
    }
}

/// Serves the scripted API over TCP until the test ends.
pub async fn serve_api(api: Api) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = hyper_util::service::TowerToHyperService::new(api.clone());
            let io = hyper_util::rt::TokioIo::new(stream);
            let connection =
                hyper::server::conn::http1::Builder::new().serve_connection(io, service);
            // It breaks where the script says that it does.
            tokio::spawn(async move { connection.await.ok() });
        }
    });
    address
}
