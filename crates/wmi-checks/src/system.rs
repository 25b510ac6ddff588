//! The check `system`: processors, memory, uptime and the drift of the host's clock.

use core::time::Duration;

use wmi_proto::FileTime;
use wmi_proto::cim::CimValue;

use crate::clock::{drift, file_time};
use crate::counters::busy_percent;
use crate::record::Record;
use crate::{Answer, Check, Failure, Item, Report, Request, Step, Type};

const PROCESSOR: &str = "processor";
const OS: &str = "os";
const TIME: &str = "time";

const PROCESSORS: Request = Request {
    part: PROCESSOR,
    namespace: "root/cimv2",
    wql: "SELECT Name, PercentProcessorTime, Timestamp_Sys100NS FROM Win32_PerfRawData_PerfOS_Processor",
};

const OPERATING_SYSTEM: Request = Request {
    part: OS,
    namespace: "root/cimv2",
    wql: "SELECT Caption, Version, FreePhysicalMemory, TotalVisibleMemorySize, NumberOfProcesses, LastBootUpTime, \
          LocalDateTime FROM Win32_OperatingSystem",
};

/// The raw counters of one processor.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Sample {
    name: String,
    idle: u64,
    taken: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    FirstSample,
    OperatingSystem,
    Pause,
    SecondSample,
    Done,
}

/// The check `system`.
///
/// Processor shares come from two raw samples: a first round takes both, a pause apart, a later one compares with the
/// sample of the round before. The processors are asked first, so that the clock is read over a session that stands.
#[derive(Debug)]
pub struct System {
    pause: Duration,
    phase: Phase,
    /// The earlier sample, and the later one once it is there.
    earlier: Vec<Sample>,
    later: Vec<Sample>,
    /// The row of Win32_OperatingSystem, and when it was asked for and came.
    os: Option<(Record, FileTime, FileTime)>,
    errors: Vec<Failure>,
}

impl Default for System {
    fn default() -> Self {
        Self::new(Duration::from_secs(1))
    }
}

impl System {
    /// With `pause` between the two samples of a first round.
    #[must_use]
    pub const fn new(pause: Duration) -> Self {
        Self { pause, phase: Phase::Done, earlier: Vec::new(), later: Vec::new(), os: None, errors: Vec::new() }
    }

    fn samples(&mut self, answer: &Answer) -> Vec<Sample> {
        if let Err(error) = &answer.outcome {
            self.errors.push(Failure::of_query(PROCESSOR, error));
        }
        let mut samples = Vec::new();
        for row in &answer.rows {
            let columns = ["Name", "PercentProcessorTime", "Timestamp_Sys100NS"];
            let Some(record) = Record::read(row, &columns, PROCESSOR, &mut self.errors) else { continue };
            samples.extend(sample(&record));
        }
        samples
    }

    fn operating_system(&mut self, answer: &Answer) {
        if let Err(error) = &answer.outcome {
            self.errors.push(Failure::of_query(OS, error));
        }
        let columns = [
            "Caption",
            "Version",
            "FreePhysicalMemory",
            "TotalVisibleMemorySize",
            "NumberOfProcesses",
            "LastBootUpTime",
            "LocalDateTime",
        ];
        match answer.rows.first() {
            Some(row) => {
                self.os = Record::read(row, &columns, OS, &mut self.errors).map(|r| (r, answer.sent, answer.received));
            }
            None if answer.outcome.is_ok() => {
                self.errors.push(Failure::of_values(OS, "the host returned no Win32_OperatingSystem"));
            }
            None => {}
        }
    }
}

impl Check for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn begin(&mut self) {
        self.errors.clear();
        self.os = None;
        if !self.later.is_empty() {
            self.earlier = core::mem::take(&mut self.later);
        }
        self.phase = if self.earlier.is_empty() { Phase::FirstSample } else { Phase::OperatingSystem };
    }

    fn step(&mut self) -> Step {
        match self.phase {
            Phase::FirstSample | Phase::SecondSample => Step::Query(PROCESSORS),
            Phase::OperatingSystem => Step::Query(OPERATING_SYSTEM),
            Phase::Pause => {
                self.phase = Phase::SecondSample;
                Step::Pause(self.pause)
            }
            Phase::Done => Step::Done,
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.phase = match self.phase {
            Phase::FirstSample => {
                self.earlier = self.samples(&answer);
                Phase::OperatingSystem
            }
            Phase::OperatingSystem => {
                self.operating_system(&answer);
                // Without an earlier sample a later one says nothing.
                if self.earlier.is_empty() { Phase::Done } else { Phase::Pause }
            }
            Phase::Pause | Phase::SecondSample => {
                self.later = self.samples(&answer);
                Phase::Done
            }
            Phase::Done => Phase::Done,
        };
    }

    fn report(&mut self) -> Report {
        let mut report = Report { check: self.name(), types: Vec::new(), errors: core::mem::take(&mut self.errors) };
        if let Some((record, sent, received)) = &self.os {
            operating_system_types(record, *sent, *received, &mut report);
        }
        // A round that was broken off says nothing about what it did not come to.
        if self.phase == Phase::Done {
            processor_types(&self.earlier, &self.later, &mut report);
        }
        report
    }
}

fn sample(record: &Record) -> Option<Sample> {
    Some(Sample {
        name: record.text("Name")?,
        idle: record.unsigned("PercentProcessorTime")?,
        taken: record.unsigned("Timestamp_Sys100NS")?,
    })
}

fn operating_system_types(record: &Record, sent: FileTime, received: FileTime, report: &mut Report) {
    let local = file_time(&record.value("LocalDateTime"));
    let booted = file_time(&record.value("LastBootUpTime"));
    let uptime = local.zip(booted).and_then(|(local, booted)| local.checked_sub(booted)).map(|t| t / 10_000_000);
    report.types.push(one(
        "system",
        "system",
        vec![
            ("Processes", record.value("NumberOfProcesses")),
            ("SystemUpTime", uptime.map_or(CimValue::Null, CimValue::Uint64)),
        ],
    ));
    match local {
        Some(host) => {
            let drift = drift(host, sent, received);
            report.types.push(one(
                "time",
                TIME,
                vec![
                    ("TimeDifference", CimValue::Real64(drift.seconds)),
                    ("TimeDifferenceUncertainty", CimValue::Real64(drift.uncertainty)),
                ],
            ));
        }
        None => report.errors.push(Failure::of_values(TIME, "LocalDateTime is no date and time")),
    }
    let (total, free) = (record.unsigned("TotalVisibleMemorySize"), record.unsigned("FreePhysicalMemory"));
    let used = total.zip(free).and_then(|(total, free)| total.checked_sub(free));
    report.types.push(one(
        "os",
        OS,
        vec![
            ("Caption", record.value("Caption")),
            ("Version", record.value("Version")),
            ("FreePhysicalMemory", record.value("FreePhysicalMemory")),
            ("TotalVisibleMemorySize", record.value("TotalVisibleMemorySize")),
            ("MemoryUsed", used.map_or(CimValue::Null, CimValue::Uint64)),
            ("MemoryUsedPercent", used.zip(total).map_or(CimValue::Null, |(used, total)| percent(used, total))),
        ],
    ));
}

fn processor_types(earlier: &[Sample], later: &[Sample], report: &mut Report) {
    if later.is_empty() {
        if report.errors.iter().all(|e| e.part != PROCESSOR) {
            report.errors.push(Failure::of_values(PROCESSOR, "the host returned no raw processor counters"));
        }
        return;
    }
    let mut processors = Vec::new();
    let mut total = Vec::new();
    for now in later {
        let before = earlier.iter().find(|s| s.name == now.name);
        let busy = before.and_then(|before| busy_percent((before.idle, now.idle), (before.taken, now.taken)));
        let metrics = vec![("PercentProcessorTime", busy.map_or(CimValue::Null, CimValue::Real64))];
        if now.name == "_Total" {
            total.push(Item { name: "total".to_owned(), metrics });
        } else {
            processors.push(Item { name: now.name.clone(), metrics });
        }
    }
    report.types.push(Type { name: "processor", items: processors });
    report.types.push(Type { name: "processorTotal", items: total });
}

fn one(kind: &'static str, name: &str, metrics: Vec<(&'static str, CimValue)>) -> Type {
    Type { name: kind, items: vec![Item { name: name.to_owned(), metrics }] }
}

/// `part` of `whole` in percent; NULL when there is no whole.
#[allow(clippy::cast_precision_loss, reason = "a share needs no more than 53 bits")]
fn percent(part: u64, whole: u64) -> CimValue {
    if whole == 0 { CimValue::Null } else { CimValue::Real64(100.0 * part as f64 / whole as f64) }
}

#[cfg(test)]
mod tests;
