//! The processes of the host that hold the session's objects: the one that activation told, and those that OXIDs lead to.

use crate::client::Error;
use crate::client::approach::{Announced, Approach};
use crate::client::link::{Link, Ticket};
use crate::client::world::World;
use crate::dcom::{self, References};
use crate::rpc::{Call, Done};
use crate::transport::TransportId;
use crate::wire::dcom::exporter::ResolveOxid2Response;
use crate::wire::dcom::rem_unknown::{RemInterfaceRef, RemRefsRequest};
use crate::wire::dcom::{ComVersion, OrpcThis, RemAddRef, RemRelease, StdObjRef};
use crate::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use crate::wire::{Guid, Interface, Operation as _};
use crate::wmi::ObjectCall;

/// One process ([MS-DCOM 3.1.1]) with which an association stands, and what is held of its objects.
pub(super) struct Exporter {
    pub(super) oxid: u64,
    pub(super) references: References,
    pub(super) link: Link,
    rem_unknown: Guid,
    version: ComVersion,
}

/// One to which the way is not over.
pub(super) struct Distant {
    pub(super) oxid: u64,
    pub(super) approach: Approach,
    rem_unknown: Guid,
    version: ComVersion,
}

impl Distant {
    /// Sets out for where the host's object resolver says that `oxid` is; `None` when it says nowhere.
    pub(super) fn new(oxid: u64, resolved: &ResolveOxid2Response, world: &mut World) -> Option<Self> {
        let approach = Approach::begin(resolved.bindings.as_ref()?, resolved.authn_hint, Announced::No, world)?;
        let version = ComVersion::V5_7.negotiate(resolved.version);
        Some(Self { oxid, approach, rem_unknown: resolved.ipid_rem_unknown, version })
    }

    /// The association stands.
    pub(super) fn arrive(self) -> Exporter {
        Exporter::new(self.oxid, self.rem_unknown, self.version, self.approach.into_link())
    }
}

impl Exporter {
    pub(super) fn new(oxid: u64, rem_unknown: Guid, version: ComVersion, link: Link) -> Self {
        Self { oxid, references: References::default(), link, rem_unknown, version }
    }

    /// What happened next on its association.
    fn next(&mut self, world: &mut World) -> Result<Option<Done<Ticket>>, Error> {
        self.link.next(world).map_err(|error| self.link.error(error, world))
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
    pub(super) distant: Vec<Distant>,
}

impl Exporters {
    pub(super) const fn new(first: Exporter) -> Self {
        Self { first, others: Vec::new(), distant: Vec::new() }
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

    /// Whether it is the transport of one that is not the first.
    pub(super) fn has_other(&self, transport: TransportId) -> bool {
        self.others.iter().any(|exporter| exporter.link.transport == transport)
            || self.distant.iter().any(|distant| distant.approach.transport() == transport)
    }

    /// How many there are beside the first.
    pub(super) fn beside(&self) -> usize {
        self.others.len() + self.distant.len()
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
        self.distant.iter().for_each(|distant| world.close(distant.approach.transport()));
    }
}

/// How many references are asked for where the host handed out none.
const ADDED_REFS: u32 = 5;
