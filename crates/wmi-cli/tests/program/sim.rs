//! `wmi sim` as a host for `wmi query`, both as programs.

use std::process::Child;

use crate::support::{line, lines_of, run, signal, start, wait, wmi};

fn sim(arguments: &[&str]) -> (Child, String) {
    let mut command = wmi(["sim", "--listen"]);
    command.args(arguments).env("WMI_PASSWORD", "pässword");
    let mut sim = start(&mut command);
    let first = line(&mut lines_of(&mut sim));
    let address = first.strip_prefix("listening on ").expect("where it listens").to_owned();
    (sim, address)
}

fn query(address: &str, account: &str, wql: &str) -> String {
    let mut command = wmi(["query", address, wql, "-u", account, "-o", "csv"]);
    command.env("WMI_PASSWORD", "pässword");
    run(command).exits(0).stdout
}

fn ids(address: &str, account: &str) -> String {
    query(address, account, "SELECT Id FROM Sim_Many")
}

#[test]
fn a_host_with_an_account_rows_and_faults() {
    let arguments = ["127.0.0.1:0", "-u", r"LAB\observer", "--rows", "3", "--fault", "hint-2", "--fault", "pad-8"];
    let (mut sim, address) = sim(&arguments);
    assert_eq!(ids(&address, r"LAB\observer"), "Id\n0\n1\n2\n");
    signal(&sim, "TERM");
    assert_eq!(wait(&mut sim).code(), Some(0));
}

#[test]
fn a_host_of_another_kind_at_another_time() {
    let arguments = ["127.0.0.1:0", "--profile", "workstation", "--clock", "2031-05-06T07:08:09Z", "--latency", "5"];
    let (mut sim, address) = sim(&arguments);
    let system = query(&address, r"ACME\monitor", "SELECT Caption FROM Win32_OperatingSystem");
    assert_eq!(system, "Caption\nMicrosoft Windows 11 Pro\n");
    assert_eq!(query(&address, r"ACME\monitor", "SELECT Year FROM Win32_UTCTime"), "Year\n2031\n");
    signal(&sim, "TERM");
    assert_eq!(wait(&mut sim).code(), Some(0));
}

#[test]
fn the_help_of_sim_lists_the_kinds_of_hosts() {
    let help = run(wmi(["sim", "--help"])).exits(0).stdout;
    for kind in ["server-2008r2", "core-256-cpus", "no-rights", "100,000 TCP connections"] {
        assert!(help.contains(kind), "{help}");
    }
}

#[test]
fn an_ipv6_host() {
    if std::net::TcpListener::bind(("::1", 0)).is_err() {
        println!("skipped: this machine has no IPv6 loopback");
        return;
    }
    let (mut sim, address) = sim(&["[::1]:0", "--rows", "1"]);
    assert!(address.starts_with("[::1]:"), "{address}");
    assert_eq!(ids(&address, r"ACME\monitor"), "Id\n0\n");
    signal(&sim, "INT");
    assert_eq!(wait(&mut sim).code(), Some(130));
}

#[test]
fn an_address_that_is_taken() {
    let taken = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let address = taken.local_addr().expect("an address").to_string();
    let mut command = wmi(["sim", "--listen", &address]);
    command.env("WMI_PASSWORD", "x");
    run(command).exits(1).in_one_message().says(&["cannot listen on", &address]);
}
