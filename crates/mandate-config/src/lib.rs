//! Strict reading of a TOML file: every fault at once, each with line, column and the way out.
//!
//! [`parse`] takes the text of a file apart and gives its root [`Table`] to a side's own reading. What cannot be read
//! is noted in a [`Report`], and what hangs on it is not judged, so that one slip gives one fault. The faults that any
//! file can have are here; a side adds its own with [`OwnFault`]. This crate never touches a file, and knows no side's.
//!
//! ```
//! use mandate_config::{OwnFault, Table, life_s, name, parse};
//!
//! #[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
//! enum ShopFault {
//!     #[error("is open on no day; name one")]
//!     NeverOpen,
//! }
//!
//! impl OwnFault for ShopFault {
//!     fn code(&self) -> &'static str {
//!         "never_open"
//!     }
//!     fn stands_alone(&self) -> bool {
//!         true
//!     }
//! }
//!
//! let text = "[shop]\nnmae = \"Lux\"\nquote_ttl = \"1 min\"\ndays = []\n";
//! let faults = parse(text, &["shop"], |root, report| {
//!     root.required("shop", "a [shop] table", report, |item, report| {
//!         let known = &["name", "quote_ttl", "days"];
//!         let mut table = Table::open(item, known, "a table under the header [shop]", report)?;
//!         let name = table.required("name", "name = \"Lux\"", report, name::<80, _>);
//!         let quote_ttl_s = table.optional("quote_ttl", report, |item, report| {
//!             life_s(item, report, 1..=600)
//!         });
//!         let days = table.optional("days", report, |item, report| {
//!             let days = item.elements(report, "a list of days")?;
//!             if days.is_empty() {
//!                 return Err(item.fault(report, ShopFault::NeverOpen));
//!             }
//!             Ok(days.len())
//!         });
//!         Ok((name?, quote_ttl_s?, days?))
//!     })
//! })
//! .unwrap_err();
//! assert_eq!(
//!     faults.to_string(),
//!     "2:1: shop.nmae: is not known here; the keys here are name, quote_ttl, days (did you mean name?)\n\
//!      3:13: shop.quote_ttl: is not a life; write whole seconds or minutes, as in \"60s\" or \"5m\" \
//!      (did you mean \"1m\"?)\n\
//!      4:8: shop.days: is open on no day; name one",
//! );
//! ```

mod amount;
mod fault;
mod item;
mod key_reference;
mod key_set;
mod kind;
mod life;
mod list;
mod metrics;
mod once;
mod parse;
mod report;
mod socket_address;
mod syntax;
mod table;
#[cfg(test)]
mod testing;
mod unreadable;
mod url;
mod value;

pub use amount::amount;
pub use fault::{Fault, Faults};
pub use item::Item;
pub use key_reference::{KeyReference, KeyStore, key_reference};
pub use key_set::key_set;
pub use kind::{FaultKind, OwnFault};
pub use life::life_s;
pub use list::{ITEMS_MAX, Listed, each};
pub use metrics::metrics_listen;
pub use once::{Once, once};
pub use parse::parse;
pub use report::{Read, Report, Reported, excerpt, quoted};
pub use socket_address::socket_address;
pub use table::Table;
pub use unreadable::Unreadable;
pub use url::{URL_BYTES_MAX, UrlError, check_url, url};
pub use value::{id, integer, name, one_of, parsed, text};
