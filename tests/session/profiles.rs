//! What kinds of hosts there are, how far they are away, what time they have, and how fast their providers are.

use std::time::Duration;

use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::{ExecMethod, FileTime, Query};
use wmi_sim::{Fault, HostConfig, Profile};
use wmi_testkit::{Pair, config};

use crate::host;

const LOCAL_MACHINE: u32 = 0x8000_0002;
const USERS: u32 = 0x8000_0003;
const UNINSTALL: &str = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall";

fn pair(host: HostConfig) -> Pair {
    Pair::new(config(), host)
}

fn rows(pair: &mut Pair, wql: &str) -> usize {
    let outcome = pair.run(Query::new(wql), 100);
    outcome.end.unwrap_or_else(|error| panic!("{wql}: {error}"));
    outcome.rows.len()
}

/// A call of the registry provider.
fn registry(method: &str, root: u32, path: &str) -> ExecMethod {
    ExecMethod::new("StdRegProv", method).parameter("hDefKey", root).parameter("sSubKeyName", path)
}

fn value(object: &CimObject, name: &str) -> CimValue {
    object.get(name).unwrap_or_else(|| panic!("{object:?} has no {name}")).expect("it decodes")
}

/// The names that a method of the registry provider lists.
fn names(pair: &mut Pair, method: &str, root: u32, path: &str) -> Vec<String> {
    let object = pair.method(registry(method, root, path)).expect("carried out").expect("values");
    assert_eq!(value(&object, "ReturnValue"), CimValue::Uint32(0), "{method} {path}");
    let names = value(&object, "sNames");
    let names = names.as_array().unwrap_or_default();
    names.iter().map(|name| name.as_str().expect("a name").into_owned()).collect()
}

#[test]
fn every_profile_answers() {
    for &profile in Profile::ALL {
        let mut pair = pair(host().profile(profile));
        for class in ["Win32_OperatingSystem", "Win32_ComputerSystem"] {
            assert_eq!(rows(&mut pair, &format!("SELECT * FROM {class}")), 1, "{profile}");
        }
        assert!(rows(&mut pair, "SELECT Name FROM Win32_Service") > 0, "{profile}");
        assert_eq!(pair.finish_session(), Ok(()), "{profile}");
        assert_eq!((pair.host.alive_objects(), pair.host.stats().unverified), (0, 0), "{profile}");
    }
}

#[test]
fn one_provider_takes_minutes_and_holds_up_nobody() {
    let mut pair = pair(host().profile(Profile::Slow));
    let minutes = Duration::from_secs(600);
    let slow = pair.exec(Query::new("SELECT Name FROM Win32_Product").timeout(minutes));
    let began = pair.now();
    assert!(rows(&mut pair, "SELECT Name FROM Win32_Service") > 0);
    assert!(pair.now().saturating_since(began) < Duration::from_secs(1));
    let outcome = pair.finish(slow, 100);
    assert!(outcome.end.is_ok() && !outcome.rows.is_empty(), "{:?}", outcome.end);
    assert!(pair.now().saturating_since(began) >= Duration::from_secs(180));
}

#[test]
fn without_rights_a_method_of_the_registry_is_refused() {
    let mut pair = pair(host().profile(Profile::NoRights));
    let error = pair.method(registry("EnumKey", LOCAL_MACHINE, UNINSTALL)).expect_err("refused");
    assert_eq!(error.code_name(), Some("WBEM_E_ACCESS_DENIED"), "{error}");
}

#[test]
fn calls_in_flight_take_the_time_of_the_provider_together() {
    let each = Duration::from_millis(100);
    let time = |host: HostConfig| {
        let mut pair = pair(host);
        pair.method(registry("EnumKey", LOCAL_MACHINE, UNINSTALL)).expect("carried out");
        let began = pair.now();
        let calls = (0..20).map(|_| pair.exec_method(registry("EnumValues", LOCAL_MACHINE, "SOFTWARE\\Sim")));
        let calls: Vec<_> = calls.collect::<Result<_, _>>().expect("accepted");
        for call in calls {
            assert!(pair.reply(call).is_ok());
        }
        pair.now().saturating_since(began)
    };
    let together = time(host().provider_time(each));
    assert!((each..each * 2).contains(&together), "{together:?}");
    let one_by_one = time(host().provider_time(each).faults([Fault::NoMpx]));
    assert!(one_by_one >= each * 20, "{one_by_one:?}");
}

#[test]
fn a_host_that_is_far_away_says_everything_later() {
    let time = |latency: u64| {
        let mut pair = pair(host().latency(Duration::from_millis(latency)));
        assert_eq!(rows(&mut pair, "SELECT Name FROM Win32_OperatingSystem"), 1);
        let began = pair.now();
        assert_eq!(rows(&mut pair, "SELECT Name FROM Win32_OperatingSystem"), 1);
        pair.now().saturating_since(began)
    };
    let round_trip = Duration::from_millis(20);
    let (near, far) = (time(0), time(20));
    assert!(far >= near + round_trip * 2, "a query takes two round trips at least: {near:?}, {far:?}");
    assert!(far < near + round_trip * 6, "{far:?}");
}

#[test]
fn the_clock_begins_where_it_is_told_to() {
    // 2026-03-01T12:00:00Z
    let clock = FileTime::from_unix(Duration::from_secs(1_772_366_400));
    let mut pair = pair(host().clock(clock));
    pair.advance(Duration::from_secs(90));
    let outcome = pair.run(Query::new("SELECT * FROM Win32_UTCTime"), 1);
    let row = outcome.rows[0].as_ref().expect("decodes");
    let field = |name: &str| row.get(name).expect("there").expect("decodes").as_u64();
    assert_eq!(["Year", "Month", "Day"].map(field), [Some(2026), Some(3), Some(1)]);
    assert_eq!(["Hour", "Minute", "Second"].map(field), [Some(12), Some(1), Some(30)]);
}

#[test]
fn the_registry_lists_programs_and_what_changes_among_them() {
    let mut pair = pair(host());
    let before = names(&mut pair, "EnumKey", LOCAL_MACHINE, UNINSTALL);
    assert!(before.len() > 150, "{}", before.len());
    let narrow = UNINSTALL.replacen("SOFTWARE", "SOFTWARE\\WOW6432Node", 1);
    assert!(names(&mut pair, "EnumKey", LOCAL_MACHINE, &narrow).len() > 100);
    let users = names(&mut pair, "EnumKey", USERS, "");
    let of_users = users.iter().filter(|user| user.starts_with("S-1-5-21-") && !user.ends_with("_Classes"));
    for user in of_users.collect::<Vec<_>>() {
        assert_eq!(names(&mut pair, "EnumKey", USERS, &format!("{user}\\{UNINSTALL}")).len(), 4);
    }

    let path = format!("{UNINSTALL}\\Zephyr 4");
    pair.at_host(|host, _| {
        let size = CimValue::Uint32(4_096);
        host.set_registry(LOCAL_MACHINE, &path, &[("DisplayName", "Zephyr".into()), ("EstimatedSize", size)]);
    });
    assert_eq!(names(&mut pair, "EnumKey", LOCAL_MACHINE, UNINSTALL).len(), before.len() + 1);
    assert_eq!(names(&mut pair, "EnumValues", LOCAL_MACHINE, &path), ["DisplayName", "EstimatedSize"]);
    let name = registry("GetStringValue", LOCAL_MACHINE, &path).parameter("sValueName", "DisplayName");
    let name = pair.method(name).expect("carried out").expect("values");
    assert_eq!(value(&name, "sValue"), CimValue::from("Zephyr"));
    pair.at_host(|host, _| assert!(host.delete_registry(LOCAL_MACHINE, &path)));
    assert_eq!(names(&mut pair, "EnumKey", LOCAL_MACHINE, UNINSTALL), before);
}
