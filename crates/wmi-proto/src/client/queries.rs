//! The queries of a session, from their command to their outcome.

use core::time::Duration;
use std::collections::BTreeMap;

use crate::client::concern::class_of_wql;
use crate::client::{CommandError, Enumerator, Error, Query, QueryId, Stage};
use crate::limits::Limits;
use crate::time::Instant;
use crate::wire::dcom::MInterfacePointer;
use crate::wire::wmi::services::WBEM_FLAG_FORWARD_ONLY;
use crate::wmi::{Cursor, Plan, Way, Wish, normalize};

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
    /// The class that the text asks about.
    class: Option<String>,
    timeout: Duration,
    /// The OXID of the process that holds its objects, once its namespace is open.
    pub(super) exporter: u64,
}

impl Running {
    pub(super) fn stage(&self) -> Stage {
        if self.cursor.is_waiting() {
            Stage::Login { namespace: self.namespace.clone() }
        } else {
            self.cursor.step().into()
        }
    }

    /// `error` with what this query is about.
    pub(super) fn concerned(&self, error: Error) -> Error {
        error.about(&self.namespace, self.class.as_deref())
    }
}

impl Queries {
    pub(super) fn add(&mut self, query: &Query, now: Instant, limits: &Limits) -> Result<QueryId, CommandError> {
        self.has_room(limits)?;
        if query.wql.trim().is_empty() {
            return Err(CommandError::BadQuery("its text is empty"));
        }
        if query.wql.contains('\0') || query.namespace.contains('\0') {
            return Err(CommandError::BadQuery("it contains a NUL"));
        }
        fits("the query", &query.wql, MAX_QUERY)?;
        fits("the namespace", &query.namespace, MAX_NAMESPACE)?;
        let class = class_of_wql(&query.wql);
        fits("the class's name", class.unwrap_or_default(), MAX_IDENTIFIER)?;
        let flags = i32::from_ne_bytes(query.flags.to_ne_bytes());
        let forward_only = flags & WBEM_FLAG_FORWARD_ONLY != 0;
        let cursor = Cursor::new(Plan {
            wql: query.wql.clone(),
            flags,
            context: query.context.as_ref().map(MInterfacePointer::from_wbem_context),
            way: match query.enumerator {
                Enumerator::Auto if forward_only => Way::Both,
                // What goes back and ahead is the other enumerator; that both read one index is unproven.
                Enumerator::PreferSmart if forward_only => Way::SmartOrNext,
                Enumerator::Auto | Enumerator::PreferSmart | Enumerator::Next => Way::Next,
                Enumerator::Smart => Way::Smart,
            },
            prefetch: query.prefetch && forward_only,
            batch: query.batch,
            limits: *limits,
            deadline: now.saturating_add(query.timeout),
        });
        let (resource, namespace) = (normalize(&query.namespace), query.namespace.clone());
        let class = class.map(str::to_owned);
        Ok(self.insert(Running { cursor, resource, namespace, class, timeout: query.timeout, exporter: 0 }))
    }

    /// A query that will be a copy of `id`.
    pub(super) fn copy(&mut self, id: QueryId, now: Instant, limits: &Limits) -> Result<QueryId, CommandError> {
        let next = self.next;
        let has_room = self.has_room(limits);
        let source = self.running.get_mut(&id).ok_or(CommandError::UnknownQuery)?;
        has_room?;
        source.cursor.wish(Wish::Clone(next))?;
        let copy = Running {
            cursor: source.cursor.unmade_copy(now.saturating_add(source.timeout)),
            resource: source.resource.clone(),
            namespace: source.namespace.clone(),
            class: source.class.clone(),
            timeout: source.timeout,
            exporter: source.exporter,
        };
        Ok(self.insert(copy))
    }

    fn has_room(&self, limits: &Limits) -> Result<(), CommandError> {
        if self.running.len() >= limits.max_queries { Err(CommandError::TooMany) } else { Ok(()) }
    }

    fn insert(&mut self, running: Running) -> QueryId {
        let id = QueryId(self.next);
        self.next = self.next.wrapping_add(1);
        self.running.insert(id, running);
        id
    }

    pub(super) fn get_mut(&mut self, id: QueryId) -> Option<&mut Running> {
        self.running.get_mut(&id)
    }

    /// Takes out a query, and behind it the copies of it, and theirs, that will not be made any more.
    pub(super) fn remove(&mut self, id: QueryId) -> Vec<(QueryId, Running)> {
        let mut removed: Vec<_> = self.running.remove(&id).map(|query| (id, query)).into_iter().collect();
        let mut at = 0;
        while let Some((_, query)) = removed.get(at) {
            let copies: Vec<_> = query.cursor.unmade().map(QueryId).collect();
            removed.extend(copies.into_iter().filter_map(|copy| Some((copy, self.running.remove(&copy)?))));
            at += 1;
        }
        removed
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

    pub(super) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// The host is lost: takes out what was under way. What can be begun anew waits again, once: a query that was not
    /// sent, or to which nothing was answered (ExecQuery is idempotent), and copies that it will make.
    pub(super) fn lost(&mut self) -> BTreeMap<QueryId, Running> {
        let mut kept: Vec<QueryId> = Vec::new();
        for (id, running) in &mut self.running {
            if running.cursor.begin_anew() {
                kept.push(*id);
            }
        }
        let mut at = 0;
        while let Some(id) = kept.get(at) {
            if let Some(running) = self.running.get(id) {
                kept.extend(running.cursor.unmade().map(QueryId));
            }
            at += 1;
        }
        let mut ended = std::mem::take(&mut self.running);
        self.running = kept.into_iter().filter_map(|id| ended.remove_entry(&id)).collect();
        ended
    }

    /// All of them.
    pub(super) fn drain(&mut self) -> BTreeMap<QueryId, Running> {
        std::mem::take(&mut self.running)
    }
}

/// Whether Windows takes a text of this length; what it counts are UTF-16 code units.
pub(super) fn fits(what: &'static str, text: &str, limit: usize) -> Result<(), CommandError> {
    // No text has more code units than octets: most need not be counted.
    if text.len() <= limit {
        return Ok(());
    }
    let length = text.encode_utf16().count();
    if length > limit { Err(CommandError::TooLong { what, length, limit }) } else { Ok(()) }
}

/// Characters of a query's text ([MS-WMI 3.1.4.3.18] WBEM_MAX_QUERY).
pub(super) const MAX_QUERY: usize = 0x4000;

/// Characters of an object path ([MS-WMI 3.1.4.3.14] WBEM_MAX_PATH).
pub(super) const MAX_PATH: usize = 0x2000;

/// Characters of a namespace ([MS-WMI 3.1.4.1.4]): a path with room for `__namespace.name=""`.
pub(super) const MAX_NAMESPACE: usize = MAX_PATH - 19;

/// Characters of the name of a class or method ([MS-WMI 3.1.4.3.8] WBEM_MAX_IDENTIFIER).
pub(super) const MAX_IDENTIFIER: usize = 0x1000;
