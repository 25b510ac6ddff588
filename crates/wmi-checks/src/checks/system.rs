//! The check `system`: processors, memory, uptime and the drift of the host's clock.

use crate::clock::drift;
use crate::plan::{Gathered, Part, Plan, Select};
use crate::{About, Failure, Item, Options, Report, State, Unit, Value};

pub(crate) static PLAN: Plan = Plan {
    key: "system",
    about: About {
        summary: "memory, uptime and the drift of the host's clock",
        rights: "",
        returns: &[
            ("system", "processes and uptime"),
            ("time", "how far the host's clock is from ours"),
            ("os", "memory"),
        ],
        unchanged_eol: 0,
    },
    parts: |_| &[OS],
    evaluate,
};

const OS: Part = Part::new(
    "os",
    &[Select::all(
        "Win32_OperatingSystem",
        &[
            "Caption",
            "Version",
            "FreePhysicalMemory",
            "TotalVisibleMemorySize",
            "NumberOfProcesses",
            "LastBootUpTime",
            "LocalDateTime",
        ],
    )],
)
.last();

fn evaluate(gathered: &Gathered, _: &Options, _: &mut State, report: &mut Report) {
    let Some(rows) = gathered.rows("os") else { return };
    let Some(record) = rows.first() else {
        report.errors.push(Failure::of_values("os", "the host returned no Win32_OperatingSystem"));
        return;
    };
    let (local, booted) = (record.file_time("LocalDateTime"), record.file_time("LastBootUpTime"));
    let uptime = local.zip(booted).and_then(|(local, booted)| local.0.checked_sub(booted.0)).map(|t| t / 10_000_000);
    let system = Item::new("system").with("Processes", Unit::Count, record.value("NumberOfProcesses")).with(
        "SystemUpTime",
        Unit::Seconds,
        uptime,
    );
    report.put("os", "system", vec![system]);
    match local.zip(gathered.times("os")) {
        Some((host, (sent, received))) => {
            let drift = drift(host.0, sent, received);
            let time = Item::new("time").with("TimeDifference", Unit::Seconds, drift.seconds).with(
                "TimeDifferenceUncertainty",
                Unit::Seconds,
                drift.uncertainty,
            );
            report.put("os", "time", vec![time]);
        }
        None => report.errors.push(Failure::of_values("time", "LocalDateTime is no date and time")),
    }
    let (total, free) = (record.unsigned("TotalVisibleMemorySize"), record.unsigned("FreePhysicalMemory"));
    let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
    let os = Item::new("os")
        .with("Caption", Unit::None, record.value("Caption"))
        .with("Version", Unit::None, record.value("Version"))
        .with("FreePhysicalMemory", Unit::None, record.value("FreePhysicalMemory"))
        .with("TotalVisibleMemorySize", Unit::None, record.value("TotalVisibleMemorySize"))
        .with("MemoryUsed", Unit::None, used)
        .with(
            "MemoryUsedPercent",
            Unit::Percent,
            used.zip(total).map_or(Value::Null, |(used, total)| percent(used, total)),
        );
    report.put("os", "os", vec![os]);
}

/// `part` of `whole` in percent; NULL when there is no whole.
#[allow(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn percent(part: u64, whole: u64) -> Value {
    if whole == 0 { Value::Null } else { Value::real(100.0 * part as f64 / whole as f64) }
}
