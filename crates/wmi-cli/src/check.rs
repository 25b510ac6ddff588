//! `wmi check`: monitoring checks of one host at once over one session, in one round or at an interval.

use std::io;
use std::mem;
use std::time::{Duration, Instant};

use wmi_checks::{Check, Failure, Finished, NEEDS_SECOND_SAMPLE, Options, Report, RoundId, Rounds, State};
use wmi_proto::Error;

use crate::args::{ALL, CheckArguments, CheckFormat, ReportShape};
use crate::connection::{self, Connection, Driven, Trouble, patience, wall_time};
use crate::messages::Messages;
use crate::output::report::{Reports, Told};
use crate::signals::Interrupt;
use crate::status::{Status, counted};

pub(crate) fn run(arguments: &CheckArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output.is_json());
    let prepared = chosen(arguments).and_then(|checks| Ok((checks, connection::config(connect)?)));
    let (checks, mut config) = match prepared {
        Ok(prepared) => prepared,
        Err(usage) => return messages.usage(usage),
    };
    let mut options = Options::new(arguments.shape.into());
    options.win32_product = arguments.win32_product;
    options.calls_in_flight = arguments.calls.into();
    // Each check's queries at once: none waits for another check's.
    config.limits.max_queries = config.limits.max_queries.max(checks.len() * options.calls_in_flight);
    let interrupt = match Interrupt::install() {
        Ok(interrupt) => interrupt,
        Err(error) => return messages.trouble(&Trouble::Reactor(error), 1, 0),
    };
    let is_single = checks.len() == 1 && arguments.interval.is_none();
    let mut out = io::stdout().lock();
    let mut runner = Runner {
        lines: Vec::new(),
        options,
        timeout: connect.timeout,
        interval: arguments.interval,
        interrupt: interrupt.clone(),
        messages: &messages,
        reports: Reports::new(arguments.output, arguments.shape.into(), connect.host.to_string(), is_single, &mut out),
        status: Status::Done,
        untold: Vec::new(),
        doubtful: Vec::new(),
    };
    let rounds = if arguments.interval.is_some() { arguments.count } else { Some(1) };
    let now = Instant::now();
    runner.lines.extend(checks.into_iter().map(|check| Line {
        check,
        state: State::default(),
        due: now,
        left: rounds,
        round: None,
        doubts: Vec::new(),
    }));
    let open = || Connection::open(config.clone(), connect.timeout, connect.verbose, &interrupt);
    let ended = runner.run(&open);
    let printed = match &ended {
        // Nothing more is owed to a reader who has left.
        Err(Trouble::Output(_)) => Ok(()),
        _ => runner.reports.finish(),
    };
    runner.tell();
    let status =
        ended.map_or_else(|trouble| runner.status.worse(messages.trouble_of_call(&trouble, None)), |()| runner.status);
    printed.map_or_else(|error| status.worse(messages.unprinted(&error)), |()| status)
}

/// The checks that the command line asks for, each once.
///
/// # Errors
/// A usage error.
fn chosen(arguments: &CheckArguments) -> Result<Vec<Box<dyn Check>>, String> {
    if !arguments.connect.context.is_empty() {
        return Err("checks choose the context of their calls themselves".to_owned());
    }
    if arguments.shape == ReportShape::Infrasonar
        && arguments.output == CheckFormat::Json
        && arguments.interval.is_some()
    {
        return Err("in the infrasonar shape json has one report per check: take -o jsonl with --interval".to_owned());
    }
    let mut keys: Vec<&str> = Vec::new();
    for key in &arguments.checks {
        let named = match (key.as_str(), arguments.shape) {
            (ALL, ReportShape::Native) => wmi_checks::KEYS,
            (ALL, ReportShape::Infrasonar) => wmi_checks::PROBE_KEYS,
            _ => &[key.as_str()],
        };
        for key in named {
            if !keys.contains(key) && !arguments.skip.iter().any(|skipped| skipped == key) {
                keys.push(key);
            }
        }
    }
    if keys.is_empty() {
        return Err("no check is left: --skip leaves out all that were named".to_owned());
    }
    Ok(keys.into_iter().filter_map(wmi_checks::by_key).collect())
}

/// A check, and when it is due.
struct Line {
    check: Box<dyn Check>,
    state: State,
    due: Instant,
    /// Rounds that are still to begin; `None` for as many as there is time for.
    left: Option<u32>,
    round: Option<RoundId>,
    /// What was doubtful in the last round.
    doubts: Vec<Failure>,
}

impl Line {
    /// Whether the line waits for its next round.
    fn waits(&self) -> bool {
        self.round.is_none() && self.left != Some(0)
    }
}

/// Runs checks, each at its own pace.
struct Runner<'o> {
    lines: Vec<Line>,
    options: Options,
    /// Of a round.
    timeout: Duration,
    interval: Option<Duration>,
    interrupt: Interrupt,
    messages: &'o Messages,
    reports: Reports<'o>,
    status: Status,
    /// What failed and was not told yet, with its check.
    untold: Vec<(String, Failure)>,
    /// What is doubtful and was not told yet, likewise.
    doubtful: Vec<(String, Failure)>,
}

impl Runner<'_> {
    /// Runs all rounds. A session that is lost is found again by itself; one that ended is begun anew when the next check
    /// is due, unless the host refused the account.
    ///
    /// # Errors
    /// What ends all checks at once, such as a signal.
    fn run(&mut self, open: &dyn Fn() -> io::Result<Connection>) -> Result<(), Trouble> {
        while let Some(due) = self.due() {
            self.tell();
            if let Some(signal) = self.interrupt.wait_until(due) {
                return Err(Trouble::Signal(signal));
            }
            let mut connection = open().map_err(Trouble::Reactor)?;
            let ended = self.session(&mut connection);
            let stats = connection.close(patience(self.status));
            connection.progress.note(|| {
                let (logons, trips) = (counted(stats.logons, "log-on"), counted(stats.round_trips, "round trip"));
                format!("{logons}, {trips}, {} octets sent, {} received", stats.octets_out, stats.octets_in)
            });
            self.tell();
            match ended? {
                Some(error) if self.due().is_some() && error.refuses_log_on() => {
                    self.messages.notice("not tried again: a log-on that is refused over and over locks accounts");
                    break;
                }
                Some(_) => {}
                None => break,
            }
        }
        Ok(())
    }

    /// When the next round is due, of the checks that wait for one.
    fn due(&self) -> Option<Instant> {
        self.lines.iter().filter(|line| line.waits()).map(|line| line.due).min()
    }

    /// Runs rounds over one session until none is left, or the session is over for the reason returned.
    ///
    /// # Errors
    /// What ends all checks at once.
    fn session(&mut self, connection: &mut Connection) -> Result<Option<Error>, Trouble> {
        let mut rounds = Rounds::new(self.lines.len());
        loop {
            let now = Instant::now();
            for line in self.lines.iter_mut().filter(|line| line.waits() && line.due <= now) {
                let state = mem::take(&mut line.state);
                line.round = Some(rounds.begin(&*line.check, &self.options, state, self.timeout));
                line.left = line.left.map(|left| left.saturating_sub(1));
            }
            let until = self.due();
            if until.is_none() && self.lines.iter().all(|line| line.round.is_none()) {
                return Ok(None);
            }
            match connection.drive(&mut rounds, until) {
                Ok(Driven::Finished(finished)) => self.put(finished, connection)?,
                Ok(Driven::Waited) => self.tell(),
                Ok(Driven::Closed(error)) => return Ok(error),
                Err(trouble) => {
                    // What came until now is told before the reason why there is no more.
                    for finished in connection.stop(&mut rounds) {
                        self.put(finished, connection)?;
                    }
                    return Err(trouble);
                }
            }
        }
    }

    /// Prints the report of a round that is over and keeps what failed in it.
    ///
    /// # Errors
    /// Nobody reads it.
    fn put(&mut self, finished: Finished, connection: &mut Connection) -> Result<(), Trouble> {
        let Self { lines, reports, .. } = self;
        let report = connection.progress.aside(|| put(finished, lines, self.interval, reports));
        self.judge(report.map_err(Trouble::Output)?);
        Ok(())
    }

    /// Keeps what failed in `report`, and what is doubtful in it and was not so in the round before.
    fn judge(&mut self, report: Report) {
        if let Some(line) = self.lines.iter_mut().find(|line| line.check.key() == report.check) {
            let new = report.warnings.iter().filter(|warning| !line.doubts.contains(warning));
            self.doubtful.extend(new.map(|warning| (report.check.to_string(), warning.clone())));
            line.doubts = report.warnings;
        }
        for failure in report.errors {
            self.status = self.status.worse(if failure.is_unreachable { Status::Unreachable } else { Status::Failed });
            self.untold.push((report.check.to_string(), failure));
        }
    }

    /// Says on standard error what failed; what several parts failed of is said once.
    fn tell(&mut self) {
        let failures = mem::take(&mut self.untold);
        let doubtful = mem::take(&mut self.doubtful);
        let mut told = Vec::new();
        for (_, failure) in &failures {
            let cause = cause(failure);
            if told.contains(&cause) {
                continue;
            }
            let (mut parts, mut classes) = (Vec::new(), Vec::new());
            for (check, same) in failures.iter().filter(|(_, other)| self::cause(other) == cause) {
                put_once(format!("{check}/{}", same.part), &mut parts);
                same.class.iter().for_each(|class| put_once(class.as_str(), &mut classes));
            }
            self.messages.failed_parts(failure, &classes, &parts);
            told.push(cause);
        }
        let mut rates: Vec<&str> = Vec::new();
        let mut others = Vec::new();
        for (check, doubt) in doubtful.iter().filter(|(_, doubt)| !told.contains(&cause(doubt))) {
            if doubt.text.ends_with(NEEDS_SECOND_SAMPLE) {
                put_once(check.as_str(), &mut rates);
            } else {
                others.push((check, doubt));
            }
        }
        for (at, (check, doubt)) in others.iter().enumerate() {
            // What helps against several is told behind the last of them.
            let again = others[at + 1..].iter().any(|(_, later)| later.remedy == doubt.remedy);
            self.messages.doubt(check, doubt, !again);
        }
        if !rates.is_empty() && self.interval.is_none() {
            let rates = rates.join(", ");
            self.messages.notice(format_args!("values of {rates} need a second sample: --interval S brings them"));
        }
    }
}

/// What tells that two failures are of one cause: all but the class.
fn cause(failure: &Failure) -> (&str, &str, Option<&str>, Option<String>) {
    let class = failure.class.as_deref().unwrap_or_default();
    let remedy = failure.remedy.as_deref().map(|remedy| remedy.replace(class, ""));
    (&failure.stage, &failure.text, failure.namespace.as_deref(), remedy)
}

fn put_once<T: PartialEq>(one: T, list: &mut Vec<T>) {
    if !list.contains(&one) {
        list.push(one);
    }
}

/// Prints the report of a round that is over, and has its check wait for the next one.
fn put(
    Finished { id, report, state, took }: Finished,
    lines: &mut [Line],
    interval: Option<Duration>,
    reports: &mut Reports<'_>,
) -> io::Result<Report> {
    if let Some(line) = lines.iter_mut().find(|line| line.round == Some(id)) {
        line.round = None;
        line.state = state;
        if let Some(interval) = interval {
            line.due = next_turn(line.due, interval, Instant::now());
        }
    }
    reports.put(Told { report: &report, at: wall_time(), took })?;
    Ok(report)
}

/// The first turn after the one at `last` that has not passed by `now`.
fn next_turn(last: Instant, interval: Duration, now: Instant) -> Instant {
    let missed = now.saturating_duration_since(last).as_nanos() / interval.as_nanos().max(1);
    last + interval.saturating_mul(u32::try_from(missed + 1).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_that_pass_are_missed_and_not_made_up_for() {
        let (start, interval) = (Instant::now(), Duration::from_secs(10));
        let at = |seconds| start + Duration::from_secs(seconds);
        assert_eq!(next_turn(start, interval, at(1)), at(10));
        assert_eq!(next_turn(start, interval, at(9)), at(10));
        assert_eq!(next_turn(start, interval, at(25)), at(30));
        assert_eq!(next_turn(at(30), interval, at(30)), at(40));
    }
}
