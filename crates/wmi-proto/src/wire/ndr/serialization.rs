//! Type serialization version 1 ([MS-RPCE 2.2.6]): a value outside of a call, behind two headers.

use bytes::Bytes;

use crate::wire::{Reader, Wire, WireError, WireErrorKind, Writer};

/// Octets of the common and the private header together.
pub const HEADERS: usize = 16;

/// Reads one serialized value. What follows the value inside its declared length is padding and ignored.
///
/// # Errors
/// `Truncated`; `Unsupported` for another version; `BadValue` for an unknown byte order; what the value says.
pub fn decode<T: Wire>(r: &mut Reader) -> Result<T, WireError> {
    const COMMON: &str = "type serialization common header";
    let (version, endianness) = (r.u8(COMMON)?, r.u8(COMMON)?);
    if version != 1 {
        return Err(r.error(WireErrorKind::Unsupported, "type serialization version"));
    }
    let big_endian = match endianness {
        0x10 => false,
        0x00 => true,
        _ => return Err(r.bad("type serialization endianness")),
    };
    // The header length and the filler say nothing that a reader needs, but they are in the announced byte order.
    r.skip(6, COMMON)?;
    let mut private = Reader::with_endianness(r.bytes(8, "type serialization private header")?, big_endian);
    let length = private.u32("type serialization object buffer length")?;
    let n = r.fitting(length, 1, "type serialization object buffer length")?;
    let mut body = Reader::with_endianness(r.bytes(n, "type serialization object buffer")?, big_endian);
    T::decode(&mut body)
}

/// The serialized form of `value`, padded to a multiple of eight octets.
pub fn encode<T: Wire>(value: &T) -> Bytes {
    let mut body = Writer::new();
    value.encode(&mut body);
    body.align(8);
    let mut w = Writer::new();
    w.bytes(&[1, 0x10, 8, 0, 0xcc, 0xcc, 0xcc, 0xcc]);
    w.len32(body.len());
    w.u32(0);
    w.bytes(body.as_slice());
    w.finish()
}
