//! What others hold of this wallet's log: tokens that name an entry or a size which the backup must have.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use mandate::{
    Cart, Head, Intent, KeySet, Kind, Payment, PrincipalRole, Receipt, UnverifiedMandate,
};
use mandate_ledger::StoppedLedger;
use mandate_terminal::audit::seen;

use super::{WAY_OUT, entries};
use crate::failure::{Failure, chain};
use crate::journal::Owner;

/// Holds the backup against every token; how many spoke of this wallet's log.
pub(super) fn hold_against(
    backup: &StoppedLedger,
    owner: &Owner,
    paths: &[PathBuf],
) -> Result<usize, Failure> {
    let mut count: usize = 0;
    let mut look = |text: &str, place: &str| -> Result<bool, Failure> {
        let Some(named) = head_named(text, owner) else { return Ok(false) };
        count = count.saturating_add(1);
        backup.hold_against(named).map_err(|error| {
            Failure::Check(format!(
                "{place} is of a log of {}, and the backup is not that log: {}; {WAY_OUT}",
                entries(named.size),
                chain(&error)
            ))
        })?;
        Ok(true)
    };
    for path in paths {
        if path.is_dir() {
            for (seq, text) in seen::tokens(path)? {
                look(&text, &format!("a token in entry {seq} of {}", path.display()))?;
            }
        } else {
            lines(path, &mut look)?;
        }
    }
    Ok(count)
}

fn lines(
    path: &Path,
    look: &mut impl FnMut(&str, &str) -> Result<bool, Failure>,
) -> Result<(), Failure> {
    let unread = |problem: &dyn std::fmt::Display| {
        Failure::Usage(format!("--seen {}: {problem}", path.display()))
    };
    let metadata = fs::metadata(path).map_err(|error| unread(&error))?;
    if !metadata.is_file() {
        return Err(unread(&"is no plain file and no folder"));
    }
    let file = File::open(path).map_err(|error| unread(&error))?;
    for (number, line) in (1_u64..).zip(BufReader::new(file).lines()) {
        let line = line.map_err(|error| unread(&error))?;
        let text = line.trim();
        // A line that says nothing of this log would be taken for one that was checked.
        if !text.is_empty()
            && !look(text, &format!("the token in line {number} of {}", path.display()))?
        {
            return Err(unread(&format!("line {number} is no token of this wallet or for it")));
        }
    }
    Ok(())
}

/// The head of the wallet's log that a token names: our own by its signature, a merchant's by what it answers.
///
/// A merchant's token is not verified: which keys it had is for the ledger to say, and a head that was made up can only
/// refuse a restore, never allow one.
fn head_named(text: &str, owner: &Owner) -> Option<Head> {
    if let Some(head) = signed::<Intent>(text, owner).or_else(|| signed::<Payment>(text, owner)) {
        return Some(head);
    }
    if let Ok(cart) = UnverifiedMandate::<Cart>::parse(text) {
        return (cart.claims().aud == owner.principal).then_some(cart.claims().peer_log);
    }
    let receipt = UnverifiedMandate::<Receipt>::parse(text).ok()?;
    (receipt.claims().aud == owner.principal).then_some(receipt.claims().peer_log)
}

fn signed<K: Kind<Role = PrincipalRole>>(text: &str, owner: &Owner) -> Option<Head> {
    let token = UnverifiedMandate::<K>::parse(text).ok()?;
    let token = token.verify(&KeySet::new([owner.key])).ok()?;
    Some(token.head())
}
