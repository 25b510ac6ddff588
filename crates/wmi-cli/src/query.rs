//! `wmi query`: one query, its rows as they arrive.

use std::io::{self, BufWriter, ErrorKind, Write};

use wmi_proto::{CommandError, Query};

use crate::args::QueryArguments;
use crate::connection::{self, Connection, Trouble, patience};
use crate::output;
use crate::recorder::Recorder;
use crate::signals::Interrupt;
use crate::status::{Status, complain, counted, explain, partial};

pub(crate) fn run(arguments: &QueryArguments) -> Status {
    let connect = &arguments.connect;
    let config = match connection::config(connect) {
        Ok(config) => config,
        Err(usage) => {
            complain(usage);
            return Status::Usage;
        }
    };
    let recorder = match arguments.capture.as_deref().map(Recorder::create).transpose() {
        Ok(recorder) => recorder,
        Err(error) => {
            complain(format_args!("the capture cannot be written: {error}"));
            return Status::Failed;
        }
    };
    let opened = Interrupt::install()
        .and_then(|interrupt| Connection::open(config, connect.timeout, connect.verbose, &interrupt));
    let mut connection = match opened {
        Ok(connection) => connection,
        Err(error) => {
            complain(format_args!("no session: {error}"));
            return Status::Failed;
        }
    };
    if let Some(recorder) = &recorder {
        connection.record(recorder.clone());
    }
    let mut query = Query::new(&arguments.wql).namespace(&arguments.namespace).enumerator(arguments.enumerator.into());
    query.batch = arguments.batch;

    let mut out = BufWriter::new(io::stdout().lock());
    let mut writer = output::rows(arguments.output, &arguments.wql);
    let mut count = 0;
    let outcome = connection.query(query, &mut |rows, progress| {
        count += rows.len() as u64;
        progress.aside(|| writer.batch(rows, &mut out))
    });
    connection.progress.finish();
    // Nothing more is owed to a reader who has left.
    let printed = match &outcome {
        Err(Trouble::Output(_)) => Ok(()),
        _ => writer.finish(&mut out).and_then(|()| out.flush()),
    };
    let stats = connection.close(match &outcome {
        Err(Trouble::Failed(error)) => patience(Status::of(error)),
        _ => patience(Status::Done),
    });
    connection.progress.note(|| {
        let logons = counted(stats.logons, "log-on");
        let trips = counted(stats.round_trips, "round trip");
        let (rows, sent, received) = (counted(count, "row"), stats.octets_out, stats.octets_in);
        format!("{rows}, {trips}, {logons}, {sent} octets sent, {received} received")
    });
    if writer.undecodable() > 0 {
        let cells = counted(writer.undecodable(), "value");
        complain(format_args!("{}: {cells} could not be decoded, shown as __error", connect.host));
    }
    let mut whole = Status::Done;
    if !writer.left_out().is_empty() {
        let columns = writer.left_out().join(", ");
        complain(format_args!(
            "{}: not printed, because later rows brought them: {columns}. Name the columns in the query, or use -o jsonl",
            connect.host
        ));
        whole = Status::Failed;
    }
    let recorded = recorder.map_or(Status::Done, |recorder| recorder.finish());
    let status = match &outcome {
        Ok(completion) => {
            if let Some(notice) = completion.notice {
                complain(format_args!("{}: the host reports {notice}", connect.host));
            }
            Status::Done
        }
        Err(trouble) => tell(&connect.host.to_string(), trouble, count),
    };
    let status = status.worse(recorded).worse(whole);
    printed.map_or_else(|error| status.worse(unprinted(&error)), |()| status)
}

/// Says what went wrong with a query, after `rows` had arrived.
pub(crate) fn tell(host: &str, trouble: &Trouble, rows: u64) -> Status {
    match trouble {
        Trouble::Failed(error) => {
            explain(host, error, rows);
            Status::of(error)
        }
        Trouble::Command(error) => {
            complain(format_args!("{host}: {error}"));
            if matches!(error, CommandError::BadQuery(_)) { Status::Usage } else { Status::Failed }
        }
        Trouble::Signal(signal) => {
            complain(format_args!("{host}: interrupted"));
            partial(rows);
            Status::Signal(*signal)
        }
        Trouble::Output(error) => unprinted(error),
        Trouble::Reactor(error) => {
            complain(format_args!("{host}: {error}"));
            partial(rows);
            Status::Failed
        }
    }
}

/// Standard output failed: quietly when its reader has left.
pub(crate) fn unprinted(error: &io::Error) -> Status {
    if error.kind() == ErrorKind::BrokenPipe {
        return Status::Done;
    }
    complain(format_args!("cannot write: {error}"));
    Status::Failed
}
