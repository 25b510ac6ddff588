//! What went wrong: where, which code, and what helps.

use core::fmt;
use std::sync::Arc;

use thiserror::Error as ThisError;

use crate::auth::AuthError;
use crate::client::{Concern, verdict};
use crate::path::PathError;
use crate::rpc;
use crate::transport::{Role, TransportFailure};
use crate::wire::{FaultStatus, HResult, Interface, WireError};
use crate::wmi::{self, NoSuchMethod, ParameterError, SignatureError};

/// The step of a session or a query, in order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Stage {
    /// A TCP connection to the activator or the object server.
    Connect(Role),
    /// Bind and authentication on that connection.
    Bind(Role),
    /// RemoteCreateInstance.
    Activate,
    /// IWbemLevel1Login::NTLMLogin to the namespace.
    Login {
        /// As the caller wrote it.
        namespace: String,
    },
    /// IWbemServices::ExecQuery.
    Query,
    /// RemQueryInterface and GetSmartEnum.
    SmartEnum,
    /// Fetching objects.
    Fetch,
    /// IWbemServices::GetObject.
    GetObject,
    /// IWbemServices::GetObject of the class that describes a method, and the parameters held against it.
    Signature,
    /// IWbemServices::ExecMethod.
    ExecMethod,
    /// Telling the host which objects are still needed.
    Ping,
    /// Giving references back.
    Release,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(role) => write!(f, "connect to the {role}"),
            Self::Bind(role) => write!(f, "log on at the {role}"),
            Self::Activate => f.write_str("activation of WMI"),
            Self::Login { namespace } => write!(f, "log-in to namespace {namespace}"),
            Self::Query => f.write_str("query"),
            Self::SmartEnum => f.write_str("smart enumeration"),
            Self::Fetch => f.write_str("fetching rows"),
            Self::GetObject => f.write_str("object"),
            Self::Signature => f.write_str("signature of the method"),
            Self::ExecMethod => f.write_str("method"),
            Self::Ping => f.write_str("ping"),
            Self::Release => f.write_str("release"),
        }
    }
}

/// A failure of a query or of the whole session. Which of the two is told by the event that carries it.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[error("{stage}: {kind}")]
pub struct Error {
    /// Where.
    pub stage: Stage,
    /// What.
    pub kind: ErrorKind,
    /// What it is about; on the heap and shared, because most results are not errors.
    concern: Option<Arc<Concern>>,
}

/// What went wrong, without where.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The transport could not be had or broke.
    #[error("{0}")]
    Transport(TransportFailure),
    /// The host closed the connection while an answer was due.
    #[error("the host closed the connection")]
    Disconnected,
    /// The deadline passed.
    #[error("out of time")]
    TimedOut,
    /// The caller cancelled, or closed the session.
    #[error("cancelled")]
    Cancelled,
    /// The host refused the bind; the reason of bind_nak ([C706 12.6.3.1]).
    #[error("bind refused, {0}")]
    BindRefused(crate::wire::status::BindNakReason),
    /// The host does not offer an interface that is needed.
    #[error("the host does not offer interface {}", .0.uuid)]
    NoInterface(Interface),
    /// A fault PDU in place of an answer.
    #[error("fault {0}")]
    Fault(FaultStatus),
    /// A fault PDU without a signature where one was due: the host refused, or somebody else spoke.
    #[error("refused, unverified: fault {0}")]
    UnverifiedFault(FaultStatus),
    /// An HRESULT that says failure, COM's or WMI's.
    #[error("{0}")]
    Status(HResult),
    /// A signature that does not match, or a protected message without one.
    #[error("tampered: {0}")]
    Tampered(&'static str),
    /// The host's NTLM answer cannot be accepted.
    #[error("authentication: {0}")]
    Auth(#[from] AuthError),
    /// Octets that do not decode.
    #[error("malformed answer: {0}")]
    Malformed(#[from] WireError),
    /// A message that does not belong here.
    #[error("protocol violation: {0}")]
    Misbehaved(&'static str),
    /// The first octets are those of another protocol.
    #[error("the port speaks {0}, not DCE/RPC")]
    OtherProtocol(&'static str),
    /// The class does not have the method; nothing of it was sent.
    #[error(transparent)]
    NoSuchMethod(Box<NoSuchMethod>),
    /// An in-parameter is wrong; nothing of the method was sent.
    #[error(transparent)]
    Parameter(Box<ParameterError>),
}

/// How a query ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Completion {
    /// Rows delivered, undecodable ones included.
    pub rows: u64,
    /// A success code other than S_OK, WBEM_S_FALSE and WBEM_S_TIMEDOUT that was seen on the way, such as
    /// WBEM_S_PARTIAL_RESULTS; the last one.
    pub notice: Option<HResult>,
}

/// The caller's own mistake; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, ThisError)]
#[non_exhaustive]
pub enum CommandError {
    /// The client is closing or closed.
    #[error("the session is closed")]
    Closed,
    /// No such query, or it is over.
    #[error("no such query")]
    UnknownQuery,
    /// Reset, skip or clone of a query that was opened with WBEM_FLAG_FORWARD_ONLY. For Reset and Clone it is what the
    /// host must answer ([MS-WMI 3.1.4.4.1, 3.1.4.4.4]), without a round trip and without the end of the query; that
    /// Skip is treated alike is this client's choice.
    #[error("the query is read forward only (WBEM_E_INVALID_OPERATION)")]
    InvalidOperation,
    /// The query has a `fetch` that was not answered yet.
    #[error("a fetch is under way")]
    FetchInFlight,
    /// Over [`crate::Limits::max_queries`] or [`crate::Limits::max_calls`], or too much that one query was told to do and has not done yet.
    #[error("too many queries or calls, or commands of one")]
    TooMany,
    /// The query's text or namespace cannot be sent, for example because it contains a NUL.
    #[error("the query cannot be sent: {0}")]
    BadQuery(&'static str),
    /// A text is longer than Windows takes ([MS-WMI 3.1.4.3] WBEM_MAX_QUERY, WBEM_MAX_PATH, WBEM_MAX_IDENTIFIER): the
    /// host would answer WBEM_E_QUOTA_VIOLATION.
    #[error("{what} has {length} characters, and WMI takes {limit} at most (WBEM_E_QUOTA_VIOLATION)")]
    TooLong {
        /// Which text.
        what: &'static str,
        /// How long it is, in UTF-16 code units.
        length: usize,
        /// How long it may be, in UTF-16 code units.
        limit: usize,
    },
    /// No such call, or it is over.
    #[error("no such call")]
    UnknownCall,
    /// The call's path is none.
    #[error("not an object path: {0}")]
    BadPath(#[from] PathError),
    /// The call's method or namespace cannot be sent, for example because it contains a NUL.
    #[error("the call cannot be sent: {0}")]
    BadCall(&'static str),
}

impl CommandError {
    /// The name of the status that stands for it in [MS-WMI 2.2.11], when there is one.
    #[must_use]
    pub const fn code_name(&self) -> Option<&'static str> {
        match self {
            Self::InvalidOperation => HResult::WBEM_E_INVALID_OPERATION.name(),
            Self::TooLong { .. } => HResult::WBEM_E_QUOTA_VIOLATION.name(),
            _ => None,
        }
    }
}

impl From<wmi::NotTaken> for CommandError {
    fn from(why: wmi::NotTaken) -> Self {
        match why {
            wmi::NotTaken::Fetching => Self::FetchInFlight,
            wmi::NotTaken::ForwardOnly => Self::InvalidOperation,
            wmi::NotTaken::TooMany => Self::TooMany,
        }
    }
}

impl Error {
    /// `kind` at `stage`, of nothing in particular.
    #[must_use]
    pub const fn new(stage: Stage, kind: ErrorKind) -> Self {
        Self { stage, kind, concern: None }
    }

    /// Whom and what it concerns; `None` when the error was made without a session.
    #[must_use]
    pub fn concern(&self) -> Option<&Concern> {
        self.concern.as_deref()
    }

    /// The namespace and the class that it is about, as far as they are known. What goes wrong before the log-in is about
    /// neither, and the log-in about no class.
    #[must_use]
    pub fn subject(&self) -> (Option<&str>, Option<&str>) {
        let known = self.concern().map(|concern| (concern.namespace.as_deref(), concern.class.as_deref()));
        match &self.stage {
            Stage::Connect(_) | Stage::Bind(_) | Stage::Activate => (None, None),
            Stage::Login { namespace } => (Some(namespace), None),
            _ => known.unwrap_or_default(),
        }
    }

    /// The same after `tell` has put down what it concerns.
    #[must_use]
    pub fn concerning(mut self, tell: impl FnOnce(&mut Concern)) -> Self {
        tell(Arc::make_mut(self.concern.get_or_insert_default()));
        self
    }

    /// The same about `class`, if it is known, in `namespace`.
    #[must_use]
    pub(crate) fn about(self, namespace: &str, class: Option<&str>) -> Self {
        self.concerning(|concern| {
            concern.namespace = Some(namespace.to_owned());
            concern.class = class.map(str::to_owned);
        })
    }

    /// The numeric code behind the error, when it has one.
    #[must_use]
    pub const fn code(&self) -> Option<u32> {
        match &self.kind {
            ErrorKind::Fault(s) | ErrorKind::UnverifiedFault(s) => Some(s.0),
            ErrorKind::Status(h) => Some(h.0),
            ErrorKind::BindRefused(r) => Some(r.0 as u32),
            _ => None,
        }
    }

    /// The specification's name of [`Error::code`], when it is known.
    #[must_use]
    pub const fn code_name(&self) -> Option<&'static str> {
        match self.known() {
            Some(known) => Some(known.name),
            None => None,
        }
    }

    /// Whether the host was not reached, was lost or ran out of time, as opposed to having refused or misbehaved.
    #[must_use]
    pub const fn is_unreachable(&self) -> bool {
        matches!(self.kind, ErrorKind::Transport(_) | ErrorKind::Disconnected | ErrorKind::TimedOut)
    }

    /// Whether another attempt would be wrong: somebody changes messages, what answers is no such host, or the account
    /// was refused, which repeated would lock it. A session does not begin anew after such an error.
    #[must_use]
    pub fn is_final(&self) -> bool {
        verdict::is_final(&self.kind)
    }

    /// Whether the host did not accept the account. A right that is missing is refused to somebody who has logged on.
    #[must_use]
    pub fn refuses_log_on(&self) -> bool {
        matches!(self.stage, Stage::Bind(_) | Stage::Activate | Stage::Login { .. })
            && verdict::refuses_log_on(&self.kind)
    }
}

impl From<rpc::Error> for ErrorKind {
    fn from(error: rpc::Error) -> Self {
        match error {
            rpc::Error::BindRefused(reason) => Self::BindRefused(reason),
            rpc::Error::UnverifiedFault(status) => Self::UnverifiedFault(status),
            rpc::Error::Tampered(what) => Self::Tampered(what),
            rpc::Error::Auth(error) => Self::Auth(error),
            rpc::Error::Malformed(error) => Self::Malformed(error),
            rpc::Error::Misbehaved(what) => Self::Misbehaved(what),
            rpc::Error::OtherProtocol(which) => Self::OtherProtocol(which),
            rpc::Error::Shutdown => Self::Disconnected,
        }
    }
}

impl From<wmi::Failure> for ErrorKind {
    fn from(failure: wmi::Failure) -> Self {
        match failure {
            wmi::Failure::Status(status) => Self::Status(status),
            wmi::Failure::Malformed(error) => Self::Malformed(error),
            wmi::Failure::Misbehaved(what) => Self::Misbehaved(what),
        }
    }
}

impl From<wmi::Step> for Stage {
    fn from(step: wmi::Step) -> Self {
        match step {
            wmi::Step::Query => Self::Query,
            wmi::Step::SmartEnum => Self::SmartEnum,
            wmi::Step::Fetch => Self::Fetch,
        }
    }
}

impl From<wmi::CallStep> for Stage {
    fn from(step: wmi::CallStep) -> Self {
        match step {
            wmi::CallStep::GetObject => Self::GetObject,
            wmi::CallStep::Signature => Self::Signature,
            wmi::CallStep::ExecMethod => Self::ExecMethod,
        }
    }
}

impl From<SignatureError> for ErrorKind {
    fn from(error: SignatureError) -> Self {
        match error {
            SignatureError::NoSuchMethod(error) => Self::NoSuchMethod(error),
            SignatureError::Parameter(error) => Self::Parameter(error),
            SignatureError::Malformed(error) => Self::Malformed(error),
        }
    }
}
