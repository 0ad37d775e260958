//! Over what time a cap counts.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan as _};
use mandate::UnixSeconds;
use thiserror::Error;

const SECONDS_PER_MINUTE: u64 = 60;
const MINUTES_PER_HOUR: u32 = 60;
const MINUTES_PER_DAY: u32 = 24 * MINUTES_PER_HOUR;

/// Longest trailing window: ten years, in minutes.
const TRAILING_MINUTES_MAX: u32 = 3_660 * MINUTES_PER_DAY;

/// What a cap counts over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Per {
    /// One payment; nothing adds up.
    Payment,
    /// A calendar day.
    Day,
    /// A calendar week, from Monday (ISO 8601).
    Week,
    /// A calendar month.
    Month,
    /// For ever.
    Lifetime,
    /// The time up to now.
    Trailing(Trailing),
}

/// The length of a trailing window, in whole minutes; written `90m`, `24h` or `7d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Trailing {
    minutes: u32,
}

impl Trailing {
    /// The length in seconds.
    #[must_use]
    pub fn seconds(self) -> u64 {
        u64::from(self.minutes).saturating_mul(SECONDS_PER_MINUTE)
    }
}

/// The text is no window.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error(
    "is not a window; use payment, day, week, month, lifetime, or a trailing \"90m\", \"24h\", \"7d\" of at most 3660d"
)]
pub struct PerError;

impl FromStr for Per {
    type Err = PerError;

    fn from_str(text: &str) -> Result<Self, PerError> {
        Ok(match text {
            "payment" => Self::Payment,
            "day" => Self::Day,
            "week" => Self::Week,
            "month" => Self::Month,
            "lifetime" => Self::Lifetime,
            _ => Self::Trailing(text.parse()?),
        })
    }
}

impl FromStr for Trailing {
    type Err = PerError;

    fn from_str(text: &str) -> Result<Self, PerError> {
        let unit_minutes = match text.chars().last() {
            Some('m') => 1,
            Some('h') => MINUTES_PER_HOUR,
            Some('d') => MINUTES_PER_DAY,
            _ => return Err(PerError),
        };
        let digits = text.get(..text.len().saturating_sub(1)).unwrap_or_default();
        if digits.starts_with('0') || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(PerError);
        }
        let units: u32 = digits.parse().or(Err(PerError))?;
        let minutes = units.checked_mul(unit_minutes).ok_or(PerError)?;
        if minutes > TRAILING_MINUTES_MAX { Err(PerError) } else { Ok(Self { minutes }) }
    }
}

impl fmt::Display for Per {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Payment => f.write_str("payment"),
            Self::Day => f.write_str("day"),
            Self::Week => f.write_str("week"),
            Self::Month => f.write_str("month"),
            Self::Lifetime => f.write_str("lifetime"),
            Self::Trailing(trailing) => trailing.fmt(f),
        }
    }
}

impl fmt::Display for Trailing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_units = |unit: u32| {
            let whole = self.minutes.checked_rem(unit) == Some(0);
            whole.then(|| self.minutes.checked_div(unit)).flatten()
        };
        match (in_units(MINUTES_PER_DAY), in_units(MINUTES_PER_HOUR)) {
            // "24h" is what people write; two days and more read better as days.
            (Some(days), _) if days > 1 => write!(f, "{days}d"),
            (_, Some(hours)) => write!(f, "{hours}h"),
            _ => write!(f, "{}m", self.minutes),
        }
    }
}

/// One window of a cap. Everything from `from` on counts in it, also what is dated after now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Its first second; always a whole minute.
    pub from: UnixSeconds,
    /// Its end, where the calendar sets one: the first second of the next window.
    pub until: Option<UnixSeconds>,
    /// The first second at which `from` is another one.
    pub changes_at: UnixSeconds,
}

impl Per {
    /// The window that `now` is in; calendar windows begin at midnight in `timezone`.
    ///
    /// A moment that no calendar holds (past the year 9999) is in a window of all time.
    #[must_use]
    pub fn window(self, timezone: &TimeZone, now: UnixSeconds) -> Window {
        match self {
            Self::Trailing(trailing) => {
                // The first minute counts in full, so the window is never shorter than it says.
                let from = minute_start(now.minus(trailing.seconds()));
                let changes_at = minute_start(now).plus(SECONDS_PER_MINUTE);
                Window { from, until: None, changes_at }
            }
            Self::Day | Self::Week | Self::Month => {
                self.calendar(timezone, now).unwrap_or(Window::ALL_TIME)
            }
            Self::Payment | Self::Lifetime => Window::ALL_TIME,
        }
    }

    /// Whether a window of this kind moves on by itself, so that waiting may help.
    #[must_use]
    pub fn moves_on(self) -> bool {
        !matches!(self, Self::Payment | Self::Lifetime)
    }

    fn calendar(self, timezone: &TimeZone, now: UnixSeconds) -> Option<Window> {
        let seconds = i64::try_from(now.seconds()).ok()?;
        let date = timezone.to_datetime(Timestamp::from_second(seconds).ok()?).date();
        let (first, next) = match self {
            Self::Week => {
                let since_monday = i64::from(date.weekday().to_monday_zero_offset());
                let monday = date.checked_sub(since_monday.days()).ok()?;
                (monday, monday.checked_add(1.week()).ok()?)
            }
            Self::Month => {
                (date.first_of_month(), date.first_of_month().checked_add(1.month()).ok()?)
            }
            _ => (date, date.checked_add(1.day()).ok()?),
        };
        // Where clocks are set back over midnight it comes twice: the window holds both.
        let midnight =
            |date: Date| timezone.to_ambiguous_timestamp(date.to_datetime(Time::midnight()));
        let until = unix_seconds(midnight(next).later().ok()?)?;
        // Offsets of whole minutes are the rule since 1972; an odd one only makes the window longer.
        let from = minute_start(unix_seconds(midnight(first).compatible().ok()?)?);
        Some(Window { from, until: Some(until), changes_at: until })
    }
}

impl Window {
    const ALL_TIME: Self =
        Self { from: UnixSeconds::EPOCH, until: None, changes_at: UnixSeconds::MAX };
}

/// The first second after a day, in `timezone`.
pub(crate) fn end_of_day(timezone: &TimeZone, day: Date) -> Option<UnixSeconds> {
    let midnight = day.checked_add(1.day()).ok()?.to_datetime(Time::midnight());
    unix_seconds(timezone.to_timestamp(midnight).ok()?)
}

fn unix_seconds(time: Timestamp) -> Option<UnixSeconds> {
    UnixSeconds::new(u64::try_from(time.as_second()).ok()?).ok()
}

fn minute_start(time: UnixSeconds) -> UnixSeconds {
    time.minus(time.seconds().rem_euclid(SECONDS_PER_MINUTE))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn zone(name: &str) -> TimeZone {
        TimeZone::get(name).unwrap()
    }

    fn at(text: &str) -> UnixSeconds {
        let time: Timestamp = text.parse().unwrap();
        UnixSeconds::new(time.as_second().try_into().unwrap()).unwrap()
    }

    fn window(per: &str, timezone: &str, now: &str) -> (UnixSeconds, Option<UnixSeconds>) {
        let window = per.parse::<Per>().unwrap().window(&zone(timezone), at(now));
        (window.from, window.until)
    }

    #[test]
    fn a_day_is_the_principals_own() {
        let paris = window("day", "Europe/Paris", "2026-11-24T23:30:00Z");
        assert_eq!(paris, (at("2026-11-24T23:00:00Z"), Some(at("2026-11-25T23:00:00Z"))));
        let utc = window("day", "UTC", "2026-11-24T23:30:00Z");
        assert_eq!(utc, (at("2026-11-24T00:00:00Z"), Some(at("2026-11-25T00:00:00Z"))));
        // UTC+5:45.
        let kathmandu = window("day", "Asia/Kathmandu", "2026-11-24T20:00:00Z");
        assert_eq!(kathmandu.0, at("2026-11-24T18:15:00Z"));
    }

    #[test]
    fn days_have_23_to_25_hours_where_clocks_change() {
        let spring = window("day", "Europe/Paris", "2026-03-29T12:00:00Z");
        assert_eq!(spring, (at("2026-03-28T23:00:00Z"), Some(at("2026-03-29T22:00:00Z"))));
        let autumn = window("day", "Europe/Paris", "2026-10-25T12:00:00Z");
        assert_eq!(autumn, (at("2026-10-24T22:00:00Z"), Some(at("2026-10-25T23:00:00Z"))));
        // Midnight itself is skipped: the day begins at one.
        let chile = window("day", "America/Santiago", "2026-09-06T12:00:00Z");
        assert_eq!(chile.0, at("2026-09-06T04:00:00Z"));
    }

    #[test]
    fn a_midnight_that_comes_twice_is_in_one_window() {
        // Clocks went back from 00:01 to 23:01 on the day before.
        let first = window("day", "America/St_Johns", "2010-11-07T02:30:30Z");
        assert_eq!(first, (at("2010-11-07T02:30:00Z"), Some(at("2010-11-08T03:30:00Z"))));
        let again = window("day", "America/St_Johns", "2010-11-07T02:45:00Z");
        assert_eq!(again, (at("2010-11-06T02:30:00Z"), Some(at("2010-11-07T03:30:00Z"))));
        // A day that was left out: the one before it ends where the one after it begins.
        let apia = window("day", "Pacific/Apia", "2011-12-30T09:00:00Z");
        assert_eq!(apia, (at("2011-12-29T10:00:00Z"), Some(at("2011-12-30T10:00:00Z"))));
    }

    #[test]
    fn a_consent_ends_with_its_last_day() {
        let end = |zone_name: &str, day: &str| end_of_day(&zone(zone_name), day.parse().unwrap());
        assert_eq!(end("UTC", "2026-12-31"), Some(at("2027-01-01T00:00:00Z")));
        assert_eq!(end("Europe/Paris", "2026-12-31"), Some(at("2026-12-31T23:00:00Z")));
        assert_eq!(end("Europe/Paris", "2026-03-28"), Some(at("2026-03-28T23:00:00Z")));
        assert_eq!(end("America/Santiago", "2026-09-05"), Some(at("2026-09-06T04:00:00Z")));
        assert_eq!(end("UTC", "1969-12-31"), Some(UnixSeconds::EPOCH));
        assert_eq!(end("UTC", "1969-12-30"), None);
        for zone in ["Pacific/Kiritimati", "UTC", "Etc/GMT+12"] {
            assert!(end(zone, "9999-12-29").is_some() && end(zone, "9999-12-31").is_none());
        }
    }

    #[test]
    fn weeks_begin_on_monday_and_months_on_the_first() {
        let week = window("week", "Europe/Paris", "2026-11-29T12:00:00Z");
        assert_eq!(week, (at("2026-11-22T23:00:00Z"), Some(at("2026-11-29T23:00:00Z"))));
        let month = window("month", "UTC", "2028-02-29T12:00:00Z");
        assert_eq!(month, (at("2028-02-01T00:00:00Z"), Some(at("2028-03-01T00:00:00Z"))));
        let month = window("month", "UTC", "2026-12-31T23:59:59Z");
        assert_eq!(month, (at("2026-12-01T00:00:00Z"), Some(at("2027-01-01T00:00:00Z"))));
    }

    #[test]
    fn a_trailing_window_counts_its_first_minute_in_full() {
        let (from, until) = window("24h", "UTC", "2026-11-24T10:25:47Z");
        assert_eq!((from, until), (at("2026-11-23T10:25:00Z"), None));
    }

    #[test]
    fn windows_are_written_as_people_write_them() {
        for text in ["payment", "day", "week", "month", "lifetime", "90m", "24h", "36h", "7d"] {
            assert_eq!(text.parse::<Per>().unwrap().to_string(), text);
        }
        assert_eq!("60m".parse::<Per>().unwrap().to_string(), "1h");
        for text in ["", "h", "0h", "024h", "-1h", "1.5h", "90s", "1y", "Day", "99999999d", "24 h"]
        {
            assert_eq!(text.parse::<Per>(), Err(PerError), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn every_window_holds_now_and_says_until_when(
            seconds in 0_u64..253_000_000_000,
            per in prop::sample::select(vec!["day", "week", "month", "lifetime", "payment", "1m", "24h", "30d"]),
            timezone in prop::sample::select(vec!["UTC", "Europe/Paris", "America/Santiago", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
        ) {
            let now = UnixSeconds::new(seconds).unwrap();
            let (per, timezone) = (per.parse::<Per>().unwrap(), zone(timezone));
            let window = per.window(&timezone, now);
            prop_assert!(window.from <= now && now < window.changes_at);
            prop_assert!(window.until.is_none_or(|until| now < until));
            prop_assert_eq!(window.from.seconds().rem_euclid(SECONDS_PER_MINUTE), 0);
            if window.changes_at < UnixSeconds::MAX {
                let last = per.window(&timezone, window.changes_at.minus(1));
                prop_assert_eq!(last.from, window.from);
                prop_assert!(per.window(&timezone, window.changes_at).from > window.from);
            }
        }
    }
}
