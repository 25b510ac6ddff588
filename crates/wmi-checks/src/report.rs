//! What a check reports: typed items with metrics and units, the parts that failed, and what is doubtful.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use compact_str::CompactString;
use serde::{Serialize, Serializer};
use wmi_proto::Stage;
use wmi_proto::cim::CimValue;

use crate::Unanswered;

/// The result of one round of a check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    /// The check's key.
    pub check: Cow<'static, str>,
    /// Types in a fixed order; the type of a part that failed entirely is missing, not empty.
    pub types: Vec<Type>,
    /// What failed. The other parts stand.
    pub errors: Vec<Failure>,
    /// What stands in the report and may not be the whole truth, such as a list that may be short.
    pub warnings: Vec<Failure>,
}

/// Items of one kind.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// The kind, for example `processor`.
    pub name: &'static str,
    /// The items, each with a name of its own.
    pub items: Vec<Item>,
}

/// One thing that was measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// What distinguishes the item from others of its type.
    pub name: String,
    /// Metrics in a fixed order.
    pub metrics: Vec<Metric>,
}

/// One value of an item.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name.
    pub name: Cow<'static, str>,
    /// In which unit a number is.
    pub unit: Unit,
    /// The value.
    pub value: Value,
}

/// The unit of a metric.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unit {
    /// None: a text, a truth value, a code, a number as the host gives it.
    #[default]
    None,
    /// How many.
    Count,
    /// Octets.
    Bytes,
    /// Seconds.
    Seconds,
    /// A share of one: 0.25 is a quarter.
    Ratio,
    /// A share in percent, in the InfraSonar shape.
    Percent,
    /// How often in a second.
    PerSecond,
    /// Octets in a second.
    BytesPerSecond,
    /// Bits in a second.
    BitsPerSecond,
    /// A moment in seconds since 1970-01-01 00:00 UTC.
    Timestamp,
}

impl Unit {
    /// How it is written behind a number; empty when there is nothing to write.
    #[must_use]
    pub const fn symbol(self) -> &'static str {
        match self {
            Self::None | Self::Count | Self::Ratio => "",
            Self::Bytes => "B",
            Self::Seconds => "s",
            Self::Percent => "%",
            Self::PerSecond => "/s",
            Self::BytesPerSecond => "B/s",
            Self::BitsPerSecond => "bit/s",
            Self::Timestamp => "Unix s",
        }
    }

    /// Its name, as it is written in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Count => "count",
            Self::Bytes => "bytes",
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Percent => "percent",
            Self::PerSecond => "per_second",
            Self::BytesPerSecond => "bytes_per_second",
            Self::BitsPerSecond => "bits_per_second",
            Self::Timestamp => "timestamp",
        }
    }
}

/// A value of a metric.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// The host gave no value, or there is none.
    #[default]
    Null,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An integer that is not negative.
    Uint(u64),
    /// A real number, never NaN or infinite.
    Real(f64),
    /// Text.
    Text(CompactString),
    /// Several values.
    List(Vec<Self>),
}

impl Value {
    /// `value` as a real; NULL when it is NaN or infinite.
    #[must_use]
    pub fn real(value: f64) -> Self {
        if value.is_finite() { Self::Real(value) } else { Self::Null }
    }

    /// `part` as a share of `whole`; NULL when one is not known or there is no whole.
    #[must_use]
    pub fn ratio(part: Option<u64>, whole: Option<u64>) -> Self {
        match part.zip(whole) {
            Some((part, whole)) if whole > 0 => Self::real(part as f64 / whole as f64),
            _ => Self::Null,
        }
    }

    /// `part` of `whole` in percent; NULL when one is not known or there is no whole.
    #[must_use]
    pub fn percent(part: Option<u64>, whole: Option<u64>) -> Self {
        match part.zip(whole) {
            Some((part, whole)) if whole > 0 => Self::real(100.0 * part as f64 / whole as f64),
            _ => Self::Null,
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(value) => serializer.serialize_bool(*value),
            Self::Int(value) => serializer.serialize_i64(*value),
            Self::Uint(value) => serializer.serialize_u64(*value),
            Self::Real(value) => serializer.serialize_f64(*value),
            Self::Text(value) => serializer.serialize_str(value),
            Self::List(values) => serializer.collect_seq(values),
        }
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Uint(value)
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::real(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.into())
    }
}

impl From<Cow<'_, str>> for Value {
    fn from(value: Cow<'_, str>) -> Self {
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

impl<T: Into<Self>> From<Vec<T>> for Value {
    fn from(values: Vec<T>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

/// What the host said as it is: a date as its DMTF text; an embedded object is no value of a metric and becomes NULL.
impl From<&CimValue> for Value {
    fn from(value: &CimValue) -> Self {
        match value {
            CimValue::Boolean(value) => Self::Bool(*value),
            CimValue::Char16(value) => Self::Uint((*value).into()),
            CimValue::Array(values) => Self::List(values.iter().map(Self::from).collect()),
            CimValue::Null => Self::Null,
            value => {
                if let Some(value) = value.as_u64() {
                    Self::Uint(value)
                } else if let Some(text) = value.as_str() {
                    Self::Text(text.into())
                } else if let Some(value) = value.as_i64() {
                    Self::Int(value)
                } else {
                    value.as_f64().map_or(Self::Null, Self::real)
                }
            }
        }
    }
}

/// How a warning ends that tells of values which only a second sample brings.
pub const NEEDS_SECOND_SAMPLE: &str = "needs a second sample";

/// A part of a check that failed, wholly or in one place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failure {
    /// The part, as in [`crate::Request::part`].
    pub part: &'static str,
    /// The step of the session at which it failed, or `values` when rows came but could not be used.
    pub stage: String,
    /// The numeric code behind it, when there is one.
    pub code: Option<u32>,
    /// What happened, in words, with the code's name.
    pub text: String,
    /// How many more like it there were in the part, of which nothing else is told.
    pub more: usize,
    /// The code's name alone, when it is known.
    pub name: Option<&'static str>,
    /// What the code means, in a sentence, when it is known.
    pub meaning: Option<&'static str>,
    /// The namespace that it is about.
    pub namespace: Option<String>,
    /// The class that it is about.
    pub class: Option<String>,
    /// What helps, when it is known.
    pub remedy: Option<String>,
    /// Whether the host was not reached, the connection was lost or time ran out, so that another attempt may succeed.
    pub is_unreachable: bool,
}

impl Failure {
    /// What happened, and how often.
    #[must_use]
    pub fn words(&self) -> Cow<'_, str> {
        match self.more {
            0 => Cow::Borrowed(&self.text),
            more => format!("{}, and {more} more like it", self.text).into(),
        }
    }

    pub(crate) fn of_query(part: &'static str, why: &Unanswered) -> Self {
        match why {
            Unanswered::Failed(error) => {
                let (namespace, class) = error.subject();
                // Methods that checks call change nothing: a call that was not answered is one like any other.
                let mut as_read = error.clone();
                if as_read.stage == Stage::ExecMethod {
                    as_read.stage = Stage::GetObject;
                }
                Self {
                    part,
                    stage: error.stage.to_string(),
                    code: error.code(),
                    text: error.kind.to_string(),
                    more: 0,
                    name: error.code_name(),
                    meaning: error.meaning(),
                    namespace: namespace.map(str::to_owned),
                    class: class.map(str::to_owned),
                    remedy: as_read.remedy().map(Cow::into_owned),
                    is_unreachable: error.is_unreachable(),
                }
            }
            Unanswered::TooMuch => {
                Self::of_values(part, "more rows, or longer ones, than are kept: the others are left out")
            }
            Unanswered::Stopped => Self::unanswered(part),
            Unanswered::NotSent(error) => {
                Self { part, stage: "command".to_owned(), text: error.to_string(), ..Self::default() }
            }
        }
    }

    /// A round was ended before the part was answered.
    pub(crate) fn unanswered(part: &'static str) -> Self {
        let (stage, text) = ("stopped".to_owned(), "not answered before the round was ended".to_owned());
        Self { part, stage, text, is_unreachable: true, ..Self::default() }
    }

    /// Adds it to `all`, of which each kind is told by its first, which counts the others.
    pub(crate) fn count_in(self, all: &mut Vec<Self>) {
        let kind = |of: &Self| (of.part, of.stage.clone(), of.code);
        match all.iter_mut().find(|own| kind(own) == kind(&self)) {
            Some(first) => first.more += 1,
            None => all.push(self),
        }
    }

    pub(crate) fn of_values(part: &'static str, text: impl Into<String>) -> Self {
        Self { part, stage: "values".to_owned(), text: text.into(), ..Self::default() }
    }
}

impl Report {
    /// An empty report of the check `key`.
    pub(crate) fn of(key: impl Into<Cow<'static, str>>) -> Self {
        Self { check: key.into(), ..Self::default() }
    }

    /// Adds the type `name` with `items`, each under a name of its own: one that is empty or was there before gets a
    /// number, and that is told as a warning of `part`.
    pub(crate) fn put(&mut self, part: &'static str, name: &'static str, mut items: Vec<Item>) {
        let mut seen = HashSet::with_capacity(items.len());
        if !items.iter().all(|item| !item.name.is_empty() && seen.insert(item.name.as_str())) {
            self.rename(part, name, &mut items);
        }
        self.types.push(Type { name, items });
    }

    fn rename(&mut self, part: &'static str, name: &'static str, items: &mut [Item]) {
        // With the number that each name got last: many equal names do not make it start at 2 each time.
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
        let mut renamed = 0_usize;
        for (at, item) in items.iter_mut().enumerate() {
            if item.name.is_empty() {
                item.name = format!("{name} {}", at + 1);
                renamed += 1;
            }
            if let Some(&last) = seen.get(&item.name) {
                renamed += 1;
                let mut number = last + 1;
                while seen.contains_key(&format!("{} ({number})", item.name)) {
                    number += 1;
                }
                let unique = format!("{} ({number})", item.name);
                seen.insert(core::mem::replace(&mut item.name, unique), number);
            }
            seen.insert(item.name.clone(), 1);
        }
        if renamed > 0 {
            let text =
                format!("{renamed} of {} items of {name} had an empty or repeated name, and got a number", items.len());
            self.warnings.push(Failure::of_values(part, text));
        }
    }
}

impl Item {
    /// The item `name` without metrics.
    pub(crate) fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), metrics: Vec::with_capacity(USUAL) }
    }

    /// The same with room for `metrics`.
    pub(crate) fn with_room(name: impl Into<String>, metrics: usize) -> Self {
        Self { name: name.into(), metrics: Vec::with_capacity(metrics) }
    }

    /// The same with one metric more.
    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, unit: Unit, value: impl Into<Value>) -> Self {
        self.metrics.push(Metric { name: name.into(), unit, value: value.into() });
        self
    }
}

/// Metrics that most items do not exceed.
const USUAL: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn item_names_are_never_empty_and_never_twice() {
        let mut report = Report::of("storage");
        let names = ["", "C:", "C:", "C:", "C: (2)", ""];
        report.put("volume", "volume", names.into_iter().map(Item::new).collect());
        let got: Vec<&str> = report.types[0].items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(got, ["volume 1", "C:", "C: (2)", "C: (3)", "C: (2) (2)", "volume 6"]);
        assert_eq!(report.warnings.len(), 1);
        assert!(report.warnings[0].text.starts_with("5 of 6"), "{:?}", report.warnings);
    }

    #[test]
    fn a_method_that_only_reads_may_be_asked_again() {
        let failure = |kind| {
            let failure = Failure::of_query("programs", &wmi_proto::Error::new(Stage::ExecMethod, kind).into());
            (failure.stage, failure.remedy.expect("a remedy"))
        };
        let (stage, remedy) = failure(wmi_proto::ErrorKind::TimedOut);
        assert!(stage == "method" && remedy.contains("more time"), "{stage}: {remedy}");
        let (_, remedy) = failure(wmi_proto::ErrorKind::Disconnected);
        assert!(remedy.contains("try again"), "{remedy}");
    }

    #[test]
    fn many_equal_names_are_told_apart_in_no_time() {
        let mut report = Report::of("netstat");
        report.put("netstat", "netstat", (0..100_000).map(|_| Item::new("x")).collect());
        assert_eq!(report.types[0].items[99_999].name, "x (100000)");
    }

    #[test]
    fn values_of_the_host_stay_what_they_are() {
        assert_eq!(Value::from(&CimValue::Null), Value::Null);
        assert_eq!(Value::from(&CimValue::Uint32(u32::MAX)), Value::Uint(0xffff_ffff));
        assert_eq!(Value::from(&CimValue::Sint8(-1)), Value::Int(-1));
        assert_eq!(Value::from(&CimValue::Real64(f64::NAN)), Value::Null);
        assert_eq!(Value::from(&CimValue::Array(vec![CimValue::Boolean(true)])), Value::List(vec![Value::Bool(true)]));
    }
}
