//! Monitoring checks over WMI without I/O: a check says what it wants to know, is given rows, and reports metrics.
//!
//! [`by_key`] gives a [`Check`], [`Check::begin`] one [`Round`] of it. A round says what may be asked ([`Round::next`]),
//! takes answers in any order, and ends in a [`Report`] and a [`State`] for the next round on the same host. [`Rounds`]
//! does all of this for many checks over one client of `wmi-proto`, at once:
//!
//! ```no_run
//! # use std::time::Duration;
//! # use wmi_checks::{Options, Rounds, State};
//! # fn run(client: &mut wmi_proto::Client, now: wmi_proto::Instant, wall: wmi_proto::FileTime) {
//! let mut rounds = Rounds::new(16);
//! let system = wmi_checks::by_key("system").expect("a check");
//! rounds.begin(&*system, &Options::default(), State::default(), Duration::from_secs(60));
//! rounds.drive(client, now, wall);
//! // For each event of the client: rounds.handle(event, …), then rounds.drive(…) and rounds.finished().
//! # }
//! ```
//!
//! No check waits for a second sample: rates come from the sample that the state brings along, and the first round takes
//! the host's own figure where there is one.

mod check;
mod checks;
mod clock;
pub mod counters;
mod dates;
mod plan;
mod record;
mod registry;
mod report;
mod returned;
mod rounds;
mod sampled;
mod state;
mod values;

pub use check::{About, Answer, Check, Options, Reads, Request, RequestId, Round, Shape, Unanswered, Work};
pub use checks::{KEYS, PROBE_KEYS, Programs, by_key};
pub use report::{Failure, Item, Metric, NEEDS_SECOND_SAMPLE, Report, Type, Unit, Value};
pub use returned::{Returned, returned};
pub use rounds::{Finished, RoundId, Rounds};
pub use state::State;
