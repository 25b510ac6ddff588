//! Values, rows and objects as JSON, without loss.

use std::cell::Cell;
use std::io::{self, Write};

use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::{Map, Value};
use wmi_proto::Row;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::wire::WireError;

use crate::output::RowWriter;
use crate::output::columns::{Column, Columns};

/// Embedded objects inside embedded objects; nobody nests deeper.
const MAX_DEPTH: usize = 32;

/// A value as JSON. Embedded cells that do not decode are counted in `undecodable`.
///
/// Integers of all widths are exact numbers; reals are the shortest number that reads back to the same value in their
/// own precision, and text when they are no number; date and time is the host's own text; a character is its code.
pub(crate) fn value(value: &CimValue, undecodable: &mut u64) -> Value {
    let count = Cell::new(*undecodable);
    let shown = Shown { value, depth: MAX_DEPTH, undecodable: &count };
    // All keys are text, and nothing in it refuses to be written.
    let json = serde_json::to_value(shown).unwrap_or_default();
    *undecodable = count.get();
    json
}

/// What stands in place of a cell or row that does not decode.
pub(crate) fn error(error: &WireError) -> Value {
    Value::Object(Map::from_iter([(ERROR.to_owned(), Value::from(error.to_string()))]))
}

/// The key of what stands in place of something that does not decode.
const ERROR: &str = "__error";

/// A value that is written without being built first.
struct Shown<'a> {
    value: &'a CimValue,
    depth: usize,
    undecodable: &'a Cell<u64>,
}

impl Serialize for Shown<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.value {
            CimValue::Null => to.serialize_unit(),
            CimValue::Boolean(v) => to.serialize_bool(*v),
            CimValue::Sint8(v) => to.serialize_i8(*v),
            CimValue::Uint8(v) => to.serialize_u8(*v),
            CimValue::Sint16(v) => to.serialize_i16(*v),
            CimValue::Uint16(v) | CimValue::Char16(v) => to.serialize_u16(*v),
            CimValue::Sint32(v) => to.serialize_i32(*v),
            CimValue::Uint32(v) => to.serialize_u32(*v),
            CimValue::Sint64(v) => to.serialize_i64(*v),
            CimValue::Uint64(v) => to.serialize_u64(*v),
            CimValue::Real32(v) if v.is_finite() => to.serialize_f32(*v),
            CimValue::Real64(v) if v.is_finite() => to.serialize_f64(*v),
            CimValue::Real32(v) => to.serialize_str(no_number(f64::from(*v))),
            CimValue::Real64(v) => to.serialize_str(no_number(*v)),
            CimValue::String(v) | CimValue::DateTime(v) | CimValue::Reference(v) => to.serialize_str(&v.to_str()),
            CimValue::Array(items) => to.collect_seq(items.iter().map(|value| Shown { value, ..*self })),
            CimValue::Object(object) => match self.depth.checked_sub(1) {
                Some(depth) => Embedded { object, depth, undecodable: self.undecodable }.serialize(to),
                None => {
                    count(self.undecodable);
                    to.collect_map([(ERROR, "objects are nested too deeply")])
                }
            },
        }
    }
}

/// A real that JSON has no number for.
const fn no_number(real: f64) -> &'static str {
    if real.is_nan() {
        "NaN"
    } else if real > 0.0 {
        "Infinity"
    } else {
        "-Infinity"
    }
}

/// An object inside a value.
struct Embedded<'a> {
    object: &'a CimObject,
    depth: usize,
    undecodable: &'a Cell<u64>,
}

impl Serialize for Embedded<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let class = self.object.class();
        let mut map = to.serialize_map(Some(class.properties().len() + 1))?;
        map.serialize_entry("__CLASS", &*class.name().to_str())?;
        for (index, property) in class.properties().iter().enumerate() {
            let cell = Property { object: self.object, index, depth: self.depth, undecodable: self.undecodable };
            map.serialize_entry(&*property.name().to_str(), &cell)?;
        }
        map.end()
    }
}

/// A property of an object, by its place in the class.
struct Property<'a> {
    object: &'a CimObject,
    index: usize,
    depth: usize,
    undecodable: &'a Cell<u64>,
}

impl Serialize for Property<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self.object.value(self.index) {
            Ok(value) => Shown { value: &value, depth: self.depth, undecodable: self.undecodable }.serialize(to),
            Err(why) => {
                count(self.undecodable);
                to.collect_map([(ERROR, why.to_string())])
            }
        }
    }
}

/// The key of the number of a row's query, where there are several. No property can have it: names that begin with two
/// underscores are the system's.
const QUERY: &str = "__query";

/// A row with its columns.
struct Record<'a> {
    query: Option<usize>,
    object: &'a CimObject,
    columns: &'a [Column],
    undecodable: &'a Cell<u64>,
}

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut map = to.serialize_map(None)?;
        if let Some(query) = self.query {
            map.serialize_entry(QUERY, &query)?;
        }
        for column in self.columns {
            let (object, index, undecodable) = (self.object, column.index, self.undecodable);
            map.serialize_entry(&column.name, &Property { object, index, depth: MAX_DEPTH, undecodable })?;
        }
        map.end()
    }
}

fn count(undecodable: &Cell<u64>) {
    undecodable.set(undecodable.get() + 1);
}

/// Prints rows as objects: one array, or one line each.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Columns,
    array: bool,
    /// The number of the query, where there are several.
    query: Option<usize>,
    count: u64,
    undecodable: Cell<u64>,
}

impl Rows {
    pub(crate) const fn array(columns: Columns) -> Self {
        Self { columns, array: true, query: None, count: 0, undecodable: Cell::new(0) }
    }

    pub(crate) const fn lines(columns: Columns, query: Option<usize>) -> Self {
        Self { columns, array: false, query, count: 0, undecodable: Cell::new(0) }
    }

    fn row(&mut self, row: &Row, out: &mut dyn Write) -> serde_json::Result<()> {
        match row {
            Ok(object) => {
                let columns = self.columns.of_class(object.class());
                let (query, undecodable) = (self.query, &self.undecodable);
                serde_json::to_writer(out, &Record { query, object, columns: &columns, undecodable })
            }
            Err(why) => {
                count(&self.undecodable);
                let mut value = error(why);
                if let Some(query) = self.query {
                    value[QUERY] = Value::from(query);
                }
                serde_json::to_writer(out, &value)
            }
        }
    }
}

impl RowWriter for Rows {
    fn batch(&mut self, rows: Vec<Row>, out: &mut dyn Write) -> io::Result<()> {
        for row in rows {
            if self.array {
                out.write_all(if self.count == 0 { b"[\n" } else { b",\n" })?;
            }
            self.count += 1;
            self.row(&row, out)?;
            if !self.array {
                out.write_all(b"\n")?;
            }
        }
        // A reader at the other end of a pipe sees the rows when they are there.
        out.flush()
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        match (self.array, self.count) {
            (true, 0) => out.write_all(b"[]\n")?,
            (true, _) => out.write_all(b"\n]\n")?,
            (false, _) => {}
        }
        out.flush()
    }

    fn undecodable(&self) -> u64 {
        self.undecodable.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(cim: &CimValue) -> String {
        value(cim, &mut 0).to_string()
    }

    #[test]
    fn integers_are_exact() {
        assert_eq!(text(&CimValue::Uint64(u64::MAX)), "18446744073709551615");
        assert_eq!(text(&CimValue::Sint64(i64::MIN)), "-9223372036854775808");
        assert_eq!(text(&CimValue::Uint32(u32::MAX)), "4294967295");
        assert_eq!(text(&CimValue::Sint8(-128)), "-128");
        assert_eq!(text(&CimValue::Char16(65)), "65");
    }

    #[test]
    fn reals_are_the_shortest_that_read_back() {
        for (real, expected) in [(0.1_f32, "0.1"), (1.0, "1.0"), (-0.0, "-0.0"), (3.402_823_5e38, "3.4028235e+38")] {
            let json = text(&CimValue::Real32(real));
            assert_eq!(json.parse::<f32>().map(f32::to_bits), Ok(real.to_bits()), "{json}");
            assert!(json.len() <= expected.len(), "{json} is longer than {expected}");
        }
        for real in [0.1_f64, 1e300, 5e-324, f64::MAX, -1.5, 123_456_789.0, 1e16] {
            let json = text(&CimValue::Real64(real));
            assert_eq!(json.parse::<f64>().map(f64::to_bits), Ok(real.to_bits()), "{json}");
            serde_json::from_str::<f64>(&json).expect("a JSON number");
        }
        assert_eq!(text(&CimValue::Real64(0.1)), "0.1");
        assert_eq!(text(&CimValue::Real32(16_777_216.0)), "16777216.0");
    }

    #[test]
    fn what_is_no_number_is_text() {
        assert_eq!(text(&CimValue::Real32(f32::NAN)), "\"NaN\"");
        assert_eq!(text(&CimValue::Real64(f64::INFINITY)), "\"Infinity\"");
        assert_eq!(text(&CimValue::Real64(f64::NEG_INFINITY)), "\"-Infinity\"");
    }

    #[test]
    fn null_and_its_neighbours_differ() {
        assert_eq!(text(&CimValue::Null), "null");
        assert_eq!(text(&CimValue::Uint32(0)), "0");
        assert_eq!(text(&CimValue::Boolean(false)), "false");
        assert_eq!(text(&CimValue::Array(Vec::new())), "[]");
        assert_eq!(text(&CimValue::Array(vec![CimValue::Null, CimValue::Sint16(-1)])), "[null,-1]");
    }

    #[test]
    fn text_is_as_sent() {
        assert_eq!(text(&CimValue::String("".into())), "\"\"");
        assert_eq!(text(&CimValue::DateTime("2026112415****.******+***".into())), "\"2026112415****.******+***\"");
        assert_eq!(text(&CimValue::Reference(r#"X.Name="a""#.into())), r#""X.Name=\"a\"""#);
    }

    #[test]
    fn an_empty_array_is_an_array() {
        let mut out = Vec::new();
        let mut rows = Rows::array(Columns::of_query("SELECT * FROM X"));
        rows.batch(Vec::new(), &mut out).expect("to write");
        rows.finish(&mut out).expect("to write");
        assert_eq!(out, b"[]\n");
    }

    #[test]
    fn rows_that_do_not_decode_are_shown_and_counted() {
        let why = WireError::new(wmi_proto::wire::error::WireErrorKind::Truncated, "ClassPart", 7);
        let mut out = Vec::new();
        let mut rows = Rows::array(Columns::of_query("SELECT * FROM X"));
        rows.batch(vec![Err(why)], &mut out).expect("to write");
        rows.batch(vec![Err(why)], &mut out).expect("to write");
        rows.finish(&mut out).expect("to write");
        let parsed: Value = serde_json::from_slice(&out).expect("JSON");
        assert_eq!(parsed[1]["__error"], "ClassPart: truncated at offset 7");
        assert_eq!((parsed.as_array().map(Vec::len), rows.undecodable()), (Some(2), 2));
    }
}
