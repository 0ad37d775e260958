//! Takes the keys of a table by name, and refuses what is not known.

use toml::de::{DeTable, DeValue};

use super::WALLET_TOML_ITEMS_MAX;
use super::fault::FaultKind;
use super::report::{Read, Report, Reported, excerpt};

/// One value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Item<'a> {
    /// Its first byte, and the byte after its last.
    pub(super) span: std::ops::Range<usize>,
    /// Its path, as in `cap[2].spend`.
    pub(super) field: String,
    pub(super) value: &'a DeValue<'a>,
}

impl Item<'_> {
    /// Notes a fault of this value.
    pub(super) fn fault(&self, report: &mut Report<'_>, kind: impl Into<FaultKind>) -> Reported {
        report.add(self.span.start, &self.field, kind.into(), None)
    }

    /// Notes a fault of this value, and what was meant.
    pub(super) fn fault_with(
        &self,
        report: &mut Report<'_>,
        kind: impl Into<FaultKind>,
        suggestion: Option<String>,
    ) -> Reported {
        report.add(self.span.start, &self.field, kind.into(), suggestion)
    }

    /// Notes that the value is of another type.
    pub(super) fn mistyped(&self, report: &mut Report<'_>, expected: &'static str) -> Reported {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date or a time",
            DeValue::Array(array) if array.iter().any(|item| item.get_ref().is_table()) => {
                "a list of tables"
            }
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.fault(report, FaultKind::Type { expected, found })
    }

    /// The elements of a list.
    pub(super) fn elements(
        &self,
        report: &mut Report<'_>,
        expected: &'static str,
    ) -> Read<Vec<Self>> {
        let DeValue::Array(array) = self.value else {
            return Err(self.mistyped(report, expected));
        };
        let elements = array.iter().enumerate().map(|(index, element)| Self {
            span: element.span(),
            field: format!("{}[{}]", self.field, index.saturating_add(1)),
            value: element.get_ref(),
        });
        if let Some(first_above) = elements.clone().nth(WALLET_TOML_ITEMS_MAX) {
            let limit = FaultKind::ItemsMax { limit: WALLET_TOML_ITEMS_MAX, actual: array.len() };
            return Err(report.add(first_above.span.start, &self.field, limit, None));
        }
        Ok(elements.collect())
    }
}

/// A table of which all keys are known.
#[derive(Debug)]
pub(super) struct Table<'a> {
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
    pub(super) fn root(
        entries: &'a DeTable<'a>,
        known: &'static [&'static str],
        report: &mut Report<'_>,
    ) -> Self {
        Self::new(0, String::new(), entries, known, report)
    }

    /// One table of it.
    pub(super) fn open(
        item: &Item<'a>,
        known: &'static [&'static str],
        expected: &'static str,
        report: &mut Report<'_>,
    ) -> Read<Self> {
        match item.value {
            DeValue::Table(entries) => {
                Ok(Self::new(item.span.start, item.field.clone(), entries, known, report))
            }
            _ => Err(item.mistyped(report, expected)),
        }
    }

    fn new(
        at: usize,
        field: String,
        entries: &'a DeTable<'a>,
        known: &'static [&'static str],
        report: &mut Report<'_>,
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

    /// A value by its key, if it is there.
    pub(super) fn item(&self, key: &str) -> Option<Item<'a>> {
        let value = self.entries.get(key)?;
        Some(Item { span: value.span(), field: self.path(key), value: value.get_ref() })
    }

    /// Takes a key that may be left out. If it may stand here under an unknown name, it is not known to be left out.
    pub(super) fn optional<T>(
        &self,
        key: &str,
        report: &mut Report<'_>,
        read: impl FnOnce(&Item<'a>, &mut Report<'_>) -> Read<T>,
    ) -> Read<Option<T>> {
        match self.item(key) {
            Some(item) => read(&item, report).map(Some),
            None if self.misspelt.contains(&key) || self.unexplained > 0 => Err(Reported),
            None => Ok(None),
        }
    }

    /// Takes a key that has to be there.
    pub(super) fn required<T>(
        &mut self,
        key: &str,
        example: &'static str,
        report: &mut Report<'_>,
        read: impl FnOnce(&Item<'a>, &mut Report<'_>) -> Read<T>,
    ) -> Read<T> {
        match self.item(key) {
            Some(item) => read(&item, report),
            None => Err(self.lacks(&[key], report, FaultKind::Missing { example })),
        }
    }

    /// Notes that none of some keys is there, at the table's header, unless an unknown key accounts for it.
    pub(super) fn lacks(
        &mut self,
        keys: &[&str],
        report: &mut Report<'_>,
        kind: FaultKind,
    ) -> Reported {
        if keys.iter().any(|key| self.misspelt.contains(key)) {
            return Reported;
        }
        if let Some(left) = self.unexplained.checked_sub(1) {
            self.unexplained = left;
            return Reported;
        }
        let field = match keys {
            [key] => self.path(key),
            _ => self.field.clone(),
        };
        report.add(self.at, &field, kind, None)
    }

    /// Its path, as in `cap[2]`.
    pub(super) fn field(&self) -> &str {
        &self.field
    }
}
