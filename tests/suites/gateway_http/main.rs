//! The merchant's gateway over real sockets, as any client may speak to it.

mod bound;
mod confusion;
mod deployed;
mod fill;
mod frames;
mod front;
mod http2;
mod metrics;
mod mutations;
mod pipelines;
mod provider;
mod raw_api;
mod settings;
mod sizes;
mod slow;
mod street;
mod vector;
mod vectors;
mod wire;
