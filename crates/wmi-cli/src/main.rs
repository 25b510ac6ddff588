//! The program `wmi`.
fn main() {}
