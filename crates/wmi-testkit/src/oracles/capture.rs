//! Oracles for the reader of captures: files of any octets, and captured sessions that were damaged on the way.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use wmi_capture::{Account, Capture, Direction as From, Event, Location, Message, PcapWriter, State};
use wmi_proto::wire::rpc::{AuthnLevel, PduType};
use wmi_proto::{AuthLevel, Enumerator, Mechanism, Query, Role, Secret};
use wmi_sim::{DEFAULT_PASSWORD, HostConfig};

use crate::pair::{OBJECT_PORT, config};
use crate::{Direction, Pair};

/// `data` as a file. It is read to an end, the same whatever pieces the source gives, and no octet of it becomes part
/// of two messages. An account whose password is known opens messages and changes nothing else.
///
/// # Panics
/// When that is not so.
pub fn file(data: &[u8]) {
    let events: Vec<Event> = Capture::open(data, None).collect();
    bounded(&events, data.len());
    assert!(messages(&events).all(|m| m.verified.is_none() && m.state != State::Unsealed), "nobody gave a key");
    assert!(!events.iter().any(|event| matches!(event, Event::LogOn { .. })), "nobody gave an account");
    assert_eq!(Capture::open(Pieces { data, sizes: [1, 3, 100], next: 0 }, None).collect::<Vec<_>>(), events);
    let opened: Vec<Event> = Capture::open(data, Some(account(DEFAULT_PASSWORD))).collect();
    bounded(&opened, data.len());
    assert_eq!(shape(&opened), shape(&events), "what is opened comes as what is not");
}

/// A captured session of ours, of which frames were lost, repeated, moved, cut or changed before the file was written:
/// `data` says which session, which password, and then four octets for each damage.
///
/// # Panics
/// When something is told as verified that the undamaged capture does not say, when something is told as tampered with
/// although no octet was changed, or when reading it does not end as it should.
pub fn frames(data: &[u8]) {
    let [session, options, damages @ ..] = data else { return };
    let session = chosen(*session);
    let mut frames = session.frames.clone();
    let changes = damage_all(&mut frames, damages);
    let file = written(if options & 4 == 0 { 0 } else { EARLIER_FRAMES }, &frames);
    let given = match options & 3 {
        0 => Some(account("wrong")),
        1 => None,
        _ => Some(account(DEFAULT_PASSWORD)),
    };
    let has_key = options & 3 > 1;
    let source = Pieces { data: &file, sizes: [1000, 7, 100_000], next: 0 };
    let events: Vec<Event> = Capture::open(source, given).collect();
    bounded(&events, file.len());
    assert!(!events.iter().any(|event| matches!(event, Event::Stopped(_))), "the file is whole");
    if !has_key {
        assert!(messages(&events).all(|m| m.verified.is_none() && m.state != State::Unsealed), "nobody gave the key");
    }
    session.compare(&events, &changes);
    if damages.len() < 4 && has_key {
        let verified = messages(&events).filter(|m| m.verified == Some(true)).count();
        assert_eq!((events.len(), verified), (session.events, session.messages.len() - session.unsigned));
    }
}

/// What can happen to a frame. Four octets say it: what, to which frame, and two for a place or a distance.
#[derive(Clone, Copy)]
pub enum Damage {
    /// It was not captured.
    Lose,
    /// It comes again, this many frames later.
    Repeat,
    /// It comes this many frames later, or round the end at the front.
    Move,
    /// Only so many octets of it were captured.
    Cut,
    /// An octet of what the segment carries is changed, in this bit.
    ChangePayload(u8),
    /// Any octet is changed, in this bit.
    Change(u8),
}

impl Damage {
    /// As the four octets.
    #[must_use]
    pub const fn at(self, frame: u8, place: u16) -> [u8; 4] {
        let what = match self {
            Self::Lose => 0,
            Self::Repeat => 1,
            Self::Move => 2,
            Self::Cut => 3,
            Self::ChangePayload(bit) => 4 + 6 * (bit % 8),
            Self::Change(bit) => 5 + 6 * (bit % 8),
        };
        let [low, high] = place.to_le_bytes();
        [what, frame, low, high]
    }

    const fn new(what: u8) -> Self {
        match (what % 6, what / 6 % 8) {
            (0, _) => Self::Lose,
            (1, _) => Self::Repeat,
            (2, _) => Self::Move,
            (3, _) => Self::Cut,
            (4, bit) => Self::ChangePayload(bit),
            (_, bit) => Self::Change(bit),
        }
    }
}

/// The file of a session: the first octet of `data` says which, and then four octets for each damage.
#[must_use]
pub fn damaged_file(data: &[u8]) -> Vec<u8> {
    let (&session, damages) = data.split_first().unwrap_or((&0, &[]));
    let mut frames = chosen(session).frames.clone();
    damage_all(&mut frames, damages);
    written(0, &frames)
}

/// The most damages to one session.
const MAX_DAMAGES: usize = 32;
/// Frames of somebody else in front, so that the file is longer than what the reader reads at once.
const EARLIER_FRAMES: usize = 100;
/// Octets of such a frame.
const EARLIER_OCTETS: usize = 1400;
/// The rows of the sessions, each fetched for itself.
const ROWS: usize = 3;
/// IP and TCP in front of the payload, as the writer makes them for IPv4.
const HEADERS: usize = 40;
/// The sessions that are damaged.
const SESSIONS: [(AuthLevel, Mechanism, Enumerator); 5] = [
    (AuthLevel::Privacy, Mechanism::Ntlm, Enumerator::Next),
    (AuthLevel::Integrity, Mechanism::Ntlm, Enumerator::Smart),
    (AuthLevel::Privacy, Mechanism::Ntlm, Enumerator::Smart),
    (AuthLevel::Integrity, Mechanism::Ntlm, Enumerator::Next),
    (AuthLevel::Privacy, Mechanism::Negotiate, Enumerator::Next),
];

fn account(password: &str) -> Account {
    Account::new("ACME\\monitor", Secret::from(password))
}

fn messages(events: &[Event]) -> impl Iterator<Item = &Message> {
    events.iter().filter_map(|event| if let Event::Message(message) = event { Some(&**message) } else { None })
}

/// A source that gives few octets at once.
struct Pieces<'a> {
    data: &'a [u8],
    sizes: [usize; 3],
    next: usize,
}

impl Read for Pieces<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let size = self.sizes[self.next % self.sizes.len()].min(into.len());
        self.next += 1;
        self.data.read(&mut into[..size])
    }
}

/// `Stopped` is the last, and messages hold no more than the file.
fn bounded(events: &[Event], octets: usize) {
    let stopped = events.iter().position(|event| matches!(event, Event::Stopped(_)));
    assert!(stopped.is_none_or(|at| at + 1 == events.len()), "something follows the end");
    let held = |message: &Message| message.stub.len().max(message.fragments as usize * 16);
    assert!(messages(events).map(held).sum::<usize>() <= octets, "more than was there");
    let pieces = events.iter().filter(|event| !matches!(event, Event::Message(_))).count();
    assert!(pieces <= octets + 1, "{pieces} events from {octets} octets");
}

/// What is the same with and without a key.
fn shape(events: &[Event]) -> Vec<(Option<Location>, u64, u32, Option<PduType>)> {
    let one = |event: &Event| match event {
        Event::Message(m) => Some((Some(m.at), m.last_frame, m.call_id, Some(m.ptype))),
        Event::Missing { at, octets } => Some((Some(*at), octets.unwrap_or(u64::MAX), 1, None)),
        Event::Skipped { at, octets } => Some((Some(*at), *octets, 2, None)),
        Event::Incomplete { at, ptype, call_id } => Some((Some(*at), 3, *call_id, Some(*ptype))),
        Event::Stopped(_) => Some((None, 4, 0, None)),
        _ => None,
    };
    events.iter().filter_map(one).collect()
}

/// What a message is known by.
type Name = (SocketAddr, SocketAddr, u8, u32);

fn name(message: &Message) -> Name {
    (message.at.from, message.at.to, message.ptype.0, message.call_id)
}

/// An ordinary session.
struct Session {
    /// Its packets.
    frames: Vec<Vec<u8>>,
    /// How many events its undamaged capture gives.
    events: usize,
    /// Its messages.
    messages: BTreeMap<Name, Message>,
    /// How many of them have no signature.
    unsigned: usize,
}

fn sessions() -> &'static [Session] {
    static MADE: OnceLock<Vec<Session>> = OnceLock::new();
    MADE.get_or_init(|| {
        SESSIONS.iter().map(|(level, mechanism, enumerator)| session(*level, *mechanism, *enumerator)).collect()
    })
}

fn chosen(session: u8) -> &'static Session {
    let sessions = sessions();
    &sessions[usize::from(session) % sessions.len()]
}

/// Runs a session and captures it.
fn session(level: AuthLevel, mechanism: Mechanism, enumerator: Enumerator) -> Session {
    let mut config = config();
    (config.auth_level, config.mechanism) = (level, mechanism);
    let host = HostConfig::new(OBJECT_PORT).rows(u32::try_from(ROWS).unwrap_or(0));
    let mut pair = Pair::new(config, host);
    let said = Arc::new(Mutex::new(Vec::new()));
    let heard = Arc::clone(&said);
    pair.tap = Some(Box::new(move |direction, role, data| {
        heard.lock().expect("no panic before").push((direction, role, data.to_vec()));
    }));
    let outcome = pair.run(Query::new("SELECT * FROM Sim_Many").enumerator(enumerator), 1);
    assert_eq!(outcome.rows.len(), ROWS, "the ordinary session is complete");
    let _ = pair.finish_session();
    let said = std::mem::take(&mut *said.lock().expect("no panic before"));

    let mut file = Vec::new();
    let mut writer = PcapWriter::new(&mut file).expect("a vector takes everything");
    for (time, (direction, role, data)) in (1..).map(Duration::from_millis).zip(said) {
        let from = if direction == Direction::ToHost { From::FromClient } else { From::FromServer };
        let (connection, port) = if role == Role::Activator { (0, 135) } else { (1, OBJECT_PORT) };
        let client = SocketAddr::from(([10, 0, 0, 1], 50_000 + connection));
        let server = SocketAddr::from(([10, 0, 0, 2], port));
        let name = usize::from(connection);
        writer.opened(name, client, server, time).expect("a vector takes everything");
        writer.data(name, from, &data, time).expect("a vector takes everything");
    }
    for connection in [0, 1] {
        writer.closed(connection, Duration::from_secs(1)).expect("a vector takes everything");
    }
    let frames = split(&file);
    let events: Vec<Event> = Capture::open(&file[..], Some(account(DEFAULT_PASSWORD))).collect();
    let all: BTreeMap<Name, Message> = messages(&events).map(|message| (name(message), message.clone())).collect();
    assert_eq!(all.len(), messages(&events).count(), "calls have numbers of their own");
    let calls = |m: &&Message| matches!(m.ptype, PduType::REQUEST | PduType::RESPONSE | PduType::FAULT);
    let state = if level == AuthLevel::Privacy { State::Unsealed } else { State::Clear };
    for message in all.values().filter(calls) {
        assert_eq!((message.verified, message.state), (Some(true), state), "{message:?}");
    }
    let rows = all.values().flat_map(|message| &message.objects);
    assert_eq!(rows.filter(|row| row.is_ok()).count(), ROWS, "the undamaged capture has all rows");
    assert!(events.iter().all(|event| matches!(event, Event::Message(_) | Event::LogOn { outcome: Ok(()), .. })));
    let unsigned = all.values().filter(|m| !calls(m)).count();
    Session { frames, events: events.len(), messages: all, unsigned }
}

/// The frames of a file that our writer made.
fn split(file: &[u8]) -> Vec<Vec<u8>> {
    let mut rest = &file[24..];
    let mut frames = Vec::new();
    while let Some((header, tail)) = rest.split_at_checked(16) {
        let length = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
        let (frame, tail) = tail.split_at(length);
        frames.push(frame.to_vec());
        rest = tail;
    }
    frames
}

/// A file with these frames, behind `earlier` frames that are none of a session.
fn written(earlier: usize, frames: &[Vec<u8>]) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 101] {
        file.extend_from_slice(&u32::to_le_bytes(field));
    }
    let other = vec![0; EARLIER_OCTETS];
    for frame in std::iter::repeat_n(&other, earlier).chain(frames) {
        let length = u32::try_from(frame.len()).unwrap_or(0);
        for field in [1, 0, length, length] {
            file.extend_from_slice(&u32::to_le_bytes(field));
        }
        file.extend_from_slice(frame);
    }
    file
}

/// An octet that was changed.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Change {
    /// It belongs to a call, so that a signature covers it.
    Call,
    /// It belongs to a bind or its like, or to the headers of the packet.
    Other,
}

fn damage_all(frames: &mut Vec<Vec<u8>>, damages: &[u8]) -> BTreeSet<Change> {
    let one = |damage: &[u8]| {
        let &[what, which, low, high] = damage else { return None };
        damage_one(frames, Damage::new(what), usize::from(which), usize::from(u16::from_le_bytes([low, high])))
    };
    damages.chunks_exact(4).take(MAX_DAMAGES).filter_map(one).collect()
}

fn damage_one(frames: &mut Vec<Vec<u8>>, damage: Damage, which: usize, place: usize) -> Option<Change> {
    let which = which % frames.len().max(1);
    let frame = frames.get_mut(which)?;
    match damage {
        Damage::Lose => {
            frames.remove(which);
        }
        Damage::Repeat => {
            let again = frame.clone();
            frames.insert((which + 1 + place).min(frames.len()), again);
        }
        Damage::Move => {
            let moved = frames.remove(which);
            frames.insert((which + place) % (frames.len() + 1), moved);
        }
        Damage::Cut => frame.truncate(place % (frame.len() + 1)),
        Damage::ChangePayload(bit) | Damage::Change(bit) => {
            let payload = matches!(damage, Damage::ChangePayload(_)) && frame.len() > HEADERS;
            let from = if payload { HEADERS } else { 0 };
            let at = from + place % (frame.len() - from).max(1);
            let call = frame.get(HEADERS + 2).is_some_and(|ptype| [0, 2, 3].contains(ptype));
            *frame.get_mut(at)? ^= 1 << bit;
            return Some(if call && at >= HEADERS { Change::Call } else { Change::Other });
        }
    }
    None
}

impl Session {
    /// What the damaged capture says is what the whole one says.
    fn compare(&self, events: &[Event], changes: &BTreeSet<Change>) {
        let mut seen = BTreeSet::new();
        // Which interface is called, a bind and interface pointers say. Nothing protects a bind, and no key is there for
        // what stands behind a hole, or behind another change: there a request may call anything.
        let calls = |message: &Message| {
            let whole = self.messages.get(&name(message)).and_then(|whole| whole.interface);
            message.ptype != PduType::REQUEST || message.interface.is_none() || message.interface == whole
        };
        let believed = !changes.contains(&Change::Other)
            && messages(events)
                .all(|message| message.verified == Some(false) || (self.same(message) && calls(message)));
        for message in messages(events) {
            let verified = message.verified == Some(true);
            if message.state == State::Unsealed {
                assert!(verified, "opened and not verified: {message:?}");
            }
            if changes.is_empty() {
                assert_ne!(message.verified, Some(false), "nothing was changed: {message:?}");
                assert!(self.same(message), "nothing was changed: {message:?}");
            }
            if !verified {
                continue;
            }
            let whole = self.messages.get(&name(message)).expect("a verified message that nobody sent");
            assert!(seen.insert((message.at.stream, name(message))), "verified twice: {message:?}");
            assert_eq!((&message.stub, message.state), (&whole.stub, whole.state));
            assert_eq!((message.auth_level, message.fragments), (whole.auth_level, whole.fragments));
            let asked = message.ptype == PduType::REQUEST;
            if asked {
                assert_eq!((message.opnum, message.object), (whole.opnum, whole.object));
            }
            if !believed {
                continue;
            }
            assert!(message.opnum.is_none() || message.opnum == whole.opnum, "{message:?}");
            assert!(message.interface.is_none() || message.interface == whole.interface, "{message:?}");
            if message.interface.is_some() && message.opnum.is_some() {
                assert_eq!(message.objects.len(), whole.objects.len());
                let rows = message.objects.iter().zip(&whole.objects);
                assert!(rows.clone().all(|(row, whole)| row.is_err() || row == whole), "a row that nobody sent");
            }
        }
    }

    /// Whether the undamaged capture has a message with these octets, read or sealed.
    fn same(&self, message: &Message) -> bool {
        let Some(whole) = self.messages.get(&name(message)) else { return false };
        let sealed = message.state == State::Sealed && message.auth_level == AuthnLevel::PKT_PRIVACY;
        let level = message.auth_level == whole.auth_level && message.fragments == whole.fragments;
        let call = message.ptype != PduType::REQUEST || (message.opnum, message.object) == (whole.opnum, whole.object);
        level && call && if sealed { whole.state == State::Unsealed } else { message.stub == whole.stub }
    }
}

/// How many octets each frame of each session has.
#[must_use]
pub fn frame_sizes() -> Vec<Vec<usize>> {
    sessions().iter().map(|session| session.frames.iter().map(Vec::len).collect()).collect()
}

/// What each kind of damage does to each session, for a corpus.
#[must_use]
pub fn damages() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = (0..4).map(|session| vec![session, 2]).collect();
    for (options, what) in (0..8).cycle().zip(0..24) {
        all.push(vec![what, options, what, 3 * what, 90, 0, what + 1, 7 + what, 60, 0]);
    }
    all
}

/// The first octets of captured sessions, as files of at most `octets`.
#[must_use]
pub fn files(octets: usize) -> Vec<Vec<u8>> {
    let short = |session: &Session| {
        let mut size = 24;
        let fits = |frame: &&Vec<u8>| {
            size += 16 + frame.len();
            size <= octets
        };
        let frames: Vec<_> = session.frames.iter().take_while(fits).cloned().collect();
        written(0, &frames)
    };
    sessions().iter().map(short).collect()
}
