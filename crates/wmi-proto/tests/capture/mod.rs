//! From a pcap or pcapng file to the DCE/RPC fragments of its TCP connections.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::IpAddr;
use std::path::Path;

use bytes::Bytes;
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use pcap_parser::{Block, PcapBlockOwned, PcapError, create_reader};
use wmi_proto::wire::rpc::{CommonHeader, PduType};

/// One connection whose client speaks DCE/RPC: whole fragments in order, for each direction.
#[derive(Default)]
pub(crate) struct Connection {
    /// From the end that sent bind.
    pub(crate) client: Vec<Bytes>,
    /// From the other end.
    pub(crate) server: Vec<Bytes>,
}

type End = (IpAddr, u16);

/// All such connections of `file`, in the order of their first segment.
pub(crate) fn connections(file: &Path) -> Result<Vec<Connection>, String> {
    let mut streams = Streams::default();
    let opened = File::open(file).map_err(|e| format!("{}: {e}", file.display()))?;
    let mut reader = create_reader(1 << 20, opened).map_err(|e| format!("{}: {e:?}", file.display()))?;
    loop {
        match reader.next() {
            Ok((used, block)) => {
                match block {
                    PcapBlockOwned::Legacy(packet) => streams.frame(packet.data),
                    PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                        streams.frame(packet.data.get(..packet.caplen as usize).unwrap_or(packet.data));
                    }
                    _ => {}
                }
                reader.consume(used);
            }
            Err(PcapError::Eof) => break,
            Err(PcapError::Incomplete(_)) => reader.refill().map_err(|e| format!("{}: {e:?}", file.display()))?,
            Err(e) => return Err(format!("{}: {e:?}", file.display())),
        }
    }
    Ok(streams.connections())
}

/// Segments by direction.
#[derive(Default)]
struct Streams {
    directions: BTreeMap<(End, End), Direction>,
    order: Vec<(End, End)>,
}

#[derive(Default)]
struct Direction {
    start: Option<u32>,
    segments: BTreeMap<u32, Vec<u8>>,
}

impl Streams {
    fn frame(&mut self, frame: &[u8]) {
        let Ok(packet) = SlicedPacket::from_ethernet(frame) else { return };
        let (from, to) = match &packet.net {
            Some(NetSlice::Ipv4(ip)) => {
                (IpAddr::from(ip.header().source_addr()), IpAddr::from(ip.header().destination_addr()))
            }
            Some(NetSlice::Ipv6(ip)) => {
                (IpAddr::from(ip.header().source_addr()), IpAddr::from(ip.header().destination_addr()))
            }
            _ => return,
        };
        let Some(TransportSlice::Tcp(tcp)) = &packet.transport else { return };
        let key = ((from, tcp.source_port()), (to, tcp.destination_port()));
        if !self.directions.contains_key(&key) {
            self.order.push(key);
        }
        let direction = self.directions.entry(key).or_default();
        if tcp.syn() {
            *direction = Direction { start: Some(tcp.sequence_number().wrapping_add(1)), ..Direction::default() };
            return;
        }
        if tcp.payload().is_empty() {
            return;
        }
        let start = *direction.start.get_or_insert(tcp.sequence_number());
        let segment = direction.segments.entry(tcp.sequence_number().wrapping_sub(start)).or_default();
        // A keep-alive or a shorter repetition must not replace what is known.
        if tcp.payload().len() > segment.len() {
            *segment = tcp.payload().to_vec();
        }
    }

    fn connections(&self) -> Vec<Connection> {
        let mut found = Vec::new();
        for key @ (from, to) in &self.order {
            let client = self.directions[key].fragments();
            let starts_with_bind = client
                .first()
                .is_some_and(|f| matches!(CommonHeader::peek(f), Ok(Some(h)) if h.ptype == PduType::BIND));
            if starts_with_bind {
                let server = self.directions.get(&(*to, *from)).map(Direction::fragments).unwrap_or_default();
                found.push(Connection { client, server });
            }
        }
        found
    }
}

impl Direction {
    /// Whole fragments up to the first gap.
    fn fragments(&self) -> Vec<Bytes> {
        let mut stream = Vec::new();
        for (offset, segment) in &self.segments {
            let known = stream.len().checked_sub(*offset as usize);
            let Some(new) = known.and_then(|known| segment.get(known..)) else {
                if known.is_some() {
                    continue;
                }
                break;
            };
            stream.extend_from_slice(new);
        }
        let mut stream = Bytes::from(stream);
        let mut fragments = Vec::new();
        while let Ok(Some(header)) = CommonHeader::peek(&stream) {
            if stream.len() < usize::from(header.frag_length) {
                break;
            }
            fragments.push(stream.split_to(usize::from(header.frag_length)));
        }
        fragments
    }
}
