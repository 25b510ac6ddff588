//! The server's side of a negotiation that ends in NTLM, for simulated hosts.

use bytes::Bytes;

use crate::auth::{AcceptError, Acceptance, AcceptorOptions, NtlmAcceptor, Password};
use crate::entropy::Entropy;
use crate::time::FileTime;
use crate::wire::Wire;
use crate::wire::spnego::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken, mech_type_list};

/// One log-on as a server: NTLM inside of SPNEGO, or by itself, as Windows clients send it when there is nothing to
/// negotiate ([MS-SPNG 3.1.5.1], note 8).
pub struct NegotiateAcceptor {
    ntlm: NtlmAcceptor,
    phase: Phase,
}

enum Phase {
    /// Nothing was received.
    Start,
    /// NTLM was chosen from these.
    Chosen(Vec<MechType>),
    /// The challenge is out; the mechanisms that were offered, if SPNEGO is spoken.
    Challenged(Option<Vec<MechType>>),
    Over,
}

/// What the client is told.
#[derive(Debug)]
pub enum Answer {
    /// The token is to be sent, and another one awaited.
    Continue(Bytes),
    /// The log-on succeeded; the token is to be sent unless it is empty.
    Done(Box<Acceptance>, Bytes),
}

impl NegotiateAcceptor {
    /// Waits for a client's first token.
    #[must_use]
    pub fn new(options: AcceptorOptions) -> Self {
        Self { ntlm: NtlmAcceptor::new(options), phase: Phase::Start }
    }

    /// What comes of the client's `token`. `lookup` is given domain and user as the client sent them.
    ///
    /// # Errors
    /// Why the log-on is refused; it is over then.
    pub fn step<P: Into<Password>>(
        &mut self,
        token: Bytes,
        entropy: &mut dyn Entropy,
        wall: FileTime,
        lookup: impl FnOnce(&str, &str) -> Option<P>,
    ) -> Result<Answer, AcceptError> {
        let raw = token.starts_with(b"NTLMSSP\0");
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Start if raw => {
                let challenge = self.ntlm.challenge(token, entropy, wall)?;
                self.phase = Phase::Challenged(None);
                Ok(Answer::Continue(challenge))
            }
            Phase::Challenged(None) if raw => {
                Ok(Answer::Done(Box::new(self.ntlm.accept(token, lookup)?), Bytes::new()))
            }
            Phase::Start => match NegotiationToken::from_bytes(token)? {
                NegotiationToken::Init(init) => self.choose(init, entropy, wall),
                NegotiationToken::Resp(_) => Err(AcceptError::OutOfOrder),
            },
            Phase::Chosen(mech_types) => {
                let negotiate = resp(token)?.response_token.ok_or(AcceptError::NoNtlm)?;
                self.challenge(negotiate, mech_types, None, entropy, wall)
            }
            Phase::Challenged(Some(mech_types)) => self.complete(&resp(token)?, &mech_types, lookup),
            Phase::Challenged(None) | Phase::Over => Err(AcceptError::OutOfOrder),
        }
    }

    /// NTLM it is: with its first message in hand, or with a request for it where another mechanism was hoped for.
    fn choose(&mut self, init: NegTokenInit, entropy: &mut dyn Entropy, wall: FileTime) -> Result<Answer, AcceptError> {
        let NegTokenInit { mech_types, mech_token, .. } = init;
        if !mech_types.contains(&MechType::ntlmssp()) {
            return Err(AcceptError::NoNtlm);
        }
        let preferred = mech_types.first() == Some(&MechType::ntlmssp());
        if let (true, Some(negotiate)) = (preferred, mech_token) {
            return self.challenge(negotiate, mech_types, Some(MechType::ntlmssp()), entropy, wall);
        }
        self.phase = Phase::Chosen(mech_types);
        let state = if preferred { NegState::ACCEPT_INCOMPLETE } else { NegState::REQUEST_MIC };
        Ok(Answer::Continue(encoded(NegTokenResp {
            state: Some(state),
            supported_mech: Some(MechType::ntlmssp()),
            ..NegTokenResp::default()
        })))
    }

    fn challenge(
        &mut self,
        negotiate: Bytes,
        mech_types: Vec<MechType>,
        supported_mech: Option<MechType>,
        entropy: &mut dyn Entropy,
        wall: FileTime,
    ) -> Result<Answer, AcceptError> {
        let challenge = self.ntlm.challenge(negotiate, entropy, wall)?;
        self.phase = Phase::Challenged(Some(mech_types));
        Ok(Answer::Continue(encoded(NegTokenResp {
            state: Some(NegState::ACCEPT_INCOMPLETE),
            supported_mech,
            response_token: Some(challenge),
            ..NegTokenResp::default()
        })))
    }

    /// The verdict on the log-on and on what it was negotiated from. A mechListMIC is due when NTLM was not the client's
    /// favourite, and when there is a MIC in its last message ([MS-SPNG 3.1.5.1], note 8).
    fn complete<P: Into<Password>>(
        &mut self,
        resp: &NegTokenResp,
        mech_types: &[MechType],
        lookup: impl FnOnce(&str, &str) -> Option<P>,
    ) -> Result<Answer, AcceptError> {
        let authenticate = resp.response_token.clone().ok_or(AcceptError::NoNtlm)?;
        let mut acceptance = self.ntlm.accept(authenticate, lookup)?;
        let due = acceptance.mic || mech_types.first() != Some(&MechType::ntlmssp());
        let list = mech_type_list(mech_types);
        let mech_list_mic = match &resp.mech_list_mic {
            Some(mic) => {
                let verified = acceptance.context.verify_signature(&list, mic);
                verified.map_err(|_| AcceptError::BadMechListMic)?;
                Some(Bytes::copy_from_slice(&acceptance.context.sign(&list)))
            }
            None if due => return Err(AcceptError::MechListMicMissing),
            None => None,
        };
        let state = Some(NegState::ACCEPT_COMPLETED);
        let answer = encoded(NegTokenResp { state, mech_list_mic, ..NegTokenResp::default() });
        Ok(Answer::Done(Box::new(acceptance), answer))
    }
}

/// A token that is not the first one.
fn resp(token: Bytes) -> Result<NegTokenResp, AcceptError> {
    match NegotiationToken::from_bytes(token)? {
        NegotiationToken::Resp(resp) => Ok(resp),
        NegotiationToken::Init(_) => Err(AcceptError::OutOfOrder),
    }
}

fn encoded(resp: NegTokenResp) -> Bytes {
    NegotiationToken::Resp(resp).to_bytes()
}
