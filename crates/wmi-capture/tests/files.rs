//! Captures made here: link types, segments in any order, holes, late starts, and files that are not what they seem.

use etherparse::PacketBuilder;
use proptest::prelude::*;
use wmi_capture::{Capture, Direction, Event, FileError, Message, PcapWriter};
use wmi_proto::wire::guid::IID_IREM_UNKNOWN;
use wmi_proto::wire::rpc::{Bind, BindAck, Body, ContextResult, Pdu, PfcFlags, PresentationContext, Request, Response};
use wmi_proto::wire::{Guid, Interface};

const ETHERNET: u32 = 1;
const NULL: u32 = 0;
const RAW: u32 = 101;
const LOOP: u32 = 108;
const LINUX_SLL: u32 = 113;
const IPV4: u32 = 228;
const IPV6: u32 = 229;
const LINUX_SLL2: u32 = 276;

/// Where the sequence numbers of both ends start; the client's overflow soon.
const START: [u32; 2] = [u32::MAX - 40, 7000];

/// What a segment carries.
#[derive(Clone, Debug, Default)]
struct Part {
    /// 0 for the client.
    end: usize,
    /// Counted from the start of the stream.
    offset: u32,
    data: Vec<u8>,
    syn: bool,
    fin: bool,
    /// What of the other end's octets is acknowledged.
    acknowledged: Option<u32>,
}

impl Part {
    fn data(end: usize, offset: usize, data: &[u8]) -> Self {
        Self { end, offset: u32::try_from(offset).unwrap(), data: data.to_vec(), ..Self::default() }
    }

    fn ip(&self, v6: bool) -> Vec<u8> {
        let sequence = START[self.end].wrapping_add(self.offset).wrapping_add(u32::from(!self.syn));
        let (from, to) = if self.end == 0 { (50_000, 135) } else { (135, 50_000) };
        let hosts = if self.end == 0 { [1, 2] } else { [2, 1] };
        let [source, destination] = hosts;
        let ip = if v6 {
            let address = |host| [0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, host];
            PacketBuilder::ipv6(address(source), address(destination), 64)
        } else {
            PacketBuilder::ipv4([10, 0, 0, source], [10, 0, 0, destination], 64)
        };
        let mut tcp = ip.tcp(from, to, sequence, 64_000);
        if self.syn {
            tcp = tcp.syn();
        }
        if self.fin {
            tcp = tcp.fin();
        }
        if let Some(acknowledged) = self.acknowledged {
            tcp = tcp.ack(START[1 - self.end].wrapping_add(acknowledged).wrapping_add(1));
        }
        let mut packet = Vec::new();
        tcp.write(&mut packet, &self.data).unwrap();
        packet
    }
}

/// What stands in front of an IP packet.
fn link_header(link: u32, v6: bool) -> Vec<u8> {
    let ether_type = if v6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    match link {
        ETHERNET => [&[0; 12][..], &ether_type].concat(),
        NULL => vec![if v6 { 30 } else { 2 }, 0, 0, 0],
        LOOP => vec![0, 0, 0, if v6 { 30 } else { 2 }],
        LINUX_SLL => [&[0, 0, 0, 1, 0, 6][..], &[0; 8], &ether_type].concat(),
        LINUX_SLL2 => [&ether_type[..], &[0; 18]].concat(),
        _ => Vec::new(),
    }
}

fn pcap(link: u32, packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut file = Vec::new();
    for field in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, link] {
        file.extend_from_slice(&u32::to_le_bytes(field));
    }
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap();
        for field in [1, 0, length, length] {
            file.extend_from_slice(&u32::to_le_bytes(field));
        }
        file.extend_from_slice(&packet);
    }
    file
}

/// The same as pcapng, in big-endian order, with an interface that is not used in front.
fn pcapng(link: u32, packets: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let length = u32::try_from(body.len() + 12).unwrap().to_be_bytes();
        [&kind.to_be_bytes()[..], &length, body, &length].concat()
    };
    let interface = |link: u32| block(1, &[&(link << 16).to_be_bytes()[..], &[0; 4]].concat());
    let section = [&0x1a2b_3c4d_u32.to_be_bytes()[..], &[0, 1, 0, 0], &[0xff; 8]].concat();
    let mut file = [block(0x0a0d_0d0a, &section), interface(147), interface(link)].concat();
    for packet in packets {
        let length = u32::try_from(packet.len()).unwrap().to_be_bytes();
        let mut body = [&1_u32.to_be_bytes()[..], &[0; 8], &length, &length, &packet].concat();
        body.resize(body.len().next_multiple_of(4), 0);
        file.extend(block(6, &body));
    }
    file
}

/// What both ends of a short association say: bind and its answer, and two calls, the first with two fragments.
fn association() -> [Vec<u8>; 2] {
    let interface = Interface::orpc(IID_IREM_UNKNOWN);
    let bind = Body::Bind(Bind {
        max_xmit_frag: 5840,
        max_recv_frag: 5840,
        assoc_group_id: 0,
        contexts: [PresentationContext::ndr(0, interface)].into_iter().collect(),
    });
    let ack = Body::BindAck(BindAck {
        max_xmit_frag: 5840,
        max_recv_frag: 5840,
        assoc_group_id: 1,
        secondary_address: bytes::Bytes::from_static(b"135\0"),
        results: [ContextResult::ACCEPTED_NDR].into_iter().collect(),
    });
    let request = |stub: Vec<u8>| {
        Body::Request(Request {
            alloc_hint: 0,
            context_id: 0,
            opnum: 77,
            object: Some(Guid::from_u128(5)),
            stub: stub.into(),
        })
    };
    let response =
        |stub: Vec<u8>| Body::Response(Response { alloc_hint: 0, context_id: 0, cancel_count: 0, stub: stub.into() });
    let flagged = |flags, body| Pdu { flags, ..Pdu::new(2, body) }.encode().to_vec();
    let whole = |call_id, body| Pdu::new(call_id, body).encode().to_vec();
    let client = [
        whole(1, bind),
        flagged(PfcFlags::FIRST_FRAG, request((0..100).collect())),
        flagged(PfcFlags::LAST_FRAG, request((100..200).collect())),
        whole(3, request(vec![3; 300])),
    ];
    let server = [whole(1, ack), whole(2, response((0..150).collect())), whole(3, response(vec![4; 20]))];
    [client.concat(), server.concat()]
}

fn opening() -> [Part; 2] {
    [Part { syn: true, ..Part::default() }, Part { end: 1, syn: true, acknowledged: Some(0), ..Part::default() }]
}

/// The association in segments of `size` octets, the ends taking turns.
fn segments(size: usize) -> Vec<Part> {
    let streams = association();
    let mut parts = Vec::new();
    for end in [0, 1] {
        let chunks = streams[end].chunks(size).enumerate();
        parts.extend(chunks.map(|(index, data)| Part::data(end, index * size, data)));
    }
    parts
}

fn read(file: &[u8]) -> Vec<Event> {
    Capture::open(file, None).collect()
}

fn messages(events: &[Event]) -> Vec<&Message> {
    events.iter().filter_map(|e| if let Event::Message(message) = e { Some(&**message) } else { None }).collect()
}

/// Type, call, octets of stub.
fn short(events: &[Event]) -> Vec<(&'static str, u32, usize)> {
    messages(events).iter().map(|m| (m.kind(), m.call_id, m.stub.len())).collect()
}

const ALL: [(&str, u32, usize); 6] = [
    ("bind", 1, 0),
    ("request", 2, 200),
    ("request", 3, 300),
    ("bind_ack", 1, 0),
    ("response", 2, 150),
    ("response", 3, 20),
];

#[test]
fn every_link_type_and_both_versions_of_ip() {
    let parts = || opening().into_iter().chain(segments(60)).collect::<Vec<_>>();
    for (link, versions) in [
        (ETHERNET, &[false, true][..]),
        (NULL, &[false, true]),
        (LOOP, &[false, true]),
        (RAW, &[false, true]),
        (LINUX_SLL, &[false, true]),
        (LINUX_SLL2, &[false, true]),
        (IPV4, &[false]),
        (IPV6, &[true]),
    ] {
        for v6 in versions {
            let packets = || parts().into_iter().map(|part| [link_header(link, *v6), part.ip(*v6)].concat());
            for file in [pcap(link, packets()), pcapng(link, packets())] {
                let events = read(&file);
                assert_eq!(short(&events), ALL, "link type {link}, IPv6 {v6}");
                assert_eq!(events.len(), ALL.len(), "{events:?}");
            }
        }
    }
}

#[test]
fn fragments_keep_the_frame_of_the_first() {
    let parts: Vec<_> = opening().into_iter().chain(segments(60)).collect();
    let events = read(&pcap(RAW, parts.iter().map(|part| part.ip(false))));
    let request = messages(&events)[1];
    // bind is 72 octets; the first fragment ends with octet 212 and the second with 352, in segments 4 and 6.
    assert_eq!((request.at.frame, request.last_frame, request.fragments), (2 + 4, 2 + 6, 2));
    assert_eq!((request.opnum, request.object), (Some(77), Some(Guid::from_u128(5))));
    assert_eq!(request.stub, (0..200).collect::<Vec<u8>>());
    assert_eq!(messages(&events)[4].opnum, Some(77), "the answer has the number of its request");
}

#[test]
fn a_hole_is_one_and_what_follows_is_read() {
    // The third call starts with a segment of its own, as senders do.
    let [client, _] = association();
    let third = client.len() - 340;
    let parts = [
        Part::data(0, 0, &client[..100]),
        Part::data(0, 150, &client[150..third]),
        Part::data(0, third, &client[third..]),
    ];
    let all = opening().into_iter().chain(parts).chain([Part {
        end: 1,
        acknowledged: Some(u32::try_from(client.len()).unwrap()),
        ..Part::default()
    }]);
    let events = read(&pcap(RAW, all.map(|part| part.ip(false))));
    assert_eq!(short(&events), [("bind", 1, 0), ("request", 3, 300)]);
    let holes: Vec<_> = events
        .iter()
        .filter_map(|e| if let Event::Missing { octets, .. } = e { Some(*octets) } else { None })
        .collect();
    assert_eq!(holes, [Some(50)]);
    let skipped: u64 = events.iter().map(|e| if let Event::Skipped { octets, .. } = e { *octets } else { 0 }).sum();
    assert_eq!(skipped, 28 + (third - 150) as u64, "what stood before and after the hole without being a message");
}

#[test]
fn what_was_acknowledged_and_never_seen_is_missing() {
    let [client, _] = association();
    let end = u32::try_from(client.len()).unwrap();
    let parts = [Part::data(0, 0, &client[..72]), Part { end: 1, acknowledged: Some(end), ..Part::default() }];
    let events = read(&pcap(RAW, opening().into_iter().chain(parts).map(|part| part.ip(false))));
    assert!(
        matches!(events[..], [Event::Message(_), Event::Missing { octets: Some(n), .. }] if n == u64::from(end) - 72),
        "{events:?}"
    );
}

#[test]
fn the_end_of_a_stream_tells_how_much_is_missing() {
    let [client, _] = association();
    let end = u32::try_from(client.len()).unwrap();
    // FIN takes a sequence number, which is acknowledged, and no octet.
    for acknowledged in [None, Some(end + 1)] {
        let fin = Part { offset: end, fin: true, ..Part::default() };
        let last = Part { end: 1, acknowledged, ..Part::default() };
        let parts = [Part::data(0, 0, &client[..72]), fin, last];
        let events = read(&pcap(RAW, opening().into_iter().chain(parts).map(|part| part.ip(false))));
        assert!(
            matches!(events[..], [Event::Message(_), Event::Missing { octets: Some(n), .. }] if n == u64::from(end) - 72),
            "{events:?}"
        );
    }
}

/// A source that gives an octet at a time, and is interrupted in between.
struct Drops<'a>(&'a [u8], bool);

impl std::io::Read for Drops<'_> {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let octets = into.len().min(1);
        self.0.read(&mut into[..octets])
    }
}

#[test]
fn a_slow_source_makes_no_difference() {
    // Longer than what is read at once, with a frame that is longer than that by itself.
    let long = vec![0; 300_000];
    let packets = || {
        let parts = opening().into_iter().chain(segments(1000)).map(|part| part.ip(false));
        std::iter::once(long.clone()).chain(parts)
    };
    for file in [pcap(RAW, packets()), pcapng(RAW, packets())] {
        let events: Vec<_> = Capture::open(Drops(&file, false), None).collect();
        assert_eq!(short(&events), ALL);
        assert_eq!(events, read(&file));
    }
}

#[test]
fn a_length_that_is_not_there_is_a_cut() {
    let mut file = pcap(RAW, opening().map(|part| part.ip(false)));
    for claimed in [1_000_000_u32, 20 << 20, 0x7fff_ffff] {
        let length = file.len();
        for field in [1, 0, claimed, claimed] {
            file.extend_from_slice(&u32::to_le_bytes(field));
        }
        file.extend_from_slice(&[0; 50]);
        assert_eq!(read(&file), [Event::Stopped(FileError::CutOff(2))], "{claimed} octets");
        file.truncate(length);
    }
}

#[test]
fn blocks_that_are_not_needed_may_hold_anything() {
    let packets = || opening().into_iter().chain(segments(60)).map(|part| part.ip(false));
    let file = pcapng(RAW, packets());
    // A process information block without the process, statistics that end early, names, secrets, and something new.
    let section = 28;
    for (kind, length) in [(0x8000_0001_u32, 12_u32), (5, 16), (4, 20), (10, 16), (0x77, 4012)] {
        let mut block = vec![0xff; length as usize];
        block[..4].copy_from_slice(&kind.to_be_bytes());
        block[4..8].copy_from_slice(&length.to_be_bytes());
        let end = block.len() - 4;
        block[end..].copy_from_slice(&length.to_be_bytes());
        let with = |block: &[u8]| [&file[..section], block, &file[section..]].concat();
        assert_eq!(short(&read(&with(&block))), ALL, "block {kind}");
        block[end] = 1;
        assert_eq!(read(&with(&block)), [Event::Stopped(FileError::Damaged(0))], "block {kind}");
        assert_eq!(read(&with(&block)[..section + 9]), [Event::Stopped(FileError::CutOff(0))], "block {kind}");
    }
}

#[test]
fn no_section_has_interfaces_without_end() {
    let file = pcapng(RAW, []);
    // The last block describes an interface.
    let interface = &file[file.len() - 20..];
    let with = |more: usize| [&file[..], &interface.repeat(more)].concat();
    assert_eq!(read(&with((1 << 16) - 2)), []);
    assert_eq!(read(&with((1 << 16) - 1)), [Event::Stopped(FileError::Damaged(0))]);
}

#[test]
fn a_capture_may_start_in_mid_session() {
    let [client, server] = association();
    let parts = [Part::data(0, 50, &client[50..]), Part::data(1, 0, &server), Part::data(0, client.len(), &client)];
    let events = read(&pcap(RAW, parts.iter().map(|part| part.ip(false))));
    // The client's first octets are the rest of a message; then the whole association comes once more.
    let theirs = [("bind_ack", 1, 0), ("response", 2, 150), ("response", 3, 20)];
    assert_eq!(short(&events), [&theirs[..], &ALL[..3]].concat());
    assert_eq!(messages(&events)[1].opnum, None, "nobody knows what was called");
    let starts = events.iter().filter(|e| matches!(e, Event::Missing { octets: None, .. })).count();
    assert_eq!(starts, 2);
}

#[test]
fn the_same_ports_again_are_another_stream() {
    let once: Vec<_> = opening().into_iter().chain(segments(1000)).collect();
    let packets = |moved: u32| {
        once.iter().map(move |part| {
            let mut packet = part.ip(false);
            if part.end == 0 {
                let sequence = u32::from_be_bytes(packet[24..28].try_into().unwrap()).wrapping_add(moved);
                packet[24..28].copy_from_slice(&sequence.to_be_bytes());
            }
            packet
        })
    };
    let events = read(&pcap(RAW, packets(0).chain(packets(1_000_000))));
    let streams: Vec<_> = messages(&events).iter().map(|m| m.at.stream).collect();
    assert_eq!(streams, [[0; 6], [1; 6]].concat());
    assert_eq!(short(&events), [ALL, ALL].concat());
}

#[test]
fn other_protocols_are_silent() {
    let parts = [
        Part::data(0, 0, b"GET / HTTP/1.1\r\n\r\n"),
        Part::data(1, 0, b"HTTP/1.1 200 OK\r\n\r\n"),
        // SOCKS begins with a 5 too.
        Part::data(0, 18, &[5, 0, 0, 3, 1, 0, 0, 0, 16, 0, 0, 0, 1, 0, 0, 0]),
    ];
    let parts = opening().into_iter().chain(parts);
    assert_eq!(read(&pcap(RAW, parts.map(|part| part.ip(false)))), []);
}

#[test]
fn every_truncation_is_told() {
    let packets = || opening().into_iter().chain(segments(200)).map(|part| part.ip(false));
    for file in [pcap(RAW, packets()), pcapng(RAW, packets())] {
        let all = short(&read(&file));
        let mut whole = 0;
        // The headers of file and blocks at every octet, the rest in steps.
        for length in (0..200).chain((200..file.len()).step_by(5)) {
            let events = read(&file[..length]);
            let found = short(&events);
            assert!(all.starts_with(&found), "{length} octets: {found:?}");
            match events.last() {
                Some(Event::Stopped(FileError::CutOff(_))) => {}
                Some(Event::Stopped(FileError::Empty)) => assert_eq!(length, 0),
                Some(Event::Stopped(FileError::NoCapture)) => assert!(length < 4),
                Some(Event::Stopped(other)) => panic!("{length} octets: {other}"),
                // The cut is between two blocks.
                _ => whole += 1,
            }
        }
        assert!(whole <= packets().count() + 4, "{whole} cuts were not seen");
    }
}

#[test]
fn what_is_written_is_read() {
    let [client, server] = association();
    let time = std::time::Duration::from_micros(1_700_000_000_000_001);
    for [here, there] in [["10.0.0.1:50000", "10.0.0.2:135"], ["[fd00::1]:50000", "[fd00::2]:135"]] {
        let mut file = Vec::new();
        let mut writer = PcapWriter::new(&mut file).unwrap();
        for (name, data) in [(7, &client), (8, &client)] {
            let port = here.replace("50000", &format!("5000{name}"));
            writer.opened(name, port.parse().unwrap(), there.parse().unwrap(), time).unwrap();
            writer.data(name, Direction::FromClient, &data[..100], time).unwrap();
            writer.data(name, Direction::FromServer, &server, time).unwrap();
            writer.data(name, Direction::FromClient, &data[100..], time).unwrap();
        }
        writer.data(9, Direction::FromClient, b"of nobody", time).unwrap();
        writer.closed(7, time).unwrap();
        writer.finish().unwrap();
        let events = read(&file);
        assert_eq!(events.len(), 12, "{events:?}");
        for stream in [0, 1] {
            let mut found: Vec<_> = messages(&events).into_iter().filter(|m| m.at.stream == stream).collect();
            found.sort_by_key(|m| m.at.from.port() == 135);
            let found: Vec<_> = found.iter().map(|m| (m.kind(), m.call_id, m.stub.len())).collect();
            assert_eq!(found, ALL);
        }
        assert_eq!(messages(&events)[0].at.from.to_string(), here.replace("50000", "50007"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// Late, repeated and overlapping segments change nothing.
    #[test]
    fn order_and_repetition_change_nothing(
        size in 1_usize..400,
        overlaps in prop::collection::vec((0_usize..2, 0_usize..900, 1_usize..200), 0..12),
        seed in any::<prop::sample::Selector>(),
    ) {
        let streams = association();
        let mut parts = segments(size);
        for (end, from, length) in overlaps {
            let stream = &streams[end];
            let from = from % stream.len();
            parts.push(Part::data(end, from, &stream[from..(from + length).min(stream.len())]));
        }
        let mut shuffled = Vec::new();
        while !parts.is_empty() {
            let index = seed.select(0..parts.len());
            shuffled.push(parts.swap_remove(index));
        }
        let events = read(&pcap(RAW, opening().into_iter().chain(shuffled).map(|part| part.ip(false))));
        let mut found = short(&events);
        prop_assert_eq!(events.len(), found.len(), "{:?}", events);
        // The ends are independent of each other; within one the order holds.
        found.sort_by_key(|(kind, ..)| kind.starts_with("bind_ack") || kind.starts_with("response"));
        prop_assert_eq!(found, ALL);
    }

    /// Whatever is changed in a file, reading it ends.
    #[test]
    fn damaged_files_are_read_to_an_end(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ng in any::<bool>(),
        size in 30_usize..300,
    ) {
        let packets = opening().into_iter().chain(segments(size)).map(|p| [link_header(ETHERNET, false), p.ip(false)].concat());
        let mut file = if ng { pcapng(ETHERNET, packets) } else { pcap(ETHERNET, packets) };
        for (index, value) in changes {
            let at = index.index(file.len());
            file[at] = value;
        }
        for message in messages(&read(&file)) {
            prop_assert!(message.stub.len() <= file.len());
        }
    }
}
