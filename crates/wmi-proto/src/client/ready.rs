//! The phase in which commands run: calls, references, what answers mean.

mod namespaces;

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::BytesMut;

use crate::client::exporters::{Exporter, Exporters};
use crate::client::holdings::Holdings;
use crate::client::link::{Link, Ticket};
use crate::client::ready::namespaces::{Namespace, Place};
use crate::client::session::{Happened, fault};
use crate::client::signatures::{Description, Signatures};
use crate::client::verdict::{host_stops, lost_with};
use crate::client::work::{Waiter, Work};
use crate::client::world::World;
use crate::client::{CallId, Completion, Config, Error, ErrorKind, Event, QueryId, Stage};
use crate::dcom;
use crate::rpc::{Call, Done};
use crate::time::Instant;
use crate::transport::TransportId;
use crate::wire::cim::CimObject;
use crate::wire::dcom::{ComVersion, RemAddRef, StdObjRef};
use crate::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use crate::wire::{Guid, Interface, Reader};
use crate::wmi::{self, Context, Effect, Greeting};

/// What activation brought.
pub(super) struct Activated {
    pub(super) version: ComVersion,
    pub(super) oxid: u64,
    pub(super) rem_unknown: Guid,
    pub(super) login: StdObjRef,
}

pub(super) struct Ready {
    exporters: Exporters,
    login: StdObjRef,
    namespaces: Vec<Namespace>,
    signatures: Signatures,
    greeting: Greeting,
    /// When references that nobody needs are given back, several at once.
    release_due: Option<Instant>,
    /// OXIDs that the object resolver is to be asked for.
    unresolved: Vec<u64>,
}

impl Ready {
    pub(super) fn new(link: Link, activated: Activated, config: &Config) -> Self {
        let client = config.client_info.as_ref().map(|info| (info.machine.clone(), info.process));
        Self {
            exporters: Exporters::new(Exporter::new(activated.oxid, activated.rem_unknown, activated.version, link)),
            login: activated.login,
            namespaces: Vec::new(),
            signatures: Signatures::new(config.limits.max_signatures),
            greeting: Greeting::new(client, config.locale.clone()),
            release_due: None,
            unresolved: Vec::new(),
        }
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.exporters.distant.iter().map(|distant| distant.approach.deadline()).chain(self.release_due).min()
    }

    /// The transport of the process that was activated.
    pub(super) const fn transport(&self) -> TransportId {
        self.exporters.first.link.transport
    }

    /// The association stands: takes over the log-in object and begins what is waiting.
    pub(super) fn enter(&mut self, work: &mut Work, world: &mut World) -> Result<(), Error> {
        let login = self.login;
        self.exporters.first.adopt(&login, world)?;
        self.begin_waiting(work, world)?;
        // Without a call that would carry it, the host would wait for the end of the log-on.
        let link = &mut self.exporters.first.link;
        world.lend(link.transport, |cx| link.association.flush(cx));
        Ok(())
    }

    /// Begins commands whose namespace is open, and opens namespaces that commands wait for.
    pub(super) fn begin_waiting(&mut self, work: &mut Work, world: &mut World) -> Result<(), Error> {
        for (who, resource, namespace) in work.waiting() {
            let Some(services) = self.services(&resource, namespace, world)? else { continue };
            match who {
                Waiter::Query(id) => {
                    world.stage(Stage::Query);
                    if let Some(query) = work.queries.get_mut(id) {
                        query.exporter = services.oxid;
                    }
                    self.with_cursor(id, work, world, |cursor, cx| cursor.begin(services.ipid, cx))?;
                }
                Waiter::Call(id) => self.begin_call(id, services, &resource, work, world)?,
            }
        }
        Ok(())
    }

    /// The namespace of a call is open: sends it, or has the class described on which its method is.
    fn begin_call(
        &mut self,
        id: CallId,
        services: Place,
        resource: &str,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        let Some(call) = work.calls.get_mut(id) else { return Ok(()) };
        let Some(exporter) = self.exporters.get_mut(services.oxid) else { return Ok(()) };
        let mut class = None;
        if let Some(path) = call.machine.wanted_class() {
            match self.signatures.look_up(resource, path) {
                Description::Known(known) => class = Some(known),
                Description::Coming => {
                    call.machine.describe();
                    return Ok(());
                }
                Description::Unknown(number) => {
                    let request = wmi::signature_call(services.ipid, path, &exporter.this(world));
                    call.machine.describe();
                    world.stage(Stage::Signature);
                    return exporter.call(request, Ticket::Signature(number), world);
                }
            }
        }
        match call.machine.begin(services.ipid, class.as_deref(), &exporter.this(world)) {
            Ok(request) => {
                world.stage(call.stage());
                exporter.call(request, Ticket::Call(id), world)
            }
            Err(error) => {
                self.reply(id, Err(Error::new(Stage::Signature, error.into())), work, world);
                Ok(())
            }
        }
    }

    /// A fetch was asked for.
    pub(super) fn pull(&mut self, id: QueryId, work: &mut Work, world: &mut World) -> Result<(), Error> {
        self.with_cursor(id, work, world, |cursor, cx| cursor.pull(cx))
    }

    /// Octets of the process that was activated; `proceed` tells what they say.
    pub(super) fn hear(&mut self, data: BytesMut, world: &mut World) {
        self.exporters.first.link.receive(data, world);
    }

    pub(super) fn receive(&mut self, data: BytesMut, work: &mut Work, world: &mut World) -> Result<(), Error> {
        self.hear(data, world);
        self.proceed(work, world)
    }

    /// Carries out what the associations have to tell: about octets that arrived, and about calls that cannot be made.
    pub(super) fn proceed(&mut self, work: &mut Work, world: &mut World) -> Result<(), Error> {
        while self.proceed_once(work, world)? {}
        Ok(())
    }

    /// The same for one thing; says whether there was one.
    pub(super) fn proceed_once(&mut self, work: &mut Work, world: &mut World) -> Result<bool, Error> {
        let Some((oxid, done)) = self.exporters.next(world) else { return Ok(false) };
        self.done(oxid, done?, work, world)?;
        Ok(true)
    }

    fn done(&mut self, oxid: u64, done: Done<Ticket>, work: &mut Work, world: &mut World) -> Result<(), Error> {
        match done {
            Done::Bound => Ok(()),
            Done::Response { ticket, stub } => self.response(oxid, ticket, stub, work, world),
            Done::Fault { ticket, status, verified, executed } => {
                let kind = fault(status, verified);
                if let Ticket::Release(number) = ticket
                    && verified
                    && !executed
                    && let Some(exporter) = self.exporters.get_mut(oxid)
                {
                    // The host did not look at it, so it still counts on them being given back.
                    exporter.references.not_released(number);
                    self.release_due.get_or_insert(world.now.saturating_add(RELEASE_AGAIN));
                    return Ok(());
                }
                if let Ticket::Call(id) = ticket
                    && !executed
                    && lost_with(&ticket, &kind)
                    && let Some(call) = work.calls.get_mut(id)
                {
                    call.machine.not_executed();
                }
                self.refused(oxid, ticket, &kind, work, world)
            }
            Done::NoInterface(call) if call.interface == Interface::orpc(IID_IREM_UNKNOWN2) => {
                let Some(exporter) = self.exporters.get_mut(oxid) else { return Ok(()) };
                exporter.link.call(Call { interface: Interface::orpc(IID_IREM_UNKNOWN), ..call }, world)
            }
            Done::NoInterface(call) => {
                self.refused(oxid, call.ticket, &ErrorKind::NoInterface(call.interface), work, world)
            }
        }
    }

    fn response(
        &mut self,
        oxid: u64,
        ticket: Ticket,
        stub: Reader,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        match ticket {
            Ticket::Query(id, operation) => {
                if work.queries.get_mut(id).is_some() {
                    return self.with_cursor(id, work, world, |cursor, cx| cursor.answer(stub, cx));
                }
                // The query is gone; what its late answer hands out is given back.
                self.give_back_all(operation.references(stub), world);
                Ok(())
            }
            Ticket::Call(id) => {
                self.give_back_all(wmi::references(stub.clone()), world);
                let Some(call) = work.calls.get_mut(id) else { return Ok(()) };
                let stage = call.stage();
                let outcome = call.machine.answer(stub).map_err(|failure| Error::new(stage, failure.into()));
                let lost = outcome.as_ref().err().filter(|error| host_stops(&error.kind)).cloned();
                self.reply(id, outcome, work, world);
                lost.map_or(Ok(()), Err)
            }
            Ticket::Signature(number) => {
                self.give_back_all(wmi::references(stub.clone()), world);
                match wmi::signature(stub) {
                    Ok(class) => {
                        self.signatures.known(number, class);
                        self.begin_waiting(work, world)?;
                        self.signatures.trim();
                        Ok(())
                    }
                    Err(failure) => self.refused(oxid, ticket, &failure.into(), work, world),
                }
            }
            Ticket::Greeting => self.greeted(Some(stub), work, world),
            Ticket::Login(index) => self.logged_in(index, stub, work, world),
            Ticket::AddRef(ipid) => {
                let response = dcom::answer::<RemAddRef>(stub);
                let granted = response
                    .is_ok_and(|r| r.status.is_success() && r.results.first().is_none_or(|result| result.is_success()));
                if granted && self.exporters.get_mut(oxid).is_some_and(|exporter| exporter.added(ipid)) {
                    self.schedule_release(world);
                }
                Ok(())
            }
            Ticket::Release(number) => {
                self.released(oxid, number);
                Ok(())
            }
            Ticket::Activate | Ticket::Ping { .. } | Ticket::Resolve(_) => Ok(()),
        }
    }

    fn released(&mut self, oxid: u64, number: u32) {
        if let Some(exporter) = self.exporters.get_mut(oxid) {
            exporter.references.released(number);
        }
    }

    /// A call was refused: by a fault, by the bind, or by its own status.
    fn refused(
        &mut self,
        oxid: u64,
        ticket: Ticket,
        kind: &ErrorKind,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        if lost_with(&ticket, kind) {
            return Err(Error::new(world.stage.clone(), kind.clone()));
        }
        match ticket {
            Ticket::Login(index) => {
                self.denied(index, |namespace| Error::new(Stage::Login { namespace }, kind.clone()), work, world);
                Ok(())
            }
            Ticket::Greeting => self.greeted(None, work, world),
            Ticket::Call(id) => {
                let Some(call) = work.calls.get_mut(id) else { return Ok(()) };
                let error = Error::new(call.stage(), kind.clone());
                self.reply(id, Err(error), work, world);
                Ok(())
            }
            Ticket::Signature(number) => {
                let Some((resource, path)) = self.signatures.unknown(number) else { return Ok(()) };
                for id in work.calls.described_by(&resource, &path) {
                    self.reply(id, Err(Error::new(Stage::Signature, kind.clone())), work, world);
                }
                Ok(())
            }
            Ticket::Query(id, _) => {
                let Some(query) = work.queries.get_mut(id) else { return Ok(()) };
                let stage = query.stage();
                if let Some(copy) = query.cursor.lost_copy() {
                    self.finish(QueryId(copy), Err(Error::new(stage, kind.clone())), work, world);
                    return self.pull(id, work, world);
                }
                let made = !matches!(kind, ErrorKind::NoInterface(_));
                let mut goes_on = false;
                self.with_cursor(id, work, world, |cursor, cx| goes_on = cursor.refused(made, cx))?;
                if !goes_on {
                    self.finish(id, Err(Error::new(stage, kind.clone())), work, world);
                }
                Ok(())
            }
            // The references stay with the host, which collects them when the session ends.
            Ticket::Release(number) => {
                self.released(oxid, number);
                Ok(())
            }
            Ticket::AddRef(_) | Ticket::Activate | Ticket::Ping { .. } | Ticket::Resolve(_) => Ok(()),
        }
    }

    /// Ends a query, and copies of it that were not made, and lets go of what they held.
    pub(super) fn finish(
        &mut self,
        id: QueryId,
        outcome: Result<Completion, Error>,
        work: &mut Work,
        world: &mut World,
    ) {
        let copies = match &outcome {
            Ok(_) => Error::new(Stage::Query, ErrorKind::Cancelled),
            Err(error) => error.clone(),
        };
        for (removed, mut query) in work.queries.remove(id) {
            self.exporters.withdraw(|ticket| matches!(ticket, Ticket::Query(of, _) if *of == removed));
            for ipid in query.cursor.take_held() {
                self.drop_reference(ipid, world);
            }
            let outcome = if removed == id { outcome.clone() } else { Err(copies.clone()) };
            let outcome = outcome.map_err(|error| query.concerned(error));
            world.event(Event::QueryDone { query: removed, outcome });
        }
    }

    /// Ends a call.
    pub(super) fn reply(
        &mut self,
        id: CallId,
        outcome: Result<Option<CimObject>, Error>,
        work: &mut Work,
        world: &mut World,
    ) {
        if let Some(call) = work.calls.remove(id) {
            self.exporters.withdraw(|ticket| *ticket == Ticket::Call(id));
            world.event(Event::Reply { call: id, outcome: outcome.map_err(|error| call.concerned(error)) });
        }
    }

    pub(super) fn tick(&mut self, work: &mut Work, world: &mut World) -> Result<(), Error> {
        let on_the_way: Vec<_> = self.exporters.distant.iter().map(|distant| distant.approach.transport()).collect();
        for transport in on_the_way {
            self.other(transport, Happened::Tick, work, world)?;
        }
        if self.release_due.is_some_and(|due| due <= world.now) {
            self.release_due = None;
            self.release(world)?;
        }
        Ok(())
    }

    /// Gives everything back.
    pub(super) fn release_all(&mut self, world: &mut World) -> Result<(), Error> {
        self.exporters.iter_mut().for_each(|exporter| exporter.references.drop_all());
        self.release_due = None;
        self.release(world)
    }

    /// The objects that have been held since then and that the host counts on being told of.
    pub(super) fn objects(&self, since: Instant) -> BTreeSet<u64> {
        self.exporters.iter().flat_map(|exporter| exporter.references.objects(since)).collect()
    }

    /// What is held at this moment.
    pub(super) fn holdings(&self) -> Holdings {
        let held = |exporter: &Exporter| exporter.references.held();
        let counts = self.exporters.iter().map(|exporter| exporter.references.counts());
        let [references, owed] = counts.fold([0, 0], |[held, owed], [more, most]| [held + more, owed + most]);
        Holdings {
            objects: self.exporters.iter().flat_map(held).collect(),
            references,
            owed,
            namespaces: self.namespaces.len(),
            at_rest: self.exporters.is_idle(),
            ..Holdings::default()
        }
    }

    fn release(&mut self, world: &mut World) -> Result<(), Error> {
        self.exporters.iter_mut().try_for_each(|exporter| exporter.release(world))
    }

    /// Whether no answer is due.
    pub(super) fn is_idle(&self) -> bool {
        self.exporters.is_idle()
    }

    /// Closes all transports.
    pub(super) fn close(&self, world: &mut World) {
        self.exporters.close(world);
    }

    fn drop_reference(&mut self, ipid: Guid, world: &World) {
        self.exporters.iter_mut().for_each(|exporter| exporter.references.drop(ipid));
        self.schedule_release(world);
    }

    /// Nobody needs what was just handed out. What lives in a process that is not known cannot be given back.
    fn give_back(&mut self, std: &StdObjRef, world: &World) {
        if std.public_refs > 0
            && let Some(exporter) = self.exporters.get_mut(std.oxid)
        {
            exporter.references.give_back(std);
            self.schedule_release(world);
        }
    }

    fn give_back_all(&mut self, references: Vec<StdObjRef>, world: &World) {
        references.iter().for_each(|std| self.give_back(std, world));
    }

    fn schedule_release(&mut self, world: &World) {
        self.release_due.get_or_insert(world.now.saturating_add(RELEASE_DELAY));
    }

    /// The host made a copy of a query, or did not. A copy that nobody waits for any more is given back.
    fn cloned(
        &mut self,
        oxid: u64,
        copy: QueryId,
        outcome: Result<StdObjRef, wmi::Failure>,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        let kind = match outcome {
            Ok(std) if std.oxid != oxid => ErrorKind::Misbehaved(OTHER_EXPORTER),
            Ok(std) if work.queries.get_mut(copy).is_some() => {
                if let Some(copy) = work.queries.get_mut(copy) {
                    copy.exporter = oxid;
                }
                return self.with_cursor(copy, work, world, |cursor, cx| cursor.made(std, cx));
            }
            Ok(std) => {
                self.give_back(&std, world);
                return Ok(());
            }
            Err(failure) => failure.into(),
        };
        self.finish(copy, Err(Error::new(Stage::Query, kind)), work, world);
        Ok(())
    }

    /// Lets a cursor work and carries out what it wants.
    fn with_cursor(
        &mut self,
        id: QueryId,
        work: &mut Work,
        world: &mut World,
        act: impl FnOnce(&mut wmi::Cursor, &mut Context<'_>),
    ) -> Result<(), Error> {
        let Some(query) = work.queries.get_mut(id) else { return Ok(()) };
        let (before, oxid) = (query.stage(), query.exporter);
        let Some(exporter) = self.exporters.get_mut(oxid) else { return Ok(()) };
        let this = exporter.this(world);
        let mut effects = Vec::new();
        let mut cx = Context { now: world.now, this: &this, entropy: world.entropy.as_mut(), effects: &mut effects };
        act(&mut query.cursor, &mut cx);
        for effect in effects {
            let Some(exporter) = self.exporters.get_mut(oxid) else { return Ok(()) };
            match effect {
                Effect::Call(operation, call) => {
                    world.stage(operation.step().into());
                    exporter.call(call, Ticket::Query(id, operation), world)?;
                }
                Effect::Adopt(std) if std.oxid == oxid => exporter.adopt(&std, world)?,
                Effect::Adopt(_) => {
                    let error = Error::new(before.clone(), ErrorKind::Misbehaved(OTHER_EXPORTER));
                    self.finish(id, Err(error), work, world);
                    return Ok(());
                }
                Effect::Rows(rows) => world.event(Event::Batch { query: id, rows }),
                Effect::Reset => world.event(Event::Reset { query: id }),
                Effect::Skipped => world.event(Event::Skipped { query: id }),
                Effect::AtEnd => world.event(Event::AtEnd { query: id }),
                Effect::Cloned(copy, outcome) => self.cloned(oxid, QueryId(copy), outcome, work, world)?,
                Effect::Release => {
                    let held = work.queries.get_mut(id).map(|query| query.cursor.take_held()).unwrap_or_default();
                    held.into_iter().for_each(|ipid| self.drop_reference(ipid, world));
                }
                Effect::Done(outcome) => {
                    let outcome = outcome
                        .map(|end| Completion { rows: end.rows, notice: end.notice })
                        .map_err(|failure| Error::new(before.clone(), failure.into()));
                    let lost = outcome.as_ref().err().filter(|error| host_stops(&error.kind)).cloned();
                    self.finish(id, outcome, work, world);
                    lost.map_or(Ok(()), Err)?;
                }
            }
        }
        Ok(())
    }
}

/// How long dropped references are collected before they are given back in one call.
const RELEASE_DELAY: Duration = Duration::from_millis(100);

/// How long a host is left alone that did not look at a RemRelease.
const RELEASE_AGAIN: Duration = Duration::from_secs(1);

const OTHER_EXPORTER: &str = "an object that lives in a process where none of it is expected";
