//! The daemon on real sockets, as agents and principals use it.

mod flow;
