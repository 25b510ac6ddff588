//! NTLM inside of SPNEGO: sessions that log on by it, and everything that somebody in between may change in it.

use std::cell::RefCell;
use std::rc::Rc;

use bytes::{Bytes, BytesMut};
use wmi_proto::wire::rpc::{AuthType, CommonHeader, Pdu, PduType};
use wmi_proto::wire::spnego::{MechType, NegState, NegTokenInit, NegTokenResp, NegotiationToken};
use wmi_proto::wire::{FaultStatus, Wire};
use wmi_proto::{AuthError, AuthLevel, Config, Credentials, ErrorKind, Mechanism, NtHash, Query, Role, Stage, Stats};
use wmi_sim::Fault;
use wmi_testkit::{Direction, Outcome, Pair, Tap, config};

use crate::{MANY, host, ids};

fn negotiate() -> Config {
    let mut config = config();
    config.mechanism = Mechanism::Negotiate;
    config
}

/// A session whose PDUs of one type, in one direction, are changed.
fn tampered(direction: Direction, ptype: PduType, mut change: impl FnMut(&mut NegotiationToken) + 'static) -> Outcome {
    let mut pair = Pair::new(negotiate(), host());
    pair.tap = Some(Box::new(move |towards, _, data: &mut BytesMut| {
        let header = CommonHeader::peek(data).expect("a header").expect("a whole one");
        if (towards, header.ptype) == (direction, ptype) {
            let mut pdu = Pdu::decode(data.clone().freeze()).expect("a PDU");
            let auth = pdu.auth.as_mut().expect("a token");
            let mut token = NegotiationToken::from_bytes(auth.value.clone()).expect("a token of SPNEGO");
            change(&mut token);
            auth.value = token.to_bytes();
            *data = pdu.encode();
        }
    }));
    let outcome = pair.run(Query::new(MANY), 10);
    assert_eq!(pair.host.stats().total_calls(), 0, "nothing is asked of a host that was not proved");
    outcome
}

fn answered(ptype: PduType, change: impl Fn(&mut NegTokenResp) + 'static) -> ErrorKind {
    let change = move |token: &mut NegotiationToken| match token {
        NegotiationToken::Resp(resp) => change(resp),
        NegotiationToken::Init(_) => panic!("the host speaks first"),
    };
    let error = tampered(Direction::ToClient, ptype, change).end.expect_err("the client noticed");
    assert_eq!(error.stage, Stage::Bind(Role::Activator));
    error.kind
}

fn refused(ptype: PduType, change: impl FnMut(&mut NegotiationToken) + 'static) {
    let error = tampered(Direction::ToHost, ptype, change).end.expect_err("the host noticed");
    let denied = ErrorKind::UnverifiedFault(FaultStatus::ACCESS_DENIED);
    assert_eq!((error.stage, error.kind), (Stage::Bind(Role::Activator), denied));
}

type Seen = Rc<RefCell<Vec<(PduType, Option<AuthType>)>>>;

/// Notes the types of PDUs and the authentication types in them.
fn listener(role: Role, to: &Seen) -> Tap {
    let seen = Rc::clone(to);
    Box::new(move |direction, of, data| {
        if (direction, of) == (Direction::ToHost, role) {
            let header = CommonHeader::peek(data).expect("a header").expect("a whole one");
            let auth_type = header.trailer_offset().map(|at| AuthType(data[at]));
            seen.borrow_mut().push((header.ptype, auth_type));
        }
    })
}

#[test]
fn all_rows_come_whatever_a_host_may_do() {
    let faults: [&[Fault]; 9] = [
        &[],
        &[Fault::NoKeyExch],
        &[Fault::NoTimestamp],
        &[Fault::DemandMic],
        &[Fault::NoHeaderSigning],
        &[Fault::LateHeaderSigning, Fault::LazyInterfaces],
        &[Fault::SingleContextBind],
        &[Fault::NoMpx],
        &[Fault::Fragment1024, Fault::WriteOneOctet],
    ];
    for level in [AuthLevel::Integrity, AuthLevel::Privacy] {
        for faults in faults {
            let run = |mechanism| {
                let mut config = config();
                (config.auth_level, config.mechanism) = (level, mechanism);
                let mut pair = Pair::new(config, host().faults(faults.iter().copied()));
                assert_eq!(ids(&pair.run(Query::new(MANY), 1000)), (0..100).collect::<Vec<_>>(), "{faults:?}");
                assert_eq!(pair.finish_session(), Ok(()), "{faults:?}");
                let host = pair.host.stats();
                assert_eq!((host.unverified, host.failed_logons), (0, 0), "{faults:?}");
                assert_eq!(host.logons, pair.client.stats().logons, "{faults:?}");
                assert_eq!(host.negotiated, if mechanism == Mechanism::Negotiate { host.logons } else { 0 });
                pair.client.stats()
            };
            let (plain, negotiated) = (run(Mechanism::Ntlm), run(Mechanism::Negotiate));
            assert_eq!(negotiated.logons, plain.logons, "{faults:?}");
            let calls = |stats: Stats| stats.round_trips - stats.alter_contexts;
            assert_eq!(calls(negotiated), calls(plain) + plain.logons, "{faults:?}");
            // The log-on's own alter_context is one more occasion to grant it.
            let late = faults.contains(&Fault::LateHeaderSigning);
            assert_eq!(negotiated.header_signing, if late { 2 } else { plain.header_signing }, "{faults:?}");
        }
    }
}

#[test]
fn a_hash_is_as_good_as_a_password() {
    let mut config = negotiate();
    let hash = NtHash::of(&"Tr0ub4dor&3".into());
    config.credentials = Credentials::new("ACME\\monitor", hash);
    let mut pair = Pair::new(config, host());
    assert_eq!(ids(&pair.run(Query::new(MANY), 1000)).len(), 100);
}

#[test]
fn the_log_on_takes_an_alter_context_in_place_of_auth3() {
    for role in [Role::Activator, Role::ObjectServer] {
        let seen = Seen::default();
        let mut pair = Pair::new(negotiate(), host());
        pair.tap = Some(listener(role, &seen));
        assert_eq!(ids(&pair.run(Query::new(MANY), 1000)).len(), 100);
        let seen = seen.borrow();
        let types: Vec<PduType> = seen.iter().map(|(ptype, _)| *ptype).collect();
        assert_eq!(types[..3], [PduType::BIND, PduType::ALTER_CONTEXT, PduType::REQUEST]);
        assert!(types[3..].iter().all(|ptype| *ptype == PduType::REQUEST), "{types:?}");
        assert!(seen.iter().all(|(_, auth_type)| *auth_type == Some(AuthType::GSS_NEGOTIATE)), "{seen:?}");
    }
}

#[test]
fn a_wrong_password_is_refused_before_anything_is_asked() {
    let mut config = negotiate();
    config.credentials = Credentials::new("ACME\\monitor", "wrong");
    let mut pair = Pair::new(config, host());
    let error = pair.run(Query::new(MANY), 10).end.expect_err("refused");
    assert_eq!(error.stage, Stage::Bind(Role::Activator));
    assert_eq!(error.kind, ErrorKind::UnverifiedFault(FaultStatus::ACCESS_DENIED));
    assert!(error.remedy().is_some_and(|remedy| remedy.contains("password")), "{error}");
    let host = pair.host.stats();
    assert_eq!((host.logons, host.failed_logons, host.total_calls()), (0, 1, 0));
}

#[test]
fn the_host_cannot_choose_what_was_not_offered() {
    let mechanisms = [MechType::kerberos(), MechType::ms_kerberos()];
    for mechanism in mechanisms {
        let chosen = mechanism.clone();
        let first = answered(PduType::BIND_ACK, move |resp| resp.supported_mech = Some(chosen.clone()));
        assert_eq!(first, ErrorKind::Auth(AuthError::NotOffered));
        let last = answered(PduType::ALTER_CONTEXT_RESP, move |resp| resp.supported_mech = Some(mechanism.clone()));
        assert_eq!(last, ErrorKind::Auth(AuthError::NotOffered));
    }
}

#[test]
fn the_host_has_to_say_what_it_was_offered() {
    let missing = answered(PduType::ALTER_CONTEXT_RESP, |resp| resp.mech_list_mic = None);
    assert_eq!(missing, ErrorKind::Auth(AuthError::NoMechListMic));
    for octet in 0..16 {
        let flipped = answered(PduType::ALTER_CONTEXT_RESP, move |resp| {
            let mut mic = BytesMut::from(&resp.mech_list_mic.take().expect("a MIC")[..]);
            mic[octet] ^= 0x10;
            resp.mech_list_mic = Some(mic.freeze());
        });
        assert_eq!(flipped, ErrorKind::Auth(AuthError::BadMechListMic), "octet {octet}");
    }
    let cut = answered(PduType::ALTER_CONTEXT_RESP, |resp| resp.mech_list_mic = Some(Bytes::from_static(&[1, 0, 0])));
    assert_eq!(cut, ErrorKind::Auth(AuthError::BadMechListMic));
}

#[test]
fn states_out_of_place_end_the_log_on() {
    let rejected = ErrorKind::Auth(AuthError::Rejected);
    assert_eq!(answered(PduType::BIND_ACK, |resp| resp.state = Some(NegState::REJECT)), rejected);
    assert_eq!(answered(PduType::ALTER_CONTEXT_RESP, |resp| resp.state = Some(NegState::REJECT)), rejected);
    for state in [None, Some(NegState::ACCEPT_COMPLETED), Some(NegState(7))] {
        let kind = answered(PduType::BIND_ACK, move |resp| resp.state = state);
        assert!(matches!(kind, ErrorKind::Auth(AuthError::OutOfPlace(_))), "{kind:?}");
    }
    for state in [None, Some(NegState::ACCEPT_INCOMPLETE), Some(NegState::REQUEST_MIC), Some(NegState(7))] {
        let kind = answered(PduType::ALTER_CONTEXT_RESP, move |resp| resp.state = state);
        assert!(matches!(kind, ErrorKind::Auth(AuthError::OutOfPlace(_))), "{kind:?}");
    }
    let silent = answered(PduType::BIND_ACK, |resp| resp.response_token = None);
    assert!(matches!(silent, ErrorKind::Auth(AuthError::OutOfPlace(_))), "{silent:?}");
    let more = answered(PduType::ALTER_CONTEXT_RESP, |resp| resp.response_token = Some(Bytes::from_static(b"more")));
    assert!(matches!(more, ErrorKind::Auth(AuthError::OutOfPlace(_))), "{more:?}");
}

#[test]
fn a_requested_mic_is_sent_in_any_case() {
    let mut pair = Pair::new(negotiate(), host());
    pair.tap = Some(Box::new(|direction, _, data| {
        if direction == Direction::ToClient && data[2] == PduType::BIND_ACK.0 {
            let mut pdu = Pdu::decode(data.clone().freeze()).expect("a PDU");
            let auth = pdu.auth.as_mut().expect("a token");
            let token = NegotiationToken::from_bytes(auth.value.clone());
            let Ok(NegotiationToken::Resp(mut resp)) = token else { panic!("{token:?}") };
            resp.state = Some(NegState::REQUEST_MIC);
            auth.value = NegotiationToken::Resp(resp).to_bytes();
            *data = pdu.encode();
        }
    }));
    assert_eq!(ids(&pair.run(Query::new(MANY), 1000)).len(), 100);
}

#[test]
fn an_offer_that_was_changed_is_noticed_by_the_host() {
    refused(PduType::BIND, |token| {
        let NegotiationToken::Init(NegTokenInit { mech_types, .. }) = token else { panic!("{token:?}") };
        mech_types.push(MechType::kerberos());
    });
    refused(PduType::ALTER_CONTEXT, |token| {
        let NegotiationToken::Resp(resp) = token else { panic!("{token:?}") };
        resp.mech_list_mic = None;
    });
    refused(PduType::ALTER_CONTEXT, |token| {
        let NegotiationToken::Resp(resp) = token else { panic!("{token:?}") };
        resp.mech_list_mic = Some(Bytes::from_static(&[1, 0, 0, 0, 9, 9, 9, 9, 9, 9, 9, 9, 0, 0, 0, 0]));
    });
}

#[test]
fn another_authentication_type_in_the_answer_ends_the_log_on() {
    for (ptype, auth_type) in [
        (PduType::BIND_ACK, AuthType::WINNT),
        (PduType::BIND_ACK, AuthType::GSS_KERBEROS),
        (PduType::ALTER_CONTEXT_RESP, AuthType::WINNT),
        (PduType::RESPONSE, AuthType::WINNT),
    ] {
        let mut pair = Pair::new(negotiate(), host());
        pair.tap = Some(Box::new(move |direction, _, data| {
            let header = CommonHeader::peek(data).expect("a header").expect("a whole one");
            if let (Direction::ToClient, true, Some(at)) = (direction, header.ptype == ptype, header.trailer_offset()) {
                data[at] = auth_type.0;
            }
        }));
        let error = pair.run(Query::new(MANY), 10).end.expect_err("the client noticed");
        assert!(matches!(error.kind, ErrorKind::Misbehaved(_) | ErrorKind::Tampered(_)), "{error:?}");
    }
}
