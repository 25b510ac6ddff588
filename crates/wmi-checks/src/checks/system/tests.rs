use wmi_proto::cim::CimValue;

use super::*;
use crate::plan::tests::evaluated;
use crate::sampled::tests::assert_selects;

fn text(value: &str) -> CimValue {
    CimValue::String(value.into())
}

fn metric<'r>(report: &'r Report, kind: &str, item: &str, metric: &str) -> &'r Value {
    let items = &report.types.iter().find(|t| t.name == kind).expect("the type").items;
    let item = items.iter().find(|i| i.name == item).expect("the item");
    &item.metrics.iter().find(|m| m.name == metric).expect("the metric").value
}

/// A processor that was idle for `idle` seconds when the host had run for `seconds`.
fn raw(name: &str, seconds: u64, idle: f64) -> Record {
    Record::made(
        &RAW,
        [
            text(name),
            CimValue::Uint64(133_000_000_000_000_000 + seconds * 10_000_000),
            CimValue::Uint64(seconds * 10_000_000),
            CimValue::Uint64(10_000_000),
            CimValue::Null,
            CimValue::Null,
            CimValue::Uint64((idle * 1e7) as u64),
            CimValue::Uint64(0),
            CimValue::Uint64(0),
            CimValue::Uint64(0),
            CimValue::Uint64(0),
        ],
    )
}

fn formatted(name: &str, percent: u64) -> Record {
    let zero = || CimValue::Uint64(0);
    Record::made(&FORMATTED, [text(name), CimValue::Uint64(percent), zero(), zero(), zero(), zero()])
}

/// An operating system whose clock is 2 s ahead of the answer's time, which is 0 in these tests.
fn os() -> Record {
    Record::made(
        &OS_COLUMNS,
        [
            text("Microsoft Windows Server 2022 Standard "),
            text("10.0.20348"),
            text("20348"),
            CimValue::Uint64(6_000_000),
            CimValue::Uint64(8_000_000),
            CimValue::Uint32(120),
            CimValue::DateTime("16010101000000.500000+000".into()),
            CimValue::DateTime("16010101000002.500000+000".into()),
            text("64-bit"),
        ],
    )
}

fn native(state: &mut State, rows: Vec<(&'static str, Vec<Record>)>) -> Report {
    evaluated(&PLAN, &Options::default(), state, rows)
}

#[test]
fn the_queries_bring_what_the_gauges_need() {
    for select in NATIVE[0].selects.iter().chain(INFRASONAR[1].selects) {
        assert_selects(select, &GAUGES);
    }
}

#[test]
fn shares_come_from_the_sample_of_the_round_before_and_no_round_pauses() {
    let mut state = State::default();
    let first =
        native(&mut state, vec![(PROCESSOR, vec![raw("0,0", 100, 0.0), raw("_Total", 100, 0.0)]), (OS, vec![])]);
    assert_eq!(metric(&first, "processor", "0,0", "ProcessorTime"), &Value::Null);
    assert!(first.warnings.iter().any(|w| w.text.contains("needs a second sample")), "{:?}", first.warnings);
    let rows = vec![raw("0,0", 110, 2.5), raw("_Total", 110, 5.0)];
    let second = native(&mut state, vec![(PROCESSOR, rows), (OS, vec![os()])]);
    assert_eq!(metric(&second, "processor", "0,0", "ProcessorTime"), &Value::Real(0.75));
    assert_eq!(metric(&second, "processorTotal", "total", "ProcessorTime"), &Value::Real(0.5));
    assert!(second.warnings.is_empty(), "{:?}", second.warnings);
}

#[test]
fn the_first_round_takes_the_host_s_own_figures() {
    let mut state = State::default();
    assert!(is_first(&state));
    let rows = vec![(PROCESSOR, vec![raw("0,0", 100, 0.0)]), (FIRST, vec![formatted("0,0", 37)]), (OS, vec![os()])];
    let report = native(&mut state, rows);
    assert_eq!(metric(&report, "processor", "0,0", "ProcessorTime"), &Value::Real(0.37));
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
    assert!(!is_first(&state), "the next round has rates of its own");
}

#[test]
fn processors_of_all_groups_are_there_and_the_means_of_nodes_are_none() {
    let names: Vec<String> = (0..4).flat_map(|node| (0..64).map(move |n| format!("{node},{n}"))).collect();
    let at = |seconds| {
        let mut rows: Vec<Record> = names.iter().map(|name| raw(name, seconds, 0.0)).collect();
        rows.extend(["0,_Total", "1,_Total", "_Total"].map(|name| raw(name, seconds, 0.0)));
        rows
    };
    let mut state = State::default();
    native(&mut state, vec![(PROCESSOR, at(100)), (OS, vec![])]);
    let report = native(&mut state, vec![(PROCESSOR, at(110)), (OS, vec![])]);
    let processors = &report.types.iter().find(|t| t.name == "processor").expect("the type").items;
    assert_eq!(processors.len(), 256);
    assert!(processors.iter().all(|item| item.metrics[0].value == Value::Real(1.0)));
    assert_eq!(metric(&report, "processorTotal", "total", "ProcessorTime"), &Value::Real(1.0));
}

#[test]
fn a_processor_that_is_new_or_was_reset_has_no_share_and_the_others_have_theirs() {
    // The original asks again and again, without bound, until every processor is within 0 to 100.
    let mut state = State::default();
    let before = vec![raw("0", 100, 50.0), raw("1", 100, 50.0)];
    native(&mut state, vec![(PROCESSOR, before), (OS, vec![])]);
    let now = vec![raw("0", 110, 2.0), raw("1", 110, 55.0), raw("2", 110, 5.0)];
    let report = native(&mut state, vec![(PROCESSOR, now), (OS, vec![])]);
    assert_eq!(metric(&report, "processor", "0", "ProcessorTime"), &Value::Null);
    assert_eq!(metric(&report, "processor", "1", "ProcessorTime"), &Value::Real(0.5));
    assert_eq!(metric(&report, "processor", "2", "ProcessorTime"), &Value::Null);
    assert_eq!(report.warnings.len(), 1, "{:?}", report.warnings);
}

#[test]
fn drift_has_a_sign_and_an_uncertainty_and_the_infrasonar_shape_neither() {
    let report = native(&mut State::default(), vec![(OS, vec![os()]), (PROCESSOR, vec![])]);
    assert_eq!(metric(&report, "time", "time", "TimeDifference"), &Value::Real(2.5));
    assert_eq!(metric(&report, "time", "time", "TimeDifferenceUncertainty"), &Value::Real(0.0));
    let options = Options::new(Shape::Infrasonar);
    let rows = vec![(OS, vec![os()]), (PROCESSOR, vec![]), (SYSTEM, vec![])];
    let report = evaluated(&PLAN, &options, &mut State::default(), rows);
    let time = &report.types.iter().find(|t| t.name == "time").expect("the type").items[0];
    assert_eq!(time.metrics.len(), 1);
    assert_eq!(time.metrics[0].value, Value::Real(2.5));
}

#[test]
fn native_memory_is_in_bytes_and_the_item_is_not_renamed_by_an_upgrade() {
    let report = native(&mut State::default(), vec![(OS, vec![os()]), (PROCESSOR, vec![])]);
    assert_eq!(metric(&report, "os", "os", "TotalVisibleMemorySize"), &Value::Uint(8_192_000_000));
    assert_eq!(metric(&report, "os", "os", "MemoryUsed"), &Value::Uint(2_048_000_000));
    assert_eq!(metric(&report, "os", "os", "MemoryUsedRatio"), &Value::Real(0.25));
    assert_eq!(metric(&report, "os", "os", "Caption"), &Value::Text("Microsoft Windows Server 2022 Standard".into()));
    assert_eq!(metric(&report, "system", "system", "SystemUpTime"), &Value::Uint(2));
    assert_eq!(metric(&report, "system", "system", "Processes"), &Value::Uint(120));
}

#[test]
fn the_infrasonar_shape_has_the_original_s_names_units_and_types() {
    let options = Options::new(Shape::Infrasonar);
    let mut state = State::default();
    let counted = || {
        let values = [CimValue::Uint32(121), CimValue::Uint64(86_400)];
        vec![Record::made(&["Processes", "SystemUpTime"], values)]
    };
    let before = vec![raw("0", 100, 0.0), raw("_Total", 100, 0.0)];
    evaluated(&PLAN, &options, &mut state, vec![(OS, vec![os()]), (SYSTEM, counted()), (PROCESSOR, before)]);
    let now = vec![raw("0", 110, 2.46), raw("_Total", 110, 5.04)];
    let report = evaluated(&PLAN, &options, &mut state, vec![(OS, vec![os()]), (SYSTEM, counted()), (PROCESSOR, now)]);
    let names: Vec<&str> = report.types.iter().map(|t| t.name).collect();
    assert_eq!(names, ["system", "os", "time", "processor", "processorTotal"]);
    let name = "Microsoft Windows Server 2022 Standard";
    assert_eq!(metric(&report, "system", "system", "Processes"), &Value::Uint(121));
    assert_eq!(metric(&report, "system", "system", "SystemUpTime"), &Value::Uint(86_400));
    assert_eq!(metric(&report, "os", name, "TotalVisibleMemorySize"), &Value::Uint(8_000_000));
    assert_eq!(metric(&report, "os", name, "FreePhysicalMemory"), &Value::Uint(6_000_000));
    assert_eq!(metric(&report, "os", name, "MemoryUsed"), &Value::Uint(2_000_000));
    assert_eq!(metric(&report, "os", name, "MemoryUsedPercent"), &Value::Real(25.0));
    assert_eq!(metric(&report, "processor", "0", "PercentProcessorTime"), &Value::Uint(75));
    assert_eq!(metric(&report, "processorTotal", "total", "PercentProcessorTime"), &Value::Uint(50));
    assert!(report.errors.is_empty() && report.warnings.is_empty());
}

#[test]
fn without_counters_the_operating_system_tells_processes_and_uptime() {
    let options = Options::new(Shape::Infrasonar);
    let report = evaluated(&PLAN, &options, &mut State::default(), vec![(OS, vec![os()])]);
    assert_eq!(metric(&report, "system", "system", "Processes"), &Value::Uint(120));
    assert_eq!(metric(&report, "system", "system", "SystemUpTime"), &Value::Uint(2));
    assert!(report.types.iter().all(|t| t.name != "processor"));
}

#[test]
fn null_is_not_zero() {
    let null = Record::made(&OS_COLUMNS, core::array::from_fn(|_| CimValue::Null));
    let report = native(&mut State::default(), vec![(OS, vec![null]), (PROCESSOR, vec![])]);
    assert_eq!(metric(&report, "system", "system", "SystemUpTime"), &Value::Null);
    assert_eq!(metric(&report, "os", "os", "MemoryUsedRatio"), &Value::Null);
    assert!(report.types.iter().all(|t| t.name != "time"));
    assert_eq!(report.errors.iter().map(|e| e.part).collect::<Vec<_>>(), [PROCESSOR, "time"]);
}
