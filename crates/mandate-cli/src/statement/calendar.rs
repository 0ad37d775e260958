//! The month of a statement, and moments as the principal's own clock shows them.

use std::str::FromStr;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ZonedDateTime};
use mandate::UnixSeconds;
use mandate_policy::Per;
use serde::{Serialize, Serializer};
use thiserror::Error;

use crate::failure::Failure;

/// A day that every month has, and at which no month changes in any zone.
const MIDDLE_DAY: i8 = 15;

/// A month, as in `2026-11`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Month {
    middle: Date,
}

/// The text is no month.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("is no month; write it as 2026-11")]
pub(super) struct MonthError;

impl FromStr for Month {
    type Err = MonthError;

    fn from_str(text: &str) -> Result<Self, MonthError> {
        let (year, month) = text.split_once('-').ok_or(MonthError)?;
        let digits = |part: &str, length| {
            part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        if !digits(year, 4) || !digits(month, 2) {
            return Err(MonthError);
        }
        let (year, month) = (year.parse().or(Err(MonthError))?, month.parse().or(Err(MonthError))?);
        Ok(Self { middle: Date::new(year, month, MIDDLE_DAY).or(Err(MonthError))? })
    }
}

/// The month that a statement is about, in the principal's time zone.
#[derive(Debug, Clone)]
pub(super) struct Period {
    /// Its first second.
    pub(super) from: UnixSeconds,
    /// The first second after it.
    pub(super) until: UnixSeconds,
    zone: TimeZone,
}

impl Period {
    /// The month that is asked for, else the one that `now` is in.
    pub(super) fn of(
        month: Option<&Month>,
        zone: &TimeZone,
        now: UnixSeconds,
    ) -> Result<Self, Failure> {
        let outside = || Failure::Usage("no wallet has entries of that month".to_owned());
        let within = match month {
            Some(month) => {
                let middle = month.middle.to_zoned_datetime(zone.clone()).ok();
                middle.and_then(|middle| unix_seconds(middle.timestamp())).ok_or_else(outside)?
            }
            None => now,
        };
        // Where a month begins is what a cap says.
        let window = Per::Month.window(zone, within);
        let until = window.until.ok_or_else(outside)?;
        Ok(Self { from: window.from, until, zone: zone.clone() })
    }

    /// Whether a moment is in it.
    pub(super) fn holds(&self, time: UnixSeconds) -> bool {
        self.from <= time && time < self.until
    }

    /// Its last second.
    pub(super) fn last(&self) -> UnixSeconds {
        self.until.minus(1)
    }

    /// The first second of each of its days.
    pub(super) fn days(&self) -> Vec<UnixSeconds> {
        let next = |from: &UnixSeconds| Some(Per::Day.window(&self.zone, *from).changes_at);
        std::iter::successors(Some(self.from), next).take_while(|from| *from < self.until).collect()
    }

    /// Where its days begin.
    pub(super) fn zone(&self) -> &TimeZone {
        &self.zone
    }

    /// The IANA name of its time zone.
    pub(super) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }

    /// `November 2026`.
    pub(super) fn title(&self) -> String {
        self.shown(self.from, "%B %Y")
    }

    /// `2026-11`.
    pub(super) fn month(&self) -> String {
        self.shown(self.from, "%Y-%m")
    }

    /// `2026-11-24 11:25:47 +01:00`.
    pub(super) fn moment(&self, time: UnixSeconds) -> String {
        self.shown(time, "%F %T %:z")
    }

    /// `24 Nov, 11:25:47`, and with its year where that is another one.
    pub(super) fn short(&self, time: UnixSeconds) -> String {
        let year = |time| self.zoned(time).map(|zoned| zoned.year());
        let same = year(time) == year(self.from);
        self.shown(time, if same { "%-d %b, %T" } else { "%-d %b %Y, %T" })
    }

    /// `24 November 2026`.
    pub(super) fn day(&self, time: UnixSeconds) -> String {
        self.shown(time, "%-d %B %Y")
    }

    /// `2026-11-24T11:25:47+01:00`.
    pub(super) fn machine(&self, time: UnixSeconds) -> String {
        self.shown(time, "%FT%T%:z")
    }

    fn shown(&self, time: UnixSeconds, format: &str) -> String {
        self.zoned(time).map_or_else(
            // No calendar holds it.
            || format!("{time} s after 1970"),
            |zoned| zoned.strftime(format).to_string(),
        )
    }

    fn zoned(&self, time: UnixSeconds) -> Option<ZonedDateTime> {
        let seconds = i64::try_from(time.seconds()).ok()?;
        Some(Timestamp::from_second(seconds).ok()?.to_zoned_datetime(self.zone.clone()))
    }
}

impl Serialize for Period {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Fields<'p> {
            month: String,
            timezone: &'p str,
            from: UnixSeconds,
            until: UnixSeconds,
        }
        let Self { from, until, zone: _ } = *self;
        Fields { month: self.month(), timezone: self.zone_name(), from, until }.serialize(to)
    }
}

fn unix_seconds(time: Timestamp) -> Option<UnixSeconds> {
    UnixSeconds::new(u64::try_from(time.as_second()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn period(month: Option<&str>, zone: &str, now: u64) -> Result<Period, Failure> {
        let month = month.map(|month| month.parse::<Month>().unwrap());
        let (zone, now) = (TimeZone::get(zone).unwrap(), UnixSeconds::new(now).unwrap());
        Period::of(month.as_ref(), &zone, now)
    }

    #[test]
    fn a_month_begins_at_the_principals_own_midnight() {
        let november = period(Some("2026-11"), "Europe/Paris", 0).unwrap();
        assert_eq!(november.moment(november.from), "2026-11-01 00:00:00 +01:00");
        assert_eq!(november.moment(november.last()), "2026-11-30 23:59:59 +01:00");
        assert_eq!(
            (november.title().as_str(), november.month().as_str()),
            ("November 2026", "2026-11")
        );
        let october = period(Some("2026-10"), "Europe/Paris", 0).unwrap();
        assert_eq!(october.moment(october.from), "2026-10-01 00:00:00 +02:00");
        assert_eq!(october.until, november.from);
    }

    #[test]
    fn without_a_month_it_is_the_current_one() {
        // A minute before November in Paris is already November in Auckland.
        let now = 1_793_487_540;
        assert_eq!(period(None, "Europe/Paris", now).unwrap().month(), "2026-10");
        assert_eq!(period(None, "Pacific/Auckland", now).unwrap().month(), "2026-11");
    }

    #[test]
    fn what_is_no_month_is_refused() {
        for text in ["", "2026", "2026-13", "2026-00", "2026-1", "26-11", "2026-11-01", "+026-11"] {
            assert_eq!(text.parse::<Month>(), Err(MonthError), "{text}");
        }
        assert!(period(Some("1969-11"), "UTC", 0).is_err());
        assert!(period(Some("9999-12"), "UTC", 0).is_err());
    }
}
