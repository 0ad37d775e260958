//! `[[action]]`: what is on offer.

use std::collections::BTreeMap;

use mandate::Sku;
use mandate::discovery::DISCOVERY_BYTES_MAX;
use mandate_config::{Item, Read, Table, each, id, once, one_of};

use super::fault::{FaultKind, GatewayFault, Report, SKU};
use super::price::price;
use super::route::{Routes, route};
use super::{ACTIONS_MAX, Action, Price, Settings};

const ACTION_KEYS: &[&str] = &["sku", "route", "price", "request"];

/// The merchant's key in the published document, in bytes; the key itself is not in the file.
const JWK_BYTES: usize = r#"{"kty":"OKP","crv":"Ed25519","x":""}"#.len() + 43;

/// Reads the actions; without one every call is refused. No two have a SKU or a call in common.
pub(super) fn actions(root: &mut Table<'_>, report: &mut Report<'_>) -> Read<Vec<Action>> {
    let items = root.tables("action", "each under a header [[action]]", report)?;
    if let Some(first_above) = items.get(ACTIONS_MAX) {
        let limit = FaultKind::ItemsMax { limit: ACTIONS_MAX, actual: items.len() };
        return Err(report.add(first_above.at(), "action", limit, None));
    }
    let (mut skus, mut routes) = (BTreeMap::new(), Routes::default());
    let (actions, all) =
        each(&items, report, |item, report| action(item, &mut skus, &mut routes, report));
    all.and(routes.check_quotes(report)).map(|()| actions)
}

fn action(
    item: &Item<'_>,
    skus: &mut BTreeMap<Sku, usize>,
    routes: &mut Routes,
    report: &mut Report<'_>,
) -> Read<Action> {
    let expected = "a table under the header [[action]]";
    let mut table = Table::open(item, ACTION_KEYS, expected, report)?;
    let sku: Read<Sku> = table.required("sku", "sku = \"book_room\"", report, id);
    let route = table.required("route", "route = \"POST /bookings\"", report, |item, report| {
        Ok((route(item, None, report)?, item.clone()))
    });
    let example = "price = \"free\", \"18.00 EUR\" or { quote = \"POST /quotes\" }";
    let price = table.required("price", example, report, price);
    let request_required = table.optional("request", report, |item, report| {
        let words = &["required", "optional"];
        let word = one_of(item, report, words, |word| word, GatewayFault::RequestUnknown)?;
        Ok(word == "required")
    });
    // An action that stands twice has one route twice; that is not another fault.
    if let Ok(sku) = &sku {
        once(skus, sku.clone(), table.item("sku").as_ref(), SKU, report)?;
    }
    let price = price.map(|(price, at)| {
        if let (Price::Quote(route), Some(item)) = (&price, at) {
            routes.note_quote(route.clone(), &item);
        }
        price
    });
    let (route, at) = route?;
    routes.take(&route, &at, report)?;
    Ok(Action {
        sku: sku?,
        route,
        price: price?,
        request_required: request_required?.unwrap_or(false),
    })
}

/// Refuses what wallets could not read once it is published.
pub(super) fn fit_discovery(
    settings: &Settings,
    root: &Table<'_>,
    report: &mut Report<'_>,
) -> Read<()> {
    let document = serde_json::to_vec(&settings.discovery_with(Vec::new())).unwrap_or_default();
    let actual = document.len().saturating_add(JWK_BYTES);
    let Some(item) = root.item("action").filter(|_| actual > DISCOVERY_BYTES_MAX) else {
        return Ok(());
    };
    let limit = DISCOVERY_BYTES_MAX;
    Err(item.fault(report, GatewayFault::DiscoveryTooLong { limit, actual }))
}
