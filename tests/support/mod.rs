//! Harness shared by the suites: a principal's home with a real key, the daemon over it, clients, and a clock to bend;
//! and a merchant's side of the same.

pub mod canary;
mod clock;
mod daemon;
mod daemon_child;
mod denial;
pub mod flood;
pub mod gateway;
pub mod golden;
pub mod h2;
mod home;
mod installed;
pub mod invariants;
mod merchant;
pub mod months;
pub mod pair;
pub mod parties;
mod process;
pub mod random;
pub mod rerun;
mod rounds;
mod said;
mod service_manager;
pub mod tally;
pub mod wallet;

pub use clock::TestClock;
pub use daemon::{Agent, Running};
pub use daemon_child::serve_home_as_child;
pub use denial::{Denied, denied};
pub use home::{Home, LUX, RIVAL, must_not_skip};
pub use installed::installed;
pub use merchant::{CART_LIFE_S, Merchant, MerchantError};
pub use process::{Process, alone, start};
pub use rounds::rounds;
pub use said::{Said, bare, fed, said, typed};
pub use service_manager::ServiceManager;
