//! The page of all figures, and what is asked for it.

use mandate_host::log;
use mandate_host::metrics::{Condition, Health, Observed, Page, UNLISTED};
use mandate_ledger::{LedgerStatus, Scope};

use super::tally::series;
use crate::daemon::Daemon;

/// What each name begins with.
const PREFIX: &str = "mandate_wallet";

impl Observed for Daemon {
    async fn page(&self) -> Page {
        let status = self.ledger.status(self.clock.read()).await;
        let mut page = Page::new(PREFIX);
        page.process(env!("CARGO_PKG_VERSION"), self.figures.started_at);
        calls(self, &mut page);
        let help = "Whether the ledger answers; while it does not, what it knows is left out";
        page.flag("ledger_available", help, status.is_ok());
        match status {
            Ok(status) => ledger(&status, &mut page),
            Err(error) => tracing::error!(error = %log::chain(&error), "the ledger did not answer"),
        }
        journal(self, &mut page);
        page.flag("key_present", "Whether the key is at hand", self.mint.ready().is_ok());
        page.config(&self.policy.in_force.standing());
        let connections = self.connections.open().into_iter();
        let connections =
            connections.map(|(socket, open)| (vec![("socket", socket.to_owned())], open));
        page.gauges("connections", "Open connections of callers who may call", connections);
        page
    }

    async fn health(&self) -> Health {
        let conditions = self.conditions().await;
        let told = conditions.each().into_iter();
        let told = told.map(|(name, well)| Condition { name, well });
        Health { serving: conditions.can_mint(), conditions: told.collect() }
    }
}

/// What was counted as calls came.
fn calls(daemon: &Daemon, page: &mut Page) {
    let agents = daemon.limits.counts();
    let mut decisions = series(UNLISTED, &daemon.figures.unlisted);
    let mut under_way = Vec::new();
    for (agent, counts) in &agents {
        decisions.extend(series(agent.as_str(), counts));
        under_way.push((vec![("agent", agent.to_string())], counts.under_way()));
    }
    page.counters("decisions", "What came of calls, by call, agent and reason", decisions);
    page.gauges("calls_in_flight", "Calls under way, by agent", under_way);
    let figures = &daemon.figures;
    let mints = [("MintIntent", &figures.intents), ("MintPayment", &figures.payments)];
    let mints = mints.map(|(call, took)| (vec![("call", call.to_owned())], took.measured()));
    page.histograms("mint_seconds", "How long a mint took that was granted", mints);
    figures.commits.show(page);
}

/// What only the ledger knows.
fn ledger(status: &LedgerStatus, page: &mut Page) {
    let frozen = |is: fn(&Scope) -> bool| {
        let count = status.frozen.iter().filter(|scope| is(scope)).count();
        u64::try_from(count).unwrap_or(u64::MAX)
    };
    let help = "Whether the whole wallet is frozen";
    page.gauge("frozen", help, frozen(|scope| matches!(scope, Scope::Wallet)));
    let scope = |name: &str| vec![("scope", name.to_owned())];
    let freezes = [
        (scope("agent"), frozen(|scope| matches!(scope, Scope::Agent(_)))),
        (scope("merchant"), frozen(|scope| matches!(scope, Scope::Merchant(_)))),
    ];
    page.gauges("freezes", "How many agents and merchants are frozen", freezes);
    page.flag("locked", "Whether the principal locked the key away", status.locked);
    let help = "Whether the system's clock is not believed";
    page.flag("clock_untrusted", help, status.clock.is_some());
    let help = "Whether the ledger is not believed";
    page.flag("ledger_unsafe", help, status.distrusted.is_some());
    page.gauge("holds", "Payments minted and not settled", status.holds);
}

/// What the journal tells without being asked for an entry.
fn journal(daemon: &Daemon, page: &mut Page) {
    let ledger = &daemon.ledger;
    page.gauge("ledger_entries", "Entries in the journal", ledger.head().size);
    match ledger.files() {
        Ok(files) => {
            let file = |name: &str| vec![("file", name.to_owned())];
            let sizes = [(file("db"), files.db_bytes), (file("wal"), files.wal_bytes)];
            page.gauges("ledger_bytes", "How large the ledger's files are", sizes);
        }
        Err(error) => tracing::warn!(%error, "the ledger's files were not looked at"),
    }
    let queued = u64::try_from(ledger.queued()).unwrap_or(u64::MAX);
    page.gauge("queue_length", "Requests that wait to be written", queued);
}
