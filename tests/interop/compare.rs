//! Whether rows that a client printed are those that the host has.

use std::str::FromStr;

use serde_json::{Map, Number, Value};
use wmi_proto::cim::{CimObject, CimValue};
use wmi_sim::repository::ExpectedRow;

use crate::differences::Differences;

/// What a query selects on the host, before and after the client asked: what moves with time lies between the two.
pub(crate) struct Selected<'a> {
    /// Before.
    pub(crate) before: &'a [ExpectedRow],
    /// After.
    pub(crate) after: &'a [ExpectedRow],
    /// What a cell, by row and column, was at times that are close to each other, from before to after.
    pub(crate) course: &'a dyn Fn(usize, usize) -> Vec<CimValue>,
    /// The columns of the SELECT list; `None` is `*`.
    pub(crate) columns: Option<&'static [&'static str]>,
}

/// The differences between what the host has and what `client` printed, without those that the list knows.
pub(crate) fn compare(client: &str, expected: &Selected<'_>, rows: &[Value], known: &mut Differences) -> Vec<String> {
    let count = expected.before.len();
    if expected.after.len() != count || rows.len() != count {
        return vec![format!("{} rows in place of {count}", rows.len())];
    }
    let mut wrong = Vec::new();
    for (at, ((before, after), row)) in expected.before.iter().zip(expected.after).zip(rows).enumerate() {
        let class = before.class.as_str();
        if row.get("__CLASS").and_then(Value::as_str) != Some(class) {
            let got = row.get("__CLASS").unwrap_or(&Value::Null);
            let why = row.get("__error").map(Value::to_string).unwrap_or_default();
            wrong.push(format!("row {at}: class {got} in place of {class} {why}"));
            continue;
        }
        let selected = |name: &String| expected.columns.is_none_or(|columns| columns.contains(&name.as_str()));
        let values = before.values.iter().zip(&after.values).enumerate();
        let mut cells = 1;
        for (column, ((name, old), (_, new))) in values.filter(|(_, ((name, _), _))| selected(name)) {
            cells += 1;
            let got = row.get(name).cloned().unwrap_or_else(missing);
            if agrees(old, &got) || old != new && passed((expected.course)(at, column).as_slice(), &got) {
                continue;
            }
            if !known.excuses(client, class, name, &json(old), &got) {
                wrong.push(format!("row {at}: {class}.{name} is {got:.200} in place of {:.200}", json(old)));
            }
        }
        if row.as_object().map(Map::len) != Some(cells) {
            wrong.push(format!("row {at}: {class} with other properties than its {cells}"));
        }
    }
    wrong
}

/// Whether a printed value is the value. Integers are compared exactly, reals as reals of their width.
pub(crate) fn agrees(value: &CimValue, got: &Value) -> bool {
    match (value, got) {
        (CimValue::Null, got) => got.is_null(),
        (CimValue::Boolean(value), Value::Bool(got)) => value == got,
        (CimValue::Real32(value), got) => real::<f32>(got).is_some_and(|got| same_real(*value, got)),
        (CimValue::Real64(value), got) => real::<f64>(got).is_some_and(|got| same_real(*value, got)),
        (CimValue::Char16(value), Value::Number(got)) => got.to_string() == value.to_string(),
        (CimValue::String(text) | CimValue::DateTime(text) | CimValue::Reference(text), Value::String(got)) => {
            text.to_str() == got.as_str()
        }
        (CimValue::Array(items), Value::Array(got)) => {
            items.len() == got.len() && items.iter().zip(got).all(|(item, got)| agrees(item, got))
        }
        (CimValue::Object(object), Value::Object(got)) => object_agrees(object, got),
        (value, Value::Number(got)) => integer(value).is_some_and(|value| got.to_string() == value.to_string()),
        _ => false,
    }
}

/// Whether a printed object is the object.
pub(crate) fn object_agrees(object: &CimObject, got: &Map<String, Value>) -> bool {
    let class = object.class();
    got.get("__CLASS").and_then(Value::as_str) == Some(class.name().to_str().as_ref())
        && got.len() == class.properties().len() + 1
        && class.properties().iter().zip(object.values()).all(|(property, value)| {
            let got = got.get(property.name().to_str().as_ref());
            value.is_ok_and(|value| got.is_some_and(|got| agrees(&value, got)))
        })
}

/// The JSON form of a value.
pub(crate) fn json(value: &CimValue) -> Value {
    match value {
        CimValue::Null => Value::Null,
        CimValue::Boolean(truth) => Value::Bool(*truth),
        CimValue::Real32(real) => number(real.to_string()),
        CimValue::Real64(real) => number(real.to_string()),
        CimValue::String(text) | CimValue::DateTime(text) | CimValue::Reference(text) => text.to_string().into(),
        CimValue::Array(items) => items.iter().map(json).collect(),
        CimValue::Object(object) => {
            let mut map = Map::new();
            map.insert("__CLASS".to_owned(), object.class().name().to_string().into());
            for (property, value) in object.class().properties().iter().zip(object.values()) {
                map.insert(property.name().to_string(), value.map_or_else(|_| missing(), |value| json(&value)));
            }
            Value::Object(map)
        }
        CimValue::Char16(unit) => (*unit).into(),
        value => integer(value).map_or(Value::Null, |value| number(value.to_string())),
    }
}

/// Whether a value that moves with time was, at some time of its course, what is printed.
fn passed(course: &[CimValue], got: &Value) -> bool {
    course.windows(2).any(|pair| {
        let [one, next] = pair else { return false };
        agrees(one, got) || agrees(next, got) || between(one, next, got)
    })
}

/// Whether something between two values is printed.
fn between(before: &CimValue, after: &CimValue, got: &Value) -> bool {
    match (before, after, got) {
        (CimValue::DateTime(before), CimValue::DateTime(after), Value::String(got)) => {
            got.len() == before.to_str().len()
                && (before.to_str().as_ref()..=after.to_str().as_ref()).contains(&got.as_str())
        }
        (before, after, Value::Number(got)) => {
            let got = got.to_string().parse::<i128>().ok();
            let (Some(first), Some(last), Some(got)) = (integer(before), integer(after), got) else { return false };
            match before {
                // It passed the end of its size, or of the minute.
                CimValue::Uint32(_) | CimValue::Uint64(_) if first > last => got >= first || got <= last,
                _ => (first.min(last)..=first.max(last)).contains(&got),
            }
        }
        _ => false,
    }
}

/// The value of an integer of any width.
fn integer(value: &CimValue) -> Option<i128> {
    match value {
        CimValue::Real32(_) | CimValue::Real64(_) => None,
        value => value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)),
    }
}

/// A printed real; the names of what no number is are those that Rust reads.
fn real<R: FromStr>(got: &Value) -> Option<R> {
    match got {
        Value::Number(number) => number.to_string().parse().ok(),
        Value::String(name) if matches!(name.as_str(), "NaN" | "Infinity" | "-Infinity") => name.parse().ok(),
        _ => None,
    }
}

/// Whether two reals are the same; a NaN is one, and the two zeros are two.
fn same_real(one: impl Into<f64>, other: impl Into<f64>) -> bool {
    let (one, other) = (one.into(), other.into());
    one == other && one.is_sign_negative() == other.is_sign_negative() || one.is_nan() && other.is_nan()
}

/// A JSON number with just that text, or the text itself when it is none.
fn number(text: String) -> Value {
    text.parse::<Number>().map_or(Value::String(text), Value::Number)
}

/// Stands for a value that is not there.
fn missing() -> Value {
    serde_json::json!({ "__error": "not there" })
}
