//! The server's side of a log-on ([MS-NLMP 3.2.5.1]), for simulated hosts and for reading captures.

use core::fmt;

use bytes::{Bytes, BytesMut};
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::auth::Password;
use crate::auth::ntlm::keys::{SessionKey, hmac_md5_bytes, ntowf_v2, rc4k, respond};
use crate::auth::ntlm::{SecurityContext, Side};
use crate::entropy::{Draw, Entropy};
use crate::secret::Secret;
use crate::time::FileTime;
use crate::wire::ntlm::{
    Authenticate, AvFlags, AvId, AvPairs, Challenge, ClientChallenge, Negotiate, NegotiateFlags, Ntlmv2Response,
    Version,
};
use crate::wire::text::{utf16, utf16_lossy};
use crate::wire::{Wire, WireError};

/// What an acceptor says about itself and insists on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptorOptions {
    /// MsvAvNbComputerName, also the target name.
    pub computer: String,
    /// MsvAvNbDomainName.
    pub domain: String,
    /// MsvAvDnsComputerName, left out when empty.
    pub dns_computer: String,
    /// MsvAvDnsDomainName, left out when empty.
    pub dns_domain: String,
    /// Send MsvAvTimestamp, which makes clients send a MIC.
    pub timestamp: bool,
    /// Refuse an authenticate message without a MIC.
    pub demand_mic: bool,
    /// What is never granted; KEY_EXCH for a host that knows no key exchange.
    pub withheld: NegotiateFlags,
}

impl Default for AcceptorOptions {
    fn default() -> Self {
        Self {
            computer: "HOST".to_owned(),
            domain: "WORKGROUP".to_owned(),
            dns_computer: "host.example".to_owned(),
            dns_domain: "example".to_owned(),
            timestamp: true,
            demand_mic: false,
            withheld: NegotiateFlags(0),
        }
    }
}

/// Why a log-on is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum AcceptError {
    /// A message does not decode.
    #[error("malformed message: {0}")]
    Malformed(#[from] WireError),
    /// There was no negotiate message before.
    #[error("authenticate before negotiate")]
    OutOfOrder,
    /// The client does not speak something without which there is no signing.
    #[error("the client lacks {0}")]
    Lacks(&'static str),
    /// Neither name nor response: an anonymous log-on.
    #[error("anonymous")]
    Anonymous,
    /// The response is of NTLMv1.
    #[error("not NTLMv2")]
    NotV2,
    /// No such account.
    #[error("no such account")]
    NoSuchAccount,
    /// The proof does not match: a wrong password.
    #[error("wrong password")]
    WrongPassword,
    /// KEY_EXCH without sixteen octets of key.
    #[error("no session key")]
    NoSessionKey,
    /// A MIC is demanded, and there is none.
    #[error("no MIC")]
    MicMissing,
    /// The MIC does not match.
    #[error("bad MIC")]
    BadMic,
    /// SPNEGO: NTLM is not among the mechanisms, or the client does not go on with it.
    #[error("NTLM is not offered")]
    NoNtlm,
    /// SPNEGO: the mechListMIC is missing where it is due.
    #[error("no mechListMIC")]
    MechListMicMissing,
    /// SPNEGO: the mechListMIC does not match.
    #[error("bad mechListMIC")]
    BadMechListMic,
}

/// A log-on that succeeded.
#[derive(Debug)]
pub struct Acceptance {
    /// The server's context.
    pub context: SecurityContext,
    /// DomainName as the client sent it.
    pub domain: String,
    /// UserName as the client sent it.
    pub user: String,
    /// MsvAvTargetName, empty when there is none.
    pub target_name: String,
    /// Whether there was a MIC (which was verified).
    pub mic: bool,
    /// The flags that both sides have.
    pub flags: NegotiateFlags,
    /// ExportedSessionKey, from which an observer can make the client's context.
    pub session_key: SessionKey,
}

/// One log-on as a server: the challenge, and the verdict on the answer.
#[derive(Default)]
pub struct NtlmAcceptor {
    options: AcceptorOptions,
    negotiate: Bytes,
    challenge: Bytes,
}

impl NtlmAcceptor {
    /// Waits for a negotiate message.
    #[must_use]
    pub fn new(options: AcceptorOptions) -> Self {
        Self { options, ..Self::default() }
    }

    /// Stands where the acceptor of a captured log-on stood after its challenge.
    #[must_use]
    pub fn captured(negotiate: Bytes, challenge: Bytes) -> Self {
        Self { options: AcceptorOptions::default(), negotiate, challenge }
    }

    /// CHALLENGE_MESSAGE in answer to NEGOTIATE_MESSAGE.
    ///
    /// # Errors
    /// When the message does not decode or does not offer Unicode.
    pub fn challenge(
        &mut self,
        negotiate: Bytes,
        entropy: &mut dyn Entropy,
        wall: FileTime,
    ) -> Result<Bytes, AcceptError> {
        let offered = Negotiate::from_bytes(negotiate.clone())?.flags;
        if !offered.contains(NegotiateFlags::UNICODE) {
            return Err(AcceptError::Lacks("Unicode"));
        }
        let mut server_challenge = [0; 8];
        entropy.fill(Draw::NtlmServerChallenge, &mut server_challenge);

        let options = &self.options;
        let mut av_pairs = AvPairs::default();
        av_pairs.set_text(AvId::NB_DOMAIN_NAME, &options.domain);
        av_pairs.set_text(AvId::NB_COMPUTER_NAME, &options.computer);
        for (id, name) in
            [(AvId::DNS_DOMAIN_NAME, &options.dns_domain), (AvId::DNS_COMPUTER_NAME, &options.dns_computer)]
        {
            if !name.is_empty() {
                av_pairs.set_text(id, name);
            }
        }
        if options.timestamp {
            av_pairs.set(AvId::TIMESTAMP, Bytes::copy_from_slice(&wall.0.to_le_bytes()));
        }
        let granted = (offered & GRANTABLE) | NegotiateFlags::TARGET_INFO | NegotiateFlags::TARGET_TYPE_SERVER;
        let challenge = Challenge {
            flags: granted.without(options.withheld),
            server_challenge,
            target_name: utf16(&options.computer).into(),
            target_info: av_pairs.to_bytes(),
            version: Some(VERSION),
        };
        self.negotiate = negotiate;
        self.challenge = challenge.to_bytes();
        Ok(self.challenge.clone())
    }

    /// The verdict on AUTHENTICATE_MESSAGE. `lookup` is given domain and user as the client sent them.
    ///
    /// # Errors
    /// Why the log-on is refused; a Windows host shows most of these as the same fault.
    pub fn accept<P: Into<Password>>(
        &mut self,
        authenticate: Bytes,
        lookup: impl FnOnce(&str, &str) -> Option<P>,
    ) -> Result<Acceptance, AcceptError> {
        if self.challenge.is_empty() {
            return Err(AcceptError::OutOfOrder);
        }
        let challenge = Challenge::from_bytes(self.challenge.clone())?;
        let message = Authenticate::from_bytes(authenticate.clone())?;
        let flags = message.flags & challenge.flags;
        for (flag, name) in INDISPENSABLE {
            if !flags.contains(flag) {
                return Err(AcceptError::Lacks(name));
            }
        }
        if message.user.is_empty() && message.nt_response.is_empty() {
            return Err(AcceptError::Anonymous);
        }
        if message.nt_response.len() <= 24 {
            return Err(AcceptError::NotV2);
        }
        let response = Ntlmv2Response::from_bytes(message.nt_response.clone())?;
        let av_pairs = ClientChallenge::from_bytes(response.client_challenge.clone())?.av_pairs;

        let (user, domain) = (utf16_lossy(&message.user), utf16_lossy(&message.domain));
        let password = lookup(&domain, &user).ok_or(AcceptError::NoSuchAccount)?;
        let key = ntowf_v2(&password.into().nt_hash(), &message.user, &message.domain);
        let expected = respond(&key, &challenge.server_challenge, &response.client_challenge);
        if !bool::from(expected.proof.ct_eq(&response.proof)) {
            return Err(AcceptError::WrongPassword);
        }

        let key_exchange = flags.contains(NegotiateFlags::KEY_EXCH);
        let session_key = if key_exchange {
            let encrypted = message.encrypted_session_key.as_ref().try_into().map_err(|_| AcceptError::NoSessionKey)?;
            Secret::new(rc4k(&expected.base_key, encrypted))
        } else {
            expected.base_key
        };

        let mic = av_pairs.flags() & AvFlags::MIC != 0;
        if mic {
            let found = message.mic.ok_or(AcceptError::BadMic)?;
            let mut blanked = BytesMut::from(authenticate.as_ref());
            blanked.get_mut(Authenticate::MIC).ok_or(AcceptError::BadMic)?.fill(0);
            let due = hmac_md5_bytes(session_key.expose(), &[&self.negotiate, &self.challenge, &blanked]);
            if !bool::from(due.ct_eq(&found)) {
                return Err(AcceptError::BadMic);
            }
        } else if self.options.demand_mic {
            return Err(AcceptError::MicMissing);
        }

        Ok(Acceptance {
            context: SecurityContext::new(&session_key, key_exchange, Side::Server),
            domain,
            user,
            target_name: av_pairs.get(AvId::TARGET_NAME).map(|name| utf16_lossy(name)).unwrap_or_default(),
            mic,
            flags,
            session_key,
        })
    }
}

impl fmt::Debug for NtlmAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtlmAcceptor").field("options", &self.options).finish_non_exhaustive()
    }
}

const GRANTABLE: NegotiateFlags = NegotiateFlags(
    NegotiateFlags::UNICODE.0
        | NegotiateFlags::REQUEST_TARGET.0
        | NegotiateFlags::SIGN.0
        | NegotiateFlags::SEAL.0
        | NegotiateFlags::NTLM.0
        | NegotiateFlags::ALWAYS_SIGN.0
        | NegotiateFlags::EXTENDED_SESSIONSECURITY.0
        | NegotiateFlags::IDENTIFY.0
        | NegotiateFlags::VERSION.0
        | NegotiateFlags::KEY_128.0
        | NegotiateFlags::KEY_EXCH.0
        | NegotiateFlags::KEY_56.0,
);

const INDISPENSABLE: [(NegotiateFlags, &str); 3] = [
    (NegotiateFlags::UNICODE, "Unicode"),
    (NegotiateFlags::EXTENDED_SESSIONSECURITY, "extended session security"),
    (NegotiateFlags::KEY_128, "128-bit keys"),
];

const VERSION: Version = Version { major: 10, minor: 0, build: 17763, revision: 15 };
