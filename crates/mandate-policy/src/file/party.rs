//! The parties of the file: `[[agent]]` and `[[merchant]]`.

use std::collections::{BTreeMap, BTreeSet};

use jiff::tz::TimeZone;
use mandate::{AgentName, MerchantId, Sku};
use mandate_config::{
    Item, Listed, Read, Table, Unreadable, each, id, integer, key_set, once, quoted, text, url,
};

use super::Users;
use super::fault::{ACTION, AGENT, FaultKind, MERCHANT, Report, UID, WalletFault};
use super::names::{Names, Offer};
use super::until::until;
use crate::process::{ExePath, ExePathError, UnitName, UnitNameError};
use crate::rules::{Agent, MERCHANT_KEYS_MAX, Merchant};

const AGENT_KEYS: &[&str] = &["name", "uid", "user", "exe", "unit", "until"];

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
    let items = match listed.tables(root, "agent", "each under a header [[agent]]", report) {
        Ok(items) => items,
        Err(reported) => return (Err(reported), listed),
    };
    let mut uids = BTreeMap::new();
    let (agents, all) = each(&items, report, |item, report| {
        let expected = "a table under the header [[agent]]";
        let mut table = listed.open(item, AGENT_KEYS, expected, report)?;
        let name = listed.id(&mut table, "name", "name = \"travel\"", report);
        let uid = uid(&mut table, users, report);
        let exe = table.optional("exe", report, exe);
        let unit = table.optional("unit", report, unit);
        let until = table.optional("until", report, |item, report| until(item, report, timezone));
        let name = match name {
            Ok(name) => {
                // An agent that stands twice has one uid twice; that is not another fault.
                let item = table.item("name");
                once(&mut listed.entries, name.clone(), item.as_ref(), AGENT, report)?;
                Ok(name)
            }
            Err(reported) => Err(reported),
        };
        let uid = uid?;
        let item = table.item("uid").or_else(|| table.item("user"));
        once(&mut uids, uid, item.as_ref(), UID, report)?;
        Ok(Agent { name: name?, uid, exe: exe?, unit: unit?, until: until? })
    });
    (all.map(|()| agents), listed)
}

/// Reads which uid an agent has.
fn uid(table: &mut Table<'_>, users: &impl Users, report: &mut Report<'_>) -> Read<u32> {
    match (table.item("uid"), table.item("user")) {
        (Some(uid), Some(user)) => {
            let at = uid.at().max(user.at());
            Err(report.add(at, table.field(), WalletFault::UidAndUser, None))
        }
        (Some(uid), None) => integer(&uid, report, 0..=UID_MAX),
        (None, Some(user)) => {
            let uid = users.uid(text(&user, report)?).filter(|uid| *uid <= UID_MAX);
            uid.ok_or_else(|| user.fault(report, WalletFault::UserUnknown))
        }
        (None, None) => Err(table.lacks(&["uid", "user"], report, WalletFault::UidMissing)),
    }
}

/// Reads the program that an agent runs, and suggests the plain spelling of its path.
fn exe(item: &Item<'_>, report: &mut Report<'_>) -> Read<ExePath> {
    let text = text(item, report)?;
    text.parse().map_err(|error: ExePathError| {
        let plain = ExePath::plain(text).map(|path| quoted(path.as_str()));
        item.fault_with(report, WalletFault::Exe(error), plain)
    })
}

/// Reads the unit that an agent runs in, and suggests the service of that name.
fn unit(item: &Item<'_>, report: &mut Report<'_>) -> Read<UnitName> {
    let text = text(item, report)?;
    text.parse().map_err(|error: UnitNameError| {
        let service = format!("{text}.service").parse::<UnitName>().ok();
        let service = service.filter(|_| error == UnitNameError::Kind);
        let meant = service.map(|unit| quoted(unit.as_str()));
        item.fault_with(report, WalletFault::Unit(error), meant)
    })
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
        unreadable_actions: Unreadable::default(),
    };
    let expected = "each under a header [[merchant]]";
    let items = match names.merchants.tables(root, "merchant", expected, report) {
        Ok(items) => items,
        Err(reported) => return (Err(reported), names),
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
    let expected = "a table under the header [[merchant]]";
    let mut table = names.merchants.open(item, MERCHANT_KEYS, expected, report)?;
    let id = names.merchants.id(&mut table, "id", "id = \"lux-hotels\"", report);
    let url = table.optional("url", report, url);
    let example = "keys = [{ kty = \"OKP\", crv = \"Ed25519\", x = \"…\" }]";
    let keys = table.required("keys", example, report, |item, report| {
        let keys = key_set(item, report, "merchant")?;
        match keys.iter().count() {
            actual if actual > MERCHANT_KEYS_MAX => {
                Err(item.fault(report, FaultKind::ItemsMax { limit: MERCHANT_KEYS_MAX, actual }))
            }
            _ => Ok(keys),
        }
    });
    let actions = Actions::read(&mut table, names, report);
    let agents = table.optional("agents", report, |item, report| admitted(item, names, report));
    let until = table.optional("until", report, |item, report| until(item, report, timezone));

    let id = id?;
    let Actions { free, paid, each_once } = actions;
    let at = table.item("id");
    if let (Some(first), Some(item)) = (names.merchants.entries.get_mut(&id), &at) {
        let line = first.line;
        let reported = item.fault(report, FaultKind::Duplicate { what: MERCHANT, line });
        // What a rule says may be true of either, so neither is judged by it.
        *first = Offer { line, free: Err(reported), paid: Err(reported), agents: Err(reported) };
        return Err(reported);
    }
    let line = at.map_or(0, |item| item.line(report));
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
                if let (Err(reported), Some(text)) = (&sku, item.as_str()) {
                    names.unreadable_actions.remember(text, *reported);
                }
                let sku = sku?;
                seen.push((item.at(), item.field().to_owned(), sku.clone()));
                Ok(sku)
            });
            all.map(|()| skus.into_iter().collect())
        };
        let (free, paid) = (list("free", report), list("paid", report));
        if let (Ok(free), Ok(paid)) = (&free, &paid)
            && free.is_empty()
            && paid.is_empty()
        {
            table.lacks(&["free", "paid"], report, WalletFault::ActionsMissing);
        }
        // The one that stands later is the one too many.
        seen.sort();
        let mut lines = BTreeMap::new();
        let mut each_once = Ok(());
        for (at, field, sku) in &seen {
            let line = report.line(*at);
            if let Some(first) = lines.insert(sku, line) {
                let kind = FaultKind::Duplicate { what: ACTION, line: first };
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
        return Err(item.fault(report, WalletFault::AgentsEmpty));
    }
    let mut seen = BTreeMap::new();
    let (_, all) = each(&items, report, |item, report| {
        let unlisted = |agent| WalletFault::AgentUnlisted { agent };
        let agent = names.agents.find(item, report, unlisted)?;
        once(&mut seen, agent, Some(item), AGENT, report)
    });
    all.map(|()| seen.into_keys().collect())
}
