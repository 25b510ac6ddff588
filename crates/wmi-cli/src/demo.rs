//! `wmi demo`: a simulated host, a query and a check in one process, over loopback sockets.

use std::io::{self, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use wmi_checks::{Options, Rounds, State};
use wmi_proto::{Config, Credentials, Query, Row, Secret};
use wmi_sim::{DEFAULT_DOMAIN, DEFAULT_PASSWORD, DEFAULT_USER, HostConfig, Server};

use crate::args::{DemoArguments, RowFormat};
use crate::connection::{Connection, Driven, Trouble, patience};
use crate::messages::Messages;
use crate::output;
use crate::output::report::tables;
use crate::password;
use crate::signals::Interrupt;
use crate::status::{Status, complain, counted, unprinted};

const WQL: &str = "SELECT Name, State, StartMode, ProcessId FROM Win32_Service";

/// What the whole demonstration may take.
const TIMEOUT: Duration = Duration::from_secs(20);

pub(crate) fn run(arguments: &DemoArguments) -> Status {
    let begun = Instant::now();
    let loopback = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let started = Interrupt::install()
        .and_then(|interrupt| Ok((interrupt, Server::start(HostConfig::new(0), loopback, loopback)?)));
    let (interrupt, server) = match started {
        Ok(started) => started,
        Err(error) => {
            complain(format_args!("no simulated host: {error}"));
            return Status::Failed;
        }
    };
    let address = server.activator_addr();
    let status = match show(address, &interrupt, begun) {
        Ok(()) => Status::Done,
        Err(Trouble::Output(error)) => unprinted(&error),
        Err(Trouble::Signal(signal)) => Status::Signal(signal),
        Err(trouble) => {
            Messages::about(address, false).trouble(&trouble, 1, 0);
            Status::Failed
        }
    };
    if status != Status::Done || !arguments.hold {
        return status;
    }
    let line = format!(
        "the host stays up until interrupted; in another terminal:\n{}='{DEFAULT_PASSWORD}' wmi query {address} -u \
         '{DEFAULT_DOMAIN}\\{DEFAULT_USER}' \"{WQL}\"",
        password::VARIABLE
    );
    let mut out = io::stdout();
    if let Err(error) = writeln!(out, "{line}").and_then(|()| out.flush()) {
        return unprinted(&error);
    }
    Status::Signal(interrupt.wait())
}

/// Everything over one session: the query, its rows, the check, what it cost.
fn show(address: SocketAddr, interrupt: &Interrupt, begun: Instant) -> Result<(), Trouble> {
    let mut out = io::stdout().lock();
    let mut print = |line: String| writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Trouble::Output);
    print(format!("a simulated Windows host is listening on {address}\n"))?;
    let account = format!(r"{DEFAULT_DOMAIN}\{DEFAULT_USER}");
    let mut config = Config::new(address.ip().to_string(), Credentials::new(&account, Secret::from(DEFAULT_PASSWORD)));
    config.port = address.port();
    let mut connection = Connection::open(config, TIMEOUT, false, interrupt).map_err(Trouble::Reactor)?;

    print(format!("$ wmi query {address} \"{WQL}\""))?;
    let mut rows: Vec<Row> = Vec::new();
    connection.query(Query::new(WQL), &mut |batch| {
        rows.extend(batch);
        Ok(())
    })?;
    let count = rows.len() as u64;
    let mut table = output::rows(RowFormat::Table, WQL);
    connection
        .progress
        .aside(|| table.batch(rows, &mut out).and_then(|()| table.finish(&mut out)))
        .map_err(Trouble::Output)?;

    let mut print = |line: String| writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Trouble::Output);
    print(format!("\n$ wmi check {address} system"))?;
    let mut rounds = Rounds::new(1);
    let system = wmi_checks::by_key("system").ok_or_else(|| Trouble::Reactor(io::Error::other("no check system")))?;
    rounds.begin(&*system, &Options::default(), State::default(), TIMEOUT);
    let (mut checks, mut failures) = (0, table.undecodable());
    while let Driven::Finished(finished) = connection.drive(&mut rounds, None)? {
        checks += 1;
        failures += finished.report.errors.len() as u64;
        connection.progress.aside(|| tables(&finished.report, &mut out)).map_err(Trouble::Output)?;
        if rounds.is_idle() {
            break;
        }
    }

    let stats = connection.close(patience(Status::Done));
    if count == 0 || failures > 0 {
        let text = format!("the demonstration failed: {}, {}", counted(count, "row"), counted(failures, "failure"));
        return Err(Trouble::Reactor(io::Error::other(text)));
    }
    let seconds = begun.elapsed().as_secs_f64();
    // The form is fixed: scripts read it.
    let line = format!("demo: {count} rows, {checks} checks, {} round trips, {seconds:.2} s", stats.round_trips);
    writeln!(out, "{line}").and_then(|()| out.flush()).map_err(Trouble::Output)
}
