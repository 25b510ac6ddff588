use std::sync::Arc;

use wmi_proto::cim::{CimClass, CimType, ClassBuilder, Flavor, InstanceBuilder, PropertyBuilder};
use wmi_proto::wire::HResult;
use wmi_proto::{Error, ErrorKind, FileTime, Stage};

use super::*;

const CLASS: &str = "Win32_PerfRawData_X_Y";

fn counter(name: &str, cim_type: CimType, kind: CounterType) -> PropertyBuilder {
    PropertyBuilder::new(name, cim_type).qualifier("CounterType", Flavor(0), CimValue::Sint32(kind.0.cast_signed()))
}

fn class() -> Arc<CimClass> {
    let class = ClassBuilder::new(CLASS)
        .property(PropertyBuilder::new("Name", CimType::STRING).key())
        .property(PropertyBuilder::new("Timestamp_PerfTime", CimType::UINT64))
        .property(PropertyBuilder::new("Frequency_PerfTime", CimType::UINT64))
        .property(counter("BytesPersec", CimType::UINT64, CounterType::COUNTER_BULK_COUNT))
        .property(counter("Note", CimType::STRING, CounterType::COUNTER_TEXT))
        .property(counter("Chart", CimType::UINT32, CounterType::COUNTER_HISTOGRAM_TYPE))
        .property(counter("PercentFull", CimType::UINT32, CounterType::RAW_FRACTION))
        .property(counter("PercentFull_Base", CimType::UINT32, CounterType::RAW_BASE));
    class.build().expect("a class")
}

fn row(name: Option<&str>, ticks: u64, bytes: u64) -> Row {
    let row = InstanceBuilder::new(&class())
        .set("Timestamp_PerfTime", CimValue::Uint64(ticks))
        .set("Frequency_PerfTime", CimValue::Uint64(1_000))
        .set("BytesPersec", CimValue::Uint64(bytes))
        .set("Note", CimValue::String("so it is".into()))
        .set("PercentFull", CimValue::Uint32(1))
        .set("PercentFull_Base", CimValue::Uint32(4));
    let row = if let Some(name) = name { row.set("Name", CimValue::String(name.into())) } else { row };
    Ok(row.build().expect("a row"))
}

fn answer(rows: Vec<Row>) -> Answer {
    Answer { rows, outcome: Ok(()), sent: FileTime(0), received: FileTime(0) }
}

fn refused(code: u32) -> Answer {
    let error = Error::new(Stage::Query, ErrorKind::Status(HResult(code)));
    Answer { outcome: Err(error.into()), ..answer(Vec::new()) }
}

fn begin(state: State) -> Box<dyn Round> {
    Counters::by_key(&format!("{PREFIX}{CLASS}")).expect("a check").begin(&Options::default(), state)
}

/// A round in which the definition is read when it is asked for, and then `rows` come.
fn round(state: State, rows: Vec<Row>) -> (Report, State) {
    let mut round = begin(state);
    let mut rows = Some(rows);
    while let Some(request) = round.next() {
        let answer = match request.work {
            Work::Object { path } => {
                assert_eq!(path, CLASS);
                answer(vec![Ok(CimObject::of_class(class()))])
            }
            Work::Query { wql, .. } if wql.contains("Formatted") => answer(Vec::new()),
            Work::Query { wql, .. } => {
                assert!(!wql.contains('*'), "{wql}");
                answer(rows.take().expect("asked once"))
            }
            Work::Call { .. } => panic!("no calls"),
        };
        round.answer(request.id, answer);
    }
    round.finish()
}

fn value<'r>(report: &'r Report, item: &str, metric: &str) -> &'r Value {
    let item = report.types[0].items.iter().find(|i| i.name == item).expect("the item");
    &item.metrics.iter().find(|m| m.name == metric).expect("the metric").value
}

#[test]
fn the_second_round_has_rates() {
    let (first, state) = round(State::default(), vec![row(Some("a"), 1_000, 0)]);
    assert_eq!(value(&first, "a", "BytesPersec"), &Value::Null);
    assert_eq!(value(&first, "a", "PercentFull"), &Value::Real(0.25), "one sample is enough");
    assert_eq!(value(&first, "a", "Note"), &Value::Text("so it is".into()));
    assert!(first.types[0].items[0].metrics.iter().all(|metric| metric.name != "Chart"), "it has no value");
    assert_eq!(first.warnings[0].text, "1 value is missing: needs a second sample");
    let (second, _) = round(state, vec![row(Some("a"), 3_000, 500)]);
    assert_eq!(value(&second, "a", "BytesPersec"), &Value::Real(250.0));
    assert_eq!(second.types[0].items[0].metrics[0].unit, Unit::BytesPerSecond);
}

#[test]
fn an_instance_without_a_name_has_that_of_its_class() {
    let (report, _) = round(State::default(), vec![row(None, 1_000, 0)]);
    assert_eq!(report.types[0].items[0].name, "Y");
}

#[test]
fn instances_of_one_name_are_told_and_have_no_rates() {
    let (_, state) = round(State::default(), vec![row(Some("a"), 1_000, 0)]);
    let (report, _) = round(state, vec![row(Some("a"), 2_000, 5), row(Some("a"), 2_000, 9)]);
    assert_eq!(value(&report, "a", "BytesPersec"), &Value::Null);
    assert_eq!(value(&report, "a (2)", "BytesPersec"), &Value::Null);
    assert!(report.warnings.iter().any(|w| w.text.contains("several instances")), "{:?}", report.warnings);
}

#[test]
fn a_layout_that_the_host_does_not_know_any_more_is_read_anew_once() {
    let (_, state) = round(State::default(), vec![row(Some("a"), 1_000, 0)]);
    let mut second = begin(state);
    let request = second.next().expect("samples first");
    assert!(matches!(request.work, Work::Query { .. }));
    second.answer(request.id, refused(HResult::WBEM_E_INVALID_QUERY.0));
    let request = second.next().expect("the definition again");
    assert!(matches!(request.work, Work::Object { .. }));
    second.answer(request.id, answer(vec![Ok(CimObject::of_class(class()))]));
    let mut asked = 0;
    while let Some(request) = second.next() {
        asked += 1;
        second.answer(request.id, refused(HResult::WBEM_E_INVALID_QUERY.0));
    }
    assert_eq!(asked, 2, "samples and the host's own figures");
    let (report, _) = second.finish();
    assert_eq!(report.errors.iter().map(|error| error.part).collect::<Vec<_>>(), ["raw"]);
}

#[test]
fn a_round_that_is_ended_early_says_what_is_missing_and_keeps_the_samples() {
    let (_, state) = round(State::default(), vec![row(Some("a"), 1_000, 0)]);
    let (report, state) = begin(state).finish();
    assert_eq!(report.errors.len(), 1);
    assert_eq!((report.errors[0].part, report.errors[0].stage.as_str()), ("raw", "stopped"));
    let (report, _) = round(state, vec![row(Some("a"), 3_000, 500)]);
    assert_eq!(value(&report, "a", "BytesPersec"), &Value::Real(250.0));
}

#[test]
fn an_answer_to_nothing_is_no_panic() {
    let mut round = begin(State::default());
    for id in [0, 1, 2, 3, u32::MAX] {
        round.answer(RequestId(id), answer(vec![row(Some("a"), 1, 1)]));
    }
    round.finish();
}

#[test]
fn counters_beyond_the_bound_of_a_class_are_told() {
    let names: Vec<String> = (0..Layout::COUNTERS + 3).map(|n| format!("C{n}")).collect();
    let class = names
        .iter()
        .fold(ClassBuilder::new(CLASS).property(PropertyBuilder::new("Name", CimType::STRING).key()), |class, name| {
            class.property(counter(name, CimType::UINT32, CounterType::COUNTER_RAWCOUNT))
        });
    let class = class.build().expect("a class");
    let row = || InstanceBuilder::new(&class).set("Name", CimValue::String("a".into())).build().expect("a row");
    let mut round = begin(State::default());
    while let Some(request) = round.next() {
        round.answer(request.id, answer(vec![Ok(row())]));
    }
    let (report, _) = round.finish();
    let told = report.warnings.iter().any(|warning| warning.text.starts_with("3 counters of the class are left out"));
    assert!(told, "{:?}", report.warnings);
}

#[test]
fn a_counter_of_a_type_without_a_name_is_told() {
    let kind = CounterType(0x0123_4500);
    let class = ClassBuilder::new(CLASS)
        .property(PropertyBuilder::new("Name", CimType::STRING).key())
        .property(counter("Odd", CimType::UINT64, kind));
    let class = class.build().expect("a class");
    let row = InstanceBuilder::new(&class).set("Name", CimValue::String("a".into())).set("Odd", CimValue::Uint64(7));
    let row = row.build().expect("a row");
    let mut round = begin(State::default());
    while let Some(request) = round.next() {
        round.answer(request.id, answer(vec![Ok(row.clone())]));
    }
    let (report, _) = round.finish();
    assert_eq!(report.types[0].items[0].metrics, []);
    let told = report.warnings.iter().any(|warning| warning.text.contains("counter type 0x01234500 has no number"));
    assert!(told, "{:?}", report.warnings);
}

#[test]
fn a_class_without_rows_is_told() {
    let (report, _) = round(State::default(), vec![]);
    let told = |w: &Failure| w.text.starts_with("no rows") && w.remedy.is_some() && w.class.as_deref() == Some(CLASS);
    assert!(report.warnings.iter().any(told), "{:?}", report.warnings);
}

#[test]
fn a_cell_that_does_not_decode_is_told_and_the_others_are_whole() {
    let mut octets = row(Some("a"), 1_000, 5).expect("a row").encode_unit().to_vec();
    let at = octets.windows(8).position(|window| window == b"so it is").expect("the text");
    // Which of two encodings the text has.
    octets[at - 1] = 0x77;
    let broken = CimObject::decode_unit(octets.into()).expect("an object");
    let (report, _) = round(State::default(), vec![Ok(broken), row(Some("b"), 1_000, 5)]);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert!(report.errors[0].text.starts_with("1 value does not decode, of Note"), "{:?}", report.errors);
    assert_eq!(report.types[0].items.len(), 2);
}
