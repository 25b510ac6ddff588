//! The traffic of a capture as a client lived it: what it said and heard on each connection, in order, with the times.

use std::collections::BTreeMap;
use std::io::Read;
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use wmi_proto::Instant;
use wmi_proto::wire::rpc::CommonHeader;

use crate::association::is_header;
use crate::file::{FileError, Frames};
use crate::packet;
use crate::stream::{Piece, Place, Sink, Streams};

/// All DCE/RPC connections of a capture.
pub(crate) struct Transcript {
    /// In the order of their first frames.
    pub(crate) streams: Vec<Stream>,
    /// Everything that happened, in the order of the frames.
    pub(crate) moments: Vec<Moment>,
    /// Why the file could not be read to its end.
    pub(crate) stopped: Option<FileError>,
}

/// One connection.
pub(crate) struct Stream {
    /// Counted over all streams of the file.
    pub(crate) number: u32,
    pub(crate) server: SocketAddr,
    /// What the client sent.
    pub(crate) said: Half,
    /// What the server sent.
    pub(crate) heard: Half,
}

/// What one end sent.
#[derive(Default)]
pub(crate) struct Half {
    pub(crate) octets: Bytes,
    /// The PDUs among the octets, up to the first place where there is none.
    pub(crate) pdus: Vec<Range<usize>>,
    /// From which octet on the octets belong to which moment.
    moments: Vec<(usize, usize)>,
    collected: BytesMut,
}

/// Something that happened.
pub(crate) struct Moment {
    pub(crate) frame: u64,
    /// Since the first frame of the file.
    pub(crate) time: Instant,
    /// By its place among [`Transcript::streams`].
    pub(crate) stream: usize,
    /// Whether the frame does not match its checksum.
    pub(crate) is_damaged: bool,
    pub(crate) what: Happening,
}

pub(crate) enum Happening {
    /// The server accepted the connection.
    Opened,
    /// The client sent these octets of its half.
    Said(Range<usize>),
    /// The server sent these octets of its half.
    Heard(Range<usize>),
    /// Octets are not in the capture; `None` when that is the start of the stream.
    Missing(Option<u64>),
    /// One end closed the connection, or broke it off.
    Closed,
}

impl Transcript {
    /// Reads a file to its end, or as far as it can be read.
    pub(crate) fn read<'s>(source: impl Read + Send + 's) -> Self {
        let (mut collector, mut streams, mut stopped) = (Collector::default(), Streams::default(), None);
        match Frames::open(source) {
            Err(error) => stopped = Some(error),
            Ok(mut frames) => loop {
                let outcome = frames.next(|frame| {
                    if let Some(segment) = packet::segment(&frame) {
                        collector.clock(frame.time);
                        collector.is_damaged = packet::has_wrong_checksum(&frame);
                        streams.segment(frame.number, &segment, &mut collector);
                    }
                });
                match outcome {
                    Ok(true) => {}
                    Ok(false) => break,
                    Err(error) => {
                        stopped = Some(error);
                        break;
                    }
                }
            },
        }
        streams.finish(&mut collector);
        collector.transcript(stopped)
    }

    /// When it was.
    pub(crate) fn time(&self, moment: usize) -> Instant {
        self.moments.get(moment).map_or(Instant::default(), |moment| moment.time)
    }

    /// What the server sent in a frame that does not match its checksum. Where those of the client do not match either,
    /// checksums say nothing: they are made when a frame leaves the machine.
    pub(crate) fn damaged(&self) -> Option<&Moment> {
        let said = |moment: &&Moment| matches!(moment.what, Happening::Said(_)) && moment.is_damaged;
        let heard = |moment: &&Moment| matches!(moment.what, Happening::Heard(_)) && moment.is_damaged;
        self.moments.iter().find(heard).filter(|_| !self.moments.iter().any(|moment| said(&moment)))
    }

    /// Whether the client spoke at `said` in reply to a run of things that it heard, of which `heard` was one.
    pub(crate) fn same_turn(&self, heard: usize, said: usize) -> bool {
        let between = self.moments.get(heard..said).unwrap_or_default();
        let spoke = |moment: &Moment| matches!(moment.what, Happening::Said(_));
        between.is_sorted_by_key(spoke) && !between.is_empty()
    }

    /// The frame in which the client sent octet `offset`, or would have.
    pub(crate) fn frame(&self, stream: usize, offset: usize) -> Option<u64> {
        Some(self.moments.get(self.streams.get(stream)?.said.moment(offset)?)?.frame)
    }
}

impl Half {
    /// When octet `offset` was sent; of one beyond the end, when the last one was.
    pub(crate) fn moment(&self, offset: usize) -> Option<usize> {
        let behind = self.moments.partition_point(|(start, _)| *start <= offset);
        Some(self.moments.get(behind.checked_sub(1)?)?.1)
    }

    /// The octets of a PDU.
    pub(crate) fn pdu(&self, index: usize) -> Option<Bytes> {
        Some(self.octets.slice(self.pdus.get(index)?.clone()))
    }

    fn collect(&mut self, data: &[u8], moment: usize) -> Range<usize> {
        let start = self.collected.len();
        self.collected.extend_from_slice(data);
        self.moments.push((start, moment));
        start..self.collected.len()
    }

    fn finish(&mut self) {
        self.octets = std::mem::take(&mut self.collected).freeze();
        let mut at = 0;
        while let Some(rest) = self.octets.get(at..)
            && let Ok(Some(header)) = CommonHeader::peek(rest)
            && usize::from(header.frag_length) <= rest.len()
        {
            let end = at + usize::from(header.frag_length);
            self.pdus.push(at..end);
            at = end;
        }
    }
}

#[derive(Default)]
struct Collector {
    start: Option<Duration>,
    now: Instant,
    is_damaged: bool,
    /// By the number of the stream: its place, and which end is the server.
    places: BTreeMap<u32, (usize, usize)>,
    streams: Vec<Stream>,
    moments: Vec<Moment>,
}

impl Collector {
    fn clock(&mut self, time: Duration) {
        let start = *self.start.get_or_insert(time);
        let since = time.saturating_sub(start).as_micros();
        // Clocks are set back; a client's does not go back.
        self.now = self.now.max(Instant::from_micros(u64::try_from(since).unwrap_or(u64::MAX)));
    }

    fn transcript(self, stopped: Option<FileError>) -> Transcript {
        let Self { streams, moments, .. } = self;
        let mut kept = BTreeMap::new();
        let mut chosen = Vec::new();
        for (place, mut stream) in streams.into_iter().enumerate() {
            stream.said.finish();
            stream.heard.finish();
            // Either end shows what is spoken, so that one damaged message does not hide a connection.
            if is_header(&stream.said.octets) || is_header(&stream.heard.octets) {
                kept.insert(place, chosen.len());
                chosen.push(stream);
            }
        }
        let mut places = vec![0; moments.len()];
        let mut left = Vec::new();
        for (old, moment) in moments.into_iter().enumerate() {
            if let Some(place) = places.get_mut(old) {
                *place = left.len();
            }
            if let Some(stream) = kept.get(&moment.stream) {
                left.push(Moment { stream: *stream, ..moment });
            }
        }
        for half in chosen.iter_mut().flat_map(|stream| [&mut stream.said, &mut stream.heard]) {
            for (_, moment) in &mut half.moments {
                *moment = places.get(*moment).copied().unwrap_or(0);
            }
        }
        Transcript { streams: chosen, moments: left, stopped }
    }
}

impl Sink for Collector {
    fn piece(&mut self, place: Place, piece: Piece) {
        // Whoever accepts is the server; where that was not captured, whoever was heard second.
        let server_end = if matches!(piece, Piece::Accepted) { place.end } else { 1 };
        let (index, server_end) = *self.places.entry(place.stream).or_insert_with(|| {
            let server = if place.end == server_end { place.from } else { place.to };
            let (said, heard) = (Half::default(), Half::default());
            self.streams.push(Stream { number: place.stream, server, said, heard });
            (self.streams.len() - 1, server_end)
        });
        let Some(stream) = self.streams.get_mut(index) else { return };
        let number = self.moments.len();
        let what = match piece {
            Piece::Accepted => Happening::Opened,
            Piece::Data { data, .. } if place.end == server_end => {
                Happening::Heard(stream.heard.collect(&data, number))
            }
            Piece::Data { data, .. } => Happening::Said(stream.said.collect(&data, number)),
            Piece::Missing(octets) => Happening::Missing(Some(octets)),
            Piece::JoinedLate => Happening::Missing(None),
            Piece::Last => Happening::Closed,
        };
        let (time, is_damaged) = (self.now, self.is_damaged);
        self.moments.push(Moment { frame: place.frame, time, stream: index, is_damaged, what });
    }

    fn ended(&mut self, _stream: u32) {}
}
