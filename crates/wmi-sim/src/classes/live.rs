//! What moves with the clock of the simulated machine.

use wmi_proto::FileTime;
use wmi_proto::cim::{CimDateTime, CimTimestamp, CimValue};

use crate::repository::class::Row;

/// How busy each processor always is, in percent: what two samples of `Win32_PerfRawData_PerfOS_Processor` must show.
pub const PROCESSOR_LOAD: [u32; 4] = [10, 25, 50, 75];

/// How busy all processors are together, in percent: the row `_Total`.
pub const PROCESSOR_LOAD_TOTAL: u32 = 40;

/// Minutes that the machine's zone is ahead of UTC, but for daylight saving time.
const ZONE: i16 = 60;

/// Ticks per second of a FILETIME.
pub(super) const TICKS: u64 = 10_000_000;

/// The time of the machine.
#[derive(Clone, Debug)]
pub(crate) struct Clock {
    /// What the machine believes the time to be.
    pub(crate) now: FileTime,
    /// When it started, by its own clock.
    pub(crate) boot: FileTime,
    /// The name of the machine.
    pub(crate) machine: String,
    /// What Windows calls itself there.
    pub(crate) windows: Windows,
    /// Whether its counters jump and go back.
    pub(crate) jumps: bool,
    /// Whether daylight saving time is in effect.
    pub(crate) daylight: bool,
}

impl Clock {
    /// Minutes that it is ahead of UTC.
    pub(super) const fn zone(&self) -> i16 {
        if self.daylight { ZONE + 60 } else { ZONE }
    }

    /// Intervals of 100 ns since the start.
    pub(super) fn uptime(&self) -> u64 {
        self.now.0.saturating_sub(self.boot.0)
    }

    /// The same as raw counters have counted it: where they jump they are right for seven seconds, then far ahead, then
    /// begin anew.
    pub(super) fn counted(&self) -> u64 {
        let (up, slot) = (self.uptime(), 7 * TICKS);
        match up / slot % 3 {
            1 if self.jumps => up.saturating_mul(2),
            2 if self.jumps => up % slot,
            _ => up,
        }
    }
}

/// A version of Windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// `Microsoft Windows Server 2022 Standard`
    pub(crate) caption: &'static str,
    /// `10.0.20348`
    pub(crate) version: &'static str,
}

impl Windows {
    /// The key of the instance of `Win32_OperatingSystem`.
    fn name(self) -> String {
        format!("{}|C:\\Windows|\\Device\\Harddisk0\\Partition3", self.caption)
    }

    /// The last part of the version.
    pub(crate) fn build(self) -> &'static str {
        self.version.rsplit('.').next().unwrap_or(self.version)
    }
}

/// `time` in a zone, as CIM writes it.
pub(super) fn date(time: FileTime, zone: i16) -> CimValue {
    timestamp(time, zone).map_or(CimValue::Null, |timestamp| CimDateTime::Timestamp(timestamp).into())
}

/// The date of a process that starts at `now`.
pub(crate) fn creation_date(clock: &Clock) -> CimValue {
    date(clock.now, clock.zone())
}

fn timestamp(time: FileTime, zone: i16) -> Option<CimTimestamp> {
    let micros = i64::try_from(time.0 / 10).ok()? - i64::try_from(FileTime::UNIX_EPOCH.0 / 10).ok()?;
    CimTimestamp::from_unix_micros(micros, zone)
}

pub(super) fn operating_system(clock: &Clock, row: &mut Row<'_>) {
    row.set("LocalDateTime", date(clock.now, clock.zone()));
    row.set("LastBootUpTime", date(clock.boot, clock.zone()));
    row.set("CurrentTimeZone", CimValue::Sint16(clock.zone()));
    let Windows { caption, version } = clock.windows;
    for (property, value) in [("Caption", caption), ("Version", version), ("BuildNumber", clock.windows.build())] {
        row.set(property, CimValue::String(value.into()));
    }
    row.set("Name", CimValue::String(clock.windows.name().into()));
}

pub(super) fn computer_system(clock: &Clock, row: &mut Row<'_>) {
    for property in ["Name", "Caption", "DNSHostName"] {
        row.set(property, CimValue::String(clock.machine.as_str().into()));
    }
    row.set("CurrentTimeZone", CimValue::Sint16(clock.zone()));
    row.set("DaylightInEffect", CimValue::Boolean(clock.daylight));
}

/// Processes start one after the other within the first minutes.
pub(super) fn process(clock: &Clock, row: &mut Row<'_>) {
    let name = row.get("Name").clone();
    row.set("Caption", name.clone());
    row.set("Description", name);
    for (property, value) in [
        ("CreationClassName", "Win32_Process"),
        ("CSCreationClassName", "Win32_ComputerSystem"),
        ("OSCreationClassName", "Win32_OperatingSystem"),
        ("OSName", &clock.windows.name()),
        ("WindowsVersion", clock.windows.version),
    ] {
        row.set(property, CimValue::String(value.into()));
    }
    let CimValue::Uint32(id) = *row.get("ProcessId") else { return };
    let start = FileTime(clock.boot.0.saturating_add(process_start(id.into())));
    // One that was created since then says so itself.
    if *row.get("CreationDate") == CimValue::Null {
        row.set("CreationDate", date(start, clock.zone()));
    }
}

/// When the process with a number starts, in intervals of 100 ns after the machine.
pub(super) const fn process_start(id: u64) -> u64 {
    id * TICKS / 10
}

/// References of Windows say of which machine they are.
pub(super) fn association(clock: &Clock, row: &mut Row<'_>) {
    absolute(clock, row, &["Antecedent", "Dependent"]);
}

/// The same for Win32_ShadowStorage.
pub(super) fn shadow_storage(clock: &Clock, row: &mut Row<'_>) {
    absolute(clock, row, &["Volume", "DiffVolume"]);
}

/// The same for associations of an element with its setting.
pub(super) fn setting(clock: &Clock, row: &mut Row<'_>) {
    absolute(clock, row, &["Element", "Setting"]);
}

fn absolute(clock: &Clock, row: &mut Row<'_>, references: &[&str]) {
    for property in references {
        if let CimValue::Reference(path) = row.get(property) {
            let absolute = format!("\\\\{}\\root\\cimv2:{path}", clock.machine);
            row.set(property, CimValue::Reference(absolute.into()));
        }
    }
}

pub(super) fn local_time(clock: &Clock, row: &mut Row<'_>) {
    current_time(clock, clock.zone(), row);
}

pub(super) fn utc_time(clock: &Clock, row: &mut Row<'_>) {
    current_time(clock, 0, row);
}

/// Windows leaves the milliseconds NULL.
fn current_time(clock: &Clock, zone: i16, row: &mut Row<'_>) {
    let Some(time) = timestamp(clock.now, zone) else { return };
    let day = time.day.map_or(0, u32::from);
    let month = time.month.map_or(0, u32::from);
    // 1601-01-01 was a Monday; Sunday is 0.
    let local = clock.now.0.saturating_add_signed(i64::from(zone) * 60 * TICKS as i64);
    let weekday = (local / (86_400 * TICKS) + 1) % 7;
    // The first week of a month ends with its first Saturday.
    let first_weekday = (weekday as u32 + 35 - (day.max(1) - 1)) % 7;
    for (name, value) in [
        ("Year", time.year.map_or(0, u32::from)),
        ("Month", month),
        ("Day", day),
        ("Hour", time.time.hour.map_or(0, u32::from)),
        ("Minute", time.time.minute.map_or(0, u32::from)),
        ("Second", time.time.second.map_or(0, u32::from)),
        ("DayOfWeek", weekday as u32),
        ("Quarter", (month.max(1) - 1) / 3 + 1),
        ("WeekInMonth", (day.max(1) - 1 + first_weekday) / 7 + 1),
    ] {
        row.set(name, CimValue::Uint32(value));
    }
}
