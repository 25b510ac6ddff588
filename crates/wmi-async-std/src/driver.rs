//! The driving loop as one future over any runtime: readiness, octets and time into the core, its wishes out.
//!
//! Nothing is spawned and nothing is sent through channels: whoever polls a future of the session polls its sockets and
//! its timer, so that a slow core slows the sockets, and a dropped future loses nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, SystemTime};

use futures_io::{AsyncRead, AsyncWrite};
use wmi_proto::cim::CimObject;
use wmi_proto::{
    CallId, Client, CommandError, Config, Event, ExecMethod, GetObject, Input, Instant, Output, Query, QueryId, Stats,
    StockedEntropy, Target, TransportFailure, TransportId,
};

use crate::link::{End, Happened, Link};
use crate::os::{Clock, OsEntropy};
use crate::{Rows, SessionError};

/// A future that a runtime hands out.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// What a session needs from a runtime.
pub trait Runtime {
    /// A connected socket. Dropping it closes it; where something is to be said first, as in TLS, `poll_close` is awaited
    /// before an orderly end.
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;

    /// Looks the name up and tries its addresses in turn. A look-up without result is
    /// [`TransportFailure::NameResolution`]; for the rest there is `From<&std::io::Error>`. The session drops the
    /// future when the deadline passes.
    fn connect(&self, target: Target) -> BoxFuture<Result<Self::Stream, TransportFailure>>;

    /// Completes after `duration`.
    fn sleep(&self, duration: Duration) -> BoxFuture<()>;
}

/// A session with one host: one core, a handful of sockets, one timer.
///
/// It makes progress only while one of its futures is polled. Dropping it drops the sockets; [`Session::close`] takes
/// leave of the host first.
pub struct Session<R: Runtime> {
    runtime: R,
    client: Client,
    clock: Clock,
    /// By [`TransportId::index`].
    links: BTreeMap<usize, Link<R::Stream>>,
    /// The deadline that is being slept for.
    timer: Option<(Instant, BoxFuture<()>)>,
    /// What happened and was not told to the core yet.
    inputs: VecDeque<Input>,
    /// What the core said and was not told to the caller yet.
    events: VecDeque<Event>,
    /// Queries whose rows nobody wants any more.
    abandoned: BTreeSet<QueryId>,
    buffer: Box<[u8]>,
}

impl<R: Runtime> Session<R> {
    /// Begins a session on `runtime`. Connecting and logging on happen while its futures are polled, and a query's
    /// deadline covers them.
    #[must_use]
    pub fn new(runtime: R, config: Config) -> Self {
        let clock = Clock::start();
        Self {
            runtime,
            client: Client::new(
                config,
                Box::new(StockedEntropy::new(OsEntropy)),
                clock.now(),
                SystemTime::now().into(),
            ),
            clock,
            links: BTreeMap::new(),
            timer: None,
            inputs: VecDeque::new(),
            events: VecDeque::new(),
            abandoned: BTreeSet::new(),
            buffer: vec![0; READ_SIZE].into_boxed_slice(),
        }
    }

    /// Gives the core a command, `session.command(|client, now| client.exec_query(query, now))`. What it leads to
    /// happens while a future of the session is polled.
    pub fn command<T>(&mut self, command: impl FnOnce(&mut Client, Instant) -> T) -> T {
        self.settle();
        let result = command(&mut self.client, self.clock.now());
        self.settle();
        result
    }

    /// Waits for the next event; `None` after [`Event::Closed`] was returned. The future may be dropped, for example by
    /// a timeout around it: no event is lost.
    pub async fn next_event(&mut self) -> Option<Event> {
        poll_fn(|cx| self.poll(cx, |session| session.events.pop_front())).await
    }

    /// Begins a query and returns its rows. While these wait, what tells of the session ([`Event::Stage`], [`Event::Ready`], [`Event::Lost`]) is dropped;
    /// what concerns other queries or the session is kept for [`Session::next_event`]. The next rows are on their way
    /// while the last ones are worked on ([`Query::prefetch`]).
    ///
    /// # Errors
    /// The caller's own mistakes only; how the query itself fails is told by the rows.
    pub fn query(&mut self, query: Query) -> Result<Rows<'_, R>, CommandError> {
        let query = self.command(|client, now| client.exec_query(query.prefetch(true), now))?;
        Ok(Rows::new(self, query))
    }

    /// Asks for one object by its path, class or instance; there always is one when this succeeds. Dropping the future
    /// gives the call up. Progress is dropped meanwhile, as by [`Session::query`].
    ///
    /// # Errors
    /// The caller's own mistakes, or how the call failed.
    pub async fn get_object(&mut self, object: GetObject) -> Result<Option<CimObject>, SessionError> {
        let call = self.command(|client, now| client.get_object(object, now))?;
        Awaited { session: self, call, over: false }.reply().await
    }

    /// Calls a method and waits for its out-parameters: an instance of `__PARAMETERS` with `ReturnValue`, or `None` of a
    /// method that has none. Dropping the future gives the call up, but does not call the method back. Progress is dropped
    /// meanwhile, as by [`Session::query`].
    ///
    /// # Errors
    /// As [`Session::get_object`]. A method or parameter that the class does not have fails before anything of the method
    /// is sent; after any other failure the host may have carried it out.
    pub async fn exec_method(&mut self, method: ExecMethod) -> Result<Option<CimObject>, SessionError> {
        let call = self.command(|client, now| client.exec_method(method, now))?;
        Awaited { session: self, call, over: false }.reply().await
    }

    /// Gives back what the host holds for this session and closes the connections, in at most [`Config::linger`];
    /// events that nobody asked for are dropped.
    ///
    /// # Errors
    /// Why the session had ended before.
    pub async fn close(&mut self) -> Result<(), SessionError> {
        self.command(Client::close);
        while let Some(event) = self.next_event().await {
            if let Event::Closed { outcome } = event {
                return Ok(outcome?);
            }
        }
        Ok(())
    }

    /// Whether the session is over; its last event may still be waiting.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.client.is_closed()
    }

    /// What the session has cost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.client.stats()
    }

    /// Waits for the next event of `query`; `None` when the session is over.
    pub(crate) async fn next_event_of(&mut self, query: QueryId) -> Option<Event> {
        poll_fn(|cx| self.poll(cx, |session| session.event_of(query))).await
    }

    /// An event of `query` that is there already.
    pub(crate) fn event_of(&mut self, query: QueryId) -> Option<Event> {
        self.event_where(|event| event.query() == Some(query))
    }

    fn event_where(&mut self, wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        self.events.retain(|event| !matches!(event, Event::Stage(_) | Event::Ready | Event::Lost { .. }));
        let at = self.events.iter().position(wanted)?;
        self.events.remove(at)
    }

    /// Cancels `query` and swallows what was and will be said about it.
    pub(crate) fn abandon(&mut self, query: QueryId) {
        let done = self.events.iter().any(|event| matches!(event, Event::QueryDone { query: q, .. } if *q == query));
        self.events.retain(|event| event.query() != Some(query));
        if !done {
            self.abandoned.insert(query);
            let _ = self.command(|client, now| client.cancel(query, now));
        }
    }

    /// Goes on until `found` has something or the session is over; data before deadlines.
    fn poll(&mut self, cx: &mut Context<'_>, mut found: impl FnMut(&mut Self) -> Option<Event>) -> Poll<Option<Event>> {
        let mut burst = 0;
        loop {
            self.settle();
            if let Some(event) = found(self) {
                return Poll::Ready(Some(event));
            }
            if self.client.is_closed() {
                return Poll::Ready(None);
            }
            let received = self.poll_links(cx);
            burst += received.unwrap_or_default();
            if received.is_some() && burst < BURST {
                continue;
            }
            self.settle();
            let expired = self.poll_timer(cx);
            if burst >= BURST {
                // A host that sends without pause keeps out neither the clock nor the executor's other tasks.
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if !expired {
                return Poll::Pending;
            }
        }
    }

    /// Polls each link once. `None` when nothing happened, otherwise the number of octets that arrived.
    fn poll_links(&mut self, cx: &mut Context<'_>) -> Option<usize> {
        let mut received = None;
        let (inputs, buffer) = (&mut self.inputs, &mut self.buffer);
        self.links.retain(|_, link| {
            let transport = link.id();
            let Poll::Ready(happened) = link.poll(cx, buffer) else { return true };
            let total = received.get_or_insert(0);
            match happened {
                Happened::Opened => inputs.push_back(Input::Opened { transport }),
                Happened::Received(data) => {
                    *total += data.len();
                    inputs.push_back(Input::Received { transport, data });
                }
                Happened::Ended(failure) => {
                    inputs.push_back(Input::Closed { transport, failure });
                    return false;
                }
            }
            true
        });
        received
    }

    /// Whether a deadline passed and the core was told.
    fn poll_timer(&mut self, cx: &mut Context<'_>) -> bool {
        let Some(deadline) = self.client.poll_timeout() else {
            self.timer = None;
            return false;
        };
        let now = self.clock.now();
        if now < deadline {
            let (_, sleep) = match self.timer.take() {
                Some(timer) if timer.0 == deadline => self.timer.insert(timer),
                _ => self.timer.insert((deadline, self.runtime.sleep(deadline.saturating_since(now)))),
            };
            if sleep.as_mut().poll(cx).is_pending() {
                return false;
            }
        }
        self.timer = None;
        self.client.handle_timeout(self.clock.now());
        true
    }

    /// Carries out what the core wants and tells it what has happened, until neither has anything left.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.client.poll_output() {
                self.carry_out(output);
            }
            // One input at a time, and only when the core has nothing more to say.
            let Some(input) = self.inputs.pop_front() else { return };
            self.client.handle_input(input, self.clock.now());
        }
    }

    /// The only place where outputs are interpreted.
    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Open { transport, target } => {
                let attempt = self.runtime.connect(target);
                self.links.insert(transport.index(), Link::new(transport, attempt));
            }
            Output::Transmit { transport, data } => {
                if let Some(link) = self.links.get_mut(&transport.index()) {
                    link.transmit(data);
                }
            }
            Output::Close { transport } => {
                if let Some(link) = self.links.get_mut(&transport.index()) {
                    link.close();
                }
            }
            Output::Abort { transport } => self.lost(transport, None),
            Output::Event(event) => self.keep_event(event),
        }
    }

    /// A link ends by the removal of its entry, so `Closed` is reported exactly once.
    fn lost(&mut self, transport: TransportId, failure: End) {
        if self.links.remove(&transport.index()).is_some() {
            self.inputs.push_back(Input::Closed { transport, failure });
        }
    }

    /// Keeps `event` for the caller unless it concerns a query that nobody waits for.
    fn keep_event(&mut self, event: Event) {
        match event.query() {
            Some(query) if self.abandoned.contains(&query) => {
                if matches!(event, Event::QueryDone { .. }) {
                    self.abandoned.remove(&query);
                }
            }
            _ => self.events.push_back(event),
        }
    }
}

/// A call whose reply is waited for; dropped before it came, the call is given up.
struct Awaited<'s, R: Runtime> {
    session: &'s mut Session<R>,
    call: CallId,
    over: bool,
}

impl<R: Runtime> Awaited<'_, R> {
    async fn reply(mut self) -> Result<Option<CimObject>, SessionError> {
        let call = self.call;
        let found = |session: &mut Session<R>| session.event_where(|event| event.call() == Some(call));
        let event = poll_fn(|cx| self.session.poll(cx, found)).await;
        self.over = true;
        match event {
            Some(Event::Reply { outcome, .. }) => Ok(outcome?),
            // Every call is replied to before the session is over.
            _ => Err(CommandError::Closed.into()),
        }
    }
}

impl<R: Runtime> Drop for Awaited<'_, R> {
    fn drop(&mut self) {
        if !self.over {
            let call = self.call;
            // It may have ended by now; what is said about it, at once, nobody wants.
            let _ = self.session.command(|client, now| client.cancel_call(call, now));
            self.session.events.retain(|event| event.call() != Some(call));
        }
    }
}

impl<R: Runtime> fmt::Debug for Session<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("links", &self.links).field("events", &self.events).finish_non_exhaustive()
    }
}

/// Octets per read.
const READ_SIZE: usize = 64 * 1024;

/// Octets read before the deadlines are looked at.
const BURST: usize = 8 << 20;
