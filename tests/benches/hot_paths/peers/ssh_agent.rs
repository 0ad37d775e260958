//! OpenSSH's ssh-agent, by its socket.
//!
//! Source: draft-ietf-sshm-ssh-agent, sections 3.2.3 (adding a key) and 3.6 (signing); RFC 8709 (Ed25519 in SSH).

use std::io::Write as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;

use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use tempfile::TempDir;

use super::{Client, Peer, Running, patiently, read};
use crate::local::MESSAGE_BYTES;

const ADD_IDENTITY: u8 = 17;
const SUCCESS: u8 = 6;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const KIND: &[u8] = b"ssh-ed25519";

/// An agent under way; it ends with this value.
pub struct SshAgent {
    socket: PathBuf,
    public: VerifyingKey,
    _process: Running,
    _folder: TempDir,
}

impl SshAgent {
    /// Starts one and gives it a key.
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let socket = folder.path().join("ssh");
        let process = Running::start(Command::new("ssh-agent").arg("-D").arg("-a").arg(&socket));
        let key = SigningKey::from_bytes(&[7; 32]);
        let public = key.verifying_key();
        let agent = Self { socket, public, _process: process, _folder: folder };
        let (public, pair) = (agent.public.to_bytes(), key.to_keypair_bytes());
        let add = [string(KIND), string(&public), string(&pair), string(b"bench")].concat();
        let answer = ask(&mut connected(&agent.socket), ADD_IDENTITY, &add);
        assert_eq!(answer, [SUCCESS], "ssh-agent takes a key");
        agent
    }
}

impl Peer for SshAgent {
    /// A client whose first signature was verified.
    fn client(&self) -> Box<dyn Client> {
        let message = [0x61; MESSAGE_BYTES];
        let key = [string(KIND), string(self.public.as_bytes())].concat();
        let request = [string(&key), string(&message), vec![0; 4]].concat();
        let mut client = Connected { stream: connected(&self.socket), request };
        let answer = client.signed();
        let signature = &answer[answer.len() - Signature::BYTE_SIZE..];
        let signature = Signature::from_slice(signature).expect("64 bytes");
        self.public.verify_strict(&message, &signature).expect("a good signature");
        Box::new(client)
    }
}

struct Connected {
    stream: UnixStream,
    request: Vec<u8>,
}

impl Connected {
    fn signed(&mut self) -> Vec<u8> {
        let answer = ask(&mut self.stream, SIGN_REQUEST, &self.request);
        assert_eq!(answer.first(), Some(&SIGN_RESPONSE), "ssh-agent signs");
        assert!(answer.len() > Signature::BYTE_SIZE);
        answer
    }
}

impl Client for Connected {
    fn sign(&mut self) {
        self.signed();
    }
}

fn connected(socket: &Path) -> UnixStream {
    patiently("ssh-agent", || UnixStream::connect(socket))
}

/// A length and so many bytes.
fn string(bytes: &[u8]) -> Vec<u8> {
    let length = u32::try_from(bytes.len()).expect("a short string");
    [&length.to_be_bytes(), bytes].concat()
}

fn ask(stream: &mut UnixStream, kind: u8, body: &[u8]) -> Vec<u8> {
    stream.write_all(&string(&[&[kind], body].concat())).expect("ssh-agent listens");
    let length = read(stream, 4).expect("an answer").try_into().expect("4 bytes");
    let length = usize::try_from(u32::from_be_bytes(length)).expect("a length");
    assert!(length < 4_096, "an answer of {length} bytes");
    read(stream, length).expect("an answer")
}
