//! The built daemon among clients that have nothing of ours but the `.proto` files: stock gRPC and stock JOSE libraries.
//!
//! The scripts are in `tests/stock`, and what verifies is taken out of `docs/verify.md`. They run where `MANDATE_STOCK`
//! names a folder with what they stand on:
//!
//! ```sh
//! python3 -m venv "$MANDATE_STOCK" && "$MANDATE_STOCK"/bin/pip install -r tests/stock/requirements.txt
//! cp tests/stock/package.json "$MANDATE_STOCK" && npm install --prefix "$MANDATE_STOCK"
//! ```

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod agent;
mod cases;
mod jws_set;
mod page;
mod script;

use std::path::Path;

use mandate::token::{Intent, Mandate, Payment};
use mandate_host::clock::wall_clock;
use mandate_proto::v1;
use mandate_tests::pair::Pair;
use mandate_tests::{Agent, Home};
use serde_json::Value;

use crate::cases::{about, cases, flipped, minted};
use crate::page::{PROGRAMS, Pasted, VERIFY};
use crate::script::{Script, node, packages, python, workspace};

const CAP: &str = r#"
[[cap]]
per = "month"
spend = "500.00 EUR"
count = 3
"#;

/// What the agent bought with, as its wallet minted it.
struct Purchase {
    jwk: Value,
    intent: Mandate<Intent>,
    payment: Mandate<Payment>,
}

/// `client.py` buys a room of the merchant that this test plays.
fn buy(home: &Home, packages: &Path) -> Purchase {
    let mut client = Script::start(
        python(packages, "client.py")
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

/// Whatever one character of a mandate is changed into, it is refused.
fn refuses_every_flip(verifier: &mut Script, good: &Value) {
    for token in flipped(good["token"].as_str().unwrap()) {
        verifier.answer(&about(good, &token).to_string());
        verifier.next("refused");
    }
}

/// The page's program accepts the good and names what is wrong with each of the others.
fn judges(name: &str, verifier: &mut Script, good: &Value, jti: &str) {
    for case in cases(good) {
        verifier.answer(&case.asked.to_string());
        let answer = verifier.line();
        let fits = match case.expected {
            "ok" => answer == format!("ok {jti}"),
            wrong => answer.strip_prefix("refused ").is_some_and(|why| why.starts_with(wrong)),
        };
        let (about, expected) = (&case.about, case.expected);
        assert!(fits, "{name}: {about}: expected {expected:?}, not {answer:?}: {}", case.asked);
    }
}

#[test]
fn the_page_has_its_programs() {
    for (language, title) in PROGRAMS {
        assert!(page::block(VERIFY, language, title).contains("verify("), "{title}");
    }
}

#[test]
fn stock_clients_buy_and_stock_libraries_verify() {
    let Some(packages) = packages() else { return };
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAP));
    let daemon = home.spawn(env!("CARGO_BIN_EXE_mandated"));
    let bought = buy(&home, &packages);
    let goods = [
        (minted(&home, &bought.jwk, &bought.intent), bought.intent.claims().jti.to_string()),
        (minted(&home, &bought.jwk, &bought.payment), bought.payment.claims().jti.to_string()),
    ];

    let pasted = Pasted::new(&packages);
    let programs = [
        ("verify.py", Script::start(python(&packages, "judge.py").arg(pasted.folder()))),
        ("verify.mjs", Script::start(node("judge.mjs").arg(pasted.file("verify.mjs")))),
    ];
    for (name, mut verifier) in programs {
        for (good, jti) in &goods {
            judges(name, &mut verifier, good, jti);
            refuses_every_flip(&mut verifier, good);
        }
        assert_eq!(verifier.end(), [""; 0]);
    }

    let mut pyjwt = Script::start(&mut python(&packages, "pyjwt.py"));
    for (good, jti) in &goods {
        pyjwt.answer(&good.to_string());
        assert_eq!(pyjwt.next("ok"), *jti);
        refuses_every_flip(&mut pyjwt, good);
    }
    assert_eq!(pyjwt.end(), [""; 0]);
    daemon.stop();
}

#[tokio::test]
async fn a_stock_script_verifies_an_export_and_a_proof() {
    let Some(packages) = packages() else { return };
    let pair = Pair::open().await;
    for _ in 0..70 {
        pair.buy().await;
    }
    let folder = tempfile::TempDir::new().unwrap();
    let logs = [(pair.wallet_log(), pair.gateway_log()), (pair.gateway_log(), pair.wallet_log())];
    for (number, (log, peer)) in logs.into_iter().enumerate() {
        let dir = folder.path().join(number.to_string());
        log.export(&dir);
        let own = |entry: &Vec<u8>| str::from_utf8(entry).unwrap().contains("\"header\":");
        let seq = log.entries.iter().rposition(own).unwrap();
        let proof = folder.path().join("proof");
        std::fs::write(&proof, log.proof(seq)).unwrap();
        let run = |proof: &Path| {
            let mut command = python(&packages, "journal.py");
            command.arg(log.origin.as_str()).args([log.public_key().x(), peer.public_key().x()]);
            command.arg(&dir).arg(proof).output().unwrap()
        };
        let output = run(&proof);
        let said = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<&str> = said.lines().collect();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        assert!(lines[0].starts_with(&format!("export {} ", log.entries.len())), "{said}");
        assert!(lines[1].starts_with(&format!("proof {seq} ")), "{said}");
        let other = log.proof(seq).replace(&format!("index {seq}"), &format!("index {}", seq - 1));
        std::fs::write(&proof, other).unwrap();
        assert!(!run(&proof).status.success(), "another index proves nothing");
    }
}

#[tokio::test]
async fn a_stock_library_reads_the_figures() {
    let Some(packages) = packages() else { return };
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&format!("{CAP}[metrics]\nlisten = \"127.0.0.1:0\"\n")));
    let daemon = home.spawn(env!("CARGO_BIN_EXE_mandated"));
    for _ in 0..2 {
        home.agent().await.intent(Agent::book_room()).await.unwrap();
    }
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    let url = format!("http://{}/metrics", status.into_inner().metrics_address);
    let output = python(&packages, "metrics.py").arg(url).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.starts_with("families ") && said.ends_with("\ngranted 2\n"), "{said}");
    daemon.stop();
}
