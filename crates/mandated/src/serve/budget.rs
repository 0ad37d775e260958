//! How much of the machine's processors the connections of one uid may take.
//!
//! Whatever a peer floods a connection with (frames, resets, pings, calls that are refused), it costs time on the
//! threads that all peers share. That time is measured and put to the uid's account; who has overdrawn it waits, with
//! all its connections, and nobody else does.

use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use hyper::rt::Executor;
use rustix::time::{ClockId, clock_gettime};
use tokio::time::{Instant, Sleep, sleep_until};

/// Processor time that a uid may take at once after a pause.
const BURST: Duration = Duration::from_millis(20);
/// Shares are counted in thousandths of one processor.
const THOUSAND: u32 = 1_000;

/// One uid's account.
#[derive(Debug)]
pub(super) struct Budget {
    /// Thousandths of one processor, at least one.
    share: AtomicU32,
    /// When all that was taken is paid for, at the pace of the share.
    paid_at: Mutex<Instant>,
}

impl Budget {
    /// An account that gets so many milliseconds of processor time a second.
    pub(super) fn new(cpu_ms_per_s: u32) -> Self {
        let share = AtomicU32::new(cpu_ms_per_s.max(1));
        Self { share, paid_at: Mutex::new(Instant::now()) }
    }

    /// From here on the account gets so many milliseconds of processor time a second. What is owed stays owed.
    pub(super) fn get(&self, cpu_ms_per_s: u32) {
        self.share.store(cpu_ms_per_s.max(1), Ordering::Relaxed);
    }

    /// How long it takes to pay for this much.
    fn time_for(&self, cpu: Duration) -> Duration {
        cpu.saturating_mul(THOUSAND)
            .checked_div(self.share.load(Ordering::Relaxed))
            .unwrap_or_default()
    }

    /// Whether nothing is owed: a new account would be the same.
    pub(super) fn is_even(&self) -> bool {
        *self.paid_at.lock().unwrap_or_else(PoisonError::into_inner) <= Instant::now()
    }

    pub(super) fn spend(&self, cpu: Duration) {
        let time = self.time_for(cpu);
        let mut paid_at = self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = (*paid_at).max(Instant::now());
        *paid_at = from.checked_add(time).unwrap_or(from);
    }

    /// When work may go on; `None` for now.
    fn blocked_until(&self) -> Option<Instant> {
        let paid_at = *self.paid_at.lock().unwrap_or_else(PoisonError::into_inner);
        let from = paid_at.checked_sub(self.time_for(BURST))?;
        (from > Instant::now()).then_some(from)
    }
}

/// Work whose time is put to an account, and which rests while that is overdrawn.
#[derive(Debug)]
pub(super) struct Charged<F> {
    work: Pin<Box<F>>,
    budget: Arc<Budget>,
    rest: Option<Pin<Box<Sleep>>>,
}

impl<F> Charged<F> {
    pub(super) fn new(work: F, budget: Arc<Budget>) -> Self {
        Self { work: Box::pin(work), budget, rest: None }
    }
}

impl<F: Future> Future for Charged<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.get_mut();
        while let Some(until) = this.budget.blocked_until() {
            let rest = this.rest.get_or_insert_with(|| Box::pin(sleep_until(until)));
            if rest.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            this.rest = None;
        }
        this.rest = None;
        let before = thread_time();
        let polled = this.work.as_mut().poll(context);
        this.budget.spend(thread_time().saturating_sub(before));
        polled
    }
}

/// Processor time of this thread: time in which it was not running costs nobody.
fn thread_time() -> Duration {
    // The clock starts with the thread, so it shows nothing that a duration cannot hold.
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
}

/// Runs what a connection spawns, on the account of its uid.
#[derive(Debug, Clone)]
pub(super) struct ChargedExecutor(pub(super) Arc<Budget>);

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for ChargedExecutor {
    fn execute(&self, work: F) {
        tokio::spawn(Charged::new(work, Arc::clone(&self.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn burn(cpu: Duration) {
        let before = thread_time();
        while thread_time().saturating_sub(before) < cpu {
            std::hint::spin_loop();
        }
    }

    #[test]
    fn time_asleep_costs_nothing_and_time_at_work_does() {
        let before = thread_time();
        std::thread::sleep(Duration::from_millis(50));
        assert!(thread_time().saturating_sub(before) < Duration::from_millis(25));
        burn(Duration::from_millis(5));
        assert!(thread_time().saturating_sub(before) >= Duration::from_millis(5));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_overdrawn_rests_until_it_is_paid_for() {
        let budget = Arc::new(Budget::new(100));
        budget.spend(BURST);
        assert_eq!(budget.blocked_until(), None, "a burst is free");
        budget.spend(Duration::from_millis(10));
        let start = Instant::now();
        Charged::new(async {}, Arc::clone(&budget)).await;
        let rested = start.elapsed();
        // A tenth of a processor: ten milliseconds take a hundred.
        assert!((99..=102).contains(&rested.as_millis()), "{rested:?}");
        assert!(!budget.is_even());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(budget.is_even());
    }

    #[tokio::test(start_paused = true)]
    async fn a_larger_share_pays_sooner_and_forgives_nothing() {
        let budget = Arc::new(Budget::new(1));
        budget.get(500);
        budget.spend(Duration::from_millis(100));
        let start = Instant::now();
        Charged::new(async {}, budget).await;
        // Half a processor: a hundred milliseconds take two hundred, and the burst is forty of them.
        let rested = start.elapsed();
        assert!((159..=162).contains(&rested.as_millis()), "{rested:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn another_account_does_not_rest() {
        let (bad, good) = (Arc::new(Budget::new(1)), Arc::new(Budget::new(1)));
        bad.spend(Duration::from_secs(1));
        let start = Instant::now();
        Charged::new(async {}, good).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        let rests = Charged::new(async {}, bad);
        assert!(tokio::time::timeout(Duration::from_secs(900), rests).await.is_err());
    }
}
