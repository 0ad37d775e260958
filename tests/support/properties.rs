//! What has to be true of every parser of what others wrote, whatever the bytes: each is fuzzed by a target of
//! `tests/fuzz`, and tried on seeds and their mutants in every run of the tests.
//!
//! Nothing panics; what is accepted is what was written, and reads back to itself; what is refused is refused at a place.

use std::fmt::Debug;
use std::fmt::Display;
use std::str::FromStr;

use http::Method;
use mandate::discovery::Discovery;
use mandate::key::Jwk;
use mandate::text::{Order, Purpose, Title, VoidReason};
use mandate::token::Quote;
use mandate::{
    AgentName, Cart, Currency, Draft, Intent, Jti, Kind, MerchantId, Money, Payment, PrincipalId,
    PublicKey, Receipt, Sku, UnverifiedMandate,
};
use mandate_gateway::{Route, Settings};
use mandate_journal::note::Note;
use mandate_journal::proof::TlogProof;
use mandate_journal::tile::{TILE_WIDTH, Tile, TileKind, push_entry, read_entries, read_hashes};
use mandate_journal::{Entry, UnverifiedCheckpoint};
use mandate_policy::Rules;
use mandate_proto::v1;
use prost::Message;

use crate::wallet::NoUsers;

/// One property, by its name; it panics where it does not hold.
pub type Property = (&'static str, fn(&[u8]));

/// All of them.
pub const ALL: [Property; 8] = [
    ("entries", entries),
    ("gateway_toml", gateway_toml),
    ("merchants", merchants),
    ("notes", notes),
    ("requests", requests),
    ("tokens", tokens),
    ("values", values),
    ("wallet_toml", wallet_toml),
];

/// The four tokens: one text is of one kind at most, and what it says can be signed again.
pub fn tokens(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let kinds = [
        token::<Intent>(text),
        token::<Cart>(text),
        token::<Payment>(text),
        token::<Receipt>(text),
    ];
    assert!(kinds.into_iter().filter(|is_one| *is_one).count() <= 1, "two kinds of token");
}

fn token<K: Kind>(text: &str) -> bool
where
    K::Claims: PartialEq + Debug + Clone,
{
    let Ok(token) = UnverifiedMandate::<K>::parse(text) else { return false };
    let draft = Draft::<K>::new(token.claims(), *token.kid()).expect("claims that were read");
    let again = Draft::<K>::from_stored(draft.header(), draft.claims_json()).expect("a draft");
    assert_eq!(again.claims(), token.claims());
    assert!(token.head().size > 0, "a token is an entry of its signer's log");
    true
}

/// Names, amounts and keys: what is read is printed as it was written.
pub fn values(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    printed::<AgentName>(text);
    printed::<MerchantId>(text);
    printed::<Sku>(text);
    printed::<PrincipalId>(text);
    printed::<Jti>(text);
    printed::<Currency>(text);
    printed::<Money>(text);
    printed::<Title>(text);
    printed::<VoidReason>(text);
    printed::<Order>(text);
    printed::<Purpose>(text);
    printed::<Route>(text);
    if let Ok(jwk) = serde_json::from_str::<Jwk>(text)
        && let Ok(key) = PublicKey::try_from(jwk.clone())
    {
        assert_eq!(Jwk::from(&key), jwk);
        assert_eq!(PrincipalId::from_key(&key).to_string(), key.did_key());
    }
}

fn printed<T: FromStr + Display>(text: &str) {
    if let Ok(value) = text.parse::<T>() {
        assert_eq!(value.to_string(), text, "{}", std::any::type_name::<T>());
    }
}

/// `wallet.toml`: a fault lies within the file, and a good file reads to the same rules again.
pub fn wallet_toml(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Rules::parse(text, &NoUsers) {
        Ok(rules) => {
            let again = Rules::parse(text, &NoUsers).expect("the same file");
            assert_eq!(rules.digest(), again.digest());
            assert!(rules.merchants().all(|merchant| merchant.keys.iter().next().is_some()));
        }
        Err(faults) => told(&faults, text),
    }
}

/// `gateway.toml`: likewise, and no path that could be read in two ways stands for an action.
pub fn gateway_toml(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    match Settings::parse(text) {
        Ok(settings) => {
            for path in ["/rooms//1", "/rooms/./1", "/rooms/../rooms", "/%72ooms", "rooms", ""] {
                for method in [Method::GET, Method::POST] {
                    assert!(settings.action(&method, path).is_none(), "{path}");
                }
            }
        }
        Err(faults) => told(&faults, text),
    }
}

/// A refusal says something, and steers no terminal.
fn told(faults: &impl Display, text: &str) {
    let told = faults.to_string();
    assert!(!told.is_empty());
    assert!(!told.contains('\u{1b}'), "a fault shows a control character of {text:?}");
}

/// A journal's entry: what is read is the bytes themselves, and its hash covers all of them.
pub fn entries(bytes: &[u8]) {
    let Ok(entry) = Entry::parse(bytes) else { return };
    assert_eq!(entry.body.as_bytes(), bytes);
    // Whichever side wrote it, the other may be handed it.
    drop(mandate_ledger::Event::parse(&entry));
    drop(mandate_gateway::book::event::Event::parse(&entry));
    let mut other = bytes.to_vec();
    if let Some(last) = other.last_mut() {
        *last ^= 1;
    }
    assert!(Entry::parse(&other).is_err(), "an object ends in its brace");
}

/// Signed notes, checkpoints, proofs, and the tiles of an export.
pub fn notes(bytes: &[u8]) {
    drop(Note::parse(bytes));
    if let Ok(text) = str::from_utf8(bytes)
        && let Ok(checkpoint) = UnverifiedCheckpoint::parse(text)
    {
        assert!(text.starts_with(checkpoint.origin().as_str()));
        assert!(checkpoint.verify(&[]).is_err(), "no key verifies nothing");
    }
    if let Ok(proof) = TlogProof::parse(bytes) {
        assert_eq!(proof.print().as_bytes(), bytes);
    }
    let Some((width, rest)) = bytes.split_first() else { return };
    let width = (u16::from(*width) + 1).min(TILE_WIDTH);
    let tile = |kind| Tile { kind, index: 0, width };
    if let Ok(entries) = read_entries(&tile(TileKind::Entries), rest) {
        let mut bundle = Vec::new();
        entries.iter().for_each(|entry| push_entry(&mut bundle, entry));
        assert_eq!((bundle.as_slice(), entries.len()), (rest, width.into()));
    }
    if let Ok(hashes) = read_hashes(&tile(TileKind::Hashes { level: 0 }), rest) {
        assert_eq!(hashes.len(), usize::from(width));
    }
}

/// What a merchant publishes, and the price that its API names.
pub fn merchants(bytes: &[u8]) {
    if let Ok(quote) = Quote::parse(bytes) {
        let sum: u64 = quote.line_items().iter().map(|line| line.amount.units()).sum();
        assert_eq!(quote.total().amount.units(), sum);
    }
    if let Ok(discovery) = serde_json::from_slice::<Discovery>(bytes) {
        let text = serde_json::to_vec(&discovery).expect("a document");
        assert_eq!(serde_json::from_slice::<Discovery>(&text).expect("it"), discovery);
    }
}

/// The messages that agents and principals send.
pub fn requests(bytes: &[u8]) {
    message::<v1::MintIntentRequest>(bytes);
    message::<v1::MintPaymentRequest>(bytes);
    message::<v1::RecordReceiptRequest>(bytes);
    message::<v1::GetBudgetRequest>(bytes);
    message::<v1::ExplainRequest>(bytes);
    message::<v1::FreezeRequest>(bytes);
    message::<v1::ThawRequest>(bytes);
    message::<v1::DecideApprovalRequest>(bytes);
}

fn message<M: Message + Default + PartialEq>(bytes: &[u8]) {
    let Ok(message) = M::decode(bytes) else { return };
    let again = M::decode(message.encode_to_vec().as_slice()).expect("what was written");
    assert!(again == message, "a message reads back to another");
}
