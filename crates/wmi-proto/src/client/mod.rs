//! The one public machine: a WMI session with one host.

mod activator;
mod approach;
mod calls;
mod concern;
mod config;
mod error;
mod establish;
mod exporters;
mod holdings;
mod io;
mod link;
mod queries;
mod ready;
mod remedy;
mod session;
mod signatures;
mod verdict;
mod work;
mod world;

use core::num::NonZeroU32;

pub use concern::{AccountKind, Concern};
pub use config::{ClientInfo, Config, Enumerator, ExecMethod, GetObject, Query};
pub use error::{CommandError, Completion, Error, ErrorKind, Stage};
pub use io::{CallId, Event, Input, Output, QueryId, Row};

pub use holdings::Holdings;

use crate::client::session::Session;
use crate::entropy::Entropy;
use crate::stats::Stats;
use crate::time::{FileTime, Instant};
use crate::wmi::Wish;

/// A WMI session with one host. Does no I/O: see `docs/driving.md`.
pub struct Client {
    session: Session,
    /// The latest reading of the caller's clock.
    now: Instant,
}

impl Client {
    /// Everything worldly enters here: `entropy`, the caller's clock reading, and wall time at that reading.
    ///
    /// Connects at once.
    #[must_use]
    pub fn new(config: Config, entropy: Box<dyn Entropy>, now: Instant, wall: FileTime) -> Self {
        Self { session: Session::new(config, entropy, now, wall), now }
    }

    /// Tells the core what happened on a transport. Infallible: what the peer did wrong comes out as an output.
    pub fn handle_input(&mut self, input: Input, now: Instant) {
        let now = self.advance(now);
        self.session.input(input, now);
    }

    /// Tells the core that time passed. Early or spurious calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        let now = self.advance(now);
        self.session.timeout(now);
    }

    /// The next thing that the runtime must do. `None` means drained. Order is significant.
    #[must_use = "an output that is dropped is work that nobody does"]
    pub fn poll_output(&mut self) -> Option<Output> {
        self.session.poll_output()
    }

    /// When `handle_timeout` is next due, valid once drained. `None` means never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.session.next_timeout()
    }

    /// Begins a query; nothing is fetched before [`Client::fetch`].
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, too many queries, a text that cannot be sent.
    pub fn exec_query(&mut self, query: Query, now: Instant) -> Result<QueryId, CommandError> {
        let now = self.advance(now);
        self.session.exec_query(query, now)
    }

    /// Asks for up to `max` more objects. One `Batch` or `QueryDone` answers it; when the batch was the last one,
    /// `QueryDone` follows it by itself. This is the back-pressure: nothing is sent beyond it, or one batch beyond it by a
    /// query that reads ahead ([`Query::prefetch`]), which answers the next `fetch` at once when that batch has come.
    ///
    /// A query that can be reset says `AtEnd` instead, and ends with a `fetch` beyond it, also one that is given before
    /// that `AtEnd` was polled; what the query was told behind such a `fetch` is dropped.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, no such query, or a fetch is under way.
    pub fn fetch(&mut self, query: QueryId, max: NonZeroU32, now: Instant) -> Result<(), CommandError> {
        let now = self.advance(now);
        self.session.wish(query, Wish::Fetch(max), now)
    }

    /// Back to the first object ([MS-WMI 3.1.4.4.1]), after what the query was told to do before: a `fetch` that is under
    /// way is answered first. Answered by `Reset`, or by `QueryDone` when the host refuses or a `fetch` before it ends
    /// the query.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, no such query, one that is read forward only, or one that
    /// was told too much that it has not done yet.
    pub fn reset(&mut self, query: QueryId, now: Instant) -> Result<(), CommandError> {
        let now = self.advance(now);
        self.session.wish(query, Wish::Reset, now)
    }

    /// Over the next `count` objects, or all that are left ([MS-WMI 3.1.4.4.5]), after what the query was told to do
    /// before. Answered by `Skipped`, or by `QueryDone` when the host refuses.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, no such query, one that is read forward only, or one that
    /// was told too much that it has not done yet.
    pub fn skip(&mut self, query: QueryId, count: NonZeroU32, now: Instant) -> Result<(), CommandError> {
        let now = self.advance(now);
        self.session.wish(query, Wish::Skip(count), now)
    }

    /// A second query over the same objects, at the place where `query` is when it has done what it was told before
    /// ([MS-WMI 3.1.4.4.4]); its deadline is as long and begins now. When the copy cannot be made, because the host
    /// refuses or `query` ends first, its own `QueryDone` says so.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, no such query, one that is read forward only or was told
    /// too much that it has not done yet, too many queries.
    pub fn clone_query(&mut self, query: QueryId, now: Instant) -> Result<QueryId, CommandError> {
        let now = self.advance(now);
        self.session.clone_query(query, now)
    }

    /// Ends a query; answered by its `QueryDone`. The session stays usable: an answer that is still on its way is
    /// verified and dropped.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, or no such query.
    pub fn cancel(&mut self, query: QueryId, now: Instant) -> Result<(), CommandError> {
        let now = self.advance(now);
        self.session.cancel(query, now)
    }

    /// Asks for one object by its path, class or instance; answered by its `Reply`.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, too many calls, a path that cannot be sent.
    pub fn get_object(&mut self, object: GetObject, now: Instant) -> Result<CallId, CommandError> {
        let now = self.advance(now);
        self.session.get_object(object, now)
    }

    /// Calls a method of a class or an instance; answered by its `Reply`. The class is asked for the method's signature
    /// first, once per namespace and class; a method or parameter that it does not have ends the call there.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, too many calls, a path or name that cannot be sent.
    pub fn exec_method(&mut self, method: ExecMethod, now: Instant) -> Result<CallId, CommandError> {
        let now = self.advance(now);
        self.session.exec_method(method, now)
    }

    /// Ends a call; answered by its `Reply`. What was sent is not called back: a method may still be carried out. The
    /// session stays usable: an answer that is still on its way is verified and dropped.
    ///
    /// # Errors
    /// The caller's own mistakes only: the session is closed, or no such call.
    pub fn cancel_call(&mut self, call: CallId, now: Instant) -> Result<(), CommandError> {
        let now = self.advance(now);
        self.session.cancel_call(call, now)
    }

    /// Gives all references back and closes the transports; ends with `Event::Closed`.
    pub fn close(&mut self, now: Instant) {
        let now = self.advance(now);
        self.session.close(now);
    }

    /// Whether `Event::Closed` was queued: there is no transport and no deadline any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.session.is_closed()
    }

    /// What the session has cost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.session.stats()
    }

    /// What the session holds at this moment, for tests that look for what is never given back.
    #[doc(hidden)]
    #[must_use]
    pub fn holdings(&self) -> Holdings {
        self.session.holdings()
    }

    /// A clock that goes back is read as the latest reading.
    fn advance(&mut self, now: Instant) -> Instant {
        self.now = self.now.max(now);
        self.now
    }
}

impl core::fmt::Debug for Client {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Client").field("stats", &self.stats()).finish_non_exhaustive()
    }
}
