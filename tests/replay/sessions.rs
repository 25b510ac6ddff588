//! Sessions of a client with a simulated host, written as captures. Deterministic: the same octets every time.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use wmi_capture::{Direction, PcapWriter};
use wmi_proto::{Config, Role};
use wmi_sim::HostConfig;
use wmi_testkit::{OBJECT_PORT, Pair, Traffic};

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
