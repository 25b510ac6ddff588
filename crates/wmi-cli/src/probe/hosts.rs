//! The hosts of a probe: one session for each address and account, over which all checks of it run.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use wmi_checks::{Options, RoundId, Rounds, State};
use wmi_infrasonar::{CheckError, CheckPath, Outcome, RunId, Start};
use wmi_mio::{Reactor, SessionId, Waker};
use wmi_proto::{Client, Config, Credentials, Event};

use super::refusals::{self, Refusals};
use super::{descriptors, told};
use crate::connection::wall_time;
use crate::host::HostPort;

/// Checks of one host that run at once; others wait for their turn.
const AT_ONCE: usize = 4;

/// Sessions that are closed at once to make room for others.
const CLOSING: usize = 16;

/// The port of the activator.
const PORT: u16 = 135;

/// Where and as whom a check is done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Login {
    pub(crate) host: HostPort,
    pub(crate) credentials: Credentials,
}

/// Where and as whom a check is done, and how.
pub(crate) struct Target {
    pub(crate) login: Login,
    pub(crate) options: Options,
}

/// A run that is over.
pub(crate) struct Ended {
    pub(crate) run: RunId,
    pub(crate) outcome: Outcome,
}

/// All sessions.
pub(crate) struct Hosts {
    reactor: Reactor,
    /// Sessions that may be kept at once.
    most: usize,
    hosts: BTreeMap<SessionId, Host>,
    homes: BTreeMap<CheckPath, Home>,
    /// Runs that are not over, and have a session.
    runs: BTreeMap<RunId, (SessionId, RoundId)>,
    /// Runs without a session, in the order in which they are to have one.
    waiting: VecDeque<Waiting>,
    refusals: Refusals,
    ended: VecDeque<Ended>,
}

/// One session.
struct Host {
    login: Rc<Login>,
    rounds: Rounds,
    /// Of which run a round is, if anybody still wants to hear of it, and of which check.
    runs: BTreeMap<RoundId, (Option<RunId>, CheckPath)>,
    /// The checks that are wanted here.
    paths: BTreeSet<CheckPath>,
    phase: Phase,
    /// When the last run ended.
    used: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The host has not accepted the account yet.
    New,
    Ready,
    /// It had, and is lost: it logs on again for the runs that it has, and gets no others, so that an outage does not
    /// make all log on at once. The password may have changed meanwhile.
    Lost,
    /// It was told to close.
    Closing,
}

/// Where a check ran last, and what it is to be given when it runs there again. That outlives the session.
struct Home {
    login: Rc<Login>,
    session: SessionId,
    state: State,
}

/// Runs that wait for a session with the same host.
struct Waiting {
    login: Rc<Login>,
    runs: Vec<(Start, Options)>,
}

/// Whether a session may begin.
enum Permit {
    /// There is one.
    There(SessionId),
    Granted,
    /// The account was refused a moment ago.
    Held(String),
    /// As many log-ons of the account are under way as may fail.
    NotYet,
}

impl Hosts {
    /// No session yet.
    ///
    /// # Errors
    /// The operating system has no reactor to give.
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self {
            reactor: Reactor::new()?,
            most: descriptors::sessions(),
            hosts: BTreeMap::new(),
            homes: BTreeMap::new(),
            runs: BTreeMap::new(),
            waiting: VecDeque::new(),
            refusals: Refusals::default(),
            ended: VecDeque::new(),
        })
    }

    /// What ends [`Hosts::wait`] from another thread.
    pub(crate) fn waker(&self) -> Waker {
        self.reactor.waker()
    }

    /// Begins a run, over the session of its target; when there is none, that begins, too, as soon as it may.
    pub(crate) fn begin(&mut self, start: &Start, target: Target) {
        let Target { login, options } = target;
        let takes_more = |host: &Host| matches!(host.phase, Phase::New | Phase::Ready);
        let known = self.hosts.iter().find(|(_, host)| takes_more(host) && *host.login == login);
        if let Some((session, _)) = known {
            let session = *session;
            self.run(session, start, &options);
        } else if let Some(waiting) = self.waiting.iter_mut().find(|waiting| *waiting.login == login) {
            waiting.runs.push((start.clone(), options));
        } else {
            self.waiting.push_back(Waiting { login: Rc::new(login), runs: vec![(start.clone(), options)] });
            self.serve();
        }
    }

    /// Ends a run of which nothing is to be heard.
    pub(crate) fn cancel(&mut self, run: RunId) {
        let Some((session, round)) = self.runs.remove(&run) else {
            self.waiting.iter_mut().for_each(|waiting| waiting.runs.retain(|(start, _)| start.run != run));
            return self.waiting.retain(|waiting| !waiting.runs.is_empty());
        };
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
        if let Some(home) = self.homes.remove(&path) {
            self.leave(home.session, path);
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

    /// Begins a run over a session that there is.
    fn run(&mut self, session: SessionId, start: &Start, options: &Options) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        let Some(check) = wmi_checks::by_key(&start.check_key) else {
            let error = CheckError::new(format!("there is no check {}", start.check_key));
            return self.ended.push_back(Ended { run: start.run, outcome: Outcome::Failed(error) });
        };
        host.paths.insert(start.path);
        let home = Home { login: Rc::clone(&host.login), session, state: State::default() };
        let mut state = State::default();
        if let Some(former) = self.homes.insert(start.path, home) {
            if former.login == host.login {
                state = former.state;
            }
            if former.session != session {
                self.leave(former.session, start.path);
            }
        }
        let Some(host) = self.hosts.get_mut(&session) else { return };
        let round = host.rounds.begin(&*check, options, state, start.time_limit);
        host.runs.insert(round, (Some(start.run), start.path));
        self.runs.insert(start.run, (session, round));
        self.drive(session);
    }

    /// Begins the sessions that may begin now, and makes room for others.
    fn serve(&mut self) {
        for _ in 0..self.waiting.len() {
            let Some(Waiting { login, runs }) = self.waiting.pop_front() else { return };
            let session = match self.permit(&login) {
                Permit::There(session) => session,
                Permit::Granted if self.hosts.len() >= self.most => {
                    self.waiting.push_front(Waiting { login, runs });
                    return self.make_room();
                }
                Permit::Granted => self.add(login, &runs),
                Permit::Held(why) => {
                    let failed = |(start, _): &(Start, Options)| Ended {
                        run: start.run,
                        outcome: Outcome::Failed(CheckError::new(why.clone())),
                    };
                    self.ended.extend(runs.iter().map(failed));
                    continue;
                }
                Permit::NotYet => {
                    self.waiting.push_back(Waiting { login, runs });
                    continue;
                }
            };
            runs.iter().for_each(|(start, options)| self.run(session, start, options));
            self.close_unwanted(session);
        }
    }

    /// Closes the sessions that were idle for longest in favour of those that may begin.
    fn make_room(&mut self) {
        let closing = self.hosts.values().filter(|host| host.phase == Phase::Closing).count();
        let may_begin = |waiting: &&Waiting| matches!(self.permit(&waiting.login), Permit::Granted);
        let wanted = self.waiting.iter().filter(may_begin).take(CLOSING).count();
        for _ in closing..wanted {
            let idle = self.hosts.iter().filter(|(_, host)| host.runs.is_empty() && host.phase != Phase::Closing);
            let Some((session, _)) = idle.min_by_key(|(_, host)| host.used) else { break };
            self.close_session(*session);
        }
    }

    /// Whether a session of `login` may begin now.
    fn permit(&self, login: &Login) -> Permit {
        let own = self.hosts.iter().find(|(_, host)| *host.login == *login);
        match own.map(|(session, host)| (*session, host.phase)) {
            Some((session, Phase::New | Phase::Ready)) => return Permit::There(session),
            // A rival would log on beside it. It ends in being ready, or in its end.
            Some((_, Phase::Lost | Phase::Closing)) => return Permit::NotYet,
            None => {}
        }
        if let Some(why) = self.refusals.hold(login, Instant::now()) {
            return Permit::Held(why);
        }
        if login.is_of_domain() {
            // While no session stands with the account, no more may fail at once than may fail at all.
            let (mut accepted, mut trying) = (0, 0);
            for host in self.hosts.values().filter(|host| login.is_account(&host.login.credentials)) {
                match host.phase {
                    Phase::Ready => accepted += 1,
                    Phase::New | Phase::Lost => trying += 1,
                    Phase::Closing => {}
                }
            }
            if accepted == 0 && trying >= refusals::HOSTS.saturating_sub(self.refusals.hosts(login)).max(1) {
                return Permit::NotYet;
            }
        }
        Permit::Granted
    }

    fn add(&mut self, login: Rc<Login>, runs: &[(Start, Options)]) -> SessionId {
        let mut config = Config::new(login.host.host.clone(), login.credentials.clone());
        config.port = login.host.port.unwrap_or(PORT);
        let calls = runs.iter().map(|(_, options)| options.calls_in_flight).max().unwrap_or_default();
        config.limits.max_queries = config.limits.max_queries.max(AT_ONCE * calls);
        let session = self.reactor.add(config);
        let host = Host {
            login,
            rounds: Rounds::new(AT_ONCE),
            runs: BTreeMap::new(),
            paths: BTreeSet::new(),
            phase: Phase::New,
            used: Instant::now(),
        };
        self.hosts.insert(session, host);
        session
    }

    /// A check does not run over this session any more.
    fn leave(&mut self, session: SessionId, path: CheckPath) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        host.paths.remove(&path);
        self.close_unwanted(session);
    }

    /// Closes a session without runs that no check wants, or that would have to be begun anew.
    fn close_unwanted(&mut self, session: SessionId) {
        let Some(host) = self.hosts.get(&session) else { return };
        if host.runs.is_empty() && (host.paths.is_empty() || host.phase == Phase::Lost) {
            self.close_session(session);
        }
    }

    fn close_session(&mut self, session: SessionId) {
        let Some(host) = self.hosts.get_mut(&session).filter(|host| host.phase != Phase::Closing) else { return };
        host.phase = Phase::Closing;
        self.reactor.command(session, Client::close);
    }

    fn handle(&mut self, session: SessionId, event: Event) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        let wall = wall_time();
        let rest = self.reactor.command(session, |client, now| host.rounds.handle(event, client, now, wall)).flatten();
        self.drive(session);
        let Some(host) = self.hosts.get_mut(&session) else { return };
        match rest {
            Some(Event::Ready) => {
                if host.phase != Phase::Closing {
                    host.phase = Phase::Ready;
                }
                self.refusals.accepted(&host.login);
                self.serve();
            }
            Some(Event::Lost { .. }) if host.phase != Phase::Closing => {
                host.phase = Phase::Lost;
                self.close_unwanted(session);
            }
            Some(Event::Closed { outcome }) => {
                self.reactor.remove(session);
                let Some(host) = self.hosts.remove(&session) else { return };
                if let Err(error) = outcome
                    && error.refuses_log_on()
                {
                    self.refusals.refused(&host.login, &error, Instant::now());
                }
                self.serve();
            }
            _ => {}
        }
    }

    /// Lets rounds ask what may be asked now, and takes those that are over.
    fn drive(&mut self, session: SessionId) {
        let Some(host) = self.hosts.get_mut(&session) else { return };
        let wall = wall_time();
        self.reactor.command(session, |client, now| host.rounds.drive(client, now, wall));
        let mut any = false;
        while let Some(finished) = host.rounds.finished() {
            let Some((run, path)) = host.runs.remove(&finished.id) else { continue };
            any = true;
            if let Some(home) = self.homes.get_mut(&path)
                && home.session == session
            {
                home.state = finished.state;
            }
            // Nobody wants to hear of one that was cancelled.
            let Some(run) = run else { continue };
            self.runs.remove(&run);
            self.ended.push_back(Ended { run, outcome: told::outcome(finished.report) });
        }
        if any {
            host.used = Instant::now();
            self.close_unwanted(session);
            // It may be the one that makes room.
            if !self.waiting.is_empty() {
                self.serve();
            }
        }
    }
}
