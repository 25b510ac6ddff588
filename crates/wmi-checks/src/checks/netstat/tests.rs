use wmi_proto::cim::CimValue;

use super::*;
use crate::Value;
use crate::checks::look::{items, metrics, value};
use crate::plan::tests::evaluated;

const WHEN: &str = "20261124100000.500000+000";

fn tcp(local: &str, remote: (&str, u16), owner: u32, state: u8, created: bool) -> Record {
    const COLUMNS: &[&str; 8] = &[
        "CreationTime",
        "InstanceID",
        "LocalAddress",
        "LocalPort",
        "OwningProcess",
        "RemoteAddress",
        "RemotePort",
        "State",
    ];
    let created = if created { CimValue::DateTime(WHEN.into()) } else { CimValue::Null };
    let id = format!("{local}++443++{}++{}", remote.0, remote.1);
    let (address, port) = remote;
    let values = [
        created,
        id.as_str().into(),
        local.into(),
        443_u16.into(),
        owner.into(),
        address.into(),
        port.into(),
        state.into(),
    ];
    Record::made(COLUMNS, values).typed("CreationTime", wmi_proto::cim::CimType::DATETIME)
}

fn udp(local: &str, port: u16, owner: u32) -> Record {
    const COLUMNS: &[&str; 4] = &["CreationTime", "LocalAddress", "LocalPort", "OwningProcess"];
    Record::made(COLUMNS, [CimValue::DateTime(WHEN.into()), local.into(), port.into(), owner.into()])
}

fn windows(name: &str, id: u32) -> Record {
    const COLUMNS: &[&str; 2] = &["Name", "ProcessId"];
    Record::made(COLUMNS, [name.into(), id.into()])
}

fn counted(name: &str, id: u32) -> Record {
    const COLUMNS: &[&str; 2] = &["Name", "IDProcess"];
    Record::made(COLUMNS, [name.into(), id.into()])
}

fn report(shape: Shape, rows: Vec<(&'static str, Vec<Record>)>) -> Report {
    evaluated(&PLAN, &Options::new(shape), &mut State::default(), rows)
}

fn connections() -> Vec<Record> {
    vec![
        tcp("0.0.0.0", ("0.0.0.0", 0), 700, 2, true),
        tcp("192.0.2.1", ("192.0.2.9", 50_000), 700, 5, true),
        tcp("2001:db8::1", ("2001:db8::9", 50_001), 900, 5, true),
        tcp("192.0.2.1", ("192.0.2.9", 50_002), 0, 11, false),
        tcp("192.0.2.1", ("0.0.0.0", 0), 901, 100, true),
    ]
}

#[test]
fn infrasonar_has_the_columns_as_metrics() {
    let names = vec![counted("Idle", 0), counted("web#1", 700), counted("web", 900), counted("c#2", 901)];
    let report = report(Shape::Infrasonar, vec![(TCP, connections()), (PROCESS, names)]);
    assert_eq!(report.types.len(), 1, "nothing new unless asked for");
    let first = "0.0.0.0++443++0.0.0.0++0";
    let columns = [
        "CreationTime",
        "LocalAddress",
        "LocalPort",
        "OwningProcess",
        "OwningProcessID",
        "RemoteAddress",
        "RemotePort",
        "State",
    ];
    assert_eq!(metrics(&report, TCP, first), columns);
    assert_eq!(*value(&report, TCP, first, "CreationTime"), Value::Int(1_795_514_400));
    assert_eq!(*value(&report, TCP, first, "OwningProcess"), Value::from("web"));
    assert_eq!(*value(&report, TCP, first, "OwningProcessID"), Value::Uint(700));
    assert_eq!(*value(&report, TCP, first, "State"), Value::from("Listen"));
    assert_eq!(*value(&report, TCP, "192.0.2.1++443++0.0.0.0++0", "State"), Value::from("Bound"));
    let sharp = value(&report, TCP, "192.0.2.1++443++0.0.0.0++0", "OwningProcess");
    assert_eq!(*sharp, Value::from("c#2"), "without another c it is a name");
    assert_eq!(*value(&report, TCP, "2001:db8::1++443++2001:db8::9++50001", "OwningProcess"), Value::from("web"));
    assert_eq!(*value(&report, TCP, "192.0.2.1++443++192.0.2.9++50002", "OwningProcess"), Value::from("Idle"));
}

#[test]
fn names_of_windows_stand_in_for_those_of_counters() {
    let names = vec![windows("web.exe", 700)];
    let report = report(Shape::Infrasonar, vec![(TCP, connections()), (PROCESS, names)]);
    assert_eq!(*value(&report, TCP, "0.0.0.0++443++0.0.0.0++0", "OwningProcess"), Value::from("web"));
}

#[test]
fn quirk_a_null_creation_time_fails_nothing() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let report = report(shape, vec![(TCP, connections()), (PROCESS, Vec::new())]);
        let name =
            if shape == Shape::Native { "192.0.2.1:443 192.0.2.9:50002" } else { "192.0.2.1++443++192.0.2.9++50002" };
        assert_eq!(*value(&report, TCP, name, "CreationTime"), Value::Null, "{shape}");
        assert_eq!(items(&report, TCP).map(|items| items.len()), Some(5), "{shape}");
    }
}

#[test]
fn quirk_names_of_processes_are_those_of_this_round() {
    let mut state = State::default();
    let mut round = |name: &str| {
        let rows = vec![(TCP, connections()), (PROCESS, vec![counted(name, 700)])];
        let report = evaluated(&PLAN, &Options::new(Shape::Infrasonar), &mut state, rows);
        value(&report, TCP, "0.0.0.0++443++0.0.0.0++0", "OwningProcess").clone()
    };
    assert_eq!(round("web"), Value::from("web"));
    assert_eq!(round("mail"), Value::from("mail"));
}

#[test]
fn quirk_udp_endpoints_are_told() {
    let rows = vec![
        (TCP, Vec::new()),
        (UDP, vec![udp("0.0.0.0", 53, 80), udp("::", 53, 80), udp("::", 53, 81)]),
        (PROCESS, vec![windows("dns.exe", 80)]),
    ];
    let report = report(Shape::Native, rows);
    assert_eq!(items(&report, UDP), Some(vec!["0.0.0.0:53", "[::]:53 [80]", "[::]:53 [81]"]));
    assert_eq!(*value(&report, UDP, "[::]:53 [80]", "OwningProcess"), Value::from("dns.exe"));
    assert_eq!(*value(&report, UDP, "[::]:53 [81]", "OwningProcess"), Value::Null);
    assert_eq!(*value(&report, "netstatProcess", "dns.exe", "UdpEndpoints"), Value::Uint(2));
}

#[test]
fn sockets_of_one_name_are_told_apart_by_state_and_process_in_any_order() {
    let any = ("0.0.0.0", 0);
    let rows = [tcp("0.0.0.0", any, 700, 2, true), tcp("0.0.0.0", any, 700, 100, true), tcp("::", any, 700, 2, true)];
    let names = |rows: Vec<Record>| {
        let report = report(Shape::Native, vec![(TCP, rows), (UDP, Vec::new()), (PROCESS, Vec::new())]);
        assert!(report.warnings.iter().all(|w| !w.text.contains("name")), "that is nothing to warn of");
        let mut names: Vec<String> = items(&report, TCP).expect("a list").into_iter().map(str::to_owned).collect();
        names.sort_unstable();
        names
    };
    let expected = ["0.0.0.0:443 0.0.0.0:0 Bound [700]", "0.0.0.0:443 0.0.0.0:0 Listen [700]", "[::]:443 0.0.0.0:0"];
    assert_eq!(names(rows.to_vec()), expected);
    assert_eq!(names(rows.into_iter().rev().collect()), expected);
}

#[test]
fn a_list_without_the_connection_that_asked_for_it_is_flagged() {
    for shape in [Shape::Native, Shape::Infrasonar] {
        let of = |rows| report(shape, vec![(TCP, rows), (PROCESS, Vec::new())]).warnings;
        assert!(of(Vec::new()).iter().any(|warning| warning.text.contains("may be short")), "{shape}");
        assert!(of(connections().split_off(3)).iter().any(|warning| warning.text.contains("may be short")), "{shape}");
        assert_eq!(of(connections()), [], "{shape}");
    }
}

#[test]
fn connections_are_counted_by_state_and_program() {
    let names = vec![windows("System Idle Process", 0), windows("web.exe", 700), windows("web.exe", 900)];
    let report = report(Shape::Native, vec![(TCP, connections()), (UDP, vec![udp("::", 1, 700)]), (PROCESS, names)]);
    let state = |name| value(&report, "netstatState", name, "Connections").clone();
    assert_eq!(state("Established"), Value::Uint(2));
    assert_eq!(state("Bound"), Value::Uint(1));
    assert_eq!(state("CloseWait"), Value::Uint(0), "a state without connections is told as well");
    assert_eq!(items(&report, "netstatProcess"), Some(vec!["no process", "process 901", "web.exe"]));
    let web = |name| value(&report, "netstatProcess", "web.exe", name).clone();
    assert_eq!([web("Processes"), web("Connections")], [Value::Uint(2), Value::Uint(3)]);
    assert_eq!([web("Established"), web("Listening")], [Value::Uint(2), Value::Uint(1)]);
    assert_eq!(web("UdpEndpoints"), Value::Uint(1));
    assert_eq!(*value(&report, "netstatTotal", "total", "Connections"), Value::Uint(5));
    assert_eq!(*value(&report, TCP, "192.0.2.1:443 192.0.2.9:50002", "OwningProcess"), Value::Null);
    assert_eq!(*value(&report, TCP, "[2001:db8::1]:443 [2001:db8::9]:50001", "State"), Value::from("Established"));
}

#[test]
fn quirk_a_host_without_the_class_says_so_and_harms_no_other_part() {
    let mut state = State::default();
    let old = Failure { code: Some(0x8004_1010), ..Failure::of_values(TCP, "invalid class") };
    let report = evaluated(&PLAN, &Options::default(), &mut state, vec![(PROCESS, vec![windows("web.exe", 1)])]);
    assert_eq!(report.types, [], "what is not known is not counted");
    let mut report = Report { errors: vec![old], ..report };
    explain_old_hosts(&mut report);
    let remedy = report.errors[0].remedy.as_deref().expect("a remedy");
    assert!(remedy.contains("Server 2012"), "{remedy}");

    let rows = vec![(UDP, vec![udp("0.0.0.0", 53, 80)]), (PROCESS, vec![windows("dns.exe", 80)])];
    let report = evaluated(&PLAN, &Options::default(), &mut state, rows);
    assert_eq!(*value(&report, "netstatTotal", "total", "UdpEndpoints"), Value::Uint(1));
    assert_eq!(*value(&report, "netstatTotal", "total", "Connections"), Value::Null, "unknown, not none");
    assert_eq!(items(&report, TCP), None);
    assert_eq!(items(&report, "netstatState"), None);
}

#[test]
fn quirk_a_busy_server_is_counted_and_its_list_is_bounded() {
    let one = |n: u32| {
        let address = format!("198.18.{}.{}", n >> 8 & 255, n & 255);
        tcp("192.0.2.1", (&address, u16::try_from(n >> 16).expect("small") + 1024), 700, 5, true)
    };
    let rows: Vec<Record> = (0..30_000).map(one).collect();
    let native = report(Shape::Native, vec![(TCP, rows.clone()), (PROCESS, Vec::new())]);
    assert_eq!(items(&native, TCP).map(|items| items.len()), Some(LISTED));
    assert_eq!(*value(&native, "netstatState", "Established", "Connections"), Value::Uint(30_000));
    assert!(native.warnings.iter().any(|w| w.part == TCP && w.text.contains("of 30000")), "{:?}", native.warnings);
    let infrasonar = report(Shape::Infrasonar, vec![(TCP, rows), (PROCESS, Vec::new())]);
    assert_eq!(items(&infrasonar, TCP).map(|items| items.len()), Some(30_000), "its size is the probe's business");
}

#[test]
fn hosts_of_2012_know_neither_owners_nor_times() {
    const TCP_OF_2012: &[&str; 6] =
        &["InstanceID", "LocalAddress", "LocalPort", "RemoteAddress", "RemotePort", "State"];
    const UDP_OF_2012: &[&str; 2] = &["LocalAddress", "LocalPort"];
    assert!(CONNECTIONS.selects.iter().any(|select| select.columns == TCP_OF_2012));
    assert!(ENDPOINTS.selects.iter().any(|select| select.columns == UDP_OF_2012));
    let values = ["id".into(), "192.0.2.1".into(), 443_u16.into(), "192.0.2.9".into(), 50_000_u16.into(), 5_u8.into()];
    let connection = Record::made(TCP_OF_2012, values);
    let endpoint = Record::made(UDP_OF_2012, ["0.0.0.0".into(), 123_u16.into()]);
    let rows = vec![(TCP, vec![connection]), (UDP, vec![endpoint]), (PROCESS, vec![windows("x.exe", 700)])];
    let report = report(Shape::Native, rows);
    let name = "192.0.2.1:443 192.0.2.9:50000";
    assert_eq!(items(&report, TCP), Some(vec![name]));
    assert_eq!(*value(&report, TCP, name, "OwningProcess"), Value::Null);
    assert_eq!(*value(&report, "netstatTotal", "total", "Connections"), Value::Uint(1));
    assert_eq!(items(&report, "netstatProcess"), None, "it is not that no process has them");
}

#[test]
fn endpoints_that_one_process_has_several_times_are_told_apart_by_age_in_any_order() {
    let endpoint = |created: &str| {
        const COLUMNS: &[&str; 4] = &["CreationTime", "LocalAddress", "LocalPort", "OwningProcess"];
        let created = CimValue::DateTime(created.into());
        Record::made(COLUMNS, [created, "0.0.0.0".into(), 5353_u16.into(), 1234_u32.into()])
    };
    let mut rows: Vec<Record> =
        ["20261124090000.000000+000", "20261124080000.000000+000", "20261124100000.000000+000"].map(endpoint).to_vec();
    for _ in 0..2 {
        let report = report(Shape::Native, vec![(UDP, rows.clone())]);
        let made = |name| value(&report, UDP, name, "CreationTime").clone();
        assert_eq!(made("0.0.0.0:5353 [1234]"), Value::Real(1_795_507_200.0));
        assert_eq!(made("0.0.0.0:5353 [1234] #2"), Value::Real(1_795_510_800.0));
        assert_eq!(made("0.0.0.0:5353 [1234] #3"), Value::Real(1_795_514_400.0));
        assert_eq!(report.warnings, []);
        rows.reverse();
    }
}
