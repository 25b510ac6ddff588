//! What many hosts cost one thread: processor time and memory per session.
//!
//! ```sh
//! cargo bench -p wmi-mio --bench reactor -- --hosts 1000
//! ```
//!
//! The simulated hosts run in a process of their own. Only Linux tells, under `/proc`, what is asked here.

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use wmi_mio::{Reactor, SessionId};
use wmi_proto::{Client, Config, Credentials, Event, Query, Secret};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, Fleet, HostConfig};

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let (mut hosts, mut wql, mut simulator) = (1000, "SELECT * FROM Win32_OperatingSystem".to_owned(), false);
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--hosts" => hosts = value()?.parse()?,
            "--query" => wql = value()?,
            "--simulator" => simulator = true,
            // What cargo says.
            "--bench" => {}
            _ => return Err(format!("unknown: {argument}; there are --hosts NUMBER and --query WQL").into()),
        }
    }
    if simulator { simulate(hosts) } else { measure(hosts, &wql) }
}

/// The simulated hosts, until standard input ends: one address a line.
fn simulate(hosts: usize) -> Outcome<()> {
    // Two listeners each, and two connections while logging on.
    enough_files(4 * hosts)?;
    let fleet = Fleet::start((0..hosts).map(|_| HostConfig::new(0)), IpAddr::V4(Ipv4Addr::LOCALHOST))?;
    let mut out = io::stdout().lock();
    for host in fleet.hosts() {
        writeln!(out, "{}", host.activator_addr())?;
    }
    out.flush()?;
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

fn measure(hosts: usize, wql: &str) -> Outcome<()> {
    enough_files(2 * hosts)?;
    let simulator = Simulator::start(hosts)?;
    println!("{hosts} hosts in one thread, sealed (PKT_PRIVACY); {wql}");

    let mut crowd = Crowd { reactor: Reactor::new()?, sessions: BTreeMap::new(), rows: 0 };
    // What is made once is there before anything is measured.
    crowd.add(*simulator.addresses.first().ok_or("no hosts")?);
    crowd.ask(wql)?;
    crowd.close()?;

    let empty = resident("VmRSS:")?;
    let first = crowd.measured("connect, log-on, activation, query", |crowd| {
        simulator.addresses.iter().for_each(|address| crowd.add(*address));
        crowd.ask(wql)
    })?;
    let open = resident("VmRSS:")?;
    let peak = resident("VmHWM:")?;
    crowd.measured("the same query again, sessions open", |crowd| crowd.ask(wql))?;
    let idle = Duration::from_secs(3);
    crowd.measured("three seconds of idling, sessions open", |crowd| crowd.idle(idle))?;
    let after = resident("VmRSS:")?;
    crowd.measured("release of all references, close", Crowd::close)?;

    let each = |octets: u64| octets.saturating_sub(empty) as f64 / hosts as f64 / 1024.0;
    println!("memory, resident, beyond that of a reactor that had one session:");
    println!("  {:6.1} KiB per session open and idle after its first query", each(open));
    println!("  {:6.1} KiB per session at the peak, all logging on at once", each(peak));
    println!("  {:6.1} KiB per session open and idle in the end", each(after));
    println!("hosts per second of processor time: {:.0}", hosts as f64 / first.as_secs_f64());
    Ok(())
}

/// The process with the simulated hosts. It ends with its standard input.
struct Simulator {
    process: Child,
    addresses: Vec<SocketAddr>,
}

impl Simulator {
    fn start(hosts: usize) -> Outcome<Self> {
        let mut process = Command::new(env::current_exe()?)
            .args(["--simulator", "--hosts", &hosts.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let out = process.stdout.take().ok_or("no output")?;
        let addresses = BufReader::new(out).lines().take(hosts).map(|line| Ok(line?.parse()?));
        let addresses: Vec<SocketAddr> = addresses.collect::<Outcome<_>>()?;
        if addresses.len() < hosts {
            return Err(format!("the simulator did not start: {}", process.wait()?).into());
        }
        Ok(Self { process, addresses })
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// The sessions, and the rows that they brought.
struct Crowd {
    reactor: Reactor,
    sessions: BTreeMap<SessionId, SocketAddr>,
    rows: u64,
}

impl Crowd {
    fn add(&mut self, host: SocketAddr) {
        let account = format!("{DEFAULT_DOMAIN}\\{DEFAULT_USER}");
        let credentials = Credentials::new(&account, Secret::from(DEFAULT_PASSWORD));
        let mut config = Config::new(host.ip().to_string(), credentials);
        config.port = host.port();
        // All at once on one processor: the last one has its turn late.
        config.connect_timeout = Duration::from_secs(120);
        self.sessions.insert(self.reactor.add(config), host);
    }

    /// One query to each, until all are answered.
    fn ask(&mut self, wql: &str) -> Outcome<()> {
        for id in self.sessions.keys() {
            let query = Query::new(wql).timeout(Duration::from_secs(120));
            let asked = self.reactor.command(*id, |client, now| {
                let query = client.exec_query(query, now)?;
                client.fetch(query, NonZeroU32::MAX, now)
            });
            asked.ok_or("the session is gone")??;
        }
        let mut running = self.sessions.len();
        while running > 0 {
            match self.reactor.next_event()? {
                Some((id, Event::Batch { query, rows })) => {
                    for row in &rows {
                        row.as_ref().map_err(|error| format!("{id:?}: {error}"))?;
                    }
                    self.rows += rows.len() as u64;
                    // It may have been the last one.
                    let _ = self.reactor.command(id, |client, now| client.fetch(query, NonZeroU32::MAX, now));
                }
                Some((_, Event::QueryDone { outcome, .. })) => {
                    outcome?;
                    running -= 1;
                }
                Some((_, Event::Closed { outcome })) => outcome?,
                Some(_) => {}
                None => return Err("all sessions are over".into()),
            }
        }
        Ok(())
    }

    fn idle(&mut self, time: Duration) -> Outcome<()> {
        let until = Instant::now() + time;
        while Instant::now() < until {
            if let Some((id, event)) = self.reactor.next_event_before(until)? {
                return Err(format!("{id:?} said {event:?}").into());
            }
        }
        Ok(())
    }

    fn close(&mut self) -> Outcome<()> {
        for id in self.sessions.keys() {
            self.reactor.command(*id, Client::close);
        }
        while let Some((id, event)) = self.reactor.next_event()? {
            if let Event::Closed { outcome } = event {
                outcome?;
                self.reactor.remove(id);
            }
        }
        self.sessions.clear();
        Ok(())
    }

    /// Does `what` and prints what it took; returns the processor time.
    fn measured(&mut self, what: &str, act: impl FnOnce(&mut Self) -> Outcome<()>) -> Outcome<Duration> {
        let (begin, before, rows) = (Instant::now(), processor_time()?, self.rows);
        let sessions = self.sessions.len();
        act(self)?;
        let took = begin.elapsed();
        let [user, system] = processor_time()?;
        let (user, system) = (user - before[0], system - before[1]);
        let (cpu, sessions) = (user + system, sessions.max(self.sessions.len()));
        println!(
            "{what}: {:.3} ms of processor time per host ({:.2} s user + {:.2} s system, {:.2} s by the clock, {} rows)",
            cpu.as_secs_f64() * 1e3 / sessions as f64,
            user.as_secs_f64(),
            system.as_secs_f64(),
            took.as_secs_f64(),
            self.rows - rows
        );
        Ok(cpu)
    }
}

/// User and system time of this process, in steps of 10 ms.
fn processor_time() -> Outcome<[Duration; 2]> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name, in parentheses, may contain anything.
    let (_, fields) = stat.rsplit_once(')').ok_or("an unknown /proc/self/stat")?;
    let mut ticks = fields.split_ascii_whitespace().skip(11);
    let mut next = || -> Outcome<Duration> {
        let ticks: u64 = ticks.next().ok_or("a short /proc/self/stat")?.parse()?;
        Ok(Duration::from_millis(ticks * 10))
    };
    Ok([next()?, next()?])
}

/// A line of `/proc/self/status` that is a number of KiB, in octets.
fn resident(line: &str) -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let value = status.lines().find_map(|l| l.strip_prefix(line)).ok_or("an unknown /proc/self/status")?;
    Ok(value.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

fn enough_files(needed: usize) -> Outcome<()> {
    // Standard streams, the reactor, and a little air.
    let needed = needed + 32;
    let limits = fs::read_to_string("/proc/self/limits")?;
    let limit =
        limits.lines().find_map(|line| line.strip_prefix("Max open files")).ok_or("an unknown /proc/self/limits")?;
    match limit.split_ascii_whitespace().next().unwrap_or_default().parse::<usize>() {
        Ok(limit) if limit < needed => {
            Err(format!("{needed} open files are needed and {limit} allowed: raise that with `ulimit -n {needed}`")
                .into())
        }
        // "unlimited" is no number.
        _ => Ok(()),
    }
}
