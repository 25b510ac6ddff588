//! `wmi decode`: objects in files, as JSON or as tables.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use bytes::Bytes;
use wmi_proto::cim::CimObject;

use crate::args::{DecodeArguments, ObjectFormat};
use crate::output::cells::Cell;
use crate::output::{json, object, table};
use crate::query::unprinted;
use crate::status::{Status, complain, counted};

pub(crate) fn run(arguments: &DecodeArguments) -> Status {
    let mut out = io::stdout().lock();
    let mut status = Status::Done;
    for path in &arguments.files {
        let object = match read(path) {
            Ok(object) => object,
            Err(why) => {
                complain(format_args!("{}: {why}", path.display()));
                status = Status::Failed;
                continue;
            }
        };
        let mut undecodable = 0;
        let printed = match arguments.output {
            ObjectFormat::Jsonl => writeln!(out, "{}", object::describe(&object, &mut undecodable)),
            ObjectFormat::Table => object_table(&object, &mut undecodable, &mut out),
        };
        if let Err(error) = printed.and_then(|()| out.flush()) {
            return status.worse(unprinted(&error));
        }
        if undecodable > 0 {
            let values = counted(undecodable, "value");
            complain(format_args!("{}: {values} could not be decoded, shown as __error", path.display()));
            status = Status::Failed;
        }
    }
    status
}

/// The object in a file.
fn read(path: &Path) -> Result<CimObject, String> {
    let data = fs::read(path).map_err(|error| format!("reading: {error}"))?;
    if data.is_empty() {
        return Err("decoding: the file is empty".to_owned());
    }
    let size = counted(data.len() as u64, "octet");
    let is_unit = is_unit(path, &data);
    let missing = if is_unit { missing(&data) } else { 0 };
    let data = Bytes::from(data);
    let (kind, object) = if is_unit {
        ("EncodingUnit", CimObject::decode_unit(data))
    } else {
        ("ObjectBlock", CimObject::decode_block(data))
    };
    let shorter = format!("{} shorter than it says", counted(missing as u64, "octet"));
    if missing > 0 && object.is_ok() {
        // The first example of [MS-WMIO] is such a file: all parts of the object are there.
        complain(format_args!("{}: the file is {shorter}", path.display()));
    }
    object.map_err(|error| {
        let cause = if missing > 0 { format!("; the file is {shorter}") } else { String::new() };
        format!("decoding {size} as {kind}: {error}{cause}")
    })
}

/// How many octets an ENCODING_UNIT lacks by its own account.
fn missing(unit: &[u8]) -> usize {
    let announced = unit.get(4..).and_then(|rest| rest.first_chunk()).map_or(0, |length| u32::from_le_bytes(*length));
    usize::try_from(announced).unwrap_or(usize::MAX).saturating_sub(unit.len().saturating_sub(8))
}

/// Whether the file holds an ENCODING_UNIT ([MS-WMIO 2.2.1]): by its name, otherwise by the signature 0x12345678.
fn is_unit(path: &Path, data: &[u8]) -> bool {
    match path.extension() {
        Some(extension) if extension.eq_ignore_ascii_case("wmio") => true,
        Some(extension) if extension.eq_ignore_ascii_case("objblock") => false,
        _ => data.starts_with(&0x1234_5678_u32.to_le_bytes()),
    }
}

/// The properties of an object, one a line.
fn object_table(object: &CimObject, undecodable: &mut u64, out: &mut dyn Write) -> io::Result<()> {
    let class = object.class();
    let above = class.superclass().map_or_else(String::new, |superclass| format!(" : {superclass}"));
    writeln!(out, "{} {}{above}", object::genus(object), class.name())?;
    let text = |text: &str| Cell::Text(text.to_owned());
    let rows: Vec<Vec<Cell>> = class
        .properties()
        .iter()
        .enumerate()
        .map(|(index, property)| {
            let value = match object.value(index) {
                Ok(value) => Cell::of(&value, undecodable),
                Err(error) => {
                    *undecodable += 1;
                    Cell::Text(json::error(&error).to_string())
                }
            };
            vec![text(&property.name().to_str()), text(&object::type_name(property)), value]
        })
        .collect();
    let names = ["property", "type", "value"].map(str::to_owned);
    table::print(&names, &rows, out)?;
    for method in class.methods() {
        writeln!(out, "method {}", method.name())?;
    }
    writeln!(out)
}
