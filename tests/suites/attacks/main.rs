//! Attacks on a wallet and a gateway as they ship, each a process of its own, with an API behind that counts.
//!
//! [`table`] has one line for each attack: what the attacker holds, who stops it, and what it meets on the wire. After
//! each the two stopped journals go through one check.

mod accounts;
mod carts;
mod check;
mod child;
mod forgery;
mod http;
mod journals;
mod races;
mod replay;
mod scope;
mod street;
mod table;
mod units;
