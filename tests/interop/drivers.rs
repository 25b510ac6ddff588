//! The foreign clients: how one is given a plan and listened to.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::tools::{Missing, Toolbox};

/// The foreign clients, each with the levels that it can do.
pub(crate) const CLIENTS: &[(Client, &[Level])] = &[
    (Client::Aiowmi, &[Level::Integrity]),
    (Client::Impacket, &[Level::Integrity, Level::Privacy]),
    (Client::Pyspnego, &[Level::Integrity, Level::Privacy]),
    (Client::GoMsrpc, &[Level::Integrity, Level::Privacy]),
];

/// A foreign client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Client {
    /// Signed object calls, no MIC, one row per round trip, checks no signature.
    Aiowmi,
    /// Checks no signature.
    Impacket,
    /// impacket's calls under a security context of pyspnego: with a MIC, checks every signature.
    Pyspnego,
    /// Checks every signature.
    GoMsrpc,
}

impl Client {
    /// The name in the list of differences.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Aiowmi => "aiowmi",
            Self::Impacket => "impacket",
            Self::Pyspnego => "pyspnego",
            Self::GoMsrpc => "go-msrpc",
        }
    }

    /// The command that runs it, or what is missing.
    pub(crate) fn command(self, tools: &Toolbox) -> Result<Command, Missing> {
        match self {
            Self::Aiowmi => tools.script("client_aiowmi.py"),
            Self::Impacket => tools.script("client_impacket.py"),
            Self::Pyspnego => tools.script("initiator_pyspnego.py"),
            Self::GoMsrpc => tools.go("witness"),
        }
    }

    /// Whose decoder of objects it uses.
    pub(crate) const fn decoder(self) -> Self {
        if let Self::Pyspnego = self { Self::Impacket } else { self }
    }
}

/// The protection of the object calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// PKT_INTEGRITY.
    Integrity,
    /// PKT_PRIVACY.
    Privacy,
}

impl Level {
    /// The word in plans.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Integrity => "integrity",
            Self::Privacy => "privacy",
        }
    }
}

/// One query of a plan.
#[derive(Clone, Debug)]
pub(crate) struct Job {
    /// The namespace.
    pub(crate) namespace: String,
    /// The class.
    pub(crate) class: String,
    /// The SELECT list; `None` is `*`.
    pub(crate) columns: Option<&'static [&'static str]>,
    /// Whether the smart enumerator fetches the rows.
    pub(crate) smart: bool,
    /// Rows per round trip.
    pub(crate) batch: u32,
    /// Whether some rows are read back and forth in place of all.
    pub(crate) walk: bool,
}

impl Job {
    /// The WQL text.
    pub(crate) fn query(&self) -> String {
        let columns = self.columns.map_or_else(|| "*".to_owned(), |columns| columns.join(", "));
        format!("SELECT {columns} FROM {}", self.class)
    }
}

/// What a client said about one job.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// The rows, in order.
    pub(crate) rows: Vec<Value>,
    /// Why it is not complete, if it is not.
    pub(crate) error: Option<String>,
}

/// What a client said about a plan.
#[derive(Debug)]
pub(crate) struct Report {
    /// One answer per job.
    pub(crate) answers: Vec<Answer>,
    /// Why there was no session, if there was none, or what went wrong with the program itself.
    pub(crate) error: Option<String>,
}

/// Whom to log on as, and where.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logon<'a> {
    /// The activator's port on 127.0.0.1.
    pub(crate) port: u16,
    /// `DOMAIN\name`.
    pub(crate) user: &'a str,
    /// The password.
    pub(crate) password: &'a str,
    /// The protection.
    pub(crate) level: Level,
    /// Whether NTLM is negotiated by SPNEGO.
    pub(crate) negotiate: bool,
}

/// Runs queries with a client; it is killed when it takes longer than `patience`.
pub(crate) fn run(command: Command, logon: Logon<'_>, jobs: &[Job], patience: Duration) -> Report {
    let jobs = jobs.iter().map(|job| {
        json!({
            "namespace": job.namespace,
            "query": job.query(),
            "enumerator": if job.smart { "smart" } else { "next" },
            "batch": job.batch,
            "walk": job.walk,
        })
    });
    run_plan(command, logon, json!({}), jobs.collect(), patience)
}

/// Runs jobs in the words of a plan, of which `plan` says more than the log-on.
pub(crate) fn run_plan(
    mut command: Command,
    logon: Logon<'_>,
    mut plan: Value,
    mut jobs: Vec<Value>,
    patience: Duration,
) -> Report {
    plan["host"] = "127.0.0.1".into();
    plan["port"] = logon.port.into();
    plan["user"] = logon.user.into();
    plan["password"] = logon.password.into();
    plan["level"] = logon.level.name().into();
    plan["mechanism"] = if logon.negotiate { "negotiate" } else { "ntlm" }.into();
    for (id, job) in jobs.iter_mut().enumerate() {
        job["id"] = id.to_string().into();
    }
    let count = jobs.len();
    plan["jobs"] = jobs.into();
    let mut child = match command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn() {
        Ok(child) => child,
        Err(error) => return Report { answers: Vec::new(), error: Some(format!("cannot be run: {error}")) },
    };
    if let Some(mut input) = child.stdin.take() {
        // A program that does not read its plan says why in its own output.
        let _ = input.write_all(plan.to_string().as_bytes());
    }
    let output = child.stdout.take().map(|pipe| thread::spawn(move || lines(pipe)));
    let complaint = child.stderr.take().map(|mut pipe| {
        thread::spawn(move || {
            let mut text = String::new();
            let _ = pipe.read_to_string(&mut text);
            text
        })
    });
    let end = wait(&mut child, patience);
    let lines = output.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let complaint = complaint.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let mut report = read(&lines, count);
    if report.error.is_none() && !end.finished {
        report.error = Some(format!("not finished after {} s", patience.as_secs()));
    } else if report.error.is_none() && !end.well && report.answers.iter().all(|answer| answer.error.is_none()) {
        report.error = Some(complaint.lines().last().unwrap_or("failed without a word").to_owned());
    }
    report
}

/// The lines of a program's output, until it closes it.
fn lines(pipe: impl std::io::Read) -> Vec<String> {
    BufReader::new(pipe).lines().map_while(Result::ok).collect()
}

/// How a program ended.
struct End {
    finished: bool,
    well: bool,
}

/// Waits for a program, and kills it when it takes too long.
fn wait(child: &mut Child, patience: Duration) -> End {
    let deadline = Instant::now() + patience;
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return End { finished: true, well: status.success() },
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            _ => {
                let _ = child.kill();
                let _ = child.wait();
                return End { finished: false, well: false };
            }
        }
    }
}

/// Sorts a program's lines by job. A job without a last line of its own is not complete.
fn read(lines: &[String], jobs: usize) -> Report {
    let mut report = Report { answers: vec![Answer::default(); jobs], error: None };
    let mut counted = BTreeMap::new();
    for line in lines {
        let value: Value = match serde_json::from_str(line) {
            Ok(value) => value,
            Err(_) => {
                report.error = Some(format!("not a JSON line: {line:.200}"));
                continue;
            }
        };
        let id = value.get("job").and_then(Value::as_str).and_then(|id| id.parse::<usize>().ok());
        let Some(answer) = id.and_then(|id| report.answers.get_mut(id)) else {
            report.error = Some(value.get("error").and_then(Value::as_str).unwrap_or(line).to_owned());
            continue;
        };
        if let Some(row) = value.get("row") {
            answer.rows.push(row.clone());
        } else if let Some(error) = value.get("error") {
            answer.error = Some(error.as_str().unwrap_or_default().to_owned());
        } else if let Some(count) = value.get("rows").and_then(Value::as_u64) {
            counted.insert(id, count);
        }
    }
    for (id, answer) in report.answers.iter_mut().enumerate() {
        let count = answer.rows.len() as u64;
        if answer.error.is_none() && counted.get(&Some(id)) != Some(&count) {
            answer.error = Some(format!("stopped after {count} rows"));
        }
    }
    report
}
