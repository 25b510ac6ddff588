//! Sessions with an ordinary host, and with every host that differs in a way that is allowed.

mod script;

use std::time::Duration;

use bytes::Bytes;
use script::rows::{Rows, smart_enumerator};
use script::{CONTEXTS, Ended, Peer, Session, World, activate, response};
use smallvec::{SmallVec, smallvec};
use wmi_proto::wire::dcom::exporter::{
    ComplexPing, ComplexPingResponse, NoParameters, ServerAlive2, ServerAlive2Response,
};
use wmi_proto::wire::dcom::{ComVersion, OrpcThis, RemoteCreateInstance};
use wmi_proto::wire::rpc::{
    AuthnLevel, Bind, Body, ContextResultCode, Pdu, PfcFlags, PresentationContext, Protection, ProviderReason, Request,
    Unsigned, bind_time_features,
};
use wmi_proto::wire::wmi::enumerator::{NextRequest, NextResponse};
use wmi_proto::wire::wmi::services::ExecQueryRequest;
use wmi_proto::wire::wmi::{CloneEnumerator, ExecQuery, Next, Reset, Skip};
use wmi_proto::wire::{FaultStatus, Guid, HResult, Interface, Operation, Wire, Writer, guid};
use wmi_proto::{AuthLevel, Role};
use wmi_sim::{Fault, HostConfig};

const QUERY: &str = "SELECT * FROM Sim_Many";
const ROWS: usize = 25;

/// Reads the query both ways and gives everything back.
fn read_both(session: &mut Session) -> Result<[Rows; 2], Ended> {
    let services = session.services("root/cimv2")?;
    let mut plain = Rows::default();
    let enumerator = session.query(services, QUERY)?;
    assert_eq!(plain.next(session, enumerator, 7)?, HResult::WBEM_S_FALSE);

    let mut packed = Rows::default();
    let enumerator = session.query(services, QUERY)?;
    match smart_enumerator(session, enumerator)? {
        Ok(smart) => assert_eq!(packed.smart(session, smart, 7)?, HResult::WBEM_S_FALSE),
        Err(status) => {
            assert_eq!(status, HResult::E_NOINTERFACE);
            assert_eq!(packed.next(session, enumerator, 7)?, HResult::WBEM_S_FALSE);
        }
    }
    session.release()?;
    Ok([plain, packed])
}

#[test]
fn an_ordinary_host_gives_all_rows_both_ways_and_keeps_nothing() {
    for level in [AuthLevel::Privacy, AuthLevel::Integrity] {
        let mut session = Session::open_in(World::new(&[]), level).unwrap();
        let [plain, packed] = read_both(&mut session).unwrap();
        let batches = [(HResult::S_OK, 7), (HResult::S_OK, 7), (HResult::S_OK, 7), (HResult::WBEM_S_FALSE, 4)];
        assert_eq!(plain.batches, batches);
        assert_eq!(packed.batches, batches);
        assert_eq!(plain.objects, packed.objects);
        assert_eq!(packed.class_parts, 1, "the class part goes once to each enumerator");
        let host = &session.world.host;
        assert_eq!((host.alive_objects(), host.public_refs()), (0, 0));
        let stats = host.stats();
        assert_eq!((stats.connections, stats.binds, stats.alter_contexts), (2, 2, 0));
        assert_eq!((stats.logons, stats.failed_logons, stats.unverified), (2, 0, 0));
        assert_eq!(stats.calls_of("IWbemServices::ExecQuery"), 2);
        assert_eq!(stats.verified, stats.total_calls());
    }
}

#[test]
fn every_legal_difference_leaves_all_rows() {
    // What lives in another process is another test's: this client knows one connection for objects.
    for fault in Fault::ALL.iter().copied().filter(|fault| fault.is_legal() && *fault != Fault::SecondExporter) {
        let mut world = World::new(&[fault]);
        if let Fault::ComVersion5_6 | Fault::OlderExporter = fault {
            world.version = ComVersion::V5_6;
        }
        let session = Session::open_in(world, AuthLevel::Privacy);
        let mut session = session.unwrap_or_else(|ended| panic!("{fault}: {ended:?}"));
        let [plain, packed] = read_both(&mut session).unwrap_or_else(|ended| panic!("{fault}: {ended:?}"));
        assert_eq!((plain.objects.len(), packed.objects.len()), (ROWS, ROWS), "{fault}");
        assert_eq!(plain.objects, packed.objects, "{fault}");
        let host = &session.world.host;
        assert_eq!((host.alive_objects(), host.public_refs()), (0, 0), "{fault}");
    }
}

#[test]
fn the_differences_can_be_seen() {
    let batches = |fault, smart: bool| {
        let mut session = Session::open(&[fault]).unwrap();
        let [plain, packed] = read_both(&mut session).unwrap();
        if smart { (packed.batches, packed.class_parts) } else { (plain.batches, 0) }
    };
    assert_eq!(batches(Fault::ClassPartPerReply, true).1, 4);
    assert!(batches(Fault::ShortBatches, false).0.iter().all(|(_, count)| *count <= 3));
    let statuses: Vec<_> = batches(Fault::TimedOutBatches, true).0;
    assert_eq!(statuses[..2], [(HResult::WBEM_S_TIMEDOUT, 0), (HResult::WBEM_S_TIMEDOUT, 3)]);
    assert_eq!(statuses[2], (HResult::S_OK, 7));
    assert_eq!(statuses[3], (HResult::WBEM_S_TIMEDOUT, 7));
    assert_eq!(batches(Fault::PartialResults, false).0[0], (HResult::WBEM_S_PARTIAL_RESULTS, 7));
}

#[test]
fn connections_of_2012_have_no_owner_to_ask_for() {
    for (faults, status) in [(&[][..], HResult::S_OK), (&[Fault::NetConnectionsOf2012], HResult::WBEM_E_INVALID_QUERY)]
    {
        let mut session = Session::open(faults).unwrap();
        let services = session.services("root/StandardCIMV2").unwrap();
        let mut request = ExecQueryRequest::wql("SELECT OwningProcess FROM MSFT_NetUDPEndpoint");
        // To hear of a mistake at once.
        request.flags = 0;
        assert_eq!(session.call::<ExecQuery>(services, &request).unwrap().status, status);
    }
}

#[test]
fn a_lazy_host_accepts_an_interface_after_its_first_object() {
    let mut session = Session::open(&[Fault::LazyInterfaces]).unwrap();
    let rejected = (ContextResultCode::PROVIDER_REJECTION, ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
    let ack =
        session.world.connect(Role::ObjectServer).bind(&mut session.world, &CONTEXTS.map(Interface::orpc)).unwrap();
    assert!(ack.results[0].is_accepted());
    assert!(ack.results[1..].iter().all(|result| (result.result, result.reason) == rejected));
    read_both(&mut session).unwrap();
    assert_eq!(session.world.host.stats().alter_contexts, 5);
    let ack =
        session.world.connect(Role::ObjectServer).bind(&mut session.world, &CONTEXTS.map(Interface::orpc)).unwrap();
    assert!(ack.results.iter().all(|result| result.is_accepted()));
}

#[test]
fn fragments_keep_to_the_size_and_the_padding_that_was_agreed_on() {
    for (faults, size, pad) in [
        (&[][..], 5840, 16),
        (&[Fault::Fragment1024], 1024, 16),
        (&[Fault::Fragment1024, Fault::Pad4], 1024, 4),
        (&[Fault::Pad8], 5840, 8),
    ] {
        let mut session = Session::open(faults).unwrap();
        let services = session.services("root/cimv2").unwrap();
        let enumerator = session.query(services, QUERY).unwrap();
        session.call::<Next>(enumerator, &NextRequest { timeout: -1, count: 25 }).unwrap();
        let fragments = &session.peer.fragments;
        assert!(fragments.len() > 1, "the answer should not fit into one fragment");
        let (last, full) = fragments.split_last().unwrap();
        assert!(full.iter().all(|(length, padding)| *length <= size && *length + 16 > size && *padding == 0));
        assert!(last.0 <= size && last.1 < pad);
        // Header 24, sec_trailer 8, signature 16.
        assert!(fragments.iter().all(|(length, _)| (length - 48).is_multiple_of(pad)));
    }
}

#[test]
fn the_first_bind_grants_features_and_multiplexing() {
    let offer = |faults: &[Fault]| {
        let mut world = World::new(faults);
        let mut peer = world.connect(Role::Activator);
        let mut features = PresentationContext::ndr(1, RemoteCreateInstance::INTERFACE);
        features.transfer_syntaxes = smallvec![bind_time_features(0x13)];
        let contexts: SmallVec<_> = smallvec![PresentationContext::ndr(0, RemoteCreateInstance::INTERFACE), features];
        let bind = Bind { max_xmit_frag: 4280, max_recv_frag: 4280, assoc_group_id: 0, contexts };
        let flags = PfcFlags::WHOLE | PfcFlags::CONC_MPX | PfcFlags::SUPPORT_HEADER_SIGN;
        peer.offer(&mut world, flags, Body::Bind(bind), None).unwrap()
    };
    let (flags, ack, _) = offer(&[]);
    assert!(flags.contains(PfcFlags::CONC_MPX | PfcFlags::SUPPORT_HEADER_SIGN));
    assert_eq!((ack.max_xmit_frag, ack.max_recv_frag), (4280, 4280));
    assert_eq!(&ack.secondary_address[..], b"135\0");
    assert!(ack.results[0].is_accepted());
    assert_eq!(ack.results[1].granted_features(), Some(3));
    assert!(!offer(&[Fault::NoMpx]).0.contains(PfcFlags::CONC_MPX));
    for fault in [Fault::NoHeaderSigning, Fault::LateHeaderSigning] {
        assert!(!offer(&[fault]).0.contains(PfcFlags::SUPPORT_HEADER_SIGN), "{fault}");
    }
}

#[test]
fn the_resolver_answers_without_security() {
    let mut world = World::new(&[]);
    let mut peer = world.connect(Role::Activator);
    peer.bind(&mut world, &[ServerAlive2::INTERFACE]).unwrap();
    let call_id = peer.request(&mut world, 0, ServerAlive2::OPNUM, None, &NoParameters.to_bytes());
    let answer = ServerAlive2Response::from_bytes(peer.answer(&mut world, call_id).unwrap()).unwrap();
    let names: Vec<_> = answer.bindings.unwrap().string_bindings.into_iter().map(|b| b.address).collect();
    assert_eq!(names, ["WINSIM", "127.0.0.1"]);
}

#[test]
fn a_big_endian_client_is_understood() {
    let mut world = World::new(&[]);
    let mut peer = world.connect(Role::Activator);
    peer.log_on(&mut world, &[ComplexPing::INTERFACE]).unwrap();
    // A ping of set 0x0102030405060708 with nothing to add or to take out.
    let stub = Bytes::from([&[1, 2, 3, 4, 5, 6, 7, 8], &[0, 1, 0, 0, 0, 0, 0, 0][..], &[0; 8]].concat());
    let body = Body::Request(Request { alloc_hint: 24, context_id: 0, opnum: ComplexPing::OPNUM, object: None, stub });
    let protection = Protection::ntlm(AuthnLevel::PKT_PRIVACY, 7);
    let Unsigned { mut pdu, stub } = Unsigned::new(PfcFlags::WHOLE, 77, &body, &protection);
    // The order of octets, and every number of the header and of the trailer in that order.
    pdu[4] = 0;
    for field in [8..10, 10..12, 12..16, 16..20, 20..22, 22..24, pdu.len() - 20..pdu.len() - 16] {
        pdu[field].reverse();
    }
    peer.security.as_mut().unwrap().protect(AuthLevel::Privacy, &mut pdu, stub);
    world.send(peer.conn, pdu);
    let answer = ComplexPingResponse::from_bytes(peer.answer(&mut world, 77).unwrap()).unwrap();
    assert_eq!((answer.set_id, answer.status), (0x0102_0304_0506_0708, FaultStatus::OR_INVALID_SET));
}

#[test]
fn activation_answers_each_interface_by_itself() {
    let mut world = World::new(&[]);
    let iids = [guid::IID_IWBEM_LEVEL1_LOGIN, guid::IID_IWBEM_SERVICES, guid::IID_IUNKNOWN];
    let reply = activate(&mut world, AuthLevel::Privacy, &iids).unwrap().unwrap();
    let results: Vec<_> = reply.interfaces.iter().map(|interface| interface.result).collect();
    assert_eq!(results, [HResult::S_OK, HResult::E_NOINTERFACE, HResult::S_OK]);
    assert_eq!((world.host.alive_objects(), world.host.public_refs()), (1, 10));
    let ports: Vec<_> = reply.bindings.tcp().collect();
    assert_eq!(ports, [("WINSIM", Some(49_664)), ("127.0.0.1", Some(49_664))]);
    assert_eq!(reply.authn_hint, 4);
}

#[test]
fn a_context_of_another_interface_serves_unless_the_host_insists() {
    for (faults, works) in [(&[][..], true), (&[Fault::InsistContext], false)] {
        let mut session = Session::open(faults).unwrap();
        let services = session.services("root/cimv2").unwrap();
        let enumerator = session.query(services, QUERY).unwrap();
        let request = NextRequest { timeout: -1, count: 1 };
        let answer = session.peer.call::<Next>(&mut session.world, 0, Some(enumerator), &request);
        assert_eq!(answer.is_ok(), works);
    }
}

#[test]
fn a_slow_provider_is_waited_for_as_long_as_the_caller_wants() {
    let mut session = Session::open(&[Fault::SlowRows, Fault::SlowFirstRow]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let enumerator = session.query(services, QUERY).unwrap();
    let mut next = |timeout, count| {
        let NextResponse { objects, status, .. } =
            session.call::<Next>(enumerator, &NextRequest { timeout, count }).unwrap();
        (status, objects.len(), session.world.now.as_micros() / 1000)
    };
    // The first row is there after 500 ms, each other one 50 ms later.
    assert_eq!(next(0, 5), (HResult::WBEM_S_TIMEDOUT, 0, 0));
    assert_eq!(next(100, 5), (HResult::WBEM_S_TIMEDOUT, 0, 100));
    assert_eq!(next(500, 5), (HResult::WBEM_S_TIMEDOUT, 3, 600));
    assert_eq!(next(-1, 5), (HResult::S_OK, 5, 850));
    assert_eq!(next(-1, 17), (HResult::S_OK, 17, 1700));
    assert_eq!(next(-1, 1), (HResult::WBEM_S_FALSE, 0, 1700));
}

#[test]
fn a_slow_class_is_slow_on_any_host() {
    let mut session = Session::open(&[]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let enumerator = session.query(services, "SELECT * FROM Sim_Slow").unwrap();
    let mut rows = Rows::default();
    rows.next(&mut session, enumerator, 100).unwrap();
    assert_eq!(session.world.now.as_micros(), 200_000 * rows.objects.len() as u64);
}

#[test]
fn a_cancelled_call_ends_with_a_fault_and_an_orphaned_one_with_nothing() {
    let mut session = Session::open(&[Fault::SlowFirstRow]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let enumerator = session.query(services, QUERY).unwrap();
    let Session { world, peer, .. } = &mut session;
    for body in [Body::CoCancel, Body::Orphaned] {
        let call_id = begin_next(peer, world, enumerator);
        assert!(!world.has_written(peer.conn));
        world.send(peer.conn, Pdu::new(call_id, body.clone()).encode());
        if body == Body::CoCancel {
            let fault = FaultStatus(0x1c00_000d);
            assert_eq!(peer.answer(world, call_id), Err(Ended::Fault(fault)));
        }
        assert!(!world.has_written(peer.conn));
        let soon = world.now.saturating_add(Duration::from_secs(60));
        assert!(world.host.poll_timeout() > Some(soon), "nothing is waited for but garbage collection");
    }
    // The association lives on.
    let call_id = begin_next(peer, world, enumerator);
    world.wait(Duration::from_secs(1));
    let answer = response::<Next>(peer.answer(world, call_id).unwrap()).unwrap();
    assert_eq!((answer.status, answer.returned), (HResult::S_OK, 3));
}

fn begin_next(peer: &mut Peer, world: &mut World, enumerator: Guid) -> u32 {
    let mut stub = Writer::new();
    OrpcThis::new(ComVersion::V5_7, Guid::NULL).encode(&mut stub);
    NextRequest { timeout: -1, count: 3 }.encode(&mut stub);
    peer.request(world, 3, Next::OPNUM, Some(enumerator), &stub.finish())
}

#[test]
fn enumerators_that_may_start_again_do() {
    let mut session = Session::open(&[]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let mut request = ExecQueryRequest::wql(QUERY);
    request.flags = 0x10;
    let answer = session.call::<ExecQuery>(services, &request).unwrap();
    let enumerator = session.hold(answer.pointer).unwrap();
    let skipped = session.call::<Skip>(enumerator, &NextRequest { timeout: -1, count: 20 }).unwrap();
    assert_eq!(skipped, HResult::S_OK);
    let answer = session.call::<CloneEnumerator>(enumerator, &NoParameters).unwrap();
    let copy = session.hold(answer.pointer).unwrap();
    assert_eq!(session.call::<Reset>(enumerator, &NoParameters).unwrap(), HResult::S_OK);
    let mut count = |enumerator| {
        let mut rows = Rows::default();
        rows.next(&mut session, enumerator, 100).unwrap();
        rows.objects.len()
    };
    assert_eq!((count(enumerator), count(copy)), (25, 5));

    // Beyond the end.
    assert_eq!(session.call::<Reset>(enumerator, &NoParameters).unwrap(), HResult::S_OK);
    let skipped = session.call::<Skip>(enumerator, &NextRequest { timeout: -1, count: 26 }).unwrap();
    assert_eq!(skipped, HResult::WBEM_S_FALSE);

    let once = session.query(services, QUERY).unwrap();
    let invalid = HResult::WBEM_E_INVALID_OPERATION;
    assert_eq!(session.call::<Reset>(once, &NoParameters).unwrap(), invalid);
    assert_eq!(session.call::<CloneEnumerator>(once, &NoParameters).unwrap().status, invalid);
    assert_eq!(session.call::<Skip>(once, &NextRequest { timeout: -1, count: 1 }).unwrap(), invalid);
    session.release().unwrap();
    assert_eq!(session.world.host.alive_objects(), 0);
}

#[test]
fn a_request_may_come_in_fragments() {
    let mut session = Session::open_in(World::with(HostConfig::new(1)), AuthLevel::Privacy).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let wql = format!("{QUERY} WHERE Id <> 0{}", " AND Id <> 0".repeat(300));
    let Session { world, peer, .. } = &mut session;
    let mut stub = Writer::new();
    OrpcThis::new(ComVersion::V5_7, Guid::NULL).encode(&mut stub);
    ExecQueryRequest::wql(&wql).encode(&mut stub);
    let stub = stub.finish();
    assert!(stub.len() > 4096);
    let call_id = peer.request_in(world, 2, 20, Some(services), &stub, 1024);
    let answer = response::<ExecQuery>(peer.answer(world, call_id).unwrap()).unwrap();
    assert_eq!(answer.status, HResult::S_OK);
}
