//! How long objects live: ping sets, garbage collection, and what ends them all.

mod script;

use std::collections::BTreeSet;
use std::time::Duration;

use script::{CONTEXTS, Ended, Peer, Session, World, activate};
use wmi_proto::wire::dcom::exporter::{
    ComplexPing, ComplexPingRequest, ComplexPingResponse, NoParameters, ResolveOxid2, ResolveOxid2Request,
    ServerAlive2, SimplePing, SimplePingRequest,
};
use wmi_proto::wire::dcom::rem_unknown::RemRefsRequest;
use wmi_proto::wire::dcom::{ComVersion, RemInterfaceRef, RemRelease, StdObjRef};
use wmi_proto::wire::rpc::{PduType, PfcFlags};
use wmi_proto::wire::wmi::enumerator::NextRequest;
use wmi_proto::wire::wmi::login::NtlmLoginRequest;
use wmi_proto::wire::wmi::services::ExecQueryRequest;
use wmi_proto::wire::wmi::{ExecQuery, Next, NtlmLogin};
use wmi_proto::wire::{FaultStatus, Guid, HResult, Interface, Operation, Wire, guid};
use wmi_proto::{AuthLevel, Role};
use wmi_sim::{Fault, Gone, Restart};

const SUCCESS: FaultStatus = FaultStatus(0);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A client of the object resolver.
fn resolver(world: &mut World) -> Peer {
    let mut peer = world.connect(Role::Activator);
    peer.log_on(world, &[ComplexPing::INTERFACE]).unwrap();
    peer
}

fn plain<O: Operation>(world: &mut World, peer: &mut Peer, request: &O::Request) -> Result<O::Response, Ended> {
    let call_id = peer.request(world, 0, O::OPNUM, None, &request.to_bytes());
    O::Response::from_bytes(peer.answer(world, call_id)?).map_err(|_| Ended::Undecodable)
}

fn complex(
    world: &mut World,
    peer: &mut Peer,
    set_id: u64,
    sequence: u16,
    add: &[u64],
    del: &[u64],
) -> ComplexPingResponse {
    let request = ComplexPingRequest { set_id, sequence, add: add.to_vec(), del: del.to_vec() };
    plain::<ComplexPing>(world, peer, &request).unwrap()
}

fn simple(world: &mut World, peer: &mut Peer, set_id: u64) -> FaultStatus {
    plain::<SimplePing>(world, peer, &SimplePingRequest { set_id }).unwrap()
}

/// A session that holds its log-in object, a namespace and an enumerator.
fn session() -> (Session, Guid) {
    let mut session = Session::open(&[]).unwrap();
    let services = session.services("root/cimv2").unwrap();
    let enumerator = session.query(services, "SELECT * FROM Sim_Many").unwrap();
    assert_eq!(session.world.host.objects().len(), 3);
    (session, enumerator)
}

fn next(session: &mut Session, enumerator: Guid) -> Result<(), Ended> {
    session.call::<Next>(enumerator, &NextRequest { timeout: 0, count: 1 }).map(|_| ())
}

#[test]
fn an_object_that_is_never_pinged_lives_for_fourteen_minutes_and_as_long_as_it_is_called() {
    let (mut session, enumerator) = session();
    session.world.wait(seconds(13 * 60));
    next(&mut session, enumerator).unwrap();
    session.world.wait(seconds(61));
    assert_eq!(session.world.host.objects().len(), 1, "the one that was called a minute ago");
    session.world.wait(seconds(58));
    next(&mut session, enumerator).unwrap();
    session.world.wait(seconds(119));
    assert_eq!(session.world.host.objects().len(), 1);
    session.world.wait(seconds(1));
    assert_eq!((session.world.host.objects().len(), session.world.host.public_refs()), (0, 0));
    assert_eq!(session.world.host.stats().collected, 3);
    assert_eq!(next(&mut session, enumerator), Err(Ended::Fault(FaultStatus::RPC_E_DISCONNECTED)));
    assert_eq!(session.world.host.poll_timeout(), None);
}

#[test]
fn a_set_keeps_its_objects_while_it_is_pinged_and_for_three_periods() {
    let (mut session, enumerator) = session();
    let world = &mut session.world;
    let oids: Vec<u64> = world.host.objects().into_iter().collect();
    let mut pinging = resolver(world);
    let made = complex(world, &mut pinging, 0, 1, &oids, &[]);
    assert_eq!((made.status, made.backoff_factor), (SUCCESS, 0));
    assert_eq!(world.host.ping_sets().into_iter().collect::<Vec<_>>(), [(made.set_id, world.host.objects())]);
    for _ in 0..100 {
        world.wait(seconds(359));
        assert_eq!(simple(world, &mut pinging, made.set_id), SUCCESS);
    }
    assert_eq!(world.host.objects().len(), 3);
    // Who pings changes nothing: it is the set that counts.
    drop(pinging);
    let mut pinging = resolver(world);
    assert_eq!(simple(world, &mut pinging, made.set_id), SUCCESS);
    world.wait(seconds(300));
    next(&mut session, enumerator).unwrap();
    let world = &mut session.world;
    world.wait(seconds(60));
    assert_eq!(world.host.ping_sets().len(), 0);
    assert_eq!(world.host.objects().len(), 1, "the one that was called a minute ago");
    assert_eq!(simple(world, &mut pinging, made.set_id), FaultStatus::OR_INVALID_SET);
    assert_eq!(complex(world, &mut pinging, made.set_id, 2, &[], &[]).status, FaultStatus::OR_INVALID_SET);
    world.wait(seconds(60));
    assert_eq!(world.host.objects().len(), 0);
}

#[test]
fn a_set_is_changed_by_what_is_added_and_taken_out() {
    let (mut session, _) = session();
    let world = &mut session.world;
    let oids: Vec<u64> = world.host.objects().into_iter().collect();
    let [a, b, c] = oids[..] else { panic!("three objects") };
    let mut pinging = resolver(world);
    let set = complex(world, &mut pinging, 0, 1, &[a, b], &[]).set_id;
    let changed = complex(world, &mut pinging, set, 2, &[c], &[a]);
    assert_eq!((changed.set_id, changed.status), (set, SUCCESS));
    assert_eq!(world.host.ping_sets()[&set], BTreeSet::from([b, c]));
    // One that comes late is taken and changes nothing.
    assert_eq!(complex(world, &mut pinging, set, 1, &[a], &[b]).status, SUCCESS);
    assert_eq!(world.host.ping_sets()[&set], BTreeSet::from([b, c]));
    let dead = oids.iter().fold(0_u64, |sum, oid| sum ^ oid) | 1;
    assert_eq!(complex(world, &mut pinging, set, 3, &[dead], &[b]).status, FaultStatus::OR_INVALID_OID);
    assert_eq!(world.host.ping_sets()[&set], BTreeSet::from([b, c]));
    // What was taken out lives no longer than it is called.
    world.wait(seconds(120));
    assert_eq!(world.host.objects(), BTreeSet::from([b, c]));
    // A new set is made with the objects that there are.
    let other = complex(world, &mut pinging, 0, 1, &[a, b], &[]);
    assert_eq!((other.status, &world.host.ping_sets()[&other.set_id]), (SUCCESS, &BTreeSet::from([b])));
}

#[test]
fn pings_and_places_of_exporters_are_for_those_who_logged_on() {
    let mut session = Session::open(&[]).unwrap();
    let world = &mut session.world;
    let mut peer = world.connect(Role::Activator);
    peer.bind(world, &[ComplexPing::INTERFACE]).unwrap();
    let denied = Some(Ended::UnsignedFault(FaultStatus::ERROR_ACCESS_DENIED));
    assert_eq!(plain::<SimplePing>(world, &mut peer, &SimplePingRequest { set_id: 7 }).err(), denied);
    let request = ComplexPingRequest { set_id: 0, sequence: 1, add: vec![], del: vec![] };
    assert_eq!(plain::<ComplexPing>(world, &mut peer, &request).err(), denied);
    let request = ResolveOxid2Request { oxid: session.reply.oxid, requested_protseqs: vec![7] };
    assert_eq!(plain::<ResolveOxid2>(world, &mut peer, &request).err(), denied);
    assert!(world.host.ping_sets().is_empty());
    let mut peer = resolver(world);
    let place = plain::<ResolveOxid2>(world, &mut peer, &request).unwrap();
    assert_eq!((place.status, place.ipid_rem_unknown), (SUCCESS, session.reply.ipid_rem_unknown));
    assert_eq!(place.bindings.unwrap(), session.reply.bindings);
    let unknown = ResolveOxid2Request { oxid: request.oxid ^ 1, ..request };
    let nowhere = plain::<ResolveOxid2>(world, &mut peer, &unknown).unwrap();
    assert_eq!((nowhere.status, nowhere.bindings), (FaultStatus::OR_INVALID_OXID, None));
}

#[test]
fn a_host_can_forget_objects_and_ping_sets() {
    let (mut session, enumerator) = session();
    let world = &mut session.world;
    let oids: Vec<u64> = world.host.objects().into_iter().collect();
    let mut pinging = resolver(world);
    complex(world, &mut pinging, 0, 1, &oids, &[]);
    world.wait(seconds(121));
    let now = world.now;
    world.host.forget_ping_sets(now);
    assert!(world.host.ping_sets().is_empty());
    world.wait(seconds(0));
    assert!(world.host.objects().is_empty(), "nothing was called for a period");
    next(&mut session, enumerator).unwrap_err();

    let (mut session, enumerator) = self::session();
    let login = session.login.oid;
    session.world.host.forget_objects(|oid| oid != login);
    assert_eq!(session.world.host.objects(), BTreeSet::from([login]));
    let gone = Err(Ended::Fault(FaultStatus::RPC_E_DISCONNECTED));
    assert_eq!(next(&mut session, enumerator), gone);
    assert_eq!(session.services("root/cimv2").map(|_| ()), Ok(()));
}

#[test]
fn a_restart_of_wmi_ends_all_objects_and_leaves_connections() {
    for gone in Gone::ALL {
        let (mut session, enumerator) = session();
        let (oxid, now) = (session.reply.oxid, session.world.now);
        let downtime = seconds(5);
        session.world.host.restart_wmi(Restart { gone, port: Some(49_700), downtime }, now);
        assert_eq!((session.world.host.alive_objects(), session.world.host.public_refs()), (0, 0));
        let answer = session.call::<Next>(enumerator, &NextRequest { timeout: 0, count: 7 });
        match gone {
            Gone::Disconnected => assert_eq!(answer, Err(Ended::Fault(FaultStatus::RPC_E_DISCONNECTED))),
            Gone::NotRegistered => assert_eq!(answer, Err(Ended::Fault(FaultStatus::CO_E_OBJNOTREG))),
            Gone::ServerStopping => assert_eq!(answer, Err(Ended::Fault(FaultStatus(0x8008_0008)))),
            _ => assert_eq!(answer.map(|answer| answer.status), Ok(HResult::WBEM_E_SHUTTING_DOWN)),
        }
        let iids = [guid::IID_IWBEM_LEVEL1_LOGIN];
        let world = &mut session.world;
        let early = activate(world, AuthLevel::Privacy, &iids).unwrap();
        assert_eq!(early.err(), Some(HResult::CO_E_SERVER_STOPPING));
        world.wait(downtime);
        let reply = activate(world, AuthLevel::Privacy, &iids).unwrap().unwrap();
        assert_eq!(reply.bindings.tcp().next(), Some(("WINSIM", Some(49_700))));
        assert_ne!(reply.oxid, oxid);
        assert!(!world.host.is_listening(Role::ObjectServer, 49_664, world.now));
        assert!(world.host.is_listening(Role::ObjectServer, 49_700, world.now));
    }
}

#[test]
fn a_reboot_resets_connections_and_forgets_everything() {
    let (mut session, enumerator) = session();
    let world = &mut session.world;
    let oids: Vec<u64> = world.host.objects().into_iter().collect();
    let mut pinging = resolver(world);
    complex(world, &mut pinging, 0, 1, &oids, &[]);
    let now = world.now;
    world.host.reboot(seconds(60), None, now);
    assert!(!world.host.is_listening(Role::Activator, 135, world.now));
    world.wait(seconds(60));
    assert!(world.host.is_listening(Role::Activator, 135, world.now));
    assert_eq!((world.host.objects().len(), world.host.ping_sets().len(), world.host.poll_timeout()), (0, 0, None));
    assert_eq!(next(&mut session, enumerator), Err(Ended::Reset));
    assert!(activate(&mut session.world, AuthLevel::Privacy, &[guid::IID_IWBEM_LEVEL1_LOGIN]).unwrap().is_ok());
}

#[test]
fn calls_that_nobody_saw_are_told_from_those_that_failed() {
    let (mut session, enumerator) = session();
    session.world.host.refuse_calls(1);
    let begun = |session: &mut Session| {
        let stub = [&[5, 0, 7, 0][..], &[0; 28], &[0; 4], &[1, 0, 0, 0]].concat();
        session.peer.request(&mut session.world, 3, Next::OPNUM, Some(enumerator), &stub);
        session.world.receive(session.peer.conn).unwrap().0.flags
    };
    assert!(begun(&mut session).contains(PfcFlags::DID_NOT_EXECUTE));
    session.world.host.forget_objects(|_| true);
    assert!(!begun(&mut session).contains(PfcFlags::DID_NOT_EXECUTE));
    session.world.host.ask_to_close(Role::ObjectServer);
    session.world.wait(seconds(0));
    assert_eq!(session.world.receive(session.peer.conn).unwrap().0.ptype, PduType::SHUTDOWN);
}

#[test]
fn an_object_of_another_process_is_reached_there_only() {
    let mut world = World::new(&[Fault::SecondExporter]);
    let reply = activate(&mut world, AuthLevel::Privacy, &[guid::IID_IWBEM_LEVEL1_LOGIN]).unwrap().unwrap();
    let login = *reply.interfaces[0].objref.as_ref().and_then(|objref| objref.std()).unwrap();
    let mut first = world.connect(Role::ObjectServer);
    first.log_on(&mut world, &CONTEXTS.map(Interface::orpc)).unwrap();
    let network_resource = Some("//./root/cimv2".to_owned());
    let request = NtlmLoginRequest { network_resource, ..NtlmLoginRequest::default() };
    let answer = first.call::<NtlmLogin>(&mut world, 0, Some(login.ipid), &request).unwrap();
    let services = answer.pointer.unwrap().std().unwrap();
    assert_ne!(services.oxid, reply.oxid);

    let mut resolving = resolver(&mut world);
    let request = ResolveOxid2Request { oxid: services.oxid, requested_protseqs: vec![7] };
    let place = plain::<ResolveOxid2>(&mut world, &mut resolving, &request).unwrap();
    let port = place.bindings.as_ref().and_then(|bindings| bindings.tcp().next()?.1).unwrap();
    assert_eq!((place.status, port), (SUCCESS, 49_665));
    assert_ne!(place.ipid_rem_unknown, reply.ipid_rem_unknown);
    let query = ExecQueryRequest::wql("SELECT * FROM Sim_Many");
    let elsewhere = Err(Ended::Fault(FaultStatus::RPC_E_DISCONNECTED));
    assert_eq!(first.call::<ExecQuery>(&mut world, 2, Some(services.ipid), &query), elsewhere);

    let mut second = world.connect_at(Role::ObjectServer, port);
    second.log_on(&mut world, &CONTEXTS.map(Interface::orpc)).unwrap();
    let answer = second.call::<ExecQuery>(&mut world, 2, Some(services.ipid), &query).unwrap();
    let enumerator = answer.pointer.unwrap().std().unwrap();
    assert_eq!(enumerator.oxid, services.oxid);
    let release = |std: StdObjRef| {
        let refs = vec![RemInterfaceRef { ipid: std.ipid, public_refs: std.public_refs, private_refs: 0 }];
        RemRefsRequest { refs }
    };
    // Each IRemUnknown knows the objects of its own process.
    first.call::<RemRelease>(&mut world, 1, Some(reply.ipid_rem_unknown), &release(services)).unwrap();
    assert_eq!(world.host.alive_objects(), 3);
    for std in [services, enumerator] {
        second.call::<RemRelease>(&mut world, 1, Some(place.ipid_rem_unknown), &release(std)).unwrap();
    }
    assert_eq!(world.host.objects(), BTreeSet::from([login.oid]));
}

#[test]
fn a_host_of_an_older_version_takes_no_newer_one() {
    for (fault, at_once) in [(Fault::ComVersion5_6, true), (Fault::OlderExporter, false)] {
        let mut world = World::new(&[fault]);
        let mut asking = world.connect(Role::Activator);
        asking.bind(&mut world, &[ServerAlive2::INTERFACE]).unwrap();
        let alive = plain::<ServerAlive2>(&mut world, &mut asking, &NoParameters).unwrap();
        assert_eq!(alive.version, ComVersion::V5_6);
        let mismatch = Ended::Fault(FaultStatus(0x8001_0110));
        let activation = activate(&mut world, AuthLevel::Privacy, &[guid::IID_IWBEM_LEVEL1_LOGIN]);
        match activation {
            Err(ended) => assert_eq!((ended, at_once), (mismatch, true)),
            Ok(reply) => {
                let reply = reply.unwrap();
                assert_eq!((reply.server_version, at_once), (ComVersion::V5_6, false));
                let login = *reply.interfaces[0].objref.as_ref().and_then(|objref| objref.std()).unwrap();
                let mut peer = world.connect(Role::ObjectServer);
                peer.log_on(&mut world, &CONTEXTS.map(Interface::orpc)).unwrap();
                let answer = peer.call::<NtlmLogin>(&mut world, 0, Some(login.ipid), &NtlmLoginRequest::default());
                assert_eq!(answer.err(), Some(mismatch));
            }
        }
    }
}
