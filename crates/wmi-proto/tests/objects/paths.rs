//! System properties and paths of objects of Windows hosts, against what Windows itself made of the same objects.

use std::path::Path;

use wmi_proto::cim::{CimObject, CimValue, Genus};
use wmi_proto::path::{ObjectPath, Sent};

use crate::Verdict;
use crate::windows::{decode, object_files, read};

/// The first path of an instance that stands as UTF-16LE text in a stub.
fn path_in(stub: &Path) -> Result<String, String> {
    let octets = read(stub)?;
    let begin: Vec<u8> = "Win32_Environment.".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let at = octets.windows(begin.len()).position(|window| window == begin).ok_or("the stub has no path")?;
    let units = octets[at..].chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
    String::from_utf16(&units.take_while(|&unit| unit != 0).collect::<Vec<_>>()).map_err(|e| e.to_string())
}

fn same<T: PartialEq + core::fmt::Debug>(what: &str, ours: &T, theirs: &T) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what}: {ours:?} here, {theirs:?} there")) }
}

/// A row, and the path with which the client, itself Windows, deleted it afterwards; an instance that was put without
/// decoration, and the path that the host answered with.
pub(crate) fn computed_by_windows(folder: &Path) -> Verdict {
    let folder = folder.join("elcab_wmimplant");
    let row = decode(&folder.join("objects/00152_0_Win32_Environment_smart2.objblock"))?;
    let deleted = path_in(&folder.join("stubs/00154_s2_c873_IWbemServices_DeleteInstance_req_L4.bin"))?;
    let relpath = row.relpath();
    same("__RELPATH", &relpath.as_ref().map(ObjectPath::to_string), &Sent::Value(deleted.clone()))?;
    let path = format!(r"\\SNICKLEFRITZ\root\cimv2:{deleted}");
    same("__PATH", &row.system_property("__path"), &Some(Sent::Value(CimValue::from(path))))?;
    same("as it is read", &deleted.parse().ok(), &relpath.value())?;

    let put = decode(&folder.join("objects/00049_0_Win32_Environment_inst.wmio"))?;
    let class = decode(&folder.join("objects/00047_0_Win32_Environment_class.wmio"))?;
    let answered = path_in(&folder.join("stubs/00061_s2_c842_IWbemCallResult_GetResultString_resp_L4.bin"))?;
    same("__RELPATH without decoration", &put.relpath(), &Sent::NotSent)?;
    same(
        "__RELPATH by the class",
        &put.relpath_of(class.class()).map(|path| path.to_string()),
        &Sent::Value(answered),
    )?;
    Ok("one path of a row, one of an instance that was put".into())
}

/// What every captured object says of itself. Classes and rows are decorated, parameters are not.
pub(crate) fn system_properties(folder: &Path) -> Verdict {
    let (mut classes, mut instances, mut keyed) = (0, 0, 0);
    for file in object_files(folder)? {
        let object = decode(&file)?;
        told(&object).map_err(|why| format!("{}: {why}", file.display()))?;
        let keys = object.class().properties().iter().filter(|property| property.is_key()).count();
        keyed += usize::from(keys > 0);
        match object.genus() {
            Genus::Class => classes += 1,
            Genus::Instance => instances += 1,
        }
    }
    let seen = format!("{classes} classes, {instances} instances, {keyed} of them with the qualifier key");
    if classes >= 10 && instances >= 20 && keyed >= 8 { Ok(seen) } else { Err(seen) }
}

fn told(object: &CimObject) -> Result<(), String> {
    let text = |name: &str| -> Result<Sent<String>, String> {
        let value = object.system_property(name).ok_or(format!("no {name}"))?;
        Ok(value.map(|value| value.as_str().map_or_else(|| format!("{value:?}"), |text| text.into_owned())))
    };
    let class = object.class_name().to_string();
    same("__CLASS", &text("__CLASS")?, &Sent::Value(class.clone()))?;
    let decorated = object.decoration().is_some();
    if object.genus() == Genus::Class {
        same("__RELPATH", &text("__RELPATH")?, &Sent::Value(class.clone()))?;
        let above = object.class().derivation();
        let topmost = above.last().map_or(class, ToString::to_string);
        same("__DYNASTY", &text("__DYNASTY")?, &Sent::Value(topmost))?;
        let superclass = above.first().map_or(Sent::Null, |name| Sent::Value(name.to_string()));
        same("__SUPERCLASS", &text("__SUPERCLASS")?, &superclass)?;
    }
    if decorated {
        let namespace = text("__NAMESPACE")?.map(|namespace| namespace.to_ascii_lowercase());
        let known = ["root", r"root\cimv2", r"root\default"].map(|name| Sent::Value(name.to_owned()));
        if !known.contains(&namespace) {
            return Err(format!("__NAMESPACE {namespace:?}"));
        }
        let Sent::Value(path) = object.path() else { return Err(format!("__PATH {:?}", object.path())) };
        same("__PATH", &text("__PATH")?, &Sent::Value(path.to_string()))?;
        same("__PATH as it is read", &path.to_string().parse().as_ref(), &Ok(&path))
    } else {
        same("__PATH", &text("__PATH")?, &Sent::NotSent)
    }
}
