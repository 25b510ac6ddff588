//! Lists that the program makes itself, of classes and namespaces, in every format.

use std::io::{self, Write};

use serde_json::{Map, Value};

use crate::args::RowFormat;
use crate::output::cells::Cell;
use crate::output::{csv, table};

/// Prints `rows` under `names`.
pub(crate) fn print(names: &[&str], rows: &[Vec<Value>], format: RowFormat, out: &mut dyn Write) -> io::Result<()> {
    let object = |row: &Vec<Value>| {
        let pairs = names.iter().map(|name| (*name).to_owned()).zip(row.iter().cloned());
        Value::Object(pairs.collect::<Map<_, _>>())
    };
    let titles: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let cells = || rows.iter().map(|row| row.iter().map(cell).collect()).collect::<Vec<Vec<Cell>>>();
    match format {
        RowFormat::Json if rows.is_empty() => writeln!(out, "[]")?,
        RowFormat::Json => {
            for (at, row) in rows.iter().enumerate() {
                write!(out, "{}{}", if at == 0 { "[\n" } else { ",\n" }, object(row))?;
            }
            writeln!(out, "\n]")?;
        }
        RowFormat::Jsonl => rows.iter().try_for_each(|row| writeln!(out, "{}", object(row)))?,
        RowFormat::Csv => csv::print(&titles, &cells(), out)?,
        RowFormat::Table if rows.is_empty() => {}
        RowFormat::Table => table::print(&titles, &cells(), out)?,
    }
    out.flush()
}

/// Lists are set with blanks between.
fn cell(value: &Value) -> Cell {
    match value {
        Value::Null => Cell::Absent,
        Value::Bool(_) => Cell::Text(value.to_string()),
        Value::String(text) => Cell::Text(text.clone()),
        Value::Number(number) => Cell::Number(number.to_string()),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(|item| item.as_str().unwrap_or_default().to_owned()).collect();
            if items.is_empty() { Cell::Absent } else { Cell::Text(items.join(" ")) }
        }
        // What is more than a text has its text as "what".
        Value::Object(map) => Cell::Text(map.get("what").and_then(Value::as_str).unwrap_or_default().to_owned()),
    }
}
