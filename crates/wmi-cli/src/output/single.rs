//! One object with its values: an instance that was asked for, or the out-parameters of a method.

use std::io::{self, Write};

use serde_json::{Map, Value};
use wmi_proto::cim::{CimObject, CimValue};

use crate::args::RowFormat;
use crate::output::cells::Cell;
use crate::output::{csv, json, table};

/// Prints `object`, its path in front of its values when it `has_path` and that was sent.
pub(crate) fn print(
    object: Option<&CimObject>,
    format: RowFormat,
    has_path: bool,
    undecodable: &mut u64,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut names = Vec::new();
    let mut cells = Vec::new();
    let mut map = Map::new();
    let mut put = |name: String, value: Result<CimValue, _>| {
        let (cell, json) = match value {
            Ok(value) => (Cell::of(&value, &mut 0), json::value(&value, undecodable)),
            Err(error) => {
                *undecodable += 1;
                (Cell::Text(json::error(&error).to_string()), json::error(&error))
            }
        };
        names.push(name.clone());
        cells.push(cell);
        map.insert(name, json);
    };
    if let Some(object) = object {
        let path = object.system_property("__PATH").and_then(wmi_proto::path::Sent::value);
        if let Some(path) = path.filter(|_| has_path) {
            put("__PATH".to_owned(), Ok(path));
        }
        for (property, value) in object.class().properties().iter().zip(object.values()) {
            put(property.name().to_str().into_owned(), value);
        }
    }
    match format {
        RowFormat::Json | RowFormat::Jsonl => writeln!(out, "{}", Value::Object(map)),
        RowFormat::Csv if names.is_empty() => Ok(()),
        RowFormat::Csv => csv::print(&names, &[cells], out),
        RowFormat::Table => table::record(&names, &cells, out),
    }
}
