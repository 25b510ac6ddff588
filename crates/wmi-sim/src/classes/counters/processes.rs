//! Processes, under the names that the performance library gives them.

use std::collections::BTreeMap;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimDateTime, CimValue};

use super::kind::PERCENT;
use super::{Figure, Population, of, per, processors};
use crate::classes::live::process_start;
use crate::repository::class::Row;

/// What the counters say of a process.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The name of the program without `.exe`, with `#1` and so on from the second one of a name.
    name: String,
    id: u64,
    parent: u64,
    priority: u64,
    threads: u64,
    handles: u64,
    /// When it started.
    started: Figure,
    /// Its part of what the processors are busy with, in percent.
    part: u64,
    faults: u64,
    working_set: u64,
    working_set_peak: u64,
    private: u64,
    private_peak: u64,
    virtual_size: u64,
    virtual_peak: u64,
    paged: u64,
    nonpaged: u64,
    /// Operations every second: read, written, other.
    operations: [u64; 3],
    /// Octets every second: read, written, other.
    bytes: [u64; 3],
}

/// The process that takes what no other process does.
const IDLE: &str = "Idle";

impl Process {
    /// The processes that rows of Win32_Process say.
    pub(crate) fn list<'a>(rows: impl Iterator<Item = Row<'a>>) -> Vec<Self> {
        let mut programs: BTreeMap<String, usize> = BTreeMap::new();
        let numbered = rows.map(|row| {
            let mut process = Self::of(&row);
            match programs.get_mut(&process.name) {
                None => drop(programs.insert(process.name.clone(), 1)),
                Some(before) => {
                    process.name = format!("{}#{before}", process.name);
                    *before += 1;
                }
            }
            process.part = part(&process.name);
            process
        });
        numbered.collect()
    }

    fn of(row: &Row<'_>) -> Self {
        let number = |name: &str| row.get(name).as_u64().unwrap_or(0);
        // What Win32_Process counts from the start of the process on, or in kilobytes.
        let rate = |name: &str| number(name) / 86_400;
        let octets = |name: &str| number(name) * 1024;
        let id = number("ProcessId");
        let name = match row.get("Name") {
            CimValue::String(name) => name.to_str().into_owned(),
            _ => String::new(),
        };
        let name = match name.strip_suffix(".exe") {
            _ if id == 0 => IDLE.to_owned(),
            Some(program) => program.to_owned(),
            None => name,
        };
        Self {
            name,
            id,
            parent: number("ParentProcessId"),
            priority: number("Priority"),
            threads: number("ThreadCount"),
            handles: number("HandleCount"),
            started: created(row).map_or_else(|| of(process_start(id)), |at| per(0, at)),
            part: 0,
            faults: number("PageFaults") / 3_600,
            working_set: number("WorkingSetSize"),
            working_set_peak: octets("PeakWorkingSetSize").max(number("WorkingSetSize")),
            private: number("PrivatePageCount"),
            private_peak: octets("PeakPageFileUsage").max(number("PrivatePageCount")),
            virtual_size: number("VirtualSize"),
            virtual_peak: number("PeakVirtualSize"),
            paged: octets("QuotaPagedPoolUsage"),
            nonpaged: octets("QuotaNonPagedPoolUsage"),
            operations: ["ReadOperationCount", "WriteOperationCount", "OtherOperationCount"].map(rate),
            bytes: ["ReadTransferCount", "WriteTransferCount", "OtherTransferCount"].map(rate),
        }
    }

    /// How busy it keeps the processors, in hundredths of a percent of one.
    fn busy(&self, processors: usize) -> u64 {
        processors::busy(processors) * self.part
    }

    /// In the order of `PROCESS` in the table of sets.
    fn figures(&self, busy: u64) -> Vec<Figure> {
        // Idle and System have no mode of users.
        let user = if self.id <= 4 { 0 } else { busy * 3 / 4 };
        let [read, written, other] = self.operations;
        let [read_bytes, written_bytes, other_bytes] = self.bytes;
        vec![
            of(self.parent),
            self.started,
            of(self.handles),
            of(self.id),
            of(read_bytes + written_bytes),
            of(read + written),
            of(other_bytes),
            of(other),
            of(read_bytes),
            of(read),
            of(written_bytes),
            of(written),
            of(self.faults),
            of(self.private),
            of(self.private_peak),
            of(busy - user),
            of(busy),
            of(user),
            of(self.nonpaged),
            of(self.paged),
            of(self.priority),
            of(self.private),
            of(self.threads),
            of(self.virtual_size),
            of(self.virtual_peak),
            of(self.working_set),
            of(self.working_set_peak),
            of(self.working_set / 4 * 3),
        ]
    }
}

/// When a process started that was created while the machine ran.
fn created(row: &Row<'_>) -> Option<u64> {
    let CimValue::DateTime(text) = row.get("CreationDate") else { return None };
    let CimDateTime::Timestamp(date) = text.to_str().parse().ok()? else { return None };
    let micros = date.to_unix_micros()?;
    FileTime::UNIX_EPOCH.0.checked_add_signed(micros.checked_mul(10)?)
}

/// What keeps the processors busy, in percent of that.
fn part(name: &str) -> u64 {
    match name {
        "sqlservr" => 60,
        "System" => 18,
        "svchost" => 10,
        "WmiPrvSE" => 7,
        "lsass" => 5,
        _ => 0,
    }
}

/// How many processes and threads there are.
pub(super) fn numbers(population: &Population) -> (u64, u64) {
    let threads = population.processes.iter().map(|process| process.threads).sum();
    (population.processes.len() as u64, threads)
}

/// All processes and their sum.
pub(super) fn count(population: &Population) -> usize {
    population.processes.len() + 1
}

/// The name of a process and its figures, or the sum of all.
pub(super) fn instance(index: usize, population: &Population) -> (String, Vec<Figure>) {
    let Population { processors, ref processes } = *population;
    let whole = 100 * PERCENT * processors as u64;
    let idle = || whole.saturating_sub(processes.iter().map(|process| process.busy(processors)).sum());
    let figures = |process: &Process| {
        let busy = if process.name == IDLE { idle() } else { process.busy(processors) };
        process.figures(busy)
    };
    if let Some(process) = processes.get(index) {
        return (process.name.clone(), figures(process));
    }
    let mut sum: Vec<Figure> = Vec::new();
    for process in processes {
        let mut figures = figures(process).into_iter();
        sum.iter_mut().zip(&mut figures).for_each(|(sum, figure)| sum.value += figure.value);
        sum.extend(figures);
    }
    // Sums of these say nothing; Windows has 0 there.
    for at in [0, 1, 3, 20] {
        if let Some(nothing) = sum.get_mut(at) {
            *nothing = of(0);
        }
    }
    ("_Total".to_owned(), sum)
}
