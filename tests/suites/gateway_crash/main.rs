//! A gateway's process is killed at any moment: each call is executed at most once, and each receipt stays what it was.

mod child;
mod clients;
mod kill;
mod rollback;
mod street;
