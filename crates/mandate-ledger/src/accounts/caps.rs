//! The running total of every cap, kept in memory beside the rows it is made of.
//!
//! A window is summed when it starts and when rules change; in between a payment costs one addition per cap.

use std::sync::Arc;

use mandate::{MinorUnits, UnixSeconds};
use mandate_journal::StoreError;
use mandate_policy::{Cap, Per, Rules, Spent, Window};
use rusqlite::Connection;

use super::totals::{self, Charge, Direction};

const SECONDS_PER_MINUTE: u64 = 60;

#[derive(Debug, Clone, Copy)]
struct Running {
    window: Window,
    /// The minute it was computed in: before it the window may have started earlier.
    valid_from: UnixSeconds,
}

/// Windows and sums of all caps of one set of rules, in the order of its caps.
#[derive(Debug)]
pub(super) struct CapTotals {
    rules: Arc<Rules>,
    running: Vec<Running>,
    spent: Vec<Spent>,
    valid_from: UnixSeconds,
    changes_at: UnixSeconds,
}

impl CapTotals {
    pub(super) fn load(
        db: &Connection,
        rules: Arc<Rules>,
        now: UnixSeconds,
    ) -> Result<Self, StoreError> {
        let mut totals = Self {
            running: Vec::with_capacity(rules.caps().len()),
            spent: Vec::with_capacity(rules.caps().len()),
            rules,
            valid_from: UnixSeconds::MAX,
            changes_at: UnixSeconds::MAX,
        };
        for cap in totals.rules.caps() {
            let (running, spent) = start(db, &totals.rules, cap, now)?;
            totals.running.push(running);
            totals.spent.push(spent);
        }
        totals.bound();
        Ok(totals)
    }

    pub(super) fn is_of(&self, rules: &Arc<Rules>) -> bool {
        Arc::ptr_eq(&self.rules, rules)
    }

    /// Brings every window to `now` and gives the sums.
    pub(super) fn at(&mut self, db: &Connection, now: UnixSeconds) -> Result<&[Spent], StoreError> {
        if now < self.valid_from || now >= self.changes_at {
            let caps = self.rules.caps().iter();
            for ((cap, running), spent) in caps.zip(&mut self.running).zip(&mut self.spent) {
                if now < running.valid_from || now >= running.window.changes_at {
                    (*running, *spent) = start(db, &self.rules, cap, now)?;
                }
            }
            self.bound();
        }
        Ok(&self.spent)
    }

    fn bound(&mut self) {
        let running = self.running.iter();
        self.valid_from = running.clone().map(|r| r.valid_from).max().unwrap_or(UnixSeconds::EPOCH);
        self.changes_at = running.map(|r| r.window.changes_at).min().unwrap_or(UnixSeconds::MAX);
    }

    pub(super) fn record(&mut self, charge: &Charge, direction: Direction) {
        let caps = self.rules.caps().iter();
        for ((cap, running), spent) in caps.zip(&self.running).zip(&mut self.spent) {
            let counts = cap.per() != Per::Payment
                && charge.at >= running.window.from
                && cap.matches(&charge.agent, &charge.merchant, &charge.action)
                && cap.spend().is_none_or(|spend| spend.currency == charge.currency);
            if !counts {
                continue;
            }
            match direction {
                Direction::Count => {
                    spent.amount = totals::add(spent.amount, charge.amount);
                    spent.count = spent.count.saturating_add(1);
                }
                Direction::GiveBack => {
                    spent.amount =
                        spent.amount.checked_sub(charge.amount).unwrap_or(MinorUnits::ZERO);
                    spent.count = spent.count.saturating_sub(1);
                }
            }
        }
    }
}

fn start(
    db: &Connection,
    rules: &Rules,
    cap: &Cap,
    now: UnixSeconds,
) -> Result<(Running, Spent), StoreError> {
    let window = cap.window(rules.timezone(), now);
    let spent = if cap.per() == Per::Payment {
        Spent::default()
    } else {
        totals::spent_since(db, cap, window.from)?
    };
    let into_minute = now.seconds().rem_euclid(SECONDS_PER_MINUTE);
    Ok((Running { window, valid_from: now.minus(into_minute) }, spent))
}
