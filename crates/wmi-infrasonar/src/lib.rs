//! What InfraSonar's agentcore and its probes say to each other: packets, the machine of a probe, its configuration.
//!
//! Without I/O, clock and randomness, as `wmi-proto`: [`Agent`] takes what happened and says what is to be done.

pub mod agent;
pub mod assets;
pub mod dry_run;
pub mod environment;
pub mod fernet;
pub mod frame;
pub mod local;
pub mod msgpack;
pub mod outcome;
pub mod packet;
pub mod printed;
pub mod schedule;
mod unchanged;
pub mod value;
mod yaml;

pub use agent::{Agent, Kind, Level, Now, Output, RunId, Start};
pub use assets::{CheckConfig, CheckPath, Entry};
pub use environment::Environment;
pub use local::LocalConfig;
pub use outcome::{CheckError, CheckResult, Outcome, Severity};
pub use value::Value;
