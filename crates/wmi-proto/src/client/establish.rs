//! From nothing to a session that is ready: activation, and the way to the process that holds the objects.

use crate::client::activator::{self, Activator};
use crate::client::approach::{Announced, Approach};
use crate::client::link::{Link, Ticket};
use crate::client::ready::{Activated, Ready};
use crate::client::session::{Ending, Happened, Phase, expire, fault, lost};
use crate::client::world::World;
use crate::client::{Error, ErrorKind, Event, Stage};
use crate::dcom;
use crate::rpc::{self, Call, Done, Plain};
use crate::time::Instant;
use crate::transport::{Role, TransportId};
use crate::wire::dcom::exporter::{ServerAlive2, ServerAlive2Response};
use crate::wire::dcom::{ActivationRequest, ComVersion, RemoteCreateInstance};
use crate::wire::guid::{CLSID_WBEM_LEVEL1_LOGIN, IID_IWBEM_LEVEL1_LOGIN};
use crate::wire::{FaultStatus, HResult, Operation as _, Reader, Wire as _, WireError};

/// Asking the activator for WMI's log-in object.
pub(super) struct Activating {
    link: Link,
    deadline: Instant,
    version: ComVersion,
    /// Whether the association is one that was kept: the host may have given it up unnoticed.
    kept: bool,
    /// Whether the host was asked for its version of COM.
    asked: bool,
}

/// Asking the activator which version of COM it speaks, on a connection without security ([MS-DCOM 3.1.2.5.1.6]).
pub(super) struct Asking {
    transport: TransportId,
    plain: Plain,
    connected: bool,
    deadline: Instant,
    /// The association over which WMI is to be activated.
    link: Link,
}

/// Connecting and binding to the process that holds the log-in object.
pub(super) struct Opening {
    approach: Approach,
    activated: Activated,
}

impl Activating {
    /// Begins on the association that was kept, or on a new one.
    pub(super) fn begin(kept: Option<Link>, world: &mut World) -> Self {
        Self::with(kept, ComVersion::V5_7, false, world)
    }

    fn with(kept: Option<Link>, version: ComVersion, asked: bool, world: &mut World) -> Self {
        let kept = kept.filter(|link| world.is_open(link.transport));
        let this = world.this(version);
        let request = ActivationRequest {
            clsid: CLSID_WBEM_LEVEL1_LOGIN,
            iids: vec![IID_IWBEM_LEVEL1_LOGIN],
            client_version: version,
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
        let deadline = world.now.saturating_add(world.config.connect_timeout);
        if let Some(mut link) = kept {
            world.stage(Stage::Activate);
            if link.call(call.clone(), world).is_ok() {
                return Self { link, deadline, version, kept: true, asked };
            }
            world.abort(link.transport);
        }
        world.stage(Stage::Connect(Role::Activator));
        let mut link = activator::connect(world);
        link.association.enqueue(call);
        Self { link, deadline, version, kept: false, asked }
    }

    pub(super) const fn transport(&self) -> TransportId {
        self.link.transport
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn handle(
        mut self,
        happened: Happened,
        activator: &mut Activator,
        world: &mut World,
    ) -> Result<Phase, Error> {
        match happened {
            Happened::Opened => {
                self.deadline = world.now.saturating_add(world.config.handshake_timeout);
                world.stage(Stage::Bind(Role::Activator));
                self.link.start(world);
            }
            Happened::Received(data) => {
                self.link.receive(data, world);
                loop {
                    match self.link.next(world) {
                        Ok(None) => break,
                        Ok(Some(Done::Bound)) => world.stage(Stage::Activate),
                        Ok(Some(Done::Response { stub, .. })) => return self.activated(stub, activator, world),
                        Ok(Some(Done::Fault { status, verified, .. })) => {
                            return self.refused(fault(status, verified), world);
                        }
                        Ok(Some(Done::NoInterface(call))) => {
                            return Err(Error::new(Stage::Activate, ErrorKind::NoInterface(call.interface)));
                        }
                        Err(rpc::Error::Shutdown) if self.kept => {
                            world.abort(self.link.transport);
                            return Ok(self.afresh(world));
                        }
                        Err(error) => return Err(self.link.error(error, world)),
                    }
                }
            }
            Happened::Closed(_) if self.kept => return Ok(self.afresh(world)),
            Happened::Closed(failure) => return Err(lost(failure, world)),
            Happened::Tick if self.kept && world.now >= self.deadline => {
                world.abort(self.link.transport);
                return Ok(self.afresh(world));
            }
            Happened::Tick => expire(self.deadline, self.link.connected, world)?,
            Happened::Close => return Ok(Ending::abort(world)),
        }
        Ok(Phase::Activating(self))
    }

    /// The association that was kept is of no use any more.
    fn afresh(self, world: &mut World) -> Phase {
        Phase::Activating(Self::with(None, self.version, self.asked, world))
    }

    /// [MS-DCOM 3.2.4.1.1]: a host that does not take our version is asked for its own, once.
    fn refused(self, kind: ErrorKind, world: &mut World) -> Result<Phase, Error> {
        let mismatch = match &kind {
            ErrorKind::Fault(status) => *status == FaultStatus(HResult::RPC_E_VERSION_MISMATCH.0),
            ErrorKind::Status(status) => *status == HResult::RPC_E_VERSION_MISMATCH,
            _ => false,
        };
        if self.asked || !mismatch {
            return Err(Error::new(Stage::Activate, kind));
        }
        Ok(Phase::Asking(Asking::begin(self.link, world)))
    }

    fn activated(self, stub: Reader, activator: &mut Activator, world: &mut World) -> Result<Phase, Error> {
        let error = |kind| Error::new(Stage::Activate, kind);
        let malformed = |e: WireError| error(ErrorKind::Malformed(e));
        let response = dcom::answer::<RemoteCreateInstance>(stub).map_err(malformed)?;
        if !response.status.is_success() {
            return self.refused(ErrorKind::Status(response.status), world);
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
        let activated = Activated {
            version: self.version.negotiate(reply.server_version),
            oxid: reply.oxid,
            rem_unknown: reply.ipid_rem_unknown,
            login: std,
        };
        let approach = Approach::begin(&reply.bindings, reply.authn_hint, Announced::Yes, world);
        let approach =
            approach.ok_or(error(ErrorKind::Misbehaved("activation told no TCP port of the object server")))?;
        activator.keep(self.link, world);
        Ok(Phase::Opening(Opening { approach, activated }))
    }
}

impl Asking {
    fn begin(link: Link, world: &mut World) -> Self {
        let plain = Plain::new(ServerAlive2::INTERFACE, ServerAlive2::OPNUM, bytes::Bytes::new(), &world.config.limits);
        let target = activator::target(world);
        let deadline = world.now.saturating_add(world.config.connect_timeout);
        Self { transport: world.open(target), plain, connected: false, deadline, link }
    }

    pub(super) const fn transport(&self) -> TransportId {
        self.transport
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn handle(mut self, happened: Happened, world: &mut World) -> Result<Phase, Error> {
        match happened {
            Happened::Opened => {
                self.connected = true;
                self.deadline = world.now.saturating_add(world.config.handshake_timeout);
                world.lend(self.transport, |cx| self.plain.start(cx));
            }
            Happened::Received(data) => {
                world.stats.octets_in += data.len() as u64;
                let answer = world.lend(self.transport, |cx| self.plain.receive(data, cx));
                if let Some(answer) = answer.map_err(|error| Error::new(Stage::Activate, error.into()))? {
                    return self.answered(answer, world);
                }
            }
            Happened::Closed(failure) => return Err(lost(failure, world)),
            Happened::Tick => expire(self.deadline, self.connected, world)?,
            Happened::Close => return Ok(Ending::abort(world)),
        }
        Ok(Phase::Asking(self))
    }

    /// Octets of the association over which WMI is to be activated; they are looked at then.
    pub(super) fn keep(&mut self, transport: TransportId, happened: Happened, world: &mut World) {
        if let (true, Happened::Received(data)) = (self.link.transport == transport, happened) {
            self.link.receive(data, world);
        }
    }

    /// Nobody has verified the version, and nobody needs to: a wrong one is refused.
    fn answered(self, answer: Result<Reader, FaultStatus>, world: &mut World) -> Result<Phase, Error> {
        let error = |kind| Error::new(Stage::Activate, kind);
        let mut stub = answer.map_err(|status| error(ErrorKind::UnverifiedFault(status)))?;
        let response = ServerAlive2Response::decode(&mut stub).map_err(|e| error(ErrorKind::Malformed(e)))?;
        world.close(self.transport);
        let version = ComVersion::V5_7.negotiate(response.version);
        if version == ComVersion::V5_7 {
            return Err(error(ErrorKind::Status(HResult::RPC_E_VERSION_MISMATCH)));
        }
        Ok(Phase::Activating(Activating::with(Some(self.link), version, true, world)))
    }
}

impl Opening {
    pub(super) const fn transport(&self) -> TransportId {
        self.approach.transport()
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.approach.deadline()
    }

    pub(super) fn handle(mut self, happened: Happened, world: &mut World) -> Result<Phase, Error> {
        if matches!(happened, Happened::Close) {
            return Ok(Ending::abort(world));
        }
        if !self.approach.handle(happened, world)? {
            return Ok(Phase::Opening(self));
        }
        let ready = Ready::new(self.approach.into_link(), self.activated, &world.config);
        world.event(Event::Ready);
        Ok(Phase::Ready(ready))
    }
}
