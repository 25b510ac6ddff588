//! A blocking session with one host: a reactor with one session, and events kept by query.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::io;
use std::time::Instant as StdInstant;

use wmi_proto::cim::CimObject;
use wmi_proto::{CallId, Client, CommandError, Config, Event, ExecMethod, GetObject, Instant, Query, QueryId, Stats};

use crate::reactor::{Reactor, SessionId};
use crate::tap::Tap;
use crate::waker::Waker;
use crate::{Rows, SessionError};

/// A blocking session with one host.
///
/// It makes progress only while one of its methods waits. Dropping it drops the sockets; [`Session::close`] takes leave
/// of the host first. Many sessions in one thread are a [`Reactor`]'s business.
pub struct Session {
    /// With this session only.
    reactor: Reactor,
    id: SessionId,
    /// What the core said and was not told to the caller yet.
    events: VecDeque<Event>,
    /// Queries whose rows nobody wants any more.
    abandoned: BTreeSet<QueryId>,
}

impl Session {
    /// Begins a session. Does not wait: connecting and logging on happen during the waits that follow, and a query's
    /// deadline covers them.
    ///
    /// # Errors
    /// The operating system has no reactor to give.
    pub fn connect(config: Config) -> io::Result<Self> {
        let mut reactor = Reactor::new()?;
        let id = reactor.add(config);
        Ok(Self { reactor, id, events: VecDeque::new(), abandoned: BTreeSet::new() })
    }

    /// From now on `tap` is told what goes over the connections.
    pub fn set_tap(&mut self, tap: Box<dyn Tap>) {
        self.reactor.set_tap(self.id, tap);
    }

    /// Gives the core a command, `session.command(|client, now| client.exec_query(query, now))`, and carries out what
    /// it leads to. Does not wait.
    ///
    /// # Panics
    /// The session panicked before.
    pub fn command<R>(&mut self, command: impl FnOnce(&mut Client, Instant) -> R) -> R {
        self.reactor.command(self.id, command).expect("only a panic takes the session away")
    }

    /// Waits for the next event; `None` after [`Event::Closed`] was returned.
    ///
    /// # Errors
    /// The system's wait failed, or a [`Waker`] ended it ([`io::ErrorKind::Interrupted`]).
    pub fn next_event(&mut self) -> io::Result<Option<Event>> {
        self.wait(None, Self::take_event)
    }

    /// Waits for the next event until `deadline`; `None` when it passes, or after [`Event::Closed`] was returned. What
    /// has arrived is looked at even when `deadline` has passed.
    ///
    /// # Errors
    /// The system's wait failed, or a [`Waker`] ended it ([`io::ErrorKind::Interrupted`]).
    pub fn next_event_before(&mut self, deadline: StdInstant) -> io::Result<Option<Event>> {
        self.wait(Some(deadline), Self::take_event)
    }

    /// Begins a query and returns its rows. While these wait, what tells of the session ([`Event::Stage`], [`Event::Ready`], [`Event::Lost`]) is dropped;
    /// what concerns other queries or the session is kept for [`Session::next_event`]. The next rows are on their way
    /// while the last ones are worked on ([`Query::prefetch`]).
    ///
    /// # Errors
    /// The caller's own mistakes only; how the query itself fails is told by the rows.
    ///
    /// # Panics
    /// The session panicked before; so do rows that are asked for more then.
    pub fn query(&mut self, query: Query) -> Result<Rows<'_>, CommandError> {
        let query = self.command(|client, now| client.exec_query(query.prefetch(true), now))?;
        Ok(Rows::new(self, query))
    }

    /// Asks for one object by its path, class or instance, and waits for it; there always is one when this succeeds.
    /// Progress is dropped meanwhile, as by [`Session::query`].
    ///
    /// # Errors
    /// The caller's own mistakes, how the call failed, or [`SessionError::Io`] as from [`Session::next_event`], which
    /// gives the call up.
    ///
    /// # Panics
    /// The session panicked before.
    pub fn get_object(&mut self, object: GetObject) -> Result<Option<CimObject>, SessionError> {
        let call = self.command(|client, now| client.get_object(object, now))?;
        self.reply_to(call)
    }

    /// Calls a method and waits for its out-parameters: an instance of `__PARAMETERS` with `ReturnValue`, or `None` of a
    /// method that has none. Progress is dropped meanwhile, as by [`Session::query`].
    ///
    /// # Errors
    /// As [`Session::get_object`]. A method or parameter that the class does not have fails before anything of the method
    /// is sent; after any other failure the host may have carried it out.
    ///
    /// # Panics
    /// The session panicked before.
    pub fn exec_method(&mut self, method: ExecMethod) -> Result<Option<CimObject>, SessionError> {
        let call = self.command(|client, now| client.exec_method(method, now))?;
        self.reply_to(call)
    }

    /// Gives back what the host holds for this session and closes the connections. Waits until that is done, at most
    /// for [`Config::linger`]; events that nobody asked for are dropped.
    ///
    /// # Errors
    /// Why the session had ended before, or [`SessionError::Io`] as from [`Session::next_event`].
    ///
    /// # Panics
    /// The session panicked before.
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
        self.reactor.waker()
    }

    /// Whether the session is over; its last event may still be waiting.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.reactor.is_closed(self.id).unwrap_or(true)
    }

    /// What the session has cost so far.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.reactor.stats(self.id).unwrap_or_default()
    }

    /// Waits for the reply to `call`, and gives it up when the wait fails.
    fn reply_to(&mut self, call: CallId) -> Result<Option<CimObject>, SessionError> {
        let found = |session: &mut Self| session.event_where(|event| event.call() == Some(call));
        match self.wait(None, found) {
            Ok(Some(Event::Reply { outcome, .. })) => Ok(outcome?),
            // Every call is replied to before the session is over.
            Ok(_) => Err(CommandError::Closed.into()),
            Err(error) => {
                // It may have ended by now; what is said about it, at once, nobody wants.
                let _ = self.reactor.command(self.id, |client, now| client.cancel_call(call, now));
                self.collect();
                self.events.retain(|event| event.call() != Some(call));
                Err(error.into())
            }
        }
    }

    /// Waits for the next event of `query`; `None` when the session is over.
    pub(crate) fn next_event_of(&mut self, query: QueryId) -> io::Result<Option<Event>> {
        self.wait(None, |session| session.event_of(query))
    }

    /// An event of `query` that is there already.
    pub(crate) fn event_of(&mut self, query: QueryId) -> Option<Event> {
        self.event_where(|event| event.query() == Some(query))
    }

    fn event_where(&mut self, wanted: impl FnMut(&Event) -> bool) -> Option<Event> {
        self.collect();
        self.events.retain(|event| !matches!(event, Event::Stage(_) | Event::Ready | Event::Lost { .. }));
        let at = self.events.iter().position(wanted)?;
        self.events.remove(at)
    }

    /// Cancels `query` and swallows what was and will be said about it.
    pub(crate) fn abandon(&mut self, query: QueryId) {
        self.collect();
        let done = self.events.iter().any(|event| matches!(event, Event::QueryDone { query: q, .. } if *q == query));
        self.events.retain(|event| event.query() != Some(query));
        if !done {
            self.abandoned.insert(query);
            // Not `command`: rows are dropped while a panic of this session unwinds, too, and there is nothing to cancel then.
            let _ = self.reactor.command(self.id, |client, now| client.cancel(query, now));
        }
    }

    fn take_event(&mut self) -> Option<Event> {
        self.collect();
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

    /// Takes over what the reactor has already.
    fn collect(&mut self) {
        while let Some((_, event)) = self.reactor.pop_event() {
            self.keep_event(event);
        }
    }

    /// Waits until `found` has something, the session is over or `until` has passed.
    fn wait(
        &mut self,
        until: Option<StdInstant>,
        mut found: impl FnMut(&mut Self) -> Option<Event>,
    ) -> io::Result<Option<Event>> {
        loop {
            if let Some(event) = found(self) {
                return Ok(Some(event));
            }
            if self.is_closed() {
                return Ok(None);
            }
            let Some((_, event)) = self.reactor.next(until)? else { return Ok(None) };
            self.keep_event(event);
        }
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session").field("reactor", &self.reactor).field("events", &self.events).finish_non_exhaustive()
    }
}
