//! What others hand in: exports and proofs, checked with public keys alone, where there is no wallet.

use std::fmt::Write as _;
use std::fs;

use mandate_tests::Said;
use mandate_tests::golden::{masked, member_names};
use mandate_tests::pair::{Log, Pair};
use tempfile::TempDir;

use crate::desk::{bare, said};
use crate::mask::assert_golden;

/// Every command on good folders, then on one in which an amount was rewritten, then on others that are broken.
const LOOKS: [&str; 14] = [
    "audit verify wallet --key wallet/key",
    "audit verify wallet --key gateway/key.jwk",
    "audit verify gateway --key wallet/key.jwk --key gateway/key.jwk",
    "audit verify cut --key cut/key",
    "audit check payment.tlog-proof --key wallet/key --key gateway/key",
    "audit check cart.tlog-proof --key wallet/key.jwk --key gateway/key.jwk",
    "audit check start.tlog-proof --key wallet/key.jwk --key gateway/key.jwk",
    "audit check payment.tlog-proof --key wallet/key",
    "audit check payment.tlog-proof --key gateway/key",
    "audit reconcile wallet gateway --key wallet/key --key gateway/key",
    "audit reconcile wallet gateway --key wallet/key.jwk --key mandate/gateway/lux-hotels=gateway/key.jwk",
    "audit reconcile wallet older --key wallet/key --key gateway/key",
    "audit reconcile wallet gateway --key wallet/key.jwk --key gateway/key.jwk --key \
     did:key:z6MkiTBz1ymuepAQ4HEHYSF1H8quG5GLVVQR3djdX3mDooWp",
    "audit reconcile rewritten gateway --key wallet/key.jwk --key gateway/key.jwk",
];

/// A folder with what two sides that traded hand in.
fn evidence() -> TempDir {
    let folder = TempDir::new().expect("a folder");
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let (wallet, gateway): (Log, Log) = runtime.block_on(async {
        let pair = Pair::open().await;
        pair.buy().await;
        pair.buy().await;
        (pair.wallet_log(), pair.gateway_log())
    });
    let dir = |name: &str| folder.path().join(name);
    wallet.export(&dir("wallet"));
    gateway.export(&dir("gateway"));
    let older = gateway.entries.len().saturating_sub(3);
    gateway.until(older).export(&dir("older"));
    let rewritten = wallet.entries.iter().map(|entry| {
        let text = String::from_utf8(entry.clone()).expect("text");
        text.replace(
            "\"total\":{\"currency\":\"EUR\",\"amount\":18000}",
            "\"total\":{\"currency\":\"EUR\",\"amount\":10000}",
        )
        .into_bytes()
    });
    wallet.of(rewritten).export(&dir("rewritten"));
    wallet.export(&dir("cut"));
    let bundle = dir("cut").join(format!("tile/entries/000.p/{}", wallet.entries.len()));
    let mut bytes = fs::read(&bundle).expect("a bundle");
    bytes.pop();
    fs::write(bundle, bytes).expect("a disk");
    let is_payment =
        |entry: &Vec<u8>| str::from_utf8(entry).expect("text").contains("\"kind\":\"payment\"");
    let at = wallet.entries.iter().position(is_payment).expect("a payment");
    fs::write(dir("payment.tlog-proof"), wallet.proof(at)).expect("a disk");
    // The gateway's first entry has nothing of the wallet's in it.
    fs::write(dir("start.tlog-proof"), gateway.proof(0)).expect("a disk");
    let is_cart =
        |entry: &Vec<u8>| str::from_utf8(entry).expect("text").contains("\"kind\":\"cart\"");
    let at = gateway.entries.iter().position(is_cart).expect("a cart");
    fs::write(dir("cart.tlog-proof"), gateway.proof(at)).expect("a disk");
    folder
}

fn mandate(folder: &TempDir, arguments: &str) -> Said {
    let mut command = bare();
    command.env("HOME", "/nowhere").current_dir(folder.path());
    command.args(arguments.split_whitespace());
    said(command)
}

#[test]
fn what_others_hand_in_is_judged_in_words_and_in_documents() {
    let folder = evidence();
    let mut shown = String::new();
    for look in LOOKS {
        let Said { code, out, err } = mandate(&folder, look);
        let code = code.expect("an exit code");
        // An entry's own text is long and told elsewhere.
        let out = out.lines().filter(|line| !line.starts_with('{'));
        let out = out.fold(String::new(), |text, line| text + line + "\n");
        write!(shown, "$ mandate {look}\n{out}{err}[exit code {code}]\n\n").expect("text");
        let document = mandate(&folder, &format!("{look} --json"));
        let names = member_names(&document.json(code));
        write!(shown, "mandate {look} --json\n{names}\n").expect("text");
    }
    assert_golden("evidence.txt", &masked(&shown));
}

#[test]
fn what_is_no_key_is_said_and_nothing_is_read() {
    let folder = evidence();
    let no_keys = [
        "nowhere",
        "{}",
        "did:key:z6Mk",
        "payment.tlog-proof",
        "mandate/gateway/lux-hotels=nowhere",
        "mandate/gateway/another=gateway/key",
    ];
    for key in no_keys {
        let err = mandate(&folder, &format!("audit verify wallet --key {key}")).refused(2);
        assert!(err.starts_with(&format!("error: --key {key}: ")), "{err}");
    }
    mandate(&folder, "audit verify wallet").refused(2);
    mandate(&folder, "audit verify nowhere --key wallet/key").refused(2);
    mandate(&folder, "audit check nowhere --key wallet/key").refused(2);
    mandate(&folder, "audit reconcile wallet nowhere --key wallet/key").refused(2);
}
