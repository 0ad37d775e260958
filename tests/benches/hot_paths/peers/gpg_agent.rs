//! GnuPG's gpg-agent, by its Assuan socket: three round trips a signature, as gpg makes them.
//!
//! Source: the GnuPG manual, "Agent's Assuan Protocol", and the Libassuan manual, "Server responses".

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::{Client, Peer};

/// The SHA-512 of what is signed: any bytes will do.
const HASH: &str = "6161616161616161616161616161616161616161616161616161616161616161\
                    6161616161616161616161616161616161616161616161616161616161616161";

/// An agent under way; it ends with this value.
pub struct GpgAgent {
    socket: PathBuf,
    keygrip: String,
    _folder: TempDir,
}

impl GpgAgent {
    /// Has gpg make a key without a passphrase, which starts the agent of a home of its own.
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("mandate-").expect("a temporary folder");
        let home = folder.path();
        let make = ["--batch", "--passphrase", "", "--quick-generate-key", "bench", "ed25519"];
        gpg("gpg", home, &[&make[..], &["sign", "never"]].concat());
        let listed = gpg("gpg", home, &["--with-colons", "--with-keygrip", "--list-secret-keys"]);
        let keygrip = listed.lines().find_map(|line| line.strip_prefix("grp:::::::::"));
        let keygrip = keygrip.expect("a key").trim_end_matches(':').to_owned();
        let socket = gpg("gpgconf", home, &["--list-dirs", "agent-socket"]).trim().into();
        Self { socket, keygrip, _folder: folder }
    }

    fn connected(&self) -> Connected {
        let stream = UnixStream::connect(&self.socket).expect("gpg-agent listens");
        let mut connected = Connected {
            reader: BufReader::new(stream.try_clone().expect("a socket")),
            stream,
            keygrip: self.keygrip.clone(),
        };
        connected.heard();
        connected
    }
}

impl Peer for GpgAgent {
    fn client(&self) -> Box<dyn Client> {
        Box::new(self.connected())
    }
}

impl Drop for GpgAgent {
    fn drop(&mut self) {
        self.connected().ask("KILLAGENT");
    }
}

fn gpg(program: &str, home: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(program);
    command.arg("--homedir").arg(home).args(arguments).stderr(Stdio::null());
    let output = command.output().expect("GnuPG");
    assert!(output.status.success(), "{program} {arguments:?}: {}", output.status);
    String::from_utf8(output.stdout).expect("text")
}

struct Connected {
    reader: BufReader<UnixStream>,
    stream: UnixStream,
    keygrip: String,
}

impl Connected {
    /// The data lines of an answer, up to its `OK`.
    fn heard(&mut self) -> Vec<u8> {
        let mut data = Vec::new();
        loop {
            let mut line = Vec::new();
            self.reader.read_until(b'\n', &mut line).expect("an answer");
            match &line[..] {
                [b'O', b'K', ..] => return data,
                [b'D', b' ', rest @ ..] => data.extend_from_slice(rest),
                [b'S' | b'#', ..] => {}
                line => panic!("gpg-agent: {}", String::from_utf8_lossy(line)),
            }
        }
    }

    fn ask(&mut self, command: &str) -> Vec<u8> {
        writeln!(self.stream, "{command}").expect("gpg-agent listens");
        self.heard()
    }
}

impl Client for Connected {
    fn sign(&mut self) {
        self.ask(&format!("SIGKEY {}", self.keygrip));
        self.ask(&format!("SETHASH --hash=sha512 {HASH}"));
        let signature = self.ask("PKSIGN");
        assert!(signature.starts_with(b"(7:sig-val(5:eddsa"), "gpg-agent signs");
    }
}
