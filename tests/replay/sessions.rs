//! Sessions of a client with a simulated host, written as captures. Deterministic: the same octets every time.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use wmi_capture::{Direction, PcapWriter};
use wmi_proto::{AuthLevel, Config, Enumerator, Event, Mechanism, Query, Role, Row};
use wmi_sim::{Fault, HostConfig};
use wmi_testkit::{OBJECT_PORT, Pair, Traffic, config};

/// 2026-01-01 00:00 UTC, when sessions begin.
const START: Duration = Duration::from_secs(1_767_225_600);

/// A pair whose client is recorded.
pub(crate) struct Recorded {
    pub(crate) pair: Pair,
    writer: Rc<RefCell<PcapWriter<Vec<u8>>>>,
}

impl Recorded {
    pub(crate) fn new(config: Config, host: HostConfig) -> Self {
        let writer = Rc::new(RefCell::new(PcapWriter::new(Vec::new()).expect("a vector takes everything")));
        let mut pair = Pair::new(config, host);
        let out = Rc::clone(&writer);
        pair.recorder = Some(Box::new(move |now, transport, role, traffic| {
            let (mut out, time) = (out.borrow_mut(), START + Duration::from_micros(now.as_micros()));
            let name = transport.index();
            let written = match traffic {
                Traffic::Opened => {
                    let client = SocketAddr::from((Ipv4Addr::new(192, 0, 2, 1), 50_000 + name as u16));
                    let port = if role == Role::Activator { 135 } else { OBJECT_PORT };
                    out.opened(name, client, SocketAddr::from((Ipv4Addr::new(192, 0, 2, 2), port)), time)
                }
                Traffic::Said(data) => out.data(name, Direction::FromClient, data, time),
                Traffic::Heard(data) => out.data(name, Direction::FromServer, data, time),
                Traffic::Closed => out.closed(name, time),
            };
            written.expect("a vector takes everything");
        }));
        Self { pair, writer }
    }

    /// The capture so far.
    pub(crate) fn pcap(mut self) -> Vec<u8> {
        self.pair.recorder = None;
        let writer = Rc::into_inner(self.writer).expect("nobody else writes");
        writer.into_inner().into_inner()
    }
}

/// A session that is kept as a capture.
pub(crate) struct Kept {
    /// The name of its file, without extension.
    pub(crate) name: &'static str,
    run: fn() -> (Recorded, Vec<Row>),
}

impl Kept {
    /// Runs it: the capture, and the rows that it brought.
    pub(crate) fn run(&self) -> (Vec<u8>, Vec<Row>) {
        let (recorded, rows) = (self.run)();
        (recorded.pcap(), rows)
    }
}

/// The sessions under `tests/data/captures`.
pub(crate) const KEPT: [Kept; 9] = [
    Kept { name: "next_privacy", run: || one(AuthLevel::Privacy, Enumerator::Next, 5, &[], MANY) },
    Kept { name: "next_integrity", run: || one(AuthLevel::Integrity, Enumerator::Next, 5, &[], MANY) },
    Kept { name: "smart_privacy", run: || one(AuthLevel::Privacy, Enumerator::Smart, 5, &[], MANY) },
    Kept { name: "fragments", run: || one(AuthLevel::Privacy, Enumerator::Smart, 12, &[Fault::Fragment1024], MANY) },
    Kept { name: "unknown_class", run: || one(AuthLevel::Privacy, Enumerator::Auto, 5, &[], "SELECT * FROM Sim_None") },
    Kept { name: "fault", run: || one(AuthLevel::Privacy, Enumerator::Next, 8, &[Fault::FaultPdu], MANY) },
    Kept { name: "cut", run: || one(AuthLevel::Privacy, Enumerator::Next, 8, &[Fault::CutMidReply], MANY) },
    Kept { name: "two_namespaces", run: two_namespaces },
    Kept { name: "negotiated", run: negotiated },
];

const MANY: &str = "SELECT * FROM Sim_Many";

/// One query, and the end of the session, whatever it is.
fn one(level: AuthLevel, enumerator: Enumerator, rows: u32, faults: &[Fault], wql: &str) -> (Recorded, Vec<Row>) {
    let mut config = config();
    config.auth_level = level;
    let host = HostConfig::new(OBJECT_PORT).rows(rows).faults(faults.iter().copied());
    let mut recorded = Recorded::new(config, host);
    let outcome = recorded.pair.run(Query::new(wql).enumerator(enumerator), 1000);
    let _ = recorded.pair.finish_session();
    (recorded, outcome.rows)
}

/// One query of a session that logs on by SPNEGO.
fn negotiated() -> (Recorded, Vec<Row>) {
    let mut config = config();
    config.mechanism = Mechanism::Negotiate;
    let mut recorded = Recorded::new(config, HostConfig::new(OBJECT_PORT).rows(3));
    let rows = recorded.pair.run(Query::new(MANY).enumerator(Enumerator::Next), 1000).rows;
    let _ = recorded.pair.finish_session();
    (recorded, rows)
}

/// Two queries at a time in two namespaces, a third that is given up after its first batch, and pauses in between.
fn two_namespaces() -> (Recorded, Vec<Row>) {
    let mut recorded = Recorded::new(config(), HostConfig::new(OBJECT_PORT).rows(40));
    let pair = &mut recorded.pair;
    let first = pair.exec(Query::new("SELECT Id, Name FROM Sim_Many WHERE Id < 4"));
    let second = pair.exec(Query::new("SELECT Name FROM __NAMESPACE").namespace("root").enumerator(Enumerator::Next));
    let mut of_first = pair.finish(first, 3).rows;
    let of_second = pair.finish(second, 1).rows;
    pair.advance(Duration::from_secs(1));
    let third = pair.exec(Query::new("SELECT Id FROM Sim_Many"));
    pair.fetch(third, 2);
    let given_up = loop {
        match pair.next_event() {
            Some(Event::Batch { query, rows }) if query == third => break rows,
            Some(_) => {}
            None => panic!("no batch of the third query"),
        }
    };
    pair.cancel(third);
    pair.advance(Duration::from_secs(1));
    let _ = pair.finish_session();
    of_first.extend(of_second.into_iter().chain(given_up));
    (recorded, of_first)
}
