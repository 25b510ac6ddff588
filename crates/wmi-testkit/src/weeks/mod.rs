//! Simulated weeks: one seed decides a session of minutes to days, what its user does and everything that goes wrong.
//!
//! Time is virtual and jumps from one thing that happens to the next. What must hold is checked all along: every command
//! ends once and in time, rows come once and in order and none is lost silently, the host holds what the client holds,
//! and log-ons are few.

mod commands;
mod dice;
mod mishap;
mod model;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use wmi_proto::internals::Holdings;
use wmi_proto::wire::HResult;
use wmi_proto::{CallId, Error, ErrorKind, Event, Instant, Query, QueryId};
use wmi_sim::{Fault, HostConfig};

use crate::{OBJECT_PORT, Pair, config};
use dice::Dice;
use mishap::Mishap;
use model::{Running, Wish};

/// The longest session.
pub const WEEK: Duration = Duration::from_secs(7 * 24 * 3600);

/// What happened in a session in which everything held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Virtual time.
    pub time: Duration,
    /// Queries, copies included, and calls.
    pub commands: u64,
    /// Rows that were delivered.
    pub rows: u64,
    /// Things that went wrong on purpose.
    pub mishaps: u64,
    /// Times that the client told of a loss.
    pub losses: u64,
    /// Log-ons, as the host counted them.
    pub logons: u64,
    /// Pings, as the host counted them.
    pub pings: u64,
}

impl std::ops::AddAssign for Report {
    fn add_assign(&mut self, other: Self) {
        self.time += other.time;
        self.commands += other.commands;
        self.rows += other.rows;
        self.mishaps += other.mishaps;
        self.losses += other.losses;
        self.logons += other.logons;
        self.pings += other.pings;
    }
}

/// What did not hold, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The virtual time.
    pub at: Instant,
    /// What is wrong.
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", Clock(self.at), self.what)
    }
}

/// A virtual time for people.
struct Clock(Instant);

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let micros = self.0.as_micros();
        let (seconds, rest) = (micros / 1_000_000, micros % 1_000_000);
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        write!(f, "{days}d {hours:02}:{minutes:02}:{:02}.{rest:06}", seconds % 60)
    }
}

/// Sees every line of a session's story.
pub type Story<'a> = &'a mut dyn FnMut(String);

/// Runs the session that `seed` decides, of `longest` at the most; `story` hears what happens in it.
///
/// # Errors
/// What did not hold.
pub fn run(seed: u64, longest: Duration, story: Option<Story<'_>>) -> Result<Report, Violation> {
    let mut dice = Dice::new(seed);
    let time = dice.span(Duration::from_secs(600), longest);
    let faults: Vec<_> = (0..dice.below(3)).map(|_| dice.pick(DIFFERENCES)).collect();
    let host = HostConfig::new(OBJECT_PORT).rows(ROWS as u32).faults(faults.clone());
    let mut config = config();
    config.linger = Duration::from_secs(10);
    let mut week = Week {
        pair: Pair::seeded(config, host, seed),
        dice,
        queries: BTreeMap::new(),
        calls: BTreeMap::new(),
        methods: 0,
        mishaps: 0,
        epoch: 0,
        disturbed: false,
        until: None,
        collects: !faults.contains(&Fault::NoPing),
        forgetful: false,
        orphans_until: Instant::default(),
        ready: false,
        closed: false,
        report: Report::default(),
        story,
    };
    week.tell(|| format!("seed {seed}: {time:?} with a host of {faults:?}"));
    let result = week.live(Instant::default().saturating_add(time));
    let (at, report) = (week.pair.now(), week.report());
    result.map(|()| report).map_err(|what| Violation { at, what })
}

/// Rows of the class that is asked for.
const ROWS: u64 = 60;

/// Rows of the class whose rows take 200 milliseconds each.
const SLOW_ROWS: u64 = 10;

/// Ways in which hosts differ that a session must not show.
const DIFFERENCES: &[Fault] = &[
    Fault::Fragment1024,
    Fault::OrpcthatExtensions,
    Fault::InsistContext,
    Fault::LazyInterfaces,
    Fault::SingleContextBind,
    Fault::Hint6,
    Fault::RefuseSmartCall,
    Fault::RefuseSmartItem,
    Fault::ShortBatches,
    Fault::ClassPartPerReply,
    Fault::NoMpx,
    Fault::TimedOutBatches,
    Fault::PartialResults,
    Fault::SlowFirstRow,
    Fault::ZeroPublicRefs,
    Fault::NoPing,
    Fault::ComVersion5_6,
    Fault::OlderExporter,
    Fault::SecondExporter,
    Fault::SecondExporter,
];

/// The longest that references may be on their way back once nothing else happens.
const SETTLED: Duration = Duration::from_secs(8);

/// The time after which nothing is left at the host that nobody needs: objects that were never pinged take longest.
const COLLECTED: Duration = Duration::from_secs(15 * 60);

/// How much later than its deadline a command may end.
const GRACE: Duration = Duration::from_millis(1);

struct Week<'a> {
    pair: Pair,
    dice: Dice,
    queries: BTreeMap<QueryId, Running>,
    calls: BTreeMap<CallId, Calling>,
    /// Methods that were called.
    methods: u64,
    mishaps: u64,
    /// Counts mishaps, and the ends of what they disturb: a command within one of which nothing went wrong must succeed.
    epoch: u64,
    /// Whether what went wrong may still show.
    disturbed: bool,
    /// When the last mishap ends by itself.
    until: Option<Instant>,
    /// Whether the host collects what nobody pings.
    collects: bool,
    /// Whether the host may have lost objects that the client still believes in.
    forgetful: bool,
    /// Until when the host may hold objects of sessions that were lost.
    orphans_until: Instant,
    ready: bool,
    closed: bool,
    report: Report,
    story: Option<Story<'a>>,
}

/// A call under way.
#[derive(Debug)]
struct Calling {
    deadline: Instant,
    epoch: u64,
    cancelled: bool,
    refusal: Option<HResult>,
}

type Checked = Result<(), String>;

impl Week<'_> {
    fn tell(&mut self, line: impl FnOnce() -> String) {
        let now = self.pair.now();
        if let Some(story) = &mut self.story {
            story(format!("{} {}", Clock(now), line()));
        }
    }

    fn report(&self) -> Report {
        let stats = self.pair.host.stats();
        let pings = stats.calls_of("IObjectExporter::SimplePing") + stats.calls_of("IObjectExporter::ComplexPing");
        let time = self.pair.now().saturating_since(Instant::default());
        Report { time, mishaps: self.mishaps, logons: stats.logons, pings, ..self.report }
    }

    fn live(&mut self, end: Instant) -> Checked {
        self.recover()?;
        while self.pair.now() < end {
            let left = end.saturating_since(self.pair.now());
            let (logons, mishaps) = (self.pair.host.stats().logons, self.mishaps);
            match self.dice.below(6) {
                0 | 1 => self.idle(left, 0)?,
                2 => self.busy(0)?,
                3 => {
                    let count = 1 + self.dice.below(2);
                    self.idle(left, count)?;
                }
                _ => {
                    let count = 1 + self.dice.below(3);
                    self.busy(count)?;
                }
            }
            self.finish_all()?;
            let mishaps = self.mishaps - mishaps;
            if mishaps > 0 {
                self.recover()?;
            }
            self.compare()?;
            let logons = self.pair.host.stats().logons - logons;
            if logons > mishaps * LOGONS_EACH {
                return Err(format!("{logons} log-ons after {mishaps} mishaps"));
            }
        }
        self.part()
    }

    /// Nothing is asked for, and nothing must be lost, unless something goes wrong.
    fn idle(&mut self, left: Duration, mishaps: u64) -> Checked {
        let most = left.min(Duration::from_secs(24 * 3600)).max(Duration::from_secs(1));
        let time = self.dice.span(Duration::from_secs(1), most);
        self.tell(|| format!("idle for {time:?}"));
        for _ in 0..mishaps {
            self.pass(time / 2)?;
            self.go_wrong();
        }
        self.pass(time)
    }

    /// Many commands in a short time.
    fn busy(&mut self, mishaps: u64) -> Checked {
        let actions = 3 + self.dice.below(40);
        let wrong: BTreeSet<u64> = (0..mishaps).map(|_| self.dice.below(actions)).collect();
        self.tell(|| format!("busy with {actions} actions"));
        if self.dice.once_in(3) {
            // Packets overtake each other, from one connection to another.
            let mut dice = Dice::new(self.dice.next());
            let most = self.dice.span(Duration::from_millis(1), Duration::from_secs(2));
            self.pair.delay = Some(Box::new(move |_| most.mul_f64(dice.below(1000) as f64 / 1000.0)));
        }
        for action in 0..actions {
            if wrong.contains(&action) {
                self.go_wrong();
            }
            self.act()?;
        }
        Ok(())
    }

    fn go_wrong(&mut self) {
        let mishap = Mishap::draw(&mut self.dice);
        self.tell(|| format!("MISHAP {mishap:?}"));
        self.mishaps += 1;
        self.epoch += 1;
        self.disturbed = true;
        self.forgetful |= mishap.makes_forget();
        let until = self.pair.now().saturating_add(mishap.lasts());
        self.until = self.until.max(Some(until));
        mishap.befall(&mut self.pair, &mut self.dice);
    }

    fn act(&mut self) -> Checked {
        let ids: Vec<QueryId> = self.queries.keys().copied().collect();
        let some = |dice: &mut Dice| (!ids.is_empty()).then(|| dice.pick(&ids));
        match self.dice.below(20) {
            0..=3 => self.query(),
            4 => self.get_object(),
            5 => self.exec_method(),
            6..=10 => {
                if let Some(id) = some(&mut self.dice) {
                    let most = 1 + self.dice.below(30);
                    self.fetch(id, most);
                }
            }
            11 => {
                if let Some(id) = some(&mut self.dice)
                    && self.pair.reset(id).is_ok()
                {
                    self.wish(id, Wish::Reset);
                }
            }
            12 => {
                let count = 1 + self.dice.below(30);
                if let Some(id) = some(&mut self.dice)
                    && self.pair.skip(id, count as u32).is_ok()
                {
                    self.wish(id, Wish::Skip(count));
                }
            }
            13 => {
                if let Some(id) = some(&mut self.dice) {
                    self.copy(id);
                }
            }
            14 => self.cancel(some),
            _ => {
                let time = self.dice.span(Duration::from_micros(100), Duration::from_secs(20));
                self.pass(time)?;
            }
        }
        Ok(())
    }

    /// Lets `time` pass and hears what happens in it.
    fn pass(&mut self, time: Duration) -> Checked {
        let until = self.pair.now().saturating_add(time);
        while let Some(event) = self.pair.next_event_until(until) {
            self.hear(event)?;
        }
        self.in_time()
    }

    /// Every command ends when its deadline passes, whatever the host does.
    fn in_time(&self) -> Checked {
        let now = self.pair.now();
        let late = |deadline: Instant| deadline.saturating_add(GRACE) < now;
        if let Some((id, _)) = self.queries.iter().find(|(_, query)| late(query.deadline)) {
            return Err(format!("{id:?} outlives its deadline"));
        }
        if let Some((id, _)) = self.calls.iter().find(|(_, call)| late(call.deadline)) {
            return Err(format!("{id:?} outlives its deadline"));
        }
        Ok(())
    }

    fn hear(&mut self, event: Event) -> Checked {
        match &event {
            Event::Stage(_) => {}
            Event::Batch { query, rows } => {
                let (query, count) = (*query, rows.len());
                self.tell(|| format!("{query:?} {count} rows"));
            }
            other => {
                let line = format!("{other:?}");
                self.tell(|| line);
            }
        }
        self.in_time()?;
        let now = self.pair.now();
        match event {
            Event::Ready => self.ready = true,
            Event::Lost { error } => self.lost(&error)?,
            Event::Reply { call, outcome } => {
                let calling = self.calls.remove(&call).ok_or(format!("{call:?} is answered twice"))?;
                self.replied(&calling, outcome.err()).map_err(|what| format!("{call:?} {what}"))?;
            }
            Event::Closed { outcome } => self.over(outcome)?,
            Event::QueryDone { query, outcome } => {
                let running = self.queries.remove(&query).ok_or(format!("{query:?} ends twice"))?;
                let original_lives = running.copy_of.is_some_and(|original| self.queries.contains_key(&original));
                running
                    .done(&outcome, self.pair.now(), self.excused(running.epoch), original_lives)
                    .map_err(|what| format!("{query:?} {what}"))?;
            }
            other => {
                let Some(id) = other.query() else { return Ok(()) };
                let running = self.queries.get_mut(&id).ok_or(format!("{id:?} is over and says {other:?}"))?;
                let heard = match &other {
                    Event::Batch { rows, .. } => {
                        self.report.rows += rows.len() as u64;
                        running.batch(rows, now)
                    }
                    Event::AtEnd { .. } => running.at_end(now),
                    Event::Reset { .. } => running.reset(),
                    Event::Skipped { .. } => running.skipped(now),
                    _ => Ok(()),
                };
                heard.map_err(|what| format!("{id:?} {what}"))?;
                self.settle_copies(id);
            }
        }
        Ok(())
    }

    /// Whether what began in `epoch` may have failed because of something that went wrong.
    const fn excused(&self, epoch: u64) -> bool {
        self.disturbed || self.epoch != epoch
    }

    fn replied(&self, calling: &Calling, error: Option<Error>) -> Checked {
        let now = self.pair.now();
        match (error, calling.refusal) {
            (None, None) => Ok(()),
            (None, Some(status)) => Err(format!("succeeds where {status} was due")),
            (Some(_), _) if calling.cancelled || self.excused(calling.epoch) => Ok(()),
            (Some(error), _) if error.kind == ErrorKind::TimedOut && now >= calling.deadline => Ok(()),
            (Some(error), Some(status)) if error.kind == ErrorKind::Status(status) => Ok(()),
            (Some(error), _) => Err(format!("fails although nothing went wrong: {error}")),
        }
    }

    fn lost(&mut self, error: &Error) -> Checked {
        self.report.losses += 1;
        self.orphans_until = self.pair.now().saturating_add(COLLECTED);
        if self.disturbed { Ok(()) } else { Err(format!("lost although nothing went wrong: {error}")) }
    }

    fn over(&mut self, outcome: Result<(), Error>) -> Checked {
        self.closed = true;
        if let Some(id) = self.queries.keys().next() {
            return Err(format!("closed before {id:?} ended"));
        }
        if let Some(id) = self.calls.keys().next() {
            return Err(format!("closed before {id:?} ended"));
        }
        outcome.map_err(|error| format!("closed: {error}"))
    }

    /// Everything that is under way comes to its end.
    fn finish_all(&mut self) -> Checked {
        self.pair.delay = None;
        loop {
            let ids: Vec<QueryId> = self.queries.iter().filter(|(_, q)| q.is_idle()).map(|(id, _)| *id).collect();
            for id in ids {
                self.fetch(id, ROWS);
            }
            let deadlines = self.queries.values().map(|query| query.deadline);
            let Some(last) = deadlines.chain(self.calls.values().map(|call| call.deadline)).max() else { break };
            match self.pair.next_event_until(last.saturating_add(GRACE)) {
                Some(event) => self.hear(event)?,
                None => self.in_time()?,
            }
            if self.closed {
                return Err("the session is over".to_owned());
            }
        }
        let methods = self.pair.host.stats().calls_of("IWbemServices::ExecMethod");
        if methods > self.methods { Err(format!("{methods} methods for {} calls", self.methods)) } else { Ok(()) }
    }

    /// What went wrong is over: the session is usable again, and soon.
    fn recover(&mut self) -> Checked {
        Mishap::end_all(&mut self.pair);
        if let Some(until) = self.until.take() {
            self.pass(until.saturating_since(self.pair.now()))?;
        }
        self.tell(|| "all is well again".to_owned());
        let mut tries = 0;
        loop {
            let losses = self.report.losses;
            for namespace in ["root/cimv2", "root", NOWHERE] {
                self.find_usable(namespace, &mut tries)?;
            }
            // What the last of them found lost is entered anew.
            if self.report.losses == losses {
                break;
            }
        }
        // The connection for pings is missed when the next one is due.
        self.pass(PING_PERIOD.saturating_mul(2))?;
        self.orphans_until = self.pair.now().saturating_add(COLLECTED);
        self.disturbed = false;
        self.epoch += 1;
        Ok(())
    }

    /// Asks until a namespace answers.
    fn find_usable(&mut self, namespace: &str, tries: &mut u32) -> Checked {
        loop {
            *tries += 1;
            if *tries > TRIES {
                return Err("the session does not come back".to_owned());
            }
            let query = Query::new("SELECT Name FROM __NAMESPACE").namespace(namespace);
            let id = self.pair.try_exec(query.timeout(Duration::from_secs(60))).map_err(|e| e.to_string())?;
            match self.probe(id)? {
                Err(error) if error.kind == ErrorKind::Status(HResult::WBEM_E_INVALID_NAMESPACE) => return Ok(()),
                Ok(()) => return Ok(()),
                Err(error) => self.tell(|| format!("not yet: {error}")),
            }
            self.pass(Duration::from_secs(10))?;
        }
    }

    /// Runs a query of which only the end matters.
    fn probe(&mut self, id: QueryId) -> Result<Result<(), Error>, String> {
        self.pair.fetch(id, 1000);
        let until = self.pair.now().saturating_add(Duration::from_secs(61));
        loop {
            match self.pair.next_event_until(until) {
                Some(Event::Batch { query, .. }) if query == id => {
                    self.pair.fetch(id, 1000);
                }
                Some(Event::QueryDone { query, outcome }) if query == id => return Ok(outcome.map(|_| ())),
                Some(event) => self.hear(event)?,
                None => return Err(format!("{id:?} outlives its deadline")),
            }
            if self.closed {
                return Err("the session is over".to_owned());
            }
        }
    }

    /// The host holds what the client holds, and nothing else once what was lost is collected.
    fn compare(&mut self) -> Checked {
        self.pass(SETTLED)?;
        if self.dice.once_in(3) {
            let left = self.orphans_until.saturating_since(self.pair.now());
            self.pass(left)?;
        }
        let holdings = self.pair.client.holdings();
        let (host, client) = (self.pair.host.objects(), &holdings.objects);
        let missing: Vec<_> = client.difference(&host).collect();
        if !self.forgetful && !missing.is_empty() {
            return Err(format!("the host has lost {missing:x?} of the client's {client:x?}"));
        }
        let extra: Vec<_> = host.difference(client).collect();
        let collected = self.pair.now() >= self.orphans_until && (self.collects || self.report.losses == 0);
        if collected && !extra.is_empty() {
            return Err(format!("the host holds {extra:x?} beside the client's {client:x?}"));
        }
        let Holdings { references, owed, namespaces, commands, transports, at_rest, .. } = holdings;
        // The log-in object, and the namespaces that are entered; the activator, and at most two processes.
        let few = references <= 1 + NAMESPACES && namespaces <= 1 + NAMESPACES && transports <= 3;
        if !few || owed > 0 || commands > 0 || !at_rest {
            return Err(format!("at rest the client holds {holdings:?}"));
        }
        Ok(())
    }

    /// The end of the session, in good order or not.
    fn part(&mut self) -> Checked {
        let orderly = !self.dice.once_in(3);
        if orderly {
            self.tell(|| "close".to_owned());
            self.pair.close();
            self.pass(Duration::from_secs(20))?;
            if !self.closed {
                return Err("not closed".to_owned());
            }
        } else {
            self.tell(|| "the client vanishes".to_owned());
            self.pair.vanish();
        }
        if !orderly || self.orphans_until > self.pair.now() {
            self.pass(COLLECTED)?;
        }
        let (objects, sets) = (self.pair.host.alive_objects(), self.pair.host.ping_sets());
        if objects > 0 && (self.collects || (orderly && self.report.losses == 0)) {
            return Err(format!("{objects} objects are left"));
        }
        self.pass(Duration::from_secs(600))?;
        if !sets.is_empty() && !self.pair.host.ping_sets().is_empty() {
            return Err(format!("ping sets are left: {sets:x?}"));
        }
        Ok(())
    }
}

/// How many namespaces are used that there are.
const NAMESPACES: usize = 2;

/// A namespace that there is not.
const NOWHERE: &str = "root/nowhere";

/// How often a client pings ([MS-DCOM 3.2.2]).
const PING_PERIOD: Duration = Duration::from_secs(120);

/// Log-ons that one mishap may cause.
const LOGONS_EACH: u64 = 8;

/// Attempts to find the session usable again, of all namespaces together.
const TRIES: u32 = 20;
