//! The check `storage`: disks, volumes, shadow storage and snapshots.

use crate::plan::{Gathered, Part, Plan, Select};
use crate::record::Record;
use crate::sampled::cook_and_mend;
use crate::{About, Item, Options, Report, Shape, State, Unit, Value};

mod disks;
mod shadow;

use disks::{DISK, FORMATTED_LOGICAL, FORMATTED_PHYSICAL, GAUGES};

pub(crate) static PLAN: Plan = Plan {
    key: "storage",
    about: About {
        summary: "disks and their speed, volumes and their space, shadow storage and snapshots",
        rights: "Performance Monitor Users, for physical and logical disks; shadow storage and snapshots are shown to administrators only",
        returns: &[
            ("physical", "operations, octets, busy shares and latencies of each disk since the round before"),
            ("physicalTotal", "all disks together"),
            ("logical", "the same of each drive letter or mount"),
            ("logicalTotal", "all of them together"),
            ("volume", "size, space and state of each volume but optical ones; no share where the size is not known"),
            ("shadow", "shadow storage of each volume: used, allocated, at most, and whether that is unbounded"),
            ("snapshot", "how many snapshots each volume has, and how old they are"),
        ],
        unchanged_eol: 0,
    },
    parts: |options| match (options.shape, options.exclude_shadow_storage) {
        (Shape::Native, false) => &NATIVE,
        (Shape::Native, true) => NATIVE.split_at(3).0,
        (Shape::Infrasonar, false) => &INFRASONAR,
        (Shape::Infrasonar, true) => INFRASONAR.split_at(3).0,
    },
    evaluate,
};

const PHYSICAL: &str = "physical";
const LOGICAL: &str = "logical";
const VOLUME: &str = "volume";
const SHADOW: &str = "shadow";
const SNAPSHOT: &str = "snapshot";

/// The last two are what `exclude_shadow_storage` leaves out.
static NATIVE: [Part; 5] = [
    Part::new(PHYSICAL, &[Select::all("Win32_PerfRawData_PerfDisk_PhysicalDisk", &DISK)]).always(),
    Part::new(LOGICAL, &[Select::all("Win32_PerfRawData_PerfDisk_LogicalDisk", &DISK)]).always(),
    Part::new(VOLUME, &[VOLUMES]),
    Part::new(SHADOW, &[Select::all("Win32_ShadowStorage", &SHADOW_COLUMNS)]),
    Part::new(
        SNAPSHOT,
        &[Select::all("Win32_ShadowCopy", &["ID", "VolumeName", "InstallDate", "State", "ClientAccessible"])],
    ),
];

/// The last one is what `exclude_shadow_storage` leaves out.
static INFRASONAR: [Part; 4] = [
    Part::new(
        PHYSICAL,
        &[Select {
            class: "Win32_PerfFormattedData_PerfDisk_PhysicalDisk",
            columns: &FORMATTED_PHYSICAL,
            condition: "Name != \"_Total\"",
        }],
    )
    .always(),
    Part::new(
        LOGICAL,
        &[Select {
            class: "Win32_PerfFormattedData_PerfDisk_LogicalDisk",
            columns: &FORMATTED_LOGICAL,
            condition: "Name != \"_Total\"",
        }],
    )
    .always(),
    Part::new(VOLUME, &[VOLUMES]),
    Part::new(SHADOW, &[Select::all("Win32_ShadowStorage", &SHADOW_COLUMNS)]),
];

const VOLUMES: Select = Select { class: "Win32_Volume", columns: &VOLUME_COLUMNS, condition: "DriveType != 5" };

const VOLUME_COLUMNS: [&str; 19] = [
    "Name",
    "Automount",
    "Capacity",
    "Compressed",
    "DeviceID",
    "DirtyBitSet",
    "DriveLetter",
    "DriveType",
    "FileSystem",
    "FreeSpace",
    "IndexingEnabled",
    "Label",
    "MaximumFileNameLength",
    "QuotasEnabled",
    "QuotasIncomplete",
    "QuotasRebuilding",
    "SerialNumber",
    "SupportsDiskQuotas",
    "SupportsFileBasedCompression",
];

const SHADOW_COLUMNS: [&str; 5] = ["Volume", "DiffVolume", "MaxSpace", "AllocatedSpace", "UsedSpace"];

fn evaluate(gathered: &mut Gathered, options: &Options, state: &mut State, report: &mut Report) {
    match options.shape {
        Shape::Native => {
            counted(PHYSICAL, "physical", "physicalTotal", gathered, state, report);
            counted(LOGICAL, "logical", "logicalTotal", gathered, state, report);
        }
        Shape::Infrasonar => {
            formatted(PHYSICAL, &FORMATTED_PHYSICAL, gathered, report);
            formatted(LOGICAL, &FORMATTED_LOGICAL, gathered, report);
        }
    }
    let volumes = gathered.rows(VOLUME);
    if let Some(volumes) = volumes {
        let item = |volume: &Record| match options.shape {
            Shape::Native => native_volume(volume),
            Shape::Infrasonar => infrasonar_volume(volume),
        };
        report.put(VOLUME, "volume", volumes.iter().map(item).collect());
    }
    let volumes = volumes.unwrap_or_default();
    if let Some(rows) = gathered.rows(SHADOW) {
        report.put(SHADOW, "shadow", shadow::items(rows, volumes, options.shape));
    }
    if let Some((rows, (_, received))) = gathered.whole(SNAPSHOT).zip(gathered.times(SNAPSHOT)) {
        let storage = gathered.rows(SHADOW).unwrap_or_default();
        report.put(SNAPSHOT, "snapshot", shadow::snapshots(rows, storage, volumes, received));
    }
}

fn name(record: &Record) -> String {
    record.text("Name").unwrap_or_default().into_owned()
}

fn counted(
    part: &'static str,
    kind: &'static str,
    total: &'static str,
    gathered: &Gathered,
    state: &mut State,
    report: &mut Report,
) {
    let Some(rows) = gathered.rows(part) else { return };
    let (mut disks, mut all) = (Vec::new(), Vec::new());
    for sampled in cook_and_mend(part, &GAUGES, rows, name, disks::unwrap_latencies, state, report) {
        let name = name(sampled.record);
        let item = |name: &str| {
            // Windows counts idle time; what is left is the share of time in which there was something to do.
            let busy = sampled.value(disks::IDLE).map(|idle| (1.0 - idle).clamp(0.0, 1.0));
            sampled.metrics(&GAUGES, Item::with_room(name, GAUGES.len() + 1)).with("BusyTime", Unit::Ratio, busy)
        };
        if name == "_Total" { all.push(item("total")) } else { disks.push(item(&name)) }
    }
    report.put(part, kind, disks);
    report.put(part, total, all);
}

fn formatted(part: &'static str, columns: &'static [&'static str], gathered: &Gathered, report: &mut Report) {
    let Some(rows) = gathered.rows(part) else { return };
    let item = |row: &Record| {
        columns
            .iter()
            .filter(|column| **column != "Name")
            .fold(Item::with_room(name(row), columns.len()), |item, column| {
                item.with(*column, disks::formatted_unit(column), row.value(column))
            })
    };
    report.put(part, part, rows.iter().map(item).collect());
}

/// Size and space of a volume; neither is known of one that cannot be read, such as a raw one.
fn space(volume: &Record) -> (Option<u64>, Option<u64>, Option<u64>) {
    let (size, free) = (volume.unsigned("Capacity").filter(|size| *size > 0), volume.unsigned("FreeSpace"));
    let free = free.filter(|_| size.is_some());
    (size, free, size.zip(free).and_then(|(size, free)| size.checked_sub(free)))
}

fn native_volume(volume: &Record) -> Item {
    let (size, free, used) = space(volume);
    let item = Item::new(name(volume))
        .with("Capacity", Unit::Bytes, size)
        .with("FreeSpace", Unit::Bytes, free)
        .with("UsedSpace", Unit::Bytes, used)
        .with("UsedRatio", Unit::Ratio, Value::ratio(used, size))
        .with("DriveType", Unit::None, volume.unsigned("DriveType").map(drive_type));
    VOLUME_COLUMNS
        .iter()
        .filter(|column| !["Name", "Capacity", "FreeSpace", "DriveType"].contains(column))
        .fold(item, |item, column| item.with(*column, Unit::None, volume.value(column)))
}

fn infrasonar_volume(volume: &Record) -> Item {
    let (size, free, used) = space(volume);
    let item = VOLUME_COLUMNS.iter().filter(|column| **column != "Name").fold(
        Item::with_room(name(volume), VOLUME_COLUMNS.len() + 2),
        |item, column| match *column {
            "Capacity" => item.with("Capacity", Unit::Bytes, size),
            "FreeSpace" => item.with("FreeSpace", Unit::Bytes, free),
            "DriveType" => {
                item.with("DriveType", Unit::None, drive_type(volume.unsigned("DriveType").unwrap_or_default()))
            }
            column => item.with(column, Unit::None, volume.plain(column)),
        },
    );
    item.with("PercentUsed", Unit::Percent, Value::percent(used, size))
}

/// DriveType of Win32_Volume, in the words of the original.
const fn drive_type(number: u64) -> &'static str {
    match number {
        1 => "No Root Directory",
        2 => "Removable Disk",
        3 => "Local Disk",
        4 => "Network Drive",
        5 => "Compact Disk",
        6 => "RAM Disk",
        _ => "Unknown",
    }
}

#[cfg(test)]
mod tests;
