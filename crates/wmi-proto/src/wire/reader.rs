//! The one cursor that reads bytes from the network: bounds-checked, slicing instead of copying.

use bytes::{Buf, Bytes};

use crate::wire::{Guid, WireError, WireErrorKind};

/// A cursor over [`Bytes`]. Slices share the buffer, so nothing here has a lifetime.
///
/// Alignment counts from the start of the reader's buffer (NDR: the start of the stub).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reader {
    data: Bytes,
    offset: usize,
    big_endian: bool,
}

impl Reader {
    /// Reads `data` from its start, little-endian.
    #[must_use]
    pub const fn new(data: Bytes) -> Self {
        Self { data, offset: 0, big_endian: false }
    }

    /// The same with the byte order of the data representation label ([C706 14.1]).
    #[must_use]
    pub const fn with_endianness(data: Bytes, big_endian: bool) -> Self {
        Self { data, offset: 0, big_endian }
    }

    /// Whether integers are read most significant octet first.
    #[must_use]
    pub const fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    /// Octets read so far.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// Octets left.
    #[must_use]
    pub fn remaining(&self) -> usize {
        self.data.len()
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.data.is_empty()
    }

    /// What is left, without reading it.
    #[must_use]
    pub const fn peek(&self) -> &Bytes {
        &self.data
    }

    /// The next integer, without reading it.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn peek_u32(&self, what: &'static str) -> Result<u32, WireError> {
        let array = *self.data.first_chunk().ok_or_else(|| self.error(WireErrorKind::Truncated, what))?;
        Ok(if self.big_endian { u32::from_be_bytes(array) } else { u32::from_le_bytes(array) })
    }

    /// What is left, as the last thing that is done with it.
    #[must_use]
    pub fn into_rest(self) -> Bytes {
        self.data
    }

    /// An error at the current position.
    #[must_use]
    pub fn error(&self, kind: WireErrorKind, what: &'static str) -> WireError {
        WireError::new(kind, what, self.offset)
    }

    /// Shorthand for a [`WireErrorKind::BadValue`] here.
    #[must_use]
    pub fn bad(&self, what: &'static str) -> WireError {
        self.error(WireErrorKind::BadValue, what)
    }

    /// The next `n` octets as a slice of the same buffer.
    ///
    /// # Errors
    /// `Truncated` when fewer are left.
    pub fn bytes(&mut self, n: usize, what: &'static str) -> Result<Bytes, WireError> {
        if n > self.data.len() {
            return Err(self.error(WireErrorKind::Truncated, what));
        }
        self.offset += n;
        Ok(self.data.split_to(n))
    }

    /// The next `n` octets as a reader of their own, whose alignment starts anew.
    ///
    /// # Errors
    /// `Truncated` when fewer are left.
    pub fn sub(&mut self, n: usize, what: &'static str) -> Result<Self, WireError> {
        let big_endian = self.big_endian;
        Ok(Self { data: self.bytes(n, what)?, offset: 0, big_endian })
    }

    /// All octets that are left.
    pub fn rest(&mut self) -> Bytes {
        self.offset += self.data.len();
        self.data.split_to(self.data.len())
    }

    /// Skips `n` octets.
    ///
    /// # Errors
    /// `Truncated` when fewer are left.
    pub fn skip(&mut self, n: usize, what: &'static str) -> Result<(), WireError> {
        if n > self.data.len() {
            return Err(self.error(WireErrorKind::Truncated, what));
        }
        self.offset += n;
        self.data.advance(n);
        Ok(())
    }

    /// Skips to the next multiple of `to` (a power of two) from the start; the padding's content is ignored.
    ///
    /// # Errors
    /// `Truncated` when the buffer ends before.
    pub fn align(&mut self, to: usize) -> Result<(), WireError> {
        self.skip(self.offset.wrapping_neg() & (to - 1), "alignment")
    }

    /// An array of `N` octets.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], WireError> {
        let Some(array) = self.data.first_chunk::<N>().copied() else {
            return Err(self.error(WireErrorKind::Truncated, what));
        };
        self.offset += N;
        self.data.advance(N);
        Ok(array)
    }

    /// A [`Guid`] in the byte order of the reader ([MS-DTYP 2.3.4.2]).
    ///
    /// # Errors
    /// `Truncated`.
    pub fn guid(&mut self, what: &'static str) -> Result<Guid, WireError> {
        let (a, b, c) = (self.u32(what)?, self.u16(what)?, self.u16(what)?);
        Ok(Guid::from_fields(a, b, c, self.array(what)?))
    }

    /// Refuses octets that nobody has read.
    ///
    /// # Errors
    /// `Trailing`.
    pub fn finish(&self, what: &'static str) -> Result<(), WireError> {
        if self.data.is_empty() { Ok(()) } else { Err(self.error(WireErrorKind::Trailing, what)) }
    }
}

macro_rules! integers {
    ($($name:ident: $int:ty),*) => {
        impl Reader {
            $(
                #[doc = concat!("A `", stringify!($int), "` in the byte order of the reader, without alignment.")]
                ///
                /// # Errors
                /// `Truncated`.
                pub fn $name(&mut self, what: &'static str) -> Result<$int, WireError> {
                    let array = self.array(what)?;
                    Ok(if self.big_endian { <$int>::from_be_bytes(array) } else { <$int>::from_le_bytes(array) })
                }
            )*
        }
    };
}
integers!(u8: u8, u16: u16, u32: u32, u64: u64, i32: i32);
