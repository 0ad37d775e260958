//! The ledger on a real file: what it promises, under any sequence of requests.

mod agreement;
mod approval;
mod budget;
mod cart;
mod damage;
mod equivocation;
mod expired;
mod free;
mod full;
mod idempotency;
mod model;
mod outcome;
mod race;
mod record;
mod reload;
mod replay;
mod restore;
mod steps;
mod stopped;
mod withheld;
mod words;
