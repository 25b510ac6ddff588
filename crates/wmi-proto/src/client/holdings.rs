//! How much a session holds at one moment: what a test compares with the host, and what must not grow.

use std::collections::BTreeSet;

/// What a session holds at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holdings {
    /// The OIDs of objects on the host of which it holds references.
    pub objects: BTreeSet<u64>,
    /// Interface pointers to them.
    pub references: usize,
    /// Interface pointers of which references are still to be given back.
    pub owed: usize,
    /// Namespaces that were entered or tried.
    pub namespaces: usize,
    /// Queries and calls that are not over.
    pub commands: usize,
    /// Transports that are not closed.
    pub transports: usize,
    /// Whether the association with the objects has nothing to send and waits for no answer.
    pub at_rest: bool,
}
