//! Security contexts: who logs on, how keys are agreed, and how fragments are protected with them.

use thiserror::Error;

use crate::wire::WireError;

mod credentials;
mod ntlm;

pub use credentials::{AuthLevel, Credentials, NotAnNtHash, NtHash, Password};
pub use ntlm::{
    AcceptError, Acceptance, AcceptorOptions, NtlmAcceptor, NtlmInitiator, SecurityContext, SessionKey, Side, Tampered,
};

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
    /// The challenge does not decode.
    #[error("malformed challenge: {0}")]
    Malformed(#[from] WireError),
}
