//! Counters of any class, and the checks system, memory, storage and process.

use std::time::Duration;

use wmi_checks::{Options, Report, Shape, State, Unit, Value};
use wmi_proto::Query;
use wmi_sim::{HostConfig, Profile};
use wmi_testkit::pair::{Pair, config};

use crate::metric;

fn pair(profile: Profile) -> Pair {
    Pair::new(config(), HostConfig::new(50_000).profile(profile))
}

/// Two rounds of a check, as far apart that no counter of the simulated host goes more than half of its way around.
fn twice(pair: &mut Pair, key: &str, options: &Options) -> (Report, Report) {
    let first = pair.round(key, options, State::default());
    pair.advance(Duration::from_secs(30));
    let second = pair.round(key, options, first.state);
    (first.report, second.report)
}

#[track_caller]
fn real(value: &Value) -> f64 {
    match value {
        Value::Real(value) => *value,
        Value::Uint(value) => *value as f64,
        value => panic!("{value:?} is no number"),
    }
}

#[track_caller]
fn near(value: &Value, expected: f64, within: f64) {
    let value = real(value);
    assert!((value - expected).abs() <= within, "{value} is not near {expected}");
}

fn names(report: &Report, kind: &str) -> Vec<String> {
    let found = report.types.iter().find(|t| t.name == kind).expect("the type");
    found.items.iter().map(|item| item.name.clone()).collect()
}

/// The simulated host cooks its formatted classes from what it sets out to count, not from raw samples.
#[test]
fn counters_of_every_type_are_what_the_host_says_of_them() {
    let mut pair = Pair::ordinary();
    let (first, second) = twice(&mut pair, "counters:Win32_PerfRawData_Sim_AllTypes", &Options::default());
    assert!(first.errors.is_empty() && second.errors.is_empty(), "{:?} {:?}", first.errors, second.errors);
    assert!(second.warnings.is_empty(), "{:?}", second.warnings);
    let outcome = pair.run(Query::new("SELECT * FROM Win32_PerfFormattedData_Sim_AllTypes"), 100);
    let mut compared = 0;
    for row in &outcome.rows {
        let row = row.as_ref().expect("a row");
        let text = |name: &str| row.get(name).expect("a column").expect("a value");
        let name = text("Name").as_str().expect("a name").into_owned();
        for metric in &second.types[0].items.iter().find(|item| item.name == name).expect("the instance").metrics {
            let host = text(&metric.name).as_f64().expect("a number");
            let ours = real(&metric.value) * if metric.unit == Unit::Ratio { 100.0 } else { 1.0 };
            let (host, within) = match &*metric.name {
                // The host's is of the second before, or of another moment.
                "Delta" | "LargeDelta" | "ElapsedTime" => continue,
                _ => (host, 1.0 + host * 0.02),
            };
            assert!((ours - host).abs() <= within, "{name} {}: {ours}, the host says {host}", metric.name);
            compared += 1;
        }
    }
    assert_eq!(compared, 2 * 28);
}

#[test]
fn a_definition_is_read_once_and_the_formatted_class_in_the_first_round_only() {
    let mut pair = Pair::ordinary();
    let (first, _) = twice(&mut pair, "counters:Win32_PerfRawData_PerfOS_Processor", &Options::default());
    near(metric(&first, "instanceTotal", "total", "PercentProcessorTime"), 0.4, 0.011);
    let stats = pair.host.stats();
    assert_eq!(stats.calls_of("IWbemServices::GetObject"), 1);
    assert_eq!(stats.calls_of("IWbemServices::ExecQuery"), 3);
}

#[test]
fn a_class_without_counters_and_one_that_is_missing_are_told() {
    let mut pair = Pair::ordinary();
    let report = pair.round("counters:Win32_Process", &Options::default(), State::default()).report;
    assert_eq!(report.errors[0].text, "Win32_Process has no property with a CounterType");
    let report = pair.round("counters:Win32_PerfRawData_Gone", &Options::default(), State::default()).report;
    assert_eq!(report.errors.len(), 1);
    assert_eq!(report.errors[0].part, "definition");
    assert!(report.types.is_empty());
}

#[test]
fn counters_are_percent_in_the_infrasonar_shape() {
    let mut pair = Pair::ordinary();
    let options = Options::new(Shape::Infrasonar);
    let (_, second) = twice(&mut pair, "counters:Win32_PerfRawData_PerfOS_Processor", &options);
    near(metric(&second, "instanceTotal", "total", "PercentProcessorTime"), 40.0, 1.0);
}

/// `_Total` never started, and has another ElapsedTime in every sample.
#[test]
fn the_sum_of_all_processes_has_rates() {
    let mut pair = Pair::ordinary();
    let (_, second) = twice(&mut pair, "counters:Win32_PerfRawData_PerfProc_Process", &Options::default());
    assert!(second.errors.is_empty() && second.warnings.is_empty(), "{:?} {:?}", second.errors, second.warnings);
    near(metric(&second, "instanceTotal", "total", "PercentProcessorTime"), 4.0, 0.04);
    near(metric(&second, "instanceTotal", "total", "ElapsedTime"), 0.0, 0.0);
}

#[test]
fn processors_are_told_in_the_first_round_and_measured_in_the_second_and_no_round_pauses() {
    let mut pair = Pair::ordinary();
    for shape in [Shape::Native, Shape::Infrasonar] {
        let before = pair.now();
        let first = pair.round("system", &Options::new(shape), State::default());
        assert!(pair.now().saturating_since(before) < Duration::from_secs(1), "it paused");
        pair.advance(Duration::from_secs(60));
        let second = pair.round("system", &Options::new(shape), first.state);
        for report in [&first.report, &second.report] {
            assert!(report.errors.is_empty() && report.warnings.is_empty(), "{:?}", (&report.errors, &report.warnings));
            match shape {
                Shape::Native => near(metric(report, "processorTotal", "total", "ProcessorTime"), 0.4, 0.011),
                Shape::Infrasonar => near(metric(report, "processorTotal", "total", "PercentProcessorTime"), 40.0, 1.0),
            }
        }
    }
}

#[test]
fn all_of_256_processors_are_there() {
    let mut pair = pair(Profile::Core256Cpus);
    let (_, report) = twice(&mut pair, "system", &Options::default());
    assert_eq!(names(&report, "processor").len(), 256);
    let (_, report) = twice(&mut pair, "system", &Options::new(Shape::Infrasonar));
    assert_eq!(names(&report, "processor").len(), 64, "the original's class has one group");
}

#[test]
fn drift_is_that_of_the_host_s_clock_and_within_its_uncertainty() {
    for seconds in [0_i64, 90, -90] {
        let clock = Pair::ordinary().wall().0.checked_add_signed(seconds * 10_000_000).expect("in range");
        let host = HostConfig::new(50_000).clock(wmi_proto::FileTime(clock)).latency(Duration::from_millis(20));
        let mut pair = Pair::new(config(), host);
        let report = pair.round("system", &Options::default(), State::default()).report;
        let drift = real(metric(&report, "time", "time", "TimeDifference"));
        let uncertainty = real(metric(&report, "time", "time", "TimeDifferenceUncertainty"));
        assert!((drift - seconds as f64).abs() <= uncertainty + 0.001, "{drift} ± {uncertainty}, not {seconds}");
        assert!(uncertainty < 0.2, "{uncertainty}");
    }
}

#[test]
fn broken_counters_leave_what_the_operating_system_knows() {
    let mut pair = pair(Profile::BrokenCounters);
    for shape in [Shape::Native, Shape::Infrasonar] {
        let options = Options::new(shape);
        let report = pair.round("system", &options, State::default()).report;
        assert!(real(metric(&report, "system", "system", "Processes")) > 5.0);
        assert!(report.types.iter().any(|t| t.name == "time"));
        assert!(report.errors.iter().any(|error| error.part == "processor"), "{:?}", report.errors);
        let report = pair.round("memory", &options, State::default()).report;
        assert!(report.types.iter().any(|t| t.name == "memory") == (shape == Shape::Native));
        let report = pair.round("process", &options, State::default()).report;
        assert!(report.types.iter().any(|t| t.name == "process") == (shape == Shape::Native));
    }
}

#[test]
fn memory_is_what_the_host_has() {
    let mut pair = Pair::ordinary();
    let (_, report) = twice(&mut pair, "memory", &Options::default());
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert_eq!(metric(&report, "physical", "physical", "BytesTotal"), &Value::Uint(8 << 30));
    assert_eq!(metric(&report, "memory", "memory", "CommitLimit"), &Value::Uint(14 << 30));
    near(metric(&report, "memory", "memory", "CommittedRatio"), 3.0 / 14.0, 0.001);
    near(metric(&report, "memory", "memory", "PageFaults"), 1_480.0, 15.0);
    let report = pair.round("memory", &Options::new(Shape::Infrasonar), State::default()).report;
    assert_eq!(metric(&report, "memory", "memory", "CommittedBytes"), &Value::Uint(3 << 30));
    assert_eq!(metric(&report, "memory", "memory", "PercentCommittedBytesInUse"), &Value::Uint(21));
}

#[test]
fn disks_are_measured_between_rounds() {
    let mut pair = Pair::ordinary();
    let (first, second) = twice(&mut pair, "storage", &Options::default());
    assert_eq!(metric(&first, "physical", "0 C:", "Reads"), &Value::Null);
    assert!(first.warnings.iter().any(|w| w.part == "physical" && w.text.contains("needs a second sample")));
    near(metric(&second, "physical", "0 C:", "Reads"), 42.0, 1.0);
    near(metric(&second, "physical", "0 C:", "ReadBytes"), 42.0 * 24_576.0, 25_000.0);
    near(metric(&second, "physical", "1 D:", "CurrentQueueLength"), 3.0, 0.0);
    // 120 reads of 6.5 ms and 180 writes of 9.2 ms in a second.
    near(metric(&second, "physical", "1 D:", "ReadLatency"), 0.0065, 0.000_5);
    near(metric(&second, "physical", "1 D:", "ReadTime"), 0.78, 0.02);
    near(metric(&second, "physical", "1 D:", "BusyTime"), 1.0, 0.02);
    assert_eq!(metric(&second, "logical", "HarddiskVolume1", "ReadLatency"), &Value::Null, "there were no reads");
    assert_eq!(names(&second, "logicalTotal"), ["total"]);
}

#[test]
fn volumes_and_shadow_storage_are_joined_and_nothing_is_made_up() {
    let mut pair = Pair::ordinary();
    let volume = r"\\?\Volume{0badcafe-0000-0000-0000-100000000000}\";
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = pair.round("storage", &Options::new(shape), State::default()).report;
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        assert_eq!(names(&report, "volume"), [r"C:\", r"D:\", r"D:\mnt\logs\", volume, r"F:\"], "none is optical");
        assert_eq!(metric(&report, "volume", r"F:\", "Capacity"), &Value::Null);
        assert_eq!(metric(&report, "volume", r"C:\", "DriveType"), &Value::from("Local Disk"));
        assert_eq!(names(&report, "shadow"), [r"C:\", r"D:\ on D:\", r"D:\ on D:\mnt\logs\"]);
        assert_eq!(metric(&report, "shadow", r"D:\ on D:\", "MaxSpace"), &Value::Null, "it has no bound");
        let used = if shape == Shape::Native { "UsedRatio" } else { "PercentUsed" };
        assert_eq!(metric(&report, "volume", r"F:\", used), &Value::Null);
        near(metric(&report, "volume", r"D:\", used), if shape == Shape::Native { 1.0 } else { 100.0 }, 0.0);
    }
    let report = pair.round("storage", &Options::default(), State::default()).report;
    near(metric(&report, "shadow", r"C:\", "UsedRatio"), 0.452, 0.001);
    assert_eq!(metric(&report, "shadow", r"D:\ on D:\", "Unbounded"), &Value::Bool(true));
    assert!(real(metric(&report, "snapshot", r"C:\", "Snapshots")) > 1.0);
    assert!(
        real(metric(&report, "snapshot", r"C:\", "OldestAge")) > real(metric(&report, "snapshot", r"C:\", "NewestAge"))
    );
    let calls = pair.host.stats();
    assert_eq!(calls.calls_of("IWbemServices::GetObject"), 0, "no query per row");
    assert_eq!(calls.calls_of("IWbemServices::ExecQuery"), 5 + 4 + 5);
}

#[test]
fn shadow_storage_that_fails_leaves_disks_and_volumes() {
    let mut pair = pair(Profile::NoRights);
    let report = pair.round("storage", &Options::new(Shape::Infrasonar), State::default()).report;
    assert!(report.errors.iter().any(|error| error.part == "shadow"), "{:?}", report.errors);
    assert!(report.types.iter().all(|t| t.name != "shadow"));
    assert!(!names(&report, "volume").is_empty());
}

#[test]
fn a_workstation_without_page_file_is_not_at_0_percent() {
    let mut pair = pair(Profile::Workstation);
    let report = pair.round("memory", &Options::default(), State::default()).report;
    assert_eq!(metric(&report, "pageFileTotal", "total", "Files"), &Value::Uint(0));
    assert_eq!(metric(&report, "pageFileTotal", "total", "UsedRatio"), &Value::Null);
}

#[test]
fn processes_are_named_and_measured_between_rounds() {
    let mut pair = Pair::ordinary();
    let (_, report) = twice(&mut pair, "process", &Options::default());
    assert!(report.errors.is_empty() && report.warnings.is_empty(), "{:?}", (&report.errors, &report.warnings));
    let processes = names(&report, "process");
    assert!(processes.iter().any(|name| name == "System [4]"), "{processes:?}");
    assert!(processes.iter().all(|name| !name.contains("Idle") && !name.contains("_Total")), "{processes:?}");
    let item = |name: &String| real(metric(&report, "process", name, "ProcessorsUsed"));
    let used: f64 = processes.iter().map(item).sum();
    // The four processors are busy for 0.4 of the time.
    assert!((used - 1.6).abs() < 0.1, "{used} processors are used");
    let grouped = pair.round("process", &Options::new(Shape::Infrasonar), State::default()).report;
    let Value::List(numbers) = metric(&grouped, "process", "svchost", "IDProcess") else { panic!("no list") };
    assert_eq!(metric(&grouped, "process", "svchost", "ProcessCount"), &Value::Uint(numbers.len() as u64));
    assert!(numbers.len() > 1);
    assert!(names(&grouped, "process").iter().any(|name| name == "Idle"), "as the original");
}

#[test]
fn thousands_of_processes_are_measured_and_kept_in_bounds() {
    let mut pair = pair(Profile::Huge);
    let (_, report) = twice(&mut pair, "process", &Options::default());
    let all = pair.run(Query::new("SELECT ProcessId FROM Win32_Process WHERE ProcessId != 0"), 1_000).rows.len();
    assert_eq!(names(&report, "process").len(), all);
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}
