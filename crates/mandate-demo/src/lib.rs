//! The whole flow on one machine, for a newcomer's first run.
//!
//! [`run`] makes a principal in a temporary folder, starts the product's own daemon as a process, plays an agent that
//! shops and misbehaves, and checks each thing that it shows. It leaves nothing behind. No step takes a path that the
//! product does not have; the [`Merchant`] alone is played, and signs with the library.

mod agent;
mod answer;
mod child;
mod claims;
mod error;
mod home;
mod merchant;
mod process;
mod run;
mod scenes;
mod screen;
mod stage;
mod timing;

pub use error::DemoError;
pub use merchant::{CART_LIFE_S, Merchant, MerchantError};
pub use run::run;
