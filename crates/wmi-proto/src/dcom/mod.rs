//! Objects on the host: how they are called, and the references that keep them alive.

mod call;
mod ping;
mod references;

pub(crate) use call::{answer, stub};
pub(crate) use ping::{Ping, PingSet, Pinged};
pub(crate) use references::References;
