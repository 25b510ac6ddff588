//! A stand-in for InfraSonar's agentcore, over TCP: the test says what it does, and it keeps what probes say.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use wmi_infrasonar::assets::{CheckConfig, CheckPath, Entry};
use wmi_infrasonar::frame::{Frame, Framer};
use wmi_infrasonar::packet::{self, PacketType};
use wmi_infrasonar::value::Value;

/// No answer takes longer, or it does not come.
const PATIENCE: Duration = Duration::from_secs(30);

/// Listens for probes on loopback.
#[derive(Debug)]
pub struct Hub {
    listener: TcpListener,
}

/// The connection of one probe.
#[derive(Debug)]
pub struct Probe {
    stream: TcpStream,
    framer: Framer,
    /// The name and version that it has announced.
    pub announced: (String, String),
    /// The id of its announcement.
    pub announcement: u16,
}

/// A result that a probe has sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    /// Which check of which asset.
    pub path: CheckPath,
    /// `error`, `framework` and `result`.
    pub data: Value,
    /// Octets of its packet.
    pub length: usize,
}

impl Told {
    /// The text of its error.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.data.get("error")?.get("error")?.text()
    }

    /// The items of a type.
    #[must_use]
    pub fn items(&self, kind: &str) -> Option<&[Value]> {
        self.data.get("result")?.get(kind)?.list()
    }

    /// Whether it says that nothing has changed.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.data.get("framework").and_then(|framework| framework.get("unchanged")) == Some(&Value::Bool(true))
    }
}

/// The check `key`, with its number, of an asset, every second, at `address`.
#[must_use]
pub fn entry(asset: u64, check: u64, key: &str, address: &str) -> Entry {
    let config = CheckConfig { address: Some(address.to_owned()), ..CheckConfig::every(1) };
    Entry { path: CheckPath { asset, check }, asset_name: format!("asset{asset}"), check_key: key.to_owned(), config }
}

impl Hub {
    /// Begins to listen.
    ///
    /// # Panics
    /// Loopback has no port to give.
    #[must_use]
    pub fn start() -> Self {
        Self { listener: TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port on loopback") }
    }

    /// The port.
    ///
    /// # Panics
    /// The system does not tell.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.listener.local_addr().expect("an address").port()
    }

    /// The next probe, with its announcement, which is not answered yet.
    ///
    /// # Panics
    /// None comes, or it does not begin with an announcement.
    #[must_use]
    pub fn probe(&self) -> Probe {
        self.listener.set_nonblocking(true).expect("a mode");
        let until = Instant::now() + PATIENCE;
        let stream = loop {
            match self.listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    assert!(Instant::now() < until, "no probe connects");
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => panic!("{error}"),
            }
        };
        stream.set_nonblocking(false).expect("a mode");
        let mut probe =
            Probe { stream, framer: Framer::default(), announced: (String::new(), String::new()), announcement: 0 };
        let frame = probe.frame();
        assert_eq!((PacketType::of(frame.kind), frame.part), (Some(PacketType::Announce), 0));
        let value = frame.value().expect("msgpack");
        let Some([Value::Text(name), Value::Text(version)]) = value.list() else { panic!("announced {value}") };
        probe.announced = (name.clone(), version.clone());
        probe.announcement = frame.id;
        probe
    }

    /// The next probe, which is given `entries`.
    #[must_use]
    pub fn accept(&self, entries: &[Entry]) -> Probe {
        let mut probe = self.probe();
        let id = probe.announcement;
        probe.send(&packet::assets(PacketType::Announced, id, entries));
        probe
    }
}

impl Probe {
    /// Sends a packet.
    ///
    /// # Panics
    /// The probe has left.
    pub fn send(&mut self, frame: &Frame) {
        self.send_octets(&frame.encode());
    }

    /// Sends octets, whatever they are.
    ///
    /// # Panics
    /// The probe has left.
    pub fn send_octets(&mut self, octets: &[u8]) {
        self.stream.write_all(octets).expect("the probe reads");
    }

    /// The next packet.
    ///
    /// # Panics
    /// None comes, or something else.
    #[must_use]
    pub fn frame(&mut self) -> Frame {
        self.next_frame(PATIENCE).expect("a packet")
    }

    /// The next packet within `patience`; `None` when none comes, or the probe closes.
    ///
    /// # Panics
    /// Something else comes.
    pub fn next_frame(&mut self, patience: Duration) -> Option<Frame> {
        let until = Instant::now() + patience;
        let mut buffer = [0; 4096];
        loop {
            if let Some(frame) = self.framer.next_frame().expect("probes send frames") {
                return Some(frame);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            self.stream.set_read_timeout(Some(left)).expect("a time");
            match self.stream.read(&mut buffer) {
                Ok(0) => return None,
                Ok(length) => self.framer.push(&buffer[..length]),
                Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(_) => return None,
            }
        }
    }

    /// The next result.
    ///
    /// # Panics
    /// None comes, or a packet that is none.
    #[must_use]
    pub fn told(&mut self) -> Told {
        self.told_within(PATIENCE).expect("a result")
    }

    /// The next result within `patience`.
    ///
    /// # Panics
    /// A packet that is none comes.
    pub fn told_within(&mut self, patience: Duration) -> Option<Told> {
        let frame = self.next_frame(patience)?;
        assert_eq!((PacketType::of(frame.kind), frame.id), (Some(PacketType::Dump), 0));
        let length = frame.encode().len();
        let Ok(Value::List(parts)) = frame.value() else { panic!("{frame:?}") };
        let [path, data] = <[Value; 2]>::try_from(parts).expect("a path and data");
        let Some([asset, check]) = path.list() else { panic!("{path}") };
        let path = CheckPath { asset: asset.unsigned().expect("a number"), check: check.unsigned().expect("a number") };
        assert_eq!(frame.part, path.asset);
        Some(Told { path, data, length })
    }

    /// Asks for a sign of life; the time that the probe says. Results that come before are passed over.
    ///
    /// # Panics
    /// None comes.
    #[must_use]
    pub fn heartbeat(&mut self, id: u16) -> f64 {
        self.send(&packet::request(PacketType::Info, id));
        loop {
            let frame = self.frame();
            if frame.kind == u8::from(PacketType::Dump) {
                continue;
            }
            assert_eq!((PacketType::of(frame.kind), frame.id), (Some(PacketType::InfoAnswer), id));
            let Ok(Value::Real(time)) = frame.value() else { panic!("{frame:?}") };
            return time;
        }
    }

    /// Whether the probe closes the connection; what it sends before is passed over.
    #[must_use]
    pub fn is_left(&mut self) -> bool {
        let until = Instant::now() + PATIENCE;
        while Instant::now() < until {
            if self.next_frame(until.saturating_duration_since(Instant::now())).is_none() {
                return Instant::now() < until;
            }
        }
        false
    }

    /// Asks for signs of life without a pause while it counts results, until there are as many as `wanted` or `patience`
    /// is over; says how many there were.
    ///
    /// # Panics
    /// The system has no second handle of the connection.
    #[must_use]
    pub fn results_in_a_flood(mut self, wanted: usize, patience: Duration) -> usize {
        let mut stream = self.stream.try_clone().expect("a handle");
        let octets = packet::request(PacketType::Info, 1).encode().repeat(100);
        let flood = thread::spawn(move || while stream.write_all(&octets).is_ok() {});
        let until = Instant::now() + patience;
        let (mut results, mut held, mut buffer) = (0, Vec::new(), vec![0; 256 * 1024]);
        self.stream.set_read_timeout(Some(patience)).expect("a time");
        while results < wanted && Instant::now() < until {
            let Ok(length @ 1..) = self.stream.read(&mut buffer) else { break };
            held.extend_from_slice(&buffer[..length]);
            // By their headers alone, to keep up: the length at 8, the kind at 14.
            let mut at = 0;
            while let Some(header) = held.get(at..at + 16) {
                let body = u32::from_le_bytes([header[8], header[9], header[10], header[11]]) as usize;
                if held.len() < at + 16 + body {
                    break;
                }
                results += usize::from(header[14] == u8::from(PacketType::Dump));
                at += 16 + body;
            }
            held.drain(..at);
        }
        self.close();
        flood.join().expect("it ends with the connection");
        results
    }

    /// Closes the connection.
    pub fn close(self) {
        // One that is closed needs not be.
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}
