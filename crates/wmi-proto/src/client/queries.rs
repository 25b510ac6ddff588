//! The queries of a session, from their command to their outcome.

use std::collections::BTreeMap;

use crate::client::{CommandError, Enumerator, Query, QueryId, Stage};
use crate::limits::Limits;
use crate::time::Instant;
use crate::wmi::{Cursor, Plan, normalize};

#[derive(Default)]
pub(super) struct Queries {
    running: BTreeMap<QueryId, Running>,
    next: u32,
}

pub(super) struct Running {
    pub(super) cursor: Cursor,
    /// The namespace as the wire and the table of namespaces spell it.
    pub(super) resource: String,
    /// The namespace as the caller wrote it.
    pub(super) namespace: String,
}

impl Running {
    pub(super) fn stage(&self) -> Stage {
        if self.cursor.is_waiting() {
            Stage::Login { namespace: self.namespace.clone() }
        } else {
            self.cursor.step().into()
        }
    }
}

impl Queries {
    pub(super) fn add(&mut self, query: &Query, now: Instant, limits: &Limits) -> Result<QueryId, CommandError> {
        if self.running.len() >= limits.max_queries {
            return Err(CommandError::TooMany);
        }
        if query.wql.trim().is_empty() {
            return Err(CommandError::BadQuery("its text is empty"));
        }
        if query.wql.contains('\0') || query.namespace.contains('\0') {
            return Err(CommandError::BadQuery("it contains a NUL"));
        }
        if query.wql.len() > MAX_TEXT || query.namespace.len() > MAX_TEXT {
            return Err(CommandError::BadQuery("its text is over 1 MiB"));
        }
        let cursor = Cursor::new(Plan {
            wql: query.wql.clone(),
            flags: i32::from_ne_bytes(query.flags.to_ne_bytes()),
            smart: query.enumerator != Enumerator::Next,
            fall_back: query.enumerator == Enumerator::Auto,
            batch: query.batch,
            max_batch: limits.max_batch,
            deadline: now.saturating_add(query.timeout),
        });
        let id = QueryId(self.next);
        self.next = self.next.wrapping_add(1);
        let (resource, namespace) = (normalize(&query.namespace), query.namespace.clone());
        self.running.insert(id, Running { cursor, resource, namespace });
        Ok(id)
    }

    pub(super) fn get_mut(&mut self, id: QueryId) -> Option<&mut Running> {
        self.running.get_mut(&id)
    }

    pub(super) fn remove(&mut self, id: QueryId) -> Option<Running> {
        self.running.remove(&id)
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = QueryId> + '_ {
        self.running.keys().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (QueryId, &Running)> + '_ {
        self.running.iter().map(|(id, running)| (*id, running))
    }

    pub(super) fn expired(&self, now: Instant) -> Vec<QueryId> {
        self.iter().filter(|(_, running)| running.cursor.deadline() <= now).map(|(id, _)| id).collect()
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.running.values().map(|running| running.cursor.deadline()).min()
    }

    /// All of them, with where each was.
    pub(super) fn drain(&mut self) -> Vec<(QueryId, Stage)> {
        std::mem::take(&mut self.running).into_iter().map(|(id, running)| (id, running.stage())).collect()
    }
}

/// Octets of a query's text; far below what a stub may hold.
const MAX_TEXT: usize = 1 << 20;
