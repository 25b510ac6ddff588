//! One session with one host, as the subcommands use it: queries under one deadline, interruptible, with progress.

use std::io;
use std::num::NonZeroU32;
use std::time::{Duration, Instant, SystemTime};

use wmi_mio::Session;
use wmi_proto::{
    Client, CommandError, Completion, Config, Credentials, Error, ErrorKind, Event, FileTime, Query, QueryId, Row,
    Stage, Stats,
};

use crate::args::Connect;
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
    /// Why the last query failed: when the session ended with it, also why no other can be had.
    failure: Option<Error>,
    pub(crate) progress: Progress,
}

/// Why a query did not end well.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// The host refused, failed, was not reached or was too slow.
    Failed(Error),
    /// The command cannot be sent.
    Command(CommandError),
    /// This signal came.
    Signal(u8),
    /// Rows could not be handed on; a closed pipe is one reason.
    Output(io::Error),
    /// The reactor failed.
    Reactor(io::Error),
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
    config.connect_timeout = config.connect_timeout.min(connect.timeout);
    config.handshake_timeout = connect.timeout;
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
        Ok(Self { session, interrupt: interrupt.clone(), deadline, failure: None, progress: Progress::new(verbose) })
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
        sink: &mut dyn FnMut(Vec<Row>, &Progress) -> io::Result<()>,
    ) -> Result<Completion, Trouble> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(Trouble::Failed(Error::new(Stage::Query, ErrorKind::TimedOut)));
        }
        let query = query.timeout(left);
        let id = match self.session.command(|client, now| client.exec_query(query, now)) {
            Ok(id) => id,
            Err(error) => return Err(self.failure.clone().map_or(Trouble::Command(error), Trouble::Failed)),
        };
        let outcome = self.rows(id, sink);
        if let Err(Trouble::Failed(error)) = &outcome {
            self.failure = Some(error.clone());
        }
        if !matches!(outcome, Ok(_) | Err(Trouble::Failed(_))) {
            // Over for us, not for the host. It may be over by now for the core as well: then there is nothing to do.
            let _ = self.session.command(|client, now| client.cancel(id, now));
        }
        self.progress.leave();
        outcome
    }

    fn rows(
        &mut self,
        id: QueryId,
        sink: &mut dyn FnMut(Vec<Row>, &Progress) -> io::Result<()>,
    ) -> Result<Completion, Trouble> {
        let mut count = 0;
        self.fetch(id)?;
        loop {
            match self.next_event(None)? {
                Some(Event::Stage(stage)) => self.progress.enter(stage),
                Some(Event::Batch { query, rows }) if query == id => {
                    count += rows.len() as u64;
                    // The next batch is on its way while this one is printed.
                    self.fetch(id)?;
                    self.progress.rows(count);
                    sink(rows, &self.progress).map_err(Trouble::Output)?;
                }
                Some(Event::QueryDone { query, outcome }) if query == id => return outcome.map_err(Trouble::Failed),
                Some(Event::Closed { outcome: Err(error) }) => return Err(Trouble::Failed(error)),
                Some(Event::Closed { outcome: Ok(()) }) | None => return Err(Trouble::Command(CommandError::Closed)),
                Some(_) => {}
            }
        }
    }

    /// Lets `time` pass, less when the deadline comes first.
    ///
    /// # Errors
    /// A signal, or the reactor failed.
    pub(crate) fn pause(&mut self, time: Duration) -> Result<(), Trouble> {
        let until = self.deadline.min(Instant::now() + time);
        while Instant::now() < until && !self.session.is_closed() {
            self.next_event(Some(until))?;
        }
        Ok(())
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

    fn fetch(&mut self, id: QueryId) -> Result<(), Trouble> {
        // The core keeps batches within the query's own bound and its limits.
        match self.session.command(|client, now| client.fetch(id, NonZeroU32::MAX, now)) {
            // The last rows came together with the end, which is the next event.
            Ok(()) | Err(CommandError::UnknownQuery | CommandError::Closed) => Ok(()),
            Err(error) => Err(Trouble::Command(error)),
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
