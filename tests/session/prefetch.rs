//! Queries that read ahead: one batch, and nothing is left behind.

use std::time::Duration;

use wmi_proto::{Enumerator, ErrorKind, Event, Query, QueryId};
use wmi_sim::Fault;
use wmi_testkit::{Pair, config};

use crate::{MANY, enumerators, host, ids};

const NEXT: [&str; 2] = ["IEnumWbemClassObject::Next", "IWbemWCOSmartEnum::Next"];

fn asked(pair: &Pair) -> u64 {
    NEXT.iter().map(|name| pair.host.stats().calls_of(name)).sum()
}

/// The rows of the next batch.
fn batch(pair: &mut Pair, id: QueryId) -> usize {
    loop {
        match pair.next_event().expect("the session goes on") {
            Event::Batch { query, rows } if query == id => return rows.len(),
            Event::QueryDone { outcome, .. } => panic!("{outcome:?}"),
            _ => {}
        }
    }
}

#[test]
fn all_rows_come_in_order_from_every_kind_of_host() {
    for fault in [None].into_iter().chain(Fault::ALL.iter().copied().filter(|fault| fault.is_legal()).map(Some)) {
        for enumerator in enumerators() {
            let mut pair = Pair::new(config(), host().rows(200).faults(fault));
            for max in [1000, 7] {
                let refused = enumerator == Enumerator::Smart && fault.is_some_and(|f| f.name().starts_with("refuse"));
                let outcome = pair.run(Query::new(MANY).enumerator(enumerator).prefetch(true), max);
                let rows = if refused { 0 } else { 200 };
                assert_eq!(ids(&outcome), (0..rows).collect::<Vec<_>>(), "{fault:?} {enumerator:?} {max}");
                assert_eq!(outcome.end.is_ok(), !refused, "{fault:?} {enumerator:?} {max}");
            }
            assert_eq!(pair.finish_session(), Ok(()), "{fault:?} {enumerator:?}");
            assert_eq!((pair.host.alive_objects(), pair.host.public_refs()), (0, 0), "{fault:?} {enumerator:?}");
        }
    }
}

#[test]
fn one_batch_is_held_and_a_fetch_is_answered_at_once() {
    for enumerator in enumerators() {
        let mut pair = Pair::new(config(), host().rows(1000));
        let id = pair.exec(Query::new(MANY).enumerator(enumerator).prefetch(true));
        pair.advance(Duration::from_secs(1));
        assert_eq!(asked(&pair), 0, "nothing before the first fetch");
        assert!(pair.fetch(id, 20));
        let mut came = batch(&mut pair, id);
        for _ in 0..5 {
            let before = asked(&pair);
            pair.advance(Duration::from_secs(1));
            // One Next more, or none where it took its way before the clock was read.
            assert!(asked(&pair) - before <= 1, "{enumerator:?}");
            let held = asked(&pair);
            pair.advance(Duration::from_secs(1));
            assert_eq!(asked(&pair), held, "{enumerator:?}: one batch, not two");
            let (then, now) = (pair.now(), asked(&pair));
            assert!(pair.fetch(id, 20));
            came += batch(&mut pair, id);
            assert_eq!((pair.now(), asked(&pair)), (then, now), "{enumerator:?}: it was there");
        }
        assert!((80..=120).contains(&came), "{enumerator:?}: {came}");
        // A smaller fetch takes a part of what is there, and the rest of it is there still.
        pair.advance(Duration::from_secs(1));
        let before = asked(&pair);
        for _ in 0..3 {
            assert!(pair.fetch(id, 3));
            came += batch(&mut pair, id);
        }
        pair.advance(Duration::from_secs(1));
        assert_eq!(asked(&pair), before, "{enumerator:?}");
        let rest = pair.finish(id, 500);
        assert_eq!((came + rest.rows.len(), rest.end.map(|end| end.rows)), (1000, Ok(1000)), "{enumerator:?}");
        assert_eq!(pair.finish_session(), Ok(()));
        assert_eq!(pair.host.alive_objects(), 0, "{enumerator:?}");
    }
}

#[test]
fn what_the_host_holds_is_given_back_while_the_last_rows_are_held() {
    let mut pair = Pair::new(config(), host().rows(20));
    let id = pair.exec(Query::new(MANY).prefetch(true));
    assert!(pair.fetch(id, 16));
    assert_eq!(batch(&mut pair, id), 16);
    let before = pair.host.alive_objects();
    pair.advance(Duration::from_secs(1));
    assert_eq!(pair.host.alive_objects(), before - 1, "the enumerator");
    assert!(pair.fetch(id, 2));
    assert_eq!(batch(&mut pair, id), 2);
    let rest = pair.finish(id, 16);
    assert_eq!((rest.rows.len(), rest.end.map(|end| end.rows)), (2, Ok(20)));
    assert_eq!(pair.finish_session(), Ok(()));
}

#[test]
fn a_query_that_is_given_up_with_rows_held_or_on_their_way_leaves_nothing() {
    for enumerator in enumerators() {
        for wait in (0..12).map(Duration::from_millis).chain([Duration::from_millis(300)]) {
            for way in 0..3 {
                let mut pair = Pair::new(config(), host().rows(200));
                let query = Query::new(MANY).enumerator(enumerator).prefetch(true).timeout(Duration::from_secs(2));
                let id = pair.exec(query);
                assert!(pair.fetch(id, 50));
                batch(&mut pair, id);
                pair.advance(wait);
                let end = match way {
                    0 => {
                        assert!(pair.cancel(id));
                        ErrorKind::Cancelled
                    }
                    1 => {
                        pair.advance(Duration::from_secs(3));
                        ErrorKind::TimedOut
                    }
                    _ => {
                        pair.close();
                        ErrorKind::Cancelled
                    }
                };
                let outcome = std::iter::from_fn(|| pair.next_event()).find_map(|event| match event {
                    Event::QueryDone { outcome, .. } => Some(outcome),
                    Event::Batch { .. } => panic!("nobody asked for it"),
                    _ => None,
                });
                assert_eq!(outcome.expect("it ends").expect_err("early").kind, end, "{enumerator:?} {wait:?}");
                if way < 2 {
                    assert_eq!(ids(&pair.run(Query::new(MANY), 1000)).len(), 200, "{enumerator:?} {wait:?}");
                }
                assert_eq!(pair.finish_session(), Ok(()));
                assert_eq!((pair.host.alive_objects(), pair.host.public_refs()), (0, 0), "{enumerator:?} {wait:?}");
            }
        }
    }
}

#[test]
fn a_query_that_can_be_reset_reads_nothing_ahead() {
    for enumerator in enumerators() {
        let mut pair = Pair::new(config(), host().rows(100));
        let id = pair.exec(Query::new(MANY).enumerator(enumerator).prefetch(true).forward_only(false));
        assert!(pair.fetch(id, 10));
        assert_eq!(batch(&mut pair, id), 10);
        pair.advance(Duration::from_secs(1));
        assert_eq!(asked(&pair), 1, "{enumerator:?}");
        let copy = pair.clone_query(id).expect("a copy");
        assert_eq!(ids(&pair.finish(copy, 1000)), (10..100).collect::<Vec<_>>(), "{enumerator:?}");
    }
}
