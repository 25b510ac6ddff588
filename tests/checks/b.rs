//! The checks network, netstat, ntDomain, shares and users.

use std::time::Duration;

use wmi_checks::{Options, Report, Shape, State, Value};
use wmi_sim::{HostConfig, Profile};
use wmi_testkit::pair::{Pair, config};

use crate::metric;

const SHAPES: [Shape; 2] = [Shape::Native, Shape::Infrasonar];

fn pair(profile: Profile) -> Pair {
    Pair::new(config(), HostConfig::new(50_000).profile(profile))
}

/// The first round of a check.
fn report(profile: Profile, key: &str, shape: Shape) -> Report {
    pair(profile).round(key, &Options::new(shape), State::default()).report
}

fn names(report: &Report, kind: &str) -> Vec<String> {
    let found = report.types.iter().find(|t| t.name == kind).unwrap_or_else(|| panic!("no {kind}: {report:?}"));
    found.items.iter().map(|item| item.name.clone()).collect()
}

fn types(report: &Report) -> Vec<&str> {
    report.types.iter().map(|t| t.name).collect()
}

#[test]
fn all_of_them_are_whole_on_an_ordinary_server() {
    for key in ["network", "netstat", "ntDomain", "shares", "users"] {
        for shape in SHAPES {
            let report = report(Profile::Server2022, key, shape);
            assert!(report.errors.is_empty(), "{key} {shape}: {:?}", report.errors);
            assert!(report.warnings.is_empty(), "{key} {shape}: {:?}", report.warnings);
        }
    }
}

#[test]
fn infrasonar_has_its_own_types_and_no_others() {
    let of = |key| types(&report(Profile::Server2022, key, Shape::Infrasonar)).join(" ");
    assert_eq!(of("network"), "adapterConfiguration adapter interface route tcp udp");
    assert_eq!(of("netstat"), "netstat");
    assert_eq!(of("ntDomain"), "domain share");
    assert_eq!(of("users"), "remote loggedOn loggedOnTotal");
}

#[test]
fn adapters_say_what_the_host_says_of_them() {
    let native = report(Profile::Server2022, "network", Shape::Native);
    let capture = "Simulated Capture Filter [16]";
    assert_eq!(*metric(&native, "adapter", capture, "NetConnectionStatus"), Value::Null, "it has none");
    let vpn = "Simulated VPN Virtual Adapter [15]";
    assert_eq!(*metric(&native, "adapter", vpn, "NetConnectionStatus"), Value::from("Disconnected"));
    assert_eq!(*metric(&native, "adapter", vpn, "Speed"), Value::Null, "not the largest number of 63 bits");
    let disabled = r"PCI\VEN_8086&DEV_10D3&SUBSYS_00008086&REV_00\3&11583659&0&20";
    assert_eq!(*metric(&native, "adapter", disabled, "ConfigManagerErrorMsg"), Value::from("This device is disabled"));
    let configuration = "[00000004] Intel(R) 82574L Gigabit Network Connection";
    assert_eq!(*metric(&native, "adapter", disabled, "AdapterConfig"), Value::from(configuration));
    let address = "2001:db8:20:30::40 [6]";
    assert_eq!(*metric(&native, "address", address, "PrefixLength"), Value::Uint(64));
    assert_eq!(*metric(&native, "address", "10.20.30.40 [6]", "Family"), Value::from("IPv4"));
}

#[test]
fn both_default_routes_are_there() {
    let infrasonar = report(Profile::Server2022, "network", Shape::Infrasonar);
    let routes = names(&infrasonar, "route");
    let default: Vec<&String> = routes.iter().filter(|name| name.starts_with("0.0.0.0")).collect();
    assert_eq!(default, ["0.0.0.0 [6]", "0.0.0.0/0 via 10.20.30.2 [6]"]);
    assert_eq!(*metric(&infrasonar, "route", "0.0.0.0 [6]", "NextHop"), Value::from("10.20.30.1"));
    assert_eq!(*metric(&infrasonar, "route", "127.0.0.1 [1]", "Adapter"), Value::Null, "the loopback is no adapter");
}

/// What the simulated host sends and receives each second is in its formatted classes.
#[test]
fn rates_of_two_rounds_are_those_of_the_host() {
    for shape in SHAPES {
        let mut pair = pair(Profile::Server2022);
        let first = pair.round("network", &Options::new(shape), State::default());
        pair.advance(Duration::from_secs(30));
        let before = pair.host.stats().calls_of("IWbemServices::ExecQuery");
        let second = pair.round("network", &Options::new(shape), first.state);
        let asked = pair.host.stats().calls_of("IWbemServices::ExecQuery") - before;
        assert_eq!(asked, 8, "{shape}: with a sample nothing formatted is asked for that is not reported itself");
        assert!(second.report.warnings.is_empty(), "{:?}", second.report.warnings);
        let mut looked_at = 0;
        for kind in ["tcp", "udp", "interface"] {
            for name in names(&first.report, kind) {
                let item = second.report.types.iter().find(|t| t.name == kind).expect("the type").items.iter();
                let item = item.clone().find(|item| item.name == name).expect("the item");
                for rate in item.metrics.iter().filter(|metric| metric.name.ends_with("Persec")) {
                    let number = |value: &Value| match *value {
                        Value::Real(value) => value,
                        Value::Uint(value) => value as f64,
                        ref value => panic!("{name} {}: {value:?}", rate.name),
                    };
                    let (host, ours) = (number(metric(&first.report, kind, &name, &rate.name)), number(&rate.value));
                    assert!((host - ours).abs() <= host / 50.0 + 1.0, "{name} {}: {ours}, not {host}", rate.name);
                    looked_at += 1;
                }
            }
        }
        assert!(looked_at >= 20, "{looked_at}");
    }
}

#[test]
fn without_counters_the_adapters_are_there_all_the_same() {
    for shape in SHAPES {
        let report = report(Profile::BrokenCounters, "network", shape);
        assert_eq!(names(&report, "adapter").len(), 15, "{shape}");
        assert!(!types(&report).contains(&"tcp"), "{shape}: {:?}", types(&report));
        for part in ["interface", "TCPv4", "TCPv6", "UDPv4", "UDPv6"] {
            assert!(report.errors.iter().any(|error| error.part == part), "{shape} {part}: {:?}", report.errors);
        }
        let report = self::report(Profile::BrokenCounters, "netstat", shape);
        assert!(report.errors.is_empty(), "names of programs come from Win32_Process: {:?}", report.errors);
    }
}

#[test]
fn connections_have_states_and_owners() {
    let native = report(Profile::Server2022, "netstat", Shape::Native);
    let bound = metric(&native, "netstatState", "Bound", "Connections");
    assert_eq!(*bound, Value::Uint(3), "the undocumented state");
    let over = "10.20.30.40:49727 10.20.30.10:88";
    assert_eq!(*metric(&native, "netstat", over, "State"), Value::from("TimeWait"));
    assert_eq!(*metric(&native, "netstat", over, "OwningProcess"), Value::Null);
    assert_eq!(*metric(&native, "netstat", "[::]:1433 [::]:0", "OwningProcess"), Value::from("sqlservr.exe"));
    assert_eq!(*metric(&native, "udpEndpoint", "0.0.0.0:123", "OwningProcess"), Value::from("svchost.exe"));
    let (listed, endpoints) = (names(&native, "netstat").len() as u64, names(&native, "udpEndpoint").len() as u64);
    assert_eq!(*metric(&native, "netstatTotal", "total", "Connections"), Value::Uint(listed));
    assert_eq!(*metric(&native, "netstatTotal", "total", "UdpEndpoints"), Value::Uint(endpoints));

    let infrasonar = report(Profile::Server2022, "netstat", Shape::Infrasonar);
    let listening = "::++1433++::++0";
    assert_eq!(*metric(&infrasonar, "netstat", listening, "OwningProcess"), Value::from("sqlservr"));
    assert_eq!(*metric(&infrasonar, "netstat", listening, "State"), Value::from("Listen"));
}

#[test]
fn a_host_before_2012_says_that_it_has_no_connections_to_tell() {
    for shape in SHAPES {
        let report = report(Profile::Server2008R2, "netstat", shape);
        assert!(report.types.is_empty(), "{:?}", report.types);
        let error = report.errors.iter().find(|error| error.part == "netstat").expect("the failure");
        assert_eq!(error.code, Some(0x8004_100e));
        assert!(error.remedy.as_ref().is_some_and(|remedy| remedy.contains("Server 2012")), "{:?}", error.remedy);
        assert!(report.errors.iter().all(|error| error.part != "process"), "{:?}", report.errors);
        let report = self::report(Profile::Server2008R2, "users", shape);
        assert!(report.errors.is_empty(), "{:?}", report.errors);
    }
}

#[test]
fn shares_and_domains_are_told() {
    let shares = report(Profile::Server2022, "shares", Shape::Native);
    assert_eq!(*metric(&shares, "share", "projects", "MaximumAllowed"), Value::Uint(25));
    assert_eq!(*metric(&shares, "share", "scans", "MaximumAllowed"), Value::Null);
    assert_eq!(*metric(&shares, "share", "IPC$", "Administrative"), Value::Bool(true));
    let domains = report(Profile::Server2022, "ntDomain", Shape::Native);
    assert_eq!(types(&domains), ["domain", "membership"]);
    assert_eq!(names(&domains, "domain"), ["ACME", "BRANCH"], "what has no domain name is none");
    assert_eq!(*metric(&domains, "domain", "ACME", "DomainControllerName"), Value::from("DC01"));
    assert_eq!(*metric(&domains, "domain", "BRANCH", "DomainControllerName"), Value::Null);
    assert_eq!(*metric(&domains, "membership", "membership", "DomainRole"), Value::from("Member Server"));
    let infrasonar = report(Profile::Server2022, "ntDomain", Shape::Infrasonar);
    assert_eq!(*metric(&infrasonar, "share", "IPC$", "Type"), Value::from("IPC Admin"));
    assert_eq!(*metric(&infrasonar, "domain", "BRANCH", "DomainControllerName"), Value::from(""));
}

#[test]
fn a_workstation_in_a_workgroup_is_no_member() {
    let report = report(Profile::Workstation, "ntDomain", Shape::Native);
    let of = |name| metric(&report, "membership", "membership", name).clone();
    assert_eq!([of("PartOfDomain"), of("Domain")], [Value::Bool(false), Value::Null]);
    assert_eq!(of("DomainRole"), Value::from("Standalone Workstation"));
    assert!(matches!(of("Workgroup"), Value::Text(name) if !name.is_empty()), "{:?}", of("Workgroup"));
}

#[test]
fn sessions_are_local_or_remote_and_none_is_stale() {
    let native = report(Profile::Server2022, "users", Shape::Native);
    let sessions = names(&native, "session");
    assert_eq!(sessions, [r"ACME\administrator [1]", r"ACME\j.meyer [2]", r"ACME\a.o'neil [3]"]);
    let kinds = sessions.iter().map(|name| metric(&native, "session", name, "Kind").clone());
    assert_eq!(kinds.collect::<Vec<_>>(), ["local".into(), "remote".into(), "remote".into()]);
    assert_eq!(*metric(&native, "sessionTotal", "total", "LocalSessions"), Value::Uint(1));
    assert_eq!(*metric(&native, "sessionTotal", "total", "RemoteSessions"), Value::Uint(2));
    let infrasonar = report(Profile::Server2022, "users", Shape::Infrasonar);
    assert!(names(&infrasonar, "loggedOn").contains(&r"ACME\a.o'neil".to_owned()));
    assert_eq!(*metric(&infrasonar, "loggedOn", r"ACME\j.meyer", "SessionCount"), Value::Uint(2));
}

#[test]
fn without_rights_sessions_are_not_counted_and_it_is_said() {
    let native = report(Profile::NoRights, "users", Shape::Native);
    assert_eq!(*metric(&native, "sessionTotal", "total", "LocalSessions"), Value::Null);
    assert_eq!(*metric(&native, "sessionTotal", "total", "RemoteSessions"), Value::Null);
    assert!(native.warnings.iter().any(|w| w.text.contains("list may be short")), "{:?}", native.warnings);
    // Processes are shown to everybody: two winlogon.exe beside that of the console.
    let infrasonar = report(Profile::NoRights, "users", Shape::Infrasonar);
    assert_eq!(*metric(&infrasonar, "remote", "remote", "Count"), Value::Uint(2));
}
