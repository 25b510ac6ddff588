//! Exit statuses, and messages on standard error.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use wmi_proto::Error;

use crate::output::table::visible;

/// How the program ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// 0: done, also with no rows.
    Done,
    /// 1: the host refused, failed or was tampered with, or a file is not what it should be.
    Failed,
    /// 2: the command line.
    Usage,
    /// 3: not reached, connection lost or out of time.
    Unreachable,
    /// 128 + the signal: ended from outside, after closing the session.
    Signal(u8),
}

impl Status {
    pub(crate) const fn of(error: &Error) -> Self {
        if error.is_unreachable() { Self::Unreachable } else { Self::Failed }
    }

    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Failed => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::Signal(number) => 128_u8.saturating_add(number),
        }
    }

    /// The graver of two: what a command with several parts ends with.
    pub(crate) const fn worse(self, other: Self) -> Self {
        if other.code() > self.code() { other } else { self }
    }
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(status.code())
    }
}

/// One line on standard error, whatever a host or a file says in it. A closed standard error is nobody's concern.
pub(crate) fn complain(line: impl Display) {
    write_line(&format!("wmi: {line}"));
}

/// One line on standard error as it is.
pub(crate) fn write_line(line: &str) {
    let _ = writeln!(io::stderr(), "{}", visible(line));
}

/// The last line of a failed query's message. Its form is fixed, one row included: scripts read it.
pub(crate) fn partial(rows: u64) {
    complain(format_args!("partial: {rows} rows"));
}

/// Standard output failed: quietly when its reader has left.
pub(crate) fn unprinted(error: &io::Error) -> Status {
    if error.kind() == io::ErrorKind::BrokenPipe {
        return Status::Done;
    }
    complain(format_args!("cannot write: {error}"));
    Status::Failed
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(count: u64, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

#[cfg(test)]
mod tests {
    use wmi_proto::wire::HResult;
    use wmi_proto::{ErrorKind, Role, Stage, TransportFailure};

    use super::*;

    #[test]
    fn refused_is_one_and_not_reached_is_three() {
        let query = |kind| Status::of(&Error::new(Stage::Query, kind));
        assert_eq!(query(ErrorKind::Status(HResult(0x8004_1010))), Status::Failed);
        assert_eq!(query(ErrorKind::Tampered("signature")), Status::Failed);
        assert_eq!(query(ErrorKind::TimedOut), Status::Unreachable);
        assert_eq!(query(ErrorKind::Disconnected), Status::Unreachable);
        let connect = Stage::Connect(Role::Activator);
        let refused = Error::new(connect, ErrorKind::Transport(TransportFailure::Refused));
        assert_eq!(Status::of(&refused), Status::Unreachable);
    }

    #[test]
    fn codes_are_those_of_the_manual() {
        assert_eq!(Status::Signal(2).code(), 130);
        assert_eq!(Status::Failed.worse(Status::Unreachable), Status::Unreachable);
        assert_eq!(Status::Failed.worse(Status::Done), Status::Failed);
    }
}
