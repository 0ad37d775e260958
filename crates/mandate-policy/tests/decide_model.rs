//! `decide` against a naive model, and what no change of the rules may do.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use mandate::{MinorUnits, Money, UnixSeconds};
use mandate_policy::{
    Ask, Cap, Consent, Decision, Reason, Request, Rules, Spent, Violation, decide,
};
use proptest::prelude::*;

use support::KnownUsers;

/// 2026-11-24T12:00:00Z.
const NOW: u64 = 1_795_521_600;

const CURRENCIES: [&str; 2] = ["JPY", "KRW"];

/// The last day of a consent: over, not yet over, or none.
const DAYS: [Option<&str>; 3] = [Some("2026-11-23"), Some("2026-11-24"), None];

/// Agent, merchant and action of a rule; none of them, or some that go together.
const ABOUT: [[Option<&str>; 3]; 6] = [
    [None, None, None],
    [Some("travel"), None, None],
    [Some("errands"), None, Some("buy_milk")],
    [None, Some("lux-hotels"), None],
    [Some("travel"), Some("lux-hotels"), Some("book_room")],
    [None, None, Some("book_room")],
];

/// Who may ask whom for what: the actions of this list are listed and paid, all others are not.
const ASKED: [[&str; 3]; 6] = [
    ["travel", "lux-hotels", "book_room"],
    ["travel", "corner-shop", "buy_milk"],
    ["errands", "corner-shop", "buy_milk"],
    ["errands", "lux-hotels", "book_room"],
    ["travel", "corner-shop", "book_room"],
    ["nobody", "corner-shop", "buy_milk"],
];

#[derive(Debug, Clone)]
struct CapRule {
    per: &'static str,
    spend: Option<(&'static str, u64)>,
    count: Option<u64>,
    about: [Option<&'static str>; 3],
    until: Option<&'static str>,
    spent: (u64, u64),
}

#[derive(Debug, Clone)]
struct ApprovalRule {
    above: (&'static str, u64),
    about: [Option<&'static str>; 3],
}

#[derive(Debug, Clone)]
struct World {
    caps: Vec<CapRule>,
    approvals: Vec<ApprovalRule>,
    who: [&'static str; 3],
    unsettled: u64,
}

fn cap() -> impl Strategy<Value = CapRule> {
    let per = prop::sample::select(vec!["payment", "day", "24h", "lifetime"]);
    let spend = prop::option::weighted(0.8, (prop::sample::select(&CURRENCIES), 0_u64..60));
    let about = prop::sample::select(&ABOUT);
    let (until, already) = (prop::sample::select(&DAYS), (0_u64..60, 0_u64..4));
    let count = prop::option::of(1_u64..4);
    (per, spend, count, about, until, already).prop_map(
        |(per, spend, count, about, until, spent)| {
            let (spend, count) = match (per, spend, count) {
                ("payment", spend, _) => (spend.or(Some(("JPY", 30))), None),
                (_, None, None) => (None, Some(2)),
                (_, spend, count) => (spend, count),
            };
            CapRule { per, spend, count, about, until, spent }
        },
    )
}

fn approval() -> impl Strategy<Value = ApprovalRule> {
    let above = (prop::sample::select(&CURRENCIES), 0_u64..60);
    (above, prop::sample::select(&ABOUT)).prop_map(|(above, about)| ApprovalRule { above, about })
}

fn world() -> impl Strategy<Value = World> {
    let caps = prop::collection::vec(cap(), 0..6);
    let approvals = prop::collection::vec(approval(), 0..3);
    // The first three are listed: most requests should get as far as the caps.
    let who =
        prop_oneof![4 => prop::sample::select(&ASKED[..3]), 1 => prop::sample::select(&ASKED)];
    (caps, approvals, who, 0_u64..4).prop_map(|(caps, approvals, who, unsettled)| World {
        caps,
        approvals,
        who,
        unsettled,
    })
}

/// A payment, or an intent with or without a price.
fn wish() -> impl Strategy<Value = Wish> {
    let price = || (prop::sample::select(&CURRENCIES), 1_u64..60);
    prop_oneof![price().prop_map(Wish::Payment), prop::option::of(price()).prop_map(Wish::Intent),]
}

#[derive(Debug, Clone, Copy)]
enum Wish {
    Intent(Option<(&'static str, u64)>),
    Payment((&'static str, u64)),
}

fn money((currency, amount): (&str, u64)) -> Money {
    Money { currency: currency.parse().unwrap(), amount: MinorUnits::new(amount).unwrap() }
}

impl World {
    fn text(&self) -> String {
        let key = "keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\" }]";
        let mut text = format!(
            "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n[limits]\nunsettled = 3\n\
             [[agent]]\nname = \"travel\"\nuid = 1\n[[agent]]\nname = \"errands\"\nuid = 2\n\
             [[merchant]]\nid = \"lux-hotels\"\n{key}\npaid = [\"book_room\"]\nagents = [\"travel\"]\n\
             [[merchant]]\nid = \"corner-shop\"\n{key}\npaid = [\"buy_milk\"]\n"
        );
        let about = |[agent, merchant, action]: [Option<&str>; 3]| {
            let keys = [("agent", agent), ("merchant", merchant), ("action", action)];
            let named = keys.into_iter().filter_map(|(key, name)| Some((key, name?)));
            named.fold(String::new(), |text, (key, name)| format!("{text}{key} = \"{name}\"\n"))
        };
        for cap in &self.caps {
            write!(text, "[[cap]]\nper = \"{}\"\n{}", cap.per, about(cap.about)).unwrap();
            cap.spend.iter().for_each(|(c, n)| writeln!(text, "spend = \"{n} {c}\"").unwrap());
            cap.count.iter().for_each(|count| writeln!(text, "count = {count}").unwrap());
            cap.until.iter().for_each(|until| writeln!(text, "until = {until}").unwrap());
        }
        for ApprovalRule { above: (currency, n), about: of } in &self.approvals {
            write!(text, "[[approval]]\nabove = \"{n} {currency}\"\n{}", about(*of)).unwrap();
        }
        text
    }

    /// The decision, and the labels of the caps that count the request.
    fn decide(&self, wish: Wish) -> (Decision, Vec<String>) {
        let rules = Rules::parse(&self.text(), &KnownUsers).unwrap();
        let spent = |CapRule { spent: (amount, count), .. }: &CapRule| Spent {
            amount: MinorUnits::new(*amount).unwrap(),
            count: *count,
        };
        let spent: Vec<Spent> = self.caps.iter().map(spent).collect();
        let [agent, merchant, action] = self.who;
        let ask = match wish {
            Wish::Intent(price_max) => Ask::Intent { price_max: price_max.map(money) },
            Wish::Payment(total) => {
                Ask::Payment { total: money(total), consent: Consent::Standing }
            }
        };
        let (agent, merchant, action) =
            (agent.parse().unwrap(), merchant.parse().unwrap(), action.parse().unwrap());
        let request = Request { agent: &agent, merchant: &merchant, action: &action, ask };
        let now = UnixSeconds::new(NOW).unwrap();
        let decision = decide(&rules, &request, &spent, self.unsettled, now);
        let mut labels = Vec::new();
        if let Decision::Allow(allowed) = &decision {
            let label = |index: &usize| rules.caps().get(*index).map(Cap::label).unwrap();
            labels = allowed.caps.iter().map(|index| label(index).to_owned()).collect();
            labels.sort();
        }
        (decision, labels)
    }

    fn is_about(&self, about: [Option<&str>; 3]) -> bool {
        about.iter().zip(self.who).all(|(named, asked)| named.is_none_or(|named| named == asked))
    }

    /// The currencies in which something may be spent.
    fn granted(&self) -> BTreeSet<&'static str> {
        let grants = |cap: &&CapRule| cap.per != "payment" && cap.until != Some("2026-11-23");
        let caps = self.caps.iter().filter(|cap| self.is_about(cap.about));
        caps.filter(grants).filter_map(|cap| cap.spend).map(|(currency, _)| currency).collect()
    }

    /// The caps, in a few lines.
    fn fits(&self, (currency, amount): (&str, u64)) -> bool {
        let caps: Vec<&CapRule> = self.caps.iter().filter(|cap| self.is_about(cap.about)).collect();
        let of_currency = |cap: &CapRule| cap.spend.is_none_or(|(of, _)| of == currency);
        let holds = |cap: &CapRule| {
            let (spent, count) = if cap.per == "payment" { (0, 0) } else { cap.spent };
            cap.spend.is_none_or(|(_, most)| spent + amount <= most)
                && cap.count.is_none_or(|most| count < most)
        };
        self.granted().contains(currency)
            && caps.iter().filter(|cap| of_currency(cap)).all(|cap| holds(cap))
    }

    /// The whole decision, in a few lines.
    fn allows(&self, wish: Wish) -> bool {
        let listed = ASKED[..3].contains(&self.who);
        let approvals = self.approvals.iter().filter(|rule| self.is_about(rule.about));
        let approvals: Vec<(&str, u64)> = approvals.map(|rule| rule.above).collect();
        let needs_no_yes = |(currency, amount): (&str, u64)| {
            let mut of_currency = approvals.iter().filter(|(of, _)| *of == currency).peekable();
            approvals.is_empty()
                || of_currency.peek().is_some() && of_currency.all(|(_, above)| amount <= *above)
        };
        listed
            && match wish {
                Wish::Intent(None) => CURRENCIES.iter().any(|currency| self.fits((currency, 1))),
                Wish::Intent(Some(price)) => self.fits(price),
                Wish::Payment(total) => {
                    self.fits(total) && self.unsettled < 3 && needs_no_yes(total)
                }
            }
    }
}

fn is_allowed(decision: &Decision) -> bool {
    matches!(decision, Decision::Allow(_))
}

fn reasons(decision: &Decision) -> Vec<Reason> {
    match decision {
        Decision::Allow(_) => Vec::new(),
        Decision::Deny(denial) => denial.violations.iter().map(Violation::reason).collect(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn a_naive_model_agrees(world in world(), wish in wish()) {
        let (decision, _) = world.decide(wish);
        prop_assert_eq!(is_allowed(&decision), world.allows(wish), "{:?}", decision);
    }

    #[test]
    fn the_order_of_rules_means_nothing(
        (world, shuffled) in world().prop_flat_map(|world| {
            let caps = Just(world.caps.clone()).prop_shuffle();
            let approvals = Just(world.approvals.clone()).prop_shuffle();
            let shuffled = (caps, approvals).prop_map({
                let world = world.clone();
                move |(caps, approvals)| World { caps, approvals, ..world.clone() }
            });
            (Just(world), shuffled)
        }),
        wish in wish(),
    ) {
        let ((one, one_caps), (other, other_caps)) = (world.decide(wish), shuffled.decide(wish));
        prop_assert_eq!(reasons(&one), reasons(&other));
        prop_assert_eq!(one_caps, other_caps);
        let texts = |decision: Decision| match decision {
            Decision::Allow(_) => Vec::new(),
            Decision::Deny(denial) => denial.violations.iter().map(ToString::to_string).collect(),
        };
        let (mut one, mut other) = (texts(one), texts(other));
        // Two caps with one label can only be told apart by what was spent, which is one and the same in a wallet.
        one.sort();
        other.sort();
        prop_assert_eq!(one, other);
    }

    /// A cap makes room only where nothing was granted before: in its own currency.
    #[test]
    fn another_cap_permits_no_more(world in world(), added in cap(), wish in wish()) {
        let (before, _) = world.decide(wish);
        let granted = world.granted();
        let mut after = world;
        after.caps.push(added);
        let opens = after.granted().len() > granted.len();
        let (after, _) = after.decide(wish);
        prop_assert!(is_allowed(&before) || !is_allowed(&after) || opens);
    }

    /// An approval makes room only where those before it said nothing about the currency.
    #[test]
    fn another_approval_permits_no_more(world in world(), added in approval(), wish in wish()) {
        let (before, _) = world.decide(wish);
        let silent = match wish {
            Wish::Payment((currency, _)) => {
                let matching = world.approvals.iter().filter(|rule| world.is_about(rule.about));
                matching.clone().next().is_some() && matching.clone().all(|rule| rule.above.0 != currency)
            }
            Wish::Intent(_) => false,
        };
        let mut after = world;
        after.approvals.push(added);
        let (after, _) = after.decide(wish);
        prop_assert!(is_allowed(&before) || !is_allowed(&after) || silent);
    }

    #[test]
    fn a_lower_limit_permits_no_more(
        world in world(),
        wish in wish(),
        which in any::<prop::sample::Index>(),
        less in 1_u64..60,
    ) {
        let (before, _) = world.decide(wish);
        let mut after = world;
        if !after.caps.is_empty() {
            let index = which.index(after.caps.len());
            let cap = &mut after.caps[index];
            cap.spend = cap.spend.map(|(currency, most)| (currency, most.saturating_sub(less)));
            cap.count = cap.count.map(|most| most.saturating_sub(less).max(1));
        }
        if !after.approvals.is_empty() {
            let index = which.index(after.approvals.len());
            let (currency, above) = after.approvals[index].above;
            after.approvals[index].above = (currency, above.saturating_sub(less));
        }
        let (after, _) = after.decide(wish);
        prop_assert!(is_allowed(&before) || !is_allowed(&after));
    }

    #[test]
    fn more_spent_permits_no_more(
        world in world(),
        wish in wish(),
        which in any::<prop::sample::Index>(),
        (amount, count) in (0_u64..60, 0_u64..4),
    ) {
        let (before, _) = world.decide(wish);
        let mut after = world;
        if !after.caps.is_empty() {
            let index = which.index(after.caps.len());
            let cap = &mut after.caps[index];
            cap.spent = (cap.spent.0 + amount, cap.spent.1 + count);
        }
        let (after, _) = after.decide(wish);
        prop_assert!(is_allowed(&before) || !is_allowed(&after));
    }
}
