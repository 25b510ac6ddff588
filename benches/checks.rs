//! All checks of a host, ours against the original probe, on the same simulated hosts in the same run.
//!
//! `WMI_PROBE_CHECKOUT` is a checkout of github.com/infrasonar/wmi-probe, and `WMI_PROBE_PYTHON` a Python that has what its
//! requirements.txt names. The original knows no port but 135: this needs 127.0.0.9:135 to 127.0.0.11:135. Both protect
//! their messages alike (PKT_INTEGRITY, which is all that the original can); what ours takes at PKT_PRIVACY, its default,
//! is told beside it.

use std::net::SocketAddr;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant, SystemTime};

use serde_json::{Value, json};
use wmi_checks::{Options, PROBE_KEYS, Rounds, Shape, State};
use wmi_mio::Session;
use wmi_proto::{AuthLevel, Config, Credentials, FileTime};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, HostConfig, HostStats, Profile, Server};

use processes::{Outcome, cpu};

#[allow(dead_code, reason = "the hosts of this bench are in its own process, where their statistics are")]
mod processes;

/// Rounds of all eleven checks after the first.
const LATER: u32 = 20;

/// How many times the CPU time of ours the original takes at least, in rounds after the first.
const LEAST: f64 = 50.0;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *words {
        ["client", address, later, level] => client(address, later.parse().unwrap_or(LATER), level),
        _ if words.contains(&"--bench") => compare(),
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("checks: {why}");
            ExitCode::FAILURE
        }
    }
}

fn wall() -> FileTime {
    FileTime::from_unix(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// Runs all checks again and again over one session, and tells what that took.
fn client(address: &str, later: u32, level: &str) -> Outcome<()> {
    let account = format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}");
    let mut config = Config::new(address, Credentials::new(&account, DEFAULT_PASSWORD));
    config.auth_level = if level == "privacy" { AuthLevel::Privacy } else { AuthLevel::Integrity };
    let mut session = Session::connect(config)?;
    let mut states: Vec<State> = PROBE_KEYS.iter().map(|_| State::default()).collect();
    let mut told = Vec::new();
    for _ in 0..=later {
        let (begun, before, trips) = (Instant::now(), cpu(), session.stats().round_trips);
        let mut rounds = Rounds::new(PROBE_KEYS.len());
        let mut ids = Vec::new();
        for (key, state) in PROBE_KEYS.iter().zip(&mut states) {
            let check = wmi_checks::by_key(key).ok_or("no such check")?;
            let options = Options::new(Shape::Infrasonar);
            ids.push(rounds.begin(&*check, &options, std::mem::take(state), Duration::from_secs(120)));
        }
        loop {
            session.command(|client, now| rounds.drive(client, now, wall()));
            while let Some(finished) = rounds.finished() {
                if let Some(error) = finished.report.errors.first() {
                    return Err(format!("{}: {}", finished.report.check, error.text).into());
                }
                let at = ids.iter().position(|id| *id == finished.id).ok_or("not one of these")?;
                states[at] = finished.state;
            }
            if rounds.is_idle() {
                break;
            }
            let event = session.next_event()?.ok_or("the session is over")?;
            session.command(|client, now| drop(rounds.handle(event, client, now, wall())));
        }
        told.push(json!({
            "cpu": (cpu() - before).as_secs_f64(), "time": begun.elapsed().as_secs_f64(),
            "round_trips": session.stats().round_trips - trips,
        }));
    }
    session.close()?;
    println!("{}", json!({ "rounds": told, "memory": memory()? }));
    Ok(())
}

/// The most memory that this process ever had, in KiB.
fn memory() -> Outcome<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}

/// What one client took, and what the host saw of it.
struct Run {
    value: Value,
    logons: u64,
    calls: u64,
}

impl Run {
    fn of(mut client: Command, host: &Server) -> Outcome<Self> {
        let before = host.stats();
        let output = client.stderr(Stdio::inherit()).output()?;
        let text = String::from_utf8(output.stdout)?;
        let line = text.lines().last().ok_or("the client said nothing")?;
        let value = serde_json::from_str(line).map_err(|error| format!("{text:?}: {error}"))?;
        let after = host.stats();
        let calls = |stats: &HostStats| stats.calls.values().sum::<u64>();
        Ok(Self { value, logons: after.logons - before.logons, calls: calls(&after) - calls(&before) })
    }

    /// A figure of the first round.
    fn first(&self, what: &str) -> f64 {
        self.value["rounds"][0][what].as_f64().unwrap_or(f64::NAN)
    }

    /// The mean of a figure over the later rounds.
    fn later(&self, what: &str) -> f64 {
        let rounds =
            self.value["rounds"].as_array().map(|rounds| rounds.get(1..).unwrap_or_default()).unwrap_or_default();
        let sum: f64 = rounds.iter().map(|round| round[what].as_f64().unwrap_or(f64::NAN)).sum();
        sum / f64::from(u32::try_from(rounds.len()).unwrap_or(1))
    }

    fn memory(&self) -> f64 {
        self.value["memory"].as_f64().unwrap_or(f64::NAN) / 1024.0
    }
}

fn compare() -> Outcome<()> {
    let variable =
        |name: &str| std::env::var(name).map_err(|_| format!("{name} is not set: see the head of benches/checks.rs"));
    let (checkout, python) = (variable("WMI_PROBE_CHECKOUT")?, variable("WMI_PROBE_PYTHON")?);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../benches/checks_original.py");
    let start = |address: &str, profile: Profile, latency: u64| -> Outcome<Server> {
        let listener = |port: u16| format!("{address}:{port}").parse::<SocketAddr>();
        let mut host = HostConfig::new(0).profile(profile).latency(Duration::from_millis(latency));
        host.addresses = vec![address.to_owned()];
        Ok(Server::start(host, listener(135)?, listener(0)?)?)
    };
    let ours = |address: &str, later: u32, level: &str| -> Outcome<Command> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["client", address, &later.to_string(), level]);
        Ok(command)
    };
    let original = |address: &str, later: u32| {
        let mut command = Command::new(&python);
        command.args([script, &checkout, address, &later.to_string()]).stderr(Stdio::null());
        command
    };
    let line = |what: &str, ours: f64, original: f64| {
        println!("{what:44} {ours:10.2} {original:11.2} {:8.1} x", original / ours);
    };
    println!("eleven checks                                      ours    original      ratio");

    let near = start("127.0.0.9", Profile::Server2022, 0)?;
    let own = Run::of(ours("127.0.0.9", LATER, "integrity")?, &near)?;
    let sealed = Run::of(ours("127.0.0.9", LATER, "privacy")?, &near)?;
    let other = Run::of(original("127.0.0.9", LATER), &near)?;
    println!("{:44} {:10} {:11}", format!("log-ons of {} rounds", LATER + 1), own.logons, other.logons);
    println!("{:44} {:10} {:11}", format!("calls of {} rounds", LATER + 1), own.calls, other.calls);
    line("an ordinary server: CPU ms of a later round", own.later("cpu") * 1e3, other.later("cpu") * 1e3);
    line("  sealed", sealed.later("cpu") * 1e3, other.later("cpu") * 1e3);
    line("  CPU ms of the first round", own.first("cpu") * 1e3, other.first("cpu") * 1e3);
    line("  most memory, MiB", own.memory(), other.memory());

    let far = start("127.0.0.10", Profile::Server2022, 20)?;
    let away = Run::of(ours("127.0.0.10", 1, "integrity")?, &far)?;
    let waited = Run::of(original("127.0.0.10", 1), &far)?;
    line("  s of the first round at 20 ms", away.first("time"), waited.first("time"));
    line("  s of a later round at 20 ms", away.later("time"), waited.later("time"));

    let huge = start("127.0.0.11", Profile::Huge, 0)?;
    let many = Run::of(ours("127.0.0.11", 1, "integrity")?, &huge)?;
    let rows = Run::of(original("127.0.0.11", 1), &huge)?;
    line("100,000 connections: CPU s of a later round", many.later("cpu"), rows.later("cpu"));
    line("  s of a later round", many.later("time"), rows.later("time"));
    line("  most memory, MiB", many.memory(), rows.memory());
    if own.logons != 2 {
        return Err(format!("{} log-ons, not 2", own.logons).into());
    }
    for (host, ours, original) in [("an ordinary server", &own, &other), ("long lists", &many, &rows)] {
        let ratio = original.later("cpu") / ours.later("cpu");
        if ratio.is_nan() || ratio < LEAST {
            return Err(format!("{host}: the original takes {ratio:.1} times the CPU time, not {LEAST}").into());
        }
    }
    Ok(())
}
