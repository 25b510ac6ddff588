//! The activator: IRemoteSCMActivator and IObjectExporter ([MS-DCOM 3.1.2]).

use wmi_proto::wire::dcom::activation::InterfaceResult;
use wmi_proto::wire::dcom::exporter::{
    ComplexPing, ResolveOxid2, ResolveOxid2Response, ServerAlive2, ServerAlive2Response, SimplePing,
};
use wmi_proto::wire::dcom::{
    ActivationReply, ActivationRequest, ComVersion, DualStringArray, RemoteCreateInstance, RemoteCreateInstanceRequest,
    RemoteCreateInstanceResponse, SecurityBinding, StringBinding,
};
use wmi_proto::wire::{FaultStatus, Guid, HResult, Operation, Reader, Wire, Writer, guid};

use crate::Fault;
use crate::connection::Call;
use crate::dispatch::{NCA_S_OP_RNG_ERROR, Outcome, RPC_X_BAD_STUB_DATA, at_stage, is_protected, operate};
use crate::exporter::USUAL_REFS;
use crate::machine::{Machine, Process};
use crate::pings::ERROR_SUCCESS;
use crate::services::Object;

/// The class is not registered ([MS-ERREF 2.1]).
const REGDB_E_CLASSNOTREG: HResult = HResult(0x8004_0154);
/// The request cannot be understood ([MS-ERREF 2.1]).
const E_INVALIDARG: HResult = HResult(0x8007_0057);
/// Not all the requested interfaces are there ([MS-ERREF 2.1]).
const CO_S_NOTALLINTERFACES: HResult = HResult(0x0008_0012);

/// A call of IObjectExporter, which has no ORPCTHIS. Only ServerAlive2 is answered to anybody.
pub(crate) fn exporter_call(call: &Call, machine: &mut Machine) -> Outcome {
    if call.opnum != ServerAlive2::OPNUM && !is_protected(call, machine) {
        return Outcome::Fault(FaultStatus::ACCESS_DENIED);
    }
    match call.opnum {
        ServerAlive2::OPNUM => plain::<ServerAlive2>(call, machine, |_, machine| ServerAlive2Response {
            version: version(machine),
            bindings: Some(resolver_bindings(machine)),
            status: ERROR_SUCCESS,
        }),
        ResolveOxid2::OPNUM => plain::<ResolveOxid2>(call, machine, |request, machine| {
            let process = machine.processes.iter().find(|process| process.oxid == request.oxid);
            ResolveOxid2Response {
                bindings: process.map(|process| exporter_bindings(*process, machine)),
                ipid_rem_unknown: process.map_or(Guid::NULL, |process| process.rem_unknown),
                authn_hint: authn_hint(machine),
                version: version(machine),
                status: if process.is_some() { ERROR_SUCCESS } else { FaultStatus::OR_INVALID_OXID },
            }
        }),
        SimplePing::OPNUM => plain::<SimplePing>(call, machine, |request, machine| machine.ping(request.set_id)),
        ComplexPing::OPNUM => plain::<ComplexPing>(call, machine, |request, machine| machine.change_ping_set(request)),
        _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
    }
}

fn plain<O: Operation>(
    call: &Call,
    machine: &mut Machine,
    operation: impl FnOnce(O::Request, &mut Machine) -> O::Response,
) -> Outcome {
    machine.count_call(O::NAME);
    let Ok(request) = O::Request::decode(&mut Reader::with_endianness(call.stub.clone(), call.big_endian)) else {
        return Outcome::Fault(RPC_X_BAD_STUB_DATA);
    };
    let mut w = Writer::new();
    operation(request, machine).encode(&mut w);
    Outcome::Reply(w.finish(), None)
}

/// A call of IRemoteSCMActivator.
pub(crate) fn activator_call(call: &Call, machine: &mut Machine) -> Outcome {
    if call.opnum != RemoteCreateInstance::OPNUM {
        return Outcome::Fault(NCA_S_OP_RNG_ERROR);
    }
    at_stage(machine, Fault::ResetAtActivate, Fault::SilenceAtActivate)
        .unwrap_or_else(|| operate::<RemoteCreateInstance>(call, machine, create_instance))
}

fn create_instance(request: RemoteCreateInstanceRequest, machine: &mut Machine) -> RemoteCreateInstanceResponse {
    let Ok(ActivationRequest { clsid, iids, .. }) = ActivationRequest::from_request(&request) else {
        return RemoteCreateInstanceResponse::failure(E_INVALIDARG);
    };
    let Some(process) = machine.processes.first().copied().filter(|_| machine.now() >= machine.activates_from) else {
        return RemoteCreateInstanceResponse::failure(HResult::CO_E_SERVER_STOPPING);
    };
    if clsid != guid::CLSID_WBEM_LEVEL1_LOGIN {
        return RemoteCreateInstanceResponse::failure(REGDB_E_CLASSNOTREG);
    }
    if !iids.iter().any(|iid| Object::Login.supports(iid)) {
        return RemoteCreateInstanceResponse::failure(HResult::E_NOINTERFACE);
    }
    let oid = machine.create(Object::Login);
    let interfaces: Vec<_> = iids
        .into_iter()
        .map(|iid| match machine.objref(oid, iid, USUAL_REFS) {
            Some(objref) => InterfaceResult { iid, result: HResult::S_OK, objref: Some(objref) },
            None => InterfaceResult { iid, result: HResult::E_NOINTERFACE, objref: None },
        })
        .collect();
    let all = interfaces.iter().all(|interface| interface.objref.is_some());
    let reply = ActivationReply {
        oxid: process.oxid,
        ipid_rem_unknown: process.rem_unknown,
        bindings: exporter_bindings(process, machine),
        authn_hint: authn_hint(machine),
        server_version: version(machine),
        interfaces,
    };
    let mut properties = reply.to_properties();
    if machine.has(Fault::ReorderActivationProperties) {
        properties.properties.reverse();
    }
    let status = if all { HResult::S_OK } else { CO_S_NOTALLINTERFACES };
    RemoteCreateInstanceResponse { properties: Some(properties), status }
}

/// The version that the host tells.
pub(crate) fn version(machine: &Machine) -> ComVersion {
    match machine.has(Fault::ComVersion5_6) || machine.has(Fault::OlderExporter) {
        true => ComVersion::V5_6,
        false => ComVersion::V5_7,
    }
}

/// The authentication level that the exporter asks for; 4 (PKT) is what Windows says of WMI.
fn authn_hint(machine: &Machine) -> u32 {
    let hints = [(Fault::Hint2, 2), (Fault::Hint5, 5), (Fault::Hint6, 6)];
    hints.into_iter().find(|(fault, _)| machine.has(*fault)).map_or(4, |(_, hint)| hint)
}

/// Where the exporter listens: every name of the host, with the port.
fn exporter_bindings(process: Process, machine: &Machine) -> DualStringArray {
    let port = Some(process.port);
    let mut string_bindings = Vec::new();
    if machine.has(Fault::UnreachableBindingFirst) {
        // A named pipe, and an address that is for documentation only (RFC 5737).
        string_bindings.push(StringBinding { tower_id: 0x0f, address: "\\\\WINSIM[\\PIPE\\wmisim]".to_owned() });
        string_bindings.push(StringBinding::tcp("192.0.2.1", port));
    }
    string_bindings.extend(names(machine).map(|name| StringBinding::tcp(name, port)));
    let account = "NT AUTHORITY\\SYSTEM";
    DualStringArray { string_bindings, security_bindings: security_bindings(account) }
}

/// Where the resolver listens: the same, at the well-known port, which is not told.
pub(crate) fn resolver_bindings(machine: &Machine) -> DualStringArray {
    let string_bindings = names(machine).map(|name| StringBinding::tcp(name, None)).collect();
    DualStringArray { string_bindings, security_bindings: security_bindings("") }
}

fn names(machine: &Machine) -> impl Iterator<Item = &str> {
    std::iter::once(machine.config.name.as_str()).chain(machine.config.addresses.iter().map(String::as_str))
}

/// NTLM is all that is spoken here, so nothing else is told.
fn security_bindings(principal: &str) -> Vec<SecurityBinding> {
    vec![SecurityBinding { authn_svc: 10, principal: principal.to_owned() }]
}
