//! A transport with the association on it.

use bytes::BytesMut;

use crate::auth::{AuthLevel, Initiator};
use crate::client::world::World;
use crate::client::{CallId, Error, QueryId, Stage};
use crate::rpc::{self, Association, Call, Done};
use crate::transport::{Role, Target, TransportId};
use crate::wire::{Guid, Interface};
use crate::wmi;

/// Who made a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ticket {
    Activate,
    /// Whether it is a SimplePing.
    Ping {
        simple: bool,
    },
    /// ResolveOxid2, with the OXID.
    Resolve(u64),
    /// What comes before the first log-in.
    Greeting,
    /// By the number of the namespace.
    Login(usize),
    /// The operation tells which references a reply carries when its query is gone.
    Query(QueryId, wmi::Operation),
    /// GetObject or ExecMethod.
    Call(CallId),
    /// GetObject of a class that describes methods, by its number.
    Signature(u32),
    AddRef(Guid),
    /// RemRelease, by its number.
    Release(u32),
}

impl Ticket {
    /// Whether the host may take its time with the answer, as it did the last time.
    pub(super) const fn is_patient(&self) -> bool {
        matches!(self, Self::Query(_, wmi::Operation::NextAgain))
    }
}

pub(super) struct Link {
    pub(super) transport: TransportId,
    pub(super) role: Role,
    pub(super) association: Association<Ticket>,
    pub(super) connected: bool,
    /// Whether the host accepted the bind.
    pub(super) bound: bool,
}

impl Link {
    /// Opens a transport whose association will log on to the service `principal`.
    pub(super) fn open(
        target: Target,
        principal: &str,
        level: AuthLevel,
        interfaces: &[Interface],
        world: &mut World,
    ) -> Self {
        let initiator = Initiator::new(world.config.mechanism, &world.config.credentials, principal, level);
        let association = Association::new(initiator, level, interfaces, &world.config.limits);
        let role = target.role;
        Self { transport: world.open(target), role, association, connected: false, bound: false }
    }

    /// The transport is open: says hello, once.
    pub(super) fn start(&mut self, world: &mut World) {
        if std::mem::replace(&mut self.connected, true) {
            return;
        }
        world.lend(self.transport, |cx| self.association.start(cx));
    }

    pub(super) fn call(&mut self, call: Call<Ticket>, world: &mut World) -> Result<(), Error> {
        let result = world.lend(self.transport, |cx| self.association.call(call, cx));
        result.map_err(|error| self.error(error, world))
    }

    /// Hands octets to the association.
    pub(super) fn receive(&mut self, data: BytesMut, world: &mut World) {
        world.stats.octets_in += data.len() as u64;
        self.association.receive(data);
    }

    /// What happened next on the association, or what ended it.
    pub(super) fn next(&mut self, world: &mut World) -> Result<Option<Done<Ticket>>, rpc::Error> {
        let done = world.lend(self.transport, |cx| self.association.next(cx))?;
        self.bound |= done == Some(Done::Bound);
        Ok(done)
    }

    /// An error of this link with the stage it belongs to.
    pub(super) fn error(&self, error: rpc::Error, world: &World) -> Error {
        let stage = match error {
            // The log-on shows its failure only in the answer to the first call.
            rpc::Error::UnverifiedFault(_) | rpc::Error::BindRefused(_) | rpc::Error::Auth(_) => Stage::Bind(self.role),
            _ => world.stage.clone(),
        };
        Error::new(stage, error.into())
    }
}
