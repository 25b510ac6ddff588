//! Several queries at once over one session: whose rows are whose, in every format, and what one failure leaves.

use serde_json::Value;

use crate::support::{all_given_back, faulty, finish, host_with, line, lines_of, query, run, signal, start};

const FEW: &str = "SELECT Id FROM Sim_Many WHERE Id < 2";
const NAMES: &str = "SELECT Name FROM Sim_Many";
const BAD: &str = "SELECT * FROM Win32_NoSuchThing";

#[test]
fn json_lines_carry_the_number_of_their_query() {
    let host = host_with(700, &[]);
    let finished = run(query(host.activator_addr(), FEW, &[NAMES, "-o", "jsonl", "-v"])).exits(0);
    let rows = finished.lines();
    let of = |number: u64| rows.iter().filter(move |row| row["__query"] == number);
    assert_eq!(of(1).map(|row| row["Id"].as_u64()).collect::<Vec<_>>(), [Some(0), Some(1)]);
    assert_eq!((of(2).count(), rows.len()), (700, 702));
    assert!(of(2).all(|row| row["Name"].is_string()));
    assert!(finished.stdout.lines().any(|line| line == r#"{"__query":1,"Id":0}"#), "{finished:#?}");
    finished.says(&["702 rows, ", " 2 log-ons, "]);
    all_given_back(&host);
}

#[test]
fn tables_come_one_after_the_other_under_headings() {
    let host = host_with(3, &[]);
    let more = [NAMES, "SELECT * FROM Sim_Empty"];
    let finished = run(query(host.activator_addr(), FEW, &more)).exits(0);
    let expected = format!(
        "query 1: {FEW}\nId\n--\n 0\n 1\n(2 rows)\n\n\
         query 2: {NAMES}\nName\n---------\nrow 00000\nrow 00001\nrow 00002\n(3 rows)\n\n\
         query 3: SELECT * FROM Sim_Empty\n(0 rows)\n"
    );
    assert_eq!((finished.stdout, finished.stderr.as_str()), (expected, ""));
}

#[test]
fn a_long_result_before_a_short_one_and_behind_it() {
    let host = host_with(25_000, &[]);
    for texts in [[NAMES, FEW, NAMES], [FEW, NAMES, FEW]] {
        let finished = run(query(host.activator_addr(), texts[0], &[texts[1], texts[2]])).exits(0);
        let at: Vec<_> = (1..=3).map(|n| finished.stdout.find(&format!("query {n}: ")).expect("a heading")).collect();
        assert!(at.is_sorted());
        let rows = texts.map(|text| if text == FEW { 2 } else { 25_000 });
        // Each with a heading, names, a rule, a count, and a line between two.
        assert_eq!(finished.stdout.lines().count(), rows.iter().sum::<usize>() + 3 * 4 + 2);
        for rows in rows {
            assert!(finished.stdout.contains(&format!("({rows} rows)\n")));
        }
    }
    all_given_back(&host);
}

#[test]
fn one_failure_does_not_lose_the_rows_of_others() {
    let host = host_with(3, &[]);
    let words = [
        "query 2: fetching rows: WBEM_E_INVALID_CLASS (0x80041010), class Win32_NoSuchThing in root/cimv2",
        "check its spelling",
        "partial: 0 rows",
    ];
    for format in ["table", "jsonl"] {
        let finished = run(query(host.activator_addr(), FEW, &[BAD, NAMES, "-o", format])).exits(1);
        assert_eq!(finished.stdout.lines().filter(|line| line.contains("row 0000")).count(), 3, "{finished:#?}");
        if format == "table" {
            let finished = finished.in_one_message().says(&words);
            assert!(finished.stdout.contains(&format!("query 2: {BAD}\n(0 rows, incomplete)\n")), "{finished:#?}");
        }
    }
    all_given_back(&host);
}

#[test]
fn the_array_says_which_query_failed_of_what() {
    let host = host_with(3, &[]);
    let finished = run(query(host.activator_addr(), FEW, &[BAD, NAMES, "-o", "json"])).exits(1);
    let queries: Vec<Value> = serde_json::from_str(&finished.stdout).expect("one array");
    assert_eq!(queries.iter().map(|q| q["query"].as_u64()).collect::<Vec<_>>(), [Some(1), Some(2), Some(3)]);
    assert_eq!(queries[0]["rows"], serde_json::json!([{"Id": 0}, {"Id": 1}]));
    assert_eq!((queries[1]["wql"].as_str(), &queries[1]["rows"]), (Some(BAD), &Value::Array(Vec::new())));
    let error = &queries[1]["error"];
    assert_eq!((&error["name"], &error["class"]), (&"WBEM_E_INVALID_CLASS".into(), &"Win32_NoSuchThing".into()));
    assert_eq!(error["namespace"], "root/cimv2");
    assert_eq!((&queries[0]["error"], &queries[2]["error"]), (&Value::Null, &Value::Null));
    assert_eq!(queries[2]["rows"].as_array().map(Vec::len), Some(3));
    let error: Value = serde_json::from_str(&finished.stderr).expect("one line of JSON");
    assert_eq!((&error["query"], &error["code"], &error["rows"]), (&2.into(), &"0x80041010".into(), &0.into()));
}

#[test]
fn what_all_fail_of_is_said_once_and_the_status_is_the_worst() {
    let host = faulty(8, "silence-at-query");
    let address = host.activator_addr();
    let finished = run(query(address, FEW, &[NAMES, NAMES, "--timeout", "0.7"])).exits(3).in_one_message();
    finished.says(&["queries 1, 2 and 3: query", "out of time", "partial: 0 rows"]);
    let mut wrong = query(address, FEW, &[BAD, "-o", "jsonl"]);
    wrong.env("WMI_PASSWORD", "wrong");
    let finished = run(wrong).exits(1);
    let error: Value = serde_json::from_str(&finished.stderr).expect("one line of JSON");
    assert_eq!(error["queries"], serde_json::json!([1, 2]));
    assert_eq!((&error["code_number"], &error["stage"]), (&5.into(), &"log on at the activator".into()));
}

#[test]
fn csv_of_several_is_refused_before_anything_is_sent() {
    let host = host_with(3, &[]);
    let finished = run(query(host.activator_addr(), FEW, &[NAMES, "-o", "csv"])).exits(2).in_one_message();
    finished.says(&["csv has one header", "jsonl"]);
    assert_eq!(host.stats().connections, 0);
}

#[test]
fn sigint_ends_all_of_them_and_keeps_what_had_arrived() {
    let host = faulty(8, "late-reply");
    let more = [NAMES, "-o", "json", "--batch", "2", "--enumerator", "next"];
    let mut query = start(&mut query(host.activator_addr(), "SELECT Id FROM Sim_Many", &more));
    let mut output = lines_of(&mut query);
    let mut text = String::new();
    while !text.contains("\"Id\":2") {
        text.push_str(&line(&mut output));
    }
    signal(&query, "INT");
    finish(query).exits(130).says(&[r#""what":"interrupted""#]);
    std::io::Read::read_to_string(&mut output, &mut text).expect("the rest");
    let queries: Vec<Value> = serde_json::from_str(&text).expect("a closed array");
    assert_eq!(queries.len(), 2);
    assert!(queries.iter().all(|query| query["error"]["what"] == "interrupted"), "{queries:#?}");
    assert!(queries[0]["rows"].as_array().is_some_and(|rows| rows.len() >= 3));
}
