use wmi_proto::cim::CimValue;

use super::*;
use crate::plan::tests::evaluated;
use crate::sampled::tests::assert_selects;

const GIB: u64 = 1 << 30;

fn metric<'r>(report: &'r Report, kind: &str, item: &str, metric: &str) -> &'r Value {
    let items = &report.types.iter().find(|t| t.name == kind).expect("the type").items;
    let item = items.iter().find(|i| i.name == item).expect("the item");
    &item.metrics.iter().find(|m| m.name == metric).expect("the metric").value
}

fn os() -> Record {
    Record::made(&OS, [8 << 20, 2 << 20, 10 << 20, 4 << 20].map(CimValue::Uint64))
}

fn counters(seconds: u64, faults: u32) -> Record {
    let clock = [133_000_000_000_000_000 + seconds * 10_000_000, seconds * 10_000_000, 10_000_000, 0, 0];
    let bytes = [3 * GIB, GIB, 10 * GIB, 6 * GIB, GIB / 4, GIB / 2];
    let mut values = clock.into_iter().chain(bytes).map(CimValue::Uint64);
    let mut rates = [faults, 0, 0, 0, 0].into_iter().map(CimValue::Uint32);
    Record::made(&RAW, core::array::from_fn(|_| values.next().or_else(|| rates.next()).expect("a value")))
}

fn page_file(name: &str, size: u32, usage: u32) -> Record {
    Record::made(
        &["Name", "AllocatedBaseSize", "CurrentUsage", "PeakUsage", "TempPageFile"],
        [
            CimValue::String(name.into()),
            CimValue::Uint32(size),
            CimValue::Uint32(usage),
            CimValue::Uint32(usage * 2),
            CimValue::Boolean(false),
        ],
    )
}

fn native(state: &mut State, files: Vec<Record>, seconds: u64, faults: u32) -> Report {
    let rows = vec![(PHYSICAL, vec![os()]), (MEMORY, vec![counters(seconds, faults)]), (PAGE_FILE, files)];
    evaluated(&PLAN, &Options::default(), state, rows)
}

#[test]
fn the_query_brings_what_the_gauges_need() {
    assert_selects(&NATIVE[1].selects[0], &GAUGES);
}

#[test]
fn physical_memory_and_what_is_committed_are_told_apart() {
    let report = native(&mut State::default(), vec![], 100, 0);
    assert_eq!(metric(&report, "physical", "physical", "BytesTotal"), &Value::Uint(8 * GIB));
    assert_eq!(metric(&report, "physical", "physical", "UsedRatio"), &Value::Real(0.75));
    assert_eq!(metric(&report, "memory", "memory", "CommitLimit"), &Value::Uint(10 * GIB));
    assert_eq!(metric(&report, "memory", "memory", "CommittedRatio"), &Value::Real(0.6));
}

#[test]
fn paging_is_a_rate_from_the_second_round_on() {
    let mut state = State::default();
    let first = native(&mut state, vec![], 100, 1_000);
    assert_eq!(metric(&first, "memory", "memory", "PageFaults"), &Value::Null);
    assert_eq!(first.warnings.len(), 1);
    let second = native(&mut state, vec![], 110, 1_500);
    assert_eq!(metric(&second, "memory", "memory", "PageFaults"), &Value::Real(50.0));
    assert!(second.warnings.is_empty());
}

#[test]
fn a_host_without_page_file_is_not_at_0_percent() {
    let report = native(&mut State::default(), vec![], 100, 0);
    assert_eq!(metric(&report, "pageFileTotal", "total", "Files"), &Value::Uint(0));
    assert_eq!(metric(&report, "pageFileTotal", "total", "UsedRatio"), &Value::Null);
    let options = Options::new(Shape::Infrasonar);
    let report = evaluated(&PLAN, &options, &mut State::default(), vec![(PAGE_FILE, vec![]), (MEMORY, vec![])]);
    assert_eq!(metric(&report, "pageFileTotal", "total", "BytesTotal"), &Value::Uint(0));
    assert_eq!(metric(&report, "pageFileTotal", "total", "PercentUsed"), &Value::Null);
}

#[test]
fn page_files_are_summed_in_bytes() {
    let files = vec![page_file(r"C:\pagefile.sys", 1024, 256), page_file(r"D:\pagefile.sys", 1024, 0)];
    let report = native(&mut State::default(), files, 100, 0);
    assert_eq!(metric(&report, "pageFile", r"C:\pagefile.sys", "BytesTotal"), &Value::Uint(GIB));
    assert_eq!(metric(&report, "pageFile", r"C:\pagefile.sys", "UsedRatio"), &Value::Real(0.25));
    assert_eq!(metric(&report, "pageFile", r"C:\pagefile.sys", "BytesUsedPeak"), &Value::Uint(GIB / 2));
    assert_eq!(metric(&report, "pageFileTotal", "total", "BytesTotal"), &Value::Uint(2 * GIB));
    assert_eq!(metric(&report, "pageFileTotal", "total", "UsedRatio"), &Value::Real(0.125));
}

#[test]
fn without_counters_the_operating_system_tells_what_is_committed() {
    let report = evaluated(&PLAN, &Options::default(), &mut State::default(), vec![(PHYSICAL, vec![os()])]);
    assert_eq!(metric(&report, "memory", "memory", "CommitLimit"), &Value::Uint(10 * GIB));
    assert_eq!(metric(&report, "memory", "memory", "CommittedBytes"), &Value::Uint(6 * GIB));
    assert!(report.types.iter().all(|t| t.name != "pageFile"), "what failed is missing, not empty");
}

#[test]
fn the_infrasonar_shape_has_the_original_s_names_units_and_types() {
    let options = Options::new(Shape::Infrasonar);
    let memory = Record::made(
        &["CommitLimit", "CommittedBytes", "PercentCommittedBytesInUse"],
        [CimValue::Uint64(10 * GIB), CimValue::Uint64(6 * GIB), CimValue::Uint32(60)],
    );
    let files = vec![page_file(r"C:\pagefile.sys", 1024, 256)];
    let report = evaluated(&PLAN, &options, &mut State::default(), vec![(MEMORY, vec![memory]), (PAGE_FILE, files)]);
    let names: Vec<&str> = report.types.iter().map(|t| t.name).collect();
    assert_eq!(names, ["memory", "pageFile", "pageFileTotal"]);
    assert_eq!(metric(&report, "memory", "memory", "PercentCommittedBytesInUse"), &Value::Uint(60));
    assert_eq!(metric(&report, "pageFile", r"C:\pagefile.sys", "BytesFree"), &Value::Uint(GIB / 4 * 3));
    assert_eq!(metric(&report, "pageFile", r"C:\pagefile.sys", "PercentUsed"), &Value::Real(25.0));
    assert_eq!(metric(&report, "pageFileTotal", "total", "PercentUsed"), &Value::Real(25.0));
}

#[test]
fn a_page_file_of_unknown_size_has_no_total() {
    let null = Record::made(&["Name", "AllocatedBaseSize", "CurrentUsage"], core::array::from_fn(|_| CimValue::Null));
    let options = Options::new(Shape::Infrasonar);
    let report = evaluated(&PLAN, &options, &mut State::default(), vec![(MEMORY, vec![]), (PAGE_FILE, vec![null])]);
    assert_eq!(metric(&report, "pageFileTotal", "total", "BytesTotal"), &Value::Null);
    assert_eq!(metric(&report, "pageFileTotal", "total", "PercentUsed"), &Value::Null);
}
