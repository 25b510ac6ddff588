//! Security contexts: who logs on, how keys are agreed, and how fragments are protected with them.

use thiserror::Error;

use crate::wire::WireError;

mod credentials;
mod mechanism;
mod ntlm;
mod spnego;

pub use credentials::{AuthLevel, Credentials, NotAnNtHash, NtHash, Password};
pub use mechanism::{Initiator, Mechanism, Step};
pub use ntlm::{
    AcceptError, Acceptance, AcceptorOptions, NtlmAcceptor, NtlmInitiator, SecurityContext, SessionKey, Side, Tampered,
};
pub use spnego::{Answer, NegotiateAcceptor, SpnegoInitiator};

/// Why the initiator does not go on with what the server sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AuthError {
    /// The server did not grant something without which the octets of calls would be less protected than asked for.
    #[error("the host does not grant {0}")]
    NotGranted(&'static str),
    /// The challenge lacks something that NTLMv2 needs.
    #[error("the host's challenge has no {0}")]
    Missing(&'static str),
    /// The challenge, or the SPNEGO token around it, does not decode.
    #[error("malformed challenge: {0}")]
    Malformed(#[from] WireError),
    /// SPNEGO: the host wants none of what was offered.
    #[error("the host rejects the negotiation")]
    Rejected,
    /// SPNEGO: the host chose a mechanism that was not offered.
    #[error("the host chose a mechanism that was not offered")]
    NotOffered,
    /// SPNEGO: the host's token belongs to another state of the negotiation.
    #[error("the host's answer does not fit the state of the negotiation: {0}")]
    OutOfPlace(&'static str),
    /// SPNEGO: the host does not confirm with a mechListMIC which mechanisms it was offered.
    #[error("the host does not confirm what it was offered: no mechListMIC")]
    NoMechListMic,
    /// SPNEGO: the host's mechListMIC is not that of what was offered: somebody in between changed the offer, or the
    /// host does not know the password.
    #[error("the host's mechListMIC does not match what it was offered")]
    BadMechListMic,
}
