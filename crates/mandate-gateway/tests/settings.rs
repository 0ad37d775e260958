//! gateway.toml as a whole: what it says, every fault at once, and what is added to it.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use mandate::{KeySet, PolicyDigest, PrincipalId, PublicKey};
use mandate_gateway::{
    ACTIONS_MAX, EnrolError, Fault, FaultKind, GatewayFault, KeyStore, Limits, Merchant, Price,
    Principal, Settings,
};
use proptest::prelude::*;

/// Source: RFC 8032, section 7.1, test 3.
const OTHER_KEY: &str = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025";

fn good() -> String {
    let path = "../../tests/vectors/gateway-toml/valid.txt";
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap();
    text.split_once("\n\n").unwrap().1.to_owned()
}

fn other_key() -> PublicKey {
    let byte = |at: usize| u8::from_str_radix(OTHER_KEY.get(at..at + 2).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = (0..64).step_by(2).map(byte).collect();
    PublicKey::from_bytes(bytes.as_slice().try_into().unwrap()).unwrap()
}

fn principal(keys: &[PublicKey], account: Option<&str>) -> Principal {
    let account = account.map(|account| account.parse().unwrap());
    Principal { keys: KeySet::new(keys.iter().copied()), account }
}

/// The template, with something on offer.
fn first_file() -> String {
    let merchant =
        Merchant { id: "lux-hotels".parse().unwrap(), name: "Lux Hotels".parse().unwrap() };
    let free =
        "# [[action]]\n# sku = \"search_rooms\"\n# route = \"GET /rooms\"\n# price = \"free\"\n";
    let text = Settings::template(merchant).text();
    assert!(text.contains(free));
    text.replace(free, &free.replace("# ", ""))
}

#[test]
fn a_good_file_says_what_it_says() {
    let text = good();
    let settings = Settings::parse(&text).unwrap();
    assert_eq!(settings.digest, PolicyDigest::of(text.as_bytes()));
    assert_eq!(settings.merchant.id.as_str(), "lux-hotels");
    assert_eq!(settings.listen.to_string(), "127.0.0.1:8402");
    assert_eq!(settings.upstream.to_string(), "http://127.0.0.1:8080");
    assert_eq!((settings.key.store, settings.key.account.as_str()), (KeyStore::Auto, "default"));
    assert_eq!((settings.cart_ttl_s, &settings.limits), (300, &Limits::default()));
    let actions = settings.actions.iter().map(|a| (a.sku.as_str(), a.request_required));
    assert_eq!(
        actions.collect::<Vec<_>>(),
        [("search_rooms", false), ("book_room", true), ("late_checkout", false)]
    );
    assert_eq!(settings.actions[0].price, Price::Free);
    assert_eq!(settings.actions[1].price, Price::Quote("POST /quotes".parse().unwrap()));
    assert_eq!(settings.actions[2].price, Price::Fixed("18.00 EUR".parse().unwrap()));
    let ada: PrincipalId = "ada".parse().unwrap();
    assert_eq!(settings.enrolment.keys(&ada).unwrap().iter().count(), 1);
    assert!(!settings.enrolment.open);
}

#[test]
fn every_fault_is_told_at_once_with_the_way_out() {
    let text = good()
        .replace("127.0.0.1:8080", "127.0.0.1:8402")
        .replace("POST /quotes", "PUT /quotes")
        .replace("\"GET /rooms\"", "\"get /rooms/\"")
        .replace("18.00 EUR", "0.00 EUR")
        .replace("id = \"ada\"", "id = \"Ada\"");
    let told = Settings::parse(&text).unwrap_err().to_string();
    let expected = "\
2:12: upstream: is where the gateway itself listens, so every call would come back to it; write the address of the API behind it
18:9: action[1].route: has the method \"get\"; use one such as GET, POST, PUT, PATCH or DELETE (did you mean \"GET /rooms\"?)
24:19: action[2].price.quote: is not asked with POST; the price of a call is asked with its body, so it has to be (did you mean \"POST /quotes\"?)
30:9: action[3].price: is a price of nothing, and nothing cannot be paid; an action without a price is free (did you mean \"free\"?)
36:6: principal[2].id: holds 'A'; an id is made of a-z, 0-9, `.`, `_` and `-` (did you mean \"ada\"?)";
    assert_eq!(told, expected);
}

#[test]
fn what_could_be_called_twice_names_the_other_line() {
    let text = good().replace("POST /rooms/{room}/late-checkout", "POST /{any}");
    let faults = Settings::parse(&text).unwrap_err();
    let kinds: Vec<_> = faults.iter().map(Fault::kind).collect();
    let (bookings, any) = ("POST /bookings".parse().unwrap(), "POST /{any}".parse().unwrap());
    let quote = FaultKind::Own(GatewayFault::QuoteIsAction { route: any, line: 29 });
    let overlap = FaultKind::Own(GatewayFault::RoutesOverlap { route: bookings, line: 23 });
    assert_eq!(kinds, [&quote, &overlap]);
}

#[test]
fn what_is_published_has_a_limit() {
    let head = good();
    let head = head.split("[[action]]").next().unwrap();
    let head = head.replace("\"listed\"", "\"open\"");
    let of = |count: usize, segment: &str| {
        let mut text = head.clone();
        for number in 0..count {
            let route = format!("GET /{segment}/{number}");
            write!(
                text,
                "[[action]]\nsku = \"a{number}\"\nroute = \"{route}\"\nprice = \"free\"\n"
            )
            .unwrap();
        }
        text
    };
    assert_eq!(Settings::parse(&of(ACTIONS_MAX, "a")).unwrap().actions.len(), ACTIONS_MAX);
    let faults = Settings::parse(&of(ACTIONS_MAX + 1, "a")).unwrap_err();
    assert_eq!(faults.iter().map(Fault::code).collect::<Vec<_>>(), ["items_above_max"]);
    let faults = Settings::parse(&of(ACTIONS_MAX, &"a".repeat(400))).unwrap_err();
    assert_eq!(faults.iter().map(Fault::code).collect::<Vec<_>>(), ["discovery_too_long"]);
}

#[test]
fn a_principal_is_added_and_nothing_else_is_touched() {
    let key = other_key();
    let (did, bob) = (PrincipalId::from_key(&key), "bob".parse().unwrap());
    let block = format!("\n[[principal]]\nid = \"{did}\"\naccount = \"no. 1\"\n");
    let first = first_file();
    // The first one stands at the end, below what explains it.
    let one = Settings::enrol(&first, &did, &principal(&[key], Some("no. 1"))).unwrap();
    assert_eq!(one, format!("{first}{block}"));
    // Later ones stand behind it.
    let text = good();
    let two = Settings::enrol(&text, &bob, &principal(&[key], None)).unwrap();
    let block = format!(
        "\n[[principal]]\nid = \"bob\"\nkeys = [{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{}\" }}]\n",
        key.x()
    );
    assert_eq!(two, text.replace("\n[limits]", &format!("{block}\n[limits]")));
    let inline = text.replace("[[principal]]", "[[other]]");
    let end = inline.find("[[other]]").unwrap();
    let inline = format!("principal = [] # none yet\n{}", inline.get(..end).unwrap());
    let three = Settings::enrol(&inline, &did, &principal(&[key], None)).unwrap();
    let list = format!("principal = [{{ id = \"{did}\" }}] # none yet");
    assert_eq!(three, inline.replace("principal = [] # none yet", &list));
}

#[test]
fn a_principal_that_is_listed_is_not_added() {
    let text = good();
    let ada: PrincipalId = "ada".parse().unwrap();
    let known = Settings::parse(&text).unwrap().enrolment.keys(&ada).unwrap();
    let again = Settings::enrol(&text, &ada, &principal(&[other_key()], None));
    assert!(matches!(again, Err(EnrolError::Listed { principal }) if principal == ada));
    let bob = "bob".parse().unwrap();
    let shared = Settings::enrol(&text, &bob, &Principal { keys: known, account: None });
    assert!(matches!(shared, Err(EnrolError::KeyListed { principal, .. }) if principal == ada));
    // What would be bad is told, and so is what is.
    let none = Settings::enrol(&text, &bob, &principal(&[], None)).unwrap_err().to_string();
    assert!(none.contains("principal[3].keys: is empty"), "{none}");
    let bad = text.replace("burst = 100", "burst = 0");
    let bad = Settings::enrol(&bad, &bob, &principal(&[other_key()], None));
    assert!(matches!(bad, Err(EnrolError::File(faults)) if faults.len() == 1));
}

/// As editors of other systems leave it.
#[test]
fn a_file_keeps_its_line_ends_and_its_byte_order_mark() {
    let bob = "bob".parse().unwrap();
    let bob = |text: &str| Settings::enrol(text, &bob, &principal(&[other_key()], None)).unwrap();
    for text in [good(), first_file()] {
        let windows = format!("\u{feff}{}", text.replace('\n', "\r\n"));
        assert_eq!(bob(&windows), format!("\u{feff}{}", bob(&text).replace('\n', "\r\n")));
        let cut = text.trim_end();
        assert_eq!(bob(cut).replace('\n', ""), bob(&text).replace('\n', ""));
    }
}

/// Every fault stands inside of the text, in order, and says something on one line.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Err(faults) = Settings::parse(text) else { return Ok(()) };
    prop_assert!(faults.len() > 0);
    prop_assert!(faults.iter().is_sorted_by_key(|fault| (fault.line(), fault.column())));
    let lines: Vec<&str> = text.split('\n').collect();
    for fault in faults.iter() {
        prop_assert!((1..=lines.len()).contains(&fault.line()), "{fault} in {text:?}");
        let chars = lines[fault.line() - 1].chars().count();
        prop_assert!((1..=chars + 1).contains(&fault.column()), "{fault} in {text:?}");
        prop_assert_eq!(fault.to_string().lines().count(), 1);
    }
    Ok(())
}

/// A line that got lost, or stands twice, is told; one fault is enough unless others lean on it.
#[test]
fn a_line_that_is_lost_or_doubled_is_one_fault() {
    let text = good();
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = String::new();
    for at in 0..lines.len() {
        let lost = [&lines[..at], &lines[at + 1..]].concat().join("\n");
        let doubled = [&lines[..=at], &lines[at..]].concat().join("\n");
        for (what, text) in [("without", lost), ("twice", doubled)] {
            check(&text).unwrap();
            let faults = Settings::parse(&text).err();
            let faults = faults.filter(|faults| faults.len() > 1 && !lines[at].starts_with('['));
            if let Some(faults) = faults {
                writeln!(wrong, "{what} {}\n{faults}", lines[at]).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A slip of one character is one fault.
#[test]
fn one_lost_character_is_one_fault() {
    let text = good();
    let mut wrong = String::new();
    for (at, lost) in text.char_indices() {
        let (before, after) = text.split_at(at);
        let slipped = format!("{before}{}", after.get(lost.len_utf8()..).unwrap());
        if let Err(faults) = Settings::parse(&slipped)
            && faults.len() > 1
        {
            let line = before.lines().count();
            writeln!(wrong, "without {lost:?} on line {line}\n{faults}").unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// The text with some bytes in place of others.
fn damaged() -> impl Strategy<Value = String> {
    let bytes = good().into_bytes();
    let places = prop::collection::vec((0..bytes.len(), any::<u8>()), 1..8);
    places.prop_map(move |places| {
        let mut bytes = bytes.clone();
        for (at, byte) in places {
            bytes[at] = byte;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Some lines of a file, in any order and number, so that most of it is understood and some of it is not.
fn jumble() -> impl Strategy<Value = String> {
    let lines: Vec<String> = good().lines().map(str::to_owned).collect();
    prop::collection::vec(prop::sample::select(lines), 0..60).prop_map(|lines| lines.join("\n"))
}

proptest! {
    #[test]
    fn no_text_upsets_the_parser(text in "(\\PC|[\\[\\]{}=\",.\n#'\\\\0-9a-z]){0,200}") {
        check(&text)?;
    }

    #[test]
    fn no_jumble_upsets_the_parser(text in jumble()) {
        check(&text)?;
    }

    #[test]
    fn no_damage_upsets_the_parser(text in damaged()) {
        check(&text)?;
    }

    /// Whatever a file looks like, a principal is added to it or it is refused; nothing that was there goes.
    #[test]
    fn adding_a_principal_only_adds(text in prop_oneof![jumble(), damaged()]) {
        let bob = "bob".parse().unwrap();
        if let Ok(new) = Settings::enrol(&text, &bob, &principal(&[other_key()], None)) {
            let settings = Settings::parse(&new).unwrap();
            prop_assert!(settings.enrolment.principals.contains_key(&bob));
            let mut kept = new.lines();
            prop_assert!(text.lines().all(|line| kept.any(|kept| kept == line)), "{new}");
        }
    }
}

/// What a merchant copies out of the README works as it stands.
#[test]
fn the_file_in_the_readme_is_good() {
    let readme = include_str!("../../../README.md");
    let (_, block) = readme.split_once("```toml title=gateway.toml\n").expect("a block");
    let (text, _) = block.split_once("```").expect("its end");
    let settings = Settings::parse(text).unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(settings.actions.len(), 3);
}
