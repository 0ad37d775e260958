//! Remembers what could not be read, so that it is told once.

use std::collections::BTreeSet;

use crate::item::Item;
use crate::report::{Read, Reported};

/// Texts that stand where a value could not be read: whatever names the same again is not a second fault.
#[derive(Debug, Default)]
pub struct Unreadable {
    texts: BTreeSet<String>,
}

impl Unreadable {
    /// Remembers a text of which a fault was noted.
    pub fn remember(&mut self, text: &str, _: Reported) {
        self.texts.insert(text.to_owned());
    }

    /// Stops at an item that says the same as one of them.
    ///
    /// # Errors
    ///
    /// The fault that was noted then.
    pub fn check(&self, item: &Item<'_>) -> Read<()> {
        let known = item.as_str().is_some_and(|text| self.texts.contains(text));
        if known { Err(Reported::before()) } else { Ok(()) }
    }
}
