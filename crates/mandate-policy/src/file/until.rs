//! Reads the last day of a consent.

use jiff::civil;
use jiff::tz::TimeZone;
use mandate::UnixSeconds;
use mandate_config::{Item, Read};
use toml::de::DeValue;

use super::fault::{Report, WalletFault};
use crate::window::end_of_day;

/// Reads the last day of a consent, and gives the first second after it.
pub(super) fn until(
    item: &Item<'_>,
    report: &mut Report<'_>,
    timezone: Read<&TimeZone>,
) -> Read<UnixSeconds> {
    let date = match item.value() {
        DeValue::Datetime(time) => {
            let date = time.date.filter(|_| time.time.is_none() && time.offset.is_none());
            date.ok_or_else(|| {
                let day = time.date.map(|date| date.to_string());
                item.fault_with(report, WalletFault::Date, day)
            })?
        }
        DeValue::String(text) => {
            let day = text.parse::<toml::value::Datetime>().ok().and_then(|time| time.date);
            return Err(item.fault_with(report, WalletFault::Date, day.map(|day| day.to_string())));
        }
        _ => return Err(item.mistyped(report, "a date without quotes, as in 2026-12-31")),
    };
    let timezone = timezone?;
    let civil = date.to_string().parse::<civil::Date>().ok();
    civil
        .and_then(|date| end_of_day(timezone, date))
        .ok_or_else(|| item.fault(report, WalletFault::DateRange))
}
