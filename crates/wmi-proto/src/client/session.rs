//! The phases of a session and every transition between them.

use std::collections::VecDeque;

use bytes::BytesMut;

use crate::auth::AuthLevel;
use crate::client::link::{Link, Ticket};
use crate::client::ready::{Activated, Ready};
use crate::client::work::Work;
use crate::client::world::World;
use crate::client::{
    CallId, CommandError, Config, Error, ErrorKind, Event, ExecMethod, GetObject, Input, Output, Query, QueryId, Stage,
};
use crate::dcom;
use crate::entropy::Entropy;
use crate::rpc::{self, Call, Done};
use crate::stats::Stats;
use crate::time::{FileTime, Instant};
use crate::transport::{Role, Target, TransportFailure, TransportId};
use crate::wire::dcom::{ActivationReply, ActivationRequest, ComVersion, RemoteCreateInstance};
use crate::wire::guid::{
    CLSID_WBEM_LEVEL1_LOGIN, IID_IENUM_WBEM_CLASS_OBJECT, IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2,
    IID_IWBEM_FETCH_SMART_ENUM, IID_IWBEM_LEVEL1_LOGIN, IID_IWBEM_SERVICES, IID_IWBEM_WCO_SMART_ENUM,
};
use crate::wire::status::BindNakReason;
use crate::wire::{FaultStatus, Interface, Operation, Reader, WireError};
use crate::wmi::Wish;

pub(super) struct Session {
    world: World,
    phase: Phase,
    work: Work,
}

/// A phase holds exactly what it needs; a transition consumes it.
enum Phase {
    /// Asking the activator for WMI's log-in object.
    Activating(Activating),
    /// Connecting and binding to the process that holds it.
    Opening(Opening),
    /// Running queries.
    Ready(Ready),
    /// Giving references back.
    Releasing(Releasing),
    /// Waiting until no transport is left.
    Ending(Ending),
    /// Nothing happens any more.
    Closed,
}

struct Activating {
    link: Link,
    deadline: Instant,
}

struct Opening {
    link: Link,
    deadline: Instant,
    activated: Activated,
    target: Target,
    /// Where else the object server may be.
    candidates: VecDeque<Target>,
    /// Whether the bind offers one interface only, because the host refused many.
    single: bool,
}

struct Releasing {
    ready: Ready,
    deadline: Instant,
}

struct Ending {
    outcome: Result<(), Error>,
    /// When transports that are still flushing are dropped.
    linger: Option<Instant>,
}

/// What can happen to a phase.
enum Happened {
    Opened,
    Received(BytesMut),
    Closed(Option<TransportFailure>),
    Tick,
    Close,
}

impl Session {
    pub(super) fn new(config: Config, entropy: Box<dyn Entropy>, now: Instant, wall: FileTime) -> Self {
        let mut world = World::new(config, entropy, now, wall);
        let activating = Activating::begin(&mut world);
        Self { world, phase: Phase::Activating(activating), work: Work::default() }
    }

    pub(super) fn input(&mut self, input: Input, now: Instant) {
        debug_assert!(self.world.out.is_empty(), "outputs are to be drained before the next input");
        self.world.now = now;
        let (transport, happened) = match input {
            Input::Opened { transport } => (transport, Happened::Opened),
            Input::Received { transport, data } => (transport, Happened::Received(data)),
            Input::Closed { transport, failure } => (transport, Happened::Closed(failure)),
        };
        let known = self.world.is_open(transport);
        debug_assert!(known, "nothing is to be reported for {transport:?}, which was closed or never opened");
        if !known {
            return;
        }
        if matches!(happened, Happened::Closed(_)) {
            self.world.closed(transport);
        }
        if self.phase.transport() == Some(transport) {
            self.step(happened);
        } else {
            self.end();
        }
    }

    pub(super) fn timeout(&mut self, now: Instant) {
        self.world.now = now;
        for query in self.work.queries.expired(now) {
            self.finish(query, ErrorKind::TimedOut);
        }
        for call in self.work.calls.expired(now) {
            self.finish_call(call, ErrorKind::TimedOut);
        }
        self.step(Happened::Tick);
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        let phase = match &self.phase {
            Phase::Activating(phase) => Some(phase.deadline),
            Phase::Opening(phase) => Some(phase.deadline),
            Phase::Ready(phase) => phase.release_due(),
            Phase::Releasing(phase) => Some(phase.deadline),
            Phase::Ending(phase) => phase.linger,
            Phase::Closed => None,
        };
        [phase, self.work.next_deadline()].into_iter().flatten().min()
    }

    pub(super) fn poll_output(&mut self) -> Option<Output> {
        let output = self.world.out.pop_front();
        if output.is_none() && self.world.out.capacity() > LARGE_QUEUE {
            self.world.out.shrink_to(LARGE_QUEUE);
        }
        output
    }

    pub(super) fn exec_query(&mut self, query: Query, now: Instant) -> Result<QueryId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let id = self.work.queries.add(&query, now, &self.world.config.limits)?;
        self.run(|ready, work, world| ready.begin_waiting(work, world));
        Ok(id)
    }

    pub(super) fn wish(&mut self, id: QueryId, wish: Wish, now: Instant) -> Result<(), CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        self.work.queries.get_mut(id).ok_or(CommandError::UnknownQuery)?.cursor.wish(wish)?;
        self.run(|ready, work, world| ready.pull(id, work, world));
        Ok(())
    }

    pub(super) fn clone_query(&mut self, id: QueryId, now: Instant) -> Result<QueryId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let copy = self.work.queries.copy(id, now, &self.world.config.limits)?;
        self.run(|ready, work, world| ready.pull(id, work, world));
        Ok(copy)
    }

    pub(super) fn cancel(&mut self, id: QueryId, now: Instant) -> Result<(), CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        self.work.queries.get_mut(id).ok_or(CommandError::UnknownQuery)?;
        self.finish(id, ErrorKind::Cancelled);
        Ok(())
    }

    pub(super) fn get_object(&mut self, object: GetObject, now: Instant) -> Result<CallId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let id = self.work.calls.get(object, now, &self.world.config.limits)?;
        self.run(|ready, work, world| ready.begin_waiting(work, world));
        Ok(id)
    }

    pub(super) fn exec_method(&mut self, method: ExecMethod, now: Instant) -> Result<CallId, CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        let id = self.work.calls.exec(method, now, &self.world.config.limits)?;
        self.run(|ready, work, world| ready.begin_waiting(work, world));
        Ok(id)
    }

    pub(super) fn cancel_call(&mut self, id: CallId, now: Instant) -> Result<(), CommandError> {
        self.world.now = now;
        self.accepts_commands()?;
        self.work.calls.get_mut(id).ok_or(CommandError::UnknownCall)?;
        self.finish_call(id, ErrorKind::Cancelled);
        Ok(())
    }

    pub(super) fn close(&mut self, now: Instant) {
        self.world.now = now;
        let open: Vec<QueryId> = self.work.queries.ids().collect();
        for id in open {
            self.finish(id, ErrorKind::Cancelled);
        }
        let open: Vec<CallId> = self.work.calls.ids().collect();
        for id in open {
            self.finish_call(id, ErrorKind::Cancelled);
        }
        self.step(Happened::Close);
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self.phase, Phase::Closed)
    }

    pub(super) const fn stats(&self) -> Stats {
        self.world.stats
    }

    const fn accepts_commands(&self) -> Result<(), CommandError> {
        match self.phase {
            Phase::Activating(_) | Phase::Opening(_) | Phase::Ready(_) => Ok(()),
            Phase::Releasing(_) | Phase::Ending(_) | Phase::Closed => Err(CommandError::Closed),
        }
    }

    /// Ends a query for a reason that is not the host's.
    fn finish(&mut self, id: QueryId, kind: ErrorKind) {
        let stage = match (&self.phase, self.work.queries.get_mut(id)) {
            (Phase::Ready(_), Some(query)) => query.stage(),
            _ => self.world.stage.clone(),
        };
        let error = Error::new(stage, kind);
        match &mut self.phase {
            Phase::Ready(ready) => ready.finish(id, Err(error), &mut self.work, &mut self.world),
            _ => {
                for (query, running) in self.work.queries.remove(id) {
                    let outcome = Err(running.concerned(error.clone()));
                    self.world.event(Event::QueryDone { query, outcome });
                }
            }
        }
    }

    /// Ends a call for a reason that is not the host's.
    fn finish_call(&mut self, id: CallId, kind: ErrorKind) {
        let Some(call) = self.work.calls.get_mut(id) else { return };
        let stage = match &self.phase {
            Phase::Ready(_) => call.stage(),
            _ => self.world.stage.clone(),
        };
        let error = Error::new(stage, kind);
        match &mut self.phase {
            Phase::Ready(ready) => ready.reply(id, Err(error), &mut self.work, &mut self.world),
            _ => {
                if let Some(call) = self.work.calls.remove(id) {
                    self.world.event(Event::Reply { call: id, outcome: Err(call.concerned(error)) });
                }
            }
        }
    }

    /// Lets the ready phase work, if it is the one.
    fn run(&mut self, work: impl FnOnce(&mut Ready, &mut Work, &mut World) -> Result<(), Error>) {
        let Phase::Ready(ready) = &mut self.phase else { return };
        let result = work(ready, &mut self.work, &mut self.world);
        if let Err(error) = result.and_then(|()| ready.proceed(&mut self.work, &mut self.world)) {
            self.fail(error);
        }
    }

    /// The transition: the phase is consumed, what comes out is the next one; a failure stays.
    fn step(&mut self, happened: Happened) {
        let phase = std::mem::replace(&mut self.phase, Phase::Closed);
        let next = match phase {
            Phase::Activating(phase) => phase.handle(happened, &mut self.world),
            Phase::Opening(phase) => phase.handle(happened, &mut self.work, &mut self.world),
            Phase::Ready(phase) => handle_ready(phase, happened, &mut self.work, &mut self.world),
            Phase::Releasing(phase) => phase.handle(happened, &mut self.work, &mut self.world),
            Phase::Ending(phase) => Ok(phase.handle(&happened, &mut self.world)),
            Phase::Closed => Ok(Phase::Closed),
        };
        match next {
            Ok(next) => self.phase = next,
            Err(error) => self.fail(error),
        }
        self.end();
    }

    fn fail(&mut self, error: Error) {
        self.world.abort_all();
        // Where a command was tells more than where the session was, once there is something to tell apart.
        let early = matches!(error.stage, Stage::Connect(_) | Stage::Bind(_) | Stage::Activate);
        let at = |stage| Error::new(if early { error.stage.clone() } else { stage }, error.kind.clone());
        for (query, running) in self.work.queries.drain() {
            let outcome = Err(running.concerned(at(running.stage())));
            self.world.event(Event::QueryDone { query, outcome });
        }
        for (call, running) in self.work.calls.drain() {
            let outcome = Err(running.concerned(at(running.stage())));
            self.world.event(Event::Reply { call, outcome });
        }
        self.phase = Phase::Ending(Ending { outcome: Err(error), linger: None });
    }

    /// Leaves `Ending` when nothing is left to wait for.
    fn end(&mut self) {
        if self.world.has_transports() || !matches!(self.phase, Phase::Ending(_)) {
            return;
        }
        if let Phase::Ending(ending) = std::mem::replace(&mut self.phase, Phase::Closed) {
            self.world.event(Event::Closed { outcome: ending.outcome });
        }
    }
}

impl Phase {
    const fn transport(&self) -> Option<TransportId> {
        match self {
            Self::Activating(phase) => Some(phase.link.transport),
            Self::Opening(phase) => Some(phase.link.transport),
            Self::Ready(phase) => Some(phase.link.transport),
            Self::Releasing(phase) => Some(phase.ready.link.transport),
            Self::Ending(_) | Self::Closed => None,
        }
    }
}

impl Activating {
    fn begin(world: &mut World) -> Self {
        let target = Target { role: Role::Activator, host: world.config.host.clone(), port: world.config.port };
        let level = world.config.auth_level;
        let principal = activator_principal(world);
        let mut link = Link::open(target, &principal, level, &[RemoteCreateInstance::INTERFACE], world);
        let this = world.this(ComVersion::V5_7);
        let request = ActivationRequest {
            clsid: CLSID_WBEM_LEVEL1_LOGIN,
            iids: vec![IID_IWBEM_LEVEL1_LOGIN],
            client_version: ComVersion::V5_7,
            context_id: world.identifier(),
        };
        let call = Call {
            ticket: Ticket::Activate,
            interface: RemoteCreateInstance::INTERFACE,
            object: None,
            opnum: RemoteCreateInstance::OPNUM,
            stub: dcom::stub::<RemoteCreateInstance>(&this, &request.to_request()),
            awaited: true,
            patient: false,
        };
        link.association.enqueue(call);
        Self { link, deadline: world.now.saturating_add(world.config.connect_timeout) }
    }

    fn handle(mut self, happened: Happened, world: &mut World) -> Result<Phase, Error> {
        match happened {
            Happened::Opened => {
                self.deadline = world.now.saturating_add(world.config.handshake_timeout);
                self.link.start(world);
            }
            Happened::Received(data) => {
                self.link.receive(data, world);
                while let Some(done) = self.link.next(world).map_err(|error| self.link.error(error, world))? {
                    match done {
                        Done::Bound => world.stage(Stage::Activate),
                        Done::Response { stub, .. } => return self.activated(stub, world),
                        Done::Fault { status, verified, .. } => {
                            return Err(Error::new(Stage::Activate, fault(status, verified)));
                        }
                        Done::NoInterface(call) => {
                            return Err(Error::new(Stage::Activate, ErrorKind::NoInterface(call.interface)));
                        }
                    }
                }
            }
            Happened::Closed(failure) => return Err(lost(failure, world)),
            Happened::Tick => expire(self.deadline, &self.link, world)?,
            Happened::Close => return Ok(Ending::abort(world)),
        }
        Ok(Phase::Activating(self))
    }

    fn activated(self, stub: Reader, world: &mut World) -> Result<Phase, Error> {
        let error = |kind| Error::new(Stage::Activate, kind);
        let malformed = |e: WireError| error(ErrorKind::Malformed(e));
        let response = dcom::answer::<RemoteCreateInstance>(stub).map_err(malformed)?;
        if !response.status.is_success() {
            return Err(error(ErrorKind::Status(response.status)));
        }
        let reply = response.reply().map_err(malformed)?;
        let login = reply.interfaces.iter().find(|i| i.iid == IID_IWBEM_LEVEL1_LOGIN);
        let login =
            login.ok_or(error(ErrorKind::Misbehaved("activation did not answer for the interface asked for")))?;
        if !login.result.is_success() {
            return Err(error(ErrorKind::Status(login.result)));
        }
        let std = login.objref.as_ref().and_then(|objref| objref.std().copied());
        let std = std.ok_or(error(ErrorKind::Misbehaved("activation brought no object")))?;
        let level = if reply.authn_hint >= 6 { AuthLevel::Privacy } else { world.config.auth_level };
        let activated = Activated {
            level,
            principal: principal(&reply, world),
            version: ComVersion::V5_7.negotiate(reply.server_version),
            oxid: reply.oxid,
            rem_unknown: reply.ipid_rem_unknown,
            login: std,
        };
        let mut candidates = candidates(&reply, world);
        let target = candidates
            .pop_front()
            .ok_or(error(ErrorKind::Misbehaved("activation told no TCP port of the object server")))?;
        world.close(self.link.transport);
        Ok(Phase::Opening(Opening::begin(activated, target, candidates, false, world)))
    }
}

impl Opening {
    fn begin(
        activated: Activated,
        target: Target,
        candidates: VecDeque<Target>,
        single: bool,
        world: &mut World,
    ) -> Self {
        let interfaces = if single { &OBJECT_INTERFACES[..1] } else { &OBJECT_INTERFACES[..] };
        let link = Link::open(target.clone(), &activated.principal, activated.level, interfaces, world);
        let deadline = world.now.saturating_add(world.config.connect_timeout);
        Self { link, deadline, activated, target, candidates, single }
    }

    fn handle(mut self, happened: Happened, work: &mut Work, world: &mut World) -> Result<Phase, Error> {
        match happened {
            Happened::Opened => {
                self.deadline = world.now.saturating_add(world.config.handshake_timeout);
                self.link.start(world);
            }
            Happened::Received(data) => {
                self.link.receive(data, world);
                let done = match self.link.next(world) {
                    Err(error) if !self.single && refuses_interfaces(&error) => {
                        world.abort(self.link.transport);
                        return Ok(self.once_more(world));
                    }
                    result => result.map_err(|error| self.link.error(error, world))?,
                };
                if done == Some(Done::Bound) {
                    let mut ready = Ready::new(self.link, self.activated, &world.config.limits);
                    world.event(Event::Ready);
                    ready.enter(work, world)?;
                    ready.proceed(work, world)?;
                    return Ok(Phase::Ready(ready));
                }
            }
            Happened::Closed(failure) => {
                let error = lost(failure, world);
                return match (self.link.connected, self.candidates.pop_front()) {
                    (false, Some(target)) => Ok(self.elsewhere(target, world)),
                    (true, _) if !self.single => Ok(self.once_more(world)),
                    _ => Err(error),
                };
            }
            Happened::Tick => {
                if world.now >= self.deadline
                    && !self.link.connected
                    && let Some(target) = self.candidates.pop_front()
                {
                    world.abort(self.link.transport);
                    return Ok(self.elsewhere(target, world));
                }
                expire(self.deadline, &self.link, world)?;
            }
            Happened::Close => return Ok(Ending::abort(world)),
        }
        Ok(Phase::Opening(self))
    }

    /// The next place where the object server may be.
    fn elsewhere(self, target: Target, world: &mut World) -> Phase {
        Phase::Opening(Self::begin(self.activated, target, self.candidates, self.single, world))
    }

    /// The same place with one interface: some hosts cannot take many in one bind, and not all of them say so.
    fn once_more(self, world: &mut World) -> Phase {
        Phase::Opening(Self::begin(self.activated, self.target, self.candidates, true, world))
    }
}

fn handle_ready(mut ready: Ready, happened: Happened, work: &mut Work, world: &mut World) -> Result<Phase, Error> {
    match happened {
        Happened::Opened => {}
        Happened::Received(data) => ready.receive(data, work, world)?,
        Happened::Closed(failure) => return Err(lost(failure, world)),
        Happened::Tick => {
            ready.tick(world)?;
            ready.proceed(work, world)?;
        }
        Happened::Close => {
            world.stage(Stage::Release);
            let deadline = world.now.saturating_add(world.config.linger);
            return Releasing { ready, deadline }.advance(world);
        }
    }
    Ok(Phase::Ready(ready))
}

impl Releasing {
    fn handle(mut self, happened: Happened, work: &mut Work, world: &mut World) -> Result<Phase, Error> {
        match happened {
            Happened::Opened | Happened::Close => {}
            Happened::Received(data) => {
                self.ready.receive(data, work, world)?;
                return self.advance(world);
            }
            // The host has nothing of ours any more, or collects it by itself.
            Happened::Closed(_) => {
                return Ok(Phase::Ending(Ending { outcome: Ok(()), linger: Some(self.deadline) }));
            }
            Happened::Tick if world.now >= self.deadline => return Ok(Ending::abort(world)),
            Happened::Tick => {}
        }
        Ok(Phase::Releasing(self))
    }

    /// Gives everything back at once, and what answers that are still due bring; then says goodbye.
    fn advance(mut self, world: &mut World) -> Result<Phase, Error> {
        self.ready.release_all(world)?;
        if self.ready.link.association.is_idle() {
            world.close(self.ready.link.transport);
            return Ok(Phase::Ending(Ending { outcome: Ok(()), linger: Some(self.deadline) }));
        }
        Ok(Phase::Releasing(self))
    }
}

impl Ending {
    /// Drops what is open, without a goodbye.
    fn abort(world: &mut World) -> Phase {
        world.abort_all();
        Phase::Ending(Self { outcome: Ok(()), linger: None })
    }

    fn handle(mut self, happened: &Happened, world: &mut World) -> Phase {
        if matches!(happened, Happened::Tick) && self.linger.is_some_and(|due| world.now >= due) {
            self.linger = None;
            world.abort_all();
        }
        Phase::Ending(self)
    }
}

/// Where the object server may be, the likeliest first: the host that the caller named, at the ports that its own
/// string bindings tell.
fn candidates(reply: &ActivationReply, world: &World) -> VecDeque<Target> {
    let host = &world.config.host;
    let mut bindings: Vec<(&str, u16)> =
        reply.bindings.tcp().filter_map(|(address, port)| Some((address, port?))).collect();
    bindings.sort_by_key(|(address, _)| !address.eq_ignore_ascii_case(host));
    let target = |host: &str, port| Target { role: Role::ObjectServer, host: host.to_owned(), port };
    let mut targets = VecDeque::new();
    for (_, port) in &bindings {
        targets.push_back(target(host, *port));
    }
    if world.config.follow_bindings {
        for (address, port) in &bindings {
            targets.push_back(target(address, *port));
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    targets.retain(|t| seen.insert((t.host.clone(), t.port)));
    targets.truncate(MAX_CANDIDATES);
    targets
}

/// [MS-DCOM 3.2.4.1.1.2]: the service that every activator runs in.
fn activator_principal(world: &World) -> String {
    format!("RPCSS/{}", world.config.host)
}

/// [MS-DCOM 3.2.4.2]: the principal that the host names for NTLM, or its activator's when it names none.
fn principal(reply: &ActivationReply, world: &World) -> String {
    let named = reply.bindings.security_bindings.iter().find(|b| b.authn_svc == WINNT && !b.principal.is_empty());
    named.map_or_else(|| activator_principal(world), |b| b.principal.clone())
}

fn lost(failure: Option<TransportFailure>, world: &World) -> Error {
    let kind = failure.map_or(ErrorKind::Disconnected, ErrorKind::Transport);
    Error::new(world.stage.clone(), kind)
}

fn expire(deadline: Instant, link: &Link, world: &World) -> Result<(), Error> {
    if world.now < deadline {
        return Ok(());
    }
    let kind = if link.connected { ErrorKind::TimedOut } else { ErrorKind::Transport(TransportFailure::TimedOut) };
    Err(Error::new(world.stage.clone(), kind))
}

pub(super) const fn fault(status: FaultStatus, verified: bool) -> ErrorKind {
    if verified { ErrorKind::Fault(status) } else { ErrorKind::UnverifiedFault(status) }
}

/// Whether a bind may have been refused for what was asked for, not for who asked.
fn refuses_interfaces(error: &rpc::Error) -> bool {
    match error {
        rpc::Error::BindRefused(reason) => {
            ![BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED, BindNakReason::INVALID_CHECKSUM].contains(reason)
        }
        rpc::Error::UnverifiedFault(status) => *status != FaultStatus::ACCESS_DENIED,
        _ => false,
    }
}

/// Offered in the first bind, so that no alter_context is needed where the host knows them all. The first one is all
/// that is offered to a host that refuses many.
const OBJECT_INTERFACES: [Interface; 7] = [
    Interface::orpc(IID_IWBEM_LEVEL1_LOGIN),
    Interface::orpc(IID_IWBEM_SERVICES),
    Interface::orpc(IID_IENUM_WBEM_CLASS_OBJECT),
    Interface::orpc(IID_IREM_UNKNOWN2),
    Interface::orpc(IID_IREM_UNKNOWN),
    Interface::orpc(IID_IWBEM_FETCH_SMART_ENUM),
    Interface::orpc(IID_IWBEM_WCO_SMART_ENUM),
];

/// [MS-RPCE 2.2.1.1.7] RPC_C_AUTHN_WINNT.
const WINNT: u16 = 10;

/// String bindings beyond these are not tried.
const MAX_CANDIDATES: usize = 8;

/// Room that the output queue keeps when it is empty.
const LARGE_QUEUE: usize = 1024;
