//! Hosts that refuse, and hosts that are broken or hostile.

mod script;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use proptest::prelude::*;
use script::rows::{Rows, smart_enumerator};
use script::{Ended, Session, World, activate};
use wmi_proto::internals::Tampered;
use wmi_proto::wire::dcom::RemoteCreateInstance;
use wmi_proto::wire::rpc::{AuthnLevel, Body, Pdu, PfcFlags, Protection, Request, Unsigned};
use wmi_proto::wire::wmi::enumerator::NextRequest;
use wmi_proto::wire::wmi::login::NtlmLoginRequest;
use wmi_proto::wire::wmi::services::ExecQueryRequest;
use wmi_proto::wire::wmi::{ExecQuery, Next, NtlmLogin};
use wmi_proto::wire::{FaultStatus, Guid, HResult, Operation, guid};
use wmi_proto::{AuthLevel, Role};
use wmi_sim::{Fault, HostInput};

const QUERY: &str = "SELECT * FROM Sim_Many";

#[test]
fn a_wrong_password_shows_with_the_first_request_only() {
    for (account, password) in [("ACME\\monitor", "wrong"), ("ACME\\nobody", "Tr0ub4dor&3")] {
        let mut world = World::new(&[]);
        let mut peer = world.connect(Role::Activator);
        peer.log_on_as(&mut world, &[RemoteCreateInstance::INTERFACE], account, password).unwrap();
        assert!(!world.has_written(peer.conn), "auth3 is not answered");
        let call_id = peer.request(&mut world, 0, 4, None, &[0; 32]);
        assert_eq!(peer.answer(&mut world, call_id), Err(Ended::UnsignedFault(FaultStatus::ACCESS_DENIED)));
        let stats = world.host.stats();
        assert_eq!((stats.logons, stats.failed_logons, stats.total_calls()), (0, 1, 0));
    }
}

#[test]
fn activation_without_security_is_refused() {
    let mut world = World::new(&[]);
    let mut peer = world.connect(Role::Activator);
    peer.bind(&mut world, &[RemoteCreateInstance::INTERFACE]).unwrap();
    let call_id = peer.request(&mut world, 0, 4, None, &[0; 32]);
    assert_eq!(peer.answer(&mut world, call_id), Err(Ended::UnsignedFault(FaultStatus::ACCESS_DENIED)));
    assert_eq!((world.host.stats().unverified, world.host.alive_objects()), (1, 0));
}

#[test]
fn a_host_that_demands_privacy_takes_nothing_less() {
    let open = |level| Session::open_in(World::new(&[Fault::DemandPrivacy]), level).err();
    assert_eq!(open(AuthLevel::Integrity), Some(Ended::Fault(FaultStatus::ACCESS_DENIED)));
    assert_eq!(open(AuthLevel::Privacy), None);
}

#[test]
fn a_request_that_was_changed_on_the_way_ends_the_connection() {
    let mut session = Session::open(&[]).unwrap();
    let Session { world, peer, login, .. } = &mut session;
    let call_id = peer.call_id + 1;
    // A request of nobody: the trailer is there, the signature is zeros.
    let request = Request {
        alloc_hint: 0,
        context_id: 0,
        opnum: 6,
        object: Some(login.ipid),
        stub: Bytes::from_static(&[0; 16]),
    };
    let protection = Protection::ntlm(AuthnLevel::PKT_PRIVACY, 7);
    let body = Body::Request(request);
    let forged = Unsigned::new(PfcFlags::WHOLE, call_id, &body, &protection);
    world.send(peer.conn, forged.pdu);
    assert_eq!(peer.answer(world, call_id), Err(Ended::UnsignedFault(FaultStatus::ACCESS_DENIED)));
    assert_eq!(peer.answer(world, call_id), Err(Ended::Closed));
    assert_eq!(world.host.stats().unverified, 1);
}

#[test]
fn what_the_host_does_not_know_is_refused_and_the_connection_lives_on() {
    let mut session = Session::open(&[]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let login = session.login.ipid;
    let next = NextRequest { timeout: 0, count: 1 };
    let dead = session.call::<Next>(Guid::from_u128(5), &next);
    assert_eq!(dead.unwrap_err(), Ended::Fault(FaultStatus(0x8001_0108)));
    let Session { world, peer, .. } = &mut session;
    for (ipid, opnum, stub, status) in [
        (login, 99, 32, 0x1c01_0002),
        (login, 6, 3, 0x06f7),
        (services, 20, 40, 0x06f7),
        (services, 24, 40, 0x06f7),
        (services, 25, 40, 0x8000_4001),
    ] {
        let call_id = peer.request(world, 0, opnum, Some(ipid), &vec![5; stub]);
        let answer = peer.answer(world, call_id).unwrap_err();
        // The stub of fives says COM version 0x0505.
        let mismatch = Ended::Fault(FaultStatus(0x8001_0110));
        assert!(answer == Ended::Fault(FaultStatus(status)) || (stub >= 32 && answer == mismatch), "{answer:?}");
    }
    let call_id = peer.request(world, 77, 20, Some(services), &[0; 32]);
    assert_eq!(peer.answer(world, call_id), Err(Ended::Fault(FaultStatus(0x1c00_001c))));
    session.query(services, QUERY).unwrap();
}

#[test]
fn logins_and_queries_fail_where_windows_lets_them_fail() {
    let mut session = Session::open(&[]).unwrap();
    let login = session.login.ipid;
    for (path, status) in [(Some("//./root/nothing"), 0x8004_100e), (None, 0x8004_1008)] {
        let request = NtlmLoginRequest { network_resource: path.map(str::to_owned), ..NtlmLoginRequest::default() };
        let answer = session.call::<NtlmLogin>(login, &request).unwrap();
        assert_eq!((answer.status, answer.pointer), (HResult(status), None));
    }
    let services = session.services("root/cimv2").unwrap();
    for (wql, status) in [("SELECT FROM", 0x8004_1017), ("SELECT * FROM Win32_Nothing", 0x8004_1010)] {
        let mut request = ExecQueryRequest::wql(wql);
        let answer = session.call::<ExecQuery>(services, &request).unwrap();
        assert_eq!(answer.status, HResult::S_OK, "a semisynchronous query fails later");
        let enumerator = session.hold(answer.pointer).unwrap();
        assert_eq!(Rows::default().next(&mut session, enumerator, 5).unwrap(), HResult(status));
        let smart = smart_enumerator(&mut session, enumerator).unwrap().unwrap();
        assert_eq!(Rows::default().smart(&mut session, smart, 5).unwrap(), HResult(status));
        request.flags = 0;
        let answer = session.call::<ExecQuery>(services, &request).unwrap();
        assert_eq!((answer.status, answer.pointer), (HResult(status), None));
    }
    let mut request = ExecQueryRequest::wql(QUERY);
    request.query_language = "CQL".into();
    assert_eq!(session.call::<ExecQuery>(services, &request).unwrap().status, HResult(0x8004_1018));
    session.release().unwrap();
    assert_eq!(session.world.host.alive_objects(), 0);
}

/// What happens in a session with `fault`, and the rows that came before.
fn damage(fault: Fault, level: AuthLevel, smart: bool) -> (usize, Result<HResult, Ended>) {
    let mut rows = Rows::default();
    let mut run = || {
        let mut session = Session::open_in(World::new(&[fault]), level)?;
        let services = session.services("root/cimv2")?;
        let enumerator = session.query(services, QUERY)?;
        if smart {
            let smart = smart_enumerator(&mut session, enumerator)?.expect("a smart enumerator");
            rows.smart(&mut session, smart, 10)
        } else {
            rows.next(&mut session, enumerator, 10)
        }
    };
    let outcome = run();
    (rows.objects.len(), outcome)
}

#[test]
fn damage_comes_after_some_rows_and_is_what_it_says() {
    use Ended::{Closed, Misplaced, Reset, Silence, Undecodable, UnsignedFault};
    let checksum = Err(Ended::Tampered(Tampered::Checksum));
    let unspecified = FaultStatus(0x1c00_0012);
    for level in [AuthLevel::Privacy, AuthLevel::Integrity] {
        for smart in [false, true] {
            for (fault, expected) in [
                (Fault::BadSignature, checksum),
                (Fault::FlipData, checksum),
                (Fault::WrongSequence, Err(Ended::Tampered(Tampered::OutOfOrder { expected: 0, found: 0 }))),
                (Fault::TruncatedStub, Err(Undecodable)),
                (Fault::BadFragmentLength, Err(Undecodable)),
                (Fault::Garbage, Err(Undecodable)),
                (Fault::WrongCallId, Err(Misplaced(0))),
                (Fault::FaultPdu, Err(Ended::Fault(unspecified))),
                (Fault::UnsignedFault, Err(UnsignedFault(unspecified))),
                (Fault::ResetAtNext, Err(Reset)),
                (Fault::CutMidReply, Err(Closed)),
                (Fault::ResetMidReply, Err(Reset)),
                (Fault::SilenceAtNext, Err(Silence)),
                (Fault::LiesAboutLengths, Err(Undecodable)),
                (Fault::ErrorInNext, Ok(HResult(0x8004_1001))),
            ] {
                let (rows, outcome) = damage(fault, level, smart);
                assert_eq!(rows, 4, "{fault}");
                match (&outcome, &expected) {
                    (Err(Misplaced(_)), Err(Misplaced(_))) => {}
                    (
                        Err(Ended::Tampered(Tampered::OutOfOrder { .. })),
                        Err(Ended::Tampered(Tampered::OutOfOrder { .. })),
                    ) => {}
                    _ => assert_eq!(outcome, expected, "{fault} {level:?} smart {smart}"),
                }
            }
        }
    }
    assert_eq!(damage(Fault::UnknownClassGuid, AuthLevel::Privacy, true), (4, Err(Undecodable)));
    assert_eq!(damage(Fault::UnknownClassGuid, AuthLevel::Privacy, false), (25, Ok(HResult::WBEM_S_FALSE)));
}

#[test]
fn a_late_reply_comes_ten_seconds_late() {
    let mut session = Session::open(&[Fault::LateReply]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let enumerator = session.query(services, QUERY).unwrap();
    for (rows, seconds) in [(2, 0), (2, 0), (10, 10)] {
        let before = session.world.now;
        let answer = session.call::<Next>(enumerator, &NextRequest { timeout: 0, count: 10 }).unwrap();
        assert_eq!(answer.returned, rows);
        assert_eq!(session.world.now.saturating_since(before), Duration::from_secs(seconds));
    }
}

#[test]
fn every_stage_can_be_reset_or_silent() {
    for (fault, ended) in [
        (Fault::BindNak, Ended::Closed),
        (Fault::ResetAtBind, Ended::Reset),
        (Fault::ResetAtActivate, Ended::Reset),
        (Fault::ResetAtObjectBind, Ended::Reset),
        (Fault::ResetAtLogin, Ended::Reset),
        (Fault::ResetAtQuery, Ended::Reset),
        (Fault::SilenceAtBind, Ended::Silence),
        (Fault::SilenceAtActivate, Ended::Silence),
        (Fault::SilenceAtObjectBind, Ended::Silence),
        (Fault::SilenceAtLogin, Ended::Silence),
        (Fault::SilenceAtQuery, Ended::Silence),
    ] {
        assert_eq!(damage(fault, AuthLevel::Privacy, false), (0, Err(ended)), "{fault}");
    }
}

#[test]
fn faults_have_names_that_read_back() {
    for fault in Fault::ALL {
        assert_eq!(fault.to_string().parse(), Ok(*fault));
        assert!(!fault.description().is_empty() && !fault.description().contains('\n'));
    }
    assert!("no-such-fault".parse::<Fault>().is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever comes in, and however it is cut, the host goes on.
    #[test]
    fn no_octets_make_the_host_panic(
        octets in proptest::collection::vec(any::<u8>(), 0..200),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let mut world = World::new(&[]);
        let raw = world.connect(Role::Activator);
        world.send(raw.conn, BytesMut::from(&octets[..]));
        // A session that is good up to a point.
        if let Ok(mut session) = Session::open(&[]) {
            let mut pdu = Pdu::new(9, Body::Orphaned).encode();
            pdu.extend_from_slice(&octets);
            for (at, octet) in flips {
                let at = at.index(pdu.len());
                pdu[at] ^= octet;
            }
            session.world.send(session.peer.conn, pdu);
            session.world.host.handle_input(HostInput::Closed { conn: session.peer.conn }, session.world.now);
        }
    }

    /// Parameters that do not decode are refused, never a panic.
    #[test]
    fn no_parameters_make_the_host_panic(opnum in 0_u16..27, stub in proptest::collection::vec(any::<u8>(), 0..120)) {
        let mut session = Session::open(&[]).unwrap();
        let services = session.services("root/cimv2").unwrap();
        let enumerator = session.query(services, QUERY).unwrap();
        let mut head = vec![5, 0, 7, 0];
        head.resize(32, 0);
        head.extend_from_slice(&stub);
        for ipid in [services, enumerator, session.login.ipid, session.reply.ipid_rem_unknown] {
            let call_id = session.peer.request(&mut session.world, 0, opnum, Some(ipid), &head);
            let answer = session.peer.answer(&mut session.world, call_id);
            prop_assert!(matches!(answer, Ok(_) | Err(Ended::Fault(_))), "{answer:?}");
        }
    }
}

#[test]
fn an_unknown_class_is_not_activated() {
    let mut world = World::new(&[]);
    let refused = activate(&mut world, AuthLevel::Privacy, &[guid::IID_IWBEM_SERVICES]).unwrap();
    assert_eq!(refused.err(), Some(HResult::E_NOINTERFACE));
    assert_eq!(world.host.alive_objects(), 0);
}
