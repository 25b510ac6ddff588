//! Performance counters of any raw class: from the qualifiers of its definition and two samples to values.
//!
//! [`Layout::of`] reads which counters a class has; [`Sample::read`] takes a row's raw numbers; [`Samples`] keeps them
//! between runs; [`Sample::cook`] makes values of them, each a finite number or the reason why there is none.

mod formula;
mod kind;
mod layout;
#[cfg(test)]
mod published;
mod samples;

pub use formula::{Counter, Interval, Moment, Raw, Why};
pub use kind::{CounterType, Measure};
pub(crate) use layout::is_identifier;
pub use layout::{Layout, formatted_class};
pub use samples::{Column, Earlier, Sample, Samples};
