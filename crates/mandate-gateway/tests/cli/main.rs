//! The built command line as a gateway's operator, its scripts and its auditors use it: what it prints and how it exits.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops where its own assumption fails, and says what it could not run"
)]

mod audit;
mod canary;
mod clock;
mod doctor;
mod door;
mod equivocation;
mod help;
mod init;
mod lock;
mod look;
mod principal;
mod resolve;
mod run;
mod shop;
mod tls;
mod wallet;
