//! What holds for rounds of any check.

use std::time::Duration;

use wmi_checks::{Options, Rounds, State, by_key};
use wmi_proto::{Event, Role, TransportFailure};
use wmi_testkit::pair::Pair;

fn begin(rounds: &mut Rounds, key: &str, timeout: u64) {
    rounds.begin(&*by_key(key).expect("a check"), &Options::default(), State::default(), Duration::from_secs(timeout));
}

#[test]
fn all_of_them_share_one_session() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(16);
    for key in wmi_checks::KEYS {
        begin(&mut rounds, key, 60);
    }
    let finished = pair.rounds(&mut rounds);
    assert_eq!(finished.len(), wmi_checks::KEYS.len());
    let reads = |key: &&str| by_key(key).expect("a check").reads(&Options::default());
    let namespaces = wmi_checks::KEYS.iter().flat_map(reads).map(|read| read.namespace.to_ascii_lowercase());
    let namespaces: std::collections::BTreeSet<String> = namespaces.collect();
    assert_eq!(pair.host.stats().calls_of("IWbemLevel1Login::NTLMLogin"), namespaces.len() as u64);
}

#[test]
fn those_in_line_wait_on_nobody_s_time() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(1);
    for _ in 0..3 {
        begin(&mut rounds, "services", 60);
    }
    let finished = pair.rounds(&mut rounds);
    assert!(finished.iter().all(|finished| finished.report.errors.is_empty()));
    let (first, later) = (finished[0].took, finished[2].took);
    assert!(later < first, "{later:?}, though the first had to log on: {first:?}");
}

#[test]
fn a_silent_host_ends_them_with_what_they_have() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(16);
    begin(&mut rounds, "services", 20);
    pair.rounds(&mut rounds);
    pair.stall(Role::ObjectServer, Duration::from_secs(120));
    begin(&mut rounds, "services", 20);
    let finished = pair.rounds(&mut rounds);
    assert_eq!(finished[0].report.errors[0].text, "out of time");
    assert!(finished[0].took <= Duration::from_secs(21), "{:?}", finished[0].took);
}

#[test]
fn one_that_is_stopped_reports_what_it_has() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(1);
    begin(&mut rounds, "services", 60);
    begin(&mut rounds, "system", 60);
    let (now, wall) = (pair.now(), pair.wall());
    rounds.drive(&mut pair.client, now, wall);
    rounds.stop_all(&mut pair.client, now);
    let finished: Vec<_> = std::iter::from_fn(|| rounds.finished()).collect();
    assert_eq!(finished.len(), 2);
    assert!(finished.iter().all(|f| f.report.errors.iter().any(|e| e.stage == "stopped")), "{finished:?}");
    assert!(rounds.is_idle());
    // The session is as good as before.
    begin(&mut rounds, "services", 60);
    assert!(pair.rounds(&mut rounds)[0].report.errors.is_empty());
}

#[test]
fn one_that_is_stopped_in_the_middle_keeps_the_rows_that_came() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(1);
    begin(&mut rounds, "services", 60);
    loop {
        let (now, wall) = (pair.now(), pair.wall());
        rounds.drive(&mut pair.client, now, wall);
        let event = pair.next_event().expect("rows");
        let came = matches!(event, Event::Batch { .. });
        let (now, wall) = (pair.now(), pair.wall());
        rounds.handle(event, &mut pair.client, now, wall);
        if came {
            break;
        }
    }
    assert!(rounds.finished().is_none());
    let now = pair.now();
    rounds.stop_all(&mut pair.client, now);
    let report = rounds.finished().expect("its report").report;
    assert!(!report.types[0].items.is_empty(), "{report:?}");
    let [failure] = report.errors.as_slice() else { panic!("{:?}", report.errors) };
    assert_eq!((failure.part, failure.stage.as_str()), ("services", "stopped"));
}

#[test]
fn a_session_that_is_over_answers_everything_at_once() {
    let mut pair = Pair::ordinary();
    pair.refuse = Some(Role::Activator);
    let mut rounds = Rounds::new(1);
    for _ in 0..1000 {
        begin(&mut rounds, "services", 60);
    }
    let finished = pair.rounds(&mut rounds);
    assert_eq!(finished.len(), 1000);
    assert!(finished.iter().all(|f| f.report.errors.len() == 1), "{:?}", finished[999]);
}

#[test]
fn a_cut_in_the_middle_is_told_and_the_next_round_is_whole() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(16);
    begin(&mut rounds, "services", 60);
    pair.rounds(&mut rounds);
    begin(&mut rounds, "services", 60);
    let (now, wall) = (pair.now(), pair.wall());
    rounds.drive(&mut pair.client, now, wall);
    pair.cut(Role::ObjectServer, Some(TransportFailure::Reset), Duration::ZERO);
    let first = pair.rounds(&mut rounds);
    begin(&mut rounds, "services", 60);
    let second = pair.rounds(&mut rounds);
    assert!(second[0].report.errors.is_empty(), "{:?} after {:?}", second[0].report.errors, first[0].report.errors);
}

#[test]
fn a_host_does_not_decide_how_many_rows_are_kept() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(1).rows_at_most(5);
    begin(&mut rounds, "services", 60);
    let report = pair.rounds(&mut rounds).pop().expect("a round").report;
    assert_eq!(report.types[0].items.len(), 5);
    assert!(report.errors[0].text.starts_with("more rows"), "{:?}", report.errors);
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.client.holdings().commands, 0, "the query is over");
}

#[test]
fn nor_how_many_octets() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(2).octets_at_most(2_000);
    begin(&mut rounds, "services", 60);
    let report = pair.rounds(&mut rounds).pop().expect("a round").report;
    assert!(report.errors[0].text.starts_with("more rows"), "{:?}", report.errors);
    assert!(!report.types[0].items.is_empty(), "what came before stays");
    // What a round held is free again when it is over.
    let mut rounds = Rounds::new(2).octets_at_most(200_000);
    for _ in 0..4 {
        begin(&mut rounds, "services", 60);
        assert!(pair.rounds(&mut rounds)[0].report.errors.is_empty());
    }
}

#[test]
fn events_of_others_are_given_back() {
    let mut pair = Pair::ordinary();
    let mut rounds = Rounds::new(1);
    let other = pair.exec(wmi_proto::Query::new("SELECT Name FROM Win32_Service"));
    pair.fetch(other, 1);
    let mut given_back = 0;
    while let Some(event) = pair.next_event() {
        let own = matches!(&event, Event::Batch { query, .. } | Event::QueryDone { query, .. } if *query == other);
        let (now, wall) = (pair.now(), pair.wall());
        given_back += usize::from(rounds.handle(event, &mut pair.client, now, wall).is_some() && own);
        if given_back > 0 {
            break;
        }
    }
    assert_eq!(given_back, 1);
}
