use wmi_proto::cim::CimValue;

use super::*;
use crate::plan::tests::evaluated;
use crate::sampled::tests::assert_selects;

/// 2022-06-18 or so, in 100 ns since 1601: when the host of these tests was started.
const START: u64 = 133_000_000_000_000_000;

fn text(value: &str) -> CimValue {
    CimValue::String(value.into())
}

fn metric<'r>(report: &'r Report, kind: &str, item: &str, metric: &str) -> &'r Value {
    let items = &report.types.iter().find(|t| t.name == kind).expect("the type").items;
    let names: Vec<&str> = items.iter().map(|item| item.name.as_str()).collect();
    let item = items.iter().find(|i| i.name == item).unwrap_or_else(|| panic!("no {item} in {names:?}"));
    &item.metrics.iter().find(|m| m.name == metric).expect("the metric").value
}

/// A process that was created `started` seconds after the host, by its row of Win32_Process.
fn process(id: u32, name: &str, started: u64) -> Record {
    // START is 2022-06-18 06:26:40 UTC; `started` stays below a minute here.
    let value = |column: &&'static str| match *column {
        "ProcessId" | "HandleCount" => CimValue::Uint32(id),
        "Name" => text(name),
        "ParentProcessId" => CimValue::Uint32(4),
        "CreationDate" => CimValue::DateTime(date(started).as_str().into()),
        "CommandLine" => text("program --flag"),
        "ThreadCount" => CimValue::Uint32(2),
        "WorkingSetSize" | "PrivatePageCount" => CimValue::Uint64(1_000),
        _ => CimValue::Null,
    };
    let columns = NATIVE[0].selects[0].columns;
    let columns: &'static [&'static str; 12] = columns.try_into().expect("as many columns");
    Record::made(columns, core::array::from_fn(|at| value(&columns[at])))
}

fn date(started: u64) -> String {
    use wmi_proto::cim::{CimDateTime, CimTimestamp};

    let micros = i64::try_from((START + started * 10_000_000 - FileTime::UNIX_EPOCH.0) / 10).expect("small");
    CimDateTime::Timestamp(CimTimestamp::from_unix_micros(micros, 0).expect("a date")).to_string()
}

/// Its raw counters at `seconds`, when it had used processors for `used` seconds.
fn counters(id: u32, name: &str, started: u64, seconds: u64, used: f64) -> Record {
    let value = |column: &str| match column {
        "Name" => text(name),
        "IDProcess" => CimValue::Uint32(id),
        "CreatingProcessID" => CimValue::Uint32(8),
        "Timestamp_Sys100NS" | "Timestamp_Object" => CimValue::Uint64(START + seconds * 10_000_000),
        "Timestamp_PerfTime" => CimValue::Uint64(seconds * 10_000_000),
        "Frequency_PerfTime" | "Frequency_Object" => CimValue::Uint64(10_000_000),
        "ElapsedTime" => CimValue::Uint64(START + started * 10_000_000),
        "PercentProcessorTime" => CimValue::Uint64((used * 1e7) as u64),
        "IOReadBytesPersec" => CimValue::Uint64(seconds * 100),
        "ThreadCount" | "HandleCount" => CimValue::Uint32(7),
        _ => CimValue::Uint64(0),
    };
    Record::made(&RAW, RAW.map(value))
}

fn computer() -> Record {
    Record::made(&["NumberOfLogicalProcessors"], [CimValue::Uint32(4)])
}

fn round(state: &mut State, processes: Vec<Record>, counters: Vec<Record>) -> Report {
    let rows = vec![(PROCESS, processes), (COUNTERS, counters), (PROCESSORS, vec![computer()])];
    evaluated(&PLAN, &Options::default(), state, rows)
}

#[test]
fn the_query_brings_what_the_gauges_need() {
    assert_selects(&NATIVE[1].selects[0], &GAUGES);
    assert_eq!(GAUGES[FAULTS].metric, "PageFaults");
    assert_eq!(GAUGES[READ].metric, "ReadBytes");
}

#[test]
fn processor_time_is_told_of_one_processor_and_of_all() {
    let mut state = State::default();
    let processes = || vec![process(4, "System", 0), process(900, "sqlservr.exe", 5)];
    round(&mut state, processes(), vec![counters(900, "sqlservr", 5, 100, 10.0)]);
    let report = round(&mut state, processes(), vec![counters(900, "sqlservr", 5, 110, 30.0)]);
    let name = "sqlservr.exe [900]";
    assert_eq!(metric(&report, "process", name, "ProcessorsUsed"), &Value::Real(2.0));
    assert_eq!(metric(&report, "process", name, "ProcessorTime"), &Value::Real(0.5));
    assert_eq!(metric(&report, "process", name, "ReadBytes"), &Value::Real(100.0));
    assert_eq!(metric(&report, "process", name, "CommandLine"), &Value::Text("program --flag".into()));
    assert_eq!(metric(&report, "process", name, "Handles"), &Value::Uint(900));
    let started = (START + 50_000_000 - FileTime::UNIX_EPOCH.0) as f64 / 1e7;
    assert_eq!(metric(&report, "process", name, "StartTime"), &Value::Real(started));
    assert!(report.warnings.is_empty() && report.errors.is_empty(), "{report:?}");
}

#[test]
fn the_idle_process_and_the_sum_are_no_processes() {
    let mut state = State::default();
    let processes = vec![process(0, "System Idle Process", 0), process(4, "System", 0)];
    // Some hosts give the idle process a date, and its counters none.
    let rows = |seconds| {
        let of = |id, name, started| counters(id, name, started, seconds, 0.0);
        vec![of(0, "Idle", 50), of(4, "System", 0), of(0, "_Total", 0)]
    };
    round(&mut state, processes.clone(), rows(100));
    let report = round(&mut state, processes, rows(110));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    let names: Vec<&str> = report.types[0].items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["System [4]"]);
    assert_eq!(metric(&report, "processTotal", "total", "Processes"), &Value::Uint(1));
}

#[test]
fn a_name_that_passed_to_an_other_process_gives_no_rate() {
    // svchost#1 ends, and svchost#2 becomes svchost#1.
    let mut state = State::default();
    let before = vec![
        counters(10, "svchost", 1, 100, 5.0),
        counters(11, "svchost#1", 2, 100, 90.0),
        counters(12, "svchost#2", 3, 100, 1.0),
    ];
    round(&mut state, vec![], before);
    let now = vec![counters(10, "svchost", 1, 110, 5.0), counters(12, "svchost#1", 3, 110, 2.0)];
    let report = round(&mut state, vec![process(10, "svchost.exe", 1), process(12, "svchost.exe", 3)], now);
    assert_eq!(metric(&report, "process", "svchost.exe [12]", "ProcessorsUsed"), &Value::Real(0.1));
    assert_eq!(metric(&report, "process", "svchost.exe [10]", "ProcessorsUsed"), &Value::Real(0.0));
}

#[test]
fn a_number_that_is_used_again_is_an_other_process() {
    let mut state = State::default();
    round(&mut state, vec![process(10, "a.exe", 1)], vec![counters(10, "a", 1, 100, 50.0)]);
    let report = round(&mut state, vec![process(10, "b.exe", 30)], vec![counters(10, "b", 30, 110, 0.5)]);
    assert_eq!(metric(&report, "process", "b.exe [10]", "ProcessorsUsed"), &Value::Null);
    // It passed on between the two queries: nothing of the one belongs to the other.
    let report = round(&mut state, vec![process(10, "c.exe", 50)], vec![counters(10, "b", 30, 120, 1.5)]);
    assert_eq!(metric(&report, "process", "c.exe [10]", "ProcessorsUsed"), &Value::Null);
    let told = report.warnings.iter().any(|warning| warning.text.starts_with("of 1 processes 1 have no counters"));
    assert!(told, "{:?}", report.warnings);
}

#[test]
fn a_list_that_came_silently_short_is_flagged() {
    let short = |report: &Report| report.warnings.iter().any(|warning| warning.text.contains("the list is short"));
    let of = |rows: Vec<Record>| round(&mut State::default(), rows, vec![]);
    assert!(short(&of(vec![])) && short(&of(vec![process(10, "a.exe", 1)])));
    assert!(!short(&of(vec![process(4, "System", 0)])));
    let of = |rows| evaluated(&PLAN, &Options::new(Shape::Infrasonar), &mut State::default(), vec![(PROCESS, rows)]);
    assert!(short(&of(vec![formatted("a", 10, 1)])) && !short(&of(vec![formatted("System", 4, 1)])));
}

#[test]
fn what_is_not_known_of_all_has_no_sum() {
    let unknown = Record::made(&["ProcessId", "Name"], [CimValue::Uint32(12), text("a.exe")]);
    let rows = vec![process(10, "a.exe", 1), unknown, process(11, "b.exe", 1)];
    let report = round(&mut State::default(), rows, vec![]);
    assert_eq!(metric(&report, "processTotal", "total", "Threads"), &Value::Null);
    assert_eq!(metric(&report, "processGroup", "a.exe", "WorkingSet"), &Value::Null);
    assert_eq!(metric(&report, "processGroup", "b.exe", "WorkingSet"), &Value::Uint(1_000));
    let nameless = Record::made(&["Name"], [text("a.exe")]);
    let report = round(&mut State::default(), vec![nameless], vec![]);
    assert!(report.warnings.iter().any(|warning| warning.text.contains("have no number")), "{:?}", report.warnings);
}

#[test]
fn processes_of_a_program_are_put_together() {
    let mut state = State::default();
    let processes = || vec![process(10, "svchost.exe", 1), process(11, "svchost.exe", 2), process(12, "lsass.exe", 3)];
    let at =
        |seconds, used| vec![counters(10, "svchost", 1, seconds, used), counters(11, "svchost#1", 2, seconds, used)];
    round(&mut state, processes(), at(100, 0.0));
    let report = round(&mut state, processes(), at(110, 4.0));
    assert_eq!(metric(&report, "processGroup", "svchost.exe", "Processes"), &Value::Uint(2));
    assert_eq!(metric(&report, "processGroup", "svchost.exe", "ProcessorsUsed"), &Value::Real(0.8));
    assert_eq!(metric(&report, "processGroup", "svchost.exe", "ProcessorTime"), &Value::Real(0.2));
    assert_eq!(metric(&report, "processGroup", "svchost.exe", "PrivateBytes"), &Value::Uint(2_000));
    assert_eq!(metric(&report, "processGroup", "lsass.exe", "ProcessorsUsed"), &Value::Null);
}

#[test]
fn without_counters_the_processes_are_there_and_without_processes_their_counters() {
    let rows = vec![(PROCESS, vec![process(10, "a.exe", 1)]), (PROCESSORS, vec![computer()])];
    let report = evaluated(&PLAN, &Options::default(), &mut State::default(), rows);
    assert_eq!(metric(&report, "process", "a.exe [10]", "WorkingSet"), &Value::Uint(1_000));
    assert_eq!(metric(&report, "process", "a.exe [10]", "ProcessorTime"), &Value::Null);
    let rows = vec![(COUNTERS, vec![counters(10, "a", 1, 100, 0.0), counters(11, "a#1", 1, 100, 0.0)])];
    let report = evaluated(&PLAN, &Options::default(), &mut State::default(), rows);
    assert_eq!(metric(&report, "process", "a [11]", "Threads"), &Value::Uint(7));
    let started = (START + 10_000_000 - FileTime::UNIX_EPOCH.0) as f64 / 1e7;
    assert_eq!(metric(&report, "process", "a [11]", "StartTime"), &Value::Real(started));
    assert_eq!(metric(&report, "processGroup", "a", "Processes"), &Value::Uint(2));
    let report = evaluated(&PLAN, &Options::default(), &mut State::default(), vec![]);
    assert!(report.types.is_empty(), "what failed is missing, not empty");
}

#[test]
fn a_program_with_a_number_sign_in_its_name_is_not_cut() {
    let all = BTreeSet::from(["svchost", "svchost#1", "c#2", "f#", "#5", "x#y", "x"]);
    let programs: Vec<&str> = all.iter().map(|name| program(name, &all)).collect();
    assert_eq!(programs, ["#5", "c#2", "f#", "svchost", "svchost", "x", "x#y"]);
}

/// A row of the host's own figures where every number is `number`.
fn formatted(name: &str, id: u32, number: u64) -> Record {
    let value = |column: &str| match column {
        "Name" => text(name),
        "IDProcess" => CimValue::Uint32(id),
        _ => CimValue::Uint64(number),
    };
    Record::made(&grouped::COLUMNS, grouped::COLUMNS.map(value))
}

#[test]
fn the_infrasonar_shape_has_sums_and_peaks_and_lists_by_program() {
    let rows = vec![formatted("svchost", 10, 5), formatted("c#2", 12, 1), formatted("svchost#1", 11, 7)];
    let options = Options::new(Shape::Infrasonar);
    let report = evaluated(&PLAN, &options, &mut State::default(), vec![(PROCESS, rows)]);
    let names: Vec<&str> = report.types[0].items.iter().map(|item| item.name.as_str()).collect();
    assert_eq!(names, ["svchost", "c#2"]);
    let value = |name| metric(&report, "process", "svchost", name);
    assert_eq!(value("ProcessCount"), &Value::Uint(2));
    assert_eq!(value("WorkingSet"), &Value::Uint(12));
    assert_eq!(value("WorkingSetPeak"), &Value::Uint(7));
    assert_eq!(value("IDProcess"), &Value::List(vec![Value::Uint(10), Value::Uint(11)]));
    assert_eq!(value("PriorityBase"), &Value::List(vec![Value::Uint(5), Value::Uint(7)]));
    assert_eq!(value("PercentProcessorTime"), &Value::Uint(12));
    assert_eq!(report.types[0].items[0].metrics.len(), 20);
}

#[test]
fn sums_of_hostile_numbers_do_not_overflow() {
    let rows = vec![formatted("a", 1, u64::MAX), formatted("a#1", 2, u64::MAX)];
    let options = Options::new(Shape::Infrasonar);
    let report = evaluated(&PLAN, &options, &mut State::default(), vec![(PROCESS, rows)]);
    assert_eq!(metric(&report, "process", "a", "WorkingSet"), &Value::Uint(u64::MAX));
}
