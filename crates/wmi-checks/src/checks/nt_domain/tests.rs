use wmi_proto::cim::CimValue;

use super::*;
use crate::checks::look::{items, value};
use crate::plan::tests::evaluated;

fn domain(name: &str, controller: CimValue) -> Record {
    const COLUMNS: &[&str; 3] = &["DomainName", "DnsForestName", "DomainControllerName"];
    Record::made(COLUMNS, [name.into(), "acme.example".into(), controller])
}

fn computer(domain: &str, role: u16, member: bool, workgroup: CimValue) -> Vec<Record> {
    const COLUMNS: &[&str; 5] = &["Name", "Domain", "DomainRole", "PartOfDomain", "Workgroup"];
    vec![Record::made(COLUMNS, ["H".into(), domain.into(), role.into(), member.into(), workgroup])]
}

fn report(shape: Shape, rows: Vec<(&'static str, Vec<Record>)>) -> Report {
    evaluated(&PLAN, &Options::new(shape), &mut State::default(), rows)
}

#[test]
fn quirk_a_domain_without_a_controller_has_none() {
    let rows = || vec![domain("ACME", r"\\DC1".into()), domain("OTHER", CimValue::Null)];
    let native = report(Shape::Native, vec![(DOMAIN, rows())]);
    assert_eq!(items(&native, DOMAIN), Some(vec!["ACME", "OTHER"]));
    assert_eq!(*value(&native, DOMAIN, "ACME", "DomainControllerName"), Value::from("DC1"));
    assert_eq!(*value(&native, DOMAIN, "OTHER", "DomainControllerName"), Value::Null);
    let infrasonar = report(Shape::Infrasonar, vec![(DOMAIN, rows())]);
    assert_eq!(*value(&infrasonar, DOMAIN, "ACME", "DomainControllerName"), Value::from("DC1"));
    assert_eq!(*value(&infrasonar, DOMAIN, "OTHER", "DomainControllerName"), Value::from(""));
}

#[test]
fn quirk_the_role_and_the_membership_are_told() {
    let member = report(Shape::Native, vec![(MEMBERSHIP, computer("acme.example", 3, true, CimValue::Null))]);
    assert_eq!(*value(&member, MEMBERSHIP, MEMBERSHIP, "DomainRole"), Value::from("Member Server"));
    assert_eq!(*value(&member, MEMBERSHIP, MEMBERSHIP, "Domain"), Value::from("acme.example"));
    assert_eq!(*value(&member, MEMBERSHIP, MEMBERSHIP, "Workgroup"), Value::Null);
    assert_eq!(items(&member, DOMAIN), None, "a part that failed has no type");
}

#[test]
fn a_workgroup_is_no_domain() {
    for workgroup in [CimValue::Null, "WORKGROUP".into()] {
        let report = report(Shape::Native, vec![(MEMBERSHIP, computer("WORKGROUP", 2, false, workgroup))]);
        assert_eq!(*value(&report, MEMBERSHIP, MEMBERSHIP, "Domain"), Value::Null);
        assert_eq!(*value(&report, MEMBERSHIP, MEMBERSHIP, "Workgroup"), Value::from("WORKGROUP"));
        assert_eq!(*value(&report, MEMBERSHIP, MEMBERSHIP, "PartOfDomain"), Value::Bool(false));
    }
}

#[test]
fn quirk_shares_are_inside_of_the_domain_check_only_for_infrasonar() {
    let parts = |shape| (PLAN.parts)(&Options::new(shape)).iter().any(|part| part.name == shares::PART);
    assert!(parts(Shape::Infrasonar));
    assert!(!parts(Shape::Native));
}

#[test]
fn a_host_that_does_not_describe_itself_is_told() {
    let report = report(Shape::Native, vec![(MEMBERSHIP, Vec::new())]);
    assert_eq!(report.errors.len(), 1, "{:?}", report.errors);
    assert_eq!(items(&report, MEMBERSHIP), None);
}
