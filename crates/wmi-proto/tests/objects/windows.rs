//! Objects of real Windows hosts, against the values that a foreign decoder read.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use wmi_proto::cim::{CimObject, Genus};

use crate::Verdict;
use crate::capture::connections;
use crate::compare::{same, walk};
use crate::foreign::stubs;

/// Where ours and theirs differ for a reason: file, property, theirs, ours, section of the specification.
const DIFFERENCES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data/objects_differences.tsv");
const MOST_DIFFERENCES: usize = 10;

/// Every object file decodes, down to the last qualifier of the last parameter.
pub(crate) fn all_decode(folder: &Path) -> Verdict {
    let (mut objects, mut cells) = (0, 0);
    for file in object_files(folder)? {
        cells += walk(&decode(&file)?).map_err(|why| format!("{}: {why}", file.display()))?;
        objects += 1;
    }
    let seen = format!("{objects} objects, {cells} values");
    if objects >= 34 { Ok(seen) } else { Err(seen) }
}

/// What is written anew says the same.
pub(crate) fn canonical(folder: &Path) -> Verdict {
    let (mut objects, mut verbatim, mut octets) = (0, 0, [0, 0]);
    for file in object_files(folder)? {
        let object = decode(&file)?;
        let received = read(&file)?;
        let written =
            if file.extension().is_some_and(|e| e == "wmio") { object.encode_unit() } else { object.encode_block() };
        verbatim += usize::from(written == received);
        let anew = object.canonical().map_err(|e| format!("{}: {e}", file.display()))?.encode_unit();
        octets = [octets[0] + received.len(), octets[1] + anew.len()];
        let again = CimObject::decode_unit(anew).map_err(|e| format!("{}: {e}", file.display()))?;
        if again != object {
            return Err(format!("{} says something else", file.display()));
        }
        objects += 1;
    }
    let [before, after] = octets;
    let seen = format!("{objects} objects, {before} octets became {after}; {verbatim} are sent back to the last octet");
    if objects >= 34 && verbatim >= 14 { Ok(seen) } else { Err(seen) }
}

/// Every value of every `objects.jsonl` agrees, or is in the list of differences, which has no entry too many.
pub(crate) fn values(folder: &Path) -> Verdict {
    let mut excused = differences()?;
    let (mut objects, mut agreed, mut differ) = (0, 0, 0);
    for capture in list(folder)?.into_iter().filter(|path| path.join("objects.jsonl").is_file()) {
        let lines = std::fs::read_to_string(capture.join("objects.jsonl")).map_err(|e| e.to_string())?;
        for line in lines.lines() {
            let entry: Value = serde_json::from_str(line).map_err(|e| e.to_string())?;
            let object = entry_object(&capture, &entry).map_err(|why| format!("{}: {why}", entry["file"]))?;
            same_shape(&object, &entry).map_err(|why| format!("{}: {why}", entry["file"]))?;
            objects += 1;
            for (name, theirs) in entry.get("values").and_then(Value::as_object).into_iter().flatten() {
                let file = entry["file"].as_str().unwrap_or_default().to_owned();
                let ours = object.get(name).ok_or(format!("{file}: no {name}"))?.map_err(|e| format!("{file}: {e}"))?;
                if same(&ours, theirs) {
                    agreed += 1;
                    continue;
                }
                differ += 1;
                let found = (theirs.to_string(), format!("{ours:?}"));
                match excused.remove(&(file.clone(), name.clone())) {
                    Some(entry) if entry == found => {}
                    _ => return Err(format!("{file}: {name} is {} there and {} here", found.0, found.1)),
                }
            }
        }
    }
    if let Some((file, property)) = excused.keys().next() {
        return Err(format!("the entry of {file} {property} is not needed any more"));
    }
    let seen = format!("{objects} objects, {agreed} values agree, {differ} are in the list of differences");
    if objects >= 39 && agreed >= 70 { Ok(seen) } else { Err(seen) }
}

/// Flags, class, superclasses and counts.
fn same_shape(object: &CimObject, entry: &Value) -> Result<(), String> {
    walk(object)?;
    let class = object.class();
    let genus = if object.genus() == Genus::Class { 1 } else { 2 };
    let flags = genus + if object.decoration().is_some() { 4 } else { 0 };
    let names: Vec<String> =
        core::iter::once(class.name()).chain(class.derivation()).map(ToString::to_string).collect();
    let theirs = entry["cls"].as_str().unwrap_or_default();
    let theirs: Vec<_> = theirs.split(':').map(str::trim).filter(|name| !name.is_empty()).collect();
    if entry["flags"].as_u64() != Some(flags) || names != theirs {
        return Err(format!("flags {flags}, class {names:?}"));
    }
    let counts = [("nprops", class.properties().len()), ("nmeth", class.methods().len())];
    for (key, count) in counts {
        if entry.get(key).is_some_and(|theirs| theirs.as_u64() != Some(count as u64)) {
            return Err(format!("{key} {count}"));
        }
    }
    if let Some(theirs) = entry.get("deco").filter(|theirs| theirs.is_array()) {
        let ours = object.decoration().map(|d| vec![d.server.to_string(), d.namespace.to_string()]);
        if serde_json::to_value(ours).ok().as_ref() != Some(theirs) {
            return Err(format!("decoration {:?}", object.decoration()));
        }
    }
    Ok(())
}

/// The object of a line: its file, or for a repetition the stub that it came in, or for the largest the capture itself.
fn entry_object(capture: &Path, entry: &Value) -> Result<CimObject, String> {
    let text = |key: &str| entry[key].as_str().unwrap_or_default();
    let file = capture.join("objects").join(text("file"));
    if file.is_file() {
        return decode(&file);
    }
    let number = |key: &str| entry[key].as_u64().and_then(|n| usize::try_from(n).ok()).ok_or("no position");
    let (start, length) = (number("off")?, number("len")?);
    let stub = capture.join("stubs").join(text("stub"));
    let is_unit = |stub: &Bytes| {
        let unit = stub.get(start..start + length);
        unit.filter(|unit| unit.starts_with(&[0x78, 0x56, 0x34, 0x12])).is_some()
    };
    let stub = if stub.is_file() {
        Some(read(&stub)?)
    } else {
        let pcap = capture.with_extension("pcap");
        connections(&pcap)?.iter().flat_map(|connection| stubs(&connection.server)).find(is_unit)
    };
    let stub = stub.filter(is_unit).ok_or("it is in no file, stub or capture")?;
    CimObject::decode_unit(stub.slice(start..start + length)).map_err(|e| e.to_string())
}

type Difference = (String, String);

fn differences() -> Result<BTreeMap<(String, String), Difference>, String> {
    let table = std::fs::read_to_string(DIFFERENCES).map_err(|e| format!("{DIFFERENCES}: {e}"))?;
    let mut found = BTreeMap::new();
    for line in table.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let columns: Vec<_> = line.split('\t').map(str::to_owned).collect();
        let [file, property, theirs, ours, _section] =
            <[String; 5]>::try_from(columns).map_err(|c| format!("{c:?}"))?;
        found.insert((file, property), (theirs, ours));
    }
    if found.len() <= MOST_DIFFERENCES { Ok(found) } else { Err(format!("{} differences", found.len())) }
}

pub(crate) fn decode(file: &Path) -> Result<CimObject, String> {
    let data = read(file)?;
    let is_unit = file.extension().is_some_and(|e| e == "wmio");
    let object = if is_unit { CimObject::decode_unit(data) } else { CimObject::decode_block(data) };
    object.map_err(|e| format!("{}: {e}", file.display()))
}

pub(crate) fn object_files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let mut found = Vec::new();
    for path in list(folder)? {
        if path.is_dir() {
            found.extend(object_files(&path)?);
        } else if path.extension().is_some_and(|e| e == "wmio" || e == "objblock") {
            found.push(path);
        }
    }
    Ok(found)
}

pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    let mut paths =
        entries.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>().map_err(|e| e.to_string())?;
    paths.sort();
    Ok(paths)
}

pub(crate) fn read(file: &Path) -> Result<Bytes, String> {
    std::fs::read(file).map(Bytes::from).map_err(|e| format!("{}: {e}", file.display()))
}
