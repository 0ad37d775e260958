//! Names that callers and the principal write, and words that people read.

use mandate::history::Rule;
use mandate_ledger::{
    ApprovalAnswer, Call, HoldState, IDEMPOTENCY_KEY_BYTES_MAX, IdempotencyKey,
    IdempotencyKeyError, Refusal, Scope, ScopeError, Stop,
};
use mandate_tests::LUX;

/// A refusal is read by people; these words in it say what became of something.
#[test]
fn states_answers_calls_and_heads_are_told_in_words() {
    let states = [HoldState::Open, HoldState::Executed, HoldState::Void, HoldState::Conflict];
    assert_eq!(states.map(|state| state.to_string()), ["open", "executed", "void", "in conflict"]);
    let answers = [ApprovalAnswer::Approved, ApprovalAnswer::Denied];
    assert_eq!(answers.map(|answer| answer.to_string()), ["approved", "denied"]);
    for call in Call::ALL {
        assert_eq!(serde_json::to_value(call).unwrap(), call.as_str());
        assert_eq!(call.to_string(), call.as_str());
    }
    let refused = |rule| {
        let merchant = LUX.parse().unwrap();
        Refusal::Equivocation { merchant, rule, size: 4, earlier_size: 7 }.to_string()
    };
    let backwards = refused(Rule::Backwards);
    assert!(backwards.contains("of size 7 in a token from before, and is of size 4 in this one"));
    assert!(refused(Rule::SameSize).contains("each the last entry of a log of size 4"));
}

#[test]
fn a_scope_and_a_stop_are_read_as_they_are_told_and_nothing_else_is() {
    let scopes = [
        (Scope::Wallet, "wallet"),
        (Scope::Agent("travel".parse().unwrap()), "agent travel"),
        (Scope::Merchant(LUX.parse().unwrap()), "merchant lux-hotels"),
    ];
    for (scope, text) in scopes {
        assert_eq!(scope.to_string(), text);
        assert_eq!(text.parse(), Ok(scope.clone()));
        assert_eq!(text.parse(), Ok(Stop::Freeze(scope)));
    }
    assert_eq!((Stop::Lock.to_string().as_str(), "lock".parse()), ("lock", Ok(Stop::Lock)));
    let others =
        ["", "lock", "wallets", "Wallet", "wallet ada", "agent", "agent ", "merchant", "key k"];
    for text in others {
        assert_eq!(text.parse::<Scope>(), Err(ScopeError), "{text:?}");
    }
}

#[test]
fn an_idempotency_key_is_short_and_printable() {
    let longest = "k".repeat(IDEMPOTENCY_KEY_BYTES_MAX);
    let printable: String = (' '..='~').collect();
    let (some, others) = printable.split_at(IDEMPOTENCY_KEY_BYTES_MAX);
    for text in ["a", " ", "a room, once", some, others, &longest] {
        assert_eq!(text.parse::<IdempotencyKey>().unwrap().as_str(), text);
    }
    let longer = "k".repeat(IDEMPOTENCY_KEY_BYTES_MAX + 1);
    for text in ["", "a\n", "a\tb", "\0", "\x1f", "\x7f", "ä", &longer] {
        assert_eq!(text.parse::<IdempotencyKey>(), Err(IdempotencyKeyError), "{text:?}");
    }
}
