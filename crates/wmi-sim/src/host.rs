//! The host as a whole: which connections there are, what each input does to them, and answers that are not due yet.

use core::fmt;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use wmi_proto::cim::CimValue;
use wmi_proto::wire::{Guid, WireError};
use wmi_proto::{Entropy, FileTime, Instant, Role};

use crate::connection::{Arrival, Call, Connection, ReplyTo};
use crate::dispatch::{self, Later, NCA_S_FAULT_CANCEL, Outcome};
use crate::enumeration;
use crate::machine::Machine;
use crate::registry::{Data, Place};
use crate::repository::Repository;
use crate::{ConnId, Fault, HostConfig, HostInput, HostOutput, HostStats};

/// A simulated Windows host. Does no I/O.
///
/// Do one thing (an input or a timeout), then call [`Host::poll_output`] until `None`, then wait for input or until
/// [`Host::poll_timeout`].
pub struct Host {
    pub(crate) machine: Machine,
    connections: BTreeMap<ConnId, Connection>,
    /// Answers that are not due yet, by time and then by order.
    waiting: BTreeMap<(Instant, u64), (ReplyTo, Later)>,
    waited: u64,
}

impl Host {
    /// A host without connections. `wall` is the time at `now`, unless `config` says otherwise.
    #[must_use]
    pub fn new(config: HostConfig, entropy: Box<dyn Entropy>, now: Instant, wall: FileTime) -> Self {
        let wall = config.clock.unwrap_or(wall);
        let mut repository = Repository::of(config.profile, config.rows, wall).named(&config.name);
        if config.faults.contains(&Fault::CountersJump) {
            repository = repository.with_jumps();
        }
        if config.faults.contains(&Fault::NetConnectionsOf2012) {
            repository = repository.with_connections_of_2012(config.profile);
        }
        let machine = Machine::new(config, repository, entropy, now, wall);
        Self { machine, connections: BTreeMap::new(), waiting: BTreeMap::new(), waited: 0 }
    }

    /// For tests: `hook` sees the stub of every response, and may change it, before it is signed and sealed. So a client
    /// can be given anything by a peer whose signatures are good.
    pub fn on_stub(&mut self, hook: impl FnMut(&mut BytesMut) + Send + 'static) {
        self.machine.on_stub = Some(Box::new(hook));
    }

    /// Tells the host what happened on a connection. What the peer did wrong comes out as an output.
    pub fn handle_input(&mut self, input: HostInput, now: Instant) {
        self.machine.advance(now);
        self.machine.collect();
        match input {
            HostInput::Accepted { conn, role, port } => {
                self.machine.stats.connections += 1;
                self.connections.insert(conn, Connection::new(conn, role, port));
            }
            HostInput::Received { conn, data } => self.received(conn, data),
            HostInput::Closed { conn } => self.forget(conn),
        }
    }

    /// Tells the host that time passed. Early calls do nothing.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.machine.advance(now);
        self.machine.collect();
        self.machine.say_what_is_due();
        while let Some(entry) = self.waiting.first_entry()
            && entry.key().0 <= self.machine.now()
        {
            let (reply_to, later) = entry.remove();
            let outcome = match later {
                Later::Reply(stub, damage) => Outcome::Reply(stub, damage),
                Later::Next(pending) => enumeration::complete(pending, &mut self.machine),
                Later::Rest(rest) => Outcome::Rest(rest),
            };
            self.settle(reply_to, outcome);
        }
    }

    /// The next thing that the runtime must do; `None` means drained.
    #[must_use]
    pub fn poll_output(&mut self) -> Option<HostOutput> {
        self.machine.out.pop_front()
    }

    /// When [`Host::handle_timeout`] is next due; `None` means never.
    #[must_use]
    pub fn poll_timeout(&self) -> Option<Instant> {
        let answer = self.waiting.keys().next().map(|(due, _)| *due);
        [answer, self.machine.collection(), self.machine.next_said()].into_iter().flatten().min()
    }

    /// Objects that a client still holds a reference to.
    #[must_use]
    pub fn alive_objects(&self) -> usize {
        self.machine.exporter.alive()
    }

    /// Public references that clients still hold, all objects together.
    #[must_use]
    pub fn public_refs(&self) -> u64 {
        self.machine.exporter.public_refs()
    }

    /// The identifiers of the objects that live, whoever holds them.
    #[must_use]
    pub fn objects(&self) -> BTreeSet<u64> {
        self.machine.exporter.oids()
    }

    /// The public references to each interface pointer, by its IPID.
    #[must_use]
    pub fn references(&self) -> BTreeMap<Guid, u64> {
        self.machine.exporter.references()
    }

    /// The ping sets, and the objects that each keeps alive.
    #[must_use]
    pub fn ping_sets(&self) -> BTreeMap<u64, BTreeSet<u64>> {
        self.machine.ping_sets.contents()
    }

    /// The machine that is simulated, to look at without the protocol.
    #[must_use]
    pub const fn repository(&self) -> &Repository {
        &self.machine.repository
    }

    /// Sets values of a registry key of the 64-bit view, which is made when it is not there: what a set-up does. Text
    /// becomes REG_SZ, uint32 REG_DWORD, uint64 REG_QWORD. `root` is the number of the root, HKEY_LOCAL_MACHINE's for
    /// example 0x80000002.
    ///
    /// # Panics
    /// When a value has another type.
    pub fn set_registry(&mut self, root: u32, path: &str, values: &[(&str, CimValue)]) {
        for (name, value) in values {
            let data = match value {
                CimValue::String(text) => Data::Text(text.to_str().into_owned()),
                CimValue::Uint32(number) => Data::Dword(*number),
                CimValue::Uint64(number) => Data::Qword(*number),
                other => panic!("{name}: {other:?} is not for the registry"),
            };
            self.machine.registry.set(Place { root, path, wow: false }, name, data);
        }
    }

    /// Removes a registry key of the 64-bit view that has no keys below it: what a program's removal does. Whether it
    /// was there.
    pub fn delete_registry(&mut self, root: u32, path: &str) -> bool {
        self.machine.registry.delete(Place { root, path, wow: false }) == 0
    }

    /// What the host has seen so far.
    #[must_use]
    pub const fn stats(&self) -> &HostStats {
        &self.machine.stats
    }

    /// The configuration it was made with.
    #[must_use]
    pub const fn config(&self) -> &HostConfig {
        &self.machine.config
    }

    /// Whether the host accepts connections at `port` for `role` at this moment; the activator's port may be any.
    #[must_use]
    pub fn is_listening(&self, role: Role, port: u16, now: Instant) -> bool {
        now >= self.machine.listens_from
            && (role == Role::Activator || self.machine.processes.iter().any(|process| process.port == port))
    }

    /// The connections at the listeners of `role`.
    pub(crate) fn connections_at(&self, role: Role) -> Vec<ConnId> {
        self.connections.values().filter(|connection| connection.role == role).map(|connection| connection.id).collect()
    }

    fn received(&mut self, conn: ConnId, data: BytesMut) {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return;
        };
        connection.framer.push(data);
        // The connection may end with any PDU.
        while let Some(arrival) = self.next_arrival(conn).transpose() {
            match arrival {
                Ok(arrival) => self.arrived(conn, arrival),
                Err(_) => self.close(conn),
            }
        }
    }

    fn next_arrival(&mut self, conn: ConnId) -> Result<Option<Arrival>, WireError> {
        let Some(connection) = self.connections.get_mut(&conn) else {
            return Ok(None);
        };
        let Some((header, pdu)) = connection.framer.next()? else {
            return Ok(None);
        };
        connection.handle(&header, pdu, &mut self.machine).map(Some)
    }

    fn arrived(&mut self, conn: ConnId, arrival: Arrival) {
        match arrival {
            Arrival::Nothing => {}
            Arrival::Call(call) => self.call(&call),
            Arrival::Refused(reply_to, status) => self.settle(reply_to, Outcome::Fault(status)),
            Arrival::Tampered(reply_to, status) => {
                self.settle(reply_to, Outcome::Fault(status));
                self.close(conn);
            }
            Arrival::Cancelled(call_id) => {
                if let Some(reply_to) = self.abandon(conn, call_id) {
                    self.settle(reply_to, Outcome::Fault(NCA_S_FAULT_CANCEL));
                }
            }
            Arrival::Orphaned(call_id) => {
                self.abandon(conn, call_id);
            }
            Arrival::Reset => {
                self.machine.reset(conn);
                self.forget(conn);
            }
            Arrival::Over => self.close(conn),
        }
    }

    fn call(&mut self, call: &Call) {
        let outcome = dispatch::call(call, &mut self.machine);
        self.settle(call.reply_to, outcome);
    }

    fn settle(&mut self, reply_to: ReplyTo, outcome: Outcome) {
        let Some(connection) = self.connections.get_mut(&reply_to.conn) else {
            return;
        };
        match outcome {
            Outcome::Reply(stub, damage) => {
                let rest = connection.respond(reply_to, stub, damage, &mut self.machine);
                self.follow(reply_to, rest);
            }
            Outcome::Rest(rest) => {
                let rest = connection.continue_with(reply_to, rest, &mut self.machine);
                self.follow(reply_to, rest);
            }
            Outcome::Fault(status) => connection.fault(reply_to, status, &mut self.machine),
            Outcome::UnsignedFault(status) => {
                connection.fault(ReplyTo { security: None, ..reply_to }, status, &mut self.machine);
            }
            Outcome::Later(due, later) => self.wait(due, reply_to, later),
            Outcome::Silence => {}
            Outcome::Reset => {
                self.machine.reset(reply_to.conn);
                self.forget(reply_to.conn);
            }
        }
    }

    fn wait(&mut self, due: Instant, reply_to: ReplyTo, later: Later) {
        self.waited = self.waited.wrapping_add(1);
        self.waiting.insert((due, self.waited), (reply_to, later));
    }

    /// The rest of an answer follows a moment later, so that others come in between.
    fn follow(&mut self, reply_to: ReplyTo, rest: Option<Bytes>) {
        if let Some(rest) = rest {
            self.wait(self.machine.now().saturating_add(BETWEEN_FRAGMENTS), reply_to, Later::Rest(rest));
        }
    }

    /// Takes the pending answer to a call out, unless it has begun.
    fn abandon(&mut self, conn: ConnId, call_id: u32) -> Option<ReplyTo> {
        let is_it = |(reply_to, later): &(ReplyTo, Later)| {
            reply_to.conn == conn && reply_to.call_id == call_id && !matches!(later, Later::Rest(_))
        };
        let key = self.waiting.iter().find(|(_, waiting)| is_it(waiting)).map(|(key, _)| *key)?;
        self.waiting.remove(&key).map(|(reply_to, _)| reply_to)
    }

    fn close(&mut self, conn: ConnId) {
        self.machine.close(conn);
        self.forget(conn);
    }

    /// Objects outlive the connection: they are the exporter's, and go when they are released.
    pub(crate) fn forget(&mut self, conn: ConnId) {
        self.connections.remove(&conn);
        self.waiting.retain(|_, (reply_to, _)| reply_to.conn != conn);
    }
}

/// How long a host that lets answers come in between takes from one fragment to the next.
const BETWEEN_FRAGMENTS: Duration = Duration::from_millis(1);

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("config", &self.machine.config)
            .field("connections", &self.connections.keys())
            .field("alive_objects", &self.alive_objects())
            .field("stats", &self.machine.stats)
            .finish_non_exhaustive()
    }
}
