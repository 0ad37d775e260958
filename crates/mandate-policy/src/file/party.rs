//! The parties of the file: `[[agent]]` and `[[merchant]]`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use mandate::key::{Jwk, KeyError};
use mandate::{AgentName, KeySet, MerchantId, MerchantRole, PublicKey, Sku};

use super::fault::{FaultKind, Once};
use super::names::{Listed, Names, Offer};
use super::report::{Read, Report, Reported};
use super::table::{Item, Table};
use super::value::{each, id, integer, text, until};
use super::{Users, tables, url};
use crate::rules::{Agent, Merchant};

const AGENT_KEYS: &[&str] = &["name", "uid", "user", "until"];

const MERCHANT_KEYS: &[&str] = &["id", "url", "keys", "free", "paid", "agents", "until"];

/// Largest uid: the one above it means "none" to the system.
const UID_MAX: u32 = u32::MAX - 1;

/// Reads the agents; also gives their names, each with its line, to those that mention them.
pub(super) fn agents(
    root: &Table<'_>,
    users: &impl Users,
    timezone: Read<&TimeZone>,
    report: &mut Report<'_>,
) -> (Read<Vec<Agent>>, Listed<AgentName, usize>) {
    let mut listed = Listed::new(AgentName::as_str);
    let items = match tables(root, "agent", "each under a header [[agent]]", report) {
        Ok(items) => items,
        Err(reported) => {
            listed.complete = false;
            return (Err(reported), listed);
        }
    };
    let mut uids = BTreeMap::new();
    let (agents, all) = each(&items, report, |item, report| {
        let table = Table::open(item, AGENT_KEYS, "a table under the header [[agent]]", report);
        listed.complete &= table.is_ok();
        let mut table = table?;
        let name = listed.id(&mut table, "name", "name = \"travel\"", report);
        let uid = uid(&mut table, users, report);
        let until = table.optional("until", report, |item, report| until(item, report, timezone));
        let name = match name {
            Ok(name) => {
                // An agent that stands twice has one uid twice; that is not another fault.
                let item = table.item("name");
                once(&mut listed.entries, name.clone(), item, Once::Agent, report)?;
                Ok(name)
            }
            Err(reported) => Err(reported),
        };
        let uid = uid?;
        let item = table.item("uid").or_else(|| table.item("user"));
        once(&mut uids, uid, item, Once::Uid, report)?;
        Ok(Agent { name: name?, uid, until: until? })
    });
    (all.map(|()| agents), listed)
}

/// Notes where a value stands, or the fault that it stands twice.
fn once<K: Ord>(
    seen: &mut BTreeMap<K, usize>,
    key: K,
    item: Option<Item<'_>>,
    what: Once,
    report: &mut Report<'_>,
) -> Read<()> {
    let Some(item) = item else { return Ok(()) };
    if let Some(line) = seen.get(&key) {
        return Err(item.fault(report, FaultKind::Duplicate { what, line: *line }));
    }
    seen.insert(key, report.line(item.span.start));
    Ok(())
}

/// Reads which uid an agent has.
fn uid(table: &mut Table<'_>, users: &impl Users, report: &mut Report<'_>) -> Read<u32> {
    match (table.item("uid"), table.item("user")) {
        (Some(uid), Some(user)) => {
            let at = uid.span.start.max(user.span.start);
            Err(report.add(at, table.field(), FaultKind::UidAndUser, None))
        }
        (Some(uid), None) => integer(&uid, report, 0..=UID_MAX),
        (None, Some(user)) => {
            let uid = users.uid(text(&user, report)?).filter(|uid| *uid <= UID_MAX);
            uid.ok_or_else(|| user.fault(report, FaultKind::UserUnknown))
        }
        (None, None) => Err(table.lacks(&["uid", "user"], report, FaultKind::UidMissing)),
    }
}

/// Reads the merchants; also gives everything that a rule may name.
pub(super) fn merchants(
    root: &Table<'_>,
    agents: Listed<AgentName, usize>,
    timezone: Read<&TimeZone>,
    report: &mut Report<'_>,
) -> (Read<BTreeMap<MerchantId, Merchant>>, Names) {
    let mut names = Names {
        agents,
        merchants: Listed::new(MerchantId::as_str),
        unreadable_actions: BTreeSet::new(),
    };
    let items = match tables(root, "merchant", "each under a header [[merchant]]", report) {
        Ok(items) => items,
        Err(reported) => {
            names.merchants.complete = false;
            return (Err(reported), names);
        }
    };
    let (merchants, all) =
        each(&items, report, |item, report| merchant(item, &mut names, timezone, report));
    let merchants = merchants.into_iter().map(|merchant| (merchant.id.clone(), merchant));
    (all.map(|()| merchants.collect()), names)
}

fn merchant(
    item: &Item<'_>,
    names: &mut Names,
    timezone: Read<&TimeZone>,
    report: &mut Report<'_>,
) -> Read<Merchant> {
    let table = Table::open(item, MERCHANT_KEYS, "a table under the header [[merchant]]", report);
    names.merchants.complete &= table.is_ok();
    let mut table = table?;
    let id = names.merchants.id(&mut table, "id", "id = \"lux-hotels\"", report);
    let url = table.optional("url", report, |item, report| {
        let text = text(item, report)?;
        url::check(text).map_err(|error| item.fault(report, error))?;
        Ok(text.to_owned())
    });
    let example = "keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }]";
    let keys = table.required("keys", example, report, keys);
    let actions = Actions::read(&mut table, names, report);
    let agents = table.optional("agents", report, |item, report| admitted(item, names, report));
    let until = table.optional("until", report, |item, report| until(item, report, timezone));

    let id = id?;
    let Actions { free, paid, each_once } = actions;
    if let Some(first) = names.merchants.entries.get_mut(&id) {
        // What a rule says may be true of either, so neither is judged by it.
        let line = first.line;
        *first = Offer { line, free: Err(Reported), paid: Err(Reported), agents: Err(Reported) };
        let kind = FaultKind::Duplicate { what: Once::Merchant, line };
        return Err(table.item("id").map_or(Reported, |item| item.fault(report, kind)));
    }
    let line = table.item("id").map_or(0, |item| report.line(item.span.start));
    let offer = Offer { line, free: free.clone(), paid: paid.clone(), agents: agents.clone() };
    names.merchants.entries.insert(id.clone(), offer);
    each_once?;
    Ok(Merchant {
        id,
        url: url?,
        keys: keys?,
        free: free?,
        paid: paid?,
        agents: agents?,
        until: until?,
    })
}

/// What a merchant sells.
#[derive(Debug)]
struct Actions {
    free: Read<BTreeSet<Sku>>,
    paid: Read<BTreeSet<Sku>>,
    /// Whether each stands once, in one of the two.
    each_once: Read<()>,
}

impl Actions {
    fn read(table: &mut Table<'_>, names: &mut Names, report: &mut Report<'_>) -> Self {
        let mut seen = Vec::new();
        let mut list = |key: &str, report: &mut Report<'_>| -> Read<BTreeSet<Sku>> {
            let items = table.optional(key, report, |item, report| {
                item.elements(report, "a list of actions, as in [\"book_room\"]")
            })?;
            let (skus, all) = each(&items.unwrap_or_default(), report, |item, report| {
                let sku: Read<Sku> = id(item, report);
                if let (Err(_), Some(text)) = (&sku, item.value.as_str()) {
                    names.unreadable_actions.insert(text.to_owned());
                }
                let sku = sku?;
                seen.push((item.span.start, item.field.clone(), sku.clone()));
                Ok(sku)
            });
            all.map(|()| skus.into_iter().collect())
        };
        let (free, paid) = (list("free", report), list("paid", report));
        if let (Ok(free), Ok(paid)) = (&free, &paid)
            && free.is_empty()
            && paid.is_empty()
        {
            table.lacks(&["free", "paid"], report, FaultKind::ActionsMissing);
        }
        // The one that stands later is the one too many.
        seen.sort();
        let mut lines = BTreeMap::new();
        let mut each_once = Ok(());
        for (at, field, sku) in &seen {
            let line = report.line(*at);
            if let Some(first) = lines.insert(sku, line) {
                let kind = FaultKind::Duplicate { what: Once::Action, line: first };
                each_once = Err(report.add(*at, field, kind, None));
            }
        }
        Self { free, paid, each_once }
    }
}

/// Reads which agents may ask a merchant.
fn admitted(item: &Item<'_>, names: &Names, report: &mut Report<'_>) -> Read<BTreeSet<AgentName>> {
    let items = item.elements(report, "a list of agents, as in [\"travel\"]")?;
    if items.is_empty() {
        return Err(item.fault(report, FaultKind::AgentsEmpty));
    }
    let mut seen = BTreeMap::new();
    let (_, all) = each(&items, report, |item, report| {
        let unlisted = |agent| FaultKind::AgentUnlisted { agent };
        let agent = names.agents.find(item, report, unlisted)?;
        once(&mut seen, agent, Some(item.clone()), Once::Agent, report)
    });
    all.map(|()| seen.into_keys().collect())
}

/// Reads the keys that sign a merchant's carts and receipts.
fn keys(item: &Item<'_>, report: &mut Report<'_>) -> Read<KeySet<MerchantRole>> {
    let items = item.elements(
        report,
        "a list of keys, as in [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }]",
    )?;
    if items.is_empty() {
        return Err(item.fault(report, FaultKind::KeysEmpty));
    }
    let mut seen = BTreeMap::new();
    let (keys, all) = each(&items, report, |item, report| {
        let key = public_key(item, report)?;
        once(&mut seen, key.id(), Some(item.clone()), Once::Key, report)?;
        Ok(key)
    });
    all.map(|()| KeySet::new(keys))
}

/// Reads a JWK of exactly `kty`, `crv` and `x`.
///
/// Source: RFC 8037, section 2.
fn public_key(item: &Item<'_>, report: &mut Report<'_>) -> Read<PublicKey> {
    let expected = "a key, as in { kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }";
    let mut table = Table::open(item, &["kty", "crv", "x"], expected, report)?;
    let kty = table.required("kty", "kty = \"OKP\"", report, text);
    let crv = table.required("crv", "crv = \"Ed25519\"", report, text);
    let x = table.required("x", "x = \"…\", the public key in base64url", report, text);
    let (kty, crv, x) = (kty?, crv?, x?);
    let jwk = Jwk { kty: kty.to_owned(), crv: crv.to_owned(), x: x.to_owned() };
    PublicKey::try_from(jwk).map_err(|error| {
        let wrong = match error {
            KeyError::Type if kty != "OKP" => "kty",
            KeyError::Type => "crv",
            _ => "x",
        };
        table.item(wrong).map_or(Reported, |item| item.fault(report, error))
    })
}
