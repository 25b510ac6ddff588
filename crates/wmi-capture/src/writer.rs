//! A pcap file of connections whose octets are known but were never packets.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;

use etherparse::PacketBuilder;

/// LINKTYPE_RAW: each frame is an IP packet.
const LINK_RAW: u32 = 101;
/// Octets of a frame at the most.
const SNAP_LENGTH: u32 = 262_144;
/// Octets of payload in one segment, as on Ethernet with IPv6.
const SEGMENT: usize = 1440;
/// The sequence number of a SYN.
const START: u32 = 0x1000;
const WINDOW: u16 = u16::MAX;
const HOPS: u8 = 64;

/// Writes a pcap file: TCP over IP with handshakes, sequence numbers, checksums and farewells, as if it had been
/// captured on the way.
///
/// Connections are named by whoever opened them. Those that are unknown or already open are ignored.
#[derive(Debug)]
pub struct PcapWriter<W: Write> {
    out: W,
    connections: BTreeMap<usize, Connection>,
}

#[derive(Debug)]
struct Connection {
    /// The client and the server.
    ends: [SocketAddr; 2],
    /// What each end sends next.
    next: [u32; 2],
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the end that opened the connection.
    FromClient,
    /// To it.
    FromServer,
}

#[derive(Clone, Copy)]
enum Flag {
    Syn,
    Push,
    Fin,
    None,
}

impl<W: Write> PcapWriter<W> {
    /// Begins a file.
    ///
    /// # Errors
    /// `out` cannot be written to, here and below.
    pub fn new(mut out: W) -> io::Result<Self> {
        // Magic number for microseconds, version 2.4, no time zone, no accuracy.
        for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, SNAP_LENGTH, LINK_RAW] {
            out.write_all(&u32::to_le_bytes(field))?;
        }
        Ok(Self { out, connections: BTreeMap::new() })
    }

    /// A connection stands. `time` counts from 1970, here and below.
    ///
    /// # Errors
    /// As [`PcapWriter::new`].
    pub fn opened(&mut self, name: usize, client: SocketAddr, server: SocketAddr, time: Duration) -> io::Result<()> {
        if self.connections.contains_key(&name) || client.is_ipv4() != server.is_ipv4() {
            return Ok(());
        }
        let mut connection = Connection { ends: [client, server], next: [START; 2] };
        for (direction, flag) in [
            (Direction::FromClient, Flag::Syn),
            (Direction::FromServer, Flag::Syn),
            (Direction::FromClient, Flag::None),
        ] {
            let packet = connection.packet(direction, flag, &[]);
            self.frame(&packet, time)?;
        }
        self.connections.insert(name, connection);
        Ok(())
    }

    /// Octets went one way.
    ///
    /// # Errors
    /// As [`PcapWriter::new`].
    pub fn data(&mut self, name: usize, direction: Direction, data: &[u8], time: Duration) -> io::Result<()> {
        for segment in data.chunks(SEGMENT) {
            let Some(connection) = self.connections.get_mut(&name) else { return Ok(()) };
            let packet = connection.packet(direction, Flag::Push, segment);
            self.frame(&packet, time)?;
        }
        Ok(())
    }

    /// A connection is over.
    ///
    /// # Errors
    /// As [`PcapWriter::new`].
    pub fn closed(&mut self, name: usize, time: Duration) -> io::Result<()> {
        let Some(mut connection) = self.connections.remove(&name) else { return Ok(()) };
        for (direction, flag) in [
            (Direction::FromClient, Flag::Fin),
            (Direction::FromServer, Flag::Fin),
            (Direction::FromClient, Flag::None),
        ] {
            let packet = connection.packet(direction, flag, &[]);
            self.frame(&packet, time)?;
        }
        Ok(())
    }

    /// Ends the file; connections that are open stay so.
    ///
    /// # Errors
    /// As [`PcapWriter::new`].
    pub fn finish(&mut self) -> io::Result<()> {
        self.out.flush()
    }

    /// What was written to.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out
    }

    fn frame(&mut self, packet: &[u8], time: Duration) -> io::Result<()> {
        // Seconds wrap in 2106; a packet is at most a segment and its headers.
        let seconds = u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let length = u32::try_from(packet.len()).unwrap_or(SNAP_LENGTH);
        for field in [seconds, time.subsec_micros(), length, length] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(packet)
    }
}

impl Connection {
    /// The next packet of an end.
    fn packet(&mut self, direction: Direction, flag: Flag, payload: &[u8]) -> Vec<u8> {
        let ([client, server], [next_client, next_server]) = (self.ends, &mut self.next);
        let (from, to, next, other) = match direction {
            Direction::FromClient => (client, server, next_client, *next_server),
            Direction::FromServer => (server, client, next_server, *next_client),
        };
        let ip = match (from, to) {
            (SocketAddr::V4(from), SocketAddr::V4(to)) => {
                PacketBuilder::ipv4(from.ip().octets(), to.ip().octets(), HOPS)
            }
            (from, to) => PacketBuilder::ipv6(v6(from), v6(to), HOPS),
        };
        let mut tcp = ip.tcp(from.port(), to.port(), *next, WINDOW);
        let mut taken = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        match flag {
            Flag::Syn => {
                tcp = tcp.syn();
                taken = 1;
            }
            Flag::Fin => {
                tcp = tcp.fin();
                taken = 1;
            }
            Flag::Push => tcp = tcp.psh(),
            Flag::None => {}
        }
        *next = next.wrapping_add(taken);
        // Only the first packet of all acknowledges nothing.
        if !(matches!(flag, Flag::Syn) && direction == Direction::FromClient) {
            tcp = tcp.ack(other);
        }
        let mut packet = Vec::with_capacity(tcp.size(payload.len()));
        // A vector takes everything, and a segment is shorter than the longest packet.
        let written = tcp.write(&mut packet, payload);
        debug_assert!(written.is_ok(), "{written:?}");
        packet
    }
}

fn v6(address: SocketAddr) -> [u8; 16] {
    match address {
        SocketAddr::V4(address) => address.ip().to_ipv6_mapped().octets(),
        SocketAddr::V6(address) => address.ip().octets(),
    }
}
