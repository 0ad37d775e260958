//! Reads an amount of money.

use mandate::{AmountError, Currency, Money};
use toml::de::DeValue;

use crate::item::Item;
use crate::kind::{FaultKind, OwnFault};
use crate::report::{Read, Report, quoted};

/// Reads an amount, as in `"250.00 EUR"`, and suggests the one that was meant.
///
/// # Errors
///
/// [`FaultKind::Type`], [`FaultKind::Amount`] or [`FaultKind::AmountUnquoted`] is noted.
pub fn amount<F: OwnFault>(item: &Item<'_>, report: &mut Report<'_, F>) -> Read<Money> {
    match item.value() {
        DeValue::String(text) => text.parse().map_err(|error: AmountError| {
            let meant = nearest_amount(text).map(|money| quoted(&money.to_string()));
            item.fault_with(report, error, meant)
        }),
        DeValue::Integer(_) | DeValue::Float(_) => {
            Err(item.fault(report, FaultKind::AmountUnquoted))
        }
        _ => Err(item.mistyped(report, "an amount in quotes, as in \"250.00 EUR\"")),
    }
}

/// The amount that was meant by `250 EUR`, `10.005 EUR`, `EUR 250`, `250,00 eur`; digits too many are cut off, so it is
/// never more than what was written.
fn nearest_amount(text: &str) -> Option<Money> {
    let text = text.trim();
    let number: String = text.chars().filter(|c| !c.is_ascii_alphabetic() && *c != ' ').collect();
    let code: String = text.chars().filter(char::is_ascii_alphabetic).collect();
    let currency: Currency = code.to_uppercase().parse().ok()?;
    let (major, minor) = number.split_once(['.', ',']).unwrap_or((&number, ""));
    if !minor.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let major = major.trim_start_matches('0');
    let major = if major.is_empty() { "0" } else { major };
    let exponent = currency.exponent();
    let minor: String = minor.chars().chain(std::iter::repeat('0')).take(exponent).collect();
    let point = if exponent == 0 { "" } else { "." };
    format!("{major}{point}{minor} {currency}").parse().ok()
}
