//! What a command line owes its user: harmless text, tables, questions that wait for an answer, and exit codes.
//!
//! What is here is the same for the principal's and the merchant's command line, down to how a journal is paged through
//! and how a set-up that was cut off is finished. It never knows what an entry means, and never decides anything about
//! money or mandates. What a command shows passes through [`ui::Ui`], so nothing foreign reaches a terminal unescaped.

pub mod audit;
pub mod confirm;
pub mod doctor;
pub mod escape;
pub mod failure;
pub mod fault;
pub mod init;
pub mod lock;
pub mod record;
pub mod session;
pub mod time;
pub mod ui;
pub mod write;
