//! CIM objects.

use bytes::Bytes;
use wmi_proto::cim::{CimObject, CimValue};

/// An object that decodes can be looked at in every cell, and its canonical encoding decodes to itself.
///
/// # Panics
/// When the object is another one after encoding.
pub fn cim_object(data: &[u8]) {
    let Ok(object) = CimObject::decode_unit(Bytes::copy_from_slice(data)) else { return };
    look_at(&object);
    let Ok(canonical) = object.canonical() else { return };
    let encoded = canonical.encode_unit();
    let again = CimObject::decode_unit(encoded.clone()).expect("a canonical encoding decodes");
    look_at(&again);
    let canonical = again.canonical().expect("what was canonical stays so");
    assert_eq!(canonical.encode_unit(), encoded, "the canonical encoding is not stable");
}

fn look_at(object: &CimObject) {
    let _ = object.qualifiers();
    for (index, property) in object.class().properties().iter().enumerate() {
        let _ = (property.name().to_str(), property.default_value(), object.source(index));
        let _ = object.property_qualifiers(index);
        if let Ok(value) = object.value(index) {
            look_at_value(&value);
        }
    }
    for method in object.class().methods() {
        let _ = (method.input(), method.output(), method.qualifiers());
    }
}

fn look_at_value(value: &CimValue) {
    let _ = (value.as_i64(), value.as_f64(), value.as_str(), value.as_datetime());
    if let Some(object) = value.as_object() {
        look_at(object);
    }
    for element in value.as_array().unwrap_or_default() {
        look_at_value(element);
    }
}
