//! Reads `gateway.toml`: the keys and tables that stand once, and all of it together.

use std::time::Duration;

use mandate::PolicyDigest;
use mandate::token::CART_LIFE_S_MAX;
use mandate_config::{
    Item, Read, Table, id, integer, key_reference, life_s, metrics_listen, name, socket_address,
};

use super::fault::Report;
use super::upstream::upstream;
use super::{LIMIT_MAX, Limits, Merchant, Settings, TIMEOUT_S_MAX, action, principal};

/// What may stand in the file.
pub(super) const TABLES: &[&str] = &[
    "listen",
    "upstream",
    "enrolment",
    "merchant",
    "key",
    "mandates",
    "action",
    "principal",
    "limits",
    "metrics",
];

/// How long a cart lives if nothing else is said, in seconds.
const CART_TTL_S: u64 = 300;

pub(super) fn settings(
    root: &mut Table<'_>,
    digest: PolicyDigest,
    report: &mut Report<'_>,
) -> Read<Settings> {
    let example = "listen = \"127.0.0.1:8402\" at the top of the file, before any [table]";
    let listen = root.required("listen", example, report, socket_address);
    let example = "upstream = \"http://127.0.0.1:8080\" at the top of the file, before any [table]";
    let upstream =
        root.required("upstream", example, report, |item, report| upstream(item, listen, report));
    let merchant = merchant(root, report);
    let key = key_reference(root, report);
    let cart_ttl_s = cart_ttl_s(root, report);
    let actions = action::actions(root, report);
    let enrolment = principal::enrolment(root, report);
    let limits = limits(root, report);
    let metrics_listen = metrics_listen(root, report);
    let settings = Settings {
        digest,
        merchant: merchant?,
        key: key?,
        listen: listen?,
        upstream: upstream?,
        cart_ttl_s: cart_ttl_s?,
        actions: actions?,
        enrolment: enrolment?,
        limits: limits?,
        metrics_listen: metrics_listen?,
    };
    action::fit_discovery(&settings, root, report)?;
    Ok(settings)
}

fn merchant(root: &mut Table<'_>, report: &mut Report<'_>) -> Read<Merchant> {
    let example = "a [merchant] table with `id` and `name`";
    root.required("merchant", example, report, |item, report| {
        let expected = "a table under the header [merchant]";
        let mut table = Table::open(item, &["id", "name"], expected, report)?;
        let id = table.required("id", "id = \"lux-hotels\"", report, id);
        let name = table.required("name", "name = \"Lux Hotels\"", report, name);
        Ok(Merchant { id: id?, name: name? })
    })
}

fn cart_ttl_s(root: &Table<'_>, report: &mut Report<'_>) -> Read<u64> {
    let cart_ttl_s = root.optional("mandates", report, |item, report| {
        let expected = "a table under the header [mandates]";
        let table = Table::open(item, &["cart_ttl"], expected, report)?;
        table.optional("cart_ttl", report, |item, report| life_s(item, report, 1..=CART_LIFE_S_MAX))
    })?;
    Ok(cart_ttl_s.flatten().unwrap_or(CART_TTL_S))
}

const LIMITS_KEYS: &[&str] =
    &["requests_per_s", "burst", "in_flight", "connections", "client_timeout", "upstream_timeout"];

fn limits(root: &Table<'_>, report: &mut Report<'_>) -> Read<Limits> {
    let defaults = Limits::default();
    let limits = root.optional("limits", report, |item, report| {
        let table = Table::open(item, LIMITS_KEYS, "a table under the header [limits]", report)?;
        let number = |key, default, report: &mut Report<'_>| {
            let read =
                |item: &Item<'_>, report: &mut Report<'_>| integer(item, report, 1..=LIMIT_MAX);
            table.optional(key, report, read).map(|limit| limit.unwrap_or(default))
        };
        let timeout = |key, default, report: &mut Report<'_>| {
            let read =
                |item: &Item<'_>, report: &mut Report<'_>| life_s(item, report, 1..=TIMEOUT_S_MAX);
            let timeout_s = table.optional(key, report, read);
            timeout_s.map(|timeout_s| timeout_s.map_or(default, Duration::from_secs))
        };
        let requests_per_s = number("requests_per_s", defaults.requests_per_s, report);
        let burst = number("burst", defaults.burst, report);
        let in_flight = number("in_flight", defaults.in_flight, report);
        let connections = number("connections", defaults.connections, report);
        let client_timeout = timeout("client_timeout", defaults.client_timeout, report);
        let upstream_timeout = timeout("upstream_timeout", defaults.upstream_timeout, report);
        Ok(Limits {
            requests_per_s: requests_per_s?,
            burst: burst?,
            in_flight: in_flight?,
            connections: connections?,
            client_timeout: client_timeout?,
            upstream_timeout: upstream_timeout?,
        })
    })?;
    Ok(limits.unwrap_or(defaults))
}
