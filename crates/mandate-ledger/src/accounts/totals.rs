//! What was spent, in rows that no rule shapes: any cap that ever comes into force counts the past.
//!
//! Each payment adds to one row of its minute, one of its UTC day and one of all time. A window starts at a whole
//! minute, so its sum is at most a day of minute rows and then whole days; it is never a sum over payments.

use mandate::token::PaymentClaims;
use mandate::{AgentName, Currency, MerchantId, MinorUnits, Sku, UnixSeconds};
use mandate_journal::StoreError;
use mandate_policy::{Cap, Per, Spent};
use rusqlite::{Connection, ToSql, named_params};

use super::rows::sql_integer;
use crate::damage::damaged;

const SECONDS_PER_MINUTE: u64 = 60;
const MINUTES_PER_DAY: u64 = 24 * 60;

#[derive(Clone, Copy)]
enum Level {
    Minute,
    Day,
    AllTime,
}

impl Level {
    fn id(self) -> i64 {
        match self {
            Self::Minute => 0,
            Self::Day => 1,
            Self::AllTime => 2,
        }
    }
}

/// What a payment is counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// The agent.
    pub agent: AgentName,
    /// The merchant.
    pub merchant: MerchantId,
    /// The action.
    pub action: Sku,
    /// The currency.
    pub currency: Currency,
    /// The amount, in its minor units.
    pub amount: MinorUnits,
    /// When the payment was minted: the moment it counts at, for ever.
    pub at: UnixSeconds,
}

impl Charge {
    pub(crate) fn of(agent: &AgentName, payment: &PaymentClaims) -> Self {
        Self {
            agent: agent.clone(),
            merchant: payment.aud.clone(),
            action: payment.action.sku.clone(),
            currency: payment.total.currency,
            amount: payment.total.amount,
            at: payment.iat,
        }
    }
}

/// Whether a charge is counted or given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Count,
    GiveBack,
}

fn minute_of(at: UnixSeconds) -> u64 {
    at.seconds().div_euclid(SECONDS_PER_MINUTE)
}

/// Adds a charge to its three rows, or takes it back.
pub(super) fn record(
    db: &Connection,
    charge: &Charge,
    direction: Direction,
) -> Result<(), StoreError> {
    let amount = sql_integer(charge.amount.units())?;
    let (amount, count) = match direction {
        Direction::Count => (amount, 1),
        Direction::GiveBack => (amount.saturating_neg(), -1),
    };
    let minute = minute_of(charge.at);
    let rows = [
        (Level::Minute, minute),
        (Level::Day, minute.div_euclid(MINUTES_PER_DAY)),
        (Level::AllTime, 0),
    ];
    let mut upsert = db.prepare_cached(
        "INSERT INTO total VALUES (:level, :at, :currency, :merchant, :action, :agent, :amount, :count)
         ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, count = count + excluded.count",
    )?;
    for (level, at) in rows {
        upsert.execute(named_params! {
            ":level": level.id(),
            ":at": sql_integer(at)?,
            ":currency": charge.currency.code(),
            ":merchant": charge.merchant.as_str(),
            ":action": charge.action.as_str(),
            ":agent": charge.agent.as_str(),
            ":amount": amount,
            ":count": count,
        })?;
    }
    Ok(())
}

/// What a cap has counted from `from` on; what is dated after now counts too.
pub(super) fn spent_since(
    db: &Connection,
    cap: &Cap,
    from: UnixSeconds,
) -> Result<Spent, StoreError> {
    if cap.per() == Per::Lifetime {
        return sum(db, cap, Level::AllTime, 0, 1);
    }
    let minute = minute_of(from);
    let next_day = minute.div_ceil(MINUTES_PER_DAY);
    let minutes = sum(db, cap, Level::Minute, minute, next_day.saturating_mul(MINUTES_PER_DAY))?;
    let days = sum(db, cap, Level::Day, next_day, i64::MAX.unsigned_abs())?;
    Ok(Spent {
        amount: add(minutes.amount, days.amount),
        count: minutes.count.saturating_add(days.count),
    })
}

/// A sum that stops at the largest amount: past it, every cap is exceeded all the same.
pub(super) fn add(left: MinorUnits, right: MinorUnits) -> MinorUnits {
    left.checked_add(right).unwrap_or(MinorUnits::MAX)
}

/// Sums the rows of one level with `at` in `[from, to)` that the cap counts.
fn sum(db: &Connection, cap: &Cap, level: Level, from: u64, to: u64) -> Result<Spent, StoreError> {
    let level = level.id();
    let (from, to) = (sql_integer(from)?, sql_integer(to)?);
    let currency = cap.spend().map(|spend| spend.currency.code());
    let merchant = cap.selector().merchant.as_ref().map(MerchantId::as_str);
    let action = cap.selector().action.as_ref().map(Sku::as_str);
    let agent = cap.selector().agent.as_ref().map(AgentName::as_str);

    let mut sql = String::from(
        "SELECT coalesce(sum(amount), 0), coalesce(sum(count), 0) FROM total WHERE level = ? AND at >= ? AND at < ?",
    );
    let mut values: Vec<&dyn ToSql> = vec![&level, &from, &to];
    for (column, value) in
        [("currency", &currency), ("merchant", &merchant), ("action", &action), ("agent", &agent)]
    {
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
    let amount = u64::try_from(amount).map_err(below_zero)?;
    let count = u64::try_from(count).map_err(below_zero)?;
    Ok(Spent { amount: MinorUnits::new(amount).unwrap_or(MinorUnits::MAX), count })
}
