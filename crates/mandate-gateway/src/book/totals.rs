//! What each principal's payments came to, in rows that no cap shapes: any window a later payment brings is counted.
//!
//! Time is cut into cells: of a second, and of [`FAN_OUT`] times the cell before at each further level. A payment adds to
//! the cell that it is in at each level, once for every way in which a cap may name its action and its agent. So a window,
//! which may begin and end at any second, is summed up from a few rows at each level, however many payments there were and
//! whoever's agents made them. Only the currencies of a cell have a row each: those that the merchant asked for.

use std::ops::Range;

use mandate::token::{CapClaim, PaymentClaims};
use mandate::{AgentName, Currency, MinorUnits, PrincipalId, Sku, UnixSeconds};
use mandate_journal::StoreError;
use rusqlite::{Connection, named_params};

use super::damage::damaged;

/// Cells of one level in a cell of the next.
const FAN_OUT: u64 = 32;
/// The level of the longest cells: 32^4 seconds, some 30 of them a year.
const LEVEL_MAX: u64 = 4;
/// Stands for all actions, or all agents; no id is empty.
const ALL: &str = "";
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

/// Adds a charge to its rows, or takes it back; a row that counts nothing any more is gone.
pub(super) fn record(
    db: &Connection,
    charge: &Charge,
    direction: Direction,
) -> Result<(), StoreError> {
    for action in [ALL, charge.action.as_str()] {
        for agent in [ALL, charge.agent.as_str()] {
            let mut cell = charge.at.seconds();
            for level in 0..=LEVEL_MAX {
                let place = Place { action, agent, level, cell };
                match direction {
                    Direction::Count => count(db, charge, &place)?,
                    Direction::GiveBack => give_back(db, charge, &place)?,
                }
                cell = cell.div_euclid(FAN_OUT);
            }
        }
    }
    Ok(())
}

/// Which of the rows of a charge.
#[derive(Debug)]
struct Place<'a> {
    action: &'a str,
    agent: &'a str,
    level: u64,
    cell: u64,
}

fn count(db: &Connection, charge: &Charge, place: &Place<'_>) -> Result<(), StoreError> {
    db.prepare_cached(
        "INSERT INTO total (principal, action, agent, level, cell, currency, amount, count)
         VALUES (:principal, :action, :agent, :level, :cell, :currency, :amount, 1)
         ON CONFLICT DO UPDATE SET amount = amount + excluded.amount, count = count + 1",
    )?
    .execute(named_params! {
        ":principal": charge.principal.as_str(),
        ":action": place.action,
        ":agent": place.agent,
        ":level": place.level,
        ":cell": place.cell,
        ":currency": charge.currency.code(),
        ":amount": charge.amount.units(),
    })?;
    Ok(())
}

fn give_back(db: &Connection, charge: &Charge, place: &Place<'_>) -> Result<(), StoreError> {
    let is_the_last = "DELETE FROM total
         WHERE principal = :principal AND action = :action AND agent = :agent AND level = :level
         AND cell = :cell AND currency = :currency AND count = 1 AND amount = :amount";
    let is_one_of_more = "UPDATE total SET amount = amount - :amount, count = count - 1
         WHERE principal = :principal AND action = :action AND agent = :agent AND level = :level
         AND cell = :cell AND currency = :currency AND count > 1 AND amount > :amount";
    for sql in [is_the_last, is_one_of_more] {
        let changed = db.prepare_cached(sql)?.execute(named_params! {
            ":principal": charge.principal.as_str(),
            ":action": place.action,
            ":agent": place.agent,
            ":level": place.level,
            ":cell": place.cell,
            ":currency": charge.currency.code(),
            ":amount": charge.amount.units(),
        })?;
        if changed > 0 {
            return Ok(());
        }
    }
    Err(damaged("a total is less than what is given back"))
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

/// The cells that a window is made of: the longest that are whole in it, and ever shorter ones at both its ends.
fn cells(from: u64, until: u64) -> Vec<(u64, Range<u64>)> {
    let mut cells = Vec::new();
    let mut rest = from..until;
    for level in 0..LEVEL_MAX {
        let (ends, whole) = split(rest, FAN_OUT);
        cells.extend(ends.map(|end| (level, end)));
        rest = whole;
    }
    cells.push((LEVEL_MAX, rest));
    cells.retain(|(_, range)| !range.is_empty());
    cells
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
    let mut sum = db.prepare_cached(
        "SELECT coalesce(sum(amount), 0), coalesce(sum(count), 0) FROM total
         WHERE principal = :principal AND action = :action AND agent = :agent AND level = :level
         AND cell >= :first AND cell < :end AND (:currency IS NULL OR currency = :currency)",
    )?;
    let below_zero = |_below_zero| damaged("a total below zero");
    let mut spent = Spent::default();
    for (level, range) in cells(cap.from.seconds(), until) {
        let (amount, count): (i64, i64) = sum.query_row(
            named_params! {
                ":principal": principal.as_str(),
                ":action": cap.action.as_ref().map_or(ALL, Sku::as_str),
                ":agent": cap.agent.as_ref().map_or(ALL, AgentName::as_str),
                ":level": level,
                ":first": range.start,
                ":end": range.end,
                ":currency": cap.currency.map(Currency::code),
            },
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        spent = spent.and(Spent {
            amount: u64::try_from(amount).map_err(below_zero)?,
            count: u64::try_from(count).map_err(below_zero)?,
        });
    }
    Ok(spent)
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers, and a panic is a failed test")]
mod tests {
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::super::rows;
    use super::*;

    /// Some seconds before and after cells of each level begin.
    const AROUND: u64 = FAN_OUT.pow(4);
    /// Rows of one currency that a window is made of at its ends, at most.
    const ENDS_MAX: u64 = 2 * (FAN_OUT - 1) * LEVEL_MAX;

    fn db() -> Connection {
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch(rows::SCHEMA).unwrap();
        db
    }

    fn at(seconds: u64) -> UnixSeconds {
        UnixSeconds::new(seconds).unwrap()
    }

    fn moment() -> impl Strategy<Value = u64> {
        prop_oneof![AROUND - 40..AROUND + 40, AROUND - 40_000..AROUND + 40_000, 0..3 * AROUND]
    }

    prop_compose! {
        fn charge()(
            agent in select(vec!["travel", "errands"]), action in select(vec!["book_room", "dine"]),
            currency in select(vec!["EUR", "JPY"]), amount in 1..100_u64, seconds in moment(),
        ) -> Charge {
            Charge {
                principal: "ada".parse().unwrap(),
                agent: agent.parse().unwrap(),
                action: action.parse().unwrap(),
                currency: currency.parse().unwrap(),
                amount: MinorUnits::new(amount).unwrap(),
                at: at(seconds),
            }
        }
    }

    prop_compose! {
        fn cap()(
            agent in select(vec![None, Some("travel")]), action in select(vec![None, Some("dine")]),
            currency in select(vec![None, Some("EUR")]), from in moment(),
            length_s in proptest::option::of(1..2 * AROUND),
        ) -> CapClaim {
            CapClaim {
                currency: currency.map(|code| code.parse().unwrap()),
                max: currency.map(|_| MinorUnits::ZERO),
                count: Some(0),
                from: at(from),
                until: length_s.map(|length_s| at(from + length_s)),
                action: action.map(|sku| sku.parse().unwrap()),
                agent: agent.map(|name| name.parse().unwrap()),
            }
        }
    }

    /// The rows that a window is summed up from.
    fn rows_read(db: &Connection, cap: &CapClaim) -> u64 {
        let until = cap.until.map_or(NEVER, UnixSeconds::seconds);
        let sql =
            "SELECT count(*) FROM total WHERE principal = 'ada' AND action = '' AND agent = ''
                   AND level = ? AND cell >= ? AND cell < ?";
        let count = |(level, range): (u64, Range<u64>)| -> u64 {
            db.query_row(sql, [level, range.start, range.end], |row| row.get(0)).unwrap()
        };
        cells(cap.from.seconds(), until).into_iter().map(count).sum()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        /// A window of any cap counts what is in it, and nothing that was given back.
        #[test]
        fn a_window_counts_what_is_in_it(
            kept in prop::collection::vec(charge(), 0..24),
            given_back in prop::collection::vec(charge(), 0..12),
            caps in prop::collection::vec(cap(), 8),
        ) {
            let db = db();
            for charge in kept.iter().chain(&given_back) {
                record(&db, charge, Direction::Count).unwrap();
            }
            for charge in &given_back {
                record(&db, charge, Direction::GiveBack).unwrap();
            }
            for cap in caps {
                let counted = kept.iter().filter(|charge| charge.is_counted_by(&cap));
                let expected = counted.fold(Spent::default(), |sum, charge| {
                    sum.and(Spent { amount: charge.amount.units(), count: 1 })
                });
                prop_assert_eq!(spent(&db, &"ada".parse().unwrap(), &cap).unwrap(), expected);
            }
            for charge in &kept {
                record(&db, charge, Direction::GiveBack).unwrap();
            }
            let left: u64 = db.query_row("SELECT count(*) FROM total", [], |row| row.get(0)).unwrap();
            prop_assert_eq!(left, 0);
        }

        /// Every second is in exactly one cell, and the cells at the ends are few.
        #[test]
        fn the_cells_of_a_window_are_the_window(from in moment(), length in 0..2 * AROUND, at in moment()) {
            let cells = cells(from, from + length);
            let cell_at = |level: &u64| at / FAN_OUT.pow(u32::try_from(*level).unwrap());
            let holding = cells.iter().filter(|(level, range)| range.contains(&cell_at(level)));
            prop_assert_eq!(holding.count(), usize::from((from..from + length).contains(&at)));
            let ends = cells.iter().filter(|(level, _)| *level < LEVEL_MAX);
            prop_assert!(ends.map(|(_, range)| range.end - range.start).sum::<u64>() <= ENDS_MAX);
        }
    }

    /// What a principal did before makes the next payment no dearer, whatever names its agents have.
    #[test]
    fn a_window_takes_few_rows_however_many_payments_there_were() {
        let db = db();
        let lifetime = CapClaim {
            currency: None,
            max: None,
            count: Some(u64::MAX),
            from: at(1),
            until: None,
            action: None,
            agent: None,
        };
        let payments = 3_000;
        let charge = |number: u64| Charge {
            principal: "ada".parse().unwrap(),
            agent: format!("m{number}").parse().unwrap(),
            action: "book_room".parse().unwrap(),
            currency: "EUR".parse().unwrap(),
            amount: MinorUnits::ONE,
            at: at(AROUND - payments / 4 + number / 2),
        };
        (0..payments).for_each(|number| record(&db, &charge(number), Direction::Count).unwrap());
        let all = Spent { amount: payments, count: payments };
        assert_eq!(spent(&db, &charge(0).principal, &lifetime).unwrap(), all);
        assert!(rows_read(&db, &lifetime) <= 2, "{}", rows_read(&db, &lifetime));
        let ragged = CapClaim { from: at(AROUND - 700), until: Some(at(AROUND + 700)), ..lifetime };
        assert_eq!(spent(&db, &charge(0).principal, &ragged).unwrap().count, 2_800);
        assert!(rows_read(&db, &ragged) <= ENDS_MAX, "{}", rows_read(&db, &ragged));
    }

    #[test]
    fn nothing_is_given_back_twice() {
        let db = db();
        let charge = Charge {
            principal: "ada".parse().unwrap(),
            agent: "travel".parse().unwrap(),
            action: "book_room".parse().unwrap(),
            currency: "EUR".parse().unwrap(),
            amount: MinorUnits::ONE,
            at: at(7),
        };
        record(&db, &charge, Direction::Count).unwrap();
        record(&db, &charge, Direction::GiveBack).unwrap();
        assert!(record(&db, &charge, Direction::GiveBack).is_err());
    }
}
