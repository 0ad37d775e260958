//! One file of `tests/vectors/http`, as it is written.

use std::collections::BTreeMap;

use mandate_gateway::Reason;
use mandate_tests::gateway::{QuoteReaction, Reaction, Wire};

/// What a vector says: what is answered, what the API and the journal learn, what was before, and the request.
#[derive(Debug)]
pub struct Vector<'a> {
    pub status: u16,
    pub reason: Option<Reason>,
    pub upstream: Upstream,
    pub journal: Journal,
    pub given: Vec<Given>,
    pub api: Option<Says>,
    pub request: &'a str,
}

/// What reaches the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upstream {
    None,
    Quote,
    Call,
}

/// Whether the refusal is written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Journal {
    Nothing,
    Refusal,
    /// With both tokens, as the proof.
    Equivocation,
}

/// What was done before, in terms of the last token of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// The intent was quoted for the call it is bound to.
    Quoted,
    /// The mandate was presented, and this became of it.
    Presented(Became),
    /// Another payment for the same intent was presented, and this became of it.
    Another(Became),
    /// The principal paid for something else.
    Sale,
    /// The principal showed another token as the last entry of a log of the same size.
    Fork,
    /// The principal contradicted itself in two other tokens.
    Forked,
    /// A call of the principal is under way, and one is all it may have.
    UnderWay,
    /// So many seconds went by after the tokens were minted.
    Seconds(u64),
    /// The clock was set back by 10 s.
    ClockBack,
    /// There is no key.
    NoKey,
    /// The journal is not what it should be.
    Distrusted,
}

/// What became of a mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Became {
    Executed,
    Reserved,
    Void,
}

/// How the API answers, if not as it should.
#[derive(Debug, Clone)]
pub enum Says {
    Quote(QuoteReaction),
    Call(Reaction),
}

impl<'a> Vector<'a> {
    pub fn parse(text: &'a str) -> Self {
        let (header, request) = text.split_once("\n\n").expect("an empty line ends the header");
        let mut fields: BTreeMap<&str, &str> = BTreeMap::new();
        for line in header.lines() {
            let (name, value) = line.split_once(": ").expect("a header line is `name: value`");
            let known = ["expect", "upstream", "journal", "given", "api"].contains(&name);
            assert!(known, "the header key {name:?} is unknown");
            assert!(fields.insert(name, value).is_none(), "the header key {name:?} stands twice");
        }
        let (status, reason) = match fields["expect"].split_once(' ') {
            Some((status, reason)) => (status, Some(named(reason))),
            None => (fields["expect"], None),
        };
        Self {
            status: status.parse().expect("a status"),
            reason,
            upstream: match fields["upstream"] {
                "none" => Upstream::None,
                "quote" => Upstream::Quote,
                "call" => Upstream::Call,
                other => panic!("`upstream` is unknown: {other:?}"),
            },
            journal: match fields.get("journal") {
                None => Journal::Nothing,
                Some(&"refusal") => Journal::Refusal,
                Some(&"equivocation") => Journal::Equivocation,
                Some(other) => panic!("`journal` is unknown: {other:?}"),
            },
            given: fields
                .get("given")
                .map_or(Vec::new(), |all| all.split(", ").map(given).collect()),
            api: fields.get("api").map(|says| said(says)),
            request: request.strip_suffix('\n').expect("a line feed ends the input"),
        }
    }
}

fn named(reason: &str) -> Reason {
    let known = Reason::ALL.into_iter().find(|known| known.as_str() == reason);
    known.unwrap_or_else(|| panic!("the reason {reason:?} is unknown"))
}

fn given(text: &str) -> Given {
    match text {
        "quoted" => Given::Quoted,
        "executed" => Given::Presented(Became::Executed),
        "reserved" => Given::Presented(Became::Reserved),
        "void" => Given::Presented(Became::Void),
        "another executed" => Given::Another(Became::Executed),
        "another reserved" => Given::Another(Became::Reserved),
        "another void" => Given::Another(Became::Void),
        "a sale" => Given::Sale,
        "a fork" => Given::Fork,
        "a fork before" => Given::Forked,
        "one call under way" => Given::UnderWay,
        "clock set back" => Given::ClockBack,
        "no key" => Given::NoKey,
        "journal distrusted" => Given::Distrusted,
        other => {
            let seconds = other.strip_suffix(" s later").and_then(|seconds| seconds.parse().ok());
            Given::Seconds(seconds.unwrap_or_else(|| panic!("`given` is unknown: {other:?}")))
        }
    }
}

fn said(text: &str) -> Says {
    let (to, says) = text.split_once(' ').expect("`api` is `quote` or `call`, and what it answers");
    let (status, body) = says.split_once(' ').unwrap_or((says, ""));
    match (to, says) {
        ("quote", "lost") => Says::Quote(QuoteReaction::Lost),
        ("quote", "large") => {
            let title = "x".repeat(mandate::token::QUOTE_BYTES_MAX);
            let body = format!(
                r#"{{"currency":"EUR","line_items":[{{"title":"{title}","quantity":1,"amount":1}}]}}"#
            );
            Says::Quote(QuoteReaction::Body { status: 200, body })
        }
        ("quote", _) => {
            let (status, body) = (status.parse().expect("a status"), body.to_owned());
            Says::Quote(QuoteReaction::Body { status, body })
        }
        ("call", "lost") => Says::Call(Reaction::nothing_but(Wire::Lost)),
        ("call", _) => Says::Call(Reaction::refused(says.parse().expect("a status"))),
        _ => panic!("`api` is unknown: {text:?}"),
    }
}

#[test]
#[should_panic(expected = "the header key \"note\" is unknown")]
fn an_unknown_header_key_is_refused() {
    Vector::parse("expect: 200\nupstream: none\nnote: x\n\nx\n");
}

#[test]
#[should_panic(expected = "`given` is unknown: \"tired\"")]
fn an_unknown_state_is_refused() {
    Vector::parse("expect: 200\nupstream: none\ngiven: tired\n\nx\n");
}
