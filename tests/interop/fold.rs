//! The checksum into which every decoder folds every value of every row, so that all of them have read the same.
//!
//! CRC-32, as zlib has it, of the text of all rows: for each value a line, the values of a row in the order of the names
//! of their properties, octet by octet. NULL is U+0000; a truth value is `True` or `False`; an integer is decimal; text,
//! datetimes and references are themselves in UTF-8. Every language that reads stubs here has these forms and CRC-32
//! at hand, so that the folding costs nobody more than it must.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use serde_json::Value;
use wmi_proto::cim::{CimClass, CimObject, CimValue, ClassCache};
use wmi_proto::wire::dcom::OrpcThat;
use wmi_proto::wire::wmi::{DataPacket, DataPacketObject, Next, SmartNext};
use wmi_proto::wire::{Guid, Operation, Reader, Wire, WireError};

/// The sets of stubs, each two replies.
pub(crate) const SETS: [&str; 4] = ["next_1", "next_100", "smart_1", "smart_100"];

/// The stubs of two replies to Next, and what their rows are.
pub(crate) struct Stubs {
    pub(crate) name: &'static str,
    pub(crate) rows: usize,
    /// The checksum of the rows as they are.
    pub(crate) exact: u32,
    /// The checksum of the rows when zero and false are taken for NULL.
    pub(crate) without_zero: u32,
    replies: Vec<Bytes>,
}

impl Stubs {
    /// Reads a set; what its rows are is told by `rows.json` and nothing else.
    pub(crate) fn read(name: &'static str) -> Result<Self, String> {
        let file = |name: &str| {
            let path = folder().join(name);
            std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))
        };
        let truth: Vec<BTreeMap<String, Value>> =
            serde_json::from_slice(&file("rows.json")?).map_err(|error| format!("rows.json: {error}"))?;
        let rows = if name.ends_with("_1") { &truth[..2] } else { &truth };
        Ok(Self {
            name,
            rows: rows.len(),
            exact: recorded(rows, false)?,
            without_zero: recorded(rows, true)?,
            replies: [0, 1]
                .map(|number| file(&format!("{name}.{number}.bin")).map(Bytes::from))
                .into_iter()
                .collect::<Result<_, _>>()?,
        })
    }

    /// Whether the replies decode to their rows.
    pub(crate) fn verify(&self) -> Result<(), String> {
        let found = self.decode().map_err(|error| format!("{}: {error}", self.name))?;
        if found == self.exact {
            return Ok(());
        }
        Err(format!("{}: the checksum is {found:08x} and should be {:08x}", self.name, self.exact))
    }

    /// Decodes the replies as the client does, and folds their rows.
    pub(crate) fn decode(&self) -> Result<u32, WireError> {
        let mut fold = Fold::default();
        if self.name.starts_with("smart") {
            let mut classes = BTreeMap::new();
            for stub in &self.replies {
                let reply = reply::<SmartNext>(stub)?;
                for item in DataPacket::from_bytes(reply.buffer)?.objects {
                    fold.row(&packet_object(item, &mut classes)?)?;
                }
            }
        } else {
            let mut classes = ClassCache::new();
            for stub in &self.replies {
                for pointer in reply::<Next>(stub)?.objects.iter() {
                    fold.row(&CimObject::decode_unit_with(&mut classes, pointer.wbem_object()?)?)?;
                }
            }
        }
        Ok(fold.checksum())
    }
}

/// Where the stubs are.
pub(crate) fn folder() -> PathBuf {
    std::env::var_os("WMI_CAPTURES")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures"), PathBuf::from)
        .join("bench_stubs")
}

/// The reply of an object call.
fn reply<O: Operation>(stub: &Bytes) -> Result<O::Response, WireError> {
    let mut r = Reader::new(stub.clone());
    OrpcThat::decode(&mut r)?;
    O::Response::decode(&mut r)
}

/// An object of a smart reply.
fn packet_object(item: DataPacketObject, classes: &mut BTreeMap<Guid, Arc<CimClass>>) -> Result<CimObject, WireError> {
    match item {
        DataPacketObject::Class { data } => CimObject::decode_block(data),
        DataPacketObject::Instance { class_id, data } => {
            let object = CimObject::decode_block(data)?;
            classes.insert(class_id, Arc::clone(object.class()));
            Ok(object)
        }
        DataPacketObject::InstanceNoClass { class_id, data } => {
            CimObject::decode_instance_without_class(data, &classes[&class_id])
        }
        DataPacketObject::Undecodable { error, .. } => Err(error),
    }
}

/// Octets of text that are folded at once, roughly: a checksum of long texts is faster.
const CHUNK: usize = 1 << 13;

/// A checksum in the making.
#[derive(Default)]
pub(crate) struct Fold {
    /// Of the rows that are not in `lines` any more.
    checksum: u32,
    /// The class of the last row, and its properties in the order of their names.
    order: Option<(Arc<CimClass>, Vec<usize>)>,
    lines: Vec<u8>,
}

impl Fold {
    /// Folds one row.
    pub(crate) fn row(&mut self, row: &CimObject) -> Result<(), WireError> {
        let order = match &mut self.order {
            Some((class, order)) if Arc::ptr_eq(class, row.class()) => order,
            other => &mut other.insert((Arc::clone(row.class()), by_name(row.class()))).1,
        };
        for &index in &*order {
            line(&row.value(index)?, &mut self.lines);
        }
        if self.lines.len() > CHUNK {
            self.checksum();
        }
        Ok(())
    }

    /// The checksum of all rows so far.
    pub(crate) fn checksum(&mut self) -> u32 {
        let mut hasher = crc32fast::Hasher::new_with_initial(self.checksum);
        hasher.update(&self.lines);
        self.lines.clear();
        self.checksum = hasher.finalize();
        self.checksum
    }
}

/// The properties of a class in the order of their names.
fn by_name(class: &CimClass) -> Vec<usize> {
    let mut order: Vec<usize> = (0..class.properties().len()).collect();
    order.sort_by_key(|&index| class.properties()[index].name().to_str().into_owned());
    order
}

/// The line of one value.
fn line(value: &CimValue, lines: &mut Vec<u8>) {
    match value {
        CimValue::Null => lines.push(0),
        CimValue::Boolean(true) => lines.extend_from_slice(b"True"),
        CimValue::Boolean(false) => lines.extend_from_slice(b"False"),
        CimValue::Sint8(number) => integer(*number, lines),
        CimValue::Uint8(number) => integer(*number, lines),
        CimValue::Sint16(number) => integer(*number, lines),
        CimValue::Uint16(number) => integer(*number, lines),
        CimValue::Sint32(number) => integer(*number, lines),
        CimValue::Uint32(number) => integer(*number, lines),
        CimValue::Sint64(number) => integer(*number, lines),
        CimValue::Uint64(number) => integer(*number, lines),
        CimValue::String(text) | CimValue::DateTime(text) | CimValue::Reference(text) => {
            lines.extend_from_slice(text.to_str().as_bytes());
        }
        other => panic!("the rows that are folded have no {other:?}"),
    }
    lines.push(b'\n');
}

fn integer(number: impl itoa::Integer, lines: &mut Vec<u8>) {
    lines.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The checksum of recorded rows.
fn recorded(rows: &[BTreeMap<String, Value>], zero_is_null: bool) -> Result<u32, String> {
    let mut text = String::new();
    // A `BTreeMap` has its names in order.
    for (_, value) in rows.iter().flatten().filter(|(name, _)| *name != "__CLASS") {
        match value {
            Value::Null => text.push('\0'),
            Value::Bool(false) if zero_is_null => text.push('\0'),
            Value::Number(number) if zero_is_null && number.as_u64() == Some(0) => text.push('\0'),
            Value::Bool(truth) => text.push_str(if *truth { "True" } else { "False" }),
            Value::Number(number) => text.push_str(&number.to_string()),
            Value::String(string) => text.push_str(string),
            other => return Err(format!("rows.json: no checksum for {other}")),
        }
        text.push('\n');
    }
    Ok(crc32fast::hash(text.as_bytes()))
}
