//! A whole class or instance, with types, qualifiers and methods.

use std::io::{self, Write};

use serde_json::{Map, Value, json};
use wmi_proto::cim::{CimClass, CimMethod, CimObject, CimProperty, CimQualifier, CimString, CimValue, Genus, Source};
use wmi_proto::wire::WireError;
use wmi_proto::{MethodSignature, Parameter};

use crate::output::cells::Cell;
use crate::output::json;
use crate::output::table::{self, visible};

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
    put("keys", class.properties().iter().filter(|p| p.is_key()).map(|p| text(p.name())).collect());
    put("properties", properties(object, undecodable));
    put("qualifiers", qualifiers(object.qualifiers(), undecodable));
    let methods = class.methods().iter().map(|m| (m.name().to_str().into_owned(), method(m, undecodable)));
    put("methods", Value::Object(methods.collect()));
    Value::Object(map)
}

/// `object` for people: its classes, qualifiers, properties and methods.
pub(crate) fn table(object: &CimObject, undecodable: &mut u64, out: &mut dyn Write) -> io::Result<()> {
    let class = object.class();
    let names: Vec<String> =
        std::iter::once(class.name()).chain(class.derivation()).map(|name| visible(&name.to_str())).collect();
    writeln!(out, "{} {}", genus(object), names.join(" : "))?;
    if let Some(path) = object.system_property("__PATH").and_then(wmi_proto::path::Sent::value) {
        writeln!(out, "path {}", visible(&path.as_str().unwrap_or_default()))?;
    }
    let own = listed(object.qualifiers(), undecodable);
    if !own.is_empty() {
        writeln!(out, "qualifiers {}", visible(&own))?;
    }
    let text = |text: &str| Cell::Text(text.to_owned());
    let mut rows = Vec::new();
    for (index, property) in class.properties().iter().enumerate() {
        let value = match object.value(index) {
            Ok(value) => Cell::of(&value, undecodable),
            Err(error) => Cell::Text(failed(&error, undecodable).to_string()),
        };
        let key = if property.is_key() { text("key") } else { Cell::Absent };
        let of = class.origin(property.class_of_origin()).map_or(Cell::Absent, |origin| text(&origin.to_str()));
        let own = match object.genus() {
            Genus::Class => Ok(Vec::new()),
            Genus::Instance => object.property_qualifiers(index),
        };
        let all = own.map(|own| property.qualifiers().iter().cloned().chain(own).collect());
        let qualifiers = listed(all, undecodable);
        let name = text(&property.name().to_str());
        rows.push(vec![name, text(&type_name(property)), key, value, of, Cell::Text(qualifiers)]);
    }
    let value = if object.genus() == Genus::Class { "default" } else { "value" };
    let names = ["property", "type", "key", value, "of", "qualifiers"].map(str::to_owned);
    if !rows.is_empty() {
        writeln!(out)?;
        table::print_within(&names, &rows, table::terminal(), out)?;
    }
    for (at, method) in class.methods().iter().enumerate() {
        if at == 0 {
            writeln!(out, "\nmethods")?;
        }
        let signature = visible(&signature(class, method, undecodable));
        let of = class.origin(method.origin()).map_or_else(String::new, |origin| format!(" of {origin}"));
        let qualifiers = listed(Ok(method.qualifiers().to_vec()), undecodable);
        let qualifiers = if qualifiers.is_empty() { qualifiers } else { format!(" [{qualifiers}]") };
        writeln!(out, "  {signature}{}", visible(&format!("{of}{qualifiers}")))?;
    }
    out.flush()
}

/// A method as it is declared: `static uint32 Create(in string CommandLine, out uint32 ProcessId)`.
fn signature(class: &CimClass, method: &CimMethod, undecodable: &mut u64) -> String {
    let name = method.name().to_str();
    let signature = match MethodSignature::of(class, &name) {
        Ok(signature) => signature,
        Err(error) => {
            *undecodable += 1;
            return format!("{name}(__error: {error})");
        }
    };
    let is_result = |parameter: &&Parameter| parameter.name.eq_ignore_ascii_case("ReturnValue");
    let result = signature.outputs().iter().find(is_result).map_or_else(|| "void".to_owned(), Parameter::type_name);
    let mut all: Vec<(Option<i64>, String)> = Vec::new();
    for input in signature.inputs() {
        let both = signature.outputs().iter().any(|output| output.name.eq_ignore_ascii_case(&input.name));
        let way = if both { "in out" } else { "in" };
        all.push((input.id, format!("{way} {} {}", input.type_name(), input.name)));
    }
    for output in signature.outputs().iter().filter(|output| !is_result(output)) {
        if signature.input(&output.name).is_none() {
            all.push((output.id, format!("out {} {}", output.type_name(), output.name)));
        }
    }
    all.sort_by_key(|(id, _)| *id);
    let all: Vec<String> = all.into_iter().map(|(_, declared)| declared).collect();
    let kind = if signature.is_static() { "static " } else { "" };
    format!("{kind}{result} {}({})", signature.name(), all.join(", "))
}

/// Qualifiers as MOF writes them, without those that tell the type and the key.
fn listed(set: Result<Vec<CimQualifier>, WireError>, undecodable: &mut u64) -> String {
    let set = match set {
        Ok(set) => set,
        Err(error) => return failed(&error, undecodable).to_string(),
    };
    let mut all = Vec::new();
    for qualifier in set {
        let name = qualifier.name().to_str();
        if ["CIMTYPE", "key"].iter().any(|told| name.eq_ignore_ascii_case(told)) {
            continue;
        }
        all.push(match qualifier.value() {
            Ok(CimValue::Boolean(true)) => name.into_owned(),
            Ok(CimValue::Array(items)) => {
                let items: Vec<String> = items.iter().map(|item| json::value(item, undecodable).to_string()).collect();
                format!("{name}{{{}}}", items.join(", "))
            }
            Ok(value) => format!("{name}({})", json::value(&value, undecodable)),
            Err(error) => format!("{name}({})", failed(&error, undecodable)),
        });
    }
    all.join(", ")
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
