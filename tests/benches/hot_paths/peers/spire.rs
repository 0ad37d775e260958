//! SPIRE, by the SPIFFE Workload API: a JWT-SVID from the agent, which the server signs (ECDSA on P-256; it has no
//! Ed25519) or which the agent has kept for its audience.
//!
//! Source: the SPIFFE Workload API, sections 4.2 and 6.2.1; SPIRE's `conf/server/server_full.conf` and
//! `conf/agent/agent_full.conf`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http::uri::PathAndQuery;
use prost::Message;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tonic::client::Grpc;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Status};
use tonic_prost::ProstCodec;

use super::{Client, Peer, Running, patiently};

const FETCH: &str = "/SpiffeWorkloadAPI/FetchJWTSVID";
const TRUST_DOMAIN: &str = "bench.test";

#[derive(Clone, PartialEq, Message)]
struct JwtSvidRequest {
    #[prost(string, repeated, tag = "1")]
    audience: Vec<String>,
    #[prost(string, tag = "2")]
    spiffe_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct JwtSvidResponse {
    #[prost(message, repeated, tag = "1")]
    svids: Vec<JwtSvid>,
}

#[derive(Clone, PartialEq, Message)]
struct JwtSvid {
    #[prost(string, tag = "1")]
    spiffe_id: String,
    #[prost(string, tag = "2")]
    svid: String,
}

/// A server and an agent under way, with an entry for this user. Its clients ask for one audience, again and again.
pub struct Spire(Rc<UnderWay>);

/// The same; its clients ask for another audience each time.
pub struct Minting(Rc<UnderWay>);

struct UnderWay {
    socket: PathBuf,
    audiences: Arc<AtomicU64>,
    _agent: Running,
    _server: Running,
    _folder: TempDir,
}

impl Spire {
    /// Starts both, and waits until the agent has what it needs for this user.
    pub fn start(server: &Path, agent: &Path) -> Self {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let at = |name: &str| folder.path().join(name).display().to_string();
        // A port of its own in the file, so it is looked for before: between the two somebody else may take it.
        let port = TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr());
        let port = port.expect("a free port").port();
        let server_conf = format!(
            r#"server {{
  bind_address = "127.0.0.1"
  bind_port = {port}
  socket_path = "{}"
  trust_domain = "{TRUST_DOMAIN}"
  data_dir = "{}"
  ca_key_type = "ec-p256"
  ratelimit {{ attestation = false signing = false }}
}}
plugins {{
  DataStore "sql" {{ plugin_data {{ database_type = "sqlite3" connection_string = "{}" }} }}
  KeyManager "memory" {{ plugin_data {{}} }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
}}
"#,
            at("server.sock"),
            at("server"),
            at("server.sqlite3"),
        );
        fs::write(at("server.conf"), server_conf).expect("a file");
        let started =
            Running::start(Command::new(server).args(["run", "-config", &at("server.conf")]));
        let ask = |arguments: &[&str]| {
            let mut command = Command::new(server);
            command.args(arguments).args(["-socketPath", &at("server.sock")]);
            let output = command.output().map_err(|error| error.to_string())?;
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() { Ok(said) } else { Err(said) }
        };
        let node = format!("spiffe://{TRUST_DOMAIN}/node");
        let token = patiently("spire-server", || ask(&["token", "generate", "-spiffeID", &node]));
        let token = token.trim().trim_start_matches("Token: ");
        let uid = format!("unix:uid:{}", rustix::process::getuid().as_raw());
        let workload = format!("spiffe://{TRUST_DOMAIN}/agent");
        ask(&["entry", "create", "-parentID", &node, "-spiffeID", &workload, "-selector", &uid])
            .expect("an entry");
        let agent_conf = format!(
            r#"agent {{
  data_dir = "{}"
  server_address = "127.0.0.1"
  server_port = {port}
  socket_path = "{}"
  trust_domain = "{TRUST_DOMAIN}"
  insecure_bootstrap = true
  join_token = "{token}"
}}
plugins {{
  KeyManager "memory" {{ plugin_data {{}} }}
  NodeAttestor "join_token" {{ plugin_data {{}} }}
  WorkloadAttestor "unix" {{ plugin_data {{}} }}
}}
"#,
            at("agent"),
            at("agent.sock"),
        );
        fs::write(at("agent.conf"), agent_conf).expect("a file");
        let agent = Running::start(Command::new(agent).args(["run", "-config", &at("agent.conf")]));
        let under_way = UnderWay {
            socket: at("agent.sock").into(),
            audiences: Arc::default(),
            _agent: agent,
            _server: started,
            _folder: folder,
        };
        patiently("spire-agent", || under_way.connected(true)?.fetch());
        Self(Rc::new(under_way))
    }

    /// A peer of the same server and agent whose clients want another audience each time.
    pub fn minting(&self) -> Minting {
        Minting(Rc::clone(&self.0))
    }
}

impl Peer for Spire {
    fn client(&self) -> Box<dyn Client> {
        Box::new(self.0.connected(false).expect("the agent listens"))
    }
}

impl Peer for Minting {
    fn client(&self) -> Box<dyn Client> {
        Box::new(self.0.connected(true).expect("the agent listens"))
    }
}

impl UnderWay {
    fn connected(&self, is_fresh: bool) -> Result<Connected, Status> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.expect("a runtime");
        let channel = runtime.block_on(mandate_proto::connect(&self.socket));
        let channel = channel.map_err(|error| Status::from_error(error.into()))?;
        let audiences = Arc::clone(&self.audiences);
        Ok(Connected { grpc: Grpc::new(channel), runtime, audiences, is_fresh })
    }
}

struct Connected {
    grpc: Grpc<Channel>,
    runtime: Runtime,
    audiences: Arc<AtomicU64>,
    is_fresh: bool,
}

impl Connected {
    fn fetch(&mut self) -> Result<(), Status> {
        let number =
            if self.is_fresh { self.audiences.fetch_add(1, Ordering::Relaxed) + 1 } else { 0 };
        let audience = vec![format!("merchant-{number}")];
        let mut request = Request::new(JwtSvidRequest { audience, spiffe_id: String::new() });
        request.metadata_mut().insert("workload.spiffe.io", MetadataValue::from_static("true"));
        let answer = self.runtime.block_on(async {
            self.grpc.ready().await.map_err(|error| Status::from_error(error.into()))?;
            let codec = ProstCodec::<JwtSvidRequest, JwtSvidResponse>::default();
            self.grpc.unary(request, PathAndQuery::from_static(FETCH), codec).await
        })?;
        let svids = answer.into_inner().svids;
        assert!(svids.iter().any(|it| it.svid.split('.').count() == 3), "SPIRE signs a JWT");
        Ok(())
    }
}

impl Client for Connected {
    fn sign(&mut self) {
        self.fetch().expect("SPIRE signs");
    }
}
