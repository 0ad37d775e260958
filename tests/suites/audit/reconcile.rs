//! Real logs of a real pair, broken in every way their owners could, and not broken at all.

use mandate_audit::reconcile::{FindingKind, Reconciliation, reconcile};
use mandate_audit::{Export, Side};
use mandate_tests::LUX;
use mandate_tests::gateway::Call;
use mandate_tests::pair::{Log, Pair};
use mandate_tests::random::Random;
use mandate_tests::wallet::{MORNING, reading};
use tempfile::TempDir;

/// Which side's log is broken.
const SIDES: [Side; 2] = [Side::Wallet, Side::Gateway];

/// Holds two logs against each other.
fn reconciled(pair: &Pair, wallet: &Log, gateway: &Log) -> Reconciliation {
    let folder = TempDir::new().unwrap();
    let wallet = wallet.exported(&folder.path().join("wallet"), &pair.keys());
    let gateway = gateway.exported(&folder.path().join("gateway"), &pair.keys());
    reconcile(&wallet, &[gateway]).unwrap()
}

/// Breaks one side's log, and checks that this side and nobody else is named.
fn broken(pair: &Pair, side: Side, change: impl FnOnce(&mut Vec<Vec<u8>>)) -> Reconciliation {
    let (mut wallet, mut gateway) = (pair.wallet_log(), pair.gateway_log());
    let log = match side {
        Side::Wallet => &mut wallet,
        Side::Gateway => &mut gateway,
    };
    let mut entries = log.entries.clone();
    change(&mut entries);
    *log = log.of(entries);
    let found = reconciled(pair, &wallet, &gateway);
    assert!(!found.agrees(), "{side}: nothing was found");
    for finding in &found.findings {
        assert_eq!(finding.fault.side, side, "{found:#?}");
        assert!(!finding.evidence.is_empty(), "{found:#?}");
    }
    found
}

/// The newest but one entry of a kind that has a token of its own.
fn place(entries: &[Vec<u8>], kind: &str) -> usize {
    let needle = format!("\"kind\":\"{kind}\"");
    let is_it = |entry: &&Vec<u8>| str::from_utf8(entry).unwrap().contains(&needle);
    let places: Vec<usize> =
        (0..).zip(entries).filter(|(_, entry)| is_it(entry)).map(|(place, _)| place).collect();
    places[places.len() - 2]
}

/// The kind of entry that each side's second token is.
fn second(side: Side) -> &'static str {
    match side {
        Side::Wallet => "payment",
        Side::Gateway => "receipt",
    }
}

async fn traded(purchases: usize) -> Pair {
    let pair = Pair::open().await;
    for _ in 0..purchases {
        pair.buy().await;
    }
    pair
}

#[tokio::test]
async fn a_deleted_entry_is_missing() {
    let pair = traded(4).await;
    for side in SIDES {
        let mut at = 0;
        let found = broken(&pair, side, |entries| {
            at = place(entries, second(side));
            entries.remove(at);
        });
        let [finding] = &found.findings[..] else { panic!("{found:#?}") };
        assert_eq!(finding.kind, FindingKind::Missing);
        assert_eq!(finding.from, u64::try_from(at).unwrap());
        assert_eq!(finding.evidence[0].typ, second(side));
        let [parting] = &found.partings[..] else { panic!("{found:#?}") };
        assert_eq!(parting.parted, finding.from + 1);
    }
}

#[tokio::test]
async fn a_rewritten_amount_is_altered_and_both_amounts_are_told() {
    let pair = traded(4).await;
    for side in SIDES {
        let mut at = 0;
        let found = broken(&pair, side, |entries| {
            at = place(entries, second(side));
            let text = str::from_utf8(&entries[at]).unwrap();
            let changed = text.replacen("\"amount\":18000}", "\"amount\":10000}", 1);
            assert_ne!(text, changed);
            entries[at] = changed.into_bytes();
        });
        let [finding] = &found.findings[..] else { panic!("{found:#?}") };
        assert_eq!(finding.kind, FindingKind::Altered);
        assert_eq!(finding.from, u64::try_from(at).unwrap());
        let [difference] = &finding.differences[..] else { panic!("{found:#?}") };
        assert_eq!(difference.claim, "total");
        let amount = |value: &Option<serde_json::Value>| value.as_ref().unwrap()["amount"].clone();
        assert_eq!(
            (amount(&difference.entry), amount(&difference.token)),
            (10_000.into(), 18_000.into())
        );
    }
}

#[tokio::test]
async fn entries_that_changed_places_are_reordered() {
    let pair = traded(4).await;
    for side in SIDES {
        let found = broken(&pair, side, |entries| {
            let at = place(entries, second(side));
            entries.swap(at, at + 1);
        });
        assert!(found.findings.iter().all(|f| f.kind == FindingKind::Reordered), "{found:#?}");
    }
}

#[tokio::test]
async fn an_inserted_entry_is_extra() {
    let pair = traded(4).await;
    for side in SIDES {
        let mut at = 0;
        let found = broken(&pair, side, |entries| {
            at = place(entries, second(side));
            entries.insert(at, entries[1].clone());
        });
        let [finding] = &found.findings[..] else { panic!("{found:#?}") };
        assert_eq!(finding.kind, FindingKind::Extra);
        let at = u64::try_from(at).unwrap();
        assert!((finding.from..=finding.to).contains(&at), "{at}: {found:#?}");
    }
}

#[tokio::test]
async fn a_backup_that_was_restored_and_went_on_is_named() {
    let pair = traded(4).await;
    for side in SIDES {
        let mut backup = 0;
        let found = broken(&pair, side, |entries| {
            backup = place(entries, second(side));
            let policy = entries[1].clone();
            // It wrote as much as before, and nothing of what it had signed.
            let size = entries.len();
            entries.truncate(backup);
            entries.resize(size, policy);
        });
        let backup = u64::try_from(backup).unwrap();
        assert!(found.findings.iter().all(|f| f.kind == FindingKind::Missing && f.from >= backup));
        assert_eq!(found.findings[0].from, backup, "{found:#?}");
        assert!(found.partings[0].agreed <= backup);
    }
}

#[tokio::test]
async fn a_backup_that_did_not_go_on_looks_like_an_older_export() {
    let pair = traded(4).await;
    let gateway = pair.gateway_log();
    let backup = gateway.until(gateway.entries.len() - 4);
    let found = reconciled(&pair, &pair.wallet_log(), &backup);
    assert!(found.agrees(), "{found:#?}");
    let tally = found.logs.iter().find(|tally| tally.log.side == Side::Gateway).unwrap();
    assert!(tally.beyond > 0 && tally.beyond_size > tally.head.size, "{found:#?}");
}

#[tokio::test]
async fn honest_logs_agree_wherever_they_are_cut_off() {
    let pair = traded(5).await;
    // Two purchases whose receipts nobody handed in, and a cart that nobody paid.
    pair.book().await;
    pair.book().await;
    // And a mandate that was turned away: the gateway keeps it, and did nothing.
    let intent = pair.wallet.intent(reading(MORNING), "travel", (LUX, "book_room"), None).await;
    let intent = intent.unwrap();
    let ask = |body| pair.shop.send_intent(&Call::json("POST", "/bookings", body), &intent);
    assert_eq!(ask(r#"{"nights":1}"#).await.status, 402);
    assert_eq!(ask(r#"{"nights":9}"#).await.reason().as_deref(), Some("request_mismatch"));
    let (wallet, gateway) = (pair.wallet_log(), pair.gateway_log());
    let found = reconciled(&pair, &wallet, &gateway);
    assert!(found.agrees(), "{found:#?}");
    assert_eq!((found.purchases, found.totals_minor["EUR"]), (5, 5 * 18_000));
    let seed = Random::seed("MANDATE_AUDIT_SEED");
    println!("MANDATE_AUDIT_SEED={seed}");
    let mut random = Random::new(seed);
    for _ in 0..40 {
        let cut = |log: &Log, random: &mut Random| {
            let size = random.below(u64::try_from(log.entries.len()).unwrap());
            log.until(1 + usize::try_from(size).unwrap())
        };
        let found = reconciled(&pair, &cut(&wallet, &mut random), &cut(&gateway, &mut random));
        assert!(found.agrees(), "{found:#?}");
    }
}

#[tokio::test]
async fn an_export_of_another_key_or_with_a_broken_tile_is_no_evidence() {
    let pair = traded(1).await;
    let folder = TempDir::new().unwrap();
    let dir = folder.path().join("wallet");
    pair.wallet_log().export(&dir);
    let keys = mandate_audit::Keys::new([]);
    let error = Export::open(&dir, &keys).unwrap_err().to_string();
    assert_eq!(error, "checkpoint: no key that is known signed it");
    let entries = pair.wallet_log().entries.len();
    let bundle = dir.join(format!("tile/entries/000.p/{entries}"));
    let bytes = std::fs::read(&bundle).unwrap();
    std::fs::write(&bundle, &bytes[..bytes.len() - 1]).unwrap();
    let export = Export::open(&dir, &pair.keys()).unwrap();
    let error = export.verify(|_, _| ()).unwrap_err().to_string();
    let expected = format!("tile/entries/000.p/{entries}: entry {} ends after", entries - 1);
    assert!(error.starts_with(&expected), "{error}");
}
