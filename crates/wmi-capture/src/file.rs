//! Frames of pcap and pcapng files, until the end or the first place that cannot be read.

use std::io::{self, Read};
use std::time::Duration;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, InterfaceDescriptionBlock, Linktype, PcapBlockOwned, PcapError};
use pcap_parser::{create_reader, nom, parse_sectionheaderblock};
use thiserror::Error;

/// Why a file is no capture, or where it stops to be one.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileError {
    /// Nothing is in it.
    #[error("the file is empty")]
    Empty,
    /// It starts neither as pcap nor as pcapng.
    #[error("no pcap or pcapng file")]
    NoCapture,
    /// It ends inside a block.
    #[error("the file is cut off after frame {0}")]
    CutOff(u64),
    /// A block is not what its header says.
    #[error("the file is damaged after frame {0}")]
    Damaged(u64),
    /// It cannot be read on.
    #[error("reading: {0}")]
    Unreadable(String),
}

/// One captured frame.
pub(crate) struct Frame<'a> {
    /// Counted from 1 over all packets of the file, as analyzers do.
    pub(crate) number: u64,
    /// When it was captured, since 1970; zero where the file does not say.
    pub(crate) time: Duration,
    /// What the octets start with.
    pub(crate) link: Linktype,
    /// What was captured of it.
    pub(crate) data: &'a [u8],
}

/// Whether `head`, the first octets of a file, start as pcap or pcapng do.
#[must_use]
pub fn is_capture(head: &[u8]) -> bool {
    head.first_chunk().is_some_and(|magic| MAGICS.contains(magic))
}

/// pcap with micro- and nanoseconds in both byte orders, and the section header of pcapng.
const MAGICS: [[u8; 4]; 5] = [
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0x0a, 0x0d, 0x0d, 0x0a],
];

/// Octets that are read at once; a block may be longer, but for the first one.
const BUFFER: usize = 1 << 17;
/// The longest block that is read. Analyzers write frames of at most 256 KiB.
const LONGEST_BLOCK: usize = 16 << 20;
/// The most interfaces of a section. Machines have tens of them.
const MOST_INTERFACES: usize = 1 << 16;

/// A capture file that is being read.
pub(crate) struct Frames<'s> {
    reader: Box<dyn PcapReaderIterator + Send + 's>,
    /// The section's interfaces, by number.
    interfaces: Vec<Interface>,
    number: u64,
    capacity: usize,
    /// The byte order of the section of a pcapng file that is being read.
    big_endian: Option<bool>,
}

/// What the file says about where frames were captured.
#[derive(Clone, Copy)]
struct Interface {
    link: Linktype,
    /// Units of time stamps in a second; `None` for 10^39 and more, of which a time stamp has less than a nanosecond.
    units: Option<u128>,
    /// Seconds that are added to time stamps.
    offset: i64,
}

impl Interface {
    /// One of a pcapng file: `if_tsresol` is a power of ten or, with its highest bit set, of two.
    fn described(block: &InterfaceDescriptionBlock<'_>, big_endian: bool) -> Self {
        let base: u128 = if block.if_tsresol & 0x80 == 0 { 10 } else { 2 };
        let units = base.checked_pow(u32::from(block.if_tsresol & 0x7f));
        // It was read as little-endian, whatever the section is.
        let offset = if big_endian { block.if_tsoffset.swap_bytes() } else { block.if_tsoffset };
        Self { link: block.linktype, units, offset }
    }

    /// A time stamp since 1970; one before that is 1970.
    fn time(&self, stamp: u64) -> Duration {
        let (seconds, nanos) = self.units.map_or((0, 0), |units| {
            let stamp = u128::from(stamp);
            (stamp / units, (stamp % units) * 1_000_000_000 / units)
        });
        let seconds = u64::try_from(seconds).unwrap_or(u64::MAX).saturating_add_signed(self.offset);
        Duration::new(seconds, u32::try_from(nanos).unwrap_or(0))
    }
}

impl<'s> Frames<'s> {
    pub(crate) fn open(source: impl Read + Send + 's) -> Result<Self, FileError> {
        let mut source = Full(source);
        let mut head = Vec::new();
        let unreadable = |error: io::Error| FileError::Unreadable(error.to_string());
        (&mut source).take(BUFFER as u64).read_to_end(&mut head).map_err(unreadable)?;
        if head.is_empty() {
            return Err(FileError::Empty);
        }
        if !is_capture(&head) {
            return Err(FileError::NoCapture);
        }
        let is_short = head.len() < BUFFER && is_short(&head);
        let whole = io::Cursor::new(head).chain(source);
        let reader = create_reader(BUFFER, whole).map_err(|error| match error {
            PcapError::ReadError => FileError::Unreadable("the file cannot be read".to_owned()),
            _ if is_short => FileError::CutOff(0),
            _ => FileError::Damaged(0),
        })?;
        Ok(Self { reader, interfaces: Vec::new(), number: 0, capacity: BUFFER, big_endian: None })
    }

    /// Hands the next frame to `take`; false at the end of the file.
    pub(crate) fn next(&mut self, mut take: impl FnMut(Frame<'_>)) -> Result<bool, FileError> {
        loop {
            let number = self.number;
            if let Some(length) = self.other_block() {
                self.pass(length)?;
                continue;
            }
            let (used, found) = match self.reader.next() {
                Ok((used, block)) => {
                    if let PcapBlockOwned::NG(Block::SectionHeader(section)) = &block {
                        self.big_endian = Some(section.big_endian());
                    }
                    let big_endian = self.big_endian.unwrap_or(false);
                    (used, Self::block(block, big_endian, &mut self.interfaces, number, &mut take)?)
                }
                Err(PcapError::Eof) => return Ok(false),
                Err(PcapError::Incomplete(_) | PcapError::BufferTooSmall) => {
                    self.more()?;
                    continue;
                }
                Err(PcapError::UnexpectedEof) => return Err(FileError::CutOff(number)),
                Err(PcapError::ReadError) => return Err(FileError::Unreadable("the file cannot be read".to_owned())),
                Err(_) => return Err(FileError::Damaged(number)),
            };
            self.reader.consume(used);
            if found {
                self.number += 1;
                return Ok(true);
            }
        }
    }

    /// Reads on. Whatever length a block claims: there is only room for twice what is there.
    fn more(&mut self) -> Result<(), FileError> {
        if self.reader.data().len() >= self.capacity {
            self.capacity *= 2;
            if self.capacity > LONGEST_BLOCK || !self.reader.grow(self.capacity) {
                return Err(FileError::Damaged(self.number));
            }
        }
        self.reader.refill().map_err(|_| FileError::Unreadable("the file cannot be read".to_owned()))
    }

    /// The length of the next block of a pcapng file if it has neither frames nor what is needed for them. Nobody looks
    /// into it, so that it may hold anything.
    fn other_block(&self) -> Option<u32> {
        let big_endian = self.big_endian?;
        let (kind, length) = self.reader.data().first_chunk::<8>().map(|head| {
            let [k0, k1, k2, k3, l0, l1, l2, l3] = *head;
            (number([k0, k1, k2, k3], big_endian), number([l0, l1, l2, l3], big_endian))
        })?;
        (!NEEDED_BLOCKS.contains(&kind)).then_some(length)
    }

    /// Goes over a block.
    fn pass(&mut self, length: u32) -> Result<(), FileError> {
        let damaged = FileError::Damaged(self.number);
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        // Type, length, and the length again; padded to four octets.
        if length < 12 || !length.is_multiple_of(4) || length > LONGEST_BLOCK {
            return Err(damaged);
        }
        while self.reader.data().len() < length {
            if self.reader.reader_exhausted() {
                return Err(FileError::CutOff(self.number));
            }
            self.more()?;
        }
        let data = self.reader.data();
        if data.get(4..8) != data.get(length - 4..length) {
            return Err(damaged);
        }
        self.reader.consume(length);
        Ok(())
    }

    fn block(
        block: PcapBlockOwned<'_>,
        big_endian: bool,
        interfaces: &mut Vec<Interface>,
        number: u64,
        take: &mut impl FnMut(Frame<'_>),
    ) -> Result<bool, FileError> {
        let (interface, stamp, captured, data) = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                let units = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                *interfaces = vec![Interface { link: header.network, units: Some(units), offset: 0 }];
                return Ok(false);
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                interfaces.clear();
                return Ok(false);
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                if interfaces.len() >= MOST_INTERFACES {
                    return Err(FileError::Damaged(number));
                }
                interfaces.push(Interface::described(interface, big_endian));
                return Ok(false);
            }
            PcapBlockOwned::Legacy(packet) => {
                let units = interfaces.first().and_then(|interface| u64::try_from(interface.units?).ok());
                let units = units.unwrap_or(1_000_000);
                let stamp = u64::from(packet.ts_sec).saturating_mul(units).saturating_add(packet.ts_usec.into());
                (0, Some(stamp), packet.caplen, packet.data)
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let stamp = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                (packet.if_id, Some(stamp), packet.caplen, packet.data)
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => (0, None, packet.origlen, packet.data),
            PcapBlockOwned::NG(_) => return Ok(false),
        };
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let data = data.get(..captured).unwrap_or(data);
        let interface = usize::try_from(interface).ok().and_then(|interface| interfaces.get(interface));
        let time = interface.zip(stamp).map_or(Duration::ZERO, |(interface, stamp)| interface.time(stamp));
        // A frame of an interface that nobody described is counted and not looked into.
        let link = interface.map_or(Linktype(-1), |interface| interface.link);
        take(Frame { number: number + 1, time, link, data });
        Ok(true)
    }
}

/// Whether `file`, all of it, ends inside its first header.
fn is_short(file: &[u8]) -> bool {
    // The header of pcap is that of the file and has a fixed length.
    let section = file.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]);
    if section { matches!(parse_sectionheaderblock(file), Err(nom::Err::Incomplete(_))) } else { file.len() < 24 }
}

/// Section header, interface description, simple packet, enhanced packet.
const NEEDED_BLOCKS: [u32; 4] = [0x0a0d_0d0a, 1, 3, 6];

const fn number(octets: [u8; 4], big_endian: bool) -> u32 {
    if big_endian { u32::from_be_bytes(octets) } else { u32::from_le_bytes(octets) }
}

/// A source that gives as much as is asked for, until it ends: how it is cut makes no difference.
struct Full<R>(R);

impl<R: Read> Read for Full<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut filled = 0;
        while let Some(room) = into.get_mut(filled..).filter(|room| !room.is_empty()) {
            match self.0.read(room) {
                Ok(0) => break,
                Ok(octets) => filled += octets,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) if filled > 0 => break,
                Err(error) => return Err(error),
            }
        }
        Ok(filled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The time of a frame of a pcapng file with one interface, which says `resolution` and `offset`.
    fn time(big_endian: bool, resolution: u8, offset: i64, stamp: u64) -> Duration {
        let u32 = |value: u32| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let u16 = |value: u16| if big_endian { value.to_be_bytes() } else { value.to_le_bytes() };
        let offset = if big_endian { offset.to_be_bytes() } else { offset.to_le_bytes() };
        let block = |kind: u32, body: &[u8]| {
            let length = u32(u32::try_from(body.len()).unwrap() + 12);
            [&u32(kind)[..], &length, body, &length].concat()
        };
        let section = [&u32(0x1a2b_3c4d)[..], &u16(1), &u16(0), &[0xff; 8]].concat();
        let option = |code: u16, value: &[u8]| {
            let padding = vec![0; value.len().next_multiple_of(4) - value.len()];
            [&u16(code)[..], &u16(u16::try_from(value.len()).unwrap()), value, &padding].concat()
        };
        let options = [option(9, &[resolution]), option(14, &offset), option(0, &[])].concat();
        let interface = [&u16(101)[..], &u16(0), &u32(0), &options].concat();
        let (high, low) = (u32::try_from(stamp >> 32).unwrap(), stamp as u32);
        let packet = [u32(0), u32(high), u32(low), u32(4), u32(4), [0; 4]].concat();
        let file = [block(0x0a0d_0d0a, &section), block(1, &interface), block(6, &packet)].concat();
        let mut found = None;
        assert_eq!(Frames::open(&file[..]).unwrap().next(|frame| found = Some(frame.time)), Ok(true));
        found.unwrap()
    }

    #[test]
    fn time_stamps_are_in_the_units_of_their_interface() {
        for big_endian in [false, true] {
            let time = |resolution, offset, stamp| time(big_endian, resolution, offset, stamp);
            assert_eq!(time(0, 0, 7), Duration::from_secs(7));
            assert_eq!(time(6, 0, 1_500_000), Duration::from_millis(1500));
            assert_eq!(time(9, 100, 1_500_000_000), Duration::from_millis(101_500));
            assert_eq!(time(6, -1, 1_500_000), Duration::from_millis(500));
            assert_eq!(time(0x80 | 10, 0, 1536), Duration::from_millis(1500));
            assert_eq!(time(0x80 | 63, 0, 3 << 62), Duration::from_millis(1500));
            assert_eq!(time(0x80 | 64, 0, 1 << 63), Duration::from_millis(500));
            assert_eq!(time(20, 0, 10_u64.pow(19)), Duration::from_millis(100));
            assert_eq!(time(0x7f, 5, u64::MAX), Duration::from_secs(5));
            assert_eq!(time(0xff, 5, u64::MAX), Duration::from_secs(5));
        }
    }

    #[test]
    fn a_first_header_is_cut_off_or_damaged() {
        let why = |file: &[u8]| Frames::open(file).err();
        let section = [0x0a0d_0d0a, 28, 0x1a2b_3c4d, 1, u32::MAX, u32::MAX, 28].map(u32::to_le_bytes).concat();
        assert_eq!(why(&section), None);
        assert_eq!(why(&section[..27]), Some(FileError::CutOff(0)));
        let mut wrong = section.clone();
        wrong[8] ^= 1;
        assert_eq!(why(&wrong), Some(FileError::Damaged(0)), "neither byte order");
        let mut wrong = section;
        wrong[4] = 4;
        assert_eq!(why(&wrong), Some(FileError::Damaged(0)), "shorter than its header");
        assert_eq!(why(&[0xd4, 0xc3, 0xb2, 0xa1, 2, 0]), Some(FileError::CutOff(0)));
    }
}
