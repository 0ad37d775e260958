//! The statement as one page for a browser: no script, nothing from elsewhere, good to read on a screen and on paper.
//!
//! Markup is made by `maud`, which escapes whatever is put into it; foreign words go through [`words::Words`] besides.
//! A policy in the page itself lets nothing run or load, should an escape ever fail.

mod chart;
mod lines;
mod summary;
mod words;

use mandate::{Money, UnixSeconds};
use maud::{DOCTYPE, Markup, PreEscaped, html};

use self::words::Words;
use super::Statement;
use super::calendar::Period;
use super::proofs::Proofs;
use crate::failure::Failure;
use crate::ui::counted;

/// Nothing may run, load, be sent, or change where links lead.
const CONTENT_POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Our own, and so the one text that is not escaped.
const STYLE: &str = include_str!("style.css");

/// Makes the whole page.
///
/// # Errors
///
/// [`Failure`] of a proof that should be there.
pub(super) fn page(statement: &Statement, proofs: &mut dyn Proofs) -> Result<String, Failure> {
    let Statement { principal, period, .. } = statement;
    let title = format!("Statement of {}", period.title());
    let purchases = lines::purchases(statement, proofs)?;
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(CONTENT_POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                header {
                    p.kicker { "Statement of mandates" }
                    h1 { (period.title()) }
                    p.whose { strong { (Words(&principal.name)) } " " code { (principal.id) } }
                    (facts(statement))
                }
                (contents(statement))
                main {
                    (summary::spending(statement))
                    (chart::caps(statement))
                    (lines::denials(statement))
                    (lines::approvals(statement))
                    (lines::events(statement))
                    (purchases)
                }
                (footer(statement))
            }
        }
    };
    Ok(page.into_string())
}

/// The sections in their order: anchor, heading, and how many lines it has.
fn contents(statement: &Statement) -> Markup {
    let Statement { spending, caps, denials, approvals, events, purchases, .. } = statement;
    let sections = [
        ("spending", "Spending", spending.len()),
        ("caps", "Against the caps", caps.len()),
        ("denials", "Denials", denials.lines.len()),
        ("approvals", "Approvals", approvals.len()),
        ("events", "What else happened", events.len()),
        ("purchases", "Purchases", purchases.len()),
    ];
    html! {
        nav aria-label="Sections" {
            @for (anchor, name, lines) in sections {
                a href={ "#" (anchor) } { (name) " " span.count { (lines) } }
            }
        }
    }
}

fn facts(statement: &Statement) -> Markup {
    let Statement { period, made_at, journal, policy, .. } = statement;
    let read = counted(journal.head.size, "entry", "entries");
    html! {
        dl.facts {
            div { dt { "From" } dd { (time(period, period.from, &period.day(period.from))) } }
            div { dt { "To" } dd { (time(period, period.last(), &period.day(period.last()))) } }
            div { dt { "Time zone" } dd { (period.zone_name()) } }
            div { dt { "Made" } dd { (time(period, *made_at, &period.moment(*made_at))) } }
            div {
                dt { "Journal" }
                dd { (read) " read, " (journal.of_the_month) " of this month" }
            }
            div {
                dt { "Caps of wallet.toml" }
                dd { @if policy.in_force { "in force" } @else { "not the one in force" } }
            }
        }
    }
}

fn footer(statement: &Statement) -> Markup {
    let Statement { journal, policy, .. } = statement;
    html! {
        footer {
            p {
                "Made from the journal of " (counted(journal.head.size, "entry", "entries"))
                " with the root " code { (journal.head.root) }
                ". Each entry was hashed while it was read, so whoever holds a signed head of this size and root holds "
                "the evidence for every line. The caps are those of the wallet.toml with the digest "
                code { (policy.digest) } "."
            }
            p {
                "A payment belongs to the month in which it was minted. What comes back later is given back in that "
                "month. Held payments and those with receipts in conflict count as spent, as they do in the wallet."
            }
        }
    }
}

/// A moment, for people and for programs.
fn time(period: &Period, at: UnixSeconds, shown: &str) -> Markup {
    html! { time datetime=(period.machine(at)) { (shown) } }
}

/// An amount in a cell; `sum` names what it adds up.
fn amount(money: Money, sum: &str) -> Markup {
    let is_zero = money.amount == mandate::MinorUnits::ZERO;
    html! {
        td.amount.zero[is_zero]
            data-sum=(sum) data-minor=(money.amount.units()) data-currency=(money.currency) {
            (shown(money))
        }
    }
}

/// An amount for people.
fn shown(money: Money) -> Markup {
    html! { (grouped(money)) " " span.currency { (money.currency) } }
}

/// The number of an amount, its digits in groups of three with a narrow space that no line breaks at.
fn grouped(money: Money) -> String {
    let text = money.to_string();
    let number = text.split(' ').next().unwrap_or_default();
    let (major, minor) = match number.split_once('.') {
        Some((major, minor)) => (major, Some(minor)),
        None => (number, None),
    };
    let mut grouped = String::new();
    for (index, digit) in major.chars().enumerate() {
        let left = major.len().saturating_sub(index);
        if index > 0 && left.checked_rem(3) == Some(0) {
            grouped.push('\u{202f}');
        }
        grouped.push(digit);
    }
    grouped.extend(minor.map(|minor| format!(".{minor}")));
    grouped
}

/// A table that is scrolled by itself where it is wider than the screen.
fn framed(name: &str, table: &Markup) -> Markup {
    html! { div.frame role="region" aria-label=(name) tabindex="0" { (table) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_stand_in_groups_of_three() {
        let grouped = |text: &str| grouped(text.parse().unwrap());
        assert_eq!(grouped("0 JPY"), "0");
        assert_eq!(grouped("990.00 EUR"), "990.00");
        assert_eq!(grouped("27519 JPY"), "27\u{202f}519");
        assert_eq!(grouped("1234567.89 EUR"), "1\u{202f}234\u{202f}567.89");
        assert_eq!(grouped("100000.000 BHD"), "100\u{202f}000.000");
    }
}
