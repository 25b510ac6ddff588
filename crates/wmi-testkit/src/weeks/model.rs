//! What one query must do: which rows it brings in which order, and how it may end.

use std::collections::VecDeque;

use wmi_proto::wire::HResult;
use wmi_proto::{Completion, Error, ErrorKind, Instant, QueryId, Row};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// Rows with the numbers from 0 to below this one.
    Rows(u64),
    /// Something that the host refuses with this status.
    Refusal(HResult),
}

/// What a query was told to do and has not done yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Fetch(u64),
    Reset,
    Skip(u64),
    Clone(QueryId),
}

/// A query under way.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) asked: Asked,
    pub(super) forward_only: bool,
    pub(super) deadline: Instant,
    /// The epoch in which it began.
    pub(super) epoch: u64,
    pub(super) cancelled: bool,
    /// Of which query it is a copy that may never be made.
    pub(super) copy_of: Option<QueryId>,
    wishes: VecDeque<Wish>,
    /// The number of the next row; unknown for a copy that is still to be made.
    position: Option<u64>,
    /// When something was heard that `AtEnd` may follow by itself, at once.
    end_may_follow: Option<Instant>,
    delivered: u64,
}

impl Running {
    pub(super) const fn new(asked: Asked, forward_only: bool, deadline: Instant, epoch: u64) -> Self {
        Self {
            asked,
            forward_only,
            deadline,
            epoch,
            cancelled: false,
            copy_of: None,
            wishes: VecDeque::new(),
            position: Some(0),
            end_may_follow: None,
            delivered: 0,
        }
    }

    /// A copy of it, to be made at the place where it will be.
    pub(super) fn copy(&self, original: QueryId, deadline: Instant, epoch: u64) -> Self {
        let copy = Self::new(self.asked, self.forward_only, deadline, epoch);
        Self { position: None, copy_of: Some(original), ..copy }
    }

    pub(super) fn wish(&mut self, wish: Wish) {
        self.wishes.push_back(wish);
    }

    pub(super) fn is_idle(&self) -> bool {
        self.wishes.is_empty()
    }

    /// Copies that are made now, and where they begin.
    pub(super) fn copies(&mut self) -> Vec<(QueryId, u64)> {
        let mut copies = Vec::new();
        while let (Some(Wish::Clone(copy)), Some(position)) = (self.wishes.front().copied(), self.position) {
            self.wishes.pop_front();
            copies.push((copy, position));
        }
        copies
    }

    pub(super) fn begin_at(&mut self, position: u64) {
        self.position = Some(position);
    }

    fn total(&self) -> u64 {
        match self.asked {
            Asked::Rows(rows) => rows,
            Asked::Refusal(_) => 0,
        }
    }

    pub(super) fn batch(&mut self, rows: &[Row], now: Instant) -> Result<(), String> {
        let Some(Wish::Fetch(most)) = self.wishes.pop_front() else {
            return Err("rows that nobody asked for".to_owned());
        };
        if rows.is_empty() || rows.len() as u64 > most {
            return Err(format!("{} rows in answer to a fetch of {most}", rows.len()));
        }
        let mut position = self.position.ok_or("rows of a copy before it was made")?;
        for row in rows {
            let row = row.as_ref().map_err(|error| format!("a row does not decode: {error}"))?;
            let id = row.get("Id").and_then(|value| value.ok()).and_then(|value| value.as_u64());
            if id != Some(position) || position >= self.total() {
                return Err(format!("row {id:?} of {} came in place of row {position}", self.total()));
            }
            position += 1;
        }
        self.delivered += rows.len() as u64;
        self.position = Some(position);
        self.end_may_follow = Some(now);
        Ok(())
    }

    pub(super) fn at_end(&mut self, now: Instant) -> Result<(), String> {
        if self.end_may_follow.take() != Some(now) && !matches!(self.wishes.pop_front(), Some(Wish::Fetch(_))) {
            return Err("the end was told to nobody".to_owned());
        }
        if self.forward_only || self.position != Some(self.total()) {
            return Err(format!("at its end at {:?} of {}", self.position, self.total()));
        }
        Ok(())
    }

    pub(super) fn reset(&mut self) -> Result<(), String> {
        if self.wishes.pop_front() != Some(Wish::Reset) {
            return Err("a reset that nobody asked for".to_owned());
        }
        self.position = Some(0);
        self.end_may_follow = None;
        Ok(())
    }

    pub(super) fn skipped(&mut self, now: Instant) -> Result<(), String> {
        let Some(Wish::Skip(count)) = self.wishes.pop_front() else {
            return Err("a skip that nobody asked for".to_owned());
        };
        let position = self.position.ok_or("a skip of a copy before it was made")?;
        self.position = Some(position.saturating_add(count).min(self.total()));
        self.end_may_follow = Some(now);
        Ok(())
    }

    /// Unless something went wrong that excuses it, it must end well.
    pub(super) fn done(
        &self,
        outcome: &Result<Completion, Error>,
        now: Instant,
        excused: bool,
        original_lives: bool,
    ) -> Result<(), String> {
        match (outcome, self.asked) {
            (Ok(completion), Asked::Rows(rows)) => {
                if self.position != Some(rows) {
                    return Err(format!("ended well at {:?} of {rows} rows", self.position));
                }
                if completion.rows != self.delivered {
                    return Err(format!("ended after {} rows and says {}", self.delivered, completion.rows));
                }
                Ok(())
            }
            (Ok(_), Asked::Refusal(status)) => Err(format!("ended well where {status} was due")),
            (Err(_), _) if self.cancelled || excused => Ok(()),
            (Err(error), _) if error.kind == ErrorKind::TimedOut && now >= self.deadline => Ok(()),
            (Err(_), _) if self.copy_of.is_some() && !original_lives => Ok(()),
            (Err(error), Asked::Refusal(status)) if error.kind == ErrorKind::Status(status) => Ok(()),
            (Err(error), _) => Err(format!("ended although nothing went wrong: {error}")),
        }
    }
}
