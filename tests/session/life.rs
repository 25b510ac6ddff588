//! Sessions that live for days: pings, what the host forgets, and how a lost host is found again.

use std::collections::BTreeSet;
use std::time::Duration;

use wmi_proto::wire::rpc::{Body, Pdu};
use wmi_proto::{ErrorKind, Event, Query, Role, Secret, Stage, TransportFailure};
use wmi_sim::{Fault, Gone, Restart};
use wmi_testkit::pair::client;
use wmi_testkit::{Direction, Outcome, Pair, config, replay};

use crate::{MANY, host};

const ONE: &str = "SELECT * FROM Win32_OperatingSystem";
const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn well(outcome: &Outcome, rows: usize) {
    assert_eq!((outcome.end.is_ok(), outcome.rows.len()), (true, rows), "{:?}", outcome.end);
}

/// What happened since the last look, without what only tells of progress.
fn events(pair: &mut Pair) -> Vec<Event> {
    pair.advance(Duration::ZERO);
    pair.take_events().into_iter().filter(|event| !matches!(event, Event::Stage(_))).collect()
}

#[test]
fn an_idle_session_is_pinged_and_one_association_serves_them_all() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(ONE), 10), 1);
    pair.advance(DAY);
    let sets = pair.host.ping_sets();
    let [set] = Vec::from_iter(sets.values())[..] else { panic!("{sets:?}") };
    assert_eq!((set, set.len()), (&pair.host.objects(), 2), "the log-in object and the namespace");
    assert_eq!(pair.client.stats().logons, 2, "the activator's association and the object server's");
    // Within a period of the exact number, because the first one is due a period after activation.
    let pings = pair.client.stats().pings;
    assert!((719..=720).contains(&pings), "{pings} in a day of 720 periods");
    let complex = pair.host.stats().calls_of("IObjectExporter::ComplexPing");
    assert_eq!(complex, 1, "nothing changed after the set was made");
    well(&pair.run(Query::new(ONE), 10), 1);
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!(pair.host.alive_objects(), 0);
}

#[test]
fn what_lives_for_less_than_a_period_is_never_in_the_set() {
    let mut pair = Pair::ordinary();
    for _ in 0..30 {
        well(&pair.run(Query::new(ONE), 10), 1);
        pair.advance(MINUTE);
    }
    assert_eq!(pair.host.stats().calls_of("IObjectExporter::ComplexPing"), 1);
    // One that is read slowly lives longer, and leaves the set when it is over.
    let slow = pair.exec(Query::new(MANY).timeout(DAY));
    pair.fetch(slow, 1);
    pair.advance(5 * MINUTE);
    let with_slow = pair.host.ping_sets().values().next().cloned().expect("a set");
    assert!(with_slow.len() > 2 && with_slow == pair.host.objects(), "{with_slow:?}");
    pair.cancel(slow);
    pair.advance(5 * MINUTE);
    let sets = pair.host.ping_sets();
    assert_eq!(sets.values().next(), Some(&pair.host.objects()));
    assert_eq!(pair.host.objects().len(), 2);
}

#[test]
fn objects_that_need_no_pings_get_none() {
    let mut pair = Pair::new(config(), host().faults([Fault::NoPing]));
    well(&pair.run(Query::new(ONE), 10), 1);
    pair.advance(DAY);
    assert_eq!(pair.client.stats().pings, 0);
    well(&pair.run(Query::new(ONE), 10), 1);
}

#[test]
fn a_host_that_forgot_its_ping_sets_and_with_them_its_idle_objects_is_found_again() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(ONE), 10), 1);
    pair.advance(10 * MINUTE);
    pair.at_host(|host, now| host.forget_ping_sets(now));
    pair.advance(10 * MINUTE);
    // A host does not say that a new set is of objects that it does not have; the next call does.
    well(&pair.run(Query::new(ONE), 10), 1);
    assert_eq!(pair.client.stats().losses, 1);
    pair.advance(10 * MINUTE);
    assert_eq!(pair.host.ping_sets().values().next(), Some(&pair.host.objects()));
    assert_eq!(pair.client.stats().logons, 3, "one for the new object server");
}

#[test]
fn a_namespace_that_the_host_forgot_is_entered_again() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(ONE), 10), 1);
    let login = pair.host.objects().first().copied();
    // Before it was pinged for the first time, the host answers OR_INVALID_OID for one of two.
    pair.at_host(|host, _| host.forget_objects(|oid| Some(oid) != login));
    pair.advance(5 * MINUTE);
    assert_eq!(pair.host.ping_sets().values().next(), Some(&login.into_iter().collect::<BTreeSet<_>>()));
    well(&pair.run(Query::new(ONE), 10), 1);
    assert_eq!((pair.client.stats().losses, pair.client.stats().logons), (0, 2));
}

#[test]
fn winmgmt_restarts_and_the_next_query_finds_it_again() {
    for gone in Gone::ALL {
        let mut pair = Pair::ordinary();
        well(&pair.run(Query::new(ONE), 10), 1);
        pair.advance(5 * MINUTE);
        pair.at_host(|host, now| host.restart_wmi(Restart { gone, port: Some(50_001), ..Restart::default() }, now));
        let outcome = pair.run(Query::new(MANY), 1000);
        let asked_again = gone != Gone::ShuttingDown;
        if asked_again {
            well(&outcome, 100);
        } else {
            // The answer to the query itself: the next one begins with a new session.
            assert_eq!(outcome.end.unwrap_err().code_name(), Some("WBEM_E_SHUTTING_DOWN"));
            well(&pair.run(Query::new(MANY), 1000), 100);
        }
        let stats = pair.client.stats();
        assert_eq!((stats.losses, stats.logons), (1, 3), "{gone:?}: over the activator's association");
        assert_eq!(pair.finish_session(), Ok(()));
        assert_eq!(pair.host.alive_objects(), 0, "{gone:?}");
    }
}

#[test]
fn rows_that_came_before_a_loss_stay_and_the_reason_is_told_once() {
    let mut pair = Pair::ordinary();
    let query = pair.exec(Query::new(MANY));
    pair.fetch(query, 10);
    pair.advance(MINUTE / 6);
    let Some(Event::Batch { rows, .. }) = events(&mut pair).pop() else { panic!("no batch") };
    assert_eq!(rows.len(), 10);
    pair.at_host(|host, now| host.reboot(Duration::ZERO, None, now));
    pair.advance(MINUTE / 6);
    let said = events(&mut pair);
    let [Event::QueryDone { query: done, outcome: Err(error) }, Event::Lost { error: lost }] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!((*done, &error.kind), (query, &ErrorKind::Transport(TransportFailure::Reset)));
    assert_eq!(lost.kind, error.kind);
    // Nobody needs the host: nothing is opened until somebody does.
    let before = pair.outputs.len();
    pair.advance(DAY);
    assert_eq!(pair.outputs.len(), before);
    assert_eq!(pair.client.poll_timeout(), None);
    well(&pair.run(Query::new(MANY), 1000), 100);
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!(pair.host.alive_objects(), 0);
}

#[test]
fn a_host_that_stays_away_is_asked_less_and_less_and_every_query_learns_why() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(ONE), 10), 1);
    pair.advance(2 * MINUTE);
    pair.refuse = Some(Role::Activator);
    pair.at_host(|host, now| host.reboot(Duration::ZERO, None, now));
    pair.advance(Duration::from_secs(1));
    let mut attempts = 0;
    for _ in 0..600 {
        let outcome = pair.run(Query::new(ONE).timeout(Duration::from_secs(3)), 10);
        let error = outcome.end.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Transport(TransportFailure::Refused), "{error}");
        assert_eq!(error.stage, Stage::Connect(Role::Activator));
        attempts += 1;
        pair.advance(Duration::from_secs(1));
    }
    let opened = pair.outputs.iter().filter(|output| matches!(output, wmi_proto::Output::Open { .. })).count() - 2;
    assert!(attempts == 600 && (30..60).contains(&opened), "{opened} connections for {attempts} queries");
    pair.refuse = None;
    pair.advance(MINUTE);
    well(&pair.run(Query::new(ONE), 10), 1);
}

#[test]
fn a_refused_log_on_is_not_tried_again() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(ONE), 10), 1);
    pair.at_host(|host, now| host.reboot(Duration::ZERO, None, now));
    pair.at_host(|host, _| host.change_password(Secret::from("another").into()));
    pair.advance(MINUTE);
    let outcome = pair.run(Query::new(ONE), 10);
    assert!(matches!(outcome.end.unwrap_err().kind, ErrorKind::UnverifiedFault(_)));
    pair.settle();
    assert!(pair.client.is_closed(), "the account would be locked");
}

#[test]
fn a_host_that_asks_to_close_is_left_and_found_again() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(ONE), 10), 1);
    pair.at_host(|host, _| host.ask_to_close(Role::ObjectServer));
    pair.advance(2 * MINUTE);
    assert!(matches!(events(&mut pair)[..], [Event::Lost { .. }]));
    well(&pair.run(Query::new(ONE), 10), 1);
    // The activator's association is made anew when it is needed: for a ping it is one more log-on.
    let logons = pair.client.stats().logons;
    pair.at_host(|host, _| host.ask_to_close(Role::Activator));
    // Long enough for the objects of the session before to be collected.
    pair.advance(20 * MINUTE);
    assert_eq!(pair.client.stats().logons, logons + 1);
    assert_eq!(pair.host.ping_sets().values().next(), Some(&pair.host.objects()));
    assert_eq!(pair.client.stats().losses, 1);
}

#[test]
fn a_lost_session_leaves_nothing_that_the_host_does_not_collect() {
    let mut pair = Pair::ordinary();
    let query = pair.exec(Query::new(MANY));
    pair.fetch(query, 10);
    pair.advance(5 * MINUTE);
    pair.at_host(|host, _| host.ask_to_close(Role::ObjectServer));
    pair.at_host(|host, _| host.ask_to_close(Role::Activator));
    pair.advance(MINUTE);
    assert!(pair.host.alive_objects() > 0);
    pair.advance(20 * MINUTE);
    assert_eq!(pair.host.alive_objects(), 0);
}

#[test]
fn a_host_with_an_older_version_of_com_is_asked_for_it_once() {
    let mut pair = Pair::new(config(), host().faults([Fault::ComVersion5_6]));
    well(&pair.run(Query::new(MANY), 1000), 100);
    assert_eq!(pair.host.stats().calls_of("IObjectExporter::ServerAlive2"), 1);
    assert_eq!(pair.client.stats().logons, 2, "activated again over the same association");
    assert_eq!(pair.finish_session(), Ok(()));
}

#[test]
fn a_release_that_the_host_did_not_look_at_is_said_again() {
    let mut pair = Pair::new(config(), host().faults([Fault::NoPing]));
    well(&pair.run(Query::new(ONE), 10), 1);
    assert!(pair.host.alive_objects() > 2, "the enumerator is given back a moment later");
    pair.at_host(|host, _| host.refuse_calls(2));
    pair.advance(5 * Duration::from_secs(1));
    assert_eq!(pair.host.alive_objects(), 2, "the log-in object and the namespace");
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!(pair.host.alive_objects(), 0);
}

#[test]
fn objects_in_another_process_of_the_host_are_found_by_its_oxid() {
    let mut pair = Pair::new(config(), host().faults([Fault::SecondExporter]));
    pair.advance(Duration::from_secs(1));
    pair.refuse = Some(Role::ObjectServer);
    let error = pair.run(Query::new(ONE), 10).end.unwrap_err();
    assert_eq!(error.stage, Stage::Connect(Role::ObjectServer), "{error}");
    assert_eq!(error.kind, ErrorKind::Transport(TransportFailure::Refused));
    pair.refuse = None;
    // One query there and back; what it held goes back to where it came from.
    well(&pair.run(Query::new(MANY), 1000), 100);
    pair.advance(MINUTE);
    assert_eq!(pair.client.stats().logons, 3, "activator, log-in object's process, namespace's process");
    assert_eq!(pair.host.stats().calls_of("IObjectExporter::ResolveOxid2"), 2);
    well(&pair.run(Query::new(MANY), 1000), 100);
    assert_eq!((pair.client.stats().logons, pair.client.stats().losses), (3, 0));
    pair.advance(DAY);
    let sets = pair.host.ping_sets();
    assert_eq!(sets.values().next(), Some(&pair.host.objects()), "both processes' objects in one set");
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!(pair.host.alive_objects(), 0);
}

#[test]
fn another_process_that_refuses_many_interfaces_is_asked_with_one() {
    let mut pair = Pair::new(config(), host().faults([Fault::SecondExporter, Fault::SingleContextBind]));
    well(&pair.run(Query::new(ONE), 10), 1);
    assert_eq!(pair.host.stats().connections, 5, "the activator, and each process twice");
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!(pair.host.alive_objects(), 0);
}

#[test]
fn a_host_may_ask_to_close_at_any_moment_of_a_new_beginning() {
    for half_milliseconds in 0..24 {
        // Of this one the version is asked for as well, on a connection of its own.
        let mut pair = Pair::new(config(), host().faults([Fault::ComVersion5_6]));
        well(&pair.run(Query::new(ONE), 10), 1);
        pair.cut(Role::ObjectServer, Some(TransportFailure::Reset), Duration::ZERO);
        pair.advance(Duration::from_secs(1));
        let query = pair.exec(Query::new(ONE));
        pair.advance(Duration::from_micros(500) * half_milliseconds);
        pair.at_host(|host, _| host.ask_to_close(Role::Activator));
        pair.finish(query, 10);
        assert!(!pair.client.is_closed(), "after {half_milliseconds} half milliseconds");
        well(&pair.run(Query::new(ONE), 10), 1);
    }
}

#[test]
fn a_goodbye_is_the_same_however_the_last_answer_and_a_shutdown_are_cut() {
    let mut pair = Pair::ordinary();
    well(&pair.run(Query::new(MANY), 1000), 100);
    pair.advance(MINUTE);
    pair.tap = Some(Box::new(|direction, role, octets| {
        if (direction, role) == (Direction::ToClient, Role::ObjectServer) {
            octets.extend_from_slice(&Pdu::new(0, Body::Shutdown).encode());
        }
    }));
    assert_eq!(pair.finish_session(), Ok(()), "the host has nothing of ours any more");
    assert_eq!(replay(client(config()), &pair.steps, &[1]), pair.outputs);
    assert_eq!(pair.host.alive_objects(), 0);
}
