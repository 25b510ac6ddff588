//! IRemoteSCMActivator::RemoteCreateInstance and the activation properties that carry its parameters.

pub mod properties;
pub mod reply;
pub mod request;

use bytes::Bytes;

use crate::wire::dcom::{MInterfacePointer, ObjRef, ObjRefBody};
use crate::wire::guid::{
    CLSID_ACTIVATION_PROPERTIES_IN, CLSID_ACTIVATION_PROPERTIES_OUT, IID_IACTIVATION_PROPERTIES_IN,
    IID_IACTIVATION_PROPERTIES_OUT, IID_IREMOTE_SCM_ACTIVATOR,
};
use crate::wire::ndr::serialization;
use crate::wire::{Guid, HResult, Interface, Operation, Reader, Wire, WireError, WireErrorKind, Writer};

pub use reply::{ActivationReply, InterfaceResult};
pub use request::ActivationRequest;

/// A structure that may stand in an activation properties BLOB ([MS-DCOM 2.2.22.2]).
pub trait ActivationProperty: Wire {
    /// What identifies it in the header.
    const CLSID: Guid;
}

/// [MS-DCOM 2.2.22] the activation properties BLOB.
///
/// A property is looked into when it is asked for; those that nobody knows survive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivationProperties {
    /// The destination context, implementation-specific; Windows sends 2 (another machine).
    pub dest_ctx: u32,
    /// The serialized properties (type serialization version 1) with their identifiers, in wire order.
    pub properties: Vec<(Guid, Bytes)>,
}

impl ActivationProperties {
    /// No property yet, for another machine.
    #[must_use]
    pub const fn new() -> Self {
        Self { dest_ctx: 2, properties: Vec::new() }
    }

    /// Appends a property.
    pub fn push<P: ActivationProperty>(&mut self, property: &P) {
        self.properties.push((P::CLSID, serialization::encode(property)));
    }

    /// The first property of this kind, wherever it stands.
    ///
    /// # Errors
    /// Why it does not decode.
    pub fn get<P: ActivationProperty>(&self) -> Result<Option<P>, WireError> {
        let found = self.properties.iter().find(|(clsid, _)| *clsid == P::CLSID);
        found.map(|(_, data)| serialization::decode(&mut Reader::new(data.clone()))).transpose()
    }

    /// The first property of this kind, which must be there.
    ///
    /// # Errors
    /// `BadValue` when it is missing, or why it does not decode.
    pub fn require<P: ActivationProperty>(&self, what: &'static str) -> Result<P, WireError> {
        self.get()?.ok_or_else(|| WireError::new(WireErrorKind::BadValue, what, 0))
    }
}

/// The BLOB itself, without an OBJREF around it.
impl Wire for ActivationProperties {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "activation properties";
        let (_size, _reserved) = (r.u32(WHAT)?, r.u32(WHAT)?);
        let before = r.remaining();
        let header: CustomHeader = serialization::decode(r)?;
        let read = before.saturating_sub(r.remaining());
        let declared = usize::try_from(header.header_size).unwrap_or(usize::MAX);
        let gap = declared.checked_sub(read).ok_or_else(|| r.bad("CustomHeader headerSize"))?;
        r.skip(gap, "CustomHeader headerSize")?;
        let mut properties = Vec::new();
        for (clsid, size) in header.entries {
            let n = r.fitting(size, 1, "activation property")?;
            properties.push((clsid, r.bytes(n, "activation property")?));
        }
        Ok(Self { dest_ctx: header.dest_ctx, properties })
    }

    fn encode(&self, w: &mut Writer) {
        let entries = self.properties.iter().map(|(clsid, data)| (*clsid, size32(data.len()))).collect();
        let mut header = CustomHeader { total_size: 0, header_size: 0, dest_ctx: self.dest_ctx, entries };
        let header_size = serialization::encode(&header).len();
        let total = self.properties.iter().fold(header_size, |sum, (_, data)| sum.saturating_add(data.len()));
        header.header_size = size32(header_size);
        header.total_size = size32(total);
        w.len32(total);
        w.u32(0);
        w.bytes(&serialization::encode(&header));
        for (_, data) in &self.properties {
            w.bytes(data);
        }
    }
}

/// [MS-DCOM 2.2.22.1] CustomHeader.
#[derive(Clone, Debug, PartialEq, Eq)]
struct CustomHeader {
    total_size: u32,
    header_size: u32,
    dest_ctx: u32,
    entries: Vec<(Guid, u32)>,
}

impl Wire for CustomHeader {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "CustomHeader";
        let (total_size, header_size) = (r.ndr_u32(WHAT)?, r.u32(WHAT)?);
        let (_reserved, dest_ctx, count) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        let _class_info = r.guid(WHAT)?;
        r.ndr_required("CustomHeader pclsid")?;
        r.ndr_required("CustomHeader pSizes")?;
        let _reserved = r.ndr_pointer(WHAT)?;
        r.ndr_conformance(count, "CustomHeader pclsid")?;
        let n = r.fitting(count, 16, "CustomHeader pclsid")?;
        let clsids = (0..n).map(|_| r.guid("CustomHeader pclsid")).collect::<Result<Vec<_>, _>>()?;
        r.ndr_conformance(count, "CustomHeader pSizes")?;
        let entries = clsids
            .into_iter()
            .map(|clsid| Ok((clsid, r.u32("CustomHeader pSizes")?)))
            .collect::<Result<_, WireError>>();
        Ok(Self { total_size, header_size, dest_ctx, entries: entries? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.total_size);
        w.u32(self.header_size);
        w.u32(0);
        w.u32(self.dest_ctx);
        w.len32(self.entries.len());
        w.guid(&Guid::NULL);
        w.referent();
        w.referent();
        w.u32(0);
        w.len32(self.entries.len());
        for (clsid, _) in &self.entries {
            w.guid(clsid);
        }
        w.len32(self.entries.len());
        for (_, size) in &self.entries {
            w.u32(*size);
        }
    }
}

fn size32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// [MS-DCOM 3.1.2.5.2.3.3] RemoteCreateInstance. ORPCTHIS and ORPCTHAT are explicit parameters here, but they stand
/// where they stand in object calls.
#[derive(Clone, Copy, Debug)]
pub struct RemoteCreateInstance;

impl Operation for RemoteCreateInstance {
    const INTERFACE: Interface = Interface::orpc(IID_IREMOTE_SCM_ACTIVATOR);
    const OPNUM: u16 = 4;
    const NAME: &'static str = "IRemoteSCMActivator::RemoteCreateInstance";
    type Request = RemoteCreateInstanceRequest;
    type Response = RemoteCreateInstanceResponse;
}

/// pUnkOuter and pActProperties. pUnkOuter is written as NULL and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCreateInstanceRequest {
    /// What to activate and how; [`ActivationRequest`] is the short form.
    pub properties: ActivationProperties,
}

impl Wire for RemoteCreateInstanceRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let _outer = MInterfacePointer::decode_optional(r)?;
        let properties = decode_properties(r, IID_IACTIVATION_PROPERTIES_IN, CLSID_ACTIVATION_PROPERTIES_IN)?;
        Ok(Self { properties: properties.ok_or_else(|| r.bad("pActProperties"))? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(false);
        let ids = (IID_IACTIVATION_PROPERTIES_IN, CLSID_ACTIVATION_PROPERTIES_IN);
        encode_properties(Some(&self.properties), ids, w);
    }
}

/// ppActProperties and the return value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCreateInstanceResponse {
    /// What was activated and where; `None` when it failed.
    pub properties: Option<ActivationProperties>,
    /// How the call went.
    pub status: HResult,
}

impl RemoteCreateInstanceResponse {
    /// A successful response.
    #[must_use]
    pub fn success(reply: &ActivationReply) -> Self {
        Self { properties: Some(reply.to_properties()), status: HResult::S_OK }
    }

    /// A failed activation.
    #[must_use]
    pub const fn failure(status: HResult) -> Self {
        Self { properties: None, status }
    }

    /// The short form of the properties.
    ///
    /// # Errors
    /// `BadValue` when they or one of the required two are missing, or why one does not decode.
    pub fn reply(&self) -> Result<ActivationReply, WireError> {
        let missing = || WireError::new(WireErrorKind::BadValue, "ppActProperties", 0);
        ActivationReply::from_properties(self.properties.as_ref().ok_or_else(missing)?)
    }
}

impl Wire for RemoteCreateInstanceResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let properties = decode_properties(r, IID_IACTIVATION_PROPERTIES_OUT, CLSID_ACTIVATION_PROPERTIES_OUT)?;
        Ok(Self { properties, status: HResult::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        let ids = (IID_IACTIVATION_PROPERTIES_OUT, CLSID_ACTIVATION_PROPERTIES_OUT);
        encode_properties(self.properties.as_ref(), ids, w);
        self.status.encode(w);
    }
}

fn decode_properties(r: &mut Reader, iid: Guid, clsid: Guid) -> Result<Option<ActivationProperties>, WireError> {
    let Some(pointer) = MInterfacePointer::decode_optional(r)? else { return Ok(None) };
    match pointer.objref()? {
        ObjRef { iid: its_iid, body: ObjRefBody::Custom { clsid: its_clsid, data, .. } }
            if (its_iid, its_clsid) == (iid, clsid) =>
        {
            ActivationProperties::decode(&mut Reader::new(data)).map(Some)
        }
        _ => Err(r.bad("activation properties OBJREF")),
    }
}

/// The reserved field of the OBJREF is the length of its data, as in requests of Windows; its replies say eight more.
fn encode_properties(properties: Option<&ActivationProperties>, (iid, clsid): (Guid, Guid), w: &mut Writer) {
    let pointer =
        properties.map(|properties| MInterfacePointer::new(&ObjRef::custom(iid, clsid, properties.to_bytes())));
    MInterfacePointer::encode_optional(pointer.as_ref(), w);
}
