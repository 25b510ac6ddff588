//! One session with one host, as the subcommands use it: queries under one deadline, interruptible, with progress.

use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime};

use wmi_checks::{Finished, Rounds};
use wmi_mio::Session;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::{
    CallId, Client, CommandError, Completion, Config, Credentials, Error, ErrorKind, Event, ExecMethod, FileTime,
    GetObject, Query, QueryId, Row, Stage, Stats, WbemContext,
};

use crate::args::Connect;
use crate::messages::{Messages, Part};
use crate::password;
use crate::progress::Progress;
use crate::recorder::Recorder;
use crate::signals::Interrupt;
use crate::status::Status;

/// A session with a host, and the time that is left for it.
#[derive(Debug)]
pub(crate) struct Connection {
    session: Session,
    interrupt: Interrupt,
    deadline: Instant,
    /// What goes along with every query and call.
    context: Option<WbemContext>,
    /// Why the last query failed: when the session ended with it, also why no other can be had.
    failure: Option<Error>,
    pub(crate) progress: Progress,
}

/// Why a query did not end well.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The host refused, failed, was not reached or was too slow.
    Failed(Error),
    /// The command cannot be sent; of several queries, the one at `at`.
    Command { error: CommandError, at: usize },
    /// This signal came.
    Signal(u8),
    /// Rows could not be handed on; a closed pipe is one reason.
    Output(io::Error),
    /// The reactor failed.
    Reactor(io::Error),
}

/// What became of rounds that were driven.
#[derive(Debug)]
pub(crate) enum Driven {
    /// This one is over.
    Finished(Finished),
    /// It was time.
    Waited,
    /// The session is over, and no round is left.
    Closed(Option<Error>),
}

/// What takes the rows of queries that run at once; they are known by their places in the list.
pub(crate) trait Sink {
    /// Whether the query at `at` shall bring more, with `more` rows about to be handed over. One that shall not is asked
    /// for again when another is done.
    fn wants(&self, at: usize, more: usize) -> bool;

    /// Takes rows of the query at `at`.
    fn batch(&mut self, at: usize, rows: Vec<Row>) -> io::Result<()>;

    /// The query at `at` is over.
    fn done(&mut self, at: usize, outcome: &Result<Completion, Error>) -> io::Result<()>;
}

/// Takes all rows of one query.
struct OnlyRows<'a>(&'a mut dyn FnMut(Vec<Row>) -> io::Result<()>);

impl Sink for OnlyRows<'_> {
    fn wants(&self, _: usize, _: usize) -> bool {
        true
    }

    fn batch(&mut self, _: usize, rows: Vec<Row>) -> io::Result<()> {
        (self.0)(rows)
    }

    fn done(&mut self, _: usize, _: &Result<Completion, Error>) -> io::Result<()> {
        Ok(())
    }
}

/// A query under way.
#[derive(Debug)]
struct Running {
    id: QueryId,
    fetching: bool,
    outcome: Option<Result<Completion, Error>>,
}

/// What a session needs from the command line and the environment.
///
/// # Errors
/// A usage error: no account or no password.
pub(crate) fn config(connect: &Connect) -> Result<Config, String> {
    let account = &connect.account;
    let user = account.user.as_deref().ok_or("no account: give -u USER or set WMI_USER")?;
    let port = match connect.host.port {
        Some(0) => return Err("port 0 cannot be connected to".to_owned()),
        port => port.unwrap_or(135),
    };
    let password = password::obtain(account.files(), user)?;
    let mut config = Config::new(connect.host.host.clone(), Credentials::new(user, password));
    config.port = port;
    config.auth_level = connect.auth_level.into();
    config.mechanism = connect.auth_mechanism.into();
    config.connect_timeout = config.connect_timeout.min(connect.timeout);
    config.handshake_timeout = connect.timeout;
    config.follow_bindings = connect.follow_bindings;
    config.locale.clone_from(&connect.locale);
    Ok(config)
}

impl Connection {
    /// Begins a session; everything until [`Connection::close`] has `timeout`.
    ///
    /// # Errors
    /// The operating system has no reactor to give.
    pub(crate) fn open(config: Config, timeout: Duration, verbose: bool, interrupt: &Interrupt) -> io::Result<Self> {
        let deadline = Instant::now() + timeout;
        let session = Session::connect(config)?;
        let waker = session.waker();
        interrupt.on_signal(move || drop(waker.wake()));
        let (interrupt, progress) = (interrupt.clone(), Progress::new(verbose));
        Ok(Self { session, interrupt, deadline, context: None, failure: None, progress })
    }

    /// Takes signals over and begins a session as the command line wants it.
    ///
    /// # Errors
    /// The operating system has no reactor to give, which has been said.
    pub(crate) fn begin_for(connect: &Connect, config: Config, messages: &Messages) -> Result<Self, Status> {
        let opened =
            Interrupt::install().and_then(|interrupt| Self::open(config, connect.timeout, connect.verbose, &interrupt));
        let mut connection = opened.map_err(|error| {
            messages.problem("system", format_args!("no session: {error}"), &Part::default());
            Status::Failed
        })?;
        if !connect.context.is_empty() {
            let put = |context: WbemContext, (name, value): &(String, _)| context.with(name, CimValue::clone(value));
            connection.context = Some(connect.context.iter().fold(WbemContext::new(), put));
        }
        Ok(connection)
    }

    /// The same for a command that has one session and nothing to adjust.
    ///
    /// # Errors
    /// No account, no password or no reactor, which has been said.
    pub(crate) fn start(connect: &Connect, messages: &Messages) -> Result<Self, Status> {
        let config = config(connect).map_err(|usage| messages.usage(usage))?;
        Self::begin_for(connect, config, messages)
    }

    /// Writes what goes over the connections.
    pub(crate) fn record(&mut self, recorder: Recorder) {
        self.session.set_tap(Box::new(recorder));
    }

    /// Runs `query` in the time that is left and hands its batches to `sink` as they arrive.
    ///
    /// # Errors
    /// Why it did not end well; the rows handed on before stay valid.
    pub(crate) fn query(
        &mut self,
        query: Query,
        sink: &mut dyn FnMut(Vec<Row>) -> io::Result<()>,
    ) -> Result<Completion, Trouble> {
        let mut outcomes = self.queries(vec![query], &mut OnlyRows(sink))?;
        match outcomes.pop() {
            Some(outcome) => outcome.map_err(Trouble::Failed),
            None => Err(Trouble::Command { error: CommandError::Closed, at: 0 }),
        }
    }

    /// Runs `queries` at once in the time that is left, and hands what they bring to `sink` as it arrives. What one of
    /// them fails of is its own outcome; the others go on.
    ///
    /// # Errors
    /// What ends all of them; what was handed on before stays valid.
    pub(crate) fn queries(
        &mut self,
        queries: Vec<Query>,
        sink: &mut dyn Sink,
    ) -> Result<Vec<Result<Completion, Error>>, Trouble> {
        let left = self.time_left(Stage::Query)?;
        let mut running = Vec::with_capacity(queries.len());
        let outcome = self.begin(queries, left, &mut running).and_then(|()| self.run(&mut running, sink));
        if outcome.is_err() {
            for query in running.iter().filter(|query| query.outcome.is_none()) {
                // Over for us, not for the host. It may be over by now for the core as well: then there is nothing to do.
                let _ = self.session.command(|client, now| client.cancel(query.id, now));
            }
        }
        self.progress.leave();
        outcome?;
        let outcomes: Vec<_> = running.into_iter().filter_map(|query| query.outcome).collect();
        if let Some(Err(error)) = outcomes.iter().find(|outcome| outcome.is_err()) {
            self.failure = Some(error.clone());
        }
        Ok(outcomes)
    }

    /// Gives all queries to the core; nothing was sent for any when one of them cannot be.
    fn begin(&mut self, queries: Vec<Query>, left: Duration, running: &mut Vec<Running>) -> Result<(), Trouble> {
        for query in queries {
            let mut query = query.timeout(left);
            query.context.clone_from(&self.context);
            match self.session.command(|client, now| client.exec_query(query, now)) {
                Ok(id) => running.push(Running { id, fetching: false, outcome: None }),
                Err(error) => {
                    let command = Trouble::Command { error, at: running.len() };
                    return Err(self.failure.clone().map_or(command, Trouble::Failed));
                }
            }
        }
        Ok(())
    }

    /// The object at a path.
    ///
    /// # Errors
    /// Why it did not come.
    pub(crate) fn get_object(&mut self, mut object: GetObject) -> Result<CimObject, Trouble> {
        object.timeout = self.time_left(Stage::GetObject)?;
        object.context.clone_from(&self.context);
        let reply = self.call(|client, now| client.get_object(object, now))?;
        // A reply without an object does not come without an error.
        reply.ok_or(Trouble::Failed(Error::new(Stage::GetObject, ErrorKind::Misbehaved("no object"))))
    }

    /// Calls a method; `None` when it has no out-parameters.
    ///
    /// # Errors
    /// Why it was not carried out, as far as is known.
    pub(crate) fn exec_method(&mut self, mut method: ExecMethod) -> Result<Option<CimObject>, Trouble> {
        method.timeout = self.time_left(Stage::ExecMethod)?;
        method.context.clone_from(&self.context);
        self.call(|client, now| client.exec_method(method, now))
    }

    fn call(
        &mut self,
        begin: impl FnOnce(&mut Client, wmi_proto::Instant) -> Result<CallId, CommandError>,
    ) -> Result<Option<CimObject>, Trouble> {
        let id = self
            .session
            .command(begin)
            .map_err(|error| self.failure.clone().map_or(Trouble::Command { error, at: 0 }, Trouble::Failed))?;
        let outcome = self.reply(id);
        if !matches!(outcome, Ok(_) | Err(Trouble::Failed(_))) {
            let _ = self.session.command(|client, now| client.cancel_call(id, now));
        }
        if let Err(Trouble::Failed(error)) = &outcome {
            self.failure = Some(error.clone());
        }
        self.progress.leave();
        outcome
    }

    fn reply(&mut self, id: CallId) -> Result<Option<CimObject>, Trouble> {
        loop {
            match self.next_event(None)? {
                Some(Event::Stage(stage)) => self.progress.enter(stage),
                Some(Event::Reply { call, outcome }) if call == id => return outcome.map_err(Trouble::Failed),
                Some(Event::Closed { outcome: Err(error) }) => return Err(Trouble::Failed(error)),
                Some(Event::Closed { outcome: Ok(()) }) | None => {
                    return Err(Trouble::Command { error: CommandError::Closed, at: 0 });
                }
                Some(_) => {}
            }
        }
    }

    fn time_left(&self, stage: Stage) -> Result<Duration, Trouble> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(Trouble::Failed(Error::new(stage, ErrorKind::TimedOut))) } else { Ok(left) }
    }

    fn run(&mut self, running: &mut [Running], sink: &mut dyn Sink) -> Result<(), Trouble> {
        let mut count = 0;
        self.fetch_wanted(running, sink)?;
        while running.iter().any(|query| query.outcome.is_none()) {
            let Some(event) = self.next_event(None)? else {
                return Err(Trouble::Command { error: CommandError::Closed, at: 0 });
            };
            let at = event.query().and_then(|id| running.iter().position(|query| query.id == id));
            match (event, at) {
                (Event::Stage(stage), _) => self.progress.enter(stage),
                (Event::Batch { rows, .. }, Some(at)) => {
                    count += rows.len() as u64;
                    running[at].fetching = false;
                    // The next batch is on its way while this one is printed.
                    if sink.wants(at, rows.len()) {
                        self.fetch(&mut running[at])?;
                    }
                    self.progress.rows(count);
                    self.progress.aside(|| sink.batch(at, rows)).map_err(Trouble::Output)?;
                }
                (Event::QueryDone { outcome, .. }, Some(at)) => {
                    self.progress.aside(|| sink.done(at, &outcome)).map_err(Trouble::Output)?;
                    running[at].outcome = Some(outcome);
                    self.fetch_wanted(running, sink)?;
                }
                (Event::Closed { outcome: Err(error) }, _) => {
                    for (at, query) in running.iter_mut().enumerate().filter(|(_, query)| query.outcome.is_none()) {
                        let outcome = Err(error.clone());
                        self.progress.aside(|| sink.done(at, &outcome)).map_err(Trouble::Output)?;
                        query.outcome = Some(outcome);
                    }
                }
                (Event::Closed { outcome: Ok(()) }, _) => {
                    return Err(Trouble::Command { error: CommandError::Closed, at: 0 });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Fetches for those that wait for nothing and of which `sink` wants something.
    fn fetch_wanted(&mut self, running: &mut [Running], sink: &dyn Sink) -> Result<(), Trouble> {
        for (at, query) in running.iter_mut().enumerate() {
            if query.outcome.is_none() && !query.fetching && sink.wants(at, 0) {
                self.fetch(query)?;
            }
        }
        Ok(())
    }

    /// Drives `rounds` until one of them is over, `until` has passed or the session is over, which has its reason. The
    /// rounds have their own deadlines.
    ///
    /// # Errors
    /// A signal, or the reactor failed.
    pub(crate) fn drive(&mut self, rounds: &mut Rounds, until: Option<Instant>) -> Result<Driven, Trouble> {
        loop {
            self.session.command(|client, now| rounds.drive(client, now, wall_time()));
            if let Some(finished) = rounds.finished() {
                return Ok(Driven::Finished(finished));
            }
            let Some(event) = self.next_event(until)? else {
                self.progress.leave();
                return Ok(if self.session.is_closed() { Driven::Closed(self.failure.take()) } else { Driven::Waited });
            };
            match self.session.command(|client, now| rounds.handle(event, client, now, wall_time())) {
                Some(Event::Stage(stage)) => self.progress.enter(stage),
                Some(Event::Closed { outcome }) => self.failure = outcome.err(),
                _ => {}
            }
        }
    }

    /// Ends `rounds` with what they have.
    pub(crate) fn stop(&mut self, rounds: &mut Rounds) -> Vec<Finished> {
        self.progress.leave();
        self.session.command(|client, now| rounds.stop_all(client, now));
        std::iter::from_fn(|| rounds.finished()).collect()
    }

    /// Gives back what the host holds and closes the connections; waits for that no longer than `patience`.
    pub(crate) fn close(&mut self, patience: Duration) -> Stats {
        self.progress.finish();
        self.session.command(Client::close);
        let until = Instant::now() + patience;
        while !matches!(self.session.next_event_before(until), Ok(None | Some(Event::Closed { .. }))) {
            if Instant::now() >= until {
                break;
            }
        }
        self.session.stats()
    }

    fn fetch(&mut self, query: &mut Running) -> Result<(), Trouble> {
        query.fetching = true;
        // The core keeps batches within the query's own bound and its limits.
        match self.session.command(|client, now| client.fetch(query.id, NonZeroU32::MAX, now)) {
            // The last rows came together with the end, which is the next event.
            Ok(()) | Err(CommandError::UnknownQuery | CommandError::Closed) => Ok(()),
            Err(error) => Err(Trouble::Command { error, at: 0 }),
        }
    }

    /// The next event until `until`; `None` when it passes or the session is over.
    fn next_event(&mut self, until: Option<Instant>) -> Result<Option<Event>, Trouble> {
        loop {
            let event = match until {
                Some(until) => self.session.next_event_before(until),
                None => self.session.next_event(),
            };
            match event {
                Ok(event) => return Ok(event),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                    if let Some(signal) = self.interrupt.signal() {
                        return Err(Trouble::Signal(signal));
                    }
                }
                Err(error) => return Err(Trouble::Reactor(error)),
            }
        }
    }
}

/// How long a goodbye may take: a host that has just been silent is not waited for again.
pub(crate) const fn patience(status: Status) -> Duration {
    match status {
        Status::Unreachable => Duration::from_millis(200),
        _ => Duration::from_secs(2),
    }
}

/// Wall time. A clock set before 1970 reads as 1970.
pub(crate) fn wall_time() -> FileTime {
    FileTime::from_unix(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}
