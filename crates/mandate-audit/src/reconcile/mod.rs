//! Holds a wallet's log and gateways' logs against each other.
//!
//! Every token of one side that the other keeps is evidence about its signer's log: it is one entry of it, under one
//! root. Honest logs give no finding, wherever either export was cut off: what was signed after an export was made is
//! counted and not judged. Memory grows with the number of tokens, not with the logs.

mod collect;
mod finding;
mod judge;
mod order;
mod place;

use std::collections::{BTreeMap, BTreeSet};

use mandate::{KeyId, PublicKey};
use mandate_journal::Entry;
use thiserror::Error;

use crate::export::{Export, ExportError};
use crate::log::{Log, Side};
use crate::token::{Body, Reading};
use collect::{Held, LogKeys, Pages};
use finding::named;
use judge::{Judged, judge};
use place::Witness;

pub use finding::{Difference, Evidence, Finding, FindingKind, Parting, Reconciliation, Tally};

/// Why logs cannot be held against each other.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ReconcileError {
    /// An export is not whole, so nothing can be said with it.
    #[error("the export of {log}: {source}")]
    Export {
        /// Whose.
        log: Log,
        /// Why.
        source: ExportError,
    },
    /// A log was signed in under two keys, both given without a name: either could be its own, and the other a forger's.
    #[error(
        "{holder} keeps {token} of {log} under the key {found}, and another key signed the export of {log}; both were given \
         without a name: give each by the name of its log, `{}=KEY`",
        .log.name()
    )]
    KeyUndecided {
        /// Whose tokens they are.
        log: Log,
        /// The key that signed a token of it, and not its export.
        found: KeyId,
        /// The token.
        token: String,
        /// Who keeps it.
        holder: Log,
    },
    /// A key was given without a name and signed none of the exports: it could be the one of a log that another signed.
    #[error(
        "the key {key} was given without a name and signed none of these exports, so it could be that of {log}, which \
         {signer} signed: leave it out, or give each key by the name of its log, `{}=KEY`",
        .log.name()
    )]
    KeyUnused {
        /// The key.
        key: KeyId,
        /// A log that it could be the key of.
        log: Log,
        /// The key that signed the export of it.
        signer: KeyId,
    },
    /// Two exports are signed by one key: whoever has it could be both parties, so neither's tokens prove anything.
    #[error(
        "the export of {log} is signed by the key of another export: one key cannot stand for two parties"
    )]
    OneKey {
        /// Whose.
        log: Log,
    },
    /// An export is of the other side.
    #[error("the export of {log} stands where one of a {expected} belongs")]
    Side {
        /// Whose.
        log: Log,
        /// What belongs there.
        expected: Side,
    },
    /// One log was given twice.
    #[error("the export of {log} was given twice")]
    Twice {
        /// Whose.
        log: Log,
    },
}

/// Holds logs against each other; each export is read once, and checked whole on the way.
///
/// # Errors
///
/// [`ReconcileError`] if an export is not whole or not what it should be.
pub fn reconcile(wallet: &Export, gateways: &[Export]) -> Result<Reconciliation, ReconcileError> {
    let exports: Vec<&Export> = [wallet].into_iter().chain(gateways).collect();
    let keys = keys(&exports)?;
    let mut all = Vec::new();
    for export in &exports {
        let pages = Pages::of(export, &keys);
        all.push(pages.map_err(|source| failed(export, source))?);
    }
    check_rivals(&all)?;
    let mut findings = Vec::new();
    let mut partings = Vec::new();
    let mut logs = Vec::new();
    let mut proven = BTreeSet::new();
    for pages in &all {
        let witnesses: Vec<Witness<'_>> =
            all.iter().flat_map(|holder| witnesses(holder, &pages.log)).collect();
        let Judged { findings: mut found, partings: parted, proven: sure, beyond, beyond_size } =
            judge(pages, &witnesses);
        if found.is_empty() {
            // What the peers' tokens show makes the same log contradict itself; once is enough.
            found.extend(order::unanswered(pages));
        }
        findings.extend(found);
        partings.extend(parted);
        let (log, head, unasked) = (pages.log.clone(), pages.head, pages.unasked);
        let count = u64::try_from(sure.len()).unwrap_or(u64::MAX);
        logs.push(Tally { log, head, proven: count, beyond, beyond_size, unasked });
        proven.extend(sure);
    }
    for pages in &all {
        findings.extend(order::backwards(pages));
        findings.extend(
            pages.held.iter().filter(|held| !held.is_signed).map(|held| invalid(pages, held)),
        );
    }
    for finding in &mut findings {
        if finding.kind == FindingKind::Altered && finding.from == finding.to {
            finding.differences = differences(finding, &exports)?;
        }
    }
    findings.sort_by(|one, two| {
        (&one.fault, one.from, one.kind).cmp(&(&two.fault, two.from, two.kind))
    });
    let (purchases, totals_minor) = purchases(&all, &proven);
    Ok(Reconciliation { findings, partings, logs, purchases, totals_minor })
}

/// The keys that each log's tokens are verified under: its own that signed no other log.
fn keys(exports: &[&Export]) -> Result<BTreeMap<Log, LogKeys>, ReconcileError> {
    let mut keys = BTreeMap::new();
    for (position, export) in exports.iter().enumerate() {
        let expected = if position == 0 { Side::Wallet } else { Side::Gateway };
        let log = export.log().clone();
        if log.side != expected {
            return Err(ReconcileError::Side { log, expected });
        }
        let others = exports.iter().filter(|other| other.log() != &log);
        let others: Vec<PublicKey> = others.map(|other| *other.key()).collect();
        if others.contains(export.key()) {
            return Err(ReconcileError::OneKey { log });
        }
        let all = export.keys().iter().filter(|key| !others.contains(key)).copied().collect();
        let rivals = rivals(export, exports)?;
        if keys.insert(log.clone(), LogKeys { of_the_log: *export.key(), all, rivals }).is_some() {
            return Err(ReconcileError::Twice { log });
        }
    }
    Ok(keys)
}

/// The keys of other exports that could be this one's, where neither a name nor an id says whose they are.
///
/// Nobody signs for another. So where each key that was given without a name signed an export, no party alone can have
/// signed in another's name; where one did not, it may be the right one of a log that a forger signed.
fn rivals(export: &Export, exports: &[&Export]) -> Result<Vec<PublicKey>, ReconcileError> {
    let mut rivals = Vec::new();
    for rival in export.rivals() {
        let Some(other) = exports.iter().find(|other| other.key() == rival) else {
            let (log, signer) = (export.log().clone(), export.key().id());
            return Err(ReconcileError::KeyUnused { key: rival.id(), log, signer });
        };
        if !other.rivals().is_empty() {
            rivals.push(*rival);
        }
    }
    Ok(rivals)
}

/// Refuses to say anything where a log was signed in under two keys of which nobody said whose they are.
fn check_rivals(all: &[Pages]) -> Result<(), ReconcileError> {
    for pages in all {
        for held in &pages.held {
            if let Some(found) = held.rival_key {
                return Err(ReconcileError::KeyUndecided {
                    log: held.signer.clone(),
                    found,
                    token: named(held.typ, held.jti),
                    holder: pages.log.clone(),
                });
            }
        }
    }
    Ok(())
}

/// The verified tokens of one log that another keeps.
fn witnesses<'a>(holder: &'a Pages, signer: &Log) -> impl Iterator<Item = Witness<'a>> {
    let of = move |held: &&Held| held.is_signed && held.signer == *signer;
    holder.held.iter().filter(of).map(|token| Witness { token, holder: &holder.log })
}

fn invalid(pages: &Pages, held: &Held) -> Finding {
    let token = named(held.typ, held.jti);
    let signer = &held.signer;
    let what = match held.unknown_key {
        Some(key) => format!("keeps {token} under the key {key}, which is none given for {signer}"),
        None => format!("keeps {token}, which the key that it names of {signer} did not sign"),
    };
    Finding {
        fault: pages.log.clone(),
        kind: FindingKind::ForeignTokenInvalid,
        from: held.seq,
        to: held.seq,
        what,
        differences: Vec::new(),
        evidence: vec![held.evidence(&pages.log)],
    }
}

/// In which claims an altered entry differs from the token that proves it.
fn differences(finding: &Finding, exports: &[&Export]) -> Result<Vec<Difference>, ReconcileError> {
    let read = |log: &Log, seq: u64| {
        let Some(export) = exports.iter().find(|export| export.log() == log) else {
            return Ok(Reading::default());
        };
        let entry = export.entry(seq).map_err(|source| failed(export, source))?;
        let entry =
            entry.as_deref().and_then(|entry| Entry::parse(entry).ok().map(|e| Reading::of(&e)));
        Ok(entry.unwrap_or_default())
    };
    let Some(evidence) = finding.evidence.first() else { return Ok(Vec::new()) };
    let own = read(&finding.fault, finding.from)?.own;
    let held = read(&evidence.held_by, evidence.held_in)?.held;
    let is_it = |body: &&Body| body.jti == evidence.jti && body.typ.as_str() == evidence.typ;
    let token = held.iter().map(|token| &token.body).find(is_it);
    let (Some(own), Some(token)) = (own.as_ref().filter(|own| is_it(own)), token) else {
        return Ok(Vec::new());
    };
    let differences = own.differences(token).map(|(claim, entry, token)| Difference {
        claim: claim.to_owned(),
        entry: entry.cloned(),
        token: token.cloned(),
    });
    Ok(differences.collect())
}

/// The executed receipts that both sides have, and what they add up to by currency.
fn purchases(all: &[Pages], proven: &BTreeSet<[u8; 32]>) -> (u64, BTreeMap<String, u64>) {
    let mut totals: BTreeMap<String, u64> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for held in all.iter().flat_map(|pages| &pages.held) {
        if let Some((currency, amount)) = &held.cost
            && proven.contains(&held.hash)
            && seen.insert(held.hash)
        {
            let total = totals.entry(currency.clone()).or_default();
            *total = total.saturating_add(*amount);
        }
    }
    (u64::try_from(seen.len()).unwrap_or(u64::MAX), totals)
}

fn failed(export: &Export, source: ExportError) -> ReconcileError {
    ReconcileError::Export { log: export.log().clone(), source }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests;
