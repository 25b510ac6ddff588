//! The hosts of a probe: one session for each address and account, over which all checks of it run.

use std::collections::{BTreeMap, VecDeque};
use std::io::{self, ErrorKind};
use std::mem;
use std::time::{Duration, Instant};

use wmi_checks::{Options, Report, RoundId, Rounds, State};
use wmi_infrasonar::{CheckError, CheckPath, RunId, Start};
use wmi_mio::{Reactor, SessionId, Waker};
use wmi_proto::{Client, Config, Credentials, Error, Event};

use crate::connection::wall_time;
use crate::host::HostPort;

/// Checks of one host that run at once; others wait for their turn.
const AT_ONCE: usize = 4;

/// For so long an account that a host has refused is not tried again: too many attempts lock it.
const REFUSED: Duration = Duration::from_secs(300);

/// The port of the activator.
const PORT: u16 = 135;

/// Where and as whom a check is done, and how.
pub(crate) struct Target {
    pub(crate) host: HostPort,
    pub(crate) credentials: Credentials,
    pub(crate) options: Options,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) run: RunId,
    pub(crate) report: Report,
}

/// All sessions.
pub(crate) struct Hosts {
    reactor: Reactor,
    hosts: BTreeMap<SessionId, Host>,
    /// Over which session a check ran last.
    homes: BTreeMap<CheckPath, SessionId>,
    /// Runs that are not over.
    runs: BTreeMap<RunId, (SessionId, RoundId)>,
    /// Who was refused, until when, and how.
    refused: Vec<(HostPort, Credentials, Instant, Error)>,
    ended: VecDeque<Ended>,
}

/// One session.
struct Host {
    host: HostPort,
    credentials: Credentials,
    rounds: Rounds,
    /// Of which run a round is, if anybody still wants to hear of it, and of which check.
    runs: BTreeMap<RoundId, (Option<RunId>, CheckPath)>,
    /// What each check that is wanted here is to be given.
    states: BTreeMap<CheckPath, State>,
    /// Whether it was told to close.
    is_closing: bool,
}

impl Hosts {
    /// No session yet.
    ///
    /// # Errors
    /// The operating system has no reactor to give.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            reactor: Reactor::new()?,
            hosts: BTreeMap::new(),
            homes: BTreeMap::new(),
            runs: BTreeMap::new(),
            refused: Vec::new(),
            ended: VecDeque::new(),
        })
    }

    /// What ends [`Hosts::wait`] from another thread.
    pub(crate) fn waker(&self) -> Waker {
        self.reactor.waker()
    }

    /// Begins a run, over the session of its target; when there is none, that begins, too.
    ///
    /// # Errors
    /// No such check, or the host has refused the account a moment ago.
    pub(crate) fn begin(&mut self, start: &Start, target: &Target) -> Result<(), CheckError> {
        let check = wmi_checks::by_key(&start.check_key)
            .ok_or_else(|| CheckError::new(format!("there is no check {}", start.check_key)))?;
        let now = Instant::now();
        self.refused.retain(|(_, _, until, _)| *until > now);
        let is_target =
            |host: &HostPort, credentials: &Credentials| *host == target.host && *credentials == target.credentials;
        if let Some((.., error)) = self.refused.iter().find(|(host, credentials, ..)| is_target(host, credentials)) {
            return Err(CheckError::new(format!("{error}; no new attempt before {} s have passed", REFUSED.as_secs())));
        }
        let known = self.hosts.iter().find(|(_, host)| !host.is_closing && is_target(&host.host, &host.credentials));
        let session = match known {
            Some((session, _)) => *session,
            None => self.add(target),
        };
        if let Some(former) = self.homes.insert(start.path, session)
            && former != session
        {
            self.leave(former, start.path);
        }
        let Some(host) = self.hosts.get_mut(&session) else { return Ok(()) };
        let state = mem::take(host.states.entry(start.path).or_default());
        let round = host.rounds.begin(&*check, &target.options, state, start.time_limit);
        host.runs.insert(round, (Some(start.run), start.path));
        self.runs.insert(start.run, (session, round));
        self.drive(session);
        Ok(())
    }

    /// Ends a run of which nothing is to be heard.
    pub(crate) fn cancel(&mut self, run: RunId) {
        let Some((session, round)) = self.runs.remove(&run) else { return };
        if let Some(host) = self.hosts.get_mut(&session) {
            if let Some((run, _)) = host.runs.get_mut(&round) {
                *run = None;
            }
            self.reactor.command(session, |client, now| host.rounds.stop(round, client, now));
            self.drive(session);
        }
    }

    /// A check is wanted no longer. A session that nobody wants is closed.
    pub(crate) fn forget(&mut self, path: CheckPath) {
        if let Some(session) = self.homes.remove(&path) {
            self.leave(session, path);
        }
    }

    /// A run that is over.
    pub(crate) fn ended(&mut self) -> Option<Ended> {
        self.ended.pop_front()
    }

    /// Waits until something happens, somebody wakes it, or it is `until`; says whether something happened.
    ///
    /// # Errors
    /// The system's wait failed.
    pub(crate) fn wait(&mut self, until: Option<Instant>) -> io::Result<bool> {
        // Without a session and without a time there is still somebody to be woken by.
        let until = until.unwrap_or_else(|| Instant::now() + Duration::from_secs(3600));
        match self.reactor.next_event_before(until) {
            Ok(Some((session, event))) => {
                self.handle(session, event);
                Ok(true)
            }
            Ok(None) => Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Does what the hosts want now, at most `most` times, and does not wait.
    ///
    /// # Errors
    /// The system's wait failed.
    pub(crate) fn turn(&mut self, most: usize) -> io::Result<()> {
        for _ in 0..most {
            if !self.wait(Some(Instant::now()))? {
                break;
            }
        }
        Ok(())
    }

    /// Gives up all runs and closes all sessions, for at most `patience`.
    pub(crate) fn close(mut self, patience: Duration) {
        let until = Instant::now() + patience;
        for (session, host) in &mut self.hosts {
            self.reactor.command(*session, |client, now| {
                host.rounds.stop_all(client, now);
                client.close(now);
            });
        }
        while !self.hosts.is_empty() && Instant::now() < until {
            match self.reactor.next_event_before(until) {
                Ok(Some((session, Event::Closed { .. }))) => drop(self.hosts.remove(&session)),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn add(&mut self, target: &Target) -> SessionId {
        let mut config = Config::new(target.host.host.clone(), target.credentials.clone());
        config.port = target.host.port.unwrap_or(PORT);
        config.limits.max_queries = config.limits.max_queries.max(AT_ONCE * target.options.calls_in_flight);
        let session = self.reactor.add(config);
        let host = Host {
            host: target.host.clone(),
            credentials: target.credentials.clone(),
            rounds: Rounds::new(AT_ONCE),
            runs: BTreeMap::new(),
            states: BTreeMap::new(),
            is_closing: false,
        };
        self.hosts.insert(session, host);
        session
    }

    /// A check does not run over this session any more.
    fn leave(&mut self, session: SessionId, path: CheckPath) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        host.states.remove(&path);
        self.close_unwanted(session);
    }

    fn close_unwanted(&mut self, session: SessionId) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        if host.states.is_empty() && host.runs.is_empty() && !host.is_closing {
            host.is_closing = true;
            self.reactor.command(session, Client::close);
        }
    }

    fn handle(&mut self, session: SessionId, event: Event) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        let wall = wall_time();
        let rest = self.reactor.command(session, |client, now| host.rounds.handle(event, client, now, wall)).flatten();
        self.drive(session);
        if let Some(Event::Closed { outcome }) = rest {
            self.reactor.remove(session);
            let Some(host) = self.hosts.remove(&session) else { return };
            if let Err(error) = outcome
                && error.is_final()
            {
                self.refused.push((host.host, host.credentials, Instant::now() + REFUSED, error));
            }
        }
    }

    /// Lets rounds ask what may be asked now, and takes those that are over.
    fn drive(&mut self, session: SessionId) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        let wall = wall_time();
        self.reactor.command(session, |client, now| host.rounds.drive(client, now, wall));
        while let Some(finished) = host.rounds.finished() {
            let Some((run, path)) = host.runs.remove(&finished.id) else { continue };
            if let Some(state) = host.states.get_mut(&path) {
                *state = finished.state;
            }
            // Nobody wants to hear of one that was cancelled.
            let Some(run) = run else { continue };
            self.runs.remove(&run);
            self.ended.push_back(Ended { run, report: finished.report });
        }
        self.close_unwanted(session);
    }
}
