//! What precedes the parameters of every object call: ORPCTHIS, ORPCTHAT and their extensions.

use core::fmt;

use bytes::Bytes;

use crate::wire::{Guid, Reader, Wire, WireError, WireErrorKind, Writer};

/// [MS-DCOM 2.2.11] COMVERSION, the version of the DCOM protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ComVersion {
    /// The major version, 5.
    pub major: u16,
    /// The minor version.
    pub minor: u16,
}

impl ComVersion {
    /// The first version with IRemoteSCMActivator and ServerAlive2.
    pub const V5_6: Self = Self { major: 5, minor: 6 };
    /// What Windows has said since Vista.
    pub const V5_7: Self = Self { major: 5, minor: 7 };

    /// The version in which a client at `self` and a server at `other` can talk ([MS-DCOM 1.7]).
    #[must_use]
    pub fn negotiate(self, other: Self) -> Self {
        self.min(other)
    }
}

impl fmt::Display for ComVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Wire for ComVersion {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { major: r.ndr_u16("COMVERSION major")?, minor: r.ndr_u16("COMVERSION minor")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u16(self.major);
        w.u16(self.minor);
    }
}

/// [MS-DCOM 2.2.13.1] ORPC_EXTENT: out-of-band data whose format a GUID names.
///
/// On the wire the data is padded to a multiple of eight octets; the padding is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrpcExtent {
    /// The format of the data.
    pub id: Guid,
    /// The data.
    pub data: Bytes,
}

impl OrpcExtent {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "ORPC_EXTENT";
        let max = r.ndr_u32(WHAT)?;
        let id = r.guid(WHAT)?;
        let size = r.u32(WHAT)?;
        let rounded = size.checked_next_multiple_of(8).ok_or_else(|| r.error(WireErrorKind::TooLong, WHAT))?;
        if max != rounded {
            return Err(r.bad("ORPC_EXTENT size"));
        }
        let mut data = r.bytes(r.fitting(max, 1, WHAT)?, WHAT)?;
        data.truncate(size.try_into().unwrap_or(usize::MAX));
        Ok(Self { id, data })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_len(self.data.len().next_multiple_of(8));
        w.guid(&self.id);
        w.len32(self.data.len());
        w.bytes(&self.data);
        w.zeros(self.data.len().wrapping_neg() & 7);
    }
}

/// [MS-DCOM 2.2.13.2] ORPC_EXTENT_ARRAY behind its pointer; NULL and empty are both an empty list.
fn decode_extents(r: &mut Reader) -> Result<Vec<OrpcExtent>, WireError> {
    const WHAT: &str = "ORPC_EXTENT_ARRAY";
    if !r.ndr_pointer(WHAT)? {
        return Ok(Vec::new());
    }
    let (size, _reserved) = (r.ndr_u32(WHAT)?, r.u32(WHAT)?);
    if !r.ndr_pointer(WHAT)? {
        return if size == 0 { Ok(Vec::new()) } else { Err(r.bad("ORPC_EXTENT_ARRAY size")) };
    }
    let max = r.ndr_u32(WHAT)?;
    let count = r.fitting(max, 4, WHAT)?;
    let mut present = 0_usize;
    for _ in 0..count {
        present += usize::from(r.ndr_pointer(WHAT)?);
    }
    // The size field counts what is not NULL, but the pointers are what the octets follow.
    (0..present).map(|_| OrpcExtent::decode(r)).collect()
}

fn encode_extents(extents: &[OrpcExtent], w: &mut Writer) {
    w.ndr_pointer(!extents.is_empty());
    if extents.is_empty() {
        return;
    }
    w.len32(extents.len());
    w.u32(0);
    w.referent();
    let slots = extents.len().next_multiple_of(2);
    w.len32(slots);
    for slot in 0..slots {
        w.optional_referent(slot < extents.len());
    }
    for extent in extents {
        extent.encode(w);
    }
}

/// [MS-DCOM 2.2.13.3] ORPCTHIS, the implicit first parameter of an object call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrpcThis {
    /// The client's version.
    pub version: ComVersion,
    /// 0 in object calls, anything in activation.
    pub flags: u32,
    /// The causality identifier of the call ([MS-DCOM 1.3.5]).
    pub causality_id: Guid,
    /// The extensions; an empty list is sent as a NULL pointer.
    pub extensions: Vec<OrpcExtent>,
}

impl OrpcThis {
    /// Without flags and extensions.
    #[must_use]
    pub const fn new(version: ComVersion, causality_id: Guid) -> Self {
        Self { version, flags: 0, causality_id, extensions: Vec::new() }
    }
}

impl Wire for OrpcThis {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let version = ComVersion::decode(r)?;
        let flags = r.ndr_u32("ORPCTHIS flags")?;
        let _reserved1 = r.u32("ORPCTHIS reserved1")?;
        let causality_id = r.guid("ORPCTHIS cid")?;
        Ok(Self { version, flags, causality_id, extensions: decode_extents(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        self.version.encode(w);
        w.ndr_u32(self.flags);
        w.u32(0);
        w.guid(&self.causality_id);
        encode_extents(&self.extensions, w);
    }
}

/// [MS-DCOM 2.2.13.4] ORPCTHAT, the implicit first result of an object call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrpcThat {
    /// Anything; ignored.
    pub flags: u32,
    /// The extensions; an empty list is sent as a NULL pointer.
    pub extensions: Vec<OrpcExtent>,
}

impl Wire for OrpcThat {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let flags = r.ndr_u32("ORPCTHAT flags")?;
        Ok(Self { flags, extensions: decode_extents(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.flags);
        encode_extents(&self.extensions, w);
    }
}
