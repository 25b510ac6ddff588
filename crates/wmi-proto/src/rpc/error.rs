//! What ends an association.

use thiserror::Error;

use crate::auth::AuthError;
use crate::wire::status::BindNakReason;
use crate::wire::{FaultStatus, WireError};

/// The association is over: nothing that arrives after this is looked at.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Error {
    /// bind_nak.
    #[error("bind refused, {0}")]
    BindRefused(BindNakReason),
    /// A fault without a signature before the first verified reply: the log-on was refused, or somebody else spoke.
    #[error("refused, unverified: fault {0}")]
    UnverifiedFault(FaultStatus),
    /// A signature that does not match or is missing.
    #[error("tampered: {0}")]
    Tampered(&'static str),
    /// The host's side of the security handshake cannot be accepted.
    #[error("authentication: {0}")]
    Auth(#[from] AuthError),
    /// A PDU that does not decode.
    #[error("malformed: {0}")]
    Malformed(#[from] WireError),
    /// A PDU that does not belong here.
    #[error("protocol violation: {0}")]
    Misbehaved(&'static str),
    /// The first octets are those of another protocol.
    #[error("{0}, not DCE/RPC")]
    OtherProtocol(&'static str),
    /// The host asked for the connection to be closed.
    #[error("shutdown")]
    Shutdown,
}
