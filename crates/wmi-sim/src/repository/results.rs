//! What a query selects, row by row.

use std::collections::VecDeque;
use std::sync::Arc;

use wmi_proto::cim::{CimClass, CimObject};

use super::class::{Located, Row};
use super::{Machine, Namespace};
use crate::classes::Clock;
use crate::wql::Filter;

/// What a query selects; every row is made when it is asked for, and the same one by every copy.
#[derive(Clone, Debug)]
pub struct ResultSet {
    machine: Arc<Machine>,
    /// The place of the namespace in the machine.
    namespace: usize,
    clock: Clock,
    filter: Option<Arc<Filter>>,
    kind: Kind,
    /// What is left, the first one partly read.
    sources: VecDeque<Source>,
}

/// What the objects are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Instances,
    Classes,
}

/// A class whose instances are selected, or that is selected itself.
#[derive(Clone, Debug)]
pub(super) struct Source {
    /// The place of the class in the namespace.
    pub(super) class: usize,
    /// The class of the objects: the class, or the chosen columns of it.
    pub(super) shape: Arc<CimClass>,
    /// Whether the objects say where they come from.
    pub(super) decorated: bool,
    /// The next row.
    pub(super) at: usize,
    /// The row behind the last one.
    pub(super) end: usize,
}

impl ResultSet {
    pub(super) fn new(
        machine: Arc<Machine>,
        namespace: usize,
        clock: Clock,
        filter: Option<Filter>,
        kind: Kind,
        sources: VecDeque<Source>,
    ) -> Self {
        Self { machine, namespace, clock, filter: filter.map(Arc::new), kind, sources }
    }

    /// How many rows are left before the filter.
    #[cfg(test)]
    pub(crate) fn left(&self) -> usize {
        self.sources.iter().map(|source| source.end - source.at).sum()
    }

    fn matches(&self, located: &Located<'_>) -> bool {
        self.filter.as_ref().is_none_or(|filter| filter.holds(located))
    }

    /// The class and the row of the next object that the filter lets through.
    pub(super) fn position(mut self) -> Option<(usize, usize)> {
        loop {
            if self.step()?.is_some() {
                let source = self.sources.front()?;
                return Some((source.class, source.at - 1));
            }
        }
    }

    /// The next object and whether the filter lets it through; `None` inside when it does not.
    fn step(&mut self) -> Option<Option<CimObject>> {
        let namespace: &Namespace = &self.machine.namespaces[self.namespace];
        let (class, at, shape, decorated) = loop {
            let source = self.sources.front_mut()?;
            let class = &namespace.classes[source.class];
            if source.at < source.end {
                source.at += 1;
                break (class, source.at - 1, Arc::clone(&source.shape), source.decorated);
            }
            self.sources.pop_front();
        };
        let (machine, path) = (self.machine.name.as_str(), namespace.path.as_str());
        let located = |row: Option<&Row<'_>>| self.matches(&Located { row, class, machine, namespace: path });
        let object = match self.kind {
            Kind::Classes => located(None).then(|| CimObject::of_class(shape)),
            Kind::Instances => {
                let row = class.row(at, &self.clock);
                located(Some(&row)).then(|| row.encoded(&shape))
            }
        };
        Some(object.map(|object| if decorated { object.with_decoration(machine, path) } else { object }))
    }
}

impl Iterator for ResultSet {
    type Item = CimObject;

    fn next(&mut self) -> Option<CimObject> {
        loop {
            if let Some(object) = self.step()? {
                return Some(object);
            }
        }
    }
}
