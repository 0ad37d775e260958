//! The sums of the month.

use maud::{Markup, html};

use super::{amount, framed, grouped, shown};
use crate::statement::Statement;
use crate::statement::spending::{FreeLine, SpendingLine, Sums, Total};
use crate::ui::counted;

/// Spending by merchant and action, in each currency by itself, and what was free.
pub(super) fn spending(statement: &Statement) -> Markup {
    let Statement { spending, totals, free, .. } = statement;
    html! {
        section #spending aria-labelledby="h-spending" {
            h2 #h-spending { "Spending" }
            @if spending.is_empty() {
                p.none { "Nothing was spent." }
            } @else {
                div.totals { @for total in totals { (card(total)) } }
                (framed("Spending by merchant and action", &table(spending, totals)))
            }
            @if !free.is_empty() { (framed("Free actions", &free_table(free))) }
        }
    }
}

/// What matters most: how much of one currency is spent.
fn card(total: &Total) -> Markup {
    let Sums { payments, executed, held, counted: spent, given_back } = total.sums;
    html! {
        div.card {
            p.label { "Spent in " (total.currency) }
            p.figure { (shown(spent)) }
            p.parts {
                (counted(payments, "payment", "payments")) " · executed " (grouped(executed))
                " · held " (grouped(held)) " · given back " (grouped(given_back))
            }
        }
    }
}

fn table(spending: &[SpendingLine], totals: &[Total]) -> Markup {
    html! {
        table.sums {
            caption { "By merchant and action. Counted is what is executed and what is held." }
            thead {
                tr {
                    th scope="col" { "Merchant" }
                    th scope="col" { "Action" }
                    th.amount scope="col" { "Payments" }
                    th.amount scope="col" { "Executed" }
                    th.amount scope="col" { "Held" }
                    th.amount scope="col" { "Counted" }
                    th.amount scope="col" { "Given back" }
                }
            }
            @for total in totals {
                tbody {
                    @for line in spending.iter().filter(|line| line.sums.held.currency == total.currency) {
                        tr data-merchant=(line.merchant) data-action=(line.action) {
                            th scope="row" { (line.merchant) }
                            td { (line.action) }
                            (cells(&line.sums))
                        }
                    }
                    tr.total data-total=(total.currency) {
                        th scope="row" colspan="2" { "All in " (total.currency) }
                        (cells(&total.sums))
                    }
                }
            }
        }
    }
}

fn cells(sums: &Sums) -> Markup {
    let Sums { payments, executed, held, counted, given_back } = *sums;
    html! {
        td.amount data-count=(payments) { (payments) }
        (amount(executed, "executed"))
        (amount(held, "held"))
        (amount(counted, "counted"))
        (amount(given_back, "given_back"))
    }
}

fn free_table(free: &[FreeLine]) -> Markup {
    html! {
        table.sums {
            caption { "Free actions" }
            thead {
                tr {
                    th scope="col" { "Merchant" }
                    th scope="col" { "Action" }
                    th.amount scope="col" { "Asked" }
                    th.amount scope="col" { "With a receipt" }
                }
            }
            tbody {
                @for line in free {
                    tr {
                        th scope="row" { (line.merchant) }
                        td { (line.action) }
                        td.amount { (line.asked) }
                        td.amount { (line.answered) }
                    }
                }
            }
        }
    }
}
