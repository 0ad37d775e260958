//! mandated
fn main() {}
