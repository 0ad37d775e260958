//! Wallet and gateway, each a process of its own, under mixed traffic: nothing leaks, nothing is lost, both books fit.

mod books;
mod buyer;
mod child;
mod pair;
mod soak;
