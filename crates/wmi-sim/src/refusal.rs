//! Operations that the host refuses whoever asks, each in any of the shapes that refusals have.

use bytes::Bytes;
use wmi_proto::wire::dcom::{RemoteCreateInstance, RemoteCreateInstanceResponse};
use wmi_proto::wire::status::BindNakReason;
use wmi_proto::wire::wmi::enumerator::NextResponse;
use wmi_proto::wire::wmi::smart_enum::SmartNextResponse;
use wmi_proto::wire::wmi::{ExecMethod, ExecQuery, GetObject, Next, NtlmLogin, SmartNext};
use wmi_proto::wire::{FaultStatus, HResult, Operation};

use crate::Fault;
use crate::connection::Call;
use crate::dispatch::Outcome;
use crate::life::answer;
use crate::machine::Machine;
use crate::services::{path_response, refused};

/// What is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refused {
    /// RemoteCreateInstance.
    Activation,
    /// NTLMLogin.
    Login,
    /// ExecQuery.
    Query,
    /// Next of either enumerator.
    Rows,
    /// GetObject, that of a method's class too.
    Object,
    /// ExecMethod; with a fault only.
    Method,
}

/// The shape of a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Shape {
    /// A fault PDU, protected as the call was.
    Fault(FaultStatus),
    /// A fault PDU without protection.
    UnsignedFault(FaultStatus),
    /// The result of the operation.
    Status(HResult),
}

impl Refused {
    fn is(self, call: &Call) -> bool {
        match self {
            Self::Activation => is::<RemoteCreateInstance>(call),
            Self::Login => is::<NtlmLogin>(call),
            Self::Query => is::<ExecQuery>(call),
            Self::Rows => is::<Next>(call) || is::<SmartNext>(call),
            Self::Object => is::<GetObject>(call),
            Self::Method => is::<ExecMethod>(call),
        }
    }
}

fn is<O: Operation>(call: &Call) -> bool {
    call.interface.uuid == O::INTERFACE.uuid && call.opnum == O::OPNUM
}

/// The refusals that have names.
const NAMED: &[(Fault, Refused, Shape)] = &[
    (Fault::DenyActivation, Refused::Activation, Shape::Status(HResult::E_ACCESSDENIED)),
    (Fault::DenyLogin, Refused::Login, Shape::Status(HResult::WBEM_E_ACCESS_DENIED)),
    (Fault::DenyQuery, Refused::Rows, Shape::Status(HResult::WBEM_E_ACCESS_DENIED)),
    (Fault::DenyQueryFault5, Refused::Query, Shape::Fault(FaultStatus::ACCESS_DENIED)),
];

/// What becomes of a call that is refused.
pub(crate) fn refusal(call: &Call, machine: &mut Machine) -> Option<Outcome> {
    let named = NAMED.iter().filter(|(fault, ..)| machine.has(*fault)).map(|(_, what, shape)| (*what, *shape));
    let shape = named.chain(machine.config.refusals.iter().copied()).find(|(what, _)| what.is(call))?.1;
    match shape {
        Shape::Fault(status) => Some(Outcome::Fault(status)),
        Shape::UnsignedFault(status) => Some(Outcome::UnsignedFault(status)),
        Shape::Status(status) => {
            answer::<RemoteCreateInstance>(call, machine, |_| RemoteCreateInstanceResponse::failure(status))
                .or_else(|| answer::<NtlmLogin>(call, machine, |_| refused(status)))
                .or_else(|| answer::<ExecQuery>(call, machine, |_| refused(status)))
                .or_else(|| answer::<GetObject>(call, machine, |request| path_response(&request, Err(status))))
                .or_else(|| {
                    answer::<Next>(call, machine, |request| NextResponse::new(request.count, Vec::new(), status))
                })
                .or_else(|| {
                    answer::<SmartNext>(call, machine, |_| SmartNextResponse {
                        returned: 0,
                        buffer: Bytes::new(),
                        status,
                    })
                })
        }
    }
}

/// Why every bind is refused, if it is.
pub(crate) fn bind(machine: &Machine) -> Option<BindNakReason> {
    let reason = if machine.has(Fault::BindNak) { Some(BindNakReason::REASON_NOT_SPECIFIED) } else { None };
    let reason = reason.or(machine.has(Fault::NoNtlm).then_some(BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED));
    machine.config.refused_binds.or(reason)
}

/// What is said in place of the answer to a bind by a host whose port something else listens at.
pub(crate) const HTTP: &[u8] = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
