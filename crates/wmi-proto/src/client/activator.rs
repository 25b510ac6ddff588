//! The association with the activator, kept for the life of the session: pings go over it, and a new activation.

use core::time::Duration;
use std::collections::BTreeSet;

use bytes::BytesMut;

use crate::client::link::{Link, Ticket};
use crate::client::session::fault;
use crate::client::world::World;
use crate::client::{Config, ErrorKind};
use crate::dcom::{Ping, PingSet, Pinged};
use crate::rpc::{self, Call, Done};
use crate::time::Instant;
use crate::transport::{Role, Target, TransportId};
use crate::wire::dcom::RemoteCreateInstance;
use crate::wire::dcom::exporter::{
    ComplexPing, ComplexPingResponse, ResolveOxid2, ResolveOxid2Request, ResolveOxid2Response, SimplePing,
};
use crate::wire::{FaultStatus, Operation as _, Reader, Wire as _, Writer};

/// Tells the host in every period which objects are still needed ([MS-DCOM 3.2.6.1]).
///
/// What goes wrong here is not the session's failure: the host then collects its objects some minutes later, and the
/// call that misses one says so.
pub(super) struct Activator {
    link: Option<Link>,
    set: PingSet,
    /// What is sent when the association stands again.
    waiting: Vec<Call<Ticket>>,
    /// When the connection attempt or the call under way is given up.
    deadline: Option<Instant>,
    /// When the next ping is due.
    due: Option<Instant>,
    /// The OXIDs that the host is asked for.
    resolving: BTreeSet<u64>,
    told: Vec<Told>,
    /// Why a log-on was refused here: it is not tried again.
    refused: Option<ErrorKind>,
    /// Whether a ping whose connection was lost was repeated already.
    repeated: bool,
    /// Pings in this period.
    said: u32,
}

/// What the host said that the session has to know.
pub(super) enum Told {
    /// It does not know this object any more.
    Gone(u64),
    /// Where the process with this OXID is, or why that is not known.
    Resolved(u64, Result<ResolveOxid2Response, ErrorKind>),
}

impl Activator {
    pub(super) fn new() -> Self {
        Self {
            link: None,
            set: PingSet::default(),
            waiting: Vec::new(),
            deadline: None,
            due: None,
            resolving: BTreeSet::new(),
            told: Vec::new(),
            refused: None,
            repeated: false,
            said: 0,
        }
    }

    pub(super) fn transport(&self) -> Option<TransportId> {
        self.link.as_ref().map(|link| link.transport)
    }

    pub(super) fn next_timeout(&self) -> Option<Instant> {
        self.deadline.or(self.due)
    }

    /// Takes over the association over which WMI was activated.
    pub(super) fn keep(&mut self, link: Link, world: &mut World) {
        self.link = Some(link);
        (self.refused, self.repeated) = (None, false);
        self.due = Some(world.now.saturating_add(PERIOD));
        // What came in the same breath as the answer is looked at now, as it would be if it came by itself.
        self.proceed(|_| BTreeSet::new(), world);
    }

    /// Rests until an association is handed over by `keep`; the one that stands, if one does, is for activating anew.
    pub(super) fn take(&mut self, world: &mut World) -> Option<Link> {
        let link = self.link.take();
        self.given_up(&ErrorKind::Cancelled);
        self.told.clear();
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
        self.given_up(&ErrorKind::Cancelled);
        self.told.clear();
        self.due = None;
    }

    /// `alive` tells the objects that have been held since a point in time.
    pub(super) fn tick(&mut self, alive: impl Fn(Instant) -> BTreeSet<u64>, world: &mut World) {
        if self.deadline.is_some_and(|deadline| deadline <= world.now) {
            if let Some(link) = self.link.take() {
                world.abort(link.transport);
            }
            self.lost(&ErrorKind::TimedOut, world);
        }
        if self.deadline.is_none() && self.due.is_some_and(|due| due <= world.now) {
            self.due = Some(world.now.saturating_add(PERIOD));
            self.said = 0;
            self.ping(alive, world);
        }
    }

    pub(super) fn opened(&mut self, world: &mut World) {
        if let Some(link) = &mut self.link {
            self.deadline = Some(world.now.saturating_add(world.config.handshake_timeout));
            link.start(world);
        }
    }

    pub(super) fn closed(&mut self, world: &World) {
        self.link = None;
        self.lost(&ErrorKind::Disconnected, world);
    }

    pub(super) fn receive(&mut self, data: BytesMut, alive: impl Fn(Instant) -> BTreeSet<u64>, world: &mut World) {
        if let Some(link) = &mut self.link {
            link.receive(data, world);
        }
        self.proceed(alive, world);
    }

    fn proceed(&mut self, alive: impl Fn(Instant) -> BTreeSet<u64>, world: &mut World) {
        while let Some(link) = &mut self.link {
            match link.next(world) {
                Ok(None) => break,
                Ok(Some(Done::Bound)) => {
                    for call in std::mem::take(&mut self.waiting) {
                        self.send(call, world);
                    }
                }
                Ok(Some(Done::Response { ticket: Ticket::Resolve(oxid), mut stub })) => {
                    self.answered_one();
                    let answer = ResolveOxid2Response::decode(&mut stub).map_err(ErrorKind::Malformed);
                    self.resolved(oxid, answer);
                }
                Ok(Some(Done::Response { ticket, stub })) => {
                    self.answered_one();
                    match self.answered(ticket, stub) {
                        Pinged::Rest | Pinged::Refused => {}
                        Pinged::Again => self.ping(&alive, world),
                        Pinged::Gone(oid) => {
                            self.told.push(Told::Gone(oid));
                            // Objects behind it are said when it is not held any more.
                            self.due = Some(world.now);
                        }
                    }
                }
                Ok(Some(Done::Fault { ticket: Ticket::Resolve(oxid), status, verified, .. })) => {
                    self.answered_one();
                    self.resolved(oxid, Err(fault(status, verified)));
                }
                // The host takes no pings.
                Ok(Some(Done::Fault { .. })) => {
                    self.answered_one();
                    self.set.unanswered();
                }
                Ok(Some(Done::NoInterface(call))) => self.given_up(&ErrorKind::NoInterface(call.interface)),
                Err(error) => self.failed(error, world),
            }
        }
    }

    /// What the host said that the session has to know.
    pub(super) fn take_told(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.told)
    }

    /// Asks where the process is that holds an object ([MS-DCOM 3.2.4.1.2.3]).
    pub(super) fn resolve(&mut self, oxid: u64, world: &mut World) {
        if let Some(why) = &self.refused {
            self.told.push(Told::Resolved(oxid, Err(why.clone())));
            return;
        }
        if !self.resolving.insert(oxid) {
            return;
        }
        let mut stub = Writer::new();
        ResolveOxid2Request { oxid, requested_protseqs: vec![NCACN_IP_TCP] }.encode(&mut stub);
        let call = Call {
            ticket: Ticket::Resolve(oxid),
            interface: ResolveOxid2::INTERFACE,
            object: None,
            opnum: ResolveOxid2::OPNUM,
            stub: stub.finish(),
            awaited: true,
            patient: false,
        };
        self.send_or_connect(call, world);
    }

    fn resolved(&mut self, oxid: u64, answer: Result<ResolveOxid2Response, ErrorKind>) {
        if self.resolving.remove(&oxid) {
            self.told.push(Told::Resolved(oxid, answer));
        }
    }

    /// A call was answered: nobody waits for the association unless another one was made.
    fn answered_one(&mut self) {
        self.repeated = false;
        if self.link.as_ref().is_none_or(|link| link.association.is_idle()) {
            self.deadline = None;
        }
    }

    /// Says what changed since the last ping, or that nothing did. An object younger than a period is none of it.
    fn ping(&mut self, alive: impl Fn(Instant) -> BTreeSet<u64>, world: &mut World) {
        if self.said >= MOST_PINGS {
            return;
        }
        let then = world.now.as_micros().saturating_sub(u64::try_from(PERIOD.as_micros()).unwrap_or(u64::MAX));
        let Some(ping) = self.set.next(&alive(Instant::from_micros(then))) else { return };
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
        self.said += 1;
        world.stats.pings += 1;
        self.send_or_connect(call, world);
    }

    fn send_or_connect(&mut self, call: Call<Ticket>, world: &mut World) {
        match &self.link {
            Some(link) if link.bound => return self.send(call, world),
            Some(_) => {}
            None => {
                self.link = Some(connect(world));
                self.deadline = Some(world.now.saturating_add(world.config.connect_timeout));
            }
        }
        self.waiting.push(call);
    }

    fn send(&mut self, call: Call<Ticket>, world: &mut World) {
        let Some(link) = &mut self.link else { return };
        self.deadline = Some(world.now.saturating_add(world.config.handshake_timeout));
        if let Err(error) = world.lend(link.transport, |cx| link.association.call(call, cx)) {
            self.failed(error, world);
        }
    }

    fn answered(&mut self, ticket: Ticket, mut stub: Reader) -> Pinged {
        let result = match ticket {
            Ticket::Ping { simple: true } => FaultStatus::decode(&mut stub).map(|status| self.set.simple(status)),
            _ => ComplexPingResponse::decode(&mut stub).map(|response| self.set.complex(&response)),
        };
        result.unwrap_or_else(|_| {
            self.set.unanswered();
            Pinged::Refused
        })
    }

    /// The association ended by itself, was refused, or somebody changes its messages: nothing that it said is used.
    fn failed(&mut self, error: rpc::Error, world: &mut World) {
        if let Some(link) = self.link.take() {
            world.abort(link.transport);
        }
        // A log-on that is refused again and again would lock the account.
        let refused =
            matches!(error, rpc::Error::UnverifiedFault(_) | rpc::Error::BindRefused(_) | rpc::Error::Auth(_));
        let why = error.into();
        self.lost(&why, world);
        if refused {
            self.refused = Some(why);
            self.due = None;
        }
    }

    /// The association is gone. A call that was under way is made again soon, on another one.
    fn lost(&mut self, why: &ErrorKind, world: &World) {
        if self.deadline.is_some() && !std::mem::replace(&mut self.repeated, true) {
            self.due = self.due.map(|due| due.min(world.now.saturating_add(RETRY)));
        }
        self.given_up(why);
    }

    /// What was asked will not be answered.
    fn given_up(&mut self, why: &ErrorKind) {
        self.set.unanswered();
        self.waiting.clear();
        self.deadline = None;
        while let Some(oxid) = self.resolving.pop_first() {
            self.told.push(Told::Resolved(oxid, Err(why.clone())));
        }
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

/// [C706 appendix I]: the protocol sequence of TCP.
const NCACN_IP_TCP: u16 = 7;

/// Pings in one period; a host that asks for more is not listened to until the next.
const MOST_PINGS: u32 = 1000;

/// How soon a ping is repeated whose connection was lost.
const RETRY: Duration = Duration::from_secs(10);
