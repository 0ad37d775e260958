//! The whole flow on one machine, for a newcomer's first run.
//!
//! [`run()`] makes a principal and two merchants in a temporary folder, starts the product's own wallet and gateways as
//! processes, puts a small hotel API behind the gateways, plays an agent that shops and misbehaves, has both sides
//! cheat each other and a third person judge, and checks each thing that it shows. It leaves nothing behind. No step
//! takes a path that the product does not have; only the API, the agent and the cheats are played.

mod agent;
mod answer;
mod api;
mod auditor;
mod call;
mod cheat;
mod child;
mod claims;
mod error;
mod handed;
mod home;
mod key;
mod process;
mod rules;
mod run;
mod scenes;
mod screen;
mod sellers;
mod shop;
mod stage;
mod tally;
mod timing;

pub use error::DemoError;
pub use run::run;
