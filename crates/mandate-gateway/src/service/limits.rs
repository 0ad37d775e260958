//! How much one principal may ask for, counted only of mandates that verified.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};
use mandate::PrincipalId;

use crate::refusal::Refusal;
use crate::settings::Limits;

/// Refused calls of one principal that get an entry of their own each second; the rest are summed up.
const REFUSALS_PER_S: NonZeroU32 = NonZeroU32::MIN;
/// Refused calls of one principal that get an entry at once, before the rate counts.
const REFUSALS_BURST: NonZeroU32 = NonZeroU32::MIN.saturating_add(15);

/// The limits of all principals.
#[derive(Debug)]
pub(super) struct PrincipalLimits {
    requests: DefaultKeyedRateLimiter<PrincipalId>,
    refusals: DefaultKeyedRateLimiter<PrincipalId>,
    in_flight_max: u32,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    in_flight: BTreeMap<PrincipalId, u32>,
    summed_up: BTreeMap<PrincipalId, u64>,
}

/// One call that is under way; ends when it is dropped.
#[derive(Debug)]
pub(super) struct InFlight {
    limits: Arc<PrincipalLimits>,
    principal: PrincipalId,
}

impl PrincipalLimits {
    pub(super) fn new(limits: &Limits) -> Self {
        let least = |number: u32| NonZeroU32::new(number).unwrap_or(NonZeroU32::MIN);
        let requests =
            Quota::per_second(least(limits.requests_per_s)).allow_burst(least(limits.burst));
        let refusals = Quota::per_second(REFUSALS_PER_S).allow_burst(REFUSALS_BURST);
        Self {
            requests: RateLimiter::keyed(requests),
            refusals: RateLimiter::keyed(refusals),
            in_flight_max: limits.in_flight,
            counts: Mutex::default(),
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets one call in; one too many is counted.
    pub(super) fn enter(self: &Arc<Self>, principal: &PrincipalId) -> Result<InFlight, Refusal> {
        let in_rate = self.requests.check_key(principal).is_ok();
        let mut counts = self.counts();
        let under_way = counts.in_flight.get(principal).copied().unwrap_or(0);
        if !in_rate || under_way >= self.in_flight_max {
            let calls = counts.summed_up.entry(principal.clone()).or_default();
            *calls = calls.saturating_add(1);
            return Err(Refusal::RateLimited);
        }
        counts.in_flight.insert(principal.clone(), under_way.saturating_add(1));
        Ok(InFlight { limits: Arc::clone(self), principal: principal.clone() })
    }

    /// Whether a refused call gets an entry; if not, it is counted.
    pub(super) fn is_worth_an_entry(&self, principal: &PrincipalId) -> bool {
        if self.refusals.check_key(principal).is_ok() {
            return true;
        }
        let mut counts = self.counts();
        let calls = counts.summed_up.entry(principal.clone()).or_default();
        *calls = calls.saturating_add(1);
        false
    }

    /// What was counted since the last time; forgets principals that have not called for a while.
    pub(super) fn take(&self) -> BTreeMap<PrincipalId, u64> {
        self.requests.retain_recent();
        self.refusals.retain_recent();
        std::mem::take(&mut self.counts().summed_up)
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut counts = self.limits.counts();
        match counts.in_flight.get_mut(&self.principal) {
            Some(under_way) if *under_way > 1 => *under_way = under_way.saturating_sub(1),
            _ => drop(counts.in_flight.remove(&self.principal)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_principal_has_so_many_calls_at_once_and_what_is_over_is_counted() {
        let limits = Limits { in_flight: 2, ..Limits::default() };
        let limits = Arc::new(PrincipalLimits::new(&limits));
        let (ada, bob): (PrincipalId, PrincipalId) =
            ("ada".parse().unwrap(), "bob".parse().unwrap());
        let first = limits.enter(&ada).unwrap();
        let _second = limits.enter(&ada).unwrap();
        assert!(matches!(limits.enter(&ada), Err(Refusal::RateLimited)));
        let _other = limits.enter(&bob).unwrap();
        drop(first);
        let _third = limits.enter(&ada).unwrap();
        assert_eq!(limits.take(), BTreeMap::from([(ada, 1)]));
        assert_eq!(limits.take(), BTreeMap::new());
    }
}
