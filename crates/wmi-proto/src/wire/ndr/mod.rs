//! NDR 2.0 ([C706 chapter 14]): alignment, pointers, arrays and strings over [`Reader`] and [`Writer`].
//!
//! Alignment counts from the start of the reader or writer, which is the start of the stub.

pub mod serialization;

#[cfg(test)]
mod tests;

use bytes::Bytes;

use crate::wire::{Reader, WireError, WireErrorKind, Writer, text};

impl Reader {
    /// An aligned `unsigned short`.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn ndr_u16(&mut self, what: &'static str) -> Result<u16, WireError> {
        self.align(2)?;
        self.u16(what)
    }

    /// An aligned `unsigned long`.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn ndr_u32(&mut self, what: &'static str) -> Result<u32, WireError> {
        self.align(4)?;
        self.u32(what)
    }

    /// An aligned `long`.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn ndr_i32(&mut self, what: &'static str) -> Result<i32, WireError> {
        self.align(4)?;
        self.i32(what)
    }

    /// An aligned `unsigned hyper`.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn ndr_u64(&mut self, what: &'static str) -> Result<u64, WireError> {
        self.align(8)?;
        self.u64(what)
    }

    /// The referent identifier of a unique or full pointer: whether it is not NULL ([C706 14.3.10]).
    ///
    /// # Errors
    /// `Truncated`.
    pub fn ndr_pointer(&mut self, what: &'static str) -> Result<bool, WireError> {
        Ok(self.ndr_u32(what)? != 0)
    }

    /// The referent identifier of a pointer that must not be NULL.
    ///
    /// # Errors
    /// `Truncated`, `BadValue` for NULL.
    pub fn ndr_required(&mut self, what: &'static str) -> Result<(), WireError> {
        if self.ndr_pointer(what)? { Ok(()) } else { Err(self.bad(what)) }
    }

    /// A count of elements, each at least `element` octets long, that all fit into what is left.
    ///
    /// # Errors
    /// `Truncated` when they do not fit.
    pub fn ndr_count(&mut self, element: usize, what: &'static str) -> Result<usize, WireError> {
        let count = self.ndr_u32(what)?;
        self.fitting(count, element, what)
    }

    /// `count` as a size, when that many elements of at least `element` octets fit into what is left.
    ///
    /// # Errors
    /// `Truncated` when they do not fit.
    pub fn fitting(&self, count: u32, element: usize, what: &'static str) -> Result<usize, WireError> {
        usize::try_from(count)
            .ok()
            .filter(|n| n.checked_mul(element).is_some_and(|octets| octets <= self.remaining()))
            .ok_or_else(|| self.error(WireErrorKind::Truncated, what))
    }

    /// The maximum count of a conformant array, which must equal the `expected` count ([C706 14.3.3.2]).
    ///
    /// # Errors
    /// `Truncated`, `BadValue` when they differ.
    pub fn ndr_conformance(&mut self, expected: u32, what: &'static str) -> Result<(), WireError> {
        if self.ndr_u32(what)? == expected { Ok(()) } else { Err(self.bad(what)) }
    }

    /// A conformant array of octets of `expected` length.
    ///
    /// # Errors
    /// `Truncated`, `BadValue` when its own count differs.
    pub fn ndr_octets(&mut self, expected: u32, what: &'static str) -> Result<Bytes, WireError> {
        self.ndr_conformance(expected, what)?;
        let n = self.fitting(expected, 1, what)?;
        self.bytes(n, what)
    }

    /// A conformant and varying string of `wchar_t`; the terminating NUL is checked and dropped ([C706 14.3.4.2]).
    ///
    /// # Errors
    /// `Truncated`, `BadValue` without a terminator or with an offset.
    pub fn ndr_wide_string(&mut self, what: &'static str) -> Result<String, WireError> {
        let (max, offset, actual) = (self.ndr_u32(what)?, self.u32(what)?, self.u32(what)?);
        if offset != 0 || actual > max || actual == 0 {
            return Err(self.bad(what));
        }
        let units = self.fitting(actual, 2, what)?;
        let octets = self.units(units, what)?;
        match octets.split_last_chunk::<2>() {
            Some((text, [0, 0])) => Ok(text::utf16_lossy(text)),
            _ => Err(self.bad(what)),
        }
    }

    /// A pointer to a wide string and, when it is not NULL, the string right behind it (a top-level parameter).
    ///
    /// # Errors
    /// As [`Reader::ndr_wide_string`].
    pub fn ndr_optional_wide_string(&mut self, what: &'static str) -> Result<Option<String>, WireError> {
        if self.ndr_pointer(what)? { self.ndr_wide_string(what).map(Some) } else { Ok(None) }
    }

    /// `n` 16-bit units as little-endian octets, whatever the byte order of the reader.
    ///
    /// # Errors
    /// `Truncated`.
    pub fn units(&mut self, n: usize, what: &'static str) -> Result<Bytes, WireError> {
        let octets = n.checked_mul(2).ok_or_else(|| self.error(WireErrorKind::Truncated, what))?;
        if !self.is_big_endian() {
            return self.bytes(octets, what);
        }
        let mut swapped = self.bytes(octets, what)?.to_vec();
        for pair in swapped.as_chunks_mut::<2>().0 {
            pair.reverse();
        }
        Ok(swapped.into())
    }
}

impl Writer {
    /// An aligned `unsigned short`.
    pub fn ndr_u16(&mut self, v: u16) {
        self.align(2);
        self.u16(v);
    }

    /// An aligned `unsigned long`.
    pub fn ndr_u32(&mut self, v: u32) {
        self.align(4);
        self.u32(v);
    }

    /// An aligned `long`.
    pub fn ndr_i32(&mut self, v: i32) {
        self.align(4);
        self.i32(v);
    }

    /// An aligned `unsigned hyper`.
    pub fn ndr_u64(&mut self, v: u64) {
        self.align(8);
        self.u64(v);
    }

    /// An aligned length or count.
    pub fn ndr_len(&mut self, n: usize) {
        self.align(4);
        self.len32(n);
    }

    /// The referent identifier of a pointer, zero unless `some`.
    pub fn ndr_pointer(&mut self, some: bool) {
        self.align(4);
        self.optional_referent(some);
    }

    /// A conformant array of octets.
    pub fn ndr_octets(&mut self, octets: &[u8]) {
        self.ndr_len(octets.len());
        self.bytes(octets);
    }

    /// A conformant and varying string of `wchar_t` with its terminating NUL.
    pub fn ndr_wide_string(&mut self, text: &str) {
        let units = text.encode_utf16().count().saturating_add(1);
        self.ndr_len(units);
        self.u32(0);
        self.len32(units);
        self.utf16(text);
        self.u16(0);
    }

    /// A pointer to a wide string and, when there is one, the string right behind it (a top-level parameter).
    pub fn ndr_optional_wide_string(&mut self, text: Option<&str>) {
        self.ndr_pointer(text.is_some());
        if let Some(text) = text {
            self.ndr_wide_string(text);
        }
    }
}
