//! The daemon on real sockets, as agents and principals use it.

mod approvals;
mod control;
mod flow;
mod health;
mod limits;
mod lock;
mod metrics;
mod peers;
mod proofs;
mod refusals;
mod reload;
mod selectors;
mod settle;
