//! What both command lines make of a journal: an export and a proof that a third person can check.

use mandate_audit::{Export, check};
use mandate_journal::tree::{Frontier, NodeHash, NodeId, inclusion_path, leaf_hash};
use mandate_journal::{Checkpoint, Entry};
use mandate_terminal::audit::{Provable, export, prove};
use mandate_terminal::failure::Failure;
use mandate_terminal::record::{Entries, Side};
use mandate_terminal::ui::Ui;
use mandate_tests::pair::{Log, Pair};
use tempfile::TempDir;

/// A side whose entries nobody needs to understand here.
#[derive(Debug)]
struct Any;

impl Side for Any {
    type Event = ();
    const VERIFY: &'static str = "audit verify";

    fn event(_entry: &Entry<'_>) -> Option<()> {
        None
    }
}

/// A journal whose newest checkpoint covers so many entries; none was signed where it is 0.
struct Journal {
    log: Log,
    signed: usize,
}

impl Entries for Journal {
    type Side = Any;

    fn size(&self) -> u64 {
        self.log.entries.len().try_into().unwrap()
    }

    fn stored(&self, from: u64, limit: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let [from, limit] = [from, limit].map(|number| usize::try_from(number).unwrap());
        Ok(self.log.entries[from..from + limit].to_vec())
    }
}

impl Provable for Journal {
    fn checkpoint(&self) -> Result<Option<Checkpoint>, Failure> {
        Ok((self.signed > 0).then(|| self.log.until(self.signed).checkpoint()))
    }

    fn inclusion(&self, seq: u64, size: u64) -> Result<Vec<NodeHash>, Failure> {
        let mut frontier = Frontier::default();
        let added = self.log.entries.iter().map(|entry| frontier.push(leaf_hash(entry)).nodes);
        let nodes: Vec<NodeHash> = added.flatten().collect();
        inclusion_path(seq, size, |id: NodeId| Ok(nodes[usize::try_from(id.position()).unwrap()]))
    }
}

/// Runs a command; what it printed, or the failure in words.
fn told(run: impl FnOnce(&mut Ui<'_>) -> Result<(), Failure>) -> Result<String, String> {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let done = run(&mut Ui::new(&mut out, &mut err, false));
    done.map(|()| String::from_utf8(out).unwrap()).map_err(|failure| failure.to_string())
}

#[tokio::test]
async fn a_journal_is_exported_up_to_its_newest_checkpoint() {
    let pair = Pair::open().await;
    pair.buy().await;
    pair.buy().await;
    let folder = TempDir::new().unwrap();
    let arguments = export::Arguments { dir: folder.path().join("export") };
    let config = folder.path().join("another.toml");
    std::fs::write(&config, "# never put in force").unwrap();
    for log in [pair.wallet_log(), pair.gateway_log()] {
        let (key, size) = (log.public_key(), log.entries.len());
        let journal = |signed| Journal { log: log.clone(), signed };
        let run = |signed| told(|ui| export::run(&arguments, &journal(signed), key, &config, ui));
        assert!(run(0).unwrap_err().starts_with("no checkpoint was signed yet"));
        let said = run(size - 2).unwrap();
        assert!(said.starts_with(&format!("{} entries exported to ", size - 2)), "{said}");
        assert!(said.contains("2 newer entries are left out: no checkpoint covers them"), "{said}");
        let read = Export::open(&arguments.dir, &pair.keys()).unwrap();
        read.verify(|_, _| ()).unwrap();
        let policy = arguments.dir.join(read.log().side.policy_name());
        assert!(
            !policy.exists(),
            "a file that is not in force is not passed off as the one that is"
        );
        assert!(run(size).unwrap_err().contains("is there already"));
        std::fs::remove_dir_all(&arguments.dir).unwrap();
    }
}

#[tokio::test]
async fn a_payment_is_proven_by_its_id() {
    let pair = Pair::open().await;
    pair.buy().await;
    let payment = pair.buy().await;
    let folder = TempDir::new().unwrap();
    let log = pair.wallet_log();
    let size = log.entries.len();
    let out = folder.path().join("payment.tlog-proof");
    let arguments = prove::Arguments { jti: payment.claims().jti, out: out.clone() };
    let run = |signed| told(|ui| prove::run(&arguments, &Journal { log: log.clone(), signed }, ui));
    assert!(run(size - 2).unwrap_err().contains("is newer than the newest checkpoint"));
    let said = run(size).unwrap();
    assert!(
        said.contains(&format!("in a log of {size}, with 1 token of the other side")),
        "{said}"
    );
    let checked = check(&std::fs::read(&out).unwrap(), &pair.keys()).unwrap();
    assert!(checked.is_proven(), "{:#?}", checked.facts);
    assert!(run(size).unwrap_err().contains("was not touched"));
    let unknown = prove::Arguments { jti: mandate_tests::wallet::fresh_jti(), out };
    let journal = Journal { log, signed: size };
    let error = told(|ui| prove::run(&unknown, &journal, ui)).unwrap_err();
    assert!(error.starts_with("no token of this journal has the id"), "{error}");
}
