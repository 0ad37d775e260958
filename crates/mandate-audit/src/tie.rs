//! How a counterpart's token hangs together with an entry: what is said of it, and whether it is so.
//!
//! What gathers tokens for a proof and what checks them ask here, so that an honest log's proofs always hold.

use serde_json::Value;

use crate::proof::Fact;
use crate::token::{Body, Claims, Token, Typ};

/// The name of a token in a sentence.
pub(crate) fn name(token: &Token) -> String {
    format!("{} {}", token.body.typ, token.body.jti)
}

/// Whether a token is of the kind that answers such an entry.
pub(crate) fn is_answer(token: &Body, own: &Body) -> bool {
    match token.typ {
        Typ::Receipt if token.claims.contains_key("payment") => own.typ == Typ::Payment,
        Typ::Receipt | Typ::Cart => own.typ == Typ::Intent,
        Typ::Payment => own.typ == Typ::Cart,
        Typ::Intent => false,
    }
}

/// What a token says of entry `seq`, whose own token is `own`, and of the tokens before it.
pub(crate) fn ties(token: &Token, seq: u64, own: Option<&Body>, before: &[Token]) -> Vec<Fact> {
    let mut facts = Vec::new();
    let about = name(token);
    let claims = &token.body.claims;
    let mut say = |says: String, found: Option<&Value>, expected: &Value| {
        let reason = (found != Some(expected)).then(|| {
            let found = found.map_or("nothing".to_owned(), Value::to_string);
            format!("it says {found}, not {expected}")
        });
        facts.push(Fact::new(&about, says, reason));
    };
    for other in before {
        let other_name = other.body.typ.as_str();
        if claims.contains_key(other_name) {
            let hash = Value::String(other.hash_text());
            say(format!("names H({other_name})"), claims.get(other_name), &hash);
        }
    }
    let Some(own_body) = own else { return facts };
    let own = &own_body.claims;
    for (mine, theirs) in [("iss", "aud"), ("aud", "iss")] {
        if let Some(expected) = own.get(mine) {
            say(format!("its `{theirs}` is the entry's `{mine}`"), claims.get(theirs), expected);
        }
    }
    if let Some(named) = own.get(token.body.typ.as_str()) {
        // The entry names the token, so it came first and was answered.
        let hash = Value::String(token.hash_text());
        say(format!("the entry names H({})", token.body.typ), Some(&hash), named);
    }
    for name in ["act", "intent", "cart"] {
        if let (Some(expected), Some(found)) = (own.get(name), claims.get(name)) {
            say(format!("has the same `{name}`"), Some(found), expected);
        }
    }
    for name in ["sku", "quantity"] {
        let of = |claims: &Claims| claims.get("action")?.get(name).cloned();
        if let Some(expected) = of(own) {
            say(format!("has the same `action.{name}`"), of(claims).as_ref(), &expected);
        }
    }
    let is_void = |claims: &Claims| claims.get("status").and_then(Value::as_str) == Some("void");
    if let (Some(expected), Some(found)) = (own.get("total"), claims.get("total")) {
        // A void costs nothing, whatever was to be paid.
        if !is_void(own) && !is_void(claims) {
            say("has the same `total`".to_owned(), Some(found), expected);
        }
    }
    if is_answer(&token.body, own_body) {
        let size = Value::from(seq.saturating_add(1));
        let found = claims.get("peer_log").and_then(|head| head.get("size"));
        say("answers the log right after the entry".to_owned(), found, &size);
    }
    facts
}
