//! The way to a process of the host: where it may be, until an association with it stands.

use std::collections::{BTreeSet, VecDeque};

use crate::auth::AuthLevel;
use crate::client::activator;
use crate::client::link::Link;
use crate::client::session::Happened;
use crate::client::world::World;
use crate::client::{Error, ErrorKind, Stage};
use crate::rpc::{self, Done};
use crate::time::Instant;
use crate::transport::{Role, Target, TransportFailure, TransportId};
use crate::wire::Interface;
use crate::wire::dcom::DualStringArray;
use crate::wire::guid::{
    IID_IENUM_WBEM_CLASS_OBJECT, IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2, IID_IWBEM_FETCH_SMART_ENUM,
    IID_IWBEM_LEVEL1_LOGIN, IID_IWBEM_SERVICES, IID_IWBEM_WCO_SMART_ENUM,
};
use crate::wire::status::BindNakReason;

/// Connecting and binding, at one place after the other.
pub(super) struct Approach {
    link: Link,
    deadline: Instant,
    /// Whom to log on to.
    principal: String,
    level: AuthLevel,
    target: Target,
    /// Where else it may be.
    candidates: VecDeque<Target>,
    /// Whether the bind offers one interface only, because the host refused many.
    single: bool,
    announced: Announced,
}

/// Whether the application is told of it, as of the steps of a session that is being established.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Announced {
    /// It is: on the way to the process with the log-in object.
    Yes,
    /// It is not: others find what they do interrupted by nothing.
    No,
}

impl Approach {
    /// Sets out for the likeliest place that the host told; `None` when it told none.
    pub(super) fn begin(
        told: &DualStringArray,
        authn_hint: u32,
        announced: Announced,
        world: &mut World,
    ) -> Option<Self> {
        let mut candidates = candidates(told, world);
        let target = candidates.pop_front()?;
        let level = if authn_hint >= 6 { AuthLevel::Privacy } else { world.config.auth_level };
        let principal = principal(told, world);
        announced.stage(Stage::Connect(target.role), world);
        let link = Link::open(target.clone(), &principal, level, &OBJECT_INTERFACES, world);
        let deadline = world.now.saturating_add(world.config.connect_timeout);
        Some(Self { link, deadline, principal, level, target, candidates, single: false, announced })
    }

    pub(super) const fn transport(&self) -> TransportId {
        self.link.transport
    }

    pub(super) const fn deadline(&self) -> Instant {
        self.deadline
    }

    /// The association that stands.
    pub(super) fn into_link(self) -> Link {
        self.link
    }

    /// Something happened on its transport, or time passed. Says whether the association stands; what else has come is in
    /// the link.
    pub(super) fn handle(&mut self, happened: Happened, world: &mut World) -> Result<bool, Error> {
        match happened {
            Happened::Opened => {
                self.deadline = world.now.saturating_add(world.config.handshake_timeout);
                self.announced.stage(self.stage_of(true), world);
                self.link.start(world);
            }
            Happened::Received(data) => {
                self.link.receive(data, world);
                match self.link.next(world) {
                    Err(error) if !self.single && refuses_interfaces(&error) => {
                        world.abort(self.link.transport);
                        self.once_more(world);
                    }
                    done => {
                        return done.map(|done| done == Some(Done::Bound)).map_err(|error| self.error(error.into()));
                    }
                }
            }
            Happened::Closed(_) if self.link.connected && !self.single => self.once_more(world),
            Happened::Closed(failure) => match self.candidates.pop_front().filter(|_| !self.link.connected) {
                Some(target) => self.elsewhere(target, world),
                None => return Err(self.error(failure.map_or(ErrorKind::Disconnected, ErrorKind::Transport))),
            },
            Happened::Tick if world.now < self.deadline => {}
            Happened::Tick if self.link.connected => return Err(self.error(ErrorKind::TimedOut)),
            Happened::Tick => match self.candidates.pop_front() {
                Some(target) => {
                    world.abort(self.link.transport);
                    self.elsewhere(target, world);
                }
                None => return Err(self.error(ErrorKind::Transport(TransportFailure::TimedOut))),
            },
            Happened::Close => {}
        }
        Ok(false)
    }

    /// The next place where it may be.
    fn elsewhere(&mut self, target: Target, world: &mut World) {
        self.target = target;
        self.open(world);
    }

    /// The same place with one interface: some hosts cannot take many in one bind, and not all of them say so.
    fn once_more(&mut self, world: &mut World) {
        self.single = true;
        self.open(world);
    }

    fn open(&mut self, world: &mut World) {
        let interfaces = match (self.single, self.announced) {
            (false, _) => &OBJECT_INTERFACES[..],
            (true, Announced::Yes) => &OBJECT_INTERFACES[..1],
            // A process without the log-in object is asked for namespaces first.
            (true, Announced::No) => &OBJECT_INTERFACES[1..2],
        };
        self.announced.stage(self.stage_of(false), world);
        self.link = Link::open(self.target.clone(), &self.principal, self.level, interfaces, world);
        self.deadline = world.now.saturating_add(world.config.connect_timeout);
    }

    const fn stage_of(&self, connected: bool) -> Stage {
        if connected { Stage::Bind(self.target.role) } else { Stage::Connect(self.target.role) }
    }

    const fn error(&self, kind: ErrorKind) -> Error {
        Error::new(self.stage_of(self.link.connected), kind)
    }
}

impl Announced {
    fn stage(self, stage: Stage, world: &mut World) {
        if self == Self::Yes {
            world.stage(stage);
        }
    }
}

/// Where the object server may be, the likeliest first: the host that the caller named, at the ports that its own
/// string bindings tell.
fn candidates(told: &DualStringArray, world: &World) -> VecDeque<Target> {
    let host = &world.config.host;
    let mut bindings: Vec<(&str, u16)> = told.tcp().filter_map(|(address, port)| Some((address, port?))).collect();
    bindings.sort_by_key(|(address, _)| !address.eq_ignore_ascii_case(host));
    let target = |host: &str, port| {
        let keep_alive = world.config.keep_alive;
        Target { role: Role::ObjectServer, host: host.to_owned(), port, keep_alive }
    };
    let mut targets = VecDeque::new();
    for (_, port) in &bindings {
        targets.push_back(target(host, *port));
    }
    if world.config.follow_bindings {
        for (address, port) in &bindings {
            targets.push_back(target(address, *port));
        }
    }
    let mut seen = BTreeSet::new();
    targets.retain(|t| seen.insert((t.host.clone(), t.port)));
    targets.truncate(MAX_CANDIDATES);
    targets
}

/// [MS-DCOM 3.2.4.2]: the principal that the host names for NTLM, or its activator's when it names none. A host that
/// names a service of another one gets the latter too: with such a log-on it could pose as us there.
fn principal(told: &DualStringArray, world: &World) -> String {
    let named = told.security_bindings.iter().find(|b| b.authn_svc == WINNT && !b.principal.is_empty());
    let own = named.filter(|b| !is_of_another(&b.principal, &world.config.host));
    own.map_or_else(|| activator::principal(world), |b| b.principal.clone())
}

/// Whether `principal` is the SPN (`service/host`) of a host other than `host`. Accounts such as
/// `NT AUTHORITY\SYSTEM`, which Windows names, are of no host.
fn is_of_another(principal: &str, host: &str) -> bool {
    let mut parts = principal.split('/').skip(1);
    parts.next().is_some_and(|of| !of.split(':').next().unwrap_or(of).eq_ignore_ascii_case(host))
}

/// Whether a bind may have been refused for what was asked for, not for who asked.
fn refuses_interfaces(error: &rpc::Error) -> bool {
    match error {
        rpc::Error::BindRefused(reason) => {
            ![BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED, BindNakReason::INVALID_CHECKSUM].contains(reason)
        }
        rpc::Error::UnverifiedFault(status) => !status.hresult().refuses_account(),
        _ => false,
    }
}

/// Offered in the first bind, so that no alter_context is needed where the host knows them all. One of the first two is
/// all that is offered to a host that refuses many.
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

#[cfg(test)]
mod tests {
    use super::is_of_another;

    #[test]
    fn a_host_cannot_have_us_log_on_to_a_service_of_another() {
        for (principal, of_another) in [
            (r"NT AUTHORITY\SYSTEM", false),
            ("WORKSTATION$", false),
            ("RPCSS/srv.example", false),
            ("host/SRV.example:135", false),
            ("cifs/victim.example", true),
            ("cifs/victim.example/srv.example", true),
            ("/", true),
        ] {
            assert_eq!(is_of_another(principal, "srv.example"), of_another, "{principal}");
        }
    }
}
