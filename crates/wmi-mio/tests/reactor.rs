//! Many sessions in one thread: each has its rows, and what one host does is felt by none of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind as IoErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::num::{NonZeroU32, NonZeroUsize};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use socket2::SockRef;
use wmi_mio::{Reactor, SessionId, Tap};
use wmi_proto::{Client, CommandError, Config, Credentials, Error, ErrorKind, Event, Query, QueryId, Secret};
use wmi_proto::{Completion, Role, Stage, TransportFailure, TransportId};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fault, Fleet, HostConfig, Listening};

#[test]
fn every_host_has_its_rows_whatever_the_others_do() {
    let sizes: Vec<u32> = (0..200).map(|index| index % 10 + 1).collect();
    let fleet = fleet(sizes.iter().map(|rows| HostConfig::new(0).rows(*rows)));
    let failing =
        self::fleet([Fault::ResetAtBind, Fault::SilenceAtNext].map(|fault| HostConfig::new(0).faults([fault])));
    let [resetting, falling_silent] = failing.hosts() else { panic!("two hosts") };
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();

    let mut crowd = Crowd::new();
    let reset = crowd.ask(config(resetting));
    let mute = crowd.ask(config_of(silent.local_addr().unwrap()));
    let mute_later = crowd.ask(config(falling_silent));
    let refused = crowd.ask(config_of(refusing()));
    let good: Vec<SessionId> = fleet.hosts().iter().map(|host| crowd.ask(config(host))).collect();

    // Those that answer do not wait for those that do not: their deadline is far away.
    crowd.run_until(|crowd| good.iter().all(|id| crowd.is_done(*id)));
    for (id, rows) in good.iter().zip(&sizes) {
        let answer = &crowd.answers[id];
        assert_eq!(answer.rows, u64::from(*rows));
        assert_eq!(answer.outcome, Some(Ok(Completion { rows: u64::from(*rows), notice: None })));
    }
    assert!(!crowd.is_done(mute) && !crowd.is_done(mute_later), "they are silent");
    crowd.run_until(|crowd| crowd.is_done(reset) && crowd.is_done(refused));
    let error = crowd.error(reset);
    assert_eq!(error.stage, Stage::Bind(Role::Activator));
    assert!(matches!(error.kind, ErrorKind::Transport(TransportFailure::Reset) | ErrorKind::Disconnected), "{error}");
    let kind = ErrorKind::Transport(TransportFailure::Refused);
    assert_eq!(what(crowd.error(refused)), (&Stage::Connect(Role::Activator), &kind));

    // Goodbyes: everything is given back, and everything that the reactor held is gone.
    for id in good.iter().chain([&mute, &mute_later]) {
        crowd.reactor.command(*id, Client::close).unwrap();
    }
    assert_eq!(crowd.run(), 204, "one end each");
    assert_eq!(crowd.reactor.len(), 204);
    assert!(crowd.answers.keys().all(|id| crowd.reactor.is_closed(*id) == Some(true)));
    for host in fleet.hosts() {
        eventually("every object is released", || host.alive_objects() == 0);
        assert_eq!(host.stats().unverified, 0);
    }
    assert!(crowd.answers.keys().all(|id| crowd.reactor.remove(*id)));
    assert!(crowd.reactor.is_empty());
}

#[test]
fn a_large_result_does_not_keep_small_ones_waiting() {
    let fleet = fleet([HostConfig::new(0).rows(20_000), HostConfig::new(0).rows(5)]);
    let [large, small] = fleet.hosts() else { panic!("two hosts") };
    let mut crowd = Crowd::new();
    let mut config_large = config(large);
    config_large.limits.max_batch = 20_000;
    let chatty = crowd.ask(config_large);
    crowd.run_until(|crowd| crowd.answers[&chatty].rows > 0);
    let others: Vec<SessionId> = (0..20).map(|_| crowd.ask(config(small))).collect();
    crowd.run_until(|crowd| others.iter().all(|id| crowd.is_done(*id)));
    assert!(!crowd.is_done(chatty), "they waited for all {} rows", crowd.answers[&chatty].rows);
    crowd.run_until(|crowd| crowd.is_done(chatty));
    assert_eq!(crowd.answers[&chatty].rows, 20_000);
}

#[test]
fn sessions_come_and_go_at_any_time() {
    let fleet = fleet((0..8).map(|_| HostConfig::new(0).rows(300)));
    let mut crowd = Crowd::new();
    for round in 0..12_usize {
        let ids: Vec<SessionId> = fleet.hosts().iter().map(|host| crowd.ask(config(host))).collect();
        // Each round gets a little further: connecting, log-on, activation, the query, its rows.
        for _ in 0..round * 8 {
            if !crowd.step(Some(Instant::now() + Duration::from_secs(5))) {
                break;
            }
        }
        for id in ids {
            assert!(crowd.reactor.remove(id));
            assert!(!crowd.reactor.remove(id), "it was there twice");
            assert_eq!(crowd.reactor.command(id, Client::close), None);
            assert_eq!((crowd.reactor.stats(id), crowd.reactor.is_closed(id)), (None, None));
            crowd.answers.remove(&id);
        }
        // Nothing is heard of them, and nobody is left who could say something.
        assert_eq!(crowd.reactor.next_event().unwrap(), None);
        assert!(crowd.reactor.is_empty());
    }
    let last = crowd.ask(config(&fleet.hosts()[1]));
    crowd.run_until(|crowd| crowd.is_done(last));
    assert_eq!(crowd.answers[&last].rows, 300);
}

#[test]
fn attempts_beyond_the_bound_wait_in_line() {
    let fleet = fleet((0..20).map(|_| HostConfig::new(0).rows(3)));
    let mut crowd = Crowd::new();
    crowd.reactor.set_max_attempts(NonZeroUsize::MIN);
    let refused = crowd.ask(config_of(refusing()));
    let ids: Vec<SessionId> = fleet.hosts().iter().map(|host| crowd.ask(config(host))).collect();
    // One that leaves the line does not block it.
    crowd.reactor.command(ids[3], Client::close).unwrap();
    assert!(crowd.reactor.remove(ids[5]));
    crowd.run_until(|crowd| ids.iter().all(|id| *id == ids[5] || crowd.is_done(*id)));
    crowd.error(refused);
    for (index, id) in ids.iter().enumerate() {
        match index {
            3 => assert_eq!(crowd.error(*id).kind, ErrorKind::Cancelled),
            5 => {}
            _ => assert_eq!(crowd.answers[id].rows, 3),
        }
    }
}

/// Where a full backlog means that nobody answers.
#[cfg(target_os = "linux")]
#[test]
fn an_attempt_that_hangs_holds_its_place_only_until_its_deadline() {
    let (_full, address) = unanswering();
    let fleet = fleet([HostConfig::new(0).rows(3)]);
    let mut crowd = Crowd::new();
    crowd.reactor.set_max_attempts(NonZeroUsize::MIN);
    let mut config_hanging = config_of(address);
    config_hanging.connect_timeout = Duration::from_millis(300);
    let hanging = crowd.ask(config_hanging);
    let good = crowd.ask(config(&fleet.hosts()[0]));
    crowd.run_until(|crowd| crowd.is_done(good));
    assert_eq!(crowd.answers[&good].rows, 3);
    let kind = ErrorKind::Transport(TransportFailure::TimedOut);
    assert_eq!(what(crowd.error(hanging)), (&Stage::Connect(Role::Activator), &kind));
}

#[test]
fn a_wait_ends_at_the_deadline_of_the_caller_and_by_a_waker() {
    let mut reactor = Reactor::new().unwrap();
    assert_eq!(reactor.next_event().unwrap(), None, "nobody can say anything");
    // A program whose sessions are yet to come waits all the same.
    let deadline = Instant::now() + Duration::from_millis(50);
    assert_eq!(reactor.next_event_before(deadline).unwrap(), None);
    assert!(Instant::now() >= deadline, "it returned early");

    let waker = reactor.waker();
    let other = thread::spawn(move || {
        thread::sleep(Duration::from_millis(50));
        waker.wake().unwrap();
    });
    let far = Instant::now() + Duration::from_secs(60);
    assert_eq!(reactor.next_event_before(far).unwrap_err().kind(), IoErrorKind::Interrupted);
    other.join().unwrap();
    assert!(Instant::now() < far);

    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let id = reactor.add(config_of(silent.local_addr().unwrap()));
    reactor.waker().wake().unwrap();
    assert_eq!(reactor.next_event().unwrap_err().kind(), IoErrorKind::Interrupted);
    let Some((who, Event::Stage(Stage::Connect(Role::Activator)))) = reactor.next_event().unwrap() else {
        panic!("the session goes on");
    };
    assert_eq!(who, id);
}

#[test]
fn what_panics_is_gone_and_the_others_are_as_they_were() {
    let fleet = fleet((0..3).map(|_| HostConfig::new(0).rows(40)));
    let mut crowd = Crowd::new();
    let ids: Vec<SessionId> = fleet.hosts().iter().map(|host| crowd.ask(config(host))).collect();
    crowd.reactor.set_tap(ids[0], Box::new(Bomb));
    let panic = catch_unwind(AssertUnwindSafe(|| crowd.run_until(|crowd| ids.iter().all(|id| crowd.is_done(*id)))));
    assert_eq!(panic.unwrap_err().downcast_ref(), Some(&"the tap bursts"));
    assert_eq!(crowd.reactor.command(ids[0], Client::close), None);
    let command = |_: &mut Client, _| panic!("the command bursts");
    assert!(catch_unwind(AssertUnwindSafe(|| crowd.reactor.command(ids[1], command))).is_err());
    assert_eq!(crowd.reactor.command(ids[1], Client::close), None);
    assert_eq!(crowd.reactor.len(), 1);
    crowd.run_until(|crowd| crowd.is_done(ids[2]));
    assert_eq!(crowd.answers[&ids[2]].rows, 40);
    crowd.reactor.command(ids[2], Client::close).unwrap();
    assert_eq!(crowd.run(), 1);
}

#[test]
fn each_tap_hears_its_own_session() {
    let fleet = fleet((0..3).map(|_| HostConfig::new(0).rows(10)));
    let mut crowd = Crowd::new();
    let heard: Vec<(SessionId, SocketAddr, Log)> = fleet
        .hosts()
        .iter()
        .map(|host| {
            let (id, log) = (crowd.ask(config(host)), Log::default());
            assert!(crowd.reactor.set_tap(id, Box::new(log.clone())));
            (id, host.activator_addr(), log)
        })
        .collect();
    for (id, ..) in &heard {
        crowd.run_until(|crowd| crowd.is_done(*id));
        crowd.reactor.command(*id, Client::close).unwrap();
    }
    crowd.run();
    for (id, activator, log) in heard {
        let log = log.0.lock().unwrap();
        let stats = crowd.reactor.stats(id).unwrap();
        assert_eq!(log.hosts.iter().filter(|host| **host == activator).count(), 1);
        assert_eq!((log.hosts.len(), log.closed), (2, 2));
        assert_eq!((log.sent, log.received), (stats.octets_out, stats.octets_in));
    }
}

/// A reactor and what its sessions said; every batch is followed by the next fetch.
struct Crowd {
    reactor: Reactor,
    answers: BTreeMap<SessionId, Answer>,
    closed: BTreeSet<SessionId>,
}

#[derive(Debug, Default)]
struct Answer {
    query: Option<QueryId>,
    rows: u64,
    outcome: Option<Result<Completion, Error>>,
}

impl Crowd {
    fn new() -> Self {
        Self { reactor: Reactor::new().unwrap(), answers: BTreeMap::new(), closed: BTreeSet::new() }
    }

    /// A new session, and a query to it.
    fn ask(&mut self, config: Config) -> SessionId {
        let id = self.reactor.add(config);
        let query = Query::new("SELECT * FROM Sim_Many").timeout(Duration::from_secs(60));
        let query = self.reactor.command(id, |client, now| client.exec_query(query, now)).unwrap().unwrap();
        self.answers.insert(id, Answer { query: Some(query), ..Answer::default() });
        self.fetch(id, query);
        id
    }

    fn fetch(&mut self, id: SessionId, query: QueryId) {
        match self.reactor.command(id, |client, now| client.fetch(query, NonZeroU32::MAX, now)).unwrap() {
            // The batch was the last one, and the outcome is queued behind it.
            Ok(()) | Err(CommandError::UnknownQuery) => {}
            Err(error) => panic!("{error}"),
        }
    }

    /// Takes one event; says whether there was one.
    fn step(&mut self, until: Option<Instant>) -> bool {
        let next = match until {
            Some(until) => self.reactor.next_event_before(until),
            None => self.reactor.next_event(),
        };
        let Some((id, event)) = next.unwrap() else { return false };
        assert!(!self.closed.contains(&id), "after its end {id:?} said {event:?}");
        let answer = self.answers.get_mut(&id).expect("an event of a session that is there");
        match event {
            Event::Batch { query, rows } => {
                assert_eq!(Some(query), answer.query);
                assert!(rows.iter().all(Result::is_ok));
                answer.rows += rows.len() as u64;
                self.fetch(id, query);
            }
            Event::QueryDone { outcome, .. } => {
                assert!(answer.outcome.replace(outcome).is_none(), "{id:?} is done twice");
            }
            Event::Closed { .. } => drop(self.closed.insert(id)),
            _ => {}
        }
        true
    }

    fn run_until(&mut self, happened: impl Fn(&Self) -> bool) {
        let give_up = Instant::now() + Duration::from_secs(40);
        while !happened(self) {
            assert!(self.step(Some(give_up)), "not after 40 s");
        }
    }

    /// Until every session is over; says how many ended.
    fn run(&mut self) -> usize {
        while self.step(None) {}
        self.closed.len()
    }

    fn is_done(&self, id: SessionId) -> bool {
        self.answers[&id].outcome.is_some()
    }

    #[track_caller]
    fn error(&self, id: SessionId) -> &Error {
        self.answers[&id].outcome.as_ref().expect("it is done").as_ref().expect_err("it fails")
    }
}

const fn what(error: &Error) -> (&Stage, &ErrorKind) {
    (&error.stage, &error.kind)
}

/// Counts what it hears.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Heard>>);

#[derive(Default)]
struct Heard {
    hosts: Vec<SocketAddr>,
    sent: u64,
    received: u64,
    closed: u64,
}

impl Tap for Log {
    fn opened(&mut self, _: TransportId, _: SocketAddr, host: SocketAddr) {
        self.0.lock().unwrap().hosts.push(host);
    }
    fn sent(&mut self, _: TransportId, data: &[u8]) {
        self.0.lock().unwrap().sent += data.len() as u64;
    }
    fn received(&mut self, _: TransportId, data: &[u8]) {
        self.0.lock().unwrap().received += data.len() as u64;
    }
    fn closed(&mut self, _: TransportId) {
        self.0.lock().unwrap().closed += 1;
    }
}

struct Bomb;

impl Tap for Bomb {
    fn opened(&mut self, _: TransportId, _: SocketAddr, _: SocketAddr) {}
    fn sent(&mut self, _: TransportId, _: &[u8]) {}
    fn received(&mut self, _: TransportId, _: &[u8]) {
        panic!("the tap bursts");
    }
    fn closed(&mut self, _: TransportId) {}
}

fn fleet(configs: impl IntoIterator<Item = HostConfig>) -> Fleet {
    Fleet::start(configs, IpAddr::V4(Ipv4Addr::LOCALHOST)).expect("loopback listeners")
}

fn config(host: &Listening) -> Config {
    config_of(host.activator_addr())
}

fn config_of(address: SocketAddr) -> Config {
    let account = format!("{DEFAULT_DOMAIN}\\{DEFAULT_USER}");
    let mut config = Config::new(address.ip().to_string(), Credentials::new(&account, Secret::from(DEFAULT_PASSWORD)));
    config.port = address.port();
    config.linger = Duration::from_millis(500);
    config
}

/// Nobody listens there: it was bound a moment ago, and the system hands out others first.
fn refusing() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap()
}

/// An address at which attempts to connect are not answered, as long as the rest lives.
fn unanswering() -> ((TcpListener, Vec<TcpStream>), SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    // Listening again only changes how many may wait to be accepted.
    SockRef::from(&listener).listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(200)) {
        waiting.push(stream);
    }
    ((listener, waiting), address)
}

/// A host learns of a close a moment after the client.
fn eventually(what: &str, happened: impl Fn() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(10);
    while !happened() {
        assert!(Instant::now() < give_up, "not after 10 s: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}
