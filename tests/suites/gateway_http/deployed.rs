//! A gateway as it ships, in this process.

use std::net::SocketAddr;
use std::time::Duration;

use mandate_gateway::door::{Status, socket_path};
use mandate_gateway::{RunConfig, RunError, run};
use mandate_journal::Options;
use mandate_tests::gateway::MerchantHome;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The gateway, and the home it serves.
pub struct Deployed {
    pub home: MerchantHome,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Result<(), RunError>>,
}

impl Deployed {
    pub async fn start(metrics: &str) -> Option<Self> {
        Self::start_on(metrics, Options::default()).await
    }

    /// With points where a test breaks a commit.
    pub async fn start_on(metrics: &str, book: Options) -> Option<Self> {
        let home = MerchantHome::new()?;
        home.write(&toml(&home, metrics));
        let (stop, stopped) = oneshot::channel::<()>();
        let (ready, told) = oneshot::channel();
        let config = RunConfig {
            book,
            ready: Some(ready),
            ..RunConfig::new(home.config(), home.state_dir())
        };
        let running = tokio::spawn(run(config, async { stopped.await.unwrap_or_default() }));
        told.await.unwrap();
        Some(Self { home, stop, running })
    }

    pub async fn door(&self, path: &str) -> (String, String) {
        let stream = UnixStream::connect(socket_path(&self.home.state_dir())).await.unwrap();
        asked(stream, path).await
    }

    pub async fn status(&self) -> Status {
        let (_, body) = self.door("/status").await;
        serde_json::from_str(&body).unwrap()
    }

    /// Puts a gateway.toml in its place, and waits until the status is as it leads to; only a gateway that misses it
    /// takes long.
    pub async fn obeys(&self, text: &str, leads_to: impl Fn(&Status) -> bool) -> Status {
        self.home.write(text);
        let told = async {
            loop {
                let status = self.status().await;
                if leads_to(&status) {
                    return status;
                }
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), told).await.expect("the change was missed")
    }

    pub async fn stop(self) {
        self.stop.send(()).unwrap();
        self.running.await.unwrap().unwrap();
    }
}

/// Its gateway.toml, with this about metrics.
pub fn toml(home: &MerchantHome, metrics: &str) -> String {
    let nobody: SocketAddr = "127.0.0.1:1".parse().unwrap();
    format!("{}\n{metrics}", home.toml(nobody, ""))
}

/// The head and the body of an answer.
pub async fn asked(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    path: &str,
) -> (String, String) {
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.to_owned(), body.to_owned())
}
