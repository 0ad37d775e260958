//! What the benchmarks share: figures over several rounds, and what nothing on this machine can be faster than.

pub mod figures;
pub mod floors;
