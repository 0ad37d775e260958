//! Harness of the merchant's side: a gateway over a real book, a scripted API behind it, and principals who pay.
//!
//! A suite makes a [`GatewayHome`], opens a [`Shop`] in it, and sends it [`Call`]s with mandates that a [`Payer`]
//! signs. [`Shop::check`] runs the one invariant checker; a suite calls it whenever nothing is under way.

mod answered;
mod api;
mod call;
mod home;
mod invariants;
mod payer;
mod shop;

pub use answered::Answered;
pub use api::{
    Api, ApiBody, ApiError, Deed, Heard, Held, QUOTE_PATH, QuoteReaction, Reaction, Wire,
};
pub use call::Call;
pub use home::GatewayHome;
pub use invariants::{Sale, SaleState, check_entries, check_heard};
pub use payer::{Ask, Payer, sign_with};
pub use shop::Shop;
