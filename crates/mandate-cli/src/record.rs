//! One entry of the journal: its bytes, and what they say.

use std::fmt;

use mandate::UnixSeconds;
use mandate_journal::Entry;
use mandate_ledger::Event;
use serde_json::value::RawValue;

use crate::failure::{Failure, chain};

/// An entry that was read.
#[derive(Debug)]
pub(crate) struct Record {
    body: Box<RawValue>,
    seq: u64,
    time: UnixSeconds,
    kind: Box<str>,
    event: Option<Event>,
}

impl Record {
    /// Reads an entry from its stored bytes. One of a kind that this version does not know is still an entry.
    pub(crate) fn read(bytes: Vec<u8>) -> Result<Self, Failure> {
        let entry = Entry::parse(&bytes).map_err(|error| unreadable(&chain(&error)))?;
        let Entry { seq, time, .. } = entry;
        let kind = entry.kind.into();
        let event = Event::parse(&entry).ok();
        let text = String::from_utf8(bytes).map_err(|error| unreadable(&error))?;
        let body = RawValue::from_string(text).map_err(|error| unreadable(&error))?;
        Ok(Self { body, seq, time, kind, event })
    }

    /// Exactly the bytes that are stored and hashed.
    pub(crate) fn body(&self) -> &RawValue {
        &self.body
    }

    /// Its number.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// When it was written.
    pub(crate) fn time(&self) -> UnixSeconds {
        self.time
    }

    /// What it records.
    pub(crate) fn kind(&self) -> &str {
        &self.kind
    }

    /// What it says; `None` if a newer version wrote it.
    pub(crate) fn event(&self) -> Option<&Event> {
        self.event.as_ref()
    }
}

fn unreadable(error: &dyn fmt::Display) -> Failure {
    Failure::Check(format!(
        "an entry of the journal cannot be read: {error}; run `mandate audit verify`"
    ))
}
