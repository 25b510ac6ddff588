//! A real client, driven through what a captured one lived, and held against what that one said.

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use wmi_proto::{
    Client, Completion, Entropy, Error, Event, Input, Instant, Output, QueryId, Row, TransportFailure, TransportId,
};

use crate::replay::difference::{Contrast, Difference, Stop};
use crate::replay::entropy::Shortage;
use crate::replay::field::{self, Field};
use crate::replay::plan::{Bounds, Command};
use crate::replay::transcript::{Happening, Stream};
use crate::replay::{Recording, Replay, Replayed};

/// How the octets of the server are handed to the client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cut {
    /// As they were captured, frame by frame.
    #[default]
    Captured,
    /// All that came on a connection before the client spoke, or anything else happened, at once.
    Whole,
    /// So many octets at a time.
    Every(NonZeroUsize),
    /// As captured, and cut behind so many octets of one stream.
    At {
        /// The stream.
        stream: u32,
        /// Octets of the server before the cut.
        offset: usize,
    },
}

/// Nothing in the protocol of a client waits longer than this for other references to give back.
const RELEASE_PATIENCE: Duration = Duration::from_millis(200);

pub(super) struct Driver<'r> {
    recording: &'r Recording,
    client: Client,
    shortage: Shortage,
    cut: Cut,
    /// Whether the octets count, and not only how many they are.
    is_exact: bool,
    now: Instant,
    /// Connections that the client wants and that were not captured so far, with their ports.
    wanted: Vec<(TransportId, u16)>,
    /// Those of them that it does not want any more.
    unwanted: Vec<TransportId>,
    lanes: Vec<Lane>,
    runs: Vec<Run>,
    ids: BTreeMap<QueryId, usize>,
    given: BTreeSet<usize>,
    outcome: Option<Result<(), Error>>,
}

/// A connection.
#[derive(Default)]
struct Lane {
    transport: Option<TransportId>,
    /// Octets that the client has said.
    said: usize,
    pdus: Vec<Bytes>,
}

/// A query.
#[derive(Default)]
struct Run {
    id: Option<QueryId>,
    rows: Vec<Row>,
    outcome: Option<Result<Completion, Error>>,
}

impl<'r> Driver<'r> {
    pub(super) fn new(
        recording: &'r Recording,
        entropy: Box<dyn Entropy>,
        shortage: Shortage,
        cut: Cut,
        is_exact: bool,
    ) -> Self {
        let client = Client::new(recording.config.clone(), entropy, Instant::default(), recording.wall);
        Self {
            recording,
            client,
            shortage,
            cut,
            is_exact,
            now: Instant::default(),
            wanted: Vec::new(),
            unwanted: Vec::new(),
            lanes: recording.transcript.streams.iter().map(|_| Lane::default()).collect(),
            runs: recording.plan.queries.iter().map(|_| Run::default()).collect(),
            ids: BTreeMap::new(),
            given: BTreeSet::new(),
            outcome: None,
        }
    }

    /// Goes through everything; gives the rows and what the client said, stream by stream and PDU by PDU.
    pub(super) fn run(mut self) -> (Replay, Vec<Vec<Bytes>>) {
        let end = self.play();
        let queries = self.runs.into_iter().zip(&self.recording.plan.queries).map(|(run, planned)| Replayed {
            wql: planned.is_known.then(|| planned.query.wql.clone()),
            namespace: planned.query.namespace.clone(),
            rows: run.rows,
            outcome: run.outcome,
        });
        let octets = self.lanes.iter().map(|lane| lane.said).sum();
        let replay = Replay { queries: queries.collect(), outcome: self.outcome, octets, end };
        (replay, self.lanes.into_iter().map(|lane| lane.pdus).collect())
    }

    fn play(&mut self) -> Result<(), Stop> {
        let transcript = &self.recording.transcript;
        self.drain()?;
        let mut index = 0;
        while let Some(moment) = transcript.moments.get(index) {
            let mut next = index + 1;
            match &moment.what {
                Happening::Said(range) => self.said(index, moment.stream, range)?,
                Happening::Missing(octets) => {
                    let stream = self.stream(moment.stream).map_or(0, |stream| stream.number);
                    return Err(Stop::Hole { stream, frame: moment.frame, octets: *octets });
                }
                Happening::Heard(range) => {
                    let mut range = range.clone();
                    while self.cut == Cut::Whole
                        && let Some(more) = transcript.moments.get(next)
                        && let Happening::Heard(Range { end, .. }) = &more.what
                        && more.stream == moment.stream
                        && !self.recording.plan.before.contains_key(&next)
                    {
                        range.end = *end;
                        next += 1;
                    }
                    self.prepare(next - 1)?;
                    self.heard(moment.stream, range)?;
                }
                Happening::Opened => {
                    self.prepare(index)?;
                    self.opened(index, moment.stream)?;
                }
                Happening::Closed => {
                    self.prepare(index)?;
                    if let Some(transport) = self.lanes.get_mut(moment.stream).and_then(|lane| lane.transport.take()) {
                        self.input(Input::Closed { transport, failure: None })?;
                    }
                }
            }
            index = next;
        }
        if let Some(moment) = transcript.damaged() {
            let stream = self.stream(moment.stream).map_or(0, |stream| stream.number);
            return Err(Stop::Damaged { stream, frame: moment.frame });
        }
        transcript.stopped.clone().map_or(Ok(()), |error| Err(Stop::File(error)))
    }

    /// What the client was told before it heard what `index` brings, and the reading of its clock then.
    fn prepare(&mut self, index: usize) -> Result<(), Stop> {
        self.give_up(index)?;
        let time = self.recording.time(index);
        let bounds = self.recording.plan.clock.get(&index).copied();
        self.advance(time, bounds);
        for command in self.recording.plan.before.get(&index).into_iter().flatten() {
            self.command(*command, index)?;
        }
        Ok(())
    }

    fn advance(&mut self, time: Instant, bounds: Option<Bounds>) {
        let time = bounds.map_or(time, |bounds| time.max(bounds.earliest).min(bounds.latest));
        self.now = self.now.max(time);
    }

    fn opened(&mut self, index: usize, stream: usize) -> Result<(), Stop> {
        let Some(captured) = self.stream(stream) else { return Ok(()) };
        let port = captured.server.port();
        loop {
            if let Some(place) = self.wanted.iter().position(|(_, wanted)| *wanted == port) {
                let (transport, _) = self.wanted.remove(place);
                if let Some(lane) = self.lanes.get_mut(stream) {
                    lane.transport = Some(transport);
                }
                return self.input(Input::Opened { transport });
            }
            // An attempt that failed leaves no octets; that the client went on to another place shows that it did.
            if self.wanted.is_empty() {
                let frame = self.recording.transcript.moments.get(index).map_or(0, |moment| moment.frame);
                return Err(Stop::Unopened { stream: captured.number, frame, port });
            }
            let (transport, _) = self.wanted.remove(0);
            self.input(Input::Closed { transport, failure: Some(TransportFailure::Refused) })?;
        }
    }

    fn heard(&mut self, stream: usize, range: Range<usize>) -> Result<(), Stop> {
        let Some(captured) = self.stream(stream) else { return Ok(()) };
        let mut at = range.start;
        while at < range.end {
            let end = match self.cut {
                Cut::Every(octets) => at.saturating_add(octets.get()).min(range.end),
                Cut::At { stream, offset } if stream == captured.number && (at + 1..range.end).contains(&offset) => {
                    offset
                }
                _ => range.end,
            };
            let Some(transport) = self.lanes.get(stream).and_then(|lane| lane.transport) else { return Ok(()) };
            let data = BytesMut::from(captured.heard.octets.get(at..end).unwrap_or_default());
            self.input(Input::Received { transport, data })?;
            at = end;
        }
        Ok(())
    }

    /// The captured client said something: the one in hand must have said it too, or says it when it is told what the
    /// call shows.
    fn said(&mut self, index: usize, stream: usize, range: &Range<usize>) -> Result<(), Stop> {
        self.advance(self.recording.time(index), None);
        while self.position(stream) < range.end {
            let at = self.position(stream);
            // The first call that is still to come; what is due may also lead up to it.
            let next = self.recording.call_from(stream, at);
            let command = next.and_then(|place| Some((place, *self.recording.plan.behind.get(&place)?)));
            match command {
                Some((place, command)) if self.given.insert(place) => self.command(command, index)?,
                _ => break,
            }
        }
        if self.position(stream) < range.end {
            self.guess(stream)?;
        }
        let at = self.position(stream);
        if at < range.end { Err(self.silent(stream, at)) } else { Ok(()) }
    }

    /// What the captured client said here is not understood, which only a damaged capture or another client explains:
    /// has the client say what it would most likely say, so that the comparison names the first octet.
    fn guess(&mut self, stream: usize) -> Result<(), Stop> {
        let at = self.position(stream);
        self.tick()?;
        let running: Vec<QueryId> =
            self.runs.iter().filter(|run| run.outcome.is_none()).filter_map(|run| run.id).collect();
        for id in running {
            if self.position(stream) > at {
                return Ok(());
            }
            if self.client.fetch(id, GUESSED_COUNT, self.now).is_ok() {
                self.drain()?;
            }
        }
        if self.position(stream) == at {
            self.client.close(self.now);
            self.drain()?;
        }
        Ok(())
    }

    fn command(&mut self, command: Command, index: usize) -> Result<(), Stop> {
        let plan = &self.recording.plan;
        match command {
            Command::Exec(query) => {
                let (Some(planned), Some(run)) = (plan.queries.get(query), self.runs.get_mut(query)) else {
                    return Ok(());
                };
                let mut asked = planned.query.clone();
                asked.timeout = planned.deadline.map_or(Duration::MAX, |due| due.saturating_since(self.now));
                if let Ok(id) = self.client.exec_query(asked, self.now) {
                    run.id = Some(id);
                    self.ids.insert(id, query);
                }
            }
            Command::Fetch { query, count, clock } => {
                self.advance(self.now, Some(clock));
                if let Some(id) = self.runs.get(query).and_then(|run| run.id) {
                    // The comparison tells when it does not take it.
                    let _ = self.client.fetch(id, count, self.now);
                }
            }
            Command::Reset(query) => {
                if let Some(id) = self.runs.get(query).and_then(|run| run.id) {
                    let _ = self.client.reset(id, self.now);
                }
            }
            Command::Skip { query, count, clock } => {
                self.advance(self.now, Some(clock));
                if let Some(id) = self.runs.get(query).and_then(|run| run.id) {
                    let _ = self.client.skip(id, count, self.now);
                }
            }
            Command::Clone { query, copy } => {
                if let Some(id) = self.runs.get(query).and_then(|run| run.id)
                    && let Ok(id) = self.client.clone_query(id, self.now)
                    && let Some(run) = self.runs.get_mut(copy)
                {
                    run.id = Some(id);
                    self.ids.insert(id, copy);
                }
            }
            Command::Cancel(query) => self.cancel(query),
            Command::Close => self.client.close(self.now),
            Command::Release => {
                self.give_up(index)?;
                self.tick()?;
            }
        }
        self.drain()
    }

    /// Cancels the queries of which references were given back although the host had not ended them.
    fn give_up(&mut self, index: usize) -> Result<(), Stop> {
        let time = self.recording.time(index);
        for (query, planned) in self.recording.plan.queries.iter().enumerate() {
            if planned.was_given_up(index, time) && self.runs.get(query).is_some_and(Run::is_running) {
                self.advance(planned.given_up.unwrap_or_default(), None);
                self.cancel(query);
                self.drain()?;
            }
        }
        Ok(())
    }

    fn cancel(&mut self, query: usize) {
        if let Some(id) = self.runs.get(query).filter(|run| run.is_running()).and_then(|run| run.id) {
            let _ = self.client.cancel(id, self.now);
        }
    }

    /// Lets the time come in which references are given back.
    fn tick(&mut self) -> Result<(), Stop> {
        if let Some(due) = self.client.poll_timeout()
            && due <= self.now.saturating_add(RELEASE_PATIENCE)
        {
            self.now = self.now.max(due);
            self.client.handle_timeout(self.now);
        }
        self.drain()
    }

    fn input(&mut self, input: Input) -> Result<(), Stop> {
        self.client.handle_input(input, self.now);
        self.drain()
    }

    fn drain(&mut self) -> Result<(), Stop> {
        loop {
            while let Some(output) = self.client.poll_output() {
                match output {
                    Output::Open { transport, target } => self.wanted.push((transport, target.port)),
                    Output::Transmit { transport, data } => self.transmit(transport, data)?,
                    // Of a connection that stands, the capture tells when it is gone.
                    Output::Close { transport } | Output::Abort { transport } => {
                        if let Some(place) = self.wanted.iter().position(|(wanted, _)| *wanted == transport) {
                            self.wanted.remove(place);
                            self.unwanted.push(transport);
                        }
                    }
                    Output::Event(event) => self.event(event),
                }
            }
            let Some(transport) = self.unwanted.pop() else { return Ok(()) };
            self.client.handle_input(Input::Closed { transport, failure: None }, self.now);
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::Batch { query, rows } => {
                if let Some(run) = self.ids.get(&query).and_then(|query| self.runs.get_mut(*query)) {
                    run.rows.extend(rows);
                }
            }
            Event::QueryDone { query, outcome } => {
                if let Some(run) = self.ids.get(&query).and_then(|query| self.runs.get_mut(*query)) {
                    run.outcome = Some(outcome);
                }
            }
            Event::Closed { outcome } => self.outcome = Some(outcome),
            _ => {}
        }
    }

    fn transmit(&mut self, transport: TransportId, data: Bytes) -> Result<(), Stop> {
        let place = self.lanes.iter().position(|lane| lane.transport == Some(transport));
        let Some((stream, lane)) = place.and_then(|place| Some((place, self.lanes.get_mut(place)?))) else {
            return Ok(());
        };
        let at = lane.said;
        lane.said += data.len();
        lane.pdus.push(data.clone());
        let captured = self.stream(stream).and_then(|stream| stream.said.octets.get(at..)).unwrap_or_default();
        let equal = data.iter().zip(captured).take_while(|(said, captured)| said == captured || !self.is_exact).count();
        if equal == data.len() {
            return Ok(());
        }
        let what = match (captured.get(equal), data.get(equal)) {
            (Some(captured), Some(replayed)) => Contrast::Octet { captured: *captured, replayed: *replayed },
            _ => match &self.recording.transcript.stopped {
                Some(error) => return Err(Stop::File(error.clone())),
                None => Contrast::Talkative,
            },
        };
        let pdus = self.lanes.get(stream).map(|lane| lane.pdus.clone()).unwrap_or_default();
        Err(self.difference(stream, at, pdus, equal, what))
    }

    /// The captured client says something at `at` and this one does not.
    fn silent(&self, stream: usize, at: usize) -> Stop {
        let Some(captured) = self.stream(stream) else {
            return self.difference(stream, at, Vec::new(), 0, Contrast::Silent);
        };
        let count = captured.said.pdus.partition_point(|pdu| pdu.start <= at);
        let start = captured.said.pdus.get(count.saturating_sub(1)).map_or(0, |pdu| pdu.start);
        let pdus = (0..count).filter_map(|pdu| captured.said.pdu(pdu)).collect();
        self.difference(stream, start, pdus, at.saturating_sub(start), Contrast::Silent)
    }

    /// A difference in octet `within` of the last of `pdus`, which starts at `start`.
    fn difference(&self, stream: usize, start: usize, pdus: Vec<Bytes>, within: usize, what: Contrast) -> Stop {
        let Recording { transcript, log_ons, .. } = self.recording;
        let pdu = pdus.len().saturating_sub(1);
        let opened = match log_ons.get(stream).and_then(Option::as_ref) {
            Some(log_on) => log_on.opened(pdus.into_iter()),
            None => pdus,
        };
        let Field { kind, operation, name } = field::of(&opened, within);
        let offset = start + within;
        Stop::Differs(Box::new(Difference {
            stream: self.stream(stream).map_or(0, |stream| stream.number),
            frame: transcript.frame(stream, offset),
            offset,
            pdu,
            pdu_offset: within,
            kind,
            operation,
            field: name,
            what,
            ran_out: self.shortage.get(),
        }))
    }

    fn stream(&self, stream: usize) -> Option<&'r Stream> {
        self.recording.transcript.streams.get(stream)
    }

    fn position(&self, stream: usize) -> usize {
        self.lanes.get(stream).map_or(0, |lane| lane.said)
    }
}

impl Run {
    const fn is_running(&self) -> bool {
        self.id.is_some() && self.outcome.is_none()
    }
}

/// As many as the client asks for at first when nobody bounds it.
const GUESSED_COUNT: std::num::NonZeroU32 = std::num::NonZeroU32::new(16).expect("not zero");
