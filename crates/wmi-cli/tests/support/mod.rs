//! Running the program, and hosts for it to run against.
#![allow(dead_code, reason = "each test target uses a part")]

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use serde_json::Value;
use wmi_sim::{DEFAULT_PASSWORD, Fault, HostConfig, Server};

/// The account of simulated hosts.
pub(crate) const ACCOUNT: &str = r"ACME\monitor";

/// No run of the program takes longer, or it hangs.
const PATIENCE: Duration = Duration::from_secs(60);

/// A host on loopback with `rows` rows in Sim_Many.
pub(crate) fn host_with(rows: u32, faults: &[Fault]) -> Server {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = HostConfig::new(0).rows(rows).faults(faults.iter().copied());
    Server::start(config, loopback, loopback).expect("a host on loopback")
}

/// A host on loopback of the kind called `profile`.
pub(crate) fn host_of(profile: &str) -> Server {
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let config = HostConfig::new(0).profile(profile.parse().expect("a profile"));
    Server::start(config, loopback, loopback).expect("a host on loopback")
}

/// A host on loopback that behaves in the way called `fault`.
pub(crate) fn faulty(rows: u32, fault: &str) -> Server {
    host_with(rows, &[fault.parse().expect("a fault")])
}

/// The program, without the account or password of whoever runs the tests.
pub(crate) fn wmi<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wmi"));
    command.args(arguments).stdin(Stdio::null());
    for variable in ["WMI_USER", "WMI_PASSWORD", "WMI_NT_HASH"] {
        command.env_remove(variable);
    }
    command
}

/// `wmi query ADDRESS WQL`, with the right account and password and `more` arguments.
pub(crate) fn query(address: impl ToString, wql: &str, more: &[&str]) -> Command {
    let mut command = wmi(["query", &address.to_string(), wql, "-u", ACCOUNT]);
    command.args(more).env("WMI_PASSWORD", DEFAULT_PASSWORD);
    command
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Finished {
    /// The exit status must be `code`.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    /// Standard error must contain `words`.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(self.stderr.contains(word), "{word:?} is not in {self:#?}");
        }
        self
    }

    /// Standard error must be one to four lines of the program, or one line of JSON.
    #[track_caller]
    pub(crate) fn in_one_message(self) -> Self {
        let lines: Vec<&str> = self.stderr.lines().collect();
        let text = (1..=4).contains(&lines.len()) && lines.iter().all(|line| line.starts_with("wmi: "));
        let json = || lines.len() == 1 && serde_json::from_str::<Value>(lines[0]).is_ok_and(|line| line.is_object());
        assert!(text || json(), "{self:#?}");
        self
    }

    /// Standard error must say that so many rows had arrived.
    #[track_caller]
    pub(crate) fn after(self, rows: u64) -> Self {
        let text = self.stderr.lines().last() == Some(format!("wmi: partial: {rows} rows").as_str());
        assert!(text || self.error()["rows"] == rows, "{self:#?}");
        self
    }

    /// The line of JSON that standard error must be.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        serde_json::from_str(&self.stderr).unwrap_or_else(|_| panic!("one line of JSON: {self:#?}"))
    }

    /// Standard output as lines of JSON.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a JSON line")).collect()
    }
}

/// Runs `command` to its end.
pub(crate) fn run(mut command: Command) -> Finished {
    finish(start(&mut command))
}

/// Starts `command` with its outputs taken.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

/// Waits until `host` has what `done` looks for: it sees things a little later than the program does them.
#[track_caller]
pub(crate) fn until(host: &Server, done: impl Fn(&Server) -> bool) {
    let until = Instant::now() + Duration::from_secs(10);
    while !done(host) {
        assert!(Instant::now() < until, "the host does not get there: {:?}", host.stats());
        thread::sleep(Duration::from_millis(2));
    }
}

/// The program must have given everything back.
#[track_caller]
pub(crate) fn all_given_back(host: &Server) {
    until(host, |host| host.alive_objects() == 0);
}

/// Waits for the end of `child`; one that hangs is killed and fails the test.
pub(crate) fn finish(mut child: Child) -> Finished {
    let stdout = reader(child.stdout.take());
    let stderr = reader(child.stderr.take());
    let status = wait(&mut child);
    Finished { status, stdout: stdout.join().expect("output"), stderr: stderr.join().expect("messages") }
}

/// Waits for the end of `child`.
pub(crate) fn wait(child: &mut Child) -> ExitStatus {
    let until = Instant::now() + PATIENCE;
    loop {
        if let Some(status) = child.try_wait().expect("a child") {
            return status;
        }
        if Instant::now() > until {
            child.kill().expect("to end it");
            panic!("the program hangs");
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The next line that `child` prints.
pub(crate) fn line(output: &mut impl BufRead) -> String {
    let mut text = String::new();
    output.read_line(&mut text).expect("a line");
    text.trim_end().to_owned()
}

/// The standard output of `child`, to be read line by line.
pub(crate) fn lines_of(child: &mut Child) -> BufReader<impl Read + use<>> {
    BufReader::new(child.stdout.take().expect("a pipe"))
}

/// Sends `signal` (`INT`, `TERM`) to `child`.
pub(crate) fn signal(child: &Child, signal: &str) {
    let id = child.id().to_string();
    assert!(Command::new("kill").args(["-s", signal, &id]).status().expect("kill").success());
}

fn reader(pipe: Option<impl Read + Send + 'static>) -> JoinHandle<String> {
    thread::spawn(move || {
        let mut text = String::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_string(&mut text).expect("UTF-8");
        }
        text
    })
}

/// The words of a shell command line with single and double quotes.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
