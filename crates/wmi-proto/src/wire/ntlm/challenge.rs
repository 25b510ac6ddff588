//! [MS-NLMP 2.2.1.2] CHALLENGE_MESSAGE: what the server chose, and its challenge.

use bytes::Bytes;

use crate::wire::ntlm::{AvPairs, Message, NegotiateFlags, Payload, SIGNATURE, Version};
use crate::wire::{Reader, Wire, WireError, Writer};

/// CHALLENGE_MESSAGE.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Challenge {
    /// NegotiateFlags.
    pub flags: NegotiateFlags,
    /// ServerChallenge.
    pub server_challenge: [u8; 8],
    /// TargetName in the negotiated character set.
    pub target_name: Bytes,
    /// TargetInfo as octets, because its exact form enters the response; see [`Challenge::av_pairs`].
    pub target_info: Bytes,
    /// Version; some servers leave the structure out.
    pub version: Option<Version>,
}

impl Challenge {
    /// TargetInfo decoded.
    ///
    /// # Errors
    /// When it is not a list of AV_PAIRs with an end.
    pub fn av_pairs(&self) -> Result<AvPairs, WireError> {
        AvPairs::from_bytes(self.target_info.clone())
    }
}

impl Wire for Challenge {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let mut message = Message::open(r, 2)?;
        let target_name = message.field(r, "TargetNameFields")?;
        let flags = NegotiateFlags(r.u32("NegotiateFlags")?);
        let server_challenge = r.array("ServerChallenge")?;
        r.skip(8, "Reserved")?;
        let target_info = message.field(r, "TargetInfoFields")?;
        let version = if message.has(56) { Some(Version::decode(r)?) } else { None };
        let (target_name, target_info) =
            (message.get(target_name, "TargetName")?, message.get(target_info, "TargetInfo")?);
        r.rest();
        Ok(Self { flags, server_challenge, target_name, target_info, version })
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&SIGNATURE);
        w.u32(2);
        let mut payload = Payload { at: if self.version.is_some() { 56 } else { 48 } };
        payload.field(w, &self.target_name);
        w.u32(self.flags.0);
        w.bytes(&self.server_challenge);
        w.zeros(8);
        payload.field(w, &self.target_info);
        if let Some(version) = &self.version {
            version.encode(w);
        }
        w.bytes(&self.target_name);
        w.bytes(&self.target_info);
    }
}
