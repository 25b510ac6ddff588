//! The rows of one query, one future each.

use std::fmt;
use std::num::NonZeroU32;
use std::vec;

use wmi_proto::{Completion, Event, QueryId, Row};

use crate::SessionError;
use crate::driver::{Runtime, Session};

/// The rows of one query, fetched in batches as they are asked for. Dropping it early cancels the query.
#[must_use = "nothing is fetched before a row is asked for"]
pub struct Rows<'s, R: Runtime> {
    session: &'s mut Session<R>,
    query: QueryId,
    batch: vec::IntoIter<Row>,
    fetching: bool,
    done: bool,
    completion: Option<Completion>,
}

impl<'s, R: Runtime> Rows<'s, R> {
    pub(crate) fn new(session: &'s mut Session<R>, query: QueryId) -> Self {
        Self { session, query, batch: Vec::new().into_iter(), fetching: false, done: false, completion: None }
    }

    /// Waits for the next row. A row that does not decode is `Ok(Err(_))` and the next one follows; `Err(_)` is how the
    /// query ended. The future may be dropped: no row is lost.
    pub async fn next(&mut self) -> Option<Result<Row, SessionError>> {
        self.advance().await.transpose()
    }

    /// How the query ended, once all rows were taken and it ended well.
    #[must_use]
    pub const fn completion(&self) -> Option<Completion> {
        self.completion
    }

    async fn advance(&mut self) -> Result<Option<Row>, SessionError> {
        loop {
            if let Some(row) = self.batch.next() {
                return Ok(Some(row));
            }
            if self.done {
                return Ok(None);
            }
            let event = match self.session.event_of(self.query) {
                // The outcome may stand behind the last batch already; then there is nothing to fetch.
                Some(event) => Some(event),
                None => {
                    self.fetch()?;
                    self.session.next_event_of(self.query).await
                }
            };
            match event {
                Some(Event::Batch { rows, .. }) => {
                    self.fetching = false;
                    self.batch = rows.into_iter();
                }
                Some(Event::QueryDone { outcome, .. }) => {
                    self.done = true;
                    self.completion = Some(outcome?);
                }
                // One `fetch` more ends it.
                Some(Event::AtEnd { .. }) => self.fetching = false,
                Some(_) => {}
                None => self.done = true,
            }
        }
    }

    fn fetch(&mut self) -> Result<(), SessionError> {
        if !self.fetching {
            // The core keeps batches within the query's own bound and the session's limits.
            let (query, any) = (self.query, NonZeroU32::MAX);
            self.session.command(|client, now| client.fetch(query, any, now)).inspect_err(|_| self.done = true)?;
            self.fetching = true;
        }
        Ok(())
    }
}

impl<R: Runtime> Drop for Rows<'_, R> {
    fn drop(&mut self) {
        if !self.done {
            self.session.abandon(self.query);
        }
    }
}

impl<R: Runtime> fmt::Debug for Rows<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rows").field("query", &self.query).field("done", &self.done).finish_non_exhaustive()
    }
}
