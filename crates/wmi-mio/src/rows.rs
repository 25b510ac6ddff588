//! The rows of one query as an iterator.

use std::num::NonZeroU32;
use std::vec;

use wmi_proto::{Completion, Event, QueryId, Row};

use crate::{Session, SessionError};

/// The rows of one query, fetched in batches as they are asked for.
///
/// A row that does not decode is `Ok(Err(_))` and the next one follows; `Err(_)` is how the query ended, and the last
/// item, except for [`SessionError::Io`], after which the iteration may go on. Dropping it early cancels the query.
#[derive(Debug)]
#[must_use = "nothing is fetched before a row is asked for"]
pub struct Rows<'s> {
    session: &'s mut Session,
    query: QueryId,
    batch: vec::IntoIter<Row>,
    fetching: bool,
    done: bool,
    completion: Option<Completion>,
}

impl<'s> Rows<'s> {
    pub(crate) fn new(session: &'s mut Session, query: QueryId) -> Self {
        Self { session, query, batch: Vec::new().into_iter(), fetching: false, done: false, completion: None }
    }

    /// How the query ended, once all rows were taken and it ended well.
    #[must_use]
    pub const fn completion(&self) -> Option<Completion> {
        self.completion
    }

    fn advance(&mut self) -> Result<Option<Row>, SessionError> {
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
                    self.session.next_event_of(self.query)?
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

impl Iterator for Rows<'_> {
    type Item = Result<Row, SessionError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.advance().transpose()
    }
}

impl Drop for Rows<'_> {
    fn drop(&mut self) {
        if !self.done {
            self.session.abandon(self.query);
        }
    }
}
