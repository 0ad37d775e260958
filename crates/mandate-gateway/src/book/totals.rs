//! What each principal's payments came to, in rows that no cap shapes: any window a later payment brings is counted.
//!
//! Each payment adds to one row of its minute and one of its UTC day. A window may begin and end at any second, so its
//! sum is made of the uses in two broken minutes at most, of a day of minutes at each end, and of whole days between.

use std::ops::Range;

use mandate::token::{CapClaim, PaymentClaims};
use mandate::{AgentName, Currency, MinorUnits, PrincipalId, Sku, UnixSeconds};
use mandate_journal::StoreError;
use rusqlite::{Connection, ToSql, named_params};

use super::damage::damaged;

const SECONDS_PER_MINUTE: u64 = 60;
const MINUTES_PER_DAY: u64 = 24 * 60;
/// Past every moment there is.
const NEVER: u64 = i64::MAX.unsigned_abs();

/// What a payment counts, and under what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Charge {
    /// The principal.
    pub(super) principal: PrincipalId,
    /// The agent.
    pub(super) agent: AgentName,
    /// The action.
    pub(super) action: Sku,
    /// The currency.
    pub(super) currency: Currency,
    /// The amount, in its minor units.
    pub(super) amount: MinorUnits,
    /// When the wallet minted it: the moment it counts at on both sides.
    pub(super) at: UnixSeconds,
}

impl Charge {
    pub(super) fn of(payment: &PaymentClaims) -> Self {
        Self {
            principal: payment.iss.clone(),
            agent: payment.act.clone(),
            action: payment.action.sku.clone(),
            currency: payment.total.currency,
            amount: payment.total.amount,
            at: payment.iat,
        }
    }

    /// Whether a cap counts this payment.
    fn is_counted_by(&self, cap: &CapClaim) -> bool {
        cap.currency.is_none_or(|currency| currency == self.currency)
            && cap.action.as_ref().is_none_or(|action| *action == self.action)
            && cap.agent.as_ref().is_none_or(|agent| *agent == self.agent)
            && self.at >= cap.from
            && cap.until.is_none_or(|until| self.at < until)
    }
}

/// Whether a charge is counted or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    Count,
    GiveBack,
}

/// Adds a charge to its rows, or takes it back.
pub(super) fn record(
    db: &Connection,
    charge: &Charge,
    direction: Direction,
) -> Result<(), StoreError> {
    let amount = i64::try_from(charge.amount.units())
        .map_err(|_past_i64| damaged("an amount past 2^63 − 1"))?;
    let (amount, count) = match direction {
        Direction::Count => (amount, 1),
        Direction::GiveBack => (amount.saturating_neg(), -1),
    };
    let minute = charge.at.seconds().div_euclid(SECONDS_PER_MINUTE);
    let mut upsert = db.prepare_cached(
        "INSERT INTO total (level, at, principal, currency, action, agent, amount, count)
         VALUES (:level, :at, :principal, :currency, :action, :agent, :amount, :count)
         ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, count = count + excluded.count",
    )?;
    for (level, at) in [(0, minute), (1, minute.div_euclid(MINUTES_PER_DAY))] {
        upsert.execute(named_params! {
            ":level": level,
            ":at": at,
            ":principal": charge.principal.as_str(),
            ":currency": charge.currency.code(),
            ":action": charge.action.as_str(),
            ":agent": charge.agent.as_str(),
            ":amount": amount,
            ":count": count,
        })?;
    }
    Ok(())
}

/// The first cap that a payment would pass, counting what is reserved and executed; its place in the list, from 0.
///
/// Caps are the principal's own words in the payment. They are held again here so that a copied wallet cannot spend
/// twice what its caps allow at this merchant.
pub(super) fn first_passed(
    db: &Connection,
    charge: &Charge,
    caps: &[CapClaim],
) -> Result<Option<usize>, StoreError> {
    for (index, cap) in caps.iter().enumerate() {
        if !charge.is_counted_by(cap) {
            continue;
        }
        let Spent { amount, count } = spent(db, &charge.principal, cap)?;
        let over_max = cap.max.is_some_and(|max| {
            amount.checked_add(charge.amount.units()).is_none_or(|sum| sum > max.units())
        });
        let over_count = cap.count.is_some_and(|limit| count >= limit);
        if over_max || over_count {
            return Ok(Some(index));
        }
    }
    Ok(None)
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Spent {
    amount: u64,
    count: u64,
}

impl Spent {
    fn and(self, other: Self) -> Self {
        Self {
            amount: self.amount.saturating_add(other.amount),
            count: self.count.saturating_add(other.count),
        }
    }
}

/// The parts of a window: whole days, whole minutes before and after them, and single seconds before and after those.
#[derive(Debug, PartialEq, Eq)]
struct Parts {
    seconds: [Range<u64>; 2],
    minutes: [Range<u64>; 2],
    days: Range<u64>,
}

impl Parts {
    fn of(from: u64, until: u64) -> Self {
        let (seconds, minutes) = split(from..until, SECONDS_PER_MINUTE);
        let (minutes, days) = split(minutes, MINUTES_PER_DAY);
        Self { seconds, minutes, days }
    }
}

/// Splits a range of small units into what is left at its ends and the whole large units between.
fn split(small: Range<u64>, per_large: u64) -> ([Range<u64>; 2], Range<u64>) {
    let first = small.start.div_ceil(per_large);
    let last = small.end.div_euclid(per_large);
    if last <= first {
        let nothing = small.end..small.end;
        return ([small, nothing], first..first);
    }
    let before = small.start..first.saturating_mul(per_large);
    let after = last.saturating_mul(per_large)..small.end;
    ([before, after], first..last)
}

/// What a cap has counted of a principal's payments in its window.
fn spent(db: &Connection, principal: &PrincipalId, cap: &CapClaim) -> Result<Spent, StoreError> {
    let until = cap.until.map_or(NEVER, UnixSeconds::seconds);
    let Parts { seconds, minutes, days } = Parts::of(cap.from.seconds(), until);
    let mut spent = sum(db, principal, cap, 1, &days)?;
    for part in &minutes {
        spent = spent.and(sum(db, principal, cap, 0, part)?);
    }
    for part in &seconds {
        spent = spent.and(sum_of_uses(db, principal, cap, part)?);
    }
    Ok(spent)
}

fn sum(
    db: &Connection,
    principal: &PrincipalId,
    cap: &CapClaim,
    level: u64,
    at: &Range<u64>,
) -> Result<Spent, StoreError> {
    let sql = "SELECT coalesce(sum(amount), 0), coalesce(sum(count), 0) FROM total
               WHERE principal = ? AND level = ? AND at >= ? AND at < ?";
    let principal = principal.as_str();
    selected(db, cap, sql, &[&principal, &level, &at.start, &at.end], at)
}

fn sum_of_uses(
    db: &Connection,
    principal: &PrincipalId,
    cap: &CapClaim,
    at: &Range<u64>,
) -> Result<Spent, StoreError> {
    let sql = "SELECT coalesce(sum(amount), 0), count(*) FROM single_use
               WHERE principal = ? AND amount IS NOT NULL AND state != 2 AND at >= ? AND at < ?";
    let principal = principal.as_str();
    selected(db, cap, sql, &[&principal, &at.start, &at.end], at)
}

/// Runs a sum for what a cap selects.
fn selected(
    db: &Connection,
    cap: &CapClaim,
    sql: &str,
    fixed: &[&dyn ToSql],
    at: &Range<u64>,
) -> Result<Spent, StoreError> {
    if at.is_empty() {
        return Ok(Spent::default());
    }
    let currency = cap.currency.map(Currency::code);
    let action = cap.action.as_ref().map(Sku::as_str);
    let agent = cap.agent.as_ref().map(AgentName::as_str);
    let mut sql = sql.to_owned();
    let mut values = fixed.to_vec();
    for (column, value) in [("currency", &currency), ("action", &action), ("agent", &agent)] {
        if let Some(value) = value {
            sql.push_str(" AND ");
            sql.push_str(column);
            sql.push_str(" = ?");
            values.push(value);
        }
    }
    let (amount, count): (i64, i64) = db
        .prepare_cached(&sql)?
        .query_row(values.as_slice(), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let below_zero = |_below_zero| damaged("a total below zero");
    Ok(Spent {
        amount: u64::try_from(amount).map_err(below_zero)?,
        count: u64::try_from(count).map_err(below_zero)?,
    })
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DAY: u64 = MINUTES_PER_DAY * SECONDS_PER_MINUTE;

    #[test]
    fn a_window_without_an_end_is_days_at_its_far_side() {
        let parts = Parts::of(DAY + 1, NEVER);
        assert_eq!(parts.days.start, 2);
        assert!(parts.seconds[0] == (DAY + 1..DAY + 60) && parts.minutes[0] == (1_441..2_880));
    }

    proptest! {
        /// Every second is in exactly one part.
        #[test]
        fn the_parts_of_a_window_are_the_window(from in 0..4 * DAY, length in 0..4 * DAY, at in 0..9 * DAY) {
            let Parts { seconds, minutes, days } = Parts::of(from, from + length);
            let (minute, day) = (at.div_euclid(SECONDS_PER_MINUTE), at.div_euclid(DAY));
            let parts = seconds.iter().filter(|part| part.contains(&at)).count()
                + minutes.iter().filter(|part| part.contains(&minute)).count()
                + usize::from(days.contains(&day));
            prop_assert_eq!(parts, usize::from((from..from + length).contains(&at)));
        }
    }
}
