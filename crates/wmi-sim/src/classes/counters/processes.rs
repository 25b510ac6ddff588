//! Processes, under the names that the performance library gives them.

use std::collections::BTreeMap;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimDateTime, CimValue};

use super::kind::Kind::*;
use super::kind::{NEVER, PERCENT};
use super::table::Column;
use super::{Figure, Population, of, per, processors};
use crate::classes::live::process_start;
use crate::repository::class::Row;

/// A process of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Process {
    /// The name of the program without `.exe`, with `#1` and so on from the second one of a name.
    name: String,
    /// Its part of what the processors are busy with, in percent.
    part: u64,
    usage: Usage,
}

/// What the counters say of a process, or of all together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usage {
    id: u64,
    parent: u64,
    priority: u64,
    threads: u64,
    handles: u64,
    /// When it started.
    started: Figure,
    /// How busy it keeps the processors, in hundredths of a percent of one.
    busy: u64,
    /// The part of that which its own code is run in.
    user: u64,
    /// Page faults every second.
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
        let usage = Usage {
            id,
            parent: number("ParentProcessId"),
            priority: number("Priority"),
            threads: number("ThreadCount"),
            handles: number("HandleCount"),
            started: created(row).map_or_else(|| of(process_start(id)), |at| per(0, at)),
            busy: 0,
            user: 0,
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
        };
        Self { name, part: 0, usage }
    }

    /// How busy it keeps the processors, in hundredths of a percent of one.
    fn busy(&self, processors: usize) -> u64 {
        processors::busy(processors) * self.part
    }

    /// What the counters say of it on a machine with `processors` that are idle for `idle` hundredths of a percent of one.
    fn usage(&self, processors: usize, idle: u64) -> Usage {
        let busy = if self.name == IDLE { idle } else { self.busy(processors) };
        // Idle and System have no code of their own.
        let user = if self.usage.id <= 4 { 0 } else { busy * 3 / 4 };
        Usage { busy, user, ..self.usage }
    }
}

impl Usage {
    /// Nothing; of what has no sum Windows says 0, also of the time that has passed since it started.
    const NOTHING: Self = Self {
        id: 0,
        parent: 0,
        priority: 0,
        threads: 0,
        handles: 0,
        started: per(0, NEVER),
        busy: 0,
        user: 0,
        faults: 0,
        working_set: 0,
        working_set_peak: 0,
        private: 0,
        private_peak: 0,
        virtual_size: 0,
        virtual_peak: 0,
        paged: 0,
        nonpaged: 0,
        operations: [0; 3],
        bytes: [0; 3],
    };

    fn add(mut self, other: Self) -> Self {
        for (sum, more) in [
            (&mut self.threads, other.threads),
            (&mut self.handles, other.handles),
            (&mut self.busy, other.busy),
            (&mut self.user, other.user),
            (&mut self.faults, other.faults),
            (&mut self.working_set, other.working_set),
            (&mut self.working_set_peak, other.working_set_peak),
            (&mut self.private, other.private),
            (&mut self.private_peak, other.private_peak),
            (&mut self.virtual_size, other.virtual_size),
            (&mut self.virtual_peak, other.virtual_peak),
            (&mut self.paged, other.paged),
            (&mut self.nonpaged, other.nonpaged),
        ] {
            *sum += more;
        }
        self.operations.iter_mut().zip(other.operations).for_each(|(sum, more)| *sum += more);
        self.bytes.iter_mut().zip(other.bytes).for_each(|(sum, more)| *sum += more);
        self
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
pub(super) struct All {
    pub(super) processes: u64,
    pub(super) threads: u64,
}

impl All {
    pub(super) fn of(population: &Population) -> Self {
        let processes = &population.processes;
        Self { processes: processes.len() as u64, threads: processes.iter().map(|process| process.usage.threads).sum() }
    }
}

/// All processes and their sum.
pub(super) fn count(population: &Population) -> usize {
    population.processes.len() + 1
}

/// A process, or all together.
pub(super) fn at(index: usize, population: &Population) -> (Option<String>, Usage) {
    let Population { processors, ref processes, .. } = *population;
    let idle = || {
        let busy: u64 = processes.iter().map(|process| process.busy(processors)).sum();
        (100 * PERCENT * processors as u64).saturating_sub(busy)
    };
    match processes.get(index) {
        Some(process) if process.name == IDLE => (Some(process.name.clone()), process.usage(processors, idle())),
        Some(process) => (Some(process.name.clone()), process.usage(processors, 0)),
        None => {
            let idle = idle();
            let usages = processes.iter().map(|process| process.usage(processors, idle));
            (Some("_Total".to_owned()), usages.fold(Usage::NOTHING, Usage::add))
        }
    }
}

pub(super) const PROCESS: &[Column<Usage>] = &[
    ("CreatingProcessID", RawCount, |s| of(s.parent)),
    ("ElapsedTime", ElapsedTime, |s| s.started),
    ("HandleCount", RawCount, |s| of(s.handles)),
    ("IDProcess", RawCount, |s| of(s.id)),
    ("IODataBytesPersec", BulkCount, |s| of(s.bytes[0] + s.bytes[1])),
    ("IODataOperationsPersec", BulkCount, |s| of(s.operations[0] + s.operations[1])),
    ("IOOtherBytesPersec", BulkCount, |s| of(s.bytes[2])),
    ("IOOtherOperationsPersec", BulkCount, |s| of(s.operations[2])),
    ("IOReadBytesPersec", BulkCount, |s| of(s.bytes[0])),
    ("IOReadOperationsPersec", BulkCount, |s| of(s.operations[0])),
    ("IOWriteBytesPersec", BulkCount, |s| of(s.bytes[1])),
    ("IOWriteOperationsPersec", BulkCount, |s| of(s.operations[1])),
    ("PageFaultsPersec", Counter, |s| of(s.faults)),
    ("PageFileBytes", LargeRawCount, |s| of(s.private)),
    ("PageFileBytesPeak", LargeRawCount, |s| of(s.private_peak)),
    ("PercentPrivilegedTime", Timer100ns, |s| of(s.busy - s.user)),
    ("PercentProcessorTime", Timer100ns, |s| of(s.busy)),
    ("PercentUserTime", Timer100ns, |s| of(s.user)),
    ("PoolNonpagedBytes", RawCount, |s| of(s.nonpaged)),
    ("PoolPagedBytes", RawCount, |s| of(s.paged)),
    ("PriorityBase", RawCount, |s| of(s.priority)),
    ("PrivateBytes", LargeRawCount, |s| of(s.private)),
    ("ThreadCount", RawCount, |s| of(s.threads)),
    ("VirtualBytes", LargeRawCount, |s| of(s.virtual_size)),
    ("VirtualBytesPeak", LargeRawCount, |s| of(s.virtual_peak)),
    ("WorkingSet", LargeRawCount, |s| of(s.working_set)),
    ("WorkingSetPeak", LargeRawCount, |s| of(s.working_set_peak)),
    ("WorkingSetPrivate", LargeRawCount, |s| of(s.working_set / 4 * 3)),
];
