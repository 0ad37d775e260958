//! The entries of a side's journal: their bytes, what they say, and the ways through them.

use std::fmt;
use std::ops::ControlFlow;

use mandate::UnixSeconds;
use mandate_journal::Entry;
use serde_json::value::RawValue;

use crate::failure::{Failure, chain};

/// Entries read at a time.
const PAGE_ENTRIES: u64 = 256;

/// Whose journal it is: what its entries say, and whom a reader of a broken one is sent to.
pub trait Side {
    /// What an entry says.
    type Event: fmt::Debug;
    /// The command that checks the journal.
    const VERIFY: &'static str;

    /// Reads an entry; `None` if a newer version wrote it.
    fn event(entry: &Entry<'_>) -> Option<Self::Event>;
}

/// An entry that was read.
#[derive(Debug)]
pub struct Record<S: Side> {
    body: Box<RawValue>,
    seq: u64,
    time: UnixSeconds,
    kind: Box<str>,
    event: Option<S::Event>,
}

impl<S: Side> Record<S> {
    /// Reads an entry from its stored bytes. One of a kind that this version does not know is still an entry.
    ///
    /// # Errors
    ///
    /// [`Failure::Check`] when the bytes are no entry.
    pub fn read(bytes: Vec<u8>) -> Result<Self, Failure> {
        let entry = Entry::parse(&bytes).map_err(|error| unreadable::<S>(&chain(&error)))?;
        let Entry { seq, time, .. } = entry;
        let kind = entry.kind.into();
        let event = S::event(&entry);
        let text = String::from_utf8(bytes).map_err(|error| unreadable::<S>(&error))?;
        let body = RawValue::from_string(text).map_err(|error| unreadable::<S>(&error))?;
        Ok(Self { body, seq, time, kind, event })
    }

    /// Exactly the bytes that are stored and hashed.
    #[must_use]
    pub fn body(&self) -> &RawValue {
        &self.body
    }

    /// Its number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// When it was written.
    #[must_use]
    pub fn time(&self) -> UnixSeconds {
        self.time
    }

    /// What it records.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// What it says; `None` if a newer version wrote it.
    #[must_use]
    pub fn event(&self) -> Option<&S::Event> {
        self.event.as_ref()
    }
}

fn unreadable<S: Side>(error: &dyn fmt::Display) -> Failure {
    let verify = S::VERIFY;
    Failure::Check(format!("an entry of the journal cannot be read: {error}; run `{verify}`"))
}

/// A journal that cannot be what it should be.
#[must_use]
pub fn damaged<S: Side>(what: &str) -> Failure {
    Failure::Check(format!("{what}; run `{}`", S::VERIFY))
}

/// Says that a check lacked what it needs: nothing is known of the journal.
#[must_use]
pub fn unchecked(problem: &str) -> Failure {
    Failure::Check(format!("the journal was not checked: {problem}"))
}

/// A journal as long as it was when it was opened, wherever its entries come from.
pub trait Entries {
    /// Whose it is.
    type Side: Side;

    /// How many entries there are, at least one: the first is made with the journal.
    fn size(&self) -> u64;

    /// The stored bytes of the entries from `from` on, as many as `limit`; all of them exist.
    ///
    /// # Errors
    ///
    /// [`Failure`] when they cannot be read.
    fn stored(&self, from: u64, limit: u64) -> Result<Vec<Vec<u8>>, Failure>;

    /// Exactly the entries from `from` on, as many as `limit`; all of them exist.
    ///
    /// # Errors
    ///
    /// [`Failure`] when they cannot be read, or are not all there.
    fn page(&self, from: u64, limit: u64) -> Result<Vec<Record<Self::Side>>, Failure> {
        let entries = self.stored(from, limit)?;
        let records: Vec<Record<Self::Side>> =
            entries.into_iter().map(Record::read).collect::<Result<_, _>>()?;
        let wanted = from..from.saturating_add(limit);
        if records.iter().map(Record::seq).eq(wanted) {
            Ok(records)
        } else {
            Err(damaged::<Self::Side>(&format!("not all entries from {from} on are there")))
        }
    }

    /// One entry.
    ///
    /// # Errors
    ///
    /// [`Failure::Check`] when there is none of that number.
    fn record(&self, seq: u64) -> Result<Record<Self::Side>, Failure> {
        if seq >= self.size() {
            let last = self.size().saturating_sub(1);
            return Err(Failure::Check(format!("there is no entry {seq}: the newest is {last}")));
        }
        let entry = self.page(seq, 1)?.into_iter().next();
        entry.ok_or_else(|| damaged::<Self::Side>(&format!("entry {seq} is missing")))
    }

    /// Every entry from `from` on, in order.
    ///
    /// # Errors
    ///
    /// [`Failure`] when they cannot be read, and what `visit` fails with.
    fn forward(
        &self,
        from: u64,
        mut visit: impl FnMut(Record<Self::Side>) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut next = from;
        while next < self.size() {
            let limit = PAGE_ENTRIES.min(self.size().saturating_sub(next));
            self.page(next, limit)?.into_iter().try_for_each(&mut visit)?;
            next = next.saturating_add(limit);
        }
        Ok(())
    }

    /// Pages of entries, the newest page first and the oldest entry of each first, until `visit` has enough.
    ///
    /// # Errors
    ///
    /// [`Failure`] when they cannot be read, and what `visit` fails with.
    fn backward(
        &self,
        mut visit: impl FnMut(Vec<Record<Self::Side>>) -> Result<ControlFlow<()>, Failure>,
    ) -> Result<(), Failure> {
        let mut end = self.size();
        while end > 0 {
            let from = end.saturating_sub(PAGE_ENTRIES);
            if visit(self.page(from, end.saturating_sub(from))?)?.is_break() {
                return Ok(());
            }
            end = from;
        }
        Ok(())
    }

    /// The oldest `limit` entries from `from` on that fit, oldest first.
    ///
    /// # Errors
    ///
    /// [`Failure`] when they cannot be read.
    fn oldest(
        &self,
        limit: usize,
        from: u64,
        fits: impl Fn(&Record<Self::Side>) -> bool,
    ) -> Result<Vec<Record<Self::Side>>, Failure> {
        let mut found = Vec::new();
        let mut next = from;
        while next < self.size() && found.len() < limit {
            let read = PAGE_ENTRIES.min(self.size().saturating_sub(next));
            let left = limit.saturating_sub(found.len());
            found.extend(self.page(next, read)?.into_iter().filter(&fits).take(left));
            next = next.saturating_add(read);
        }
        Ok(found)
    }

    /// The newest `limit` entries since a moment that fit, oldest first.
    ///
    /// # Errors
    ///
    /// [`Failure`] when they cannot be read.
    fn newest(
        &self,
        limit: usize,
        since: Option<UnixSeconds>,
        fits: impl Fn(&Record<Self::Side>) -> bool,
    ) -> Result<Vec<Record<Self::Side>>, Failure> {
        let mut found = Vec::new();
        let recent = |record: &Record<Self::Side>| since.is_none_or(|since| record.time() >= since);
        if limit == 0 {
            return Ok(found);
        }
        self.backward(|page| {
            // Times are a machine's clock and may step back a little; a whole page before the moment ends the search.
            let is_past = !page.iter().any(&recent);
            for record in page.into_iter().rev().filter(|record| recent(record) && fits(record)) {
                found.push(record);
                if found.len() == limit {
                    return Ok(ControlFlow::Break(()));
                }
            }
            Ok(if is_past { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        })?;
        found.reverse();
        Ok(found)
    }
}
