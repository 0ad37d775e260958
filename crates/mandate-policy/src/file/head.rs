//! The tables that stand once: `[principal]`, `[key]`, `[mandates]`, `[limits]` and `[metrics]`.

use std::net::SocketAddr;

use jiff::tz::{TimeZone, TimeZoneDatabase};
use mandate::token::{INTENT_LIFE_S_MAX, PAYMENT_LIFE_S_MAX};
use mandate_config::{
    Item, KeyReference, Read, Table, id, integer, key_reference, life_s, metrics_listen, name,
    quoted, text,
};

use super::LIMIT_MAX;
use super::fault::{Report, WalletFault};
use crate::rules::{Limits, Principal};

/// How long an intent lives if nothing else is said, in seconds.
const INTENT_TTL_S: u64 = 60;

/// How long a payment lives if nothing else is said, in seconds.
const PAYMENT_TTL_S: u64 = 30;

/// How IANA says that no zone was set.
const NO_ZONE: &str = "Factory";

/// What stands once in a file.
#[derive(Debug)]
pub(super) struct Head {
    pub(super) principal: Read<Principal>,
    pub(super) timezone: Read<TimeZone>,
    pub(super) key: Read<KeyReference>,
    pub(super) intent_ttl_s: Read<u64>,
    pub(super) payment_ttl_s: Read<u64>,
    pub(super) limits: Read<Limits>,
    pub(super) metrics_listen: Read<Option<SocketAddr>>,
}

pub(super) fn read(root: &mut Table<'_>, report: &mut Report<'_>) -> Head {
    let example = "a [principal] table with `name` and `timezone`";
    let principal = root.required("principal", example, report, |item, report| {
        let known = &["name", "timezone", "id"];
        Table::open(item, known, "a table under the header [principal]", report)
    });
    let (principal, timezone) = match principal {
        Ok(table) => principal_and_timezone(table, report),
        Err(reported) => (Err(reported), Err(reported)),
    };
    let (intent_ttl_s, payment_ttl_s) = lives(root, report);
    Head {
        principal,
        timezone,
        key: key_reference(root, report),
        intent_ttl_s,
        payment_ttl_s,
        limits: limits(root, report),
        metrics_listen: metrics_listen(root, report),
    }
}

fn principal_and_timezone(
    mut table: Table<'_>,
    report: &mut Report<'_>,
) -> (Read<Principal>, Read<TimeZone>) {
    let name = table.required("name", "name = \"Ada\"", report, name);
    let timezone = table.required("timezone", "timezone = \"Europe/Paris\"", report, timezone);
    let id = table.optional("id", report, id);
    let principal = match (name, id) {
        (Ok(name), Ok(id)) => Ok(Principal { name, id }),
        (Err(reported), _) | (_, Err(reported)) => Err(reported),
    };
    (principal, timezone)
}

/// Reads an IANA name, spelt as IANA spells it.
///
/// The names are those built into this program, so that no file of the system can pass for a zone. What they mean is
/// taken from the system where it has them: rules of daylight saving change more often than programs do.
fn timezone(item: &Item<'_>, report: &mut Report<'_>) -> Read<TimeZone> {
    let name = text(item, report)?;
    let bundled = TimeZoneDatabase::bundled();
    let listed =
        bundled.get(name).ok().filter(|zone| zone.iana_name() == Some(name) && name != NO_ZONE);
    let Some(listed) = listed else {
        let names: Vec<String> = bundled
            .available()
            .map(|name| name.to_string())
            .filter(|name| name != NO_ZONE)
            .collect();
        let meant = report.nearest(name, names.iter().map(String::as_str)).map(quoted);
        return Err(item.fault_with(report, WalletFault::Timezone, meant));
    };
    Ok(TimeZone::get(name).unwrap_or(listed))
}

/// How long intents and payments live.
fn lives(root: &Table<'_>, report: &mut Report<'_>) -> (Read<u64>, Read<u64>) {
    let table = root.optional("mandates", report, |item, report| {
        let known = &["intent_ttl", "payment_ttl"];
        Table::open(item, known, "a table under the header [mandates]", report)
    });
    let mut life = |key, default, max_s| match &table {
        Ok(Some(table)) => {
            let life = table.optional(key, report, |item, report| life_s(item, report, 1..=max_s));
            life.map(|life| life.unwrap_or(default))
        }
        Ok(None) => Ok(default),
        Err(reported) => Err(*reported),
    };
    (
        life("intent_ttl", INTENT_TTL_S, INTENT_LIFE_S_MAX),
        life("payment_ttl", PAYMENT_TTL_S, PAYMENT_LIFE_S_MAX),
    )
}

fn limits(root: &Table<'_>, report: &mut Report<'_>) -> Read<Limits> {
    let limits = root.optional("limits", report, |item, report| {
        let known = &["requests_per_s", "burst", "in_flight", "unsettled"];
        let table = Table::open(item, known, "a table under the header [limits]", report)?;
        let mut limit = |key, default| {
            let read =
                |item: &Item<'_>, report: &mut Report<'_>| integer(item, report, 1..=LIMIT_MAX);
            table.optional(key, report, read).map(|limit| limit.unwrap_or(default))
        };
        let defaults = Limits::default();
        let requests_per_s = limit("requests_per_s", defaults.requests_per_s);
        let burst = limit("burst", defaults.burst);
        let in_flight = limit("in_flight", defaults.in_flight);
        let unsettled = limit("unsettled", defaults.unsettled);
        Ok(Limits {
            requests_per_s: requests_per_s?,
            burst: burst?,
            in_flight: in_flight?,
            unsettled: unsettled?,
        })
    })?;
    Ok(limits.unwrap_or_default())
}
