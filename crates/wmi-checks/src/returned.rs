//! Which metrics the checks return, as they were seen on simulated hosts of every kind.

use crate::Shape;

/// A metric that items of a type have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Returned {
    /// The type, for example `volume`.
    pub type_name: &'static str,
    /// The metric.
    pub metric: &'static str,
    /// The name of its unit, as [`crate::Unit::name`] has it.
    pub unit: &'static str,
    /// What its values are, with `|` between several: `truth`, `integer`, `real`, `text`, `list`; empty when no simulated
    /// host has one. NULL is always possible.
    pub values: &'static str,
}

/// The metrics of the check `key` in `shape`, by type; none for `counters:CLASS`, whose metrics the class decides.
///
/// The list is not written by hand: a test runs the checks on hosts of every kind and holds it to what they return.
pub fn returned(key: &str, shape: Shape) -> impl Iterator<Item = Returned> {
    let shape = shape.to_string();
    LIST.lines().filter_map(move |line| {
        let mut fields = line.split('\t');
        let mut next = || fields.next();
        if next()? != shape || next()? != key {
            return None;
        }
        Some(Returned { type_name: next()?, metric: next()?, unit: next()?, values: next()? })
    })
}

const LIST: &str = include_str!("returned.tsv");
