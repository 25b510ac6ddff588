//! ObjectArray, called WBEM_DATAPACKET too: several objects with each class sent once.

use bytes::Bytes;

use crate::wire::codes::open_enum;
use crate::wire::{Guid, Reader, Wire, WireError, WireErrorKind, Writer};

/// "WBEMDATA".
const SIGNATURE: [u8; 8] = *b"WBEMDATA";
/// Octets of the three headers of an ObjectArray.
const HEADER1: u32 = 26;
const HEADER2: u32 = 8;
const HEADER3: u32 = 12;
/// Octets of the header of an object, of a class and of an instance.
const OBJECT_HEADER: u32 = 9;
const CLASS_HEADER: u32 = 8;
const INSTANCE_HEADER: u32 = 24;

open_enum! {
    /// [MS-WMI 2.2.14] bPacketType.
    pub struct PacketType(u8);
    /// An optimized IWbemObjectSink::Indicate.
    OBJECTSINK_INDICATE = 0,
    /// An IWbemWCOSmartEnum::Next.
    SMARTENUM_NEXT = 1,
}

/// [MS-WMI 2.2.14] ObjectArray.
///
/// It ends with its last object; octets behind it inside the declared sizes are ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPacket {
    /// In which call it stands.
    pub packet_type: PacketType,
    /// The objects, in order.
    pub objects: Vec<DataPacketObject>,
}

impl DataPacket {
    /// The packet of a reply of IWbemWCOSmartEnum::Next.
    #[must_use]
    pub const fn smart_next(objects: Vec<DataPacketObject>) -> Self {
        Self { packet_type: PacketType::SMARTENUM_NEXT, objects }
    }
}

/// [MS-WMI 2.2.14.1] WBEM_DATAPACKET_OBJECT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DataPacketObject {
    /// Type 1 ([MS-WMI 2.2.14.2] WBEMOBJECT_CLASS).
    Class {
        /// The ObjectBlock of a class ([MS-WMIO 2.2.2]), without signature and length.
        data: Bytes,
    },
    /// Type 2 ([MS-WMI 2.2.14.3] WBEMOBJECT_INSTANCE).
    Instance {
        /// What later instances call the class part of this one.
        class_id: Guid,
        /// The ObjectBlock of an instance ([MS-WMIO 2.2.2]), without signature and length.
        data: Bytes,
    },
    /// Type 3 ([MS-WMI 2.2.14.4] WBEMOBJECT_INSTANCE_NOCLASS).
    InstanceNoClass {
        /// The instance of type 2 whose class part it needs.
        class_id: Guid,
        /// The instance without its class part ([MS-WMIO 2.2.3]).
        data: Bytes,
    },
    /// An object that cannot be read although the next one can: another type, or a header that is not of its type.
    Undecodable {
        /// bObjectType.
        object_type: u8,
        /// What follows it.
        data: Bytes,
        /// What is wrong with it; the offset is within `data`.
        error: WireError,
    },
}

impl Wire for DataPacket {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "ObjectArray";
        if r.u32("ObjectArray dwByteOrdering")? != 0 || r.array("ObjectArray abSignature")? != SIGNATURE {
            return Err(r.bad("ObjectArray signature"));
        }
        let (header1, size1, _flags) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        let (version, packet_type) = (r.u8(WHAT)?, PacketType(r.u8(WHAT)?));
        if (header1, version) != (HEADER1, 1) {
            return Err(r.bad("ObjectArray header"));
        }
        let mut body = r.sub(r.fitting(size1, 1, "ObjectArray dwDataSize1")?, WHAT)?;
        let (header2, size2) = (body.u32(WHAT)?, body.u32(WHAT)?);
        let mut body = body.sub(body.fitting(size2, 1, "ObjectArray dwDataSize2")?, WHAT)?;
        let (header3, size3, count) = (body.u32(WHAT)?, body.u32(WHAT)?, body.u32(WHAT)?);
        if (header2, header3) != (HEADER2, HEADER3) {
            return Err(body.bad("ObjectArray header"));
        }
        let mut body = body.sub(body.fitting(size3, 1, "ObjectArray dwDataSize3")?, WHAT)?;
        let count = body.fitting(count, 9, "ObjectArray dwNumObjects")?;
        let objects = (0..count).map(|_| DataPacketObject::decode(&mut body)).collect::<Result<_, _>>()?;
        Ok(Self { packet_type, objects })
    }

    fn encode(&self, w: &mut Writer) {
        w.u32(0);
        w.bytes(&SIGNATURE);
        w.u32(HEADER1);
        let size1 = w.reserve_u32();
        w.u32(0);
        w.u8(1);
        w.u8(self.packet_type.0);
        let start1 = w.len();
        w.u32(HEADER2);
        let size2 = w.reserve_u32();
        let start2 = w.len();
        w.u32(HEADER3);
        let size3 = w.reserve_u32();
        w.len32(self.objects.len());
        let start3 = w.len();
        for object in &self.objects {
            object.encode(w);
        }
        for (size, start) in [(size1, start1), (size2, start2), (size3, start3)] {
            w.patch_u32(size, size32(w.len() - start));
        }
    }
}

impl Wire for DataPacketObject {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "WBEM_DATAPACKET_OBJECT";
        let (header, size, object_type) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u8(WHAT)?);
        if header != OBJECT_HEADER {
            return Err(r.bad("WBEM_DATAPACKET_OBJECT dwSizeOfHeader"));
        }
        let data = r.bytes(r.fitting(size, 1, WHAT)?, WHAT)?;
        Ok(Self::decode_typed(object_type, data.clone()).unwrap_or_else(|error| Self::Undecodable {
            object_type,
            data,
            error,
        }))
    }

    fn encode(&self, w: &mut Writer) {
        let (object_type, header, class_id, data) = match self {
            Self::Class { data } => (1, CLASS_HEADER, None, data),
            Self::Instance { class_id, data } => (2, INSTANCE_HEADER, Some(class_id), data),
            Self::InstanceNoClass { class_id, data } => (3, INSTANCE_HEADER, Some(class_id), data),
            Self::Undecodable { object_type, data, .. } => {
                w.u32(OBJECT_HEADER);
                w.len32(data.len());
                w.u8(*object_type);
                w.bytes(data);
                return;
            }
        };
        w.u32(OBJECT_HEADER);
        w.u32(size32(data.len()).saturating_add(header));
        w.u8(object_type);
        w.u32(header);
        w.len32(data.len());
        if let Some(class_id) = class_id {
            w.guid(class_id);
        }
        w.bytes(data);
    }
}

impl DataPacketObject {
    fn decode_typed(object_type: u8, data: Bytes) -> Result<Self, WireError> {
        const WHAT: &str = "WBEMOBJECT header";
        let mut r = Reader::new(data);
        let expected = match object_type {
            1 => CLASS_HEADER,
            2 | 3 => INSTANCE_HEADER,
            _ => return Err(r.bad("bObjectType")),
        };
        let (header, size) = (r.u32(WHAT)?, r.u32(WHAT)?);
        if header != expected {
            return Err(r.bad("WBEMOBJECT dwSizeOfHeader"));
        }
        let class_id = if object_type == 1 { Guid::NULL } else { r.guid(WHAT)? };
        let size = r.fitting(size, 1, "WBEMOBJECT dwSizeOfData")?;
        if size < r.remaining() {
            return Err(r.error(WireErrorKind::Trailing, "WBEMOBJECT"));
        }
        let data = r.into_rest();
        Ok(match object_type {
            1 => Self::Class { data },
            2 => Self::Instance { class_id, data },
            _ => Self::InstanceNoClass { class_id, data },
        })
    }
}

fn size32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}
