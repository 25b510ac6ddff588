//! IObjectExporter, the object resolver: is it alive, where is an exporter, and pings. Not object calls: there is no
//! ORPCTHIS and no ORPCTHAT. Return values are Win32 codes.

use crate::wire::dcom::{ComVersion, DualStringArray};
use crate::wire::guid::IID_IOBJECT_EXPORTER;
use crate::wire::{FaultStatus, Guid, Interface, Operation, Reader, Wire, WireError, Writer};

/// A request without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoParameters;

impl Wire for NoParameters {
    fn decode(_: &mut Reader) -> Result<Self, WireError> {
        Ok(Self)
    }

    fn encode(&self, _: &mut Writer) {}
}

/// The return value alone.
impl Wire for FaultStatus {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self(r.ndr_u32("error_status_t")?))
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.0);
    }
}

/// [MS-DCOM 3.1.2.5.1.6] ServerAlive2.
#[derive(Clone, Copy, Debug)]
pub struct ServerAlive2;

impl Operation for ServerAlive2 {
    const INTERFACE: Interface = Interface::orpc(IID_IOBJECT_EXPORTER);
    const OPNUM: u16 = 5;
    const NAME: &'static str = "IObjectExporter::ServerAlive2";
    type Request = NoParameters;
    type Response = ServerAlive2Response;
}

/// Version and bindings of the object resolver. pReserved is written as 0 and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerAlive2Response {
    /// Its version.
    pub version: ComVersion,
    /// Its bindings, without endpoints; `None` when the call failed.
    pub bindings: Option<DualStringArray>,
    /// How the call went.
    pub status: FaultStatus,
}

impl Wire for ServerAlive2Response {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let version = ComVersion::decode(r)?;
        let bindings = r.ndr_pointer("ppdsaOrBindings")?.then(|| DualStringArray::decode(r)).transpose()?;
        let _reserved = r.ndr_u32("pReserved")?;
        Ok(Self { version, bindings, status: FaultStatus::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        self.version.encode(w);
        w.ndr_pointer(self.bindings.is_some());
        if let Some(bindings) = &self.bindings {
            bindings.encode(w);
        }
        w.ndr_u32(0);
        self.status.encode(w);
    }
}

/// [MS-DCOM 3.1.2.5.1.5] ResolveOxid2.
#[derive(Clone, Copy, Debug)]
pub struct ResolveOxid2;

impl Operation for ResolveOxid2 {
    const INTERFACE: Interface = Interface::orpc(IID_IOBJECT_EXPORTER);
    const OPNUM: u16 = 4;
    const NAME: &'static str = "IObjectExporter::ResolveOxid2";
    type Request = ResolveOxid2Request;
    type Response = ResolveOxid2Response;
}

/// Asks where an exporter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveOxid2Request {
    /// The exporter.
    pub oxid: u64,
    /// The protocol sequences that the client speaks ([C706 appendix I]).
    pub requested_protseqs: Vec<u16>,
}

impl Wire for ResolveOxid2Request {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "arRequestedProtseqs";
        let oxid = r.ndr_u64("pOxid")?;
        let count = r.u16("cRequestedProtseqs")?;
        r.ndr_conformance(count.into(), WHAT)?;
        r.fitting(count.into(), 2, WHAT)?;
        let requested_protseqs = (0..count).map(|_| r.u16(WHAT)).collect::<Result<_, _>>()?;
        Ok(Self { oxid, requested_protseqs })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u64(self.oxid);
        w.u16(u16::try_from(self.requested_protseqs.len()).unwrap_or(u16::MAX));
        w.ndr_len(self.requested_protseqs.len());
        for protseq in &self.requested_protseqs {
            w.u16(*protseq);
        }
    }
}

/// Where an exporter is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveOxid2Response {
    /// Its bindings, with endpoints; `None` when the call failed.
    pub bindings: Option<DualStringArray>,
    /// Its IRemUnknown.
    pub ipid_rem_unknown: Guid,
    /// The lowest authentication level that it takes ([MS-RPCE 2.2.1.1.8]).
    pub authn_hint: u32,
    /// Its version.
    pub version: ComVersion,
    /// How the call went; OR_INVALID_OXID when there is no such exporter.
    pub status: FaultStatus,
}

impl Wire for ResolveOxid2Response {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let bindings = r.ndr_pointer("ppdsaOxidBindings")?.then(|| DualStringArray::decode(r)).transpose()?;
        r.align(4)?;
        Ok(Self {
            bindings,
            ipid_rem_unknown: r.guid("pipidRemUnknown")?,
            authn_hint: r.u32("pAuthnHint")?,
            version: ComVersion::decode(r)?,
            status: FaultStatus::decode(r)?,
        })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(self.bindings.is_some());
        if let Some(bindings) = &self.bindings {
            bindings.encode(w);
        }
        w.align(4);
        w.guid(&self.ipid_rem_unknown);
        w.u32(self.authn_hint);
        self.version.encode(w);
        self.status.encode(w);
    }
}

/// [MS-DCOM 3.1.2.5.1.2] SimplePing: keeps the objects of a ping set alive.
#[derive(Clone, Copy, Debug)]
pub struct SimplePing;

impl Operation for SimplePing {
    const INTERFACE: Interface = Interface::orpc(IID_IOBJECT_EXPORTER);
    const OPNUM: u16 = 1;
    const NAME: &'static str = "IObjectExporter::SimplePing";
    type Request = SimplePingRequest;
    type Response = FaultStatus;
}

/// Names a ping set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SimplePingRequest {
    /// What ComplexPing answered.
    pub set_id: u64,
}

impl Wire for SimplePingRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { set_id: r.ndr_u64("pSetId")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u64(self.set_id);
    }
}

/// [MS-DCOM 3.1.2.5.1.3] ComplexPing: makes or changes a ping set.
#[derive(Clone, Copy, Debug)]
pub struct ComplexPing;

impl Operation for ComplexPing {
    const INTERFACE: Interface = Interface::orpc(IID_IOBJECT_EXPORTER);
    const OPNUM: u16 = 2;
    const NAME: &'static str = "IObjectExporter::ComplexPing";
    type Request = ComplexPingRequest;
    type Response = ComplexPingResponse;
}

/// A change of a ping set. An empty list is sent as a NULL pointer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ComplexPingRequest {
    /// The set; 0 makes a new one.
    pub set_id: u64,
    /// Counts the changes of this set.
    pub sequence: u16,
    /// Objects to add.
    pub add: Vec<u64>,
    /// Objects to remove.
    pub del: Vec<u64>,
}

impl Wire for ComplexPingRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let set_id = r.ndr_u64("pSetId")?;
        let (sequence, add, del) = (r.u16("SequenceNum")?, r.u16("cAddToSet")?, r.u16("cDelFromSet")?);
        Ok(Self { set_id, sequence, add: decode_oids(r, add, "AddToSet")?, del: decode_oids(r, del, "DelFromSet")? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u64(self.set_id);
        w.u16(self.sequence);
        for oids in [&self.add, &self.del] {
            w.u16(u16::try_from(oids.len()).unwrap_or(u16::MAX));
        }
        for oids in [&self.add, &self.del] {
            w.ndr_pointer(!oids.is_empty());
            if !oids.is_empty() {
                w.ndr_len(oids.len());
                for oid in oids {
                    w.ndr_u64(*oid);
                }
            }
        }
    }
}

fn decode_oids(r: &mut Reader, count: u16, what: &'static str) -> Result<Vec<u64>, WireError> {
    if !r.ndr_pointer(what)? {
        return if count == 0 { Ok(Vec::new()) } else { Err(r.bad(what)) };
    }
    r.ndr_conformance(count.into(), what)?;
    r.fitting(count.into(), 8, what)?;
    (0..count).map(|_| r.ndr_u64(what)).collect()
}

/// The set and how often to ping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ComplexPingResponse {
    /// The set.
    pub set_id: u64,
    /// A hint to ping less often; may be taken as 0.
    pub backoff_factor: u16,
    /// How the call went.
    pub status: FaultStatus,
}

impl Wire for ComplexPingResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (set_id, backoff_factor) = (r.ndr_u64("pSetId")?, r.u16("pPingBackoffFactor")?);
        Ok(Self { set_id, backoff_factor, status: FaultStatus::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u64(self.set_id);
        w.u16(self.backoff_factor);
        self.status.encode(w);
    }
}
