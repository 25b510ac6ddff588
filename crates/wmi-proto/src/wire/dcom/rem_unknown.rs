//! IRemUnknown: more interfaces of an object, and the references to it. IRemUnknown2 has the same numbers.

use crate::wire::dcom::StdObjRef;
use crate::wire::guid::IID_IREM_UNKNOWN;
use crate::wire::{Guid, HResult, Interface, Operation, Reader, Wire, WireError, Writer};

/// [MS-DCOM 3.1.1.5.6.1.1] RemQueryInterface.
#[derive(Clone, Copy, Debug)]
pub struct RemQueryInterface;

impl Operation for RemQueryInterface {
    const INTERFACE: Interface = Interface::orpc(IID_IREM_UNKNOWN);
    const OPNUM: u16 = 3;
    const NAME: &'static str = "IRemUnknown::RemQueryInterface";
    type Request = RemQueryInterfaceRequest;
    type Response = RemQueryInterfaceResponse;
}

/// Asks an object for interfaces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemQueryInterfaceRequest {
    /// Any interface pointer of the object.
    pub ipid: Guid,
    /// How many public references are wanted of each; 5 is usual.
    pub refs: u32,
    /// The interfaces.
    pub iids: Vec<Guid>,
}

impl Wire for RemQueryInterfaceRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        r.align(4)?;
        let ipid = r.guid("ripid")?;
        let refs = r.u32("cRefs")?;
        let count = r.ndr_u16("cIids")?;
        r.ndr_conformance(count.into(), "iids")?;
        r.fitting(count.into(), 16, "iids")?;
        let iids = (0..count).map(|_| r.guid("iids")).collect::<Result<_, _>>()?;
        Ok(Self { ipid, refs, iids })
    }

    fn encode(&self, w: &mut Writer) {
        w.align(4);
        w.guid(&self.ipid);
        w.u32(self.refs);
        w.u16(count16(self.iids.len()));
        w.ndr_len(self.iids.len());
        for iid in &self.iids {
            w.guid(iid);
        }
    }
}

/// [MS-DCOM 2.2.24] REMQIRESULT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemQiResult {
    /// S_OK, or why there is no reference.
    pub result: HResult,
    /// The reference; of no meaning when `result` is an error.
    pub std: StdObjRef,
}

/// One result per interface, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemQueryInterfaceResponse {
    /// The results; empty (a NULL pointer) when the call failed.
    pub results: Vec<RemQiResult>,
    /// How the call went.
    pub status: HResult,
}

impl Wire for RemQueryInterfaceResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let mut results = Vec::new();
        if r.ndr_pointer("ppQIResults")? {
            let count = r.ndr_count(48, "ppQIResults")?;
            for _ in 0..count {
                r.align(8)?;
                let result = HResult(r.u32("REMQIRESULT hResult")?);
                r.align(8)?;
                results.push(RemQiResult { result, std: StdObjRef::decode(r)? });
            }
        }
        Ok(Self { results, status: HResult(r.ndr_u32("status")?) })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_pointer(!self.results.is_empty());
        if !self.results.is_empty() {
            w.len32(self.results.len());
            for result in &self.results {
                w.align(8);
                w.u32(result.result.0);
                w.align(8);
                result.std.encode(w);
            }
        }
        w.ndr_u32(self.status.0);
    }
}

/// [MS-DCOM 2.2.23] REMINTERFACEREF.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemInterfaceRef {
    /// The interface pointer.
    pub ipid: Guid,
    /// Public references to add or release.
    pub public_refs: u32,
    /// Private references to add or release; 0 is all that Windows grants without secure references.
    pub private_refs: u32,
}

/// cInterfaceRefs and InterfaceRefs, the request of both reference-counting calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemRefsRequest {
    /// The references; at most 65535.
    pub refs: Vec<RemInterfaceRef>,
}

impl Wire for RemRefsRequest {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        const WHAT: &str = "InterfaceRefs";
        let count = r.ndr_u16("cInterfaceRefs")?;
        r.ndr_conformance(count.into(), WHAT)?;
        r.fitting(count.into(), 24, WHAT)?;
        let refs = (0..count)
            .map(|_| Ok(RemInterfaceRef { ipid: r.guid(WHAT)?, public_refs: r.u32(WHAT)?, private_refs: r.u32(WHAT)? }))
            .collect::<Result<_, WireError>>()?;
        Ok(Self { refs })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u16(count16(self.refs.len()));
        w.ndr_len(self.refs.len());
        for reference in &self.refs {
            w.guid(&reference.ipid);
            w.u32(reference.public_refs);
            w.u32(reference.private_refs);
        }
    }
}

/// [MS-DCOM 3.1.1.5.6.1.2] RemAddRef.
#[derive(Clone, Copy, Debug)]
pub struct RemAddRef;

impl Operation for RemAddRef {
    const INTERFACE: Interface = Interface::orpc(IID_IREM_UNKNOWN);
    const OPNUM: u16 = 4;
    const NAME: &'static str = "IRemUnknown::RemAddRef";
    type Request = RemRefsRequest;
    type Response = RemAddRefResponse;
}

/// One result per interface pointer, in the order of the request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemAddRefResponse {
    /// How each went.
    pub results: Vec<HResult>,
    /// How the call went.
    pub status: HResult,
}

impl Wire for RemAddRefResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let count = r.ndr_count(4, "pResults")?;
        let results = (0..count).map(|_| Ok(HResult(r.u32("pResults")?))).collect::<Result<_, WireError>>()?;
        Ok(Self { results, status: HResult(r.ndr_u32("status")?) })
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_len(self.results.len());
        for result in &self.results {
            w.u32(result.0);
        }
        w.u32(self.status.0);
    }
}

/// [MS-DCOM 3.1.1.5.6.1.3] RemRelease.
#[derive(Clone, Copy, Debug)]
pub struct RemRelease;

impl Operation for RemRelease {
    const INTERFACE: Interface = Interface::orpc(IID_IREM_UNKNOWN);
    const OPNUM: u16 = 5;
    const NAME: &'static str = "IRemUnknown::RemRelease";
    type Request = RemRefsRequest;
    type Response = HResult;
}

/// The return value alone, the response of methods without `[out]` parameters.
impl Wire for HResult {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self(r.ndr_u32("status")?))
    }

    fn encode(&self, w: &mut Writer) {
        w.ndr_u32(self.0);
    }
}

/// A 16-bit count; what exceeds it is written as the largest, which differs from the array's own count, so that
/// every reader refuses it.
fn count16(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}
