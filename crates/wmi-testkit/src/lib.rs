//! Test tools of the workspace: generators and oracles.

pub mod generators;
pub mod oracles;
