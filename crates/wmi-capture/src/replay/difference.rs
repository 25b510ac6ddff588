//! Why a capture cannot be replayed, and the first place where a replay and its capture part.

use core::fmt;

use thiserror::Error;
use wmi_proto::Draw;

use crate::file::FileError;

/// Why there is nothing to replay.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The file is no capture, or nothing of it can be read.
    #[error("{0}")]
    File(#[from] FileError),
    /// No connection of the capture speaks DCE/RPC.
    #[error("no session is in it")]
    NoSession,
    /// The connection was there before the capture began.
    #[error("it starts in mid session: the start of stream {stream} is missing")]
    InMidSession {
        /// The connection.
        stream: u32,
    },
    /// The first connection is not one to an activator under NTLM, signed or sealed.
    #[error("not a session of this client: stream {stream} {why}")]
    Foreign {
        /// The connection.
        stream: u32,
        /// What is different.
        why: &'static str,
    },
    /// The client activated WMI more than once: it lost its host, or had to ask for its version of COM.
    #[error("the session was established again in stream {stream}: only one that was never lost can be replayed")]
    EstablishedAgain {
        /// The connection of the second activation.
        stream: u32,
    },
    /// Somebody else logged on.
    #[error("the session is of another account: {domain}\\{user}")]
    AnotherAccount {
        /// As the client sent it.
        domain: String,
        /// As the client sent it.
        user: String,
    },
    /// The password does not prove the log-on.
    #[error("wrong password, or its log-on was changed: the proof of stream {stream} does not match")]
    WrongPassword {
        /// The connection.
        stream: u32,
    },
}

/// Why a replay did not come to the end of its capture, everything up to there being equal.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Stop {
    /// The client says something else than the captured one.
    #[error("{0}")]
    Differs(Box<Difference>),
    /// The captured client opened a connection that this one does not open.
    #[error("stream {stream}, frame {frame}: a connection to port {port} that the client does not open")]
    Unopened {
        /// The connection.
        stream: u32,
        /// Where it was opened.
        frame: u64,
        /// Where it leads.
        port: u16,
    },
    /// Octets are not in the capture.
    #[error("stream {stream}: octets are missing before frame {frame}, {}", missing(.octets))]
    Hole {
        /// The connection.
        stream: u32,
        /// The frame behind the hole.
        frame: u64,
        /// How many octets; `None` for the start of the stream.
        octets: Option<u64>,
    },
    /// A frame of the server whose TCP checksum is wrong, in a capture in which those of the client are right.
    #[error("stream {stream}, frame {frame}: the checksum is wrong, what the server sent was changed")]
    Damaged {
        /// The connection.
        stream: u32,
        /// The frame.
        frame: u64,
    },
    /// The file ends before the session does.
    #[error("{0}")]
    File(FileError),
}

fn missing(octets: &Option<u64>) -> String {
    octets.map_or_else(|| "from the start".to_owned(), |octets| format!("{octets} of them"))
}

/// The first octet in which what the client says differs from what the captured one said.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The TCP stream, counted from 0 over all streams of the file.
    pub stream: u32,
    /// The frame that holds the octet; of an octet behind the last one, the last frame.
    pub frame: Option<u64>,
    /// Octets of the client on this stream before it.
    pub offset: usize,
    /// PDUs of the client on this stream before the one that holds it.
    pub pdu: usize,
    /// Octets of that PDU before it.
    pub pdu_offset: usize,
    /// The type of that PDU: `bind`, `auth3`, `request`, `alter_context`.
    pub kind: &'static str,
    /// The method of a request, `Interface::Method`.
    pub operation: Option<&'static str>,
    /// What the octet belongs to: `header.call_id`, `request.stub: ExecQuery.strQuery`, `auth.signature.checksum`, …
    pub field: String,
    /// What is different.
    pub what: Contrast,
    /// What the client drew more of than the capture holds, before this place.
    pub ran_out: Option<Draw>,
}

/// How a replay differs from its capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Contrast {
    /// In an octet.
    Octet {
        /// As captured.
        captured: u8,
        /// As the client says it.
        replayed: u8,
    },
    /// The captured client said something where this one says nothing.
    Silent,
    /// This client says something where the captured one said nothing.
    Talkative,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, offset, pdu, kind, field, .. } = self;
        write!(f, "stream {stream}, offset {offset}")?;
        if let Some(frame) = self.frame {
            write!(f, " (frame {frame})")?;
        }
        write!(f, ", PDU {pdu} ({kind}")?;
        if let Some(operation) = self.operation {
            write!(f, " {operation}")?;
        }
        write!(f, "), {field}: ")?;
        match self.what {
            Contrast::Octet { captured, replayed } => {
                write!(f, "{captured:#04x} captured, {replayed:#04x} replayed")?;
            }
            Contrast::Silent => f.write_str("captured, and the client says nothing")?,
            Contrast::Talkative => f.write_str("not captured, and the client says it")?,
        }
        match self.ran_out {
            Some(draw) => write!(f, "; the capture holds no more random octets for {draw:?}"),
            None => Ok(()),
        }
    }
}
