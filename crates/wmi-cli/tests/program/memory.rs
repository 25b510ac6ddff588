//! Memory does not grow with the rows: `benches/memory` is the same with a million of them.

use std::fs;
use std::process::Stdio;
use std::thread;
use std::time::Duration;

use crate::support::{host_with, query};

/// Long enough for batches to reach their full size.
const FEW: u32 = 12_000;
const MANY: u32 = 4 * FEW;

/// The peak of the resident memory, in kB, of a query that prints `rows` rows to nobody.
fn peak(rows: u32, format: &str) -> u64 {
    let host = host_with(rows, &[]);
    let wql = "SELECT Id, Name, Comment FROM Sim_Many";
    let mut command = query(host.activator_addr(), wql, &["-o", format, "--timeout", "300"]);
    let mut child = command.stdout(Stdio::null()).spawn().expect("the program starts");
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    let ended = loop {
        // The kernel keeps the maximum; what has ended has no such line any more.
        let status = fs::read_to_string(&status).unwrap_or_default();
        let told =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        peak = told.unwrap_or(peak);
        if let Some(ended) = child.try_wait().expect("a child") {
            break ended;
        }
        thread::sleep(Duration::from_millis(2));
    };
    assert!(ended.success() && peak > 0);
    peak
}

#[test]
fn four_times_the_rows_take_no_more_memory() {
    for format in ["jsonl", "json", "csv", "table"] {
        let (few, many) = (peak(FEW, format), peak(MANY, format));
        assert!(many * 10 <= few * 12, "{format}: {few} kB for {FEW} rows, {many} kB for {MANY}");
    }
}
