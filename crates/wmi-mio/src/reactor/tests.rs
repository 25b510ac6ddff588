use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::num::NonZeroU32;

use wmi_proto::{Credentials, Query, Secret};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fleet, HostConfig};

use super::*;
use crate::driver::BURST;

#[test]
fn a_wake_up_concerns_those_only_to_whom_something_happened() {
    let (mut reactor, ids, mut peers) = waiting(20);
    peers[7].write_all(b"this is no PDU: it ends the session").unwrap();
    reactor.begin_round(None).unwrap();
    assert_eq!((reactor.round, reactor.run.iter().collect::<Vec<_>>()), (1, vec![&ids[7]]));
    // The same for a deadline: the one that was given a short one is first, and alone.
    let query = Query::new("SELECT * FROM Any").timeout(Duration::from_millis(20));
    reactor.command(ids[3], |client, now| client.exec_query(query, now)).unwrap().unwrap();
    while reactor.round > 0 {
        reactor.round -= 1;
        reactor.run_next();
    }
    // More than one wait when the system's is a little short.
    while reactor.round == 0 {
        reactor.begin_round(None).unwrap();
    }
    assert_eq!((reactor.round, reactor.run.iter().collect::<Vec<_>>()), (1, vec![&ids[3]]));
}

#[test]
fn a_turn_reads_a_bounded_number_of_octets_and_then_it_is_the_next_ones() {
    let fleet = Fleet::start((0..2).map(|_| HostConfig::new(0).rows(8_000)), Ipv4Addr::LOCALHOST.into()).unwrap();
    let mut reactor = Reactor::new().unwrap();
    for host in fleet.hosts() {
        let account = format!("{DEFAULT_DOMAIN}\\{DEFAULT_USER}");
        let mut config = Config::new("127.0.0.1", Credentials::new(&account, Secret::from(DEFAULT_PASSWORD)));
        config.port = host.activator_addr().port();
        config.limits.max_batch = 8_000;
        let id = reactor.add(config);
        // One answer of some megabytes.
        let query = Query::new("SELECT * FROM Sim_Many").batch(NonZeroU32::new(8_000).unwrap());
        let begun = reactor.command(id, |client, now| {
            let query = client.exec_query(query, now)?;
            client.fetch(query, NonZeroU32::MAX, now)
        });
        begun.unwrap().unwrap();
    }
    let (mut done, mut most, give_up) = (0, 0, StdInstant::now() + Duration::from_secs(30));
    while done < 2 {
        assert!(StdInstant::now() < give_up, "not done after 30 s");
        while let Some((id, event)) = reactor.pop_event() {
            done += usize::from(matches!(event, Event::QueryDone { outcome: Ok(_), .. }));
            if let Event::Batch { query, .. } = event {
                let _ = reactor.command(id, |client, now| client.fetch(query, NonZeroU32::MAX, now));
            }
        }
        reactor.begin_round(Some(StdInstant::now() + Duration::from_secs(1))).unwrap();
        while reactor.round > 0 {
            reactor.round -= 1;
            let (first, second) = (reactor.run[0], reactor.run.get(1).copied());
            let before = reactor.stats(first).unwrap().octets_in;
            reactor.run_next();
            let read = reactor.stats(first).unwrap().octets_in - before;
            assert!(read <= (BURST + READ_SIZE) as u64, "{read} octets in one turn");
            most = most.max(read);
            assert_eq!(second.or(reactor.run.front().copied()), reactor.run.front().copied());
        }
        // So that more arrives than a turn may read.
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("{most} octets in the largest turn");
}

#[test]
fn what_is_over_and_what_is_removed_leaves_nothing_behind() {
    let (mut reactor, ids, peers) = waiting(6);
    assert_eq!((reactor.shared.tokens.len(), reactor.timers.len(), reactor.open), (6, 6, 6));
    assert!(reactor.remove(ids[0]));
    assert_eq!((reactor.shared.tokens.len(), reactor.timers.len(), reactor.open), (5, 5, 5));
    // Three end by themselves, two by a goodbye.
    drop(peers);
    for id in &ids[1..3] {
        reactor.command(*id, Client::close).unwrap();
    }
    let mut ended = 0;
    while let Some((_, event)) = reactor.next_event().unwrap() {
        ended += usize::from(matches!(event, Event::Closed { .. }));
    }
    assert_eq!((ended, reactor.len()), (5, 5));
    assert_eq!((reactor.shared.tokens.len(), reactor.timers.len(), reactor.open), (0, 0, 0));
    assert!(ids[1..].iter().all(|id| reactor.remove(*id)));
    assert!(reactor.is_empty());
    assert_eq!(reactor.open, 0, "none was counted twice");
}

#[test]
fn an_attempt_that_is_over_in_whatever_way_gives_its_place_back() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reactor = Reactor::new().unwrap();
    reactor.set_max_attempts(NonZeroUsize::new(2).unwrap());
    let ids: Vec<SessionId> = (0..8).map(|_| reactor.add(config(&listener))).collect();
    // None of them hears of its connection before the reactor is waited for.
    for id in &ids {
        reactor.command(*id, |_, _| ()).unwrap();
    }
    let line = |reactor: &Reactor| reactor.shared.attempts.line.len();
    assert_eq!((line(&reactor), reactor.shared.attempts.permit().is_some()), (6, false));
    // Removed and aborted while connecting.
    assert!(reactor.remove(ids[0]));
    assert!(reactor.shared.attempts.permit().is_some());
    reactor.command(ids[1], Client::close).unwrap();
    // Connected: all others, two at a time.
    while line(&reactor) > 0 || reactor.shared.attempts.permit().is_none() {
        reactor.begin_round(None).unwrap();
        while reactor.round > 0 {
            reactor.round -= 1;
            reactor.run_next();
        }
    }
    assert_eq!(reactor.shared.tokens.len(), 6);
}

#[test]
fn whoever_comes_later_waits_behind_those_in_line_and_who_leaves_is_not_in_it() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reactor = Reactor::new().unwrap();
    reactor.set_max_attempts(NonZeroUsize::MIN);
    let come = |reactor: &mut Reactor| {
        let id = reactor.add(config(&listener));
        reactor.command(id, |_, _| ()).unwrap();
        id
    };
    let ids: Vec<SessionId> = (0..4).map(|_| come(&mut reactor)).collect();
    let line = |reactor: &Reactor| reactor.shared.attempts.line.values().map(|r| r.session).collect::<Vec<_>>();
    assert_eq!(line(&reactor), ids[1..]);
    // There is place before anybody in line was asked.
    assert!(reactor.remove(ids[0]));
    let late = come(&mut reactor);
    assert_eq!(line(&reactor), [ids[1], ids[2], ids[3], late]);
    assert!(reactor.remove(ids[2]));
    reactor.command(ids[3], Client::close).unwrap();
    assert_eq!(line(&reactor), [ids[1], late]);
    reactor.begin_round(Some(StdInstant::now())).unwrap();
    assert_eq!(line(&reactor), [late], "one attempt, the first one's");
}

#[test]
fn a_reactor_may_move_to_another_thread() {
    fn moves(_: impl Send) {}
    moves(Reactor::new().unwrap());
}

/// Sessions that have begun their log-on, and peers that will not answer.
fn waiting(count: usize) -> (Reactor, Vec<SessionId>, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut reactor = Reactor::new().unwrap();
    let (mut ids, mut peers) = (Vec::new(), Vec::new());
    for _ in 0..count {
        ids.push(reactor.add(config(&listener)));
        // One after the other, so that it is known whose peer is whose.
        while reactor.stats(*ids.last().unwrap()).unwrap().octets_out == 0 {
            reactor.next_event_before(StdInstant::now() + Duration::from_millis(1)).unwrap();
        }
        let mut peer = listener.accept().unwrap().0;
        assert!(peer.read(&mut [0; 4096]).unwrap() > 0);
        peers.push(peer);
    }
    (reactor, ids, peers)
}

fn config(listener: &TcpListener) -> Config {
    let mut config = Config::new("127.0.0.1", Credentials::new("nobody", Secret::from("nothing")));
    config.port = listener.local_addr().unwrap().port();
    config.linger = Duration::from_millis(100);
    config
}
