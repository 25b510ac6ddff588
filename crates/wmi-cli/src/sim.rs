//! `wmi sim`: a simulated Windows host on real sockets.

use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::time::Duration;

use wmi_proto::{Credentials, Password};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_USER, HostConfig, Server};

use crate::args::SimArguments;
use crate::host::HostPort;
use crate::password;
use crate::signals::Interrupt;
use crate::status::{Status, complain};

pub(crate) fn run(arguments: &SimArguments) -> Status {
    let user = arguments.account.user.clone().unwrap_or_else(|| format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}"));
    let password = match password::obtain(arguments.account.files(), &user) {
        Ok(password) => password,
        Err(usage) => {
            complain(usage);
            return Status::Usage;
        }
    };
    let mut config = config(&user, password)
        .profile(arguments.profile)
        .latency(Duration::from_millis(arguments.latency))
        .rows(arguments.rows)
        .faults(arguments.faults.iter().copied());
    config.clock = arguments.clock;
    let started = Interrupt::install().and_then(|interrupt| Ok((interrupt, start(config, &arguments.listen)?)));
    let (interrupt, server) = match started {
        Ok(started) => started,
        Err(error) => {
            complain(format_args!("cannot listen on {}: {error}", arguments.listen));
            if error.kind() == ErrorKind::PermissionDenied {
                complain("ports below 1024 are for root: another one is given as ADDR:PORT, 0 takes any");
            }
            return Status::Failed;
        }
    };
    let mut out = io::stdout();
    // Whoever started the host may have gone; the host serves all the same.
    let _ = writeln!(out, "listening on {}", server.activator_addr()).and_then(|()| out.flush());
    let signal = interrupt.wait();
    drop(server);
    if i32::from(signal) == signal_hook::consts::SIGTERM { Status::Done } else { Status::Signal(signal) }
}

/// A host on which `account` may log on with `password`.
pub(crate) fn config(account: &str, password: impl Into<Password>) -> HostConfig {
    let credentials = Credentials::new(account, password);
    let mut config = HostConfig::new(0);
    (config.user, config.domain) = match credentials.user.split_once('@') {
        Some((user, domain)) if credentials.domain.is_empty() => (user.to_owned(), domain.to_owned()),
        _ => (credentials.user.clone(), credentials.domain.clone()),
    };
    config.password = credentials.password;
    config
}

fn start(mut config: HostConfig, listen: &HostPort) -> io::Result<Server> {
    let activator = address(listen)?;
    config.addresses = vec![activator.ip().to_string()];
    Server::start(config, activator, SocketAddr::new(activator.ip(), 0))
}

fn address(listen: &HostPort) -> io::Result<SocketAddr> {
    (listen.host.as_str(), listen.port.unwrap_or(135))
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::new(ErrorKind::NotFound, "the name has no address"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_in_every_spelling() {
        let account = |text: &str| {
            let config = config(text, wmi_proto::Secret::from("x"));
            (config.domain, config.user)
        };
        assert_eq!(account(r"ACME\monitor"), ("ACME".to_owned(), "monitor".to_owned()));
        assert_eq!(account("monitor@acme.example"), ("acme.example".to_owned(), "monitor".to_owned()));
        assert_eq!(account("monitor"), (String::new(), "monitor".to_owned()));
    }
}
