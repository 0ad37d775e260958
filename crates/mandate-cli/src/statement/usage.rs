//! How much of each cap was used, over the month and now.
//!
//! Where a window begins is asked of mandate-policy alone. What counted at a moment is told as the ledger had it then: a
//! payment counts from its entry until the entry that gives it back.

use std::collections::BTreeMap;

use mandate::{MinorUnits, Money, UnixSeconds};
use mandate_ledger::Charge;
use mandate_policy::{Cap, Per, Window};
use serde::{Serialize, Serializer};

use super::calendar::Period;
use super::purchases::{Direction, add};

/// A cap on an amount, and how much of it was used.
#[derive(Debug, Serialize)]
pub(super) struct CapUsage {
    /// The cap in words.
    pub(super) cap: String,
    /// Over what time it counts.
    #[serde(serialize_with = "displayed")]
    pub(super) per: Per,
    /// What it counts, in words; empty if everything.
    #[serde(rename = "about", skip_serializing_if = "String::is_empty")]
    pub(super) selector: String,
    pub(super) limit: Money,
    /// The most that counted at one moment of the month.
    pub(super) highest: Mark,
    /// What counts in the window that is open now.
    pub(super) used_now: Money,
    /// The end of what is known of the month.
    #[serde(skip)]
    pub(super) told_until: UnixSeconds,
    /// Each change of what counted; the first is the start of the month.
    pub(super) steps: Vec<Mark>,
    /// Each day that has begun, for a cap on days.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) days: Vec<Day>,
}

/// An amount from a moment on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Mark {
    pub(super) at: UnixSeconds,
    pub(super) used: MinorUnits,
}

/// One window of a cap on days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Day {
    pub(super) from: UnixSeconds,
    pub(super) until: UnixSeconds,
    /// What counts of that day by now.
    pub(super) counted: MinorUnits,
    /// The most that counted at one moment of that day.
    pub(super) highest: MinorUnits,
}

impl CapUsage {
    /// What it counts over which time: `per day, merchant lux-hotels`.
    pub(super) fn name(&self) -> String {
        match self.selector.as_str() {
            "" => format!("per {}", self.per),
            selector => format!("per {}, {selector}", self.per),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn displayed<S: Serializer>(per: &Per, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(per)
}

/// Follows one cap through the entries.
#[derive(Debug)]
pub(super) struct Follower<'r> {
    cap: &'r Cap,
    limit: Money,
    period: &'r Period,
    /// Where the window of this moment begins: what it holds is what is left of the cap.
    now_from: UnixSeconds,
    used_now: MinorUnits,
    /// Where the first window of the month begins: nothing earlier is ever seen in it.
    first_from: UnixSeconds,
    /// Where the last window of the month begins: nothing later leaves a window while the month lasts.
    last_from: UnixSeconds,
    staying: MinorUnits,
    /// What may leave the window while the month lasts, by the second it was minted in.
    leaving: BTreeMap<UnixSeconds, MinorUnits>,
    leaving_sum: MinorUnits,
    /// Absent before the month begins.
    window: Option<Window>,
    latest: UnixSeconds,
    steps: Vec<Mark>,
    highest: Mark,
    /// What counts by now, by the first second of its day; for a cap on days.
    days: BTreeMap<UnixSeconds, MinorUnits>,
}

impl<'r> Follower<'r> {
    /// Follows a cap that limits an amount over a window; `None` for any other.
    pub(super) fn of(cap: &'r Cap, period: &'r Period, now: UnixSeconds) -> Option<Self> {
        let limit = cap.spend().filter(|_| cap.per() != Per::Payment)?;
        let from = |at| cap.window(period.zone(), at).from;
        Some(Self {
            cap,
            limit,
            period,
            now_from: from(now),
            used_now: MinorUnits::ZERO,
            first_from: from(period.from),
            last_from: from(period.last()),
            staying: MinorUnits::ZERO,
            leaving: BTreeMap::new(),
            leaving_sum: MinorUnits::ZERO,
            window: None,
            latest: UnixSeconds::EPOCH,
            steps: Vec::new(),
            highest: Mark { at: period.from, used: MinorUnits::ZERO },
            days: BTreeMap::new(),
        })
    }

    /// A charge is counted, or given back, by an entry of the time `at`.
    pub(super) fn record(&mut self, at: UnixSeconds, charge: &Charge, direction: Direction) {
        let Charge { agent, merchant, action, currency, amount, at: minted } = charge;
        if *currency != self.limit.currency || !self.cap.matches(agent, merchant, action) {
            return;
        }
        if *minted >= self.now_from {
            self.used_now = direction.apply(self.used_now, *amount);
        }
        if self.cap.per() == Per::Day && self.period.holds(*minted) {
            let day = self.cap.window(self.period.zone(), *minted).from;
            let counted = self.days.entry(day).or_default();
            *counted = direction.apply(*counted, *amount);
        }
        self.advance(at);
        if self.latest >= self.period.until {
            return;
        }
        let from = self.window.map_or(self.first_from, |window| window.from);
        if *minted >= self.last_from {
            self.staying = direction.apply(self.staying, *amount);
        } else if *minted >= from {
            let leaving = self.leaving.entry(*minted).or_default();
            *leaving = direction.apply(*leaving, *amount);
            self.leaving_sum = direction.apply(self.leaving_sum, *amount);
        }
        if self.window.is_some() {
            self.mark(self.latest);
        }
    }

    /// Tells what was found, seen from `now`.
    pub(super) fn finish(mut self, now: UnixSeconds) -> CapUsage {
        self.advance(now);
        let told_until = now.max(self.period.from).min(self.period.until);
        CapUsage {
            cap: self.cap.label().to_owned(),
            per: self.cap.per(),
            selector: self.cap.selector().to_string().trim_start_matches(", ").to_owned(),
            limit: self.limit,
            highest: self.highest,
            used_now: Money { amount: self.used_now, ..self.limit },
            told_until,
            days: self.each_day(told_until),
            steps: self.steps,
        }
    }

    /// Moves the window on to a moment; entries of a clock that stepped back do not move it back.
    fn advance(&mut self, at: UnixSeconds) {
        self.latest = self.latest.max(at);
        if self.latest < self.period.from {
            return;
        }
        let zone = self.period.zone();
        let until = self.latest.min(self.period.last());
        let mut window = self.window.unwrap_or_else(|| {
            let first = self.cap.window(zone, self.period.from);
            self.window = Some(first);
            self.mark(self.period.from);
            first
        });
        while window.changes_at <= until {
            let at = window.changes_at;
            window = self.cap.window(zone, at);
            self.window = Some(window);
            while let Some(oldest) = self.leaving.first_entry()
                && *oldest.key() < window.from
            {
                self.leaving_sum = Direction::GiveBack.apply(self.leaving_sum, oldest.remove());
            }
            self.mark(at);
        }
    }

    /// Notes what counts from a moment on, if it is something else than before.
    fn mark(&mut self, at: UnixSeconds) {
        let used = add(self.staying, self.leaving_sum);
        if used > self.highest.used {
            self.highest = Mark { at, used };
        }
        match self.steps.last_mut() {
            Some(last) if last.used == used => {}
            Some(last) if last.at == at => last.used = used,
            _ => self.steps.push(Mark { at, used }),
        }
    }

    /// The days of the month that began before `until`.
    fn each_day(&self, until: UnixSeconds) -> Vec<Day> {
        let mut days = Vec::new();
        if self.cap.per() != Per::Day {
            return days;
        }
        let mut steps = self.steps.iter().peekable();
        let mut from = self.period.from;
        while from < until {
            let end = self.cap.window(self.period.zone(), from).changes_at;
            let mut highest = MinorUnits::ZERO;
            while let Some(step) = steps.next_if(|step| step.at < end) {
                highest = highest.max(step.used);
            }
            let counted = self.days.get(&from).copied().unwrap_or_default();
            days.push(Day { from, until: end, counted, highest: highest.max(counted) });
            from = end;
        }
        days
    }
}
