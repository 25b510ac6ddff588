//! IRemUnknown: more interfaces of an object, and its reference counts ([MS-DCOM 3.1.1.5.6]).

use wmi_proto::wire::dcom::rem_unknown::{
    RemAddRefResponse, RemQueryInterfaceRequest, RemQueryInterfaceResponse, RemRefsRequest,
};
use wmi_proto::wire::dcom::{RemQiResult, StdObjRef};
use wmi_proto::wire::{HResult, guid};

use crate::Fault;
use crate::exporter::{CO_E_OBJNOTREG, RPC_E_INVALID_OBJECT};
use crate::machine::Machine;

/// IRemUnknown::RemQueryInterface.
pub(crate) fn query_interface(
    request: RemQueryInterfaceRequest,
    port: u16,
    machine: &mut Machine,
) -> RemQueryInterfaceResponse {
    let RemQueryInterfaceRequest { ipid, refs, iids } = request;
    let fail = |status| RemQueryInterfaceResponse { results: Vec::new(), status };
    let Some((oid, _)) = machine.resolve(&ipid, port) else {
        return fail(RPC_E_INVALID_OBJECT);
    };
    let smart = iids.contains(&guid::IID_IWBEM_FETCH_SMART_ENUM);
    if smart && machine.has(Fault::RefuseSmartCall) {
        return fail(HResult::E_NOINTERFACE);
    }
    let results = iids.into_iter().map(|iid| {
        let refused = iid == guid::IID_IWBEM_FETCH_SMART_ENUM && machine.has(Fault::RefuseSmartItem);
        let reference = if refused { None } else { machine.reference(oid, iid, refs) };
        match reference {
            Some(std) => RemQiResult { result: HResult::S_OK, std },
            None => RemQiResult { result: HResult::E_NOINTERFACE, std: StdObjRef::default() },
        }
    });
    RemQueryInterfaceResponse { results: results.collect(), status: HResult::S_OK }
}

/// IRemUnknown::RemAddRef.
pub(crate) fn add_ref(request: RemRefsRequest, port: u16, machine: &mut Machine) -> RemAddRefResponse {
    let results = request.refs.iter().map(|item| match machine.resolve(&item.ipid, port) {
        Some(_) => machine.exporter.add_refs(&item.ipid, item.public_refs),
        None => CO_E_OBJNOTREG,
    });
    RemAddRefResponse { results: results.collect(), status: HResult::S_OK }
}

/// IRemUnknown::RemRelease.
pub(crate) fn release(request: RemRefsRequest, port: u16, machine: &mut Machine) -> HResult {
    for item in &request.refs {
        if machine.resolve(&item.ipid, port).is_some() {
            machine.release(&item.ipid, item.public_refs);
        }
    }
    HResult::S_OK
}
