//! One client and its links: what its core wants is carried out, and what happened is told to it.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::BytesMut;
use mio::event::Event as Readiness;
use mio::{Poll, Token};
use slab::Slab;
use wmi_proto::{Client, Event, Input, Instant, Output, Target, TransportFailure, TransportId};

use crate::link::{End, Link, Permit};
use crate::os::Clock;
use crate::reactor::SessionId;
use crate::resolve::Resolver;
use crate::tap::Tap;

/// What the sessions of a reactor share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) poll: Poll,
    pub(crate) resolver: Resolver,
    /// To whom the readiness of a token belongs.
    pub(crate) tokens: Slab<Route>,
    pub(crate) attempts: Attempts,
    /// What the cores said and was not told to the caller yet.
    pub(crate) events: VecDeque<(SessionId, Event)>,
    /// One for all reads.
    pub(crate) buffer: Box<[u8]>,
}

impl Shared {
    /// A link is over: nothing is told to it any more, and it does not wait in line.
    fn forget(&mut self, link: &Link) {
        self.tokens.try_remove(link.token().0);
        if let Some(place) = link.place() {
            self.attempts.line.remove(&place);
        }
    }
}

/// A transport of one of many sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) session: SessionId,
    pub(crate) transport: TransportId,
}

/// Connection attempts: how many may be under way, and who waits for leave.
#[derive(Debug)]
pub(crate) struct Attempts {
    pub(crate) most: usize,
    /// By place; the first one is next.
    pub(crate) line: BTreeMap<u64, Route>,
    /// The end of the line.
    end: u64,
    /// Each attempt under way holds a clone.
    permit: Permit,
}

impl Attempts {
    pub(crate) fn new() -> Self {
        Self { most: usize::MAX, line: BTreeMap::new(), end: 0, permit: Permit::default() }
    }

    /// Leave for one more attempt.
    pub(crate) fn permit(&self) -> Option<Permit> {
        (Arc::strong_count(&self.permit) <= self.most).then(|| Arc::clone(&self.permit))
    }

    /// Gets in line; says at which place.
    fn wait(&mut self, route: Route) -> u64 {
        let place = self.end;
        self.end += 1;
        self.line.insert(place, route);
        place
    }
}

/// One session of a reactor.
pub(crate) struct Driver {
    id: SessionId,
    pub(crate) client: Client,
    /// By [`TransportId::index`].
    links: BTreeMap<usize, Link>,
    /// What happened and was not told to the core yet.
    inputs: VecDeque<Input>,
    pub(crate) tap: Option<Box<dyn Tap>>,
    /// Where it stands in the reactor's table of deadlines.
    pub(crate) timer: Option<Instant>,
    /// The deadline has passed and the core was not told yet.
    pub(crate) due: bool,
    /// Whether it stands in the reactor's list of those that have something to do.
    pub(crate) queued: bool,
    /// Whether it counts as one that may still say something.
    pub(crate) over: bool,
}

impl Driver {
    pub(crate) const fn new(id: SessionId, client: Client) -> Self {
        Self {
            id,
            client,
            links: BTreeMap::new(),
            inputs: VecDeque::new(),
            tap: None,
            timer: None,
            due: false,
            queued: false,
            over: false,
        }
    }

    /// One turn: what was waiting, then data, then the deadline, in that order. A host that sends without pause cannot
    /// keep out the others, nor the clock: what is beyond the burst has its turn after theirs.
    pub(crate) fn turn(&mut self, shared: &mut Shared) {
        self.settle(shared);
        // A reply that has arrived is not late, even when it is a large one.
        let due = std::mem::take(&mut self.due);
        self.receive(shared, if due { LAST_BURST } else { BURST });
        if due {
            self.client.handle_timeout(shared.clock.now());
            self.settle(shared);
        }
    }

    /// Whether a read may find something.
    pub(crate) fn is_readable(&self) -> bool {
        self.links.values().any(Link::is_readable)
    }

    /// The system reports a change of a link. The core hears of it in the session's turn.
    pub(crate) fn is_ready(&mut self, transport: TransportId, readiness: &Readiness, shared: &mut Shared) {
        let Some(link) = self.links.get_mut(&transport.index()) else { return };
        if readiness.is_readable() || readiness.is_read_closed() || readiness.is_error() {
            link.set_readable();
        }
        match link.connected(shared.poll.registry()) {
            Ok(true) => self.inputs.push_back(Input::Opened { transport }),
            Ok(false) => {}
            Err(end) => self.lost(transport, end, shared),
        }
    }

    /// A look-up is over: connects, or gets in line.
    pub(crate) fn resolved(
        &mut self,
        transport: TransportId,
        addresses: Result<Vec<SocketAddr>, TransportFailure>,
        shared: &mut Shared,
    ) {
        let addresses = match addresses {
            Ok(addresses) => addresses,
            Err(failure) => return self.lost(transport, Some(failure), shared),
        };
        let Some(link) = self.links.get_mut(&transport.index()) else { return };
        link.resolved(addresses);
        // Those in line go first, also when there is place.
        match shared.attempts.permit().filter(|_| shared.attempts.line.is_empty()) {
            Some(permit) => self.start(transport, permit, shared),
            None => link.wait_at(shared.attempts.wait(Route { session: self.id, transport })),
        }
    }

    /// Begins the attempt for which leave is given now.
    pub(crate) fn start(&mut self, transport: TransportId, permit: Permit, shared: &mut Shared) {
        if let Some(link) = self.links.get_mut(&transport.index())
            && let Err(end) = link.start(permit, shared.poll.registry())
        {
            self.lost(transport, end, shared);
        }
    }

    /// Carries out what the core wants and tells it what came of that, until nothing is left to do without waiting.
    pub(crate) fn settle(&mut self, shared: &mut Shared) {
        loop {
            while let Some(output) = self.client.poll_output() {
                self.carry_out(output, shared);
            }
            // One input at a time, and only when the core has nothing more to say.
            if let Some(input) = self.inputs.pop_front() {
                self.tap_input(&input);
                self.client.handle_input(input, shared.clock.now());
                continue;
            }
            let inputs = &mut self.inputs;
            self.links.retain(|_, link| match link.flush() {
                Ok(()) => true,
                Err(failure) => {
                    shared.forget(link);
                    inputs.push_back(Input::Closed { transport: link.id(), failure });
                    false
                }
            });
            if self.inputs.is_empty() {
                return;
            }
        }
    }

    /// Gives up everything that the reactor holds for this session.
    pub(crate) fn dismantle(&mut self, shared: &mut Shared) {
        while let Some((_, link)) = self.links.pop_first() {
            shared.forget(&link);
        }
    }

    /// Reads what has arrived, at most about `burst` octets, one input at a time.
    fn receive(&mut self, shared: &mut Shared, burst: usize) {
        let (mut total, mut at) = (0, 0);
        // Looked up anew each time: the core may have closed it.
        while total < burst
            && let Some((&index, link)) = self.links.range_mut(at..).find(|(_, link)| link.is_readable())
        {
            let transport = link.id();
            match link.read(&mut shared.buffer) {
                Ok(0) => at = index + 1,
                Ok(n) => {
                    total += n;
                    let data = BytesMut::from(&shared.buffer[..n]);
                    self.inputs.push_back(Input::Received { transport, data });
                }
                Err(end) => self.lost(transport, end, shared),
            }
            self.settle(shared);
        }
    }

    fn tap_input(&mut self, input: &Input) {
        let Some(tap) = &mut self.tap else { return };
        match input {
            Input::Opened { transport } => {
                if let Some((local, host)) = self.links.get(&transport.index()).and_then(Link::ends) {
                    tap.opened(*transport, local, host);
                }
            }
            Input::Received { transport, data } => tap.received(*transport, data),
            Input::Closed { transport, .. } => tap.closed(*transport),
        }
    }

    /// The only place where outputs are interpreted.
    fn carry_out(&mut self, output: Output, shared: &mut Shared) {
        match output {
            Output::Open { transport, target } => self.open(transport, target, shared),
            Output::Transmit { transport, data } => {
                if let Some(link) = self.links.get_mut(&transport.index()) {
                    if let Some(tap) = &mut self.tap {
                        tap.sent(transport, &data);
                    }
                    link.transmit(data);
                }
            }
            Output::Close { transport } => {
                if let Some(link) = self.links.get_mut(&transport.index()) {
                    link.close();
                }
            }
            Output::Abort { transport } => self.lost(transport, None, shared),
            Output::Event(event) => shared.events.push_back((self.id, event)),
        }
    }

    fn open(&mut self, transport: TransportId, target: Target, shared: &mut Shared) {
        let route = Route { session: self.id, transport };
        let link = Link::new(transport, Token(shared.tokens.insert(route))).keep_alive(target.keep_alive);
        let wanted = link.wants_addresses();
        self.links.insert(transport.index(), link);
        match shared.resolver.look_up(route, target, wanted) {
            Ok(Some(addresses)) => self.resolved(transport, Ok(addresses), shared),
            Ok(None) => {}
            Err(error) => self.lost(transport, Some((&error).into()), shared),
        }
    }

    /// Every end of a link goes through the removal of its entry, so `Closed` is reported exactly once.
    fn lost(&mut self, transport: TransportId, failure: End, shared: &mut Shared) {
        if let Some(link) = self.links.remove(&transport.index()) {
            shared.forget(&link);
            self.inputs.push_back(Input::Closed { transport, failure });
        }
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver").field("id", &self.id).field("links", &self.links).finish_non_exhaustive()
    }
}

/// Octets read for one session before the next one has its turn.
pub(crate) const BURST: usize = 256 << 10;

/// Octets read for one session before its deadline is looked at.
const LAST_BURST: usize = 8 << 20;
