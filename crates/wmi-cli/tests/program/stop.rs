//! Ends from outside: signals, and a reader that leaves.

use std::io::Read as _;
use std::time::{Duration, Instant};

use wmi_sim::DEFAULT_PASSWORD;

use crate::support::{ACCOUNT, faulty, finish, host_with, line, lines_of, query, signal, start, until, wait, wmi};

const WQL: &str = "SELECT Id FROM Sim_Many";
const BATCHES: [&str; 6] = ["-o", "jsonl", "--batch", "2", "--enumerator", "next"];

#[test]
fn sigint_closes_the_session_and_keeps_what_had_arrived() {
    let host = faulty(8, "late-reply");
    let mut query = start(&mut query(host.activator_addr(), WQL, &BATCHES));
    let mut output = lines_of(&mut query);
    let rows: Vec<String> = (0..4).map(|_| line(&mut output)).collect();
    assert_eq!(rows, ["{\"Id\":0}", "{\"Id\":1}", "{\"Id\":2}", "{\"Id\":3}"], "rows are printed as they arrive");
    let begun = Instant::now();
    signal(&query, "INT");
    let finished = finish(query).exits(130).in_one_message().says(&["interrupted"]).after(4);
    assert!(begun.elapsed() < Duration::from_secs(5), "{finished:#?}");
}

#[test]
fn an_array_that_ends_early_is_written_as_it_comes_and_closed() {
    let host = faulty(8, "late-reply");
    let mut query =
        start(&mut query(host.activator_addr(), WQL, &["-o", "json", "--batch", "2", "--enumerator", "next"]));
    let mut output = lines_of(&mut query);
    let mut text = String::new();
    // Rows 2 and 3 come in one batch, and the next one is late.
    while !text.contains("\"Id\":2") {
        text.push_str(&line(&mut output));
    }
    signal(&query, "INT");
    finish(query).exits(130).after(4);
    output.read_to_string(&mut text).expect("the rest");
    let rows: Vec<serde_json::Value> = serde_json::from_str(&text).expect("a closed array");
    assert_eq!(rows.iter().map(|row| row["Id"].as_u64()).collect::<Vec<_>>(), [Some(0), Some(1), Some(2), Some(3)]);
}

#[test]
fn sigint_before_anything_arrived() {
    let host = faulty(8, "silence-at-bind");
    let query = start(&mut query(host.activator_addr(), WQL, &["-o", "json"]));
    until(&host, |host| host.stats().connections > 0);
    signal(&query, "INT");
    assert_eq!(finish(query).exits(130).says(&["interrupted"]).stdout, "[]\n");
}

#[test]
fn sigint_ends_a_check() {
    let host = faulty(8, "silence-at-query");
    let mut command = wmi(["check", &host.activator_addr().to_string(), "system", "-u", ACCOUNT]);
    let check = start(command.env("WMI_PASSWORD", DEFAULT_PASSWORD));
    until(&host, |host| host.stats().connections > 0);
    signal(&check, "INT");
    finish(check).exits(130).in_one_message().says(&["interrupted"]);
}

#[test]
fn a_reader_that_leaves_ends_the_query_quietly() {
    let host = host_with(20_000, &[]);
    for format in ["jsonl", "json", "csv", "table"] {
        let mut query = start(&mut query(host.activator_addr(), "SELECT Id, Name FROM Sim_Many", &["-o", format]));
        let mut output = lines_of(&mut query);
        line(&mut output);
        drop(output);
        let status = wait(&mut query);
        let finished = finish(query);
        assert_eq!((status.code(), finished.stderr.as_str()), (Some(0), ""), "{format}");
    }
}
