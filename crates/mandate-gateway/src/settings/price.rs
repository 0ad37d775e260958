//! What an action costs: nothing, an amount a unit, or what the API is asked for.

use http::Method;
use mandate::token::QUANTITY_MAX;
use mandate::{MinorUnits, Money};
use mandate_config::{Item, Read, Table, amount, quoted};

use super::Price;
use super::fault::{GatewayFault, Report};
use super::route::route;
use crate::route::Route;

/// How the price of a free action is written.
const FREE: &str = "free";

const EXPECTED: &str = "a price: \"free\", an amount for one unit as in \"18.00 EUR\", or { quote = \"POST /quotes\" }";

/// Reads a price, and where its quote stands if it has one.
pub(super) fn price<'a>(
    item: &Item<'a>,
    report: &mut Report<'_>,
) -> Read<(Price, Option<Item<'a>>)> {
    let value = item.value();
    match item.as_str() {
        Some(FREE) => Ok((Price::Free, None)),
        Some(text) if !text.contains(|c: char| c.is_ascii_digit()) => {
            let meant = match report.nearest(text, [FREE, "quote"]) {
                Some("quote") => Some("{ quote = \"POST /quotes\" }".to_owned()),
                word => word.map(quoted),
            };
            Err(item.fault_with(report, GatewayFault::PriceForm, meant))
        }
        None if value.is_table() => quote(item, report),
        None if !value.is_integer() && !value.is_float() => Err(item.mistyped(report, EXPECTED)),
        _ => Ok((Price::Fixed(unit(item, report)?), None)),
    }
}

/// Reads the price of one unit: as many as one call may be for have to be an amount still.
fn unit(item: &Item<'_>, report: &mut Report<'_>) -> Read<Money> {
    let unit = amount(item, report)?;
    if unit.amount == MinorUnits::ZERO {
        return Err(item.fault_with(report, GatewayFault::PriceZero, Some(quoted(FREE))));
    }
    let most = MinorUnits::MAX.units().checked_div(u64::from(QUANTITY_MAX)).unwrap_or_default();
    if unit.amount.units() > most {
        let amount = MinorUnits::new(most).unwrap_or(MinorUnits::MAX);
        let limit = Money { currency: unit.currency, amount };
        return Err(item.fault(report, GatewayFault::PriceAboveMax { limit }));
    }
    Ok(unit)
}

fn quote<'a>(item: &Item<'a>, report: &mut Report<'_>) -> Read<(Price, Option<Item<'a>>)> {
    let mut table = Table::open(item, &["quote"], EXPECTED, report)?;
    let route = table.required("quote", "quote = \"POST /quotes\"", report, quote_route)?;
    Ok((Price::Quote(route), table.item("quote")))
}

/// Reads where the API is asked for a price.
fn quote_route(item: &Item<'_>, report: &mut Report<'_>) -> Read<Route> {
    let route = route(item, Some(Method::POST.as_str()), report)?;
    if *route.method() != Method::POST {
        let meant = quoted(&format!("{} {}", Method::POST, route.path()));
        return Err(item.fault_with(report, GatewayFault::QuoteMethod, Some(meant)));
    }
    if !route.is_literal() {
        return Err(item.fault(report, GatewayFault::QuotePlaceholder));
    }
    Ok(route)
}
