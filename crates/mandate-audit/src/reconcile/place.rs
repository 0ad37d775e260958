//! Where in a log the tokens stand that its peers say it signed.

use std::collections::BTreeMap;

use mandate::Jti;

use super::collect::{Held, Own, Pages};
use crate::log::Log;
use crate::token::Typ;

/// A signed token of a log, and who keeps it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Witness<'a> {
    pub(super) token: &'a Held,
    pub(super) holder: &'a Log,
}

impl Witness<'_> {
    /// The entry that the token is, by its own word.
    pub(super) fn seq(&self) -> u64 {
        self.token.head.size.saturating_sub(1)
    }
}

/// What a log has of a token that it signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// An own token with this id and other words, at this entry.
    Altered(u64),
    /// The log ends before it.
    Beyond,
    /// Exactly this token, at this entry.
    Found(u64),
    /// Nothing.
    Missing,
}

/// Finds own tokens by what they say and by their id.
#[derive(Debug)]
pub(super) struct Index {
    size: u64,
    digests: BTreeMap<[u8; 32], u64>,
    ids: BTreeMap<(Typ, Jti), u64>,
}

impl Index {
    pub(super) fn of(pages: &Pages) -> Self {
        let digest = |own: &Own| (own.digest, own.seq);
        let id = |own: &Own| ((own.typ, own.jti), own.seq);
        Self {
            size: pages.head.size,
            // Of two entries that say the same, the first is the one that was signed.
            digests: pages.owns.iter().rev().map(digest).collect(),
            ids: pages.owns.iter().rev().map(id).collect(),
        }
    }

    pub(super) fn place(&self, witness: &Witness<'_>) -> Place {
        let Held { digest, typ, jti, head, .. } = witness.token;
        match (self.digests.get(digest), self.ids.get(&(*typ, *jti))) {
            (Some(seq), _) => Place::Found(*seq),
            (None, Some(seq)) => Place::Altered(*seq),
            (None, None) if head.size > self.size => Place::Beyond,
            (None, None) => Place::Missing,
        }
    }
}

/// A longest subsequence that grows: which of `found`, in their order, kept their order. The others were moved.
pub(super) fn in_order(found: &[u64]) -> Vec<bool> {
    // Patience sorting: the last position of the best run of each length, and each position's predecessor.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; found.len()];
    let at = |position: &usize| found.get(*position).copied().unwrap_or(u64::MAX);
    for (position, seq) in found.iter().enumerate() {
        let length = ends.partition_point(|end| at(end) < *seq);
        if let Some(slot) = before.get_mut(position) {
            *slot = length.checked_sub(1).and_then(|shorter| ends.get(shorter)).copied();
        }
        match ends.get_mut(length) {
            Some(end) => *end = position,
            None => ends.push(position),
        }
    }
    let mut kept = vec![false; found.len()];
    let mut next = ends.last().copied();
    while let Some(position) = next {
        if let Some(kept) = kept.get_mut(position) {
            *kept = true;
        }
        next = before.get(position).copied().flatten();
    }
    kept
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_kept_its_order_is_told_from_what_was_moved() {
        assert!(in_order(&[]).is_empty());
        assert_eq!(in_order(&[1, 2, 9, 3, 4]), [true, true, false, true, true]);
        assert_eq!(in_order(&[5, 1, 2, 3]), [false, true, true, true]);
    }

    proptest! {
        #[test]
        fn what_is_kept_grows(found in proptest::collection::vec(0u64..50, 0..40)) {
            let kept = in_order(&found);
            let run: Vec<u64> = found.iter().zip(&kept).filter(|(_, kept)| **kept).map(|(seq, _)| *seq).collect();
            prop_assert!(run.is_sorted_by(|one, two| one < two));
            prop_assert_eq!(run.is_empty(), found.is_empty());
        }
    }
}
