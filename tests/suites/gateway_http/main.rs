//! The merchant's gateway over real sockets, as any client may speak to it.

mod fill;
mod front;
mod vector;
mod vectors;
mod wire;
