//! What the user of a pair's client does: commands, and waiting for what they bring.

use std::num::NonZeroU32;

use wmi_proto::cim::CimObject;
use wmi_proto::{CallId, CommandError, Event, ExecMethod, GetObject, Query, QueryId};

use crate::pair::{Outcome, Pair, Step};

impl Pair {
    /// Begins a query.
    ///
    /// # Panics
    /// When the client does not accept it.
    pub fn exec(&mut self, query: Query) -> QueryId {
        self.try_exec(query).expect("the query is accepted")
    }

    /// Begins a query, if the client accepts it.
    ///
    /// # Errors
    /// Why it does not.
    pub fn try_exec(&mut self, query: Query) -> Result<QueryId, CommandError> {
        self.keep(Step::Exec(query.clone()));
        let id = self.client.exec_query(query, self.now);
        self.drain();
        id
    }

    /// Fetches; says whether the client took it.
    pub fn fetch(&mut self, id: QueryId, max: u32) -> bool {
        let max = NonZeroU32::new(max).unwrap_or(NonZeroU32::MIN);
        self.keep(Step::Fetch(id, max));
        let taken = self.client.fetch(id, max, self.now).is_ok();
        self.drain();
        taken
    }

    /// Resets; says whether the client took it.
    ///
    /// # Errors
    /// Why it did not.
    pub fn reset(&mut self, id: QueryId) -> Result<(), CommandError> {
        self.keep(Step::Reset(id));
        let taken = self.client.reset(id, self.now);
        self.drain();
        taken
    }

    /// Skips; says whether the client took it.
    ///
    /// # Errors
    /// Why it did not.
    pub fn skip(&mut self, id: QueryId, count: u32) -> Result<(), CommandError> {
        let count = NonZeroU32::new(count).unwrap_or(NonZeroU32::MIN);
        self.keep(Step::Skip(id, count));
        let taken = self.client.skip(id, count, self.now);
        self.drain();
        taken
    }

    /// Clones; the copy, if the client took it.
    ///
    /// # Errors
    /// Why it did not.
    pub fn clone_query(&mut self, id: QueryId) -> Result<QueryId, CommandError> {
        self.keep(Step::Clone(id));
        let copy = self.client.clone_query(id, self.now);
        self.drain();
        copy
    }

    /// Cancels; says whether the client took it.
    pub fn cancel(&mut self, id: QueryId) -> bool {
        self.keep(Step::Cancel(id));
        let taken = self.client.cancel(id, self.now).is_ok();
        self.drain();
        taken
    }

    /// Asks for an object.
    ///
    /// # Errors
    /// Why the client does not accept it.
    pub fn get_object(&mut self, object: GetObject) -> Result<CallId, CommandError> {
        self.keep(Step::GetObject(object.clone()));
        let id = self.client.get_object(object, self.now);
        self.drain();
        id
    }

    /// Calls a method.
    ///
    /// # Errors
    /// Why the client does not accept it.
    pub fn exec_method(&mut self, method: ExecMethod) -> Result<CallId, CommandError> {
        self.keep(Step::ExecMethod(method.clone()));
        let id = self.client.exec_method(method, self.now);
        self.drain();
        id
    }

    /// Cancels a call; says whether the client took it.
    pub fn cancel_call(&mut self, id: CallId) -> bool {
        self.keep(Step::CancelCall(id));
        let taken = self.client.cancel_call(id, self.now).is_ok();
        self.drain();
        taken
    }

    /// Waits for the reply to a call. What is said about others meanwhile is dropped.
    ///
    /// # Panics
    /// When the session falls asleep before it comes.
    pub fn reply(&mut self, id: CallId) -> Result<Option<CimObject>, wmi_proto::Error> {
        loop {
            match self.next_event() {
                Some(Event::Reply { call, outcome }) if call == id => return outcome,
                Some(_) => {}
                None => panic!("the session fell asleep before the reply"),
            }
        }
    }

    /// Gets an object.
    ///
    /// # Panics
    /// When the client does not accept it, or the session falls asleep.
    pub fn object(&mut self, object: GetObject) -> Result<CimObject, wmi_proto::Error> {
        let id = self.get_object(object).expect("the call is accepted");
        self.reply(id).map(|object| object.expect("success brings an object"))
    }

    /// Calls a method and waits for its out-parameters.
    ///
    /// # Panics
    /// When the client does not accept it, or the session falls asleep.
    pub fn method(&mut self, method: ExecMethod) -> Result<Option<CimObject>, wmi_proto::Error> {
        let id = self.exec_method(method).expect("the call is accepted");
        self.reply(id)
    }

    /// Closes the client.
    pub fn close(&mut self) {
        self.keep(Step::Close);
        self.client.close(self.now);
        self.drain();
    }

    /// Runs a query to its end, fetching `max` objects at a time.
    pub fn run(&mut self, query: Query, max: u32) -> Outcome {
        let id = self.exec(query);
        self.finish(id, max)
    }

    /// Runs a query that was begun to its end.
    ///
    /// # Panics
    /// When the session falls asleep before the query ends.
    pub fn finish(&mut self, id: QueryId, max: u32) -> Outcome {
        let mut rows = Vec::new();
        self.fetch(id, max);
        loop {
            match self.next_event() {
                Some(Event::Batch { query, rows: batch }) if query == id => {
                    rows.extend(batch);
                    self.fetch(id, max);
                }
                Some(Event::AtEnd { query }) if query == id => {
                    self.fetch(id, max);
                }
                Some(Event::QueryDone { query, outcome }) if query == id => return Outcome { rows, end: outcome },
                Some(_) => {}
                None => panic!("the session fell asleep before its query ended"),
            }
        }
    }

    /// Closes and runs to the end; what `Event::Closed` said.
    ///
    /// # Panics
    /// When the session falls asleep before it is closed.
    pub fn finish_session(&mut self) -> Result<(), wmi_proto::Error> {
        self.close();
        loop {
            match self.next_event() {
                Some(Event::Closed { outcome }) => {
                    self.settle();
                    return outcome;
                }
                Some(_) => {}
                None => panic!("the session fell asleep before it was closed"),
            }
        }
    }
}
