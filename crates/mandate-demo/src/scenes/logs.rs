//! The three logs, checked from their files by another process than those that wrote them.

use std::collections::BTreeMap;
use std::path::Path;

use mandate::Head;
use mandate_gateway::book::StoppedBook;
use mandate_gateway::book::event::kind as book_kind;
use mandate_journal::{Chain, Entry, StoreError};
use mandate_ledger::StoppedLedger;
use mandate_ledger::event::kind;
use mandate_proto::v1;

use crate::answer::Answer;
use crate::error::{DemoError, same};
use crate::stage::Stage;
use crate::tally::Answers;

/// Entries of a journal read at a time.
const PAGE_ENTRIES: u32 = 64;

/// Two of the logs, as they are on disk.
#[derive(Debug)]
pub(super) struct Logs {
    /// That of the wallet.
    pub(super) wallet: Log,
    /// That of the first gateway.
    pub(super) lux: Log,
}

/// A log that was read and checked.
#[derive(Debug)]
pub(super) struct Log {
    /// Whose it is.
    owner: String,
    /// The entries as stored.
    pub(super) entries: Vec<Vec<u8>>,
    /// The head after each entry, recomputed.
    pub(super) heads: Vec<Head>,
    kinds: BTreeMap<String, usize>,
}

/// Stops everything and checks what was written down.
pub(super) async fn check(stage: &mut Stage<'_, '_, '_>) -> Result<Logs, DemoError> {
    stage
        .scene(
            "The logs",
            "On each side, each yes and each no is one entry in a hash-chained log. The wallet checks its own; then \
             all three are checked from their files, without the programs that wrote them.",
        )
        .await?;
    let served = Answer::of(stage.control.verify_log(v1::VerifyLogRequest {}).await)?;
    let v1::VerifyLogResponse { size, root, fault } = served.granted()?.into_inner();
    same(&"", &fault.as_str())?;
    stage.screen.fact("wallet", &format!("{size} entries add up, root {root}"))?;
    stage.wallet.stop().await?;
    stage.gateways.lux.stop().await?;
    stage.gateways.sea.stop().await?;
    stage.screen.fact(
        "stopped",
        "SIGTERM to all three: they finished what was under way and ended with code 0",
    )?;
    let home = stage.home;
    let dirs = (home.paths.state_dir().to_owned(), home.lux.state_dir(), home.sea.state_dir());
    let read = tokio::task::spawn_blocking(move || {
        Ok::<_, DemoError>((wallet(&dirs.0)?, book(&dirs.1)?, book(&dirs.2)?))
    });
    let (wallet, lux, sea) = read.await??;
    same(&home.principal().to_string(), &wallet.owner)?;
    same(&format!("{size} {root}"), &text(wallet.head()))?;
    stage.screen.fact("from its file", "the wallet's log has the same root, and holds")?;
    stage.screen.fact("", &wallet.kinds())?;
    for (id, log) in [(&home.lux.id, &lux), (&home.sea.id, &sea)] {
        same(&id.to_string(), &log.owner)?;
        if let Some(answers) = stage.agent.tally.merchants.get(id) {
            compare_book(log, answers)?;
        }
        let Some(Head { size, root }) = log.head() else { continue };
        stage.screen.fact(id.as_str(), &format!("{size} entries add up, root {root}"))?;
        stage.screen.fact("", &log.kinds())?;
    }
    compare_wallet(stage, &wallet)?;
    stage
        .screen
        .fact("compared", "in each log, as many entries of each kind as the agent met answers")?;
    Ok(Logs { wallet, lux })
}

fn compare_wallet(stage: &Stage<'_, '_, '_>, log: &Log) -> Result<(), DemoError> {
    let tally = &stage.agent.tally;
    let expected = [
        (kind::INTENT, tally.intents.len()),
        (kind::PAYMENT, tally.payments.len()),
        (kind::RECEIPT, tally.receipts),
        (kind::DENIAL, tally.denials),
        (kind::FREEZE, 1),
        (kind::THAW, 1),
    ];
    expected.into_iter().try_for_each(|(kind, count)| log.holds(count, &[kind]))
}

fn compare_book(log: &Log, answers: &Answers) -> Result<(), DemoError> {
    log.holds(answers.carts.len(), &[book_kind::CART])?;
    log.holds(answers.receipts.len(), &[book_kind::RECEIPT, book_kind::BAR])?;
    log.holds(answers.refusals, &[book_kind::REFUSAL])
}

impl Log {
    /// How many entries there are of each kind, for people.
    fn kinds(&self) -> String {
        let kinds = self.kinds.iter().map(|(kind, count)| format!("{count} {kind}"));
        kinds.collect::<Vec<_>>().join(", ")
    }

    /// The head after the last entry.
    fn head(&self) -> Option<Head> {
        self.heads.last().copied()
    }

    /// Checks how many entries there are of some kinds.
    fn holds(&self, expected: usize, kinds: &[&str]) -> Result<(), DemoError> {
        let of = |kind: &&str| self.kinds.get(*kind).copied().unwrap_or(0);
        let met = kinds.iter().map(of).fold(0, usize::saturating_add);
        let name = kinds.join(" or ");
        same(&format!("{expected} x {name}"), &format!("{met} x {name}"))
    }

    /// Reads a checked journal again, entry by entry, and recomputes its head after each.
    fn read(
        owner: String,
        head: Head,
        page: impl Fn(u64) -> Result<Vec<Vec<u8>>, StoreError>,
    ) -> Result<Self, DemoError> {
        let (mut entries, mut heads) = (Vec::new(), Vec::new());
        let (mut kinds, mut chain) = (BTreeMap::new(), Chain::default());
        while chain.size() < head.size {
            let read = page(chain.size())?;
            if read.is_empty() {
                return Err(DemoError::differs(&"another entry", &"the end of the log"));
            }
            for bytes in read {
                chain.push(&bytes)?;
                heads.push(chain.head());
                let count: &mut usize =
                    kinds.entry(Entry::parse(&bytes)?.kind.to_owned()).or_default();
                *count = count.saturating_add(1);
                entries.push(bytes);
            }
        }
        same(&text(Some(head)), &text(Some(chain.head())))?;
        Ok(Self { owner, entries, heads, kinds })
    }
}

fn text(head: Option<Head>) -> String {
    head.map(|head| format!("{} {}", head.size, head.root)).unwrap_or_default()
}

/// Checks the ledger of a wallet that does not run. Blocks.
fn wallet(dir: &Path) -> Result<Log, DemoError> {
    let ledger = StoppedLedger::open(dir)?;
    let head = ledger.verify()?.head;
    let limit = usize::try_from(PAGE_ENTRIES).unwrap_or(usize::MAX);
    Log::read(ledger.owner()?.0.to_string(), head, |next| ledger.entries(next, limit))
}

/// Checks the book of a gateway that does not run. Blocks.
fn book(dir: &Path) -> Result<Log, DemoError> {
    let book = StoppedBook::open(dir)?;
    let head = book.verify()?.head;
    Log::read(book.owner()?.0.to_string(), head, |next| book.entries(next, PAGE_ENTRIES))
}
