//! What one session for eleven queries saves over a session for each, over loopback.
//!
//! The simulated host and the client are processes of their own; a client tells the CPU time that its process has had,
//! its round trips and its log-ons. Nothing is compared but two runs of the same minute.

use std::collections::BTreeSet;
use std::num::NonZeroU32;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use serde_json::{Value, json};
use wmi_mio::Session;
use wmi_proto::{Config, Event, Query};

use processes::{Host, Outcome, cpu};

mod processes;

/// What a monitoring system asks of a host.
const QUERIES: [&str; 11] = [
    "SELECT * FROM Win32_OperatingSystem",
    "SELECT * FROM Win32_ComputerSystem",
    "SELECT * FROM Win32_Service",
    "SELECT * FROM Win32_Process",
    "SELECT * FROM Win32_LogicalDisk",
    "SELECT * FROM Win32_UTCTime",
    "SELECT * FROM Win32_PerfRawData_PerfOS_Processor",
    "SELECT * FROM Win32_PerfFormattedData_PerfOS_Memory",
    "SELECT * FROM Win32_PerfFormattedData_PerfOS_System",
    "SELECT * FROM Sim_AllTypes",
    "SELECT * FROM Sim_Many",
];
/// Times that one process asks them, so that its own start does not count.
const TIMES: u32 = 20;
/// Runs of each; the median counts.
const RUNS: usize = 3;

fn main() -> ExitCode {
    processes::main("sharing", 10, client, compare)
}

/// Asks all queries again and again: at the same time on one session, one after the other on it, or each on its own.
fn client(way: &str, config: Config) -> Outcome<()> {
    let (mut rows, mut round_trips, mut logons) = (0, 0, 0);
    let (begun, cpu_before) = (Instant::now(), cpu());
    for _ in 0..TIMES {
        let sessions: &[&[&str]] =
            if way == "eleven" { &QUERIES.each_ref().map(std::slice::from_ref) } else { &[&QUERIES] };
        for queries in sessions {
            let mut session = Session::connect(config.clone())?;
            rows +=
                if way == "one at a time" { in_turn(&mut session, queries)? } else { at_once(&mut session, queries)? };
            session.close()?;
            round_trips += session.stats().round_trips;
            logons += session.stats().logons;
        }
    }
    println!(
        "{}",
        json!({
            "rows": rows, "round_trips": round_trips / u64::from(TIMES), "logons": logons / u64::from(TIMES),
            "cpu": (cpu() - cpu_before).as_secs_f64() / f64::from(TIMES),
            "time": begun.elapsed().as_secs_f64() / f64::from(TIMES),
        })
    );
    Ok(())
}

fn in_turn(session: &mut Session, queries: &[&str]) -> Outcome<usize> {
    let mut rows = 0;
    for wql in queries {
        for row in session.query(Query::new(*wql))? {
            row??;
            rows += 1;
        }
    }
    Ok(rows)
}

fn at_once(session: &mut Session, queries: &[&str]) -> Outcome<usize> {
    let (mut rows, mut left) = (0, BTreeSet::new());
    for wql in queries {
        let query = session.command(|client, now| {
            let query = client.exec_query(Query::new(*wql).prefetch(true), now)?;
            client.fetch(query, NonZeroU32::MAX, now).map(|()| query)
        })?;
        left.insert(query);
    }
    while !left.is_empty() {
        match session.next_event()?.ok_or("the session is over")? {
            Event::Batch { query, rows: batch } => {
                rows += batch.len();
                // Behind a last batch there is nothing to ask.
                let _ = session.command(|client, now| client.fetch(query, NonZeroU32::MAX, now));
            }
            Event::QueryDone { query, outcome } => {
                outcome?;
                left.remove(&query);
            }
            _ => {}
        }
    }
    Ok(rows)
}

/// What a client said.
#[derive(Debug)]
struct Told {
    rows: u64,
    round_trips: u64,
    logons: u64,
    cpu: f64,
    time: f64,
}

fn compare() -> Outcome<()> {
    let host = Host::start()?;
    let mut costs = Vec::new();
    println!("eleven queries          CPU ms   time ms   round trips   log-ons");
    for way in ["at once", "one at a time", "eleven"] {
        let mut runs = (0..RUNS).map(|_| told(&mut host.client(way))).collect::<Outcome<Vec<_>>>()?;
        runs.sort_by(|a, b| a.cpu.total_cmp(&b.cpu));
        let Told { rows, round_trips, logons, cpu, time } = runs.swap_remove(RUNS / 2);
        let name = if way == "eleven" { "on eleven sessions".to_owned() } else { format!("on one, {way}") };
        println!("{name:22} {:7.2} {:9.2} {round_trips:13} {logons:9}", cpu * 1e3, time * 1e3);
        costs.push((rows, cpu));
    }
    let [(rows, shared), (others, _), (apart, separate)] = costs[..] else { return Err("three ways".into()) };
    if rows != others || rows != apart {
        return Err(format!("{rows}, {others} and {apart} rows").into());
    }
    println!("eleven sessions take {:.1} times the CPU time of one", separate / shared);
    if separate <= shared { Err("a session of its own for every query is no dearer".into()) } else { Ok(()) }
}

fn told(client: &mut Command) -> Outcome<Told> {
    let output = client.stderr(Stdio::inherit()).output()?;
    let text = String::from_utf8(output.stdout)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("{text:?}: {error}"))?;
    let number = |key: &str| value[key].as_u64().ok_or(format!("no {key}"));
    let seconds = |key: &str| value[key].as_f64().ok_or(format!("no {key}"));
    Ok(Told {
        rows: number("rows")?,
        round_trips: number("round_trips")?,
        logons: number("logons")?,
        cpu: seconds("cpu")?,
        time: seconds("time")?,
    })
}
