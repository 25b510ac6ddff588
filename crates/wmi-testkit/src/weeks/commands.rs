//! What the user of a simulated week does with queries and calls.

use std::num::NonZeroU32;
use std::time::Duration;

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;
use wmi_proto::{CallId, Enumerator, ExecMethod, GetObject, Query, QueryId};

use crate::weeks::dice::Dice;
use crate::weeks::model::{Asked, Running, Wish};
use crate::weeks::{Calling, NOWHERE, ROWS, SLOW_ROWS, Week};

impl Week<'_> {
    pub(super) fn query(&mut self) {
        let count = self.dice.below(ROWS + 1);
        let (wql, namespace, asked) = match self.dice.below(12) {
            0 => ("SELECT * FROM No_Such".to_owned(), "root/cimv2", Asked::Refusal(HResult::WBEM_E_INVALID_CLASS)),
            1 => {
                let wql = "SELECT * FROM Sim_Many".to_owned();
                (wql, NOWHERE, Asked::Refusal(HResult::WBEM_E_INVALID_NAMESPACE))
            }
            2 => {
                let wql = format!("SELECT Id FROM Sim_Slow WHERE Id < {count}");
                (wql, "root/cimv2", Asked::Rows(count.min(SLOW_ROWS)))
            }
            _ => (format!("SELECT Id FROM Sim_Many WHERE Id < {count}"), "root/cimv2", Asked::Rows(count)),
        };
        let timeout = self.dice.span(Duration::from_millis(500), Duration::from_secs(600));
        let enumerator = self.dice.pick(&[Enumerator::Auto, Enumerator::Next]);
        let forward_only = self.dice.once_in(2);
        let mut query = Query::new(wql).namespace(namespace).timeout(timeout).enumerator(enumerator);
        query.batch = NonZeroU32::new(self.dice.below(20) as u32);
        self.begin(query.forward_only(forward_only), asked, forward_only);
    }

    pub(super) fn begin(&mut self, query: Query, asked: Asked, forward_only: bool) -> Option<QueryId> {
        let deadline = self.pair.now().saturating_add(query.timeout);
        let text = query.wql.clone();
        let id = self.pair.try_exec(query).ok();
        self.tell(|| format!("{id:?} {text}, forward only {forward_only}"));
        if let Some(id) = id {
            self.report.commands += 1;
            self.queries.insert(id, Running::new(asked, forward_only, deadline, self.epoch));
        }
        id
    }

    pub(super) fn wish(&mut self, id: QueryId, wish: Wish) {
        self.tell(|| format!("{id:?} {wish:?}"));
        if let Some(query) = self.queries.get_mut(&id) {
            query.wish(wish);
        }
        self.settle_copies(id);
    }

    pub(super) fn fetch(&mut self, id: QueryId, most: u64) {
        if self.pair.fetch(id, most as u32) {
            self.wish(id, Wish::Fetch(most));
        }
    }

    pub(super) fn copy(&mut self, id: QueryId) {
        let Ok(copy) = self.pair.clone_query(id) else { return };
        let Some(query) = self.queries.get(&id) else { return };
        // Its deadline is as long as that of the query; that it is kept is what queries without copies show.
        let deadline = self.pair.now().saturating_add(Duration::from_secs(600));
        let running = query.copy(id, deadline, self.epoch);
        self.report.commands += 1;
        self.queries.insert(copy, running);
        self.wish(id, Wish::Clone(copy));
    }

    pub(super) fn settle_copies(&mut self, id: QueryId) {
        for (copy, position) in self.queries.get_mut(&id).map(Running::copies).unwrap_or_default() {
            if let Some(copy) = self.queries.get_mut(&copy) {
                copy.begin_at(position);
            }
            // There may be copies of the copy.
            self.settle_copies(copy);
        }
    }

    pub(super) fn cancel(&mut self, some: impl Fn(&mut Dice) -> Option<QueryId>) {
        if self.dice.once_in(3)
            && let Some((&id, call)) = self.calls.iter_mut().next()
        {
            call.cancelled = true;
            self.tell(|| format!("{id:?} cancelled"));
            self.pair.cancel_call(id);
        } else if let Some(id) = some(&mut self.dice)
            && let Some(query) = self.queries.get_mut(&id)
        {
            query.cancelled = true;
            self.tell(|| format!("{id:?} cancelled"));
            self.pair.cancel(id);
        }
    }

    pub(super) fn get_object(&mut self) {
        let (path, refusal) = match self.dice.below(4) {
            0 => ("Sim_Many.Id=100000", Some(HResult::WBEM_E_NOT_FOUND)),
            1 => ("No_Such", Some(HResult::WBEM_E_NOT_FOUND)),
            2 => ("Sim_Many.Id=7", None),
            _ => ("Sim_Many", None),
        };
        let timeout = self.dice.span(Duration::from_millis(500), Duration::from_secs(600));
        let call = self.pair.get_object(GetObject::new(path).timeout(timeout)).ok();
        self.called(call, path, timeout, refusal);
    }

    pub(super) fn exec_method(&mut self) {
        let timeout = self.dice.span(Duration::from_millis(500), Duration::from_secs(600));
        let method = match self.dice.below(3) {
            0 => ExecMethod::new("Sim_Methods", "Yes"),
            1 => ExecMethod::new("Sim_Methods", "Repeat").parameter("Text", CimValue::String("week".into())),
            _ => {
                let milliseconds = CimValue::Uint32(self.dice.below(3000) as u32);
                ExecMethod::new("Sim_Methods", "Sleep").parameter("Milliseconds", milliseconds)
            }
        };
        let name = method.method.clone();
        let call = self.pair.exec_method(method.timeout(timeout)).ok();
        if call.is_some() {
            self.methods += 1;
        }
        self.called(call, &name, timeout, None);
    }

    pub(super) fn called(&mut self, call: Option<CallId>, what: &str, timeout: Duration, refusal: Option<HResult>) {
        self.tell(|| format!("{call:?} {what}"));
        let Some(call) = call else { return };
        self.report.commands += 1;
        let deadline = self.pair.now().saturating_add(timeout);
        self.calls.insert(call, Calling { deadline, epoch: self.epoch, cancelled: false, refusal });
    }
}
