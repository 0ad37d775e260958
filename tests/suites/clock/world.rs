//! A wallet whose clock is bent, beside what it has to answer.

use std::sync::Arc;

use mandate::{Mandate, Payment, Status};
use mandate_policy::Reason;
use mandate_tests::parties::{AGENTS, Parties, WARES};
use mandate_tests::tally::{Cap, Charge, Zone};
use mandate_tests::wallet::{Answer, Wallet};

use crate::machine::Machine;
use crate::oracle::Oracle;
use crate::steps::Step;

const CURRENCY: &str = "EUR";

/// More than a sequence has payments.
pub const UNSETTLED: u64 = 64;

/// The caps that are in force all the time, and those of one `wallet.toml`.
pub fn caps(of: usize) -> Vec<Cap> {
    let mut caps = lasting();
    caps.extend(match of {
        0 => None,
        1 => Some(Cap::spend("lifetime", (CURRENCY, 30_000))),
        2 => Some(Cap::spend("24h", (CURRENCY, 7_000))),
        _ => Some(Cap::spend("payment", (CURRENCY, 4_000))),
    });
    caps
}

fn lasting() -> Vec<Cap> {
    let of_agent = Cap { about: [Some(AGENTS[0].0), None, None], ..Cap::count("36h", 3) };
    vec![
        Cap::spend("day", (CURRENCY, 10_000)),
        Cap::spend("week", (CURRENCY, 15_000)),
        Cap::spend("month", (CURRENCY, 20_000)),
        of_agent,
    ]
}

/// A payment that is out.
struct Paid {
    mandate: Mandate<Payment>,
    agent: &'static str,
    charge: Charge,
    answer: Option<Status>,
}

/// What was answered, and how often.
#[derive(Debug, Default, Clone, Copy)]
pub struct Counts {
    pub minted: u64,
    pub untrusted: u64,
    pub over_cap: u64,
    /// Refused for its clock, later believed without a confirmation.
    pub recovered: u64,
}

pub struct World {
    pub zone: Zone,
    pub machine: Machine,
    pub oracle: Oracle,
    pub counts: Counts,
    wallet: Option<Wallet>,
    paid: Vec<Paid>,
    caps: usize,
    /// The caps that the last entry about rules put in force.
    written: Option<usize>,
}

impl World {
    pub fn new(zone: Zone, wall_s: u64, caps: usize, wallet: Wallet) -> Self {
        let (machine, oracle) = (Machine::at(wall_s), Oracle::default());
        let (wallet, paid, counts) = (Some(wallet), Vec::new(), Counts::default());
        Self { zone, machine, oracle, counts, wallet, paid, caps, written: None }
    }

    pub fn is_bent(&self) -> bool {
        !self.oracle.believes(self.machine.shown())
    }

    /// The payments that no merchant answered.
    pub fn open(&self) -> Vec<usize> {
        (0..self.paid.len()).filter(|at| self.paid[*at].answer.is_none()).collect()
    }

    fn wallet(&self) -> &Wallet {
        self.wallet.as_ref().expect("an open wallet")
    }

    /// Does it, and holds every answer against the one that it must be.
    pub async fn apply(&mut self, step: Step, agent: usize, ware: usize) {
        let (wall_s, was_bent) = (self.machine.wall_s(), self.is_bent());
        let before = self.wallet().spent(self.machine.reading()).await;
        match step {
            Step::Move(to) | Step::Boundary(to) | Step::Edge(to) => self.machine.set(to),
            Step::Pass { passed_ms, fast_ppm } => self.machine.pass(passed_ms, fast_ppm),
            Step::Restart => self.restart().await,
            Step::Reboot(to) => {
                self.machine.reboot(to);
                self.restart().await;
            }
            Step::Confirm => {
                let now = self.machine.reading();
                self.wallet().ledger.confirm_clock(now, 0).await.expect("an answer");
                self.oracle.confirmed(self.machine.shown());
                self.written = Some(self.caps);
            }
            Step::Buy(cents) => {
                self.buy(AGENTS[agent % AGENTS.len()].0, WARES[ware % WARES.len()], cents).await;
            }
            Step::Receipt { payment, executed } => self.hand_in(payment, executed).await,
            Step::Reload(caps) => self.reload(caps).await,
        }
        self.check_sums().await;
        if !matches!(step, Step::Buy(_) | Step::Receipt { .. } | Step::Reload(_)) {
            self.counts.recovered +=
                u64::from(was_bent && !self.is_bent() && step != Step::Confirm);
            self.check_nothing_freed(wall_s, &before).await;
        }
    }

    async fn restart(&mut self) {
        let wallet = self.wallet.take().expect("an open wallet");
        self.wallet = Some(wallet.restart(self.machine.reading()).await);
    }

    async fn buy(&mut self, agent: &'static str, ware: (&'static str, &'static str), cents: u64) {
        let (now, price) = (self.machine.reading(), (CURRENCY, cents));
        let charge = Charge {
            about: [agent, ware.0, ware.1].map(str::to_owned),
            currency: CURRENCY.to_owned(),
            amount: cents,
            at: self.machine.wall_s(),
        };
        let refusals = self.refusals(&charge);
        let answer = self.wallet().intent(now.clone(), agent, ware, Some(price)).await;
        self.judge(&answer, &refusals);
        let Ok(intent) = answer else { return };
        let cart = self.wallet().parties.cart(&intent, price, now.wall);
        let answer = self.wallet().pay(now, agent, &cart).await;
        self.judge(&answer, &refusals);
        let mandate = answer.expect("what was minted for can be paid in the same second");
        self.counts.minted += 1;
        self.paid.push(Paid { mandate, agent, charge, answer: None });
    }

    /// Why it must be refused; it must be granted if there is nothing.
    fn refusals(&self, charge: &Charge) -> Vec<Reason> {
        if self.is_bent() {
            return vec![Reason::ClockUntrusted];
        }
        let mut refusals = Vec::new();
        for cap in caps(self.caps).iter().filter(|cap| cap.counts(charge)) {
            let (amount, count) = cap.spent(&self.zone, self.counted(), charge.at);
            if cap.spend.is_some_and(|(_, most)| amount + charge.amount > most) {
                refusals.push(Reason::CapExceeded);
            }
            if cap.count.is_some_and(|most| count >= most) {
                refusals.push(Reason::CountExceeded);
            }
        }
        refusals
    }

    fn judge<T>(&mut self, answer: &Answer<T>, refusals: &[Reason]) {
        let refused = answer.as_ref().err();
        match refused {
            None => assert!(refusals.is_empty(), "granted against {refusals:?}"),
            Some(why) => assert!(refusals.contains(why), "refused for {why:?}, not {refusals:?}"),
        }
        self.counts.untrusted += u64::from(refused == Some(&Reason::ClockUntrusted));
        self.counts.over_cap +=
            u64::from(refused.is_some_and(|why| *why != Reason::ClockUntrusted));
        self.wrote();
    }

    /// Something was written; the first of all names the rules in force as well.
    fn wrote(&mut self) {
        self.oracle.wrote(self.machine.shown());
        self.written = Some(self.caps);
    }

    /// A merchant's answer is recorded whatever the clock shows.
    async fn hand_in(&mut self, payment: usize, executed: bool) {
        let now = self.machine.reading();
        let status = if executed { Status::Executed } else { Status::Void };
        let Paid { mandate, agent, .. } = &self.paid[payment];
        let receipt = self.wallet().parties.receipt(mandate, status, now.wall);
        assert_eq!(self.wallet().hand_in(now, agent, &receipt).await, Ok(status));
        self.paid[payment].answer = Some(status);
        self.wrote();
    }

    async fn reload(&mut self, of: usize) {
        let now = self.machine.reading();
        self.wallet.as_mut().expect("an open wallet").reload(now, caps(of)).await;
        self.caps = of;
        // What the last entry said is not said again.
        if self.written.replace(of) != Some(of) {
            self.oracle.wrote(self.machine.shown());
        }
    }

    /// The payments that count.
    fn counted(&self) -> impl Iterator<Item = &Charge> + Clone {
        self.paid.iter().filter(|paid| paid.answer != Some(Status::Void)).map(|paid| &paid.charge)
    }

    /// The wallet says what the naive sums and the oracle say.
    async fn check_sums(&self) {
        let (now, at) = (self.machine.reading(), self.machine.wall_s());
        let caps = caps(self.caps);
        let sums: Vec<_> =
            caps.iter().map(|cap| cap.spent(&self.zone, self.counted(), at)).collect();
        assert_eq!(self.wallet().spent(now.clone()).await, sums, "what counts at {at}");
        let fault = self.wallet().ledger.status(now).await.expect("an answer").clock;
        assert_eq!(fault.is_some(), self.is_bent(), "{fault:?} after {:?}", self.oracle.last());
    }

    /// Neither a confirmation nor a start nor a step back makes any cap count less than before.
    async fn check_nothing_freed(&self, wall_s: u64, before: &[(u64, u64)]) {
        if self.machine.wall_s() > wall_s {
            return;
        }
        let after = self.wallet().spent(self.machine.reading()).await;
        for (before, after) in before.iter().zip(&after) {
            assert!(after.0 >= before.0 && after.1 >= before.1, "{after:?} of {before:?} is left");
        }
    }

    /// The whole ledger is what the payments that are out say, and no window that ever was holds more than its cap.
    pub async fn finish(mut self) -> Counts {
        for cap in lasting() {
            for end in self.counted().map(|charge| charge.at) {
                let until = self.counted().filter(|charge| charge.at <= end);
                let (amount, count) = cap.spent(&self.zone, until, end);
                assert!(cap.spend.is_none_or(|(_, most)| amount <= most), "{amount} in {cap:?}");
                assert!(cap.count.is_none_or(|most| count <= most), "{count} in {cap:?}");
            }
        }
        let wallet = self.wallet.take().expect("an open wallet");
        let signed: Vec<_> = self.paid.into_iter().map(|paid| paid.mandate).collect();
        wallet.check(self.machine.reading(), &signed).await;
        self.counts
    }
}

/// A wallet in a folder, under the first caps of a sequence.
pub fn open(folder: &std::path::Path, parties: &Arc<Parties>, zone: Zone, of: usize) -> Wallet {
    Wallet::open(folder, parties, zone, UNSETTLED, caps(of)).expect("a new ledger")
}
