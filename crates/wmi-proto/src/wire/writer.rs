//! The one cursor that writes bytes for the network: little-endian, lengths patched in afterwards.

use bytes::{BufMut, Bytes, BytesMut};

use crate::wire::Guid;

/// A growing little-endian buffer. Alignment counts from its start.
#[derive(Debug, Default)]
pub struct Writer {
    data: BytesMut,
    referents: u32,
}

/// A place that was reserved for a 32-bit value and is filled in later.
#[derive(Debug)]
#[must_use = "a reserved place stays zero until it is patched"]
pub struct Reserved(usize);

impl Writer {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty buffer in which `octets` have room before it grows.
    #[must_use]
    pub fn with_capacity(octets: usize) -> Self {
        Self { data: BytesMut::with_capacity(octets), referents: 0 }
    }

    /// Octets written so far.
    #[must_use]
    pub fn len(&self) -> usize {
        self.data.len()
    }

    /// Whether nothing was written yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// One octet.
    pub fn u8(&mut self, v: u8) {
        self.data.put_u8(v);
    }

    /// A 16-bit integer, without alignment.
    pub fn u16(&mut self, v: u16) {
        self.data.put_u16_le(v);
    }

    /// A 32-bit integer, without alignment.
    pub fn u32(&mut self, v: u32) {
        self.data.put_u32_le(v);
    }

    /// A signed 32-bit integer, without alignment.
    pub fn i32(&mut self, v: i32) {
        self.data.put_i32_le(v);
    }

    /// A 64-bit integer, without alignment.
    pub fn u64(&mut self, v: u64) {
        self.data.put_u64_le(v);
    }

    /// A length or count as 32 bits.
    ///
    /// What exceeds 32 bits cannot be written; buffers here are bounded far below (see [`crate::Limits`]),
    /// so it is written as the largest value, which every reader refuses.
    pub fn len32(&mut self, n: usize) {
        self.u32(u32::try_from(n).unwrap_or(u32::MAX));
    }

    /// Octets as they are.
    pub fn bytes(&mut self, b: &[u8]) {
        self.data.put_slice(b);
    }

    /// A [`Guid`] ([MS-DTYP 2.3.4.2]).
    pub fn guid(&mut self, g: &Guid) {
        self.bytes(&g.to_bytes());
    }

    /// `n` zero octets.
    pub fn zeros(&mut self, n: usize) {
        self.data.put_bytes(0, n);
    }

    /// Zeros up to the next multiple of `to` (a power of two).
    pub fn align(&mut self, to: usize) {
        self.zeros(self.len().wrapping_neg() & (to - 1));
    }

    /// A fresh non-NULL referent identifier ([C706 14.3.10]): 0x00020000, 0x00020004, …
    pub fn referent(&mut self) {
        self.u32(0x0002_0000 + self.referents * 4);
        self.referents += 1;
    }

    /// A referent identifier for `some`, zero (a NULL pointer) otherwise.
    pub fn optional_referent(&mut self, some: bool) {
        if some { self.referent() } else { self.u32(0) }
    }

    /// Keeps room for a 32-bit value.
    pub fn reserve_u32(&mut self) -> Reserved {
        let at = Reserved(self.len());
        self.u32(0);
        at
    }

    /// Fills a reserved place.
    pub fn patch_u32(&mut self, at: Reserved, v: u32) {
        if let Some(place) = self.data.get_mut(at.0..).and_then(|d| d.first_chunk_mut::<4>()) {
            *place = v.to_le_bytes();
        }
    }

    /// What was written.
    #[must_use]
    pub fn finish(self) -> Bytes {
        self.data.freeze()
    }

    /// What was written, still to be changed in place (signing, sealing).
    #[must_use]
    pub fn finish_mut(self) -> BytesMut {
        self.data
    }

    /// A view of what was written so far.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.data
    }
}
