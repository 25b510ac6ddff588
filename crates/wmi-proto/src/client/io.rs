//! The words between the core and whoever drives it.

use bytes::{Bytes, BytesMut};

use crate::client::{Completion, Error, Stage};
use crate::transport::{Target, TransportFailure, TransportId};
use crate::wire::WireError;
use crate::wire::cim::CimObject;

/// What happened on a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// The transport is connected.
    Opened {
        /// Which one.
        transport: TransportId,
    },
    /// Octets arrived, cut in any way.
    Received {
        /// Where.
        transport: TransportId,
        /// What; moved in, not copied.
        data: BytesMut,
    },
    /// The transport is gone. Exactly once per [`Output::Open`], whoever closed.
    Closed {
        /// Which one.
        transport: TransportId,
        /// Why, unless it ended in an orderly way.
        failure: Option<TransportFailure>,
    },
}

impl Input {
    /// The transport on which it happened.
    #[must_use]
    pub const fn transport(&self) -> TransportId {
        match self {
            Self::Opened { transport } | Self::Received { transport, .. } | Self::Closed { transport, .. } => {
                *transport
            }
        }
    }
}

/// The next thing that the runtime must do.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Connect. Answered by at most one `Opened` and exactly one `Closed`.
    Open {
        /// The name of the new transport.
        transport: TransportId,
        /// Where to.
        target: Target,
    },
    /// Write.
    Transmit {
        /// Where to.
        transport: TransportId,
        /// What.
        data: Bytes,
    },
    /// Write what was transmitted before, then close. Answered by `Closed`.
    Close {
        /// Which one.
        transport: TransportId,
    },
    /// Drop at once, unsent octets included; it may follow a `Close`. Answered by `Closed`.
    Abort {
        /// Which one.
        transport: TransportId,
    },
    /// Tell the application.
    Event(Event),
}

/// One object of a result, or why it could not be decoded. A bad row does not end its query.
pub type Row = Result<CimObject, WireError>;

/// What the application learns.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// The session or a query entered a stage: progress, for people.
    Stage(Stage),
    /// The first authenticated association with the object server stands; namespaces are entered on first use.
    Ready,
    /// An established session lost its host, or the host its objects. Queries and calls that were under way have ended
    /// or wait to be begun anew; the next command establishes the session again, and `Ready` says so.
    Lost {
        /// What happened.
        error: Error,
    },
    /// Objects in answer to one `fetch`, at least one.
    Batch {
        /// Whose.
        query: QueryId,
        /// In the order of the host.
        rows: Vec<Row>,
    },
    /// `reset` was carried out: the next object is the first one.
    Reset {
        /// Of which query.
        query: QueryId,
    },
    /// `skip` was carried out; when it came to the end before its count, `AtEnd` follows.
    Skipped {
        /// Of which query.
        query: QueryId,
    },
    /// Of a query that can be reset nothing is left: after its last batch, or alone in answer to a `fetch`.
    AtEnd {
        /// Which one.
        query: QueryId,
    },
    /// The query is over; once per query, after its last batch.
    QueryDone {
        /// Which one.
        query: QueryId,
        /// How it ended. After an error the rows that were delivered stay valid.
        outcome: Result<Completion, Error>,
    },
    /// A call is over; once per call.
    Reply {
        /// Which one.
        call: CallId,
        /// What it brought: the object, or the out-parameters of a method as an instance of `__PARAMETERS`, `ReturnValue`
        /// among them; `None` of a method that has none.
        outcome: Result<Option<CimObject>, Error>,
    },
    /// The client is over: once, the last output, when no transport is left.
    Closed {
        /// `Ok` after `close`, otherwise why the session ended.
        outcome: Result<(), Error>,
    },
}

impl Event {
    /// The query that the event concerns, if it concerns one.
    #[must_use]
    pub const fn query(&self) -> Option<QueryId> {
        match self {
            Self::Batch { query, .. }
            | Self::Reset { query }
            | Self::Skipped { query }
            | Self::AtEnd { query }
            | Self::QueryDone { query, .. } => Some(*query),
            Self::Stage(_) | Self::Ready | Self::Lost { .. } | Self::Reply { .. } | Self::Closed { .. } => None,
        }
    }

    /// The call that the event concerns, if it concerns one.
    #[must_use]
    pub const fn call(&self) -> Option<CallId> {
        if let Self::Reply { call, .. } = self { Some(*call) } else { None }
    }
}

impl Event {
    /// The same with `tell` applied to the error that it carries, if it carries one.
    pub(super) fn map_error(self, tell: impl FnOnce(Error) -> Error) -> Self {
        match self {
            Self::QueryDone { query, outcome: Err(error) } => Self::QueryDone { query, outcome: Err(tell(error)) },
            Self::Reply { call, outcome: Err(error) } => Self::Reply { call, outcome: Err(tell(error)) },
            Self::Closed { outcome: Err(error) } => Self::Closed { outcome: Err(tell(error)) },
            Self::Lost { error } => Self::Lost { error: tell(error) },
            other => other,
        }
    }
}

/// A query of one client. Never reused within a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueryId(pub(crate) u32);

/// A call of one client. Never reused within a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CallId(pub(crate) u32);
