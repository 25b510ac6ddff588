//! The simulated machine: its namespaces, classes and instances, and the queries over them.

mod associations;
pub(crate) mod class;
mod namespace;
mod objects;
pub(crate) mod path;
mod results;

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use wmi_proto::FileTime;
use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;

pub use crate::classes::{PROCESSOR_LOAD, PROCESSOR_LOAD_TOTAL};
pub use results::ResultSet;

use crate::Profile;
use crate::classes::{Clock, Windows};
use crate::profiles::Overlay;
use crate::wql::{self, Column, Filter, System, same_name};
use class::Class;
use namespace::Namespace;
pub(crate) use objects::{Instance, Target};
use results::{Kind, Source};

/// The longest query, in UTF-16 units (WBEM_MAX_QUERY in [MS-WMI] appendix B).
const MAX_QUERY: usize = 16_384;

/// How long the machine has been running when it is made, in intervals of 100 ns: a day, two hours, three minutes and
/// four seconds.
pub(crate) const UPTIME: u64 = 93_784 * 10_000_000;

/// Why the repository refused: the WBEMSTATUS that Windows gives, and in words for the log of the host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// WBEM_E_INVALID_QUERY: not WQL, an unknown column, or an operator that the column's type does not have.
    #[error("invalid query: {0}")]
    InvalidQuery(String),
    /// WBEM_E_INVALID_CLASS: the namespace has no such class.
    #[error("no class {0}")]
    InvalidClass(String),
    /// WBEM_E_INVALID_NAMESPACE: the machine has no such namespace.
    #[error("no namespace {0}")]
    InvalidNamespace(String),
    /// WBEM_E_ACCESS_DENIED or E_ACCESSDENIED: the namespace lets nobody in.
    #[error("access denied")]
    AccessDenied(HResult),
    /// The provider of the class refuses, with that status.
    #[error("the provider of {0} refuses")]
    Provider(String, HResult),
    /// WBEM_E_NOT_FOUND: no such class or instance is at the path.
    #[error("no object {0}")]
    NotFound(String),
    /// WBEM_E_INVALID_OBJECT_PATH: not the path of an object, or of one whose class has other keys.
    #[error("invalid object path: {0}")]
    InvalidPath(String),
    /// WBEM_E_QUOTA_VIOLATION: a query, a path or a name is longer than Windows takes.
    #[error("the {0} is too long")]
    Quota(&'static str),
}

impl QueryError {
    /// The status on the wire ([MS-WMI 2.2.11] WBEMSTATUS).
    #[must_use]
    pub const fn status(&self) -> HResult {
        match self {
            Self::NotFound(_) => HResult::WBEM_E_NOT_FOUND,
            Self::AccessDenied(status) | Self::Provider(_, status) => *status,
            Self::InvalidNamespace(_) => HResult::WBEM_E_INVALID_NAMESPACE,
            Self::InvalidClass(_) => HResult::WBEM_E_INVALID_CLASS,
            Self::InvalidQuery(_) => HResult::WBEM_E_INVALID_QUERY,
            Self::InvalidPath(_) => HResult::WBEM_E_INVALID_OBJECT_PATH,
            Self::Quota(_) => HResult::WBEM_E_QUOTA_VIOLATION,
        }
    }
}

impl From<wql::Invalid> for QueryError {
    fn from(wql::Invalid(what): wql::Invalid) -> Self {
        Self::InvalidQuery(what)
    }
}

/// The namespaces, and the status with which those answer that let nobody in.
const NAMESPACES: &[(&str, Option<HResult>)] = &[
    ("root", None),
    ("root\\cimv2", None),
    ("root\\cimv2\\power", None),
    ("root\\default", None),
    ("root\\StandardCIMV2", None),
    ("root\\secret", Some(HResult::WBEM_E_ACCESS_DENIED)),
    // How the security descriptor of a namespace refuses somebody, as opposed to a provider.
    ("root\\SecurityCenter2", Some(HResult::E_ACCESSDENIED)),
];

/// The namespaces of a machine that differs from an ordinary one by `overlay`.
fn read_all(overlay: &Overlay) -> Vec<Namespace> {
    let there = NAMESPACES.iter().filter(|(path, _)| overlay.has_namespace(path));
    let mut all: Vec<_> = there.map(|(path, locked)| Namespace::of(path, *locked, overlay)).collect();
    if let Some(established) = all.iter().find_map(Namespace::established) {
        all.iter_mut().for_each(|namespace| namespace.set_established(established));
    }
    all
}

/// The simulated machine. A clone shares everything until one of the two changes.
#[derive(Clone, Debug)]
pub struct Repository {
    machine: Arc<Machine>,
}

#[derive(Clone, Debug)]
struct Machine {
    name: String,
    windows: Windows,
    /// When it started, by the true time.
    started: FileTime,
    /// How far its clock is ahead, in intervals of 100 ns.
    drift: i64,
    /// Whether its raw counters jump and go back.
    jumps: bool,
    /// Whether daylight saving time is in effect.
    daylight: bool,
    namespaces: Vec<Namespace>,
}

/// The instances of a class and of its subclasses, as values that never were encoded.
#[derive(Clone, Debug, PartialEq)]
pub struct Expected {
    /// The path of the namespace, for example `root\cimv2`.
    pub namespace: String,
    /// The class.
    pub class: String,
    /// What `SELECT * FROM` the class yields, in this order.
    pub rows: Vec<ExpectedRow>,
}

/// An instance as values.
#[derive(Clone, Debug, PartialEq)]
pub struct ExpectedRow {
    /// Its own class, which may be a subclass of the one that was asked for.
    pub class: String,
    /// Every property of that class in its order, with the class's default where the instance has none of its own.
    pub values: Vec<(String, CimValue)>,
}

impl Repository {
    /// An ordinary server called `WINSIM` that has been up for a day and two hours at `clock`; `Sim_Many` has `rows` rows.
    #[must_use]
    pub fn windows(rows: u32, clock: FileTime) -> Self {
        Self::of(Profile::default(), rows, clock)
    }

    /// The same of another kind. Classes are read once per process and profile.
    #[must_use]
    pub fn of(profile: Profile, rows: u32, clock: FileTime) -> Self {
        static READ: Mutex<BTreeMap<Profile, Vec<Namespace>>> = Mutex::new(BTreeMap::new());
        let mut read = READ.lock().unwrap_or_else(PoisonError::into_inner);
        let mut namespaces = read.entry(profile).or_insert_with(|| read_all(profile.overlay())).clone();
        drop(read);
        let rows = usize::try_from(rows).unwrap_or(usize::MAX);
        namespaces.iter_mut().for_each(|namespace| namespace.grow(rows));
        let started = FileTime(clock.0.saturating_sub(UPTIME));
        let name = "WINSIM".to_owned();
        Self {
            machine: Arc::new(Machine {
                name,
                windows: profile.windows(),
                started,
                drift: 0,
                jumps: false,
                daylight: profile.overlay().daylight,
                namespaces,
            }),
        }
    }

    /// The same machine under another NetBIOS name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut Arc::make_mut(&mut self.machine).name);
        self
    }

    /// The same machine with a clock that is `drift` intervals of 100 ns ahead of the time it is asked at.
    #[must_use]
    pub fn with_drift(mut self, drift: i64) -> Self {
        Arc::make_mut(&mut self.machine).drift = drift;
        self
    }

    /// The same machine whose raw counters jump and go back.
    pub(crate) fn with_jumps(mut self) -> Self {
        Arc::make_mut(&mut self.machine).jumps = true;
        self
    }

    /// The same machine, which is of `profile`, with the connections and endpoints of Windows Server 2012.
    pub(crate) fn with_connections_of_2012(mut self, profile: Profile) -> Self {
        let overlay = profile.overlay().with_connections_of_2012();
        let spaces = &mut Arc::make_mut(&mut self.machine).namespaces;
        for space in spaces.iter_mut().filter(|space| space.path == "root\\StandardCIMV2") {
            *space = Namespace::of(&space.path, space.locked, &overlay);
        }
        self
    }

    /// Whether there is such a namespace, open or not. Case does not count, nor which slashes;
    /// `\\.\` or `\\NAME\` may go before it, whatever the name: clients write the host as they know it.
    #[must_use]
    pub fn namespace_exists(&self, path: &str) -> bool {
        self.machine.position(path).is_some()
    }

    /// Enters a namespace: its name as the machine spells it (`root\cimv2`).
    ///
    /// # Errors
    /// `InvalidNamespace`, `AccessDenied`.
    pub fn login(&self, path: &str) -> Result<String, QueryError> {
        self.machine.open(path).map(|at| self.machine.namespaces[at].path.clone())
    }

    /// The objects that `wql` selects at the time `now`.
    ///
    /// # Errors
    /// As [`Self::login`]; `InvalidQuery`, `InvalidClass`, and for associations what a path can be refused for.
    pub fn query(&self, namespace: &str, wql: &str, now: FileTime) -> Result<ResultSet, QueryError> {
        self.select(namespace, wql, now, &[])
    }

    /// The same with the texts of the first of `languages` in which a class has any.
    pub(crate) fn select(
        &self,
        namespace: &str,
        wql: &str,
        now: FileTime,
        languages: &[u16],
    ) -> Result<ResultSet, QueryError> {
        if path::longer(wql, MAX_QUERY) {
            return Err(QueryError::Quota("query"));
        }
        let at = self.machine.open(namespace)?;
        if wql::is_association(wql) {
            return self.associated(at, &wql::association(wql)?, now, languages);
        }
        let select = wql::parse(wql)?;
        if path::longer(&select.class, path::MAX_NAME) {
            return Err(QueryError::Quota("class"));
        }
        let space = &self.machine.namespaces[at];
        if same_name(&select.class, "meta_class") {
            // Windows gives whole classes, whatever columns are named.
            let filter = select.condition.map(|condition| Filter::new(&condition, &system_column)).transpose()?;
            let sources = (0..space.classes.len()).map(|class| space.definition(class, languages));
            return Ok(self.results(at, now, filter, Kind::Classes, sources.collect()));
        }
        let class = space.class(&select.class).ok_or(QueryError::InvalidClass(select.class))?;
        if let Some(status) = class.refusal {
            return Err(QueryError::Provider(class.name.clone(), status));
        }
        let resolve = |name: &str| class.column(name);
        let filter = select.condition.map(|condition| Filter::new(&condition, &resolve)).transpose()?;
        if let Some(unknown) = select.columns.iter().flatten().find(|column| resolve(column).is_none()) {
            return Err(QueryError::InvalidQuery(format!("no property {unknown}")));
        }
        let sources = space.family(class).map(|class| space.source(class, select.columns.as_deref(), languages));
        Ok(self.results(at, now, filter, Kind::Instances, sources.collect::<Result<_, _>>()?))
    }

    /// Every class of the namespaces that can be entered, with what `SELECT * FROM` it must yield at the time `now`.
    /// The values are those that were declared or made: they never were encoded, so an error of the encoding shows.
    pub fn expected(&self, now: FileTime) -> impl Iterator<Item = Expected> + '_ {
        let clock = self.machine.clock(now);
        let open = self.machine.namespaces.iter().filter(|namespace| namespace.locked.is_none());
        let all = open.flat_map(|namespace| namespace.classes.iter().map(move |class| (namespace, class)));
        all.map(move |(namespace, class)| {
            let family = namespace.family(class).map(|at| &*namespace.classes[at]);
            let rows = family.flat_map(|class| (0..class.count()).map(move |at| (class, at)));
            let rows = rows.map(|(class, at)| {
                let row = class.row(at, &clock);
                let names = class.properties.iter().enumerate();
                let values = names.map(|(at, name)| (name.clone(), row.property(at).clone())).collect();
                ExpectedRow { class: class.name.clone(), values }
            });
            Expected { namespace: namespace.path.clone(), class: class.name.clone(), rows: rows.collect() }
        })
    }

    fn results(
        &self,
        namespace: usize,
        now: FileTime,
        filter: Option<Filter>,
        kind: Kind,
        sources: VecDeque<Source>,
    ) -> ResultSet {
        let machine = Arc::clone(&self.machine);
        let clock = machine.clock(now);
        ResultSet::new(machine, namespace, clock, filter, kind, sources)
    }
}

impl Machine {
    fn clock(&self, now: FileTime) -> Clock {
        let shifted = |time: FileTime| FileTime(time.0.saturating_add_signed(self.drift));
        Clock {
            now: shifted(now),
            boot: shifted(self.started),
            machine: self.name.clone(),
            windows: self.windows,
            jumps: self.jumps,
            daylight: self.daylight,
        }
    }

    fn open(&self, path: &str) -> Result<usize, QueryError> {
        let at = self.position(path).ok_or_else(|| QueryError::InvalidNamespace(path.to_owned()))?;
        self.namespaces[at].locked.map_or(Ok(at), |status| Err(QueryError::AccessDenied(status)))
    }

    fn position(&self, path: &str) -> Option<usize> {
        let path = path.replace('/', "\\");
        let local = match path.strip_prefix("\\\\") {
            Some(remote) => remote.split_once('\\')?.1,
            None => &path,
        };
        self.namespaces.iter().position(|namespace| same_name(&namespace.path, local))
    }
}

impl Namespace {
    /// The places of a class and its subclasses.
    fn family<'a>(&'a self, class: &'a Class) -> impl Iterator<Item = usize> + 'a {
        (0..self.classes.len()).filter(|&at| self.classes[at].is_a(&class.name))
    }

    /// The definition of the class at `class`.
    fn definition(&self, class: usize, languages: &[u16]) -> Source {
        let shape = Arc::clone(self.classes[class].shape(languages));
        Source { class, shape, decorated: true, at: 0, end: 1 }
    }

    /// The instances of the class at `class`, reduced to `columns`. As Windows does, these come without a decoration
    /// that was not asked for, and with the keys when their path was.
    fn source(&self, class: usize, columns: Option<&[String]>, languages: &[u16]) -> Result<Source, QueryError> {
        let end = self.classes[class].count();
        let cim = self.classes[class].shape(languages);
        let Some(columns) = columns else {
            return Ok(Source { class, shape: Arc::clone(cim), decorated: true, at: 0, end });
        };
        let asked = |names: &[&str]| columns.iter().any(|column| names.iter().any(|name| same_name(column, name)));
        let mut own: Vec<_> = columns.iter().filter(|name| System::named(name).is_none()).map(Cow::from).collect();
        if asked(&["__PATH", "__RELPATH"]) {
            own.extend(cim.properties().iter().filter(|property| property.is_key()).map(|key| key.name().to_str()));
        }
        let shape = cim.project(&own).map_err(|error| QueryError::InvalidQuery(error.to_string()))?;
        Ok(Source { class, shape, decorated: asked(&["__PATH", "__SERVER", "__NAMESPACE"]), at: 0, end })
    }

    /// One instance of the class at `class`.
    fn instance(&self, class: usize, row: usize, languages: &[u16]) -> Source {
        Source { end: row + 1, at: row, ..self.definition(class, languages) }
    }
}

impl Class {
    /// The property or system property called `name`.
    fn column(&self, name: &str) -> Option<Column> {
        let property = self.cim.properties().iter().enumerate().find(|(at, _)| same_name(&self.properties[*at], name));
        match property {
            Some((index, property)) => {
                Some(Column::Property { index, cim_type: property.cim_type(), array: property.is_array() })
            }
            None => system_column(name),
        }
    }
}

fn system_column(name: &str) -> Option<Column> {
    System::named(name).map(Column::System)
}

#[cfg(test)]
mod tests;
