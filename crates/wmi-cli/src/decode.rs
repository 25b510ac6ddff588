//! `wmi decode`: objects in files, as JSON or as tables, and what kind of file it is.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use bytes::Bytes;
use wmi_capture::Account;
use wmi_proto::cim::CimObject;

use crate::args::{DecodeArguments, ObjectFormat};
use crate::output::cells::Cell;
use crate::output::{json, object, table};
use crate::password::{self, Files};
use crate::status::{Status, complain, counted, unprinted};
use crate::traffic;

pub(crate) fn run(arguments: &DecodeArguments) -> Status {
    let account = match account(arguments) {
        Ok(account) => account,
        Err(usage) => {
            complain(usage);
            return Status::Usage;
        }
    };
    let mut out = io::stdout().lock();
    let mut status = Status::Done;
    for path in &arguments.files {
        match print(path, arguments.output, account.as_ref(), &mut out) {
            Ok(printed) => status = status.worse(printed),
            Err(error) => return status.worse(unprinted(&error)),
        }
    }
    status
}

/// Prints what is in a file; an error is one of printing.
fn print(path: &Path, format: ObjectFormat, account: Option<&Account>, out: &mut dyn Write) -> io::Result<Status> {
    let failed = |why: String| {
        complain(format_args!("{}: {why}", path.display()));
        Ok(Status::Failed)
    };
    let (head, file) = match open(path) {
        Ok(opened) => opened,
        Err(why) => return failed(why),
    };
    if traffic::is_traffic(path, &head) {
        return traffic::print(path, io::Cursor::new(head).chain(file), account.cloned(), format, out);
    }
    let object = match read(path, head, file) {
        Ok(object) => object,
        Err(why) => return failed(why),
    };
    let mut undecodable = 0;
    match format {
        ObjectFormat::Jsonl => writeln!(out, "{}", object::describe(&object, &mut undecodable))?,
        ObjectFormat::Table => object_table(&object, &mut undecodable, out)?,
    }
    out.flush()?;
    if undecodable > 0 {
        let values = counted(undecodable, "value");
        return failed(format!("{values} could not be decoded, shown as __error"));
    }
    Ok(Status::Done)
}

/// The account whose password is known, when captures are to be unsealed.
fn account(arguments: &DecodeArguments) -> Result<Option<Account>, String> {
    let Some(user) = &arguments.user else { return Ok(None) };
    let files = Files { password: arguments.password_file.as_deref(), nt_hash: arguments.hash_file.as_deref() };
    let password = password::obtain(files, user)?;
    Ok(Some(Account::new(user, password)))
}

/// A file and its first octets, which tell what it holds; fewer than four when it is shorter.
fn open(path: &Path) -> Result<(Vec<u8>, File), String> {
    let mut file = File::open(path).map_err(unreadable)?;
    let mut head = Vec::new();
    Read::by_ref(&mut file).take(4).read_to_end(&mut head).map_err(unreadable)?;
    Ok((head, file))
}

fn unreadable(error: io::Error) -> String {
    format!("reading: {error}")
}

/// The object in a file that starts with `data`.
fn read(path: &Path, mut data: Vec<u8>, mut file: File) -> Result<CimObject, String> {
    file.read_to_end(&mut data).map_err(unreadable)?;
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
    writeln!(out, "{} {}", object::genus(object), table::visible(&format!("{}{above}", class.name())))?;
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
        writeln!(out, "method {}", table::visible(&method.name().to_string()))?;
    }
    writeln!(out)
}

#[cfg(test)]
mod tests {
    use wmi_proto::cim::{CimType, ClassBuilder, InstanceBuilder, PropertyBuilder};

    use super::*;

    #[test]
    fn names_do_not_reach_the_terminal_as_they_are() {
        let property = PropertyBuilder::new("A\u{9b}2J", CimType::UINT32);
        let class = ClassBuilder::new("X\x1b[31m").property(property).build().expect("a class");
        let object = InstanceBuilder::new(&class).build().expect("an object");
        let mut out = Vec::new();
        object_table(&object, &mut 0, &mut out).expect("to write");
        let text = String::from_utf8(out).expect("UTF-8");
        assert!(text.starts_with("instance X\\u{1b}[31m\n"), "{text:?}");
        assert!(text.chars().all(|c| c == '\n' || !c.is_control()), "{text:?}");
    }
}
