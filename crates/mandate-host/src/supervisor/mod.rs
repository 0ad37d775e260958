//! The service manager that started a daemon, as systemd does: what it is told, and the sockets that it hands in.
//!
//! Where none started it, nothing is told and nothing was handed in. A daemon starts no processes of its own, so that the
//! variables which a service manager sets for it go to nobody else.

mod sockets;
mod unit;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::log::shown;

pub use sockets::{HandedIn, HandedInError, handed_in};
pub use unit::{Unit, unit};

/// The word that a service manager has not heard in the time it gave: it is told twice as often.
const BEATS_PER_TIMEOUT: u32 = 2;
/// Longest status that is told, in characters; it stands in one line beside the unit.
const STATUS_CHARS_MAX: usize = 240;

/// Tells the service manager how the daemon is. Cheap to clone; all clones are one.
///
/// Source: `sd_notify(3)`.
#[derive(Debug, Clone, Default)]
pub struct Supervisor {
    /// The status that was told last.
    status: Arc<Mutex<String>>,
}

impl Supervisor {
    /// Says that the daemon serves: at its start, and after each [`Supervisor::reloading`].
    pub fn ready(&self) {
        let status = self.last_status();
        tell(&[NotifyState::Ready, NotifyState::Status(&status)]);
    }

    /// Says how the daemon is, in plain words; what was said last is not said again.
    ///
    /// Of several lines the first is told.
    pub fn status(&self, status: &str) {
        let line = shown(status.lines().next().unwrap_or_default());
        let line: String = line.chars().take(STATUS_CHARS_MAX).collect();
        let mut last = self.last_status();
        if *last != line {
            tell(&[NotifyState::Status(&line)]);
            *last = line;
        }
    }

    /// Says that the configuration file is being read again; [`Supervisor::ready`] ends that.
    pub fn reloading(&self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => tell(&[NotifyState::Reloading, now]),
            Err(error) => tracing::warn!(%error, "the reload was not announced"),
        }
    }

    /// Says that the daemon ends.
    pub fn stopping(&self) {
        tell(&[NotifyState::Stopping, NotifyState::Status("stopping")]);
    }

    fn last_status(&self) -> MutexGuard<'_, String> {
        // A panic elsewhere cannot leave a text half changed, so a poisoned lock is still good.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tells the service manager, twice in the time it gave, that the daemon is alive, until `stop`: if it watches at all.
///
/// `is_alive` is asked before each word. While it gives no answer, or says no, nothing is told, and the service manager
/// ends the process and starts it again.
///
/// Source: `WatchdogSec=` in `systemd.service(5)`.
pub async fn keep_alive(stop: CancellationToken, mut is_alive: impl AsyncFnMut() -> bool) {
    let Some(pace) = pace() else { return };
    let mut ticks = interval(pace);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let beat = async {
        loop {
            ticks.tick().await;
            if is_alive().await {
                tell(&[NotifyState::Watchdog]);
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = beat => {}
    }
}

/// How often the service manager wants to hear that the daemon is alive, if it does.
fn pace() -> Option<Duration> {
    sd_notify::watchdog_enabled()?.checked_div(BEATS_PER_TIMEOUT).filter(|pace| !pace.is_zero())
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(%error, "the service manager was not told");
    }
}
