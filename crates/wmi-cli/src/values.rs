//! Values as people type them: JSON or plain text, read as the type that is wanted.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;
use wmi_proto::cim::{CimClass, CimType, CimValue, InstanceBuilder};
use wmi_proto::{MethodSignature, Parameter, WbemContext};

use crate::connection::Trouble;

/// Why in-parameters cannot be made of what was typed.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// They are wrong: the caller's to mend.
    Wrong(String),
    /// What they need could not be had from the host.
    Trouble(Trouble),
}

/// Brings the definition of a class.
pub(crate) type Fetch<'f> = &'f mut dyn FnMut(&str) -> Result<Arc<CimClass>, Trouble>;

/// The in-parameters in `assignments`, as `signature` types them; classes of embedded objects come from `fetch`.
///
/// # Errors
/// What is wrong with which of them, with its type and with what the method takes.
pub(crate) fn parameters(
    signature: &MethodSignature,
    assignments: &[(String, String)],
    fetch: Fetch<'_>,
) -> Result<Vec<(String, CimValue)>, Refusal> {
    let mut known = Classes { fetched: BTreeMap::new(), fetch };
    let mut values = Vec::new();
    for (name, text) in assignments {
        let value = match signature.input(name) {
            Some(parameter) => {
                let wrong = |why| format!("parameter {name} of method {}: {why}", signature.name());
                let value = json_of(parameter, text).and_then(|json| loose(parameter, json, &mut known));
                value.map_err(|refusal| refusal.explained(wrong))?
            }
            // That there is none of this name is told below, before what is wrong with it.
            None => CimValue::Null,
        };
        values.push((name.clone(), value));
    }
    signature.fill(&values).map_err(|error| Refusal::Wrong(error.to_string()))?;
    Ok(values)
}

/// The in-parameters of a method for people: `string CommandLine, string CurrentDirectory`.
pub(crate) fn taken(signature: &MethodSignature) -> String {
    let one = |parameter: &Parameter| {
        let optional = if parameter.optional { " (optional)" } else { "" };
        format!("{} {}{optional}", parameter.type_name(), parameter.name)
    };
    let all: Vec<String> = signature.inputs().iter().map(one).collect();
    if all.is_empty() { "no parameters".to_owned() } else { all.join(", ") }
}

/// A value of the context, where nothing declares a type: an integer has 32 bits.
pub(crate) fn of_context(text: &str) -> Result<CimValue, String> {
    let json = match serde_json::from_str(text) {
        Ok(json) => json,
        Err(error) if text.starts_with('"') => return Err(format!("not a JSON string: {error}")),
        Err(_) => Value::from(text),
    };
    let value = untyped(json)?;
    if WbemContext::can_hold(&value) { Ok(value) } else { Err("an array has elements of one type".to_owned()) }
}

fn untyped(json: Value) -> Result<CimValue, String> {
    Ok(match json {
        Value::Null => CimValue::Null,
        Value::Bool(truth) => CimValue::Boolean(truth),
        Value::String(text) => CimValue::String(text.into()),
        Value::Array(items) => CimValue::Array(items.into_iter().map(untyped).collect::<Result<_, _>>()?),
        Value::Object(_) => return Err("an object cannot be a value of the context".to_owned()),
        Value::Number(number) if number.is_f64() => {
            CimValue::Real64(number.as_f64().ok_or_else(|| format!("{number} is no real64"))?)
        }
        Value::Number(number) => match number.as_i64().and_then(|n| i32::try_from(n).ok()) {
            Some(integer) => CimValue::Sint32(integer),
            None => return Err(format!("{number} has more than 32 bits")),
        },
    })
}

impl Refusal {
    fn explained(self, explain: impl FnOnce(String) -> String) -> Self {
        match self {
            Self::Wrong(why) => Self::Wrong(explain(why)),
            trouble => trouble,
        }
    }
}

/// Whether values of the type are typed as plain text.
const fn is_text(cim_type: CimType) -> bool {
    matches!(cim_type, CimType::STRING | CimType::REFERENCE | CimType::DATETIME | CimType::CHAR16)
}

/// What was typed for `parameter` as JSON.
fn json_of(parameter: &Parameter, text: &str) -> Result<Value, Refusal> {
    let json = serde_json::from_str::<Value>(text);
    let wrong = |why: String| Refusal::Wrong(format!("it is {}, {why}", parameter.type_name()));
    if parameter.is_array || parameter.cim_type == CimType::OBJECT {
        return json.map_err(|error| wrong(format!("which is given in JSON: {error}")));
    }
    if is_text(parameter.cim_type) {
        return match json {
            Ok(json @ (Value::String(_) | Value::Null)) => Ok(json),
            Ok(json @ Value::Number(_)) if parameter.cim_type == CimType::CHAR16 => Ok(json),
            Err(error) if text.starts_with('"') => {
                Err(wrong(format!("and what begins with a quotation mark is a JSON string: {error}")))
            }
            _ => Ok(Value::from(text)),
        };
    }
    Ok(json.unwrap_or_else(|_| Value::from(text)))
}

const fn is_real(cim_type: CimType) -> bool {
    matches!(cim_type, CimType::REAL32 | CimType::REAL64)
}

/// Classes of embedded objects, fetched once each.
struct Classes<'f> {
    fetched: BTreeMap<String, Arc<CimClass>>,
    fetch: Fetch<'f>,
}

impl Classes<'_> {
    fn get(&mut self, name: &str) -> Result<Arc<CimClass>, Trouble> {
        let key = name.to_ascii_lowercase();
        if let Some(class) = self.fetched.get(&key) {
            return Ok(Arc::clone(class));
        }
        let class = (self.fetch)(name)?;
        self.fetched.insert(key, Arc::clone(&class));
        Ok(class)
    }
}

/// A value of about the type of `parameter`: [`Parameter::fit`] holds it against the type.
fn loose(parameter: &Parameter, json: Value, classes: &mut Classes<'_>) -> Result<CimValue, Refusal> {
    Ok(match json {
        Value::Null => CimValue::Null,
        Value::Bool(truth) => CimValue::Boolean(truth),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            _ if parameter.cim_type == CimType::CHAR16 => return code(&number),
            (Some(integer), _) => CimValue::Sint64(integer),
            (None, Some(integer)) => CimValue::Uint64(integer),
            (None, None) => match number.as_f64() {
                Some(real) if is_real(parameter.cim_type) => CimValue::Real64(real),
                _ => {
                    let expected = parameter.cim_type.mof_name().unwrap_or("of an unknown type");
                    return Err(Refusal::Wrong(format!("it is {expected}, which {number} is not")));
                }
            },
        },
        Value::String(text) => of_text(parameter, text)?,
        Value::Array(items) => {
            let items = items.into_iter().map(|item| loose(parameter, item, classes));
            CimValue::Array(items.collect::<Result<_, _>>()?)
        }
        Value::Object(map) if parameter.cim_type == CimType::OBJECT => object(parameter, map, classes)?,
        Value::Object(_) => {
            return Err(Refusal::Wrong(format!("it is {}, given was an object", parameter.type_name())));
        }
    })
}

/// A character by its code.
fn code(number: &serde_json::Number) -> Result<CimValue, Refusal> {
    let unit = number.as_u64().and_then(|code| u16::try_from(code).ok());
    unit.map(CimValue::Char16).ok_or_else(|| Refusal::Wrong(format!("it is char16, which {number} is not")))
}

fn of_text(parameter: &Parameter, text: String) -> Result<CimValue, Refusal> {
    let trimmed = text.trim();
    Ok(match parameter.cim_type {
        CimType::STRING | CimType::CHAR16 | CimType::OBJECT => CimValue::String(text.into()),
        CimType::DATETIME => CimValue::DateTime(text.into()),
        CimType::REFERENCE => {
            let reference = CimValue::Reference(text.into());
            match reference.as_path() {
                Some(Err(error)) => {
                    return Err(Refusal::Wrong(format!("it is {}: {error}", parameter.type_name())));
                }
                _ => reference,
            }
        }
        CimType::BOOLEAN if trimmed.eq_ignore_ascii_case("true") => CimValue::Boolean(true),
        CimType::BOOLEAN if trimmed.eq_ignore_ascii_case("false") => CimValue::Boolean(false),
        cim_type if is_real(cim_type) => match trimmed.parse() {
            Ok(real) => CimValue::Real64(real),
            Err(_) => CimValue::String(text.into()),
        },
        CimType::BOOLEAN => CimValue::String(text.into()),
        _ => match (trimmed.parse(), trimmed.parse()) {
            (Ok(integer), _) => CimValue::Sint64(integer),
            (_, Ok(integer)) => CimValue::Uint64(integer),
            _ => CimValue::String(text.into()),
        },
    })
}

/// An embedded object: its class is what it says itself, otherwise the parameter's.
fn object(
    parameter: &Parameter,
    map: serde_json::Map<String, Value>,
    classes: &mut Classes<'_>,
) -> Result<CimValue, Refusal> {
    let named = map.iter().find(|(name, _)| name.eq_ignore_ascii_case("__CLASS"));
    let name = match named {
        Some((_, Value::String(name))) => name.clone(),
        Some(_) => return Err(Refusal::Wrong("\"__CLASS\" is not text".to_owned())),
        None => parameter
            .class
            .clone()
            .ok_or_else(|| Refusal::Wrong("its class is not known: give \"__CLASS\" in the object".to_owned()))?,
    };
    let class = classes.get(&name).map_err(Refusal::Trouble)?;
    let mut builder = InstanceBuilder::new(&class);
    for (name, json) in map.into_iter().filter(|(name, _)| !name.eq_ignore_ascii_case("__CLASS")) {
        let Some((_, property)) = class.property(&name) else {
            let known: Vec<_> = class.properties().iter().map(|property| property.name().to_string()).collect();
            let (class, known) = (class.name(), known.join(", "));
            return Err(Refusal::Wrong(format!("class {class} has no property {name}; it has {known}")));
        };
        let property = Parameter::of(property);
        let wrong = |why: String| format!("property {name}: {why}");
        let value = loose(&property, json, classes).map_err(|refusal| refusal.explained(wrong))?;
        let value = property.fit(value).map_err(|why| Refusal::Wrong(wrong(why.to_string())))?;
        builder = builder.set(name.as_str(), value);
    }
    let object = builder.build().map_err(|error| Refusal::Wrong(error.to_string()))?;
    Ok(CimValue::Object(Box::new(object)))
}

#[cfg(test)]
mod tests;
