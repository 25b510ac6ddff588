//! [MS-NLMP 2.2.1.3] AUTHENTICATE_MESSAGE: the client's proof.

use core::ops::Range;

use bytes::Bytes;

use crate::wire::ntlm::{Message, NegotiateFlags, Payload, SIGNATURE, Version};
use crate::wire::{Reader, Wire, WireError, Writer};

/// AUTHENTICATE_MESSAGE. The payload is written in the order domain, user, workstation, LM response, NT response, key.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authenticate {
    /// LmChallengeResponse: 24 zeros, or an LMv2_RESPONSE ([MS-NLMP 2.2.2.4]).
    pub lm_response: Bytes,
    /// NtChallengeResponse: an [`crate::wire::ntlm::Ntlmv2Response`].
    pub nt_response: Bytes,
    /// DomainName in the negotiated character set.
    pub domain: Bytes,
    /// UserName in the negotiated character set.
    pub user: Bytes,
    /// Workstation in the negotiated character set.
    pub workstation: Bytes,
    /// EncryptedRandomSessionKey, when KEY_EXCH was negotiated.
    pub encrypted_session_key: Bytes,
    /// NegotiateFlags.
    pub flags: NegotiateFlags,
    /// Version; some clients leave the structure out.
    pub version: Option<Version>,
    /// MIC; written only together with a version. That it counts is said by MsvAvFlags in the NT response.
    pub mic: Option<[u8; 16]>,
}

impl Authenticate {
    /// Where the MIC is, in octets from the start of the message.
    pub const MIC: Range<usize> = 72..88;
}

impl Wire for Authenticate {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let mut message = Message::open(r, 3)?;
        let lm_response = message.field(r, "LmChallengeResponseFields")?;
        let nt_response = message.field(r, "NtChallengeResponseFields")?;
        let domain = message.field(r, "DomainNameFields")?;
        let user = message.field(r, "UserNameFields")?;
        let workstation = message.field(r, "WorkstationFields")?;
        let key = message.field(r, "EncryptedRandomSessionKeyFields")?;
        let flags = NegotiateFlags(r.u32("NegotiateFlags")?);
        let version = if message.has(Self::MIC.start) { Some(Version::decode(r)?) } else { None };
        let mic = if message.has(Self::MIC.end) { Some(r.array("MIC")?) } else { None };
        let value = Self {
            lm_response: message.get(lm_response, "LmChallengeResponse")?,
            nt_response: message.get(nt_response, "NtChallengeResponse")?,
            domain: message.get(domain, "DomainName")?,
            user: message.get(user, "UserName")?,
            workstation: message.get(workstation, "Workstation")?,
            encrypted_session_key: message.get(key, "EncryptedRandomSessionKey")?,
            flags,
            version,
            mic,
        };
        r.rest();
        Ok(value)
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&SIGNATURE);
        w.u32(3);
        let mic = self.mic.filter(|_| self.version.is_some());
        let mut payload = Payload { at: 64 };
        payload.at += if self.version.is_some() { 8 } else { 0 };
        payload.at += if mic.is_some() { 16 } else { 0 };
        // The fields stand in another order than what they refer to.
        let mut names = Writer::new();
        payload.field(&mut names, &self.domain);
        payload.field(&mut names, &self.user);
        payload.field(&mut names, &self.workstation);
        payload.field(w, &self.lm_response);
        payload.field(w, &self.nt_response);
        w.bytes(names.as_slice());
        payload.field(w, &self.encrypted_session_key);
        w.u32(self.flags.0);
        if let Some(version) = &self.version {
            version.encode(w);
        }
        if let Some(mic) = &mic {
            w.bytes(mic);
        }
        for value in [&self.domain, &self.user, &self.workstation] {
            w.bytes(value);
        }
        for value in [&self.lm_response, &self.nt_response, &self.encrypted_session_key] {
            w.bytes(value);
        }
    }
}
