//! The stub of an object call: ORPCTHIS or ORPCTHAT in front of the parameters ([MS-DCOM 2.2.13]).

use bytes::Bytes;

use crate::wire::dcom::{OrpcThat, OrpcThis};
use crate::wire::{Operation, Reader, Wire, WireError, Writer};

/// The request stub of `O`.
pub(crate) fn stub<O: Operation>(this: &OrpcThis, request: &O::Request) -> Bytes {
    let mut w = Writer::with_capacity(USUAL);
    this.encode(&mut w);
    request.encode(&mut w);
    w.finish()
}

/// Octets that most requests do not exceed.
const USUAL: usize = 256;

/// What a response stub of `O` holds. Octets behind it are ignored: hosts pad their stubs.
pub(crate) fn answer<O: Operation>(mut stub: Reader) -> Result<O::Response, WireError> {
    OrpcThat::decode(&mut stub)?;
    O::Response::decode(&mut stub)
}
