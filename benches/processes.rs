//! Benches whose client and host are processes of their own: how they are started, and what a process has cost.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use wmi_proto::{Config, Credentials};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, HostConfig, Server};

pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Is what the arguments say: a host with so many rows, a client (`way` and port), or the comparison of both. As a test
/// nothing is measured.
pub(crate) fn main(
    name: &str,
    rows: u32,
    client: impl Fn(&str, Config) -> Outcome<()>,
    compare: impl Fn() -> Outcome<()>,
) -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match *words {
        ["host"] => serve(rows),
        ["client", way, port] => config(port).and_then(|config| client(way, config)),
        _ if words.contains(&"--bench") => compare(),
        _ => Ok(()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{name}: {why}");
            ExitCode::FAILURE
        }
    }
}

/// Serves until its input ends.
fn serve(rows: u32) -> Outcome<()> {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let server = Server::start(HostConfig::new(0).rows(rows), any, any)?;
    println!("{}", server.activator_addr().port());
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn config(port: &str) -> Outcome<Config> {
    let account = format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}");
    let mut config = Config::new("127.0.0.1", Credentials::new(&account, DEFAULT_PASSWORD));
    config.port = port.parse()?;
    Ok(config)
}

/// A host as a process of its own.
pub(crate) struct Host {
    this: PathBuf,
    pub(crate) port: String,
    _process: Process,
}

impl Host {
    pub(crate) fn start() -> Outcome<Self> {
        let this = std::env::current_exe()?;
        let mut process =
            Process(Command::new(&this).arg("host").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?);
        let mut port = String::new();
        BufReader::new(process.0.stdout.take().ok_or("no output of the host")?).read_line(&mut port)?;
        Ok(Self { this, port: port.trim().to_owned(), _process: process })
    }

    /// A client of it.
    pub(crate) fn client(&self, way: &str) -> Command {
        let mut command = Command::new(&self.this);
        command.args(["client", way, &self.port]);
        command
    }
}

/// The CPU time that this process has had.
pub(crate) fn cpu() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or_default(), u32::try_from(time.tv_nsec).unwrap_or_default())
}

/// A process that does not outlive its owner.
pub(crate) struct Process(pub(crate) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
