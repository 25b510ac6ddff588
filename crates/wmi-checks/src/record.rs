//! A row as the few values that a check asked for.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use wmi_proto::FileTime;
use wmi_proto::cim::{CimClass, CimDateTime, CimObject, CimProperty, CimType, CimValue};
use wmi_proto::wire::WireError;

use crate::Value;

/// A row by the names under which the check asked for its values. They are decoded when they are looked at.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Record {
    object: CimObject,
    columns: Arc<Columns>,
}

/// Where a class has the columns that a check asked for.
#[derive(Debug, PartialEq)]
struct Columns {
    names: &'static [&'static str],
    /// Among the properties of the class.
    places: Vec<Option<usize>>,
    /// The first cell that was looked at and did not decode.
    bad: Arc<OnceLock<String>>,
}

/// Reads rows as records: where the columns are is looked for once per class.
#[derive(Debug)]
pub(crate) struct Records {
    names: &'static [&'static str],
    /// The class of the last row and where it has the columns.
    last: Option<(Arc<CimClass>, Arc<Columns>)>,
    bad: Arc<OnceLock<String>>,
}

impl Records {
    /// Rows of these columns.
    pub(crate) fn of(names: &'static [&'static str]) -> Self {
        Self { names, last: None, bad: Arc::default() }
    }

    /// The row as a record.
    pub(crate) fn read(&mut self, object: CimObject) -> Record {
        let class = object.class();
        let (_, columns) = match self.last.take() {
            Some(last) if Arc::ptr_eq(&last.0, class) => self.last.insert(last),
            _ => {
                let places = self.names.iter().map(|name| class.property(name).map(|(at, _)| at)).collect();
                let columns = Columns { names: self.names, places, bad: Arc::clone(&self.bad) };
                self.last.insert((Arc::clone(class), Arc::new(columns)))
            }
        };
        Record { columns: Arc::clone(columns), object }
    }

    /// What tells of cells of its rows that were looked at and did not decode: they were taken for NULL.
    pub(crate) fn bad(&self) -> Arc<OnceLock<String>> {
        Arc::clone(&self.bad)
    }
}

impl Record {
    /// The values of `columns` in `object`.
    pub(crate) fn read(object: &CimObject, columns: &'static [&'static str]) -> Self {
        Records::of(columns).read(object.clone())
    }

    /// The cells that do not decode, which are NULL to who looks at them.
    pub(crate) fn bad(&self) -> impl Iterator<Item = String> {
        let columns = self.columns.names.iter().zip(&self.columns.places);
        columns.filter_map(|(name, place)| Some(undecodable(name, self.object.check((*place)?).err()?)))
    }

    /// The columns that were asked for.
    pub(crate) fn columns(&self) -> &'static [&'static str] {
        self.columns.names
    }

    fn place(&self, name: &str) -> Option<usize> {
        let names = self.columns.names;
        // Names are most often the very texts that were asked for.
        let is_same = |column: &&str| core::ptr::eq(*column, name);
        let at = names.iter().position(is_same).or_else(|| names.iter().position(|column| *column == name))?;
        self.columns.places.get(at).copied().flatten()
    }

    fn at(&self, place: usize) -> CimValue {
        self.object.value(place).unwrap_or_else(|error| {
            self.note(place, error);
            CimValue::Null
        })
    }

    fn text_at(&self, place: usize) -> Option<Cow<'_, str>> {
        self.object.text(place).unwrap_or_else(|error| {
            self.note(place, error);
            None
        })
    }

    #[cold]
    fn note(&self, place: usize, error: WireError) {
        let name = self.property(place).map(|property| property.name().to_string()).unwrap_or_default();
        self.columns.bad.get_or_init(|| undecodable(&name, error));
    }

    fn property(&self, place: usize) -> Option<&CimProperty> {
        self.object.class().properties().get(place)
    }

    /// The value of `name`; NULL when the row has none.
    pub(crate) fn cim(&self, name: &str) -> CimValue {
        self.place(name).map_or(CimValue::Null, |place| self.at(place))
    }

    /// The value of `name` as it is: NULL stays NULL, and a date is a text.
    pub(crate) fn value(&self, name: &str) -> Value {
        let Some(place) = self.place(name) else { return Value::Null };
        match self.property(place) {
            Some(property) if is_text(property) => self.text_at(place).into(),
            _ => Value::from(&self.at(place)),
        }
    }

    /// The value of `name`, a setting, as the original probe gives it: NULL of a number or truth value is 0 or false, of a list an
    /// empty one, of a text an empty one; a date is seconds since 1970, an interval its seconds, all of them.
    pub(crate) fn plain(&self, name: &str) -> Value {
        self.shown(name, |property| match (property.is_array(), property.cim_type()) {
            (true, _) => Value::List(Vec::new()),
            (false, CimType::BOOLEAN) => Value::Bool(false),
            (false, CimType::REAL32 | CimType::REAL64) => Value::Real(0.0),
            (false, CimType::OBJECT) => Value::Null,
            (false, _) => Value::Uint(0),
        })
    }

    /// The same where NULL of a number or truth value stays NULL: a figure of 0 would be a statement of the host.
    pub(crate) fn figure(&self, name: &str) -> Value {
        self.shown(name, |_| Value::Null)
    }

    /// The value of `name` in the InfraSonar shape; `null` stands for NULL of what is no text and no date.
    fn shown(&self, name: &str, null: fn(&CimProperty) -> Value) -> Value {
        let Some((place, property)) = self.place(name).and_then(|place| Some((place, self.property(place)?))) else {
            return Value::Null;
        };
        if is_text(property) && property.cim_type() != CimType::DATETIME {
            return self.text_at(place).unwrap_or_default().into();
        }
        match self.at(place) {
            value @ CimValue::DateTime(_) => match value.as_datetime() {
                Some(CimDateTime::Interval(interval)) => interval.to_duration().map(|length| length.as_secs()).into(),
                Some(date) => unix_seconds(&date).into(),
                None => Value::Null,
            },
            CimValue::Null if property.cim_type() == CimType::DATETIME && !property.is_array() => Value::Null,
            CimValue::Null => null(property),
            value => Value::from(&value),
        }
    }

    /// The text of `name`, unless it is NULL or no text.
    pub(crate) fn text(&self, name: &str) -> Option<Cow<'_, str>> {
        self.text_at(self.place(name)?)
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
        crate::clock::file_time(&self.cim(name)).map(FileTime)
    }

    /// The moment that `name` is, in seconds since 1970.
    pub(crate) fn unix_seconds(&self, name: &str) -> Option<f64> {
        unix_seconds(&self.cim(name).as_datetime()?)
    }
}

fn undecodable(name: &str, error: WireError) -> String {
    format!("{name} does not decode: {error}")
}

/// Whether values are single texts.
fn is_text(property: &CimProperty) -> bool {
    !property.is_array() && matches!(property.cim_type(), CimType::STRING | CimType::DATETIME | CimType::REFERENCE)
}

#[allow(clippy::cast_precision_loss, reason = "microseconds of our time stay below 2^53")]
fn unix_seconds(date: &CimDateTime) -> Option<f64> {
    date.to_unix_micros().map(|micros| micros as f64 / 1e6)
}

#[cfg(test)]
impl Record {
    /// A record of `columns` whose values `next` makes.
    pub(crate) fn of(columns: &'static [&'static str], mut next: impl FnMut() -> CimValue) -> Self {
        let values: Vec<CimValue> = columns.iter().map(|_| next()).collect();
        let types: Vec<_> = values.iter().map(|value| (type_of(value), matches!(value, CimValue::Array(_)))).collect();
        Self::typed_as(columns, &types, values)
    }

    /// A record of `columns` with `values` in their order; the type of each is its value's, text for NULL.
    pub(crate) fn made<const N: usize>(columns: &'static [&'static str; N], values: [CimValue; N]) -> Self {
        let mut values = values.into_iter();
        Self::of(columns, || values.next().unwrap_or(CimValue::Null))
    }

    /// The same where the NULL of `name` is one of `cim_type`.
    pub(crate) fn typed(self, name: &str, cim_type: CimType) -> Self {
        self.retyped(name, cim_type, false)
    }

    /// The same where the NULL of `name` is that of a list.
    fn list(self, name: &str) -> Self {
        self.retyped(name, CimType::STRING, true)
    }

    fn retyped(self, name: &str, cim_type: CimType, is_array: bool) -> Self {
        let names = self.columns.names;
        let own = |column: &&str| {
            let property = self.place(column).and_then(|place| self.property(place)).expect("the column is there");
            if *column == name { (cim_type, is_array) } else { (property.cim_type(), property.is_array()) }
        };
        assert!(names.contains(&name), "{name} is there");
        let types: Vec<_> = names.iter().map(own).collect();
        Self::typed_as(names, &types, names.iter().map(|name| self.cim(name)))
    }

    fn typed_as(
        names: &'static [&'static str],
        types: &[(CimType, bool)],
        values: impl IntoIterator<Item = CimValue>,
    ) -> Self {
        use std::cell::RefCell;
        use std::collections::BTreeMap;

        use wmi_proto::cim::{ClassBuilder, InstanceBuilder, PropertyBuilder};

        type Types = Vec<(&'static str, CimType, bool)>;
        thread_local! {
            /// Many rows are of one class.
            static CLASSES: RefCell<BTreeMap<Types, Arc<CimClass>>> = const { RefCell::new(BTreeMap::new()) };
        }

        let key: Types = names.iter().zip(types).map(|(name, (cim_type, list))| (*name, *cim_type, *list)).collect();
        let class = CLASSES.with_borrow_mut(|classes| {
            let build = || {
                let property = |(name, cim_type, list): &(&'static str, CimType, bool)| match list {
                    true => PropertyBuilder::array(*name, *cim_type),
                    false => PropertyBuilder::new(*name, *cim_type),
                };
                key.iter()
                    .map(property)
                    .fold(ClassBuilder::new("Row"), ClassBuilder::property)
                    .build()
                    .expect("a class")
            };
            Arc::clone(classes.entry(key.clone()).or_insert_with(build))
        });
        let set = |row: InstanceBuilder, (name, value): (&&'static str, CimValue)| match value {
            CimValue::Null => row,
            value => row.set(*name, value),
        };
        let row = names.iter().zip(values).fold(InstanceBuilder::new(&class), set).build().expect("a row");
        Self::read(&row, names)
    }
}

#[cfg(test)]
fn type_of(value: &CimValue) -> CimType {
    match value {
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
        CimValue::Array(items) => items.first().map_or(CimType::STRING, type_of),
        _ => CimType::STRING,
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
        let record = Record::made(&["Tags", "Others"], [CimValue::Null, CimValue::Null]).list("Tags").list("Others");
        let Value::List(mut tags) = record.plain("Tags") else { panic!("a list") };
        tags.push(Value::Uint(1));
        assert_eq!(record.plain("Others"), Value::List(Vec::new()));
        assert_eq!(record.value("Tags"), Value::Null, "and NULL where nothing stands in for it");
    }
}
