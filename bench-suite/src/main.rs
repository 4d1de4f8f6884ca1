//! Entry point of the harness.

fn main() {}
