//! Oracles for whole sessions: an ordinary host of which one answer is replaced, and any order of commands.
//!
//! The other oracles give the client octets from the first one on and hardly ever pass the log-on. These begin where an
//! ordinary session is.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, Once, OnceLock};
use std::time::Duration;

use bytes::BytesMut;
use wmi_proto::{AuthLevel, Enumerator, Event, Output, Query, QueryId};
use wmi_sim::{Fault, HostConfig};

use crate::pair::{OBJECT_PORT, client, config, replay};
use crate::{Direction, Outcome, Pair};

/// The rows of the query.
const ROWS: u32 = 5;
/// The sessions whose answers are replaced: between them they have every kind of message.
const SESSIONS: [(AuthLevel, Enumerator, &[Fault]); 4] = [
    (AuthLevel::Privacy, Enumerator::Auto, &[]),
    (AuthLevel::Integrity, Enumerator::Next, &[]),
    (AuthLevel::Integrity, Enumerator::Smart, &[Fault::LazyInterfaces]),
    (AuthLevel::Privacy, Enumerator::Auto, &[Fault::RefuseSmartItem]),
];
/// The most commands of one run.
const MAX_COMMANDS: usize = 64;

/// Where in an ordinary session something is replaced.
#[derive(Clone, Copy)]
struct Phase {
    session: usize,
    /// How many PDUs (or stubs) come before.
    before: usize,
}

/// What an ordinary session sends to the client, PDU by PDU or response by response, one list per session.
struct Sent(Vec<Vec<Vec<u8>>>);

impl Sent {
    /// The first octet of `data` chooses the phase, the rest is what is sent there.
    fn choose<'a>(&self, data: &'a [u8]) -> Option<(Phase, &'a [u8])> {
        let (&choice, rest) = data.split_first()?;
        let total: usize = self.0.iter().map(Vec::len).sum();
        let mut before = usize::from(choice) % total;
        for (session, sent) in self.0.iter().enumerate() {
            if before < sent.len() {
                return Some((Phase { session, before }, rest));
            }
            before -= sent.len();
        }
        None
    }

    /// What makes each phase send what it would send by itself.
    fn unchanged(&self) -> Vec<Vec<u8>> {
        (0..=u8::MAX).zip(self.0.iter().flatten()).map(|(choice, sent)| [&[choice], &sent[..]].concat()).collect()
    }
}

/// The PDUs of all sessions.
fn pdus() -> &'static Sent {
    static PDUS: OnceLock<Sent> = OnceLock::new();
    PDUS.get_or_init(|| recorded(record_pdus))
}

/// The stubs of the responses of all sessions.
fn stubs() -> &'static Sent {
    static STUBS: OnceLock<Sent> = OnceLock::new();
    STUBS.get_or_init(|| recorded(record_stubs))
}

type Recorder = Arc<Mutex<Vec<Vec<u8>>>>;

fn record_pdus(pair: &mut Pair, recorder: Recorder) {
    pair.tap = Some(Box::new(move |direction, _, pdu| {
        if direction == Direction::ToClient {
            recorder.lock().expect("no panic before").push(pdu.to_vec());
        }
    }));
}

fn record_stubs(pair: &mut Pair, recorder: Recorder) {
    pair.host.on_stub(move |stub| recorder.lock().expect("no panic before").push(stub.to_vec()));
}

fn recorded(listen: impl Fn(&mut Pair, Recorder)) -> Sent {
    let session = |session| {
        let recorder = Recorder::default();
        let mut pair = pair(session);
        listen(&mut pair, Arc::clone(&recorder));
        let outcome = run(&mut pair, session);
        assert_eq!(outcome.end.map(|end| end.rows), Ok(u64::from(ROWS)), "the ordinary session is complete");
        std::mem::take(&mut *recorder.lock().expect("no panic before"))
    };
    Sent((0..SESSIONS.len()).map(session).collect())
}

/// What makes every phase of [`client_prefix`] send what it would send by itself.
#[must_use]
pub fn unchanged_pdus() -> Vec<Vec<u8>> {
    pdus().unchanged()
}

/// What makes every phase of [`client_sealed`] send what it would send by itself.
#[must_use]
pub fn unchanged_stubs() -> Vec<Vec<u8>> {
    stubs().unchanged()
}

fn pair(session: usize) -> Pair {
    let (level, _, faults) = SESSIONS[session];
    let mut config = config();
    config.auth_level = level;
    Pair::new(config, HostConfig::new(OBJECT_PORT).rows(ROWS).faults(faults.iter().copied()))
}

fn run(pair: &mut Pair, session: usize) -> Outcome {
    let outcome = pair.run(query(SESSIONS[session].1), 2);
    let _ = pair.finish_session();
    outcome
}

fn query(enumerator: Enumerator) -> Query {
    Query::new("SELECT * FROM Sim_Many").enumerator(enumerator).timeout(Duration::from_secs(20))
}

/// An ordinary session, of which one PDU is replaced: the first octet of `data` says which, the rest is what comes
/// instead. Says how many rows came. Before the first, every phase is tried with what comes there by itself.
///
/// # Panics
/// When the session does not end, ends twice, or says a row that the host does not have; when it does not get to where
/// the PDU is replaced, or a PDU that is replaced by itself costs rows.
pub fn client_prefix(data: &[u8]) -> usize {
    static TRIED: Once = Once::new();
    TRIED.call_once(|| {
        let rows = unchanged_pdus().iter().map(|data| with_pdu(data)).collect::<Vec<_>>();
        assert!(rows.len() >= 40 && rows.iter().all(|rows| *rows == ROWS as usize), "{rows:?}");
    });
    with_pdu(data)
}

fn with_pdu(data: &[u8]) -> usize {
    let Some((phase, rest)) = pdus().choose(data) else { return 0 };
    let mut pair = pair(phase.session);
    let (rest, mut seen) = (rest.to_vec(), 0);
    let reached = Arc::new(Mutex::new(false));
    let done = Arc::clone(&reached);
    pair.tap = Some(Box::new(move |direction, _, pdu| {
        if direction == Direction::ToClient {
            if seen == phase.before {
                *pdu = BytesMut::from(&rest[..]);
                *done.lock().expect("no panic before") = true;
            }
            seen += 1;
        }
    }));
    let outcome = run(&mut pair, phase.session);
    assert!(*reached.lock().expect("no panic before"), "what comes before a phase is ordinary");
    ends_once(&pair);
    for (expected, row) in (0..).zip(&outcome.rows) {
        let id = row.as_ref().ok().and_then(|row| row.get("Id")).and_then(Result::ok).and_then(|id| id.as_u64());
        assert_eq!(id, Some(expected), "a row that the host does not have");
    }
    if let Ok(end) = &outcome.end {
        assert_eq!((end.rows, outcome.rows.len()), (u64::from(ROWS), ROWS as usize), "not all rows, and no error");
    }
    outcome.rows.len()
}

/// An ordinary session, of which the stub of one response is replaced before the host signs and seals it: the first
/// octet of `data` says which, the rest is the stub. Says how many rows came. Before the first, every phase is tried
/// with what comes there by itself.
///
/// # Panics
/// When the session does not end, or ends twice; when it does not get to where the stub is replaced, or a stub that is
/// replaced by itself costs rows.
pub fn client_sealed(data: &[u8]) -> usize {
    static TRIED: Once = Once::new();
    TRIED.call_once(|| {
        let rows = unchanged_stubs().iter().map(|data| with_stub(data)).collect::<Vec<_>>();
        assert!(rows.len() >= 30 && rows.iter().all(|rows| *rows == ROWS as usize), "{rows:?}");
    });
    with_stub(data)
}

fn with_stub(data: &[u8]) -> usize {
    let Some((phase, rest)) = stubs().choose(data) else { return 0 };
    let mut pair = pair(phase.session);
    let (rest, mut seen) = (rest.to_vec(), 0);
    let reached = Arc::new(Mutex::new(false));
    let done = Arc::clone(&reached);
    pair.host.on_stub(move |stub| {
        if seen == phase.before {
            *stub = BytesMut::from(&rest[..]);
            *done.lock().expect("no panic before") = true;
        }
        seen += 1;
    });
    let outcome = run(&mut pair, phase.session);
    assert!(*reached.lock().expect("no panic before"), "what comes before a phase is ordinary");
    ends_once(&pair);
    if let Ok(end) = &outcome.end {
        assert_eq!(end.rows, outcome.rows.len() as u64, "rows that were counted and not delivered");
    }
    outcome.rows.len()
}

/// Any commands at any time, read from `data`, to a host that may have one fault. However what the client received is
/// cut, it says the same.
///
/// # Panics
/// When a query does not end once, the session does not, or a legal host is left with objects.
pub fn session_ops(data: &[u8]) {
    let [fault, enumerator, cut, commands @ ..] = data else { return };
    let fault = Fault::ALL.get(usize::from(*fault)).copied();
    let enumerator =
        [Enumerator::Auto, Enumerator::Smart, Enumerator::Next, Enumerator::PreferSmart][usize::from(*enumerator % 4)];
    let mut pair = Pair::new(config(), HostConfig::new(OBJECT_PORT).rows(ROWS).faults(fault));
    let mut open: Vec<QueryId> = Vec::new();
    for command in commands.chunks_exact(2).take(MAX_COMMANDS) {
        let (what, which) = (command[0] % 16, usize::from(command[1]));
        let chosen = open.get(which % open.len().max(1)).copied();
        match (what, chosen) {
            (0 | 8, _) => open.extend(pair.try_exec(query(enumerator).forward_only(what == 0))),
            (1 | 2 | 9, Some(id)) => {
                pair.fetch(id, 1 + u32::from(command[1] >> 4));
            }
            (10, Some(id)) => {
                let _ = pair.reset(id);
            }
            (11, Some(id)) => {
                let _ = pair.skip(id, 1 + u32::from(command[1] >> 5));
            }
            (12, Some(id)) => open.extend(pair.clone_query(id)),
            (3, Some(id)) => {
                pair.cancel(id);
            }
            (4, _) => pair.advance(Duration::from_micros(300 * which as u64)),
            (5, _) => pair.advance(Duration::from_millis(200 * which as u64)),
            (6, _) if which == 0 => pair.close(),
            _ => {
                // A session that is pinged never comes to rest by itself.
                let until = pair.now().saturating_add(Duration::from_secs(600));
                let _ = (0..which % 8).map_while(|_| pair.next_event_until(until)).count();
            }
        }
    }
    pair.close();
    while pair.next_event().is_some() {}
    pair.settle();
    ends_once(&pair);
    let done = pair.outputs.iter().filter(|o| matches!(o, Output::Event(Event::QueryDone { .. }))).count();
    assert_eq!(done, open.len(), "queries and their ends");
    let clean = matches!(pair.outputs.last(), Some(Output::Event(Event::Closed { outcome: Ok(()) })));
    let aborted = pair.outputs.iter().any(|o| matches!(o, Output::Abort { .. }));
    if clean && !aborted && fault.is_none_or(Fault::is_legal) {
        assert_eq!(pair.host.alive_objects(), 0, "objects were not given back");
    }
    let cuts = [usize::from(*cut) * 4 + 1, usize::from(*cut % 7) + 1, 4000];
    assert!(replay(client(config()), &pair.steps, &cuts) == pair.outputs, "cuts change what the client says");
}

/// One `Closed`, which is the last output; one `QueryDone` per query, and no batch of it behind; nothing is waited for.
fn ends_once(pair: &Pair) {
    let events: Vec<&Event> =
        pair.outputs.iter().filter_map(|o| if let Output::Event(event) = o { Some(event) } else { None }).collect();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Closed { .. })).count(), 1);
    assert!(matches!(pair.outputs.last(), Some(Output::Event(Event::Closed { .. }))), "something follows the end");
    let mut ended: BTreeSet<QueryId> = BTreeSet::new();
    for event in events {
        match event {
            Event::QueryDone { query, .. } => assert!(ended.insert(*query), "{query:?} ends twice"),
            event => {
                let ended = event.query().is_some_and(|query| ended.contains(&query));
                assert!(!ended, "{event:?} after the end of its query");
                let empty = matches!(event, Event::Batch { rows, .. } if rows.is_empty());
                assert!(!empty, "an empty batch: {event:?}");
            }
        }
    }
    assert!(pair.client.is_closed());
    assert_eq!(pair.client.poll_timeout(), None);
}
