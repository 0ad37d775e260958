//! mandate-demo
fn main() {}
