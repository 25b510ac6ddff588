//! Processes by program from the host's own figures, as the original probe has them.

use std::collections::{BTreeMap, BTreeSet};

use super::{PROCESS, program};
use crate::plan::{Gathered, Part, Select};
use crate::record::Record;
use crate::{Item, Report, Unit, Value};

pub(super) static PARTS: [Part; 1] = [Part::new(
    PROCESS,
    &[Select { class: "Win32_PerfFormattedData_PerfProc_Process", columns: &COLUMNS, condition: "Name != \"_Total\"" }],
)
.many()
.always()];

pub(super) const COLUMNS: [&str; 20] = [
    "Name",
    "CreatingProcessID",
    "ElapsedTime",
    "HandleCount",
    "IDProcess",
    "PageFaultsPersec",
    "PageFileBytes",
    "PageFileBytesPeak",
    "PercentPrivilegedTime",
    "PercentProcessorTime",
    "PercentUserTime",
    "PoolNonpagedBytes",
    "PoolPagedBytes",
    "PriorityBase",
    "PrivateBytes",
    "ThreadCount",
    "VirtualBytes",
    "VirtualBytesPeak",
    "WorkingSet",
    "WorkingSetPeak",
];

/// What becomes of a column when the processes of a program are put together.
enum Together {
    Sum,
    Most,
    All,
}

fn together(column: &str) -> Together {
    match column {
        "CreatingProcessID" | "IDProcess" | "PriorityBase" => Together::All,
        "PageFileBytesPeak" | "VirtualBytesPeak" | "WorkingSetPeak" => Together::Most,
        _ => Together::Sum,
    }
}

fn unit(column: &str) -> Unit {
    match column {
        "ElapsedTime" => Unit::Seconds,
        "HandleCount" | "ThreadCount" => Unit::Count,
        "PageFaultsPersec" => Unit::PerSecond,
        "CreatingProcessID" | "IDProcess" | "PriorityBase" => Unit::None,
        column if column.starts_with("Percent") => Unit::Percent,
        _ => Unit::Bytes,
    }
}

pub(super) fn evaluate(gathered: &Gathered, report: &mut Report) {
    let Some(rows) = gathered.whole(PROCESS) else { return };
    super::flag_short_list(gathered, report);
    let names: Vec<_> = rows.iter().map(|row| row.text("Name").unwrap_or_default()).collect();
    let all: BTreeSet<&str> = names.iter().map(AsRef::as_ref).collect();
    // In the order in which the host gives them.
    let mut order = Vec::new();
    let mut groups = BTreeMap::<&str, Vec<&Record>>::new();
    for (row, name) in rows.iter().zip(&names) {
        let program = program(name, &all);
        let group = groups.entry(program).or_default();
        if group.is_empty() {
            order.push(program);
        }
        group.push(row);
    }
    let item = |name: &&str| {
        let group = groups.get(name).map(Vec::as_slice).unwrap_or_default();
        COLUMNS
            .iter()
            .filter(|column| **column != "Name")
            .fold(Item::with_room(*name, COLUMNS.len()), |item, column| {
                item.with(*column, unit(column), value(group, column))
            })
            .with("ProcessCount", Unit::Count, group.len() as u64)
    };
    report.put(PROCESS, "process", order.iter().map(item).collect());
}

/// What is NULL of one process is not known of all.
fn value(group: &[&Record], column: &str) -> Value {
    let mut numbers = group.iter().map(|row| row.unsigned(column));
    match together(column) {
        Together::Sum => numbers.try_fold(0_u64, |sum, number| Some(sum.saturating_add(number?))).into(),
        Together::Most => numbers.try_fold(0_u64, |most, number| Some(most.max(number?))).into(),
        Together::All => Value::List(numbers.map(Value::from).collect()),
    }
}
