//! Which of the services that should run and do not are started by triggers, as the registry tells it.

use std::collections::{BTreeMap, VecDeque};

use crate::record::Record;
use crate::registry::{self, LOCAL_MACHINE, Refusal};
use crate::{Answer, Failure, Report, Request, RequestId, Unanswered};

/// The part, as failures name it.
pub(super) const PART: &str = "triggers";

/// Where each service has its key.
const SERVICES: &str = "SYSTEM\\CurrentControlSet\\Services";

/// Where the class is: in the namespace of the services themselves, which spares a log-on and rights to another, and on
/// Windows before Vista only in its old one.
const NAMESPACES: [&str; 2] = ["root/cimv2", registry::NAMESPACE];

/// Services that are asked about on one host; a host has a few hundred of all kinds.
const MAX_ASKED: usize = 1024;
/// Characters of a service's name, by the service controller's own limit.
const MAX_NAME: usize = 256;

/// What is asked of the registry about the services of a list, by their places in it.
#[derive(Debug, Default)]
pub(super) struct Triggers {
    due: VecDeque<Question>,
    asked: BTreeMap<usize, Question>,
    known: BTreeMap<usize, bool>,
    /// Of each kind the first, which counts the others.
    troubles: Vec<Failure>,
    /// Services that are not asked about because there are more than [`MAX_ASKED`].
    beyond: usize,
}

#[derive(Debug)]
struct Question {
    at: usize,
    name: String,
    namespaces: &'static [&'static str],
}

impl Triggers {
    /// The questions about those of `rows` that `matters` holds for.
    pub(super) fn new(rows: &[Record], matters: impl Fn(&Record) -> bool) -> Self {
        let mut due = VecDeque::new();
        let mut beyond = 0;
        for (at, row) in rows.iter().enumerate().filter(|(_, row)| matters(row)) {
            // Of a name that no service can have, no key is read.
            let Some(name) = row.text("Name").filter(|name| is_name(name)) else { continue };
            if due.len() == MAX_ASKED {
                beyond += 1;
            } else {
                due.push_back(Question { at, name: name.into_owned(), namespaces: &NAMESPACES });
            }
        }
        Self { due, beyond, ..Self::default() }
    }

    /// The next question, of which no more than `at_once` are under way.
    pub(super) fn next(&mut self, at_once: usize, id: impl Fn(usize) -> Option<RequestId>) -> Option<Request> {
        if self.asked.len() >= at_once.max(1) {
            return None;
        }
        let question = self.due.pop_front()?;
        let (id, namespace) = (id(question.at)?, *question.namespaces.first()?);
        let work = registry::enum_key(LOCAL_MACHINE, &format!("{SERVICES}\\{}\\TriggerInfo", question.name));
        self.asked.insert(question.at, question);
        Some(Request { id, part: PART, namespace: namespace.into(), work })
    }

    /// The key has one key for each trigger; a service without triggers has no such key.
    pub(super) fn answer(&mut self, at: usize, answer: &Answer) {
        let Some(question) = self.asked.remove(&at) else { return };
        if let [_, others @ ..] = question.namespaces
            && !others.is_empty()
            && answer.outcome.as_ref().is_err_and(Unanswered::is_unknown)
        {
            self.due.push_back(Question { namespaces: others, ..question });
            return;
        }
        match registry::out(PART, answer) {
            Ok(record) => {
                self.known.insert(at, registry::texts(&record.cim("sNames")).next().is_some());
            }
            Err(Refusal::NotFound) => {
                self.known.insert(at, false);
            }
            Err(Refusal::Failed(failure)) => failure.count_in(&mut self.troubles),
        }
    }

    /// Whether the service at this place has triggers; `None` when it was not asked about, or not answered.
    pub(super) fn of(&self, at: usize) -> Option<bool> {
        self.known.get(&at).copied()
    }

    /// Reports what failed.
    pub(super) fn tell(&mut self, report: &mut Report) {
        if !(self.due.is_empty() && self.asked.is_empty()) {
            Failure::unanswered(PART).count_in(&mut self.troubles);
        }
        report.errors.append(&mut self.troubles);
        if self.beyond > 0 {
            let text = format!("{} services are not asked about: they are more than any host has", self.beyond);
            report.errors.push(Failure::of_values(PART, text));
        }
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['\\', '/', '\0']) && name.chars().count() <= MAX_NAME
}
