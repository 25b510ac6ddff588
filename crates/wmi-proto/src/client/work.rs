//! Everything that a session was told to do and has not done yet: queries and calls.

use std::collections::BTreeMap;

use crate::client::calls::{Calls, RunningCall};
use crate::client::queries::{Queries, Running};
use crate::client::{CallId, QueryId};
use crate::time::Instant;

#[derive(Default)]
pub(super) struct Work {
    pub(super) queries: Queries,
    pub(super) calls: Calls,
}

/// Commands that end with the session or with its loss.
pub(super) struct Ended {
    pub(super) queries: BTreeMap<QueryId, Running>,
    pub(super) calls: BTreeMap<CallId, RunningCall>,
}

/// A command that waits for its namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiter {
    Query(QueryId),
    Call(CallId),
}

impl Work {
    /// What waits for a namespace: who, the namespace as the wire spells it, and as the caller wrote it.
    pub(super) fn waiting(&self) -> Vec<(Waiter, String, String)> {
        let queries = self.queries.iter().filter(|(_, query)| query.cursor.is_waiting());
        let queries = queries.map(|(id, query)| (Waiter::Query(id), query.resource.clone(), query.namespace.clone()));
        let calls = self.calls.iter().filter(|(_, call)| call.machine.is_waiting());
        let calls = calls.map(|(id, call)| (Waiter::Call(id), call.resource.clone(), call.namespace.clone()));
        queries.chain(calls).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queries.is_empty() && self.calls.is_empty()
    }

    /// The host is lost: takes out what was under way. What can be begun anew waits again, once.
    pub(super) fn lost(&mut self) -> Ended {
        Ended { queries: self.queries.lost(), calls: self.calls.lost() }
    }

    /// Everything.
    pub(super) fn drain(&mut self) -> Ended {
        Ended { queries: self.queries.drain(), calls: self.calls.drain() }
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        [self.queries.next_deadline(), self.calls.next_deadline()].into_iter().flatten().min()
    }
}
