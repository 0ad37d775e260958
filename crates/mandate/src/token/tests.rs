//! Properties of all four kinds: what is printed is parsed, what is altered is refused.

use std::fmt::Debug;
use std::str::FromStr;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::digest::{CartHash, Head, IntentHash, KeyId, PaymentHash, RequestDigest, Root};
use crate::id::{AgentName, Jti, MerchantId, PrincipalId, Sku};
use crate::key::Signer;
use crate::money::{Currency, EXACT_INTEGER_MAX, MinorUnits, Money};
use crate::testing::TestSigner;
use crate::text::Text;
use crate::time::UnixSeconds;

const SEED: u8 = 7;

fn key() -> TestSigner {
    TestSigner::new(SEED)
}

fn kid() -> KeyId {
    key().public_key().id()
}

fn id<T: FromStr<Err: Debug> + Debug>() -> impl Strategy<Value = T> {
    "[a-z0-9][a-z0-9._-]{0,63}".prop_map(|text| text.parse().unwrap())
}

fn principal() -> impl Strategy<Value = PrincipalId> {
    let did = any::<u8>().prop_map(|s| PrincipalId::from_key(&TestSigner::new(s).public_key()));
    prop_oneof![id(), did]
}

fn jti() -> impl Strategy<Value = Jti> {
    any::<[u8; 16]>().prop_map(Jti::from_random)
}

fn time() -> impl Strategy<Value = UnixSeconds> {
    (0..=EXACT_INTEGER_MAX - 1_000).prop_map(|seconds| UnixSeconds::new(seconds).unwrap())
}

fn life(max_s: u64) -> impl Strategy<Value = (UnixSeconds, UnixSeconds)> {
    (time(), 1..=max_s).prop_map(|(iat, life_s)| (iat, iat.plus(life_s)))
}

fn quantity() -> impl Strategy<Value = Quantity> {
    (1..=QUANTITY_MAX).prop_map(|units| Quantity::new(units).unwrap())
}

fn request() -> impl Strategy<Value = RequestDigest> {
    any::<[u8; 32]>().prop_map(RequestDigest::from_bytes)
}

fn action() -> impl Strategy<Value = Action> {
    (id(), quantity(), proptest::option::of(request()))
        .prop_map(|(sku, quantity, request)| Action { sku, quantity, request })
}

fn bound_action() -> impl Strategy<Value = BoundAction> {
    (id(), quantity(), request()).prop_map(|(sku, quantity, request)| BoundAction {
        sku,
        quantity,
        request,
    })
}

fn currency() -> impl Strategy<Value = Currency> {
    select(vec!["EUR", "JPY", "BHD", "USD"]).prop_map(|code| code.parse().unwrap())
}

fn amount(min: u64) -> impl Strategy<Value = MinorUnits> {
    (min..=EXACT_INTEGER_MAX / 64).prop_map(|units| MinorUnits::new(units).unwrap())
}

fn money() -> impl Strategy<Value = Money> {
    (currency(), amount(1)).prop_map(|(currency, amount)| Money { currency, amount })
}

fn text<const MAX: usize>() -> impl Strategy<Value = Text<MAX>> {
    r#"[ -~"\\/éß€日😀]{0,16}"#.prop_map(|text| text.parse().unwrap())
}

fn head(min: u64) -> impl Strategy<Value = Head> {
    (min..=EXACT_INTEGER_MAX, any::<[u8; 32]>())
        .prop_map(|(size, root)| Head { size, root: Root::from_bytes(root) })
}

prop_compose! {
    fn intent()(
        iss in principal(), aud in id::<MerchantId>(), jti in jti(),
        (iat, exp) in life(INTENT_LIFE_S_MAX), act in id::<AgentName>(), action in action(),
        limit in proptest::option::of((currency(), amount(0)).prop_map(|(currency, max)| Limit { currency, max })),
    ) -> IntentClaims {
        IntentClaims { iss, aud, jti, iat, exp, act, action, limit }
    }
}

prop_compose! {
    fn line()(title in text(), quantity in quantity(), amount in amount(0)) -> LineItem {
        LineItem { title, quantity, amount }
    }
}

prop_compose! {
    fn cart()(
        iss in id::<MerchantId>(), aud in principal(), jti in jti(),
        (iat, exp) in life(CART_LIFE_S_MAX), act in id::<AgentName>(), action in bound_action(),
        last in amount(1), mut line_items in proptest::collection::vec(line(), 1..=LINE_ITEMS_MAX),
        currency in currency(), intent in any::<[u8; 32]>(), peer_log in head(0),
    ) -> CartClaims {
        line_items[0].amount = last;
        let sum = line_items.iter().map(|line| line.amount.units()).sum();
        let total = Money { currency, amount: MinorUnits::new(sum).unwrap() };
        let intent = IntentHash::from_bytes(intent);
        CartClaims { iss, aud, jti, iat, exp, act, action, line_items, total, intent, peer_log }
    }
}

prop_compose! {
    fn cap()(
        money in proptest::option::of(money()), count in proptest::option::of(0..=EXACT_INTEGER_MAX),
        from in time(), length_s in proptest::option::of(1..1_000_u64),
        action in proptest::option::of(id::<Sku>()), agent in proptest::option::of(id::<AgentName>()),
    ) -> CapClaim {
        let count = if money.is_none() { count.or(Some(1)) } else { count };
        CapClaim {
            currency: money.map(|money| money.currency), max: money.map(|money| money.amount), count, from,
            until: length_s.map(|length_s| from.plus(length_s)), action, agent,
        }
    }
}

prop_compose! {
    fn payment()(
        iss in principal(), aud in id::<MerchantId>(), jti in jti(),
        (iat, exp) in life(PAYMENT_LIFE_S_MAX), act in id::<AgentName>(), action in bound_action(),
        total in money(), intent in any::<[u8; 32]>(), cart in any::<[u8; 32]>(),
        caps in proptest::collection::vec(cap(), 0..=CAPS_MAX), peer_log in head(0),
    ) -> PaymentClaims {
        let (intent, cart) = (IntentHash::from_bytes(intent), CartHash::from_bytes(cart));
        PaymentClaims { iss, aud, jti, iat, exp, act, action, total, intent, cart, caps, peer_log }
    }
}

prop_compose! {
    fn receipt()(
        iss in id::<MerchantId>(), aud in principal(), jti in jti(), iat in time(),
        act in id::<AgentName>(), mut action in action(), bound in request(),
        paid in proptest::option::of((money(), any::<[u8; 32]>(), any::<[u8; 32]>())),
        intent in any::<[u8; 32]>(), is_void in any::<bool>(), reason in text(),
        order in proptest::option::of(text()), peer_log in head(0),
    ) -> ReceiptClaims {
        let (status, reason, order) = if is_void {
            (Status::Void, Some(reason), None)
        } else {
            (Status::Executed, None, order)
        };
        if paid.is_some() {
            action.request = Some(bound);
        }
        let total = paid.map(|(total, ..)| {
            Money { amount: if is_void { MinorUnits::ZERO } else { total.amount }, ..total }
        });
        ReceiptClaims {
            iss, aud, jti, iat, act, action, total, intent: IntentHash::from_bytes(intent),
            cart: paid.map(|(_, cart, _)| CartHash::from_bytes(cart)),
            payment: paid.map(|(.., payment)| PaymentHash::from_bytes(payment)),
            status, reason, order, peer_log,
        }
    }
}

/// Issue, parse, verify: each step gives back what went in, and a stored draft gives the same bytes again.
fn round_trip<K: Kind>(claims: &K::Claims, head: Head) -> Result<Mandate<K>, TestCaseError> {
    let draft = Draft::<K>::new(claims, kid()).unwrap();
    let issued = draft.issue(head, &key()).unwrap();
    let parsed = UnverifiedMandate::<K>::parse(issued.as_str()).unwrap();
    prop_assert_eq!(parsed.claims(), claims);
    prop_assert_eq!(parsed.kid(), &kid());
    let verified = parsed.verify(&key().trusted()).unwrap();
    prop_assert_eq!(verified.claims(), claims);
    prop_assert_eq!(verified.head(), head);
    prop_assert_eq!(verified.hash(), issued.hash());
    let stored = Draft::<K>::from_stored(draft.header(), draft.claims_json()).unwrap();
    prop_assert_eq!(stored.claims(), claims);
    let again = stored.issue(head, &key()).unwrap();
    prop_assert_eq!(again.as_str(), issued.as_str());
    Ok(issued)
}

/// One byte is another: it does not parse, or it does not verify.
fn altered_is_refused<K: Kind>(
    token: &Mandate<K>,
    at: Index,
    flip: u8,
) -> Result<(), TestCaseError> {
    let mut bytes = token.as_str().as_bytes().to_vec();
    let at = at.index(bytes.len());
    bytes[at] ^= flip;
    let Ok(text) = String::from_utf8(bytes) else { return Ok(()) };
    let accepted = UnverifiedMandate::<K>::parse(&text)
        .is_ok_and(|token| token.verify(&key().trusted()).is_ok());
    prop_assert!(!accepted, "byte {at} was altered unseen");
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn an_intent_survives_its_journey(claims in intent(), head in head(1), at in any::<Index>(), flip in 1..=255_u8) {
        altered_is_refused(&round_trip::<Intent>(&claims, head)?, at, flip)?;
    }

    #[test]
    fn a_cart_survives_its_journey(claims in cart(), head in head(1), at in any::<Index>(), flip in 1..=255_u8) {
        altered_is_refused(&round_trip::<Cart>(&claims, head)?, at, flip)?;
    }

    #[test]
    fn a_payment_survives_its_journey(claims in payment(), head in head(1), at in any::<Index>(), flip in 1..=255_u8) {
        altered_is_refused(&round_trip::<Payment>(&claims, head)?, at, flip)?;
    }

    #[test]
    fn a_receipt_survives_its_journey(claims in receipt(), head in head(1), at in any::<Index>(), flip in 1..=255_u8) {
        altered_is_refused(&round_trip::<Receipt>(&claims, head)?, at, flip)?;
    }

    #[test]
    fn no_text_panics(text in "[A-Za-z0-9_.-]{0,200}") {
        prop_assert!(UnverifiedMandate::<Intent>::parse(&text).is_err());
    }
}

/// An intent and the head it is issued at.
fn example() -> (IntentClaims, Head) {
    let claims = IntentClaims {
        iss: "ada".parse().unwrap(),
        aud: "lux-hotels".parse().unwrap(),
        jti: Jti::from_random([1; 16]),
        iat: UnixSeconds::new(1_767_225_600).unwrap(),
        exp: UnixSeconds::new(1_767_225_660).unwrap(),
        act: "travel".parse().unwrap(),
        action: Action {
            sku: "book_room".parse().unwrap(),
            quantity: Quantity::new(2).unwrap(),
            request: None,
        },
        limit: Some(Limit {
            currency: "EUR".parse().unwrap(),
            max: MinorUnits::new(20_000).unwrap(),
        }),
    };
    (claims, Head { size: 8, root: Root::from_bytes([0; 32]) })
}

#[test]
fn each_byte_of_a_token_counts() {
    let (claims, head) = example();
    let token = Draft::<Intent>::new(&claims, kid()).unwrap().issue(head, &key()).unwrap();
    let keys = key().trusted();
    for at in 0..token.as_str().len() {
        for flip in [0x01, 0x02, 0x20] {
            let mut bytes = token.as_str().as_bytes().to_vec();
            bytes[at] ^= flip;
            let parsed = UnverifiedMandate::<Intent>::parse(std::str::from_utf8(&bytes).unwrap());
            let accepted = parsed.is_ok_and(|token| token.verify(&keys).is_ok());
            assert!(!accepted, "byte {at} was altered unseen");
        }
    }
}

#[test]
fn the_stored_bytes_and_the_log_make_the_payload() {
    let (claims, head) = example();
    let draft = Draft::<Intent>::new(&claims, kid()).unwrap();
    let stored = r#"{"iss":"ada","aud":"lux-hotels","jti":"AQEBAQEBAQEBAQEBAQEBAQ","iat":1767225600,"exp":1767225660,"act":{"sub":"travel"},"action":{"sku":"book_room","quantity":2},"limit":{"currency":"EUR","max":20000}"#;
    assert_eq!(draft.claims_json().get(), format!("{stored}}}"));
    let token = draft.issue(head, &key()).unwrap();
    let payload = crate::jws::decode(token.as_str()).unwrap().payload;
    let log = format!(r#","log":{{"size":8,"root":"{}"}}}}"#, "A".repeat(43));
    assert_eq!(String::from_utf8(payload).unwrap(), format!("{stored}{log}"));
    assert_eq!(token.hash(), IntentHash::of(token.as_str().as_bytes()));
}

#[test]
fn only_the_named_key_and_a_possible_head_issue_a_token() {
    let (claims, head) = example();
    let draft = Draft::<Intent>::new(&claims, kid()).unwrap();
    let other = TestSigner::new(9);
    let actual = other.public_key().id();
    let mismatch = IssueError::KeyMismatch { expected: kid(), actual };
    assert_eq!(draft.issue(head, &other).unwrap_err(), mismatch);
    for size in [0, EXACT_INTEGER_MAX + 1] {
        let error = draft.issue(Head { size, ..head }, &key()).unwrap_err();
        assert_eq!(error, IssueError::Head { size });
    }
}

#[test]
fn claims_that_would_not_be_read_are_not_drafted() {
    let (mut claims, _) = example();
    claims.exp = claims.iat;
    let error = Draft::<Intent>::new(&claims, kid()).unwrap_err();
    assert!(matches!(error, DraftError::Rule(RuleError::LifeEmpty)));
}

#[test]
fn a_quantity_is_the_number_it_was_made_of() {
    for units in [1, 2, QUANTITY_MAX] {
        let quantity = Quantity::new(units).unwrap();
        assert_eq!((quantity.get(), quantity.to_string()), (units, units.to_string()));
    }
    assert!(Quantity::new(0).is_err() && Quantity::new(QUANTITY_MAX + 1).is_err());
}

proptest! {
    /// A count or a size of a log that no reader of JSON takes is refused before it is signed.
    #[test]
    fn numbers_past_the_exact_ones_are_not_drafted(claims in payment(), cap in cap()) {
        let drafted = |claims: &PaymentClaims| Draft::<Payment>::new(claims, kid()).map(drop);
        let limit = |size, count| PaymentClaims {
            peer_log: Head { size, ..claims.peer_log },
            caps: vec![CapClaim { count: Some(count), ..cap.clone() }],
            ..claims.clone()
        };
        prop_assert!(drafted(&limit(EXACT_INTEGER_MAX, EXACT_INTEGER_MAX)).is_ok());
        let past = drafted(&limit(EXACT_INTEGER_MAX + 1, 1));
        prop_assert!(matches!(past, Err(DraftError::Rule(RuleError::PeerLogSize))), "{:?}", past);
        let past = drafted(&limit(1, EXACT_INTEGER_MAX + 1));
        prop_assert!(matches!(past, Err(DraftError::Rule(RuleError::CapCount { index: 0 }))), "{:?}", past);
    }
}

#[test]
fn a_stored_draft_is_judged_again() {
    let (claims, _) = example();
    let draft = Draft::<Intent>::new(&claims, kid()).unwrap();
    let raw = |text: String| serde_json::value::RawValue::from_string(text).unwrap();
    let code = |header: &str, claims: &str| {
        let (header, claims) = (raw(header.to_owned()), raw(claims.to_owned()));
        Draft::<Intent>::from_stored(&header, &claims).unwrap_err().code()
    };
    let (header, claims) = (draft.header().get(), draft.claims_json().get());
    assert_eq!(code(&header.replace("EdDSA", "Ed25519"), claims), "stored_header");
    assert_eq!(code(&header.replace(',', ", "), claims), "stored_header");
    assert_eq!(code(&header.replace("intent", "cart"), claims), "typ_mismatch");
    assert_eq!(code(header, &claims.replace(r#""limit""#, r#""log""#)), "member_unknown");
    assert_eq!(code(header, &claims.replace("1767225660", "1767225600")), "life_empty");
    let long = claims.replacen('{', &format!("{{{}", " ".repeat(6_000)), 1);
    assert_eq!(code(header, &long), "too_large");
}

proptest! {
    #[test]
    fn what_is_too_long_to_be_read_is_not_drafted(
        mut claims in cart(), quotes in 40..=80_usize, head in head(1),
    ) {
        // Each takes two bytes.
        let title = "\"".repeat(quotes).parse().unwrap();
        let line = LineItem { title, ..claims.line_items[0].clone() };
        claims.line_items = vec![LineItem { amount: MinorUnits::ONE, ..line }; LINE_ITEMS_MAX];
        claims.total.amount = MinorUnits::new(LINE_ITEMS_MAX.try_into().unwrap()).unwrap();
        match Draft::<Cart>::new(&claims, kid()) {
            Ok(_) => drop(round_trip::<Cart>(&claims, head)?),
            Err(DraftError::TooLarge { actual }) => prop_assert!(actual > TOKEN_BYTES_MAX),
            Err(error) => return Err(TestCaseError::fail(error.to_string())),
        }
    }
}

/// A wallet whose rules have no more than these never fails to mint for want of room.
#[test]
fn the_longest_caps_there_can_be_have_room_in_a_token() {
    let long = "x".repeat(64);
    let (most, name) = (UnixSeconds::new(EXACT_INTEGER_MAX).unwrap(), long.as_str());
    let cap = CapClaim {
        currency: Some("EUR".parse().unwrap()),
        max: Some(MinorUnits::MAX),
        count: Some(EXACT_INTEGER_MAX),
        from: most.minus(1),
        until: Some(most),
        action: Some(name.parse().unwrap()),
        agent: Some(name.parse().unwrap()),
    };
    let head = Head { size: EXACT_INTEGER_MAX, root: Root::from_bytes([0; 32]) };
    let claims = PaymentClaims {
        iss: name.parse().unwrap(),
        aud: name.parse().unwrap(),
        jti: Jti::from_random([1; 16]),
        iat: most.minus(1),
        exp: most,
        act: name.parse().unwrap(),
        action: BoundAction {
            sku: name.parse().unwrap(),
            quantity: Quantity::new(QUANTITY_MAX).unwrap(),
            request: RequestDigest::from_bytes([0; 32]),
        },
        total: Money { currency: "EUR".parse().unwrap(), amount: MinorUnits::MAX },
        intent: IntentHash::from_bytes([0; 32]),
        cart: CartHash::from_bytes([0; 32]),
        caps: vec![cap.clone(); CAPS_MAX],
        peer_log: head,
    };
    round_trip::<Payment>(&claims, head).unwrap();
    let caps = vec![cap; CAPS_MAX + 1];
    let error = Draft::<Payment>::new(&PaymentClaims { caps, ..claims }, kid()).unwrap_err();
    let actual = CAPS_MAX + 1;
    assert!(
        matches!(error, DraftError::Rule(RuleError::CapsMax { actual: found }) if found == actual)
    );
}
