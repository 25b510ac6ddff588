use wmi_proto::cim::CimValue;

use super::*;
use crate::Value;
use crate::checks::look::{items, metrics, value};
use crate::plan::tests::evaluated;

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
    assert_eq!(*value(&report, "servicesTotal", "total", "AutoStartNotRunning"), Value::Uint(1));
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
