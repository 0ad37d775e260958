//! The transit engine of OpenBao or Vault, over HTTP/1.1 on a Unix socket; storage in memory, no audit device.
//!
//! Source: the Vault API, "/sys/init", "/sys/unseal", "/sys/mounts" and "Transit secrets engine"; OpenBao has the same.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use data_encoding::BASE64;
use ed25519_dalek::{Signature, VerifyingKey};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{Client, Peer, Running, patiently};
use crate::local::MESSAGE_BYTES;

const LENGTH: &str = "content-length:";

/// A server under way, unsealed, with one key.
pub struct Transit {
    socket: PathBuf,
    token: String,
    public: VerifyingKey,
    _process: Running,
    _folder: TempDir,
}

impl Transit {
    /// Starts a server and has it make a key.
    pub fn start(program: &Path) -> Self {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let socket = folder.path().join("transit");
        let config = folder.path().join("server.hcl");
        let listener = format!("listener \"unix\" {{ address = \"{}\" }}", socket.display());
        let text = format!("storage \"inmem\" {{}}\ndisable_mlock = true\n{listener}\n");
        fs::write(&config, text).expect("a file");
        let process =
            Running::start(Command::new(program).arg("server").arg("-config").arg(&config));
        let name = program.display().to_string();
        let stream = patiently(&name, || UnixStream::connect(&socket));
        let mut root = Connected { reader: BufReader::new(stream), token: String::new() };
        let shares = json!({ "secret_shares": 1, "secret_threshold": 1 });
        let made = root.ask("PUT", "sys/init", &shares);
        root.ask("PUT", "sys/unseal", &json!({ "key": text_at(&made, "/keys/0") }));
        root.token = text_at(&made, "/root_token").to_owned();
        root.ask("POST", "sys/mounts/transit", &json!({ "type": "transit" }));
        root.ask("POST", "transit/keys/bench", &json!({ "type": "ed25519" }));
        let key = root.ask("GET", "transit/keys/bench", &json!({}));
        let public = BASE64.decode(text_at(&key, "/data/keys/1/public_key").as_bytes());
        let public = public.expect("base64").try_into().expect("32 bytes");
        let public = VerifyingKey::from_bytes(&public).expect("a key");
        Self { socket, token: root.token, public, _process: process, _folder: folder }
    }
}

impl Peer for Transit {
    /// A client whose first signature was verified.
    fn client(&self) -> Box<dyn Client> {
        let message = [0x61; MESSAGE_BYTES];
        let stream = UnixStream::connect(&self.socket).expect("the server listens");
        let connected = Connected { reader: BufReader::new(stream), token: self.token.clone() };
        let mut signer = Signer { connected, body: json!({ "input": BASE64.encode(&message) }) };
        let signature = signer.signed();
        self.public.verify_strict(&message, &signature).expect("a good signature");
        Box::new(signer)
    }
}

struct Signer {
    connected: Connected,
    body: Value,
}

impl Signer {
    fn signed(&mut self) -> Signature {
        let answer = self.connected.ask("POST", "transit/sign/bench", &self.body);
        let signature = text_at(&answer, "/data/signature").strip_prefix("vault:v1:");
        let signature = BASE64.decode(signature.expect("its version").as_bytes());
        Signature::from_slice(&signature.expect("base64")).expect("64 bytes")
    }
}

impl Client for Signer {
    fn sign(&mut self) {
        self.signed();
    }
}

struct Connected {
    reader: BufReader<UnixStream>,
    token: String,
}

impl Connected {
    fn ask(&mut self, method: &str, path: &str, body: &Value) -> Value {
        let body = body.to_string();
        let head = format!(
            "{method} /v1/{path} HTTP/1.1\r\nHost: localhost\r\nX-Vault-Token: {}",
            self.token
        );
        let request = format!("{head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        self.reader.get_mut().write_all(request.as_bytes()).expect("the server listens");
        let status = self.line();
        let mut length = 0;
        loop {
            let line = self.line().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(value) = line.strip_prefix(LENGTH) {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut answer = vec![0; length];
        self.reader.read_exact(&mut answer).expect("an answer");
        let is_good = status.starts_with("HTTP/1.1 20");
        assert!(is_good, "{path}: {status}: {}", String::from_utf8_lossy(&answer));
        if answer.is_empty() { Value::Null } else { serde_json::from_slice(&answer).expect("JSON") }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.reader.read_line(&mut line).expect("an answer");
        line.trim_end().to_owned()
    }
}

fn text_at<'a>(answer: &'a Value, pointer: &str) -> &'a str {
    let text = answer.pointer(pointer).and_then(Value::as_str);
    text.unwrap_or_else(|| panic!("no {pointer} in {answer}"))
}
