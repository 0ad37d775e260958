//! The built daemon among clients that have nothing of ours but the `.proto` files: stock gRPC and stock JOSE libraries.
//!
//! The scripts are in `tests/stock`. They run where `MANDATE_STOCK` names a folder with what they stand on:
//!
//! ```sh
//! python3 -m venv "$MANDATE_STOCK" && "$MANDATE_STOCK"/bin/pip install -r tests/stock/requirements.txt
//! cp tests/stock/package.json "$MANDATE_STOCK" && npm install --prefix "$MANDATE_STOCK"
//! ```

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use mandate::token::{Kind, Mandate};
use mandate::{Draft, Head, Intent, IntentClaims, Payment, PublicKey, Root};
use mandate_host::clock::wall_clock;
use mandate_keys::{Seed, SigningKey};
use mandate_tests::{Home, must_not_skip};
use serde_json::{Value, json};

const CAP: &str = r#"
[[cap]]
per = "month"
spend = "500.00 EUR"
count = 3
"#;
/// How old the token is that is refused for its age: far beyond any skew.
const AGE_S: u64 = 3_600;

/// Where the packages are that the scripts stand on; `None`, with a word about it, where they are not installed.
fn packages() -> Option<PathBuf> {
    let folder = std::env::var_os("MANDATE_STOCK").map(PathBuf::from);
    if folder.is_none() {
        assert!(!must_not_skip(), "under CI nothing is skipped: MANDATE_STOCK is not set");
        eprintln!("not run: MANDATE_STOCK names no folder with stock clients");
    }
    folder
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// A running script, its stdout line by line; killed if a test ends without it.
struct Script {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Script {
    fn start(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// What it printed next, after this name.
    fn next(&mut self, name: &str) -> String {
        let line = self.lines.next().expect("it ended too soon").unwrap();
        let value = line.strip_prefix(name).and_then(|rest| rest.strip_prefix(' '));
        value.unwrap_or_else(|| panic!("expected {name}: {line}")).to_owned()
    }

    fn answer(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Waits until it ends, and ends well; gives what was left of its output.
    fn end(mut self) -> Vec<String> {
        drop(self.child.stdin.take());
        let rest = self.lines.by_ref().map(Result::unwrap).collect();
        let status = self.child.wait().unwrap();
        assert!(status.success(), "{status}");
        rest
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        // It may have ended long ago.
        self.child.kill().unwrap_or_default();
        self.child.wait().map(drop).unwrap_or_default();
    }
}

/// What the agent bought with, as its wallet minted it.
struct Purchase {
    jwk: Value,
    intent: Mandate<Intent>,
    payment: Mandate<Payment>,
}

/// `client.py` buys a room of the merchant that this test plays.
fn buy(home: &Home, packages: &Path) -> Purchase {
    let mut client = Script::start(
        Command::new(packages.join("bin/python3"))
            .arg(workspace().join("tests/stock/client.py"))
            .arg(home.paths.wallet_socket())
            .arg(workspace().join("proto")),
    );
    assert_eq!(client.next("principal_id"), home.principal().to_string());
    let jwk = serde_json::from_str(&client.next("principal_jwk")).unwrap();

    let lux = &home.lux;
    let intent = lux.admit::<Intent>(&client.next("intent"), home.key).unwrap();
    let (title, total) = ("a room".parse().unwrap(), "180.00 EUR".parse().unwrap());
    let cart = lux.sign_cart(&lux.cart(&intent, title, total, wall_clock()).unwrap()).unwrap();
    client.answer(cart.as_str());
    let payment = lux.admit::<Payment>(&client.next("payment"), home.key).unwrap();
    let receipt = lux.executed(&payment, "LUX-1".parse().unwrap(), wall_clock()).unwrap();
    client.answer(lux.sign_receipt(&receipt).unwrap().as_str());
    assert!(client.next("denied").starts_with("CAP_EXCEEDED: "));
    assert_eq!(client.end(), [""; 0]);
    Purchase { jwk, intent, payment }
}

/// A library that verifies, and its words for what is wrong with a token.
struct Library {
    name: &'static str,
    expired: &'static str,
    signature: &'static str,
    wrong_aud: &'static str,
    wrong_iss: &'static str,
    wrong_typ: &'static str,
}

const LIBRARIES: [Library; 3] = [
    Library {
        name: "pyjwt",
        expired: "ExpiredSignatureError",
        signature: "InvalidSignatureError",
        wrong_aud: "InvalidAudienceError",
        wrong_iss: "InvalidIssuerError",
        wrong_typ: "WrongType",
    },
    Library {
        name: "joserfc",
        expired: "ExpiredTokenError",
        signature: "BadSignatureError",
        wrong_aud: "InvalidClaimError",
        wrong_iss: "InvalidClaimError",
        wrong_typ: "WrongType",
    },
    Library {
        name: "jose",
        expired: "ERR_JWT_EXPIRED",
        signature: "ERR_JWS_SIGNATURE_VERIFICATION_FAILED",
        wrong_aud: "ERR_JWT_CLAIM_VALIDATION_FAILED",
        wrong_iss: "ERR_JWT_CLAIM_VALIDATION_FAILED",
        wrong_typ: "ERR_JWT_CLAIM_VALIDATION_FAILED",
    },
];

impl Library {
    /// The script that asks this library.
    fn start(&self, packages: &Path) -> Script {
        let mut command = if self.name == "jose" {
            // Node looks for packages beside the script, and for those of `--eval` in the working folder.
            let mut node = Command::new("node");
            let script = include_str!("../../../tests/stock/verify.mjs");
            node.current_dir(packages).args(["--input-type=module", "--eval", script]);
            node
        } else {
            let mut python = Command::new(packages.join("bin/python3"));
            python.arg(workspace().join("tests/stock/verify.py")).arg(self.name);
            python
        };
        Script::start(&mut command)
    }
}

/// What a merchant expects of a mandate.
fn case(jwk: &Value, typ: &str, iss: &str, token: &str) -> Value {
    json!({ "token": token, "jwk": jwk, "typ": typ, "iss": iss, "aud": mandate_tests::LUX })
}

fn with(case: &Value, name: &str, value: &str) -> Value {
    let mut changed = case.clone();
    *changed.get_mut(name).unwrap() = json!(value);
    changed
}

/// The token with each of its characters, in turn, another one.
fn flipped(token: &str) -> impl Iterator<Item = String> {
    const BASE64URL: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    // Half an alphabet on: the upper of six bits, which counts also in the last character of a segment.
    let other = |letter| BASE64URL.chars().cycle().skip_while(move |l| *l != letter).nth(32);
    token.char_indices().filter(|(_, letter)| *letter != '.').map(move |(at, letter)| {
        let (before, rest) = token.split_at(at);
        let after = rest.strip_prefix(letter).unwrap();
        format!("{before}{}{after}", other(letter).unwrap())
    })
}

/// An intent of another principal, and its key.
fn signed_by_another(claims: &IntentClaims) -> (String, Value) {
    let key = SigningKey::from_seed(Seed::random().unwrap());
    let draft = Draft::<Intent>::new(claims, key.public_key().id()).unwrap();
    let head = Head { size: 1, root: Root::of(b"a log") };
    (draft.issue(head, &key).unwrap().as_str().to_owned(), jwk(&key.public_key()))
}

fn jwk(key: &PublicKey) -> Value {
    serde_json::to_value(mandate::key::Jwk::from(key)).unwrap()
}

fn verify(library: &Library, packages: &Path, home: &Home, bought: &Purchase) {
    let iss = home.principal().to_string();
    let intent = case(&bought.jwk, Intent::TYP, &iss, bought.intent.as_str());
    let payment = case(&bought.jwk, Payment::TYP, &iss, bought.payment.as_str());
    let ok = |jti: &mandate::Jti| format!("ok {jti}");
    let refused = |error: &str| format!("refused {error}");
    let claims = bought.intent.claims();
    let old = IntentClaims {
        iat: claims.iat.minus(AGE_S),
        exp: claims.exp.minus(AGE_S),
        ..claims.clone()
    };
    let (fresh, fresh_key) = signed_by_another(claims);
    let (old, old_key) = signed_by_another(&old);

    let mut cases = vec![
        (intent.clone(), ok(&claims.jti)),
        (payment.clone(), ok(&bought.payment.claims().jti)),
        (case(&fresh_key, Intent::TYP, &iss, &fresh), ok(&claims.jti)),
        (case(&old_key, Intent::TYP, &iss, &old), refused(library.expired)),
        (case(&bought.jwk, Intent::TYP, &iss, &fresh), refused(library.signature)),
        (with(&intent, "typ", Payment::TYP), refused(library.wrong_typ)),
        (with(&payment, "typ", Intent::TYP), refused(library.wrong_typ)),
    ];
    for good in [&intent, &payment] {
        cases.push((with(good, "aud", mandate_tests::RIVAL), refused(library.wrong_aud)));
        cases.push((with(good, "iss", "did:key:z6Mk"), refused(library.wrong_iss)));
    }
    let mut script = library.start(packages);
    for (case, expected) in cases {
        script.answer(&case.to_string());
        let answer = script.lines.next().expect("it ended too soon").unwrap();
        assert_eq!(answer, expected, "{} of {case}", library.name);
    }
    for good in [&intent, &payment] {
        for token in flipped(good["token"].as_str().unwrap()) {
            script.answer(&with(good, "token", &token).to_string());
            script.next("refused");
        }
    }
    assert_eq!(script.end(), [""; 0]);
}

#[test]
fn stock_clients_buy_and_stock_libraries_verify() {
    let Some(packages) = packages() else { return };
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAP));
    let daemon = home.spawn(env!("CARGO_BIN_EXE_mandated"));
    let bought = buy(&home, &packages);
    for library in &LIBRARIES {
        verify(library, &packages, &home, &bought);
    }
    daemon.stop();
}
