//! Our values against the JSON that somebody else wrote, and a walk through everything an object says.

use serde_json::Value;
use sha2::{Digest, Sha256};
use wmi_proto::cim::{CimClass, CimObject, CimQualifier, CimValue};

/// Asks an object for everything it has; gives the number of cells, or the first that does not decode.
pub(crate) fn walk(object: &CimObject) -> Result<usize, String> {
    let mut cells = walk_class(object.class())?;
    for (index, property) in object.class().properties().iter().enumerate() {
        let at = |error| format!("{}.{}: {error}", object.class().name(), property.name());
        let value = object.value(index).map_err(at)?;
        // What is looked at without a value is the same.
        object.check(index).map_err(at)?;
        if object.text(index).map_err(at)? != value.as_str() {
            return Err(format!("property {index}: another text than its value {value:?}"));
        }
        cells += walk_value(&value)?;
        cells += walk_qualifiers(&object.property_qualifiers(index).map_err(at)?)?;
    }
    cells += walk_qualifiers(&object.qualifiers().map_err(|e| e.to_string())?)?;
    Ok(cells)
}

fn walk_class(class: &CimClass) -> Result<usize, String> {
    let mut cells = walk_qualifiers(class.qualifiers())?;
    for property in class.properties() {
        let default = property.default_value().map_err(|e| format!("{}.{}: {e}", class.name(), property.name()))?;
        cells += walk_value(&default)? + walk_qualifiers(property.qualifiers())?;
        class.origin(property.class_of_origin()).ok_or(format!("{}: no origin", property.name()))?;
    }
    for method in class.methods() {
        cells += walk_qualifiers(method.qualifiers())?;
        class.origin(method.origin()).ok_or(format!("{}: no origin", method.name()))?;
        for signature in [method.input(), method.output()] {
            let signature = signature.map_err(|e| format!("{}.{}: {e}", class.name(), method.name()))?;
            cells += signature.as_ref().map_or(Ok(0), walk)?;
        }
    }
    Ok(cells + class.parent().map_or(Ok(0), |parent| walk_class(parent))?)
}

fn walk_qualifiers(qualifiers: &[CimQualifier]) -> Result<usize, String> {
    qualifiers.iter().try_fold(0, |cells, qualifier| {
        let value = qualifier.value().map_err(|e| format!("qualifier {}: {e}", qualifier.name()))?;
        Ok(cells + walk_value(&value)?)
    })
}

fn walk_value(value: &CimValue) -> Result<usize, String> {
    match value {
        CimValue::Object(object) => Ok(1 + walk(object)?),
        CimValue::Array(items) => items.iter().try_fold(1, |cells, item| Ok(cells + walk_value(item)?)),
        _ => Ok(1),
    }
}

/// Whether `ours` is what `theirs` says.
pub(crate) fn same(ours: &CimValue, theirs: &Value) -> bool {
    match (ours, theirs) {
        (CimValue::Null, Value::Null) => true,
        (CimValue::Boolean(ours), Value::Bool(theirs)) => ours == theirs,
        (CimValue::Real32(ours), Value::Number(theirs)) => theirs.to_string().parse() == Ok(*ours),
        (CimValue::Real64(ours), Value::Number(theirs)) => theirs.to_string().parse() == Ok(*ours),
        (CimValue::Char16(ours), Value::Number(theirs)) => theirs.as_u64() == Some(u64::from(*ours)),
        (_, Value::Number(theirs)) if theirs.to_string().starts_with('-') => {
            ours.as_i64().is_some() && ours.as_i64() == theirs.as_i64()
        }
        (_, Value::Number(theirs)) => ours.as_u64().is_some() && ours.as_u64() == theirs.as_u64(),
        (_, Value::String(theirs)) => ours.as_str().is_some_and(|ours| ours == theirs.as_str()),
        (CimValue::Array(ours), Value::Array(theirs)) => {
            ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(ours, theirs)| same(ours, theirs))
        }
        (CimValue::Object(ours), Value::Object(_)) => same_row(ours, theirs).is_ok(),
        // A long text is given by its length in characters, its SHA-256 in UTF-8 and how it begins.
        (CimValue::String(ours), Value::Object(theirs)) => {
            let (ours, text) = (ours.to_str(), |key| theirs.get(key).and_then(Value::as_str).unwrap_or("?"));
            let digest: String = Sha256::digest(ours.as_bytes()).iter().map(|octet| format!("{octet:02x}")).collect();
            theirs.get("len").and_then(Value::as_u64) == Some(ours.chars().count() as u64)
                && digest == text("sha256_utf8")
                && ours.starts_with(text("head"))
        }
        _ => false,
    }
}

/// Whether an object is the JSON object `theirs`: its class as `__CLASS`, then its properties in order.
pub(crate) fn same_row(ours: &CimObject, theirs: &Value) -> Result<(), String> {
    let theirs = theirs.as_object().ok_or("not an object")?;
    let mut columns = theirs.iter();
    let class = columns.next().filter(|(name, _)| *name == "__CLASS").and_then(|(_, value)| value.as_str());
    if class.is_none_or(|class| *ours.class().name() != class) {
        return Err(format!("class {} where {class:?} was expected", ours.class().name()));
    }
    if theirs.len() != 1 + ours.class().properties().len() {
        return Err(format!("{} properties", ours.class().properties().len()));
    }
    for (index, (name, theirs)) in columns.enumerate() {
        let property = &ours.class().properties()[index];
        let value = ours.value(index).map_err(|e| format!("{name}: {e}"))?;
        if *property.name() != name.as_str() || !same(&value, theirs) {
            return Err(format!("{}: {value:?} where {name}: {theirs} was expected", property.name()));
        }
    }
    Ok(())
}

/// Whether the objects are those rows, in that order.
pub(crate) fn same_rows(ours: &[CimObject], theirs: &[Value]) -> Result<String, String> {
    for (index, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
        same_row(ours, theirs).map_err(|why| format!("row {index}: {why}"))?;
        walk(ours)?;
    }
    if ours.len() == theirs.len() {
        Ok(format!("{} rows", ours.len()))
    } else {
        Err(format!("{} rows where {} were expected", ours.len(), theirs.len()))
    }
}
