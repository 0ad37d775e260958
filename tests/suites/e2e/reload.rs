//! wallet.toml changes while the wallet runs, in every way that editors write a file.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mandate::PolicyDigest;
use mandate_ledger::event::{self, Event};
use mandate_ledger::{Fault, Hook, StoppedLedger};
use mandate_proto::v1;
use mandate_proto::v1::control_client::ControlClient;
use mandate_tests::{Home, LUX, denied};
use tonic::Code;
use tonic::transport::Channel;

/// What the wallet says of a file that somebody has not closed.
const STILL_OPEN: &str = "is being written";

fn caps(limit: &str) -> String {
    format!("[[cap]]\nper = \"day\"\nspend = \"{limit}\"\n")
}

/// Waits until the wallet obeys this text, or says why not; only a wallet that misses a change takes long.
async fn settled(control: &mut ControlClient<Channel>, text: &str) -> String {
    let wanted = PolicyDigest::of(text.as_bytes()).to_string();
    let told = async {
        loop {
            let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
            let problem = status.policy_problem;
            // What is being written is not settled: a write may take longer than the wallet waits for quiet.
            if !problem.contains(STILL_OPEN)
                && (status.policy_digest == wanted || !problem.is_empty())
            {
                return problem;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), told).await.expect("the change was missed")
}

/// Waits until the wallet says this of the newest file.
async fn told(control: &mut ControlClient<Channel>, problem: &str) -> v1::GetStatusResponse {
    let told = async {
        loop {
            let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
            if status.policy_problem.contains(problem) {
                return status;
            }
            tokio::task::yield_now().await;
        }
    };
    let told = tokio::time::timeout(Duration::from_secs(30), told).await;
    told.unwrap_or_else(|_| panic!("nothing was said of {problem:?}"))
}

/// Waits until the wallet obeys this text.
async fn obeyed(control: &mut ControlClient<Channel>, text: &str) {
    let wanted = PolicyDigest::of(text.as_bytes()).to_string();
    let obeyed = async {
        loop {
            let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
            if status.policy_digest == wanted && status.policy_problem.is_empty() {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), obeyed).await.expect("the change was missed");
}

/// Makes a file that only its owner may write.
fn make(path: &Path, text: &str) {
    fs::write(path, text).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

/// Makes a folder that was not there, with a wallet.toml in it.
fn version(file: &Path, text: &str) -> PathBuf {
    let base = file.parent().unwrap();
    let free = (0..).map(|number| base.join(format!("v{number}"))).find(|path| !path.exists());
    let folder = free.unwrap();
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    make(&folder.join("wallet.toml"), text);
    folder
}

/// Puts a symlink in the place of whatever is there.
fn swap(to: &Path, link: &Path) {
    let new = link.with_file_name("swapped");
    symlink(to, &new).unwrap();
    fs::rename(new, link).unwrap();
}

/// A way to give a file this text.
type Way = (&'static str, fn(&Path, &str));

/// Every way that editors, scripts and configuration managers write a file.
const WAYS: [Way; 11] = [
    ("in place", |file, text| fs::write(file, text).unwrap()),
    ("in place, piece by piece", |file, text| {
        let mut editor = fs::File::create(file).unwrap();
        for piece in text.as_bytes().chunks(64) {
            editor.write_all(piece).unwrap();
        }
        editor.sync_all().unwrap();
    }),
    ("empty for a moment", |file, text| {
        fs::write(file, "").unwrap();
        fs::write(file, text).unwrap();
    }),
    ("renamed over", |file, text| {
        make(&file.with_extension("new"), text);
        fs::rename(file.with_extension("new"), file).unwrap();
    }),
    ("deleted and made again", |file, text| {
        fs::remove_file(file).unwrap();
        make(file, text);
    }),
    ("renamed away for a backup, and made again", |file, text| {
        fs::rename(file, file.with_extension("toml~")).unwrap();
        make(file, text);
        fs::remove_file(file.with_extension("toml~")).unwrap();
    }),
    ("copied over", |file, text| {
        make(&file.with_extension("new"), text);
        fs::copy(file.with_extension("new"), file).unwrap();
    }),
    ("through a symlink that is swapped", |file, text| {
        swap(&version(file, text).join("wallet.toml"), file);
    }),
    ("through a folder's symlink that is swapped", |file, text| {
        let data = file.with_file_name("..data");
        swap(&version(file, text), &data);
        if fs::read_link(file).ok() != Some(data.join("wallet.toml")) {
            swap(&data.join("wallet.toml"), file);
        }
    }),
    ("where a symlink leads to, in place", |file, text| {
        let lies_in = version(file, "").join("wallet.toml");
        swap(&lies_in, file);
        fs::write(lies_in, text).unwrap();
    }),
    ("under another name, in a folder that is not watched", |file, text| {
        let elsewhere = tempfile::tempdir_in(file.parent().unwrap()).unwrap();
        let link = elsewhere.path().join("link");
        fs::hard_link(file, &link).unwrap();
        fs::write(&link, text).unwrap();
    }),
];

#[tokio::test]
async fn every_way_of_writing_the_file_is_noticed() {
    let Some(home) = Home::new() else { return };
    let file = home.paths.config().to_owned();
    let good = home.toml(&caps("100.00 EUR"));
    home.write(&good);
    let daemon = home.start().await;
    let mut control = home.control().await;
    let mut agent = home.agent().await;
    for (number, (name, write)) in WAYS.into_iter().enumerate() {
        let better = home.toml(&caps(&format!("{}.00 EUR", 110 + number)));
        let digest = PolicyDigest::of(better.as_bytes()).to_string();
        write(&file, &better);
        obeyed(&mut control, &better).await;
        write(&file, &good.replace("100.00 EUR", "1000 EUR"));
        let status = told(&mut control, "1000.00 EUR").await;
        assert_eq!(status.policy_digest, digest, "{name}");
        assert_eq!(denied(agent.book("200.00 EUR").await).reason, "CAP_EXCEEDED", "{name}");
        write(&file, &good);
        obeyed(&mut control, &good).await;
        home.write(&good);
        eprintln!("noticed: {name}");
    }
    // The text stays, and who may write it changes, and nothing does.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o622)).unwrap();
    told(&mut control, "chmod go-w").await;
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    obeyed(&mut control, &good).await;
    let touched = fs::OpenOptions::new().append(true).open(&file).unwrap();
    touched.set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    drop(touched);
    control.reload(v1::ReloadRequest {}).await.unwrap();
    obeyed(&mut control, &good).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_half_written_file_loosens_no_cap() {
    let Some(home) = Home::new() else { return };
    let file = home.paths.config().to_owned();
    let wide = caps("1000.00 EUR");
    let narrow = format!("{}merchant = \"{LUX}\"\n", caps("100.00 EUR"));
    let whole = home.toml(&format!("{wide}\n{narrow}"));
    home.write(&whole);
    let daemon = home.start().await;
    let mut control = home.control().await;
    let mut agent = home.agent().await;
    assert_eq!(denied(agent.book("100.01 EUR").await).reason, "CAP_EXCEEDED");

    // An editor that is slow: what it has written so far is a good file without the cap of the merchant.
    let (half, _) = whole.split_at(whole.find(&narrow).unwrap());
    let mut editor = fs::File::create(&file).unwrap();
    editor.write_all(half.as_bytes()).unwrap();
    editor.sync_all().unwrap();
    let refused = control.reload(v1::ReloadRequest {}).await.map(|_| ()).unwrap_err();
    assert!(refused.message().contains(STILL_OPEN), "{refused:?}");
    told(&mut control, STILL_OPEN).await;
    assert_eq!(denied(agent.book("100.01 EUR").await).reason, "CAP_EXCEEDED");

    // A new file next to it, put in its place before it is whole.
    drop(editor);
    // Closed: that is what the principal wrote.
    obeyed(&mut control, half).await;
    home.write(&whole);
    obeyed(&mut control, &whole).await;
    let new = file.with_extension("new");
    let mut editor = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new);
    let editor = editor.as_mut().unwrap();
    editor.write_all(half.as_bytes()).unwrap();
    fs::rename(&new, &file).unwrap();
    let refused = control.reload(v1::ReloadRequest {}).await.map(|_| ()).unwrap_err();
    assert!(refused.message().contains(STILL_OPEN), "{refused:?}");
    assert_eq!(denied(agent.book("100.01 EUR").await).reason, "CAP_EXCEEDED");
    daemon.stop().await;
}

#[tokio::test]
async fn the_last_good_file_stays_in_force() {
    let Some(home) = Home::new() else { return };
    let file = home.paths.config().to_owned();
    let good = home.toml(&caps("100.00 EUR"));
    home.write(&good);
    let daemon = home.start().await;
    let mut control = home.control().await;
    let mut agent = home.agent().await;
    let digest = PolicyDigest::of(good.as_bytes()).to_string();

    let half = &good[..good.len() - 8];
    let other_key = good.replace("store = \"keyutils\"", "store = \"auto\"");
    let faulty = good.replace("100.00 EUR", "1000 EUR");
    for (bad, problem) in [
        (half, "not TOML"),
        ("", "principal"),
        (faulty.as_str(), "1000.00 EUR"),
        (other_key.as_str(), "restart"),
    ] {
        home.write(bad);
        let told = settled(&mut control, bad).await;
        assert!(told.contains(problem), "{told}");
        assert!(told.contains("wallet.toml"), "{told}");
        let status = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
        assert_eq!(status.policy_digest, digest);
        assert_eq!(denied(agent.book("100.01 EUR").await).reason, "CAP_EXCEEDED");
        home.write(&good);
        control.reload(v1::ReloadRequest {}).await.unwrap();
    }
    // A good file that others may write is nobody's word.
    let raised = home.toml(&caps("900.00 EUR"));
    fs::write(&file, &raised).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let mut refused = async |problem: &str| {
        let refused = denied(control.reload(v1::ReloadRequest {}).await);
        let told = (refused.reason.as_str(), refused.code, refused.metadata["retryable"].as_str());
        assert_eq!(told, ("FIELD_INVALID", Code::InvalidArgument, "false"));
        assert!(refused.message.contains(problem), "{refused:?}");
    };
    refused("chmod go-w").await;
    fs::remove_file(&file).unwrap();
    refused("does not exist").await;
    home.write(&faulty);
    refused("1000.00 EUR").await;
    agent.book("100.00 EUR").await.unwrap();
    daemon.stop().await;
}

#[tokio::test]
async fn no_reload_forgets_a_payment() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&caps("500.00 EUR")));
    let daemon = home.start().await;
    let mut control = home.control().await;
    let mut agent = home.agent().await;
    agent.book("300.00 EUR").await.unwrap();
    let mut put = async |rules: &str| {
        home.write(&home.toml(rules));
        control.reload(v1::ReloadRequest {}).await.unwrap();
    };
    // Lowered below what was spent.
    put(&caps("200.00 EUR")).await;
    let refused = denied(agent.book("0.01 EUR").await);
    assert_eq!(
        (refused.reason.as_str(), refused.metadata["remaining"].as_str()),
        ("CAP_EXCEEDED", "0.00 EUR")
    );
    // Another kind, another order, a selector: what was spent counts.
    put(&format!(
        "{}\n{}merchant = \"lux-hotels\"\n",
        caps("900.00 EUR"),
        "[[cap]]\nper = \"7d\"\nspend = \"350.00 EUR\"\n"
    ))
    .await;
    assert_eq!(agent.spent().await, [(30_000, 1), (30_000, 1)]);
    assert_eq!(denied(agent.book("50.01 EUR").await).reason, "CAP_EXCEEDED");
    agent.book("50.00 EUR").await.unwrap();
    // No caps at all: nothing may be spent.
    put("").await;
    assert_eq!(denied(agent.book("0.01 EUR").await).reason, "CURRENCY_NOT_CAPPED");
    put(&caps("500.00 EUR")).await;
    assert_eq!(agent.spent().await, [(35_000, 2)]);
    daemon.stop().await;
}

#[tokio::test]
async fn rules_that_changed_while_no_wallet_ran_are_written_down_at_its_start() {
    let Some(home) = Home::new() else { return };
    let mut written = Vec::new();
    for limit in ["500.00 EUR", "500.00 EUR", "400.00 EUR"] {
        home.write(&home.toml(&caps(limit)));
        let daemon = home.start().await;
        let status = home.control().await.get_status(v1::GetStatusRequest {}).await.unwrap();
        daemon.stop().await;
        let ledger = StoppedLedger::open(home.paths.state_dir()).unwrap();
        let last = ledger.entries(ledger.head().unwrap().size - 1, 1).unwrap().remove(0);
        let event = Event::parse(&mandate_journal::Entry::parse(&last).unwrap()).unwrap();
        let Event::Policy(event::Policy { digest }) = event else { panic!("{event:?}") };
        assert_eq!(digest.to_string(), status.into_inner().policy_digest);
        written.push(ledger.head().unwrap().size);
    }
    assert_eq!(written, [2, 2, 3]);
}

#[tokio::test]
async fn a_good_file_that_could_not_be_written_down_is_told_and_in_force_once_there_is_room() {
    let Some(home) = Home::new() else { return };
    home.write(&home.toml(&caps("500.00 EUR")));
    let full = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&full);
    let hook: Hook = Arc::new(move || seen.load(Ordering::SeqCst).then_some(Fault::DiskFull));
    let daemon = home.start_with(|config| config.ledger.hooks.before_commit = Some(hook)).await;
    let daemon = daemon.unwrap();
    let mut control = home.control().await;
    full.store(true, Ordering::SeqCst);
    let lower = home.toml(&caps("10.00 EUR"));
    home.write(&lower);
    let refused = denied(control.reload(v1::ReloadRequest {}).await);
    assert_eq!(refused.reason, "LEDGER_UNAVAILABLE");
    full.store(false, Ordering::SeqCst);
    let told = control.get_status(v1::GetStatusRequest {}).await.unwrap().into_inner();
    let problem = "the newest file is good, and the reload could not be written down";
    // The watch may have had it read once more by now.
    let is_lower = told.policy_digest == PolicyDigest::of(lower.as_bytes()).to_string();
    assert!(is_lower || told.policy_problem.contains(problem), "{told:?}");
    control.reload(v1::ReloadRequest {}).await.unwrap();
    obeyed(&mut control, &lower).await;
    assert_eq!(denied(home.agent().await.book("10.01 EUR").await).reason, "CAP_EXCEEDED");
    daemon.stop().await;
}
