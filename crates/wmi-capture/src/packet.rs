//! From a frame to the TCP segment in it.

use std::net::{IpAddr, SocketAddr};

use etherparse::{EtherType, LaxNetSlice, LaxSlicedPacket, TransportSlice};
use pcap_parser::Linktype;

use crate::file::Frame;

/// A TCP segment as far as it was captured.
pub(crate) struct Segment<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) sequence: u32,
    /// What the sender has received, when it says so.
    pub(crate) acknowledged: Option<u32>,
    pub(crate) syn: bool,
    /// The sender says nothing more, or broke the connection off.
    pub(crate) last: bool,
    /// The sender says nothing more.
    pub(crate) fin: bool,
    pub(crate) payload: &'a [u8],
}

/// The segment in `frame`; `None` when it holds something else, is a fragment of an IP packet, or was captured without
/// its TCP header.
pub(crate) fn segment<'a>(frame: &Frame<'a>) -> Option<Segment<'a>> {
    let packet = sliced(frame)?;
    let (from, to) = match packet.net? {
        LaxNetSlice::Ipv4(ip) if !ip.is_payload_fragmented() => {
            let header = ip.header();
            (IpAddr::from(header.source_addr()), IpAddr::from(header.destination_addr()))
        }
        LaxNetSlice::Ipv6(ip) if !ip.is_payload_fragmented() => {
            let header = ip.header();
            (IpAddr::from(header.source_addr()), IpAddr::from(header.destination_addr()))
        }
        _ => return None,
    };
    let Some(TransportSlice::Tcp(tcp)) = packet.transport else { return None };
    Some(Segment {
        from: SocketAddr::new(from, tcp.source_port()),
        to: SocketAddr::new(to, tcp.destination_port()),
        sequence: tcp.sequence_number(),
        acknowledged: tcp.ack().then(|| tcp.acknowledgment_number()),
        syn: tcp.syn(),
        last: tcp.fin() || tcp.rst(),
        fin: tcp.fin(),
        payload: tcp.payload(),
    })
}

/// Whether the segment in `frame` is whole and does not match its checksum. Frames that the machine itself sent may have
/// been captured before their checksums were made.
pub(crate) fn has_wrong_checksum(frame: &Frame<'_>) -> bool {
    let Some(packet) = sliced(frame) else { return false };
    let (Some(net), Some(TransportSlice::Tcp(tcp))) = (packet.net, packet.transport) else { return false };
    let expected = match net {
        LaxNetSlice::Ipv4(ip) if !ip.payload().incomplete => {
            tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination())
        }
        LaxNetSlice::Ipv6(ip) if !ip.payload().incomplete => {
            tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination())
        }
        _ => return false,
    };
    expected.is_ok_and(|expected| expected != tcp.checksum())
}

fn sliced<'a>(frame: &Frame<'a>) -> Option<LaxSlicedPacket<'a>> {
    let data = frame.data;
    match frame.link {
        Linktype::ETHERNET => LaxSlicedPacket::from_ethernet(data).ok(),
        // The address family in front is in the byte order of whoever captured it; the packet tells its version itself.
        Linktype::NULL | Linktype::LOOP => LaxSlicedPacket::from_ip(data.get(4..)?).ok(),
        Linktype::RAW | Linktype(12 | 14) | Linktype::IPV4 | Linktype::IPV6 => LaxSlicedPacket::from_ip(data).ok(),
        Linktype::LINUX_SLL => cooked(*data.get(14..)?.first_chunk()?, data.get(16..)?),
        Linktype::LINUX_SLL2 => cooked(*data.first_chunk()?, data.get(20..)?),
        _ => None,
    }
}

fn cooked(protocol: [u8; 2], payload: &[u8]) -> Option<LaxSlicedPacket<'_>> {
    Some(LaxSlicedPacket::from_ether_type(EtherType(u16::from_be_bytes(protocol)), payload))
}
