//! The statement at a terminal: plain tables.

use mandate::{MinorUnits, Money};

use super::Statement;
use super::approvals::ApprovalLine;
use super::calendar::Period;
use super::denials::DenialLine;
use super::spending::Sums;
use super::usage::CapUsage;
use crate::failure::Failure;
use crate::ui::{Align, Table, Ui, counted};

/// How wide the bar of a cap is, in characters.
const BAR_WIDTH: u64 = 20;

/// Tells everything.
pub(super) fn statement(statement: &Statement, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Statement { period, denials, approvals: asked, .. } = statement;
    head(statement, ui)?;
    spending(statement, ui)?;
    caps(statement, ui)?;
    title("Denials", ui)?;
    if denials.lines.is_empty() {
        ui.line("nothing was refused")?;
    } else {
        ui.table(&groups(statement))?;
        ui.line("")?;
        ui.table(&refused(period, denials.lines.iter()))?;
    }
    title("Approvals", ui)?;
    if asked.is_empty() {
        ui.line("no payment needed the principal's yes")?;
    } else {
        ui.table(&approvals(period, asked))?;
    }
    title("What else happened", ui)?;
    if statement.events.is_empty() { ui.line("nothing") } else { ui.table(&events(statement)) }?;
    title("Purchases", ui)?;
    if statement.purchases.is_empty() {
        return ui.line("none");
    }
    ui.table(&purchases(statement))?;
    ui.line("")?;
    ui.line("the proof of a line: mandate audit prove JTI")
}

fn title(text: &str, ui: &mut Ui<'_>) -> Result<(), Failure> {
    ui.line("")?;
    ui.line(text)
}

fn head(statement: &Statement, ui: &mut Ui<'_>) -> Result<(), Failure> {
    let Statement { principal, period, journal, policy, made_at, .. } = statement;
    ui.line(format_args!("Statement of {}", period.title()))?;
    let read = counted(journal.head.size, "entry", "entries");
    let in_force = if policy.in_force { "in force" } else { "not the one in force" };
    ui.table(&Table::pairs([
        ("principal", format!("{} ({})", principal.name, principal.id)),
        ("from", period.moment(period.from)),
        ("until", period.moment(period.until)),
        ("time zone", period.zone_name().to_owned()),
        ("made", period.moment(*made_at)),
        ("journal", format!("{read} read, {} of this month", journal.of_the_month)),
        ("root", journal.head.root.to_string()),
        ("wallet.toml", format!("{}, {in_force}", policy.digest)),
    ]))
}

fn spending(statement: &Statement, ui: &mut Ui<'_>) -> Result<(), Failure> {
    title("Spending", ui)?;
    if statement.spending.is_empty() {
        ui.line("nothing was spent")?;
    } else {
        let mut table = Table::new([
            ("merchant", Align::Left),
            ("action", Align::Left),
            ("payments", Align::Right),
            ("executed", Align::Right),
            ("held", Align::Right),
            ("counted", Align::Right),
            ("given back", Align::Right),
        ]);
        let mut row = |merchant: String, action: String, sums: &Sums| {
            let Sums { payments, executed, held, counted, given_back } = sums;
            let [executed, held, counted, given_back] =
                [executed, held, counted, given_back].map(ToString::to_string);
            table.row([
                merchant,
                action,
                payments.to_string(),
                executed,
                held,
                counted,
                given_back,
            ]);
        };
        for line in &statement.spending {
            row(line.merchant.to_string(), line.action.to_string(), &line.sums);
        }
        for total in &statement.totals {
            row(format!("all in {}", total.currency), String::new(), &total.sums);
        }
        ui.table(&table)?;
    }
    if statement.free.is_empty() {
        return Ok(());
    }
    title("Free actions", ui)?;
    let mut table = Table::new([
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("asked", Align::Right),
        ("with a receipt", Align::Right),
    ]);
    for line in &statement.free {
        let (asked, answered) = (line.asked.to_string(), line.answered.to_string());
        table.row([line.merchant.to_string(), line.action.to_string(), asked, answered]);
    }
    ui.table(&table)
}

fn caps(statement: &Statement, ui: &mut Ui<'_>) -> Result<(), Failure> {
    title("Caps", ui)?;
    if statement.caps.is_empty() {
        return ui.line("wallet.toml limits no amount over a time");
    }
    let mut table = Table::new([
        ("cap", Align::Left),
        ("limit", Align::Right),
        ("highest", Align::Right),
        ("of the limit", Align::Left),
        ("when", Align::Left),
        ("used now", Align::Right),
    ]);
    for cap in &statement.caps {
        let CapUsage { limit, highest, used_now, .. } = cap;
        let when = match highest.used {
            MinorUnits::ZERO => String::new(),
            _ => statement.period.moment(highest.at),
        };
        table.row([
            cap.name(),
            limit.to_string(),
            Money { amount: highest.used, ..*limit }.to_string(),
            bar(highest.used, limit.amount),
            when,
            used_now.to_string(),
        ]);
    }
    ui.table(&table)
}

/// How much of a limit was used, as a bar: anything at all is a mark of its own, and full is full.
fn bar(used: MinorUnits, limit: MinorUnits) -> String {
    let (used, limit) = (used.units(), limit.units());
    let marks = match used.saturating_mul(BAR_WIDTH).checked_div(limit) {
        _ if used == 0 => 0,
        Some(marks) => marks.clamp(1, BAR_WIDTH),
        // Nothing may be spent, and something was.
        None => BAR_WIDTH,
    };
    let width = usize::try_from(BAR_WIDTH).unwrap_or_default();
    let marks = "#".repeat(usize::try_from(marks).unwrap_or_default());
    format!("[{marks:-<width$}]{}", if used > limit { " above" } else { "" })
}

fn groups(statement: &Statement) -> Table {
    let mut table = Table::new([
        ("times", Align::Right),
        ("reason", Align::Left),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("first", Align::Left),
        ("last", Align::Left),
        ("newest answer", Align::Left),
    ]);
    for group in &statement.denials.groups {
        table.row([
            group.count.to_string(),
            group.reason.to_string(),
            group.caller.clone(),
            group.merchant.as_ref().map(ToString::to_string).unwrap_or_default(),
            statement.period.moment(group.first),
            statement.period.moment(group.last),
            group.message.clone(),
        ]);
    }
    table
}

fn refused<'d>(period: &Period, lines: impl Iterator<Item = &'d DenialLine>) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("time", Align::Left),
        ("agent", Align::Left),
        ("reason", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("purpose", Align::Left),
    ]);
    for line in lines {
        table.row([
            line.seq.to_string(),
            period.moment(line.at),
            line.caller.clone(),
            line.reason.to_string(),
            line.merchant.as_ref().map(ToString::to_string).unwrap_or_default(),
            line.action.as_ref().map(ToString::to_string).unwrap_or_default(),
            line.total.map(|total| total.to_string()).unwrap_or_default(),
            line.purpose.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn approvals(period: &Period, lines: &[ApprovalLine]) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("time", Align::Left),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("total", Align::Right),
        ("answer", Align::Left),
    ]);
    for line in lines {
        table.row([
            line.seq.to_string(),
            period.moment(line.at),
            line.agent.to_string(),
            line.merchant.to_string(),
            line.action.to_string(),
            line.total.to_string(),
            line.answered().to_owned(),
        ]);
    }
    table
}

fn events(statement: &Statement) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("time", Align::Left),
        ("kind", Align::Left),
        ("what", Align::Left),
    ]);
    for event in &statement.events {
        let at = statement.period.moment(event.at);
        table.row([event.seq.to_string(), at, event.kind.clone(), event.words.clone()]);
    }
    table
}

fn purchases(statement: &Statement) -> Table {
    let mut table = Table::new([
        ("seq", Align::Right),
        ("time", Align::Left),
        ("agent", Align::Left),
        ("merchant", Align::Left),
        ("action", Align::Left),
        ("amount", Align::Right),
        ("what became of it", Align::Left),
        ("jti", Align::Left),
        ("purpose", Align::Left),
    ]);
    for purchase in &statement.purchases {
        table.row([
            purchase.seq.to_string(),
            statement.period.moment(purchase.at),
            purchase.agent.to_string(),
            purchase.merchant.to_string(),
            purchase.ordered(),
            purchase.total.to_string(),
            purchase.fate.words().to_owned(),
            purchase.jti.to_string(),
            purchase.purpose.clone().unwrap_or_default(),
        ]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_shows_the_least_and_the_most() {
        let bar =
            |used, limit| bar(MinorUnits::new(used).unwrap(), MinorUnits::new(limit).unwrap());
        assert_eq!(bar(0, 500), "[--------------------]");
        assert_eq!(bar(1, 500), "[#-------------------]");
        assert_eq!(bar(250, 500), "[##########----------]");
        assert_eq!(bar(499, 500), "[###################-]");
        assert_eq!(bar(500, 500), "[####################]");
        assert_eq!(bar(501, 500), "[####################] above");
        assert_eq!(bar(1, 0), "[####################] above");
    }
}
