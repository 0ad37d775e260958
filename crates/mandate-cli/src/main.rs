//! mandate-cli
fn main() {}
