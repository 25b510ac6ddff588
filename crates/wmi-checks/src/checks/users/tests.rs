use wmi_proto::cim::CimValue;

use super::*;
use crate::Value;
use crate::checks::look::{items, value};
use crate::plan::tests::evaluated;

fn winlogons(count: usize) -> Vec<Record> {
    const COLUMNS: &[&str; 1] = &["Caption"];
    (0..count).map(|_| Record::made(COLUMNS, ["winlogon.exe".into()])).collect()
}

/// Logons of these accounts; that of SYSTEM has its own number.
fn logged_on(accounts: &[(&str, &str)]) -> Vec<Record> {
    const COLUMNS: &[&str; 2] = &["Antecedent", "Dependent"];
    let reference = |text: String| CimValue::Reference(text.as_str().into());
    let logon = |(at, (domain, name)): (usize, &(&str, &str))| {
        let account = format!(r#"\\.\root\cimv2:Win32_Account.Domain="{domain}",Name="{name}""#);
        let number = if *name == "SYSTEM" { 999 } else { 70_000 + at };
        let logon = format!(r#"\\.\root\cimv2:Win32_LogonSession.LogonId="{number}""#);
        Record::made(COLUMNS, [reference(account), reference(logon)])
    };
    accounts.iter().enumerate().map(logon).collect()
}

fn infrasonar(winlogons: Vec<Record>, logged_on: Vec<Record>) -> Report {
    let rows = vec![(REMOTE, winlogons), (LOGGED_ON, logged_on)];
    evaluated(&PLAN, &Options::new(Shape::Infrasonar), &mut State::default(), rows)
}

#[test]
fn infrasonar_counts_winlogons_and_logons() {
    let report = infrasonar(winlogons(3), logged_on(&[("ACME", "bo"), ("ACME", "bo"), ("H", "SYSTEM")]));
    assert_eq!(*value(&report, REMOTE, REMOTE, "Count"), Value::Uint(2));
    assert_eq!(items(&report, LOGGED_ON), Some(vec![r"ACME\bo", r"H\SYSTEM"]));
    assert_eq!(*value(&report, LOGGED_ON, r"ACME\bo", "SessionCount"), Value::Uint(2));
    assert_eq!(*value(&report, "loggedOnTotal", "total", "SessionCount"), Value::Uint(3));
    assert_eq!(report.warnings, []);
}

#[test]
fn quirk_without_rights_the_count_is_unknown_and_not_minus_one() {
    let report = infrasonar(winlogons(0), Vec::new());
    assert_eq!(*value(&report, REMOTE, REMOTE, "Count"), Value::Null);
    assert_eq!(*value(&report, "loggedOnTotal", "total", "SessionCount"), Value::Null);
    let texts: Vec<&str> = report.warnings.iter().map(|warning| warning.text.as_str()).collect();
    assert_eq!(texts.len(), 2, "{texts:?}");
    assert!(texts.iter().all(|text| text.contains("list may be short")), "{texts:?}");
    assert!(report.warnings.iter().all(|warning| warning.remedy.is_some()));
    assert_eq!(*value(&infrasonar(winlogons(1), Vec::new()), REMOTE, REMOTE, "Count"), Value::Uint(0));
    // Who is no administrator is shown his own logon, which is that of this query.
    let report = infrasonar(winlogons(1), logged_on(&[("ACME", "monitor")]));
    assert_eq!(*value(&report, "loggedOnTotal", "total", "SessionCount"), Value::Null);
    assert!(report.warnings.iter().any(|warning| warning.text.contains("list may be short")), "{:?}", report.warnings);
}

#[test]
fn quirk_a_reference_that_names_no_account_is_no_item_without_a_name() {
    let rows = logged_on(&[("ACME, Inc", "bo"), ("ACME", ""), ("H", "SYSTEM")]);
    let report = infrasonar(winlogons(1), rows);
    assert_eq!(items(&report, LOGGED_ON), Some(vec![r"ACME, Inc\bo", r"H\SYSTEM"]));
    assert_eq!(*value(&report, "loggedOnTotal", "total", "SessionCount"), Value::Uint(3), "it is a logon all the same");
    assert!(report.warnings.iter().any(|warning| warning.text.contains("1 of 3")), "{:?}", report.warnings);
}

#[test]
fn quirk_new_types_are_native_only() {
    let report = infrasonar(winlogons(1), logged_on(&[("H", "SYSTEM")]));
    let types: Vec<&str> = report.types.iter().map(|t| t.name).collect();
    assert_eq!(types, [REMOTE, LOGGED_ON, "loggedOnTotal"]);
}
