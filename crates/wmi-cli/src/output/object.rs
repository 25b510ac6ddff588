//! A whole class or instance as JSON, with types, qualifiers and methods.

use serde_json::{Map, Value, json};
use wmi_proto::cim::{CimMethod, CimObject, CimProperty, CimQualifier, CimString, Genus, Source};
use wmi_proto::wire::WireError;

use crate::output::json;

/// `object` with everything that it says about itself. What does not decode is counted in `undecodable`.
///
/// A property has `"default": true` when its value is the class's and the instance set none, `"null": true` when there
/// is no value, `"inherited": true` when a superclass declares it, and `"default_inherited": true` when the superclass
/// also gave the default.
pub(crate) fn describe(object: &CimObject, undecodable: &mut u64) -> Value {
    let class = object.class();
    let text = |text: &CimString| Value::from(text.to_str());
    let mut map = Map::new();
    let mut put = |key: &str, value: Value| map.insert(key.to_owned(), value);
    put("class", text(class.name()));
    put("superclass", class.superclass().map_or(Value::Null, text));
    put("genus", Value::from(genus(object)));
    put("derivation", class.derivation().iter().map(text).collect());
    if let Some(decoration) = object.decoration() {
        put("server", text(&decoration.server));
        put("namespace", text(&decoration.namespace));
    }
    put("properties", properties(object, undecodable));
    put("qualifiers", qualifiers(object.qualifiers(), undecodable));
    let methods = class.methods().iter().map(|m| (m.name().to_str().into_owned(), method(m, undecodable)));
    put("methods", Value::Object(methods.collect()));
    Value::Object(map)
}

/// `class` or `instance`.
pub(crate) const fn genus(object: &CimObject) -> &'static str {
    match object.genus() {
        Genus::Class => "class",
        Genus::Instance => "instance",
    }
}

/// The type as MOF spells it, `[]` after it for an array.
pub(crate) fn type_name(property: &CimProperty) -> String {
    let array = if property.is_array() { "[]" } else { "" };
    match property.cim_type().mof_name() {
        Some(name) => format!("{name}{array}"),
        None => format!("{}{array}", property.cim_type()),
    }
}

fn properties(object: &CimObject, undecodable: &mut u64) -> Value {
    let mut map = Map::new();
    for (index, property) in object.class().properties().iter().enumerate() {
        let value = object.value(index);
        let mut entry = Map::new();
        let mut put = |key: &str, value: Value| entry.insert(key.to_owned(), value);
        put("type", Value::from(type_name(property)));
        let shown = match &value {
            Ok(value) => json::value(value, undecodable),
            Err(error) => failed(error, undecodable),
        };
        put("value", shown);
        let is_default = match object.genus() {
            Genus::Class => property.has_default(),
            Genus::Instance => object.source(index) == Source::ClassDefault,
        };
        let is_null = value.is_ok_and(|value| value.is_null());
        let flags = [
            ("default", is_default),
            ("null", is_null),
            ("inherited", property.is_inherited()),
            ("default_inherited", is_default && property.is_default_inherited()),
        ];
        for (flag, _) in flags.iter().filter(|(_, set)| *set) {
            put(flag, Value::from(true));
        }
        let mut all = qualifiers(Ok(property.qualifiers().to_vec()), undecodable);
        if object.genus() == Genus::Instance
            && let (Value::Object(all), Value::Object(own)) =
                (&mut all, qualifiers(object.property_qualifiers(index), undecodable))
        {
            all.extend(own);
        }
        put("qualifiers", all);
        map.insert(property.name().to_str().into_owned(), Value::Object(entry));
    }
    Value::Object(map)
}

fn qualifiers(set: Result<Vec<CimQualifier>, WireError>, undecodable: &mut u64) -> Value {
    let set = match set {
        Ok(set) => set,
        Err(error) => return failed(&error, undecodable),
    };
    let mut map = Map::new();
    for qualifier in set {
        let value = match qualifier.value() {
            Ok(value) => json::value(&value, undecodable),
            Err(error) => failed(&error, undecodable),
        };
        map.insert(qualifier.name().to_str().into_owned(), value);
    }
    Value::Object(map)
}

fn method(method: &CimMethod, undecodable: &mut u64) -> Value {
    let mut parameters = |signature: Result<Option<CimObject>, WireError>| match signature {
        Ok(Some(class)) => properties(&class, undecodable),
        Ok(None) => Value::Null,
        Err(error) => failed(&error, undecodable),
    };
    let (input, output) = (parameters(method.input()), parameters(method.output()));
    let qualifiers = qualifiers(Ok(method.qualifiers().to_vec()), undecodable);
    let mut value = json!({ "in": input, "out": output, "qualifiers": qualifiers });
    if method.is_inherited() {
        value["inherited"] = Value::from(true);
    }
    value
}

fn failed(error: &WireError, undecodable: &mut u64) -> Value {
    *undecodable += 1;
    json::error(error)
}
