//! Rounds of any number of checks over one client, at once: whoever drives the client's loop drives them with it.

use core::time::Duration;
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;

use wmi_proto::cim::CimObject;
use wmi_proto::{
    CallId, Client, CommandError, Enumerator, Error, ErrorKind, Event, ExecMethod, FileTime, GetObject, Instant, Query,
    QueryId, Row, Stage,
};

use crate::{Answer, Check, Options, Report, Request, Round, State, Unanswered, Work};

/// Rows that one query of a round brings at most, unless it is told otherwise: a host decides how many there are.
const ROWS_AT_MOST: usize = 500_000;

/// Octets of rows that all rounds hold together at most, unless they are told otherwise.
const OCTETS_AT_MOST: usize = 256 << 20;

/// Rows of one round trip where there are many.
const BATCH_OF_MANY: NonZeroU32 = NonZeroU32::new(1_000).unwrap();

/// A round that was begun; never used twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoundId(u64);

/// A round that is over.
#[derive(Debug)]
pub struct Finished {
    /// Which one.
    pub id: RoundId,
    /// What it found.
    pub report: Report,
    /// For the next round of the same check on the same host.
    pub state: State,
    /// How long it took from its turn to its end.
    pub took: Duration,
}

/// Rounds of checks over one client.
///
/// After [`Rounds::begin`] and after every event call [`Rounds::drive`]; hand every event of the client to
/// [`Rounds::handle`]; take what is over with [`Rounds::finished`]. The rounds have no timer of their own: the client's
/// deadlines end them.
pub struct Rounds {
    next: u64,
    rows_at_most: usize,
    octets_at_most: usize,
    /// How many may run at once; others wait in line, and the time they wait is not theirs.
    at_once: usize,
    waiting: VecDeque<Waiting>,
    running: BTreeMap<RoundId, Running>,
    queries: BTreeMap<QueryId, Flight>,
    calls: BTreeMap<CallId, Flight>,
    finished: VecDeque<Finished>,
    /// Why the client closed.
    closed: Option<Error>,
}

struct Waiting {
    id: RoundId,
    round: Box<dyn Round>,
    timeout: Duration,
}

struct Running {
    round: Box<dyn Round>,
    begun: Instant,
    deadline: Instant,
    in_flight: usize,
    /// Of all rows that it was brought.
    octets: usize,
    /// What the client had no room for, and calls that are to be made again.
    held: VecDeque<Asked>,
}

/// What the client calls a request.
enum Sent {
    Query(QueryId),
    Call(CallId),
}

/// A request, and whether it was sent before.
struct Asked {
    request: Request,
    again: bool,
}

/// A request on its way.
struct Flight {
    round: RoundId,
    asked: Asked,
    sent: FileTime,
    received: Option<FileTime>,
    rows: Vec<Row>,
}

impl std::fmt::Debug for Rounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rounds")
            .field("waiting", &self.waiting.len())
            .field("running", &self.running.len())
            .field("in_flight", &(self.queries.len() + self.calls.len()))
            .finish_non_exhaustive()
    }
}

impl Rounds {
    /// No rounds yet; `at_once` of them run at the same time, at least one.
    #[must_use]
    pub fn new(at_once: usize) -> Self {
        Self {
            next: 0,
            rows_at_most: ROWS_AT_MOST,
            octets_at_most: OCTETS_AT_MOST,
            at_once: at_once.max(1),
            waiting: VecDeque::new(),
            running: BTreeMap::new(),
            queries: BTreeMap::new(),
            calls: BTreeMap::new(),
            finished: VecDeque::new(),
            closed: None,
        }
    }

    /// The same in which no query of a round brings more than `rows`: its other rows are lost, and the report says so.
    #[must_use]
    pub const fn rows_at_most(mut self, rows: usize) -> Self {
        self.rows_at_most = rows;
        self
    }

    /// The same in which the rows of all rounds that run have no more than `octets` together: the query that goes beyond
    /// brings no more.
    #[must_use]
    pub const fn octets_at_most(mut self, octets: usize) -> Self {
        self.octets_at_most = octets;
        self
    }

    /// Puts a round of `check` in line. It has `timeout` from its turn on; what came until then is reported.
    pub fn begin(&mut self, check: &dyn Check, options: &Options, state: State, timeout: Duration) -> RoundId {
        let id = RoundId(self.next);
        self.next += 1;
        self.waiting.push_back(Waiting { id, round: check.begin(options, state), timeout });
        id
    }

    /// Whether nothing runs, waits or is there to be taken.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.running.is_empty() && self.waiting.is_empty() && self.finished.is_empty()
    }

    /// A round that is over.
    pub fn finished(&mut self) -> Option<Finished> {
        self.finished.pop_front()
    }

    /// Gives the client whatever may be asked now.
    pub fn drive(&mut self, client: &mut Client, now: Instant, wall: FileTime) {
        let ids: Vec<RoundId> = self.running.keys().copied().collect();
        for id in ids {
            self.ask(id, client, now, wall);
        }
        while self.running.len() < self.at_once {
            let Some(Waiting { id, round, timeout }) = self.waiting.pop_front() else { break };
            let deadline = now.saturating_add(timeout);
            self.running
                .insert(id, Running { round, begun: now, deadline, in_flight: 0, octets: 0, held: VecDeque::new() });
            self.ask(id, client, now, wall);
        }
    }

    /// Asks for everything that one round wants, and ends it when that is nothing.
    fn ask(&mut self, id: RoundId, client: &mut Client, now: Instant, wall: FileTime) {
        while let Some(running) = self.running.get_mut(&id) {
            let next = || running.round.next().map(|request| Asked { request, again: false });
            let Some(asked) = running.held.pop_front().or_else(next) else {
                if running.in_flight == 0 {
                    self.end(id, now);
                }
                return;
            };
            let left = running.deadline.saturating_since(now);
            let refused = if let Some(error) = &self.closed {
                Unanswered::from(error.clone())
            } else if left.is_zero() {
                Error::new(Stage::Query, ErrorKind::TimedOut).into()
            } else {
                match Self::send(&asked.request, left, client, now) {
                    Ok(sent) => {
                        running.in_flight += 1;
                        let flight = Flight { round: id, asked, sent: wall, received: None, rows: Vec::new() };
                        match sent {
                            Sent::Query(query) => drop(self.queries.insert(query, flight)),
                            Sent::Call(call) => drop(self.calls.insert(call, flight)),
                        }
                        continue;
                    }
                    // Room is made by whatever ends next; that the client is over, and why, is said by an event to come.
                    Err(error)
                        if error == CommandError::Closed
                            || (error == CommandError::TooMany && self.queries.len() + self.calls.len() > 0) =>
                    {
                        running.held.push_front(asked);
                        return;
                    }
                    Err(error) => Unanswered::NotSent(error),
                }
            };
            let answer = Answer { rows: Vec::new(), outcome: Err(refused), sent: wall, received: wall };
            running.round.answer(asked.request.id, answer);
        }
    }

    fn send(request: &Request, left: Duration, client: &mut Client, now: Instant) -> Result<Sent, CommandError> {
        let namespace = request.namespace.as_ref();
        match &request.work {
            Work::Query { wql, many } => {
                let mut query = Query::new(wql.as_ref()).namespace(namespace).timeout(left).prefetch(true);
                if *many {
                    // Nobody waits for the first row, so that batches need not begin small.
                    query = query.enumerator(Enumerator::PreferSmart).batch(BATCH_OF_MANY);
                }
                let id = client.exec_query(query, now)?;
                // A query that was just taken takes its first fetch.
                let _ = client.fetch(id, NonZeroU32::MAX, now);
                Ok(Sent::Query(id))
            }
            Work::Object { path } => {
                let object = GetObject::new(path.as_str()).namespace(namespace).timeout(left);
                client.get_object(object, now).map(Sent::Call)
            }
            Work::Call { path, method, parameters, context } => {
                let mut call = ExecMethod::new(path.as_ref(), *method).namespace(namespace).timeout(left);
                call.context.clone_from(context);
                call.parameters = parameters.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
                client.exec_method(call, now).map(Sent::Call)
            }
        }
    }

    /// Takes what concerns the rounds; gives back any other event.
    pub fn handle(&mut self, event: Event, client: &mut Client, now: Instant, wall: FileTime) -> Option<Event> {
        match event {
            Event::Batch { query, mut rows } => {
                let Some(flight) = self.queries.get_mut(&query) else { return Some(Event::Batch { query, rows }) };
                flight.received.get_or_insert(wall);
                let octets: usize = rows.iter().flatten().map(CimObject::octets).sum();
                if flight.rows.is_empty() {
                    flight.rows = rows;
                } else {
                    flight.rows.append(&mut rows);
                }
                let many = flight.rows.len() > self.rows_at_most;
                flight.rows.truncate(self.rows_at_most);
                if let Some(running) = self.running.get_mut(&flight.round) {
                    running.octets = running.octets.saturating_add(octets);
                }
                let held = self.running.values().fold(0_usize, |sum, running| sum.saturating_add(running.octets));
                if many || held > self.octets_at_most {
                    // That it is over is said by an event that is nobody's any more.
                    let _ = client.cancel(query, now);
                    if let Some(flight) = self.queries.remove(&query) {
                        self.answered(flight, Err(Unanswered::TooMuch), wall);
                    }
                    return None;
                }
                // One that is over by now says so in the next event.
                let _ = client.fetch(query, NonZeroU32::MAX, now);
                None
            }
            Event::QueryDone { query, outcome } => {
                let Some(flight) = self.queries.remove(&query) else {
                    return Some(Event::QueryDone { query, outcome });
                };
                self.answered(flight, outcome.map(drop).map_err(Unanswered::from), wall);
                None
            }
            Event::Reply { call, outcome } => {
                let Some(mut flight) = self.calls.remove(&call) else { return Some(Event::Reply { call, outcome }) };
                let outcome = outcome.map(|object| flight.rows.extend(object.map(Ok)));
                self.answered(flight, outcome.map_err(Unanswered::from), wall);
                None
            }
            Event::Closed { outcome } => {
                let error = outcome.clone().err().unwrap_or_else(|| Error::new(Stage::Query, ErrorKind::Cancelled));
                let flights = core::mem::take(&mut self.queries).into_values();
                for flight in flights.chain(core::mem::take(&mut self.calls).into_values()).collect::<Vec<_>>() {
                    self.answered(flight, Err(error.clone().into()), wall);
                }
                self.closed = Some(error);
                Some(Event::Closed { outcome })
            }
            other => Some(other),
        }
    }

    fn answered(&mut self, flight: Flight, outcome: Result<(), Unanswered>, wall: FileTime) {
        let Flight { round, asked, sent, received, rows } = flight;
        let Some(running) = self.running.get_mut(&round) else { return };
        running.in_flight = running.in_flight.saturating_sub(1);
        // The client does not say a method again of which nobody knows whether it was carried out. Those of checks read
        // and change nothing.
        let is_call = matches!(asked.request.work, Work::Call { .. });
        if is_call && !asked.again && outcome.as_ref().is_err_and(Unanswered::is_loss) {
            running.held.push_back(Asked { again: true, ..asked });
            return;
        }
        let answer = Answer { rows, outcome, sent, received: received.unwrap_or(wall) };
        running.round.answer(asked.request.id, answer);
    }

    /// Ends the round `id` with what it has; what is under way for it is cancelled. A round that still waits reports
    /// that nothing was answered.
    pub fn stop(&mut self, id: RoundId, client: &mut Client, now: Instant) {
        if let Some(at) = self.waiting.iter().position(|waiting| waiting.id == id) {
            if let Some(Waiting { id, round, .. }) = self.waiting.remove(at) {
                let (report, state) = round.finish();
                self.finished.push_back(Finished { id, report, state, took: Duration::ZERO });
            }
            return;
        }
        // What cannot be cancelled is over already. Rows that came are the round's.
        let own = self.queries.iter().filter(|(_, flight)| flight.round == id);
        for query in own.map(|(&query, _)| query).collect::<Vec<_>>() {
            let _ = client.cancel(query, now);
            let Some(flight) = self.queries.remove(&query) else { continue };
            let received = flight.received.unwrap_or(flight.sent);
            if !flight.rows.is_empty() {
                self.answered(flight, Err(Unanswered::Stopped), received);
            }
        }
        self.calls.retain(|&call, flight| {
            if flight.round == id {
                let _ = client.cancel_call(call, now);
            }
            flight.round != id
        });
        self.end(id, now);
    }

    /// Ends all rounds with what they have.
    pub fn stop_all(&mut self, client: &mut Client, now: Instant) {
        let ids: Vec<RoundId> =
            self.running.keys().copied().chain(self.waiting.iter().map(|waiting| waiting.id)).collect();
        for id in ids {
            self.stop(id, client, now);
        }
    }

    fn end(&mut self, id: RoundId, now: Instant) {
        let Some(Running { round, begun, .. }) = self.running.remove(&id) else { return };
        let (report, state) = round.finish();
        self.finished.push_back(Finished { id, report, state, took: now.saturating_since(begun) });
    }
}
