use wmi_proto::FileTime;
use wmi_proto::cim::{CimType, CimValue};

use super::*;
use crate::plan::tests::evaluated;
use crate::sampled::tests::assert_selects;

const C: &str = r"\\?\Volume{4b1f3c1a-0000-0000-0000-100000000000}\";
const D: &str = r"\\?\Volume{4b1f3c1a-0000-0000-0000-200000000000}\";

fn text(value: &str) -> CimValue {
    CimValue::String(value.into())
}

fn metric<'r>(report: &'r Report, kind: &str, item: &str, metric: &str) -> &'r Value {
    let items = &report.types.iter().find(|t| t.name == kind).expect("the type").items;
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    let item = items.iter().find(|i| i.name == item).unwrap_or_else(|| panic!("no {item} in {names:?}"));
    &item.metrics.iter().find(|m| m.name == metric).expect("the metric").value
}

fn volume(name: &str, device: &str, size: Option<u64>, free: Option<u64>) -> Record {
    let number = |value: Option<u64>| value.map_or(CimValue::Null, CimValue::Uint64);
    let value = |column: &str| match column {
        "Name" => text(name),
        "DeviceID" => text(device),
        "Capacity" => number(size),
        "FreeSpace" => number(free),
        "DriveType" => CimValue::Uint32(3),
        _ => CimValue::Null,
    };
    Record::made(&VOLUME_COLUMNS, VOLUME_COLUMNS.map(value))
        .typed("DirtyBitSet", CimType::BOOLEAN)
        .typed("SerialNumber", CimType::UINT32)
}

fn reference(device: &str) -> CimValue {
    CimValue::Reference(format!(r#"Win32_Volume.DeviceID="{}""#, device.replace('\\', r"\\")).as_str().into())
}

fn storage(volume: &str, on: &str, most: u64, used: u64) -> Record {
    Record::made(
        &SHADOW_COLUMNS,
        [reference(volume), reference(on), CimValue::Uint64(most), CimValue::Uint64(used * 2), CimValue::Uint64(used)],
    )
}

fn volumes() -> Vec<Record> {
    vec![volume(r"C:\", C, Some(1_000), Some(250)), volume(r"D:\", D, Some(4_000), Some(4_000))]
}

fn parts(shape: Shape, volumes: Vec<Record>, storage: Vec<Record>) -> Report {
    let mut rows = vec![(PHYSICAL, vec![]), (LOGICAL, vec![]), (VOLUME, volumes), (SHADOW, storage)];
    if shape == Shape::Native {
        rows.push((SNAPSHOT, vec![]));
    }
    evaluated(&PLAN, &Options::new(shape), &mut State::default(), rows)
}

#[test]
fn the_queries_bring_what_the_gauges_need() {
    for part in [&NATIVE[0], &NATIVE[1]] {
        assert_selects(&part.selects[0], &GAUGES);
    }
    assert_eq!(GAUGES[disks::IDLE].metric, "IdleTime");
    let names = disks::LATENCIES.map(|(latency, queue, rate)| [latency, queue, rate].map(|at| GAUGES[at].metric));
    assert_eq!(names, [["ReadLatency", "ReadQueueLength", "Reads"], ["WriteLatency", "WriteQueueLength", "Writes"]]);
}

#[test]
fn a_volume_that_cannot_be_read_does_not_look_healthy() {
    for (size, free) in [(None, None), (Some(0), Some(0))] {
        let raw = volume(r"E:\", r"\\?\Volume{e}\", size, free);
        let report = parts(Shape::Native, vec![raw.clone()], vec![]);
        assert_eq!(metric(&report, "volume", r"E:\", "Capacity"), &Value::Null);
        assert_eq!(metric(&report, "volume", r"E:\", "UsedRatio"), &Value::Null);
        let report = parts(Shape::Infrasonar, vec![raw], vec![]);
        assert_eq!(metric(&report, "volume", r"E:\", "FreeSpace"), &Value::Null);
        assert_eq!(metric(&report, "volume", r"E:\", "PercentUsed"), &Value::Null);
    }
}

#[test]
fn volumes_have_the_original_s_metrics_in_the_infrasonar_shape() {
    let report = parts(Shape::Infrasonar, volumes(), vec![]);
    assert_eq!(metric(&report, "volume", r"C:\", "Capacity"), &Value::Uint(1_000));
    assert_eq!(metric(&report, "volume", r"C:\", "PercentUsed"), &Value::Real(75.0));
    assert_eq!(metric(&report, "volume", r"D:\", "PercentUsed"), &Value::Real(0.0));
    assert_eq!(metric(&report, "volume", r"C:\", "DriveType"), &Value::Text("Local Disk".into()));
    assert_eq!(metric(&report, "volume", r"C:\", "Label"), &Value::from(""), "NULL of a text is empty");
    assert_eq!(metric(&report, "volume", r"C:\", "DirtyBitSet"), &Value::Bool(false));
    assert_eq!(metric(&report, "volume", r"C:\", "SerialNumber"), &Value::Uint(0));
    let item = &report.types.iter().find(|t| t.name == "volume").expect("the type").items[0];
    assert_eq!(item.metrics.len(), 19);
}

#[test]
fn native_volumes_keep_null() {
    let report = parts(Shape::Native, volumes(), vec![]);
    assert_eq!(metric(&report, "volume", r"C:\", "UsedSpace"), &Value::Uint(750));
    assert_eq!(metric(&report, "volume", r"C:\", "UsedRatio"), &Value::Real(0.75));
    assert_eq!(metric(&report, "volume", r"C:\", "DirtyBitSet"), &Value::Null);
}

#[test]
fn shadow_storage_is_joined_with_the_volumes_without_a_query_per_row() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = parts(shape, volumes(), vec![storage(C, C, 400, 100)]);
        assert_eq!(metric(&report, "shadow", r"C:\", "MaxSpace"), &Value::Uint(400));
        assert_eq!(metric(&report, "shadow", r"C:\", "AllocatedSpace"), &Value::Uint(200));
        assert_eq!(metric(&report, "shadow", r"C:\", "UsedSpace"), &Value::Uint(100));
    }
    let report = parts(Shape::Native, volumes(), vec![storage(C, D, 400, 100)]);
    assert_eq!(metric(&report, "shadow", r"C:\", "UsedRatio"), &Value::Real(0.25));
    assert_eq!(metric(&report, "shadow", r"C:\", "StoredOn"), &Value::Text(r"D:\".into()));
}

#[test]
fn shadow_storage_without_a_bound_is_unbounded_and_not_16_exbibytes() {
    let report = parts(Shape::Native, volumes(), vec![storage(C, C, u64::MAX, 100)]);
    assert_eq!(metric(&report, "shadow", r"C:\", "Unbounded"), &Value::Bool(true));
    assert_eq!(metric(&report, "shadow", r"C:\", "MaxSpace"), &Value::Null);
    assert_eq!(metric(&report, "shadow", r"C:\", "UsedRatio"), &Value::Null);
    let report = parts(Shape::Infrasonar, volumes(), vec![storage(C, C, u64::MAX, 100)]);
    assert_eq!(metric(&report, "shadow", r"C:\", "MaxSpace"), &Value::Null);
}

#[test]
fn two_areas_for_one_volume_have_names_of_their_own() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = parts(shape, volumes(), vec![storage(C, C, 400, 100), storage(C, D, 800, 50)]);
        assert_eq!(metric(&report, "shadow", r"C:\ on C:\", "UsedSpace"), &Value::Uint(100));
        assert_eq!(metric(&report, "shadow", r"C:\ on D:\", "UsedSpace"), &Value::Uint(50));
        assert!(report.warnings.is_empty());
    }
}

#[test]
fn a_volume_that_is_gone_takes_no_other_shadow_storage_with_it() {
    let gone = r"\\?\Volume{gone}\";
    let report = parts(Shape::Infrasonar, volumes(), vec![storage(gone, D, 1, 1), storage(C, C, 400, 100)]);
    assert_eq!(metric(&report, "shadow", r"C:\", "UsedSpace"), &Value::Uint(100));
    assert_eq!(metric(&report, "shadow", gone, "UsedSpace"), &Value::Uint(1));
}

#[test]
fn references_are_parsed_and_not_split() {
    let mut row = storage(C, C, 400, 100);
    let named = vec![volume("C:, the \"system\"", r#"\\?\Volume{a,b="c"}\"#, Some(1_000), Some(250))];
    let path = r#"\\WINSIM\ROOT\cimv2:Win32_Volume.DeviceID="\\\\?\\Volume{a,b=\"c\"}\\""#;
    row = Record::made(
        &SHADOW_COLUMNS,
        core::array::from_fn(|at| match at {
            0 | 1 => CimValue::Reference(path.into()),
            _ => row.cim(SHADOW_COLUMNS[at]),
        }),
    );
    let report = parts(Shape::Native, named, vec![row]);
    assert_eq!(metric(&report, "shadow", "C:, the \"system\"", "UsedSpace"), &Value::Uint(100));
}

#[test]
fn shadow_storage_that_fails_leaves_the_volumes() {
    let rows = vec![(PHYSICAL, vec![]), (LOGICAL, vec![]), (VOLUME, volumes())];
    let report = evaluated(&PLAN, &Options::new(Shape::Infrasonar), &mut State::default(), rows);
    assert_eq!(metric(&report, "volume", r"C:\", "PercentUsed"), &Value::Real(75.0));
    assert!(report.types.iter().all(|t| t.name != "shadow"));
}

#[test]
fn shadow_storage_can_be_left_alone() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let mut options = Options::new(shape);
        options.exclude_shadow_storage = true;
        let names: Vec<&str> = (PLAN.parts)(&options).iter().map(|part| part.name).collect();
        assert_eq!(names, [PHYSICAL, LOGICAL, VOLUME]);
    }
}

fn snapshot(device: &str, taken: Option<&str>) -> Record {
    let taken = taken.map_or(CimValue::Null, |taken| CimValue::DateTime(taken.into()));
    let values = [text("{id}"), text(device), taken, CimValue::Uint32(12), CimValue::Boolean(true)];
    Record::made(&["ID", "VolumeName", "InstallDate", "State", "ClientAccessible"], values)
}

#[test]
fn snapshots_are_counted_and_have_an_age() {
    let now = FileTime(100_000_000_000);
    let rows = [
        snapshot(&C.to_uppercase(), Some("16010101023000.000000+000")),
        snapshot(C, Some("16010101004000.000000+000")),
        snapshot(r"\\?\Volume{other}\", None),
    ];
    let mut report = Report::default();
    report.put(SNAPSHOT, "snapshot", shadow::snapshots(&rows, &[storage(D, D, 1, 0)], &volumes(), now));
    assert_eq!(metric(&report, "snapshot", r"C:\", "Snapshots"), &Value::Uint(2));
    assert_eq!(metric(&report, "snapshot", r"C:\", "OldestAge"), &Value::Real(7_600.0));
    assert_eq!(metric(&report, "snapshot", r"C:\", "NewestAge"), &Value::Real(1_000.0));
    assert_eq!(metric(&report, "snapshot", r"D:\", "Snapshots"), &Value::Uint(0), "room for some, and none there");
    assert_eq!(metric(&report, "snapshot", r"D:\", "NewestAge"), &Value::Null);
    assert_eq!(metric(&report, "snapshot", r"\\?\Volume{other}\", "NewestAge"), &Value::Null, "its date is not known");
}

#[test]
fn disks_have_the_original_s_metrics_in_the_infrasonar_shape() {
    let values = [
        text("0 C:"),
        CimValue::Uint64(0),
        CimValue::Uint64(1),
        CimValue::Uint64(4_096),
        CimValue::Uint32(5),
        CimValue::Uint64(8_192),
        CimValue::Uint32(6),
        CimValue::Uint64(7),
        CimValue::Uint64(250),
    ];
    let logical = Record::made(&FORMATTED_LOGICAL, [text("C:"), CimValue::Uint32(5), CimValue::Uint32(6)]);
    let rows = vec![
        (PHYSICAL, vec![Record::made(&FORMATTED_PHYSICAL, values)]),
        (LOGICAL, vec![logical]),
        (VOLUME, vec![]),
        (SHADOW, vec![]),
    ];
    let report = evaluated(&PLAN, &Options::new(Shape::Infrasonar), &mut State::default(), rows);
    assert_eq!(metric(&report, "physical", "0 C:", "PercentDiskWriteTime"), &Value::Uint(250));
    assert_eq!(metric(&report, "physical", "0 C:", "DiskReadBytesPersec"), &Value::Uint(4_096));
    assert_eq!(metric(&report, "logical", "C:", "DiskWritesPersec"), &Value::Uint(6));
    let names: Vec<&str> = report.types.iter().map(|t| t.name).collect();
    assert_eq!(names, ["physical", "logical", "volume", "shadow"]);
}

/// A disk after `reads` reads that took `seconds` together, `at` seconds after the start of the host.
fn disk(at: u64, reads: u64, seconds: u64) -> Record {
    const TICKS: u64 = 10_000_000;
    let value = |column: &str| match column {
        "Name" => text("0 C:"),
        "Timestamp_Sys100NS" => CimValue::Uint64(133_500_000_000_000_000 + at * TICKS),
        "Timestamp_PerfTime" => CimValue::Uint64(at * TICKS),
        "Frequency_PerfTime" => CimValue::Uint64(TICKS),
        "DiskReadsPersec" | "AvgDisksecPerRead_Base" => CimValue::Uint32(reads as u32),
        "AvgDisksecPerRead" => CimValue::Uint32((seconds * TICKS) as u32),
        "AvgDiskReadQueueLength" => CimValue::Uint64(seconds * TICKS),
        _ => CimValue::Null,
    };
    Record::made(&DISK, DISK.map(value))
}

#[test]
fn the_latency_of_a_busy_disk_is_not_what_is_left_of_a_timer_that_went_around() {
    // In a minute 90,000 reads of a queue of `queue`: 430 seconds of reading are once around.
    for (before, queue) in [(0, 1), (0, 6), (0, 7), (400, 7), (100, 11), (0, 30), (12, 500)] {
        let mut state = State::default();
        let mut round = |disk| {
            let rows =
                vec![(PHYSICAL, vec![disk]), (LOGICAL, vec![]), (VOLUME, vec![]), (SHADOW, vec![]), (SNAPSHOT, vec![])];
            evaluated(&PLAN, &Options::default(), &mut state, rows)
        };
        round(disk(1000, 5, before));
        let report = round(disk(1060, 90_005, before + 60 * queue));
        let Value::Real(latency) = *metric(&report, "physical", "0 C:", "ReadLatency") else { panic!("{report:?}") };
        let expected = (60 * queue) as f64 / 90_000.0;
        assert!((latency - expected).abs() < 1e-9, "queue {queue}: {latency} and not {expected}");
        assert!(report.warnings.iter().all(|warning| !warning.text.contains("restarted")), "{:?}", report.warnings);
    }
}
