//! What all connections of a host share: configuration, clock, randomness, objects, counters and the output queue.

use std::collections::{BTreeSet, VecDeque};

use bytes::{Bytes, BytesMut};
use wmi_proto::wire::dcom::exporter::{ComplexPingRequest, ComplexPingResponse};
use wmi_proto::wire::dcom::{MInterfacePointer, ObjRef, StdObjRef};
use wmi_proto::wire::{FaultStatus, Guid, guid};
use wmi_proto::{Draw, Entropy, FileTime, Instant};

use crate::cursor::Cursors;
use crate::exporter::{Exporter, Reference, USUAL_REFS};
use crate::life::Gone;
use crate::pings::{Changed, PingSets};
use crate::registry::Registry;
use crate::repository::Repository;
use crate::scm;
use crate::services::Object;
use crate::{ConnId, Fault, HostConfig, HostOutput, HostStats};

/// Sees, and may change, the stub of each response.
pub(crate) type StubHook = Box<dyn FnMut(&mut BytesMut) + Send>;

/// A process that exports objects.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Process {
    /// The identifier of its object exporter.
    pub(crate) oxid: u64,
    /// Its IRemUnknown, which is never released.
    pub(crate) rem_unknown: Guid,
    /// Where it listens.
    pub(crate) port: u16,
}

/// The host without its connections.
pub(crate) struct Machine {
    pub(crate) config: HostConfig,
    pub(crate) faults: BTreeSet<Fault>,
    pub(crate) repository: Repository,
    pub(crate) registry: Registry,
    pub(crate) exporter: Exporter<Object>,
    pub(crate) cursors: Cursors,
    pub(crate) ping_sets: PingSets,
    /// Nothing is to be collected before; `None` when there is nothing that could be.
    collection: Option<Instant>,
    pub(crate) stats: HostStats,
    pub(crate) out: VecDeque<HostOutput>,
    /// What is said late, by when it is due.
    under_way: VecDeque<(Instant, HostOutput)>,
    /// Changes the stub of each response before it is protected.
    pub(crate) on_stub: Option<StubHook>,
    /// The processes that export objects: the first what is activated, the last everything else.
    pub(crate) processes: Vec<Process>,
    /// What is said to calls of objects that died.
    pub(crate) gone: Gone,
    /// When WMI can be activated again.
    pub(crate) activates_from: Instant,
    /// When the host listens again.
    pub(crate) listens_from: Instant,
    /// How many calls are still to be refused unseen.
    pub(crate) refusals: u32,
    entropy: Box<dyn Entropy>,
    now: Instant,
    start: Instant,
    wall: FileTime,
}

impl Machine {
    pub(crate) fn new(
        config: HostConfig,
        repository: Repository,
        entropy: Box<dyn Entropy>,
        now: Instant,
        wall: FileTime,
    ) -> Self {
        let mut machine = Self {
            faults: config.faults.iter().copied().collect(),
            repository,
            registry: Registry::windows(&config.name, config.profile),
            exporter: Exporter::new(),
            cursors: Cursors::new(),
            ping_sets: PingSets::default(),
            collection: None,
            stats: HostStats::default(),
            out: VecDeque::new(),
            under_way: VecDeque::new(),
            on_stub: None,
            processes: Vec::new(),
            gone: Gone::default(),
            activates_from: now,
            listens_from: now,
            refusals: 0,
            config,
            entropy,
            now,
            start: now,
            wall,
        };
        machine.start_processes();
        machine
    }

    /// Processes that nobody knew before.
    pub(crate) fn start_processes(&mut self) {
        let mut ports = vec![self.config.object_port];
        if self.has(Fault::SecondExporter) {
            ports.push(self.config.second_port);
        }
        let start = |port| Process { oxid: self.fresh_u64(), rem_unknown: self.fresh_guid(), port };
        self.processes = ports.into_iter().map(start).collect();
    }

    /// The process that has an object.
    fn home(&self, object: &Object) -> Option<Process> {
        match object {
            Object::Login => self.processes.first().copied(),
            _ => self.processes.last().copied(),
        }
    }

    /// The object and the interface behind an IPID of the process at `port`.
    pub(crate) fn resolve(&self, ipid: &Guid, port: u16) -> Option<(u64, Guid)> {
        let (oid, iid) = self.exporter.resolve(ipid)?;
        let home = self.exporter.state(oid).and_then(|object| self.home(object))?;
        (home.port == port).then_some((oid, iid))
    }

    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Time does not go back, whatever the caller's clock does.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn wall(&self) -> FileTime {
        self.wall.saturating_add(self.now.saturating_since(self.start))
    }

    pub(crate) fn entropy(&mut self) -> &mut dyn Entropy {
        &mut *self.entropy
    }

    pub(crate) fn fresh_guid(&mut self) -> Guid {
        let mut octets = [0; 16];
        self.entropy.fill(Draw::HostIdentifier, &mut octets);
        Guid::from_bytes(octets)
    }

    pub(crate) fn fresh_u64(&mut self) -> u64 {
        let mut octets = [0; 8];
        self.entropy.fill(Draw::HostIdentifier, &mut octets);
        u64::from_le_bytes(octets)
    }

    /// A new object; it dies unless an interface of it is marshalled.
    pub(crate) fn create(&mut self, state: Object) -> u64 {
        let oid = self.fresh_u64();
        let pinged = !self.has(Fault::NoPing);
        let end = self.exporter.insert(oid, state, pinged, self.now);
        self.collection = self.collection.into_iter().chain(end).min();
        oid
    }

    /// Hands out `refs` references to an interface of an object, if the object has it.
    pub(crate) fn reference(&mut self, oid: u64, iid: Guid, refs: u32) -> Option<StdObjRef> {
        let object = self.exporter.state(oid).filter(|object| object.supports(&iid))?;
        let oxid = self.home(object)?.oxid;
        let fresh = self.fresh_guid();
        let Reference { ipid, refs, .. } = self.exporter.marshal(oid, iid, refs, fresh)?;
        let flags = if self.has(Fault::NoPing) { StdObjRef::NO_PING } else { 0 };
        Some(StdObjRef { flags, public_refs: refs, oxid, oid, ipid })
    }

    /// The same as an OBJREF.
    pub(crate) fn objref(&mut self, oid: u64, iid: Guid, refs: u32) -> Option<ObjRef> {
        let std = self.reference(oid, iid, refs)?;
        Some(ObjRef::standard(iid, std, scm::resolver_bindings(self)))
    }

    /// A new object as a result of a call, with the usual references.
    pub(crate) fn export(&mut self, state: Object, iid: Guid) -> Option<MInterfacePointer> {
        let oid = self.create(state);
        self.objref(oid, iid, USUAL_REFS).map(|objref| MInterfacePointer::new(&objref))
    }

    /// Takes references back.
    pub(crate) fn release(&mut self, ipid: &Guid, refs: u32) {
        if let Some(object) = self.exporter.release(ipid, refs) {
            self.died(&object);
        }
    }

    /// An object dies, whoever holds it.
    pub(crate) fn reclaim(&mut self, oid: u64) {
        if let Some(object) = self.exporter.reclaim(oid) {
            self.died(&object);
        }
    }

    /// A result set goes with the last enumerator that reads it.
    fn died(&mut self, object: &Object) {
        if self.exporter.alive() == 0 {
            self.expect_collection();
        }
        let Some(cursor) = object.cursor() else { return };
        if !self.exporter.objects().any(|object| object.cursor() == Some(cursor)) {
            self.cursors.remove(cursor);
        }
    }

    /// SimplePing ([MS-DCOM 3.1.2.5.1.2]).
    pub(crate) fn ping(&mut self, set_id: u64) -> FaultStatus {
        self.ping_sets.simple(set_id, self.now)
    }

    /// ComplexPing ([MS-DCOM 3.1.2.5.1.3]).
    pub(crate) fn change_ping_set(&mut self, request: ComplexPingRequest) -> ComplexPingResponse {
        let fresh = self.fresh_u64();
        let lives = |oid| self.exporter.state(oid).is_some();
        let Changed { set_id, removed, status } = self.ping_sets.complex(request, fresh, self.now, lives);
        self.abandon(removed);
        ComplexPingResponse { set_id, backoff_factor: 0, status }
    }

    /// Objects that are in a ping set no longer live as long as they are called.
    pub(crate) fn abandon(&mut self, oids: Vec<u64>) {
        for oid in oids {
            self.exporter.abandoned(oid, self.now);
        }
        self.expect_collection();
    }

    /// When [`Machine::collect`] is next due; it may find nothing.
    pub(crate) const fn collection(&self) -> Option<Instant> {
        self.collection
    }

    /// Garbage collection ([MS-DCOM 3.1.2.6, 3.1.1.6.2]): sets that were not pinged, then objects that no set holds and
    /// nobody calls.
    pub(crate) fn collect(&mut self) {
        if self.collection.is_none_or(|due| due > self.now) {
            return;
        }
        for oid in self.ping_sets.expire(self.now) {
            self.exporter.abandoned(oid, self.now);
        }
        let held = self.ping_sets.held();
        let dead = self.exporter.ends().filter(|(oid, end)| *end <= self.now && !held.contains(oid));
        let dead: Vec<u64> = dead.map(|(oid, _)| oid).collect();
        for oid in dead {
            self.stats.collected += 1;
            self.reclaim(oid);
        }
        self.expect_collection();
    }

    fn expect_collection(&mut self) {
        let held = self.ping_sets.held();
        let unheld = self.exporter.ends().filter(|(oid, _)| !held.contains(oid)).map(|(_, end)| end);
        self.collection = unheld.chain(self.ping_sets.next_due()).min();
    }

    /// Whether a lazy host has registered the interface with RPC.
    pub(crate) fn is_listening(&self, iid: &Guid) -> bool {
        match *iid {
            // Told with the activation, registered when somebody asks for a context by itself.
            guid::IID_IREM_UNKNOWN | guid::IID_IREM_UNKNOWN2 => self.stats.alter_contexts > 0,
            _ => self.exporter.is_listening(iid),
        }
    }

    pub(crate) fn count_call(&mut self, name: &'static str) {
        let count = self.stats.calls.entry(name).or_default();
        *count = count.saturating_add(1);
    }

    /// Writes octets, one at a time when the host is that slow.
    pub(crate) fn transmit(&mut self, conn: ConnId, mut data: Bytes) {
        let piece = if self.has(Fault::WriteOneOctet) { 1 } else { data.len() };
        while !data.is_empty() {
            let data = data.split_to(piece.min(data.len()));
            self.say(HostOutput::Transmit { conn, data });
        }
    }

    pub(crate) fn close(&mut self, conn: ConnId) {
        self.say(HostOutput::Close { conn });
    }

    pub(crate) fn reset(&mut self, conn: ConnId) {
        self.say(HostOutput::Reset { conn });
    }

    fn say(&mut self, output: HostOutput) {
        if self.config.latency.is_zero() {
            self.out.push_back(output);
        } else {
            self.under_way.push_back((self.now.saturating_add(self.config.latency), output));
        }
    }

    /// What was said long enough ago to be heard.
    pub(crate) fn say_what_is_due(&mut self) {
        while self.next_said().is_some_and(|due| due <= self.now) {
            self.out.extend(self.under_way.pop_front().map(|(_, output)| output));
        }
    }

    /// When something that was said is next due.
    pub(crate) fn next_said(&self) -> Option<Instant> {
        self.under_way.front().map(|(due, _)| *due)
    }
}
