//! One request against the rules: each reason, and what consents, approvals and currencies mean.

#![expect(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod support;

use mandate::{AgentName, MerchantId, MinorUnits, Money, Sku, UnixSeconds};
use mandate_policy::{
    Allowed, Ask, Consent, Decision, Denial, Reason, Request, Rules, Spent, Violation, decide,
};

use support::KnownUsers;

/// 2026-11-24T12:00:00Z.
const NOW: u64 = 1_795_521_600;

const PARTIES: &str = r#"
[principal]
name = "Ada"
timezone = "UTC"

[limits]
unsettled = 2

[[agent]]
name = "travel"
uid = 1001

[[agent]]
name = "errands"
uid = 1002

[[agent]]
name = "former"
uid = 1003
until = 2026-11-23

[[merchant]]
id = "lux-hotels"
keys = [{ kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }]
free = ["search_rooms"]
paid = ["book_room", "book_spa"]
agents = ["travel", "former"]

[[merchant]]
id = "old-shop"
keys = [{ kty = "OKP", crv = "Ed25519", x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }]
paid = ["buy_milk"]
until = 2026-11-23
"#;

fn rules(caps: &str) -> Rules {
    Rules::parse(&format!("{PARTIES}{caps}"), &KnownUsers).unwrap()
}

fn money(text: &str) -> Money {
    text.parse().unwrap()
}

/// What was spent, as amounts in minor units and numbers of payments.
fn spent(of: &[(u64, u64)]) -> Vec<Spent> {
    let spent = |(amount, count)| Spent { amount: MinorUnits::new(amount).unwrap(), count };
    of.iter().copied().map(spent).collect()
}

/// Asks as `agent merchant action`.
fn ask(rules: &Rules, who: &str, ask: Ask, spent: &[Spent], unsettled: u64) -> Decision {
    let mut names = who.split(' ');
    let agent: AgentName = names.next().unwrap().parse().unwrap();
    let merchant: MerchantId = names.next().unwrap().parse().unwrap();
    let action: Sku = names.next().unwrap().parse().unwrap();
    let request = Request { agent: &agent, merchant: &merchant, action: &action, ask };
    decide(rules, &request, spent, unsettled, UnixSeconds::new(NOW).unwrap())
}

/// Asks for a payment of a room by the travel agent.
fn pay(rules: &Rules, total: &str, of: &[(u64, u64)]) -> Decision {
    let payment = Ask::Payment { total: money(total), consent: Consent::Standing };
    ask(rules, "travel lux-hotels book_room", payment, &spent(of), 0)
}

fn intend(rules: &Rules, price_max: Option<&str>, of: &[(u64, u64)]) -> Decision {
    let intent = Ask::Intent { price_max: price_max.map(money) };
    ask(rules, "travel lux-hotels book_room", intent, &spent(of), 0)
}

fn reasons(decision: Decision) -> Vec<Reason> {
    match decision {
        Decision::Allow(_) => Vec::new(),
        Decision::Deny(denial) => {
            let reasons: Vec<Reason> = denial.violations.iter().map(Violation::reason).collect();
            assert_eq!(reasons.first(), Some(&denial.reason()));
            reasons
        }
    }
}

fn denial(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        Decision::Allow(allowed) => panic!("{allowed:?}"),
    }
}

const DAY: &str = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n";

#[test]
fn what_is_not_listed_is_refused() {
    let rules = rules(DAY);
    let total = money("1.00 EUR");
    let (intent, payment) =
        (Ask::Intent { price_max: None }, Ask::Payment { total, consent: Consent::Standing });
    for (who, reason) in [
        ("stranger lux-hotels book_room", Reason::AgentUnknown),
        // Its consent is over; who asks is judged before what for.
        ("former lux-hotels book_room", Reason::AgentUnknown),
        ("stranger nobody nothing", Reason::AgentUnknown),
        ("travel nobody book_room", Reason::MerchantNotAllowed),
        ("errands lux-hotels search_rooms", Reason::MerchantNotAllowed),
        ("travel old-shop buy_milk", Reason::MerchantNotAllowed),
        ("travel lux-hotels buy_milk", Reason::ActionNotAllowed),
    ] {
        for wish in [intent, payment] {
            let found = reasons(ask(&rules, who, wish, &spent(&[(0, 0)]), 0));
            assert_eq!(found, [reason], "{who}");
        }
    }
}

#[test]
fn a_free_action_needs_no_cap_and_takes_no_payment() {
    let rules = rules("");
    let free = "travel lux-hotels search_rooms";
    let allowed = Decision::Allow(Allowed { caps: Vec::new(), free: true });
    for price_max in [None, Some(money("1.00 EUR"))] {
        assert_eq!(ask(&rules, free, Ask::Intent { price_max }, &[], 9), allowed);
    }
    let payment = Ask::Payment { total: money("1.00 EUR"), consent: Consent::Standing };
    assert_eq!(reasons(ask(&rules, free, payment, &[], 0)), [Reason::ActionIsFree]);
}

#[test]
fn a_payment_takes_a_cap_that_grants_its_currency() {
    for caps in [
        "",
        // None of these grants euros to the travel agent's room.
        "[[cap]]\nper = \"payment\"\nspend = \"500.00 EUR\"\n",
        "[[cap]]\nper = \"day\"\ncount = 3\n",
        "[[cap]]\nper = \"day\"\nspend = \"500 JPY\"\n",
        "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\naction = \"book_spa\"\n",
        "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\nmerchant = \"old-shop\"\n",
        "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\nagent = \"errands\"\n",
        "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\nuntil = 2026-11-23\n",
    ] {
        let rules = rules(caps);
        let none = [(0, 0)];
        assert_eq!(reasons(pay(&rules, "1.00 EUR", &none)), [Reason::CurrencyNotCapped], "{caps}");
        let priced = intend(&rules, Some("1.00 EUR"), &none);
        assert_eq!(reasons(priced), [Reason::CurrencyNotCapped], "{caps}");
    }
    let rules = rules(&format!("{DAY}until = 2026-11-24\n"));
    assert!(matches!(pay(&rules, "500.00 EUR", &[(0, 0)]), Decision::Allow(_)));
}

#[test]
fn what_no_cap_grants_is_told_with_its_currency() {
    let rules = rules("");
    let told = |decision| denial(decision).to_string();
    let euros = told(pay(&rules, "1.00 EUR", &[]));
    assert!(euros.starts_with("nothing in EUR may be spent on this: "), "{euros}");
    let any = told(intend(&rules, None, &[]));
    assert!(any.starts_with("nothing may be spent on this: "), "{any}");
}

#[test]
fn every_cap_that_matches_must_hold() {
    let caps = "[[cap]]\nper = \"payment\"\nspend = \"250.00 EUR\"\n\
        [[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\ncount = 3\n\
        [[cap]]\nper = \"24h\"\ncount = 5\n\
        [[cap]]\nper = \"day\"\nspend = \"9000 JPY\"\ncount = 1\n\
        [[cap]]\nper = \"day\"\nspend = \"1.00 EUR\"\naction = \"book_spa\"\n";
    let rules = rules(caps);
    let decided = |total: &str, day: (u64, u64), trailing: u64| {
        reasons(pay(&rules, total, &[(0, 0), day, (0, trailing), (9_000, 1), (100, 0)]))
    };
    let whole = pay(&rules, "250.00 EUR", &[(0, 0), (25_000, 2), (0, 4), (9_000, 1), (100, 0)]);
    // The cap in yen counts no euros, and the one of another action nothing of this one.
    assert_eq!(whole, Decision::Allow(Allowed { caps: vec![0, 1, 2], free: false }));
    assert_eq!(decided("250.01 EUR", (0, 0), 0), [Reason::CapExceeded]);
    assert_eq!(decided("250.00 EUR", (25_001, 0), 0), [Reason::CapExceeded]);
    assert_eq!(decided("0.01 EUR", (0, 3), 3), [Reason::CountExceeded]);
    assert_eq!(decided("0.01 EUR", (0, 0), 5), [Reason::CountExceeded]);
    let all = [Reason::CapExceeded, Reason::CapExceeded, Reason::CountExceeded];
    assert_eq!(decided("250.01 EUR", (50_000, 3), 5)[..3], all);
}

#[test]
fn a_denial_says_what_is_left_and_until_when() {
    let violation = denial(pay(&rules(DAY), "200.00 EUR", &[(40_000, 2)])).violations.remove(0);
    let Violation::CapExceeded { label, asked, limit, spent, remaining, resets_at, .. } = violation
    else {
        panic!("{violation:?}")
    };
    assert_eq!(label, "500.00 EUR per day");
    let amounts = [asked, limit, spent, remaining].map(|money| money.to_string());
    assert_eq!(amounts, ["200.00 EUR", "500.00 EUR", "400.00 EUR", "100.00 EUR"]);
    // 2026-11-25T00:00:00Z.
    assert_eq!(resets_at.map(UnixSeconds::seconds), Some(1_795_564_800));
}

#[test]
fn the_least_amount_is_not_told_as_a_price_that_was_asked() {
    let rules = rules(DAY);
    let told = |decision| denial(decision).to_string();
    let full = "under the cap of 500.00 EUR per day: 500.00 EUR spent, 0.00 EUR left until";
    let intent = told(intend(&rules, None, &[(50_000, 1)]));
    assert!(intent.starts_with(&format!("not even 0.01 EUR fits {full} ")), "{intent}");
    let payment = told(pay(&rules, "0.02 EUR", &[(50_000, 1)]));
    assert!(payment.starts_with(&format!("0.02 EUR does not fit {full} ")), "{payment}");
}

#[test]
fn what_no_wait_can_mend_is_reported_first() {
    let caps = "[[cap]]\nper = \"day\"\nspend = \"500.00 EUR\"\n\
        [[cap]]\nper = \"month\"\nspend = \"500.00 EUR\"\n\
        [[cap]]\nper = \"lifetime\"\ncount = 5\n";
    let rules = rules(caps);
    let first = |total: &str, lifetime: u64, day: u64, month: u64| {
        let of = [(day, 0), (month, 0), (0, lifetime)];
        let first = denial(pay(&rules, total, &of)).violations.remove(0);
        let waits = first.mends_with_time();
        match first {
            Violation::CapExceeded { label, .. } | Violation::CountExceeded { label, .. } => {
                (label, waits)
            }
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(first("1.00 EUR", 0, 50_000, 50_000), ("500.00 EUR per month".to_owned(), true));
    assert_eq!(first("1.00 EUR", 5, 50_000, 50_000), ("5 payments per lifetime".to_owned(), false));
    // More than the whole cap never fits.
    assert!(!first("500.01 EUR", 0, 0, 0).1);
}

#[test]
fn a_denial_that_no_wait_can_mend_names_no_end() {
    let counted = rules(&format!("{DAY}[[cap]]\nper = \"day\"\ncount = 1\n"));
    let told = |total: &str, spent: (u64, u64), count: u64| {
        denial(pay(&counted, total, &[spent, (0, count)])).to_string()
    };
    let cap = "under the cap of 500.00 EUR per day: 0.00 EUR spent, 500.00 EUR left";
    assert_eq!(told("500.01 EUR", (0, 0), 0), format!("500.01 EUR does not fit {cap}"));
    let end = " until 2026-11-25T00:00:00Z";
    assert!(told("500.00 EUR", (1, 1), 0).ends_with(&format!("499.99 EUR left{end}")));
    assert!(told("500.00 EUR", (0, 0), 1).ends_with(&format!("1 made{end}")));
}

#[test]
fn what_is_not_known_was_spent() {
    let rules = rules(DAY);
    assert_eq!(reasons(pay(&rules, "0.01 EUR", &[])), [Reason::CapExceeded]);
    let counted = self::rules(&format!("{DAY}[[cap]]\nper = \"day\"\ncount = 9\n"));
    assert_eq!(reasons(pay(&counted, "0.01 EUR", &[(0, 0)])), [Reason::CountExceeded]);
}

#[test]
fn an_expired_cap_keeps_its_limit_and_grants_nothing() {
    let expired = "[[cap]]\nper = \"month\"\nspend = \"100.00 EUR\"\nuntil = 2026-11-23\n";
    let both = rules(&format!("{DAY}{expired}"));
    assert!(matches!(pay(&both, "100.00 EUR", &[(0, 0), (0, 0)]), Decision::Allow(_)));
    assert_eq!(reasons(pay(&both, "100.01 EUR", &[(0, 0), (0, 0)])), [Reason::CapExceeded]);
    assert_eq!(reasons(pay(&both, "0.01 EUR", &[(0, 0), (10_000, 1)])), [Reason::CapExceeded]);
    let alone = rules(expired);
    assert_eq!(reasons(pay(&alone, "0.01 EUR", &[(0, 0)])), [Reason::CurrencyNotCapped]);
}

#[test]
fn too_many_open_payments_are_refused_and_intents_are_not() {
    let rules = rules(DAY);
    let room = "travel lux-hotels book_room";
    let payment = Ask::Payment { total: money("1.00 EUR"), consent: Consent::Standing };
    let none = spent(&[(0, 0)]);
    assert_eq!(reasons(ask(&rules, room, payment, &none, 1)), []);
    assert_eq!(reasons(ask(&rules, room, payment, &none, 2)), [Reason::TooManyUnsettled]);
    assert_eq!(reasons(ask(&rules, room, Ask::Intent { price_max: None }, &none, 2)), []);
}

#[test]
fn approvals_ask_the_principal_and_lift_no_cap() {
    let yen = "[[cap]]\nper = \"day\"\nspend = \"90000 JPY\"\n";
    let approval = "[[approval]]\nabove = \"150.00 EUR\"\nmerchant = \"lux-hotels\"\n";
    let rules = rules(&format!("{DAY}{yen}{approval}"));
    let none = [(0, 0), (0, 0)];
    assert_eq!(reasons(pay(&rules, "150.00 EUR", &none)), []);
    assert_eq!(reasons(pay(&rules, "150.01 EUR", &none)), [Reason::ApprovalRequired]);
    // Matching, but not in yen: nothing says what is little.
    assert_eq!(reasons(pay(&rules, "1 JPY", &none)), [Reason::ApprovalRequired]);
    // The cap is what is reported: a yes would not help.
    let both = [Reason::CapExceeded, Reason::ApprovalRequired];
    assert_eq!(reasons(pay(&rules, "500.01 EUR", &none)), both);
    assert_eq!(reasons(intend(&rules, Some("400.00 EUR"), &none)), []);
    // The lower of two counts.
    let lower = format!("{DAY}{yen}{approval}[[approval]]\nabove = \"0.00 EUR\"\n");
    assert_eq!(reasons(pay(&self::rules(&lower), "0.01 EUR", &none)), [Reason::ApprovalRequired]);
    let other = format!("{DAY}{yen}[[approval]]\nabove = \"0.00 EUR\"\naction = \"book_spa\"\n");
    assert_eq!(reasons(pay(&self::rules(&other), "500.00 EUR", &none)), []);
}

#[test]
fn an_intent_is_refused_when_nothing_could_be_paid() {
    let yen = "[[cap]]\nper = \"day\"\nspend = \"90000 JPY\"\n";
    let rules = rules(&format!("{DAY}{yen}[[cap]]\nper = \"day\"\ncount = 7\n"));
    let intend = |price_max, euros, yens, count| {
        reasons(intend(&rules, price_max, &[(euros, 0), (yens, 0), (0, count)]))
    };
    assert_eq!(intend(None, 50_000, 89_999, 6), []);
    assert_eq!(intend(None, 49_999, 90_000, 6), []);
    assert_eq!(intend(None, 50_000, 90_000, 6), [Reason::CapExceeded]);
    assert_eq!(intend(None, 0, 0, 7), [Reason::CountExceeded]);
    assert_eq!(intend(Some("100.00 EUR"), 40_000, 90_000, 0), []);
    assert_eq!(intend(Some("100.01 EUR"), 40_000, 0, 0), [Reason::CapExceeded]);
    assert_eq!(intend(Some("1.00 USD"), 0, 0, 0), [Reason::CurrencyNotCapped]);
    // Nothing is left, so not even nothing is.
    assert_eq!(intend(Some("0.00 EUR"), 50_000, 0, 0), [Reason::CapExceeded]);
    assert_eq!(intend(Some("0.00 EUR"), 49_999, 0, 0), []);
}

#[test]
fn a_cap_of_nothing_grants_nothing() {
    let rules = rules("[[cap]]\nper = \"day\"\nspend = \"0.00 EUR\"\n");
    assert_eq!(reasons(pay(&rules, "0.01 EUR", &[(0, 0)])), [Reason::CapExceeded]);
    assert_eq!(reasons(intend(&rules, None, &[(0, 0)])), [Reason::CapExceeded]);
}
