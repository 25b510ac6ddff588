//! The raw samples of a host's counters that one run keeps for the next.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use wmi_proto::cim::CimValue;

use super::{Counter, CounterType, Interval, Layout, Moment, Raw, Why};

/// A counter and the properties that it is read from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// The property.
    pub name: Cow<'static, str>,
    /// Its type and width.
    pub counter: Counter,
    /// Its base property, where it has one.
    pub base: Option<Cow<'static, str>>,
}

impl Column {
    /// A counter of 64 bits without base.
    #[must_use]
    pub const fn wide(name: &'static str, kind: CounterType) -> Self {
        Self { name: Cow::Borrowed(name), counter: Counter { kind, wide: true, wide_base: true }, base: None }
    }

    /// A counter of 32 bits without base.
    #[must_use]
    pub const fn narrow(name: &'static str, kind: CounterType) -> Self {
        Self { name: Cow::Borrowed(name), counter: Counter { kind, wide: false, wide_base: true }, base: None }
    }

    /// A counter of 64 bits and its base. Those of averages have 32 bits.
    #[must_use]
    pub const fn wide_over(name: &'static str, kind: CounterType, base: &'static str) -> Self {
        let counter = Counter { kind, wide: true, wide_base: !matches!(kind, CounterType::AVERAGE_BULK) };
        Self { name: Cow::Borrowed(name), counter, base: Some(Cow::Borrowed(base)) }
    }

    /// A counter of 32 bits, and its base of as many.
    #[must_use]
    pub const fn narrow_over(name: &'static str, kind: CounterType, base: &'static str) -> Self {
        let counter = Counter { kind, wide: false, wide_base: false };
        Self { name: Cow::Borrowed(name), counter, base: Some(Cow::Borrowed(base)) }
    }
}

/// The raw numbers of one instance at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    /// The host's clocks.
    pub moment: Moment,
    /// The numbers of each counter, in the order of the columns.
    pub raws: Vec<Raw>,
}

impl Sample {
    /// The sample of a row whose value in a column `value` gives.
    pub fn read(columns: &[Column], mut value: impl FnMut(&str) -> CimValue) -> Self {
        let moment = Moment::read(|name| value(name).as_u64());
        let raw = |column: &Column| {
            let base = column.base.as_deref().map(&mut value);
            Raw::of(column.counter.kind, &value(&column.name), base.as_ref())
        };
        Self { moment, raws: columns.iter().map(raw).collect() }
    }

    /// The values of the counters in `columns`, from this sample and the `earlier` one of the same instance.
    ///
    /// A counter of [`CounterType::ELAPSED_TIME`] holds the moment at which its instance was started: when that is not
    /// what it was, the name has passed to an other instance. In what never started, as the sum of all processes,
    /// Windows has the moment of the sample itself.
    #[must_use]
    pub fn cook(&self, columns: &[Column], earlier: Result<&Self, Why>) -> Vec<Result<f64, Why>> {
        let raw = |sample: &Self, index: usize| sample.raws.get(index).copied().unwrap_or_default();
        let start = |sample: &Self, index: usize| {
            raw(sample, index).value.filter(|value| *value != 0 && Some(*value) != sample.moment.object_time)
        };
        let interval = earlier.and_then(|earlier| {
            let started = |(index, column): (usize, &Column)| {
                column.counter.kind == CounterType::ELAPSED_TIME && start(earlier, index) != start(self, index)
            };
            if earlier.raws.len() != columns.len() {
                return Err(Why::NeedsSecondSample);
            }
            if columns.iter().enumerate().any(started) {
                return Err(Why::OtherInstance);
            }
            Interval::between(&earlier.moment, &self.moment)
        });
        let cook = |(index, column): (usize, &Column)| {
            let before = earlier.map(|earlier| raw(earlier, index)).unwrap_or_default();
            column.counter.cook(before, interval, raw(self, index), &self.moment)
        };
        columns.iter().enumerate().map(cook).collect()
    }
}

/// What is kept of one class.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    key: String,
    layout: Option<Layout>,
    samples: Vec<(String, Sample)>,
}

impl Kept {
    fn numbers(&self) -> usize {
        self.samples.iter().map(|(_, sample)| sample.raws.len()).sum()
    }
}

/// The latest raw samples of one host, by class and instance.
///
/// Bounded: of what is beyond the bounds nothing is kept, so that it needs a second sample each time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Samples(Vec<Kept>);

/// The earlier samples of a class, by instance; of a name that several instances have, before or now, none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Earlier(BTreeMap<String, Option<Sample>>);

impl Samples {
    /// Classes at most; the one that was sampled longest ago goes first.
    pub const CLASSES: usize = 64;
    /// Instances at most, of all classes together.
    pub const INSTANCES: usize = 8192;
    /// Counters of all instances at most.
    pub const NUMBERS: usize = 1 << 18;
    /// Octets of an instance's name at most.
    pub const NAME: usize = 1024;

    /// Keeps `now` as the samples under `key`, and gives those that were kept before.
    pub fn replace(&mut self, key: &str, now: Vec<(String, Sample)>) -> Earlier {
        let before = self.take(key);
        let mut earlier = Earlier::default();
        for (name, sample) in before.samples {
            earlier.0.entry(name).and_modify(|several| *several = None).or_insert(Some(sample));
        }
        let mut seen = BTreeSet::new();
        for (name, _) in &now {
            if !seen.insert(name) {
                earlier.0.insert(name.clone(), None);
            }
        }
        self.keep(Kept { key: key.to_owned(), layout: before.layout, samples: now });
        earlier
    }

    /// Whether anything is kept under `key`.
    #[must_use]
    pub fn contains(&self, key: &str) -> bool {
        self.0.iter().any(|kept| kept.key == key)
    }

    /// Of how many instances a sample is kept under `key`.
    #[must_use]
    pub fn instances(&self, key: &str) -> usize {
        self.0.iter().filter(|kept| kept.key == key).map(|kept| kept.samples.len()).sum()
    }

    /// Whether a sample is kept under `key`.
    #[must_use]
    pub fn has_samples(&self, key: &str) -> bool {
        self.instances(key) > 0
    }

    /// The layout kept under `key`.
    #[must_use]
    pub fn layout(&self, key: &str) -> Option<&Layout> {
        self.0.iter().find(|kept| kept.key == key)?.layout.as_ref()
    }

    /// Keeps the layout of the class under `key`. Samples of an other layout are dropped.
    pub fn set_layout(&mut self, key: &str, layout: Option<Layout>) {
        let mut kept = self.take(key);
        if kept.layout != layout {
            kept.samples.clear();
        }
        self.keep(Kept { layout, key: key.to_owned(), ..kept });
    }

    /// Keeps nothing under `key` any more.
    pub fn forget(&mut self, key: &str) {
        self.take(key);
    }

    fn take(&mut self, key: &str) -> Kept {
        let index = self.0.iter().position(|kept| kept.key == key);
        index.map(|index| self.0.remove(index)).unwrap_or_default()
    }

    fn keep(&mut self, mut kept: Kept) {
        let excess = (self.0.len() + 1).saturating_sub(Self::CLASSES);
        self.0.drain(..excess.min(self.0.len()));
        let mut instances = Self::INSTANCES.saturating_sub(self.0.iter().map(|kept| kept.samples.len()).sum());
        let mut numbers = Self::NUMBERS.saturating_sub(self.0.iter().map(Kept::numbers).sum());
        kept.samples.retain(|(name, sample)| {
            let fits = name.len() <= Self::NAME && instances > 0 && sample.raws.len() <= numbers;
            if fits {
                instances -= 1;
                numbers -= sample.raws.len();
            }
            fits
        });
        self.0.push(kept);
    }
}

impl Earlier {
    /// The earlier sample of the instance `name`.
    ///
    /// # Errors
    /// There is none, or the name is not that of one instance only.
    pub fn of(&self, name: &str) -> Result<&Sample, Why> {
        self.0.get(name).ok_or(Why::NeedsSecondSample)?.as_ref().ok_or(Why::SeveralInstances)
    }
}

#[cfg(test)]
mod tests;
