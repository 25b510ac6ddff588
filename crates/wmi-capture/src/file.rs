//! Frames of pcap and pcapng files, until the end or the first place that cannot be read.

use std::io::{self, Read};
use std::time::Duration;

use pcap_parser::traits::PcapReaderIterator;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
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
    /// Units of time stamps in a second.
    resolution: u64,
    /// Seconds that are added to time stamps.
    offset: i64,
}

impl Interface {
    /// A time stamp since 1970; one before that is 1970.
    fn time(&self, stamp: u64) -> Duration {
        let (seconds, rest) = (stamp / self.resolution, u128::from(stamp % self.resolution));
        let nanos = u32::try_from(rest * 1_000_000_000 / u128::from(self.resolution)).unwrap_or(0);
        Duration::new(seconds.saturating_add_signed(self.offset), nanos)
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
        let whole = io::Cursor::new(head).chain(source);
        let reader = create_reader(BUFFER, whole).map_err(|error| match error {
            PcapError::ReadError => FileError::Unreadable("the file cannot be read".to_owned()),
            _ => FileError::CutOff(0),
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
                    (used, Self::block(block, &mut self.interfaces, number, &mut take))
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
        interfaces: &mut Vec<Interface>,
        number: u64,
        take: &mut impl FnMut(Frame<'_>),
    ) -> bool {
        let (interface, stamp, captured, data) = match &block {
            PcapBlockOwned::LegacyHeader(header) => {
                let resolution = if header.is_nanosecond_precision() { 1_000_000_000 } else { 1_000_000 };
                *interfaces = vec![Interface { link: header.network, resolution, offset: 0 }];
                return false;
            }
            PcapBlockOwned::NG(Block::SectionHeader(_)) => {
                interfaces.clear();
                return false;
            }
            PcapBlockOwned::NG(Block::InterfaceDescription(interface)) => {
                let resolution = interface.ts_resolution().filter(|units| *units > 0).unwrap_or(1_000_000);
                interfaces.push(Interface { link: interface.linktype, resolution, offset: interface.ts_offset() });
                return false;
            }
            PcapBlockOwned::Legacy(packet) => {
                let units = interfaces.first().map_or(1_000_000, |interface| interface.resolution);
                let stamp = u64::from(packet.ts_sec).saturating_mul(units).saturating_add(packet.ts_usec.into());
                (0, Some(stamp), packet.caplen, packet.data)
            }
            PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
                let stamp = u64::from(packet.ts_high) << 32 | u64::from(packet.ts_low);
                (packet.if_id, Some(stamp), packet.caplen, packet.data)
            }
            PcapBlockOwned::NG(Block::SimplePacket(packet)) => (0, None, packet.origlen, packet.data),
            PcapBlockOwned::NG(_) => return false,
        };
        let captured = usize::try_from(captured).unwrap_or(usize::MAX);
        let data = data.get(..captured).unwrap_or(data);
        let interface = usize::try_from(interface).ok().and_then(|interface| interfaces.get(interface));
        let time = interface.zip(stamp).map_or(Duration::ZERO, |(interface, stamp)| interface.time(stamp));
        // A frame of an interface that nobody described is counted and not looked into.
        let link = interface.map_or(Linktype(-1), |interface| interface.link);
        take(Frame { number: number + 1, time, link, data });
        true
    }
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
