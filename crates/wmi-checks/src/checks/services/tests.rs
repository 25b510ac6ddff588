use wmi_proto::cim::{CimObject, CimType, CimValue, ClassBuilder, InstanceBuilder, PropertyBuilder};
use wmi_proto::wire::HResult;
use wmi_proto::{Error, ErrorKind, FileTime, Row, Stage};

use super::*;
use crate::checks::look::{items, metrics, value};
use crate::plan::tests::evaluated;
use crate::{Value, Work};

fn service(name: &str, state: &str, mode: &str) -> Record {
    let mut values: [CimValue; 16] = core::array::from_fn(|_| CimValue::Null);
    for (at, text) in [(0, name), (3, state), (6, mode)] {
        values[at] = CimValue::String(text.into());
    }
    values[5] = CimValue::Boolean(false);
    values[14] = CimValue::Uint32(0);
    Record::made(&COLUMNS, values)
}

fn report(rows: Vec<Record>, shape: Shape) -> Report {
    evaluated(&PLAN, &Options::new(shape), &mut State::default(), vec![(PART, rows)])
}

fn whole() -> Vec<Record> {
    vec![
        service("RPCSS", "Running", "Auto"),
        service("Winmgmt", "Running", "Auto"),
        service("W32Time", "Stopped", "Auto"),
    ]
}

#[test]
fn null_stays_null_and_false_and_0_stay_what_they_are() {
    let report = report(whole(), Shape::Native);
    assert_eq!(*value(&report, "services", "W32Time", "Description"), Value::Null);
    assert_eq!(*value(&report, "services", "W32Time", "DelayedAutoStart"), Value::Null);
    assert_eq!(*value(&report, "services", "W32Time", "Started"), Value::Bool(false));
    assert_eq!(*value(&report, "services", "W32Time", "ProcessId"), Value::Uint(0));
    assert_eq!(totals(&report), [0, 0, 0, 1], "nobody was asked about triggers");
    assert!(report.warnings.is_empty(), "{:?}", report.warnings);
}

#[test]
fn a_list_that_came_silently_short_is_flagged() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = report(whole().split_off(2), shape);
        assert_eq!(items(&report, "services"), Some(vec!["W32Time"]), "what came is told");
        assert!(report.warnings[0].text.contains("RpcSs and Winmgmt"), "{:?}", report.warnings);
        assert!(report.warnings[0].remedy.as_deref().is_some_and(|text| text.contains("least-privilege")));
        assert!(report.errors.is_empty());
    }
    assert_eq!(report(Vec::new(), Shape::Native).warnings.len(), 1, "nothing at all");
}

#[test]
fn infrasonar_has_the_metrics_of_the_original_and_no_others() {
    let report = report(whole(), Shape::Infrasonar);
    let expected = "DesktopInteract DisplayName ExitCode PathName ServiceSpecificExitCode ServiceType StartMode StartName \
                    Started State Status";
    assert_eq!(metrics(&report, "services", "W32Time").join(" "), expected);
    assert_eq!(report.types.len(), 1);
}

#[test]
fn hosts_without_delayed_start_are_asked_without_it() {
    let [asked, instead] = NATIVE[0].selects else { panic!("two selects") };
    assert!(asked.columns.contains(&"DelayedAutoStart"));
    assert_eq!(instead.columns, &asked.columns[..15]);
}

/// AutoStart… NotRunning, Failed, AwaitingTrigger and Unknown.
fn totals(report: &Report) -> [u64; 4] {
    ["NotRunning", "Failed", "AwaitingTrigger", "Unknown"].map(|name| {
        let Value::Uint(number) = *value(report, "servicesTotal", "total", &format!("AutoStart{name}")) else {
            panic!("{name} is no number")
        };
        number
    })
}

/// A row as the host sends it; columns that it does not have are NULL.
fn row(name: &str, state: &str, mode: &str, exit_code: u32) -> Row {
    let text = |name| PropertyBuilder::new(name, CimType::STRING);
    let class = ClassBuilder::new("Win32_Service").property(text("Name")).property(text("State"));
    let class = class.property(text("StartMode")).property(PropertyBuilder::new("ExitCode", CimType::UINT32));
    let row = [("Name", name), ("State", state), ("StartMode", mode)]
        .into_iter()
        .fold(InstanceBuilder::new(&class.build().expect("a class")), |row, (name, text)| {
            row.set(name, CimValue::String(text.into()))
        });
    Ok(row.set("ExitCode", CimValue::Uint32(exit_code)).build().expect("a row"))
}

/// What EnumKey says.
fn keys(code: u32, names: &[&str]) -> CimObject {
    let class = ClassBuilder::new("__PARAMETERS")
        .property(PropertyBuilder::new("ReturnValue", CimType::UINT32))
        .property(PropertyBuilder::array("sNames", CimType::STRING));
    let out = InstanceBuilder::new(&class.build().expect("a class")).set("ReturnValue", CimValue::Uint32(code));
    let names: Vec<CimValue> = names.iter().map(|name| CimValue::String((*name).into())).collect();
    // An empty list is NULL.
    let out = if names.is_empty() { out } else { out.set("sNames", CimValue::Array(names)) };
    out.build().expect("out-parameters")
}

fn answer(rows: Vec<Row>) -> Answer {
    Answer { rows, outcome: Ok(()), sent: FileTime(0), received: FileTime(0) }
}

fn refused(code: HResult) -> Answer {
    let error = Error::new(Stage::ExecMethod, ErrorKind::Status(code));
    Answer { outcome: Err(error.into()), ..answer(Vec::new()) }
}

/// The services of a host: two that must run, and `others` by name, state, start mode and exit code.
fn list(others: &[(&str, &str, &str, u32)]) -> Vec<Row> {
    let certain = [("RpcSs", "Running", "Auto", 0), ("Winmgmt", "Running", "Auto", 0)];
    certain.iter().chain(others).map(|(name, state, mode, code)| row(name, state, mode, *code)).collect()
}

/// The name of the service about whose triggers a call asks.
fn asked_about(work: &Work) -> String {
    let Work::Call { path, method: "EnumKey", parameters, .. } = work else { panic!("{work:?}") };
    assert_eq!(path, "StdRegProv");
    let [("hDefKey", CimValue::Uint32(0x8000_0002)), ("sSubKeyName", key)] = parameters.as_slice() else {
        panic!("{parameters:?}")
    };
    let key = key.as_str().expect("a path");
    let name =
        key.strip_prefix("SYSTEM\\CurrentControlSet\\Services\\").and_then(|key| key.strip_suffix("\\TriggerInfo"));
    name.unwrap_or_else(|| panic!("{key}")).to_owned()
}

/// A round on a host with these services, whose registry says `triggers` of a name; and the names it was asked for.
fn round(rows: Vec<Row>, options: &Options, triggers: impl Fn(&str) -> Answer) -> (Report, Vec<String>) {
    let mut round = Services.begin(options, State::default());
    let mut rows = Some(rows);
    let mut asked = Vec::new();
    loop {
        let requests: Vec<Request> = std::iter::from_fn(|| round.next()).collect();
        assert!(requests.len() <= options.calls_in_flight.max(1), "{} calls at once", requests.len());
        if requests.is_empty() {
            return (round.finish().0, asked);
        }
        for Request { id, namespace, work, .. } in requests {
            let said = if let Work::Query { .. } = work {
                answer(rows.take().expect("asked once"))
            } else {
                let name = asked_about(&work);
                let said = triggers(if namespace == "root/cimv2" { &name } else { &namespace });
                asked.push(name);
                said
            };
            round.answer(id, said);
        }
    }
}

fn registry(name: &str) -> Answer {
    match name {
        "RemoteRegistry" | "sppsvc" | "Crashed" => answer(vec![Ok(keys(0, &["0", "1"]))]),
        // All its triggers were taken away.
        "Bare" => answer(vec![Ok(keys(0, &[]))]),
        _ => answer(vec![Ok(keys(2, &[]))]),
    }
}

#[test]
fn quirk_a_service_that_waits_for_its_trigger_is_no_service_that_should_run() {
    let rows = list(&[
        ("RemoteRegistry", "Stopped", "Auto", 0),
        ("sppsvc", "Stopped", "Auto", 1077),
        ("Bare", "Stopped", "Auto", 0),
        ("Own", "Stopped", "Auto", 0),
        ("W32Time", "Stopped", "Manual", 1077),
        ("Paused", "Paused", "Auto", 0),
        ("Off", "Stopped", "Disabled", 1077),
    ]);
    let (report, asked) = round(rows, &Options::default(), registry);
    assert_eq!(asked, ["RemoteRegistry", "sppsvc", "Bare", "Own"], "those alone of which it matters");
    let start = |name| value(&report, "services", name, "TriggerStart").clone();
    assert_eq!(["RemoteRegistry", "sppsvc"].map(start), [true, true].map(Value::Bool));
    assert_eq!(["Bare", "Own"].map(start), [false, false].map(Value::Bool));
    assert_eq!(["W32Time", "Paused", "RpcSs"].map(start), [Value::Null, Value::Null, Value::Null], "not asked");
    assert_eq!(totals(&report), [3, 0, 2, 0], "Bare, Own and Paused should run");
    assert!(report.errors.is_empty() && report.warnings.is_empty(), "{:?}", report.errors);
}

#[test]
fn no_trigger_excuses_a_service_that_ended_with_an_error() {
    let rows = list(&[("Crashed", "Stopped", "Auto", 1067), ("Updater", "Stopped", "Auto", 0)]);
    let (report, _) = round(rows, &Options::default(), registry);
    assert_eq!(*value(&report, "services", "Crashed", "TriggerStart"), Value::Bool(true));
    assert_eq!(totals(&report), [2, 1, 0, 0]);
}

/// Also where Execute Methods is missing, or a key may not be read.
#[test]
fn triggers_that_are_not_told_leave_the_services_whole() {
    let rows =
        || list(&[("One", "Stopped", "Auto", 0), ("Two", "Stopped", "Auto", 0), ("Lost", "Stopped", "Auto", 1067)]);
    for (case, said) in [
        ("no rights for the class", (|_: &str| refused(HResult::WBEM_E_ACCESS_DENIED)) as fn(&str) -> Answer),
        ("no rights for a key", |_| answer(vec![Ok(keys(5, &[]))])),
        ("nothing", |_| answer(Vec::new())),
    ] {
        let (report, asked) = round(rows(), &Options::default(), said);
        assert_eq!(asked.len(), 3, "{case}");
        let [failure] = report.errors.as_slice() else { panic!("{case}: {:?}", report.errors) };
        assert_eq!(failure.part, "triggers", "{case}");
        assert_eq!(failure.more, 2, "{case}: {failure:?}");
        assert_eq!(*value(&report, "services", "One", "TriggerStart"), Value::Null, "{case}");
        assert_eq!(*value(&report, "services", "One", "State"), Value::from("Stopped"), "{case}");
        assert_eq!(totals(&report), [1, 1, 0, 2], "{case}: what failed needs no answer");
    }
    let (report, asked) = round(rows(), &Options::default(), |_| refused(HResult::WBEM_E_NOT_FOUND));
    assert_eq!((asked.len(), report.errors.len()), (6, 1), "no such class in either namespace: {:?}", report.errors);
    let some = |name: &str| if name == "One" { refused(HResult::WBEM_E_FAILED) } else { registry(name) };
    let (report, _) = round(rows(), &Options::default(), some);
    assert_eq!(report.errors.len(), 1);
    assert_eq!(totals(&report), [2, 1, 0, 1], "one failure takes no other answer with it");
}

#[test]
fn old_windows_has_its_registry_in_the_old_namespace_only() {
    let options = Options { calls_in_flight: 2, ..Options::default() };
    let rows = list(&[("One", "Stopped", "Auto", 0), ("Two", "Stopped", "Auto", 0), ("Three", "Stopped", "Auto", 0)]);
    let (report, asked) = round(rows, &options, |name| match name {
        "root/default" => answer(vec![Ok(keys(2, &[]))]),
        _ => refused(HResult::WBEM_E_NOT_FOUND),
    });
    assert_eq!(asked.len(), 6);
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(totals(&report), [3, 0, 0, 0]);
}

#[test]
fn triggers_are_asked_for_with_no_more_calls_at_once_than_are_allowed() {
    let names: Vec<String> = (0..10).map(|number| format!("S{number}")).collect();
    let others: Vec<_> = names.iter().map(|name| (name.as_str(), "Stopped", "Auto", 0)).collect();
    for calls_in_flight in [0, 1, 3] {
        let options = Options { calls_in_flight, ..Options::default() };
        let (report, asked) = round(list(&others), &options, registry);
        assert_eq!(asked, names);
        assert_eq!(totals(&report), [10, 0, 0, 0]);
    }
}

#[test]
fn the_infrasonar_shape_makes_no_calls() {
    let rows = list(&[("RemoteRegistry", "Stopped", "Auto", 0)]);
    let options = Options::new(Shape::Infrasonar);
    let (report, asked) = round(rows, &options, |name| panic!("asked about {name}"));
    assert!(asked.is_empty() && report.errors.is_empty());
    assert_eq!(Services.reads(&options).len(), 1);
    assert_eq!(
        Services.reads(&Options::default()).last().map(|reads| reads.class.to_string()).as_deref(),
        Some("StdRegProv")
    );
}

#[test]
fn a_round_that_is_ended_early_tells_what_it_knows() {
    let mut round = Services.begin(&Options { calls_in_flight: 1, ..Options::default() }, State::default());
    let query = round.next().expect("the services");
    assert!(round.next().is_none(), "nothing is known yet");
    round.answer(RequestId(7), answer(vec![Ok(keys(0, &["0"]))]));
    let rows = list(&[("One", "Stopped", "Auto", 0), ("Two", "Stopped", "Auto", 0)]);
    round.answer(query.id, answer(rows));
    let first = round.next().expect("a call");
    round.answer(first.id, registry("One"));
    let second = round.next().expect("a call");
    round.answer(RequestId(7), answer(vec![Ok(keys(0, &["0"]))]));
    assert_ne!(first.id, second.id);
    let (report, _) = round.finish();
    assert_eq!(totals(&report), [1, 0, 0, 1]);
    let [failure] = report.errors.as_slice() else { panic!("{:?}", report.errors) };
    assert_eq!((failure.part, failure.stage.as_str()), ("triggers", "stopped"));
}

/// Whatever the host lists, no more is asked than any host could need, and of names of services alone.
#[test]
fn a_list_without_end_is_not_asked_about_without_end() {
    let names: Vec<String> = (0..1030).map(|number| format!("S{number}")).collect();
    let mut others: Vec<_> = names.iter().map(|name| (name.as_str(), "Stopped", "Auto", 0)).collect();
    let long = "x".repeat(257);
    others.splice(0..0, ["", "..\\..\\SAM", &long].map(|name| (name, "Stopped", "Auto", 0)));
    let (report, asked) = round(list(&others), &Options::default(), registry);
    assert_eq!(asked, names[..1024]);
    assert_eq!(totals(&report), [1024, 0, 0, 9]);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
}
