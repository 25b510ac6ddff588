//! The machine of a probe: the connection with agentcore, the checks it wants, when they run, and what is told of them.

use core::time::Duration;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wmi_proto::Instant;

use crate::assets::{CheckConfig, CheckPath, Entry, Listing};
use crate::frame::{Frame, Framer};
use crate::msgpack;
use crate::outcome::{self, CheckError, CheckResult, Outcome, Told};
use crate::packet::{FromAgentcore, PacketType};
use crate::schedule::{LATE, SLICE, next_time};
use crate::unchanged::Sent;
use crate::value::Value;

/// The first pause between two attempts to connect. Each pause is twice the one before.
const FIRST_PAUSE: Duration = Duration::from_secs(4);

/// The longest pause between two attempts to connect.
const LONGEST_PAUSE: Duration = Duration::from_secs(128);

/// The pause after a connection that had been accepted.
const PAUSE_AFTER_LOSS: Duration = Duration::from_secs(2);

/// An attempt to connect has so much time: ten seconds to connect, and as much to find the address.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(20);

/// Agentcore has so much time to accept the first announcement. Each further one has twice the time of the one before.
const FIRST_ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(10);

/// Agentcore has so much time to accept an announcement at most.
const LONGEST_ANNOUNCE_TIMEOUT: Duration = Duration::from_secs(60);

/// The id of an announcement: the first request of a connection, and the only one.
const ANNOUNCEMENT: u16 = 1;

/// The two times of one moment.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// On a clock that nobody sets.
    pub steady: Instant,
    /// Since the Unix epoch, on one that may be set.
    pub unix: Duration,
}

/// A kind of check that this probe knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its key, such as `memory`.
    pub key: String,
    /// For so long an equal result need not be sent again; zero: each is sent.
    pub unchanged_eol: Duration,
}

/// What a probe is and may.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Its name, by which it gets its assets.
    pub name: String,
    /// Its version, as agentcore shows it.
    pub version: String,
    /// What it can check.
    pub kinds: Vec<Kind>,
    /// Octets of a packet, its header included.
    pub max_package: usize,
    /// What no check may take longer than.
    pub max_check_timeout: Duration,
}

/// A run of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(u64);

impl RunId {
    /// The first one, for who has one run only.
    pub const FIRST: Self = Self(0);
}

/// What is to be run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// By which it is spoken of.
    pub run: RunId,
    /// Which check of which asset.
    pub path: CheckPath,
    /// The asset's name.
    pub asset_name: String,
    /// The check's key.
    pub check_key: String,
    /// What InfraSonar configures.
    pub config: CheckConfig,
    /// What it may take from when its turn has come: the wait for it does not count.
    pub time_limit: Duration,
}

/// How much a line of the log matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// For who looks for a defect.
    Debug,
    /// What happens in good order.
    Info,
    /// What is worth to be known.
    Warning,
    /// What failed.
    Error,
    /// What ends the program.
    Critical,
}

/// What is to be done, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Connect with agentcore, within 10 s.
    Connect,
    /// Send it these octets.
    Send(Vec<u8>),
    /// Give the connection up, behind what was sent before.
    Disconnect,
    /// Begin a run.
    Start(Start),
    /// Nobody wants to know of a run any more: end it. Nothing is heard of it.
    Cancel(RunId),
    /// This check is wanted no longer: nothing need be kept for it.
    Forget(CheckPath),
    /// Say this.
    Log(Level, String),
}

#[derive(Debug)]
enum Link {
    /// Nothing, until the next attempt.
    Down {
        until: Instant,
    },
    Connecting {
        until: Instant,
    },
    /// The announcement was sent, and has so much time.
    Announced {
        until: Instant,
        timeout: Duration,
    },
    Accepted,
}

#[derive(Debug)]
struct Task {
    entry: Entry,
    kind: usize,
    phase: Phase,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Until then, since the Unix epoch.
    Waiting(Duration),
    Running(RunId),
    /// Until its configuration changes.
    Retired,
}

#[derive(Debug)]
struct Run {
    path: CheckPath,
    /// When it was to begin, since the Unix epoch.
    planned: Duration,
}

/// The machine of a probe.
#[derive(Debug)]
pub struct Agent {
    probe: Probe,
    link: Link,
    /// Between the last attempt to connect and the next.
    pause: Duration,
    /// For the next announcement.
    announce_timeout: Duration,
    framer: Framer,
    tasks: BTreeMap<CheckPath, Task>,
    /// When those that wait are to run.
    due: BTreeSet<(Duration, CheckPath)>,
    runs: BTreeMap<RunId, Run>,
    next_run: u64,
    sent: Sent,
    /// The time that was heard of last.
    clock: Now,
    outputs: VecDeque<Output>,
}

impl Agent {
    /// A probe that connects at `now`.
    #[must_use]
    pub fn new(probe: Probe, now: Now) -> Self {
        let mut agent = Self {
            probe,
            link: Link::Down { until: now.steady },
            pause: FIRST_PAUSE,
            announce_timeout: FIRST_ANNOUNCE_TIMEOUT,
            framer: Framer::default(),
            tasks: BTreeMap::new(),
            due: BTreeSet::new(),
            runs: BTreeMap::new(),
            next_run: 0,
            sent: Sent::default(),
            clock: now,
            outputs: VecDeque::new(),
        };
        agent.advance(now);
        agent
    }

    /// The next thing that is to be done.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Agent::advance`] is to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Instant> {
        let link = match self.link {
            Link::Down { until } | Link::Connecting { until } | Link::Announced { until, .. } => Some(until),
            Link::Accepted => None,
        };
        let due = self.due.first().map(|(due, _)| now.steady.saturating_add(due.saturating_sub(now.unix).min(SLICE)));
        [link, due].into_iter().flatten().min()
    }

    /// How many checks there are, and how many of them run.
    #[must_use]
    pub fn checks(&self) -> (usize, usize) {
        (self.tasks.len(), self.runs.len())
    }

    /// Time has passed.
    pub fn advance(&mut self, now: Now) {
        match self.link {
            Link::Down { until } if until <= now.steady => {
                self.link = Link::Connecting { until: now.steady.saturating_add(CONNECT_TIMEOUT) };
                self.outputs.push_back(Output::Connect);
            }
            // Looking up its name may take longer than connecting.
            Link::Connecting { until } if until <= now.steady => {
                self.give_up(&"connecting to agentcore took too long", now);
            }
            Link::Announced { until, timeout } if until <= now.steady => {
                self.announce_timeout = timeout.saturating_mul(2).min(LONGEST_ANNOUNCE_TIMEOUT);
                let seconds = timeout.as_secs();
                self.give_up(&format_args!("agentcore did not answer the announcement within {seconds} s"), now);
            }
            _ => {}
        }
        self.mend_schedule(now);
        while let Some(&(due, path)) = self.due.first()
            && due <= now.unix
        {
            self.due.pop_first();
            self.start(path, due, now);
        }
    }

    /// A connection is there.
    pub fn connected(&mut self, now: Now) {
        if !matches!(self.link, Link::Connecting { .. }) {
            return;
        }
        self.framer = Framer::default();
        let timeout = self.announce_timeout;
        self.link = Link::Announced { until: now.steady.saturating_add(timeout), timeout };
        let body = Value::List(vec![self.probe.name.as_str().into(), self.probe.version.as_str().into()]);
        self.outputs.push_back(Output::Send(Frame::new(PacketType::Announce, ANNOUNCEMENT, &body).encode()));
    }

    /// There is no connection (any more), for this reason.
    pub fn disconnected(&mut self, reason: &str, now: Now) {
        match self.link {
            Link::Down { .. } => {}
            Link::Connecting { .. } => self.down(&format_args!("connecting to agentcore failed: {reason}"), now),
            Link::Announced { .. } | Link::Accepted => {
                self.down(&format_args!("connection to agentcore lost: {reason}"), now);
            }
        }
    }

    /// Agentcore sent these octets.
    pub fn received(&mut self, octets: &[u8], now: Now) {
        if !matches!(self.link, Link::Announced { .. } | Link::Accepted) {
            return;
        }
        self.framer.push(octets);
        while matches!(self.link, Link::Announced { .. } | Link::Accepted) {
            let frame = match self.framer.next_frame() {
                Ok(Some(frame)) => frame,
                Ok(None) => return,
                Err(error) => return self.give_up(&error, now),
            };
            match FromAgentcore::read(&frame) {
                Ok(packet) => self.packet(packet, frame.id, now),
                // Where the next one begins is known.
                Err(error) => self.log(Level::Error, format!("a packet of agentcore is passed over: {error}")),
            }
        }
    }

    /// A run has ended.
    pub fn finished(&mut self, run: RunId, outcome: Outcome, now: Now) {
        let Some(run) = self.runs.remove(&run) else { return };
        let Some(task) = self.tasks.get_mut(&run.path) else { return };
        let subject = subject(&task.entry);
        let kind = task.kind;
        if matches!(outcome, Outcome::Retired) {
            task.phase = Phase::Retired;
        } else {
            let due = next_time(run.path, task.entry.config.interval, now.unix);
            task.phase = Phase::Waiting(due);
            self.due.insert((due, run.path));
        }
        let (level, text) = match &outcome {
            Outcome::Complete(_) | Outcome::NotCounted(_, None) => (Level::Debug, format!("run check ok; {subject}")),
            Outcome::Failed(error) => (Level::Error, format!("check error; {subject} error: {}", error.text)),
            Outcome::Incomplete(_, error) | Outcome::NotCounted(_, Some(error)) => {
                (Level::Warning, format!("incomplete result; {subject} error: {}", error.text))
            }
            Outcome::Ignored => (Level::Info, format!("ignore result; {subject}")),
            Outcome::Retired => (Level::Warning, format!("ignore check; {subject}")),
        };
        self.log(level, text);
        if let Some(told) = outcome.told() {
            self.tell(kind, &run, told, now);
        }
    }

    /// The probe ends: whatever runs is given up, and so is the connection.
    pub fn stop(&mut self) {
        self.outputs.extend(core::mem::take(&mut self.runs).into_keys().map(Output::Cancel));
        self.tasks.clear();
        self.due.clear();
        if matches!(self.link, Link::Announced { .. } | Link::Accepted | Link::Connecting { .. }) {
            self.outputs.push_back(Output::Disconnect);
        }
        self.link = Link::Down { until: Instant::from_micros(u64::MAX) };
    }

    fn packet(&mut self, packet: FromAgentcore, id: u16, now: Now) {
        match packet {
            FromAgentcore::Announced(listing) => match self.link {
                Link::Announced { .. } if id == ANNOUNCEMENT => {
                    self.link = Link::Accepted;
                    self.pause = FIRST_PAUSE;
                    self.announce_timeout = FIRST_ANNOUNCE_TIMEOUT;
                    self.log(Level::Info, format!("agentcore accepted this probe; checks: {}", listing.entries.len()));
                    self.set(listing, |_| true, now);
                }
                _ => self.log(Level::Error, format!("agentcore answers announcement {id}, which was not sent")),
            },
            FromAgentcore::SetAssets(listing) => {
                self.log(Level::Info, format!("agentcore set all assets; checks: {}", listing.entries.len()));
                self.set(listing, |_| true, now);
            }
            FromAgentcore::UpsertAsset(asset, listing) => {
                self.log(Level::Info, format!("agentcore set asset {asset}; checks: {}", listing.entries.len()));
                self.set(listing, |path| path.asset == asset, now);
            }
            FromAgentcore::UnsetAssets(assets) => {
                let assets: BTreeSet<_> = assets.into_iter().collect();
                self.log(Level::Info, format!("agentcore took assets away: {}", assets.len()));
                self.set(Listing::default(), |path| assets.contains(&path.asset), now);
            }
            FromAgentcore::Info => {
                let time = Value::Real(now.unix.as_secs_f64());
                self.outputs.push_back(Output::Send(Frame::new(PacketType::InfoAnswer, id, &time).encode()));
            }
            FromAgentcore::Refused(reason) => match self.link {
                Link::Announced { .. } if id == ANNOUNCEMENT => {
                    self.give_up(&format_args!("agentcore refused this probe: {reason}"), now);
                }
                _ => self.log(Level::Error, format!("agentcore refused request {id}: {reason}")),
            },
            FromAgentcore::Other(kind) => {
                self.log(Level::Error, format!("agentcore sent a packet of type {kind:?}, which nobody waits for"));
            }
        }
    }

    /// From now on `listing` is what there is of all that `concerned` names.
    fn set(&mut self, listing: Listing, concerned: impl Fn(&CheckPath) -> bool, now: Now) {
        for broken in listing.broken {
            self.log(Level::Error, format!("an entry of agentcore's list is passed over: {broken}"));
        }
        let mut wanted = BTreeMap::new();
        for entry in listing.entries {
            match self.probe.kinds.iter().position(|kind| kind.key == entry.check_key) {
                Some(kind) => drop(wanted.insert(entry.path, (entry, kind))),
                None => self.log(Level::Debug, format!("no such check; {}", subject(&entry))),
            }
        }
        let gone: Vec<_> =
            self.tasks.keys().filter(|path| concerned(path) && !wanted.contains_key(path)).copied().collect();
        gone.into_iter().for_each(|path| self.remove(path));
        for (path, (entry, kind)) in wanted {
            self.upsert(path, entry, kind, now);
        }
    }

    fn remove(&mut self, path: CheckPath) {
        let Some(task) = self.tasks.remove(&path) else { return };
        self.sent.forget(path);
        match task.phase {
            Phase::Waiting(due) => {
                self.due.remove(&(due, path));
            }
            Phase::Running(run) => {
                self.runs.remove(&run);
                self.outputs.push_back(Output::Cancel(run));
                self.log(Level::Warning, format!("cancelled; {}", subject(&task.entry)));
            }
            Phase::Retired => {}
        }
        self.outputs.push_back(Output::Forget(path));
    }

    fn upsert(&mut self, path: CheckPath, entry: Entry, kind: usize, now: Now) {
        // Path and check belong together for good; should they not, it is another check.
        if self.tasks.get(&path).is_some_and(|task| task.kind != kind) {
            self.remove(path);
        }
        let due = next_time(path, entry.config.interval, now.unix);
        let Some(task) = self.tasks.get_mut(&path) else {
            self.due.insert((due, path));
            self.tasks.insert(path, Task { entry, kind, phase: Phase::Waiting(due) });
            return;
        };
        let is_new = match task.phase {
            Phase::Waiting(_) => task.entry.config.interval != entry.config.interval,
            Phase::Running(_) => false,
            Phase::Retired => task.entry != entry,
        };
        task.entry = entry;
        if is_new {
            if let Phase::Waiting(before) = task.phase {
                self.due.remove(&(before, path));
            }
            task.phase = Phase::Waiting(due);
            self.due.insert((due, path));
        }
    }

    fn start(&mut self, path: CheckPath, planned: Duration, now: Now) {
        let Some(task) = self.tasks.get_mut(&path) else { return };
        let run = RunId(self.next_run);
        self.next_run = self.next_run.wrapping_add(1);
        task.phase = Phase::Running(run);
        let Entry { asset_name, check_key, config, .. } = task.entry.clone();
        let time_limit = config.time_limit(self.probe.max_check_timeout);
        let subject = subject(&task.entry);
        self.runs.insert(run, Run { path, planned });
        let late = now.unix.saturating_sub(planned);
        if late > LATE {
            let late = late.as_secs_f64();
            self.log(
                Level::Error,
                format!("{late:.1} s later than planned, because the clock was set or the host is busy; {subject}"),
            );
        }
        self.log(Level::Debug, format!("run check; {subject}"));
        self.outputs.push_back(Output::Start(Start { run, path, asset_name, check_key, config, time_limit }));
    }

    /// Plans all anew that wait, when the clock was set back: they would wait for longer than their intervals.
    fn mend_schedule(&mut self, now: Now) {
        let expected = self.clock.unix.saturating_add(now.steady.saturating_since(self.clock.steady));
        self.clock = now;
        let back = expected.saturating_sub(now.unix);
        if back <= LATE || self.due.is_empty() {
            return;
        }
        let waiting = core::mem::take(&mut self.due);
        let text =
            format!("the clock was set back by {:.1} s: {} checks are planned anew", back.as_secs_f64(), waiting.len());
        self.log(Level::Warning, text);
        for (_, path) in waiting {
            let Some(task) = self.tasks.get_mut(&path) else { continue };
            let due = next_time(path, task.entry.config.interval, now.unix);
            task.phase = Phase::Waiting(due);
            self.due.insert((due, path));
        }
    }

    /// Tells agentcore how a run ended, when there is a connection; otherwise it is lost.
    fn tell(&mut self, kind: usize, run: &Run, mut told: Told, now: Now) {
        let eol = self.probe.kinds.get(kind).map_or(Duration::ZERO, |kind| kind.unchanged_eol);
        let comparable = !eol.is_zero() && told.error.is_none();
        if !eol.is_zero() {
            told.result = told.result.map(CheckResult::sorted);
        }
        let unchanged =
            comparable && told.result.as_ref().is_some_and(|result| self.sent.is_unchanged(run.path, result, now.unix));
        let mut frame = self.result(run, &told, unchanged, now);
        if frame.len() > self.probe.max_package {
            let error = CheckError::new(format!("data package too large ({} bytes)", frame.len()));
            self.log(Level::Error, format!("asset {}: {}", run.path.asset, error.text));
            told = Told { result: None, error: Some(error), no_count: false };
            frame = self.result(run, &told, false, now);
        }
        let connected = matches!(self.link, Link::Announced { .. } | Link::Accepted);
        match &told.result {
            _ if unchanged => {}
            Some(result) if connected && comparable => {
                self.sent.remember(run.path, result, now.unix.saturating_add(eol));
            }
            _ => self.sent.forget(run.path),
        }
        if connected {
            self.outputs.push_back(Output::Send(frame));
        } else {
            self.log(Level::Debug, format!("not connected: the result of asset {} is lost", run.path.asset));
        }
    }

    fn result(&self, run: &Run, told: &Told, unchanged: bool, now: Now) -> Vec<u8> {
        let duration = now.unix.saturating_sub(run.planned);
        let body = outcome::body(run.path, told, duration, run.planned, unchanged);
        Frame { part: run.path.asset, id: 0, kind: PacketType::Dump.into(), body: msgpack::encode(&body) }.encode()
    }

    /// Gives the peer up.
    fn give_up(&mut self, why: &dyn core::fmt::Display, now: Now) {
        self.outputs.push_back(Output::Disconnect);
        self.down(why, now);
    }

    fn down(&mut self, why: &dyn core::fmt::Display, now: Now) {
        let pause = match self.link {
            Link::Accepted => PAUSE_AFTER_LOSS,
            _ => {
                let pause = self.pause;
                self.pause = pause.saturating_mul(2).min(LONGEST_PAUSE);
                pause
            }
        };
        self.log(Level::Error, format!("{why}; the next attempt is in {} s", pause.as_secs()));
        self.link = Link::Down { until: now.steady.saturating_add(pause) };
        self.framer = Framer::default();
        // What was sent last may not have arrived.
        self.sent.forget_all();
    }

    fn log(&mut self, level: Level, text: String) {
        self.outputs.push_back(Output::Log(level, text));
    }
}

/// Whom a line of the log is about.
fn subject(entry: &Entry) -> String {
    format!("asset: {} ({}) check: {}", entry.asset_name, entry.path.asset, entry.check_key)
}

#[cfg(test)]
mod tests;
