//! A row as the few values that a check asked for.

use std::borrow::Cow;
use std::sync::Arc;

use wmi_proto::FileTime;
use wmi_proto::cim::{CimClass, CimDateTime, CimObject, CimType, CimValue};

use crate::Value;

/// Values of one row by the name under which the check asked for them.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Record {
    columns: &'static [&'static str],
    cells: Vec<Cell>,
}

#[derive(Clone, Debug, PartialEq)]
struct Cell {
    value: CimValue,
    cim_type: CimType,
    array: bool,
}

/// Reads rows as records: where the columns are is looked for once per class.
#[derive(Debug)]
pub(crate) struct Records {
    columns: &'static [&'static str],
    /// The class of the last row and where it has the columns.
    last: Option<(Arc<CimClass>, Vec<Option<usize>>)>,
}

impl Records {
    /// Rows of these columns.
    pub(crate) const fn of(columns: &'static [&'static str]) -> Self {
        Self { columns, last: None }
    }

    /// The values of the columns in `object`. A cell that does not decode is NULL and told to `bad`.
    pub(crate) fn read(&mut self, object: &CimObject, bad: &mut dyn FnMut(String)) -> Record {
        let class = object.class();
        let (_, places) = match self.last.take() {
            Some(last) if Arc::ptr_eq(&last.0, class) => self.last.insert(last),
            _ => {
                let places = self.columns.iter().map(|name| class.property(name).map(|(at, _)| at)).collect();
                self.last.insert((Arc::clone(class), places))
            }
        };
        let mut cell = |(name, place): (&&'static str, &Option<usize>)| {
            let Some((at, property)) = place.and_then(|at| Some((at, class.properties().get(at)?))) else {
                return Cell { value: CimValue::Null, cim_type: CimType::STRING, array: false };
            };
            let value = object.value(at).unwrap_or_else(|error| {
                bad(format!("{name} does not decode: {error}"));
                CimValue::Null
            });
            Cell { value, cim_type: property.cim_type(), array: property.is_array() }
        };
        Record { columns: self.columns, cells: self.columns.iter().zip(places.iter()).map(&mut cell).collect() }
    }
}

static NULL: CimValue = CimValue::Null;

impl Record {
    /// The values of `columns` in `object`. A cell that does not decode is NULL and told to `bad`.
    pub(crate) fn read(object: &CimObject, columns: &'static [&'static str], bad: &mut dyn FnMut(String)) -> Self {
        Records::of(columns).read(object, bad)
    }

    /// The columns that were asked for.
    pub(crate) const fn columns(&self) -> &'static [&'static str] {
        self.columns
    }

    fn cell(&self, name: &str) -> Option<&Cell> {
        self.columns.iter().position(|column| *column == name).and_then(|at| self.cells.get(at))
    }

    /// The value of `name`; NULL when the row has none.
    pub(crate) fn cim(&self, name: &str) -> &CimValue {
        self.cell(name).map_or(&NULL, |cell| &cell.value)
    }

    /// The value of `name` as it is: NULL stays NULL, and a date is a text.
    pub(crate) fn value(&self, name: &str) -> Value {
        Value::from(self.cim(name))
    }

    /// The value of `name`, a setting, as the original probe gives it: NULL of a number or truth value is 0 or false, of a list an
    /// empty one, of a text an empty one; a date is seconds since 1970, an interval its seconds, all of them.
    pub(crate) fn plain(&self, name: &str) -> Value {
        let Some(cell) = self.cell(name) else { return Value::Null };
        if cell.cim_type == CimType::DATETIME && !cell.array {
            return match cell.value.as_datetime() {
                Some(CimDateTime::Interval(interval)) => interval.to_duration().map(|length| length.as_secs()).into(),
                Some(_) => self.unix_seconds(name).into(),
                None => Value::Null,
            };
        }
        match (&cell.value, cell.array, cell.cim_type) {
            (CimValue::Null, true, _) => Value::List(Vec::new()),
            (CimValue::Null, false, CimType::BOOLEAN) => Value::Bool(false),
            (CimValue::Null, false, CimType::REAL32 | CimType::REAL64) => Value::Real(0.0),
            (CimValue::Null, false, CimType::STRING | CimType::REFERENCE) => Value::Text(String::new()),
            (CimValue::Null, false, CimType::OBJECT) => Value::Null,
            (CimValue::Null, false, _) => Value::Uint(0),
            (value, ..) => value.into(),
        }
    }

    /// The same where NULL of a number or truth value stays NULL: a figure of 0 would be a statement of the host.
    pub(crate) fn figure(&self, name: &str) -> Value {
        match self.cell(name) {
            Some(cell) if cell.value.is_null() && !matches!(cell.cim_type, CimType::STRING | CimType::REFERENCE) => {
                Value::Null
            }
            _ => self.plain(name),
        }
    }

    /// The text of `name`, unless it is NULL or no text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.cim(name).as_str()
    }

    /// The number of `name`, unless it is NULL, negative or no number.
    pub(crate) fn unsigned(&self, name: &str) -> Option<u64> {
        self.cim(name).as_u64()
    }

    /// The number of `name`, unless it is NULL, no number, or does not fit.
    pub(crate) fn signed(&self, name: &str) -> Option<i64> {
        self.cim(name).as_i64()
    }

    /// The truth value of `name`, unless it is NULL or none.
    pub(crate) fn boolean(&self, name: &str) -> Option<bool> {
        self.cim(name).as_bool()
    }

    /// The moment that `name` is, in 100 ns since 1601; `None` for NULL, intervals, and dates with open fields.
    pub(crate) fn file_time(&self, name: &str) -> Option<FileTime> {
        crate::clock::file_time(self.cim(name)).map(FileTime)
    }

    /// The moment that `name` is, in seconds since 1970.
    #[allow(clippy::cast_precision_loss, reason = "microseconds of our time stay below 2^53")]
    pub(crate) fn unix_seconds(&self, name: &str) -> Option<f64> {
        self.cim(name).as_datetime()?.to_unix_micros().map(|micros| micros as f64 / 1e6)
    }
}

#[cfg(test)]
impl Record {
    /// A record of `columns` whose values `next` makes.
    pub(crate) fn of(columns: &'static [&'static str], mut next: impl FnMut() -> CimValue) -> Self {
        let mut cell = || {
            let value = next();
            Cell { array: matches!(value, CimValue::Array(_)), value, cim_type: CimType::STRING }
        };
        Self { columns, cells: columns.iter().map(|_| cell()).collect() }
    }

    /// A record of `columns` with `values` in their order; the type of each is its value's, text for NULL.
    pub(crate) fn made<const N: usize>(columns: &'static [&'static str; N], values: [CimValue; N]) -> Self {
        let cell = |value: CimValue| {
            let cim_type = match &value {
                CimValue::Boolean(_) => CimType::BOOLEAN,
                CimValue::Uint8(_) => CimType::UINT8,
                CimValue::Uint16(_) => CimType::UINT16,
                CimValue::Uint32(_) => CimType::UINT32,
                CimValue::Uint64(_) => CimType::UINT64,
                CimValue::Sint32(_) => CimType::SINT32,
                CimValue::Real32(_) => CimType::REAL32,
                CimValue::Real64(_) => CimType::REAL64,
                CimValue::DateTime(_) => CimType::DATETIME,
                CimValue::Reference(_) => CimType::REFERENCE,
                _ => CimType::STRING,
            };
            Cell { array: matches!(value, CimValue::Array(_)), value, cim_type }
        };
        Self { columns, cells: values.into_iter().map(cell).collect() }
    }

    /// The same where the NULL of `name` is one of `cim_type`.
    pub(crate) fn typed(mut self, name: &str, cim_type: CimType) -> Self {
        let at = self.columns.iter().position(|column| *column == name).expect("the column is there");
        self.cells[at].cim_type = cim_type;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_keeps_its_days() {
        let record = Record::made(&["Uptime"], [CimValue::DateTime("00000003010203.000000:000".into())]);
        assert_eq!(record.plain("Uptime"), Value::Uint(3 * 86_400 + 3723));
    }

    #[test]
    fn null_of_a_list_is_a_list_of_its_own() {
        let mut record = Record::made(&["Tags", "Others"], [CimValue::Null, CimValue::Null]);
        record.cells.iter_mut().for_each(|cell| cell.array = true);
        let Value::List(mut tags) = record.plain("Tags") else { panic!("a list") };
        tags.push(Value::Uint(1));
        assert_eq!(record.plain("Others"), Value::List(Vec::new()));
        assert_eq!(record.value("Tags"), Value::Null, "and NULL where nothing stands in for it");
    }
}
