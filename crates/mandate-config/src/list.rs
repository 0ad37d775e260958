//! Lists: each element by itself, and entries that others name.

use std::collections::BTreeMap;
use std::str::FromStr;

use mandate::id::IdError;

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, quoted};
use crate::table::Table;
use crate::unreadable::Unreadable;
use crate::value::id;

/// The most tables or elements one list may have.
pub const ITEMS_MAX: usize = 10_000;

/// Reads each element of a list; what cannot be read is left out, and whether anything was is told at the end.
pub fn each<T, F: OwnFault>(
    items: &[Item<'_>],
    report: &mut Report<'_, F>,
    mut read: impl FnMut(&Item<'_>, &mut Report<'_, F>) -> Read<T>,
) -> (Vec<T>, Read<()>) {
    let mut values = Vec::with_capacity(items.len());
    let mut all = Ok(());
    for item in items {
        match read(item, report) {
            Ok(value) => values.push(value),
            Err(reported) => all = Err(reported),
        }
    }
    (values, all)
}

/// The entries of a list by their ids, so that what names any other is refused.
///
/// What could not be read is remembered too: naming it is not a second fault.
#[derive(Debug)]
pub struct Listed<K, V> {
    /// What could be read.
    pub entries: BTreeMap<K, V>,
    /// Ids as written that are none.
    unreadable: Unreadable,
    /// Whether every entry is in one of the two.
    complete: Read<()>,
    as_str: fn(&K) -> &str,
}

impl<K: Ord + FromStr<Err = IdError>, V> Listed<K, V> {
    /// Of nothing yet; `as_str` gives the text of an id.
    #[must_use]
    pub fn new(as_str: fn(&K) -> &str) -> Self {
        let unreadable = Unreadable::default();
        Self { entries: BTreeMap::new(), unreadable, complete: Ok(()), as_str }
    }

    /// Whether the id of every entry is known, so that what is not among them is not listed.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.complete.is_ok()
    }

    /// Takes the tables of the list itself, as [`Table::tables`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Table::tables`].
    pub fn tables<'a, F: OwnFault>(
        &mut self,
        root: &Table<'a>,
        key: &str,
        expected: &'static str,
        report: &mut Report<'_, F>,
    ) -> Read<Vec<Item<'a>>> {
        let tables = root.tables(key, expected, report);
        self.seen(tables)
    }

    /// Opens the table of an entry, as [`Table::open`] does.
    ///
    /// # Errors
    ///
    /// Those of [`Table::open`].
    pub fn open<'a, F: OwnFault>(
        &mut self,
        item: &Item<'a>,
        known: &'static [&'static str],
        expected: &'static str,
        report: &mut Report<'_, F>,
    ) -> Read<Table<'a>> {
        let table = Table::open(item, known, expected, report);
        self.seen(table)
    }

    fn seen<T>(&mut self, read: Read<T>) -> Read<T> {
        if let Err(reported) = read {
            self.complete = Err(reported);
        }
        read
    }

    /// Reads the id of an entry, and remembers it where it is none.
    ///
    /// # Errors
    ///
    /// Those of [`Table::required`] and [`id`].
    pub fn id<F: OwnFault>(
        &mut self,
        table: &mut Table<'_>,
        key: &str,
        example: &'static str,
        report: &mut Report<'_, F>,
    ) -> Read<K> {
        let read = table.required(key, example, report, id);
        if let Err(reported) = read {
            match table.item(key).and_then(|item| item.as_str()) {
                Some(text) => self.unreadable.remember(text, reported),
                None => self.complete = Err(reported),
            }
        }
        read
    }

    /// Reads the id of an entry that has to be listed.
    ///
    /// # Errors
    ///
    /// Those of [`id`]; the fault of `unlisted` is noted if there is no such entry.
    pub fn find<F: OwnFault>(
        &self,
        item: &Item<'_>,
        report: &mut Report<'_, F>,
        unlisted: impl FnOnce(K) -> F,
    ) -> Read<K> {
        self.unreadable.check(item)?;
        let id: K = id(item, report)?;
        if self.entries.contains_key(&id) {
            return Ok(id);
        }
        self.complete?;
        let known = self.entries.keys().map(self.as_str);
        let meant = report.nearest((self.as_str)(&id), known).map(quoted);
        Err(item.fault_with(report, FaultKind::Own(unlisted(id)), meant))
    }
}

#[cfg(test)]
mod tests {
    use mandate::Sku;

    use super::*;
    use crate::parse::parse;
    use crate::testing::{TestFault, codes};

    /// Reads a list of shelves, and the name of the one that is meant.
    fn named(text: &str) -> Vec<&'static str> {
        codes(parse(text, &["shelf", "meant"], |root, report| {
            let mut shelves = Listed::new(Sku::as_str);
            let items = shelves.tables(root, "shelf", "each under [[shelf]]", report);
            let (_, all) = each(&items.unwrap_or_default(), report, |item, report| {
                let mut table = shelves.open(item, &["id"], "a table", report)?;
                let id = shelves.id(&mut table, "id", "id = \"tea\"", report)?;
                shelves.entries.insert(id, ());
                Ok(())
            });
            let meant = root.optional("meant", report, |item, report| {
                shelves.find(item, report, |_| TestFault::Unlisted)
            });
            all.and(meant)
        }))
    }

    #[test]
    fn what_is_not_listed_is_one_fault_and_what_could_not_be_read_is_no_second() {
        assert!(named("meant = \"tea\"\n[[shelf]]\nid = \"tea\"\n").is_empty());
        assert_eq!(named("meant = \"ink\"\n[[shelf]]\nid = \"tea\"\n"), ["unlisted"]);
        assert_eq!(named("meant = \"Tea\"\n[[shelf]]\nid = \"Tea\"\n"), ["id_invalid"]);
        assert_eq!(named("meant = \"ink\"\n[[shelf]]\nid = 7\n"), ["type"]);
        assert_eq!(named("meant = \"ink\"\nshelf = [7]\n"), ["type"]);
        assert_eq!(named("meant = \"ink\"\nshelf = 7\n"), ["type"]);
    }
}
