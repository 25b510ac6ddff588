//! Reset, skip and clone_query: queries that are not read forward only.

use std::time::Duration;

use wmi_proto::{AuthLevel, CommandError, Enumerator, ErrorKind, Event, Output, Query, QueryId};
use wmi_sim::Fault;
use wmi_testkit::{Pair, config};

use crate::{MANY, enumerators, host};

const RESET: &str = "IEnumWbemClassObject::Reset";
const SKIP: &str = "IEnumWbemClassObject::Skip";
const CLONE: &str = "IEnumWbemClassObject::Clone";

fn rewindable(enumerator: Enumerator) -> Query {
    Query::new(MANY).enumerator(enumerator).forward_only(false)
}

/// A host of 100 rows, and a query of them that can be reset.
fn opened(enumerator: Enumerator, faults: &[Fault]) -> (Pair, QueryId) {
    let mut pair = Pair::new(config(), host().rows(100).faults(faults.iter().copied()));
    let id = pair.exec(rewindable(enumerator));
    (pair, id)
}

/// What is said about `id` next.
fn next(pair: &mut Pair, id: QueryId) -> Event {
    loop {
        let event = pair.next_event().expect("the session goes on");
        if event.query() == Some(id) {
            return event;
        }
    }
}

/// The numbers of the rows of a batch.
fn numbers(event: Event) -> Vec<u64> {
    let Event::Batch { rows, .. } = event else { panic!("{event:?}") };
    let number = |row: &wmi_proto::Row| row.as_ref().ok()?.get("Id")?.ok()?.as_u64();
    rows.iter().map(|row| number(row).expect("a row has a number")).collect()
}

/// One batch of `max` rows.
fn batch(pair: &mut Pair, id: QueryId, max: u32) -> Vec<u64> {
    assert!(pair.fetch(id, max));
    numbers(next(pair, id))
}

/// All rows that are left, up to `AtEnd`.
fn rest(pair: &mut Pair, id: QueryId) -> Vec<u64> {
    let mut found = Vec::new();
    loop {
        let about = |output: &Output| match output {
            Output::Event(event) if event.query() == Some(id) => Some(matches!(event, Event::AtEnd { .. })),
            _ => None,
        };
        if pair.outputs.iter().rev().find_map(about) != Some(true) {
            assert!(pair.fetch(id, 1000));
        }
        match next(pair, id) {
            Event::AtEnd { .. } => return found,
            event => found.extend(numbers(event)),
        }
    }
}

/// How `id` ends.
fn outcome(pair: &mut Pair, id: QueryId) -> Result<u64, ErrorKind> {
    loop {
        if let Event::QueryDone { outcome, .. } = next(pair, id) {
            return outcome.map(|end| end.rows).map_err(|error| error.kind);
        }
    }
}

fn ends_clean(mut pair: Pair, what: &str) {
    assert_eq!(pair.finish_session(), Ok(()), "{what}");
    assert_eq!((pair.host.alive_objects(), pair.host.public_refs()), (0, 0), "{what}");
}

#[test]
fn a_reset_query_begins_again_also_from_its_end() {
    for enumerator in enumerators() {
        let (mut pair, id) = opened(enumerator, &[]);
        assert_eq!(batch(&mut pair, id, 7), (0..7).collect::<Vec<_>>());
        pair.reset(id).expect("it can be reset");
        assert_eq!(next(&mut pair, id), Event::Reset { query: id });
        for _ in 0..2 {
            assert_eq!(rest(&mut pair, id), (0..100).collect::<Vec<_>>(), "{enumerator:?}");
            pair.reset(id).expect("it can be reset");
            assert_eq!(next(&mut pair, id), Event::Reset { query: id });
        }
        assert_eq!(rest(&mut pair, id), (0..100).collect::<Vec<_>>());
        // Beyond the end it is over.
        assert!(pair.fetch(id, 1));
        assert_eq!(outcome(&mut pair, id), Ok(307));
        assert_eq!(pair.reset(id), Err(CommandError::UnknownQuery));
        assert_eq!(pair.host.stats().calls_of(RESET), 3);
        ends_clean(pair, "reset");
    }
}

#[test]
fn commands_are_carried_out_in_order_with_rows_in_flight() {
    for enumerator in enumerators() {
        for fault in [None, Some(Fault::NoMpx), Some(Fault::TimedOutBatches)] {
            let (mut pair, id) = opened(enumerator, fault.as_slice());
            assert_eq!(batch(&mut pair, id, 3)[..1], [0]);
            assert!(pair.fetch(id, 4));
            assert!(!pair.fetch(id, 4), "one fetch at a time");
            pair.skip(id, 10).expect("skip");
            pair.reset(id).expect("reset");
            pair.skip(id, 5).expect("skip");
            let copy = pair.clone_query(id).expect("clone");
            pair.reset(id).expect("reset");
            let what = format!("{enumerator:?} {fault:?}");
            assert!(!numbers(next(&mut pair, id)).contains(&0), "{what}: rows before the reset");
            assert_eq!(next(&mut pair, id), Event::Skipped { query: id }, "{what}");
            assert_eq!(next(&mut pair, id), Event::Reset { query: id }, "{what}");
            assert_eq!(next(&mut pair, id), Event::Skipped { query: id }, "{what}");
            assert_eq!(next(&mut pair, id), Event::Reset { query: id }, "{what}");
            assert_eq!(rest(&mut pair, copy), (5..100).collect::<Vec<_>>(), "{what}");
            assert_eq!(rest(&mut pair, id), (0..100).collect::<Vec<_>>(), "{what}");
            ends_clean(pair, &what);
        }
    }
}

#[test]
fn a_skip_beyond_the_end_stays_at_the_end() {
    for enumerator in enumerators() {
        let (mut pair, id) = opened(enumerator, &[]);
        // Told before the session stands.
        pair.skip(id, 90).expect("skip");
        assert_eq!(next(&mut pair, id), Event::Skipped { query: id });
        assert_eq!(batch(&mut pair, id, 4), [90, 91, 92, 93]);
        pair.skip(id, 7).expect("skip");
        assert_eq!(next(&mut pair, id), Event::Skipped { query: id });
        assert_eq!(next(&mut pair, id), Event::AtEnd { query: id });
        pair.reset(id).expect("reset");
        assert_eq!(next(&mut pair, id), Event::Reset { query: id });
        pair.skip(id, 100).expect("skip");
        // Exactly all of them: the end shows with the next fetch.
        assert_eq!(next(&mut pair, id), Event::Skipped { query: id });
        assert!(pair.fetch(id, 10));
        assert_eq!(next(&mut pair, id), Event::AtEnd { query: id });
        assert!(pair.fetch(id, 10));
        assert_eq!(outcome(&mut pair, id), Ok(4));
        ends_clean(pair, "skip");
    }
}

#[test]
fn a_copy_has_its_own_place_and_its_own_reference() {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for enumerator in enumerators() {
            let mut config = config();
            config.auth_level = level;
            let mut pair = Pair::new(config, host().rows(100));
            let id = pair.exec(rewindable(enumerator));
            assert_eq!(batch(&mut pair, id, 10).len(), 10);
            let copy = pair.clone_query(id).expect("clone");
            assert_eq!(batch(&mut pair, copy, 5), (10..15).collect::<Vec<_>>());
            assert_eq!(batch(&mut pair, id, 5), (10..15).collect::<Vec<_>>());
            let third = pair.clone_query(copy).expect("clone");
            pair.reset(copy).expect("reset");
            assert_eq!(next(&mut pair, copy), Event::Reset { query: copy });
            assert_eq!(rest(&mut pair, third), (15..100).collect::<Vec<_>>());
            assert_eq!(rest(&mut pair, copy), (0..100).collect::<Vec<_>>());
            // The source goes first, and takes nothing with it.
            assert!(pair.cancel(id));
            assert_eq!(outcome(&mut pair, id), Err(ErrorKind::Cancelled));
            pair.advance(Duration::from_secs(1));
            let (left, each) = (pair.host.alive_objects(), if enumerator == Enumerator::Smart { 2 } else { 1 });
            pair.reset(copy).expect("reset");
            assert_eq!(rest_after_reset(&mut pair, copy), 100);
            assert!(pair.cancel(copy));
            pair.advance(Duration::from_secs(1));
            assert_eq!(pair.host.alive_objects(), left - each, "a copy's objects");
            assert_eq!(pair.host.stats().calls_of(CLONE), 2);
            ends_clean(pair, "clone");
        }
    }
}

fn rest_after_reset(pair: &mut Pair, id: QueryId) -> usize {
    assert_eq!(next(pair, id), Event::Reset { query: id });
    rest(pair, id).len()
}

#[test]
fn what_is_read_forward_only_is_refused_without_a_round_trip() {
    let mut pair = Pair::ordinary();
    let id = pair.exec(Query::new(MANY));
    assert_eq!(batch(&mut pair, id, 3).len(), 3);
    let before = pair.client.stats();
    let refused = [pair.reset(id), pair.skip(id, 1), pair.clone_query(id).map(|_| ())];
    for refusal in refused {
        let error = refusal.expect_err("it is read forward only");
        assert_eq!((&error, error.code_name()), (&CommandError::InvalidOperation, Some("WBEM_E_INVALID_OPERATION")));
        assert!(error.to_string().contains("WBEM_E_INVALID_OPERATION"), "{error}");
    }
    assert_eq!(pair.client.stats(), before);
    assert_eq!(pair.finish(id, 1000).end.map(|end| end.rows), Ok(100));
}

#[test]
fn a_query_that_ends_takes_copies_with_it_that_were_not_made() {
    for steps in 0..12 {
        let (mut pair, id) = opened(Enumerator::Next, &[]);
        assert_eq!(batch(&mut pair, id, 1), [0]);
        assert!(pair.fetch(id, 1));
        let copy = pair.clone_query(id).expect("clone");
        let copy_of_copy = pair.clone_query(copy).expect("clone");
        assert!(pair.fetch(copy_of_copy, 1));
        for _ in 0..steps {
            pair.advance(Duration::from_micros(500));
        }
        assert!(pair.cancel(id));
        assert_eq!(outcome(&mut pair, id), Err(ErrorKind::Cancelled));
        pair.advance(Duration::from_secs(1));
        let of = |pair: &Pair, id| {
            let about = |o: &Output| matches!(o, Output::Event(Event::QueryDone { query, .. }) if *query == id);
            pair.outputs.iter().any(about)
        };
        let made = !of(&pair, copy_of_copy);
        assert_eq!(made, !of(&pair, copy), "after {steps} steps");
        assert!(!made || steps > 0, "a copy that was not asked for yet ends with its query");
        assert!(made || steps < 11, "a copy is made in time");
        // What a host handed out for a copy that nobody waits for came back too.
        ends_clean(pair, &format!("after {steps} steps"));
    }
}

#[test]
fn commands_end_at_the_deadline_and_with_a_cancel() {
    // A row takes 50 ms: a hundred of them five seconds.
    let patient = |seconds| rewindable(Enumerator::Next).timeout(Duration::from_secs(seconds));
    for (seconds, expected) in [(2, Err(ErrorKind::TimedOut)), (20, Ok(()))] {
        let mut pair = Pair::new(config(), host().rows(100).faults([Fault::SlowRows]));
        let id = pair.exec(patient(seconds));
        pair.skip(id, 99).expect("skip");
        let got = match next(&mut pair, id) {
            Event::Skipped { .. } => Ok(()),
            Event::QueryDone { outcome: Err(error), .. } => Err(error.kind),
            event => panic!("{event:?}"),
        };
        assert_eq!(got, expected);
        if got.is_ok() {
            assert_eq!(batch(&mut pair, id, 10), [99]);
        }
        // The session is unharmed.
        let outcome = pair.run(Query::new("SELECT Name FROM Win32_OperatingSystem"), 10);
        assert_eq!(outcome.end.map(|end| end.rows), Ok(1));
        ends_clean(pair, "deadline");
    }
    let (mut pair, id) = opened(Enumerator::Smart, &[Fault::SlowRows]);
    pair.skip(id, 50).expect("skip");
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.host.stats().calls_of(SKIP), 1);
    assert!(pair.cancel(id));
    assert_eq!(outcome(&mut pair, id), Err(ErrorKind::Cancelled));
    ends_clean(pair, "cancel");
}

#[test]
fn a_copy_of_a_query_that_failed_is_refused_and_the_query_tells_its_own_failure() {
    let mut pair = Pair::ordinary();
    let id = pair.exec(Query::new("SELECT * FROM Nothing_Like_This").forward_only(false));
    let copy = pair.clone_query(id).expect("clone");
    let Err(ErrorKind::Status(status)) = outcome(&mut pair, copy) else { panic!("the copy cannot be made") };
    assert_eq!(status.name(), Some("WBEM_E_INVALID_CLASS"));
    assert!(pair.fetch(id, 1));
    assert_eq!(outcome(&mut pair, id), Err(ErrorKind::Status(status)));
    ends_clean(pair, "failed query");
}

#[test]
fn too_many_commands_of_one_query_are_the_callers_mistake() {
    let (mut pair, id) = opened(Enumerator::Next, &[]);
    let refused = (0..1000).find_map(|_| pair.reset(id).err());
    assert_eq!(refused, Some(CommandError::TooMany));
    assert_eq!(rest_after_many(&mut pair, id), (0..100).collect::<Vec<_>>());
    ends_clean(pair, "many");
}

/// The rows behind all resets.
fn rest_after_many(pair: &mut Pair, id: QueryId) -> Vec<u64> {
    assert!(pair.fetch(id, 1000));
    loop {
        match next(pair, id) {
            Event::Reset { .. } => {}
            event => {
                let mut found = numbers(event);
                found.extend(rest(pair, id));
                return found;
            }
        }
    }
}
