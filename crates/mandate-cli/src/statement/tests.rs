//! What a statement makes of odd entries and odd words.

use std::cell::RefCell;
use std::sync::Arc;

use mandate::UnixSeconds;
use mandate_journal::Chain;
use mandate_ledger::StoppedLedger;
use mandate_policy::Rules;
use mandate_terminal::record::Entries;
use mandate_tests::alone;
use mandate_tests::months::{self, LOOKED_AT, Lived};
use proptest::prelude::*;
use serde_json::json;
use tokio::runtime::Runtime;

use super::calendar::Period;
use super::proofs::Proofs;
use super::purchases::Purchase;
use super::{Statement, html, read};
use crate::failure::Failure;
use crate::record::Wallet;

/// A journal in memory.
struct Memory {
    entries: Vec<Vec<u8>>,
}

impl Entries for Memory {
    type Side = Wallet;

    fn size(&self) -> u64 {
        self.entries.len().try_into().unwrap()
    }

    fn stored(&self, from: u64, limit: u64) -> Result<Vec<Vec<u8>>, Failure> {
        let entries = self.entries.iter().skip(from.try_into().unwrap());
        Ok(entries.take(limit.try_into().unwrap()).cloned().collect())
    }
}

struct Sample {
    _lived: Lived,
    rules: Arc<Rules>,
    journal: Memory,
}

fn sample() -> Sample {
    let lived = Runtime::new().unwrap().block_on(months::usual());
    let rules = mandated::load(&lived.config()).unwrap().rules;
    let locking = alone();
    let ledger = StoppedLedger::open(&lived.state_dir()).unwrap();
    let mut journal = Memory { entries: Vec::new() };
    while journal.size() < ledger.head().unwrap().size {
        journal.entries.extend(ledger.entries(journal.size(), 256).unwrap());
    }
    drop(ledger);
    drop(locking);
    Sample { _lived: lived, rules, journal }
}

impl Sample {
    fn statement(&self) -> Result<Statement, Failure> {
        let now = UnixSeconds::new(LOOKED_AT).unwrap();
        let period = Period::of(None, self.rules.timezone(), now)?;
        read::statement(&self.journal, &self.rules, period, now)
    }
}

#[test]
fn an_entry_of_a_newer_version_is_listed_and_spoils_nothing() {
    let mut sample = sample();
    let before = sample.statement().unwrap();
    let mut chain = Chain::default();
    for entry in &sample.journal.entries {
        chain.push(entry).unwrap();
    }
    let time = UnixSeconds::new(LOOKED_AT).unwrap();
    let entry = chain.encode(time, "seance", &json!({"medium": "Ada"})).unwrap();
    chain.push(&entry).unwrap();
    sample.journal.entries.push(entry);
    let after = sample.statement().unwrap();
    let last = after.events.last().unwrap();
    assert_eq!((last.kind.as_str(), last.seq), ("seance", before.journal.head.size));
    assert!(last.words.contains("does not know entries of this kind"), "{}", last.words);
    assert_eq!(after.journal.head, chain.head());
    assert_eq!(json!(after.totals), json!(before.totals));
    assert_eq!(json!(after.caps), json!(before.caps));
}

#[test]
fn a_changed_entry_makes_no_statement() {
    let mut sample = sample();
    let entry = sample.journal.entries.iter_mut().rev().nth(20).unwrap();
    let text = String::from_utf8(entry.clone()).unwrap();
    *entry = text.replacen("travel", "TRAVEL", 1).into_bytes();
    let Err(Failure::Check(problem)) = sample.statement() else { panic!("it was made") };
    assert!(problem.contains("the journal is not whole: entry "), "{problem}");
}

/// A journal without a checkpoint: nothing is proven yet.
struct Nothing;

impl Proofs for Nothing {
    fn proof(&mut self, _: &Purchase) -> Result<Option<String>, Failure> {
        Ok(None)
    }
}

#[test]
fn a_proof_is_a_file_in_the_page() {
    struct Fixed;
    impl Proofs for Fixed {
        fn proof(&mut self, purchase: &Purchase) -> Result<Option<String>, Failure> {
            Ok(Some(format!("proof of {}\n", purchase.seq)))
        }
    }
    let statement = sample().statement().unwrap();
    let page = html::page(&statement, &mut Fixed).unwrap();
    for purchase in &statement.purchases {
        let proof = format!("proof of {}\n", purchase.seq);
        let proof = data_encoding::BASE64.encode(proof.as_bytes());
        let jti = purchase.jti;
        let link =
            format!("<a href=\"data:text/plain;base64,{proof}\" download=\"{jti}.tlog-proof\">");
        assert!(page.contains(&link), "{link}");
    }
    let page = html::page(&statement, &mut Nothing).unwrap();
    assert!(!page.contains("download="));
}

/// Everything of a page that is markup: its tags with their attributes.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|tag| tag.split_once('>').map_or(tag, |(tag, _)| tag)).collect()
}

fn page_with(statement: &mut Statement, words: &str) -> String {
    words.clone_into(&mut statement.principal.name);
    for purchase in &mut statement.purchases {
        purchase.purpose = Some(words.to_owned());
        purchase.note = Some(words.to_owned());
        purchase.titles = vec![words.to_owned()];
    }
    for line in &mut statement.denials.lines {
        words.clone_into(&mut line.message);
        line.purpose = Some(words.to_owned());
    }
    for group in &mut statement.denials.groups {
        words.clone_into(&mut group.message);
    }
    for event in &mut statement.events {
        words.clone_into(&mut event.words);
    }
    html::page(statement, &mut Nothing).unwrap()
}

#[test]
fn no_words_change_the_markup() {
    let mut statement = sample().statement().unwrap();
    statement.purchases.drain(2..);
    let statement = RefCell::new(statement);
    let plain = page_with(&mut statement.borrow_mut(), "plain");
    let hostile = prop_oneof![
        any::<String>(),
        "[<>&\"'/!\\-\\[\\]a-z =\u{202e}\u{0}]{0,40}",
        Just("</title></style></script><script>alert(1)</script>".to_owned()),
        Just("\" onmouseover=\"alert(1)\" x='".to_owned()),
        Just("]]><!-- &lt;b&gt; &#x3c;script&#x3e;".to_owned()),
    ];
    proptest!(ProptestConfig::with_cases(200), |(words in hostile)| {
        let page = page_with(&mut statement.borrow_mut(), &words);
        prop_assert_eq!(tags(&page), tags(&plain));
    });
}
