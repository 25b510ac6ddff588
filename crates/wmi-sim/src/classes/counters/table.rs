//! Tables of counters: what each is called, what type it has and how much there is.

use core::fmt;

use super::kind::Kind;
use super::{Figure, Population};

/// The counters of a performance object and what they have of each of its instances.
pub(super) trait Table: Sync {
    /// Whether there is one instance without a name.
    fn is_singleton(&self) -> bool;
    /// The names and types of the counters.
    fn counters(&self) -> Vec<(&'static str, Kind)>;
    /// How many instances there are.
    fn count(&self, population: &Population) -> usize;
    /// The name of the instance at `index`, which is less than [`Self::count`], and its figures, one for each counter.
    fn instance(&self, index: usize, population: &Population) -> (Option<String>, Vec<Figure>);
}

impl fmt::Debug for dyn Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.counters()).finish()
    }
}

/// A counter and its figures, one for each instance; the last one is also that of those behind it.
pub(super) type Line = (&'static str, Kind, &'static [Figure]);

/// Instances that are the same on every host.
pub(super) struct Listed {
    /// `None`: one instance without a name.
    names: Option<&'static [&'static str]>,
    lines: &'static [Line],
    /// The figure of the first instance in each line.
    first: usize,
}

impl Listed {
    /// One instance, with the figures at `figure` in each line.
    pub(super) const fn one(lines: &'static [Line], figure: usize) -> Self {
        Self { names: None, lines, first: figure }
    }

    /// Instances with names.
    pub(super) const fn named(names: &'static [&'static str], lines: &'static [Line]) -> Self {
        Self { names: Some(names), lines, first: 0 }
    }
}

impl Table for Listed {
    fn is_singleton(&self) -> bool {
        self.names.is_none()
    }

    fn counters(&self) -> Vec<(&'static str, Kind)> {
        self.lines.iter().map(|(name, kind, _)| (*name, *kind)).collect()
    }

    fn count(&self, _: &Population) -> usize {
        self.names.map_or(1, <[_]>::len)
    }

    fn instance(&self, index: usize, _: &Population) -> (Option<String>, Vec<Figure>) {
        let figure = |figures: &[Figure]| figures[(self.first + index).min(figures.len() - 1)];
        let figures = self.lines.iter().map(|(_, _, figures)| figure(figures)).collect();
        (self.names.map(|names| names[index].to_owned()), figures)
    }
}

/// A counter of things of a kind, and its figure of one of them.
pub(super) type Column<T> = (&'static str, Kind, fn(&T) -> Figure);

/// Instances that follow from what the host has.
pub(super) struct Things<T: 'static> {
    pub(super) columns: &'static [&'static [Column<T>]],
    /// Whether there is one without a name.
    pub(super) singleton: bool,
    pub(super) count: fn(&Population) -> usize,
    pub(super) at: fn(usize, &Population) -> (Option<String>, T),
}

impl<T> Things<T> {
    fn columns(&self) -> impl Iterator<Item = &Column<T>> {
        self.columns.iter().flat_map(|columns| columns.iter())
    }
}

impl<T> Table for Things<T> {
    fn is_singleton(&self) -> bool {
        self.singleton
    }

    fn counters(&self) -> Vec<(&'static str, Kind)> {
        self.columns().map(|(name, kind, _)| (*name, *kind)).collect()
    }

    fn count(&self, population: &Population) -> usize {
        (self.count)(population)
    }

    fn instance(&self, index: usize, population: &Population) -> (Option<String>, Vec<Figure>) {
        let (name, thing) = (self.at)(index, population);
        (name, self.columns().map(|(_, _, figure)| figure(&thing)).collect())
    }
}
