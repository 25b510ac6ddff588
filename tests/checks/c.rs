//! The checks software, services and updates.

use std::time::Duration;

use wmi_checks::{Finished, Options, Report, Shape, State, Value};
use wmi_proto::ExecMethod;
use wmi_proto::cim::CimValue;
use wmi_sim::{Fault, HostConfig, Profile};
use wmi_testkit::pair::{Pair, config};

use crate::metric;

const LOCAL_MACHINE: u32 = 0x8000_0002;
const USERS: u32 = 0x8000_0003;
const UNINSTALL: &str = "SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Uninstall";

fn pair(host: HostConfig) -> Pair {
    Pair::new(config(), host)
}

fn of(profile: Profile) -> Pair {
    pair(HostConfig::new(50_000).profile(profile))
}

fn native(pair: &mut Pair, key: &str, state: State) -> Finished {
    pair.round(key, &Options::default(), state)
}

fn uint(report: &Report, kind: &str, item: &str, name: &str) -> u64 {
    let Value::Uint(number) = *metric(report, kind, item, name) else { panic!("{kind} {item} {name} is no number") };
    number
}

fn count(report: &Report, kind: &str) -> usize {
    report.types.iter().find(|t| t.name == kind).map_or(0, |t| t.items.len())
}

#[test]
fn programs_come_from_both_views_and_from_users() {
    let report = native(&mut of(Profile::Server2022), "software", State::default()).report;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let scopes = &report.types.iter().find(|t| t.name == "scope").expect("scopes").items;
    let user = scopes.iter().find(|item| item.name.starts_with("S-1-5-21-")).expect("a user");
    for scope in ["machine", "machine, 32-bit view", &user.name] {
        assert!(uint(&report, "scope", scope, "Programs") > 0, "{scope}");
    }
    assert!(uint(&report, "scope", "machine", "HiddenComponents") > 0);
    assert!(uint(&report, "scope", "machine", "HiddenUpdates") > 0);
    assert!(count(&report, "program") > 200, "{}", count(&report, "program"));
    let program = &report.types.iter().find(|t| t.name == "program").expect("programs").items[0];
    assert!(program.metrics.len() >= 9, "{program:?}");
    assert!(count(&report, "product") == 0 && count(&report, "feature") > 0);
}

/// Everything that can be seen at once is, and the rest within eight rounds.
#[test]
fn a_later_round_reads_what_changed_only() {
    let mut pair = of(Profile::Server2022);
    let calls = |pair: &Pair| pair.host.stats().calls_of("IWbemServices::ExecMethod");
    let first = native(&mut pair, "software", State::default());
    let whole = calls(&pair);
    let new = format!("{UNINSTALL}\\New");
    let text = |text: &str| CimValue::String(text.into());
    let written = [("DisplayName", text("A new one")), ("DisplayVersion", text("1"))];
    let removal = ("UninstallString", text(r"C:\New\uninstall.exe"));
    pair.host.set_registry(LOCAL_MACHINE, &new, &[&written[..], &[removal]].concat());
    let before = calls(&pair);
    let second = native(&mut pair, "software", first.state);
    let again = calls(&pair) - before;
    assert!(again * 3 < whole, "{again} after {whole}");
    assert_eq!(*metric(&second.report, "program", "A new one", "DisplayVersion"), Value::from("1"));
    assert_eq!(count(&second.report, "program"), count(&first.report, "program") + 1);
    // Another version is seen at once, and so is a program that went.
    pair.host.set_registry(LOCAL_MACHINE, &new, &[("DisplayVersion", text("2"))]);
    let third = native(&mut pair, "software", second.state);
    assert_eq!(*metric(&third.report, "program", "A new one", "DisplayVersion"), Value::from("2"));
    assert!(pair.host.delete_registry(LOCAL_MACHINE, &new));
    let fourth = native(&mut pair, "software", third.state);
    assert_eq!(count(&fourth.report, "program"), count(&first.report, "program"));
    assert!(fourth.report.errors.is_empty(), "{:?}", fourth.report.errors);
}

/// Gives every program of the host all nine values that are read of one.
fn fill(pair: &mut Pair) {
    let text = |text: &str| CimValue::String(text.into());
    let report = native(pair, "software", State::default()).report;
    for item in &report.types.iter().find(|t| t.name == "program").expect("programs").items {
        let said = |name| match metric(&report, "program", &item.name, name) {
            Value::Text(text) => text.as_str(),
            _ => "",
        };
        let below = UNINSTALL.strip_prefix("SOFTWARE\\").expect("the start");
        let (root, hive) = match (said("Scope"), said("View")) {
            ("machine", "32-bit") => (LOCAL_MACHINE, "SOFTWARE\\WOW6432Node".to_owned()),
            ("machine", _) => (LOCAL_MACHINE, "SOFTWARE".to_owned()),
            (sid, _) => (USERS, format!("{sid}\\Software")),
        };
        let values = [
            ("DisplayVersion", text("2.4.1")),
            ("Publisher", text("Example")),
            ("InstallDate", text("20240312")),
            ("EstimatedSize", CimValue::Uint32(2048)),
            ("InstallLocation", text("C:\\Program Files\\Example")),
            ("InstallSource", text("C:\\Setup")),
            ("UninstallString", text("C:\\Program Files\\Example\\uninstall.exe")),
            ("WindowsInstaller", CimValue::Uint32(1)),
        ];
        pair.host.set_registry(root, &format!("{hive}\\{below}\\{}", said("Key")), &values);
    }
}

/// 20 ms there and back, 1 ms in the provider for each call, 32 calls in flight: under 3 s of virtual time for at least
/// 300 programs of nine values each, beside the keys that are hidden. Without multiplexing the number is told.
#[test]
fn three_hundred_programs_are_read_in_less_than_three_seconds() {
    let host = || HostConfig::new(50_000).latency(Duration::from_millis(20)).provider_time(Duration::from_millis(1));
    let read = |host: HostConfig| {
        // The log-on is not what is measured.
        let mut pair = pair(host);
        fill(&mut pair);
        let calls = |pair: &Pair| pair.host.stats().calls_of("IWbemServices::ExecMethod");
        let before = (pair.now(), calls(&pair));
        let report = native(&mut pair, "software", State::default()).report;
        assert!(report.errors.is_empty(), "{:?}", report.errors);
        let programs = count(&report, "program");
        assert!(programs >= 300, "{programs} programs");
        let calls = calls(&pair) - before.1;
        assert!(calls >= 10 * programs as u64, "the layout and nine values of each: {calls} calls");
        (pair.now().saturating_since(before.0), programs, calls)
    };
    let (granted, programs, calls) = read(host());
    println!("{programs} programs, {calls} calls: {granted:?} of virtual time, at most 32 calls in flight");
    assert!(granted < Duration::from_secs(3), "{granted:?} for {programs} programs and {calls} calls");
    let (in_turn, ..) = read(host().faults([Fault::NoMpx]));
    println!("without multiplexing: {in_turn:?}");
    assert!(in_turn > granted);
}

#[test]
fn a_registry_that_may_not_be_read_takes_nothing_else_with_it() {
    let report = native(&mut of(Profile::NoRights), "software", State::default()).report;
    assert_eq!(count(&report, "program"), 0);
    assert!(report.types.iter().all(|t| t.name != "program"), "the type of a part that failed is missing");
    assert!(count(&report, "feature") > 0);
    assert!(report.errors.iter().any(|error| error.part == "programs" && error.code.is_some()), "{:?}", report.errors);
}

#[test]
fn a_workstation_is_no_server_and_that_is_no_error() {
    let mut pair = of(Profile::Workstation);
    let report = native(&mut pair, "software", State::default()).report;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert!(report.warnings.iter().any(|warning| warning.text.contains("no server")), "{:?}", report.warnings);
    let probe = pair.round("software", &Options::new(Shape::Infrasonar), State::default()).report;
    assert!(probe.errors.is_empty(), "{:?}", probe.errors);
    assert_eq!(probe.types.iter().map(|t| t.name).collect::<Vec<_>>(), ["installed"]);
}

#[test]
fn a_provider_that_takes_minutes_is_not_waited_for() {
    let mut pair = of(Profile::Slow);
    let probe = pair.round("software", &Options::new(Shape::Infrasonar), State::default());
    assert!(probe.took <= Duration::from_secs(121), "{:?}", probe.took);
    assert!(probe.report.errors.iter().any(|error| error.part == "installed"), "{:?}", probe.report);
    assert!(count(&probe.report, "feature") > 0, "the other part is whole");
}

#[test]
fn names_that_are_not_ascii() {
    let mut pair = of(Profile::ForeignLocale);
    let report = native(&mut pair, "software", State::default()).report;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let programs = &report.types.iter().find(|t| t.name == "program").expect("programs").items;
    assert!(programs.iter().any(|program| !program.name.is_ascii()));
    let services = native(&mut pair, "services", State::default()).report;
    assert!(services.errors.is_empty() && services.warnings.is_empty(), "{:?}", services.warnings);
}

#[test]
fn dates_are_right_or_unknown() {
    let foreign = native(&mut of(Profile::ForeignLocale), "updates", State::default()).report;
    assert!(foreign.errors.is_empty(), "{:?}", foreign.errors);
    assert_eq!(*metric(&foreign, "coverage", "coverage", "DateOrder"), Value::from("day first"));
    let american = native(&mut of(Profile::Server2022), "updates", State::default()).report;
    assert_eq!(*metric(&american, "updates", "KB5034765", "InstalledOn"), Value::from("2024-02-14"));
    assert_eq!(
        *metric(&american, "updates", "KB5034439", "InstalledOn"),
        Value::from("2024-01-09"),
        "proved by others"
    );
    assert_eq!(*metric(&american, "updates", "KB4589208", "InstalledOn"), Value::Null);
}

#[test]
fn old_hosts_have_services_without_delayed_start() {
    let report = native(&mut of(Profile::Server2008R2), "services", State::default()).report;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    let service = &report.types[0].items[0];
    assert!(service.metrics.iter().any(|m| m.name == "DelayedAutoStart" && m.value == Value::Null), "{service:?}");
}

#[test]
fn an_account_without_rights_is_told_that_its_list_is_short() {
    let whole = native(&mut of(Profile::Server2022), "services", State::default()).report;
    assert!(whole.warnings.is_empty(), "{:?}", whole.warnings);
    let short = native(&mut of(Profile::NoRights), "services", State::default()).report;
    assert!(count(&short, "services") < count(&whole, "services"));
    assert!(short.warnings.iter().any(|warning| warning.text.contains("short")), "{:?}", short.warnings);
}

/// Stops a service of the host, which it takes for the wish of somebody.
fn stop(pair: &mut Pair, service: &str) {
    let path = format!("Win32_Service.Name=\"{service}\"");
    let out = pair.method(ExecMethod::new(path, "StopService")).expect("the host does it").expect("it says how");
    assert_eq!(out.get("ReturnValue").expect("there").expect("decodes"), CimValue::Uint32(0));
}

/// Of the services that start automatically SimBroken has ended with an error, an updater has done what it starts for,
/// and Spooler is paused.
#[test]
fn quirk_a_service_that_waits_for_its_trigger_raises_no_alarm() {
    let mut pair = of(Profile::Server2022);
    ["LanmanServer", "MSSQLSERVER"].iter().for_each(|service| stop(&mut pair, service));
    let calls = |pair: &Pair| pair.host.stats().calls_of("IWbemServices::ExecMethod");
    let before = calls(&pair);
    let report = native(&mut pair, "services", State::default()).report;
    assert!(report.errors.is_empty(), "{:?}", report.errors);
    assert_eq!(calls(&pair) - before, 4, "of the services that should run and do not");
    for (service, expected) in [
        ("LanmanServer", Value::Bool(true)),
        ("MSSQLSERVER", Value::Bool(false)),
        ("SimBroken", Value::Bool(false)),
        // It runs, and nobody needs to know.
        ("Dnscache", Value::Null),
        ("W32Time", Value::Null),
    ] {
        assert_eq!(*metric(&report, "services", service, "TriggerStart"), expected, "{service}");
    }
    let total = |name| uint(&report, "servicesTotal", "total", name);
    assert_eq!(
        (total("AutoStartNotRunning"), total("AutoStartFailed")),
        (4, 1),
        "MSSQLSERVER, edgeupdate, SimBroken and Spooler"
    );
    assert_eq!((total("AutoStartAwaitingTrigger"), total("AutoStartUnknown")), (1, 0));
    let before = calls(&pair);
    let probe = pair.round("services", &Options::new(Shape::Infrasonar), State::default()).report;
    assert_eq!((probe.types.len(), calls(&pair)), (1, before), "the InfraSonar shape asks the registry nothing");
}

#[test]
fn services_are_told_where_the_registry_may_not_be_read() {
    let mut pair = of(Profile::NoRights);
    stop(&mut pair, "Dhcp");
    let report = native(&mut pair, "services", State::default()).report;
    let [failure] = report.errors.as_slice() else { panic!("{:?}", report.errors) };
    assert_eq!((failure.part, failure.name), ("triggers", Some("WBEM_E_ACCESS_DENIED")));
    assert_eq!(count(&report, "services"), 4);
    assert_eq!(*metric(&report, "services", "Dhcp", "TriggerStart"), Value::Null);
    assert_eq!(uint(&report, "servicesTotal", "total", "AutoStartUnknown"), 1);
    assert_eq!(uint(&report, "servicesTotal", "total", "AutoStartNotRunning"), 0);
}
