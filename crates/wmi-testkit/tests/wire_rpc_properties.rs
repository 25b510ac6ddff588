//! Properties of RPC and NTLM: round trips, no panic on any octets, and nothing tampered with gets through.

use bytes::{Bytes, BytesMut};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use wmi_proto::internals::{AcceptorOptions, NtlmAcceptor, NtlmInitiator, SecurityContext, Side, Tampered};
use wmi_proto::wire::Wire;
use wmi_proto::wire::ntlm::{MessageSignature, NegotiateFlags};
use wmi_proto::wire::rpc::{
    Body, Pdu, PfcFlags, Protected, Protection, Request, Unsigned, VerificationTrailer, max_stub_per_fragment,
};
use wmi_proto::{AuthLevel, Credentials, FileTime, Secret, SeededEntropy};
use wmi_testkit::generators::{ntlm, octets, rpc};
use wmi_testkit::oracles;

fn round_trip<T: Wire + PartialEq + std::fmt::Debug>(value: &T) -> Result<(), TestCaseError> {
    prop_assert_eq!(&T::from_bytes(value.to_bytes()).unwrap(), value);
    Ok(())
}

fn level() -> impl Strategy<Value = AuthLevel> {
    prop_oneof![Just(AuthLevel::Integrity), Just(AuthLevel::Privacy)]
}

fn pair(key: [u8; 16], key_exchange: bool) -> (SecurityContext, SecurityContext) {
    let end = |side| SecurityContext::new(&Secret::new(key), key_exchange, side);
    (end(Side::Client), end(Side::Server))
}

proptest! {
    #[test]
    fn pdus(pdu in rpc::pdu()) {
        let octets = pdu.encode().freeze();
        prop_assert_eq!(&Pdu::decode(octets.clone()).unwrap(), &pdu);
        oracles::rpc::pdu(&octets);
    }

    #[test]
    fn verification_trailers(trailer in rpc::verification_trailer(), stub in octets(100)) {
        round_trip(&trailer)?;
        let whole = trailer.append(&stub);
        let (front, found) = VerificationTrailer::split(&whole).unwrap();
        prop_assert_eq!(found, trailer);
        prop_assert!(front.starts_with(&stub) && front.len() < stub.len() + 4);
    }

    #[test]
    fn ntlm_messages(
        negotiate in ntlm::negotiate(),
        challenge in ntlm::challenge(),
        authenticate in ntlm::authenticate(),
        signature in ntlm::message_signature(),
    ) {
        round_trip(&negotiate)?;
        round_trip(&challenge)?;
        round_trip(&authenticate)?;
        prop_assert_eq!(MessageSignature::from_bytes(signature.to_bytes()), Some(signature));
    }

    #[test]
    fn ntlm_structures(
        pairs in ntlm::av_pairs(),
        client_challenge in ntlm::client_challenge(),
        response in ntlm::ntlmv2_response(),
    ) {
        round_trip(&pairs)?;
        round_trip(&client_challenge)?;
        round_trip(&response)?;
    }

    #[test]
    fn any_octets_are_survived(data in octets(400)) {
        oracles::rpc::pdu(&data);
        oracles::rpc::stub(&data);
        oracles::ntlm::messages(&data);
        oracles::ntlm::initiator(&data);
        oracles::ntlm::acceptor(&data);
    }

    #[test]
    fn damaged_pdus_are_survived(pdu in rpc::pdu(), damage in vec((any::<Index>(), any::<u8>()), 1..4), cut in any::<Index>()) {
        let mut octets = pdu.encode();
        for (at, value) in damage {
            let at = at.index(octets.len());
            octets[at] = value;
        }
        oracles::rpc::pdu(&octets);
        oracles::rpc::pdu(&octets[..cut.index(octets.len())]);
    }

    #[test]
    fn damaged_ntlm_messages_are_survived(
        messages in (ntlm::negotiate(), ntlm::challenge(), ntlm::authenticate(), ntlm::client_challenge()),
        damage in vec((any::<Index>(), any::<u8>()), 1..4),
    ) {
        let (negotiate, challenge, authenticate, client_challenge) = messages;
        for whole in [negotiate.to_bytes(), challenge.to_bytes(), authenticate.to_bytes(), client_challenge.to_bytes()] {
            let mut octets = BytesMut::from(whole.as_ref());
            for (at, value) in &damage {
                let at = at.index(octets.len());
                octets[at] = *value;
            }
            oracles::ntlm::messages(&octets);
            oracles::ntlm::initiator(&octets);
            oracles::ntlm::acceptor(&octets);
        }
    }

    #[test]
    fn protected_fragments_arrive(
        bodies in vec(rpc::call_body(), 1..6),
        (level, key_exchange, key) in (level(), any::<bool>(), any::<[u8; 16]>()),
        align in prop_oneof![Just(1u8), Just(4), Just(8), Just(16)],
    ) {
        let (mut client, mut server) = pair(key, key_exchange);
        let protection = Protection { align, ..Protection::ntlm(level.wire(), 7) };
        for body in bodies {
            let Unsigned { mut pdu, stub } = Unsigned::new(PfcFlags::WHOLE, 1, &body, &protection);
            let plain = pdu.clone();
            client.protect(level, &mut pdu, stub.clone());
            if level == AuthLevel::Integrity {
                prop_assert_eq!(&pdu[stub.clone()], &plain[stub.clone()]);
            }
            let place = Protected::locate(&pdu).unwrap().unwrap();
            prop_assert_eq!(&place.stub, &stub);
            prop_assert_eq!(place.stub.len() % usize::from(align), 0);
            server.unprotect(level, &mut pdu, place.stub).unwrap();
            let decoded = Pdu::decode(pdu.freeze()).unwrap();
            prop_assert_eq!(decoded.body, body);
        }
    }

    #[test]
    fn a_flipped_bit_never_gets_through(
        bodies in vec(rpc::call_body(), 1..4),
        (level, key_exchange, key) in (level(), any::<bool>(), any::<[u8; 16]>()),
        (victim, bit) in (any::<Index>(), any::<Index>()),
    ) {
        let (mut client, mut server) = pair(key, key_exchange);
        let protection = Protection::ntlm(level.wire(), 7);
        let victim = victim.index(bodies.len());
        let mut failed = None;
        for (i, body) in bodies.iter().enumerate() {
            let Unsigned { mut pdu, stub } = Unsigned::new(PfcFlags::WHOLE, 1, body, &protection);
            client.protect(level, &mut pdu, stub.clone());
            if i == victim {
                let bit = bit.index(pdu.len() * 8);
                pdu[bit / 8] ^= 1 << (bit % 8);
            }
            // The receiver finds the stub by itself, so a flip may already show there.
            let Ok(Some(place)) = Protected::locate(&pdu) else {
                prop_assert_eq!(i, victim);
                return Ok(());
            };
            let outcome = server.unprotect(level, &mut pdu, place.stub);
            if i >= victim {
                failed = failed.or(outcome.err());
                prop_assert_eq!(outcome.err(), failed);
                prop_assert!(failed.is_some());
            } else {
                prop_assert_eq!(outcome, Ok(()));
            }
        }
    }

    #[test]
    fn fragments_swapped_repeated_or_dropped_are_out_of_order(level in level(), key in any::<[u8; 16]>(), which in 1..5usize) {
        let (mut client, mut server) = pair(key, true);
        let body = Body::Shutdown;
        let fragments: Vec<_> = (0..5)
            .map(|call_id| {
                let mut fragment = Unsigned::new(PfcFlags::WHOLE, call_id, &body, &Protection::ntlm(level.wire(), 7));
                client.protect(level, &mut fragment.pdu, fragment.stub.clone());
                fragment
            })
            .collect();
        let Unsigned { mut pdu, stub } = fragments[which].clone();
        let outcome = server.unprotect(level, &mut pdu, stub);
        let found = u32::try_from(which).unwrap();
        prop_assert_eq!(outcome, Err(Tampered::OutOfOrder { expected: 0, found }));
    }

    #[test]
    fn full_fragments_need_no_padding_and_fit(max_frag in 1024..=u16::MAX, object in any::<bool>(), length in 0..200_000usize) {
        let protection = Protection::ntlm(AuthLevel::Privacy.wire(), 0);
        let offset = Request::stub_offset(object);
        let room = max_stub_per_fragment(max_frag, offset, Some(&protection));
        prop_assert_eq!(protection.pad_length(room), 0);
        let last = length % room;
        let octets = [room, last].map(|n| offset + n + usize::from(protection.pad_length(n)) + 8 + 16);
        prop_assert!(octets.iter().all(|n| *n <= usize::from(max_frag)));
        prop_assert!(octets[0] + 16 > usize::from(max_frag));
    }

    #[test]
    fn every_account_logs_on(
        (user, domain, password, target) in
            ("\\PC{1,12}", prop_oneof![1 => Just(".".to_owned()), 9 => "\\PC{0,12}"], "\\PC{0,12}", "\\PC{0,12}"),
        (level, timestamp, key_exchange, seed) in (level(), any::<bool>(), any::<bool>(), any::<u64>()),
    ) {
        let credentials = Credentials { domain: domain.clone(), user: user.clone(), password: Secret::new(password.clone()).into() };
        let withheld = if key_exchange { NegotiateFlags(0) } else { NegotiateFlags::KEY_EXCH };
        let options = AcceptorOptions { timestamp, withheld, demand_mic: timestamp, ..AcceptorOptions::default() };
        // A point stands for the host's own accounts.
        let domain = if domain == "." { options.computer.clone() } else { domain };
        let entropy = &mut SeededEntropy::new(seed);
        let mut initiator = NtlmInitiator::new(&credentials, &target, level);
        let mut acceptor = NtlmAcceptor::new(options);
        let challenge = acceptor.challenge(initiator.negotiate(), entropy, FileTime(seed)).unwrap();
        let (answer, mut client) = initiator.authenticate(challenge, entropy, FileTime(1)).unwrap();
        let wrong = Secret::new(format!("{password}x"));
        prop_assert!(acceptor.accept(answer.clone(), |_, _| Some(wrong)).is_err());
        let accepted = acceptor.accept(answer, |d, u| (d == domain && u == user).then(|| Secret::new(password.clone())));
        let mut accepted = accepted.unwrap();
        prop_assert_eq!((accepted.mic, &accepted.target_name), (timestamp, &target));
        let body = Body::Request(Request { alloc_hint: 0, context_id: 0, opnum: 3, object: None, stub: Bytes::from_static(b"x") });
        let Unsigned { mut pdu, stub } = Unsigned::new(PfcFlags::WHOLE, 1, &body, &Protection::ntlm(level.wire(), 1));
        client.protect(level, &mut pdu, stub.clone());
        prop_assert_eq!(accepted.context.unprotect(level, &mut pdu, stub), Ok(()));
    }
}
