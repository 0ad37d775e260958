use proptest::prelude::*;

use rusqlite::StatementStatus;

use super::super::schema;
use super::*;

const PEER: &str = "lux-hotels";

fn kid(key: u8) -> KeyId {
    KeyId::of(&[key])
}

fn token(name: u8) -> TokenHash {
    TokenHash::of(&[name])
}

fn empty() -> Connection {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(SCHEMA).unwrap();
    db
}

/// Few keys, sizes and tokens, so that they meet; most of it is a lie. A token has one key and shows one size.
fn shown() -> impl Strategy<Value = Shown> {
    (0..2_u8, 1..12_u8, 0..3_u8).prop_map(|(key, size, name)| Shown {
        kid: kid(key),
        size: size.into(),
        token: TokenHash::of(&[key, size, name]),
    })
}

fn before(log: &[Shown], seq: u64) -> impl Iterator<Item = (u64, &Shown)> {
    (0..).zip(log).filter(move |(at, _)| *at <= seq)
}

proptest! {
    /// The rows answer as every head that was ever shown, one by one, does.
    #[test]
    fn a_few_look_ups_say_what_the_whole_log_says(
        log in proptest::collection::vec(shown(), 0..60),
        new in shown(),
        answers in proptest::option::of(0..60_u64),
        both: bool,
    ) {
        let db = empty();
        for (seq, shown) in (0..).zip(&log) {
            note(&db, seq, PEER, shown).unwrap();
        }
        // What somebody else showed under the same keys is another log.
        for (seq, shown) in (1_000..).zip(&log) {
            note(&db, seq, "rival-air", &Shown { size: 99, ..*shown }).unwrap();
        }
        let keys = if both { vec![kid(0), kid(1)] } else { vec![new.kid] };
        let is_one = |earlier: &Shown, order| {
            keys.contains(&earlier.kid) && new.contradicts(earlier, order).is_some()
        };
        let same = log.iter().any(|earlier| is_one(earlier, Order::Unknown));
        let ahead = answers.is_some_and(|seq| {
            before(&log, seq).any(|(_, earlier)| is_one(earlier, Order::Known))
        });
        let found = contradiction(&db, PEER, &new, answers, &keys).unwrap();
        prop_assert_eq!(found.is_some(), same || ahead, "{:?}", found);
        if let Some(Contradiction { rule, earlier }) = found {
            // What it names is there, in the first entry that holds it, and is a contradiction.
            let place = log.iter().position(|shown| *shown == earlier.shown).unwrap();
            prop_assert_eq!(u64::try_from(place).unwrap(), earlier.seq);
            let order = match rule {
                Rule::Backwards => Order::Known,
                Rule::SameSize => Order::Unknown,
            };
            prop_assert!(rule == Rule::SameSize || Some(earlier.seq) <= answers);
            prop_assert_eq!(new.contradicts(&earlier.shown, order), Some(rule));
        }
        prop_assert_eq!(is_known(&db, PEER, &new).unwrap(), log.contains(&new));
    }
}

#[test]
fn a_pair_is_known_by_both_its_tokens() {
    let db = empty();
    let [first, second, third] =
        [1, 2, 3].map(|name| Shown { kid: kid(0), size: 7, token: token(name) });
    note(&db, 3, PEER, &first).unwrap();
    let found = contradiction(&db, PEER, &second, None, &[kid(0)]).unwrap().unwrap();
    assert_eq!(
        found,
        Contradiction { rule: Rule::SameSize, earlier: Seen { seq: 3, shown: first } }
    );
    assert!(!is_accused_of(&db, &second, &found.earlier).unwrap());
    assert_eq!(accused(&db, PEER, &kid(0)).unwrap(), None);

    note(&db, 5, PEER, &second).unwrap();
    accuse(&db, 5, PEER, &second, (3, Rule::SameSize)).unwrap();
    assert!(is_accused_of(&db, &second, &found.earlier).unwrap());
    assert!(!is_accused_of(&db, &third, &found.earlier).unwrap());
    assert_eq!(accused(&db, PEER, &kid(0)).unwrap(), Some(5));
    assert_eq!(accused(&db, PEER, &kid(1)).unwrap(), None);
    assert_eq!(accused(&db, "rival-air", &kid(0)).unwrap(), None);

    accuse(&db, 9, PEER, &third, (3, Rule::SameSize)).unwrap();
    let newest = equivocations(&db, 1).unwrap();
    let expected = Equivocation {
        seq: 9,
        peer: PEER.to_owned(),
        kid: kid(0),
        earlier_seq: 3,
        rule: Rule::SameSize,
    };
    assert_eq!(newest, [expected]);
    assert_eq!(equivocations(&db, 10).unwrap().len(), 2);
}

/// Each question is answered from an index, so its cost does not grow with the log.
#[test]
fn nothing_is_scanned() {
    let db = empty();
    for question in [OTHER_OF_SIZE, PEAK, IS_KNOWN, IS_ACCUSED_OF, ACCUSED] {
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {question}")).unwrap();
        // Parameters that are not bound are null, which a plan does not look at.
        let steps = plan.query_map(named_params! {}, |row| row.get::<_, String>(3)).unwrap();
        for step in steps {
            let step = step.unwrap();
            assert!(step.starts_with("SEARCH"), "{question}: {step}");
        }
    }
}

#[test]
fn a_question_is_planned_once_and_not_each_time_it_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heads.db");
    Connection::open(&path).unwrap().execute_batch(SCHEMA).unwrap();
    let db = schema::connect(&path).unwrap();
    for seq in 0..3 {
        let shown = Shown { kid: kid(0), size: seq + 1, token: token(u8::try_from(seq).unwrap()) };
        note(&db, seq, PEER, &shown).unwrap();
    }
    let kept = db.prepare_cached(PEAK).unwrap();
    assert!(kept.get_status(StatementStatus::Run) > 0, "the control: it was asked");
    assert_eq!(kept.get_status(StatementStatus::RePrepare), 0);
}
