use wmi_proto::cim::{CimType, CimValue};

use super::*;
use crate::checks::look::{items, metrics, value};
use crate::plan::tests::evaluated;
use crate::{Options, State, Value};

const COLUMNS: &[&str; 8] =
    &["AllowMaximum", "Caption", "Description", "MaximumAllowed", "Name", "Path", "Status", "Type"];

fn share(name: &str, kind: u32, limit: Option<u32>) -> Record {
    let values = [
        limit.is_none().into(),
        "a share".into(),
        CimValue::Null,
        limit.into(),
        name.into(),
        r"C:\data".into(),
        "OK".into(),
        kind.into(),
    ];
    Record::made(COLUMNS, values).typed("MaximumAllowed", CimType::UINT32)
}

fn report(shape: Shape) -> Report {
    let rows = vec![share("data", 0, Some(5)), share("C$", 0x8000_0000, None)];
    evaluated(&PLAN, &Options::new(shape), &mut State::default(), vec![(PART, rows)])
}

#[test]
fn shares_are_a_check_of_their_own() {
    let report = report(Shape::Native);
    assert_eq!(items(&report, "share"), Some(vec!["data", "C$"]));
    assert_eq!(*value(&report, "share", "data", "MaximumAllowed"), Value::Uint(5));
    assert_eq!(*value(&report, "share", "C$", "Type"), Value::from("Disk Drive"));
    assert_eq!(*value(&report, "share", "C$", "Administrative"), Value::Bool(true));
    assert_eq!(*value(&report, "share", "C$", "Description"), Value::Null);
}

#[test]
fn quirk_a_share_without_a_limit_has_no_limit_of_zero() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = report(shape);
        assert_eq!(*value(&report, "share", "C$", "MaximumAllowed"), Value::Null, "{shape}");
        assert_eq!(*value(&report, "share", "C$", "AllowMaximum"), Value::Bool(true), "{shape}");
    }
}

#[test]
fn infrasonar_has_the_columns_as_metrics() {
    let report = report(Shape::Infrasonar);
    let names = ["AllowMaximum", "Caption", "Description", "MaximumAllowed", "Path", "Status", "Type"];
    assert_eq!(metrics(&report, "share", "data"), names);
    assert_eq!(*value(&report, "share", "C$", "Type"), Value::from("Disk Drive Admin"));
    assert_eq!(*value(&report, "share", "C$", "Description"), Value::from(""));
}

#[test]
fn a_list_that_came_silently_short_or_bare_is_flagged() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let of = |rows| evaluated(&PLAN, &Options::new(shape), &mut State::default(), vec![(PART, rows)]);
        let none = of(Vec::new());
        assert_eq!(items(&none, "share"), Some(Vec::new()));
        assert!(none.warnings[0].text.contains("IPC$"), "{:?}", none.warnings);
        // Win32_Share tells those without rights names alone.
        let bare =
            Record::made(COLUMNS, core::array::from_fn(|at| if at == 4 { "data".into() } else { CimValue::Null }));
        let bare = of(vec![bare]);
        assert_eq!(items(&bare, "share"), Some(vec!["data"]));
        assert!(bare.warnings[0].remedy.as_deref().is_some_and(|text| text.contains("least-privilege")));
        assert_eq!(report(shape).warnings, []);
    }
}
