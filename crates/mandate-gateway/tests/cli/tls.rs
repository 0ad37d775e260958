//! An API behind TLS: it is asked if the system trusts its certificate, and only then.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::thread;

use mandate::clock::Clock as _;
use mandate_host::clock::SystemClock;
use mandate_tests::start;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::shop::Shop;

/// What the API answers to everything.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\nconnection: close\r\n\r\n[\"sea\"]";

/// An API on a port of its own that speaks TLS as `localhost`; its address, and its certificate in PEM.
fn api() -> (String, String) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(signing_key.serialize_der()));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("TLS")
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .expect("a server");
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).expect("a connection");
            let stream = StreamOwned::new(connection, stream.expect("a client"));
            let mut stream = BufReader::new(stream);
            let mut line = String::new();
            // A client that does not trust us hangs up in the middle of it.
            while stream.read_line(&mut line).is_ok_and(|read| read > 2) {
                line.clear();
            }
            drop(stream.get_mut().write_all(ANSWER));
        }
    });
    (format!("https://localhost:{port}"), cert.pem())
}

/// The gateway as a process that trusts this authority, and where it listens.
fn run(shop: &Shop, authority: &Path) -> (Child, String) {
    let mut command = shop.command(["run"]);
    let log = File::create(shop.path("log")).expect("a log");
    command.env("SSL_CERT_FILE", authority).stdout(Stdio::piped()).stderr(log);
    let mut gateway = start(&mut command);
    let mut said = BufReader::new(gateway.stdout.take().expect("a pipe")).lines();
    let listens = said.next().expect("a line").expect("text");
    let address = listens.strip_prefix("http://").expect("an address").to_owned();
    (gateway, address)
}

/// A search through the gateway.
fn search(shop: &Shop, address: &str) -> String {
    let now = SystemClock::new().expect("a clock").read();
    let intent = shop.wallet.intent("search_rooms", &now);
    let mut stream = TcpStream::connect(address).expect("a connection");
    let intent = intent.as_str();
    let call = format!(
        "GET /rooms HTTP/1.1\r\nhost: lux\r\nmandate-intent: {intent}\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(call.as_bytes()).expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers");
    answer
}

#[test]
fn an_api_behind_tls_is_asked_if_its_certificate_is_trusted() {
    let Some(shop) = Shop::closed() else { return };
    let ((upstream, certificate), (_, of_another)) = (api(), api());
    shop.write(&shop.toml().replace("http://127.0.0.1:9", &upstream));
    let authority = shop.path("authority.pem");
    for (pem, status) in [(&certificate, "200 OK"), (&of_another, "502 Bad Gateway")] {
        fs::write(&authority, pem).expect("a file");
        let (mut gateway, address) = run(&shop, &authority);
        let answer = search(&shop, &address);
        gateway.kill().expect("it runs");
        gateway.wait().expect("an end");
        let log = fs::read_to_string(shop.path("log")).expect("a log");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}\n{log}");
        let refused = log.contains("invalid peer certificate");
        assert_eq!(refused, status != "200 OK", "{log}");
    }
}
