//! The one public machine: a WMI session with one host.

mod config;
mod error;
mod io;
mod remedy;

use core::num::NonZeroU32;

pub use config::{Config, Enumerator, Query};
pub use error::{CommandError, Completion, Error, ErrorKind, Stage};
pub use io::{Event, Input, Output, QueryId, Row};

use crate::entropy::Entropy;
use crate::time::{FileTime, Instant};

/// A WMI session with one host. Does no I/O: see `docs/driving.md`.
pub struct Client {
    closed: bool,
}

/// What a session has cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Times the core had to wait for the host: connects, binds and calls.
    pub round_trips: u64,
    /// Security contexts established.
    pub logons: u64,
    /// Alter_context requests sent.
    pub alter_contexts: u64,
    /// Octets received.
    pub octets_in: u64,
    /// Octets sent.
    pub octets_out: u64,
}

impl Client {
    /// Everything worldly enters here: `entropy`, the caller's clock reading, and wall time at that reading.
    ///
    /// Connects at once.
    #[must_use]
    pub fn new(_config: Config, _entropy: Box<dyn Entropy>, _now: Instant, _wall: FileTime) -> Self {
        Self { closed: false }
    }

    /// Tells the core what happened on a transport. Infallible: what the peer did wrong comes out as an output.
    pub fn handle_input(&mut self, _input: Input, _now: Instant) {}

    /// Tells the core that time passed. Early or spurious calls do nothing.
    pub fn handle_timeout(&mut self, _now: Instant) {}

    /// The next thing that the runtime must do. `None` means drained. Order is significant.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<Output> {
        None
    }

    /// When `handle_timeout` is next due, valid once drained. `None` means never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }

    /// Begins a query; nothing is fetched before `fetch`.
    ///
    /// # Errors
    /// The caller's own mistakes only.
    pub fn exec_query(&mut self, _query: Query, _now: Instant) -> Result<QueryId, CommandError> {
        Err(CommandError::Closed)
    }

    /// Asks for up to `max` more objects: one `Batch` or `QueryDone` answers it. This is the back-pressure.
    ///
    /// # Errors
    /// The caller's own mistakes only.
    pub fn fetch(&mut self, _query: QueryId, _max: NonZeroU32, _now: Instant) -> Result<(), CommandError> {
        Err(CommandError::Closed)
    }

    /// Ends a query; answered by its `QueryDone`. The session stays usable.
    ///
    /// # Errors
    /// The caller's own mistakes only.
    pub fn cancel(&mut self, _query: QueryId, _now: Instant) -> Result<(), CommandError> {
        Err(CommandError::Closed)
    }

    /// Releases references and closes transports; ends with `Event::Closed`.
    pub fn close(&mut self, _now: Instant) {
        self.closed = true;
    }

    /// Whether `Event::Closed` was queued.
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.closed
    }

    /// What the session has cost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }
}
