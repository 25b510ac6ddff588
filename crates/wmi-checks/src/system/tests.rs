use wmi_proto::wire::HResult;
use wmi_proto::{Error, ErrorKind, Stage};

use super::*;

fn sample(name: &str, idle: u64, taken: u64) -> Sample {
    Sample { name: name.to_owned(), idle, taken }
}

fn text(value: &str) -> CimValue {
    CimValue::String(value.into())
}

fn metric(report: &Report, kind: &str, item: &str, metric: &str) -> CimValue {
    let items = &report.types.iter().find(|t| t.name == kind).expect("the type").items;
    let item = items.iter().find(|i| i.name == item).expect("the item");
    item.metrics.iter().find(|(n, _)| *n == metric).expect("the metric").1.clone()
}

fn empty() -> Answer {
    Answer { rows: Vec::new(), outcome: Ok(()), sent: FileTime(0), received: FileTime(0) }
}

#[test]
fn processors_and_total_come_from_two_samples() {
    let earlier = [sample("0", 0, 0), sample("1", 0, 0), sample("_Total", 0, 0)];
    let later = [
        sample("0", 2_500_000, 10_000_000),
        sample("1", 7_500_000, 10_000_000),
        sample("_Total", 5_000_000, 10_000_000),
    ];
    let mut report = Report::default();
    processor_types(&earlier, &later, &mut report);
    assert_eq!(metric(&report, "processor", "0", "PercentProcessorTime"), CimValue::Real64(75.0));
    assert_eq!(metric(&report, "processor", "1", "PercentProcessorTime"), CimValue::Real64(25.0));
    assert_eq!(metric(&report, "processorTotal", "total", "PercentProcessorTime"), CimValue::Real64(50.0));
    assert!(report.errors.is_empty());
}

#[test]
fn a_processor_that_is_new_or_was_reset_has_no_share() {
    let earlier = [sample("0", 9_000_000_000, 9_000_000_000)];
    let later = [sample("0", 5, 9_010_000_000), sample("1", 5, 9_010_000_000)];
    let mut report = Report::default();
    processor_types(&earlier, &later, &mut report);
    assert_eq!(metric(&report, "processor", "0", "PercentProcessorTime"), CimValue::Null);
    assert_eq!(metric(&report, "processor", "1", "PercentProcessorTime"), CimValue::Null);
}

#[test]
fn the_operating_system_gives_memory_uptime_and_drift() {
    let record = Record::from([
        ("Caption", text("Microsoft Windows Server 2022 Standard")),
        ("TotalVisibleMemorySize", CimValue::Uint64(8_000_000)),
        ("FreePhysicalMemory", CimValue::Uint64(6_000_000)),
        ("NumberOfProcesses", CimValue::Uint32(120)),
        ("LastBootUpTime", CimValue::DateTime("19700101000000.500000+060".into())),
        ("LocalDateTime", CimValue::DateTime("19700102010001.500000+120".into())),
    ]);
    // 1970-01-01 23:00:01.5 UTC at the host; ours 2 s later, give or take 0.25 s.
    let ours = FileTime::UNIX_EPOCH.0 + (23 * 3600 + 3) * 10_000_000 + 5_000_000;
    let mut report = Report::default();
    operating_system_types(&record, FileTime(ours - 2_500_000), FileTime(ours + 2_500_000), &mut report);
    assert_eq!(metric(&report, "system", "system", "Processes"), CimValue::Uint32(120));
    assert_eq!(metric(&report, "system", "system", "SystemUpTime"), CimValue::Uint64(24 * 3600 + 1));
    assert_eq!(metric(&report, "time", "time", "TimeDifference"), CimValue::Real64(-2.0));
    assert_eq!(metric(&report, "time", "time", "TimeDifferenceUncertainty"), CimValue::Real64(0.25));
    assert_eq!(metric(&report, "os", "os", "MemoryUsed"), CimValue::Uint64(2_000_000));
    assert_eq!(metric(&report, "os", "os", "MemoryUsedPercent"), CimValue::Real64(25.0));
    assert!(report.errors.is_empty());
}

#[test]
fn null_is_not_zero() {
    let mut report = Report::default();
    operating_system_types(&Record::default(), FileTime(0), FileTime(0), &mut report);
    assert_eq!(metric(&report, "system", "system", "SystemUpTime"), CimValue::Null);
    assert_eq!(metric(&report, "os", "os", "MemoryUsedPercent"), CimValue::Null);
    assert!(report.types.iter().all(|t| t.name != "time"));
    assert_eq!(report.errors.len(), 1);
    assert_eq!((report.errors[0].part, report.errors[0].stage.as_str()), ("time", "values"));
}

#[test]
fn a_failed_part_leaves_the_others_and_the_round_is_bounded() {
    let mut check = System::new(Duration::from_millis(5));
    check.begin();
    assert_eq!(check.step(), Step::Query(PROCESSORS));
    let error = Error::new(Stage::Query, ErrorKind::Status(HResult(0x8004_1010)));
    check.answer(Answer { outcome: Err(error), ..empty() });
    assert_eq!(check.step(), Step::Query(OPERATING_SYSTEM));
    check.answer(empty());
    assert_eq!(check.step(), Step::Done, "no second sample without a first");
    let report = check.report();
    assert!(report.types.is_empty());
    assert_eq!(report.errors.iter().map(|e| e.part).collect::<Vec<_>>(), ["processor", "os"]);
    assert_eq!(report.errors[0].code, Some(0x8004_1010));
}

#[test]
fn a_later_round_compares_with_the_round_before() {
    let mut check = System::new(Duration::from_millis(5));
    check.later = vec![sample("0", 1, 1)];
    check.begin();
    assert_eq!(check.step(), Step::Query(OPERATING_SYSTEM), "the first sample is there already");
    assert_eq!(check.earlier, [sample("0", 1, 1)]);
}

#[test]
fn a_first_round_pauses_between_its_samples() {
    let mut check = System::new(Duration::from_millis(5));
    check.begin();
    check.earlier = vec![sample("0", 1, 1)];
    check.phase = Phase::OperatingSystem;
    check.answer(empty());
    assert_eq!(check.step(), Step::Pause(Duration::from_millis(5)));
    assert_eq!(check.step(), Step::Query(PROCESSORS));
}

#[test]
fn a_round_that_was_broken_off_blames_nobody() {
    let mut check = System::new(Duration::from_millis(5));
    check.begin();
    assert_eq!(check.step(), Step::Query(PROCESSORS));
    assert!(check.report().errors.is_empty());
}
