//! One association on one transport: bind, security, calls.

mod association;
mod error;
mod framer;
mod plain;
mod queue;

pub(crate) use association::{Association, Done};
pub(crate) use error::Error;
pub(crate) use plain::Plain;
pub(crate) use queue::Call;
