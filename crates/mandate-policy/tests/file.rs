//! wallet.toml as a whole: the manual loads, every fault is told at once, and no text upsets the parser.

#![expect(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unwrap_used,
    reason = "a test stops where its own assumption fails"
)]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use mandate::PublicKey;
use mandate::key::Jwk;
use mandate::token::CAPS_MAX;
use mandate_policy::{
    CAPS_BYTES_MAX, FaultKind, Faults, KeyStore, Limits, MERCHANT_KEYS_MAX, PolicyDigest, Rules,
    WALLET_TOML_ITEMS_MAX,
};
use proptest::prelude::*;

use support::KnownUsers;

/// A key of the manual.
const KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

fn here(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn manual() -> String {
    fs::read_to_string(here("../../wallet.example.toml")).unwrap()
}

fn parse(text: &str) -> Result<Rules, Faults> {
    Rules::parse(text, &KnownUsers)
}

#[test]
fn the_manual_loads_as_it_stands() {
    let text = manual();
    let rules = parse(&text).unwrap();
    assert_eq!(rules.digest(), PolicyDigest::of(text.as_bytes()));
    assert_eq!(rules.timezone().iana_name(), Some("Europe/Paris"));
    assert_eq!(rules.key().store, KeyStore::Auto);
    assert_eq!((rules.intent_ttl_s(), rules.payment_ttl_s()), (60, 30));
    assert_eq!(*rules.limits(), Limits::default());
    assert_eq!(rules.agent_by_uid(1001).unwrap().name.as_str(), "travel");
    let merchant = rules.merchants().next().unwrap();
    assert_eq!((merchant.id.as_str(), merchant.keys.iter().count()), ("lux-hotels", 1));
    // 2027-01-01T00:00:00+01:00.
    assert_eq!(merchant.until.unwrap().seconds(), 1_798_758_000);
    let labels: Vec<&str> = rules.caps().iter().map(mandate_policy::Cap::label).collect();
    assert_eq!(
        labels,
        [
            "250.00 EUR per payment",
            "500.00 EUR and 3 payments per day, merchant lux-hotels, action book_room, agent travel",
            "10 payments per 24h",
        ]
    );
    assert_eq!(rules.approvals().len(), 1);
}

/// Each line that the manual shows as a comment is good too.
#[test]
fn what_the_manual_shows_as_optional_loads() {
    let text = manual().replace("# id = \"ada\"", "id = \"ada\"");
    let text = text.replace("uid = 1001 ", "# uid = 1001 ").replace("# user =", "user =");
    let text = text.replace("# until = 2027", "until = 2027");
    let text = text.replace("# unit =", "unit =").replace("# exe =", "exe =");
    let rules = parse(&text).unwrap();
    assert_eq!(rules.principal().id.as_ref().unwrap().as_str(), "ada");
    let agent = rules.agent_by_uid(1001).unwrap();
    assert!(agent.until.is_some());
    assert_eq!(agent.unit.as_ref().unwrap().as_str(), "travel.service");
    assert_eq!(agent.exe.as_ref().unwrap().as_str(), "/usr/bin/travel-agent");
}

#[test]
fn what_is_left_out_has_its_default() {
    let rules = parse("[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n").unwrap();
    assert_eq!((rules.key().store, rules.key().account.as_str()), (KeyStore::Auto, "default"));
    assert_eq!((rules.intent_ttl_s(), rules.payment_ttl_s()), (60, 30));
    assert_eq!(*rules.limits(), Limits::default());
    assert!(rules.agents().is_empty() && rules.caps().is_empty() && rules.approvals().is_empty());
}

/// `MANDATE_BLESS=1` writes the expected text anew.
#[test]
fn every_fault_is_told_at_once_and_in_order() {
    let text = fs::read_to_string(here("tests/golden/many_faults.toml")).unwrap();
    let faults = parse(&text).unwrap_err();
    let found = format!("{}\n", faults.display(Path::new("wallet.toml")));
    let golden = here("tests/golden/many_faults.txt");
    if std::env::var_os("MANDATE_BLESS").is_some() {
        fs::write(&golden, &found).unwrap();
    }
    assert_eq!(found, fs::read_to_string(golden).unwrap());
    assert_eq!(faults.len(), found.lines().count());
    assert!(faults.iter().is_sorted_by_key(|fault| (fault.line(), fault.column())));
}

#[test]
fn a_broken_table_is_told_beside_the_faults_of_the_others() {
    let text = manual().replace("burst = 100", "burst = ").replace("\"150.00 EUR\"", "\"150 EUR\"");
    let text = text.replace("free = [\"search_rooms\"]", "free = [\"search_rooms\"");
    let faults = parse(&text).unwrap_err();
    let codes: Vec<&str> = faults.iter().map(mandate_policy::Fault::code).collect();
    // The bracket hides what follows it: it has to be closed first.
    assert_eq!(codes, ["syntax", "syntax"]);
    let text = text.replace("free = [\"search_rooms\"", "free = [\"search_rooms\"]");
    let faults = parse(&text).unwrap_err();
    let codes: Vec<&str> = faults.iter().map(mandate_policy::Fault::code).collect();
    assert_eq!(codes, ["syntax", "amount_digits"]);
}

/// What was meant by the lines behind a broken header is not known; some faults are faults whatever was meant.
#[test]
fn behind_a_broken_header_only_faults_that_stand_alone_are_told() {
    let text = manual().replace("[limits]", "[limits").replace("Europe/Paris", "Europe/Parys");
    // Of a merchant that is not listed it cannot be said any more.
    let text = text.replace("merchant = \"lux-hotels\"", "merchant = \"lux-motels\"");
    let faults = parse(&text).unwrap_err();
    let codes: Vec<&str> = faults.iter().map(mandate_policy::Fault::code).collect();
    assert_eq!(codes, ["timezone_unknown", "syntax"]);
}

#[test]
fn figures_are_shown_over_tcp_where_the_file_says_so_alone() {
    let head = "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n";
    assert_eq!(parse(head).unwrap().metrics_listen(), None);
    let rules = parse(&format!("{head}[metrics]\nlisten = \"127.0.0.1:9464\"\n")).unwrap();
    assert_eq!(rules.metrics_listen(), Some("127.0.0.1:9464".parse().unwrap()));
}

#[test]
fn two_tables_that_stand_twice_are_both_told() {
    let text = format!("{}\n[limits]\n\n[key]\n", manual());
    let faults = parse(&text).unwrap_err();
    let lines = text.lines().count();
    let places: Vec<(usize, usize)> = faults.iter().map(|f| (f.line(), f.column())).collect();
    assert_eq!(places, [(lines - 2, 2), (lines, 2)]);
}

#[test]
fn lists_have_a_limit() {
    let mut text = "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n".to_owned();
    for number in 0..WALLET_TOML_ITEMS_MAX {
        write!(text, "[[agent]]\nname = \"a{number}\"\nuid = {number}\n").unwrap();
    }
    assert_eq!(parse(&text).unwrap().agents().len(), WALLET_TOML_ITEMS_MAX);
    text.push_str("[[agent]]\nname = \"b\"\nuid = 4000000000\n");
    let faults = parse(&text).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!((faults.len(), fault.line()), (1, text.lines().count() - 2));
    let (limit, actual) = (WALLET_TOML_ITEMS_MAX, WALLET_TOML_ITEMS_MAX + 1);
    assert_eq!(*fault.kind(), FaultKind::ItemsMax { limit, actual });
}

#[test]
fn the_caps_of_one_payment_have_a_limit() {
    let head = "[principal]\nname = \"Ada\"\ntimezone = \"UTC\"\n";
    // An odd number of minutes is no number of hours: all labels of one amount are of one length.
    let of = |spend, number| {
        format!("[[cap]]\nper = \"{}m\"\nspend = \"{spend} EUR\"\n", 10_001 + 2 * number)
    };
    let cap = |number| of("1.00", number);
    let one = parse(&(head.to_owned() + &cap(0))).unwrap().caps()[0].entry_bytes_max();
    let most = CAPS_BYTES_MAX / one;
    // What is left of the limit is filled by amounts with a digit more.
    let longer = CAPS_BYTES_MAX - most * one;
    let mut text = head.to_owned();
    (0..longer).for_each(|number| text += &of("10.00", number));
    (longer..most).for_each(|number| text += &cap(number));
    assert_eq!(parse(&text).unwrap().caps().len(), most);
    let line = text.lines().count() + 1;
    // The second one past the limit is not told as well.
    (most..most + 2).for_each(|number| text += &cap(number));
    let faults = parse(&text).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!((faults.len(), fault.line(), fault.code()), (1, line, "caps_covering"));
    assert!(fault.kind().to_string().contains(&(CAPS_BYTES_MAX + one).to_string()), "{fault}");
}

/// Sixteen of one merchant for one payment; what no payment meets together does not add up.
#[test]
fn the_caps_that_a_payment_tells_of_have_a_limit() {
    let cap = |more: &str| format!("\n[[cap]]\nmerchant = \"lux-hotels\"\n{more}\n");
    let of_action = |sku: &str| cap(&format!("per = \"day\"\ncount = 3\naction = \"{sku}\""));
    let trailing = |hours| cap(&format!("per = \"{hours}h\"\nspend = \"9.00 EUR\""));
    let told =
        parse(&manual()).unwrap().caps().iter().filter(|cap| cap.is_told_to().is_some()).count();
    let mut text = manual();
    (told..CAPS_MAX).for_each(|number| text += &trailing(100 + number));
    // Neither a limit on each payment, nor another currency.
    text += &cap("per = \"payment\"\nspend = \"9.00 EUR\"");
    (1..=8).for_each(|days| text += &cap(&format!("per = \"{days}d\"\nspend = \"900 JPY\"")));
    parse(&text).unwrap();
    let line = text.lines().count() + 2;
    text += &(trailing(99) + &of_action("book_room"));
    let faults = parse(&text).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!((faults.len(), fault.line(), fault.code()), (1, line, "caps_told"));
    assert!(fault.kind().to_string().contains("17 caps that name lux-hotels"), "{fault}");
}

/// A name that lacks its kind alone is completed; nothing is made of one that is wrong otherwise.
#[test]
fn a_unit_without_its_kind_is_taken_for_a_service() {
    let fault = |unit: &str| {
        let text = manual().replace("# unit = \"travel.service\"", &format!("unit = \"{unit}\""));
        parse(&text).unwrap_err().to_string()
    };
    let without = fault("booking");
    assert!(without.contains("booking.service"), "{without}");
    let template = fault("booking@.service");
    assert!(!template.contains("booking@.service.service"), "{template}");
}

#[test]
fn caps_of_different_merchants_do_not_add_up() {
    let mut text = manual();
    for number in 0..1_000 {
        write!(
            text,
            "\n[[merchant]]\nid = \"m{number}\"\nkeys = [{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{KEY}\" }}]\npaid = [\"x\"]\n[[cap]]\nper = \"day\"\ncount = 3\nmerchant = \"m{number}\"\n"
        )
        .unwrap();
    }
    assert_eq!(parse(&text).unwrap().caps().len(), 1_003);
}

#[test]
fn the_keys_of_a_merchant_have_a_limit() {
    let keys = (0..1_000).map(|number| Jwk {
        kty: "OKP".to_owned(),
        crv: "Ed25519".to_owned(),
        x: format!("{number:0>42}A"),
    });
    // About every second number is a point of the curve.
    let keys = keys.filter(|key| PublicKey::try_from(key.clone()).is_ok());
    let keys: Vec<String> = keys
        .map(|key| format!("{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{}\" }}", key.x))
        .take(MERCHANT_KEYS_MAX + 1)
        .collect();
    let with = |keys: &[String]| {
        let one = format!("{{ kty = \"OKP\", crv = \"Ed25519\", x = \"{KEY}\" }}");
        parse(&manual().replace(&one, &keys.join(", ")))
    };
    assert_eq!(with(&keys[1..]).unwrap().merchants().next().unwrap().keys.iter().count(), 64);
    let faults = with(&keys).unwrap_err();
    let fault = faults.iter().next().unwrap();
    assert_eq!(*fault.kind(), FaultKind::ItemsMax { limit: 64, actual: 65 });
}

#[test]
fn nothing_in_a_message_can_steer_a_terminal() {
    let text = "[principal]\n\"\\u001b[2J\\n\\u202e\" = 1\nname = \"\\u001b[2J\"\ntimezone = \"\\u001b\"\nid = \"\\u001b\"\n[mandates]\nintent_ttl = \"\\u001b\"\n[[cap]]\nper = \"\\u001b\"\nspend = \"1.00 \\u001b\\n\"\n";
    let faults = parse(text).unwrap_err();
    assert_eq!(faults.len(), 7);
    let shown = faults.display(Path::new("wallet.toml")).to_string();
    assert_eq!(shown.lines().count(), 7);
    assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
}

/// Some lines of a file, in any order and number, so that most of it is understood and some of it is not.
fn jumble() -> impl Strategy<Value = String> {
    let text = manual();
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    prop::collection::vec(prop::sample::select(lines), 0..40).prop_map(|lines| lines.join("\n"))
}

/// The text with some bytes in place of others.
fn damaged() -> impl Strategy<Value = String> {
    let bytes = manual().into_bytes();
    let places = prop::collection::vec((0..bytes.len(), any::<u8>()), 1..8);
    places.prop_map(move |places| {
        let mut bytes = bytes.clone();
        for (at, byte) in places {
            bytes[at] = byte;
        }
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

/// Every fault stands inside of the text, in order, and says something on one line.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Err(faults) = parse(text) else { return Ok(()) };
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

proptest! {
    #[test]
    fn no_bytes_upset_the_parser(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        check(&String::from_utf8_lossy(&bytes))?;
    }

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
}

/// A slip of one character is one fault, unless it hits a name that stands in several places.
#[test]
fn one_lost_character_is_one_fault() {
    let text = manual();
    let mut wrong = String::new();
    let mut line_start = 0;
    for line in text.split_inclusive('\n') {
        let code = line.find('#').map_or(line, |comment| &line[..comment]);
        let names = line.starts_with("name =") || line.starts_with("id =");
        for (at, lost) in code.char_indices().filter(|_| !names) {
            let at = line_start + at;
            let text = [&text[..at], &text[at + lost.len_utf8()..]].concat();
            if let Err(faults) = parse(&text)
                && faults.len() > 1
            {
                writeln!(wrong, "without {lost:?} in {line}{faults}").unwrap();
            }
        }
        line_start += line.len();
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// A line that got lost is at most one fault, unless others lean on it.
#[test]
fn one_lost_line_is_one_fault() {
    let text = manual();
    let lines: Vec<&str> = text.lines().collect();
    let mut wrong = String::new();
    for lost in 0..lines.len() {
        let kept: Vec<&str> = [&lines[..lost], &lines[lost + 1..]].concat();
        if lines[lost].starts_with('[') || lines[lost].starts_with("paid") {
            continue;
        }
        if let Err(faults) = parse(&kept.join("\n"))
            && faults.len() > 1
        {
            writeln!(wrong, "without {}\n{faults}", lines[lost]).unwrap();
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
