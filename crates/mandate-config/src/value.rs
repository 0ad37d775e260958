//! Reads single values: texts, ids, names of choices, whole numbers.

use std::ops::RangeInclusive;
use std::str::FromStr;

use mandate::id::IdError;
use mandate::text::Text;
use toml::de::DeValue;

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, excerpt, quoted};

/// Reads a text.
///
/// # Errors
///
/// [`FaultKind::Type`] is noted.
pub fn text<'a, F: OwnFault>(item: &Item<'a>, report: &mut Report<'_, F>) -> Read<&'a str> {
    item.as_str().ok_or_else(|| item.mistyped(report, "a text in quotes"))
}

/// Reads a text that has a form of its own, such as an id.
///
/// # Errors
///
/// [`FaultKind::Type`], or what its parser says, is noted.
pub fn parsed<T: FromStr<Err: Into<FaultKind<F>>>, F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
) -> Read<T> {
    text(item, report)?.parse().map_err(|error: T::Err| item.fault(report, error))
}

/// Reads a text for people that says something.
///
/// # Errors
///
/// [`FaultKind::Type`], [`FaultKind::Text`] or [`FaultKind::TextEmpty`] is noted.
pub fn name<const BYTES_MAX: usize, F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
) -> Read<Text<BYTES_MAX>> {
    let name: Text<BYTES_MAX> = parsed(item, report)?;
    if name.as_str().is_empty() {
        return Err(item.fault(report, FaultKind::TextEmpty));
    }
    Ok(name)
}

/// Reads an id, and suggests the same in lower case where that would be one.
///
/// # Errors
///
/// [`FaultKind::Type`] or [`FaultKind::Id`] is noted.
pub fn id<T: FromStr<Err = IdError>, F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
) -> Read<T> {
    let text = text(item, report)?;
    text.parse().map_err(|error: IdError| {
        let plain = text.trim().to_lowercase().replace(' ', "-");
        let suggestion = plain.parse::<T>().is_ok().then(|| quoted(&plain));
        item.fault_with(report, error, suggestion)
    })
}

/// Reads one of some choices by its name, and suggests the nearest.
///
/// # Errors
///
/// [`FaultKind::Type`] is noted, or `other` if it is none of them.
pub fn one_of<T: Copy, F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
    choices: &[T],
    as_str: fn(T) -> &'static str,
    other: impl Into<FaultKind<F>>,
) -> Read<T> {
    let name = text(item, report)?;
    let chosen = choices.iter().copied().find(|choice| as_str(*choice) == name);
    chosen.ok_or_else(|| {
        let names = choices.iter().copied().map(as_str);
        let meant = report.nearest(name, names).map(quoted);
        item.fault_with(report, other, meant)
    })
}

/// Reads a whole number in plain decimal.
///
/// # Errors
///
/// [`FaultKind::Type`], [`FaultKind::IntegerForm`] or [`FaultKind::IntegerRange`] is noted.
pub fn integer<F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
    range: RangeInclusive<u32>,
) -> Read<u32> {
    if !matches!(item.value(), DeValue::Integer(_)) {
        return Err(item.mistyped(report, "a whole number, as in 100"));
    }
    let written = item.source(report);
    let digits = !written.is_empty() && written.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(item.fault(report, FaultKind::IntegerForm));
    }
    written.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let (min, max) = range.into_inner();
        item.fault(report, FaultKind::IntegerRange { min, max, actual: excerpt(written) })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{TestFault, read};

    #[test]
    fn one_of_some_choices_is_found_by_its_name() {
        let colour = |value: &str| {
            read(value, |item, report| {
                one_of(item, report, &["red", "green"], |name| name, TestFault::Lone)
            })
        };
        assert_eq!(colour("\"green\""), Ok("green"));
        let meant = "1:9: field: stands alone (did you mean \"green\"?)";
        assert_eq!(colour("\"Grene\""), Err(meant.to_owned()));
        assert_eq!(colour("\"blue\""), Err("1:9: field: stands alone".to_owned()));
        assert!(colour("7").is_err_and(|told| told.contains("is a whole number")));
    }

    #[test]
    fn a_name_says_something() {
        let name = |value: &str| read(value, name::<8, TestFault>).map(|name| name.to_string());
        assert_eq!(name("\"Lux\""), Ok("Lux".to_owned()));
        assert_eq!(name("\"\""), Err("1:9: field: is empty".to_owned()));
        assert!(name("\"Lux Hotels\"").is_err_and(|told| told.contains("at most 8")));
    }
}
