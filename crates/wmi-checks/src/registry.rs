//! The calls of StdRegProv, and what their answers say.

use serde::{Deserialize, Serialize};
use wmi_proto::cim::CimValue;

use crate::record::Record;
use crate::{Answer, Failure, Work};

/// The out-parameters of the methods that are called here.
const OUT: &[&str] = &["ReturnValue", "sNames", "Types", "sValue", "uValue"];

/// The namespace of StdRegProv.
pub(crate) const NAMESPACE: &str = "root/default";
/// HKEY_LOCAL_MACHINE.
pub(crate) const LOCAL_MACHINE: u32 = 0x8000_0002;
/// HKEY_USERS.
pub(crate) const USERS: u32 = 0x8000_0003;

/// ERROR_FILE_NOT_FOUND: no such key or value.
pub(crate) const NOT_FOUND: u32 = 2;

/// How a value is read. REG_BINARY, REG_MULTI_SZ and the types of drivers are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Getter {
    /// REG_SZ
    Text,
    /// REG_EXPAND_SZ, with what the provider's environment says.
    Expanded,
    /// REG_DWORD
    Dword,
    /// REG_QWORD
    Qword,
}

impl Getter {
    /// The getter for a REG_* type.
    pub(crate) const fn of(number: i64) -> Option<Self> {
        Some(match number {
            1 => Self::Text,
            2 => Self::Expanded,
            4 => Self::Dword,
            11 => Self::Qword,
            _ => return None,
        })
    }

    const fn method(self) -> &'static str {
        match self {
            Self::Text => "GetStringValue",
            Self::Expanded => "GetExpandedStringValue",
            Self::Dword => "GetDWORDValue",
            Self::Qword => "GetQWORDValue",
        }
    }

    /// The out-parameter that holds the value.
    pub(crate) const fn out(self) -> &'static str {
        match self {
            Self::Text | Self::Expanded => "sValue",
            Self::Dword | Self::Qword => "uValue",
        }
    }
}

/// The names of the keys right below one.
pub(crate) fn enum_key(root: u32, path: &str) -> Work {
    call("EnumKey", root, path, None)
}

/// The names and types of a key's values.
pub(crate) fn enum_values(root: u32, path: &str) -> Work {
    call("EnumValues", root, path, None)
}

/// One value of a key.
pub(crate) fn get(root: u32, path: &str, value: &str, getter: Getter) -> Work {
    call(getter.method(), root, path, Some(value))
}

fn call(method: &'static str, root: u32, path: &str, value: Option<&str>) -> Work {
    let mut parameters = vec![("hDefKey", CimValue::from(root)), ("sSubKeyName", CimValue::from(path))];
    parameters.extend(value.map(|value| ("sValueName", CimValue::from(value))));
    Work::Call { path: "StdRegProv".into(), method, parameters, context: None }
}

/// Why a call brought nothing.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The key or the value is not there.
    NotFound,
    /// The failure that is to be reported.
    Failed(Box<Failure>),
}

/// The out-parameters of a call that did what it was to do.
pub(crate) fn out(part: &'static str, answer: &Answer) -> Result<Record, Refusal> {
    let failed = |failure| Err(Refusal::Failed(Box::new(failure)));
    if let Err(error) = &answer.outcome {
        return failed(Failure::of_query(part, error));
    }
    let record = match answer.rows.first() {
        Some(Ok(object)) => Record::read(object, OUT),
        Some(Err(error)) => return failed(Failure::of_values(part, format!("an answer does not decode: {error}"))),
        None => return failed(Failure::of_values(part, "a method of StdRegProv answered nothing")),
    };
    let bad = record.bad().next();
    match (record.unsigned("ReturnValue"), bad) {
        (_, Some(what)) => failed(Failure::of_values(part, what)),
        (Some(0), None) => Ok(record),
        (Some(code), None) if code == u64::from(NOT_FOUND) => Err(Refusal::NotFound),
        (Some(code), None) => {
            let text = match code {
                5 => "the account may not read a key of the registry (ERROR_ACCESS_DENIED)".to_owned(),
                _ => format!("the registry provider returned Win32 error {code}"),
            };
            let code = u32::try_from(code).ok();
            failed(Failure { code, ..Failure::of_values(part, text) })
        }
        (None, None) => failed(Failure::of_values(part, "a method of StdRegProv returned no ReturnValue")),
    }
}

/// The texts of an array; an array that is NULL is one without elements, as the provider gives it.
pub(crate) fn texts(value: &CimValue) -> impl Iterator<Item = String> + '_ {
    value.as_array().unwrap_or_default().iter().filter_map(|text| text.as_str().map(std::borrow::Cow::into_owned))
}
