//! Octets as CIM objects.

use bytes::Bytes;
use wmi_proto::cim::{CimClass, CimObject, CimQualifier, CimValue, ClassCache};
use wmi_proto::path::SYSTEM_PROPERTIES;

/// Decodes `data` as an encoding unit, as an object block, and with a class cache. What decodes is asked for everything
/// it has, written, read again and written anew.
///
/// # Panics
/// When an object does not survive that.
pub fn cim_object(data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let block = CimObject::decode_block(data.clone());
    let unit = CimObject::decode_unit(data.clone());
    assert_eq!(CimObject::decode_unit_with(&mut ClassCache::new(), data), unit);
    for object in [block, unit].into_iter().flatten() {
        survives(&object);
    }
}

/// Reads `data` as the rest of an instance of `class`.
///
/// # Panics
/// When an instance does not survive being written and read again.
pub fn instance_without_class(data: &Bytes, class: &std::sync::Arc<CimClass>) {
    if let Ok(object) = CimObject::decode_instance_without_class(data.clone(), class) {
        survives(&object);
    }
}

fn survives(object: &CimObject) {
    let cells = cells(object);
    let again = CimObject::decode_block(object.encode_block()).expect("what was written is read again");
    assert_eq!(again, *object);
    assert_eq!(CimObject::decode_unit(object.encode_unit()).as_ref(), Ok(object));
    if let Some(rest) = object.encode_instance_without_class() {
        assert_eq!(CimObject::decode_instance_without_class(rest, object.class()).as_ref(), Ok(object));
    }
    let _ = format!("{object:?}");
    for name in SYSTEM_PROPERTIES {
        assert!(object.system_property(name).is_some(), "{name}");
    }
    if let Ok(anew) = object.canonical() {
        let written = anew.encode_unit();
        let read = CimObject::decode_unit(written.clone()).expect("what was written anew is read");
        assert_eq!(read, anew, "{cells} cells");
        assert_eq!(read.canonical().map(|object| object.encode_unit()), Ok(written));
    }
}

/// Asks for everything; counts the values.
fn cells(object: &CimObject) -> usize {
    let mut count = class_cells(object.class());
    for index in 0..=object.class().properties().len() {
        count += object.value(index).map_or(0, |value| value_cells(&value));
        count += object.property_qualifiers(index).map_or(0, |set| qualifier_cells(&set));
    }
    count + object.qualifiers().map_or(0, |set| qualifier_cells(&set))
}

fn class_cells(class: &CimClass) -> usize {
    let mut count = qualifier_cells(class.qualifiers());
    for property in class.properties() {
        count += property.default_value().map_or(0, |value| value_cells(&value));
        count += qualifier_cells(property.qualifiers());
        let _ = (class.origin(property.class_of_origin()), property.name().to_str());
    }
    for method in class.methods() {
        count += qualifier_cells(method.qualifiers());
        for signature in [method.input(), method.output()] {
            count += signature.ok().flatten().map_or(0, |object| cells(&object));
        }
    }
    count + class.parent().map_or(0, |parent| class_cells(parent))
}

fn qualifier_cells(qualifiers: &[CimQualifier]) -> usize {
    qualifiers.iter().map(|qualifier| qualifier.value().map_or(0, |value| value_cells(&value))).sum()
}

fn value_cells(value: &CimValue) -> usize {
    match value {
        CimValue::Object(object) => 1 + cells(object),
        CimValue::Array(items) => 1 + items.iter().map(value_cells).sum::<usize>(),
        value => 1 + usize::from(value.as_datetime().is_some()) + value.as_str().map_or(0, |text| text.len()),
    }
}
