//! Developer tasks: check, test, bench.
fn main() {}
