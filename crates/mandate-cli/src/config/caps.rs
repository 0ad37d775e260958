//! What changes between the caps of two files, in words.

use mandate::{Currency, Money};
use mandate_policy::{Cap, Per, Selector};
use serde::Serialize;

/// One cap that is not the same in both files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Change {
    /// What becomes of it.
    #[serde(rename = "change")]
    pub(crate) verb: Verb,
    /// The cap as it is, in words; absent where it is new.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) from: Option<String>,
    /// The cap as it would be; absent where it goes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
}

/// What becomes of a cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verb {
    /// It is new.
    Added,
    /// One of its limits rises and another falls, or the end of its consent moves.
    Changed,
    /// It allows less.
    Lowered,
    /// It allows more.
    Raised,
    /// It goes.
    Removed,
}

impl Verb {
    fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Changed => "changed",
            Self::Lowered => "lowered",
            Self::Raised => "raised",
            Self::Removed => "removed",
        }
    }
}

impl Change {
    /// The change as one line.
    pub(crate) fn line(&self) -> String {
        let verb = self.verb.as_str();
        match (&self.from, &self.to) {
            (Some(from), Some(to)) if from == to => {
                format!("{verb}: {to} (the end of the consent moves)")
            }
            (Some(from), Some(to)) => format!("{verb}: {from} -> {to}"),
            (from, to) => format!("{verb}: {}", from.iter().chain(to).cloned().collect::<String>()),
        }
    }
}

/// What a cap is about: two caps that agree in it are one cap with other limits.
fn subject(cap: &Cap) -> (Per, &Selector, Option<Currency>) {
    (cap.per(), cap.selector(), cap.spend().map(|spend| spend.currency))
}

/// The changes from one file's caps to another's: those that change or go, then those that are new.
pub(crate) fn changes(before: &[Cap], after: &[Cap]) -> Vec<Change> {
    // What stays as it is takes no part, so that of several caps about one thing only the changed ones are paired.
    let mut gone: Vec<&Cap> = before.iter().filter(|cap| !after.contains(cap)).collect();
    let mut new: Vec<&Cap> = after.iter().filter(|cap| !before.contains(cap)).collect();
    let mut changes = Vec::new();
    gone.retain(|old| {
        let Some(place) = new.iter().position(|cap| subject(cap) == subject(old)) else {
            return true;
        };
        let now = new.remove(place);
        let (from, to) = (Some(old.label().to_owned()), Some(now.label().to_owned()));
        changes.push(Change { verb: verb(old, now), from, to });
        false
    });
    let removed =
        |cap: &&Cap| Change { verb: Verb::Removed, from: Some(cap.label().to_owned()), to: None };
    let added =
        |cap: &&Cap| Change { verb: Verb::Added, from: None, to: Some(cap.label().to_owned()) };
    changes.extend(gone.iter().map(removed));
    changes.extend(new.iter().map(added));
    changes
}

/// Whether the second of two caps about one thing allows more or less.
fn verb(before: &Cap, after: &Cap) -> Verb {
    let amounts = (amount(before.spend()), amount(after.spend()));
    // No limit to the number allows more than any limit.
    let counts = (before.count().unwrap_or(u64::MAX), after.count().unwrap_or(u64::MAX));
    let orders = [amounts.1.cmp(&amounts.0), counts.1.cmp(&counts.0)];
    match (
        orders.contains(&std::cmp::Ordering::Greater),
        orders.contains(&std::cmp::Ordering::Less),
    ) {
        (true, false) => Verb::Raised,
        (false, true) => Verb::Lowered,
        _ => Verb::Changed,
    }
}

fn amount(spend: Option<Money>) -> u64 {
    spend.map_or(u64::MAX, |spend| spend.amount.units())
}

#[cfg(test)]
mod tests {
    use mandate_policy::Rules;

    use super::*;
    use mandated::SystemUsers;

    fn lines(before: &str, after: &str) -> Vec<String> {
        let caps = |caps: &str| {
            let text = format!(
                "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n\n[[agent]]\nname = \"travel\"\nuid = 1001\n\n{caps}"
            );
            Rules::parse(&text, &SystemUsers).unwrap().caps().to_vec()
        };
        changes(&caps(before), &caps(after)).iter().map(Change::line).collect()
    }

    const DAY: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

    #[test]
    fn a_limit_that_moves_is_one_change() {
        let lowered = DAY.replace("500", "300");
        let line = "lowered: 500.00 EUR per day -> 300.00 EUR per day";
        assert_eq!(lines(DAY, &lowered), [line]);
        assert_eq!(lines(&lowered, DAY), ["raised: 300.00 EUR per day -> 500.00 EUR per day"]);
        let counted = format!("{DAY}count = 3\n");
        let line = "lowered: 500.00 EUR per day -> 500.00 EUR and 3 payments per day";
        assert_eq!(lines(DAY, &counted), [line]);
        let both = format!("{lowered}count = 5\n");
        let line =
            "changed: 500.00 EUR and 3 payments per day -> 300.00 EUR and 5 payments per day";
        assert_eq!(lines(&counted, &both), [line]);
    }

    #[test]
    fn another_window_or_currency_is_another_cap() {
        let yen = DAY.replace("500.00 EUR", "500 JPY");
        let expected = ["removed: 500.00 EUR per day", "added: 500 JPY per day"];
        assert_eq!(lines(DAY, &yen), expected);
        let month = DAY.replace("day", "month");
        assert_eq!(lines(DAY, &format!("{DAY}{month}")), ["added: 500.00 EUR per month"]);
        assert_eq!(lines(DAY, DAY), [""; 0]);
    }

    #[test]
    fn an_end_that_moves_is_told() {
        let ends = format!("{DAY}until = 2030-12-31\n");
        let line = "changed: 500.00 EUR per day (the end of the consent moves)";
        assert_eq!(lines(DAY, &ends), [line]);
    }
}
