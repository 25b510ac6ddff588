//! TCP streams from segments in any order: octets once and in order, and what is missing between them.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use bytes::{Buf, Bytes};

use crate::packet::Segment;

/// Connections that are followed at once; beyond that the one that was silent for longest is given up.
const MOST_CONNECTIONS: usize = 4096;
/// Octets and segments of one direction that wait for what comes before them.
const MOST_EARLY_OCTETS: usize = 1 << 20;
const MOST_EARLY_SEGMENTS: usize = 1024;
/// Frames of a connection after the receiver acknowledged octets that are not there; then they are missing and not late.
const PATIENCE: u32 = 16;

/// One of the two ends of a stream; end 0 sent its first frame.
pub(crate) type End = usize;

/// Where something was.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) stream: u32,
    pub(crate) end: End,
    pub(crate) from: SocketAddr,
    pub(crate) to: SocketAddr,
    pub(crate) frame: u64,
}

/// What the streams bring.
pub(crate) enum Piece {
    /// Octets that follow those before. `whole` tells that they are the start of a segment.
    Data { data: Bytes, whole: bool },
    /// Octets that were sent and are not in the capture.
    Missing(u64),
    /// The stream's start was not captured.
    JoinedLate,
    /// This end accepted the connection.
    Accepted,
    /// This end says nothing more, or broke the connection off.
    Last,
}

/// Takes pieces, and hears when nothing more comes of a stream.
pub(crate) trait Sink {
    fn piece(&mut self, place: Place, piece: Piece);
    fn ended(&mut self, stream: u32);
}

#[derive(Default)]
pub(crate) struct Streams {
    live: BTreeMap<[SocketAddr; 2], Stream>,
    count: u32,
}

struct Stream {
    number: u32,
    /// The sender of the first frame, and the other.
    ends: [SocketAddr; 2],
    halves: [Half; 2],
    /// The sequence number of the SYN that started it.
    start: Option<u32>,
    last_frame: u64,
}

/// What one end sends.
#[derive(Default)]
struct Half {
    /// The sequence number that is due, counted on beyond 32 bits.
    due: Option<u64>,
    /// The SYN was seen.
    opened: bool,
    /// Something was handed on.
    begun: bool,
    early: BTreeMap<u64, (u64, Bytes)>,
    early_octets: usize,
    acknowledged: u64,
    /// Where it ends, once it has said so.
    end: Option<u64>,
    impatience: u32,
}

impl Streams {
    pub(crate) fn segment(&mut self, frame: u64, segment: &Segment<'_>, sink: &mut impl Sink) {
        let key = if segment.from <= segment.to { [segment.from, segment.to] } else { [segment.to, segment.from] };
        let opening = segment.syn && segment.acknowledged.is_none();
        if opening && self.live.get(&key).is_some_and(|old| old.start != Some(segment.sequence)) {
            // The same ports again: another connection.
            self.end(key, sink);
        }
        if !self.live.contains_key(&key) {
            if self.live.len() >= MOST_CONNECTIONS
                && let Some(oldest) = self.live.iter().min_by_key(|(_, s)| s.last_frame).map(|(key, _)| *key)
            {
                self.end(oldest, sink);
            }
            let stream = Stream {
                number: self.count,
                ends: [segment.from, segment.to],
                halves: Default::default(),
                start: opening.then_some(segment.sequence),
                last_frame: frame,
            };
            self.count = self.count.saturating_add(1);
            self.live.insert(key, stream);
        }
        if let Some(stream) = self.live.get_mut(&key) {
            stream.segment(frame, segment, sink);
        }
    }

    /// Nothing more comes.
    pub(crate) fn finish(&mut self, sink: &mut impl Sink) {
        let mut keys: Vec<_> = self.live.iter().map(|(key, stream)| (stream.number, *key)).collect();
        keys.sort_unstable_by_key(|(number, _)| *number);
        for (_, key) in keys {
            self.end(key, sink);
        }
    }

    fn end(&mut self, key: [SocketAddr; 2], sink: &mut impl Sink) {
        if let Some(mut stream) = self.live.remove(&key) {
            for end in 0..2 {
                stream.give_up(end, sink);
            }
            sink.ended(stream.number);
        }
    }
}

impl Stream {
    fn segment(&mut self, frame: u64, segment: &Segment<'_>, sink: &mut impl Sink) {
        self.last_frame = frame;
        let [first, second] = &mut self.halves;
        let [one, other] = self.ends;
        let (end, from, to, sender, receiver) =
            if segment.from == one { (0, one, other, first, second) } else { (1, other, one, second, first) };
        let place = Place { stream: self.number, end, from, to, frame };
        if let Some(acknowledged) = segment.acknowledged {
            receiver.acknowledge(acknowledged);
        }
        if segment.syn {
            sender.opened = true;
            sender.due.get_or_insert(EPOCH + u64::from(segment.sequence.wrapping_add(1)));
            if segment.acknowledged.is_some() {
                sink.piece(place, Piece::Accepted);
            }
            return;
        }
        if segment.fin {
            sender.finish(segment.sequence, segment.payload.len());
        }
        if !segment.payload.is_empty() {
            sender.take(segment.sequence, segment.payload, place, sink);
        }
        let back = Place { end: 1 - end, from: to, to: from, ..place };
        sender.lose_patience(place, sink);
        receiver.lose_patience(back, sink);
        if segment.last {
            sink.piece(place, Piece::Last);
        }
    }

    /// Hands on what waits and says what is missing up to where the other end acknowledged.
    fn give_up(&mut self, end: End, sink: &mut impl Sink) {
        let (Some(half), Some(from), Some(to)) = (self.halves.get_mut(end), self.ends.get(end), self.ends.get(1 - end))
        else {
            return;
        };
        let place = Place { stream: self.number, end, from: *from, to: *to, frame: self.last_frame };
        while half.skip(place, sink) {}
        let due = half.due.unwrap_or(u64::MAX);
        // One more than the octets is acknowledged after FIN, which may be missing too.
        let missing = match half.end {
            Some(end) => end.max(half.acknowledged.saturating_sub(1)).saturating_sub(due),
            None => half.acknowledged.checked_sub(due).filter(|octets| *octets > 1).unwrap_or(0),
        };
        if half.begun && missing > 0 {
            sink.piece(place, Piece::Missing(missing));
        }
    }
}

/// Where sequence numbers are counted from, so that earlier ones do not fall below zero.
const EPOCH: u64 = 1 << 32;

impl Half {
    /// The long form of a sequence number near `due`.
    fn unwrap(due: u64, sequence: u32) -> u64 {
        let [b0, b1, b2, b3, ..] = due.to_le_bytes();
        let distance = sequence.wrapping_sub(u32::from_le_bytes([b0, b1, b2, b3])).cast_signed();
        due.saturating_add_signed(i64::from(distance))
    }

    fn acknowledge(&mut self, acknowledged: u32) {
        // A capture that starts in mid session learns here where the other end is.
        let due = *self.due.get_or_insert(EPOCH + u64::from(acknowledged));
        self.acknowledged = self.acknowledged.max(Self::unwrap(due, acknowledged));
    }

    fn finish(&mut self, sequence: u32, octets: usize) {
        let due = *self.due.get_or_insert(EPOCH + u64::from(sequence));
        self.end = Some(Self::unwrap(due, sequence).saturating_add(octets as u64));
    }

    fn take(&mut self, sequence: u32, payload: &[u8], place: Place, sink: &mut impl Sink) {
        let due = *self.due.get_or_insert(EPOCH + u64::from(sequence));
        let start = Self::unwrap(due, sequence);
        if start.saturating_add(payload.len() as u64) <= due {
            return; // Repeated, or a keep-alive.
        }
        let kept = self.early.get(&start).map_or(0, |(_, data)| data.len());
        if payload.len() > kept {
            self.early.insert(start, (place.frame, Bytes::copy_from_slice(payload)));
            self.early_octets = self.early_octets + payload.len() - kept;
        }
        self.drain(place, false, sink);
        while (self.early_octets > MOST_EARLY_OCTETS || self.early.len() > MOST_EARLY_SEGMENTS)
            && self.skip(place, sink)
        {}
    }

    /// Hands on what is due. Its frame is that of the segment that made it due, or after a hole its own.
    fn drain(&mut self, place: Place, hole: bool, sink: &mut impl Sink) {
        while let (Some(due), Some(entry)) = (self.due, self.early.first_entry()) {
            if *entry.key() > due {
                return;
            }
            let (start, (frame, mut data)) = entry.remove_entry();
            let place = if hole { Place { frame, ..place } } else { place };
            self.early_octets -= data.len();
            // What overlaps was handed on already; the first that arrived counts.
            let overlap = usize::try_from(due - start).unwrap_or(usize::MAX);
            if overlap >= data.len() {
                continue;
            }
            data.advance(overlap);
            if !self.begun && !self.opened {
                sink.piece(place, Piece::JoinedLate);
            }
            self.begun = true;
            self.due = Some(due.saturating_add(data.len() as u64));
            self.impatience = 0;
            sink.piece(place, Piece::Data { data, whole: overlap == 0 });
        }
    }

    /// Goes over what is missing before the first segment that waits; false when none waits.
    fn skip(&mut self, place: Place, sink: &mut impl Sink) -> bool {
        let (Some(due), Some((start, (frame, _)))) = (self.due, self.early.first_key_value()) else { return false };
        let (start, place, missing) = (*start, Place { frame: *frame, ..place }, start.saturating_sub(due));
        sink.piece(place, Piece::Missing(missing));
        self.begun = true;
        self.due = Some(start);
        self.drain(place, true, sink);
        true
    }

    fn lose_patience(&mut self, place: Place, sink: &mut impl Sink) {
        let waits = self.early.first_key_value().is_some_and(|(start, _)| self.acknowledged >= *start);
        self.impatience = if waits { self.impatience + 1 } else { 0 };
        if self.impatience > PATIENCE {
            self.skip(place, sink);
            self.impatience = 0;
        }
    }
}
