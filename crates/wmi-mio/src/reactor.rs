//! Many sessions in one thread: who has something to do, whose deadline is next, and what they said.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::{Duration, Instant as StdInstant, SystemTime};

use mio::{Poll, Token};
use slab::Slab;
use wmi_proto::{Client, Config, Event, Instant, Stats, StockedEntropy};

use crate::driver::{Attempts, Driver, Shared};
use crate::os::{Clock, OsEntropy};
use crate::resolve::Resolver;
use crate::tap::Tap;
use crate::waker::Waker;

/// A session of a [`Reactor`]. Never reused within a reactor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub(crate) u64);

/// Any number of sessions in one thread, each with a host of its own: one wait for all their sockets and deadlines.
///
/// They make progress only while [`Reactor::next_event`] or [`Reactor::next_event_before`] waits. What a wake-up costs
/// depends on who has something to do, not on how many sessions there are. Each has its turn, in which a bounded number
/// of octets is read: a host that sends without pause delays nobody for longer than that. What fails, fails for its
/// session only.
///
/// A panic, of a tap, of a command or out of a defect, unwinds to the caller. The session in which it arose is removed
/// without a goodbye; the reactor and all others remain usable.
#[derive(Debug)]
pub struct Reactor {
    shared: Shared,
    ready: mio::Events,
    waker: Waker,
    sessions: BTreeMap<SessionId, Driver>,
    next_id: u64,
    /// The next deadline of each session that has one.
    timers: BTreeSet<(Instant, SessionId)>,
    /// Those that have something to do, each once. It may name some that were removed.
    run: VecDeque<SessionId>,
    /// How many of `run` have their turn before the system is asked again.
    round: usize,
    /// How many may still say something.
    open: usize,
    /// Whose code is running. Found outside of it, it panicked.
    running: Option<SessionId>,
}

impl Reactor {
    /// A reactor without sessions.
    ///
    /// # Errors
    /// The operating system has none to give.
    pub fn new() -> io::Result<Self> {
        let poll = Poll::new()?;
        let waker = Arc::new(mio::Waker::new(poll.registry(), WAKE)?);
        Ok(Self {
            shared: Shared {
                clock: Clock::start(),
                poll,
                resolver: Resolver::new(Arc::clone(&waker)),
                tokens: Slab::new(),
                attempts: Attempts::new(),
                events: VecDeque::new(),
                buffer: vec![0; READ_SIZE].into_boxed_slice(),
            },
            ready: mio::Events::with_capacity(READY),
            waker: Waker::new(waker),
            sessions: BTreeMap::new(),
            next_id: 0,
            timers: BTreeSet::new(),
            run: VecDeque::new(),
            round: 0,
            open: 0,
            running: None,
        })
    }

    /// At most so many connection attempts are under way from now on; others wait in line. Without a call there is no
    /// bound.
    ///
    /// Who waits in line spends its time: [`Config::connect_timeout`] and the deadline of a query run on. An attempt at
    /// a host that does not answer holds its place until then, so a bound wants to be well above the number of hosts
    /// that may be silent.
    pub const fn set_max_attempts(&mut self, most: NonZeroUsize) {
        self.shared.attempts.most = most.get();
    }

    /// Begins a session. Does not wait: connecting and logging on happen during the waits that follow, and a query's
    /// deadline covers them.
    pub fn add(&mut self, config: Config) -> SessionId {
        self.bury();
        let client = Client::new(
            config,
            Box::new(StockedEntropy::new(OsEntropy)),
            self.shared.clock.now(),
            SystemTime::now().into(),
        );
        let id = SessionId(self.next_id);
        self.next_id += 1;
        self.sessions.insert(id, Driver::new(id, client));
        self.open += 1;
        self.enqueue(id);
        id
    }

    /// Drops a session with its sockets, at once and without a goodbye, in whatever state it is; says whether there was
    /// one. Nothing is heard of it afterwards.
    ///
    /// A session that is over is kept, for its statistics, until it is removed. One that shall take leave of its host is
    /// told so, `reactor.command(id, Client::close)`, and removed after its [`Event::Closed`].
    pub fn remove(&mut self, id: SessionId) -> bool {
        if self.running == Some(id) {
            self.running = None;
        }
        let Some(mut driver) = self.sessions.remove(&id) else { return false };
        driver.dismantle(&mut self.shared);
        if let Some(at) = driver.timer {
            self.timers.remove(&(at, id));
        }
        if !driver.over {
            self.open -= 1;
        }
        true
    }

    /// From now on `tap` is told what goes over the connections of a session; says whether there is one.
    pub fn set_tap(&mut self, id: SessionId, tap: Box<dyn Tap>) -> bool {
        self.bury();
        self.with(id, |driver, _| driver.tap = Some(tap)).is_some()
    }

    /// Gives the core of a session a command, `reactor.command(id, |client, now| client.exec_query(query, now))`, and
    /// carries out what it leads to. Does not wait. `None` when there is no such session.
    pub fn command<R>(&mut self, id: SessionId, command: impl FnOnce(&mut Client, Instant) -> R) -> Option<R> {
        self.bury();
        self.with(id, |driver, shared| {
            let result = command(&mut driver.client, shared.clock.now());
            driver.settle(shared);
            result
        })
    }

    /// Waits for the next event of any session; `None` when every session is over and all was said.
    ///
    /// # Errors
    /// The system's wait failed, or a [`Waker`] ended it ([`ErrorKind::Interrupted`]).
    pub fn next_event(&mut self) -> io::Result<Option<(SessionId, Event)>> {
        self.next(None)
    }

    /// Waits for the next event of any session until `deadline`; `None` when it passes, also when there is no session.
    /// What has arrived is looked at even when `deadline` has passed.
    ///
    /// # Errors
    /// The system's wait failed, or a [`Waker`] ended it ([`ErrorKind::Interrupted`]).
    pub fn next_event_before(&mut self, deadline: StdInstant) -> io::Result<Option<(SessionId, Event)>> {
        self.next(Some(deadline))
    }

    /// What ends a wait of this reactor from another thread.
    #[must_use]
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// How many sessions there are, those that are over and were not removed included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.sessions.len()
    }

    /// Whether there is no session.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.sessions.is_empty()
    }

    /// Whether a session is over; its last event may still be waiting. `None` when there is no such session.
    #[must_use]
    pub fn is_closed(&self, id: SessionId) -> Option<bool> {
        self.sessions.get(&id).map(|driver| driver.client.is_closed())
    }

    /// What a session has cost so far. `None` when there is no such session.
    #[must_use]
    pub fn stats(&self, id: SessionId) -> Option<Stats> {
        self.sessions.get(&id).map(|driver| driver.client.stats())
    }

    /// An event that is there already.
    pub(crate) fn pop_event(&mut self) -> Option<(SessionId, Event)> {
        loop {
            let (id, event) = self.shared.events.pop_front()?;
            // What a session said before it was removed concerns nobody.
            if self.sessions.contains_key(&id) {
                return Some((id, event));
            }
        }
    }

    /// The next event until `until`.
    pub(crate) fn next(&mut self, until: Option<StdInstant>) -> io::Result<Option<(SessionId, Event)>> {
        self.bury();
        let mut late = false;
        loop {
            if self.waker.take() {
                return Err(ErrorKind::Interrupted.into());
            }
            if let Some(event) = self.pop_event() {
                return Ok(Some(event));
            }
            if self.round > 0 {
                self.round -= 1;
                self.run_next();
                continue;
            }
            if late || (until.is_none() && self.open == 0) {
                return Ok(None);
            }
            late = until.is_some_and(|until| until <= StdInstant::now());
            self.begin_round(until)?;
        }
    }

    /// Waits for readiness, an answer of the resolver, a deadline, or `until`; those whom it concerns have their turn
    /// next.
    fn begin_round(&mut self, until: Option<StdInstant>) -> io::Result<()> {
        self.admit();
        self.wait(until)?;
        while let Some(answer) = self.shared.resolver.answer() {
            let (id, transport) = (answer.route.session, answer.route.transport);
            if let Some(driver) = self.sessions.get_mut(&id) {
                driver.resolved(transport, answer.addresses, &mut self.shared);
                self.enqueue(id);
            }
        }
        let now = self.shared.clock.now();
        while let Some(&(at, id)) = self.timers.first()
            && at <= now
        {
            self.timers.pop_first();
            if let Some(driver) = self.sessions.get_mut(&id) {
                (driver.timer, driver.due) = (None, true);
                self.enqueue(id);
            }
        }
        self.round = self.run.len();
        Ok(())
    }

    /// Collects all readiness that there is: a deadline is looked at only when no reply can have been overlooked.
    fn wait(&mut self, until: Option<StdInstant>) -> io::Result<()> {
        let mut patience = self.patience(until);
        // As often as it takes for every socket; they are told again when more comes.
        for _ in 0..=self.shared.tokens.len() / READY {
            match self.shared.poll.poll(&mut self.ready, patience) {
                Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
                _ => {}
            }
            let mut count = 0;
            for readiness in &self.ready {
                count += 1;
                let Some(&route) = self.shared.tokens.get(readiness.token().0) else { continue };
                if let Some(driver) = self.sessions.get_mut(&route.session) {
                    driver.is_ready(route.transport, readiness, &mut self.shared);
                    enqueue(driver, &mut self.run, route.session);
                }
            }
            if count < READY {
                break;
            }
            patience = Some(Duration::ZERO);
        }
        Ok(())
    }

    /// How long the system may be waited for.
    fn patience(&self, until: Option<StdInstant>) -> Option<Duration> {
        if !self.run.is_empty() {
            return Some(Duration::ZERO);
        }
        let core = self.timers.first().map(|(at, _)| at.saturating_since(self.shared.clock.now()));
        let caller = until.map(|at| at.saturating_duration_since(StdInstant::now()));
        match (core, caller) {
            (Some(core), Some(caller)) => Some(core.min(caller)),
            (core, caller) => core.or(caller),
        }
    }

    /// Gives leave to those in line for whom there is place now.
    fn admit(&mut self) {
        while !self.shared.attempts.line.is_empty()
            && let Some(permit) = self.shared.attempts.permit()
            && let Some((_, route)) = self.shared.attempts.line.pop_first()
        {
            if let Some(driver) = self.sessions.get_mut(&route.session) {
                driver.start(route.transport, permit, &mut self.shared);
                self.enqueue(route.session);
            }
        }
    }

    fn run_next(&mut self) {
        let Some(id) = self.run.pop_front() else { return };
        self.with(id, |driver, shared| {
            driver.queued = false;
            driver.turn(shared);
        });
    }

    fn enqueue(&mut self, id: SessionId) {
        if let Some(driver) = self.sessions.get_mut(&id) {
            enqueue(driver, &mut self.run, id);
        }
    }

    /// Lets a session do something, and keeps what the reactor knows about it in step.
    fn with<R>(&mut self, id: SessionId, act: impl FnOnce(&mut Driver, &mut Shared) -> R) -> Option<R> {
        let driver = self.sessions.get_mut(&id)?;
        self.running = Some(id);
        let result = act(driver, &mut self.shared);
        self.running = None;
        let timer = if driver.due { None } else { driver.client.poll_timeout() };
        if timer != driver.timer {
            if let Some(at) = driver.timer {
                self.timers.remove(&(at, id));
            }
            self.timers.extend(timer.map(|at| (at, id)));
            driver.timer = timer;
        }
        if driver.client.is_closed() && !driver.over {
            driver.over = true;
            self.open -= 1;
        }
        if driver.is_readable() {
            enqueue(driver, &mut self.run, id);
        }
        Some(result)
    }

    /// Removes the session in whose code a panic arose.
    fn bury(&mut self) {
        if let Some(id) = self.running {
            self.remove(id);
        }
    }
}

fn enqueue(driver: &mut Driver, run: &mut VecDeque<SessionId>, id: SessionId) {
    if !driver.queued {
        driver.queued = true;
        run.push_back(id);
    }
}

/// The token of the waker; those of links are numbered from zero.
const WAKE: Token = Token(usize::MAX);

/// Octets per read.
const READ_SIZE: usize = 64 * 1024;

/// Sockets of which the system tells at once.
const READY: usize = 1024;

#[cfg(test)]
mod tests;
