//! The activation properties one by one ([MS-DCOM 2.2.22.2]).

use bytes::Bytes;

use super::ActivationProperty;
use crate::wire::dcom::bindings::TOWER_TCP;
use crate::wire::dcom::{ComVersion, DualStringArray, MInterfacePointer, ObjRef, ObjRefBody};
use crate::wire::guid::{
    CLSID_ACTIVATION_CONTEXT_INFO, CLSID_ACTIVATION_PROPERTIES_OUT, CLSID_CONTEXT_MARSHALER, CLSID_INSTANCE_INFO,
    CLSID_INSTANTIATION_INFO, CLSID_SCM_REPLY_INFO, CLSID_SCM_REQUEST_INFO, CLSID_SECURITY_INFO,
    CLSID_SERVER_LOCATION_INFO, CLSID_SPECIAL_SYSTEM_PROPERTIES, IID_ICONTEXT,
};
use crate::wire::{Guid, HResult, Reader, Wire, WireError, Writer};

/// [MS-DCOM 2.2.22.2.1] InstantiationInfoData: what to create. Reserved fields are written as 0 and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InstantiationInfoData {
    /// The class.
    pub class_id: Guid,
    /// Implementation-specific; Windows sends 0x14 (CLSCTX_LOCAL_SERVER | CLSCTX_REMOTE_SERVER).
    pub class_ctx: u32,
    /// ACTVFLAGS_*.
    pub actv_flags: u32,
    /// The interfaces wanted of the new object.
    pub iids: Vec<Guid>,
    /// The client's version; ignored.
    pub client_version: ComVersion,
}

impl ActivationProperty for InstantiationInfoData {
    const CLSID: Guid = CLSID_INSTANTIATION_INFO;
}

impl Wire for InstantiationInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "InstantiationInfoData";
        let class_id = r.guid(WHAT)?;
        let (class_ctx, actv_flags, _surrogate) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        let (count, _inst_flag) = (r.u32(WHAT)?, r.u32(WHAT)?);
        r.ndr_required("InstantiationInfoData pIID")?;
        let _this_size = r.u32(WHAT)?;
        let client_version = ComVersion::decode(r)?;
        Ok(Self { class_id, class_ctx, actv_flags, iids: guids(r, count, "pIID")?, client_version })
    }

    fn encode(&self, w: &mut Writer) {
        w.guid(&self.class_id);
        w.u32(self.class_ctx);
        w.u32(self.actv_flags);
        w.u32(0);
        w.len32(self.iids.len());
        w.u32(0);
        w.referent();
        // thisSize counts the serialization headers, the fixed part, the array and the padding.
        let size = self.iids.len().saturating_mul(16).saturating_add(16 + 52).checked_next_multiple_of(8);
        w.len32(size.unwrap_or(usize::MAX));
        self.client_version.encode(w);
        w.len32(self.iids.len());
        for iid in &self.iids {
            w.guid(iid);
        }
    }
}

/// A conformant array of GUIDs.
fn guids(r: &mut Reader, count: u32, what: &'static str) -> Result<Vec<Guid>, WireError> {
    r.ndr_conformance(count, what)?;
    let n = r.fitting(count, 16, what)?;
    (0..n).map(|_| r.guid(what)).collect()
}

/// [MS-DCOM 2.2.22.2.2] SpecialPropertiesData.
///
/// Its two definitions differ only in reserved fields at the end, which are kept as octets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpecialPropertiesData {
    /// The logon session wanted; 0xffffffff for any.
    pub session_id: u32,
    /// Whether a session is wanted.
    pub remote_this_session_id: u32,
    /// Ignored; 0.
    pub client_impersonating: u32,
    /// Implementation-specific.
    pub partition_id_present: u32,
    /// Implementation-specific, ignored; Windows sends 2.
    pub default_authn_level: u32,
    /// Implementation-specific.
    pub partition: Guid,
    /// Ignored; 0.
    pub prt_flags: u32,
    /// Implementation-specific; Windows repeats the class context.
    pub orig_class_ctx: u32,
    /// SPD_FLAG_*.
    pub flags: u32,
    /// Reserved1 to Reserved3 with their padding (40 octets), or the Reserved3 of the alternate definition (32).
    pub reserved: Bytes,
}

impl SpecialPropertiesData {
    /// Without wishes: what Windows sends, but for the impersonation flag, which should be 0.
    #[must_use]
    pub const fn new(class_ctx: u32) -> Self {
        Self {
            session_id: u32::MAX,
            remote_this_session_id: 0,
            client_impersonating: 0,
            partition_id_present: 0,
            default_authn_level: 2,
            partition: Guid::NULL,
            prt_flags: 0,
            orig_class_ctx: class_ctx,
            flags: 0,
            reserved: Bytes::from_static(&[0; 40]),
        }
    }
}

impl ActivationProperty for SpecialPropertiesData {
    const CLSID: Guid = CLSID_SPECIAL_SYSTEM_PROPERTIES;
}

impl Wire for SpecialPropertiesData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "SpecialPropertiesData";
        Ok(Self {
            session_id: r.u32(WHAT)?,
            remote_this_session_id: r.u32(WHAT)?,
            client_impersonating: r.u32(WHAT)?,
            partition_id_present: r.u32(WHAT)?,
            default_authn_level: r.u32(WHAT)?,
            partition: r.guid(WHAT)?,
            prt_flags: r.u32(WHAT)?,
            orig_class_ctx: r.u32(WHAT)?,
            flags: r.u32(WHAT)?,
            reserved: reserved(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.u32(self.session_id);
        w.u32(self.remote_this_session_id);
        w.u32(self.client_impersonating);
        w.u32(self.partition_id_present);
        w.u32(self.default_authn_level);
        w.guid(&self.partition);
        w.u32(self.prt_flags);
        w.u32(self.orig_class_ctx);
        w.u32(self.flags);
        w.bytes(&self.reserved);
    }
}

/// As long as one of the definitions says: what follows is padding.
fn reserved(r: &mut Reader) -> Result<Bytes, WireError> {
    r.bytes(if r.remaining() < 40 { 32 } else { 40 }, "SpecialPropertiesData")
}

/// [MS-DCOM 2.2.22.2.3] InstanceInfoData: from where a persistent object is to be loaded. Not in any capture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InstanceInfoData {
    /// The file.
    pub file_name: Option<String>,
    /// Implementation-specific.
    pub mode: u32,
    /// NULL; ignored.
    pub rot: Option<MInterfacePointer>,
    /// A storage object.
    pub storage: Option<MInterfacePointer>,
}

impl ActivationProperty for InstanceInfoData {
    const CLSID: Guid = CLSID_INSTANCE_INFO;
}

impl Wire for InstanceInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "InstanceInfoData";
        let file_name = r.ndr_pointer(WHAT)?;
        let mode = r.u32(WHAT)?;
        let (rot, storage) = (r.ndr_pointer(WHAT)?, r.ndr_pointer(WHAT)?);
        Ok(Self {
            file_name: file_name.then(|| r.ndr_wide_string("InstanceInfoData fileName")).transpose()?,
            mode,
            rot: rot.then(|| MInterfacePointer::decode(r)).transpose()?,
            storage: storage.then(|| MInterfacePointer::decode(r)).transpose()?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(self.file_name.is_some());
        w.u32(self.mode);
        w.ndr_pointer(self.rot.is_some());
        w.ndr_pointer(self.storage.is_some());
        if let Some(file_name) = &self.file_name {
            w.ndr_wide_string(file_name);
        }
        for pointer in [&self.rot, &self.storage].into_iter().flatten() {
            pointer.encode(w);
        }
    }
}

/// [MS-DCOM 2.2.22.2.4] ScmRequestInfoData with its customREMOTE_REQUEST_SCM_INFO. pdwReserved is written as NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScmRequestInfoData {
    /// Ignored; Windows sends 2 (RPC_C_IMP_LEVEL_IDENTIFY).
    pub client_imp_level: u32,
    /// The protocol sequences that the client speaks ([C706 appendix I]).
    pub requested_protseqs: Vec<u16>,
}

impl ScmRequestInfoData {
    /// A client that speaks TCP only.
    #[must_use]
    pub fn tcp() -> Self {
        Self { client_imp_level: 2, requested_protseqs: vec![TOWER_TCP] }
    }
}

impl ActivationProperty for ScmRequestInfoData {
    const CLSID: Guid = CLSID_SCM_REQUEST_INFO;
}

impl Wire for ScmRequestInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "ScmRequestInfoData";
        let reserved = r.ndr_pointer(WHAT)?;
        r.ndr_required("ScmRequestInfoData remoteRequest")?;
        if reserved {
            r.ndr_u32(WHAT)?;
        }
        let client_imp_level = r.ndr_u32(WHAT)?;
        let count = r.u16(WHAT)?;
        let mut requested_protseqs = Vec::new();
        if r.ndr_pointer(WHAT)? {
            r.ndr_conformance(count.into(), WHAT)?;
            r.fitting(count.into(), 2, WHAT)?;
            requested_protseqs = (0..count).map(|_| r.u16(WHAT)).collect::<Result<_, _>>()?;
        }
        Ok(Self { client_imp_level, requested_protseqs })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(false);
        w.referent();
        w.u32(self.client_imp_level);
        w.u16(u16::try_from(self.requested_protseqs.len()).unwrap_or(u16::MAX));
        w.ndr_pointer(!self.requested_protseqs.is_empty());
        if !self.requested_protseqs.is_empty() {
            w.len32(self.requested_protseqs.len());
            for protseq in &self.requested_protseqs {
                w.u16(*protseq);
            }
        }
    }
}

/// [MS-DCOM 2.2.22.2.5] ActivationContextInfoData. Reserved fields are written as 0 and ignored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ActivationContextInfoData {
    /// The client context, an OBJREF_CUSTOM of a [`Context`].
    pub client_ctx: Option<MInterfacePointer>,
    /// The prototype context, of the same kind.
    pub prototype_ctx: Option<MInterfacePointer>,
}

impl ActivationProperty for ActivationContextInfoData {
    const CLSID: Guid = CLSID_ACTIVATION_CONTEXT_INFO;
}

impl Wire for ActivationContextInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "ActivationContextInfoData";
        r.skip(16, WHAT)?;
        let (client, prototype) = (r.ndr_pointer(WHAT)?, r.ndr_pointer(WHAT)?);
        Ok(Self {
            client_ctx: client.then(|| MInterfacePointer::decode(r)).transpose()?,
            prototype_ctx: prototype.then(|| MInterfacePointer::decode(r)).transpose()?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.zeros(16);
        w.ndr_pointer(self.client_ctx.is_some());
        w.ndr_pointer(self.prototype_ctx.is_some());
        for pointer in [&self.client_ctx, &self.prototype_ctx].into_iter().flatten() {
            pointer.encode(w);
        }
    }
}

/// [MS-DCOM 2.2.20] Context, marshalled by value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Identifies the context.
    pub id: Guid,
    /// Ignored.
    pub mshl_flags: u32,
    /// How many property headers `properties` holds.
    pub count: u32,
    /// The PROPMARSHALHEADER entries ([MS-DCOM 2.2.20.1]), not looked into.
    pub properties: Bytes,
}

impl Context {
    /// A context without properties.
    #[must_use]
    pub const fn empty(id: Guid) -> Self {
        Self { id, mshl_flags: 0, count: 0, properties: Bytes::new() }
    }

    /// Marshals the context as the activation properties want it.
    #[must_use]
    pub fn to_pointer(&self) -> MInterfacePointer {
        MInterfacePointer::new(&ObjRef::custom(IID_ICONTEXT, CLSID_CONTEXT_MARSHALER, self.to_bytes()))
    }

    /// The context that `pointer` holds, if it holds one.
    #[must_use]
    pub fn from_pointer(pointer: &MInterfacePointer) -> Option<Self> {
        match pointer.objref().ok()? {
            ObjRef { iid, body: ObjRefBody::Custom { clsid, data, .. } }
                if (iid, clsid) == (IID_ICONTEXT, CLSID_CONTEXT_MARSHALER) =>
            {
                Self::from_bytes(data).ok()
            }
            _ => None,
        }
    }
}

impl Wire for Context {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "Context";
        let (major, minor) = (r.u16(WHAT)?, r.u16(WHAT)?);
        let id = r.guid(WHAT)?;
        let (flags, _reserved) = (r.u32(WHAT)?, r.u32(WHAT)?);
        let (extents, extent_size) = (r.u32(WHAT)?, r.u32(WHAT)?);
        if (major, minor, flags, extents, extent_size) != (1, 1, 2, 0, 0) {
            return Err(r.bad(WHAT));
        }
        let (mshl_flags, count, _frozen) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        Ok(Self { id, mshl_flags, count, properties: r.rest() })
    }

    fn encode(&self, w: &mut Writer) {
        w.u16(1);
        w.u16(1);
        w.guid(&self.id);
        w.u32(2);
        w.zeros(12);
        w.u32(self.mshl_flags);
        w.u32(self.count);
        w.u32(1);
        w.bytes(&self.properties);
    }
}

/// [MS-DCOM 2.2.22.2.6] LocationInfoData: required, and ignored by servers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocationInfoData {
    /// NULL.
    pub machine_name: Option<String>,
    /// 0.
    pub process_id: u32,
    /// 0.
    pub apartment_id: u32,
    /// 0.
    pub context_id: u32,
}

impl ActivationProperty for LocationInfoData {
    const CLSID: Guid = CLSID_SERVER_LOCATION_INFO;
}

impl Wire for LocationInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "LocationInfoData";
        let name = r.ndr_pointer(WHAT)?;
        let (process_id, apartment_id, context_id) = (r.u32(WHAT)?, r.u32(WHAT)?, r.u32(WHAT)?);
        let machine_name = name.then(|| r.ndr_wide_string("LocationInfoData machineName")).transpose()?;
        Ok(Self { machine_name, process_id, apartment_id, context_id })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(self.machine_name.is_some());
        w.u32(self.process_id);
        w.u32(self.apartment_id);
        w.u32(self.context_id);
        if let Some(name) = &self.machine_name {
            w.ndr_wide_string(name);
        }
    }
}

/// [MS-DCOM 2.2.22.2.7] SecurityInfoData: Windows sends it although it should not; ignored by servers.
/// Of its COSERVERINFO only the name is kept, the rest is written as 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityInfoData {
    /// 0.
    pub authn_flags: u32,
    /// The COSERVERINFO ([MS-DCOM 2.2.22.2.7.1]), which may lack a name.
    pub server: Option<Option<String>>,
}

impl ActivationProperty for SecurityInfoData {
    const CLSID: Guid = CLSID_SECURITY_INFO;
}

impl Wire for SecurityInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "SecurityInfoData";
        let authn_flags = r.u32(WHAT)?;
        let (info, _reserved) = (r.ndr_pointer(WHAT)?, r.ndr_pointer(WHAT)?);
        let mut server = None;
        if info {
            let _reserved1 = r.ndr_u32(WHAT)?;
            let (name, _reserved, _reserved2) = (r.ndr_pointer(WHAT)?, r.ndr_pointer(WHAT)?, r.u32(WHAT)?);
            server = Some(name.then(|| r.ndr_wide_string("COSERVERINFO pwszName")).transpose()?);
        }
        Ok(Self { authn_flags, server })
    }

    fn encode(&self, w: &mut Writer) {
        w.u32(self.authn_flags);
        w.ndr_pointer(self.server.is_some());
        w.u32(0);
        if let Some(name) = &self.server {
            w.u32(0);
            w.ndr_pointer(name.is_some());
            w.zeros(8);
            if let Some(name) = name {
                w.ndr_wide_string(name);
            }
        }
    }
}

/// [MS-DCOM 2.2.22.2.8] ScmReplyInfoData with its customREMOTE_REPLY_SCM_INFO. pdwReserved is written as NULL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScmReplyInfoData {
    /// The object exporter.
    pub oxid: u64,
    /// Where it listens.
    pub bindings: DualStringArray,
    /// Its IRemUnknown.
    pub ipid_rem_unknown: Guid,
    /// The lowest authentication level that it takes ([MS-RPCE 2.2.1.1.8]).
    pub authn_hint: u32,
    /// Its version.
    pub server_version: ComVersion,
}

impl ActivationProperty for ScmReplyInfoData {
    const CLSID: Guid = CLSID_SCM_REPLY_INFO;
}

impl Wire for ScmReplyInfoData {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "ScmReplyInfoData";
        let reserved = r.ndr_pointer(WHAT)?;
        r.ndr_required("ScmReplyInfoData remoteReply")?;
        if reserved {
            r.ndr_u32(WHAT)?;
        }
        let oxid = r.ndr_u64(WHAT)?;
        r.ndr_required("ScmReplyInfoData pdsaOxidBindings")?;
        let ipid_rem_unknown = r.guid(WHAT)?;
        let authn_hint = r.u32(WHAT)?;
        let server_version = ComVersion::decode(r)?;
        Ok(Self { oxid, bindings: DualStringArray::decode(r)?, ipid_rem_unknown, authn_hint, server_version })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(false);
        w.referent();
        w.ndr_u64(self.oxid);
        w.referent();
        w.guid(&self.ipid_rem_unknown);
        w.u32(self.authn_hint);
        self.server_version.encode(w);
        self.bindings.encode(w);
    }
}

/// [MS-DCOM 2.2.22.2.9] PropsOutInfo: one result per interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PropsOutInfo {
    /// The results, in the order of the request.
    pub interfaces: Vec<PropsOutInterface>,
}

/// One place of the three arrays of PropsOutInfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PropsOutInterface {
    /// The interface.
    pub iid: Guid,
    /// S_OK, or why there is no pointer.
    pub result: HResult,
    /// The reference.
    pub pointer: Option<MInterfacePointer>,
}

impl ActivationProperty for PropsOutInfo {
    const CLSID: Guid = CLSID_ACTIVATION_PROPERTIES_OUT;
}

impl Wire for PropsOutInfo {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "PropsOutInfo";
        let count = r.ndr_u32(WHAT)?;
        for what in ["PropsOutInfo piid", "PropsOutInfo phresults", "PropsOutInfo ppIntfData"] {
            r.ndr_required(what)?;
        }
        let iids = guids(r, count, "PropsOutInfo piid")?;
        r.ndr_conformance(count, "PropsOutInfo phresults")?;
        let results = iids.iter().map(|_| r.u32("PropsOutInfo phresults")).collect::<Result<Vec<_>, _>>()?;
        r.ndr_conformance(count, "PropsOutInfo ppIntfData")?;
        let present = iids.iter().map(|_| r.ndr_pointer("PropsOutInfo ppIntfData")).collect::<Result<Vec<_>, _>>()?;
        let mut interfaces = Vec::new();
        for ((iid, result), present) in iids.into_iter().zip(results).zip(present) {
            let pointer = present.then(|| MInterfacePointer::decode(r)).transpose()?;
            interfaces.push(PropsOutInterface { iid, result: HResult(result), pointer });
        }
        Ok(Self { interfaces })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_len(self.interfaces.len());
        w.referent();
        w.referent();
        w.referent();
        w.len32(self.interfaces.len());
        for interface in &self.interfaces {
            w.guid(&interface.iid);
        }
        w.len32(self.interfaces.len());
        for interface in &self.interfaces {
            w.u32(interface.result.0);
        }
        w.len32(self.interfaces.len());
        for interface in &self.interfaces {
            w.ndr_pointer(interface.pointer.is_some());
        }
        for pointer in self.interfaces.iter().filter_map(|interface| interface.pointer.as_ref()) {
            pointer.encode(w);
        }
    }
}
