//! Rows, objects and reports on standard output.

pub(crate) mod cells;
mod columns;
mod csv;
pub(crate) mod json;
pub(crate) mod list;
pub(crate) mod object;
pub(crate) mod report;
pub(crate) mod several;
pub(crate) mod single;
pub(crate) mod table;

use std::io::{self, Write};

use wmi_proto::Row;

use crate::args::RowFormat;

/// Takes rows as they arrive and prints them: at once where the format allows it, otherwise in [`RowWriter::finish`].
pub(crate) trait RowWriter {
    /// Prints a batch, or keeps it.
    fn batch(&mut self, rows: Vec<Row>, out: &mut dyn Write) -> io::Result<()>;

    /// Prints what is still owed, also when the query failed.
    fn finish(&mut self, out: &mut dyn Write) -> io::Result<()>;

    /// Rows and cells so far that could not be decoded.
    fn undecodable(&self) -> u64;

    /// Columns that came too late to be printed.
    fn left_out(&self) -> &[String] {
        &[]
    }
}

/// The writer for `format`; `wql` tells the columns and their order.
pub(crate) fn rows(format: RowFormat, wql: &str) -> Box<dyn RowWriter> {
    numbered(format, wql, None)
}

/// The writer for the rows of one query of several, with its number.
pub(crate) fn numbered(format: RowFormat, wql: &str, number: Option<usize>) -> Box<dyn RowWriter> {
    let columns = columns::Columns::of_query(wql);
    match format {
        RowFormat::Table => Box::new(table::Rows::new(columns)),
        RowFormat::Json => Box::new(json::Rows::array(columns)),
        RowFormat::Jsonl => Box::new(json::Rows::lines(columns, number)),
        RowFormat::Csv => Box::new(csv::Rows::new(columns)),
    }
}
