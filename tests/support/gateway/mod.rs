//! Harness of the merchant's side: a gateway over a real book, a scripted API behind it, and principals who pay.
//!
//! A suite makes a [`GatewayHome`], opens a [`Shop`] in it, and sends it [`Call`]s with mandates that a [`Payer`]
//! signs. [`Shop::check`] runs the one invariant checker; a suite calls it whenever nothing is under way.

mod answered;
mod api;
mod call;
mod home;
mod invariants;
mod keyed_api;
mod line;
mod merchant_home;
mod payer;
mod shop;

pub use answered::Answered;
pub use api::{
    Api, ApiBody, ApiError, Deed, Heard, Held, QUOTE_PATH, QuoteReaction, Reaction, Wire,
};
pub use call::Call;
pub use home::{GatewayHome, MERCHANT_SEED};
pub use invariants::{Sale, SaleState, check_calls, check_entries, check_heard};
pub use keyed_api::{Asked, Kept, KeyedApi, Moment};
pub use line::Line;
pub use merchant_home::{MerchantHome, serve_as_child};
pub use payer::{Ask, Payer, sign_with};
pub use shop::Shop;
