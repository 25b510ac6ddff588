//! The processes of the host that hold the session's objects: the one that activation told, and those that OXIDs lead to.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::auth::AuthLevel;
use crate::client::establish::{OBJECT_INTERFACES, candidates, principal, refuses_interfaces};
use crate::client::link::{Link, Ticket};
use crate::client::session::Happened;
use crate::client::world::World;
use crate::client::{Error, ErrorKind};
use crate::dcom::{self, References};
use crate::rpc::{Call, Done};
use crate::time::Instant;
use crate::transport::{Target, TransportFailure, TransportId};
use crate::wire::dcom::exporter::ResolveOxid2Response;
use crate::wire::dcom::rem_unknown::{RemInterfaceRef, RemRefsRequest};
use crate::wire::dcom::{ComVersion, OrpcThis, RemAddRef, RemRelease, StdObjRef};
use crate::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use crate::wire::{Guid, Interface, Operation as _};
use crate::wmi::ObjectCall;

/// One process ([MS-DCOM 3.1.1]), with what is held of its objects.
pub(super) struct Exporter {
    pub(super) oxid: u64,
    pub(super) references: References,
    pub(super) link: Link,
    rem_unknown: Guid,
    version: ComVersion,
    /// Until its association stands.
    opening: Option<Opening>,
}

struct Opening {
    deadline: Instant,
    principal: String,
    level: AuthLevel,
    target: Target,
    /// Where else it may be.
    candidates: VecDeque<Target>,
    /// Whether the bind offers one interface only, because the host refused many.
    single: bool,
}

impl Exporter {
    /// The exporter behind an association that stands.
    pub(super) fn new(oxid: u64, rem_unknown: Guid, version: ComVersion, link: Link) -> Self {
        Self { oxid, references: References::default(), link, rem_unknown, version, opening: None }
    }

    /// Opens a transport to where the host's object resolver says that `oxid` is.
    pub(super) fn open(oxid: u64, resolved: &ResolveOxid2Response, world: &mut World) -> Result<Self, ErrorKind> {
        const NOWHERE: ErrorKind = ErrorKind::Misbehaved("the host told no TCP port of another process with objects");
        let bindings = resolved.bindings.as_ref().ok_or(NOWHERE)?;
        let mut candidates = candidates(bindings, world);
        let target = candidates.pop_front().ok_or(NOWHERE)?;
        let level = if resolved.authn_hint >= 6 { AuthLevel::Privacy } else { world.config.auth_level };
        let principal = principal(bindings, world);
        let link = Link::open(target.clone(), &principal, level, &OBJECT_INTERFACES, world);
        let deadline = world.now.saturating_add(world.config.connect_timeout);
        let version = ComVersion::V5_7.negotiate(resolved.version);
        let opening = Some(Opening { deadline, principal, level, target, candidates, single: false });
        Ok(Self { opening, ..Self::new(oxid, resolved.ipid_rem_unknown, version, link) })
    }

    pub(super) const fn is_open(&self) -> bool {
        self.opening.is_none()
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.opening.as_ref().map(|opening| opening.deadline)
    }

    /// Something happened on its transport. Octets are looked at by `next`.
    pub(super) fn handle(&mut self, happened: Happened, world: &mut World) -> Result<(), ErrorKind> {
        match (happened, &mut self.opening) {
            (Happened::Opened, Some(opening)) => {
                opening.deadline = world.now.saturating_add(world.config.handshake_timeout);
                self.link.start(world);
            }
            (Happened::Received(data), _) => self.receive(data, world),
            (Happened::Closed(failure), Some(_)) if !self.link.connected => {
                return self.elsewhere(failure.unwrap_or(TransportFailure::Other), world);
            }
            (Happened::Closed(_), Some(Opening { single: false, .. })) => self.once_more(world),
            (Happened::Closed(failure), _) => {
                return Err(failure.map_or(ErrorKind::Disconnected, ErrorKind::Transport));
            }
            (Happened::Tick, Some(opening)) if world.now >= opening.deadline => {
                world.abort(self.link.transport);
                if self.link.connected {
                    return Err(ErrorKind::TimedOut);
                }
                return self.elsewhere(TransportFailure::TimedOut, world);
            }
            (Happened::Opened | Happened::Tick | Happened::Close, _) => {}
        }
        Ok(())
    }

    pub(super) fn receive(&mut self, data: BytesMut, world: &mut World) {
        self.link.receive(data, world);
    }

    /// What happened next on its association.
    pub(super) fn next(&mut self, world: &mut World) -> Result<Option<Done<Ticket>>, Error> {
        let done = match self.link.next(world) {
            Err(error)
                if self.opening.as_ref().is_some_and(|opening| !opening.single) && refuses_interfaces(&error) =>
            {
                world.abort(self.link.transport);
                self.once_more(world);
                None
            }
            result => result.map_err(|error| self.link.error(error, world))?,
        };
        if done == Some(Done::Bound) {
            self.opening = None;
        }
        Ok(done)
    }

    fn elsewhere(&mut self, failure: TransportFailure, world: &mut World) -> Result<(), ErrorKind> {
        let Some(opening) = &mut self.opening else { return Ok(()) };
        let target = opening.candidates.pop_front().ok_or(ErrorKind::Transport(failure))?;
        opening.target = target;
        self.reopen(world);
        Ok(())
    }

    /// The same place with one interface: some hosts cannot take many in one bind, and not all of them say so.
    fn once_more(&mut self, world: &mut World) {
        if let Some(opening) = &mut self.opening {
            opening.single = true;
        }
        self.reopen(world);
    }

    fn reopen(&mut self, world: &mut World) {
        let Some(opening) = &mut self.opening else { return };
        opening.deadline = world.now.saturating_add(world.config.connect_timeout);
        // Of a process without the log-in object, namespaces are what is asked for.
        let interfaces = if opening.single { &OBJECT_INTERFACES[1..2] } else { &OBJECT_INTERFACES[..] };
        self.link = Link::open(opening.target.clone(), &opening.principal, opening.level, interfaces, world);
    }

    pub(super) fn this(&self, world: &mut World) -> OrpcThis {
        world.this(self.version)
    }

    pub(super) fn call(&mut self, call: ObjectCall, ticket: Ticket, world: &mut World) -> Result<(), Error> {
        let (interface, object) = call.object.unwrap_or_else(|| (self.remote_unknown(), self.rem_unknown));
        let (awaited, patient) = (!matches!(ticket, Ticket::Release(_)), ticket.is_patient());
        let (object, ObjectCall { opnum, stub, .. }) = (Some(object), call);
        self.link.call(Call { ticket, interface, object, opnum, stub, awaited, patient }, world)
    }

    /// Takes references over; where the host handed out none, asks for some before anything else is asked.
    pub(super) fn adopt(&mut self, std: &StdObjRef, world: &mut World) -> Result<(), Error> {
        if self.references.adopt(std, world.now) {
            let refs = vec![RemInterfaceRef { ipid: std.ipid, public_refs: ADDED_REFS, private_refs: 0 }];
            let stub = dcom::stub::<RemAddRef>(&self.this(world), &RemRefsRequest { refs });
            let call = ObjectCall { object: None, opnum: RemAddRef::OPNUM, stub };
            self.call(call, Ticket::AddRef(std.ipid), world)?;
        }
        Ok(())
    }

    /// RemAddRef was answered with so many. Says whether they are to be given back.
    pub(super) fn added(&mut self, ipid: Guid) -> bool {
        self.references.added(ipid, ADDED_REFS)
    }

    /// Gives back what was dropped.
    pub(super) fn release(&mut self, world: &mut World) -> Result<(), Error> {
        let Some((number, refs)) = self.references.take_dropped() else { return Ok(()) };
        let stub = dcom::stub::<RemRelease>(&self.this(world), &RemRefsRequest { refs });
        self.call(ObjectCall { object: None, opnum: RemRelease::OPNUM, stub }, Ticket::Release(number), world)
    }

    /// IRemUnknown2 is what Windows binds; the older one where the host accepted only that.
    fn remote_unknown(&self) -> Interface {
        let (new, old) = (Interface::orpc(IID_IREM_UNKNOWN2), Interface::orpc(IID_IREM_UNKNOWN));
        let association = &self.link.association;
        let has = |interface| association.accepted(interface);
        if !has(&new) && (has(&old) || association.refused(&new)) { old } else { new }
    }
}

/// All of them.
pub(super) struct Exporters {
    /// The one with the log-in object.
    pub(super) first: Exporter,
    pub(super) others: Vec<Exporter>,
}

impl Exporters {
    pub(super) const fn new(first: Exporter) -> Self {
        Self { first, others: Vec::new() }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Exporter> {
        core::iter::once(&self.first).chain(&self.others)
    }

    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Exporter> {
        core::iter::once(&mut self.first).chain(&mut self.others)
    }

    pub(super) fn get_mut(&mut self, oxid: u64) -> Option<&mut Exporter> {
        self.iter_mut().find(|exporter| exporter.oxid == oxid)
    }

    /// One of the others, by its transport.
    pub(super) fn other(&mut self, transport: TransportId) -> Option<&mut Exporter> {
        self.others.iter_mut().find(|exporter| exporter.link.transport == transport)
    }

    /// Takes out one that cannot be opened.
    pub(super) fn remove(&mut self, oxid: u64) {
        self.others.retain(|exporter| exporter.oxid != oxid);
    }

    /// What happened next, and where.
    pub(super) fn next(&mut self, world: &mut World) -> Option<(u64, Result<Done<Ticket>, Error>)> {
        self.iter_mut().find_map(|exporter| Some((exporter.oxid, exporter.next(world).transpose()?)))
    }

    /// Forgets calls that were not sent.
    pub(super) fn withdraw(&mut self, whose: impl Fn(&Ticket) -> bool) {
        self.iter_mut().for_each(|exporter| exporter.link.association.withdraw(&whose));
    }

    /// Whether no answer is due.
    pub(super) fn is_idle(&self) -> bool {
        self.iter().all(|exporter| exporter.link.association.is_idle())
    }

    pub(super) fn close(&self, world: &mut World) {
        self.iter().for_each(|exporter| world.close(exporter.link.transport));
    }
}

/// How many references are asked for where the host handed out none.
const ADDED_REFS: u32 = 5;
