//! The whole flow on one machine, for a newcomer's first run.

mod merchant;

pub use merchant::{CART_LIFE_S, Merchant, MerchantError};
