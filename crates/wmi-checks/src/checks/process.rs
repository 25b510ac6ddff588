//! The check `process`: processes one by one and by program, with processor time, memory, traffic and command lines.

use std::collections::{BTreeMap, BTreeSet};

use wmi_proto::FileTime;

use crate::counters::{Column, CounterType};
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::sampled::{Gauge, Sampled, cook, number};
use crate::{About, Failure, Item, Options, Report, Shape, State, Unit, Value};

mod grouped;

pub(crate) static PLAN: Plan = Plan {
    key: "process",
    about: About {
        summary: "processes with processor time, memory, traffic, start and command line",
        rights: "Performance Monitor Users, for rates; command lines of other accounts are shown to administrators only",
        returns: &[
            ("process", "one item per process but the idle one, named by program and number"),
            ("processGroup", "the processes of each program together"),
            ("processTotal", "how many processes, threads and handles there are"),
        ],
        unchanged_eol: 0,
    },
    parts: |options| match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &grouped::PARTS,
    },
    evaluate: |gathered, options, state, report| match options.shape {
        Shape::Native => native(gathered, options, state, report),
        Shape::Infrasonar => grouped::evaluate(gathered, report),
    },
};

const PROCESS: &str = "process";
const COUNTERS: &str = "counters";
const PROCESSORS: &str = "processors";

/// The owner of a process would be a call per process, and is left out.
static NATIVE: [Part; 3] = [
    Part::new(
        PROCESS,
        &[Select::all(
            "Win32_Process",
            &[
                "ProcessId",
                "Name",
                "ParentProcessId",
                "SessionId",
                "CreationDate",
                "ExecutablePath",
                "CommandLine",
                "ThreadCount",
                "HandleCount",
                "WorkingSetSize",
                "PrivatePageCount",
                "VirtualSize",
            ],
        )],
    )
    .many(),
    Part::new(COUNTERS, &[Select::all("Win32_PerfRawData_PerfProc_Process", &RAW)]).many().always(),
    Part::new(
        PROCESSORS,
        &[
            Select::all("Win32_ComputerSystem", &["NumberOfLogicalProcessors"]),
            // Where there is no other number, as in Server 2003, this one counts logical processors, too.
            Select::all("Win32_ComputerSystem", &["NumberOfProcessors"]),
        ],
    ),
];

const RAW: [&str; 20] = [
    "Name",
    "IDProcess",
    "CreatingProcessID",
    "Timestamp_Sys100NS",
    "Timestamp_PerfTime",
    "Frequency_PerfTime",
    "Timestamp_Object",
    "Frequency_Object",
    "ElapsedTime",
    "PercentProcessorTime",
    "PercentPrivilegedTime",
    "IOReadBytesPersec",
    "IOWriteBytesPersec",
    "IOOtherBytesPersec",
    "PageFaultsPersec",
    "ThreadCount",
    "HandleCount",
    "WorkingSet",
    "PrivateBytes",
    "VirtualBytes",
];

const PROCESSOR_TIME: usize = 0;
const PRIVILEGED_TIME: usize = 1;
const READ: usize = 2;
const WRITTEN: usize = 3;
const OTHER: usize = 4;
const FAULTS: usize = 5;

static GAUGES: [Gauge; 6] = [
    Gauge {
        metric: "ProcessorsUsed",
        unit: Unit::None,
        column: Column::wide("PercentProcessorTime", CounterType::TIMER_100NSEC),
    },
    Gauge {
        metric: "ProcessorsUsedPrivileged",
        unit: Unit::None,
        column: Column::wide("PercentPrivilegedTime", CounterType::TIMER_100NSEC),
    },
    traffic("ReadBytes", "IOReadBytesPersec"),
    traffic("WriteBytes", "IOWriteBytesPersec"),
    traffic("OtherBytes", "IOOtherBytesPersec"),
    Gauge {
        metric: "PageFaults",
        unit: Unit::PerSecond,
        column: Column::narrow("PageFaultsPersec", CounterType::COUNTER_COUNTER),
    },
];

const fn traffic(metric: &'static str, column: &'static str) -> Gauge {
    Gauge { metric, unit: Unit::BytesPerSecond, column: Column::wide(column, CounterType::COUNTER_BULK_COUNT) }
}

/// The program of a process whose counters are called `name`: the library calls a second process of a program `name#1`
/// and so on.
///
/// A program's own name may have a `#` in it: what stands behind is a number of the library only when there is a process
/// that has none.
pub(super) fn program<'n>(name: &'n str, all: &BTreeSet<&str>) -> &'n str {
    match name.rsplit_once('#') {
        Some((program, number))
            if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && all.contains(program) =>
        {
            program
        }
        _ => name,
    }
}

/// What is known of one process, from one or both of its rows.
struct Process<'a> {
    id: u64,
    name: String,
    row: Option<&'a Record>,
    counters: Option<&'a Sampled<'a>>,
}

impl Process<'_> {
    /// A number by its name in Win32_Process, else by its name among the counters.
    fn number(&self, own: &str, counted: &str) -> Option<u64> {
        let own = self.row.and_then(|row| row.unsigned(own));
        own.or_else(|| self.counters.and_then(|counters| counters.record.unsigned(counted)))
    }

    fn rate(&self, gauge: usize) -> Option<f64> {
        self.counters?.value(gauge)
    }

    /// When it was started, in seconds since 1970.
    fn started(&self) -> Option<f64> {
        match self.row {
            Some(row) => row.unix_seconds("CreationDate"),
            // The raw counter of the elapsed time is the moment of the start.
            None => {
                let started = self.counters?.record.unsigned("ElapsedTime").filter(|started| *started > 0)?;
                Some((started as f64 - FileTime::UNIX_EPOCH.0 as f64) / 1e7)
            }
        }
    }
}

fn native<'a>(gathered: &'a Gathered, _: &Options, state: &mut State, report: &mut Report) {
    let processors = gathered
        .rows(PROCESSORS)
        .and_then(<[Record]>::first)
        .and_then(|row| row.unsigned("NumberOfLogicalProcessors").or_else(|| row.unsigned("NumberOfProcessors")))
        .filter(|processors| *processors > 0);
    // A process is told by its number and its start: numbers are used again, and names pass on.
    let instance = |row: &Record| {
        format!("{} {}", row.unsigned("IDProcess").unwrap_or_default(), row.unsigned("ElapsedTime").unwrap_or_default())
    };
    // The idle process and the sum have number 0.
    let own = |rows: &'a [Record]| rows.iter().filter(|row| row.unsigned("IDProcess") != Some(0));
    let sampled = match gathered.rows(COUNTERS) {
        Some(rows) => cook(COUNTERS, &GAUGES, own(rows), instance, state, report),
        None => Vec::new(),
    };
    flag_short_list(gathered, report);
    let Some(processes) = list(gathered.rows(PROCESS), &sampled, report) else { return };
    report.put(PROCESS, "process", processes.iter().map(|process| item(process, processors)).collect());
    let source = if gathered.rows(PROCESS).is_some() { PROCESS } else { COUNTERS };
    if gathered.whole(source).is_none() {
        return;
    }
    report.put(PROCESS, "processGroup", groups(&processes, processors));
    let sum = |own, counted| sum(&processes, own, counted);
    let total = Item::new("total")
        .with("Processes", Unit::Count, processes.len() as u64)
        .with("Threads", Unit::Count, sum("ThreadCount", "ThreadCount"))
        .with("Handles", Unit::Count, sum("HandleCount", "HandleCount"));
    report.put(PROCESS, "processTotal", vec![total]);
}

/// Says that a list is not whole which lacks the process that every host has, by its name in either class.
fn flag_short_list(gathered: &Gathered, report: &mut Report) {
    let is_system = |row: &Record| row.text("Name").as_deref() == Some("System");
    if gathered.whole(PROCESS).is_some_and(|rows| !rows.iter().any(is_system)) {
        report.warnings.push(Failure {
            remedy: Some(
                "give the account administrator's rights on the host, others may not be shown all processes: \
                 docs/windows-hosts.md#least-privilege"
                    .to_owned(),
            ),
            ..Failure::of_values(PROCESS, "the list is short: it lacks System, which must run")
        });
    }
}

/// All processes but the idle one; those of the counters alone when Win32_Process failed.
fn list<'a>(rows: Option<&'a [Record]>, sampled: &'a [Sampled<'a>], report: &mut Report) -> Option<Vec<Process<'a>>> {
    let Some(rows) = rows else {
        let names: Vec<String> =
            sampled.iter().map(|s| s.record.text("Name").unwrap_or_default().into_owned()).collect();
        let all: BTreeSet<&str> = names.iter().map(String::as_str).collect();
        let process = |(sampled, name): (&'a Sampled<'a>, &String)| Process {
            id: sampled.record.unsigned("IDProcess").unwrap_or_default(),
            name: program(name, &all).to_owned(),
            row: None,
            counters: Some(sampled),
        };
        return (!sampled.is_empty()).then(|| sampled.iter().zip(&names).map(process).collect());
    };
    let mut by_id = BTreeMap::new();
    for sampled in sampled {
        by_id.insert(sampled.record.unsigned("IDProcess").unwrap_or_default(), sampled);
    }
    let (mut nameless, mut others) = (0_u64, 0_u64);
    let process = |row: &'a Record| {
        let Some(id) = row.unsigned("ProcessId") else {
            nameless += 1;
            return None;
        };
        if id == 0 {
            return None;
        }
        let of_id = by_id.get(&id).copied();
        let counters = of_id.filter(|sampled| is_same(row, sampled));
        others += u64::from(of_id.is_some() && counters.is_none());
        let name = row.text("Name").unwrap_or_default().into_owned();
        Some(Process { id, name, row: Some(row), counters })
    };
    let processes = rows.iter().filter_map(process).collect();
    if nameless > 0 {
        report
            .warnings
            .push(Failure::of_values(PROCESS, format!("of {} processes {nameless} have no number", rows.len())));
    }
    if others > 0 {
        let text = format!("of {} processes {others} have no counters: their numbers passed on meanwhile", rows.len());
        report.warnings.push(Failure::of_values(COUNTERS, text));
    }
    Some(processes)
}

/// Whether both rows are of one process: its number may have passed on between the two queries.
fn is_same(row: &Record, sampled: &Sampled<'_>) -> bool {
    const SECOND: u64 = 10_000_000;
    match row.file_time("CreationDate").zip(sampled.record.unsigned("ElapsedTime")) {
        Some((created, started)) => created.0.abs_diff(started) <= SECOND,
        None => true,
    }
}

fn item(process: &Process<'_>, processors: Option<u64>) -> Item {
    let value = |name: &str| process.row.map_or(Value::Null, |row| row.value(name));
    let item = Item::new(format!("{} [{}]", process.name, process.id))
        .with("ProcessId", Unit::None, process.id)
        .with("ParentProcessId", Unit::None, process.number("ParentProcessId", "CreatingProcessID"))
        .with("SessionId", Unit::None, value("SessionId"))
        .with("StartTime", Unit::Timestamp, process.started())
        .with("ExecutablePath", Unit::None, value("ExecutablePath"))
        .with("CommandLine", Unit::None, value("CommandLine"))
        .with("ProcessorTime", Unit::Ratio, of_all(process.rate(PROCESSOR_TIME), processors));
    let item = GAUGES.iter().enumerate().fold(item, |item, (at, gauge)| {
        item.with(gauge.metric, gauge.unit, process.rate(at).map_or(Value::Null, |rate| number(gauge.unit, rate)))
    });
    item.with("Threads", Unit::Count, process.number("ThreadCount", "ThreadCount"))
        .with("Handles", Unit::Count, process.number("HandleCount", "HandleCount"))
        .with("WorkingSet", Unit::Bytes, process.number("WorkingSetSize", "WorkingSet"))
        .with("PrivateBytes", Unit::Bytes, process.number("PrivatePageCount", "PrivateBytes"))
        .with("VirtualBytes", Unit::Bytes, process.number("VirtualSize", "VirtualBytes"))
}

/// The share of all the host's processors in what is used of them.
fn of_all(used: Option<f64>, processors: Option<u64>) -> Option<f64> {
    Some((used? / processors? as f64).min(1.0))
}

/// The sum of a number of `processes`; `None` when it is not known of all of them.
fn sum<'p>(processes: impl IntoIterator<Item = &'p Process<'p>>, own: &str, counted: &str) -> Option<u64> {
    let mut numbers = processes.into_iter().map(|process| process.number(own, counted));
    numbers.try_fold(0_u64, |sum, number| Some(sum.saturating_add(number?)))
}

fn groups(processes: &[Process<'_>], processors: Option<u64>) -> Vec<Item> {
    let mut groups = BTreeMap::<&str, Vec<&Process<'_>>>::new();
    for process in processes {
        groups.entry(&process.name).or_default().push(process);
    }
    let item = |(name, processes): (&str, Vec<&Process<'_>>)| {
        let rate = |gauge| processes.iter().filter_map(|process| process.rate(gauge)).reduce(|sum, rate| sum + rate);
        let sum = |own, counted| sum(processes.iter().copied(), own, counted);
        let oldest = processes.iter().filter_map(|process| process.started()).reduce(f64::min);
        Item::new(name)
            .with("Processes", Unit::Count, processes.len() as u64)
            .with("OldestStartTime", Unit::Timestamp, oldest)
            .with("ProcessorTime", Unit::Ratio, of_all(rate(PROCESSOR_TIME), processors))
            .with("ProcessorsUsed", Unit::None, rate(PROCESSOR_TIME))
            .with("ProcessorsUsedPrivileged", Unit::None, rate(PRIVILEGED_TIME))
            .with("ReadBytes", Unit::BytesPerSecond, rate(READ))
            .with("WriteBytes", Unit::BytesPerSecond, rate(WRITTEN))
            .with("OtherBytes", Unit::BytesPerSecond, rate(OTHER))
            .with("PageFaults", Unit::PerSecond, rate(FAULTS))
            .with("Threads", Unit::Count, sum("ThreadCount", "ThreadCount"))
            .with("Handles", Unit::Count, sum("HandleCount", "HandleCount"))
            .with("WorkingSet", Unit::Bytes, sum("WorkingSetSize", "WorkingSet"))
            .with("PrivateBytes", Unit::Bytes, sum("PrivatePageCount", "PrivateBytes"))
            .with("VirtualBytes", Unit::Bytes, sum("VirtualSize", "VirtualBytes"))
    };
    groups.into_iter().map(item).collect()
}

#[cfg(test)]
mod tests;
