//! Properties of SPNEGO: round trips, no panic on any octets, and a list of mechanisms that is signed as it is.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wmi_proto::Secret;
use wmi_proto::internals::{SecurityContext, Side};
use wmi_proto::wire::Wire;
use wmi_proto::wire::spnego::{NegotiationToken, mech_type_list};
use wmi_testkit::generators::{octets, spnego};
use wmi_testkit::oracles;

proptest! {
    #[test]
    fn tokens(token in spnego::token()) {
        let octets = token.to_bytes();
        prop_assert_eq!(NegotiationToken::from_bytes(octets.clone()), Ok(token));
        oracles::spnego::token(&octets);
    }

    #[test]
    fn any_octets_are_survived(data in octets(200)) {
        oracles::spnego::every_role(&data);
    }

    #[test]
    fn damaged_tokens_are_survived(
        token in spnego::token(),
        of_a_log_on in 0..4_usize,
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
        cut in any::<Index>(),
    ) {
        for whole in [token.to_bytes(), oracles::spnego::tokens()[of_a_log_on].clone()] {
            let mut octets = BytesMut::from(&whole[..]);
            for (at, value) in &damage {
                let at = at.index(octets.len());
                octets[at] = *value;
            }
            oracles::spnego::every_role(&octets);
            oracles::spnego::every_role(&octets[..cut.index(octets.len())]);
        }
    }

    #[test]
    fn a_signed_list_is_that_list(
        key in any::<[u8; 16]>(),
        key_exchange in any::<bool>(),
        signed in spnego::mech_types(),
        other in spnego::mech_types(),
    ) {
        let end = |side| SecurityContext::new(&Secret::new(key), key_exchange, side);
        let (signed, other) = (mech_type_list(&signed), mech_type_list(&other));
        let verified = |list: &Bytes| end(Side::Server).verify_signature(list, &end(Side::Client).sign(&signed));
        prop_assert_eq!(verified(&signed), Ok(()));
        prop_assert_eq!(verified(&other).is_ok(), signed == other);
        // One direction's signature is not the other's.
        prop_assert!(end(Side::Client).verify_signature(&signed, &end(Side::Client).sign(&signed)).is_err());
    }
}
