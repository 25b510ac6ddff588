//! `wmi query`: one query or several at once, their rows as they arrive.

use std::io::{self, BufWriter};

use wmi_proto::{Completion, Error, Query, Row};

use crate::args::{QueryArguments, RowFormat};
use crate::connection::{self, Connection, Sink, Trouble, patience};
use crate::messages::{Messages, Part, is_same};
use crate::output::several::{End, Several};
use crate::recorder::Recorder;
use crate::status::{Status, counted};

pub(crate) fn run(arguments: &QueryArguments) -> Status {
    let connect = &arguments.connect;
    let messages = Messages::about(&connect.host, arguments.output.is_json());
    if arguments.wql.len() > 1 && arguments.output == RowFormat::Csv {
        return messages.usage("csv has one header: give one query, or take -o jsonl");
    }
    let mut config = match connection::config(connect) {
        Ok(config) => config,
        Err(usage) => return messages.usage(usage),
    };
    // As many as were asked for: they are the caller's own.
    config.limits.max_queries = config.limits.max_queries.max(arguments.wql.len());
    let recorder = match arguments.capture.as_deref().map(Recorder::create).transpose() {
        Ok(recorder) => recorder,
        Err(error) => {
            messages.problem("capture", format_args!("the capture cannot be written: {error}"), &Part::default());
            return Status::Failed;
        }
    };
    let mut connection = match Connection::begin_for(connect, config, &messages) {
        Ok(connection) => connection,
        Err(status) => return status,
    };
    if let Some(recorder) = &recorder {
        connection.record(recorder.clone());
    }
    let queries = arguments.wql.iter().map(|wql| {
        let mut query = Query::new(wql).namespace(&arguments.namespace).enumerator(arguments.enumerator.into());
        query.batch = arguments.batch;
        query
    });

    let mut out = BufWriter::new(io::stdout().lock());
    let printer = Several::new(arguments.output, &arguments.wql, &mut out);
    let mut results = Results { printer, messages: &messages, outcomes: Vec::new() };
    let outcome = connection.queries(queries.collect(), &mut results);
    let Results { mut printer, outcomes, .. } = results;
    connection.progress.finish();
    // Nothing more is owed to a reader who has left.
    let printed = match &outcome {
        Err(Trouble::Output(_)) => Ok(()),
        _ => printer.finish(),
    };
    let mut status = Status::Done;
    for (_, outcome) in &outcomes {
        status = status.worse(outcome.as_ref().map_or_else(Status::of, |_| Status::Done));
    }
    let stats = connection.close(patience(status));
    connection.progress.note(|| {
        let logons = counted(stats.logons, "log-on");
        let trips = counted(stats.round_trips, "round trip");
        let (rows, sent, received) = (counted(printer.total(), "row"), stats.octets_out, stats.octets_in);
        format!("{rows}, {trips}, {logons}, {sent} octets sent, {received} received")
    });
    if printer.undecodable() > 0 {
        let cells = counted(printer.undecodable(), "value");
        messages.notice(format_args!("{cells} could not be decoded, shown as __error"));
    }
    let left_out: Vec<&str> = printer.left_out().collect();
    if !left_out.is_empty() {
        let columns = left_out.join(", ");
        messages.notice(format_args!(
            "not printed, because later rows brought them: {columns}. Name the columns in the query, or use -o jsonl"
        ));
        status = status.worse(Status::Failed);
    }
    tell(&outcomes, &printer, arguments.wql.len(), &messages);
    if let Err(trouble) = &outcome {
        status = status.worse(messages.trouble(trouble, arguments.wql.len(), printer.total()));
    }
    let recorded = recorder.map_or(Status::Done, |recorder| recorder.finish());
    let status = status.worse(recorded);
    printed.map_or_else(|error| status.worse(messages.unprinted(&error)), |()| status)
}

/// Hands rows to the printer and keeps how the queries ended.
struct Results<'o> {
    printer: Several<'o>,
    messages: &'o Messages,
    /// With their places in the list.
    outcomes: Vec<(usize, Result<Completion, Error>)>,
}

impl Sink for Results<'_> {
    fn wants(&self, at: usize, more: usize) -> bool {
        self.printer.wants(at, more)
    }

    fn batch(&mut self, at: usize, rows: Vec<Row>) -> io::Result<()> {
        self.printer.batch(at, rows)
    }

    fn done(&mut self, at: usize, outcome: &Result<Completion, Error>) -> io::Result<()> {
        self.outcomes.push((at, outcome.clone()));
        self.printer.done(
            at,
            match outcome {
                Ok(_) => End::Whole,
                Err(error) => End::Failed(self.messages.failure_json(error)),
            },
        )
    }
}

/// Says what failed, in the order of the queries, and what the host had to say besides. What several failed of is said
/// once.
fn tell(outcomes: &[(usize, Result<Completion, Error>)], printer: &Several, count: usize, messages: &Messages) {
    let mut outcomes: Vec<_> = outcomes.iter().collect();
    outcomes.sort_by_key(|(at, _)| *at);
    let mut failed: Vec<(&Error, Part)> = Vec::new();
    for (at, outcome) in outcomes {
        match outcome {
            Ok(Completion { notice: Some(notice), .. }) if count > 1 => {
                messages.notice(format_args!("query {}: the host reports {notice}", at + 1));
            }
            Ok(Completion { notice: Some(notice), .. }) => messages.notice(format_args!("the host reports {notice}")),
            Ok(_) => {}
            Err(error) => {
                let part = match failed.iter_mut().find(|(told, _)| is_same(told, error)) {
                    Some((_, part)) => part,
                    None => {
                        failed.push((error, Part::rows(0)));
                        let Some((_, part)) = failed.last_mut() else { continue };
                        part
                    }
                };
                part.queries.extend((count > 1).then_some(at + 1));
                part.rows = part.rows.map(|rows| rows + printer.rows(*at));
            }
        }
    }
    for (error, part) in failed {
        messages.failure(error, &part);
    }
}
