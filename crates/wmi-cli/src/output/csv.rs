//! Rows as comma-separated values ([RFC 4180], with LF): NULL is an empty field, an empty text is `""`.

use std::borrow::Cow;
use std::io::{self, Write};

use wmi_proto::Row;

use crate::output::RowWriter;
use crate::output::cells::{Cell, Grid, JUDGED};
use crate::output::columns::Columns;

/// Prints rows as they come when a SELECT list names the columns; otherwise the classes of the first rows do, and a
/// column that comes later is [`RowWriter::left_out`].
#[derive(Debug)]
pub(crate) struct Rows {
    grid: Grid,
}

impl Rows {
    pub(crate) fn new(columns: Columns) -> Self {
        Self { grid: Grid::new(columns) }
    }

    fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        if !self.grid.is_fixed && !self.grid.names.is_empty() {
            self.grid.is_fixed = true;
            line(self.grid.names.iter().map(|name| quoted(name)), out)?;
        }
        let names = self.grid.names.len();
        for row in self.grid.rows.drain(..) {
            let missing = names.saturating_sub(row.len());
            line(row.iter().map(field).chain(std::iter::repeat_n(Cow::Borrowed(""), missing)), out)?;
        }
        out.flush()
    }
}

impl RowWriter for Rows {
    fn batch(&mut self, rows: Vec<Row>, out: &mut dyn Write) -> io::Result<()> {
        for row in &rows {
            self.grid.push(row);
        }
        let known = self.grid.is_fixed || self.grid.is_listed() || self.grid.rows.len() >= JUDGED;
        if known && !rows.is_empty() { self.print(out) } else { Ok(()) }
    }

    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        self.print(out)
    }

    fn undecodable(&self) -> u64 {
        self.grid.undecodable
    }

    fn left_out(&self) -> &[String] {
        &self.grid.late
    }
}

/// Prints a whole list at once.
pub(crate) fn print(names: &[String], rows: &[Vec<Cell>], out: &mut dyn Write) -> io::Result<()> {
    line(names.iter().map(|name| quoted(name)), out)?;
    rows.iter().try_for_each(|row| line(row.iter().map(field), out))
}

fn line<'a>(fields: impl Iterator<Item = Cow<'a, str>>, out: &mut dyn Write) -> io::Result<()> {
    let mut text = String::new();
    for (at, field) in fields.enumerate() {
        if at > 0 {
            text.push(',');
        }
        text.push_str(&field);
    }
    text.push('\n');
    out.write_all(text.as_bytes())
}

fn field(cell: &Cell) -> Cow<'_, str> {
    match cell {
        Cell::Absent | Cell::Null => Cow::Borrowed(""),
        Cell::Number(text) => Cow::Borrowed(text),
        Cell::Text(text) => quoted(text),
    }
}

fn quoted(text: &str) -> Cow<'_, str> {
    let plain = !text.is_empty() && text.trim() == text && !text.contains([',', '"', '\n', '\r']);
    if plain { Cow::Borrowed(text) } else { Cow::Owned(format!("\"{}\"", text.replace('"', "\"\""))) }
}

#[cfg(test)]
mod tests {
    use wmi_proto::cim::{CimType, CimValue, ClassBuilder, InstanceBuilder, PropertyBuilder};

    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        assert_eq!(quoted("plain text"), "plain text");
        assert_eq!(quoted("a,b"), "\"a,b\"");
        assert_eq!(quoted("say \"hi\""), "\"say \"\"hi\"\"\"");
        assert_eq!(quoted("two\r\nlines"), "\"two\r\nlines\"");
        assert_eq!(quoted(" edge"), "\" edge\"");
        assert_eq!(quoted(""), "\"\"");
    }

    #[test]
    fn null_and_empty_text_differ() {
        assert_eq!(field(&Cell::Null), "");
        assert_eq!(field(&Cell::Text(String::new())), "\"\"");
    }

    #[test]
    fn rows_read_back() {
        let mut rows = Rows::new(Columns::of_query("SELECT * FROM X"));
        rows.grid.names = vec!["A".to_owned(), "B, C".to_owned()];
        let text = "x\ny, \"z\"".to_owned();
        rows.grid.rows = vec![vec![Cell::Number("1".to_owned())], vec![Cell::Null, Cell::Text(text.clone())]];
        let mut out = Vec::new();
        rows.finish(&mut out).expect("to write");
        let mut reader = ::csv::Reader::from_reader(out.as_slice());
        assert_eq!(reader.headers().expect("a header"), vec!["A", "B, C"]);
        let records: Vec<_> = reader.records().map(|r| r.expect("a record")).collect();
        assert_eq!(records, [vec!["1", ""], vec!["", &text]]);
    }

    #[test]
    fn a_column_that_comes_late_is_told() {
        let class = ClassBuilder::new("X")
            .property(PropertyBuilder::new("A", CimType::UINT32))
            .property(PropertyBuilder::new("B", CimType::UINT32))
            .build();
        let object = class.and_then(|class| InstanceBuilder::new(&class).set("A", CimValue::Uint32(2)).build());
        let mut rows = Rows::new(Columns::of_query("SELECT * FROM X"));
        rows.grid.names = vec!["A".to_owned()];
        rows.grid.rows = vec![vec![Cell::Number("1".to_owned())]];
        let mut out = Vec::new();
        rows.print(&mut out).expect("to write");
        rows.batch(vec![Ok(object.expect("an object"))], &mut out).expect("to write");
        assert_eq!(String::from_utf8(out).expect("UTF-8"), "A\n1\n2\n");
        assert_eq!(rows.left_out(), ["B"]);
    }
}
