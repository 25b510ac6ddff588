//! From a request to the operation that it means: by interface at the activator, by IPID at the object server.

use bytes::Bytes;
use wmi_proto::wire::dcom::{ComVersion, OrpcExtent, OrpcThat, OrpcThis, RemAddRef, RemQueryInterface, RemRelease};
use wmi_proto::wire::rpc::AuthnLevel;
use wmi_proto::wire::wmi::{
    CloneEnumerator, EstablishPosition, ExecMethod, ExecQuery, GetObject, GetSmartEnum, Next, NtlmLogin, OpenNamespace,
    Reset, SetClientInfo, Skip, SmartNext,
};
use wmi_proto::wire::{FaultStatus, Guid, Interface, Operation, Reader, Wire, Writer, guid};
use wmi_proto::{Instant, Role};

use crate::connection::Call;
use crate::enumeration::PendingNext;
use crate::machine::{Machine, Process};
use crate::reply::Damage;
use crate::{Fault, enumeration, life, login, methods, refusal, rem_unknown, scm, services};

/// nca_s_op_rng_error: the interface has no such method.
pub(crate) const NCA_S_OP_RNG_ERROR: FaultStatus = FaultStatus(0x1c01_0002);
/// nca_s_unk_if: the interface is not known there.
pub(crate) const NCA_S_UNK_IF: FaultStatus = FaultStatus(0x1c01_0003);
/// nca_s_fault_cancel: the call was cancelled.
pub(crate) const NCA_S_FAULT_CANCEL: FaultStatus = FaultStatus(0x1c00_000d);
/// nca_s_fault_unspec: something went wrong.
pub(crate) const NCA_S_FAULT_UNSPEC: FaultStatus = FaultStatus(0x1c00_0012);
/// nca_s_invalid_pres_context_id: no such presentation context.
pub(crate) const NCA_S_INVALID_PRES_CONTEXT_ID: FaultStatus = FaultStatus(0x1c00_001c);
/// RPC_X_BAD_STUB_DATA: the stub does not decode.
pub(crate) const RPC_X_BAD_STUB_DATA: FaultStatus = FaultStatus(0x06f7);
/// RPC_E_DISCONNECTED: no object has that IPID (any more).
pub(crate) const RPC_E_DISCONNECTED: FaultStatus = FaultStatus(0x8001_0108);
/// RPC_E_VERSION_MISMATCH: the client's COM version is higher or of another kind.
pub(crate) const RPC_E_VERSION_MISMATCH: FaultStatus = FaultStatus(0x8001_0110);
/// E_NOTIMPL: the method exists, but not here.
pub(crate) const E_NOTIMPL: FaultStatus = FaultStatus(0x8000_4001);

/// What becomes of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The stub of the answer, and how it is damaged on its way out.
    Reply(Bytes, Damage),
    /// An answer that has begun goes on.
    Rest(Bytes),
    Fault(FaultStatus),
    /// The same without protection.
    UnsignedFault(FaultStatus),
    /// To be answered at that time.
    Later(Instant, Later),
    /// Never answered.
    Silence,
    /// The connection is dropped.
    Reset,
}

/// An answer that is not due yet.
#[derive(Debug)]
pub(crate) enum Later {
    Reply(Bytes, Damage),
    Next(PendingNext),
    /// What an answer still has to say.
    Rest(Bytes),
}

/// Whether the listener of `role` accepts a presentation context of `interface`.
pub(crate) fn is_offered(role: Role, interface: &Interface, machine: &Machine) -> bool {
    let Interface { uuid, major: 0, .. } = interface else {
        return false;
    };
    match role {
        Role::Activator => [guid::IID_IREMOTE_SCM_ACTIVATOR, guid::IID_IOBJECT_EXPORTER].contains(uuid),
        _ if !OBJECT_INTERFACES.contains(uuid) => false,
        _ if machine.has(Fault::LazyInterfaces) => machine.is_listening(uuid),
        _ => true,
    }
}

/// The interfaces of the object server.
const OBJECT_INTERFACES: &[Guid] = &[
    guid::IID_IREM_UNKNOWN,
    guid::IID_IREM_UNKNOWN2,
    guid::IID_IWBEM_LEVEL1_LOGIN,
    guid::IID_IWBEM_LOGIN_CLIENT_ID,
    guid::IID_IWBEM_SERVICES,
    guid::IID_IENUM_WBEM_CLASS_OBJECT,
    guid::IID_IWBEM_FETCH_SMART_ENUM,
    guid::IID_IWBEM_WCO_SMART_ENUM,
];

/// Carries out one call.
pub(crate) fn call(call: &Call, machine: &mut Machine) -> Outcome {
    if let Some(outcome) = refusal::refusal(call, machine) {
        return outcome;
    }
    match call.role {
        Role::Activator => activator(call, machine),
        _ => object_server(call, machine),
    }
}

fn activator(call: &Call, machine: &mut Machine) -> Outcome {
    if call.interface.uuid == guid::IID_IOBJECT_EXPORTER {
        return scm::exporter_call(call, machine);
    }
    if !is_protected(call, machine) {
        return Outcome::Fault(FaultStatus::ACCESS_DENIED);
    }
    scm::activator_call(call, machine)
}

/// Hosts since KB5004442 take no activation below PKT_INTEGRITY; here the same holds for objects.
pub(crate) fn is_protected(call: &Call, machine: &mut Machine) -> bool {
    let needed = match machine.has(Fault::DemandPrivacy) {
        true => AuthnLevel::PKT_PRIVACY,
        false => AuthnLevel::PKT_INTEGRITY,
    };
    if call.level == AuthnLevel::NONE {
        machine.stats.unverified += 1;
    }
    call.level >= needed
}

fn object_server(call: &Call, machine: &mut Machine) -> Outcome {
    if !is_protected(call, machine) {
        return Outcome::Fault(FaultStatus::ACCESS_DENIED);
    }
    if machine.refusals > 0 {
        machine.refusals -= 1;
        return Outcome::Fault(FaultStatus::NCA_SERVER_TOO_BUSY);
    }
    let Some((oid, iid)) = call.object.and_then(|ipid| target(&ipid, call.port, machine)) else {
        return life::gone(call, machine);
    };
    let port = call.port;
    let now = machine.now();
    machine.exporter.called(oid, now);
    if machine.has(Fault::InsistContext) && !serves(call.interface.uuid, iid) {
        return Outcome::Fault(NCA_S_UNK_IF);
    }
    match iid {
        guid::IID_IREM_UNKNOWN2 => match call.opnum {
            RemQueryInterface::OPNUM => {
                operate::<RemQueryInterface>(call, machine, |request, m| rem_unknown::query_interface(request, port, m))
            }
            RemAddRef::OPNUM => {
                operate::<RemAddRef>(call, machine, |request, m| rem_unknown::add_ref(request, port, m))
            }
            RemRelease::OPNUM => {
                operate::<RemRelease>(call, machine, |request, m| rem_unknown::release(request, port, m))
            }
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        guid::IID_IWBEM_LEVEL1_LOGIN => match call.opnum {
            EstablishPosition::OPNUM => operate::<EstablishPosition>(call, machine, login::establish_position),
            NtlmLogin::OPNUM => match at_stage(machine, Fault::ResetAtLogin, Fault::SilenceAtLogin) {
                Some(outcome) => outcome,
                None => operate::<NtlmLogin>(call, machine, login::ntlm_login),
            },
            4 | 5 => Outcome::Fault(E_NOTIMPL),
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        guid::IID_IWBEM_LOGIN_CLIENT_ID => match call.opnum {
            SetClientInfo::OPNUM => operate::<SetClientInfo>(call, machine, login::set_client_info),
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        guid::IID_IWBEM_SERVICES => match call.opnum {
            OpenNamespace::OPNUM => {
                operate::<OpenNamespace>(call, machine, |request, m| services::open_namespace(oid, &request, m))
            }
            GetObject::OPNUM => {
                operate::<GetObject>(call, machine, |request, m| services::get_object(oid, &request, m))
            }
            ExecQuery::OPNUM => match at_stage(machine, Fault::ResetAtQuery, Fault::SilenceAtQuery) {
                Some(outcome) => outcome,
                None => operate::<ExecQuery>(call, machine, |request, m| services::exec_query(oid, &request, m)),
            },
            ExecMethod::OPNUM => methods::exec_method(oid, call, machine),
            4..=5 | 7..=19 | 21..=23 | 25 => Outcome::Fault(E_NOTIMPL),
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        guid::IID_IENUM_WBEM_CLASS_OBJECT => match call.opnum {
            Next::OPNUM => enumeration::next(oid, call, machine),
            Reset::OPNUM => operate::<Reset>(call, machine, |_, m| enumeration::reset(oid, m)),
            CloneEnumerator::OPNUM => operate::<CloneEnumerator>(call, machine, |_, m| enumeration::clone(oid, m)),
            Skip::OPNUM => enumeration::skip(oid, call, machine),
            5 => Outcome::Fault(E_NOTIMPL),
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        guid::IID_IWBEM_FETCH_SMART_ENUM => match call.opnum {
            GetSmartEnum::OPNUM => operate::<GetSmartEnum>(call, machine, |_, m| enumeration::get_smart_enum(oid, m)),
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        guid::IID_IWBEM_WCO_SMART_ENUM => match call.opnum {
            SmartNext::OPNUM => enumeration::smart_next(oid, call, machine),
            _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
        },
        _ => Outcome::Fault(NCA_S_OP_RNG_ERROR),
    }
}

/// The object and the interface that a call is for; that of an IRemUnknown is none that could be released.
fn target(ipid: &Guid, port: u16, machine: &Machine) -> Option<(u64, Guid)> {
    let is_rem_unknown = |process: &Process| process.port == port && process.rem_unknown == *ipid;
    match machine.processes.iter().any(is_rem_unknown) {
        true => Some((0, guid::IID_IREM_UNKNOWN2)),
        false => machine.resolve(ipid, port),
    }
}

/// Whether calls of interface `iid` may come in a presentation context of `context`.
fn serves(context: Guid, iid: Guid) -> bool {
    context == iid || (iid == guid::IID_IREM_UNKNOWN2 && context == guid::IID_IREM_UNKNOWN)
}

/// What the host does instead of an operation, if it was told to.
pub(crate) fn at_stage(machine: &Machine, reset: Fault, silence: Fault) -> Option<Outcome> {
    if machine.has(reset) {
        Some(Outcome::Reset)
    } else if machine.has(silence) {
        Some(Outcome::Silence)
    } else {
        None
    }
}

/// Carries out an object call.
pub(crate) fn operate<O: Operation>(
    call: &Call,
    machine: &mut Machine,
    operation: impl FnOnce(O::Request, &mut Machine) -> O::Response,
) -> Outcome {
    match request::<O>(call, machine) {
        Ok(request) => {
            let response = operation(request, machine);
            Outcome::Reply(response_stub(&response, machine), None)
        }
        Err(outcome) => outcome,
    }
}

/// The highest version that calls may have.
fn highest(role: Role, machine: &Machine) -> ComVersion {
    match role {
        // It is the first to be called: how high it is, is what a client learns from it.
        Role::Activator if machine.has(Fault::OlderExporter) => ComVersion::V5_7,
        _ => scm::version(machine),
    }
}

/// Reads the parameters of an object call.
pub(crate) fn request<O: Operation>(call: &Call, machine: &mut Machine) -> Result<O::Request, Outcome> {
    machine.count_call(O::NAME);
    let mut r = Reader::with_endianness(call.stub.clone(), call.big_endian);
    let bad = |_| Outcome::Fault(RPC_X_BAD_STUB_DATA);
    let OrpcThis { version, .. } = OrpcThis::decode(&mut r).map_err(bad)?;
    if version.major != ComVersion::V5_7.major || version > highest(call.role, machine) {
        return Err(Outcome::Fault(RPC_E_VERSION_MISMATCH));
    }
    O::Request::decode(&mut r).map_err(bad)
}

/// Writes the results of an object call.
pub(crate) fn response_stub(response: &impl Wire, machine: &Machine) -> Bytes {
    let mut that = OrpcThat::default();
    if machine.has(Fault::OrpcthatExtensions) {
        // What Windows uses extensions for: error information, here of twenty octets that nobody asked for.
        that.extensions.push(OrpcExtent { id: guid::CLSID_ERROR_EXTENSION, data: Bytes::from_static(&[0x5a; 20]) });
    }
    let mut w = Writer::new();
    that.encode(&mut w);
    response.encode(&mut w);
    w.finish()
}
