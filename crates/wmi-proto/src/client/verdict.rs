//! What a failure means beyond the command that met it: for the session's objects, and for every further attempt.

use crate::auth::AuthError;
use crate::client::ErrorKind;
use crate::client::link::Ticket;
use crate::wire::HResult;
use crate::wire::status::BindNakReason;
use crate::wmi;

/// Whether the refusal of a call says that the session's own objects are gone, or will be: WMI on the host restarts. A
/// missing enumerator is the loss of its query alone.
pub(super) fn lost_with(ticket: &Ticket, kind: &ErrorKind) -> bool {
    let own = match ticket {
        Ticket::Login(_) | Ticket::Call(_) | Ticket::Signature(_) => true,
        Ticket::Query(_, operation) => *operation == wmi::Operation::ExecQuery,
        _ => false,
    };
    host_stops(kind) || (own && is_gone(kind))
}

/// Codes with which a host answers for an object that it has no more ([MS-DCOM 3.1.1.5.4]).
fn is_gone(kind: &ErrorKind) -> bool {
    const GONE: [HResult; 4] = [
        HResult::RPC_E_DISCONNECTED,
        HResult::RPC_E_INVALID_OBJECT,
        HResult::CO_E_OBJNOTREG,
        HResult::CO_E_OBJNOTCONNECTED,
    ];
    verified_code(kind).is_some_and(|code| GONE.contains(&code))
}

/// Codes with which a host answers that is about to have no object at all any more.
pub(super) fn host_stops(kind: &ErrorKind) -> bool {
    const STOPS: [HResult; 3] =
        [HResult::CO_E_SERVER_STOPPING, HResult::WBEM_E_SHUTTING_DOWN, HResult::RPC_E_SERVER_DIED];
    verified_code(kind).is_some_and(|code| STOPS.contains(&code))
}

const fn verified_code(kind: &ErrorKind) -> Option<HResult> {
    match kind {
        ErrorKind::Status(status) => Some(*status),
        ErrorKind::Fault(status) => Some(HResult(status.0)),
        _ => None,
    }
}

/// Whether another attempt is not to be made: somebody changes messages, what answers is no such host, or the account
/// was refused, which repeated would lock it.
pub(super) fn is_final(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Tampered(_) | ErrorKind::Auth(_) | ErrorKind::Malformed(_) | ErrorKind::Misbehaved(_) => true,
        ErrorKind::BindRefused(reason) => {
            ![BindNakReason::TEMPORARY_CONGESTION, BindNakReason::LOCAL_LIMIT_EXCEEDED].contains(reason)
        }
        ErrorKind::Fault(status) | ErrorKind::UnverifiedFault(status) => status.hresult().refuses_account(),
        ErrorKind::Status(status) => status.refuses_account(),
        _ => false,
    }
}

/// Whether the host did not accept the account, as far as an answer without a signature tells. What it signs it says to
/// somebody whose password it knows, and what is wrong before that was proved to it counts towards no lock.
pub(super) fn refuses_log_on(kind: &ErrorKind) -> bool {
    match kind {
        ErrorKind::Auth(error) => matches!(error, AuthError::Rejected | AuthError::BadMechListMic),
        ErrorKind::BindRefused(reason) => *reason == BindNakReason::INVALID_CHECKSUM,
        ErrorKind::UnverifiedFault(status) => status.hresult().refuses_account(),
        _ => false,
    }
}
