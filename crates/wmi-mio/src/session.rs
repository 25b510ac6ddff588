//! The driving loop: readiness, octets and time into the core, its wishes out to the sockets.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant as StdInstant, SystemTime};

use bytes::BytesMut;
use mio::{Poll, Token};
use wmi_proto::{Client, CommandError, Config, Event, Input, Instant, Output, Query, QueryId, Stats, TransportId};

use crate::link::{End, Link};
use crate::os::{Clock, OsEntropy};
use crate::resolve::Resolver;
use crate::{Rows, SessionError};

/// A blocking session with one host: one core, one reactor, a handful of sockets.
///
/// It makes progress only while one of its methods waits. Dropping it drops the sockets; [`Session::close`] takes leave
/// of the host first.
pub struct Session {
    client: Client,
    clock: Clock,
    poll: Poll,
    ready: mio::Events,
    waker: Waker,
    resolver: Resolver,
    /// By [`TransportId::index`], which is also the reactor's token.
    links: BTreeMap<usize, Link>,
    /// What happened and was not told to the core yet.
    inputs: VecDeque<Input>,
    /// What the core said and was not told to the caller yet.
    events: VecDeque<Event>,
    /// Queries whose rows nobody wants any more.
    abandoned: BTreeSet<QueryId>,
    buffer: Box<[u8]>,
    tap: Option<Box<dyn Tap>>,
}

/// Is told what goes over the connections of a session, in the order in which its core says and hears it.
pub trait Tap: Send {
    /// A connection stands, from `local` to `host`.
    fn opened(&mut self, transport: TransportId, local: SocketAddr, host: SocketAddr);
    /// `data` was given to the connection to be sent. A connection that breaks may not have sent it.
    fn sent(&mut self, transport: TransportId, data: &[u8]);
    /// `data` has arrived.
    fn received(&mut self, transport: TransportId, data: &[u8]);
    /// The connection is over, or never stood.
    fn closed(&mut self, transport: TransportId);
}

/// Ends a wait of its session from any thread, for example from the one that handles signals.
///
/// The wait that is under way, or else the next one, returns [`ErrorKind::Interrupted`]; the session goes on as before.
#[derive(Clone, Debug)]
pub struct Waker {
    waker: Arc<mio::Waker>,
    interrupted: Arc<AtomicBool>,
}

impl Waker {
    /// Ends the wait.
    ///
    /// # Errors
    /// The reactor cannot be woken.
    pub fn wake(&self) -> io::Result<()> {
        self.interrupted.store(true, Ordering::Release);
        self.waker.wake()
    }

    fn take(&self) -> bool {
        self.interrupted.swap(false, Ordering::Acquire)
    }
}

impl Session {
    /// Begins a session. Does not wait: connecting and logging on happen during the waits that follow, and a query's
    /// deadline covers them.
    ///
    /// # Errors
    /// The operating system has no reactor to give.
    pub fn connect(config: Config) -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKE)?);
        let clock = Clock::start();
        Ok(Self {
            client: Client::new(config, Box::new(OsEntropy), clock.now(), SystemTime::now().into()),
            clock,
            poll,
            ready: mio::Events::with_capacity(16),
            resolver: Resolver::new(Arc::clone(&waker)),
            waker: Waker { waker, interrupted: Arc::default() },
            links: BTreeMap::new(),
            inputs: VecDeque::new(),
            events: VecDeque::new(),
            abandoned: BTreeSet::new(),
            buffer: vec![0; READ_SIZE].into_boxed_slice(),
            tap: None,
        })
    }

    /// From now on `tap` is told what goes over the connections.
    pub fn set_tap(&mut self, tap: Box<dyn Tap>) {
        self.tap = Some(tap);
    }

    /// Gives the core a command, `session.command(|client, now| client.exec_query(query, now))`, and carries out what
    /// it leads to. Does not wait.
    pub fn command<R>(&mut self, command: impl FnOnce(&mut Client, Instant) -> R) -> R {
        self.settle();
        let result = command(&mut self.client, self.clock.now());
        self.settle();
        result
    }

    /// Waits for the next event; `None` after [`Event::Closed`] was returned.
    ///
    /// # Errors
    /// The reactor failed, or a [`Waker`] ended the wait ([`ErrorKind::Interrupted`]).
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        self.wait(None, Self::take_event)
    }

    /// Waits for the next event until `deadline`; `None` when it passes, or after [`Event::Closed`] was returned. What
    /// has arrived is looked at even when `deadline` has passed.
    ///
    /// # Errors
    /// The reactor failed, or a [`Waker`] ended the wait ([`ErrorKind::Interrupted`]).
    pub fn next_event_before(&mut self, deadline: StdInstant) -> io::Result<Option<Event>> {
        self.wait(Some(deadline), Self::take_event)
    }

    /// Begins a query and returns its rows. While these wait, progress ([`Event::Stage`], [`Event::Ready`]) is dropped;
    /// what concerns other queries or the session is kept for [`Session::next_event`].
    ///
    /// # Errors
    /// The caller's own mistakes only; how the query itself fails is told by the rows.
    pub fn query(&mut self, query: Query) -> Result<Rows<'_>, CommandError> {
        let query = self.command(|client, now| client.exec_query(query, now))?;
        Ok(Rows::new(self, query))
    }

    /// Gives back what the host holds for this session and closes the connections. Waits until that is done, at most
    /// for [`Config::linger`]; events that nobody asked for are dropped.
    ///
    /// # Errors
    /// Why the session had ended before, or [`SessionError::Io`] as from [`Session::next_event`].
    pub fn close(&mut self) -> Result<(), SessionError> {
        self.command(Client::close);
        while let Some(event) = self.next_event()? {
            if let Event::Closed { outcome } = event {
                return Ok(outcome?);
            }
        }
        Ok(())
    }

    /// What ends a wait of this session from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
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
    pub(crate) fn next_event_of(&mut self, query: QueryId) -> io::Result<Option<Event>> {
        self.wait(None, |session| session.event_of(query))
    }

    /// An event of `query` that is there already.
    pub(crate) fn event_of(&mut self, query: QueryId) -> Option<Event> {
        self.events.retain(|event| !matches!(event, Event::Stage(_) | Event::Ready));
        let at = self.events.iter().position(|event| event.query() == Some(query))?;
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

    fn take_event(&mut self) -> Option<Event> {
        self.events.pop_front()
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

    /// Turns until `found` has something, the session is over or `until` has passed.
    fn wait(
        &mut self,
        until: Option<StdInstant>,
        mut found: impl FnMut(&mut Self) -> Option<Event>,
    ) -> io::Result<Option<Event>> {
        let mut late = false;
        loop {
            if self.waker.take() {
                return Err(ErrorKind::Interrupted.into());
            }
            self.settle();
            if let Some(event) = found(self) {
                return Ok(Some(event));
            }
            if late || self.client.is_closed() {
                return Ok(None);
            }
            late = until.is_some_and(|until| until <= StdInstant::now());
            self.turn(until)?;
        }
    }

    /// Waits once for readiness, a deadline of the core, or `until`; then tells the core what happened, data first.
    fn turn(&mut self, until: Option<StdInstant>) -> io::Result<()> {
        let patience = self.patience(until);
        match self.poll.poll(&mut self.ready, patience) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &self.ready {
            let Some(link) = self.links.get_mut(&event.token().0) else { continue };
            if event.is_readable() || event.is_read_closed() || event.is_error() {
                link.set_readable();
            }
            let (transport, connected) = (link.id(), link.connected(self.poll.registry()));
            match connected {
                Ok(true) => self.inputs.push_back(Input::Opened { transport }),
                Ok(false) => {}
                Err(end) => lost(&mut self.links, &mut self.inputs, transport, end),
            }
        }
        while let Some(answer) = self.resolver.answer() {
            let Some(link) = self.links.get_mut(&answer.transport.index()) else { continue };
            if let Err(end) = link.resolved(answer.addresses, self.poll.registry()) {
                lost(&mut self.links, &mut self.inputs, answer.transport, end);
            }
        }
        self.settle();
        self.receive();
        self.client.handle_timeout(self.clock.now());
        self.settle();
        Ok(())
    }

    /// How long the reactor may sleep.
    fn patience(&self, until: Option<StdInstant>) -> Option<Duration> {
        if self.links.values().any(Link::is_readable) {
            return Some(Duration::ZERO);
        }
        let core = self.client.poll_timeout().map(|at| at.saturating_since(self.clock.now()));
        let caller = until.map(|at| at.saturating_duration_since(StdInstant::now()));
        match (core, caller) {
            (Some(core), Some(caller)) => Some(core.min(caller)),
            (core, caller) => core.or(caller),
        }
    }

    /// Reads what has arrived, one input at a time. A host that sends without pause cannot keep the clock out: what is
    /// beyond `BURST` has its turn after the deadlines.
    fn receive(&mut self) {
        let tokens: Vec<usize> = self.links.keys().copied().collect();
        for token in tokens {
            let mut burst = 0;
            // Looked up anew: the core may have closed it.
            while burst < BURST
                && let Some(link) = self.links.get_mut(&token).filter(|link| link.is_readable())
            {
                let transport = link.id();
                match link.read(&mut self.buffer) {
                    Ok(0) => break,
                    Ok(n) => {
                        burst += n;
                        let data = BytesMut::from(&self.buffer[..n]);
                        self.inputs.push_back(Input::Received { transport, data });
                    }
                    Err(end) => lost(&mut self.links, &mut self.inputs, transport, end),
                }
                self.settle();
            }
        }
    }

    /// Carries out what the core wants and tells it what came of that, until nothing is left to do without waiting.
    fn settle(&mut self) {
        loop {
            while let Some(output) = self.client.poll_output() {
                self.carry_out(output);
            }
            // One input at a time, and only when the core has nothing more to say.
            if let Some(input) = self.inputs.pop_front() {
                self.tap_input(&input);
                self.client.handle_input(input, self.clock.now());
                continue;
            }
            let inputs = &mut self.inputs;
            self.links.retain(|_, link| match link.flush() {
                Ok(()) => true,
                Err(failure) => {
                    inputs.push_back(Input::Closed { transport: link.id(), failure });
                    false
                }
            });
            if self.inputs.is_empty() {
                return;
            }
        }
    }

    fn tap_input(&mut self, input: &Input) {
        let Some(tap) = &mut self.tap else { return };
        match input {
            Input::Opened { transport } => {
                if let Some((local, host)) = self.links.get(&transport.index()).and_then(Link::ends) {
                    tap.opened(*transport, local, host);
                }
            }
            Input::Received { transport, data } => tap.received(*transport, data),
            Input::Closed { transport, .. } => tap.closed(*transport),
        }
    }

    /// The only place where outputs are interpreted.
    fn carry_out(&mut self, output: Output) {
        match output {
            Output::Open { transport, target } => {
                self.links.insert(transport.index(), Link::new(transport));
                if let Err(error) = self.resolver.look_up(transport, target) {
                    lost(&mut self.links, &mut self.inputs, transport, Some(error.kind().into()));
                }
            }
            Output::Transmit { transport, data } => {
                if let Some(link) = self.links.get_mut(&transport.index()) {
                    if let Some(tap) = &mut self.tap {
                        tap.sent(transport, &data);
                    }
                    link.transmit(data);
                }
            }
            Output::Close { transport } => {
                if let Some(link) = self.links.get_mut(&transport.index()) {
                    link.close();
                }
            }
            Output::Abort { transport } => lost(&mut self.links, &mut self.inputs, transport, None),
            Output::Event(event) => self.keep_event(event),
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("links", &self.links).field("events", &self.events).finish_non_exhaustive()
    }
}

/// Every end of a link goes through the removal of its entry, so `Closed` is reported exactly once.
fn lost(links: &mut BTreeMap<usize, Link>, inputs: &mut VecDeque<Input>, transport: TransportId, failure: End) {
    if links.remove(&transport.index()).is_some() {
        inputs.push_back(Input::Closed { transport, failure });
    }
}

/// The token of the waker; transports are numbered from zero.
const WAKE: Token = Token(usize::MAX);

/// Octets per read.
const READ_SIZE: usize = 64 * 1024;

/// Octets read from one link before the deadlines are looked at.
const BURST: usize = 8 << 20;
