//! What all calls share, and the ways through it that every call takes.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use mandate::AgentName;
use mandate::clock::{Clock, ClockReading};
use mandate_host::head::HeadMemory;
use mandate_host::key::Asking;
use mandate_host::log;
use mandate_host::metrics::Listener;
use mandate_host::supervisor::Supervisor;
use mandate_host::warnings::Warnings;
use mandate_ledger::{
    Call, Caller, Ledger, LedgerError, LedgerStatus, Outcome as Answered, Refusal, Scope,
};
use mandate_policy::{Denial, Reason, Violation};
use mandate_proto::paths::Paths;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;

use crate::approvals::Approvals;
use crate::health::{Conditions, Health};
use crate::limits::{AgentLimits, InFlight};
use crate::lines::Lines;
use crate::metrics::{Figures, Outcome, Tally};
use crate::mint::Mint;
use crate::policy::Policy;
use crate::serve::{Connections, Peer};
use crate::sockets::Sockets;
use crate::status;
use crate::stranger::{self, Stranger};
use crate::summary::summary;

/// Calls of uids that may not call, which get an entry of their own, each second; the rest are summed up.
const STRANGER_ENTRIES_PER_S: NonZeroU32 = NonZeroU32::MIN;
/// Uids that may not call, whose calls are summed up by uid.
const STRANGERS_COUNTED_MAX: usize = 64;
/// How long the ledger may take to tell its state, before it is said not to answer: a disk may hang.
const STATE_WAIT: Duration = Duration::from_secs(5);

/// The running wallet.
pub(crate) struct Daemon {
    pub(crate) approvals: Approvals,
    pub(crate) asking: Asking,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) connections: Connections,
    pub(crate) figures: Figures,
    pub(crate) health: Health,
    pub(crate) ledger: Ledger,
    pub(crate) limits: AgentLimits,
    pub(crate) memory: HeadMemory,
    /// Where the figures may be read over TCP.
    pub(crate) metrics: Listener,
    pub(crate) mint: Mint,
    pub(crate) paths: Paths,
    pub(crate) policy: Policy,
    pub(crate) sockets: Sockets,
    /// Cancelled when the daemon ends: what takes long, or waits for somebody, gives up.
    pub(crate) stopping: CancellationToken,
    pub(crate) strangers: Strangers,
    pub(crate) supervisor: Supervisor,
    /// Work that shutdown waits for: everything between a reservation and its answer.
    pub(crate) tasks: TaskTracker,
    /// What the system denied that would protect the key better.
    pub(crate) warnings: Warnings,
}

impl std::fmt::Debug for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Daemon").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Who calls, let in, at one reading of the clock.
#[derive(Debug)]
pub(crate) struct Visit {
    pub(crate) now: ClockReading,
    pub(crate) caller: Caller,
    pub(crate) agent: AgentName,
    /// What comes of it.
    pub(crate) tally: Tally,
    /// Ends with the work, not with the connection.
    _in_flight: InFlight,
}

impl Daemon {
    /// The listed agent that a peer is, by the rules in force: of its uid, and as its selectors say.
    ///
    /// # Errors
    ///
    /// [`Stranger`]: why it is none.
    pub(crate) fn agent(&self, peer: &Peer) -> Result<AgentName, Stranger> {
        let rules = self.ledger.rules();
        let agent = rules.agent_by_uid(peer.uid).ok_or(Stranger::Unlisted)?;
        stranger::check(agent, peer)?;
        Ok(agent.name.clone())
    }

    /// Whether a uid may call on the control socket: the owner of wallet.toml, and root.
    pub(crate) fn is_principal(&self, uid: u32) -> bool {
        uid == 0 || uid == self.policy.in_force.standing().owner
    }

    /// Lets one call in: the peer is a listed agent, within its rate, with room for one more call.
    ///
    /// # Errors
    ///
    /// The status of the refusal, which has been written down or counted.
    pub(crate) fn enter(&self, peer: &Peer, call: Call) -> Result<Visit, Status> {
        let now = self.clock.read();
        let Ok(agent) = self.agent(peer) else {
            self.turned_away(peer, Some(call));
            return Err(status::agent_unknown());
        };
        let caller = Caller { agent: Some(agent.clone()), uid: peer.uid };
        match self.limits.enter(&agent, call) {
            Ok(in_flight) => {
                let tally = self.figures.tally(Arc::clone(&in_flight.counts), call);
                Ok(Visit { now, caller, agent, tally, _in_flight: in_flight })
            }
            Err(refusal) => {
                tracing::debug!(%agent, %call, "too many calls");
                Err(status::refused(&refusal, now.wall))
            }
        }
    }

    /// Looks anew at somebody who was let in and has waited since: at the clock, and at the rules.
    ///
    /// # Errors
    ///
    /// The status of the refusal, which has been written down, if the rules list that agent no more.
    pub(crate) async fn look_again(
        &self,
        visit: &mut Visit,
        peer: &Peer,
        call: Call,
    ) -> Result<(), Status> {
        visit.now = self.clock.read();
        if self.agent(peer).is_ok_and(|agent| agent == visit.agent) {
            return Ok(());
        }
        Err(self.deny(visit, call, no_agent()).await)
    }

    /// Runs work that must not stop when the client hangs up.
    pub(crate) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, Status>> + Send + 'static,
    ) -> Result<T, Status> {
        match self.tasks.spawn(work).await {
            Ok(answer) => answer,
            Err(error) => {
                tracing::error!(%error, "a call did not come to its end");
                Err(Status::internal("the call did not come to its end"))
            }
        }
    }

    /// Writes a refusal down that was found before the ledger was asked; gives back its status.
    pub(crate) async fn deny(&self, visit: &Visit, call: Call, refusal: Refusal) -> Status {
        match self.ledger.deny(visit.now.clone(), &visit.caller, call, refusal).await {
            Ok(refusal) => denied(visit, call, &refusal),
            Err(error) => visit.failed(&error),
        }
    }

    /// Somebody who is not the principal called on the control socket.
    pub(crate) fn not_the_principal(&self, peer: &Peer) {
        if let Some(left_out) = self.strangers.lines.next() {
            tracing::warn!(uid = peer.uid, left_out, "somebody else than the principal called");
        }
    }

    /// Somebody who is no agent called: an entry, or one more in a count when there are too many.
    pub(crate) fn turned_away(&self, peer: &Peer, call: Option<Call>) {
        let uid = peer.uid;
        if let Some(left_out) = self.strangers.lines.next() {
            // A reload may have listed it since.
            let why = self.agent(peer).err().map(|stranger| stranger.to_string());
            let why = why.unwrap_or_default();
            tracing::warn!(uid, why, left_out, "somebody who is no agent called");
        }
        let Some(call) = call else { return };
        self.figures.of_unlisted(call, Outcome::Refused(Reason::AgentUnknown));
        if !self.strangers.is_worth_an_entry(uid) {
            return;
        }
        let (ledger, now) = (self.ledger.clone(), self.clock.read());
        self.tasks.spawn(async move {
            let caller = Caller { agent: None, uid };
            if let Err(error) = ledger.deny(now, &caller, call, no_agent()).await {
                tracing::error!(error = %log::chain(&error), "a denial was not written");
            }
        });
    }

    /// Writes down how many calls were over a limit since the last time.
    pub(crate) async fn sum_up(&self) {
        let agents = self.limits.take_refused().into_iter();
        let agents = agents.map(|refused| {
            (Caller { agent: Some(refused.agent), uid: refused.uid }, refused.calls)
        });
        let strangers = self.strangers.take().into_iter();
        let strangers = strangers.map(|(uid, calls)| (Caller { agent: None, uid }, calls));
        for (caller, calls) in agents.chain(strangers) {
            self.write_rate_limited(&caller, calls).await;
        }
    }

    /// Writes one summary of refused calls.
    pub(crate) async fn write_rate_limited(&self, caller: &Caller, calls: u64) {
        tracing::info!(uid = caller.uid, calls, "calls were over the limit");
        if let Err(error) = self.ledger.rate_limited(self.clock.read(), caller, calls).await {
            tracing::error!(error = %log::chain(&error), "a summary was not written");
        }
    }

    /// Signs a checkpoint of what is new.
    pub(crate) async fn seal(&self) {
        if let Err(error) = self.ledger.seal().await {
            tracing::error!(error = %log::chain(&error), "a checkpoint was not written");
        }
    }

    /// Signs a last checkpoint and has it remembered beside the key: the next start is held against it.
    pub(crate) async fn seal_for_good(&self) {
        self.seal().await;
        if let Some(checkpoint) = self.ledger.checkpoint() {
            self.memory.keep(checkpoint.to_string()).await;
        }
    }

    /// Tells health and the service manager what the state now allows.
    pub(crate) async fn report(&self) {
        let mut ledger = None;
        let look = async {
            ledger = self.state().await;
            self.conditions_of(ledger.as_ref())
        };
        self.health.tell(look).await;
        let problem = self.policy.in_force.problem();
        self.supervisor.status(&summary(ledger.as_ref(), &self.mint, problem.as_deref()));
    }

    /// What has to be right, and whether it is. What cannot be known is not.
    pub(crate) async fn conditions(&self) -> Conditions {
        self.conditions_of(self.state().await.as_ref())
    }

    /// The ledger's state; `None` if it cannot tell.
    async fn state(&self) -> Option<LedgerStatus> {
        match timeout(STATE_WAIT, self.ledger.status(self.clock.read())).await {
            Ok(Ok(status)) => Some(status),
            Ok(Err(error)) => {
                tracing::error!(error = %log::chain(&error), "the ledger did not answer");
                None
            }
            Err(_elapsed) => {
                tracing::error!("the ledger does not answer");
                None
            }
        }
    }

    fn conditions_of(&self, ledger: Option<&LedgerStatus>) -> Conditions {
        let (key, config) = (self.mint.ready().is_ok(), self.policy.in_force.problem().is_none());
        match ledger {
            Some(status) => Conditions {
                clock: status.clock.is_none(),
                config,
                key,
                ledger: status.distrusted.is_none(),
                thawed: !status.frozen.contains(&Scope::Wallet),
                unlocked: !status.locked,
            },
            None => Conditions { config, key, ..Conditions::UNKNOWN },
        }
    }
}

impl Visit {
    /// The status of a ledger that could not answer.
    pub(crate) fn failed(&self, error: &LedgerError) -> Status {
        self.tally.refused(Reason::LedgerUnavailable);
        status::failed(error)
    }
}

fn no_agent() -> Refusal {
    Refusal::Policy(Denial { violations: vec![Violation::AgentUnknown] })
}

/// The status of a denial, after a line in the log.
pub(crate) fn denied(visit: &Visit, call: Call, refusal: &Refusal) -> Status {
    visit.tally.refused(refusal.reason());
    tracing::info!(
        agent = %visit.agent,
        %call,
        reason = %refusal.reason(),
        detail = %log::shown(&refusal.to_string()),
        "denied"
    );
    status::refused(refusal, visit.now.wall)
}

/// What the ledger said, or the status of its denial or failure.
pub(crate) fn granted<T>(
    visit: &Visit,
    call: Call,
    answer: Result<Answered<T>, LedgerError>,
) -> Result<T, Status> {
    match answer {
        Ok(Answered::Granted(value)) => Ok(value),
        Ok(Answered::Denied(refusal)) => Err(denied(visit, call, &refusal)),
        Err(error) => Err(visit.failed(&error)),
    }
}

/// Calls of uids that may not call: a few entries, and counts for the rest.
#[derive(Debug)]
pub(crate) struct Strangers {
    entries: DefaultDirectRateLimiter,
    lines: Lines,
    counted: Mutex<BTreeMap<u32, u64>>,
}

impl Strangers {
    pub(crate) fn new() -> Self {
        let burst = STRANGER_ENTRIES_PER_S.saturating_add(7);
        let quota = Quota::per_second(STRANGER_ENTRIES_PER_S).allow_burst(burst);
        Self { entries: RateLimiter::direct(quota), lines: Lines::new(), counted: Mutex::default() }
    }

    /// Whether this call gets an entry; if not, it is counted.
    fn is_worth_an_entry(&self, uid: u32) -> bool {
        if self.entries.check().is_ok() {
            return true;
        }
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        // Past the limit, calls are put to the highest uid that is counted: the total stays right.
        let key = match counted.last_key_value() {
            Some((last, _)) if counted.len() >= STRANGERS_COUNTED_MAX => {
                if counted.contains_key(&uid) { uid } else { *last }
            }
            _ => uid,
        };
        let calls = counted.entry(key).or_insert(0);
        *calls = calls.saturating_add(1);
        false
    }

    fn take(&self) -> BTreeMap<u32, u64> {
        std::mem::take(&mut *self.counted.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
