//! Monitoring checks over WMI without I/O: a check says which queries it wants, is given their rows, and reports metrics.
//!
//! A check is a small state machine, driven like the protocol core itself:
//!
//! ```
//! use wmi_checks::{Answer, Check, Step};
//! # fn run(query: &mut dyn FnMut(wmi_checks::Request) -> Answer) -> wmi_checks::Report {
//! let mut check = wmi_checks::System::default();
//! check.begin();
//! loop {
//!     match check.step() {
//!         Step::Query(request) => { let answer = query(request); check.answer(answer) }
//!         Step::Pause(time) => std::thread::sleep(time),
//!         Step::Done => break check.report(),
//!     }
//! }
//! # }
//! ```
//!
//! What a check learns of one host stays in it between rounds, so that a later round can use the earlier sample.

mod clock;
pub mod counters;
mod record;
mod report;
mod services;
mod system;

use core::time::Duration;

use wmi_proto::{Error, FileTime, Row};

pub use report::{Failure, Item, Report, Type};
pub use services::Services;
pub use system::System;

/// One monitoring check of one host.
pub trait Check: Send {
    /// The key by which people ask for it.
    fn name(&self) -> &'static str;

    /// Begins a round. Samples of earlier rounds are kept where they help, their results are dropped.
    fn begin(&mut self);

    /// What the round needs next. Asking again without an answer gives the same request again.
    fn step(&mut self) -> Step;

    /// What the host said to the request of the last [`Step::Query`].
    fn answer(&mut self, answer: Answer);

    /// The result of the round; complete once [`Check::step`] said [`Step::Done`].
    fn report(&mut self) -> Report;
}

/// What a check needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A query's rows, to be handed to [`Check::answer`].
    Query(Request),
    /// That much time between two samples.
    Pause(Duration),
    /// Nothing: the report is complete.
    Done,
}

/// A query of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// The part of the check that needs it; a failure is reported under this name.
    pub part: &'static str,
    /// The namespace.
    pub namespace: &'static str,
    /// The text.
    pub wql: &'static str,
}

/// What came of a query.
#[derive(Debug)]
pub struct Answer {
    /// The rows that arrived, even when the query failed after them.
    pub rows: Vec<Row>,
    /// How the query ended.
    pub outcome: Result<(), Error>,
    /// The caller's wall time when the query was begun.
    pub sent: FileTime,
    /// The caller's wall time when its first rows arrived.
    pub received: FileTime,
}

/// The keys of all checks, in the order in which help texts list them.
pub const NAMES: &[&str] = &["system", "services"];

/// The check called `name`; `pause` is the time between two samples where a check needs two.
#[must_use]
pub fn by_name(name: &str, pause: Duration) -> Option<Box<dyn Check>> {
    match name {
        "system" => Some(Box::new(System::new(pause))),
        "services" => Some(Box::new(Services::default())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_has_its_check() {
        for name in NAMES {
            assert_eq!(by_name(name, Duration::ZERO).expect("a check").name(), *name);
        }
        assert!(by_name("software", Duration::ZERO).is_none());
    }
}
