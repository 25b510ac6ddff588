//! Bytes to values and back: no state, no clock, no effect.
//!
//! Rules of this folder: it imports only `crate::wire`; every type decodes *and* encodes; unknown values survive;
//! what is allocated is bounded by the bytes that are present; slices, not copies.
//! `decode` accepts what Windows sends, `encode` writes one canonical form.
//!
//! This module is public because simulators, fuzzers and dissectors need it; its shape is not covered by semver.

pub mod cim;
pub mod codes;
pub mod dcom;
pub mod error;
pub mod guid;
pub mod ndr;
pub mod ntlm;
pub mod reader;
pub mod rpc;
pub mod spnego;
pub mod status;
pub mod text;
pub mod wmi;
pub mod writer;

pub use error::{WireError, WireErrorKind};
pub use guid::{Guid, Interface};
pub use reader::Reader;
pub use status::{FaultStatus, HResult};
pub use writer::Writer;

/// A value that is read from and written to the wire.
pub trait Wire: Sized {
    /// Reads the value; what follows it stays in the reader.
    ///
    /// # Errors
    /// Where and why the bytes are not such a value.
    fn decode(r: &mut Reader) -> Result<Self, WireError>;

    /// Writes the value in its canonical form. Infallible: a value that exists can be written.
    fn encode(&self, w: &mut Writer);

    /// The value that `data` holds and nothing else.
    ///
    /// # Errors
    /// As [`Wire::decode`], and `Trailing` when octets are left.
    fn from_bytes(data: bytes::Bytes) -> Result<Self, WireError> {
        let mut r = Reader::new(data);
        let value = Self::decode(&mut r)?;
        r.finish("end of value")?;
        Ok(value)
    }

    /// The canonical octets of the value.
    fn to_bytes(&self) -> bytes::Bytes {
        let mut w = Writer::new();
        self.encode(&mut w);
        w.finish()
    }
}

/// One remote method: its number, and both directions of its parameters (without ORPCTHIS and ORPCTHAT).
pub trait Operation {
    /// The interface it belongs to.
    const INTERFACE: Interface;
    /// Its number within the interface.
    const OPNUM: u16;
    /// `Interface::Method`, as the specification spells it.
    const NAME: &'static str;
    /// The `[in]` parameters in wire order.
    type Request: Wire;
    /// The `[out]` parameters and the return value in wire order.
    type Response: Wire;
}
