//! What the application told the captured client to do: which queries, and which command stands behind which call.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::time::Duration;

use wmi_proto::wire::Guid;
use wmi_proto::wire::guid::IID_IWBEM_FETCH_SMART_ENUM;
use wmi_proto::{Enumerator, Instant, Query};

use crate::replay::calls::{Asked, Call};
use crate::replay::transcript::Transcript;

/// Everything that the client was told.
#[derive(Default)]
pub(crate) struct Plan {
    /// In the order of their first calls.
    pub(crate) queries: Vec<Planned>,
    /// What it was told before it heard something: by the moment of hearing.
    pub(crate) before: BTreeMap<usize, Vec<Command>>,
    /// What it was told when it made a call: by the place of the call.
    pub(crate) behind: BTreeMap<usize, Command>,
    /// Between which readings of the clock something was heard, as far as the next call tells.
    pub(crate) clock: BTreeMap<usize, Bounds>,
}

/// A query that was run.
pub(crate) struct Planned {
    /// The query, but for its deadline.
    pub(crate) query: Query,
    /// Whether its text is in the capture: not when it ended before it was sent.
    pub(crate) is_known: bool,
    /// The deadline, when calls tell it.
    pub(crate) deadline: Option<Instant>,
    /// When it was given up or had ended, when the release of its references tells.
    pub(crate) given_up: Option<Instant>,
    /// The moment after which that was: of its last call, or of the answer.
    settled: usize,
}

/// What a client can be told, or what else makes it speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// A query was begun.
    Exec(usize),
    /// Rows were asked for.
    Fetch { query: usize, count: NonZeroU32, clock: Bounds },
    /// A query was to go back to its first object.
    Reset(usize),
    /// A query was to go over objects.
    Skip { query: usize, count: NonZeroU32, clock: Bounds },
    /// A second query was begun at the place of another.
    Clone { query: usize, copy: usize },
    /// A query was given up.
    Cancel(usize),
    /// The session was closed.
    Close,
    /// References of queries that ended were due to be given back.
    Release,
}

/// Between which readings of its clock the client must have acted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) earliest: Instant,
    pub(crate) latest: Instant,
}

impl Bounds {
    const NONE: Self = Self { earliest: Instant::from_micros(0), latest: Instant::from_micros(u64::MAX) };

    /// When a query with this deadline has so many milliseconds left.
    fn left(deadline: Instant, millis: u32) -> Self {
        let before = |micros: u64| Instant::from_micros(deadline.as_micros().saturating_sub(micros));
        let micros = u64::from(millis) * 1000;
        Self { earliest: before(micros + 999), latest: before(micros) }
    }

    /// The same, told by a call that never tells of more than a second.
    fn slice(deadline: Instant, millis: u32) -> Self {
        let left = Self::left(deadline, millis);
        if millis < USUAL_SLICE { left } else { Self { earliest: Instant::from_micros(0), ..left } }
    }
}

impl Planned {
    /// Whether it was given up before something that happened at `moment`, which is at `time`.
    pub(crate) fn was_given_up(&self, moment: usize, time: Instant) -> bool {
        self.settled < moment && self.given_up.is_some_and(|given_up| given_up < time)
    }
}

/// The milliseconds that the client lets a host wait for rows while there is time.
const USUAL_SLICE: u32 = 1000;

/// How long the client collects references before it gives them back.
const RELEASE_DELAY: Duration = Duration::from_millis(100);

/// A query as its calls show it.
struct Trail {
    /// The place of the call that sent it, or of the log-in that it did not survive.
    first: usize,
    /// The query of which it is a copy.
    copy_of: Option<usize>,
    /// The log-in to its namespace.
    login: Option<usize>,
    text: Option<(String, i32)>,
    namespace: String,
    /// The interface pointers that it got.
    ipids: Vec<Guid>,
    /// All calls.
    calls: Vec<usize>,
    /// When it got its enumerator.
    opened: Option<usize>,
}

impl Plan {
    pub(crate) fn of(transcript: &Transcript, calls: &[Call]) -> Self {
        let trails = trails(calls, transcript);
        let mut plan = Self::default();
        for (number, trail) in trails.iter().enumerate() {
            plan.queries.push(trail.planned(calls, transcript));
            plan.begin(number, trail, calls, transcript);
            plan.fetches(number, trail, calls, transcript);
        }
        for (copy, trail) in trails.iter().enumerate().rev() {
            let batch = plan.queries.get(copy).and_then(|planned| planned.query.batch);
            if let Some(planned) = trail.copy_of.and_then(|query| plan.queries.get_mut(query)) {
                // A copy asks for as many at a time as its original may.
                planned.query.batch = planned.query.batch.max(batch);
            }
        }
        plan.releases(&trails, calls, transcript);
        plan
    }

    /// When the query was begun.
    fn begin(&mut self, number: usize, trail: &Trail, calls: &[Call], transcript: &Transcript) {
        if let Some(query) = trail.copy_of {
            self.behind.insert(trail.first, Command::Clone { query, copy: number });
            return;
        }
        let login = trail.login.and_then(|login| Some((login, calls.get(login)?)));
        let entered = login.and_then(|(_, login)| Some(login.answer.as_ref()?.moment));
        match (login, entered) {
            // It made the client log in, and ended before it was sent.
            (Some((login, _)), entered) if trail.text.is_none() => {
                self.behind.insert(login, Command::Exec(number));
                if let Some(entered) = entered {
                    self.before.entry(entered).or_default().push(Command::Cancel(number));
                }
            }
            // It waited for the namespace.
            (Some((login, _)), Some(entered))
                if calls.get(trail.first).is_some_and(|call| transcript.same_turn(entered, call.moment)) =>
            {
                // The first one made the client log in.
                if *self.behind.entry(login).or_insert(Command::Exec(number)) != Command::Exec(number) {
                    self.before.entry(entered).or_default().push(Command::Exec(number));
                }
            }
            _ => {
                self.behind.insert(trail.first, Command::Exec(number));
            }
        }
    }

    /// When rows were asked for.
    fn fetches(&mut self, number: usize, trail: &Trail, calls: &[Call], transcript: &Transcript) {
        let deadline = self.queries.get(number).and_then(|planned| planned.deadline);
        let mut before: Option<(usize, bool)> = None;
        // Where the client began to go over to a smart enumerator in the middle: it was told to fetch there.
        let mut over = None;
        let asked = |at: usize| match trail.calls.get(at).and_then(|place| calls.get(*place)).map(|call| &call.asked) {
            Some(Asked::Next { count, smart, .. }) => Some((*count, *smart)),
            _ => None,
        };
        let brought = |at: usize| {
            let call = trail.calls.get(at).and_then(|place| calls.get(*place));
            call.and_then(|call| call.answer.as_ref()).is_some_and(|answer| answer.has_rows)
        };
        for (at, place) in trail.calls.iter().enumerate() {
            let Some(call) = calls.get(*place) else { continue };
            let left = |timeout: i32| u32::try_from(timeout).unwrap_or(USUAL_SLICE);
            let (count, timeout) = match call.asked {
                Asked::Next { count, timeout, .. } => (count, timeout),
                Asked::Reset | Asked::Skip { .. } => {
                    let command = match call.asked {
                        Asked::Skip { count, timeout } => NonZeroU32::new(count).map(|count| {
                            let clock = deadline.map_or(Bounds::NONE, |deadline| Bounds::left(deadline, left(timeout)));
                            Command::Skip { query: number, count, clock }
                        }),
                        _ => Some(Command::Reset(number)),
                    };
                    self.behind.extend(command.map(|command| (*place, command)));
                    // What follows was asked for.
                    before = before.map(|(moment, _)| (moment, true));
                    continue;
                }
                Asked::Interface(_) if before.is_some() => {
                    over = Some(*place);
                    continue;
                }
                _ => continue,
            };
            // Of a smart enumerator: whether the client goes back to the one that it began with, by itself.
            let goes_back = matches!((asked(at), asked(at + 1)), (Some((_, true)), Some((_, false))));
            // The first smart Next may ask for fewer than was wanted; the plain one behind it asks for all of them.
            let back = (at..).find(|at| !matches!(asked(*at), Some((_, true))) || brought(*at)).map(|at| at + 1);
            let first = over.is_some() && matches!(asked(at), Some((_, true)));
            let back = back.filter(|_| first).and_then(asked).filter(|(_, smart)| !smart);
            let count = count.max(back.map_or(0, |(count, _)| count));
            let Some(count) = NonZeroU32::new(count) else { continue };
            let clock = deadline.map_or(Bounds::NONE, |deadline| Bounds::slice(deadline, left(timeout)));
            let fetch = Command::Fetch { query: number, count, clock };
            match (before, trail.opened) {
                _ if over.is_some() => {
                    let fetch = Command::Fetch { query: number, count, clock: Bounds::NONE };
                    self.behind.extend(over.take().map(|place| (place, fetch)));
                    let answer =
                        trail.calls.get(at.wrapping_sub(1)).and_then(|place| calls.get(*place)?.answer.as_ref());
                    self.clock.extend(answer.map(|answer| (answer.moment, clock)));
                }
                // Nothing came the last time: the client asks again by itself.
                (Some((moment, false)), _) => {
                    self.clock.insert(moment, clock);
                }
                (None, Some(opened)) if transcript.same_turn(opened, call.moment) => {
                    self.before.entry(opened).or_default().push(fetch);
                    self.clock.insert(opened, clock);
                }
                _ => {
                    self.behind.insert(*place, fetch);
                }
            }
            let Some(answer) = &call.answer else { break };
            before = Some((answer.moment, answer.has_rows && !goes_back));
        }
    }

    /// When queries had ended, and when the session was closed.
    fn releases(&mut self, trails: &[Trail], calls: &[Call], transcript: &Transcript) {
        for (place, call) in calls.iter().enumerate() {
            let Asked::Release { ipids } = &call.asked else { continue };
            let owner = |ipid: &Guid| trails.iter().rposition(|trail| trail.ipids.contains(ipid));
            let owners: Vec<Option<usize>> = ipids.iter().map(owner).collect();
            // Only the end of the session gives back what is no query's.
            if owners.contains(&None) {
                self.behind.insert(place, Command::Close);
                continue;
            }
            self.behind.insert(place, Command::Release);
            let owners: Vec<usize> = owners.into_iter().flatten().collect();
            self.ended(&owners, call.moment, trails, calls, transcript);
        }
    }

    /// These queries had ended when their references were given back at `moment`. One of them had ended so long before
    /// as the client collects; others may have ended since.
    fn ended(&mut self, owners: &[usize], moment: usize, trails: &[Trail], calls: &[Call], transcript: &Transcript) {
        let delay = u64::try_from(RELEASE_DELAY.as_micros()).unwrap_or(u64::MAX);
        let first = Instant::from_micros(transcript.time(moment).as_micros().saturating_sub(delay));
        let last = |query: &usize| trails.get(*query).and_then(|trail| calls.get(*trail.calls.last()?));
        let answered = |call: &Call| call.answer.as_ref().map(|answer| answer.moment).filter(|answer| *answer < moment);
        let in_time = |call: &Call| answered(call).is_none_or(|answer| transcript.time(answer) <= first);
        let is_explained = owners.iter().filter_map(last).any(in_time);
        for query in owners {
            let (Some(call), Some(planned)) = (last(query), self.queries.get_mut(*query)) else { continue };
            let (settled, given_up) = match answered(call) {
                Some(answer) if is_explained => (answer, first.max(transcript.time(answer))),
                _ => (call.moment, first),
            };
            planned.settled = settled;
            planned.given_up.get_or_insert(given_up);
        }
    }
}

/// The queries among the calls.
fn trails(calls: &[Call], transcript: &Transcript) -> Vec<Trail> {
    let mut trails: Vec<Trail> = Vec::new();
    for (place, call) in calls.iter().enumerate() {
        let ipids = call.answer.as_ref().map(|answer| answer.ipids.clone()).unwrap_or_default();
        let opened = call.answer.as_ref().map(|answer| answer.moment);
        let owned =
            |ipid: Option<Guid>| trails.iter().rposition(|trail| trail.ipids.contains(&ipid.unwrap_or_default()));
        match &call.asked {
            Asked::Login { resource } => {
                let services = ipids.first();
                let waits = |other: &Call| {
                    matches!(other.asked, Asked::Query { .. })
                        && other.object.as_ref() == services
                        && opened.is_some_and(|opened| transcript.same_turn(opened, other.moment))
                };
                if !calls.iter().any(waits) {
                    let namespace = namespace(resource);
                    let (login, text) = (Some(place), None);
                    let calls = vec![place];
                    let (copy_of, ipids, opened) = (None, Vec::new(), None);
                    trails.push(Trail { first: place, copy_of, login, text, namespace, ipids, calls, opened });
                }
            }
            Asked::Query { text, flags } => {
                let is_of = |other: &Call| {
                    let services = other.answer.as_ref().and_then(|answer| answer.ipids.first());
                    matches!(other.asked, Asked::Login { .. }) && services == call.object.as_ref()
                };
                let login = calls.get(..place).unwrap_or_default().iter().rposition(is_of);
                let namespace = match login.and_then(|login| calls.get(login)).map(|login| &login.asked) {
                    Some(Asked::Login { resource }) => namespace(resource),
                    _ => String::new(),
                };
                let text = Some((text.clone(), *flags));
                let (copy_of, calls) = (None, vec![place]);
                trails.push(Trail { first: place, copy_of, login, text, namespace, ipids, calls, opened });
            }
            Asked::Interface(request) if request.iids.contains(&IID_IWBEM_FETCH_SMART_ENUM) => {
                let owner = owned(Some(request.ipid));
                if let Some(trail) = owner.and_then(|owner| trails.get_mut(owner)) {
                    let opened = if trail.has_fetched(calls) { trail.opened } else { opened };
                    trail.take(place, ipids, opened);
                }
            }
            Asked::Clone => {
                let copy_of = owned(call.object);
                if let Some(original) = copy_of.and_then(|owner| trails.get(owner)) {
                    let (text, namespace) = (original.text.clone(), original.namespace.clone());
                    let (login, calls) = (original.login, vec![place]);
                    trails.push(Trail { first: place, copy_of, login, text, namespace, ipids, calls, opened });
                }
            }
            Asked::SmartEnum | Asked::Next { .. } | Asked::Reset | Asked::Skip { .. } => {
                let owner = owned(call.object);
                if let Some(trail) = owner.and_then(|owner| trails.get_mut(owner)) {
                    // A smart enumerator for which rows were asked before is no beginning.
                    let begins = matches!(call.asked, Asked::SmartEnum) && !trail.has_fetched(calls);
                    let opened = if begins { opened } else { trail.opened };
                    trail.take(place, ipids, opened);
                }
            }
            Asked::Activation | Asked::Interface(_) | Asked::Release { .. } | Asked::Other => {}
        }
    }
    trails
}

impl Trail {
    fn take(&mut self, place: usize, ipids: Vec<Guid>, opened: Option<usize>) {
        self.calls.push(place);
        self.ipids.extend(ipids);
        self.opened = opened;
    }

    fn has_fetched(&self, calls: &[Call]) -> bool {
        let asked = |place: &usize| calls.get(*place).map(|call| &call.asked);
        self.calls.iter().filter_map(asked).any(|asked| matches!(asked, Asked::Next { .. }))
    }

    fn planned(&self, calls: &[Call], transcript: &Transcript) -> Planned {
        let calls = || self.calls.iter().filter_map(|place| calls.get(*place));
        let (text, flags) = self.text.clone().unwrap_or_else(|| (UNKNOWN.to_owned(), 0));
        let mut query = Query::new(text.replace('\0', "\u{fffd}")).namespace(&self.namespace);
        query.flags = u32::from_ne_bytes(flags.to_ne_bytes());
        let (mut asks_smart, mut asks_at_once, mut goes_plain, mut deadline) = (false, false, false, None);
        for call in calls() {
            match call.asked {
                Asked::Interface(_) => {
                    asks_at_once |= !goes_plain;
                    asks_smart = true;
                }
                Asked::Next { count, timeout, smart } => {
                    goes_plain |= !smart;
                    // What a fetch asked for is all that the call tells: no bound of the query's own is needed.
                    query.batch = query.batch.max(NonZeroU32::new(count));
                    let left = Duration::from_millis(u64::try_from(timeout).unwrap_or_default());
                    deadline = deadline.max(Some(transcript.time(call.moment).saturating_add(left)));
                    if i64::from(timeout) < i64::from(USUAL_SLICE) {
                        query.timeout = Duration::ZERO;
                    }
                }
                Asked::Skip { timeout, .. } => {
                    let left = Duration::from_millis(u64::try_from(timeout).unwrap_or_default());
                    deadline = deadline.max(Some(transcript.time(call.moment).saturating_add(left)));
                    query.timeout = Duration::ZERO;
                }
                _ => {}
            }
        }
        // Which goes over in the middle cannot be told from Next in a short result, and makes no difference there.
        query.enumerator = match (asks_smart, goes_plain) {
            (false, _) => Enumerator::Next,
            (true, false) => Enumerator::Smart,
            (true, true) if asks_at_once => Enumerator::PreferSmart,
            (true, true) => Enumerator::Auto,
        };
        let is_late = query.timeout.is_zero();
        let deadline = deadline.filter(|_| is_late);
        Planned { query, is_known: self.text.is_some(), deadline, given_up: None, settled: 0 }
    }
}

/// A resource of NTLMLogin as the client's caller may have written it.
fn namespace(resource: &str) -> String {
    resource.strip_prefix("//./").unwrap_or(resource).replace('\0', "\u{fffd}")
}

/// Stands for the text of a query that was never sent.
const UNKNOWN: &str = "?";
