//! [MS-NLMP 2.2.2.7, 2.2.2.8] the NTLMv2 response: a proof, and what it proves.

use bytes::Bytes;

use crate::wire::ntlm::AvPairs;
use crate::wire::{Reader, Wire, WireError, Writer};

/// NTLMv2_RESPONSE.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ntlmv2Response {
    /// Response, which is NTProofStr of [MS-NLMP 3.3.2].
    pub proof: [u8; 16],
    /// NTLMv2_CLIENT_CHALLENGE as octets, because the proof covers their exact form. See [`ClientChallenge`].
    pub client_challenge: Bytes,
}

/// NTLMv2_CLIENT_CHALLENGE, which is `temp` of [MS-NLMP 3.3.2].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientChallenge {
    /// TimeStamp, a FILETIME.
    pub timestamp: u64,
    /// ChallengeFromClient.
    pub challenge: [u8; 8],
    /// AvPairs.
    pub av_pairs: AvPairs,
    /// What follows the pairs: four zeros by [MS-NLMP 3.3.2].
    pub rest: Bytes,
}

impl Wire for Ntlmv2Response {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        Ok(Self { proof: r.array("NTProofStr")?, client_challenge: r.rest() })
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&self.proof);
        w.bytes(&self.client_challenge);
    }
}

impl Wire for ClientChallenge {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        if r.array("RespType")? != [1, 1] {
            return Err(r.bad("RespType"));
        }
        r.skip(6, "Reserved")?;
        let timestamp = u64::from_le_bytes(r.array("TimeStamp")?);
        let challenge = r.array("ChallengeFromClient")?;
        r.skip(4, "Reserved3")?;
        let av_pairs = AvPairs::decode(r)?;
        Ok(Self { timestamp, challenge, av_pairs, rest: r.rest() })
    }

    fn encode(&self, w: &mut Writer) {
        w.bytes(&[1, 1]);
        w.zeros(6);
        w.bytes(&self.timestamp.to_le_bytes());
        w.bytes(&self.challenge);
        w.zeros(4);
        self.av_pairs.encode(w);
        w.bytes(&self.rest);
    }
}
