//! How many rows a second of the client's CPU time brings over loopback, beside aiowmi from the same host.
//!
//! The simulated host, this client and the foreign one are processes of their own; a client tells all the CPU time that
//! its process has had, start and log-on included. Everybody folds every value into one checksum, which the rows of the
//! simulator foretell.

use std::io::{Read as _, Write as _};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, SystemTime};

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::Md5;
use rc4::{Rc4, StreamCipher as _};
use serde_json::{Value, json};
use wmi_mio::Session;
use wmi_proto::{AuthLevel, Config, FileTime, Query};
use wmi_sim::repository::Repository;
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER};

use fold::Fold;
use processes::{Host, Outcome, Process, cpu};
use tools::{Missing, Toolbox};

#[path = "../tests/interop/fold.rs"]
#[expect(dead_code, reason = "the captured stubs are another bench's")]
mod fold;
mod processes;
#[path = "../tests/interop/tools.rs"]
#[expect(dead_code, reason = "nothing here is written in Go")]
mod tools;

/// Rows of the query, each of twenty properties.
const ROWS: u32 = 20_000;
const WQL: &str = "SELECT * FROM Sim_Wide";
/// Octets that are deciphered and signed at once in the measurement of the ciphers alone.
const FRAGMENT: usize = 4096;
/// How many times aiowmi's rate ours is at least.
const TIMES_AIOWMI: f64 = 50.0;
/// Runs of each client; the median counts.
const RUNS: usize = 3;

fn main() -> ExitCode {
    processes::main("end_to_end", ROWS, client, compare)
}

/// Reads the query once, and says what it cost.
fn client(level: &str, mut config: Config) -> Outcome<()> {
    config.auth_level = if level == "integrity" { AuthLevel::Integrity } else { AuthLevel::Privacy };
    let mut session = Session::connect(config)?;
    let (mut fold, mut rows) = (Fold::default(), 0_u32);
    for row in session.query(Query::new(WQL))? {
        fold.row(&row??)?;
        rows += 1;
    }
    session.close()?;
    let (spent, octets) = (cpu(), session.stats().octets_in);
    let ciphers = if level == "privacy" { ciphers(octets) } else { Duration::ZERO };
    println!(
        "{}",
        json!({ "rows": rows, "checksum": fold.checksum(), "cpu": spent.as_secs_f64(), "ciphers": ciphers.as_secs_f64() })
    );
    Ok(())
}

/// The CPU time of RC4 and HMAC-MD5 alone over so many octets.
fn ciphers(octets: u64) -> Duration {
    let key = [7; 16];
    let mut fragment = [0; FRAGMENT];
    let mut seal = Rc4::new_from_slice(&key).expect("a key of sixteen octets");
    let sign = Hmac::<Md5>::new_from_slice(&key).expect("a key of any length");
    let begun = cpu();
    for _ in 0..octets / FRAGMENT as u64 {
        seal.apply_keystream(&mut fragment);
        let mut mac = sign.clone();
        mac.update(&fragment);
        std::hint::black_box(mac.finalize());
    }
    cpu().saturating_sub(begun)
}

/// What a client said.
struct Told {
    rows_per_second: f64,
    /// Of RC4 and HMAC-MD5 alone.
    ciphers_per_second: f64,
}

/// Runs everybody and prints the rates.
fn compare() -> Outcome<()> {
    let expected = expected()?;
    let host = Host::start()?;
    let ours = |level: &str| median(|| told(&mut host.client(level), "", expected));
    let (integrity, privacy) = (ours("integrity")?, ours("privacy")?);
    println!("rows per second of the client's CPU time");
    println!("this      integrity {:9.0}", integrity.rows_per_second);
    println!("this      privacy   {:9.0}", privacy.rows_per_second);
    let share = privacy.rows_per_second / privacy.ciphers_per_second * 100.0;
    println!("ciphers alone       {:9.0}, privacy is {share:.0} % of that", privacy.ciphers_per_second);
    let plan = json!({
        "host": "127.0.0.1", "port": host.port.parse::<u16>()?, "query": WQL,
        "user": format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}"), "password": DEFAULT_PASSWORD,
    });
    let tools = Toolbox::install();
    let mut aiowmi = match tools.script("session_aiowmi.py") {
        Ok(aiowmi) => aiowmi,
        Err(Missing::Tool(why) | Missing::Allowed(why)) => {
            println!("aiowmi    not measured: {why}");
            return Ok(());
        }
    };
    let aiowmi = median(|| told(&mut aiowmi, &plan.to_string(), expected))?;
    let times = integrity.rows_per_second / aiowmi.rows_per_second;
    println!("aiowmi    integrity {:9.0}, this is {times:.0} times as much", aiowmi.rows_per_second);
    if times < TIMES_AIOWMI { Err(format!("not {TIMES_AIOWMI} times aiowmi's rate").into()) } else { Ok(()) }
}

/// The checksum of the rows as the simulator has them.
fn expected() -> Outcome<u32> {
    let now = FileTime::from_unix(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?);
    let rows = Repository::windows(ROWS, now).query("root/cimv2", WQL, now).map_err(|error| format!("{error:?}"))?;
    let mut fold = Fold::default();
    for row in rows {
        fold.row(&row)?;
    }
    Ok(fold.checksum())
}

/// The run in the middle.
fn median(mut run: impl FnMut() -> Outcome<Told>) -> Outcome<Told> {
    let mut runs = (0..RUNS).map(|_| run()).collect::<Outcome<Vec<_>>>()?;
    runs.sort_by(|a, b| a.rows_per_second.total_cmp(&b.rows_per_second));
    Ok(runs.swap_remove(RUNS / 2))
}

/// Runs a client, and checks what it read.
fn told(command: &mut Command, input: &str, expected: u32) -> Outcome<Told> {
    let mut child = Process(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
    child.0.stdin.take().ok_or("no input")?.write_all(input.as_bytes())?;
    let mut text = String::new();
    child.0.stdout.take().ok_or("no output")?.read_to_string(&mut text)?;
    let value: Value = serde_json::from_str(&text).map_err(|error| format!("{text:?}: {error}"))?;
    if (value["rows"].as_u64(), value["checksum"].as_u64()) != (Some(ROWS.into()), Some(expected.into())) {
        return Err(format!("{text} should be {ROWS} rows with the checksum {expected}").into());
    }
    let rate = |key: &str| f64::from(ROWS) / value[key].as_f64().unwrap_or(f64::NAN);
    Ok(Told { rows_per_second: rate("cpu"), ciphers_per_second: rate("ciphers") })
}
