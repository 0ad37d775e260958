//! What a merchant says about itself at its well-known address: asked, bounded, and checked before anybody sees it.
//!
//! None of it is signed. It is a claim, and the person who compares the fingerprints makes it more than that.

use std::collections::BTreeSet;

use mandate::discovery::{DISCOVERY_BYTES_MAX, Discovery, OfferedAction, PATH, PriceKind};
use mandate::key::Jwk;
use mandate::text::Title;
use mandate::{KeyId, MerchantId, PublicKey, Sku};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::failure::{Failure, chain};
use crate::fetch::{Answer, Fetcher, Question};
use mandate_terminal::escape::shortened;

/// The most keys: more than a change of keys takes, and no more than a person compares.
const KEYS_MAX: usize = 16;

/// The most that is told of what is wrong, in characters.
const PROBLEM_CHARS_MAX: usize = 300;

/// A merchant as it presents itself, in a form that can be listed.
#[derive(Debug)]
pub(super) struct Offer {
    /// Its id.
    pub(super) id: MerchantId,
    /// Its name.
    pub(super) name: Title,
    /// Its keys, each once.
    pub(super) keys: Vec<PublicKey>,
    /// What it sells, each SKU once, in its own order.
    pub(super) actions: Vec<OfferedAction>,
}

impl Offer {
    /// Asks the API at `url`, which has no slash at its end.
    pub(super) fn ask(url: &str) -> Result<Self, Failure> {
        let at = format!("{url}{PATH}");
        let mut fetcher = Fetcher::new()
            .map_err(|error| Failure::Check(format!("the system gives no event loop: {error}")))?;
        let question = Question { url: &at, post: None, bytes_max: DISCOVERY_BYTES_MAX };
        let answer = fetcher.ask(question);
        let answer = answer.map_err(|error| Failure::Check(format!("{at} {}", chain(&error))))?;
        // A problem may repeat what the merchant wrote.
        let problem = |problem: String| format!("{at}: {}", shortened(&problem, PROBLEM_CHARS_MAX));
        Self::read(&answer).map_err(|what| Failure::Check(problem(what)))
    }

    fn read(answer: &Answer) -> Result<Self, String> {
        if !(200..300).contains(&answer.status) {
            return Err(format!(
                "the answer is {}; is this where its API is, and does it publish itself?",
                answer.status
            ));
        }
        let Discovery { id, name, keys, actions } =
            serde_json::from_slice(&answer.body).map_err(|error| culprit(&answer.body, &error))?;
        Ok(Self { id, name, keys: read_keys(keys)?, actions: read_actions(actions)? })
    }

    /// Actions for which an intent is enough.
    pub(super) fn free(&self) -> impl Iterator<Item = &Sku> {
        self.actions.iter().filter(|action| action.price == PriceKind::Free).map(|a| &a.sku)
    }

    /// Actions that need a cart and a payment.
    pub(super) fn paid(&self) -> impl Iterator<Item = &Sku> {
        self.actions.iter().filter(|action| action.price != PriceKind::Free).map(|a| &a.sku)
    }

    /// The thumbprint of each key.
    pub(super) fn fingerprints(&self) -> BTreeSet<KeyId> {
        self.keys.iter().map(PublicKey::id).collect()
    }
}

fn read_keys(jwks: Vec<Jwk>) -> Result<Vec<PublicKey>, String> {
    if jwks.is_empty() {
        return Err("`keys` is empty: nothing of this merchant could be verified".to_owned());
    }
    if jwks.len() > KEYS_MAX {
        let actual = jwks.len();
        return Err(format!("`keys` has {actual} keys; at most {KEYS_MAX} can be compared"));
    }
    let mut seen = BTreeSet::new();
    let keys = jwks.into_iter().enumerate().map(|(at, jwk)| {
        let key = PublicKey::try_from(jwk).map_err(|error| format!("`keys[{at}]`: {error}"))?;
        if seen.insert(key.id()) { Ok(key) } else { Err(format!("`keys[{at}]` stands twice")) }
    });
    keys.collect()
}

fn read_actions(actions: Vec<OfferedAction>) -> Result<Vec<OfferedAction>, String> {
    if actions.is_empty() {
        return Err("`actions` is empty: there is nothing to ask it for".to_owned());
    }
    let mut seen = BTreeSet::new();
    let twice = actions.iter().position(|action| !seen.insert(&action.sku));
    match twice {
        Some(at) => Err(format!("`actions[{at}].sku` stands twice")),
        None => Ok(actions),
    }
}

/// Which member is wrong, and what is wrong with it.
fn culprit(body: &[u8], error: &serde_json::Error) -> String {
    let Ok(document) = serde_json::from_slice::<Value>(body) else {
        return format!("the answer is not JSON: {error}");
    };
    let found = fault::<MerchantId>(&document, "id", "id")
        .or_else(|| fault::<Title>(&document, "name", "name"))
        .or_else(|| fault_in(&document, "keys", |key, at| misfit::<Jwk>(Some(key), at)))
        .or_else(|| fault_in(&document, "actions", action_fault));
    found.unwrap_or_else(|| error.to_string())
}

fn action_fault(action: &Value, at: &str) -> Option<String> {
    let field = |name: &str| format!("{at}.{name}");
    fault::<Sku>(action, "sku", &field("sku"))
        .or_else(|| fault::<String>(action, "route", &field("route")))
        .or_else(|| fault::<PriceKind>(action, "price", &field("price")))
        .or_else(|| misfit::<OfferedAction>(Some(action), at))
}

/// What is wrong with one member.
fn fault<T: DeserializeOwned>(object: &Value, member: &str, field: &str) -> Option<String> {
    misfit::<T>(object.get(member), field)
}

/// What is wrong with the first bad element of a list.
fn fault_in(
    object: &Value,
    member: &str,
    fault: impl Fn(&Value, &str) -> Option<String>,
) -> Option<String> {
    if let Some(problem) = misfit::<Vec<Value>>(object.get(member), member) {
        return Some(problem);
    }
    let elements = object.get(member)?.as_array()?;
    elements.iter().enumerate().find_map(|(at, value)| fault(value, &format!("{member}[{at}]")))
}

fn misfit<T: DeserializeOwned>(value: Option<&Value>, field: &str) -> Option<String> {
    match value.map(T::deserialize) {
        None => Some(format!("`{field}` is missing")),
        Some(Ok(_)) => None,
        Some(Err(error)) => Some(format!("`{field}`: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const X: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    const GOOD: &str = r#"{"id":"lux","name":"Lux","keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}],"actions":[{"sku":"search","route":"GET /rooms","price":"free"},{"sku":"book","route":"POST /bookings","price":"quote"},{"sku":"late","route":"POST /late","price":"18.00 EUR"}]}"#;

    fn read(body: &str) -> Result<Offer, String> {
        Offer::read(&Answer { status: 200, body: body.into() })
    }

    #[test]
    fn a_good_document_is_an_offer() {
        let offer = read(GOOD).unwrap();
        assert_eq!(offer.free().map(Sku::as_str).collect::<Vec<_>>(), ["search"]);
        assert_eq!(offer.paid().map(Sku::as_str).collect::<Vec<_>>(), ["book", "late"]);
        assert_eq!(offer.fingerprints().len(), 1);
        let later = GOOD.replacen('{', r#"{"terms":"x","#, 1);
        assert!(read(&later).is_ok(), "later versions may say more");
    }

    #[test]
    fn what_is_wrong_is_named() {
        let key =
            r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let action = r#"{"sku":"search","route":"GET /rooms","price":"free"}"#;
        for (from, to, expected) in [
            ("\"id\":\"lux\"", "\"id\":\"Lux\"", "`id`: holds 'L'"),
            ("\"id\":\"lux\",", "", "`id` is missing"),
            ("\"name\":\"Lux\"", "\"name\":7", "`name`: invalid type"),
            ("\"name\":\"Lux\"", "\"name\":\"\\u001b[31m\"", "`name`: "),
            (key, "", "`keys` is empty"),
            (key, &format!("{key},{key}"), "`keys[1]` stands twice"),
            (key, &vec![key; 17].join(","), "`keys` has 17 keys"),
            ("11qYAYKx", "short", "`keys[0]`: `x` is not 32 bytes"),
            (X, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "`keys[0]`: `x` is not a usable"),
            ("\"OKP\"", "\"EC\"", "`keys[0]`: a key is"),
            ("\"kty\":\"OKP\",", "", "`keys[0]`: missing field `kty`"),
            ("\"keys\":[", "\"keys\":7,\"later\":[", "`keys`: invalid type"),
            (action, &format!("{action},{action}"), "`actions[1].sku` stands twice"),
            ("\"quote\"", "\"18 EUR\"", "`actions[1].price`: "),
            ("\"quote\"", "\"quote\",\"request\":\"perhaps\"", "`actions[1]`: "),
            ("\"POST /bookings\"", "null", "`actions[1].route`: invalid type"),
            (GOOD, "<html>", "the answer is not JSON: "),
            (GOOD, "[]", "`id` is missing"),
        ] {
            let body = GOOD.replace(from, to);
            assert_ne!(body, GOOD);
            let problem = read(&body).unwrap_err();
            assert!(problem.starts_with(expected), "{expected}: {problem}");
        }
        let (start, _) = GOOD.split_once("\"actions\"").unwrap();
        let none = format!("{start}\"actions\":[]}}");
        assert!(read(&none).unwrap_err().starts_with("`actions` is empty"));
        let gone = Offer::read(&Answer { status: 404, body: GOOD.into() }).unwrap_err();
        assert!(gone.starts_with("the answer is 404"), "{gone}");
    }
}
