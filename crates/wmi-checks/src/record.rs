//! A row as the few values that a check asked for.

use std::borrow::Cow;

use wmi_proto::cim::CimValue;
use wmi_proto::{Row, wire::WireError};

use crate::Failure;

/// Values of one row by the name under which the check asked for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record(Vec<(&'static str, CimValue)>);

impl Record {
    /// The values of `columns` in `row`. A cell that does not decode becomes NULL and a failure of `part`.
    pub(crate) fn read(
        row: &Row,
        columns: &[&'static str],
        part: &'static str,
        errors: &mut Vec<Failure>,
    ) -> Option<Self> {
        let object = match row {
            Ok(object) => object,
            Err(error) => {
                errors.push(Failure::of_values(part, format!("a row does not decode: {error}")));
                return None;
            }
        };
        let mut cell = |name: &'static str| -> (&'static str, CimValue) {
            let value = object.get(name).unwrap_or(Ok(CimValue::Null)).unwrap_or_else(|error: WireError| {
                errors.push(Failure::of_values(part, format!("{name} does not decode: {error}")));
                CimValue::Null
            });
            (name, value)
        };
        Some(Self(columns.iter().map(|&name| cell(name)).collect()))
    }

    /// The value of `name`; NULL when the row has none.
    pub(crate) fn value(&self, name: &str) -> CimValue {
        self.0.iter().find(|(n, _)| *n == name).map_or(CimValue::Null, |(_, v)| v.clone())
    }

    /// The text of `name`, unless it is NULL or no text.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.value(name).as_str().map(Cow::into_owned)
    }

    /// The number of `name`, unless it is NULL, negative or no number.
    pub(crate) fn unsigned(&self, name: &str) -> Option<u64> {
        self.value(name).as_u64()
    }
}

#[cfg(test)]
impl<const N: usize> From<[(&'static str, CimValue); N]> for Record {
    fn from(values: [(&'static str, CimValue); N]) -> Self {
        Self(values.into())
    }
}
