//! What the running wallet signs of its journal, and what it makes of an older copy.

use std::fs;
use std::path::Path;
use std::time::Duration;

use mandate_journal::tree::{NodeHash, leaf_hash, verify_inclusion};
use mandate_journal::{Checkpoint, Origin};
use mandate_proto::paths::{Overrides, Paths};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::{Home, denied};
use tonic::transport::Channel;

const CAPS: &str = r#"
[[cap]]
per = "day"
spend = "100000.00 EUR"
"#;

/// Longest wait for a head to be remembered; only a broken wallet takes so long.
const PATIENCE: Duration = Duration::from_secs(60);

async fn checkpoint(home: &Home, control: &mut ControlClient<Channel>) -> Checkpoint {
    let answer = control.get_checkpoint(v1::GetCheckpointRequest {}).await.unwrap().into_inner();
    let origin: Origin = format!("mandate/wallet/{}", home.principal()).parse().unwrap();
    Checkpoint::verify(&answer.checkpoint, &origin, &[home.key]).unwrap()
}

async fn entries(control: &mut ControlClient<Channel>) -> Vec<Vec<u8>> {
    let ask = v1::ReadLogRequest { from_seq: 0, limit: 0, newest: false };
    let mut pages = control.read_log(ask).await.unwrap().into_inner();
    let mut entries = Vec::new();
    while let Some(page) = pages.message().await.unwrap() {
        entries.extend(page.entries);
    }
    entries
}

#[tokio::test]
async fn every_entry_is_proven_under_a_signed_checkpoint() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    let mut agent = home.agent().await;
    for _ in 0..4 {
        agent.book("180.00 EUR").await.unwrap();
    }
    let mut control = home.control().await;
    let head = checkpoint(&home, &mut control).await.head();
    let entries = entries(&mut control).await;
    assert_eq!(head.size, entries.len() as u64, "a checkpoint was signed of what was new");
    for (seq, entry) in (0..).zip(&entries) {
        let ask = v1::ProveEntryRequest { seq, size: head.size };
        let hashes = control.prove_entry(ask).await.unwrap().into_inner().hashes;
        let path = hashes.into_iter().map(|hash| NodeHash::from_bytes(hash.try_into().unwrap()));
        let path: Vec<NodeHash> = path.collect();
        verify_inclusion(leaf_hash(entry), seq, head.size, &head.root, &path).unwrap();
    }
    for (seq, size) in [(head.size, head.size), (0, head.size + 1), (0, 0)] {
        let refused = control.prove_entry(v1::ProveEntryRequest { seq, size }).await;
        assert_eq!(denied(refused).reason, "FIELD_INVALID");
    }
    daemon.stop().await;
}

/// Puts the ledger of one folder into another; whatever was there is gone.
fn copy(from: &Path, to: &Path) {
    for name in ["wallet.db", "wallet.db-wal"] {
        if to.join(name).exists() {
            fs::remove_file(to.join(name)).unwrap();
        }
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[tokio::test]
async fn an_older_copy_of_the_ledger_mints_nothing_until_the_newest_is_back() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let daemon = home.start().await;
    home.agent().await.book("180.00 EUR").await.unwrap();
    daemon.stop().await;
    let (state, kept) = (home.paths.state_dir(), tempfile::tempdir().unwrap());
    let (yesterday, newest) = (kept.path().join("yesterday"), kept.path().join("newest"));
    fs::create_dir(&yesterday).unwrap();
    fs::create_dir(&newest).unwrap();
    copy(state, &yesterday);
    let daemon = home.start().await;
    home.agent().await.book("180.00 EUR").await.unwrap();
    daemon.stop().await;
    copy(state, &newest);

    copy(&yesterday, state);
    for _ in 0..2 {
        let daemon = home.start().await;
        let mut control = home.control().await;
        let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
        let problem = &status.ledger_problem;
        assert!(problem.contains("it is an older copy"), "{problem}");
        assert!(problem.contains("put the newest copy of"), "{problem}");
        let refused = home.agent().await.book("180.00 EUR").await;
        assert_eq!(denied(refused).reason, "LEDGER_UNSAFE");
        daemon.stop().await;
    }

    copy(&newest, state);
    let daemon = home.start().await;
    home.agent().await.book("180.00 EUR").await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn a_mandate_of_ours_that_the_ledger_lacks_ends_all_minting() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let kept = tempfile::tempdir().unwrap();
    let daemon = home.start().await;
    daemon.stop().await;
    copy(home.paths.state_dir(), kept.path());
    let before = home.remembered();
    let daemon = home.start().await;
    let payment = home.agent().await.book("180.00 EUR").await.unwrap();
    let own = payment.as_str().to_owned();
    let hand_in = async || {
        let ask = v1::MintPaymentRequest { cart: own.clone(), approval_wait: None };
        denied(home.agent().await.wallet.mint_payment(ask).await).reason
    };
    assert_eq!(hand_in().await, "CART_MALFORMED");
    home.agent().await.book("10.00 EUR").await.expect("it is in the ledger, so nothing is wrong");
    daemon.stop().await;

    // Disk and key store were put back together: nothing on the machine knows better.
    copy(kept.path(), home.paths.state_dir());
    home.remember(&before);
    let daemon = home.start().await;
    home.agent().await.book("10.00 EUR").await.unwrap();
    assert_eq!(hand_in().await, "CART_MALFORMED");
    let refused = home.agent().await.book("10.00 EUR").await;
    assert_eq!(denied(refused).reason, "LEDGER_UNSAFE");
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    let problem = status.into_inner().ledger_problem;
    assert!(
        problem.starts_with("a mandate under this wallet's own key is not in its ledger"),
        "{problem}"
    );
    daemon.stop().await;

    // Nothing else remembers it: whoever starts the copy again must not find it minting.
    let daemon = home.start().await;
    let refused = home.agent().await.book("10.00 EUR").await;
    assert_eq!(denied(refused).reason, "FROZEN");
    daemon.stop().await;
}

#[tokio::test]
async fn another_history_of_the_same_length_is_not_the_ledger_either() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    let kept = tempfile::tempdir().unwrap();
    let daemon = home.start().await;
    daemon.stop().await;
    copy(home.paths.state_dir(), kept.path());
    let before = home.remembered();
    let daemon = home.start().await;
    home.agent().await.book("180.00 EUR").await.unwrap();
    daemon.stop().await;
    let after = home.remembered();

    // Whoever holds the key can make the store forget; the copy then goes on by itself, and gets as long.
    copy(kept.path(), home.paths.state_dir());
    home.remember(&before);
    let daemon = home.start().await;
    home.agent().await.book("90.00 EUR").await.unwrap();
    daemon.stop().await;
    home.remember(&after);
    let daemon = home.start().await;
    let mut control = home.control().await;
    let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert!(status.ledger_problem.contains("it is another copy"), "{}", status.ledger_problem);
    daemon.stop().await;
}

#[tokio::test]
async fn what_is_remembered_and_was_never_signed_has_a_way_out_of_its_own() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    home.remember("what nobody signed");
    let daemon = home.start().await;
    let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
    let problem = status.into_inner().ledger_problem;
    assert!(problem.contains("remove the entry `mandate-head` of the account"), "{problem}");
    let refused = home.agent().await.book("180.00 EUR").await;
    assert_eq!(denied(refused).reason, "LEDGER_UNSAFE");
    daemon.stop().await;
    assert_eq!(home.remembered(), "what nobody signed", "nothing takes its place unasked");
}

#[tokio::test]
async fn of_two_wallets_with_one_key_the_one_that_finds_the_other_stops() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(CAPS));
    home.start().await.stop().await;
    let place = |name: &str| home.folder().join(name);
    fs::create_dir(place("copy")).unwrap();
    copy(home.paths.state_dir(), &place("copy"));
    let twin = Paths::resolve(Overrides {
        config: Some(home.paths.config().to_owned()),
        state_dir: Some(place("copy")),
        runtime_dir: Some(place("run2")),
    });
    let twin = twin.unwrap();
    let one = home.start().await;
    let places = twin.clone();
    let other = home.start_with(|config| config.paths = places).await.unwrap();

    let before = home.remembered();
    home.agent().await.book("180.00 EUR").await.unwrap();
    let mut control = home.control().await;
    checkpoint(&home, &mut control).await;
    let remembered = async {
        while home.remembered() == before {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, remembered).await.expect("a head that is not remembered");
    let channel = mandate_proto::connect(&twin.control_socket()).await.unwrap();
    let mut twins = ControlClient::new(channel);
    let scope = v1::Scope { scope: Some(v1::scope::Scope::Agent("travel".to_owned())) };
    let freeze = v1::FreezeRequest { scope: Some(scope), reason: String::new() };
    twins.freeze(freeze).await.unwrap();
    checkpoint(&home, &mut twins).await;
    let stopped = async {
        loop {
            let status = twins.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
            if !status.ledger_problem.is_empty() && status.frozen.contains(&"wallet".to_owned()) {
                return status.ledger_problem;
            }
            tokio::task::yield_now().await;
        }
    };
    let problem = tokio::time::timeout(PATIENCE, stopped).await.expect("a twin that goes on");
    assert!(problem.contains("another process signs with the same key"), "{problem}");
    home.agent().await.book("180.00 EUR").await.unwrap();
    checkpoint(&home, &mut control).await;
    let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    assert_eq!(status.ledger_problem, "");
    other.stop().await;
    one.stop().await;
}
