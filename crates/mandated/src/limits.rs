//! How fast and how wide each agent may call, the count of calls that were refused for it, and what came of the others.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use mandate::AgentName;
use mandate_host::metrics::Counts;
use mandate_ledger::{Call, Refusal};
use mandate_policy::{Limits, Reason, Rules};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::metrics::{Outcome, PLACES, place};

/// How long to wait when too many calls are under way: about one of them.
const IN_FLIGHT_RETRY_MS: u64 = 10;

/// The limits of all listed agents.
#[derive(Debug)]
pub(crate) struct AgentLimits {
    agents: RwLock<Table>,
}

#[derive(Debug)]
struct Table {
    limits: Limits,
    by_name: BTreeMap<AgentName, Arc<Agent>>,
}

#[derive(Debug)]
struct Agent {
    uid: u32,
    rate: DefaultDirectRateLimiter,
    in_flight: Arc<Semaphore>,
    refused: AtomicU64,
    /// What came of its calls since it is listed.
    counts: Arc<Counts>,
}

/// A call under way; ends on drop.
#[derive(Debug)]
pub(crate) struct InFlight {
    _permit: OwnedSemaphorePermit,
    /// Where what comes of it is counted.
    pub(crate) counts: Arc<Counts>,
}

/// Calls of one agent that were refused since they were last counted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Whose calls.
    pub(crate) agent: AgentName,
    /// Its uid.
    pub(crate) uid: u32,
    /// How many, at least one.
    pub(crate) calls: u64,
}

impl Agent {
    fn new(uid: u32, limits: &Limits, counts: Arc<Counts>) -> Self {
        // The policy refuses a limit of zero; one a second is the nearest that can be counted.
        let nonzero = |limit| NonZeroU32::new(limit).unwrap_or(NonZeroU32::MIN);
        let quota =
            Quota::per_second(nonzero(limits.requests_per_s)).allow_burst(nonzero(limits.burst));
        Self {
            uid,
            rate: RateLimiter::direct(quota),
            in_flight: Arc::new(Semaphore::new(permits(limits.in_flight))),
            refused: AtomicU64::new(0),
            counts,
        }
    }

    fn enter(&self, call: Call) -> Result<InFlight, Refusal> {
        let refusal = |retry_after_ms, limit| {
            self.refused.fetch_add(1, Ordering::Relaxed);
            self.counts.add(place(call, Outcome::Refused(Reason::RateLimited)));
            Refusal::RateLimited { retry_after_ms, limit }
        };
        if let Err(until) = self.rate.check() {
            let wait = until.wait_time_from(DefaultClock::default().now());
            return Err(refusal(whole_ms(wait), "requests_per_s"));
        }
        match Arc::clone(&self.in_flight).try_acquire_owned() {
            Ok(permit) => Ok(InFlight { _permit: permit, counts: Arc::clone(&self.counts) }),
            Err(_) => Err(refusal(IN_FLIGHT_RETRY_MS, "in_flight")),
        }
    }
}

/// Rounded up, so that a client that waits as told is let in.
fn whole_ms(wait: Duration) -> u64 {
    u64::try_from(wait.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX).max(1)
}

fn permits(limit: u32) -> usize {
    usize::try_from(limit).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

impl AgentLimits {
    /// The limits that the rules set.
    pub(crate) fn new(rules: &Rules) -> Self {
        let limits = rules.limits().clone();
        let fresh = |uid| Arc::new(Agent::new(uid, &limits, fresh_counts()));
        let by_name =
            rules.agents().iter().map(|agent| (agent.name.clone(), fresh(agent.uid))).collect();
        Self { agents: RwLock::new(Table { limits, by_name }) }
    }

    /// Takes over new rules. Agents whose limits did not change keep what they used up.
    ///
    /// Gives back the refused calls of agents that are no longer counted here.
    pub(crate) fn reload(&self, rules: &Rules) -> Vec<Refused> {
        let mut table = self.agents.write().unwrap_or_else(PoisonError::into_inner);
        let mut old = std::mem::take(&mut table.by_name);
        let same = table.limits == *rules.limits();
        table.limits = rules.limits().clone();
        for agent in rules.agents() {
            let same = same && old.get(&agent.name).is_some_and(|kept| kept.uid == agent.uid);
            let counts = old.get(&agent.name).map(|kept| Arc::clone(&kept.counts));
            let kept = if same { old.remove(&agent.name) } else { None };
            let entry = kept.unwrap_or_else(|| {
                let counts = counts.unwrap_or_else(fresh_counts);
                Arc::new(Agent::new(agent.uid, &table.limits, counts))
            });
            table.by_name.insert(agent.name.clone(), entry);
        }
        drop(table);
        old.into_iter().filter_map(|(name, agent)| take_refused(name, &agent)).collect()
    }

    /// Lets one call of an agent in.
    ///
    /// # Errors
    ///
    /// [`Refusal::RateLimited`] when it calls too fast or has too many calls under way; the call is counted.
    pub(crate) fn enter(&self, agent: &AgentName, call: Call) -> Result<InFlight, Refusal> {
        let table = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let found = table.by_name.get(agent).map(Arc::clone);
        drop(table);
        // An agent that a reload just added is let in with the next call.
        found.map_or(
            Err(Refusal::RateLimited { retry_after_ms: IN_FLIGHT_RETRY_MS, limit: "in_flight" }),
            |agent| agent.enter(call),
        )
    }

    /// What came of the calls of each listed agent.
    pub(crate) fn counts(&self) -> Vec<(AgentName, Arc<Counts>)> {
        let table = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        let agents = table.by_name.iter();
        agents.map(|(name, agent)| (name.clone(), Arc::clone(&agent.counts))).collect()
    }

    /// The refused calls since the last time this was asked.
    pub(crate) fn take_refused(&self) -> Vec<Refused> {
        let table = self.agents.read().unwrap_or_else(PoisonError::into_inner);
        table.by_name.iter().filter_map(|(name, agent)| take_refused(name.clone(), agent)).collect()
    }
}

fn fresh_counts() -> Arc<Counts> {
    Arc::new(Counts::new(PLACES))
}

fn take_refused(agent: AgentName, counted: &Agent) -> Option<Refused> {
    let calls = counted.refused.swap(0, Ordering::Relaxed);
    (calls > 0).then_some(Refused { agent, uid: counted.uid, calls })
}
