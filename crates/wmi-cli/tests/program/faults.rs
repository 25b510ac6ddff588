//! Every host that a Windows host may legally be: all rows come.

use wmi_sim::Fault;

use crate::support::{all_given_back, host_with, query, run};

const ROWS: u32 = 300;

#[track_caller]
fn all_rows(fault: Fault, more: &[&str]) {
    // A twentieth of a second a row.
    let rows = if fault == Fault::SlowRows { 20 } else { ROWS };
    let host = host_with(rows, &[fault]);
    let mut arguments = vec!["-o", "jsonl"];
    arguments.extend_from_slice(more);
    let finished = run(query(host.activator_addr(), "SELECT * FROM Sim_Many", &arguments)).exits(0);
    let ids: Vec<_> = finished.lines().iter().map(|row| row["Id"].as_u64()).collect();
    let expected: Vec<_> = (0..u64::from(rows)).map(Some).collect();
    assert_eq!(ids, expected, "{fault} {more:?}: {}", finished.stderr);
    all_given_back(&host);
}

#[test]
fn every_legal_host_gives_all_rows() {
    let legal: Vec<Fault> = Fault::ALL.iter().copied().filter(|fault| fault.is_legal()).collect();
    assert!(legal.len() >= 20);
    for fault in legal {
        all_rows(fault, &[]);
        all_rows(fault, &["--enumerator", "next", "--batch", "7"]);
    }
}

#[test]
fn every_legal_host_but_one_can_be_asked_for_signatures_only() {
    for &fault in Fault::ALL.iter().filter(|fault| fault.is_legal()) {
        if fault != Fault::DemandPrivacy {
            all_rows(fault, &["--auth-level", "integrity", "--batch", "100"]);
        }
    }
}

#[test]
fn missing_results_are_reported_and_no_error() {
    let host = host_with(ROWS, &[Fault::PartialResults]);
    let finished = run(query(host.activator_addr(), "SELECT Id FROM Sim_Many", &["-o", "jsonl"])).exits(0);
    let finished = finished.says(&["WBEM_S_PARTIAL_RESULTS", "0x40010"]);
    assert_eq!(finished.lines().len(), ROWS as usize);
}
