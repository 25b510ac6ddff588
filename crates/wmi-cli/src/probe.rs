//! `wmi probe`: a probe of InfraSonar. What to check comes from agentcore, accounts from a local file, and everything
//! else from environment variables.

mod accounts;
mod descriptors;
mod dry_run;
mod hosts;
mod link;
mod log;
mod refusals;
mod told;

use std::env;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use wmi_checks::{Options, Shape};
use wmi_infrasonar::agent::Probe;
use wmi_infrasonar::{Agent, CheckError, Environment, Kind, Level, Now, Outcome, Output, Start};
use wmi_proto::Credentials;

use self::accounts::Accounts;
use self::hosts::{Hosts, Login, Target};
use self::link::{Happened, Link};
use self::log::Log;
use crate::host::HostPort;
use crate::signals::Interrupt;
use crate::status::{Status, complain};

/// The name by which agentcore knows the probe, and the section of the local file.
const NAME: &str = "wmi";

/// What is read of how to set this up.
const DOCUMENTATION: &str = "https://docs.infrasonar.com/collectors/probes/wmi/";

pub(crate) fn run() -> Status {
    let environment = match Environment::read(|name| env::var(name).ok()) {
        Ok(environment) => environment,
        Err(error) => {
            complain(error);
            return Status::Failed;
        }
    };
    let log = Log::new(&environment.log);
    let start = if environment.dry_run.is_some() { "dry-run" } else { "starting" };
    log.write(Level::Warning, &format!("{start} probe collector: {NAME} v{}", env!("CARGO_PKG_VERSION")));
    let prepared = Accounts::open(&environment, &log).and_then(|accounts| {
        let interrupt = Interrupt::install().map_err(|error| format!("signals cannot be taken: {error}"))?;
        let hosts = Hosts::new().map_err(|error| format!("the system gives no means to wait: {error}"))?;
        Ok((accounts, interrupt, hosts))
    });
    let (accounts, interrupt, hosts) = match prepared {
        Ok(prepared) => prepared,
        Err(why) => {
            log.write(Level::Critical, &why);
            return Status::Failed;
        }
    };
    let waker = hosts.waker();
    interrupt.on_signal(move || drop(waker.wake()));
    if let Some(file) = &environment.dry_run {
        return dry_run::run(file, &environment, accounts, hosts, &interrupt, &log);
    }
    Daemon::new(&environment, accounts, hosts, &log).run(&interrupt)
}

/// Events of hosts in a turn, when there is something else to do as well.
const EVENTS: usize = 64;

/// The steady clock and the wall clock.
struct Clock(Instant);

impl Clock {
    fn now(&self) -> Now {
        let steady = u64::try_from(self.0.elapsed().as_micros()).unwrap_or(u64::MAX);
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { steady: wmi_proto::Instant::from_micros(steady), unix }
    }

    fn instant(&self, at: wmi_proto::Instant) -> Instant {
        self.0 + Duration::from_micros(at.as_micros())
    }
}

/// The probe as it runs until a signal comes.
struct Daemon<'l> {
    agent: Agent,
    accounts: Accounts<'l>,
    hosts: Hosts,
    link: Link,
    clock: Clock,
    log: &'l Log,
}

impl<'l> Daemon<'l> {
    fn new(environment: &Environment, accounts: Accounts<'l>, hosts: Hosts, log: &'l Log) -> Self {
        let clock = Clock(Instant::now());
        let kind = |key: &str| Kind {
            key: key.to_owned(),
            unchanged_eol: Duration::from_secs(
                wmi_checks::by_key(key).map_or(0, |check| check.about().unchanged_eol.into()),
            ),
        };
        let probe = Probe {
            name: NAME.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            kinds: wmi_checks::PROBE_KEYS.iter().copied().map(kind).collect(),
            max_package: environment.max_package,
            max_check_timeout: environment.max_check_timeout,
        };
        let link = Link::new(&environment.agentcore_host, environment.agentcore_port, hosts.waker());
        Self { agent: Agent::new(probe, clock.now()), accounts, hosts, link, clock, log }
    }

    fn run(mut self, interrupt: &Interrupt) -> Status {
        while interrupt.signal().is_none() {
            let now = self.clock.now();
            self.agent.advance(now);
            let mut is_idle = !self.obey();
            // One at a time: an agentcore that never stops to speak holds up no host.
            if let Some(happened) = self.link.happened() {
                is_idle = false;
                let now = self.clock.now();
                match happened {
                    Happened::Connected => self.agent.connected(now),
                    Happened::Received(octets) => self.agent.received(&octets, now),
                    Happened::Closed(why) => self.agent.disconnected(&why, now),
                }
            }
            while let Some(ended) = self.hosts.ended() {
                is_idle = false;
                self.agent.finished(ended.run, ended.outcome, self.clock.now());
            }
            let until = self.agent.poll_timeout(self.clock.now()).map(|at| self.clock.instant(at));
            let served = if is_idle { self.hosts.wait(until).map(drop) } else { self.hosts.turn(EVENTS) };
            if let Err(error) = served {
                self.log.write(Level::Critical, &format!("the system's wait failed: {error}"));
                return Status::Failed;
            }
        }
        self.log.write(Level::Warning, &format!("signal received, stop {NAME} probe"));
        self.agent.stop();
        self.obey();
        self.hosts.close(GOODBYE);
        self.link.finish(GOODBYE);
        Status::Done
    }

    /// Does what the agent wants to be done; says whether there was anything.
    fn obey(&mut self) -> bool {
        let mut any = false;
        while let Some(output) = self.agent.poll_output() {
            any = true;
            match output {
                Output::Connect => self.link.connect(),
                Output::Send(octets) => {
                    if let Err(why) = self.link.send(octets) {
                        self.agent.disconnected(why, self.clock.now());
                    }
                }
                Output::Disconnect => self.link.disconnect(),
                Output::Start(start) => self.start(&start),
                Output::Cancel(run) => self.hosts.cancel(run),
                Output::Forget(path) => self.hosts.forget(path),
                Output::Log(level, text) => self.log.write(level, &text),
            }
        }
        any
    }

    fn start(&mut self, start: &Start) {
        match target(start, &mut self.accounts) {
            Ok(target) => self.hosts.begin(start, target),
            Err(error) => self.agent.finished(start.run, Outcome::Failed(error), self.clock.now()),
        }
    }
}

/// Time for everything that is left to be said.
const GOODBYE: Duration = Duration::from_secs(3);

/// Where and as whom a check is done.
fn target(start: &Start, accounts: &mut Accounts<'_>) -> Result<Target, CheckError> {
    let config = &start.config;
    match config.authentication.as_deref() {
        None | Some("NTLM") => {}
        Some("Kerberos") => return Err(CheckError::new("Kerberos authentication is not yet supported")),
        Some(other) => return Err(CheckError::new(format!("invalid authentication: {other}"))),
    }
    let account = accounts.account(NAME, start.path.asset, config.section.as_deref());
    let (Some(username), Some(password)) = (account.username, account.password) else {
        let text = format!("missing credentials: username and password are to be configured, see <{DOCUMENTATION}>");
        return Err(CheckError::new(text));
    };
    let address = config.address.as_deref().unwrap_or(&start.asset_name);
    let host: HostPort = address.parse().map_err(|why| CheckError::new(format!("invalid address {address}: {why}")))?;
    let mut options = Options::new(Shape::Infrasonar);
    options.exclude_shadow_storage = config.exclude_shadow_storage;
    Ok(Target { login: Login { host, credentials: credentials(&username, password) }, options })
}

/// The account of `DOMAIN\name`, with two backslashes as some write it, `name@domain` or `name`. The part behind the @
/// is the domain.
fn credentials(username: &str, password: wmi_proto::Secret<String>) -> Credentials {
    let username = username.replace("\\\\", "\\");
    match username.rsplit_once('@') {
        Some((name, domain)) if !username.contains('\\') => {
            let mut credentials = Credentials::new(name, password);
            domain.clone_into(&mut credentials.domain);
            credentials
        }
        _ => Credentials::new(&username, password),
    }
}

#[cfg(test)]
mod tests {
    use wmi_proto::Secret;

    use super::*;

    #[test]
    fn account_forms() {
        let cases = [
            (r"ACME\monitor", "ACME", "monitor"),
            (r"ACME\\monitor", "ACME", "monitor"),
            ("monitor@acme", "acme", "monitor"),
            ("monitor", "", "monitor"),
            (r".\monitor", ".", "monitor"),
            (r"ACME\moni@tor", "ACME", "moni@tor"),
        ];
        for (username, domain, user) in cases {
            let found = credentials(username, Secret::from("x"));
            assert_eq!((found.domain.as_str(), found.user.as_str()), (domain, user), "{username}");
        }
    }
}
