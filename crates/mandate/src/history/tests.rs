use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::key::MerchantRole;
use crate::testing::TestSigner;

/// Keys of the peer; most of the time it has one.
const KEY: u8 = 1;
const NEW_KEY: u8 = 2;

fn kid(key: u8) -> KeyId {
    KeyId::of(&[key])
}

fn token(name: u64) -> TokenHash {
    TokenHash::of(&name.to_be_bytes())
}

/// A side's own log: in each entry the peer's token that it holds, if it holds one.
type Log = Vec<Option<Shown>>;

/// What both sides do with the rule, by the plainest means: every head of the same log that is here, one by one.
fn judge(log: &Log, new: &Shown, answers: Option<usize>, keys: &[KeyId]) -> Option<Rule> {
    let earlier = log.iter().enumerate().filter_map(|(seq, shown)| Some((seq, (*shown)?)));
    let mut same_log = earlier.filter(|(_, shown)| keys.contains(&shown.kid));
    same_log.find_map(|(seq, shown)| {
        let order = if answers.is_some_and(|of| seq <= of) { Order::Known } else { Order::Unknown };
        new.contradicts(&shown, order)
    })
}

/// A peer's log as far as it matters: how long it is. Each of its tokens has a name that no other has.
#[derive(Debug, Clone)]
struct Peer {
    size: u64,
    key: u8,
}

impl Peer {
    fn sign(&mut self, others: u64, names: &mut u64) -> Shown {
        self.size += 1 + others;
        *names += 1;
        Shown { kid: kid(self.key), size: self.size, token: token(*names) }
    }
}

/// A token that is out: what it answers in our log, and what it would be written down as.
#[derive(Debug, Clone, Copy)]
struct Out {
    shown: Shown,
    answers: usize,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Cart,
    Receipt,
}

/// One thing that happens; each picks among what is there.
#[derive(Debug, Clone)]
enum Step {
    /// We write an intent.
    Ask,
    /// The peer gets one of our intents, perhaps again, and signs a cart; other entries came in between.
    Quote(Index, u64),
    /// We get a cart, perhaps again or late, and pay it.
    Pay(Index),
    /// The peer gets one of our payments, and signs a receipt.
    Settle(Index, u64),
    /// We get a receipt, perhaps again or late.
    Record(Index),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        Just(Step::Ask),
        (any::<Index>(), 0_u64..3).prop_map(|(which, others)| Step::Quote(which, others)),
        any::<Index>().prop_map(Step::Pay),
        (any::<Index>(), 0_u64..3).prop_map(|(which, others)| Step::Settle(which, others)),
        any::<Index>().prop_map(Step::Record),
    ];
    proptest::collection::vec(step, 0..80)
}

/// Everything that happened between us and one peer.
#[derive(Debug, Default)]
struct Trade {
    log: Log,
    intents: Vec<usize>,
    payments: Vec<usize>,
    out: Vec<Out>,
    names: u64,
}

impl Trade {
    fn of(&self, kind: Kind, which: Index) -> Option<Out> {
        let out: Vec<_> = self.out.iter().filter(|out| out.kind == kind).collect();
        (!out.is_empty()).then(|| **which.get(&out))
    }

    fn write(&mut self, shown: Option<Shown>) -> usize {
        self.log.push(shown);
        self.log.len() - 1
    }

    fn answer(&mut self, peer: &mut Peer, answers: usize, others: u64, kind: Kind) -> Out {
        let out = Out { shown: peer.sign(others, &mut self.names), answers, kind };
        self.out.push(out);
        out
    }

    /// Takes a token in as a side does: judged first, then written down.
    fn take(&mut self, out: Out, keys: &[KeyId]) -> Result<(), Rule> {
        if let Some(rule) = judge(&self.log, &out.shown, Some(out.answers), keys) {
            return Err(rule);
        }
        let seq = self.write(Some(out.shown));
        if out.kind == Kind::Cart {
            self.payments.push(seq);
        }
        Ok(())
    }

    fn step(&mut self, step: &Step, peer: &mut Peer, keys: &[KeyId]) -> Result<(), Rule> {
        match step {
            Step::Ask => {
                let seq = self.write(None);
                self.intents.push(seq);
            }
            Step::Quote(which, others) if !self.intents.is_empty() => {
                let of = *which.get(&self.intents);
                self.answer(peer, of, *others, Kind::Cart);
            }
            Step::Settle(which, others) if !self.payments.is_empty() => {
                let of = *which.get(&self.payments);
                self.answer(peer, of, *others, Kind::Receipt);
            }
            Step::Pay(which) => {
                if let Some(out) = self.of(Kind::Cart, *which) {
                    return self.take(out, keys);
                }
            }
            Step::Record(which) => {
                if let Some(out) = self.of(Kind::Receipt, *which) {
                    return self.take(out, keys);
                }
            }
            Step::Quote(..) | Step::Settle(..) => {}
        }
        Ok(())
    }

    fn run(&mut self, steps: &[Step], peer: &mut Peer, keys: &[KeyId]) -> Result<(), Rule> {
        steps.iter().try_for_each(|step| self.step(step, peer, keys))
    }

    /// The largest size that the peer showed here.
    fn peak(&self) -> u64 {
        self.log.iter().flatten().map(|shown| shown.size).max().unwrap_or(0)
    }
}

proptest! {
    /// Whatever gets lost, comes late, again or in another order than it was signed: an honest peer stays honest.
    #[test]
    fn an_honest_peer_never_contradicts_itself(steps in steps()) {
        let mut peer = Peer { size: 0, key: KEY };
        prop_assert_eq!(Trade::default().run(&steps, &mut peer, &[kid(KEY)]), Ok(()));
    }

    /// A new key that signs the same log shows the same log.
    #[test]
    fn an_honest_peer_may_change_its_key(before in steps(), after in steps()) {
        let (mut peer, mut trade) = (Peer { size: 0, key: KEY }, Trade::default());
        let keys = [kid(KEY), kid(NEW_KEY)];
        prop_assert_eq!(trade.run(&before, &mut peer, &keys), Ok(()));
        peer.key = NEW_KEY;
        prop_assert_eq!(trade.run(&after, &mut peer, &keys), Ok(()));
    }

    /// The way out for a peer that lost its log: a new one under a new key, once the old key is trusted no longer.
    #[test]
    fn a_new_log_under_a_new_key_contradicts_nothing(before in steps(), after in steps()) {
        let (mut old, mut trade) = (Peer { size: 0, key: KEY }, Trade::default());
        prop_assert_eq!(trade.run(&before, &mut old, &[kid(KEY)]), Ok(()));
        let late = std::mem::take(&mut trade.out);
        let mut new = Peer { size: 0, key: NEW_KEY };
        prop_assert_eq!(trade.run(&after, &mut new, &[kid(NEW_KEY)]), Ok(()));
        // What the old key signed is held against what it signed itself, and against nothing else.
        for out in late {
            prop_assert_eq!(trade.take(out, &[kid(KEY)]), Ok(()));
        }
    }

    /// A backup that was put back is noticed by the first answer to anything that was written after it showed more.
    #[test]
    fn a_log_that_was_cut_back_is_noticed(steps in steps(), to in any::<Index>(), others in 0_u64..5) {
        let (mut peer, mut trade) = (Peer { size: 0, key: KEY }, Trade::default());
        let keys = [kid(KEY)];
        prop_assert_eq!(trade.run(&steps, &mut peer, &keys), Ok(()));
        let peak = trade.peak();
        prop_assume!(peak > 0);
        peer.size = u64::try_from(to.index(usize::try_from(peak).unwrap())).unwrap();
        let asked = trade.write(None);
        let out = trade.answer(&mut peer, asked, others, Kind::Cart);
        let noticed = trade.take(out, &keys);
        if out.shown.size > peak {
            prop_assert_eq!(noticed, Ok(()), "it grew past what it showed, which no head tells");
        } else {
            prop_assert!(noticed.is_err(), "{} after {peak}", out.shown.size);
        }
    }

    /// Two logs with one past: the first token of each at one size is the proof, whichever way round they come in.
    #[test]
    fn a_fork_is_noticed_where_both_show_one_size(steps in steps(), others in 0_u64..3, swap: bool) {
        let (mut peer, mut trade) = (Peer { size: 0, key: KEY }, Trade::default());
        let keys = [kid(KEY)];
        prop_assert_eq!(trade.run(&steps, &mut peer, &keys), Ok(()));
        let asked = trade.write(None);
        let mut fork = peer.clone();
        let mut two = [
            trade.answer(&mut peer, asked, others, Kind::Cart),
            trade.answer(&mut fork, asked, others, Kind::Cart),
        ];
        if swap {
            two.reverse();
        }
        let [first, second] = two;
        prop_assert_eq!(trade.take(first, &keys), Ok(()));
        prop_assert_eq!(trade.take(first, &keys), Ok(()), "the same token again");
        prop_assert_eq!(trade.take(second, &keys), Err(Rule::SameSize));
    }
}

#[test]
fn one_token_agrees_with_itself_and_size_alone_decides_between_two() {
    let shown = |size, name| Shown { kid: kid(KEY), size, token: token(name) };
    for order in [Order::Known, Order::Unknown] {
        assert_eq!(shown(7, 1).contradicts(&shown(7, 1), order), None);
        assert_eq!(shown(7, 2).contradicts(&shown(7, 1), order), Some(Rule::SameSize));
        assert_eq!(shown(8, 2).contradicts(&shown(7, 1), order), None);
    }
    assert_eq!(shown(6, 2).contradicts(&shown(7, 1), Order::Known), Some(Rule::Backwards));
    assert_eq!(shown(6, 2).contradicts(&shown(7, 1), Order::Unknown), None);
}

#[test]
fn a_key_that_is_trusted_no_longer_shows_a_log_of_its_own() {
    let (one, two, old) = (TestSigner::new(1), TestSigner::new(2), TestSigner::new(3));
    let key = |signer: &TestSigner| crate::Signer::public_key(signer);
    let trusted = KeySet::<MerchantRole>::new([key(&one), key(&two)]);
    let mut both = vec![key(&one).id(), key(&two).id()];
    both.sort_unstable();
    assert_eq!(same_log(key(&one).id(), &trusted), both);
    assert_eq!(same_log(key(&two).id(), &trusted), both);
    assert_eq!(same_log(key(&old).id(), &trusted), [key(&old).id()]);
}

#[test]
fn a_rule_is_written_as_it_is_named() {
    for rule in Rule::ALL {
        assert_eq!(serde_json::to_string(&rule).unwrap(), format!("\"{rule}\""));
        assert_eq!(Rule::parse(rule.as_str()), Some(rule));
    }
}
