//! The statement that the command line makes: its sums are the ledger's, no text in it is markup, and a browser shows it.

mod browser;
mod page;
mod sums;
