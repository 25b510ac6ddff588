//! Many queries and calls on one association: what goes out in which order, and who waits for whom.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::time::Duration;

use wmi_proto::wire::rpc::{CommonHeader, PduType, PfcFlags};
use wmi_proto::{AuthLevel, Config, Enumerator, ErrorKind, Event, Instant, Query, QueryId, Role};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::{Direction, Pair, config};

use crate::{MANY, enumerators, host, ids};

const FEW: &str = "SELECT * FROM Sim_Many WHERE Id < 5";
const SILENT: &str = "SELECT * FROM Sim_Silent";

/// Where IEnumWbemClassObject and IWbemWCOSmartEnum stand in the bind.
const ENUMERATORS: [u16; 2] = [2, 6];

/// A PDU on the object server's connection.
#[derive(Clone, Debug)]
struct Seen {
    direction: Direction,
    ptype: PduType,
    flags: PfcFlags,
    call_id: u32,
    /// Of a request: the place of its interface in the bind, its number and, if it has one, the object.
    request: Option<(u16, u16, Option<[u8; 16]>)>,
    /// Of what is protected ([MS-NLMP 2.2.2.9.2]).
    sequence: Option<u32>,
    octets: Vec<u8>,
}

impl Seen {
    fn read(direction: Direction, octets: &[u8]) -> Self {
        let header = CommonHeader::peek(octets).expect("a PDU").expect("a whole header");
        let number = |at: usize| u16::from_le_bytes([octets[at], octets[at + 1]]);
        let object =
            header.flags.contains(PfcFlags::OBJECT_UUID).then(|| octets[24..40].try_into().expect("16 octets"));
        let is_protected = [PduType::REQUEST, PduType::RESPONSE].contains(&header.ptype) && header.auth_length == 16;
        Self {
            direction,
            ptype: header.ptype,
            flags: header.flags,
            call_id: header.call_id,
            request: (header.ptype == PduType::REQUEST).then(|| (number(20), number(22), object)),
            sequence: is_protected.then(|| u32::from_le_bytes(*octets.last_chunk().expect("a signature"))),
            octets: octets.to_vec(),
        }
    }

    fn is_first(&self) -> bool {
        self.flags.contains(PfcFlags::FIRST_FRAG)
    }

    fn is_last(&self) -> bool {
        self.flags.contains(PfcFlags::LAST_FRAG)
    }
}

/// A pair, and everything that goes over the connection with the object server.
fn listened(config: Config, host: HostConfig) -> (Pair, Rc<RefCell<Vec<Seen>>>) {
    let mut pair = Pair::new(config, host);
    let seen: Rc<RefCell<Vec<Seen>>> = Rc::default();
    let heard = Rc::clone(&seen);
    pair.tap = Some(Box::new(move |direction, role, octets| {
        if role == Role::ObjectServer {
            heard.borrow_mut().push(Seen::read(direction, octets));
        }
    }));
    (pair, seen)
}

/// Runs queries that were begun at the same time to their ends: their rows, and when each ended.
fn finish_all(pair: &mut Pair, queries: &[QueryId]) -> BTreeMap<QueryId, (Vec<u64>, Instant)> {
    let mut left: BTreeSet<QueryId> = queries.iter().copied().collect();
    let mut found: BTreeMap<QueryId, (Vec<u64>, Instant)> = BTreeMap::new();
    for id in queries {
        pair.fetch(*id, 1000);
    }
    while !left.is_empty() {
        match pair.next_event().expect("the session goes on") {
            Event::Batch { query, rows } => {
                let outcome = wmi_testkit::Outcome { rows, end: Ok(wmi_proto::Completion { rows: 0, notice: None }) };
                found.entry(query).or_insert_with(|| (Vec::new(), pair.now())).0.extend(ids(&outcome));
                pair.fetch(query, 1000);
            }
            Event::QueryDone { query, outcome } if left.remove(&query) => {
                outcome.expect("it ends well");
                found.entry(query).or_insert_with(|| (Vec::new(), pair.now())).1 = pair.now();
            }
            _ => {}
        }
    }
    found
}

#[test]
fn concurrent_multiplexing_is_asked_for_and_taken_as_it_is_granted() {
    for (faults, granted) in [(&[][..], true), (&[Fault::NoMpx], false)] {
        let (mut pair, seen) = listened(config(), host().rows(30).faults(faults.iter().copied()));
        let queries: Vec<_> = (0..3).map(|_| pair.exec(Query::new(MANY))).collect();
        finish_all(&mut pair, &queries);
        let (mut outstanding, mut most) = (BTreeSet::new(), 0);
        for pdu in seen.borrow().iter() {
            match pdu.ptype {
                PduType::BIND => assert!(pdu.flags.contains(PfcFlags::CONC_MPX)),
                PduType::BIND_ACK => assert_eq!(pdu.flags.contains(PfcFlags::CONC_MPX), granted),
                PduType::REQUEST => {
                    outstanding.insert(pdu.call_id);
                    most = most.max(outstanding.len());
                }
                PduType::RESPONSE if pdu.is_last() => {
                    outstanding.remove(&pdu.call_id);
                }
                _ => {}
            }
        }
        assert_eq!(most, if granted { 3 } else { 1 });
    }
}

#[test]
fn the_fragments_of_one_request_are_not_divided_by_another() {
    let (mut pair, seen) = listened(config(), host().rows(10));
    let large = format!("SELECT * FROM Sim_Many WHERE {}", vec!["Id >= 0"; 1000].join(" AND "));
    // So that they are all there when the namespace is entered, and again when it is.
    let mut queries = Vec::new();
    for _ in 0..2 {
        queries.extend([FEW, &large, FEW, &large, FEW].map(|wql| pair.exec(Query::new(wql))));
        while pair.host.stats().calls_of("IWbemLevel1Login::NTLMLogin") == 0 {
            pair.next_event().expect("the session goes on");
        }
    }
    let found = finish_all(&mut pair, &queries);
    assert!(queries.iter().zip([5, 10, 5, 10, 5].into_iter().cycle()).all(|(id, rows)| found[id].0.len() == rows));
    let (mut within, mut fragments) = (None, 0);
    for pdu in seen.borrow().iter().filter(|pdu| pdu.ptype == PduType::REQUEST) {
        assert_eq!(pdu.is_first(), within.is_none(), "a request begins when the last one is whole");
        assert!(within.is_none_or(|call_id| call_id == pdu.call_id), "another request in between");
        within = (!pdu.is_last()).then_some(pdu.call_id);
        fragments += usize::from(within.is_some());
    }
    assert!(fragments >= 8, "{fragments}");
}

/// The fragments of different answers come in any order; signatures and the key stream follow the order of the wire.
#[test]
fn answers_whose_fragments_come_in_between_each_other_are_told_apart() {
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for enumerator in enumerators() {
            let mut config = config();
            config.auth_level = level;
            let faults = [Fault::InterleaveFragments, Fault::Fragment1024];
            let (mut pair, seen) = listened(config, host().rows(300).faults(faults));
            let queries: Vec<_> = (0..4)
                .map(|n| Query::new(format!("SELECT * FROM Sim_Many WHERE Id >= {}", n * 10)).enumerator(enumerator))
                .map(|query| pair.exec(query))
                .collect();
            let found = finish_all(&mut pair, &queries);
            for (id, first) in queries.iter().zip([0, 10, 20, 30]) {
                assert_eq!(found[id].0, (first..300).collect::<Vec<_>>(), "{level:?} {enumerator:?}");
            }
            let (mut open, mut divided) = (BTreeSet::new(), 0);
            for pdu in seen.borrow().iter().filter(|pdu| pdu.ptype == PduType::RESPONSE) {
                open.insert(pdu.call_id);
                divided = divided.max(open.len());
                if pdu.is_last() {
                    open.remove(&pdu.call_id);
                }
            }
            assert_eq!(divided, 4, "{level:?} {enumerator:?}: all of them at once");
            for direction in [Direction::ToHost, Direction::ToClient] {
                let seen = seen.borrow();
                let numbers = seen.iter().filter(|pdu| pdu.direction == direction).filter_map(|pdu| pdu.sequence);
                assert!(numbers.zip(0..).all(|(number, place)| number == place), "the order of the wire");
            }
            assert_eq!((pair.host.stats().unverified, pair.finish_session()), (0, Ok(())));
        }
    }
}

#[test]
fn an_enumerator_has_one_next_in_flight_and_every_call_a_causality_of_its_own() {
    for enumerator in enumerators() {
        let mut config = config();
        // So that stubs can be read.
        config.auth_level = AuthLevel::Integrity;
        let (mut pair, seen) = listened(config, host().rows(300).faults([Fault::SlowFirstRow, Fault::SlowRows]));
        let query = Query::new(MANY).enumerator(enumerator).prefetch(true);
        let queries: Vec<_> = (0..3).map(|_| pair.exec(query.clone())).collect();
        finish_all(&mut pair, &queries);
        let (mut causalities, mut in_flight) = (BTreeSet::new(), BTreeMap::new());
        for pdu in seen.borrow().iter() {
            match (pdu.ptype, pdu.request) {
                (PduType::REQUEST, Some((interface, _, Some(object)))) => {
                    // ORPCTHIS: version, flags, reserved1, cid.
                    assert!(causalities.insert(pdu.octets[40 + 12..40 + 28].to_vec()), "used before");
                    if ENUMERATORS.contains(&interface) {
                        assert!(!in_flight.values().any(|busy| *busy == object), "two at once on one enumerator");
                        in_flight.insert(pdu.call_id, object);
                    }
                }
                (PduType::RESPONSE, _) if pdu.is_last() => {
                    in_flight.remove(&pdu.call_id);
                }
                _ => {}
            }
        }
        assert!(causalities.len() > 20, "{}", causalities.len());
    }
}

/// When ten queries of five rows end, begun at once or one after the other, alone or beside one whose provider is silent.
fn ten_small_ones(faults: &[Fault], silent: bool, at_once: bool) -> Duration {
    let mut pair = Pair::new(config(), host().rows(5).faults(faults.iter().copied()));
    // The session stands, and the silent query waits for its rows.
    pair.run(Query::new(FEW), 100);
    let beside = silent.then(|| {
        let id = pair.exec(Query::new(SILENT).timeout(Duration::from_secs(120)));
        pair.fetch(id, 100);
        pair.advance(Duration::from_millis(2300));
        id
    });
    let begun = pair.now();
    if at_once {
        let queries: Vec<_> = (0..10).map(|_| pair.exec(Query::new(MANY))).collect();
        let found = finish_all_of(&mut pair, &queries, beside);
        assert!(found.values().all(|(rows, _)| rows.len() == 5));
    } else {
        for _ in 0..10 {
            let id = pair.exec(Query::new(MANY));
            let found = finish_all_of(&mut pair, &[id], beside);
            assert_eq!(found[&id].0.len(), 5);
        }
    }
    let took = pair.now().saturating_since(begun);
    if let Some(id) = beside {
        // The silent one gets its rows when they are there.
        let outcome = pair.finish(id, 100);
        assert_eq!((outcome.rows.len(), outcome.end.map(|end| end.rows)), (10, Ok(10)));
        let waited = pair.now().saturating_since(Instant::default());
        assert!(waited < Duration::from_secs(62), "{waited:?}");
    }
    took
}

fn finish_all_of(
    pair: &mut Pair,
    queries: &[QueryId],
    beside: Option<QueryId>,
) -> BTreeMap<QueryId, (Vec<u64>, Instant)> {
    let found = finish_all(pair, queries);
    assert!(beside.is_none_or(|id| !found.contains_key(&id)), "it was to be silent");
    found
}

#[test]
fn small_queries_do_not_wait_for_a_provider_that_is_silent() {
    for at_once in [true, false] {
        let alone = ten_small_ones(&[], false, at_once);
        let beside = ten_small_ones(&[], true, at_once);
        assert!(beside <= alone * 2, "granted: {beside:?} beside it, {alone:?} alone");
        let beside = ten_small_ones(&[Fault::NoMpx], true, at_once);
        assert!(beside <= Duration::from_secs(12), "not granted: {beside:?}");
        let alone = ten_small_ones(&[Fault::NoMpx], false, at_once);
        assert!(alone <= Duration::from_millis(100), "not granted, alone: {alone:?}");
    }
}

/// Where one call waits for another, a release does not go before a call for whose answer somebody waits.
#[test]
fn releases_wait_until_nobody_waits() {
    let (mut pair, seen) = listened(config(), host().rows(5).faults([Fault::NoMpx]));
    pair.run(Query::new(FEW), 100);
    let silent = pair.exec(Query::new(SILENT).timeout(Duration::from_secs(120)));
    pair.fetch(silent, 100);
    // The references of the first query are due while the silent one holds the line.
    pair.advance(Duration::from_millis(500));
    let before = seen.borrow().len();
    let queries: Vec<_> = (0..3).map(|_| pair.exec(Query::new(MANY))).collect();
    finish_all(&mut pair, &queries);
    let opnums =
        |from: usize| -> Vec<u16> { seen.borrow()[from..].iter().filter_map(|pdu| Some(pdu.request?.1)).collect() };
    let asked = opnums(before);
    let first_release = asked.iter().position(|opnum| *opnum == 5).unwrap_or(usize::MAX);
    let last_query = asked.iter().rposition(|opnum| *opnum == 20).expect("queries");
    assert!(last_query < first_release, "{asked:?}");
    // They do go out, also when the line is never idle.
    pair.advance(Duration::from_secs(40));
    assert!(opnums(before).contains(&5), "{:?}", opnums(before));
    assert!(pair.cancel(silent));
    assert_eq!(pair.finish_session(), Ok(()));
    assert_eq!(pair.host.alive_objects(), 0);
}

/// What is given up is told to nobody by a PDU: its references are released. `co_cancel` is advisory, and what an
/// `orphaned` call leaves of the connection depends on what was negotiated ([MS-RPCE 3.3.1.5.10]).
#[test]
fn what_is_given_up_is_released_and_not_cancelled_on_the_wire() {
    for faults in [&[][..], &[Fault::NoMpx], &[Fault::InterleaveFragments, Fault::Fragment1024]] {
        let (mut pair, seen) = listened(config(), host().rows(300).faults(faults.iter().copied()));
        for wql in [SILENT, MANY] {
            for prefetch in [false, true] {
                let id = pair.exec(Query::new(wql).prefetch(prefetch));
                pair.fetch(id, 50);
                pair.advance(Duration::from_millis(12));
                assert!(pair.cancel(id));
                let late = pair.run(Query::new(SILENT).timeout(Duration::from_millis(1500)).prefetch(prefetch), 50);
                assert_eq!(late.end.expect_err("out of time").kind, ErrorKind::TimedOut);
                assert_eq!(ids(&pair.run(Query::new(FEW).prefetch(prefetch), 50)).len(), 5, "{faults:?}");
            }
        }
        assert_eq!(pair.finish_session(), Ok(()), "{faults:?}");
        assert_eq!((pair.host.alive_objects(), pair.host.public_refs()), (0, 0), "{faults:?}");
        let usual = [PduType::BIND, PduType::ALTER_CONTEXT, PduType::AUTH3, PduType::REQUEST];
        let said = |pdu: &&Seen| pdu.direction == Direction::ToHost;
        assert!(seen.borrow().iter().filter(said).all(|pdu| usual.contains(&pdu.ptype)), "{faults:?}");
    }
}

#[test]
fn eleven_queries_cost_one_session_and_two_log_ons() {
    let run = |at_once: bool| {
        let mut pair = Pair::new(config(), host().rows(5));
        let queries: Vec<_> = (0..11).map(|_| pair.exec(Query::new(MANY).enumerator(Enumerator::Auto))).collect();
        if at_once {
            finish_all(&mut pair, &queries);
        } else {
            queries.iter().for_each(|id| assert_eq!(pair.finish(*id, 100).rows.len(), 5));
        }
        assert_eq!(pair.finish_session(), Ok(()));
        let took = pair.now();
        (pair.client.stats(), pair.host.stats().clone(), took)
    };
    for at_once in [true, false] {
        let (stats, host, _) = run(at_once);
        // Six to the namespace, and two of each query; eleven sessions take 88 and 22 log-ons.
        assert_eq!((stats.round_trips, stats.logons, host.logons), (6 + 22, 2, 2), "at once: {at_once}");
        assert_eq!(host.calls_of("IWbemLevel1Login::NTLMLogin"), 1);
    }
}
