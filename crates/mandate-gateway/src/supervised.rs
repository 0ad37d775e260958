//! What the service manager is told of the gateway.

use mandate_host::log;
use mandate_host::supervisor::{Supervisor, keep_alive};
use tokio_util::sync::CancellationToken;

use crate::book::BookStatus;
use crate::service::Gateway;

/// Tells the service manager what somebody who looks at the unit should know first.
pub(crate) async fn report(gateway: &Gateway, supervisor: &Supervisor) {
    let journal = gateway.book().status(gateway.now()).await;
    let (clock, journal) = match journal {
        Ok(BookStatus { clock, distrusted, .. }) => (clock, distrusted),
        Err(error) => (None, Some(log::chain(&error))),
    };
    let unwritten = gateway.settings_problem().filter(|_| gateway.book().awaits_settings());
    let status = if let Some(problem) = journal {
        format!("no call goes on, the journal is not believed: {problem}")
    } else if let Some(problem) = unwritten {
        problem.to_string()
    } else if let Some(problem) = gateway.key_problem() {
        format!("no key, no call goes on: {problem}")
    } else if let Some(fault) = clock {
        format!("no call goes on, the clock is not believed: {fault}")
    } else if let Some(problem) = gateway.settings_problem() {
        format!("serves under the last good gateway.toml; the newest is not in force: {problem}")
    } else {
        "serves".to_owned()
    };
    supervisor.status(&status);
}

/// Tells the service manager that the runtime and the journal's writer go on, and what changed by itself.
pub(crate) async fn prove_alive(gateway: Gateway, supervisor: Supervisor, stop: CancellationToken) {
    let is_alive = async move || {
        let answers = gateway.book().answers().await;
        if answers {
            report(&gateway, &supervisor).await;
        }
        answers
    };
    keep_alive(stop, is_alive).await;
}
