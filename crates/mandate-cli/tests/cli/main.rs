//! The built command line as its principal, its scripts and its auditors use it: what it prints and how it exits.

#![expect(clippy::expect_used, reason = "a test stops where its own assumption fails")]

mod approvals;
mod audit;
mod backup;
mod config;
mod desk;
mod doctor;
mod equivocation;
mod evidence;
mod freeze;
mod help;
mod init;
mod lock;
mod look;
mod mask;
mod meeting;
mod merchant;
mod proofs;
mod purchase;
mod server;
mod settle;
mod statement;
mod unreachable;
