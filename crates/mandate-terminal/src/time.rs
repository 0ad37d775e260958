//! Moments as people write and read them: in the system's time zone, with its offset.

use std::str::FromStr;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use mandate::UnixSeconds;
use thiserror::Error;

/// A moment in the system's time zone: `2026-11-24 10:25:47 +01:00`.
#[must_use]
pub fn local(time: UnixSeconds) -> String {
    let shown = i64::try_from(time.seconds()).ok().and_then(|s| Timestamp::from_second(s).ok());
    match shown {
        Some(time) => {
            format!("{}", time.to_zoned_datetime(TimeZone::system()).strftime("%F %T %:z"))
        }
        None => format!("{time} s after 1970"),
    }
}

/// The start of what is asked for: a moment, or a time before now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// Seconds before now.
    Ago(u64),
    /// A moment.
    At(UnixSeconds),
}

/// The text names no moment.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("is no moment; write 90s, 30m, 24h, 7d, a day as 2026-11-24, or 2026-11-24T10:00:00Z")]
pub struct SinceError;

impl Since {
    /// The moment, seen from `now`.
    #[must_use]
    pub fn from(self, now: UnixSeconds) -> UnixSeconds {
        match self {
            Self::Ago(seconds) => now.minus(seconds),
            Self::At(time) => time,
        }
    }
}

impl FromStr for Since {
    type Err = SinceError;

    fn from_str(text: &str) -> Result<Self, SinceError> {
        if let Some(seconds) = ago(text) {
            return Ok(Self::Ago(seconds));
        }
        let time = text.parse::<Timestamp>().ok().or_else(|| {
            let day = text.parse::<Date>().ok()?;
            day.to_zoned_datetime(TimeZone::system()).ok().map(|start| start.timestamp())
        });
        let seconds = time.and_then(|time| u64::try_from(time.as_second()).ok());
        seconds.and_then(|s| UnixSeconds::new(s).ok()).map(Self::At).ok_or(SinceError)
    }
}

/// Reads `90s`, `30m`, `24h` or `7d` as seconds.
fn ago(text: &str) -> Option<u64> {
    let unit_s = match text.chars().last()? {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let digits = text.get(..text.len().checked_sub(1)?)?;
    digits.bytes().all(|b| b.is_ascii_digit()).then_some(())?;
    digits.parse::<u64>().ok()?.checked_mul(unit_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_moment_or_a_time_ago() {
        let at = |seconds| Ok(Since::At(UnixSeconds::new(seconds).unwrap()));
        assert_eq!("24h".parse(), Ok(Since::Ago(86_400)));
        assert_eq!("7d".parse(), Ok(Since::Ago(604_800)));
        assert_eq!("2026-11-24T10:00:00Z".parse(), at(1_795_514_400));
        assert!("2026-11-24".parse::<Since>().is_ok());
        for text in ["", "h", "+1h", "1.5h", "yesterday", "99999999999999999999d", "é"] {
            assert_eq!(text.parse::<Since>(), Err(SinceError), "{text}");
        }
    }

    #[test]
    fn a_moment_no_calendar_holds_is_still_shown() {
        assert_eq!(local(UnixSeconds::MAX), "9007199254740991 s after 1970");
    }
}
