//! `wmi check` against hosts whose load and clock are known.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use serde_json::Value;
use wmi_proto::wire::status::BindNakReason;
use wmi_sim::{DEFAULT_PASSWORD, HostConfig, Server};

use crate::support::{
    ACCOUNT, Finished, all_given_back, faulty, host_of, host_with, line, lines_of, query, run, signal, start, wait, wmi,
};

fn check(address: impl ToString, arguments: &[&str]) -> Finished {
    let mut command = wmi(["check", &address.to_string(), "-u", ACCOUNT]);
    command.args(arguments).env("WMI_PASSWORD", DEFAULT_PASSWORD);
    run(command)
}

fn real(value: &Value) -> f64 {
    value.to_string().parse().expect("a number")
}

#[test]
fn system_as_json() {
    let host = host_with(1, &[]);
    let address = host.activator_addr();
    let finished = check(address, &["system", "-o", "json"]).exits(0);
    let document: Value = serde_json::from_str(&finished.stdout).expect("one document");
    let [report] = document.as_array().map(Vec::as_slice).unwrap_or_default() else { panic!("{document}") };
    assert_eq!(report["check"], "system");
    assert_eq!(report["host"], address.to_string());
    assert_eq!(report["errors"], Value::Array(Vec::new()));
    let types = &report["types"];
    let (drift, uncertainty) =
        (real(&types["time"][0]["TimeDifference"]), real(&types["time"][0]["TimeDifferenceUncertainty"]));
    assert!(drift.abs() <= uncertainty + 0.001, "one clock, two readings: {drift} ± {uncertainty}");
    let uptime = real(&types["system"][0]["SystemUpTime"]);
    let wql = "SELECT SystemUpTime FROM Win32_PerfFormattedData_PerfOS_System";
    let counted = real(&run(query(address, wql, &["-o", "jsonl"])).exits(0).lines()[0]["SystemUpTime"]);
    assert!((0.0..10.0).contains(&(counted - uptime)), "{uptime}, a little later {counted}");
    let memory = &types["os"][0];
    assert_eq!(memory["name"], "os");
    let (all, free, used) = ("TotalVisibleMemorySize", "FreePhysicalMemory", "MemoryUsed");
    assert_eq!(real(&memory[all]), real(&memory[free]) + real(&memory[used]));
}

#[test]
fn services_as_json() {
    let host = host_with(1, &[]);
    let finished = check(host.activator_addr(), &["services", "-o", "jsonl"]).exits(0);
    let report = &finished.lines()[0];
    let services = report["types"]["services"].as_array().expect("services");
    let service = services.iter().find(|s| s["name"] == "AppIDSvc").expect("the service");
    assert_eq!(service["State"], "Stopped");
    assert_eq!(service["Started"], false);
    assert_eq!(service["ExitCode"], 1077);
    assert!(service.get("Name").is_none(), "the name is the item's");
    assert!(services.iter().any(|s| s["Description"].is_null() || s["DelayedAutoStart"].is_null()), "NULL stays null");
}

#[test]
fn several_checks_share_one_session() {
    let host = host_with(1, &[]);
    let finished = check(host.activator_addr(), &["services", "system", "services", "-o", "jsonl"]).exits(0);
    let mut checks: Vec<String> = finished.lines().iter().map(|report| report["check"].to_string()).collect();
    checks.sort();
    assert_eq!(checks, ["\"services\"", "\"system\""]);
    assert_eq!(host.stats().calls_of("IWbemLevel1Login::NTLMLogin"), 1);
    all_given_back(&host);
}

#[test]
fn tables_for_people() {
    let host = host_with(1, &[]);
    let finished = check(host.activator_addr(), &["system"]).exits(0);
    for words in ["time\n", "metric ", " %\n", " ms\n", " d ", "ProcessorTime"] {
        assert!(finished.stdout.contains(words), "{words:?} is not in {}", finished.stdout);
    }
}

#[test]
fn a_host_that_is_not_reached_fails_every_part_and_says_so() {
    let refused = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port");
    let finished = check(refused, &["system", "services", "-o", "jsonl"]).exits(3).in_one_message();
    let reports = finished.lines();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0]["errors"][0]["stage"], "connect to the activator");
    assert_eq!(reports[0]["errors"][0]["code"], Value::Null);
    assert!(finished.stderr.contains("nobody listens"), "{}", finished.stderr);
    let tables = check(refused, &["system", "services"]).exits(3).stdout;
    assert_eq!(tables.matches(" s\n\n(failed)\n\n").count(), 2, "{tables}");
}

#[test]
fn an_unknown_check_lists_those_there_are() {
    let finished = check("srv.invalid", &["wether"]).exits(2);
    finished.says(&["wether", "system", "services", "counters:CLASS", "all"]);
    check("srv.invalid", &["system", "--skip", "wether"]).exits(2).says(&["wether", "services"]);
    check("srv.invalid", &["system", "--skip", "system"]).exits(2).says(&["no check is left"]);
    check("srv.invalid", &["system", "--count", "3"]).exits(2).says(&["--interval"]);
    check("srv.invalid", &["system", "--interval", "1", "--count", "0"]).exits(2).says(&["1.."]);
    let formatted = "counters:Win32_PerfFormattedData_PerfOS_System";
    check("srv.invalid", &[formatted]).exits(2).says(&["Win32_PerfRawData"]);
}

#[test]
fn checks_can_be_left_out() {
    let host = host_with(1, &[]);
    let counters = "Counters:Win32_PerfRawData_PerfOS_System";
    let arguments = ["NTdomain", "services", "System", counters, "--skip", "services, ntdomain", "-o", "jsonl"];
    let finished = check(host.activator_addr(), &arguments).exits(0);
    let checks: BTreeSet<String> =
        finished.lines().iter().filter_map(|report| Some(report["check"].as_str()?.to_owned())).collect();
    let expected = ["counters:Win32_PerfRawData_PerfOS_System", "system"].map(str::to_owned);
    assert_eq!(checks, BTreeSet::from(expected));
}

#[test]
fn the_infrasonar_shape_is_what_the_probe_sends() {
    let host = host_with(1, &[]);
    let address = host.activator_addr();
    let finished = check(address, &["services", "--shape", "infrasonar", "-o", "json"]).exits(0);
    let result: Value = serde_json::from_str(&finished.stdout).expect("one document");
    assert!(result["services"].as_array().is_some_and(|items| items.iter().all(|item| item["name"].is_string())));
    let finished = check(address, &["services", "system", "--shape", "infrasonar", "-o", "json"]).exits(0);
    let results: Value = serde_json::from_str(&finished.stdout).expect("one document");
    assert_eq!(results["services"], result);
    assert!(results["system"].is_object());
}

#[test]
fn all_are_those_of_the_shape() {
    let host = host_with(1, &[]);
    let checks = |shape: &str| -> BTreeSet<String> {
        let skip = ["--skip", "netstat,process,services,storage"];
        let finished = check(host.activator_addr(), &[&["all", "--shape", shape, "-o", "json"][..], &skip].concat());
        let document: Value = serde_json::from_str(&finished.stdout).expect("one document");
        match document {
            Value::Array(reports) => reports.iter().map(|report| report["check"].to_string()).collect(),
            document => document.as_object().expect("an object").keys().map(|key| format!("{key:?}")).collect(),
        }
    };
    let native = checks("native");
    assert!(native.contains("\"shares\"") && native.contains("\"memory\"") && !native.contains("\"process\""));
    let infrasonar = checks("infrasonar");
    let only: Vec<&str> = native.difference(&infrasonar).map(String::as_str).collect();
    assert_eq!((only, infrasonar.is_subset(&native)), (vec!["\"shares\""], true));
}

#[test]
fn rounds_at_an_interval_share_one_session() {
    let host = host_with(1, &[]);
    let begun = Instant::now();
    let arguments = ["services", "system", "--interval", "0.3", "--count", "3", "-o", "jsonl"];
    let finished = check(host.activator_addr(), &arguments).exits(0);
    assert!(begun.elapsed() >= Duration::from_millis(600), "{:?}", begun.elapsed());
    let reports = finished.lines();
    for key in ["services", "system"] {
        assert_eq!(reports.iter().filter(|report| report["check"] == key).count(), 3, "{reports:?}");
    }
    assert_eq!(host.stats().calls_of("IWbemLevel1Login::NTLMLogin"), 1);
    all_given_back(&host);
}

#[test]
fn rates_come_with_the_second_round_and_no_round_waits_for_them() {
    let host = host_with(1, &[]);
    let address = host.activator_addr();
    let finished = check(address, &["memory", "-o", "jsonl"]).exits(0).says(&["need a second sample", "--interval"]);
    let alone = finished.lines()[0]["took"].as_f64().expect("seconds");
    assert!(alone < 1.0, "{alone} s");
    let finished = check(address, &["memory", "--interval", "0.3", "--count", "2", "-o", "jsonl"]).exits(0);
    assert_eq!(finished.stderr, "");
    let rates: Vec<Value> =
        finished.lines().iter().map(|report| report["types"]["memory"][0]["PageFaults"].clone()).collect();
    assert!(rates[0].is_null() && rates[1].is_number(), "{rates:?}");
    assert_eq!(finished.lines()[1]["units"]["memory"]["PageFaults"], "per_second");
}

#[test]
fn a_slow_check_delays_nobody() {
    let host = host_of("slow");
    let slow = ["software", "--win32-product", "--timeout", "2"];
    let finished = check(host.activator_addr(), &[&slow[..], &["memory", "services", "-o", "jsonl"]].concat());
    let reports = finished.exits(3).says(&["out of time", "software/"]).lines();
    let of = |key: &str| reports.iter().find(|report| report["check"] == key).expect("a report");
    for key in ["memory", "services"] {
        assert_eq!(of(key)["errors"], Value::Array(Vec::new()));
        assert!(real(&of(key)["took"]) < 1.0, "{key}: {}", of(key)["took"]);
    }
    assert_eq!(reports.last().expect("reports")["check"], "software", "what is complete is not held back");
    assert!(real(&of("software")["took"]) >= 1.9);
    all_given_back(&host);
}

#[test]
fn checks_without_end_are_interrupted() {
    let host = host_with(1, &[]);
    let mut command = wmi(["check", &host.activator_addr().to_string(), "-u", ACCOUNT, "services", "-o", "jsonl"]);
    let mut child = start(command.args(["--interval", "0.2"]).env("WMI_PASSWORD", DEFAULT_PASSWORD));
    let mut output = lines_of(&mut child);
    for _ in 0..3 {
        let report: Value = serde_json::from_str(&line(&mut output)).expect("a report");
        assert_eq!(report["check"], "services");
    }
    signal(&child, "INT");
    assert_eq!(wait(&mut child).code(), Some(130));
    all_given_back(&host);
}

#[test]
fn what_came_before_an_interruption_is_told() {
    let host = host_of("slow");
    let mut command = wmi(["check", &host.activator_addr().to_string(), "-u", ACCOUNT, "services", "storage"]);
    let mut child = start(command.args(["-o", "jsonl"]).env("WMI_PASSWORD", DEFAULT_PASSWORD));
    let mut output = lines_of(&mut child);
    let mut next = || serde_json::from_str::<Value>(&line(&mut output)).expect("a report");
    assert_eq!(next()["check"], "services");
    // What the host has it has said when nothing was asked for a while; shadow storage takes minutes.
    let (mut calls, mut since, begun) = (0, Instant::now(), Instant::now());
    let is_asked = || host.stats().calls_of("IWbemServices::ExecQuery") >= 6;
    while (since.elapsed() < Duration::from_millis(400) || !is_asked()) && begun.elapsed() < Duration::from_secs(20) {
        std::thread::sleep(Duration::from_millis(20));
        let now = host.stats().total_calls();
        if std::mem::replace(&mut calls, now) != now {
            since = Instant::now();
        }
    }
    signal(&child, "INT");
    let storage = next();
    assert_eq!(wait(&mut child).code(), Some(130));
    assert!(storage["types"]["volume"].as_array().is_some_and(|volumes| !volumes.is_empty()), "{storage}");
    assert_eq!((&storage["errors"][0]["part"], &storage["errors"][0]["stage"]), (&"shadow".into(), &"stopped".into()));
    all_given_back(&host);
}

#[test]
fn a_host_that_comes_back_is_found_again() {
    let first = host_with(1, &[]);
    let address = first.activator_addr();
    let mut command = wmi(["check", &address.to_string(), "-u", ACCOUNT, "services", "-o", "jsonl", "--timeout", "2"]);
    let mut child = start(command.args(["--interval", "0.2", "--count", "60"]).env("WMI_PASSWORD", DEFAULT_PASSWORD));
    let mut output = lines_of(&mut child);
    let mut next = || serde_json::from_str::<Value>(&line(&mut output)).expect("a report");
    assert_eq!(next()["errors"], Value::Array(Vec::new()));
    drop(first);
    let until = Instant::now() + Duration::from_secs(20);
    while next()["errors"] == Value::Array(Vec::new()) {
        assert!(Instant::now() < until, "nobody misses the host");
    }
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let _second = Server::start(HostConfig::new(0), address, loopback).expect("the host at its port again");
    while next()["errors"] != Value::Array(Vec::new()) {
        assert!(Instant::now() < until, "the host is not found again");
    }
    signal(&child, "INT");
    assert_eq!(wait(&mut child).code(), Some(130));
}

#[test]
fn a_host_that_is_not_there_yet_is_asked_again() {
    let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port");
    let mut command = wmi(["check", &address.to_string(), "-u", ACCOUNT, "services", "-o", "jsonl"]);
    let mut child = start(command.args(["--interval", "0.2", "--count", "60"]).env("WMI_PASSWORD", DEFAULT_PASSWORD));
    let mut output = lines_of(&mut child);
    let mut next = || serde_json::from_str::<Value>(&line(&mut output)).expect("a report");
    for _ in 0..2 {
        assert_eq!(next()["errors"][0]["text"], "connection refused");
    }
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let _host = Server::start(HostConfig::new(0), address, loopback).expect("the host at this port");
    let until = Instant::now() + Duration::from_secs(20);
    while next()["errors"] != Value::Array(Vec::new()) {
        assert!(Instant::now() < until, "the host is not found");
    }
    signal(&child, "INT");
    assert_eq!(wait(&mut child).code(), Some(130));
}

/// The activator is reached under an address that the port of WMI is not open at, as behind a firewall.
#[cfg(target_os = "linux")]
#[test]
fn a_port_that_lets_nobody_in_is_told_with_its_rule_and_section() {
    let (activator, objects) = (SocketAddr::from(([127, 0, 0, 2], 0)), SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let host = Server::start(HostConfig::new(0), activator, objects).expect("a host on loopback");
    let port = host.object_addr().port();
    let finished = check(host.activator_addr(), &["services", "system"]).exits(3).in_one_message();
    finished.says(&[
        "connect to the object server",
        &format!("told port {port}"),
        &format!("localport={port}"),
        "netsh advfirewall firewall set rule group=",
        "docs/windows-hosts.md#dynamic-ports",
        "docs/windows-hosts.md#fixed-port",
    ]);
}

#[test]
fn a_refused_log_on_is_not_repeated() {
    let host = host_with(1, &[]);
    let mut command = wmi(["check", &host.activator_addr().to_string(), "-u", ACCOUNT, "services", "system"]);
    command.args(["--interval", "0.1", "--count", "50", "-o", "jsonl"]).env("WMI_PASSWORD", "wrong");
    let finished = run(command).exits(1).says(&["check user, domain and password", "locks accounts"]);
    assert_eq!(finished.lines().len(), 2);
}

#[test]
fn a_session_that_broke_is_begun_anew() {
    let host = faulty(1, "garbage");
    let arguments = ["services", "--interval", "0.2", "--count", "2", "-o", "jsonl"];
    let finished = check(host.activator_addr(), &arguments).exits(1).says(&["tampered"]);
    assert_eq!(finished.lines().len(), 2, "{}", finished.stderr);
    assert!(!finished.stderr.contains("locks accounts"), "nobody refused a log-on: {}", finished.stderr);
    // Who is told so in a signed answer has logged on: WMI may be starting, or the right may be given later.
    let host = faulty(1, "deny-activation");
    let finished = check(host.activator_addr(), &arguments).exits(1).says(&["#dcom-rights"]);
    assert_eq!(finished.lines().len(), 2, "{}", finished.stderr);
}

#[test]
fn a_host_that_has_no_room_at_the_moment_is_asked_again() {
    let mut host = HostConfig::new(0);
    host.refused_binds = Some(BindNakReason::TEMPORARY_CONGESTION);
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let host = Server::start(host, loopback, loopback).expect("a host on loopback");
    let arguments = ["services", "--interval", "0.1", "--count", "2", "-o", "jsonl"];
    let finished = check(host.activator_addr(), &arguments).exits(1);
    assert_eq!(finished.lines().len(), 2, "{}", finished.stderr);
    assert!(!finished.stderr.contains("locks accounts"), "nobody refused a log-on: {}", finished.stderr);
}

#[test]
fn what_is_refused_is_told_with_the_section_that_helps() {
    let denied = faulty(1, "deny-query");
    let finished = check(denied.activator_addr(), &["services", "-o", "jsonl"]).exits(1).in_one_message();
    let finished = finished.says(&["docs/windows-hosts.md#least-privilege", "services/services"]);
    assert_eq!(finished.lines()[0]["types"], serde_json::json!({}));
    let denied = faulty(1, "deny-login");
    let finished = check(denied.activator_addr(), &["services", "system"]).exits(1).in_one_message();
    finished.says(&["docs/windows-hosts.md#namespace-rights", "root/cimv2"]);
    // Two hives could not be read for the reason that services could not.
    let denied = faulty(1, "deny-activation");
    let finished = check(denied.activator_addr(), &["services", "software", "-o", "jsonl"]).exits(1).in_one_message();
    finished.says(&["docs/windows-hosts.md#dcom-rights", "services/services", "software/programs"]);
    let finished = check(denied.activator_addr(), &["software"]).exits(1);
    assert_eq!(finished.stderr.matches("#dcom-rights").count(), 1, "{}", finished.stderr);
}

#[test]
fn missing_counters_leave_the_rest_and_name_what_rebuilds_them() {
    let host = host_of("broken-counters");
    let finished = check(host.activator_addr(), &["system", "-o", "jsonl"]).exits(1);
    let finished = finished.says(&["WBEM_E_INVALID_CLASS", "docs/windows-hosts.md#performance-counters"]);
    let report = &finished.lines()[0];
    assert!(report["types"]["os"][0]["TotalVisibleMemorySize"].is_number());
    assert!(report["types"].get("processor").is_none(), "no counters are no zeros");
}

#[test]
fn what_failed_is_told_with_code_name_meaning_namespace_and_class() {
    let host = host_of("broken-counters");
    let address = host.activator_addr();
    let one = check(address, &["system"]).exits(1);
    one.says(&[
        "fetching rows: WBEM_E_INVALID_CLASS (0x80041010), class Win32_PerfRawData_PerfOS_Processor in root/cimv2: ",
        "the namespace has no class of this name (check system/processor)",
    ]);
    let many = check(address, &["system", "storage"]).exits(1).says(&[" and 2 others in root/cimv2: "]);
    assert_eq!(many.stderr.matches("#performance-counters").count(), 1, "{}", many.stderr);
    let finished = check(address, &["memory", "-o", "json"]).exits(1).in_one_message();
    let message: Value = serde_json::from_str(&finished.stderr).expect("one line");
    let document: Value = serde_json::from_str(&finished.stdout).expect("one document");
    for (place, of) in [(&message, "the message"), (&document[0]["errors"][0], "the report")] {
        assert_eq!(place["name"], "WBEM_E_INVALID_CLASS", "{of}");
        assert_eq!(place["meaning"], "the namespace has no class of this name", "{of}");
        assert_eq!(place["namespace"], "root/cimv2", "{of}");
        assert_eq!(place["class"], "Win32_PerfRawData_PerfOS_Memory", "{of}");
    }
}

#[test]
fn a_class_of_counters_that_is_missing_is_named() {
    let host = host_with(1, &[]);
    let (good, bad) = ("counters:Win32_PerfRawData_PerfOS_System", "counters:Win32_PerfRawData_No_Such");
    let finished = check(host.activator_addr(), &[bad, good, "-o", "jsonl"]).exits(1);
    let finished = finished.says(&["Win32_PerfRawData_No_Such", "docs/windows-hosts.md#performance-counters"]);
    let reports = finished.lines();
    let of = |key: &str| reports.iter().find(|report| report["check"] == key).expect("a report");
    assert_eq!(of(good)["errors"], Value::Array(Vec::new()), "the other check is unharmed");
    assert_eq!(of(bad)["types"], serde_json::json!({}));
}

#[test]
fn a_list_that_is_silently_short_is_flagged() {
    let host = host_of("no-rights");
    let finished = check(host.activator_addr(), &["services", "-o", "jsonl"]).exits(0);
    let finished = finished.says(&["the list is short", "docs/windows-hosts.md#least-privilege"]);
    assert_eq!(finished.lines()[0]["warnings"][0]["part"], "services");
    let arguments = ["services", "--interval", "0.1", "--count", "3", "-o", "jsonl"];
    let several = check(host.activator_addr(), &arguments).exits(0);
    assert_eq!(several.stderr, finished.stderr, "what stays doubtful is told once");
    assert!(several.lines().iter().all(|report| report["warnings"][0]["part"] == "services"), "{}", several.stdout);
    // Sessions are counted of no list that may be short, and of counters that are not shown nothing is known.
    let people = check(host.activator_addr(), &["users"]).exits(1).stderr;
    let of_both =
        ["may be short", "#least-privilege", "Performance Monitor Users"].map(|of| people.matches(of).count());
    assert_eq!(of_both, [3, 1, 1], "{people}");
    let host = host_with(1, &[]);
    assert_eq!(check(host.activator_addr(), &["users"]).exits(0).stderr, "");
}

#[test]
fn names_are_those_of_the_host_each_once() {
    let host = host_of("foreign-locale");
    let finished = check(host.activator_addr(), &["process", "-o", "jsonl"]);
    let reports = finished.lines();
    let types = reports[0]["types"].as_object().expect("types");
    assert!(finished.stdout.contains("Überwachung.exe"), "not escaped, not cut");
    for (name, items) in types {
        let names: Vec<&str> =
            items.as_array().expect("items").iter().filter_map(|item| item["name"].as_str()).collect();
        let different: BTreeSet<&&str> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{name}");
        assert!(names.iter().all(|name| !name.is_empty()), "{name}");
    }
}

#[test]
fn what_the_checks_read() {
    let text = run(wmi(["checks"])).exits(0).stdout;
    assert!(text.lines().all(|line| line.chars().count() <= 160), "{text}");
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let finished = run(wmi(["checks", "-o", "json"])).exits(0);
    let list: Vec<Value> = serde_json::from_str(&finished.stdout).expect("a list");
    assert!(!list.is_empty());
    for check in list {
        let words = |value: &Value| value.as_str().expect("text").to_owned();
        let key = words(&check["check"]);
        assert!(text.contains(&format!("{key}: {}", words(&check["summary"]))), "{key}");
        for read in check["reads"].as_array().expect("a list") {
            assert!(text.contains(&format!("{}:{}", words(&read["namespace"]), words(&read["class"]))), "{read}");
            assert!(read["members"].as_array().is_some_and(|members| !members.is_empty()), "{read}: never all");
        }
        for returned in check["returns"].as_array().expect("a list") {
            assert!(text.contains(&words(&returned["type"])), "{returned}");
            for metric in returned["metrics"].as_array().expect("a list") {
                assert!(text.contains(&words(&metric["name"])) && metric["unit"].is_string(), "{metric}");
            }
        }
        assert!(check["rights"].is_string());
    }
}
