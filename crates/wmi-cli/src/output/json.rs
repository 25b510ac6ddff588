//! Values, rows and objects as JSON, without loss.

use std::io::{self, Write};

use serde_json::{Map, Value};
use wmi_proto::Row;
use wmi_proto::cim::{CimObject, CimValue};
use wmi_proto::wire::WireError;

use crate::output::RowWriter;
use crate::output::columns::Columns;

/// Embedded objects inside embedded objects; nobody nests deeper.
const MAX_DEPTH: usize = 32;

/// A value as JSON. Embedded cells that do not decode are counted in `undecodable`.
///
/// Integers of all widths are exact numbers; reals are the shortest number that reads back to the same value in their
/// own precision, and text when they are no number; date and time is the host's own text; a character is its code.
pub(crate) fn value(value: &CimValue, undecodable: &mut u64) -> Value {
    nested_value(value, MAX_DEPTH, undecodable)
}

/// What stands in place of a cell or row that does not decode.
pub(crate) fn error(error: &WireError) -> Value {
    reason(&error.to_string())
}

/// One real as JSON: the shortest number, or text when it is no number.
fn real<T: Copy + Into<f64> + Into<Value>>(real: T) -> Value {
    let wide: f64 = real.into();
    if wide.is_nan() {
        Value::from("NaN")
    } else if wide.is_infinite() {
        Value::from(if wide > 0.0 { "Infinity" } else { "-Infinity" })
    } else {
        real.into()
    }
}

fn nested_value(value: &CimValue, depth: usize, undecodable: &mut u64) -> Value {
    match value {
        CimValue::Null => Value::Null,
        CimValue::Boolean(v) => Value::from(*v),
        CimValue::Sint8(v) => Value::from(*v),
        CimValue::Uint8(v) => Value::from(*v),
        CimValue::Sint16(v) => Value::from(*v),
        CimValue::Uint16(v) | CimValue::Char16(v) => Value::from(*v),
        CimValue::Sint32(v) => Value::from(*v),
        CimValue::Uint32(v) => Value::from(*v),
        CimValue::Sint64(v) => Value::from(*v),
        CimValue::Uint64(v) => Value::from(*v),
        CimValue::Real32(v) => real(*v),
        CimValue::Real64(v) => real(*v),
        CimValue::String(v) | CimValue::DateTime(v) | CimValue::Reference(v) => Value::from(v.to_str()),
        CimValue::Array(items) => items.iter().map(|item| nested_value(item, depth, undecodable)).collect(),
        CimValue::Object(object) => match depth.checked_sub(1) {
            Some(depth) => Value::Object(embedded(object, depth, undecodable)),
            None => {
                *undecodable += 1;
                reason("objects are nested too deeply")
            }
        },
    }
}

fn embedded(object: &CimObject, depth: usize, undecodable: &mut u64) -> Map<String, Value> {
    let class = object.class();
    let mut map = Map::new();
    map.insert("__CLASS".to_owned(), Value::from(class.name().to_str()));
    for (index, property) in class.properties().iter().enumerate() {
        map.insert(property.name().to_str().into_owned(), cell(object, index, depth, undecodable));
    }
    map
}

fn cell(object: &CimObject, index: usize, depth: usize, undecodable: &mut u64) -> Value {
    match object.value(index) {
        Ok(value) => nested_value(&value, depth, undecodable),
        Err(why) => {
            *undecodable += 1;
            error(&why)
        }
    }
}

fn reason(text: &str) -> Value {
    Value::Object(Map::from_iter([("__error".to_owned(), Value::from(text))]))
}

/// Prints rows as objects: one array, or one line each.
#[derive(Debug)]
pub(crate) struct Rows {
    columns: Columns,
    array: bool,
    count: u64,
    undecodable: u64,
}

impl Rows {
    pub(crate) const fn array(columns: Columns) -> Self {
        Self { columns, array: true, count: 0, undecodable: 0 }
    }

    pub(crate) const fn lines(columns: Columns) -> Self {
        Self { columns, array: false, count: 0, undecodable: 0 }
    }

    fn row(&mut self, row: &Row) -> Value {
        match row {
            Ok(object) => {
                let columns = self.columns.of_class(object.class());
                let mut cells = Map::new();
                for column in &*columns {
                    cells.insert(column.name.clone(), cell(object, column.index, MAX_DEPTH, &mut self.undecodable));
                }
                Value::Object(cells)
            }
            Err(why) => {
                self.undecodable += 1;
                error(why)
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
            serde_json::to_writer(&mut *out, &self.row(&row))?;
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
        self.undecodable
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
