//! What one session for eleven queries saves over a session for each, over loopback.
//!
//! The simulated host and the client are processes of their own; a client tells the CPU time that its process has had,
//! its round trips and its log-ons. Nothing is compared but two runs of the same minute.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};
use wmi_mio::Session;
use wmi_proto::{Config, Credentials, Event, Query};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, HostConfig, Server};

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

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *words {
        ["host"] => host(),
        ["client", way, port] => client(way, port),
        _ if words.contains(&"--bench") => compare(),
        // As a test: nothing is measured.
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("sharing: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until its input ends.
fn host() -> Outcome<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(HostConfig::new(0).rows(10), any, any)?;
    println!("{}", server.activator_addr().port());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Asks all queries again and again: at the same time on one session, one after the other on it, or each on its own.
fn client(way: &str, port: &str) -> Outcome<()> {
    let account = format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}");
    let mut config = Config::new("127.0.0.1", Credentials::new(&account, DEFAULT_PASSWORD));
    config.port = port.parse()?;
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
    let this = std::env::current_exe()?;
    let mut host = Process(Command::new(&this).arg("host").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    let mut port = String::new();
    BufReader::new(host.0.stdout.take().ok_or("no output of the host")?).read_line(&mut port)?;
    let mut costs = Vec::new();
    println!("eleven queries          CPU ms   time ms   round trips   log-ons");
    for way in ["at once", "one at a time", "eleven"] {
        let mut runs = (0..RUNS).map(|_| told(&this, way, port.trim())).collect::<Outcome<Vec<_>>>()?;
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

fn told(this: &std::path::Path, way: &str, port: &str) -> Outcome<Told> {
    let output = Command::new(this).args(["client", way, port]).stderr(Stdio::inherit()).output()?;
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

/// The CPU time that this process has had.
fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A process that does not outlive its owner.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
