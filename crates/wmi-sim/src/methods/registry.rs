//! StdRegProv.

use wmi_proto::cim::CimValue;
use wmi_proto::wire::HResult;

use super::{Answer, Invocation};
use crate::registry::{Data, LOCAL_MACHINE, Place};

/// What Windows returns for a value of another type than the one that was asked for.
const OTHER_TYPE: u32 = 1;

/// The variables that the provider knows.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("%SystemRoot%", "C:\\Windows"),
    ("%ProgramFiles%", "C:\\Program Files"),
    ("%ProgramFiles(x86)%", "C:\\Program Files (x86)"),
];

pub(super) fn carry_out(call: Invocation<'_>) -> Result<Answer, HResult> {
    let path = call.text("sSubKeyName").unwrap_or_default();
    let root = call.number("hDefKey").unwrap_or(LOCAL_MACHINE);
    let place = Place { root, path: &path, wow: call.context.wants_32_bits() };
    let value = call.text("sValueName").unwrap_or_default();
    let (method, set) = (call.method.clone(), call.text("sValue"));
    let number = call.number("uValue");
    let registry = &mut call.machine.registry;
    Ok(match method.as_str() {
        "CreateKey" => Answer::code(registry.create(place)),
        "DeleteKey" => Answer::code(registry.delete(place)),
        "DeleteValue" => Answer::code(registry.delete_value(place, &value)),
        "SetStringValue" => Answer::code(registry.set(place, &value, Data::Text(set.unwrap_or_default()))),
        "SetDWORDValue" => Answer::code(registry.set(place, &value, Data::Dword(number.unwrap_or(0)))),
        "EnumKey" => match registry.subkeys(place) {
            Ok(names) => Answer::code(0).with("sNames", list(names)),
            Err(code) => Answer::code(code),
        },
        "EnumValues" => match registry.key(place) {
            Ok(key) => {
                let names = key.values().iter().map(|(name, _)| name.clone()).collect();
                let types: Vec<i32> = key.values().iter().map(|(_, data)| data.number()).collect();
                let types = if types.is_empty() { CimValue::Null } else { types.into() };
                Answer::code(0).with("sNames", list(names)).with("Types", types)
            }
            Err(code) => Answer::code(code),
        },
        "CheckAccess" => match registry.key(place) {
            Ok(_) => Answer::code(0).with("bGranted", true),
            Err(code) => Answer::code(code),
        },
        getter => {
            let data = registry.key(place).and_then(|key| key.value(&value).ok_or(crate::registry::NOT_FOUND));
            match data.map(|data| out(getter, data)) {
                Ok(Some((name, value))) => Answer::code(0).with(name, value),
                Ok(None) => Answer::code(OTHER_TYPE),
                Err(code) => Answer::code(code),
            }
        }
    })
}

/// The out-parameter of a method that gets a value, unless the value has another type.
fn out(getter: &str, data: &Data) -> Option<(&'static str, CimValue)> {
    Some(match (getter, data) {
        ("GetStringValue", Data::Text(text)) => ("sValue", text.as_str().into()),
        // The provider expands what a service would: its own environment.
        ("GetStringValue" | "GetExpandedStringValue", Data::Expandable(text)) => {
            let known = ENVIRONMENT.iter().fold(text.clone(), |text, (name, value)| text.replace(name, value));
            ("sValue", known.into())
        }
        ("GetDWORDValue", Data::Dword(number)) => ("uValue", (*number).into()),
        ("GetQWORDValue", Data::Qword(number)) => ("uValue", (*number).into()),
        ("GetMultiStringValue", Data::Lines(lines)) => ("sValue", lines.clone().into()),
        ("GetBinaryValue", Data::Octets(octets)) => ("uValue", octets.clone().into()),
        _ => return None,
    })
}

/// NULL in place of an empty list, as Windows gives it.
fn list(names: Vec<String>) -> CimValue {
    if names.is_empty() { CimValue::Null } else { names.into() }
}
