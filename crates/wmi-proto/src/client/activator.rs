//! The association with the activator, kept for the life of the session: pings go over it, and a new activation.

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::BytesMut;

use crate::client::link::{Link, Ticket};
use crate::client::world::World;
use crate::client::{Config, Error, ErrorKind, Stage};
use crate::dcom::{Ping, PingSet, Pinged};
use crate::rpc::{self, Call, Done};
use crate::time::Instant;
use crate::transport::{Role, Target, TransportId};
use crate::wire::dcom::RemoteCreateInstance;
use crate::wire::dcom::exporter::{ComplexPing, SimplePing};
use crate::wire::{Operation as _, Reader, Wire as _, Writer};

/// Tells the host in every period which objects are still needed ([MS-DCOM 3.2.6.1]).
///
/// What goes wrong here is not the session's failure: the host then collects its objects some minutes later, and the
/// call that misses one says so.
pub(super) struct Activator {
    link: Option<Link>,
    set: PingSet,
    /// What is sent when the association stands again.
    waiting: Option<Call<Ticket>>,
    /// When the connection attempt or the call under way is given up.
    deadline: Option<Instant>,
    /// When the next ping is due.
    due: Option<Instant>,
}

impl Activator {
    pub(super) fn new() -> Self {
        Self { link: None, set: PingSet::default(), waiting: None, deadline: None, due: None }
    }

    pub(super) fn transport(&self) -> Option<TransportId> {
        self.link.as_ref().map(|link| link.transport)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadline.or(self.due)
    }

    /// Takes over the association over which WMI was activated.
    pub(super) fn keep(&mut self, link: Link, world: &World) {
        self.link = Some(link);
        self.due = Some(world.now.saturating_add(PERIOD));
    }

    /// Rests until an association is handed over by `keep`; the one that stands, if one does, is for activating anew.
    pub(super) fn take(&mut self, world: &mut World) -> Option<Link> {
        let link = self.link.take();
        self.given_up();
        self.due = None;
        let (idle, busy) = match link {
            Some(link) if link.bound && link.association.is_idle() => (Some(link), None),
            link => (None, link),
        };
        if let Some(link) = busy {
            world.abort(link.transport);
        }
        idle
    }

    pub(super) fn close(&mut self, world: &mut World) {
        if let Some(link) = self.link.take() {
            world.close(link.transport);
        }
        self.given_up();
        self.due = None;
    }

    /// `alive` tells the objects that have been held since a point in time.
    pub(super) fn tick(&mut self, alive: impl Fn(Instant) -> BTreeSet<u64>, world: &mut World) -> Result<(), Error> {
        if self.deadline.is_some_and(|deadline| deadline <= world.now) {
            if let Some(link) = self.link.take() {
                world.abort(link.transport);
            }
            self.lost(world);
        }
        if self.deadline.is_none() && self.due.is_some_and(|due| due <= world.now) {
            self.due = Some(world.now.saturating_add(PERIOD));
            self.ping(alive, world)?;
        }
        Ok(())
    }

    pub(super) fn opened(&mut self, world: &mut World) {
        if let Some(link) = &mut self.link {
            self.deadline = Some(world.now.saturating_add(world.config.handshake_timeout));
            link.start(world);
        }
    }

    pub(super) fn closed(&mut self, world: &World) {
        self.link = None;
        self.lost(world);
    }

    /// Tells which object the host does not know any more, if it said that of one.
    pub(super) fn receive(
        &mut self,
        data: BytesMut,
        alive: impl Fn(Instant) -> BTreeSet<u64>,
        world: &mut World,
    ) -> Result<Option<u64>, Error> {
        if let Some(link) = &mut self.link {
            link.receive(data, world);
        }
        let mut gone = None;
        while let Some(link) = &mut self.link {
            match link.next(world) {
                Ok(None) => break,
                Ok(Some(Done::Bound)) => {
                    if let Some(call) = self.waiting.take() {
                        self.send(call, world)?;
                    }
                }
                Ok(Some(Done::Response { ticket, stub })) => {
                    self.deadline = None;
                    match self.answered(ticket, stub) {
                        Pinged::Rest | Pinged::Refused => {}
                        Pinged::Again => self.ping(&alive, world)?,
                        Pinged::Gone(oid) => {
                            gone = Some(oid);
                            // Objects behind it are said when it is not held any more.
                            self.due = Some(world.now);
                        }
                    }
                }
                // The host takes no pings.
                Ok(Some(Done::Fault { .. } | Done::NoInterface(_))) => self.given_up(),
                Err(error) => self.failed(error, world)?,
            }
        }
        Ok(gone)
    }

    /// Says what changed since the last ping, or that nothing did. An object younger than a period is none of it.
    fn ping(&mut self, alive: impl Fn(Instant) -> BTreeSet<u64>, world: &mut World) -> Result<(), Error> {
        let then = world.now.as_micros().saturating_sub(u64::try_from(PERIOD.as_micros()).unwrap_or(u64::MAX));
        let Some(ping) = self.set.next(&alive(Instant::from_micros(then))) else { return Ok(()) };
        let mut stub = Writer::new();
        let (opnum, simple) = match &ping {
            Ping::Simple(request) => {
                request.encode(&mut stub);
                (SimplePing::OPNUM, true)
            }
            Ping::Complex(request) => {
                request.encode(&mut stub);
                (ComplexPing::OPNUM, false)
            }
        };
        let call = Call {
            ticket: Ticket::Ping { simple },
            interface: SimplePing::INTERFACE,
            object: None,
            opnum,
            stub: stub.finish(),
            awaited: false,
            patient: false,
        };
        world.stats.pings += 1;
        if self.link.is_some() {
            return self.send(call, world);
        }
        self.link = Some(connect(world));
        self.deadline = Some(world.now.saturating_add(world.config.connect_timeout));
        self.waiting = Some(call);
        Ok(())
    }

    fn send(&mut self, call: Call<Ticket>, world: &mut World) -> Result<(), Error> {
        let Some(link) = &mut self.link else { return Ok(()) };
        self.deadline = Some(world.now.saturating_add(world.config.handshake_timeout));
        let sent = world.lend(link.transport, |cx| link.association.call(call, cx));
        sent.or_else(|error| self.failed(error, world))
    }

    fn answered(&mut self, ticket: Ticket, mut stub: Reader) -> Pinged {
        let result = match ticket {
            Ticket::Ping { simple: true } => {
                <SimplePing as crate::wire::Operation>::Response::decode(&mut stub).map(|r| self.set.simple(r))
            }
            _ => <ComplexPing as crate::wire::Operation>::Response::decode(&mut stub).map(|r| self.set.complex(&r)),
        };
        result.unwrap_or_else(|_| {
            self.set.unanswered();
            Pinged::Refused
        })
    }

    /// The association ended by itself or was refused. Somebody who changes messages ends the session.
    fn failed(&mut self, error: rpc::Error, world: &mut World) -> Result<(), Error> {
        if let Some(link) = self.link.take() {
            world.abort(link.transport);
        }
        self.lost(world);
        match error {
            rpc::Error::Tampered(what) => Err(Error::new(Stage::Ping, ErrorKind::Tampered(what))),
            // A log-on that is refused again and again would lock the account.
            rpc::Error::UnverifiedFault(_) | rpc::Error::BindRefused(_) | rpc::Error::Auth(_) => {
                self.due = None;
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The association is gone. A call that was under way is made again soon, on another one.
    fn lost(&mut self, world: &World) {
        if self.deadline.is_some() {
            self.due = self.due.map(|due| due.min(world.now.saturating_add(RETRY)));
        }
        self.given_up();
    }

    fn given_up(&mut self) {
        self.set.unanswered();
        self.waiting = None;
        self.deadline = None;
    }
}

/// Opens a transport whose association will log on to the service that every activator runs in.
pub(super) fn connect(world: &mut World) -> Link {
    let level = world.config.auth_level;
    Link::open(target(world), &principal(world), level, &[RemoteCreateInstance::INTERFACE], world)
}

/// Where the activator is.
pub(super) fn target(world: &World) -> Target {
    let Config { host, port, keep_alive, .. } = &world.config;
    Target { role: Role::Activator, host: host.clone(), port: *port, keep_alive: *keep_alive }
}

/// [MS-DCOM 3.2.4.1.1.2].
pub(super) fn principal(world: &World) -> String {
    format!("RPCSS/{}", world.config.host)
}

/// [MS-DCOM 3.2.1]: exactly two minutes. A host drops what was not heard of for three of them.
const PERIOD: Duration = Duration::from_secs(120);

/// How soon a ping is repeated whose connection was lost.
const RETRY: Duration = Duration::from_secs(10);
