//! Shadow storage and snapshots, joined with the volumes that were read beside them: no query per row.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wmi_proto::FileTime;
use wmi_proto::path::ObjectPath;

use super::name;
use crate::record::Record;
use crate::{Item, Shape, Unit, Value};

/// MaxSpace of shadow storage that may grow as it likes.
const UNBOUNDED: u64 = u64::MAX;

/// The device of a volume that a reference names, for example `\\?\Volume{…}\`.
fn device(record: &Record, column: &str) -> Option<String> {
    let path: ObjectPath = record.text(column)?.parse().ok()?;
    Some(path.key("DeviceID")?.as_str()?.to_owned())
}

/// What people call volumes, by their devices.
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(volumes: &[Record]) -> Self {
        let mut names = BTreeMap::new();
        for volume in volumes {
            if let Some(device) = volume.text("DeviceID") {
                names.entry(device.to_ascii_lowercase()).or_insert_with(|| name(volume));
            }
        }
        Self(names)
    }

    /// The name of the volume of `device`, else the device.
    fn called(&self, device: &str) -> String {
        let known = self.0.get(&device.to_ascii_lowercase()).filter(|name| !name.is_empty());
        known.map_or_else(|| device.to_owned(), Clone::clone)
    }
}

/// One item per area of shadow storage, named by the volume that it serves; where a volume has several, with the volume
/// that each lies on.
pub(super) fn items(rows: &[Record], volumes: &[Record], shape: Shape) -> Vec<Item> {
    let names = Names::of(volumes);
    let named: Vec<(String, Option<String>)> = rows
        .iter()
        .map(|row| {
            let name = device(row, "Volume").map(|device| names.called(&device));
            (name.unwrap_or_default(), device(row, "DiffVolume").map(|device| names.called(&device)))
        })
        .collect();
    let mut times = BTreeMap::<&str, usize>::new();
    for (name, _) in &named {
        *times.entry(name).or_default() += 1;
    }
    let name = |(name, on): &(String, Option<String>)| match on {
        Some(on) if times.get(name.as_str()).is_some_and(|times| *times > 1) => format!("{name} on {on}"),
        _ => name.clone(),
    };
    let item = |(row, named): (&Record, &(String, Option<String>))| {
        let (used, allocated) = (row.unsigned("UsedSpace"), row.unsigned("AllocatedSpace"));
        let most = row.unsigned("MaxSpace");
        let bounded = most.filter(|most| *most != UNBOUNDED);
        let item = Item::new(name(named)).with("MaxSpace", Unit::Bytes, bounded);
        let item = item.with("AllocatedSpace", Unit::Bytes, allocated).with("UsedSpace", Unit::Bytes, used);
        match shape {
            Shape::Infrasonar => item,
            Shape::Native => item
                .with("Unbounded", Unit::None, most.map(|most| most == UNBOUNDED))
                .with("UsedRatio", Unit::Ratio, Value::ratio(used, bounded))
                .with("StoredOn", Unit::None, named.1.clone()),
        }
    };
    rows.iter().zip(&named).map(item).collect()
}

/// How many snapshots each volume has that has some or has room for some, and how old they are at the moment `now` of
/// our clock.
pub(super) fn snapshots(rows: &[Record], storage: &[Record], volumes: &[Record], now: FileTime) -> Vec<Item> {
    // Devices are compared without case, and shown as they come.
    let mut of_volume = BTreeMap::<String, (String, Vec<Option<FileTime>>)>::new();
    for device in storage.iter().filter_map(|row| device(row, "Volume")) {
        of_volume.entry(device.to_ascii_lowercase()).or_insert((device, Vec::new()));
    }
    for row in rows {
        let device = row.text("VolumeName").map(Cow::into_owned).unwrap_or_default();
        let entry = of_volume.entry(device.to_ascii_lowercase()).or_insert((device, Vec::new()));
        entry.1.push(row.file_time("InstallDate"));
    }
    let names = Names::of(volumes);
    let item = |(device, taken): &(String, Vec<Option<FileTime>>)| {
        // With one of unknown date neither the oldest nor the newest is known.
        let dates: Option<Vec<FileTime>> = taken.iter().copied().collect();
        let dates = dates.unwrap_or_default();
        let (oldest, newest) = (dates.iter().min(), dates.iter().max());
        let age = |date: Option<&FileTime>| date.map(|date| now.0.saturating_sub(date.0) as f64 / 1e7);
        Item::new(names.called(device))
            .with("Snapshots", Unit::Count, taken.len() as u64)
            .with("OldestAge", Unit::Seconds, age(oldest))
            .with("NewestAge", Unit::Seconds, age(newest))
            .with("Newest", Unit::Timestamp, newest.map(unix_seconds))
    };
    of_volume.values().map(item).collect()
}

fn unix_seconds(date: &FileTime) -> f64 {
    (date.0 as f64 - FileTime::UNIX_EPOCH.0 as f64) / 1e7
}
