//! What is wrong with bytes, without allocation.

use thiserror::Error;

/// Bytes that do not decode: what was being read, where, and why it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{what}: {kind} at offset {offset}")]
pub struct WireError {
    /// Why it failed.
    pub kind: WireErrorKind,
    /// The field or structure that was being read.
    pub what: &'static str,
    /// Octets from the start of the buffer that was being read.
    pub offset: u32,
}

/// Why bytes do not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WireErrorKind {
    /// The buffer ends before the value does.
    #[error("truncated")]
    Truncated,
    /// Octets are left where none should be.
    #[error("trailing octets")]
    Trailing,
    /// A value that the specification forbids.
    #[error("bad value")]
    BadValue,
    /// A count or length over the limit.
    #[error("too long")]
    TooLong,
    /// Legal, but not supported here.
    #[error("unsupported")]
    Unsupported,
}

impl WireError {
    /// An error of `kind` in `what` at `offset`; an offset over 4 GiB is shown as the largest.
    #[must_use]
    pub fn new(kind: WireErrorKind, what: &'static str, offset: usize) -> Self {
        Self { kind, what, offset: u32::try_from(offset).unwrap_or(u32::MAX) }
    }
}
