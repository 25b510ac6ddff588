//! Test tools of the workspace. Never published, never a normal dependency.

pub mod conformance;
pub mod generators;
pub mod hub;
pub mod oracles;
pub mod pair;
pub mod weeks;

pub use pair::{Direction, OBJECT_PORT, Outcome, Pair, Recorder, Step, Tap, Traffic, config, credentials, replay};
