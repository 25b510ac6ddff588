//! What the core says about transports: which one, to where, and how one failed.

use core::fmt;
use core::time::Duration;

/// A transport that the core asked for. Chosen by the core, never reused within a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransportId(pub(crate) u32);

impl TransportId {
    /// A small number that fits a reactor token.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// Where a transport leads, and how it is to be kept. The runtime resolves names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What listens there.
    pub role: Role,
    /// A name, an IPv4 address or an IPv6 address without brackets (a scope id after `%` is allowed).
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// After so long without traffic TCP is to probe whether the peer is still there; `None` leaves it to the operating
    /// system. A session may say nothing for two minutes, and firewalls forget connections that do not. A peer that
    /// acknowledges nothing of what was sent for as long and 30 s more is to count as lost: the operating system would send
    /// again for up to a quarter of an hour.
    pub keep_alive: Option<Duration>,
}

/// What listens at the other end of a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Role {
    /// The COM activator, usually at port 135.
    Activator,
    /// The process that holds the WMI objects, at a port that activation told.
    ObjectServer,
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Activator => "activator",
            Self::ObjectServer => "object server",
        })
    }
}

/// How a transport failed, as far as the runtime can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TransportFailure {
    /// The port answered that nobody listens.
    Refused,
    /// There is no way to the host.
    Unreachable,
    /// The peer reset the connection.
    Reset,
    /// The name does not resolve.
    NameResolution,
    /// The operating system gave up.
    TimedOut,
    /// This machine has no socket left to give: the limit of open files of the process or of the system is reached.
    Exhausted,
    /// Anything else.
    Other,
}

impl From<std::io::ErrorKind> for TransportFailure {
    /// What an error of `connect`, `read` or `write` means. A failed name look-up has no kind of its own: whoever
    /// resolves says [`TransportFailure::NameResolution`].
    fn from(kind: std::io::ErrorKind) -> Self {
        use std::io::ErrorKind as Kind;
        match kind {
            Kind::ConnectionRefused => Self::Refused,
            Kind::HostUnreachable | Kind::NetworkUnreachable | Kind::NetworkDown | Kind::AddrNotAvailable => {
                Self::Unreachable
            }
            Kind::ConnectionReset | Kind::ConnectionAborted | Kind::BrokenPipe => Self::Reset,
            Kind::TimedOut => Self::TimedOut,
            _ => Self::Other,
        }
    }
}

impl From<&std::io::Error> for TransportFailure {
    /// The same, and [`TransportFailure::Exhausted`], which has no kind of its own.
    fn from(error: &std::io::Error) -> Self {
        // ENFILE and EMFILE have these numbers on every Unix; on Windows it is WSAEMFILE.
        let exhausted: &[i32] = if cfg!(windows) { &[10024] } else { &[23, 24] };
        match error.raw_os_error() {
            Some(code) if exhausted.contains(&code) => Self::Exhausted,
            _ => error.kind().into(),
        }
    }
}

impl fmt::Display for TransportFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Refused => "connection refused",
            Self::Unreachable => "host unreachable",
            Self::Reset => "connection reset by the host",
            Self::NameResolution => "host name does not resolve",
            Self::TimedOut => "connection timed out",
            Self::Exhausted => "no socket left on this machine: too many open files",
            Self::Other => "connection failed",
        })
    }
}
