//! Result sets that are being read: the one current index behind an enumerator and its smart enumerator.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use wmi_proto::Instant;
use wmi_proto::cim::{CimClass, CimObject};
use wmi_proto::wire::{Guid, HResult};

use crate::repository::ResultSet;

/// Which result set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct CursorId(u32);

/// All result sets that enumerators refer to.
#[derive(Debug)]
pub(crate) struct Cursors {
    next: u32,
    table: BTreeMap<CursorId, Cursor>,
}

impl Cursors {
    pub(crate) const fn new() -> Self {
        Self { next: 0, table: BTreeMap::new() }
    }

    pub(crate) fn insert(&mut self, cursor: Cursor) -> CursorId {
        let id = CursorId(self.next);
        self.next = self.next.wrapping_add(1);
        self.table.insert(id, cursor);
        id
    }

    pub(crate) fn get_mut(&mut self, id: CursorId) -> Option<&mut Cursor> {
        self.table.get_mut(&id)
    }

    pub(crate) fn get(&self, id: CursorId) -> Option<&Cursor> {
        self.table.get(&id)
    }

    pub(crate) fn remove(&mut self, id: CursorId) {
        self.table.remove(&id);
    }
}

/// The query of a result set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Statement {
    pub(crate) namespace: String,
    /// The LCIDs of the languages of texts; none when no texts are wanted.
    pub(crate) languages: Vec<u16>,
    pub(crate) wql: String,
    pub(crate) forward_only: bool,
}

/// How fast a provider delivers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pace {
    /// From the query to the first row.
    pub(crate) first: Duration,
    /// From one row to the next.
    pub(crate) each: Duration,
}

/// One result set and the place in it.
#[derive(Debug)]
pub(crate) struct Cursor {
    pub(crate) statement: Statement,
    /// What Next says when the query itself failed.
    pub(crate) failure: Option<HResult>,
    /// Answers to Next so far.
    pub(crate) replies: u32,
    /// `None` when the query failed.
    rows: Option<ResultSet>,
    /// The result set from its start, where it can be gone back to.
    whole: Option<ResultSet>,
    ahead: VecDeque<CimObject>,
    /// Rows that were handed out or skipped.
    position: u64,
    started: Instant,
    pub(crate) pace: Pace,
    /// The classes that were sent to each proxy, under which identifiers.
    sent: Vec<(Guid, Arc<CimClass>, Guid)>,
}

/// What one Next takes.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) objects: Vec<CimObject>,
    /// S_OK, WBEM_S_FALSE, WBEM_S_TIMEDOUT or the failure of the query.
    pub(crate) status: HResult,
}

impl Cursor {
    pub(crate) fn new(statement: Statement, rows: ResultSet, started: Instant, pace: Pace) -> Self {
        Self {
            whole: (!statement.forward_only).then(|| rows.clone()),
            statement,
            failure: None,
            replies: 0,
            rows: Some(rows),
            ahead: VecDeque::new(),
            position: 0,
            started,
            pace,
            sent: Vec::new(),
        }
    }

    /// The cursor of a query that failed.
    pub(crate) fn failed(statement: Statement, failure: HResult, started: Instant) -> Self {
        Self {
            statement,
            failure: Some(failure),
            replies: 0,
            rows: None,
            whole: None,
            ahead: VecDeque::new(),
            position: 0,
            started,
            pace: Pace::default(),
            sent: Vec::new(),
        }
    }

    /// Goes back to the first row of the same result ([MS-WMI 3.1.4.4.1]).
    pub(crate) fn reset(&mut self) -> HResult {
        match (self.failure, &self.whole) {
            (Some(failure), _) => failure,
            (None, None) => HResult::WBEM_E_INVALID_OPERATION,
            (None, Some(whole)) => {
                self.rows = Some(whole.clone());
                self.ahead.clear();
                self.position = 0;
                HResult::S_OK
            }
        }
    }

    /// A second place in the same result, this one to begin with ([MS-WMI 3.1.4.4.4]).
    pub(crate) fn copy(&self) -> Result<Self, HResult> {
        match (self.failure, &self.whole) {
            (Some(failure), _) => Err(failure),
            (None, None) => Err(HResult::WBEM_E_INVALID_OPERATION),
            (None, Some(whole)) => Ok(Self {
                statement: self.statement.clone(),
                failure: None,
                replies: 0,
                rows: self.rows.clone(),
                whole: Some(whole.clone()),
                ahead: self.ahead.clone(),
                position: self.position,
                started: self.started,
                pace: self.pace,
                sent: Vec::new(),
            }),
        }
    }

    /// The class of the next row.
    pub(crate) fn class_of_next(&mut self) -> Option<String> {
        self.look_ahead(1);
        self.ahead.front().map(|object| object.class().name().to_str().into_owned())
    }

    /// When `count` rows, or all that are left, are there.
    pub(crate) fn ready_at(&mut self, count: u32) -> Instant {
        let left = self.look_ahead(count);
        let last = self.position.saturating_add(left as u64).saturating_sub(1);
        let each = u32::try_from(last).map_or(Duration::MAX, |last| self.pace.each.saturating_mul(last));
        self.started.saturating_add(self.pace.first.saturating_add(each))
    }

    /// Takes up to `count` of the rows that are there at `now` ([MS-WMI 3.1.4.4.2]).
    pub(crate) fn take(&mut self, count: u32, now: Instant) -> Batch {
        if let Some(status) = self.failure {
            return Batch { objects: Vec::new(), status };
        }
        let wanted = count as usize;
        let left = self.look_ahead(count);
        let there = self.there(now).saturating_sub(self.position);
        let taken = usize::try_from(there).unwrap_or(usize::MAX).min(left);
        let objects: Vec<_> = self.ahead.drain(..taken).collect();
        self.position = self.position.saturating_add(taken as u64);
        let status = if taken == wanted {
            HResult::S_OK
        } else if taken == left && now >= self.started.saturating_add(self.pace.first) {
            HResult::WBEM_S_FALSE
        } else {
            HResult::WBEM_S_TIMEDOUT
        };
        Batch { objects, status }
    }

    /// Under which identifier `class` goes to `proxy`, and whether it is sent for the first time.
    pub(crate) fn class_id(&mut self, proxy: Guid, class: &Arc<CimClass>, fresh: Guid) -> (Guid, bool) {
        let known = self.sent.iter().find(|(p, c, _)| *p == proxy && (Arc::ptr_eq(c, class) || c == class));
        if let Some((_, _, id)) = known {
            return (*id, false);
        }
        self.sent.push((proxy, Arc::clone(class), fresh));
        (fresh, true)
    }

    /// Forgets which classes were sent.
    pub(crate) fn forget_classes(&mut self) {
        self.sent.clear();
    }

    /// How many of the next `count` rows the result set has.
    fn look_ahead(&mut self, count: u32) -> usize {
        let count = count as usize;
        let missing = count.saturating_sub(self.ahead.len());
        self.ahead.extend(self.rows.iter_mut().flatten().take(missing));
        self.ahead.len().min(count)
    }

    /// How many rows of the whole result set are there at `now`.
    fn there(&self, now: Instant) -> u64 {
        let first = self.started.saturating_add(self.pace.first);
        if now < first {
            return 0;
        }
        let since = now.saturating_since(first).as_micros();
        match self.pace.each.as_micros() {
            0 => u64::MAX,
            each => u64::try_from(since / each).unwrap_or(u64::MAX).saturating_add(1),
        }
    }
}
