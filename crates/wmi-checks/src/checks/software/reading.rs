//! One round: the calls and queries in their order, never more of them under way than is allowed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use wmi_proto::cim::CimValue;

use super::hive::Hive;
use super::known::{Content, Programs};
use super::program::{FILTER, Field, Layout, Program, SHOWN, hidden};
use super::queries::{self, Query};
use super::report;
use crate::record::{Record, Records};
use crate::registry::{self, Getter, Refusal};
use crate::{Answer, Failure, Options, Report, Request, RequestId, Round, Shape, State, Work};

/// Hives of users that are read of one host.
const MAX_HIVES: usize = 256;
/// Keys that are read of one host. The registry of no host comes near.
const MAX_KEYS: usize = 4096;
/// Characters of a key's name, by the registry's own limit.
const MAX_NAME: usize = 255;

/// The parts, as failures name them.
pub(super) const PROGRAMS: &str = "programs";
pub(super) const USERS: &str = "users";

/// A round of the check.
pub(super) struct Reading {
    options: Options,
    state: State,
    next_id: u32,
    asked: BTreeMap<RequestId, Purpose>,
    ready: VecDeque<Purpose>,
    hives: Vec<Listing>,
    keys: Vec<Key>,
    /// The first key that was not begun.
    begun: usize,
    /// Keys that are to be read whole although they are known.
    due: BTreeSet<(String, String)>,
    answers: Vec<(Query, Vec<Record>)>,
    without_features: bool,
    /// Of each kind the first, which counts the others.
    troubles: Vec<Failure>,
    /// Keys that were not read because there are more than [`MAX_KEYS`].
    beyond: usize,
    users_listed: bool,
}

/// A hive, and whether its keys are known.
pub(super) struct Listing {
    pub(super) hive: Hive,
    /// How many keys it has; `None` until that is known.
    pub(super) keys: Option<usize>,
    /// How many of them were read whole in this round.
    pub(super) read: usize,
}

/// A key below Uninstall.
struct Key {
    hive: usize,
    name: String,
    layout: Layout,
    values: Vec<(Field, CimValue)>,
    /// Values that are under way or in line.
    pending: usize,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// What decides whether it is shown.
    Filter,
    /// What it says of its program.
    Values,
    /// Nothing more comes of it.
    Over,
}

/// What a request is for; numbers are places in [`Reading::hives`] and [`Reading::keys`].
#[derive(Clone, Copy, Debug)]
enum Purpose {
    Query(Query),
    Users,
    Keys(usize),
    Witness(usize, Field, Getter),
    Layout(usize),
    Value(usize, Field, Getter),
}

impl Purpose {
    const fn part(self) -> &'static str {
        match self {
            Self::Query(query) => query.part(),
            Self::Users => USERS,
            _ => PROGRAMS,
        }
    }
}

impl Reading {
    pub(super) fn new(options: &Options, state: State) -> Self {
        let mut reading = Self {
            options: options.clone(),
            state,
            next_id: 0,
            asked: BTreeMap::new(),
            ready: VecDeque::new(),
            hives: Vec::new(),
            keys: Vec::new(),
            begun: 0,
            due: BTreeSet::new(),
            answers: Vec::new(),
            without_features: false,
            troubles: Vec::new(),
            beyond: 0,
            users_listed: false,
        };
        if options.shape == Shape::Native {
            reading.due = reading.programs().due().into_iter().collect();
            for hive in [Hive::Machine, Hive::Machine32] {
                reading.list(hive);
            }
            reading.ready.push_back(Purpose::Users);
        }
        reading.ready.extend(queries::of(options).iter().map(|query| Purpose::Query(*query)));
        reading
    }

    fn programs(&mut self) -> &mut Programs {
        &mut self.state.programs
    }

    fn list(&mut self, hive: Hive) {
        self.ready.push_back(Purpose::Keys(self.hives.len()));
        self.hives.push(Listing { hive, keys: None, read: 0 });
    }

    /// The next request: values before new keys, so that few keys are open at once.
    fn purpose(&mut self) -> Option<Purpose> {
        loop {
            if let Some(purpose) = self.ready.pop_front() {
                return Some(purpose);
            }
            let at = self.begun;
            let key = self.keys.get(at)?;
            self.begun += 1;
            let hive = self.hives.get(key.hive)?.hive.name();
            let known = self.state.programs.get(hive, &key.name);
            let due = self.due.contains(&(hive.to_owned(), key.name.clone()));
            match known {
                Some(Content::Shown(program, getter)) if !due => {
                    return Some(Purpose::Witness(at, program.witness(), *getter));
                }
                Some(Content::Hidden(why)) if !due && !why.may_be_unfinished() => {}
                _ => return Some(Purpose::Layout(at)),
            }
        }
    }

    fn work(&self, purpose: Purpose) -> Option<Work> {
        let key = |at: usize| {
            let key = self.keys.get(at)?;
            let (root, path) = self.hives.get(key.hive)?.hive.uninstall();
            Some((root, format!("{path}\\{}", key.name)))
        };
        Some(match purpose {
            Purpose::Query(query) => Work::Query { wql: query.select().wql().into(), many: query != Query::Zone },
            Purpose::Users => registry::enum_key(registry::USERS, ""),
            Purpose::Keys(hive) => {
                let (root, path) = self.hives.get(hive)?.hive.uninstall();
                registry::enum_key(root, &path)
            }
            Purpose::Layout(at) => key(at).map(|(root, path)| registry::enum_values(root, &path))?,
            Purpose::Witness(at, field, getter) | Purpose::Value(at, field, getter) => {
                key(at).map(|(root, path)| registry::get(root, &path, field.name(), getter))?
            }
        })
    }

    fn trouble(&mut self, failure: Failure) {
        failure.count_in(&mut self.troubles);
    }

    fn query_answered(&mut self, query: Query, answer: &Answer) {
        let part = query.part();
        let mut records = Records::of(query.select().columns);
        let mut rows = Vec::with_capacity(answer.rows.len());
        for row in &answer.rows {
            match row {
                Ok(object) => {
                    let record = records.read(object.clone());
                    record.bad().for_each(|what| self.trouble(Failure::of_values(part, what)));
                    rows.push(record);
                }
                Err(error) => self.trouble(Failure::of_values(part, format!("a row does not decode: {error}"))),
            }
        }
        match &answer.outcome {
            // Only servers have the class.
            Err(error) if query == Query::Features && error.is_unknown() => self.without_features = true,
            Err(error) => {
                self.trouble(Failure::of_query(part, error));
                if !rows.is_empty() {
                    self.answers.push((query, rows));
                }
            }
            Ok(()) => self.answers.push((query, rows)),
        }
    }

    fn users_answered(&mut self, answer: &Answer) {
        match registry::out(USERS, answer) {
            Ok(record) => {
                let mut hives: Vec<Hive> =
                    registry::texts(&record.cim("sNames")).filter_map(|name| Hive::of_user(&name)).collect();
                if hives.len() > MAX_HIVES {
                    let text = format!("of {} hives of users only {MAX_HIVES} are read", hives.len());
                    self.trouble(Failure::of_values(USERS, text));
                    hives.truncate(MAX_HIVES);
                }
                self.users_listed = true;
                hives.into_iter().for_each(|hive| self.list(hive));
            }
            Err(Refusal::NotFound) => self.users_listed = true,
            Err(Refusal::Failed(failure)) => self.trouble(*failure),
        }
    }

    fn keys_answered(&mut self, at: usize, answer: &Answer) {
        let Some(listing) = self.hives.get_mut(at) else { return };
        let part = if matches!(listing.hive, Hive::User(_)) { USERS } else { PROGRAMS };
        let names: Vec<String> = match registry::out(part, answer) {
            Ok(record) => registry::texts(&record.cim("sNames")).collect(),
            // A host of 32 bits has no second view, and most users install nothing of their own.
            Err(Refusal::NotFound) if listing.hive != Hive::Machine => Vec::new(),
            Err(Refusal::NotFound) => {
                self.trouble(Failure::of_values(part, "the host has no Uninstall key"));
                return;
            }
            Err(Refusal::Failed(failure)) => {
                self.trouble(*failure);
                return;
            }
        };
        listing.keys = Some(names.len());
        let hive = listing.hive.name().to_owned();
        let names: BTreeSet<String> = names.into_iter().filter(|name| name.chars().count() <= MAX_NAME).collect();
        self.state.programs.retain(&hive, |key| names.contains(key));
        for name in names {
            if self.keys.len() == MAX_KEYS {
                self.beyond += 1;
                continue;
            }
            self.keys.push(Key {
                hive: at,
                name,
                layout: Layout::default(),
                values: Vec::new(),
                pending: 0,
                stage: Stage::Filter,
            });
        }
    }

    /// Nothing more comes of a key: it is gone, or it failed.
    fn give_up(&mut self, at: usize, refusal: Refusal) {
        let Some(key) = self.keys.get_mut(at) else { return };
        key.stage = Stage::Over;
        match refusal {
            Refusal::NotFound => {
                // Uninstalled since it was listed.
                let Some(listing) = self.hives.get(key.hive) else { return };
                let gone = &key.name;
                self.state.programs.retain(listing.hive.name(), |name| name != gone);
            }
            Refusal::Failed(failure) => self.trouble(*failure),
        }
    }

    fn witness_answered(&mut self, at: usize, getter: Getter, answer: &Answer) {
        let Some(key) = self.keys.get(at) else { return };
        let Some(hive) = self.hives.get(key.hive).map(|listing| listing.hive.name()) else { return };
        let Some(Content::Shown(program, _)) = self.state.programs.get(hive, &key.name) else { return };
        match registry::out(PROGRAMS, answer) {
            Ok(record) if program.confirmed_by(&record.cim(getter.out())) => {
                if let Some(key) = self.keys.get_mut(at) {
                    key.stage = Stage::Over;
                }
            }
            // An answer that could not be got says nothing of the key; what is known of it stands.
            Err(Refusal::Failed(failure)) if failure.stage != "values" => {
                self.give_up(at, Refusal::Failed(failure));
            }
            // Another version, no such value, or one of another type.
            _ => self.ready.push_front(Purpose::Layout(at)),
        }
    }

    fn layout_answered(&mut self, at: usize, answer: &Answer) {
        let record = match registry::out(PROGRAMS, answer) {
            Ok(record) => record,
            Err(refusal) => return self.give_up(at, refusal),
        };
        let Some(key) = self.keys.get_mut(at) else { return };
        key.layout = Layout::new(&record.cim("sNames"), &record.cim("Types"));
        key.values.clear();
        if let Some(why) = key.layout.hidden() {
            return self.learn(at, Content::Hidden(why));
        }
        self.ask_for(at, Stage::Filter, &FILTER);
    }

    /// Puts those of `fields` in line that the key has; when it has none it goes on at once.
    fn ask_for(&mut self, at: usize, stage: Stage, fields: &[Field]) {
        let Some(key) = self.keys.get_mut(at) else { return };
        key.stage = stage;
        let asked: Vec<_> = key.layout.of(fields).collect();
        key.pending = asked.len();
        if asked.is_empty() {
            return self.go_on(at);
        }
        for (field, getter) in asked.into_iter().rev() {
            self.ready.push_front(Purpose::Value(at, field, getter));
        }
    }

    fn value_answered(&mut self, at: usize, field: Field, getter: Getter, answer: &Answer) {
        let Some(key) = self.keys.get_mut(at).filter(|key| key.stage != Stage::Over) else { return };
        key.pending = key.pending.saturating_sub(1);
        match registry::out(PROGRAMS, answer) {
            Ok(record) => key.values.push((field, record.cim(getter.out()))),
            // The value went meanwhile, or the key; the next listing tells which.
            Err(Refusal::NotFound) => {}
            Err(refusal) => return self.give_up(at, refusal),
        }
        if self.keys.get(at).is_some_and(|key| key.pending == 0) {
            self.go_on(at);
        }
    }

    /// Everything that was asked of a key is answered.
    fn go_on(&mut self, at: usize) {
        let Some(key) = self.keys.get(at) else { return };
        match key.stage {
            Stage::Filter => match hidden(&key.values) {
                Some(why) => self.learn(at, Content::Hidden(why)),
                None => self.ask_for(at, Stage::Values, &SHOWN),
            },
            Stage::Values => {
                let content = match Program::new(&key.values) {
                    Some(program) => {
                        let getter = key.layout.getter(program.witness()).unwrap_or(Getter::Text);
                        Content::Shown(Box::new(program), getter)
                    }
                    None => Content::Hidden(super::program::Hidden::Nameless),
                };
                self.learn(at, content);
            }
            Stage::Over => {}
        }
    }

    fn learn(&mut self, at: usize, content: Content) {
        let Some(key) = self.keys.get_mut(at) else { return };
        key.stage = Stage::Over;
        key.layout = Layout::default();
        key.values = Vec::new();
        let Some(listing) = self.hives.get_mut(key.hive) else { return };
        listing.read += 1;
        self.state.programs.learn(listing.hive.name(), &key.name, content);
    }
}

impl Round for Reading {
    fn next(&mut self) -> Option<Request> {
        if self.asked.len() >= self.options.calls_in_flight.max(1) {
            return None;
        }
        let purpose = self.purpose()?;
        let id = RequestId(self.next_id);
        self.next_id = self.next_id.checked_add(1)?;
        let namespace = if let Purpose::Query(_) = purpose { "root/cimv2" } else { registry::NAMESPACE };
        let work = self.work(purpose)?;
        self.asked.insert(id, purpose);
        Some(Request { id, part: purpose.part(), namespace: namespace.into(), work })
    }

    fn answer(&mut self, id: RequestId, answer: Answer) {
        match self.asked.remove(&id) {
            Some(Purpose::Query(query)) => self.query_answered(query, &answer),
            Some(Purpose::Users) => self.users_answered(&answer),
            Some(Purpose::Keys(at)) => self.keys_answered(at, &answer),
            Some(Purpose::Witness(at, _, getter)) => self.witness_answered(at, getter, &answer),
            Some(Purpose::Layout(at)) => self.layout_answered(at, &answer),
            Some(Purpose::Value(at, field, getter)) => self.value_answered(at, field, getter, &answer),
            None => {}
        }
    }

    fn finish(self: Box<Self>) -> (Report, State) {
        let Self { options, mut state, hives, answers, without_features, troubles, beyond, users_listed, .. } = *self;
        let mut report = Report::of(super::KEY);
        report.errors.extend(troubles);
        let line = self.asked.values().chain(&self.ready).map(|purpose| purpose.part());
        let unread = self.keys.get(self.begun..).unwrap_or_default().iter().map(|_| PROGRAMS);
        for part in line.chain(unread).collect::<BTreeSet<_>>() {
            report.errors.push(Failure::unanswered(part));
        }
        if beyond > 0 {
            let text = format!("{beyond} of {} keys are not read: they are more than any host has", MAX_KEYS + beyond);
            report.errors.push(Failure::of_values(PROGRAMS, text));
        }
        if users_listed {
            state.programs.retain_hives(|name| hives.iter().any(|listing| listing.hive.name() == name));
        }
        report::programs(&hives, &state.programs, &mut report);
        report::answers(&answers, without_features, &options, &mut report);
        state.programs.shrink();
        (report, state)
    }
}
