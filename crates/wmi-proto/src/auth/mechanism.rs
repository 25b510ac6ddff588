//! By which mechanism a client logs on, and its log-on step by step.

use bytes::Bytes;

use crate::auth::{AuthError, AuthLevel, Credentials, NtlmInitiator, SecurityContext, SpnegoInitiator};
use crate::entropy::Entropy;
use crate::time::FileTime;
use crate::wire::rpc::AuthType;

/// By which mechanism a client logs on ([MS-RPCE 2.2.1.1.7]). The account, its password, and what protects calls are
/// the same with all of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Mechanism {
    /// NTLM by itself, RPC_C_AUTHN_WINNT (10).
    #[default]
    Ntlm,
    /// NTLM inside of SPNEGO, RPC_C_AUTHN_GSS_NEGOTIATE (9). A round trip more for each association, at the end of which
    /// the host has proved that it knows the password, before a call is made.
    Negotiate,
}

impl Mechanism {
    /// The number on the wire.
    #[must_use]
    pub const fn auth_type(self) -> AuthType {
        match self {
            Self::Ntlm => AuthType::WINNT,
            Self::Negotiate => AuthType::GSS_NEGOTIATE,
        }
    }
}

/// A log-on as a client, by any mechanism.
#[derive(Debug)]
pub enum Initiator {
    /// NTLM by itself.
    Ntlm(NtlmInitiator),
    /// NTLM inside of SPNEGO.
    Negotiate(SpnegoInitiator),
}

/// What the host's token leads to.
#[derive(Debug)]
pub enum Step {
    /// The token is to be sent, nobody will answer it, and the context stands.
    Last(Bytes, Box<SecurityContext>),
    /// The token is to be sent, and the answer to be given to the initiator.
    Continue(Bytes, Initiator),
    /// The context stands, and there is nothing more to be said.
    Done(Box<SecurityContext>),
}

impl Initiator {
    /// Prepares a log-on with `credentials` to the service `target_name`, for calls protected at `level`.
    #[must_use]
    pub fn new(mechanism: Mechanism, credentials: &Credentials, target_name: &str, level: AuthLevel) -> Self {
        let ntlm = NtlmInitiator::new(credentials, target_name, level);
        match mechanism {
            Mechanism::Ntlm => Self::Ntlm(ntlm),
            Mechanism::Negotiate => Self::Negotiate(SpnegoInitiator::new(ntlm)),
        }
    }

    /// The number of the mechanism on the wire.
    #[must_use]
    pub const fn auth_type(&self) -> AuthType {
        match self {
            Self::Ntlm(_) => AuthType::WINNT,
            Self::Negotiate(_) => AuthType::GSS_NEGOTIATE,
        }
    }

    /// The first token.
    #[must_use]
    pub fn first(&self) -> Bytes {
        match self {
            Self::Ntlm(ntlm) => ntlm.negotiate(),
            Self::Negotiate(spnego) => spnego.first(),
        }
    }

    /// What comes of the host's `token`. `wall` counts only when the host does not tell its time.
    ///
    /// # Errors
    /// When the log-on does not go on with such a token.
    pub fn step(self, token: Bytes, entropy: &mut dyn Entropy, wall: FileTime) -> Result<Step, AuthError> {
        match self {
            Self::Ntlm(mut ntlm) => {
                let (token, context) = ntlm.authenticate(token, entropy, wall)?;
                Ok(Step::Last(token, Box::new(context)))
            }
            Self::Negotiate(spnego) => spnego.step(token, entropy, wall),
        }
    }
}
