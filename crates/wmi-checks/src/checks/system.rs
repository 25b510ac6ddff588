//! The check `system`: processors, uptime, memory, and the drift of the host's clock.

use std::collections::BTreeMap;

use crate::clock::drift;
use crate::counters::{Column, CounterType};
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::sampled::{Gauge, cook};
use crate::{About, Failure, Item, Options, Report, Shape, State, Unit, Value};

pub(crate) static PLAN: Plan = Plan {
    key: "system",
    about: About {
        summary: "processors of all groups, uptime, memory, and how far the host's clock is from ours",
        rights: "Performance Monitor Users, for processors",
        returns: &[
            ("system", "processes, uptime and the moment of the last start"),
            ("time", "host's clock minus ours, and by how much that may be wrong"),
            ("os", "name, version and memory"),
            ("processor", "busy shares of each logical processor since the round before"),
            ("processorTotal", "the mean of all"),
        ],
        unchanged_eol: 0,
    },
    parts: |options| match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &INFRASONAR,
    },
    evaluate,
};

const PROCESSOR: &str = "processor";
/// The host's own figures, for the round that has no earlier sample.
const FIRST: &str = "processorFirst";
const SYSTEM: &str = "system";
const OS: &str = "os";

static NATIVE: [Part; 3] = [
    // The first has all processors, of every group and node; the second, which is there before 2008 R2, those of one
    // group: 64 at most.
    Part::new(
        PROCESSOR,
        &[
            Select::all("Win32_PerfRawData_Counters_ProcessorInformation", &RAW),
            Select::all("Win32_PerfRawData_PerfOS_Processor", &RAW),
        ],
    )
    .always(),
    Part::new(
        FIRST,
        &[
            Select::all("Win32_PerfFormattedData_Counters_ProcessorInformation", &FORMATTED),
            Select::all("Win32_PerfFormattedData_PerfOS_Processor", &FORMATTED),
        ],
    )
    .when(is_first),
    OPERATING_SYSTEM,
];

static INFRASONAR: [Part; 4] = [
    Part::new(SYSTEM, &[Select::all("Win32_PerfFormattedData_PerfOS_System", &["Processes", "SystemUpTime"])]).always(),
    Part::new(PROCESSOR, &[Select::all("Win32_PerfRawData_PerfOS_Processor", &RAW)]).always(),
    Part::new(FIRST, &[Select::all("Win32_PerfFormattedData_PerfOS_Processor", &FORMATTED)]).when(is_first),
    OPERATING_SYSTEM,
];

const OPERATING_SYSTEM: Part = Part::new(
    OS,
    &[
        Select::all("Win32_OperatingSystem", &OS_COLUMNS),
        Select::all("Win32_OperatingSystem", OS_COLUMNS.split_at(OS_COLUMNS.len() - 1).0),
    ],
)
.last()
.always();

/// The last one is what hosts before Vista and Server 2008 do not have.
const OS_COLUMNS: [&str; 9] = [
    "Caption",
    "Version",
    "BuildNumber",
    "FreePhysicalMemory",
    "TotalVisibleMemorySize",
    "NumberOfProcesses",
    "LastBootUpTime",
    "LocalDateTime",
    "OSArchitecture",
];

const RAW: [&str; 11] = [
    "Name",
    "Timestamp_Sys100NS",
    "Timestamp_PerfTime",
    "Frequency_PerfTime",
    "Timestamp_Object",
    "Frequency_Object",
    "PercentProcessorTime",
    "PercentUserTime",
    "PercentPrivilegedTime",
    "PercentInterruptTime",
    "PercentDPCTime",
];

const FORMATTED: [&str; 6] = [
    "Name",
    "PercentProcessorTime",
    "PercentUserTime",
    "PercentPrivilegedTime",
    "PercentInterruptTime",
    "PercentDPCTime",
];

static GAUGES: [Gauge; 5] = [
    Gauge {
        metric: "ProcessorTime",
        unit: Unit::Ratio,
        column: Column::wide("PercentProcessorTime", CounterType::TIMER_INV_100NSEC),
    },
    Gauge {
        metric: "UserTime",
        unit: Unit::Ratio,
        column: Column::wide("PercentUserTime", CounterType::TIMER_100NSEC),
    },
    Gauge {
        metric: "PrivilegedTime",
        unit: Unit::Ratio,
        column: Column::wide("PercentPrivilegedTime", CounterType::TIMER_100NSEC),
    },
    Gauge {
        metric: "InterruptTime",
        unit: Unit::Ratio,
        column: Column::wide("PercentInterruptTime", CounterType::TIMER_100NSEC),
    },
    Gauge { metric: "DPCTime", unit: Unit::Ratio, column: Column::wide("PercentDPCTime", CounterType::TIMER_100NSEC) },
];

fn is_first(state: &State) -> bool {
    !state.samples.contains(PROCESSOR)
}

fn evaluate(gathered: &mut Gathered, options: &Options, state: &mut State, report: &mut Report) {
    let os = gathered.rows(OS).and_then(<[Record]>::first);
    let counted = gathered.rows(SYSTEM).and_then(<[Record]>::first);
    match options.shape {
        Shape::Native => native(os, report),
        Shape::Infrasonar => infrasonar(os, counted, report),
    }
    if let Some(record) = os {
        time(record, gathered, options, report);
    }
    // What only stands in for missing rates is missed only in so far.
    let (stand_in, errors) = core::mem::take(&mut report.errors).into_iter().partition(|error| error.part == FIRST);
    report.errors = errors;
    report.warnings.extend::<Vec<Failure>>(stand_in);
    processors(gathered, options, state, report);
}

/// Seconds since the host was started, by its own clock.
fn uptime(os: &Record) -> Option<u64> {
    let (local, booted) = os.file_time("LocalDateTime").zip(os.file_time("LastBootUpTime"))?;
    local.0.checked_sub(booted.0).map(|t| t / 10_000_000)
}

fn native(os: Option<&Record>, report: &mut Report) {
    let Some(os) = os else { return };
    let bytes = |name| os.unsigned(name).and_then(|kib| kib.checked_mul(1024));
    let (total, free) = (bytes("TotalVisibleMemorySize"), bytes("FreePhysicalMemory"));
    let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
    let system = Item::new(SYSTEM)
        .with("Processes", Unit::Count, os.value("NumberOfProcesses"))
        .with("SystemUpTime", Unit::Seconds, uptime(os))
        .with("LastBootUpTime", Unit::Timestamp, os.unix_seconds("LastBootUpTime"));
    report.put(OS, "system", vec![system]);
    let item = Item::new(OS)
        .with("Caption", Unit::None, os.text("Caption").map(|caption| caption.trim().to_owned()))
        .with("Version", Unit::None, os.value("Version"))
        .with("BuildNumber", Unit::None, os.value("BuildNumber"))
        .with("OSArchitecture", Unit::None, os.value("OSArchitecture"))
        .with("TotalVisibleMemorySize", Unit::Bytes, total)
        .with("FreePhysicalMemory", Unit::Bytes, free)
        .with("MemoryUsed", Unit::Bytes, used)
        .with("MemoryUsedRatio", Unit::Ratio, Value::ratio(used, total));
    report.put(OS, "os", vec![item]);
}

fn infrasonar(os: Option<&Record>, counted: Option<&Record>, report: &mut Report) {
    // Without the counters the operating system knows the same.
    let system = match (counted, os) {
        (Some(counted), _) => Some((counted.value("Processes"), counted.value("SystemUpTime"))),
        (None, Some(os)) => Some((os.value("NumberOfProcesses"), uptime(os).into())),
        (None, None) => None,
    };
    if let Some((processes, uptime)) = system {
        let item =
            Item::new(SYSTEM).with("Processes", Unit::Count, processes).with("SystemUpTime", Unit::Seconds, uptime);
        report.put(SYSTEM, "system", vec![item]);
    }
    let Some(os) = os else { return };
    let (total, free) = (os.unsigned("TotalVisibleMemorySize"), os.unsigned("FreePhysicalMemory"));
    let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
    let item = Item::new(os.text("Caption").unwrap_or_default().trim())
        .with("TotalVisibleMemorySize", Unit::None, os.value("TotalVisibleMemorySize"))
        .with("FreePhysicalMemory", Unit::None, os.value("FreePhysicalMemory"))
        .with("MemoryUsed", Unit::None, used)
        .with("MemoryUsedPercent", Unit::Percent, Value::percent(used, total));
    report.put(OS, "os", vec![item]);
}

fn time(os: &Record, gathered: &Gathered, options: &Options, report: &mut Report) {
    let Some((host, (sent, received))) = os.file_time("LocalDateTime").zip(gathered.times(OS)) else {
        report.errors.push(Failure::of_values("time", "LocalDateTime is no date and time"));
        return;
    };
    let drift = drift(host.0, sent, received);
    let item = Item::new("time");
    let item = match options.shape {
        Shape::Native => item.with("TimeDifference", Unit::Seconds, drift.seconds).with(
            "TimeDifferenceUncertainty",
            Unit::Seconds,
            drift.uncertainty,
        ),
        Shape::Infrasonar => item.with("TimeDifference", Unit::Seconds, drift.seconds.abs()),
    };
    report.put("time", "time", vec![item]);
}

fn processors(gathered: &Gathered, options: &Options, state: &mut State, report: &mut Report) {
    let formatted = gathered.rows(FIRST).filter(|rows| !rows.is_empty());
    let Some(rows) = gathered.rows(PROCESSOR) else {
        // Nothing to take a second sample against, but figures all the same.
        if let Some(rows) = formatted {
            put(rows.iter().map(|row| (name(row), formatted_shares(row))).collect(), options, report);
        }
        return;
    };
    let warnings = report.warnings.len();
    let sampled = cook(PROCESSOR, &GAUGES, rows, name, state, report);
    let mut shares: Vec<(String, Vec<Option<f64>>)> = sampled
        .iter()
        .map(|sampled| (name(sampled.record), (0..GAUGES.len()).map(|at| sampled.value(at)).collect()))
        .collect();
    if let Some(formatted) = formatted {
        // The rates are not missing then.
        report.warnings.truncate(warnings);
        let formatted: BTreeMap<String, &Record> = formatted.iter().rev().map(|row| (name(row), row)).collect();
        for (name_of_raw, values) in &mut shares {
            if let Some(row) = formatted.get(name_of_raw) {
                *values = formatted_shares(row);
            }
        }
    }
    put(shares, options, report);
}

fn name(record: &Record) -> String {
    record.text("Name").unwrap_or_default().into_owned()
}

/// The host's own figures, which are whole percents.
fn formatted_shares(row: &Record) -> Vec<Option<f64>> {
    GAUGES.iter().map(|gauge| Some(row.unsigned(&gauge.column.name)?.min(100) as f64 / 100.0)).collect()
}

fn put(shares: Vec<(String, Vec<Option<f64>>)>, options: &Options, report: &mut Report) {
    let (mut processors, mut total) = (Vec::new(), Vec::new());
    for (name, values) in shares {
        // "0,_Total" is a node's mean, not a processor.
        let is_total = name == "_Total";
        if name.ends_with("_Total") && !is_total {
            continue;
        }
        let item = Item::new(if is_total { "total" } else { &name });
        let item = match options.shape {
            Shape::Native => GAUGES
                .iter()
                .zip(values)
                .fold(item, |item, (gauge, value)| item.with(gauge.metric, gauge.unit, value.map(|v| v.min(1.0)))),
            Shape::Infrasonar => {
                let busy = values.first().copied().flatten();
                // The original gives the instance's name twice.
                item.with("Name", Unit::None, name.as_str()).with(
                    "PercentProcessorTime",
                    Unit::Percent,
                    busy.map(|busy| (100.0 * busy).round() as u64),
                )
            }
        };
        if is_total { total.push(item) } else { processors.push(item) }
    }
    report.put(PROCESSOR, "processor", processors);
    report.put(PROCESSOR, "processorTotal", total);
}

#[cfg(test)]
mod tests;
