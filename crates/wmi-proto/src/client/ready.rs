//! The phase in which queries run: namespaces, calls, references.

use core::time::Duration;

use bytes::BytesMut;

use crate::auth::AuthLevel;
use crate::client::link::{Link, Ticket};
use crate::client::queries::Queries;
use crate::client::session::fault;
use crate::client::world::World;
use crate::client::{Completion, Error, ErrorKind, Event, QueryId, Stage};
use crate::dcom::{self, References};
use crate::rpc::{Call, Done};
use crate::time::Instant;
use crate::wire::dcom::rem_unknown::{RemInterfaceRef, RemRefsRequest};
use crate::wire::dcom::{ComVersion, RemAddRef, RemRelease, StdObjRef};
use crate::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use crate::wire::wmi::NtlmLogin;
use crate::wire::wmi::login::NtlmLoginRequest;
use crate::wire::{Guid, Interface, Operation as _, Reader};
use crate::wmi::{self, Context, Effect, ObjectCall};

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
    pub(super) link: Link,
    activated: Activated,
    references: References,
    namespaces: Vec<Namespace>,
    /// When references that nobody needs are given back, several at once.
    release_due: Option<Instant>,
}

struct Namespace {
    resource: String,
    state: NamespaceState,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum NamespaceState {
    Outside,
    Entering,
    Inside(Guid),
}

impl Ready {
    pub(super) fn new(link: Link, activated: Activated) -> Self {
        Self { link, activated, references: References::default(), namespaces: Vec::new(), release_due: None }
    }

    pub(super) const fn release_due(&self) -> Option<Instant> {
        self.release_due
    }

    /// The association stands: takes over the log-in object and begins what is waiting.
    pub(super) fn enter(&mut self, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        let login = self.activated.login;
        self.adopt(&login, world)?;
        self.begin_waiting(queries, world)?;
        // Without a call that would carry it, the host would wait for the end of the log-on.
        world.lend(self.link.transport, |cx| self.link.association.flush(cx));
        Ok(())
    }

    /// Begins queries whose namespace is open, and opens namespaces that queries wait for.
    pub(super) fn begin_waiting(&mut self, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        let waiting: Vec<(QueryId, String, String)> = queries
            .iter()
            .filter(|(_, running)| running.cursor.is_waiting())
            .map(|(id, running)| (id, running.resource.clone(), running.namespace.clone()))
            .collect();
        for (id, resource, namespace) in waiting {
            let index = self.namespace(&resource);
            let Some(entry) = self.namespaces.get_mut(index) else { continue };
            match entry.state {
                NamespaceState::Entering => {}
                NamespaceState::Inside(services) => {
                    world.stage(Stage::Query);
                    self.with_cursor(id, queries, world, |cursor, cx| cursor.begin(services, cx))?;
                }
                NamespaceState::Outside => {
                    entry.state = NamespaceState::Entering;
                    world.stage(Stage::Login { namespace });
                    let stub = dcom::stub::<NtlmLogin>(
                        &world.this(self.activated.version),
                        &NtlmLoginRequest { network_resource: Some(resource.clone()), ..NtlmLoginRequest::default() },
                    );
                    let object = Some((NtlmLogin::INTERFACE, self.activated.login.ipid));
                    self.call(ObjectCall { object, opnum: NtlmLogin::OPNUM, stub }, Ticket::Login(index), world)?;
                }
            }
        }
        Ok(())
    }

    /// A fetch was asked for.
    pub(super) fn pull(&mut self, id: QueryId, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        self.with_cursor(id, queries, world, |cursor, cx| cursor.pull(cx))
    }

    pub(super) fn receive(&mut self, data: BytesMut, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        self.link.receive(data, world);
        self.proceed(queries, world)
    }

    /// Carries out what the association has to tell: about octets that arrived, and about calls that cannot be made.
    pub(super) fn proceed(&mut self, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        while let Some(done) = self.link.next(world).map_err(|error| self.link.error(error, world))? {
            self.done(done, queries, world)?;
        }
        Ok(())
    }

    fn done(&mut self, done: Done<Ticket>, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        match done {
            Done::Bound => Ok(()),
            Done::Response { ticket, stub } => self.response(ticket, stub, queries, world),
            Done::Fault { ticket, status, verified } => self.refused(ticket, &fault(status, verified), queries, world),
            Done::NoInterface(call) if call.interface == Interface::orpc(IID_IREM_UNKNOWN2) => {
                self.link.call(Call { interface: Interface::orpc(IID_IREM_UNKNOWN), ..call }, world)
            }
            Done::NoInterface(call) => {
                self.refused(call.ticket, &ErrorKind::NoInterface(call.interface), queries, world)
            }
        }
    }

    fn response(
        &mut self,
        ticket: Ticket,
        stub: Reader,
        queries: &mut Queries,
        world: &mut World,
    ) -> Result<(), Error> {
        match ticket {
            Ticket::Query(id, operation) => {
                if queries.get_mut(id).is_some() {
                    return self.with_cursor(id, queries, world, |cursor, cx| cursor.answer(stub, cx));
                }
                // The query is gone; what its late answer hands out is given back.
                for std in operation.references(stub) {
                    self.give_back(&std, world);
                }
                Ok(())
            }
            Ticket::Login(index) => self.logged_in(index, stub, queries, world),
            Ticket::AddRef(ipid) => {
                let response = dcom::answer::<RemAddRef>(stub);
                let granted = response
                    .is_ok_and(|r| r.status.is_success() && r.results.first().is_none_or(|result| result.is_success()));
                if granted && self.references.added(ipid, ADDED_REFS) {
                    self.drop_reference(ipid, world);
                }
                Ok(())
            }
            Ticket::Activate | Ticket::Release => Ok(()),
        }
    }

    fn logged_in(&mut self, index: usize, stub: Reader, queries: &mut Queries, world: &mut World) -> Result<(), Error> {
        let services = match dcom::answer::<NtlmLogin>(stub) {
            Err(error) => Err(ErrorKind::Malformed(error)),
            Ok(response) if !response.status.is_success() => Err(ErrorKind::Status(response.status)),
            Ok(response) => match response.pointer.as_ref().map(|pointer| pointer.std()) {
                Some(Ok(std)) if std.oxid == self.activated.oxid => Ok(std),
                Some(Ok(_)) => Err(ErrorKind::Misbehaved(OTHER_EXPORTER)),
                Some(Err(error)) => Err(ErrorKind::Malformed(error)),
                None => Err(ErrorKind::Misbehaved("log-in succeeded without an object")),
            },
        };
        match services {
            Ok(std) => {
                self.adopt(&std, world)?;
                if let Some(namespace) = self.namespaces.get_mut(index) {
                    namespace.state = NamespaceState::Inside(std.ipid);
                }
                self.begin_waiting(queries, world)
            }
            Err(kind) => self.refused(Ticket::Login(index), &kind, queries, world),
        }
    }

    /// A call was refused: by a fault, by the bind, or by its own status.
    fn refused(
        &mut self,
        ticket: Ticket,
        kind: &ErrorKind,
        queries: &mut Queries,
        world: &mut World,
    ) -> Result<(), Error> {
        match ticket {
            Ticket::Login(index) => {
                let Some(namespace) = self.namespaces.get_mut(index) else { return Ok(()) };
                namespace.state = NamespaceState::Outside;
                let resource = &namespace.resource;
                let waiting =
                    queries.iter().filter(|(_, q)| q.cursor.is_waiting() && q.resource.eq_ignore_ascii_case(resource));
                let waiting: Vec<(QueryId, Stage)> = waiting.map(|(id, q)| (id, q.stage())).collect();
                for (id, stage) in waiting {
                    self.finish(id, Err(Error::new(stage, kind.clone())), queries, world);
                }
                Ok(())
            }
            Ticket::Query(id, _) => {
                let Some(query) = queries.get_mut(id) else { return Ok(()) };
                let stage = query.stage();
                if let Some(copy) = query.cursor.lost_copy() {
                    self.finish(QueryId(copy), Err(Error::new(stage, kind.clone())), queries, world);
                    return self.pull(id, queries, world);
                }
                let made = !matches!(kind, ErrorKind::NoInterface(_));
                let mut goes_on = false;
                self.with_cursor(id, queries, world, |cursor, cx| goes_on = cursor.refused(made, cx))?;
                if !goes_on {
                    self.finish(id, Err(Error::new(stage, kind.clone())), queries, world);
                }
                Ok(())
            }
            // The references stay with the host, which collects them when the session ends.
            Ticket::AddRef(_) | Ticket::Activate | Ticket::Release => Ok(()),
        }
    }

    /// Ends a query, and copies of it that were not made, and lets go of what they held.
    pub(super) fn finish(
        &mut self,
        id: QueryId,
        outcome: Result<Completion, Error>,
        queries: &mut Queries,
        world: &mut World,
    ) {
        let copies = match &outcome {
            Ok(_) => Error::new(Stage::Query, ErrorKind::Cancelled),
            Err(error) => error.clone(),
        };
        for (removed, mut query) in queries.remove(id) {
            self.link.association.withdraw(|ticket| matches!(ticket, Ticket::Query(of, _) if *of == removed));
            for ipid in query.cursor.take_held() {
                self.drop_reference(ipid, world);
            }
            let outcome = if removed == id { outcome.clone() } else { Err(copies.clone()) };
            let outcome = outcome.map_err(|error| query.concerned(error));
            world.event(Event::QueryDone { query: removed, outcome });
        }
    }

    pub(super) fn tick(&mut self, world: &mut World) -> Result<(), Error> {
        if self.release_due.is_some_and(|due| due <= world.now) {
            self.release_due = None;
            self.release(world)?;
        }
        Ok(())
    }

    /// Gives everything back.
    pub(super) fn release_all(&mut self, world: &mut World) -> Result<(), Error> {
        self.references.drop_all();
        self.release_due = None;
        self.release(world)
    }

    fn release(&mut self, world: &mut World) -> Result<(), Error> {
        let refs = self.references.take_dropped();
        if refs.is_empty() {
            return Ok(());
        }
        let stub = dcom::stub::<RemRelease>(&world.this(self.activated.version), &RemRefsRequest { refs });
        self.call(ObjectCall { object: None, opnum: RemRelease::OPNUM, stub }, Ticket::Release, world)
    }

    fn drop_reference(&mut self, ipid: Guid, world: &World) {
        self.references.drop(ipid);
        self.schedule_release(world);
    }

    /// Nobody needs what was just handed out. An object of another exporter is not ours to give back here.
    fn give_back(&mut self, std: &StdObjRef, world: &World) {
        if std.oxid == self.activated.oxid && std.public_refs > 0 {
            self.references.give_back(std);
            self.schedule_release(world);
        }
    }

    fn schedule_release(&mut self, world: &World) {
        self.release_due.get_or_insert(world.now.saturating_add(RELEASE_DELAY));
    }

    /// Takes references over; where the host handed out none, asks for some before anything else is asked.
    fn adopt(&mut self, std: &StdObjRef, world: &mut World) -> Result<(), Error> {
        if self.references.adopt(std) {
            let refs = vec![RemInterfaceRef { ipid: std.ipid, public_refs: ADDED_REFS, private_refs: 0 }];
            let stub = dcom::stub::<RemAddRef>(&world.this(self.activated.version), &RemRefsRequest { refs });
            let call = ObjectCall { object: None, opnum: RemAddRef::OPNUM, stub };
            self.call(call, Ticket::AddRef(std.ipid), world)?;
        }
        Ok(())
    }

    fn call(&mut self, call: ObjectCall, ticket: Ticket, world: &mut World) -> Result<(), Error> {
        let (interface, object) = call.object.unwrap_or_else(|| (self.rem_unknown(), self.activated.rem_unknown));
        let awaited = !matches!(ticket, Ticket::Release);
        let call = Call { ticket, interface, object: Some(object), opnum: call.opnum, stub: call.stub, awaited };
        self.link.call(call, world)
    }

    /// IRemUnknown2 is what Windows binds; the older one where the host accepted only that.
    fn rem_unknown(&self) -> Interface {
        let (new, old) = (Interface::orpc(IID_IREM_UNKNOWN2), Interface::orpc(IID_IREM_UNKNOWN));
        let association = &self.link.association;
        let has = |interface| association.accepted(interface);
        if !has(&new) && (has(&old) || association.refused(&new)) { old } else { new }
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
        copy: QueryId,
        outcome: Result<StdObjRef, wmi::Failure>,
        queries: &mut Queries,
        world: &mut World,
    ) -> Result<(), Error> {
        let kind = match outcome {
            Ok(std) if std.oxid != self.activated.oxid => ErrorKind::Misbehaved(OTHER_EXPORTER),
            Ok(std) if queries.get_mut(copy).is_some() => {
                return self.with_cursor(copy, queries, world, |cursor, cx| cursor.made(std, cx));
            }
            Ok(std) => {
                self.give_back(&std, world);
                return Ok(());
            }
            Err(failure) => failure.into(),
        };
        self.finish(copy, Err(Error::new(Stage::Query, kind)), queries, world);
        Ok(())
    }

    /// Lets a cursor work and carries out what it wants.
    fn with_cursor(
        &mut self,
        id: QueryId,
        queries: &mut Queries,
        world: &mut World,
        work: impl FnOnce(&mut wmi::Cursor, &mut Context<'_>),
    ) -> Result<(), Error> {
        let Some(query) = queries.get_mut(id) else { return Ok(()) };
        let before = query.stage();
        let this = world.this(self.activated.version);
        let mut effects = Vec::new();
        let mut cx = Context { now: world.now, this: &this, entropy: world.entropy.as_mut(), effects: &mut effects };
        work(&mut query.cursor, &mut cx);
        for effect in effects {
            match effect {
                Effect::Call(operation, call) => {
                    world.stage(operation.step().into());
                    self.call(call, Ticket::Query(id, operation), world)?;
                }
                Effect::Adopt(std) if std.oxid == self.activated.oxid => self.adopt(&std, world)?,
                Effect::Adopt(_) => {
                    let error = Error::new(before.clone(), ErrorKind::Misbehaved(OTHER_EXPORTER));
                    self.finish(id, Err(error), queries, world);
                    return Ok(());
                }
                Effect::Rows(rows) => world.event(Event::Batch { query: id, rows }),
                Effect::Reset => world.event(Event::Reset { query: id }),
                Effect::Skipped => world.event(Event::Skipped { query: id }),
                Effect::AtEnd => world.event(Event::AtEnd { query: id }),
                Effect::Cloned(copy, outcome) => self.cloned(QueryId(copy), outcome, queries, world)?,
                Effect::Done(outcome) => {
                    let outcome = outcome
                        .map(|end| Completion { rows: end.rows, notice: end.notice })
                        .map_err(|failure| Error::new(before.clone(), failure.into()));
                    self.finish(id, outcome, queries, world);
                }
            }
        }
        Ok(())
    }
}

/// How long dropped references are collected before they are given back in one call.
const RELEASE_DELAY: Duration = Duration::from_millis(100);

/// How many references are asked for where the host handed out none.
const ADDED_REFS: u32 = 5;

const OTHER_EXPORTER: &str = "an object that lives in another process of the host";
