//! What happened, line by line.

use data_encoding::BASE64;
use maud::{Markup, html};

use super::words::Words;
use super::{amount, framed, time};
use crate::failure::Failure;
use crate::statement::Statement;
use crate::statement::approvals::ApprovalLine;
use crate::statement::calendar::Period;
use crate::statement::denials::{DenialGroup, DenialLine};
use crate::statement::proofs::Proofs;
use crate::statement::purchases::{Fate, Purchase};

/// What was refused: in groups, then each.
pub(super) fn denials(statement: &Statement) -> Markup {
    let Statement { period, denials, .. } = statement;
    html! {
        section #denials aria-labelledby="h-denials" {
            h2 #h-denials { "Denials" }
            @if denials.lines.is_empty() {
                p.none { "Nothing was refused." }
            } @else {
                (framed("Denials by reason, agent and merchant", &groups(period, &denials.groups)))
                (refused(period, "Each request that was refused", &mut denials.lines.iter()))
            }
        }
    }
}

/// Payments that needed the principal's yes.
pub(super) fn approvals(statement: &Statement) -> Markup {
    let Statement { period, approvals, .. } = statement;
    html! {
        section #approvals aria-labelledby="h-approvals" {
            h2 #h-approvals { "Approvals" }
            @if approvals.is_empty() {
                p.none { "No payment needed the principal's yes." }
            } @else {
                (asked(period, approvals))
            }
        }
    }
}

fn asked(period: &Period, lines: &[ApprovalLine]) -> Markup {
    html! {
        table.lines role="table" {
            caption { "Payments that needed the principal's yes" }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Time" }
                    th scope="col" role="columnheader" { "Request" }
                    th scope="col" role="columnheader" { "Answer" }
                    th.amount scope="col" role="columnheader" { "Amount" }
                    th scope="col" role="columnheader" { "Entry" }
                }
            }
            tbody role="rowgroup" {
                @for line in lines {
                    tr role="row" {
                        th.time scope="row" role="rowheader" {
                            (time(period, line.at, &period.short(line.at)))
                        }
                        td.what role="cell" {
                            strong { (line.merchant) } " " span.action { (line.action) }
                            span.agent { " · asked by " (line.agent) }
                        }
                        td.fate role="cell" {
                            (line.answered())
                            @if let Some(seq) = line.answer_seq { div.note { "entry " (seq) } }
                        }
                        (amount(line.total, "asked"))
                        td.entry role="cell" { "entry " (line.seq) }
                    }
                }
            }
        }
    }
}

/// Freezes, other rules, contradictions.
pub(super) fn events(statement: &Statement) -> Markup {
    let Statement { period, events, .. } = statement;
    html! {
        section #events aria-labelledby="h-events" {
            h2 #h-events { "What else happened" }
            @if events.is_empty() {
                p.none { "Nothing." }
            } @else {
                table.lines role="table" {
                    caption { "Freezes, changes of wallet.toml, and whatever else the journal holds" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Time" }
                            th scope="col" role="columnheader" { "What" }
                            th scope="col" role="columnheader" { "Entry" }
                        }
                    }
                    tbody role="rowgroup" {
                        @for event in events {
                            tr role="row" {
                                th.time scope="row" role="rowheader" {
                                    (time(period, event.at, &period.short(event.at)))
                                }
                                td.what role="cell" { strong { (event.kind) } " " (Words(&event.words)) }
                                td.entry role="cell" { "entry " (event.seq) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Every payment with its proof.
pub(super) fn purchases(statement: &Statement, proofs: &mut dyn Proofs) -> Result<Markup, Failure> {
    let Statement { period, purchases, .. } = statement;
    let rows = purchases.iter().map(|line| purchase(period, line, proofs));
    let rows: Vec<Markup> = rows.collect::<Result<_, _>>()?;
    Ok(html! {
        section #purchases aria-labelledby="h-purchases" {
            h2 #h-purchases { "Purchases" }
            @if rows.is_empty() {
                p.none { "None." }
            } @else {
                table.lines.paid role="table" {
                    caption { "Every payment that was minted in this month, and what became of it" }
                    thead role="rowgroup" {
                        tr role="row" {
                            th scope="col" role="columnheader" { "Time" }
                            th scope="col" role="columnheader" { "Purchase" }
                            th scope="col" role="columnheader" { "What became of it" }
                            th.amount scope="col" role="columnheader" { "Amount" }
                            th scope="col" role="columnheader" { "Proof" }
                        }
                    }
                    tbody role="rowgroup" { @for row in rows { (row) } }
                }
            }
        }
    })
}

fn purchase(period: &Period, line: &Purchase, proofs: &mut dyn Proofs) -> Result<Markup, Failure> {
    let proof = proof(line, proofs)?;
    Ok(html! {
        tr role="row" data-seq=(line.seq) data-fate=(line.fate.name()) {
            th.time scope="row" role="rowheader" { (time(period, line.at, &period.short(line.at))) }
            td.what role="cell" {
                strong { (line.merchant) } " " span.action { (line.ordered()) }
                span.agent { " · asked by " (line.agent) }
                @for title in &line.titles { div.title { (Words(title)) } }
                @if let Some(purpose) = &line.purpose { div.purpose { "“" (Words(purpose)) "”" } }
            }
            td.fate role="cell" {
                span.mark aria-hidden="true" { (mark(line.fate)) } " " (line.fate.words())
                @if let Some(note) = &line.note { div.note { (Words(note)) } }
                @if let Some(seq) = line.settled_seq { div.note { "entry " (seq) } }
            }
            (amount(line.total, "amount"))
            (proof)
        }
    })
}

/// A file that a checker takes, in the page itself; else the command that makes it.
fn proof(line: &Purchase, proofs: &mut dyn Proofs) -> Result<Markup, Failure> {
    let Purchase { jti, seq, .. } = line;
    let proof = proofs.proof(line)?;
    Ok(html! {
        td.proof role="cell" {
            "entry " (seq) " "
            @if let Some(text) = proof {
                a href={ "data:text/plain;base64," (BASE64.encode(text.as_bytes())) }
                    download={ (jti) ".tlog-proof" } { "proof of " code.jti { (jti) } }
            } @else {
                code { "mandate audit prove " span.jti { (jti) } }
            }
        }
    })
}

fn mark(fate: Fate) -> &'static str {
    match fate {
        Fate::Conflict => "!",
        Fate::Executed => "●",
        Fate::Held => "○",
        Fate::Void | Fate::Withheld => "↩",
    }
}

fn groups(period: &Period, groups: &[DenialGroup]) -> Markup {
    html! {
        table.sums {
            caption { "By reason, agent and merchant" }
            thead {
                tr {
                    th scope="col" { "Reason" }
                    th scope="col" { "Agent" }
                    th scope="col" { "Merchant" }
                    th.amount scope="col" { "Times" }
                    th scope="col" { "First and last" }
                    th scope="col" { "Newest answer" }
                }
            }
            tbody {
                @for group in groups {
                    tr {
                        th scope="row" { code { (group.reason) } }
                        td { (group.caller) }
                        td { @if let Some(merchant) = &group.merchant { (merchant) } }
                        td.amount data-count=(group.count) { (group.count) }
                        td.time {
                            (time(period, group.first, &period.short(group.first)))
                            @if group.last != group.first {
                                br; (time(period, group.last, &period.short(group.last)))
                            }
                        }
                        td.message { (Words(&group.message)) }
                    }
                }
            }
        }
    }
}

fn refused(period: &Period, caption: &str, lines: &mut dyn Iterator<Item = &DenialLine>) -> Markup {
    html! {
        table.lines.refused role="table" {
            caption { (caption) }
            thead role="rowgroup" {
                tr role="row" {
                    th scope="col" role="columnheader" { "Time" }
                    th scope="col" role="columnheader" { "Request" }
                    th scope="col" role="columnheader" { "Answer" }
                    th.amount scope="col" role="columnheader" { "Amount" }
                    th scope="col" role="columnheader" { "Entry" }
                }
            }
            tbody role="rowgroup" {
                @for line in lines {
                    tr role="row" {
                        th.time scope="row" role="rowheader" {
                            (time(period, line.at, &period.short(line.at)))
                        }
                        td.what role="cell" {
                            @if let Some(merchant) = &line.merchant { strong { (merchant) } " " }
                            @if let Some(action) = &line.action { span.action { (action) } " " }
                            span.agent { "· " (line.call.as_str()) " by " (line.caller) }
                            @if let Some(purpose) = &line.purpose {
                                div.purpose { "“" (Words(purpose)) "”" }
                            }
                        }
                        td.fate role="cell" {
                            code { (line.reason) } div.note { (Words(&line.message)) }
                        }
                        @match line.total {
                            Some(total) => (amount(total, "asked")),
                            None => td.amount role="cell" {},
                        }
                        td.entry role="cell" { "entry " (line.seq) }
                    }
                }
            }
        }
    }
}
