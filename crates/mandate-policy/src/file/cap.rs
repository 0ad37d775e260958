//! The rules of the file: `[[cap]]` and `[[approval]]`.

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use mandate::token::CAPS_MAX;
use mandate::{Currency, MerchantId};
use mandate_config::{Item, Read, Table, amount, each, integer, quoted, text};

use super::fault::{FaultKind, Report, WalletFault};
use super::names::Names;
use super::until::until;
use crate::rules::{Approval, CAPS_BYTES_MAX, Cap, Selector};
use crate::window::{Per, PerError};

const CAP_KEYS: &[&str] = &["per", "spend", "count", "merchant", "action", "agent", "until"];

const APPROVAL_KEYS: &[&str] = &["above", "merchant", "action", "agent"];

/// The windows that have a name of their own.
const WINDOWS: [&str; 5] = ["payment", "day", "week", "month", "lifetime"];

pub(super) fn caps(
    root: &Table<'_>,
    names: &Names,
    timezone: Read<&TimeZone>,
    report: &mut Report<'_>,
) -> Read<Vec<Cap>> {
    let items = root.tables("cap", "each under a header [[cap]]", report)?;
    let mut covering = Covering::default();
    let mut told: BTreeMap<MerchantId, Covering> = BTreeMap::new();
    let (caps, all) = each(&items, report, |item, report| {
        let cap = cap(item, names, timezone, report)?;
        if let Some(actual) = covering.passed_by(&cap, cap.entry_bytes_max(), CAPS_BYTES_MAX) {
            return Err(item.fault(report, WalletFault::CapsCovering { actual }));
        }
        if let Some(merchant) = cap.is_told_to() {
            let of_merchant = told.entry(merchant.clone()).or_default();
            if let Some(actual) = of_merchant.passed_by(&cap, 1, CAPS_MAX) {
                let merchant = merchant.clone();
                return Err(item.fault(report, WalletFault::CapsTold { merchant, actual }));
            }
        }
        Ok(cap)
    });
    all.map(|()| caps)
}

/// How much the caps that may cover one payment come to.
///
/// Caps of different merchants never cover the same payment, and so with actions, agents and currencies. Of the caps that
/// name the same of these, a payment meets those of one selector: never more than the largest.
#[derive(Debug, Default)]
struct Covering {
    by_selector: BTreeMap<(Selector, Option<Currency>), usize>,
    /// The most of one selector, by which of the four are named.
    largest: BTreeMap<[bool; 4], usize>,
}

impl Covering {
    /// Adds a cap that comes to so much; the sum, if this is the first one that brings it past `limit`: each that follows
    /// would be told as well.
    fn passed_by(&mut self, cap: &Cap, much: usize, limit: usize) -> Option<usize> {
        let was_within = self.sum() <= limit;
        let (selector, currency) = (cap.selector(), cap.spend().map(|spend| spend.currency));
        let Selector { merchant, action, agent } = selector;
        let named = [merchant.is_some(), action.is_some(), agent.is_some(), currency.is_some()];
        let of_selector = self.by_selector.entry((selector.clone(), currency)).or_default();
        *of_selector = of_selector.saturating_add(much);
        let largest = self.largest.entry(named).or_default();
        *largest = (*largest).max(*of_selector);
        Some(self.sum()).filter(|sum| was_within && *sum > limit)
    }

    /// The most that one payment's caps come to.
    fn sum(&self) -> usize {
        self.largest.values().fold(0, |sum, much| sum.saturating_add(*much))
    }
}

pub(super) fn approvals(
    root: &Table<'_>,
    names: &Names,
    report: &mut Report<'_>,
) -> Read<Vec<Approval>> {
    let items = root.tables("approval", "each under a header [[approval]]", report)?;
    let (approvals, all) = each(&items, report, |item, report| approval(item, names, report));
    all.map(|()| approvals)
}

fn cap(
    item: &Item<'_>,
    names: &Names,
    timezone: Read<&TimeZone>,
    report: &mut Report<'_>,
) -> Read<Cap> {
    let mut table = Table::open(item, CAP_KEYS, "a table under the header [[cap]]", report)?;
    let per = table.required("per", "per = \"day\"", report, per);
    let spend = table.optional("spend", report, amount);
    let count = table.optional("count", report, count);
    let selector = names.selector(&table, report);
    let until = table.optional("until", report, |item, report| until(item, report, timezone));
    let of_one_payment = matches!(per, Ok(Per::Payment));
    if let (true, Ok(Some(_)), Some(count)) = (of_one_payment, count, table.item("count")) {
        return Err(count.fault(report, WalletFault::CountPerPayment));
    }
    if let (Ok(None), Ok(None)) = (spend, count) {
        let (keys, kind): (&[&str], _) = if of_one_payment {
            (&["spend"], FaultKind::Missing { example: "spend = \"250.00 EUR\"" })
        } else {
            (&["spend", "count"], WalletFault::CapEmpty.into())
        };
        return Err(table.lacks(keys, report, kind));
    }
    Ok(Cap::new(per?, spend?, count?.map(u64::from), selector?, until?))
}

fn per(item: &Item<'_>, report: &mut Report<'_>) -> Read<Per> {
    let written = text(item, report)?;
    written.parse().map_err(|error: PerError| {
        let plain: String = written.to_lowercase().split_whitespace().collect();
        let meant = match plain.parse::<Per>() {
            Ok(_) => Some(quoted(&plain)),
            Err(_) => report.nearest(&plain, WINDOWS).map(quoted),
        };
        item.fault_with(report, WalletFault::from(error), meant)
    })
}

fn count(item: &Item<'_>, report: &mut Report<'_>) -> Read<u32> {
    match item.source(report) {
        "0" => Err(item.fault(report, WalletFault::CountZero)),
        _ => integer(item, report, 1..=u32::MAX),
    }
}

fn approval(item: &Item<'_>, names: &Names, report: &mut Report<'_>) -> Read<Approval> {
    let expected = "a table under the header [[approval]]";
    let mut table = Table::open(item, APPROVAL_KEYS, expected, report)?;
    let above = table.required("above", "above = \"150.00 EUR\"", report, amount);
    let selector = names.selector(&table, report);
    Ok(Approval { above: above?, selector: selector? })
}
