//! In-parameters of ExecMethod requests of Windows clients and of a foreign one, made again from the class that the same
//! capture brought.

use std::path::Path;

use bytes::Bytes;
use wmi_proto::MethodSignature;
use wmi_proto::cim::{CimObject, CimValue, Source};
use wmi_proto::wire::dcom::OrpcThis;
use wmi_proto::wire::wmi::services::ExecMethodRequest;
use wmi_proto::wire::{Reader, Wire};

use crate::Verdict;
use crate::windows::{decode, list, read};

/// Captures whose client is Windows' own; that of the others is impacket.
const WINDOWS: [&str; 3] = ["elcab_wmi_query", "elcab_wmimplant", "mordor_empire_wmi_ws5"];

/// Every captured request is decoded, encoded back, and made again from the values of its in-parameters.
///
/// Where Windows made it, ours is the same but for the unused octets that Windows leaves behind the instance's heap, and
/// the two lengths that count them. impacket writes all text in UTF-16 and the heap in the order of
/// declaration; there ours says the same, and has the same class part.
pub(crate) fn in_parameters(folder: &Path) -> Verdict {
    let (mut same, mut equivalent) = (0, 0);
    for capture in list(folder)?.into_iter().filter(|path| path.join("stubs").is_dir()) {
        let windows = WINDOWS.iter().any(|name| capture.ends_with(name));
        for stub in list(&capture.join("stubs"))? {
            let name = stub.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            if !name.contains("IWbemServices_ExecMethod_req") || name.contains("L6enc") {
                continue;
            }
            check(&capture, &stub, windows).map_err(|why| format!("{}: {why}", stub.display()))?;
            *(if windows { &mut same } else { &mut equivalent }) += 1;
        }
    }
    let seen = format!("{same} requests of Windows clients, {equivalent} of impacket");
    if same >= 5 && equivalent >= 7 { Ok(seen) } else { Err(seen) }
}

fn check(capture: &Path, stub: &Path, windows: bool) -> Result<(), String> {
    let mut r = Reader::new(read(stub)?);
    OrpcThis::decode(&mut r).map_err(|e| e.to_string())?;
    let request = ExecMethodRequest::decode(&mut r).map_err(|e| e.to_string())?;
    let (path, method) = (request.path.as_str(), request.method.as_str());
    let asked = ExecMethodRequest::new(path, method, request.input.clone());
    if asked != request {
        return Err(format!("{request:?}"));
    }
    let input = request.input.as_ref().ok_or("it has no in-parameters")?;
    let theirs = input.wbem_object().map_err(|e| e.to_string())?;
    let object = CimObject::decode_unit(theirs.clone()).map_err(|e| e.to_string())?;
    if object.encode_unit() != theirs {
        return Err("it is encoded back differently".to_owned());
    }
    let ours = again(capture, path, method, &object)?;
    if object.class() != ours.class() || object.decoration() != ours.decoration() {
        return Err("the class part differs".to_owned());
    }
    let canonical = |object: &CimObject| object.canonical().map(|o| o.encode_unit()).map_err(|e| e.to_string());
    if canonical(&object)? != canonical(&ours)? {
        return Err(format!("{object:?} became {ours:?}"));
    }
    if windows && padded(ours.encode_unit(), theirs.len()).as_ref() != Some(&theirs) {
        return Err("more than unused octets differ".to_owned());
    }
    Ok(())
}

/// The same in-parameters, made from the method's signature and the values.
fn again(capture: &Path, path: &str, method: &str, object: &CimObject) -> Result<CimObject, String> {
    let end = format!("_{path}_class.wmio");
    let classes = list(&capture.join("objects"))?;
    let class =
        classes.into_iter().find(|file| file.to_string_lossy().ends_with(&end)).ok_or("its class is missing")?;
    let class = decode(&class)?;
    let signature = MethodSignature::of(class.class(), method).map_err(|e| e.to_string())?;
    let mut values: Vec<(String, CimValue)> = Vec::new();
    for (index, property) in object.class().properties().iter().enumerate() {
        if object.source(index) == Source::Own {
            // Names are looked up without regard to case, and the order is of no account.
            let name = property.name().to_str().to_lowercase();
            values.insert(0, (name, object.value(index).map_err(|e| e.to_string())?));
        }
    }
    signature.fill(&values).map_err(|e| e.to_string())?.ok_or_else(|| "there are no in-parameters".to_owned())
}

/// An instance in an EncodingUnit with unused octets behind its heap, so that it has `length`.
fn padded(unit: Bytes, length: usize) -> Option<Bytes> {
    let mut octets = unit.to_vec();
    let spare = u32::try_from(length.checked_sub(octets.len())?).ok()?;
    octets.resize(length, 0);
    let at = |from: usize| unit.get(from..from + 4)?.first_chunk().copied().map(u32::from_le_bytes);
    // Behind the signature, the length and the flags: the class part, then the instance.
    let class = usize::try_from(at(9)?).ok()?;
    for from in [4, 9 + class] {
        octets.get_mut(from..from + 4)?.copy_from_slice(&at(from)?.checked_add(spare)?.to_le_bytes());
    }
    Some(Bytes::from(octets))
}
