//! File descriptors: none is left behind, and their end is the failure of the sessions that got none.
//!
//! Each test runs alone in a process of its own, which has a limit of its own and no other tests that open files.
#![cfg(target_os = "linux")]

use std::env;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::process::Command;
use std::time::{Duration, Instant};

use wmi_mio::{Reactor, Session, SessionId};
use wmi_proto::{Config, Credentials, Error, ErrorKind, Event, Query, Role, Secret, Stage, TransportFailure};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fleet, HostConfig, Listening};

#[test]
fn removed_sessions_leave_no_descriptor() {
    if !alone("removed_sessions_leave_no_descriptor", 1000) {
        return;
    }
    let fleet = fleet(8);
    let mut reactor = Reactor::new().unwrap();
    let before = descriptors();
    for round in 0..12_usize {
        let ids: Vec<SessionId> = fleet.hosts().iter().map(|host| begin(&mut reactor, host)).collect();
        // Each round gets a little further: connecting, log-on, activation, the query, its rows.
        for _ in 0..round * 8 {
            next(&mut reactor);
        }
        assert!(round == 0 || descriptors() > before, "nothing was open");
        for id in ids {
            assert!(reactor.remove(id));
        }
        // The host closes its ends a moment later.
        let give_up = Instant::now() + Duration::from_secs(10);
        while descriptors() != before {
            assert!(Instant::now() < give_up, "{} before, {} now", before, descriptors());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    drop(reactor);
    assert!(descriptors() < before, "the reactor's own");
}

#[test]
fn without_descriptors_sessions_fail_and_the_reactor_goes_on() {
    if !alone("without_descriptors_sessions_fail_and_the_reactor_goes_on", 100) {
        return;
    }
    let fleet = fleet(2);
    let mut reactor = Reactor::new().unwrap();
    // One that has its connections already.
    let first = begin(&mut reactor, &fleet.hosts()[0]);
    while !matches!(next(&mut reactor), Some((_, Event::QueryDone { outcome: Ok(_), .. }))) {}

    let mut hoard = Vec::new();
    while let Ok(file) = File::open("/dev/null") {
        hoard.push(file);
    }
    let second = begin(&mut reactor, &fleet.hosts()[1]);
    let kind = ErrorKind::Transport(TransportFailure::Exhausted);
    let exhausted = Error::new(Stage::Connect(Role::Activator), kind).to_string();
    assert_eq!(exhausted, "connect to the activator: no socket left on this machine: too many open files");
    loop {
        match next(&mut reactor) {
            Some((id, Event::Closed { outcome })) => {
                assert_eq!((id, outcome.unwrap_err().to_string()), (second, exhausted));
                break;
            }
            Some((id, Event::QueryDone { outcome, .. })) => {
                assert_eq!((id, outcome.unwrap_err().to_string()), (second, exhausted.clone()));
            }
            Some((_, Event::Stage(_))) => {}
            other => panic!("{other:?}"),
        }
    }
    // The others go on, and so does the reactor.
    ask(&mut reactor, first);
    while !matches!(next(&mut reactor), Some((_, Event::QueryDone { outcome: Ok(_), .. }))) {}
    assert!(Session::connect(config(&fleet.hosts()[0])).is_err(), "there is not even a reactor to be had");

    drop(hoard);
    begin(&mut reactor, &fleet.hosts()[1]);
    while !matches!(next(&mut reactor), Some((_, Event::QueryDone { outcome: Ok(_), .. }))) {}
}

/// Whether this is the process that runs `test` alone; otherwise starts that one, with at most `files` descriptors.
fn alone(test: &str, files: u32) -> bool {
    if env::var_os("WMI_ALONE").is_some() {
        return true;
    }
    let script = format!("ulimit -n {files} && exec \"$0\" --exact {test} --nocapture --test-threads=1");
    let program = env::current_exe().unwrap();
    let status = Command::new("sh").arg("-c").arg(script).arg(program).env("WMI_ALONE", "1").status().unwrap();
    assert!(status.success(), "{status}");
    false
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").unwrap().count()
}

fn fleet(hosts: usize) -> Fleet {
    Fleet::start((0..hosts).map(|_| HostConfig::new(0).rows(300)), IpAddr::V4(Ipv4Addr::LOCALHOST)).unwrap()
}

fn config(host: &Listening) -> Config {
    let account = format!("{DEFAULT_DOMAIN}\\{DEFAULT_USER}");
    let mut config = Config::new("127.0.0.1", Credentials::new(&account, Secret::from(DEFAULT_PASSWORD)));
    config.port = host.activator_addr().port();
    config
}

fn begin(reactor: &mut Reactor, host: &Listening) -> SessionId {
    let id = reactor.add(config(host));
    ask(reactor, id);
    id
}

fn ask(reactor: &mut Reactor, id: SessionId) {
    let query = Query::new("SELECT * FROM Sim_Many");
    let asked = reactor.command(id, |client, now| {
        let query = client.exec_query(query, now)?;
        client.fetch(query, NonZeroU32::MAX, now)
    });
    asked.unwrap().unwrap();
}

/// The next event; each batch is followed by the next fetch.
fn next(reactor: &mut Reactor) -> Option<(SessionId, Event)> {
    let event = reactor.next_event_before(Instant::now() + Duration::from_secs(20)).unwrap();
    if let Some((id, Event::Batch { query, .. })) = &event {
        // It may have been the last one.
        let _ = reactor.command(*id, |client, now| client.fetch(*query, NonZeroU32::MAX, now));
    }
    event
}
