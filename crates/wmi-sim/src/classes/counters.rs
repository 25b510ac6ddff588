//! Performance counters: one table says what is counted, and both the raw and the formatted class tell it.

mod disks;
mod kind;
mod processes;
mod processors;
mod sets;
mod table;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::Arc;

use wmi_proto::cim::{CimType, CimValue};

use super::Clock;
use super::mof::{ClassDecl, Literal, PropertyDecl, QualifierDecl};
use crate::repository::class::Row;
use kind::{Kind, Moment, TICKS};
pub(crate) use processes::Process;
use table::Table;

/// How much of a thing there is: what it means depends on the [`Kind`] of the counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Figure {
    value: u64,
    base: u64,
}

/// A figure of which one number says everything.
const fn of(value: u64) -> Figure {
    Figure { value, base: 0 }
}

/// A figure of two numbers.
const fn per(value: u64, base: u64) -> Figure {
    Figure { value, base }
}

/// A performance object: a raw and a formatted class.
#[derive(Debug)]
pub(crate) struct Set {
    /// The classes are `Win32_PerfRawData_` and `Win32_PerfFormattedData_` with this name.
    name: &'static str,
    /// The service whose key in the registry names the library.
    service: &'static str,
    /// How many times a second the time of the object ticks, from 1601 on; 0: it has none.
    object_frequency: u64,
    /// How many times a second the performance counter of the machine ticks, from its start on.
    perf_frequency: u64,
    table: &'static dyn Table,
}

/// Of what the machine has many, which can differ from host to host.
#[derive(Clone, Debug)]
pub(crate) struct Population {
    /// Logical processors; at least one.
    pub(crate) processors: usize,
    /// What [`PROCESS`] has, in its order.
    pub(crate) processes: Vec<Process>,
    /// Octets that can be committed.
    pub(crate) commit_limit: u64,
    /// Connections that are established over IPv4 and over IPv6.
    pub(crate) established: [u64; 2],
}

impl Population {
    /// The established connections of a host that does not list any.
    pub(crate) const UNLISTED: [u64; 2] = [11, 2];
}

/// The class that is above all performance classes.
pub(crate) const ROOT: &str = "Win32_Perf";

/// The class of the processes that are counted.
pub(crate) const PROCESS: &str = "Win32_Process";

/// The rows of a performance class.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    set: &'static Set,
    formatted: bool,
    kinds: Arc<[Kind]>,
    /// Where in the class the values go, in the order in which [`Self::fill`] makes them; `None` where a profile has none.
    places: Arc<[Option<usize>]>,
    pub(crate) population: Arc<Population>,
}

/// The properties of Win32_Perf, in the order of [`Counted::fill`].
const TIMES: [&str; 6] = [
    "Frequency_Object",
    "Frequency_PerfTime",
    "Frequency_Sys100NS",
    "Timestamp_Object",
    "Timestamp_PerfTime",
    "Timestamp_Sys100NS",
];

/// The declarations of all performance classes, with what they show.
pub(crate) fn classes() -> impl Iterator<Item = (ClassDecl, &'static Set, bool)> {
    sets::SETS.iter().flat_map(|set| [false, true].map(|formatted| (set.declaration(formatted), set, formatted)))
}

impl Set {
    /// The qualifiers are those that learn.microsoft.com has for performance classes; the indices no longer mean
    /// anything there either and are 0.
    fn declaration(&self, formatted: bool) -> ClassDecl {
        let (above, cooked) =
            if formatted { ("Win32_PerfFormattedData", Some("cooked")) } else { ("Win32_PerfRawData", None) };
        let singleton = self.table.is_singleton().then_some("singleton");
        let flags = ["dynamic", "genericperfctr", "hiperf"].into_iter().chain(cooked).chain(singleton);
        let mut qualifiers: Vec<_> = flags.map(|name| qualifier(name, Literal::Boolean(true))).collect();
        for (name, text) in [("provider", "WMIPerfInst"), ("registrykey", self.service)] {
            qualifiers.push(qualifier(name, Literal::Text(text.to_owned())));
        }
        qualifiers.extend(integers(&[("locale", 1033), ("perfindex", 0), ("helpindex", 0), ("perfdetail", 100)]));

        let mut properties = Vec::new();
        if !self.table.is_singleton() {
            let key = vec![qualifier("key", Literal::Boolean(true))];
            properties.push(property("Name".to_owned(), CimType::STRING, key));
        }
        for (name, kind) in self.table.counters() {
            properties.push(counter(name.to_owned(), kind.code()));
            if let Some(base) = kind.base().filter(|_| !formatted) {
                properties.push(counter(format!("{name}_Base"), base));
            }
        }
        ClassDecl {
            name: format!("{above}_{}", self.name),
            superclass: Some(above.to_owned()),
            qualifiers,
            properties,
            methods: Vec::new(),
        }
    }
}

impl Counted {
    /// The rows of the class of `set` whose properties are `properties`.
    pub(crate) fn new(set: &'static Set, formatted: bool, properties: &[String], population: Arc<Population>) -> Self {
        let mut names: Vec<Cow<'_, str>> = Vec::new();
        let counters = set.table.counters();
        for (name, kind) in &counters {
            names.push(Cow::Borrowed(*name));
            if !formatted && kind.base().is_some() {
                names.push(Cow::Owned(format!("{name}_Base")));
            }
        }
        names.extend(TIMES.iter().filter(|_| !formatted).copied().map(Cow::Borrowed));
        names.extend((!set.table.is_singleton()).then_some(Cow::Borrowed("Name")));
        let place = |name: &Cow<'_, str>| properties.iter().position(|property| property == name);
        let places = names.iter().map(place).collect();
        Self { set, formatted, kinds: counters.into_iter().map(|(_, kind)| kind).collect(), places, population }
    }

    pub(crate) fn count(&self) -> usize {
        self.set.table.count(&self.population)
    }

    /// Sets the values of the instance at `index`, which is less than [`Self::count`]. A formatted instance does not
    /// say when it was made.
    pub(crate) fn fill(&self, index: usize, clock: &Clock, row: &mut Row<'_>) {
        let set = self.set;
        let (name, figures) = set.table.instance(index, &self.population);
        let moment = Moment {
            boot: clock.boot.0,
            up: clock.now.0.saturating_sub(clock.boot.0),
            perf_frequency: set.perf_frequency,
            object_frequency: if set.object_frequency == 0 { TICKS } else { set.object_frequency },
        };
        let counted = Moment { up: clock.counted(), ..moment };
        let mut places = self.places.iter();
        let mut put = |value| {
            if let Some(&Some(place)) = places.next()
                && let Some(cell) = row.cells.get_mut(place)
            {
                *cell = Some(value);
            }
        };
        for (kind, figure) in self.kinds.iter().zip(figures) {
            if self.formatted {
                put(kind.sized(kind.formatted(figure, &moment)));
            } else {
                let (value, base) = kind.raw(figure, &counted);
                put(kind.sized(value));
                if let Some(code) = kind.base() {
                    put(kind::sized(code, base));
                }
            }
        }
        if !self.formatted {
            let object = if set.object_frequency == 0 { 0 } else { moment.object(clock.now.0) };
            let frequencies = [set.object_frequency, set.perf_frequency, TICKS];
            let stamps = [object, moment.perf(), clock.now.0];
            frequencies.into_iter().chain(stamps).map(CimValue::Uint64).for_each(&mut put);
        }
        if let Some(name) = name {
            put(CimValue::String(name.into()));
        }
    }
}

fn qualifier(name: &str, value: Literal) -> QualifierDecl {
    QualifierDecl { name: name.to_owned(), value }
}

fn integers<'a>(values: &'a [(&'a str, u32)]) -> impl Iterator<Item = QualifierDecl> + 'a {
    values.iter().map(|&(name, value)| qualifier(name, Literal::Integer(value.into())))
}

fn property(name: String, cim_type: CimType, qualifiers: Vec<QualifierDecl>) -> PropertyDecl {
    let spelling = match cim_type {
        CimType::STRING => "string",
        CimType::UINT64 => "uint64",
        _ => "uint32",
    };
    PropertyDecl { name, cim_type, array: false, spelling: spelling.to_owned(), qualifiers, default: None }
}

fn counter(name: String, code: u32) -> PropertyDecl {
    let qualifiers =
        [("CounterType", code), ("DefaultScale", 0), ("PerfIndex", 0), ("HelpIndex", 0), ("PerfDetail", 100)];
    let cim_type = if kind::is_wide(code) { CimType::UINT64 } else { CimType::UINT32 };
    property(name, cim_type, integers(&qualifiers).collect())
}
