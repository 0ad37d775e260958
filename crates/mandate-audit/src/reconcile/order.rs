//! What a log's own pages say about the order in which both sides wrote.
//!
//! A token that answers an entry was signed after everything that the entry's log kept before it, and the answered
//! entry was there before the one that keeps the answer.

use std::collections::BTreeMap;

use super::collect::{Held, Pages};
use super::finding::{Finding, FindingKind, named};
use crate::log::Log;

/// Peers of this log that went back behind a head they had shown it.
pub(super) fn backwards(pages: &Pages) -> Vec<Finding> {
    let mut findings: BTreeMap<&Log, Finding> = BTreeMap::new();
    // For each peer, the tokens that showed a larger head than all before them, in the order of the entries.
    let mut peaks: BTreeMap<&Log, Vec<&Held>> = BTreeMap::new();
    for held in pages.held.iter().filter(|held| held.is_signed) {
        let peaks = peaks.entry(&held.signer).or_default();
        let answered = held.peer_log.filter(|head| {
            // Its signer said which of our pages it had seen; only then does their order bind it.
            let own = head.size.checked_sub(1).and_then(|seq| pages.own(seq));
            own.is_some_and(|own| own.root == head.root)
        });
        let shown = answered.and_then(|head| {
            let before = peaks.partition_point(|peak| peak.seq < head.size);
            before.checked_sub(1).and_then(|last| peaks.get(last)).copied()
        });
        if let Some(shown) =
            shown.filter(|shown| shown.head.size >= held.head.size && shown.hash != held.hash)
        {
            let what = format!(
                "was cut back: {} shows {} entries, and {}, which was signed later, {}",
                named(shown.typ, shown.jti),
                shown.head.size,
                named(held.typ, held.jti),
                held.head.size
            );
            let at = held.head.size.saturating_sub(1);
            findings.entry(&held.signer).or_insert_with(|| Finding {
                fault: held.signer.clone(),
                kind: FindingKind::RolledBack,
                from: at,
                to: at,
                what,
                differences: Vec::new(),
                evidence: vec![shown.evidence(&pages.log), held.evidence(&pages.log)],
            });
        }
        if peaks.last().is_none_or(|peak| peak.head.size < held.head.size) {
            peaks.push(held);
        }
    }
    findings.into_values().collect()
}

/// The first answer in a log that answers what the log does not have where it says: the log was changed after it.
pub(super) fn unanswered(pages: &Pages) -> Option<Finding> {
    let accepted = pages.held.iter().filter(|held| held.is_signed && !held.is_turned_away);
    let mut answers = accepted.filter_map(|held| Some((held, held.peer_log?)));
    answers.find_map(|(held, head)| {
        let at = head.size.checked_sub(1)?;
        let token = named(held.typ, held.jti);
        let (kind, what) = if head.size > held.seq {
            let what = format!(
                "was cut back: {token} answers entry {at} and is kept in entry {}, before it",
                held.seq
            );
            (FindingKind::RolledBack, what)
        } else if pages.own(at).is_some_and(|own| own.root == head.root) {
            return None;
        } else {
            let what = format!(
                "entries up to {at} are not those that {token}, kept in entry {}, answers: they lead to another root",
                held.seq
            );
            (FindingKind::Altered, what)
        };
        Some(Finding {
            fault: pages.log.clone(),
            kind,
            from: at,
            to: at,
            what,
            differences: Vec::new(),
            evidence: vec![held.evidence(&pages.log)],
        })
    })
}
