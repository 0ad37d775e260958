//! One log held against the tokens that its peers say it signed.
//!
//! Each such token is an entry of the log by its own word: number `size` − 1, under the root in it. What stands there
//! instead, and how far the tokens around it were shifted, tells what was done.

use std::collections::BTreeSet;

use super::collect::Pages;
use super::finding::{Evidence, Finding, FindingKind, Parting, named};
use super::place::{Index, Place, Witness, in_order};
use crate::log::Log;

/// What was found out about one log.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) findings: Vec<Finding>,
    pub(super) partings: Vec<Parting>,
    /// The hashes of the tokens that the log bears out.
    pub(super) proven: BTreeSet<[u8; 32]>,
    pub(super) beyond: u64,
    pub(super) beyond_size: u64,
}

/// Holds a log against all verified tokens of its own.
pub(super) fn judge(pages: &Pages, witnesses: &[Witness<'_>]) -> Judged {
    let index = Index::of(pages);
    let mut sorted = witnesses.to_vec();
    sorted.sort_by_key(|witness| (witness.token.head.size, witness.token.hash));
    let mut walk = Walk::new(pages);
    let forks = walk.forks(&sorted);
    let mut once = sorted.clone();
    once.dedup_by_key(|witness| witness.token.hash);
    let placed: Vec<(Witness<'_>, Place)> =
        once.iter().map(|witness| (*witness, index.place(witness))).collect();
    let shifts = Shifts::of(&placed);
    for (position, (witness, place)) in placed.iter().enumerate() {
        match *place {
            // That two were signed says more than that one of them is not there.
            Place::Altered(_) if forks.contains(&witness.token.hash) => {}
            Place::Altered(seq) => walk.altered(witness, seq),
            Place::Beyond => walk.beyond(witness),
            Place::Found(seq) => walk.found(witness, seq, &shifts, position),
            Place::Missing if forks.contains(&witness.token.hash) => {
                walk.missed = walk.missed.saturating_add(1);
            }
            Place::Missing => walk.missing(witness),
        }
    }
    let mut judged = walk.judged;
    judged.partings = partings(&pages.log, pages.head.size, &sorted, &judged.proven);
    judged
}

/// For each peer, the last size that its tokens prove before the first that they disprove.
fn partings(
    log: &Log,
    size: u64,
    sorted: &[Witness<'_>],
    proven: &BTreeSet<[u8; 32]>,
) -> Vec<Parting> {
    let holders: BTreeSet<&Log> = sorted.iter().map(|witness| witness.holder).collect();
    let parting = |holder: &Log| {
        let own = sorted.iter().filter(|witness| witness.holder == holder);
        let own: Vec<(u64, bool)> = own
            .map(|witness| (witness.token.head.size, proven.contains(&witness.token.hash)))
            .collect();
        let (parted, _) = *own.iter().find(|(at, proven)| !proven && *at <= size)?;
        let before = own.iter().filter(|(at, proven)| *proven && *at < parted);
        let agreed = before.map(|(at, _)| *at).max().unwrap_or(0);
        Some(Parting { log: log.clone(), against: holder.clone(), agreed, parted })
    };
    holders.into_iter().filter_map(parting).collect()
}

/// How far each token that was found stands from its place, less what moved tokens explain.
struct Shifts {
    /// By position; `None` for what was not found or was moved.
    net: Vec<Option<i128>>,
    moved: BTreeSet<usize>,
}

impl Shifts {
    fn of(placed: &[(Witness<'_>, Place)]) -> Self {
        let found: Vec<(usize, u64, u64)> = (0..)
            .zip(placed)
            .filter_map(|(position, (witness, place))| match place {
                Place::Found(seq) => Some((position, witness.seq(), *seq)),
                _ => None,
            })
            .collect();
        let seqs: Vec<u64> = found.iter().map(|(_, _, seq)| *seq).collect();
        let kept = in_order(&seqs);
        let moved: Vec<&(usize, u64, u64)> =
            found.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(found, _)| found).collect();
        let from: Vec<u64> = moved.iter().map(|(_, from, _)| *from).collect();
        let mut to: Vec<u64> = moved.iter().map(|(_, _, to)| *to).collect();
        to.sort_unstable();
        let mut net = vec![None; placed.len()];
        for ((position, from_seq, seq), _) in found.iter().zip(&kept).filter(|(_, kept)| **kept) {
            // What was put before it pushes it on; what was taken from before it lets it slip.
            let put = to.partition_point(|other| other < seq);
            let taken = from.partition_point(|other| other < from_seq);
            let shift = i128::from(*seq).saturating_sub(i128::from(*from_seq));
            let explained = count(put).saturating_sub(count(taken));
            if let Some(slot) = net.get_mut(*position) {
                *slot = Some(shift.saturating_sub(explained));
            }
        }
        Self { net, moved: moved.iter().map(|(position, _, _)| *position).collect() }
    }

    fn net(&self, position: usize) -> Option<i128> {
        self.net.get(position).copied().flatten()
    }

    /// The next token that kept its order.
    fn after(&self, position: usize) -> Option<i128> {
        self.net.iter().skip(position.saturating_add(1)).find_map(|net| *net)
    }
}

fn count(number: usize) -> i128 {
    i128::try_from(number).unwrap_or(i128::MAX)
}

/// The tokens of a log from the smallest size on.
struct Walk<'p> {
    pages: &'p Pages,
    judged: Judged,
    /// The shift of the last token that kept its order.
    shift: i128,
    /// The number of the first entry after the last token that kept its order.
    anchor: u64,
    /// The largest size that is proven.
    agreed: u64,
    /// Tokens missing since that token.
    missed: u64,
}

impl<'p> Walk<'p> {
    fn new(pages: &'p Pages) -> Self {
        Self { pages, judged: Judged::default(), shift: 0, anchor: 0, agreed: 0, missed: 0 }
    }

    fn say(
        &mut self,
        kind: FindingKind,
        (from, to): (u64, u64),
        what: String,
        by: &[&Witness<'_>],
    ) {
        let mut evidence: Vec<Evidence> =
            by.iter().map(|witness| witness.token.evidence(witness.holder)).collect();
        // One and the same order at each look at the same logs, which that of hashes would be only by chance.
        evidence.sort_by(|one, two| (&one.held_by, one.held_in).cmp(&(&two.held_by, two.held_in)));
        let fault = self.pages.log.clone();
        let differences = Vec::new();
        self.judged.findings.push(Finding { fault, kind, from, to, what, differences, evidence });
    }

    /// Tokens of one size: each claims to be the last entry. Returns those that share theirs.
    fn forks(&mut self, sorted: &[Witness<'_>]) -> BTreeSet<[u8; 32]> {
        let mut forks = BTreeSet::new();
        for (one, two) in sorted.iter().zip(sorted.iter().skip(1)) {
            let (head, other) = (one.token.head, two.token.head);
            if head.size != other.size || one.token.hash == two.token.hash {
                continue;
            }
            forks.extend([one.token.hash, two.token.hash]);
            let roots = if head.root == other.root { "one root" } else { "two roots" };
            let what = format!(
                "signed two histories: {} and {} both are the last of {} entries, under {roots}",
                named(one.token.typ, one.token.jti),
                named(two.token.typ, two.token.jti),
                head.size
            );
            let at = one.seq();
            self.say(FindingKind::TwoHistories, (at, at), what, &[one, two]);
        }
        forks
    }

    fn altered(&mut self, witness: &Witness<'_>, seq: u64) {
        let token = named(witness.token.typ, witness.token.jti);
        let what = format!("{token} says other than the token that was signed from it");
        self.say(FindingKind::Altered, (seq, seq), what, &[witness]);
    }

    fn beyond(&mut self, witness: &Witness<'_>) {
        self.judged.beyond = self.judged.beyond.saturating_add(1);
        self.judged.beyond_size = self.judged.beyond_size.max(witness.token.head.size);
    }

    fn missing(&mut self, witness: &Witness<'_>) {
        self.missed = self.missed.saturating_add(1);
        let at = witness.seq();
        let instead = self
            .pages
            .own(at)
            .map_or(String::new(), |own| format!("; in its place is {}", named(own.typ, own.jti)));
        let token = named(witness.token.typ, witness.token.jti);
        let what = format!("{token} was signed as entry {at} and is nowhere{instead}");
        self.say(FindingKind::Missing, (at, at), what, &[witness]);
    }

    fn found(&mut self, witness: &Witness<'_>, seq: u64, shifts: &Shifts, position: usize) {
        let token = named(witness.token.typ, witness.token.jti);
        let signed = witness.seq();
        let Some(net) = shifts.net(position) else {
            if shifts.moved.contains(&position) {
                let what = format!("{token} was signed as entry {signed} and stands at {seq}");
                self.say(FindingKind::Reordered, (seq, seq), what, &[witness]);
            }
            return;
        };
        let change = net.saturating_sub(self.shift);
        let back = shifts.after(position) == Some(self.shift);
        let number = change.unsigned_abs();
        if change != 0 && back && self.missed == 0 && number == 1 {
            // One step aside and back: something without a token of its own changed places with it.
            let what = format!("{token} was signed as entry {signed} and stands at {seq}");
            self.say(FindingKind::Reordered, (seq, seq), what, &[witness]);
            return;
        }
        if change > 0 {
            let last = seq.saturating_sub(1).max(self.anchor);
            let what = format!(
                "{number} more than were signed stand among entries {} to {last}: {token} was signed as entry {signed} \
                 and stands at {seq}",
                self.anchor
            );
            self.say(FindingKind::Extra, (self.anchor, last), what, &[witness]);
        } else if number > u128::from(self.missed) {
            let gone = number.saturating_sub(u128::from(self.missed));
            let what = format!(
                "{gone} that were signed over are gone between entries {} and {signed}: {token} was signed as entry \
                 {signed} and stands at {seq}",
                self.anchor
            );
            let last = signed.saturating_sub(1).max(self.anchor);
            self.say(FindingKind::Missing, (self.anchor, last), what, &[witness]);
        }
        (self.shift, self.missed) = (net, 0);
        self.anchor = seq.saturating_add(1);
        if seq == signed {
            self.root(witness, &token, signed);
        }
    }

    /// A token at its place: what is before it is proven by the root, or something of it is not what it was.
    fn root(&mut self, witness: &Witness<'_>, token: &str, seq: u64) {
        if self.pages.own(seq).is_some_and(|own| own.root == witness.token.head.root) {
            self.agreed = witness.token.head.size;
            self.judged.proven.insert(witness.token.hash);
            return;
        }
        // What was found wrong before it makes another root of itself.
        if self.judged.findings.iter().any(|finding| finding.from <= seq) {
            return;
        }
        let size = witness.token.head.size;
        if size == self.pages.head.size {
            let what = format!(
                "signed two histories: {token} and the export's checkpoint both are over {size} entries, under two roots"
            );
            self.say(FindingKind::TwoHistories, (seq, seq), what, &[witness]);
            return;
        }
        let from = self.agreed.min(seq);
        let what = format!(
            "entries {from} to {seq} are not those that {token} was signed over: they lead to another root"
        );
        self.say(FindingKind::Altered, (from, seq), what, &[witness]);
    }
}
