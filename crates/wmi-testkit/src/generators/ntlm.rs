//! Strategies for NTLMSSP messages and their parts.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wmi_proto::wire::ntlm::{
    Authenticate, AvId, AvPair, AvPairs, Challenge, ClientChallenge, MessageSignature, Negotiate, NegotiateFlags,
    Ntlmv2Response, Version,
};

use crate::generators::octets;

/// NegotiateFlags, any bits.
pub fn flags() -> impl Strategy<Value = NegotiateFlags> {
    any::<u32>().prop_map(NegotiateFlags)
}

/// VERSION.
pub fn version() -> impl Strategy<Value = Version> {
    (any::<[u8; 2]>(), any::<u16>(), any::<u8>()).prop_map(|([major, minor], build, revision)| Version {
        major,
        minor,
        build,
        revision,
    })
}

/// AV_PAIR lists, with known and unknown identifiers.
pub fn av_pairs() -> impl Strategy<Value = AvPairs> {
    let id = prop_oneof![4 => 1..=10u16, 1 => 1..=u16::MAX];
    let pair = (id, octets(30)).prop_map(|(id, value)| AvPair { id: AvId(id), value });
    vec(pair, 0..10).prop_map(AvPairs)
}

/// NEGOTIATE_MESSAGE.
pub fn negotiate() -> impl Strategy<Value = Negotiate> {
    (flags(), octets(20), octets(20), option::of(version()))
        .prop_map(|(flags, domain, workstation, version)| Negotiate { flags, domain, workstation, version })
}

/// CHALLENGE_MESSAGE.
pub fn challenge() -> impl Strategy<Value = Challenge> {
    (flags(), any::<[u8; 8]>(), octets(20), octets(200), option::of(version())).prop_map(
        |(flags, server_challenge, target_name, target_info, version)| Challenge {
            flags,
            server_challenge,
            target_name,
            target_info,
            version,
        },
    )
}

/// AUTHENTICATE_MESSAGE; a MIC only together with a version.
pub fn authenticate() -> impl Strategy<Value = Authenticate> {
    let tail = option::of((version(), option::of(any::<[u8; 16]>())));
    let names = (octets(20), octets(20), octets(20));
    (octets(30), octets(200), names, octets(20), flags(), tail).prop_map(
        |(lm_response, nt_response, (domain, user, workstation), encrypted_session_key, flags, tail)| Authenticate {
            lm_response,
            nt_response,
            domain,
            user,
            workstation,
            encrypted_session_key,
            flags,
            version: tail.map(|(version, _)| version),
            mic: tail.and_then(|(_, mic)| mic),
        },
    )
}

/// NTLMv2_CLIENT_CHALLENGE.
pub fn client_challenge() -> impl Strategy<Value = ClientChallenge> {
    (any::<u64>(), any::<[u8; 8]>(), av_pairs(), octets(9))
        .prop_map(|(timestamp, challenge, av_pairs, rest)| ClientChallenge { timestamp, challenge, av_pairs, rest })
}

/// NTLMv2_RESPONSE.
pub fn ntlmv2_response() -> impl Strategy<Value = Ntlmv2Response> {
    (any::<[u8; 16]>(), octets(100)).prop_map(|(proof, client_challenge)| Ntlmv2Response { proof, client_challenge })
}

/// NTLMSSP_MESSAGE_SIGNATURE.
pub fn message_signature() -> impl Strategy<Value = MessageSignature> {
    (any::<[u8; 8]>(), any::<u32>()).prop_map(|(checksum, seq_num)| MessageSignature { checksum, seq_num })
}
