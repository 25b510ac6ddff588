//! NTLM inside of SPNEGO ([RFC 4178], [MS-SPNG]): the client's side of the negotiation.

use bytes::Bytes;

use crate::auth::{AuthError, Initiator, NtlmInitiator, SecurityContext, Step};
use crate::entropy::Entropy;
use crate::time::FileTime;
use crate::wire::Wire;
use crate::wire::spnego::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken, mech_type_list};

mod accept;

#[cfg(test)]
mod tests;

pub use accept::{Answer, NegotiateAcceptor};

/// One negotiation as a client. NTLM is all that is offered, with its first message; the mechListMIC is always sent and
/// always demanded, though it may be left out when both ends like NTLM best: a host that knows the password can send it,
/// and one that does not is found out before anything is asked of it. (Windows before Vista sends none.)
#[derive(Debug)]
pub struct SpnegoInitiator(Phase);

#[derive(Debug)]
enum Phase {
    /// Before the challenge.
    Offered(NtlmInitiator),
    /// The answer to the challenge is sent.
    Authenticated(Box<SecurityContext>),
}

impl SpnegoInitiator {
    /// A negotiation that ends in the log-on of `ntlm`.
    #[must_use]
    pub const fn new(ntlm: NtlmInitiator) -> Self {
        Self(Phase::Offered(ntlm))
    }

    /// NegTokenInit; nothing when it was answered already.
    #[must_use]
    pub fn first(&self) -> Bytes {
        let Phase::Offered(ntlm) = &self.0 else { return Bytes::new() };
        let token = NegTokenInit {
            mech_types: vec![MechType::ntlmssp()],
            mech_token: Some(ntlm.negotiate()),
            ..NegTokenInit::default()
        };
        NegotiationToken::Init(token).to_bytes()
    }

    /// What comes of the host's `token`.
    ///
    /// # Errors
    /// When the host chose, or let itself be told, anything but what was offered.
    pub fn step(self, token: Bytes, entropy: &mut dyn Entropy, wall: FileTime) -> Result<Step, AuthError> {
        let NegotiationToken::Resp(resp) = NegotiationToken::from_bytes(token)? else {
            return Err(AuthError::OutOfPlace("NegTokenInit"));
        };
        if resp.state == Some(NegState::REJECT) {
            return Err(AuthError::Rejected);
        }
        if resp.supported_mech.as_ref().is_some_and(|mech| *mech != MechType::ntlmssp()) {
            return Err(AuthError::NotOffered);
        }
        match self.0 {
            Phase::Offered(ntlm) => challenged(ntlm, resp, entropy, wall),
            Phase::Authenticated(context) => completed(context, &resp),
        }
    }
}

/// The challenge is answered, and what was offered repeated under its keys.
fn challenged(
    mut ntlm: NtlmInitiator,
    resp: NegTokenResp,
    entropy: &mut dyn Entropy,
    wall: FileTime,
) -> Result<Step, AuthError> {
    // That a mechListMIC is requested changes nothing, because it is sent in any case.
    if !matches!(resp.state, Some(NegState::ACCEPT_INCOMPLETE | NegState::REQUEST_MIC)) {
        return Err(AuthError::OutOfPlace("negState before the log-on"));
    }
    let challenge = resp.response_token.ok_or(AuthError::OutOfPlace("no challenge"))?;
    let (message, mut context) = ntlm.authenticate(challenge, entropy, wall)?;
    let token = NegTokenResp {
        state: Some(NegState::ACCEPT_INCOMPLETE),
        response_token: Some(message),
        mech_list_mic: Some(Bytes::copy_from_slice(&context.sign(&offered()))),
        ..NegTokenResp::default()
    };
    let then = Initiator::Negotiate(SpnegoInitiator(Phase::Authenticated(Box::new(context))));
    Ok(Step::Continue(NegotiationToken::Resp(token).to_bytes(), then))
}

/// The host says that it is done; it has to say of what.
fn completed(mut context: Box<SecurityContext>, resp: &NegTokenResp) -> Result<Step, AuthError> {
    if resp.state != Some(NegState::ACCEPT_COMPLETED) {
        return Err(AuthError::OutOfPlace("negState after the log-on"));
    }
    if resp.response_token.as_ref().is_some_and(|token| !token.is_empty()) {
        return Err(AuthError::OutOfPlace("a token after the log-on"));
    }
    let mic = resp.mech_list_mic.as_ref().ok_or(AuthError::NoMechListMic)?;
    context.verify_signature(&offered(), mic).map_err(|_| AuthError::BadMechListMic)?;
    Ok(Step::Done(context))
}

/// What a mechListMIC is computed over.
fn offered() -> Bytes {
    mech_type_list(&[MechType::ntlmssp()])
}
