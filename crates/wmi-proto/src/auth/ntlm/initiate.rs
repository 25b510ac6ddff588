//! The client's side of a log-on ([MS-NLMP 3.1.5.1]).

use core::fmt;

use bytes::Bytes;

use crate::auth::ntlm::keys::{hmac_md5_bytes, lm_v2, ntowf_v2, rc4k, respond};
use crate::auth::ntlm::{SecurityContext, Side};
use crate::auth::{AuthError, AuthLevel, Credentials};
use crate::entropy::{Draw, Entropy};
use crate::secret::Secret;
use crate::time::FileTime;
use crate::wire::ntlm::{
    Authenticate, AvFlags, AvId, Challenge, ClientChallenge, Negotiate, NegotiateFlags, Ntlmv2Response, Version,
};
use crate::wire::text::utf16;
use crate::wire::{Wire, WireError, WireErrorKind};

/// One log-on as a client: the message that starts it, and the answer to the challenge.
pub struct NtlmInitiator {
    credentials: Credentials,
    target_name: String,
    negotiate: Bytes,
}

impl NtlmInitiator {
    /// Prepares a log-on with `credentials` to the service `target_name`, for calls protected at `level`.
    ///
    /// The name goes into MsvAvTargetName as it is: `RPCSS/<host>` for the activator ([MS-DCOM 3.2.4.1.1.2]), for an
    /// object server the principal name of its security binding, or nothing when that is empty ([MS-DCOM 3.2.4.2]).
    #[must_use]
    pub fn new(credentials: &Credentials, target_name: &str, level: AuthLevel) -> Self {
        let seal = if level == AuthLevel::Privacy { NegotiateFlags::SEAL } else { NegotiateFlags(0) };
        let negotiate = Negotiate { flags: OFFERED | seal, version: Some(VERSION), ..Negotiate::default() };
        Self { credentials: credentials.clone(), target_name: target_name.to_owned(), negotiate: negotiate.to_bytes() }
    }

    /// NEGOTIATE_MESSAGE, the same at every call.
    #[must_use]
    pub fn negotiate(&self) -> Bytes {
        self.negotiate.clone()
    }

    /// AUTHENTICATE_MESSAGE and the context that stands from then on. `wall` counts only when the server does not tell
    /// its time. Whether the password was right is seen when the first answer verifies.
    ///
    /// # Errors
    /// When the challenge does not decode, or grants less than what was asked for: a weaker context is never made.
    pub fn authenticate(
        &mut self,
        challenge: Bytes,
        entropy: &mut dyn Entropy,
        wall: FileTime,
    ) -> Result<(Bytes, SecurityContext), AuthError> {
        let decoded = Challenge::from_bytes(challenge.clone())?;
        let flags = self.negotiated(&decoded)?;

        let mut av_pairs = decoded.av_pairs()?;
        let names = (av_pairs.get(AvId::NB_COMPUTER_NAME).cloned(), av_pairs.get(AvId::NB_DOMAIN_NAME));
        // [MS-NLMP 3.1.5.1.2] demands both.
        let (Some(computer), Some(_)) = names else { return Err(AuthError::Missing("computer and domain name")) };
        let server_time = av_pairs.timestamp();
        if server_time.is_some() {
            av_pairs.set(AvId::FLAGS, Bytes::copy_from_slice(&(av_pairs.flags() | AvFlags::MIC).to_le_bytes()));
        }
        av_pairs.set(AvId::CHANNEL_BINDINGS, Bytes::from_static(&[0; 16]));
        av_pairs.set_text(AvId::TARGET_NAME, &self.target_name);

        let mut random = [0; 8];
        entropy.fill(Draw::NtlmClientChallenge, &mut random);
        let client_challenge = ClientChallenge {
            timestamp: server_time.unwrap_or(wall.0),
            challenge: random,
            av_pairs,
            rest: Bytes::from_static(&[0; 4]),
        }
        .to_bytes();

        let user = utf16(&self.credentials.user);
        let domain = if self.credentials.domain == "." { computer.to_vec() } else { utf16(&self.credentials.domain) };
        let key = ntowf_v2(&self.credentials.password.nt_hash(), &user, &domain);
        let response = respond(&key, &decoded.server_challenge, &client_challenge);
        let lm_response = if server_time.is_some() { [0; 24] } else { lm_v2(&key, &decoded.server_challenge, &random) };

        let key_exchange = flags.contains(NegotiateFlags::KEY_EXCH);
        let (session_key, encrypted_session_key) = if key_exchange {
            let mut nonce = [0; 16];
            entropy.fill(Draw::NtlmSessionKey, &mut nonce);
            let session_key = Secret::new(nonce);
            let encrypted = rc4k(&response.base_key, *session_key.expose());
            (session_key, Bytes::copy_from_slice(&encrypted))
        } else {
            (response.base_key, Bytes::new())
        };

        let mut message = Authenticate {
            lm_response: Bytes::copy_from_slice(&lm_response),
            nt_response: Ntlmv2Response { proof: response.proof, client_challenge }.to_bytes(),
            domain: domain.into(),
            user: user.into(),
            workstation: Bytes::new(),
            encrypted_session_key,
            flags,
            version: Some(VERSION),
            mic: Some([0; 16]),
        };
        if server_time.is_some() {
            let parts: [&[u8]; 3] = [&self.negotiate, &challenge, &message.to_bytes()];
            message.mic = Some(hmac_md5_bytes(session_key.expose(), &parts));
        }
        Ok((message.to_bytes(), SecurityContext::new(&session_key, key_exchange, Side::Client)))
    }

    /// The flags that both sides have, provided that nothing indispensable is missing.
    fn negotiated(&self, challenge: &Challenge) -> Result<NegotiateFlags, AuthError> {
        let offered = Negotiate::from_bytes(self.negotiate.clone())?.flags;
        let negotiated = offered & challenge.flags;
        for (flag, name) in INDISPENSABLE {
            if offered.contains(flag) && !negotiated.contains(flag) {
                return Err(AuthError::NotGranted(name));
            }
        }
        if challenge.target_info.is_empty() {
            return Err(AuthError::Missing("target information"));
        }
        if challenge.target_info.len() > MAX_TARGET_INFO {
            return Err(WireError::new(WireErrorKind::TooLong, "TargetInfo", 40).into());
        }
        Ok(negotiated)
    }
}

impl fmt::Debug for NtlmInitiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NtlmInitiator")
            .field("credentials", &self.credentials)
            .field("target_name", &self.target_name)
            .finish_non_exhaustive()
    }
}

const OFFERED: NegotiateFlags = NegotiateFlags(
    NegotiateFlags::UNICODE.0
        | NegotiateFlags::REQUEST_TARGET.0
        | NegotiateFlags::SIGN.0
        | NegotiateFlags::NTLM.0
        | NegotiateFlags::ALWAYS_SIGN.0
        | NegotiateFlags::EXTENDED_SESSIONSECURITY.0
        | NegotiateFlags::TARGET_INFO.0
        | NegotiateFlags::VERSION.0
        | NegotiateFlags::KEY_128.0
        | NegotiateFlags::KEY_EXCH.0,
);

const INDISPENSABLE: [(NegotiateFlags, &str); 5] = [
    (NegotiateFlags::UNICODE, "Unicode"),
    (NegotiateFlags::EXTENDED_SESSIONSECURITY, "extended session security"),
    (NegotiateFlags::KEY_128, "128-bit keys"),
    (NegotiateFlags::SIGN, "signing"),
    (NegotiateFlags::SEAL, "sealing"),
];

/// Says which revision of NTLMSSP is spoken; the product's version means nothing.
const VERSION: Version = Version { major: 10, minor: 0, build: 0, revision: 15 };

/// Octets of target information that are echoed; the answer must fit a single fragment.
const MAX_TARGET_INFO: usize = 4096;
