//! What every phase of a session shares: the way out, the clock, randomness, and which transports exist.

use std::collections::{BTreeSet, VecDeque};

use bytes::Bytes;

use crate::client::{AccountKind, Config, Event, Output, Stage};
use crate::cx::Cx;
use crate::entropy::{Draw, Entropy};
use crate::stats::Stats;
use crate::time::{FileTime, Instant};
use crate::transport::{Role, Target, TransportId};
use crate::wire::Guid;
use crate::wire::dcom::{ComVersion, OrpcThis};

pub(super) struct World {
    pub(super) config: Config,
    pub(super) now: Instant,
    pub(super) stats: Stats,
    pub(super) out: VecDeque<Output>,
    pub(super) entropy: Box<dyn Entropy>,
    /// The stage entered last.
    pub(super) stage: Stage,
    start: Instant,
    wall_at_start: FileTime,
    /// Transports that were opened and not yet reported closed.
    open: BTreeSet<TransportId>,
    next_transport: u32,
    /// The port that activation told last.
    learnt_port: Option<u16>,
    #[cfg(feature = "tracing")]
    span: Option<tracing::Span>,
}

impl World {
    pub(super) fn new(config: Config, entropy: Box<dyn Entropy>, start: Instant, wall_at_start: FileTime) -> Self {
        Self {
            config,
            now: start,
            stats: Stats::default(),
            out: VecDeque::new(),
            entropy,
            // Replaced by the first connect before anybody can see it.
            stage: Stage::Release,
            start,
            wall_at_start,
            open: BTreeSet::new(),
            next_transport: 0,
            learnt_port: None,
            #[cfg(feature = "tracing")]
            span: None,
        }
    }

    pub(super) fn open(&mut self, target: Target) -> TransportId {
        let transport = TransportId(self.next_transport);
        self.next_transport = self.next_transport.wrapping_add(1);
        self.open.insert(transport);
        self.stats.round_trips += 1;
        if target.role == Role::ObjectServer {
            self.learnt_port = Some(target.port);
        }
        self.out.push_back(Output::Open { transport, target });
        transport
    }

    /// Whether `transport` was opened and is not yet reported closed.
    pub(super) fn is_open(&self, transport: TransportId) -> bool {
        self.open.contains(&transport)
    }

    pub(super) fn closed(&mut self, transport: TransportId) {
        self.open.remove(&transport);
    }

    /// How many there are.
    pub(super) fn transports(&self) -> usize {
        self.open.len()
    }

    pub(super) fn has_transports(&self) -> bool {
        !self.open.is_empty()
    }

    pub(super) fn close(&mut self, transport: TransportId) {
        if self.open.contains(&transport) {
            self.out.push_back(Output::Close { transport });
        }
    }

    pub(super) fn abort(&mut self, transport: TransportId) {
        if self.open.contains(&transport) {
            self.out.push_back(Output::Abort { transport });
        }
    }

    pub(super) fn abort_all(&mut self) {
        self.abort_all_but(None);
    }

    pub(super) fn abort_all_but(&mut self, kept: Option<TransportId>) {
        let given_up = self.open.iter().filter(|transport| Some(**transport) != kept);
        self.out.extend(given_up.map(|transport| Output::Abort { transport: *transport }));
    }

    /// Tells the application, an error with what only the session knows about it.
    pub(super) fn event(&mut self, event: Event) {
        let Config { host, credentials, auth_level, .. } = &self.config;
        let event = event.map_error(|error| {
            error.concerning(|concern| {
                concern.host.clone_from(host);
                concern.port = self.learnt_port;
                concern.level = Some(*auth_level);
                concern.account = Some(AccountKind::of(credentials, host));
            })
        });
        self.out.push_back(Output::Event(event));
    }

    pub(super) fn stage(&mut self, stage: Stage) {
        if self.stage == stage {
            return;
        }
        #[cfg(feature = "tracing")]
        {
            self.span = Some(tracing::debug_span!("stage", name = %stage));
            tracing::debug!(host = %self.config.host, stage = %stage, "entered");
        }
        self.stage = stage.clone();
        self.event(Event::Stage(stage));
    }

    /// Lends the world to a layer below, for PDUs of `transport`.
    pub(super) fn lend<R>(&mut self, transport: TransportId, f: impl FnOnce(&mut Cx<'_>) -> R) -> R {
        let wall = self.wall_at_start.saturating_add(self.now.saturating_since(self.start));
        let mut tx: Vec<Bytes> = Vec::new();
        let mut cx = Cx { wall, entropy: self.entropy.as_mut(), tx: &mut tx, stats: &mut self.stats };
        let result = f(&mut cx);
        self.out.extend(tx.into_iter().map(|data| Output::Transmit { transport, data }));
        result
    }

    /// The head of a request, with a causality identifier of its own.
    pub(super) fn this(&mut self, version: ComVersion) -> OrpcThis {
        OrpcThis::new(version, self.identifier())
    }

    pub(super) fn identifier(&mut self) -> Guid {
        let mut id = [0; 16];
        self.entropy.fill(Draw::CausalityId, &mut id);
        Guid::from_bytes(id)
    }
}
