//! Which counters a class of raw performance data has, from the qualifiers of its definition.

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use wmi_proto::cim::{CimClass, CimProperty, CimType, CimValue};

use super::{Column, Counter, CounterType, Moment};

/// The counters of a class `Win32_PerfRawData_…`, and the properties that name its instances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layout {
    /// The class.
    pub class: String,
    /// The properties that name an instance: the keys, and `Name`. None for a class of one instance without a name.
    pub names: Vec<String>,
    /// The counters, in the order of the class.
    pub counters: Vec<Column>,
    /// How many counters of the class are left out, because it has more than [`Layout::COUNTERS`].
    #[serde(default)]
    pub left_out: usize,
}

impl Layout {
    /// Counters at most; those beyond are left out.
    pub const COUNTERS: usize = 256;

    /// The layout of `class`; `None` when no property has a CounterType.
    ///
    /// The base of a counter `X` is the property `X_Base` (WMI SDK, "Base Counter Types").
    #[must_use]
    pub fn of(class: &CimClass) -> Option<Self> {
        let mut names = Vec::new();
        let mut counters = Vec::new();
        let mut left_out = 0;
        for property in class.properties() {
            let name = property.name().to_string();
            // What cannot stand in a query is no column of it.
            if !is_identifier(&name) || property.is_array() {
                continue;
            }
            let Some(kind) = counter_type(property) else {
                if (property.is_key() || *property.name() == "Name") && names.len() < 8 {
                    names.push(name);
                }
                continue;
            };
            if kind.is_base() {
                continue;
            }
            if counters.len() == Self::COUNTERS {
                left_out += 1;
                continue;
            }
            let base = kind.needs_base().then(|| class.property(&format!("{name}_Base"))).flatten();
            counters.push(Column {
                counter: Counter {
                    kind,
                    wide: is_wide(property),
                    wide_base: base.is_none_or(|(_, base)| is_wide(base)),
                },
                base: base.map(|(_, base)| Cow::Owned(base.name().to_string())),
                name: Cow::Owned(name),
            });
        }
        let class = class.name().to_string();
        (!counters.is_empty() && is_identifier(&class)).then_some(Self { class, names, counters, left_out })
    }

    /// The columns of a query for its samples.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let counters = self.counters.iter().flat_map(|c| core::iter::once(&*c.name).chain(c.base.as_deref()));
        self.names.iter().map(String::as_str).chain(Moment::COLUMNS).chain(counters)
    }

    /// The query for its samples.
    #[must_use]
    pub fn query(&self) -> String {
        format!("SELECT {} FROM {}", self.columns().collect::<Vec<_>>().join(", "), self.class)
    }

    /// The class that holds the same counters already cooked, and the query for them; `None` for a class of an other kind.
    #[must_use]
    pub fn formatted_query(&self) -> Option<String> {
        let class = formatted_class(&self.class)?;
        let counters = self.counters.iter().map(|column| &*column.name);
        let columns: Vec<&str> = self.names.iter().map(String::as_str).chain(counters).collect();
        Some(format!("SELECT {} FROM {class}", columns.join(", ")))
    }
}

/// The class that holds the counters of the raw class `class` cooked by the host.
#[must_use]
pub fn formatted_class(class: &str) -> Option<String> {
    const RAW: &str = "Win32_PerfRawData_";
    let (prefix, rest) = class.split_at_checked(RAW.len())?;
    prefix.eq_ignore_ascii_case(RAW).then(|| format!("Win32_PerfFormattedData_{rest}"))
}

fn counter_type(property: &CimProperty) -> Option<CounterType> {
    match property.qualifier("CounterType")?.value().ok()? {
        // Types with the highest bit are negative as sint32, the type of the qualifier.
        CimValue::Sint32(number) => Some(CounterType(number.cast_unsigned())),
        other => other.as_i64().and_then(|number| u32::try_from(number).ok()).map(CounterType),
    }
}

fn is_wide(property: &CimProperty) -> bool {
    !matches!(
        property.cim_type(),
        CimType::UINT32 | CimType::SINT32 | CimType::UINT16 | CimType::SINT16 | CimType::UINT8 | CimType::SINT8
    )
}

/// Whether a name can stand in a query as it is.
pub(crate) fn is_identifier(name: &str) -> bool {
    let mut bytes = name.bytes();
    name.len() <= 256
        && bytes.next().is_some_and(|first| first.is_ascii_alphabetic() || first == b'_')
        && bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests;
