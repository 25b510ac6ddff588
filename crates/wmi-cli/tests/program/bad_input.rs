//! What can go wrong: one clear message with stage and code, the right exit status, and the rows that had arrived.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::{Duration, Instant};

use wmi_sim::{HostConfig, Server};

use crate::support::{ACCOUNT, Finished, faulty, host_with, query, run, wmi};

const MANY: &str = "SELECT Id, Name FROM Sim_Many";

/// Rows of the two batches before the third, which is where hosts fail: eight rows in batches of two.
fn two_batches(fault: &str, more: &[&str]) -> Finished {
    let host = faulty(8, fault);
    let mut arguments = vec!["-o", "jsonl", "--batch", "2", "--enumerator", "next"];
    arguments.extend_from_slice(more);
    run(query(host.activator_addr(), MANY, &arguments))
}

#[track_caller]
fn first_four(finished: &Finished) {
    let ids: Vec<_> = finished.lines().iter().map(|row| row["Id"].as_u64()).collect();
    assert_eq!(ids, [Some(0), Some(1), Some(2), Some(3)], "{finished:#?}");
}

#[test]
fn wrong_password() {
    let host = host_with(1, &[]);
    let mut command = query(host.activator_addr(), MANY, &[]);
    command.env("WMI_PASSWORD", "wrong");
    let finished = run(command).exits(1).in_one_message();
    let finished = finished.says(&["activat", "ACCESS_DENIED", "0x5", "check user, domain and password"]);
    assert_eq!(finished.stdout, "");
}

#[test]
fn refused_port() {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|l| l.local_addr()).expect("a free port");
    let finished = run(query(free, MANY, &["-o", "json"])).exits(3).in_one_message();
    let finished = finished.says(&["connect to the activator", "connection refused", "nobody listens"]);
    assert_eq!(finished.stdout, "[]\n", "an array also when nothing came");
}

#[test]
fn silent_port() {
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a listener");
    let begun = Instant::now();
    let address = silent.local_addr().expect("an address");
    run(query(address, MANY, &["--timeout", "0.4"])).exits(3).in_one_message().says(&[
        "log on at the activator",
        "out of time",
        "says nothing",
    ]);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[test]
fn silence_in_the_middle_keeps_what_had_arrived() {
    let finished = two_batches("silence-at-next", &["--timeout", "1.5"]).exits(3).in_one_message();
    first_four(&finished.says(&["fetching rows", "out of time"]).after(4));
}

#[test]
fn reset_in_mid_reply() {
    let finished = two_batches("reset-mid-reply", &[]).exits(3).in_one_message();
    first_four(&finished.says(&["fetching rows", "connection reset by the host"]).after(4));
}

#[test]
fn cut_in_mid_reply() {
    let finished = two_batches("cut-mid-reply", &[]).exits(3).in_one_message();
    first_four(&finished.says(&["fetching rows", "closed the connection"]).after(4));
}

#[test]
fn unknown_class() {
    let host = host_with(1, &[]);
    let finished = run(query(host.activator_addr(), "SELECT * FROM Win32_NoSuchThing", &[]));
    finished.exits(1).in_one_message().says(&[
        "WBEM_E_INVALID_CLASS",
        "0x80041010",
        "check its spelling",
        "partial: 0 rows",
    ]);
}

#[test]
fn bad_wql() {
    let host = host_with(1, &[]);
    for wql in ["SELECT FROM", "DROP TABLE Sim_Many", "SELECT * FROM Sim_Many WHERE Id ="] {
        let finished = run(query(host.activator_addr(), wql, &[]));
        finished.exits(1).in_one_message().says(&["WBEM_E_INVALID_QUERY", "0x80041017", "SELECT list FROM class"]);
    }
}

#[test]
fn empty_wql_is_a_usage_error() {
    run(query("127.0.0.1:1", " ", &[])).exits(2).says(&["empty"]);
}

#[test]
fn unknown_namespace() {
    let host = host_with(1, &[]);
    run(query(host.activator_addr(), MANY, &["-n", "root/nowhere"])).exits(1).in_one_message().says(&[
        "log-in to namespace root/nowhere",
        "WBEM_E_INVALID_NAMESPACE",
        "0x8004100e",
        "spelling",
    ]);
}

#[test]
fn no_access() {
    let host = host_with(1, &[]);
    run(query(host.activator_addr(), MANY, &["-n", "root/secret"])).exits(1).in_one_message().says(&[
        "log-in to namespace root/secret",
        "WBEM_E_ACCESS_DENIED",
        "0x80041003",
        "Remote Enable",
    ]);
}

#[test]
fn an_object_server_elsewhere_is_reached_only_when_that_is_allowed() {
    let [activator, elsewhere] = [1, 2].map(|last| SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), 0)));
    let mut config = HostConfig::new(0).rows(3);
    config.addresses = vec!["127.0.0.2".to_owned()];
    let host = Server::start(config, activator, elsewhere).expect("a host at two addresses");
    let address = host.activator_addr();
    run(query(address, MANY, &[])).exits(3).in_one_message().says(&[
        "connect to the object server",
        "connection refused",
        "netsh",
    ]);
    let finished = run(query(address, MANY, &["--follow-bindings", "-o", "jsonl"])).exits(0);
    assert_eq!(finished.lines().len(), 3);
}

#[test]
fn texts_that_wmi_does_not_take_are_not_sent() {
    let host = host_with(1, &[]);
    let long = format!("SELECT * FROM X WHERE Name='{}'", "x".repeat(16_384));
    let finished = run(query(host.activator_addr(), "SELECT Id FROM Sim_Many", &[&long])).exits(2).in_one_message();
    finished.says(&["query 2: ", "16384", "WBEM_E_QUOTA_VIOLATION"]);
    let error = run(query(host.activator_addr(), &long, &["-o", "json"])).exits(2).error();
    assert_eq!((&error["stage"], &error["name"]), (&"usage".into(), &"WBEM_E_QUOTA_VIOLATION".into()));
    assert_eq!(host.stats().logons, 0);
}

#[test]
fn a_name_that_does_not_resolve() {
    // A label over 63 octets is refused without asking a name server, which a machine may not have.
    let name = format!("{}.invalid", "x".repeat(64));
    let finished = run(query(&name, MANY, &["--timeout", "20"])).exits(3).in_one_message();
    finished.says(&[&name, "connect to the activator", "does not resolve", "spelling"]);
}

#[test]
fn a_host_that_lies_about_lengths() {
    let finished = two_batches("lies-about-lengths", &[]).exits(1).in_one_message();
    first_four(&finished.says(&["fetching rows", "malformed answer"]).after(4));
}

#[test]
fn a_host_whose_messages_are_changed_on_the_way() {
    for fault in ["bad-signature", "flip-data", "wrong-sequence"] {
        for level in ["privacy", "integrity"] {
            let finished = two_batches(fault, &["--auth-level", level]).exits(1).in_one_message();
            first_four(&finished.says(&["fetching rows", "tampered", "do not trust"]).after(4));
        }
    }
}

#[test]
fn the_host_reports_an_error_late() {
    let finished = two_batches("error-in-next", &[]).exits(1).in_one_message();
    first_four(&finished.says(&["fetching rows", "WBEM_E_FAILED", "0x80041001"]).after(4));
}

#[test]
fn bind_nak() {
    let host = faulty(1, "bind-nak");
    run(query(host.activator_addr(), MANY, &[]))
        .exits(1)
        .in_one_message()
        .says(&["log on at the activator", "bind refused"]);
}

#[test]
fn smart_enumeration_that_is_insisted_on_and_refused() {
    for fault in ["refuse-smart-call", "refuse-smart-item"] {
        let host = faulty(3, fault);
        let finished = run(query(host.activator_addr(), MANY, &["--enumerator", "smart"])).exits(1).in_one_message();
        finished.says(&["smart enumeration", "E_NOINTERFACE", "0x80004002", "auto"]);
        run(query(host.activator_addr(), MANY, &["--enumerator", "auto"])).exits(0);
    }
}

#[test]
fn every_usage_error_is_two() {
    for line in [
        &["query"][..],
        &["query", "h:0", "SELECT * FROM X", "-u", "x"],
        &["query", "[::1", "SELECT * FROM X"],
        &["query", "h", "SELECT * FROM X", "-o", "xml"],
        &["query", "h", "SELECT * FROM X", "--password", "secret"],
        &["check", "h", "nothing", "-u", ACCOUNT],
        &["sim", "--listen", "127.0.0.1:0", "--fault", "nothing"],
        &["decode"],
        &["frobnicate"],
    ] {
        let mut command = wmi(line.iter().copied());
        command.env("WMI_PASSWORD", "x");
        run(command).exits(2);
    }
    run(wmi(["query", "h", "SELECT * FROM X"])).exits(2).says(&["-u USER"]);
}
