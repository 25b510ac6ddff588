//! How a check ended, and what agentcore is told of it.

use core::time::Duration;
use std::collections::HashMap;

use crate::assets::CheckPath;
use crate::value::Value;

/// How much an error matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Severity {
    /// 0.
    High,
    /// 1; what is said unless there is a reason for another.
    #[default]
    Medium,
    /// 2.
    Low,
}

/// Why a check has no result, or not the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckError {
    /// For whoever reads it at InfraSonar; never empty.
    pub text: String,
    /// How much it matters.
    pub severity: Severity,
}

impl CheckError {
    /// An error of medium severity.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), severity: Severity::Medium }
    }

    fn value(&self) -> Value {
        let severity = match self.severity {
            Severity::High => 0_u64,
            Severity::Medium => 1,
            Severity::Low => 2,
        };
        Value::map([("error", self.text.as_str().into()), ("severity", severity.into())])
    }
}

/// What a check found: items by type.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CheckResult {
    types: Vec<(String, Vec<Item>)>,
}

/// One item of a type.
#[derive(Clone, Debug, PartialEq)]
struct Item {
    name: String,
    metrics: Vec<(String, Value)>,
}

impl CheckResult {
    /// Adds the items of a type: name and metrics of each. InfraSonar wants names that are ASCII, not empty, and unique
    /// within the type: other characters become `?`, a missing name `unnamed`, and a name that was there already is
    /// numbered.
    pub fn add(&mut self, kind: impl Into<String>, items: impl IntoIterator<Item = (String, Vec<(String, Value)>)>) {
        // With the number that each name got last: many equal names do not make it start at 2 each time.
        let mut names: HashMap<String, u64> = HashMap::new();
        let items = items.into_iter().map(|(name, metrics)| {
            let mut name: String = name.chars().map(|c| if c.is_ascii() { c } else { '?' }).collect();
            if name.is_empty() {
                "unnamed".clone_into(&mut name);
            }
            if let Some(&last) = names.get(&name) {
                let mut number = last + 1;
                while names.contains_key(&format!("{name} ({number})")) {
                    number += 1;
                }
                let numbered = format!("{name} ({number})");
                names.insert(std::mem::replace(&mut name, numbered), number);
            }
            names.insert(name.clone(), 1);
            Item { name, metrics }
        });
        self.types.push((kind.into(), items.collect()));
    }

    /// Whether it has no type at all.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.types.is_empty()
    }

    /// The same with each type's items in the order of their names, as results are sent whose repetition is not.
    #[must_use]
    pub(crate) fn sorted(mut self) -> Self {
        for (_, items) in &mut self.types {
            items.sort_by(|one, other| one.name.cmp(&other.name));
        }
        self
    }

    /// The same with types and metrics in order, so that equal results have equal octets.
    pub(crate) fn canonical(&self) -> Value {
        let mut sorted = self.clone().sorted();
        sorted.types.sort_by(|(one, _), (other, _)| one.cmp(other));
        for (_, items) in &mut sorted.types {
            items.iter_mut().for_each(|item| item.metrics.sort_by(|(one, _), (other, _)| one.cmp(other)));
        }
        sorted.value()
    }

    /// As it stands in a packet.
    #[must_use]
    pub fn value(&self) -> Value {
        let item = |item: &Item| {
            let name = ("name".to_owned(), item.name.as_str().into());
            Value::Map(std::iter::once(name).chain(item.metrics.iter().cloned()).collect())
        };
        let items = |items: &Vec<Item>| Value::List(items.iter().map(item).collect());
        Value::Map(self.types.iter().map(|(kind, list)| (kind.clone(), items(list))).collect())
    }
}

/// How a check ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// With its result.
    Complete(CheckResult),
    /// Without a result.
    Failed(CheckError),
    /// With a part of its result. An empty one clears what InfraSonar has.
    Incomplete(CheckResult, CheckError),
    /// With a result that does not count as a sign of life, whole or not.
    NotCounted(CheckResult, Option<CheckError>),
    /// With nothing that is worth to be told this time.
    Ignored,
    /// With nothing, and it is not to run again until its configuration changes.
    Retired,
}

/// What is told of an outcome.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Told {
    pub(crate) result: Option<CheckResult>,
    pub(crate) error: Option<CheckError>,
    pub(crate) no_count: bool,
}

impl Outcome {
    /// What is told of it; `None` when that is nothing.
    pub(crate) fn told(self) -> Option<Told> {
        let (result, error, no_count) = match self {
            Self::Complete(result) => (Some(result), None, false),
            Self::Failed(error) => (None, Some(error), false),
            Self::Incomplete(result, error) => (Some(result), Some(error), false),
            Self::NotCounted(result, error) => (Some(result), error, true),
            Self::Ignored | Self::Retired => return None,
        };
        Some(Told { result, error, no_count })
    }

    /// What a dry run prints of it.
    #[must_use]
    pub fn printable(self, duration: Duration, timestamp: Duration) -> Value {
        let told = self.told().unwrap_or(Told { result: None, error: None, no_count: false });
        Value::map([
            ("result", told.result.map_or(Value::Nil, |result| result.value())),
            ("error", told.error.map_or(Value::Nil, |error| error.value())),
            ("framework", framework(duration, timestamp, told.no_count, false)),
        ])
    }
}

fn framework(duration: Duration, timestamp: Duration, no_count: bool, unchanged: bool) -> Value {
    let mut entries = vec![
        ("duration".to_owned(), Value::Real(duration.as_secs_f64())),
        ("timestamp".to_owned(), Value::Uint(timestamp.as_secs())),
    ];
    let flags = [("no_count", no_count), ("unchanged", unchanged)];
    entries.extend(flags.into_iter().filter(|(_, set)| *set).map(|(name, _)| (name.to_owned(), true.into())));
    Value::Map(entries)
}

/// The body of a result: the check's path, and what is told. `unchanged` says so in place of the result.
pub(crate) fn body(path: CheckPath, told: &Told, duration: Duration, timestamp: Duration, unchanged: bool) -> Value {
    let error = told.error.as_ref().map_or(Value::Nil, CheckError::value);
    let framework = framework(duration, timestamp, told.no_count, unchanged);
    let mut data = vec![("error".to_owned(), error), ("framework".to_owned(), framework)];
    if !unchanged {
        data.push(("result".to_owned(), told.result.as_ref().map_or(Value::Nil, CheckResult::value)));
    }
    Value::List(vec![Value::List(vec![path.asset.into(), path.check.into()]), Value::Map(data)])
}

#[cfg(test)]
mod tests;
