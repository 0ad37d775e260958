//! Reads single values: texts, ids, whole numbers, amounts, dates, lives.

use std::str::FromStr;

use jiff::civil;
use jiff::tz::TimeZone;
use mandate::id::IdError;
use mandate::{AmountError, Currency, Money, UnixSeconds};
use toml::de::DeValue;

use super::fault::FaultKind;
use super::report::{Read, Report, Reported, excerpt, quoted};
use super::table::Item;
use crate::window::end_of_day;

/// Reads a text.
pub(super) fn text<'a>(item: &Item<'a>, report: &mut Report<'_>) -> Read<&'a str> {
    match item.value {
        DeValue::String(text) => Ok(text.as_ref()),
        _ => Err(item.mistyped(report, "a text in quotes")),
    }
}

/// Reads an id, or another text with rules of its own.
pub(super) fn parsed<T: FromStr<Err: Into<FaultKind>>>(
    item: &Item<'_>,
    report: &mut Report<'_>,
) -> Read<T> {
    text(item, report)?.parse().map_err(|error: T::Err| item.fault(report, error))
}

/// Reads an id, and suggests the same in lower case where that would be one.
pub(super) fn id<T: FromStr<Err = IdError>>(item: &Item<'_>, report: &mut Report<'_>) -> Read<T> {
    let text = text(item, report)?;
    text.parse().map_err(|error: IdError| {
        let plain = text.trim().to_lowercase().replace(' ', "-");
        let suggestion = plain.parse::<T>().is_ok().then(|| quoted(&plain));
        item.fault_with(report, error, suggestion)
    })
}

/// Reads a whole number in plain decimal.
pub(super) fn integer(
    item: &Item<'_>,
    report: &mut Report<'_>,
    range: std::ops::RangeInclusive<u32>,
) -> Read<u32> {
    if !matches!(item.value, DeValue::Integer(_)) {
        return Err(item.mistyped(report, "a whole number, as in 100"));
    }
    let written = report.source(item.span.clone());
    let digits = !written.is_empty() && written.bytes().all(|b| b.is_ascii_digit());
    if !digits {
        return Err(item.fault(report, FaultKind::IntegerForm));
    }
    written.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| {
        let (min, max) = range.into_inner();
        item.fault(report, FaultKind::IntegerRange { min, max, actual: excerpt(written) })
    })
}

/// Reads an amount.
pub(super) fn amount(item: &Item<'_>, report: &mut Report<'_>) -> Read<Money> {
    match item.value {
        DeValue::String(text) => text.parse().map_err(|error: AmountError| {
            let meant = nearest_amount(text).map(|money| quoted(&money.to_string()));
            item.fault_with(report, error, meant)
        }),
        DeValue::Integer(_) | DeValue::Float(_) => {
            Err(item.fault(report, FaultKind::AmountUnquoted))
        }
        _ => Err(item.mistyped(report, "an amount in quotes, as in \"250.00 EUR\"")),
    }
}

/// The amount that was meant by `250 EUR`, `10.005 EUR`, `EUR 250`, `250,00 eur`; digits too many are cut off, so it is
/// never more than what was written.
fn nearest_amount(text: &str) -> Option<Money> {
    let text = text.trim();
    let number: String = text.chars().filter(|c| !c.is_ascii_alphabetic() && *c != ' ').collect();
    let code: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let currency: Currency = code.to_uppercase().parse().ok()?;
    let (major, minor) = number.split_once(['.', ',']).unwrap_or((&number, ""));
    if !minor.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let major = major.trim_start_matches('0');
    let major = if major.is_empty() { "0" } else { major };
    let exponent = currency.exponent();
    let minor: String = minor.chars().chain(std::iter::repeat('0')).take(exponent).collect();
    let point = if exponent == 0 { "" } else { "." };
    format!("{major}{point}{minor} {currency}").parse().ok()
}

/// Reads the last day of a consent, and gives the first second after it.
pub(super) fn until(
    item: &Item<'_>,
    report: &mut Report<'_>,
    timezone: Read<&TimeZone>,
) -> Read<UnixSeconds> {
    let date = match item.value {
        DeValue::Datetime(time) => {
            let date = time.date.filter(|_| time.time.is_none() && time.offset.is_none());
            date.ok_or_else(|| {
                let day = time.date.map(|date| date.to_string());
                item.fault_with(report, FaultKind::Date, day)
            })?
        }
        DeValue::String(text) => {
            let day = text.parse::<toml::value::Datetime>().ok().and_then(|time| time.date);
            return Err(item.fault_with(report, FaultKind::Date, day.map(|day| day.to_string())));
        }
        _ => return Err(item.mistyped(report, "a date without quotes, as in 2026-12-31")),
    };
    let timezone = timezone?;
    let civil = date.to_string().parse::<civil::Date>().ok();
    civil
        .and_then(|date| end_of_day(timezone, date))
        .ok_or_else(|| item.fault(report, FaultKind::DateRange))
}

/// Reads how long a mandate lives, in seconds.
pub(super) fn life_s(item: &Item<'_>, report: &mut Report<'_>, max_s: u64) -> Read<u64> {
    let DeValue::String(text) = item.value else {
        return Err(item.mistyped(report, "a text in quotes, as in \"60s\""));
    };
    let in_seconds = text.strip_suffix('s').map(|digits| (digits, 1));
    let in_units = in_seconds.or_else(|| text.strip_suffix('m').map(|digits| (digits, 60)));
    let plain = |digits: &str| {
        let leading_zero = digits.len() > 1 && digits.starts_with('0');
        !digits.is_empty() && !leading_zero && digits.bytes().all(|b| b.is_ascii_digit())
    };
    let Some((digits, seconds_each)) = in_units.filter(|(digits, _)| plain(digits)) else {
        return Err(item.fault_with(report, FaultKind::TtlForm, nearest_life(text)));
    };
    let life_s = digits.parse().ok().and_then(|units: u64| units.checked_mul(seconds_each));
    life_s
        .filter(|life_s| (1..=max_s).contains(life_s))
        .ok_or_else(|| item.fault(report, FaultKind::TtlRange { max_s, actual: excerpt(text) }))
}

/// The life that was meant by `60`, `60 s`, `1min`, `30sec`.
fn nearest_life(text: &str) -> Option<String> {
    let text: String = text.to_lowercase().chars().filter(|c| *c != ' ').collect();
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at_checked(end)?;
    let unit = match unit {
        "" | "s" | "sec" | "secs" | "second" | "seconds" => "s",
        "m" | "min" | "mins" | "minute" | "minutes" => "m",
        _ => return None,
    };
    let number = digits.parse::<u32>().ok()?;
    Some(format!("\"{number}{unit}\""))
}

/// Reads each element of a list; what cannot be read is left out, and whether anything was is told at the end.
pub(super) fn each<T>(
    items: &[Item<'_>],
    report: &mut Report<'_>,
    mut read: impl FnMut(&Item<'_>, &mut Report<'_>) -> Read<T>,
) -> (Vec<T>, Read<()>) {
    let mut values = Vec::with_capacity(items.len());
    let mut all = Ok(());
    for item in items {
        match read(item, report) {
            Ok(value) => values.push(value),
            Err(Reported) => all = Err(Reported),
        }
    }
    (values, all)
}
