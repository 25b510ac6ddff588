//! `wmi check` against hosts whose load and clock are known.

use serde_json::Value;
use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{ACCOUNT, Finished, all_given_back, host_with, query, run, wmi};

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
    let report: Value = serde_json::from_str(&finished.stdout).expect("one object");
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
    let finished = check(host.activator_addr(), &["services", "-o", "json"]).exits(0);
    let report: Value = serde_json::from_str(&finished.stdout).expect("one object");
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
    let finished = check(host.activator_addr(), &["services", "system", "-o", "json"]).exits(0);
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
    for words in ["time\n", "MemoryUsedRatio", "ProcessorTime"] {
        assert!(finished.stdout.contains(words), "{words:?} is not in {}", finished.stdout);
    }
}

#[test]
fn a_host_that_is_not_reached_fails_every_part_and_says_so() {
    let refused = std::net::TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()).expect("a free port");
    let finished = check(refused, &["system", "services", "-o", "json"]).exits(3);
    let reports = finished.lines();
    assert_eq!(reports.len(), 2);
    assert_eq!(reports[0]["errors"][0]["stage"], "connect to the activator");
    assert_eq!(reports[0]["errors"][0]["code"], Value::Null);
    assert!(finished.stderr.contains("nobody listens"), "{}", finished.stderr);
}
