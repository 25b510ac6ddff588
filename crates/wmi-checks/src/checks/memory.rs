//! The check `memory`: physical memory, what is committed, and page files.

use crate::counters::{Column, CounterType};
use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::sampled::{Gauge, cook};
use crate::{About, Item, Options, Report, Shape, State, Unit, Value};

pub(crate) static PLAN: Plan = Plan {
    key: "memory",
    about: About {
        summary: "physical memory, committed memory, paging and page files",
        rights: "Performance Monitor Users, for committed memory, pools and paging",
        returns: &[
            ("physical", "physical memory of the host"),
            ("memory", "committed memory, pools and paging since the round before"),
            ("pageFile", "one item per page file; none when there is none"),
            ("pageFileTotal", "all page files together, and how many there are"),
        ],
        unchanged_eol: 0,
    },
    parts: |options| match options.shape {
        Shape::Native => &NATIVE,
        Shape::Infrasonar => &INFRASONAR,
    },
    evaluate: |gathered, options, state, report| match options.shape {
        Shape::Native => native(gathered, state, report),
        Shape::Infrasonar => infrasonar(gathered, options, report),
    },
};

const PHYSICAL: &str = "physical";
const MEMORY: &str = "memory";
const PAGE_FILE: &str = "pageFile";

static NATIVE: [Part; 3] = [
    Part::new(PHYSICAL, &[Select::all("Win32_OperatingSystem", &OS)]).always(),
    Part::new(MEMORY, &[Select::all("Win32_PerfRawData_PerfOS_Memory", &RAW)]).always(),
    Part::new(
        PAGE_FILE,
        &[
            Select::all(
                "Win32_PageFileUsage",
                &["Name", "AllocatedBaseSize", "CurrentUsage", "PeakUsage", "TempPageFile"],
            ),
            // Before Vista and Server 2008.
            Select::all("Win32_PageFileUsage", &["Name", "AllocatedBaseSize", "CurrentUsage", "PeakUsage"]),
        ],
    ),
];

static INFRASONAR: [Part; 2] = [
    Part::new(
        MEMORY,
        &[Select::all(
            "Win32_PerfFormattedData_PerfOS_Memory",
            &["CommitLimit", "CommittedBytes", "PercentCommittedBytesInUse"],
        )],
    )
    .always(),
    Part::new(PAGE_FILE, &[Select::all("Win32_PageFileUsage", &["Name", "AllocatedBaseSize", "CurrentUsage"])]),
];

const OS: [&str; 4] = ["TotalVisibleMemorySize", "FreePhysicalMemory", "TotalVirtualMemorySize", "FreeVirtualMemory"];

const RAW: [&str; 16] = [
    "Timestamp_Sys100NS",
    "Timestamp_PerfTime",
    "Frequency_PerfTime",
    "Timestamp_Object",
    "Frequency_Object",
    "AvailableBytes",
    "CacheBytes",
    "CommitLimit",
    "CommittedBytes",
    "PoolNonpagedBytes",
    "PoolPagedBytes",
    "PageFaultsPersec",
    "PageReadsPersec",
    "PageWritesPersec",
    "PagesInputPersec",
    "PagesOutputPersec",
];

const COMMIT_LIMIT: usize = 0;
const COMMITTED: usize = 1;

static GAUGES: [Gauge; 11] = [
    raw("CommitLimit", "CommitLimit"),
    raw("CommittedBytes", "CommittedBytes"),
    raw("AvailableBytes", "AvailableBytes"),
    raw("CacheBytes", "CacheBytes"),
    raw("PoolNonpagedBytes", "PoolNonpagedBytes"),
    raw("PoolPagedBytes", "PoolPagedBytes"),
    rate("PageFaults", "PageFaultsPersec"),
    rate("PageReads", "PageReadsPersec"),
    rate("PageWrites", "PageWritesPersec"),
    rate("PagesInput", "PagesInputPersec"),
    rate("PagesOutput", "PagesOutputPersec"),
];

const fn raw(metric: &'static str, column: &'static str) -> Gauge {
    Gauge { metric, unit: Unit::Bytes, column: Column::wide(column, CounterType::COUNTER_LARGE_RAWCOUNT) }
}

const fn rate(metric: &'static str, column: &'static str) -> Gauge {
    Gauge { metric, unit: Unit::PerSecond, column: Column::narrow(column, CounterType::COUNTER_COUNTER) }
}

fn native(gathered: &Gathered, state: &mut State, report: &mut Report) {
    let os = gathered.rows(PHYSICAL).and_then(<[Record]>::first);
    let bytes = |name| os.and_then(|os| os.unsigned(name)).and_then(|kib| kib.checked_mul(1024));
    if os.is_some() {
        let (total, free) = (bytes("TotalVisibleMemorySize"), bytes("FreePhysicalMemory"));
        let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
        let item = Item::new(PHYSICAL)
            .with("BytesTotal", Unit::Bytes, total)
            .with("BytesFree", Unit::Bytes, free)
            .with("BytesUsed", Unit::Bytes, used)
            .with("UsedRatio", Unit::Ratio, Value::ratio(used, total));
        report.put(PHYSICAL, "physical", vec![item]);
    }
    memory(gathered, bytes("TotalVirtualMemorySize").zip(bytes("FreeVirtualMemory")), state, report);
    if let Some(rows) = gathered.rows(PAGE_FILE) {
        page_files(rows, gathered.whole(PAGE_FILE).is_some(), report);
    }
}

/// `virtual_memory` is the limit of what can be committed and what is left of it, as the operating system knows it.
fn memory(gathered: &Gathered, virtual_memory: Option<(u64, u64)>, state: &mut State, report: &mut Report) {
    let rows = gathered.rows(MEMORY).unwrap_or_default();
    if let Some(sampled) =
        cook(MEMORY, &GAUGES, rows.get(..1).unwrap_or_default(), |_| String::new(), state, report).first()
    {
        let (limit, committed) = (sampled.value(COMMIT_LIMIT), sampled.value(COMMITTED));
        let share = limit.zip(committed).filter(|(limit, _)| *limit > 0.0).map(|(limit, committed)| committed / limit);
        let item = sampled.metrics(&GAUGES, Item::new(MEMORY)).with("CommittedRatio", Unit::Ratio, share);
        report.put(MEMORY, "memory", vec![item]);
        return;
    }
    // Without counters the operating system still knows what is committed.
    if let Some((limit, committed)) = virtual_memory.and_then(|(limit, left)| Some((limit, limit.checked_sub(left)?))) {
        let item = Item::new(MEMORY)
            .with("CommitLimit", Unit::Bytes, limit)
            .with("CommittedBytes", Unit::Bytes, committed)
            .with("CommittedRatio", Unit::Ratio, Value::ratio(Some(committed), Some(limit)));
        report.put(MEMORY, "memory", vec![item]);
    }
}

/// A size that the host gives in mebibytes.
fn mebibytes(record: &Record, name: &str) -> Option<u64> {
    record.unsigned(name)?.checked_mul(1024 * 1024)
}

/// The sum of a column; `None` when a row does not know its share.
fn sum(rows: &[Record], name: &str) -> Option<u64> {
    rows.iter().map(|row| mebibytes(row, name)).try_fold(0_u64, |sum, size| sum.checked_add(size?))
}

fn page_files(rows: &[Record], all: bool, report: &mut Report) {
    let item = |name: &str, total: Option<u64>, used: Option<u64>| {
        Item::new(name)
            .with("BytesTotal", Unit::Bytes, total)
            .with("BytesFree", Unit::Bytes, total.zip(used).and_then(|(total, used)| total.checked_sub(used)))
            .with("BytesUsed", Unit::Bytes, used)
            .with("UsedRatio", Unit::Ratio, Value::ratio(used, total))
    };
    let file = |row: &Record| {
        item(&row.text("Name").unwrap_or_default(), mebibytes(row, "AllocatedBaseSize"), mebibytes(row, "CurrentUsage"))
            .with("BytesUsedPeak", Unit::Bytes, mebibytes(row, "PeakUsage"))
            .with("Temporary", Unit::None, row.value("TempPageFile"))
    };
    report.put(PAGE_FILE, "pageFile", rows.iter().map(file).collect());
    if !all {
        return;
    }
    // A host without a page file has 0 bytes of it and no used share.
    let total = item("total", sum(rows, "AllocatedBaseSize"), sum(rows, "CurrentUsage")).with(
        "Files",
        Unit::Count,
        rows.len() as u64,
    );
    report.put(PAGE_FILE, "pageFileTotal", vec![total]);
}

fn infrasonar(gathered: &Gathered, _: &Options, report: &mut Report) {
    if let Some(rows) = gathered.rows(MEMORY) {
        let item = |row: &Record| {
            Item::new(MEMORY)
                .with("CommitLimit", Unit::Bytes, row.value("CommitLimit"))
                .with("CommittedBytes", Unit::Bytes, row.value("CommittedBytes"))
                .with("PercentCommittedBytesInUse", Unit::Percent, row.value("PercentCommittedBytesInUse"))
        };
        report.put(MEMORY, "memory", rows.iter().map(item).collect());
    }
    let Some(rows) = gathered.rows(PAGE_FILE) else { return };
    let item = |name: &str, total: Option<u64>, used: Option<u64>| {
        let free = total.zip(used).map(|(total, used)| match total.checked_sub(used) {
            Some(free) => Value::from(free),
            None => Value::from(i64::try_from(used - total).ok().map(|over| -over)),
        });
        Item::new(name)
            .with("BytesTotal", Unit::Bytes, total)
            .with("BytesFree", Unit::Bytes, free)
            .with("BytesUsed", Unit::Bytes, used)
            .with("PercentUsed", Unit::Percent, Value::percent(used, total))
    };
    let file = |row: &Record| {
        item(&row.text("Name").unwrap_or_default(), mebibytes(row, "AllocatedBaseSize"), mebibytes(row, "CurrentUsage"))
    };
    report.put(PAGE_FILE, "pageFile", rows.iter().map(file).collect());
    if gathered.whole(PAGE_FILE).is_some() {
        let total = item("total", sum(rows, "AllocatedBaseSize"), sum(rows, "CurrentUsage"));
        report.put(PAGE_FILE, "pageFileTotal", vec![total]);
    }
}

#[cfg(test)]
mod tests;
