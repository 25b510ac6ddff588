//! Frames: a header of 16 octets, little-endian, and a body.

use thiserror::Error;

use crate::msgpack;
use crate::packet::PacketType;
use crate::value::Value;

/// Octets of a header: part (8), length of the body (4), packet id (2), type (1), the type's complement (1).
pub const HEADER: usize = 16;

/// Octets that a body from the peer may have. An entry of an asset's check is some 150 octets long.
pub const MAX_BODY: u32 = 64 * 1024 * 1024;

/// One packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// The asset for results, otherwise 0.
    pub part: u64,
    /// What brings question and answer together; 0 for what is not answered.
    pub id: u16,
    /// Its type, known or not.
    pub kind: u8,
    /// msgpack, or nothing.
    pub body: Vec<u8>,
}

/// Why a peer is given up: what it sends are no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The last octet of a header is not the complement of the type.
    #[error("no frame: the check octet of type {kind:#04x} is {check:#04x} and not {:#04x}", kind ^ 0xff)]
    Check {
        /// The type.
        kind: u8,
        /// The octet that should be its complement.
        check: u8,
    },
    /// A body beyond [`MAX_BODY`] is announced.
    #[error("a frame of type {kind:#04x} with {length} octets, and {MAX_BODY} are taken")]
    Length {
        /// The type.
        kind: u8,
        /// The announced octets.
        length: u32,
    },
}

impl Frame {
    /// A packet with `value` as its body.
    #[must_use]
    pub fn new(kind: PacketType, id: u16, value: &Value) -> Self {
        Self { part: 0, id, kind: kind.into(), body: msgpack::encode(value) }
    }

    /// The same for `part`.
    #[must_use]
    pub fn of_part(mut self, part: u64) -> Self {
        self.part = part;
        self
    }

    /// Header and body.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER + self.body.len());
        out.extend_from_slice(&self.part.to_le_bytes());
        out.extend_from_slice(&u32::try_from(self.body.len()).unwrap_or(u32::MAX).to_le_bytes());
        out.extend_from_slice(&self.id.to_le_bytes());
        out.push(self.kind);
        out.push(!self.kind);
        out.extend_from_slice(&self.body);
        out
    }

    /// The body's value; no body is [`Value::Nil`].
    ///
    /// # Errors
    /// It is no msgpack.
    pub fn value(&self) -> Result<Value, msgpack::DecodeError> {
        if self.body.is_empty() { Ok(Value::Nil) } else { msgpack::decode(&self.body) }
    }
}

/// Octets in any cut to whole frames. Keeps no more than the peer has sent.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// Octets of `buffer` that were handed out already.
    taken: usize,
}

impl Framer {
    /// Takes what the peer sent.
    pub fn push(&mut self, octets: &[u8]) {
        if self.taken > 0 {
            self.buffer.drain(..self.taken);
            self.taken = 0;
        }
        self.buffer.extend_from_slice(octets);
    }

    /// The next whole frame, when there is one.
    ///
    /// # Errors
    /// What arrived is none; where the next one begins cannot be known, so nothing behind it is read.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        let rest = self.buffer.get(self.taken..).unwrap_or_default();
        let Some((header, rest)) = rest.split_first_chunk::<HEADER>() else { return Ok(None) };
        let [p0, p1, p2, p3, p4, p5, p6, p7, l0, l1, l2, l3, i0, i1, kind, check] = *header;
        if kind != !check {
            return Err(FrameError::Check { kind, check });
        }
        let length = u32::from_le_bytes([l0, l1, l2, l3]);
        if length > MAX_BODY {
            return Err(FrameError::Length { kind, length });
        }
        let Some(body) = rest.get(..length as usize) else { return Ok(None) };
        let part = u64::from_le_bytes([p0, p1, p2, p3, p4, p5, p6, p7]);
        let frame = Frame { part, id: u16::from_le_bytes([i0, i1]), kind, body: body.to_vec() };
        self.taken += HEADER + body.len();
        if self.taken == self.buffer.len() {
            *self = Self::default();
        }
        Ok(Some(frame))
    }
}

#[cfg(test)]
mod tests;
