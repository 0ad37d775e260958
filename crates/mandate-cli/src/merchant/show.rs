//! A merchant's offer as a person is shown it: foreign text, in bounded lines, and the keys where they are seen.

use mandate::discovery::PriceKind;

use super::offer::Offer;
use crate::failure::Failure;
use crate::ui::{Align, Table, Ui};
use mandate_terminal::escape::shortened;

/// The most of a route that is shown, in characters.
const ROUTE_CHARS_MAX: usize = 60;

/// Shows it to the person who is asked. The keys come last, where nothing can push them off the screen.
pub(super) fn show(url: &str, offer: &Offer, ui: &mut Ui<'_>) -> Result<(), Failure> {
    ui.note(format_args!("{url} says that it is"))?;
    let names = [("merchant", offer.id.to_string()), ("name", offer.name.to_string())];
    ui.note_table(&Table::pairs(names))?;
    ui.note("and sells")?;
    let mut sells =
        Table::new([("action", Align::Left), ("route", Align::Left), ("price", Align::Left)]);
    for action in &offer.actions {
        let route = shortened(&action.route, ROUTE_CHARS_MAX).into_owned();
        let price = match action.price {
            PriceKind::Fixed(price) => price.to_string(),
            PriceKind::Free => "free".to_owned(),
            PriceKind::Quote => "quoted for each call".to_owned(),
        };
        sells.row([action.sku.to_string(), route, price]);
    }
    ui.note_table(&sells)?;
    ui.note("and signs with")?;
    let keys = offer.keys.iter().map(|key| ("key", key.id().to_string()));
    ui.note_table(&Table::pairs(keys))?;
    ui.note(
        "Whoever answers at this address could say so: compare each key with what the merchant tells you some other way.",
    )
}
