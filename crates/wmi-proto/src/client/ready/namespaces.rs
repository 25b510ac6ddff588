//! The namespaces of a session: log-ins, and the processes of the host in which their objects live.

use crate::client::exporters::{Distant, Exporter};
use crate::client::link::Ticket;
use crate::client::ready::Ready;
use crate::client::session::Happened;
use crate::client::verdict::is_final;
use crate::client::work::{Waiter, Work};
use crate::client::world::World;
use crate::client::{Error, ErrorKind, Stage};
use crate::dcom;
use crate::transport::TransportId;
use crate::wire::dcom::StdObjRef;
use crate::wire::dcom::exporter::ResolveOxid2Response;
use crate::wire::wmi::NtlmLogin;
use crate::wire::wmi::login::NtlmLoginRequest;
use crate::wire::{FaultStatus, Guid, HResult, Operation as _, Reader};
use crate::wmi::{Greet, ObjectCall};

pub(super) struct Namespace {
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
pub(super) struct Place {
    pub(super) ipid: Guid,
    pub(super) oxid: u64,
}

impl Ready {
    /// The services of a namespace, unless they are yet to come.
    pub(super) fn services(
        &mut self,
        resource: &str,
        namespace: String,
        world: &mut World,
    ) -> Result<Option<Place>, Error> {
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
    pub(super) fn greeted(&mut self, stub: Option<Reader>, work: &mut Work, world: &mut World) -> Result<(), Error> {
        if let Some(ipid) = self.greeting.held() {
            self.drop_reference(ipid, world);
        }
        let next = self.greeting.answer(stub, self.login.ipid, &self.exporters.first.this(world));
        if self.greet(next, world)? { self.begin_waiting(work, world) } else { Ok(()) }
    }

    pub(super) fn logged_in(
        &mut self,
        index: usize,
        stub: Reader,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
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
                if self.exporters.get_mut(std.oxid).is_some() {
                    return self.arrived(std.oxid, work, world);
                }
                if self.exporters.distant.iter().all(|distant| distant.oxid != std.oxid) {
                    self.unresolved.push(std.oxid);
                }
                Ok(())
            }
            Err(kind) => self.refused(self.exporters.first.oxid, Ticket::Login(index), &kind, work, world),
        }
    }

    /// What waits for a namespace will not get into it.
    pub(super) fn denied(&mut self, index: usize, why: impl Fn(String) -> Error, work: &mut Work, world: &mut World) {
        let Some(namespace) = self.namespaces.get_mut(index) else { return };
        namespace.state = NamespaceState::Outside;
        let resource = namespace.resource.clone();
        for (who, of, namespace) in work.waiting() {
            if of.eq_ignore_ascii_case(&resource) {
                let error = why(namespace);
                match who {
                    Waiter::Query(id) => self.finish(id, Err(error), work, world),
                    Waiter::Call(id) => self.reply(id, Err(error), work, world),
                }
            }
        }
    }

    /// The host has this object no more. A query finds out by itself; a namespace is entered again.
    pub(in crate::client) fn gone(&mut self, oid: u64) -> Result<(), Error> {
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

    /// The OXIDs of processes that nobody has located yet ([MS-DCOM 3.2.4.1.2.3]); they are told once.
    pub(in crate::client) fn take_unresolved(&mut self) -> Vec<u64> {
        std::mem::take(&mut self.unresolved)
    }

    /// The object resolver told where a process is, or that it does not know.
    pub(in crate::client) fn resolved(
        &mut self,
        oxid: u64,
        answer: Result<ResolveOxid2Response, ErrorKind>,
        work: &mut Work,
        world: &mut World,
    ) {
        const NOWHERE: ErrorKind = ErrorKind::Misbehaved("the host told no TCP port of another process with objects");
        const TOO_MANY: ErrorKind = ErrorKind::Misbehaved("namespaces in too many processes of the host");
        let distant = answer.and_then(|response| match response.status {
            _ if self.exporters.beside() >= MAX_OTHERS => Err(TOO_MANY),
            FaultStatus(0) => Distant::new(oxid, &response, world).ok_or(NOWHERE),
            status => Err(ErrorKind::Fault(status)),
        });
        match distant {
            Ok(distant) => self.exporters.distant.push(distant),
            Err(kind) => {
                let why = |namespace| Error::new(Stage::Login { namespace }, kind.clone());
                self.unreachable(oxid, why, work, world);
            }
        }
    }

    /// Whether it is the transport of another process with objects.
    pub(in crate::client) fn has_other(&self, transport: TransportId) -> bool {
        self.exporters.has_other(transport)
    }

    /// Something happened on the transport of another process with objects.
    pub(in crate::client) fn other(
        &mut self,
        transport: TransportId,
        happened: Happened,
        work: &mut Work,
        world: &mut World,
    ) -> Result<(), Error> {
        let found = self.exporters.distant.iter().position(|distant| distant.approach.transport() == transport);
        if let Some(at) = found {
            return self.on_the_way(at, happened, work, world);
        }
        let Some(exporter) = self.exporters.others.iter_mut().find(|e| e.link.transport == transport) else {
            return Ok(());
        };
        match happened {
            Happened::Received(data) => exporter.link.receive(data, world),
            Happened::Closed(failure) => {
                // Nothing more can be said to it.
                self.exporters.others.retain(|exporter| exporter.link.transport != transport);
                let kind = failure.map_or(ErrorKind::Disconnected, ErrorKind::Transport);
                return Err(Error::new(world.stage.clone(), kind));
            }
            Happened::Opened | Happened::Tick | Happened::Close => {}
        }
        self.proceed(work, world)
    }

    /// A refused log-on there is as final as any; otherwise only the namespaces that live there are out of reach.
    fn on_the_way(&mut self, at: usize, happened: Happened, work: &mut Work, world: &mut World) -> Result<(), Error> {
        let Some(distant) = self.exporters.distant.get_mut(at) else { return Ok(()) };
        match distant.approach.handle(happened, world) {
            Ok(false) => Ok(()),
            Ok(true) => {
                let exporter = self.exporters.distant.remove(at).arrive();
                let oxid = exporter.oxid;
                self.exporters.others.push(exporter);
                self.arrived(oxid, work, world)?;
                self.proceed(work, world)
            }
            Err(error) => {
                let distant = self.exporters.distant.remove(at);
                world.abort(distant.approach.transport());
                if is_final(&error.kind) {
                    return Err(error);
                }
                self.unreachable(distant.oxid, |_| error.clone(), work, world);
                Ok(())
            }
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
    fn unreachable(&mut self, oxid: u64, why: impl Fn(String) -> Error, work: &mut Work, world: &mut World) {
        for index in 0..self.namespaces.len() {
            let state = self.namespaces.get(index).map(|namespace| namespace.state);
            if matches!(state, Some(NamespaceState::Elsewhere(std)) if std.oxid == oxid) {
                self.denied(index, &why, work, world);
            }
        }
    }

    fn namespace(&mut self, resource: &str) -> usize {
        let found = self.namespaces.iter().position(|n| n.resource.eq_ignore_ascii_case(resource));
        found.unwrap_or_else(|| {
            self.namespaces.push(Namespace { resource: resource.to_owned(), state: NamespaceState::Outside });
            self.namespaces.len() - 1
        })
    }
}

/// Processes of a host beyond the one that was activated; in every capture WMI lives in one.
const MAX_OTHERS: usize = 8;
