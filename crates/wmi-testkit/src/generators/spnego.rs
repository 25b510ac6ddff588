//! Strategies for SPNEGO tokens.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wmi_proto::wire::spnego::{MechType, NegHints, NegState, NegTokenInit, NegTokenResp, NegotiationToken};

use crate::generators::octets;

/// Mechanisms, known and unknown.
pub fn mech_type() -> impl Strategy<Value = MechType> {
    let any = (octets(12), 0..0x80_u8)
        .prop_filter_map("an identifier", |(front, last)| MechType::new([&front[..], &[last]].concat().into()));
    prop_oneof![Just(MechType::ntlmssp()), Just(MechType::kerberos()), Just(MechType::ms_kerberos()), any]
}

/// Lists of mechanisms.
pub fn mech_types() -> impl Strategy<Value = Vec<MechType>> {
    vec(mech_type(), 0..6)
}

/// Elements behind the known ones, as a later edition may have them.
fn extensions() -> impl Strategy<Value = Bytes> {
    prop_oneof![3 => Just(Bytes::new()), 1 => Just(Bytes::from_static(&[0xa7, 0x02, 0x05, 0x00]))]
}

/// NegTokenInit, with hints and without.
pub fn init() -> impl Strategy<Value = NegTokenInit> {
    let hints = (option::of(octets(40)), option::of(octets(4))).prop_map(|(name, address)| NegHints { name, address });
    let mic = option::of(octets(20));
    (mech_types(), option::of(octets(3)), option::of(octets(300)), option::of(hints), mic, extensions()).prop_map(
        |(mech_types, req_flags, mech_token, hints, mech_list_mic, extensions)| NegTokenInit {
            mech_types,
            req_flags,
            mech_token,
            hints,
            mech_list_mic,
            extensions,
        },
    )
}

/// NegTokenResp, with known and unknown states.
pub fn resp() -> impl Strategy<Value = NegTokenResp> {
    let state = option::of(prop_oneof![4 => 0..4_u8, 1 => any::<u8>()].prop_map(NegState));
    (state, option::of(mech_type()), option::of(octets(300)), option::of(octets(20)), extensions()).prop_map(
        |(state, supported_mech, response_token, mech_list_mic, extensions)| NegTokenResp {
            state,
            supported_mech,
            response_token,
            mech_list_mic,
            extensions,
        },
    )
}

/// Both.
pub fn token() -> impl Strategy<Value = NegotiationToken> {
    prop_oneof![init().prop_map(NegotiationToken::Init), resp().prop_map(NegotiationToken::Resp)]
}
