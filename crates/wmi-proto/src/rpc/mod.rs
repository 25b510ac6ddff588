//! One association on one transport: bind, security, calls.

mod association;
mod error;
mod framer;
mod plain;

pub(crate) use association::{Association, Call, Done};
pub(crate) use error::Error;
pub(crate) use plain::Plain;
