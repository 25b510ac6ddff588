//! `wmi replay`: a captured session of this program once more, held against its capture.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use wmi_capture::Account;
use wmi_capture::replay::{Cut, Recording, Replay, Replayed};

use crate::args::{ReplayArguments, RowFormat};
use crate::output;
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
    let mut printed = Ok(());
    for query in replay.queries {
        printed = print(path, query, arguments.output, whole, &mut out);
        if printed.is_err() {
            break;
        }
    }
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

/// Prints the rows of a query, and says how it ended if not well: then, not now, so that is no failure. What is `whole`
/// was replayed to its end.
fn print(path: &Path, query: Replayed, format: RowFormat, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    let wql = query.wql.unwrap_or_default();
    let mut writer = output::rows(format, &wql);
    if !query.rows.is_empty() {
        writer.batch(query.rows, out)?;
    }
    writer.finish(out)?;
    out.flush()?;
    if writer.undecodable() > 0 {
        let cells = counted(writer.undecodable(), "value");
        complain(format_args!("{}: {cells} could not be decoded, shown as __error", path.display()));
    }
    let left_out = writer.left_out();
    if !left_out.is_empty() {
        complain(format_args!("{}: columns left out: {}", path.display(), left_out.join(", ")));
    }
    match query.outcome {
        Some(Err(error)) => complain(format_args!("{}: in the captured session: {error}", path.display())),
        None if whole => complain(format_args!("{}: a query was under way at the end", path.display())),
        Some(Ok(_)) | None => {}
    }
    Ok(())
}
