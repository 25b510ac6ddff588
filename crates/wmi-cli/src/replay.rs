//! `wmi replay`: a captured session of this program once more, held against its capture.

use std::fs::File;
use std::io::{self, BufWriter};
use std::path::Path;

use serde_json::json;
use wmi_capture::Account;
use wmi_capture::replay::{Cut, Recording, Replay, Replayed};

use crate::args::ReplayArguments;
use crate::messages::Messages;
use crate::output::several::{End, Several};
use crate::password;
use crate::status::{Status, complain, counted, unprinted};

pub(crate) fn run(arguments: &ReplayArguments) -> Status {
    let path = &arguments.file;
    let account = match account(arguments) {
        Ok(account) => account,
        Err(usage) => {
            complain(usage);
            return Status::Usage;
        }
    };
    let recording = File::open(path)
        .map_err(|error| error.to_string())
        .and_then(|file| Recording::read(file, &account).map_err(|refusal| refusal.to_string()));
    let recording = match recording {
        Ok(recording) => recording,
        Err(why) => {
            complain(format_args!("{}: {why}", path.display()));
            return Status::Failed;
        }
    };
    let replay = recording.replay(Cut::Captured);
    let (whole, failed) = (replay.end.is_ok(), failure(&replay));
    let mut out = BufWriter::new(io::stdout().lock());
    let texts: Vec<String> = replay.queries.iter().map(|query| query.wql.clone().unwrap_or_default()).collect();
    let mut printer = Several::new(arguments.output, &texts, &mut out);
    let printed = print(path, replay.queries, &mut printer, whole);
    match replay.outcome {
        Some(Err(error)) if failed => complain(format_args!("{}: in the captured session: {error}", path.display())),
        None if whole => complain(format_args!("{}: the session was under way at the end", path.display())),
        Some(_) | None => {}
    }
    let status = match replay.end {
        Ok(()) => Status::Done,
        Err(stop) => {
            let octets = counted(replay.octets as u64, "octet");
            complain(format_args!("{}: {stop}", path.display()));
            complain(format_args!("{}: the client had said {octets}", path.display()));
            Status::Failed
        }
    };
    // Whoever reads the rows may leave; the difference is told all the same.
    printed.map_or_else(|error| status.worse(unprinted(&error)), |()| status)
}

/// Whether the session failed with what no query of it tells already.
fn failure(replay: &Replay) -> bool {
    let Some(Err(error)) = &replay.outcome else { return false };
    !replay.queries.iter().any(|query| matches!(&query.outcome, Some(Err(told)) if told == error))
}

fn account(arguments: &ReplayArguments) -> Result<Account, String> {
    let account = &arguments.account;
    let user = account.user.as_deref().ok_or("no account: give -u USER or set WMI_USER")?;
    Ok(Account::new(user, password::obtain(account.files(), user)?))
}

/// Prints the rows of queries, and says how they ended if not well: then, not now, so that is no failure. What is `whole`
/// was replayed to its end.
fn print(path: &Path, queries: Vec<Replayed>, printer: &mut Several<'_>, whole: bool) -> io::Result<()> {
    let messages = Messages::about(path.display(), false);
    let several = queries.len() > 1;
    let mut ends = Vec::new();
    for (at, query) in queries.into_iter().enumerate() {
        if !query.rows.is_empty() {
            printer.batch(at, query.rows)?;
        }
        let why = match query.outcome {
            Some(Ok(_)) => {
                printer.done(at, End::Whole)?;
                continue;
            }
            Some(Err(error)) => {
                printer.done(at, End::Failed(messages.failure_json(&error)))?;
                format!("in the captured session: {error}")
            }
            None => {
                printer.done(at, End::Failed(json!({ "what": "under way at the end" })))?;
                if !whole {
                    continue;
                }
                "a query was under way at the end".to_owned()
            }
        };
        ends.push(if several { format!("query {}: {why}", at + 1) } else { why });
    }
    printer.finish()?;
    if printer.undecodable() > 0 {
        let cells = counted(printer.undecodable(), "value");
        messages.notice(format_args!("{cells} could not be decoded, shown as __error"));
    }
    let left_out: Vec<&str> = printer.left_out().collect();
    if !left_out.is_empty() {
        messages.notice(format_args!("columns left out: {}", left_out.join(", ")));
    }
    ends.iter().for_each(|end| messages.notice(end));
    Ok(())
}
