//! A dry run: one check of one asset, without agentcore.

use std::fs;
use std::io::{self, Write};
use std::time::Instant;

use wmi_infrasonar::dry_run::DryRun;
use wmi_infrasonar::environment::OutputType;
use wmi_infrasonar::{Environment, Level, Now, Outcome, RunId, Start, printed};

use super::accounts::Accounts;
use super::hosts::Hosts;
use super::log::Log;
use super::{Clock, GOODBYE, target};
use crate::signals::Interrupt;
use crate::status::Status;

pub(crate) fn run(
    file: &str,
    environment: &Environment,
    mut accounts: Accounts<'_>,
    mut hosts: Hosts,
    interrupt: &Interrupt,
    log: &Log,
) -> Status {
    let read = fs::read_to_string(file).map_err(|error| error.to_string());
    let asset = match read.and_then(|text| DryRun::read(&text, wmi_checks::PROBE_KEYS)) {
        Ok(asset) => asset,
        Err(why) => {
            log.write(Level::Error, &format!("{file}: {why}"));
            return Status::Failed;
        }
    };
    let start = Start {
        run: RunId::FIRST,
        path: asset.path,
        asset_name: asset.asset_name,
        check_key: asset.check_key,
        config: asset.config,
        time_limit: environment.max_check_timeout,
    };
    let clock = Clock(Instant::now());
    let begin = clock.now();
    let mut failed = None;
    match target(&start, &mut accounts) {
        Ok(target) => hosts.begin(&start, target),
        Err(error) => failed = Some(Outcome::Failed(error)),
    }
    let outcome = loop {
        if let Some(outcome) = failed.take().or_else(|| hosts.ended().map(|ended| ended.outcome)) {
            break outcome;
        }
        if let Some(signal) = interrupt.signal() {
            hosts.close(GOODBYE);
            return Status::Signal(signal);
        }
        if let Err(error) = hosts.wait(None) {
            log.write(Level::Critical, &format!("the system's wait failed: {error}"));
            return Status::Failed;
        }
    };
    say(&outcome, &start, log);
    let printed = print(outcome, environment.output_type, begin, clock.now());
    hosts.close(GOODBYE);
    match printed {
        Ok(()) => Status::Done,
        // A reader who has left wanted no more.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Status::Done,
        Err(error) => {
            log.write(Level::Critical, &format!("the result cannot be printed: {error}"));
            Status::Failed
        }
    }
}

fn say(outcome: &Outcome, start: &Start, log: &Log) {
    let subject = format!("asset: {} ({}) check: {}", start.asset_name, start.path.asset, start.check_key);
    match outcome {
        Outcome::Failed(error) => log.write(Level::Error, &format!("check error; {subject} error: {}", error.text)),
        Outcome::Incomplete(_, error) => {
            log.write(Level::Warning, &format!("incomplete result; {subject} error: {}", error.text));
        }
        _ => log.write(Level::Debug, &format!("run check ok; {subject}")),
    }
}

/// The result on standard output, and nothing else there.
fn print(outcome: Outcome, format: OutputType, begin: Now, end: Now) -> io::Result<()> {
    let duration = wmi_proto::Instant::saturating_since(end.steady, begin.steady);
    let value = outcome.printable(duration, begin.unix);
    // A closed standard error is nobody's concern.
    let _ = writeln!(io::stderr(), "{}", "-".repeat(80));
    let mut out = io::stdout().lock();
    match format {
        OutputType::Json => writeln!(out, "{}", printed::json(&value, Some(2)))?,
        OutputType::Pprint => writeln!(out, "{}", printed::pprint(&value))?,
    }
    out.flush()?;
    let _ = writeln!(io::stderr());
    Ok(())
}
