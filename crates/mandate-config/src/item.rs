//! One value of a file, and where it stands.

use std::ops::Range;

use toml::de::DeValue;

use crate::kind::{FaultKind, OwnFault};
use crate::list::ITEMS_MAX;
use crate::report::{Read, Report, Reported};

/// One value and where it stands.
#[derive(Debug, Clone)]
pub struct Item<'a> {
    /// Its first byte, and the byte after its last.
    span: Range<usize>,
    field: String,
    value: &'a DeValue<'a>,
}

impl<'a> Item<'a> {
    pub(crate) fn new(span: Range<usize>, field: String, value: &'a DeValue<'a>) -> Self {
        Self { span, field, value }
    }

    /// Its first byte.
    #[must_use]
    pub fn at(&self) -> usize {
        self.span.start
    }

    /// Its path, as in `cap[2].spend`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// The value.
    #[must_use]
    pub fn value(&self) -> &'a DeValue<'a> {
        self.value
    }

    /// Its text, if it is one.
    #[must_use]
    pub fn as_str(&self) -> Option<&'a str> {
        self.value.as_str()
    }

    /// Its line, from 1.
    #[must_use]
    pub fn line<F: OwnFault>(&self, report: &Report<'_, F>) -> usize {
        report.line(self.span.start)
    }

    /// As it is written in the file.
    #[must_use]
    pub fn source<'t, F: OwnFault>(&self, report: &Report<'t, F>) -> &'t str {
        report.source(self.span.clone())
    }

    /// Notes a fault of this value.
    pub fn fault<F: OwnFault>(
        &self,
        report: &mut Report<'_, F>,
        kind: impl Into<FaultKind<F>>,
    ) -> Reported {
        self.fault_with(report, kind, None)
    }

    /// Notes a fault of this value, and what was meant, as it would stand in the file.
    pub fn fault_with<F: OwnFault>(
        &self,
        report: &mut Report<'_, F>,
        kind: impl Into<FaultKind<F>>,
        suggestion: Option<String>,
    ) -> Reported {
        report.add(self.span.start, &self.field, kind, suggestion)
    }

    /// Notes that the value is of another type than was expected: `a text in quotes`.
    pub fn mistyped<F: OwnFault>(
        &self,
        report: &mut Report<'_, F>,
        expected: &'static str,
    ) -> Reported {
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
    ///
    /// # Errors
    ///
    /// [`FaultKind::Type`] is noted if it is no list, [`FaultKind::ItemsMax`] if it is too long.
    pub fn elements<F: OwnFault>(
        &self,
        report: &mut Report<'_, F>,
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
        if let Some(first_above) = elements.clone().nth(ITEMS_MAX) {
            let limit = FaultKind::ItemsMax { limit: ITEMS_MAX, actual: array.len() };
            return Err(report.add(first_above.span.start, &self.field, limit, None));
        }
        Ok(elements.collect())
    }
}
