//! iqlusion's tmkms with its software signer, as a validator asks it: a prevote of the next height.
//!
//! It writes the last height to a file before it signs, and does not sync that file. It calls its validators, one
//! connection a chain, so each client is the validator of a chain of its own.
//!
//! Source: CometBFT v0.38, `proto/tendermint/privval/types.proto` and `proto/tendermint/types/types.proto`.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use ed25519_dalek::Signature;
use prost::Message;
use prost_types::Timestamp;
use tempfile::TempDir;

use super::{Client, Peer, Running, read};

const PREVOTE: i32 = 1;
/// Most bytes of an answer: one whose length takes one byte.
const ANSWER_BYTES_MAX: u8 = 0x7f;
const ADDRESS: [u8; 20] = [0x61; 20];

/// `tendermint.privval.Message`, of which a validator sends field 3 and hears field 4.
#[derive(Clone, PartialEq, Message)]
struct Envelope {
    #[prost(message, optional, tag = "3")]
    sign_vote_request: Option<SignVoteRequest>,
    #[prost(message, optional, tag = "4")]
    signed_vote_response: Option<SignedVoteResponse>,
}

#[derive(Clone, PartialEq, Message)]
struct SignVoteRequest {
    #[prost(message, optional, tag = "1")]
    vote: Option<Vote>,
    #[prost(string, tag = "2")]
    chain_id: String,
}

#[derive(Clone, PartialEq, Message)]
struct SignedVoteResponse {
    #[prost(message, optional, tag = "1")]
    vote: Option<Vote>,
    #[prost(message, optional, tag = "2")]
    error: Option<RemoteSignerError>,
}

#[derive(Clone, PartialEq, Message)]
struct RemoteSignerError {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    description: String,
}

/// `tendermint.types.Vote` for no block.
#[derive(Clone, PartialEq, Message)]
struct Vote {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(int64, tag = "2")]
    height: i64,
    #[prost(int32, tag = "3")]
    round: i32,
    #[prost(message, optional, tag = "5")]
    timestamp: Option<Timestamp>,
    #[prost(bytes = "vec", tag = "6")]
    validator_address: Vec<u8>,
    #[prost(bytes = "vec", tag = "8")]
    signature: Vec<u8>,
}

/// A signer under way, connected to all its validators.
pub struct Tmkms {
    idle: Arc<Mutex<Vec<Validator>>>,
    _process: Running,
    _folder: TempDir,
}

struct Validator {
    stream: UnixStream,
    chain_id: String,
    height: i64,
}

impl Tmkms {
    /// Has it make a key, and lets it call so many validators.
    pub fn start(program: &Path, validators: u64) -> Self {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let at = |name: &str| folder.path().join(name);
        let made = Command::new(program).args(["softsign", "keygen"]).arg(at("key")).output();
        let made = made.unwrap_or_else(|error| panic!("{}: {error}", program.display()));
        assert!(made.status.success(), "tmkms softsign keygen: {}", made.status);
        let (mut config, mut listeners) = (String::new(), Vec::new());
        for number in 1..=validators {
            let (chain_id, socket) = (format!("bench-{number}"), at(&format!("{number}.sock")));
            let state = at(&format!("{number}.json"));
            write!(
                config,
                "[[chain]]\nid = \"{chain_id}\"\nkey_format = {{ type = \"hex\" }}\nstate_file = {state:?}\n\
                 [[validator]]\nchain_id = \"{chain_id}\"\naddr = \"unix://{}\"\n",
                socket.display()
            )
            .expect("text");
            listeners.push((UnixListener::bind(socket).expect("a socket"), chain_id));
        }
        let chain_ids: Vec<_> = listeners.iter().map(|(_, chain_id)| chain_id).collect();
        write!(
            config,
            "[[providers.softsign]]\nchain_ids = {chain_ids:?}\npath = {:?}\n",
            at("key")
        )
        .expect("text");
        fs::write(at("tmkms.toml"), config).expect("a file");
        let process =
            Running::start(Command::new(program).arg("start").arg("-c").arg(at("tmkms.toml")));
        let connected = |(listener, chain_id): (UnixListener, String)| {
            let (stream, _) = listener.accept().expect("tmkms calls");
            Validator { stream, chain_id, height: 0 }
        };
        let idle = listeners.into_iter().map(connected).collect();
        Self { idle: Arc::new(Mutex::new(idle)), _process: process, _folder: folder }
    }
}

impl Peer for Tmkms {
    fn client(&self) -> Box<dyn Client> {
        let validator = self.idle.lock().expect("no thread failed").pop();
        Box::new(Lent { validator, idle: Arc::clone(&self.idle) })
    }
}

/// A validator that goes back when its client is done, as tmkms calls again only after a second.
struct Lent {
    validator: Option<Validator>,
    idle: Arc<Mutex<Vec<Validator>>>,
}

impl Client for Lent {
    fn sign(&mut self) {
        self.validator.as_mut().expect("a validator for each client").sign();
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(validator), Ok(mut idle)) = (self.validator.take(), self.idle.lock()) {
            idle.push(validator);
        }
    }
}

impl Validator {
    fn sign(&mut self) {
        self.height += 1;
        let vote = Vote {
            kind: PREVOTE,
            height: self.height,
            round: 0,
            timestamp: Some(Timestamp::default()),
            validator_address: ADDRESS.into(),
            signature: Vec::new(),
        };
        let asked = SignVoteRequest { vote: Some(vote), chain_id: self.chain_id.clone() };
        let asked = Envelope { sign_vote_request: Some(asked), signed_vote_response: None };
        self.stream.write_all(&asked.encode_length_delimited_to_vec()).expect("tmkms listens");
        let length = read(&mut self.stream, 1).expect("an answer")[0];
        assert!(length <= ANSWER_BYTES_MAX, "a long answer");
        let answer = read(&mut self.stream, length.into()).expect("an answer");
        let answer = Envelope::decode(&answer[..]).expect("an answer").signed_vote_response;
        let SignedVoteResponse { vote, error } = answer.expect("a vote");
        let signature = vote.unwrap_or_else(|| panic!("tmkms refuses: {error:?}")).signature;
        assert_eq!(signature.len(), Signature::BYTE_SIZE, "tmkms signs");
    }
}
