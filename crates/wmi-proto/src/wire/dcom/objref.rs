//! OBJREF: a reference to an object, or an object marshalled by value.

use bytes::Bytes;

use crate::wire::dcom::DualStringArray;
use crate::wire::{Guid, Reader, Wire, WireError, WireErrorKind, Writer};

/// "MEOW", the signature of an OBJREF.
const SIGNATURE: u32 = 0x574f_454d;
/// "VYSN", the two signatures within OBJREF_EXTENDED.
const EXTENDED_SIGNATURE: u32 = 0x4e53_5956;

/// [MS-DCOM 2.2.18.1] STDOBJREF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StdObjRef {
    /// [`StdObjRef::NO_PING`] or 0; other bits are ignored.
    pub flags: u32,
    /// How many public references the holder has and must release.
    pub public_refs: u32,
    /// The object exporter.
    pub oxid: u64,
    /// The object.
    pub oid: u64,
    /// The interface pointer.
    pub ipid: Guid,
}

impl StdObjRef {
    /// SORF_NOPING: the object is not to be pinged.
    pub const NO_PING: u32 = 0x1000;

    /// Whether the object belongs into a ping set.
    #[must_use]
    pub const fn wants_pings(&self) -> bool {
        self.flags & Self::NO_PING == 0
    }
}

/// Both forms ([MS-DCOM 2.2.18.2] and [MS-DCOM 2.2.18.3]) are the same octets behind an 8-octet alignment.
impl Wire for StdObjRef {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "STDOBJREF";
        Ok(Self {
            flags: r.u32(WHAT)?,
            public_refs: r.u32(WHAT)?,
            oxid: r.u64(WHAT)?,
            oid: r.u64(WHAT)?,
            ipid: r.guid(WHAT)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.u32(self.flags);
        w.u32(self.public_refs);
        w.u64(self.oxid);
        w.u64(self.oid);
        w.guid(&self.ipid);
    }
}

/// [MS-DCOM 2.2.18] OBJREF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjRef {
    /// The interface it was marshalled for.
    pub iid: Guid,
    /// One of the four forms.
    pub body: ObjRefBody,
}

/// The four forms of an OBJREF.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ObjRefBody {
    /// [MS-DCOM 2.2.18.4] OBJREF_STANDARD.
    Standard {
        /// The reference.
        std: StdObjRef,
        /// Where the object resolver of the server listens.
        resolver: DualStringArray,
    },
    /// [MS-DCOM 2.2.18.5] OBJREF_HANDLER.
    Handler {
        /// The reference.
        std: StdObjRef,
        /// The class of the client-side handler.
        clsid: Guid,
        /// Where the object resolver of the server listens.
        resolver: DualStringArray,
    },
    /// [MS-DCOM 2.2.18.6] OBJREF_CUSTOM: the object itself. cbExtension is written as 0 and ignored.
    Custom {
        /// The unmarshaller.
        clsid: Guid,
        /// Anything; Windows puts the length of the data or eight more here.
        reserved: u32,
        /// The object in the unmarshaller's format.
        data: Bytes,
    },
    /// [MS-DCOM 2.2.18.7] OBJREF_EXTENDED.
    Extended {
        /// The reference.
        std: StdObjRef,
        /// Where the object resolver of the server listens.
        resolver: DualStringArray,
        /// The identifier of the marshalled envoy context ([MS-DCOM 2.2.18.8]).
        data_id: Guid,
        /// The marshalled envoy context, without its padding.
        data: Bytes,
    },
}

impl ObjRef {
    /// An OBJREF_STANDARD.
    #[must_use]
    pub const fn standard(iid: Guid, std: StdObjRef, resolver: DualStringArray) -> Self {
        Self { iid, body: ObjRefBody::Standard { std, resolver } }
    }

    /// An OBJREF_CUSTOM.
    #[must_use]
    pub fn custom(iid: Guid, clsid: Guid, data: Bytes) -> Self {
        let reserved = u32::try_from(data.len()).unwrap_or(u32::MAX);
        Self { iid, body: ObjRefBody::Custom { clsid, reserved, data } }
    }

    /// The reference, unless the object is marshalled by value.
    #[must_use]
    pub const fn std(&self) -> Option<&StdObjRef> {
        match &self.body {
            ObjRefBody::Standard { std, .. } | ObjRefBody::Handler { std, .. } | ObjRefBody::Extended { std, .. } => {
                Some(std)
            }
            ObjRefBody::Custom { .. } => None,
        }
    }

    /// Where the object resolver of the server listens, unless the object is marshalled by value.
    #[must_use]
    pub const fn resolver(&self) -> Option<&DualStringArray> {
        match &self.body {
            ObjRefBody::Standard { resolver, .. }
            | ObjRefBody::Handler { resolver, .. }
            | ObjRefBody::Extended { resolver, .. } => Some(resolver),
            ObjRefBody::Custom { .. } => None,
        }
    }
}

/// Always little-endian and without alignment.
impl Wire for ObjRef {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        if r.u32("OBJREF signature")? != SIGNATURE {
            return Err(r.bad("OBJREF signature"));
        }
        let flags = r.u32("OBJREF flags")?;
        let iid = r.guid("OBJREF iid")?;
        let body = match flags {
            1 => ObjRefBody::Standard { std: StdObjRef::decode(r)?, resolver: DualStringArray::decode_packet(r)? },
            2 => ObjRefBody::Handler {
                std: StdObjRef::decode(r)?,
                clsid: r.guid("OBJREF_HANDLER clsid")?,
                resolver: DualStringArray::decode_packet(r)?,
            },
            4 => {
                let clsid = r.guid("OBJREF_CUSTOM clsid")?;
                let _extension = r.u32("OBJREF_CUSTOM cbExtension")?;
                let reserved = r.u32("OBJREF_CUSTOM reserved")?;
                ObjRefBody::Custom { clsid, reserved, data: r.rest() }
            }
            8 => decode_extended(r)?,
            _ => return Err(r.error(WireErrorKind::Unsupported, "OBJREF flags")),
        };
        Ok(Self { iid, body })
    }

    fn encode(&self, w: &mut Writer) {
        w.u32(SIGNATURE);
        w.u32(match self.body {
            ObjRefBody::Standard { .. } => 1,
            ObjRefBody::Handler { .. } => 2,
            ObjRefBody::Custom { .. } => 4,
            ObjRefBody::Extended { .. } => 8,
        });
        w.guid(&self.iid);
        match &self.body {
            ObjRefBody::Standard { std, resolver } => {
                std.encode(w);
                resolver.encode_packet(w);
            }
            ObjRefBody::Handler { std, clsid, resolver } => {
                std.encode(w);
                w.guid(clsid);
                resolver.encode_packet(w);
            }
            ObjRefBody::Custom { clsid, reserved, data } => {
                w.guid(clsid);
                w.u32(0);
                w.u32(*reserved);
                w.bytes(data);
            }
            ObjRefBody::Extended { std, resolver, data_id, data } => {
                std.encode(w);
                w.u32(EXTENDED_SIGNATURE);
                resolver.encode_packet(w);
                w.u32(1);
                w.u32(EXTENDED_SIGNATURE);
                w.guid(data_id);
                w.len32(data.len());
                w.len32(data.len().next_multiple_of(8));
                w.bytes(data);
                w.zeros(data.len().wrapping_neg() & 7);
            }
        }
    }
}

fn decode_extended(r: &mut Reader) -> Result<ObjRefBody, WireError> {
    const WHAT: &str = "OBJREF_EXTENDED";
    let std = StdObjRef::decode(r)?;
    let signature1 = r.u32(WHAT)?;
    let resolver = DualStringArray::decode_packet(r)?;
    let (elements, signature2) = (r.u32(WHAT)?, r.u32(WHAT)?);
    if (signature1, elements, signature2) != (EXTENDED_SIGNATURE, 1, EXTENDED_SIGNATURE) {
        return Err(r.bad(WHAT));
    }
    let data_id = r.guid("DATAELEMENT")?;
    let (size, rounded) = (r.u32("DATAELEMENT")?, r.u32("DATAELEMENT")?);
    if size.checked_next_multiple_of(8) != Some(rounded) {
        return Err(r.bad("DATAELEMENT cbRounded"));
    }
    let mut data = r.bytes(r.fitting(rounded, 1, "DATAELEMENT")?, "DATAELEMENT")?;
    data.truncate(size.try_into().unwrap_or(usize::MAX));
    Ok(ObjRefBody::Extended { std, resolver, data_id, data })
}

/// [MS-DCOM 2.2.14] MInterfacePointer: an OBJREF that is not looked into until it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MInterfacePointer {
    /// The octets of the OBJREF.
    pub data: Bytes,
}

impl MInterfacePointer {
    /// Marshals `objref`.
    #[must_use]
    pub fn new(objref: &ObjRef) -> Self {
        Self { data: objref.to_bytes() }
    }

    /// The OBJREF inside. Octets behind it are ignored, as a reader of a stream does.
    ///
    /// # Errors
    /// Why it is none.
    pub fn objref(&self) -> Result<ObjRef, WireError> {
        ObjRef::decode(&mut Reader::new(self.data.clone()))
    }

    /// The reference inside.
    ///
    /// # Errors
    /// Why the OBJREF does not decode; `Unsupported` when the object is marshalled by value.
    pub fn std(&self) -> Result<StdObjRef, WireError> {
        let objref = self.objref()?;
        objref.std().copied().ok_or_else(|| WireError::new(WireErrorKind::Unsupported, "OBJREF by value", 4))
    }

    /// Reads a unique pointer and, when it is not NULL, the structure right behind it (a top-level parameter).
    ///
    /// # Errors
    /// As the structure.
    pub fn decode_optional(r: &mut Reader) -> Result<Option<Self>, WireError> {
        if r.ndr_pointer("PMInterfacePointer")? { Self::decode(r).map(Some) } else { Ok(None) }
    }

    /// Writes what [`MInterfacePointer::decode_optional`] reads.
    pub fn encode_optional(pointer: Option<&Self>, w: &mut Writer) {
        w.ndr_pointer(pointer.is_some());
        if let Some(pointer) = pointer {
            pointer.encode(w);
        }
    }
}

impl Wire for MInterfacePointer {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "MInterfacePointer";
        let (max, count) = (r.ndr_u32(WHAT)?, r.u32(WHAT)?);
        if max != count {
            return Err(r.bad("MInterfacePointer ulCntData"));
        }
        Ok(Self { data: r.bytes(r.fitting(count, 1, WHAT)?, WHAT)? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_len(self.data.len());
        w.len32(self.data.len());
        w.bytes(&self.data);
    }
}
