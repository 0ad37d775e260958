//! Reads how long something lives.

use std::ops::RangeInclusive;

use toml::de::DeValue;

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, excerpt};

/// Reads how long something lives, in seconds: `"60s"` or `"5m"`.
///
/// # Errors
///
/// [`FaultKind::Type`], [`FaultKind::TtlForm`] or [`FaultKind::TtlRange`] is noted.
pub fn life_s<F: OwnFault>(
    item: &Item<'_>,
    report: &mut Report<'_, F>,
    range: RangeInclusive<u64>,
) -> Read<u64> {
    let DeValue::String(text) = item.value() else {
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
    life_s.filter(|life_s| range.contains(life_s)).ok_or_else(|| {
        let (min_s, max_s) = range.into_inner();
        item.fault(report, FaultKind::TtlRange { min_s, max_s, actual: excerpt(text) })
    })
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::read;

    fn life(value: &str) -> Result<u64, String> {
        read(value, |item, report| life_s(item, report, 30..=600))
    }

    #[test]
    fn a_life_is_whole_seconds_or_minutes_in_its_range() {
        for (value, seconds) in [("\"30s\"", 30), ("\"1m\"", 60), ("\"10m\"", 600)] {
            assert_eq!(life(value), Ok(seconds));
        }
        let max = u64::MAX;
        let out_of_range = [format!("{max}m"), format!("{max}0s")];
        for actual in
            ["0s", "29s", "601s", "11m"].into_iter().chain(out_of_range.iter().map(|s| &**s))
        {
            let message = format!("1:9: field: is {actual}; it has to be from 30s to 600s");
            assert_eq!(life(&format!("\"{actual}\"")), Err(message));
        }
    }

    #[test]
    fn what_is_no_life_is_told_with_what_was_meant() {
        let form =
            "1:9: field: is not a life; write whole seconds or minutes, as in \"60s\" or \"5m\"";
        for (written, meant) in [("60", "60s"), ("1 min", "1m"), ("090s", "90s"), ("30Sec", "30s")]
        {
            let message = format!("{form} (did you mean \"{meant}\"?)");
            assert_eq!(life(&format!("\"{written}\"")), Err(message));
        }
        for written in ["", "s", "-1s", "1.5m", "1h"] {
            assert_eq!(life(&format!("\"{written}\"")), Err(form.to_owned()), "{written}");
        }
        let mistyped = "1:9: field: is a whole number; write a text in quotes, as in \"60s\"";
        assert_eq!(life("60"), Err(mistyped.to_owned()));
    }
}
