//! What the application of a conformance case does, and what it heard.

use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU32;
use std::sync::mpsc::Sender;

use wmi_proto::{Client, Completion, Error, Event, Instant, Query, QueryId};

/// One query of a script.
#[derive(Clone, Debug)]
pub(super) struct Ask {
    query: Query,
    cancel: bool,
}

impl Ask {
    pub(super) fn all(wql: &str) -> Self {
        Self::of(Query::new(wql))
    }

    pub(super) const fn of(query: Query) -> Self {
        Self { query, cancel: false }
    }

    /// The same, cancelled after its first batch, while the second is on its way.
    pub(super) const fn cancelled_while_fetching(mut self) -> Self {
        self.cancel = true;
        self
    }
}

/// Rounds of queries; those of a round run side by side, and behind the last round the session is closed.
#[derive(Debug)]
pub(super) struct Script {
    rounds: VecDeque<Vec<Ask>>,
    running: BTreeMap<QueryId, (usize, Ask)>,
    said: Transcript,
    closing: bool,
}

/// What the application heard.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Transcript {
    /// In the order of the script.
    pub(super) queries: Vec<Answer>,
    /// Why the session lost its host, each time that it did.
    pub(super) lost: Vec<Error>,
    /// How the session ended.
    pub(super) ended: Result<(), Error>,
    pub(super) octets_in: u64,
}

/// What a query brought.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) rows: u64,
    pub(super) outcome: Option<Result<Completion, Error>>,
}

impl Script {
    pub(super) fn new<Round: Into<Vec<Ask>>>(rounds: impl IntoIterator<Item = Round>) -> Self {
        Self {
            rounds: rounds.into_iter().map(Into::into).collect(),
            running: BTreeMap::new(),
            said: Transcript { queries: Vec::new(), lost: Vec::new(), ended: Ok(()), octets_in: 0 },
            closing: false,
        }
    }

    /// The script as a runtime runs it; the transcript is sent when the session has ended.
    pub(super) fn into_application(
        mut self,
        said: Sender<Transcript>,
    ) -> impl FnMut(&mut Client, Option<Event>, Instant) + Send + 'static {
        let mut over = false;
        move |client, event, now| {
            assert!(!over, "after Event::Closed came {event:?}");
            over = matches!(event, Some(Event::Closed { .. }));
            self.handle(client, event, now);
            if over {
                let _ = said.send(self.said.clone());
            }
        }
    }

    fn handle(&mut self, client: &mut Client, event: Option<Event>, now: Instant) {
        match event {
            None | Some(Event::Stage(_) | Event::Ready) => {}
            Some(Event::Batch { query, rows }) => {
                let Some((index, ask)) = self.running.get(&query) else { panic!("a batch for no query: {query:?}") };
                assert!(rows.iter().all(Result::is_ok), "a row does not decode");
                self.said.queries[*index].rows += rows.len() as u64;
                // The last batch has its outcome right behind it: then there is nothing to fetch.
                let fetching = client.fetch(query, NonZeroU32::MAX, now).is_ok();
                if ask.cancel && fetching && !rows.is_empty() {
                    client.cancel(query, now).expect("the query is running");
                }
            }
            Some(Event::QueryDone { query, outcome }) => {
                let Some((index, _)) = self.running.remove(&query) else { panic!("{query:?} ended twice") };
                self.said.queries[index].outcome = Some(outcome);
            }
            Some(Event::Lost { error }) => self.said.lost.push(error),
            Some(Event::Closed { outcome }) => {
                assert!(self.running.is_empty(), "the session ended before {:?}", self.running);
                self.said.ended = outcome;
                return;
            }
            Some(other) => panic!("unknown to this script: {other:?}"),
        }
        self.said.octets_in = client.stats().octets_in;
        if self.running.is_empty() && !self.closing {
            self.advance(client, now);
        }
    }

    fn advance(&mut self, client: &mut Client, now: Instant) {
        let Some(round) = self.rounds.pop_front() else {
            self.closing = true;
            client.close(now);
            return;
        };
        for ask in round {
            // A session that has just failed takes no more queries.
            let Ok(query) = client.exec_query(ask.query.clone(), now) else {
                self.closing = true;
                return;
            };
            client.fetch(query, NonZeroU32::MAX, now).expect("a new query has no fetch under way");
            self.running.insert(query, (self.said.queries.len(), ask));
            self.said.queries.push(Answer::default());
        }
    }
}

impl Transcript {
    /// Asserts that all queries ended well, with so many rows each.
    #[track_caller]
    pub(super) fn assert_rows(&self, expected: &[u64]) {
        let rows: Vec<u64> = self.queries.iter().map(|answer| answer.rows).collect();
        let well = self.queries.iter().all(|answer| matches!(answer.outcome, Some(Ok(_))));
        assert!(well && rows == expected, "expected {expected:?} rows: {self:?}");
    }

    /// The error of the one query.
    #[track_caller]
    pub(super) fn only_error(&self) -> &Error {
        match self.queries.as_slice() {
            [Answer { outcome: Some(Err(error)), .. }] => error,
            _ => panic!("not one query with an error: {self:?}"),
        }
    }
}
