//! Takes the keys of a table by name, and refuses what is not known.

use toml::de::{DeTable, DeValue};

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, Reported, excerpt};

/// A table of which all keys are known.
#[derive(Debug)]
pub struct Table<'a> {
    at: usize,
    field: String,
    entries: &'a DeTable<'a>,
    /// Keys that stand here under a misspelt name.
    misspelt: Vec<&'a str>,
    /// How many unknown keys may be any other: each excuses one that is missing.
    unexplained: usize,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(crate) fn root<F: OwnFault>(
        entries: &'a DeTable<'a>,
        known: &'static [&'static str],
        report: &mut Report<'_, F>,
    ) -> Self {
        Self::new(0, String::new(), entries, known, report)
    }

    /// One table of it, with the keys that it may have.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Type`] is noted if it is no table. Keys that are not known are noted, and the table is read on.
    pub fn open<F: OwnFault>(
        item: &Item<'a>,
        known: &'static [&'static str],
        expected: &'static str,
        report: &mut Report<'_, F>,
    ) -> Read<Self> {
        match item.value() {
            DeValue::Table(entries) => {
                Ok(Self::new(item.at(), item.field().to_owned(), entries, known, report))
            }
            _ => Err(item.mistyped(report, expected)),
        }
    }

    fn new<F: OwnFault>(
        at: usize,
        field: String,
        entries: &'a DeTable<'a>,
        known: &'static [&'static str],
        report: &mut Report<'_, F>,
    ) -> Self {
        // A broken line may have held any number of keys.
        let unexplained = if report.is_broken(at) { usize::MAX } else { 0 };
        let mut table = Self { at, field, entries, misspelt: Vec::new(), unexplained };
        for (key, _) in entries {
            let name: &str = key.get_ref();
            if known.contains(&name) {
                continue;
            }
            let absent = known.iter().copied().filter(|known| !entries.contains_key(*known));
            let meant = report.nearest(name, absent);
            match meant {
                Some(meant) => table.misspelt.push(meant),
                None => table.unexplained = table.unexplained.saturating_add(1),
            }
            let field = table.path(&excerpt(name));
            let unknown = FaultKind::UnknownKey { known };
            report.add(key.span().start, &field, unknown, meant.map(str::to_owned));
        }
        table
    }

    fn path(&self, key: &str) -> String {
        if self.field.is_empty() { key.to_owned() } else { format!("{}.{key}", self.field) }
    }

    /// Its path, as in `cap[2]`; empty for the whole file.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// A value by its key, if it is there.
    #[must_use]
    pub fn item(&self, key: &str) -> Option<Item<'a>> {
        let value = self.entries.get(key)?;
        Some(Item::new(value.span(), self.path(key), value.get_ref()))
    }

    /// Takes a key that may be left out. If it may stand here under an unknown name, it is not known to be left out.
    ///
    /// # Errors
    ///
    /// What `read` noted, or what was noted of an unknown name.
    pub fn optional<T, F: OwnFault>(
        &self,
        key: &str,
        report: &mut Report<'_, F>,
        read: impl FnOnce(&Item<'a>, &mut Report<'_, F>) -> Read<T>,
    ) -> Read<Option<T>> {
        match self.item(key) {
            Some(item) => read(&item, report).map(Some),
            None if self.misspelt.contains(&key) || self.unexplained > 0 => Err(Reported::before()),
            None => Ok(None),
        }
    }

    /// Takes a key that has to be there.
    ///
    /// # Errors
    ///
    /// What `read` noted; [`FaultKind::Missing`] is noted if the key is not there.
    pub fn required<T, F: OwnFault>(
        &mut self,
        key: &str,
        example: &'static str,
        report: &mut Report<'_, F>,
        read: impl FnOnce(&Item<'a>, &mut Report<'_, F>) -> Read<T>,
    ) -> Read<T> {
        match self.item(key) {
            Some(item) => read(&item, report),
            None => Err(self.lacks(&[key], report, FaultKind::Missing { example })),
        }
    }

    /// Takes the tables of a list such as `[[cap]]`; none if it is left out.
    ///
    /// # Errors
    ///
    /// Those of [`Table::optional`] and of [`Item::elements`].
    pub fn tables<F: OwnFault>(
        &self,
        key: &str,
        expected: &'static str,
        report: &mut Report<'_, F>,
    ) -> Read<Vec<Item<'a>>> {
        let tables = self.optional(key, report, |item, report| item.elements(report, expected))?;
        Ok(tables.unwrap_or_default())
    }

    /// Notes that none of some keys is there, at the table's header, unless an unknown key accounts for it.
    pub fn lacks<F: OwnFault>(
        &mut self,
        keys: &[&str],
        report: &mut Report<'_, F>,
        kind: impl Into<FaultKind<F>>,
    ) -> Reported {
        if keys.iter().any(|key| self.misspelt.contains(key)) {
            return Reported::before();
        }
        if let Some(left) = self.unexplained.checked_sub(1) {
            self.unexplained = left;
            return Reported::before();
        }
        let field = match keys {
            [key] => self.path(key),
            _ => self.field.clone(),
        };
        report.add(self.at, &field, kind, None)
    }
}
