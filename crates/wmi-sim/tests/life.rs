//! How long objects live: ping sets, garbage collection, and what ends them all.

mod script;

use std::collections::BTreeSet;
use std::time::Duration;

use script::{Ended, Peer, Session, World};
use wmi_proto::Role;
use wmi_proto::wire::dcom::exporter::{
    ComplexPing, ComplexPingRequest, ComplexPingResponse, ResolveOxid2, ResolveOxid2Request, SimplePing,
    SimplePingRequest,
};
use wmi_proto::wire::wmi::Next;
use wmi_proto::wire::wmi::enumerator::NextRequest;
use wmi_proto::wire::{FaultStatus, Guid, Operation, Wire};

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
