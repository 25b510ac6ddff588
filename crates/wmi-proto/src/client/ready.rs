//! The phase in which commands run: namespaces, calls, references.

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::BytesMut;

use crate::auth::AuthLevel;
use crate::client::exporters::{Exporter, Exporters};
use crate::client::holdings::Holdings;
use crate::client::link::{Link, Ticket};
use crate::client::session::{Happened, fault, is_final};
use crate::client::signatures::{Description, Signatures};
use crate::client::work::{Waiter, Work};
use crate::client::world::World;
use crate::client::{CallId, Completion, Config, Error, ErrorKind, Event, QueryId, Stage};
use crate::dcom;
use crate::rpc::{Call, Done};
use crate::time::Instant;
use crate::transport::TransportId;
use crate::wire::cim::CimObject;
use crate::wire::dcom::exporter::ResolveOxid2Response;
use crate::wire::dcom::{ComVersion, RemAddRef, StdObjRef};
use crate::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use crate::wire::wmi::NtlmLogin;
use crate::wire::wmi::login::NtlmLoginRequest;
use crate::wire::{FaultStatus, Guid, HResult, Interface, Operation as _, Reader};
use crate::wmi::{self, Context, Effect, Greet, Greeting, ObjectCall};

/// What activation brought.
pub(super) struct Activated {
    pub(super) level: AuthLevel,
    /// Whom to log on to at the object server.
    pub(super) principal: String,
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

struct Namespace {
    resource: String,
    state: NamespaceState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NamespaceState {
    Outside,
    Entering,
    /// The host is asked where the object of this namespace lives, or a connection is on its way there.
    Elsewhere(StdObjRef),
    Inside(Place),
}

/// An object, and the OXID of the process that holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    ipid: Guid,
    oxid: u64,
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
        self.exporters.iter().filter_map(Exporter::deadline).chain(self.release_due).min()
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

    /// The services of a namespace, unless they are yet to come.
    fn services(&mut self, resource: &str, namespace: String, world: &mut World) -> Result<Option<Place>, Error> {
        let index = self.namespace(resource);
        match self.namespaces.get(index).map(|entry| entry.state) {
            None | Some(NamespaceState::Entering | NamespaceState::Elsewhere(_)) => Ok(None),
            Some(NamespaceState::Inside(services)) => Ok(Some(services)),
            Some(NamespaceState::Outside) => {
                world.stage(Stage::Login { namespace });
                let login = self.login.ipid;
                if !self.greeting.is_over() {
                    let next = self.greeting.greet(login, &self.exporters.first.this(world));
                    if !self.greet(next, world)? {
                        return Ok(None);
                    }
                }
                self.enter_state(index, NamespaceState::Entering);
                let request = NtlmLoginRequest {
                    network_resource: Some(resource.to_owned()),
                    preferred_locale: self.greeting.locale(),
                    ..NtlmLoginRequest::default()
                };
                let stub = dcom::stub::<NtlmLogin>(&self.exporters.first.this(world), &request);
                let object = Some((NtlmLogin::INTERFACE, login));
                let call = ObjectCall { object, opnum: NtlmLogin::OPNUM, stub };
                self.exporters.first.call(call, Ticket::Login(index), world)?;
                Ok(None)
            }
        }
    }

    fn enter_state(&mut self, index: usize, state: NamespaceState) {
        if let Some(entry) = self.namespaces.get_mut(index) {
            entry.state = state;
        }
    }

    /// Carries out what the greeting wants. Says whether it is over.
    fn greet(&mut self, next: Greet, world: &mut World) -> Result<bool, Error> {
        match next {
            Greet::Call(call) => self.exporters.first.call(call, Ticket::Greeting, world)?,
            // Not an object that this session can call: the host is told nothing.
            Greet::Hold(std, _) if std.oxid != self.exporters.first.oxid => {
                let this = self.exporters.first.this(world);
                let next = self.greeting.answer(None, self.login.ipid, &this);
                return self.greet(next, world);
            }
            Greet::Hold(std, call) => {
                self.exporters.first.adopt(&std, world)?;
                self.exporters.first.call(call, Ticket::Greeting, world)?;
            }
            Greet::Wait => {}
            Greet::LogIn => return Ok(true),
        }
        Ok(false)
    }

    /// The host answered the greeting, or refused it.
    fn greeted(&mut self, stub: Option<Reader>, work: &mut Work, world: &mut World) -> Result<(), Error> {
        if let Some(ipid) = self.greeting.held() {
            self.drop_reference(ipid, world);
        }
        let next = self.greeting.answer(stub, self.login.ipid, &self.exporters.first.this(world));
        if self.greet(next, world)? { self.begin_waiting(work, world) } else { Ok(()) }
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

    /// Octets of the process that was activated.
    pub(super) fn receive(&mut self, data: BytesMut, work: &mut Work, world: &mut World) -> Result<(), Error> {
        self.exporters.first.receive(data, world);
        self.proceed(work, world)
    }

    /// Whether it is the transport of another process with objects.
    pub(super) fn has_other(&self, transport: TransportId) -> bool {
        self.exporters.others.iter().any(|exporter| exporter.link.transport == transport)
    }

    /// Something happened on the transport of another process with objects.
    pub(super) fn other(
        &mut self,
        transport: TransportId,
        happened: Happened,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        let Some(exporter) = self.exporters.other(transport) else { return Ok(()) };
        let (oxid, is_open) = (exporter.oxid, exporter.is_open());
        match exporter.handle(happened, world) {
            Ok(()) => self.proceed(work, world),
            Err(kind) if is_open || is_final(&kind) => Err(Error::new(world.stage.clone(), kind)),
            Err(kind) => self.unreachable(oxid, &kind, work, world),
        }
    }

    /// Carries out what the associations have to tell: about octets that arrived, and about calls that cannot be made.
    pub(super) fn proceed(&mut self, work: &mut Work, world: &mut World) -> Result<(), Error> {
        while let Some((oxid, done)) = self.exporters.next(world) {
            match done {
                Ok(done) => self.done(oxid, done, work, world)?,
                Err(error) => match self.exporters.get_mut(oxid).filter(|exporter| !exporter.is_open()) {
                    Some(exporter) if !is_final(&error.kind) => {
                        world.abort(exporter.link.transport);
                        self.unreachable(oxid, &error.kind, work, world)?;
                    }
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    fn done(&mut self, oxid: u64, done: Done<Ticket>, work: &mut Work, world: &mut World) -> Result<(), Error> {
        match done {
            Done::Bound => self.arrived(oxid, work, world),
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

    fn logged_in(&mut self, index: usize, stub: Reader, work: &mut Work, world: &mut World) -> Result<(), Error> {
        let services = match dcom::answer::<NtlmLogin>(stub) {
            Err(error) => Err(ErrorKind::Malformed(error)),
            Ok(response) if !response.status.is_success() => Err(ErrorKind::Status(response.status)),
            Ok(response) => match response.pointer.as_ref().map(|pointer| pointer.std()) {
                Some(Ok(std)) => Ok(std),
                Some(Err(error)) => Err(ErrorKind::Malformed(error)),
                None => Err(ErrorKind::Misbehaved("log-in succeeded without an object")),
            },
        };
        match services {
            Ok(std) => {
                self.enter_state(index, NamespaceState::Elsewhere(std));
                match self.exporters.get_mut(std.oxid) {
                    Some(exporter) if exporter.is_open() => self.arrived(std.oxid, work, world),
                    Some(_) => Ok(()),
                    None => {
                        self.unresolved.push(std.oxid);
                        Ok(())
                    }
                }
            }
            Err(kind) => self.refused(self.exporters.first.oxid, Ticket::Login(index), &kind, work, world),
        }
    }

    /// The OXIDs of processes that nobody has located yet ([MS-DCOM 3.2.4.1.2.3]); they are told once.
    pub(super) fn take_unresolved(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.unresolved)
    }

    /// The object resolver told where a process is, or that it does not know.
    pub(super) fn resolved(
        &mut self,
        oxid: u64,
        answer: Result<ResolveOxid2Response, ErrorKind>,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        let opened = answer.and_then(|response| match response.status {
            _ if self.exporters.others.len() >= MAX_OTHERS => Err(ErrorKind::Misbehaved(OTHER_EXPORTER)),
            FaultStatus(0) => Exporter::open(oxid, &response, world),
            status => Err(ErrorKind::Fault(status)),
        });
        match opened {
            Ok(exporter) => {
                self.exporters.others.push(exporter);
                Ok(())
            }
            Err(kind) => self.unreachable(oxid, &kind, work, world),
        }
    }

    /// The association with a process stands: takes over the namespaces that live there.
    fn arrived(&mut self, oxid: u64, work: &mut Work, world: &mut World) -> Result<(), Error> {
        let Some(exporter) = self.exporters.get_mut(oxid) else { return Ok(()) };
        for namespace in &mut self.namespaces {
            if let NamespaceState::Elsewhere(std) = namespace.state
                && std.oxid == oxid
            {
                exporter.adopt(&std, world)?;
                namespace.state = NamespaceState::Inside(Place { ipid: std.ipid, oxid });
            }
        }
        self.begin_waiting(work, world)?;
        if let Some(Exporter { link, .. }) = self.exporters.get_mut(oxid) {
            world.lend(link.transport, |cx| link.association.flush(cx));
        }
        Ok(())
    }

    /// A process with objects cannot be reached: what waits for a namespace there learns why.
    fn unreachable(&mut self, oxid: u64, kind: &ErrorKind, work: &mut Work, world: &mut World) -> Result<(), Error> {
        self.exporters.remove(oxid);
        let lives_there =
            |namespace: &Namespace| matches!(namespace.state, NamespaceState::Elsewhere(std) if std.oxid == oxid);
        let lost: Vec<usize> =
            self.namespaces.iter().enumerate().filter(|(_, n)| lives_there(n)).map(|(index, _)| index).collect();
        lost.into_iter().try_for_each(|index| self.refused(oxid, Ticket::Login(index), kind, work, world))
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
                let Some(namespace) = self.namespaces.get_mut(index) else { return Ok(()) };
                namespace.state = NamespaceState::Outside;
                let resource = namespace.resource.clone();
                for (who, of, namespace) in work.waiting() {
                    if of.eq_ignore_ascii_case(&resource) {
                        let error = Error::new(Stage::Login { namespace }, kind.clone());
                        match who {
                            Waiter::Query(id) => self.finish(id, Err(error), work, world),
                            Waiter::Call(id) => self.reply(id, Err(error), work, world),
                        }
                    }
                }
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
        let opening = self.exporters.others.iter().filter(|exporter| !exporter.is_open());
        let opening: Vec<TransportId> = opening.map(|exporter| exporter.link.transport).collect();
        for transport in opening {
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

    /// The host has this object no more. A query finds out by itself; a namespace is entered again.
    pub(super) fn gone(&mut self, oid: u64) -> Result<(), Error> {
        let gone: Vec<Guid> = self.exporters.iter_mut().flat_map(|exporter| exporter.references.gone(oid)).collect();
        if gone.contains(&self.login.ipid) {
            return Err(Error::new(Stage::Ping, ErrorKind::Status(HResult::CO_E_OBJNOTREG)));
        }
        for namespace in &mut self.namespaces {
            if matches!(namespace.state, NamespaceState::Inside(place) if gone.contains(&place.ipid)) {
                namespace.state = NamespaceState::Outside;
            }
        }
        Ok(())
    }

    fn release(&mut self, world: &mut World) -> Result<(), Error> {
        self.exporters.iter_mut().try_for_each(|exporter| exporter.release(world))
    }

    /// Whether no answer is due.
    pub(super) fn is_idle(&self) -> bool {
        self.exporters.is_idle()
    }

    /// Gives up another process with objects.
    pub(super) fn give_up(&mut self, transport: TransportId, world: &mut World) {
        world.abort(transport);
        if let Some(oxid) = self.exporters.other(transport).map(|exporter| exporter.oxid) {
            self.exporters.remove(oxid);
        }
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

    fn namespace(&mut self, resource: &str) -> usize {
        let found = self.namespaces.iter().position(|n| n.resource.eq_ignore_ascii_case(resource));
        found.unwrap_or_else(|| {
            self.namespaces.push(Namespace { resource: resource.to_owned(), state: NamespaceState::Outside });
            self.namespaces.len() - 1
        })
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

/// Whether the refusal of a call says that the session's own objects are gone, or will be: WMI on the host restarts. A
/// missing enumerator is the loss of its query alone.
fn lost_with(ticket: &Ticket, kind: &ErrorKind) -> bool {
    let own = match ticket {
        Ticket::Login(_) | Ticket::Call(_) | Ticket::Signature(_) => true,
        Ticket::Query(_, operation) => *operation == wmi::Operation::ExecQuery,
        _ => false,
    };
    host_stops(kind) || (own && is_gone(kind))
}

/// Codes with which a host answers for an object that it has no more ([MS-DCOM 3.1.1.5.4]).
fn is_gone(kind: &ErrorKind) -> bool {
    const GONE: [HResult; 4] = [
        HResult::RPC_E_DISCONNECTED,
        HResult::RPC_E_INVALID_OBJECT,
        HResult::CO_E_OBJNOTREG,
        HResult::CO_E_OBJNOTCONNECTED,
    ];
    verified_code(kind).is_some_and(|code| GONE.contains(&code))
}

/// Codes with which a host answers that is about to have no object at all any more.
fn host_stops(kind: &ErrorKind) -> bool {
    const STOPS: [HResult; 3] =
        [HResult::CO_E_SERVER_STOPPING, HResult::WBEM_E_SHUTTING_DOWN, HResult::RPC_E_SERVER_DIED];
    verified_code(kind).is_some_and(|code| STOPS.contains(&code))
}

const fn verified_code(kind: &ErrorKind) -> Option<HResult> {
    match kind {
        ErrorKind::Status(status) => Some(*status),
        ErrorKind::Fault(status) => Some(HResult(status.0)),
        _ => None,
    }
}

/// How long dropped references are collected before they are given back in one call.
const RELEASE_DELAY: Duration = Duration::from_millis(100);

/// How long a host is left alone that did not look at a RemRelease.
const RELEASE_AGAIN: Duration = Duration::from_secs(1);

/// Processes of a host beyond the one that was activated; in every capture WMI lives in one.
const MAX_OTHERS: usize = 8;

const OTHER_EXPORTER: &str = "an object that lives in a process where none of it is expected";
