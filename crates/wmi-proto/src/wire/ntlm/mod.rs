//! NTLMSSP messages ([MS-NLMP 2.2]): the three of a log-on and the signature of what follows.

use bytes::Bytes;

use crate::wire::{Reader, WireError, WireErrorKind, Writer};

mod authenticate;
mod av_pair;
mod challenge;
mod flags;
mod negotiate;
mod response;
mod signature;

pub use authenticate::Authenticate;
pub use av_pair::{AvFlags, AvId, AvPair, AvPairs};
pub use challenge::Challenge;
pub use flags::NegotiateFlags;
pub use negotiate::Negotiate;
pub use response::{ClientChallenge, Ntlmv2Response};
pub use signature::MessageSignature;

/// [MS-NLMP 2.2.2.10] VERSION: for debugging, never acted on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    /// ProductMajorVersion.
    pub major: u8,
    /// ProductMinorVersion.
    pub minor: u8,
    /// ProductBuild.
    pub build: u16,
    /// NTLMRevisionCurrent, 15 everywhere.
    pub revision: u8,
}

impl Version {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (major, minor, build) = (r.u8("Version")?, r.u8("Version")?, r.u16("Version")?);
        r.skip(3, "Version.Reserved")?;
        Ok(Self { major, minor, build, revision: r.u8("Version")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&[self.major, self.minor]);
        w.u16(self.build);
        w.bytes(&[0, 0, 0, self.revision]);
    }
}

const SIGNATURE: [u8; 8] = *b"NTLMSSP\0";

/// Length, maximum length and offset of something in the payload.
#[derive(Clone, Copy, Debug)]
struct Field {
    length: u16,
    offset: u32,
}

/// The message as a whole, to which the fields' offsets refer.
struct Message {
    whole: Bytes,
    /// Where the payload begins: the smallest offset of a field that is not empty.
    payload: usize,
}

impl Message {
    /// Checks signature and type; the reader stands behind them.
    fn open(r: &mut Reader, message_type: u32) -> Result<Self, WireError> {
        let whole = r.peek().clone();
        if r.array::<8>("Signature")? != SIGNATURE {
            return Err(WireError::new(WireErrorKind::BadValue, "Signature", 0));
        }
        if r.u32("MessageType")? != message_type {
            return Err(WireError::new(WireErrorKind::BadValue, "MessageType", 8));
        }
        let payload = whole.len();
        Ok(Self { whole, payload })
    }

    fn field(&mut self, r: &mut Reader, what: &'static str) -> Result<Field, WireError> {
        let length = r.u16(what)?;
        r.skip(2, what)?;
        let offset = r.u32(what)?;
        if length > 0 {
            self.payload = self.payload.min(usize::try_from(offset).unwrap_or(usize::MAX));
        }
        Ok(Field { length, offset })
    }

    /// What `field` refers to; an empty field may have any offset.
    fn get(&self, field: Field, what: &'static str) -> Result<Bytes, WireError> {
        if field.length == 0 {
            return Ok(Bytes::new());
        }
        let start = usize::try_from(field.offset).unwrap_or(usize::MAX);
        let end = start.saturating_add(usize::from(field.length));
        if end > self.whole.len() {
            return Err(WireError::new(WireErrorKind::Truncated, what, start));
        }
        Ok(self.whole.slice(start..end))
    }

    /// Whether the fixed part reaches to `end`, that is, no payload starts before it.
    fn has(&self, end: usize) -> bool {
        self.payload >= end
    }
}

/// Writes the fields of a message one after the other and remembers where their payload goes.
struct Payload {
    at: u32,
}

impl Payload {
    fn field(&mut self, w: &mut Writer, value: &Bytes) {
        let length = u16::try_from(value.len()).unwrap_or(u16::MAX);
        w.u16(length);
        w.u16(length);
        w.u32(self.at);
        self.at = self.at.saturating_add(u32::from(length));
    }
}
