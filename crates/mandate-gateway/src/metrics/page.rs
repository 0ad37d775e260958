//! The page of all figures, and what is asked for it.

use mandate_host::log;
use mandate_host::metrics::{Condition, Health, Observed, Page, UNLISTED};

use super::tally::series;
use crate::book::{Book, BookStatus};
use crate::service::Gateway;

/// What each name begins with.
const PREFIX: &str = "mandate_gateway";
/// The one condition that calls do not need: the last good file stays in force.
const CONFIG: &str = "config";

impl Observed for Gateway {
    async fn page(&self) -> Page {
        let status = self.book().status(self.now()).await;
        let mut page = Page::new(PREFIX);
        page.process(env!("CARGO_PKG_VERSION"), self.figures().started_at);
        calls(self, &mut page);
        let help = "Whether the journal answers; while it does not, what it knows is left out";
        page.flag("journal_available", help, status.is_ok());
        match status {
            Ok(status) => known(&status, &mut page),
            Err(error) => {
                tracing::error!(error = %log::chain(&error), "the journal did not answer");
            }
        }
        journal(self.book(), &mut page);
        page.flag("key_present", "Whether the key is at hand", self.key_problem().is_none());
        page.config(&self.in_force().standing());
        page
    }

    async fn health(&self) -> Health {
        let status = self.book().status(self.now()).await;
        let status = status.as_ref().ok();
        let conditions = [
            ("clock", status.is_some_and(|status| status.clock.is_none())),
            (CONFIG, self.settings_problem().is_none()),
            (
                "journal",
                status.is_some_and(|status| status.distrusted.is_none())
                    && !self.book().awaits_settings(),
            ),
            ("key", self.key_problem().is_none()),
            ("unlocked", status.is_some_and(|status| !status.locked)),
        ];
        let conditions = conditions.map(|(name, well)| Condition { name, well });
        let serving = conditions.iter().all(|condition| condition.well || condition.name == CONFIG);
        Health { serving, conditions: conditions.into() }
    }
}

/// What was counted as calls came.
fn calls(gateway: &Gateway, page: &mut Page) {
    let figures = gateway.figures();
    let mut decisions = series(UNLISTED, &figures.unlisted);
    let mut under_way = Vec::new();
    for (sku, counts) in figures.actions().iter() {
        decisions.extend(series(sku.as_str(), counts));
        under_way.push((vec![("action", sku.to_string())], counts.under_way()));
    }
    page.counters("decisions", "What came of calls, by action and reason", decisions);
    page.gauges("calls_in_flight", "Calls under way, by action", under_way);
    let help = "How long a call took that was granted, with the API's part of it";
    page.histograms("call_seconds", help, [(Vec::new(), figures.granted.measured())]);
    gateway.book().commits().show(page);
    page.gauge("connections", "Open connections of callers", figures.connections.count());
}

/// What only the journal knows.
fn known(status: &BookStatus, page: &mut Page) {
    let help = "Whether the system's clock is not believed";
    page.flag("clock_untrusted", help, status.clock.is_some());
    page.flag("locked", "Whether the operator locked the key away", status.locked);
    page.flag("journal_unsafe", "Whether the journal is not believed", status.distrusted.is_some());
    page.gauge("reserved", "Uses of which it is not known what became", status.reserved);
}

/// What the journal tells without being asked for an entry.
fn journal(book: &Book, page: &mut Page) {
    page.gauge("journal_entries", "Entries in the journal", book.head().size);
    match book.files() {
        Ok(files) => {
            let file = |name: &str| vec![("file", name.to_owned())];
            let sizes = [(file("db"), files.db_bytes), (file("wal"), files.wal_bytes)];
            page.gauges("journal_bytes", "How large the journal's files are", sizes);
        }
        Err(error) => tracing::warn!(%error, "the journal's files were not looked at"),
    }
    let queued = u64::try_from(book.queued()).unwrap_or(u64::MAX);
    page.gauge("queue_length", "Requests that wait to be written", queued);
}
