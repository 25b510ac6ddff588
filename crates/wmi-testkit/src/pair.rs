//! A client and a simulated host on one virtual clock, with a wire in between that can be listened to and cut.

mod commands;
mod rounds;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use bytes::BytesMut;
use wmi_proto::{
    CallId, Client, Config, Credentials, Event, ExecMethod, FileTime, GetObject, Input, Instant, Output, Query,
    QueryId, Role, Row, Secret, SeededEntropy, TransportFailure, TransportId,
};
use wmi_sim::{ConnId, Host, HostConfig, HostInput, HostOutput};

/// Which way octets travel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the client to the host.
    ToHost,
    /// From the host to the client.
    ToClient,
}

/// Sees, and may change, each piece of octets on its way.
pub type Tap = Box<dyn FnMut(Direction, Role, &mut BytesMut)>;

/// How much longer a packet of a transport travels than it otherwise would.
pub type Delay = Box<dyn FnMut(TransportId) -> Duration>;

/// Something that goes over the connections of the client, as a recorder at its side sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic<'a> {
    /// The connection stands.
    Opened,
    /// The client says this.
    Said(&'a [u8]),
    /// The client is about to hear this.
    Heard(&'a [u8]),
    /// The connection is over.
    Closed,
}

/// Sees what the client says and hears, in that order, and when.
pub type Recorder = Box<dyn FnMut(Instant, TransportId, Role, Traffic<'_>)>;

/// One recorded step of a session: what reached the client, and when.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// An input.
    Input(Input),
    /// Time passed.
    Tick,
    /// `exec_query`.
    Exec(Query),
    /// `fetch`.
    Fetch(QueryId, NonZeroU32),
    /// `reset`.
    Reset(QueryId),
    /// `skip`.
    Skip(QueryId, NonZeroU32),
    /// `clone_query`.
    Clone(QueryId),
    /// `cancel`.
    Cancel(QueryId),
    /// `get_object`.
    GetObject(GetObject),
    /// `exec_method`.
    ExecMethod(ExecMethod),
    /// `cancel_call`.
    CancelCall(CallId),
    /// `close`.
    Close,
}

/// Client and host, driven by hand.
pub struct Pair {
    /// The client.
    pub client: Client,
    /// The host.
    pub host: Host,
    /// Listens to the wire.
    pub tap: Option<Tap>,
    /// Sees the client's side of the connections.
    pub recorder: Option<Recorder>,
    /// A role whose port answers that nobody listens.
    pub refuse: Option<Role>,
    /// Adds to how long a packet travels; packets of other transports may then overtake it.
    pub delay: Option<Delay>,
    /// No port answers that anybody listens.
    pub unreachable: bool,
    /// Everything that reached the client.
    pub steps: Vec<(Instant, Step)>,
    /// Everything that the client said.
    pub outputs: Vec<Output>,
    /// Events that nobody has taken yet.
    events: VecDeque<Event>,
    now: Instant,
    /// What travels, by when it arrives and then by when it was sent.
    wire: BTreeMap<(Instant, u64), Packet>,
    sent: u64,
    /// When the last packet of each transport arrives, each way: there it stays in order.
    lanes: BTreeMap<(TransportId, bool), Instant>,
    /// Whether steps and outputs are not kept.
    forgetful: bool,
    /// Whether the client is not there any more.
    vanished: bool,
    links: BTreeMap<TransportId, Link>,
    /// Transports whose end was not told to the client.
    unended: BTreeSet<TransportId>,
    /// What listens at the other end of every transport that there was.
    roles: BTreeMap<TransportId, Role>,
    next_conn: u32,
}

struct Link {
    conn: ConnId,
    role: Role,
    port: u16,
}

enum Packet {
    Connect(TransportId),
    ToClient(TransportId, BytesMut),
    ClosedByHost(TransportId, Option<TransportFailure>),
    /// The client learns that a transport was cut.
    Cut(TransportId, Option<TransportFailure>),
    Closed(TransportId),
    ToHost(ConnId, BytesMut),
    HostClosed(ConnId),
}

/// The outcome of one query.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The rows that were delivered.
    pub rows: Vec<Row>,
    /// How it ended.
    pub end: Result<wmi_proto::Completion, wmi_proto::Error>,
}

/// The default account of the simulated host.
#[must_use]
pub fn credentials() -> Credentials {
    Credentials::new("ACME\\monitor", Secret::from(wmi_sim::DEFAULT_PASSWORD))
}

/// A client's configuration for the simulated host.
#[must_use]
pub fn config() -> Config {
    Config::new("winsim.test", credentials())
}

/// The client of [`Pair::new`]: the same every time, so that a recorded session can be repeated.
#[must_use]
pub fn client(config: Config) -> Client {
    Client::new(config, Box::new(SeededEntropy::new(1)), Instant::default(), WALL)
}

/// The host of [`Pair::new`].
fn host(config: HostConfig, seed: u64) -> Host {
    Host::new(config, Box::new(SeededEntropy::new(seed)), Instant::default(), WALL)
}

impl Pair {
    /// A client and a host that do not know of each other yet.
    #[must_use]
    pub fn new(config: Config, host: HostConfig) -> Self {
        Self::with(client(config), self::host(host, 2), false)
    }

    /// The same with randomness of their own for each `seed`; steps and outputs are not kept, however long it goes on.
    #[must_use]
    pub fn seeded(config: Config, host: HostConfig, seed: u64) -> Self {
        let entropy = Box::new(SeededEntropy::new(seed.wrapping_mul(2)));
        let client = Client::new(config, entropy, Instant::default(), WALL);
        Self::with(client, self::host(host, seed.wrapping_mul(2).wrapping_add(1)), true)
    }

    fn with(client: Client, host: Host, forgetful: bool) -> Self {
        let mut pair = Self {
            client,
            host,
            delay: None,
            unreachable: false,
            tap: None,
            recorder: None,
            refuse: None,
            steps: Vec::new(),
            outputs: Vec::new(),
            events: VecDeque::new(),
            now: Instant::default(),
            wire: BTreeMap::new(),
            sent: 0,
            lanes: BTreeMap::new(),
            forgetful,
            vanished: false,
            links: BTreeMap::new(),
            unended: BTreeSet::new(),
            roles: BTreeMap::new(),
            next_conn: 0,
        };
        pair.drain();
        pair
    }

    /// An ordinary pair.
    #[must_use]
    pub fn ordinary() -> Self {
        Self::new(config(), HostConfig::new(OBJECT_PORT))
    }

    /// The virtual time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// The client is gone without a word, and its connections with it; nothing is heard of it any more.
    pub fn vanish(&mut self) {
        self.vanished = true;
        for (transport, link) in std::mem::take(&mut self.links) {
            self.send(transport, Packet::HostClosed(link.conn));
        }
    }

    /// Has something happen to the host.
    pub fn at_host(&mut self, event: impl FnOnce(&mut Host, Instant)) {
        event(&mut self.host, self.now);
        self.drain();
    }

    /// The next event; `None` when nothing will ever happen again.
    pub fn next_event(&mut self) -> Option<Event> {
        for _ in 0..MAX_STEPS {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if !self.step() {
                return None;
            }
        }
        panic!("the session does not come to rest");
    }

    /// The events that nobody has taken yet.
    pub fn take_events(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// The next event that comes before `until`; otherwise it is `until`.
    ///
    /// # Panics
    /// When time does not go on.
    pub fn next_event_until(&mut self, until: Instant) -> Option<Event> {
        let (mut since, mut steps) = (self.now, 0);
        while steps < MAX_STEPS_AT_ONCE {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            if self.next_due().is_none_or(|due| due > until) {
                self.now = self.now.max(until);
                return None;
            }
            self.step();
            steps = if self.now == since { steps + 1 } else { 0 };
            since = self.now;
        }
        panic!("time does not go on");
    }

    /// Cuts the connections with what listens for `role`. The host learns it, the client `later`.
    pub fn cut(&mut self, role: Role, failure: Option<TransportFailure>, later: Duration) {
        let links: Vec<_> =
            self.links.iter().filter(|(_, link)| link.role == role).map(|(id, link)| (*id, link.conn)).collect();
        for (transport, conn) in links {
            self.links.remove(&transport);
            self.send(transport, Packet::HostClosed(conn));
            let lane = self.lanes.entry((transport, false)).or_insert(self.now);
            *lane = (*lane).max(self.now.saturating_add(later));
            self.send(transport, Packet::Cut(transport, failure));
        }
    }

    /// Holds everything back for `time` that travels between the client and what listens for `role`.
    pub fn stall(&mut self, role: Role, time: Duration) {
        let until = self.now.saturating_add(time);
        for (transport, _) in self.links.iter().filter(|(_, link)| link.role == role) {
            for to_host in [false, true] {
                let lane = self.lanes.entry((*transport, to_host)).or_insert(until);
                *lane = (*lane).max(until);
            }
        }
    }

    /// Lets `time` pass.
    pub fn advance(&mut self, time: Duration) {
        let until = self.now.saturating_add(time);
        while self.next_due().is_some_and(|due| due <= until) {
            self.step();
        }
        self.now = until;
        self.tick();
    }

    /// Delivers what is still on the wire.
    pub fn settle(&mut self) {
        while !self.wire.is_empty() {
            self.step();
        }
    }

    fn next_due(&self) -> Option<Instant> {
        let wire = self.wire.first_key_value().map(|((due, _), _)| *due);
        [wire, self.client_due(), self.host.poll_timeout()].into_iter().flatten().min()
    }

    fn client_due(&self) -> Option<Instant> {
        if self.vanished { None } else { self.client.poll_timeout() }
    }

    /// The next thing that happens; `false` when nothing will.
    fn step(&mut self) -> bool {
        let Some(due) = self.next_due() else { return false };
        self.now = self.now.max(due);
        // Data before timeouts.
        if let Some(entry) = self.wire.first_entry()
            && entry.key().0 <= self.now
        {
            let packet = entry.remove();
            self.deliver(packet);
        } else {
            self.tick();
        }
        self.drain();
        true
    }

    fn tick(&mut self) {
        if self.client_due().is_some_and(|due| due <= self.now) {
            self.keep(Step::Tick);
            self.client.handle_timeout(self.now);
        }
        if self.host.poll_timeout().is_some_and(|due| due <= self.now) {
            self.host.handle_timeout(self.now);
        }
        self.drain();
    }

    fn keep(&mut self, step: Step) {
        if !self.forgetful {
            self.steps.push((self.now, step));
        }
    }

    fn input(&mut self, input: Input) {
        if !self.forgetful {
            self.keep(Step::Input(input.clone()));
        }
        let traffic = match &input {
            Input::Opened { .. } => Traffic::Opened,
            Input::Received { data, .. } => Traffic::Heard(data),
            Input::Closed { .. } => Traffic::Closed,
        };
        self.record(input.transport(), traffic);
        self.client.handle_input(input, self.now);
    }

    fn record(&mut self, transport: TransportId, traffic: Traffic<'_>) {
        if let (Some(recorder), Some(role)) = (&mut self.recorder, self.roles.get(&transport)) {
            recorder(self.now, transport, *role, traffic);
        }
    }

    fn deliver(&mut self, packet: Packet) {
        match packet {
            Packet::Connect(transport) => {
                let Some(&Link { conn, role, port }) = self.links.get(&transport) else { return };
                if self.unreachable || self.refuse == Some(role) || !self.host.is_listening(role, port, self.now) {
                    self.links.remove(&transport);
                    self.ended(transport, Some(TransportFailure::Refused));
                } else {
                    self.host.handle_input(HostInput::Accepted { conn, role, port }, self.now);
                    self.input(Input::Opened { transport });
                }
            }
            Packet::ToClient(transport, data) if self.links.contains_key(&transport) => {
                self.input(Input::Received { transport, data });
            }
            Packet::ClosedByHost(transport, failure) => {
                if self.links.remove(&transport).is_some() {
                    self.ended(transport, failure);
                }
            }
            Packet::Cut(transport, failure) => self.ended(transport, failure),
            Packet::Closed(transport) => self.ended(transport, None),
            Packet::ToHost(conn, data) => self.host.handle_input(HostInput::Received { conn, data }, self.now),
            Packet::HostClosed(conn) => self.host.handle_input(HostInput::Closed { conn }, self.now),
            Packet::ToClient(..) => {}
        }
    }

    /// The end of a transport is told once, however often it was asked for.
    fn ended(&mut self, transport: TransportId, failure: Option<TransportFailure>) {
        self.lanes.remove(&(transport, false));
        self.lanes.remove(&(transport, true));
        if self.unended.remove(&transport) && !self.vanished {
            self.input(Input::Closed { transport, failure });
        }
    }

    /// Sends a packet of `transport`; those of one transport and one way do not overtake each other.
    fn send(&mut self, transport: TransportId, packet: Packet) {
        let to_host = matches!(packet, Packet::Connect(_) | Packet::ToHost(..) | Packet::HostClosed(_));
        let delay = self.delay.as_mut().map_or(Duration::ZERO, |delay| delay(transport));
        let arrives = self.now.saturating_add(LATENCY.saturating_add(delay));
        let lane = self.lanes.entry((transport, to_host)).or_insert(arrives);
        *lane = (*lane).max(arrives);
        self.sent += 1;
        self.wire.insert((*lane, self.sent), packet);
    }

    fn drain(&mut self) {
        while !self.vanished
            && let Some(output) = self.client.poll_output()
        {
            if !self.forgetful {
                self.outputs.push(output.clone());
            }
            match output {
                Output::Open { transport, target } => self.open(transport, target.role, target.port),
                Output::Transmit { transport, data } => {
                    self.record(transport, Traffic::Said(&data));
                    let Some(link) = self.links.get(&transport) else { continue };
                    let (conn, role, mut data) = (link.conn, link.role, BytesMut::from(&data[..]));
                    if let Some(tap) = &mut self.tap {
                        tap(Direction::ToHost, role, &mut data);
                    }
                    self.send(transport, Packet::ToHost(conn, data));
                }
                Output::Close { transport } | Output::Abort { transport } => {
                    if let Some(link) = self.links.remove(&transport) {
                        self.send(transport, Packet::HostClosed(link.conn));
                    }
                    self.send(transport, Packet::Closed(transport));
                }
                Output::Event(event) => self.events.push_back(event),
            }
        }
        while let Some(output) = self.host.poll_output() {
            let transport = |conn: ConnId| self.links.iter().find(|(_, link)| link.conn == conn);
            match output {
                HostOutput::Transmit { conn, data } => {
                    let Some((transport, link)) = transport(conn) else { continue };
                    let (transport, role, mut data) = (*transport, link.role, BytesMut::from(&data[..]));
                    if let Some(tap) = &mut self.tap {
                        tap(Direction::ToClient, role, &mut data);
                    }
                    self.send(transport, Packet::ToClient(transport, data));
                }
                HostOutput::Close { conn } => {
                    let Some((&transport, _)) = transport(conn) else { continue };
                    self.send(transport, Packet::ClosedByHost(transport, None));
                }
                HostOutput::Reset { conn } => {
                    let Some((&transport, _)) = transport(conn) else { continue };
                    self.send(transport, Packet::ClosedByHost(transport, Some(TransportFailure::Reset)));
                }
            }
        }
    }

    fn open(&mut self, transport: TransportId, role: Role, port: u16) {
        let conn = ConnId::new(self.next_conn);
        self.next_conn += 1;
        self.links.insert(transport, Link { conn, role, port });
        self.unended.insert(transport);
        self.roles.insert(transport, role);
        self.send(transport, Packet::Connect(transport));
    }
}

/// Feeds recorded steps to `client`, cutting every run of octets at `cuts`, and returns everything it says.
pub fn replay(mut client: Client, steps: &[(Instant, Step)], cuts: &[usize]) -> Vec<Output> {
    let mut said: Vec<Output> = std::iter::from_fn(|| client.poll_output()).collect();
    let mut cuts = cuts.iter().copied().cycle();
    for (now, step) in steps {
        let mut pieces = Vec::new();
        if let Step::Input(Input::Received { transport, data }) = step {
            let mut data = data.clone();
            while !data.is_empty() {
                let n = cuts.next().unwrap_or(usize::MAX).clamp(1, data.len());
                pieces.push(Step::Input(Input::Received { transport: *transport, data: data.split_to(n) }));
            }
        } else {
            pieces.push(step.clone());
        }
        for piece in pieces {
            apply(&mut client, &piece, *now);
            said.extend(std::iter::from_fn(|| client.poll_output()));
        }
    }
    said
}

fn apply(client: &mut Client, step: &Step, now: Instant) {
    match step {
        Step::Input(input) => client.handle_input(input.clone(), now),
        Step::Tick => client.handle_timeout(now),
        Step::Exec(query) => {
            let _ = client.exec_query(query.clone(), now);
        }
        Step::Fetch(id, max) => {
            let _ = client.fetch(*id, *max, now);
        }
        Step::Reset(id) => {
            let _ = client.reset(*id, now);
        }
        Step::Skip(id, count) => {
            let _ = client.skip(*id, *count, now);
        }
        Step::Clone(id) => {
            let _ = client.clone_query(*id, now);
        }
        Step::Cancel(id) => {
            let _ = client.cancel(*id, now);
        }
        Step::GetObject(object) => {
            let _ = client.get_object(object.clone(), now);
        }
        Step::ExecMethod(method) => {
            let _ = client.exec_method(method.clone(), now);
        }
        Step::CancelCall(id) => {
            let _ = client.cancel_call(*id, now);
        }
        Step::Close => client.close(now),
    }
}

/// The port that the simulated host tells.
pub const OBJECT_PORT: u16 = 49_666;

/// One way; so a round trip is a virtual millisecond.
const LATENCY: Duration = Duration::from_micros(500);

/// 2026-01-01 00:00 UTC.
const WALL: FileTime = FileTime(134_116_992_000_000_000);

/// Steps after which a session is said not to come to rest.
const MAX_STEPS: usize = 5_000_000;

/// Steps within one instant after which time is said not to go on.
const MAX_STEPS_AT_ONCE: usize = 100_000;
