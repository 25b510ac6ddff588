//! Classes and instances with every CIM type.
//!
//! Strategies are boxed where they nest: their value trees would be too large for the stack of a test otherwise.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use wmi_proto::cim::{
    CimClass, CimObject, CimString, CimType, CimValue, ClassBuilder, Flavor, InstanceBuilder, MethodBuilder,
    PropertyBuilder,
};

/// Every CIM type.
pub const TYPES: [CimType; 16] = [
    CimType::SINT8,
    CimType::UINT8,
    CimType::SINT16,
    CimType::UINT16,
    CimType::SINT32,
    CimType::UINT32,
    CimType::SINT64,
    CimType::UINT64,
    CimType::REAL32,
    CimType::REAL64,
    CimType::BOOLEAN,
    CimType::STRING,
    CimType::DATETIME,
    CimType::REFERENCE,
    CimType::CHAR16,
    CimType::OBJECT,
];

/// Text without NUL: compressed, wide, empty, and words of the dictionary ([MS-WMIO] 2.2.80).
pub fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[ -~]{0,20}",
        "[\u{1}-\u{ff}]{0,8}",
        "[^\0]{0,8}",
        select(vec!["", "\"", "key", "KEY", "read", "dynamic", "cimwin32", "CIMTYPE", "DWORD"]).prop_map(str::to_owned),
    ]
}

/// The text of a timestamp or an interval, with fields that may be open.
pub fn datetime() -> impl Strategy<Value = String> {
    prop_oneof![
        "[0-9]{4}(0[1-9]|1[0-2]|\\*\\*)(0[1-9]|[1][0-9]|2[0-8]|\\*\\*)([01][0-9]|2[0-3]|\\*\\*)([0-5][0-9]|\\*\\*)\
         ([0-5][0-9]|\\*\\*)\\.([0-9]{6}|[0-9]{3}\\*\\*\\*|\\*{6})[+-]([0-9]{3}|\\*\\*\\*)",
        "([0-9]{8}|\\*{8})([01][0-9]|2[0-3])([0-5][0-9]|\\*\\*)([0-5][0-9]|\\*\\*)\\.([0-9]{6}|\\*{6}):000",
    ]
}

/// A value that is not an array, of a type.
pub fn scalar(cim_type: CimType, depth: u32) -> BoxedStrategy<CimValue> {
    match cim_type {
        CimType::SINT8 => any::<i8>().prop_map(CimValue::Sint8).boxed(),
        CimType::UINT8 => any::<u8>().prop_map(CimValue::Uint8).boxed(),
        CimType::SINT16 => any::<i16>().prop_map(CimValue::Sint16).boxed(),
        CimType::UINT16 => any::<u16>().prop_map(CimValue::Uint16).boxed(),
        CimType::SINT32 => prop_oneof![Just(-1), Just(0), any::<i32>()].prop_map(CimValue::Sint32).boxed(),
        CimType::UINT32 => prop_oneof![Just(u32::MAX), Just(0), any::<u32>()].prop_map(CimValue::Uint32).boxed(),
        CimType::SINT64 => any::<i64>().prop_map(CimValue::Sint64).boxed(),
        CimType::UINT64 => any::<u64>().prop_map(CimValue::Uint64).boxed(),
        CimType::REAL32 => any::<u32>().prop_map(|bits| CimValue::Real32(f32::from_bits(bits))).boxed(),
        CimType::REAL64 => any::<u64>().prop_map(|bits| CimValue::Real64(f64::from_bits(bits))).boxed(),
        CimType::BOOLEAN => any::<bool>().prop_map(CimValue::Boolean).boxed(),
        CimType::DATETIME => prop_oneof![datetime(), text()].prop_map(|text| CimValue::DateTime(text.into())).boxed(),
        CimType::REFERENCE => text().prop_map(|text| CimValue::Reference(text.into())).boxed(),
        CimType::CHAR16 => any::<u16>().prop_map(CimValue::Char16).boxed(),
        CimType::OBJECT if depth > 0 => object(depth - 1).prop_map(CimValue::from).boxed(),
        CimType::OBJECT => Just(CimValue::Null).boxed(),
        _ => text().prop_map(|text| CimValue::String(text.into())).boxed(),
    }
}

/// A value that fits a property, sometimes NULL.
pub fn value(cim_type: CimType, is_array: bool, depth: u32) -> BoxedStrategy<CimValue> {
    let refers = [CimType::STRING, CimType::DATETIME, CimType::REFERENCE, CimType::OBJECT].contains(&cim_type);
    let some = scalar(cim_type, depth);
    let some = if is_array {
        let element = if refers { prop_oneof![9 => some, 1 => Just(CimValue::Null)].boxed() } else { some };
        vec(element, 0..4).prop_map(CimValue::Array).boxed()
    } else {
        some
    };
    prop_oneof![8 => some, 1 => Just(CimValue::Null)].boxed()
}

/// A type, and whether it is an array of it.
pub fn cim_type() -> impl Strategy<Value = (CimType, bool)> {
    (select(TYPES.to_vec()), any::<bool>())
}

/// The name, flavor and value of a qualifier. Its value is never an object: no host is known to use such.
pub fn qualifier() -> BoxedStrategy<(String, Flavor, CimValue)> {
    let value = cim_type().prop_flat_map(|(cim_type, is_array)| value(cim_type, is_array, 0));
    (select(vec!["key", "read", "Description", "ValueMap", "\u{3a9}mega"]), any::<u8>(), value)
        .prop_map(|(name, flavor, value)| (name.to_owned(), Flavor(flavor), mixed_null(value)))
        .boxed()
}

/// An empty or all-NULL array of a qualifier has no type of its own and becomes one of text.
fn mixed_null(value: CimValue) -> CimValue {
    match value {
        CimValue::Array(items) => {
            CimValue::Array(items.into_iter().filter(|item| !matches!(item, CimValue::Null)).collect())
        }
        value => value,
    }
}

/// A property called `name`.
fn property(name: String, depth: u32) -> BoxedStrategy<PropertyBuilder> {
    let kind = cim_type().prop_flat_map(move |(cim_type, is_array)| {
        (Just(cim_type), Just(is_array), option::of(value(cim_type, is_array, depth)))
    });
    (kind, any::<bool>(), vec(qualifier(), 0..3))
        .prop_map(move |((cim_type, is_array, default), key, qualifiers)| {
            let name = CimString::from(name.as_str());
            let mut property =
                if is_array { PropertyBuilder::array(name, cim_type) } else { PropertyBuilder::new(name, cim_type) };
            if key {
                property = property.key();
            }
            if let Some(default) = default {
                property = property.default(default);
            }
            qualifiers.into_iter().fold(property, |p, (name, flavor, value)| p.qualifier(name, flavor, value))
        })
        .boxed()
}

/// Properties with names that differ, in an order that is not that of the alphabet.
fn properties(prefix: &'static str, most: usize, depth: u32) -> BoxedStrategy<Vec<PropertyBuilder>> {
    vec(any::<u8>(), 0..=most)
        .prop_flat_map(move |letters| {
            let name = |(index, letter): (usize, u8)| {
                let letter = char::from(b'A' + letter % 26);
                let letter = if index % 2 == 0 { letter } else { letter.to_ascii_lowercase() };
                property(format!("{letter}{prefix}{index}"), depth)
            };
            letters.into_iter().enumerate().map(name).collect::<Vec<_>>()
        })
        .boxed()
}

fn method(name: &'static str) -> BoxedStrategy<MethodBuilder> {
    (properties("In", 2, 0), properties("Out", 2, 0), option::of(Just(CimType::UINT32)), vec(qualifier(), 0..2))
        .prop_map(move |(input, output, returns, qualifiers)| {
            let method = input.into_iter().fold(MethodBuilder::new(name), MethodBuilder::input);
            let method = output.into_iter().fold(method, MethodBuilder::output);
            let method = returns.into_iter().fold(method, MethodBuilder::returns);
            qualifiers.into_iter().fold(method, |m, (name, flavor, value)| m.qualifier(name, flavor, value))
        })
        .boxed()
}

/// A class, sometimes a derived one. Objects are embedded at most `depth` deep in its defaults.
pub fn class(depth: u32) -> BoxedStrategy<Arc<CimClass>> {
    let level = |prefix| {
        let methods = (option::of(method("Start")), option::of(method("stop")));
        (properties(prefix, 6, depth), methods, vec(qualifier(), 0..3)).boxed()
    };
    (level("Base"), option::of((level("Own"), option::of(level("Leaf")))))
        .prop_map(|(base, derived)| {
            let class = build(ClassBuilder::new("Gen_Base"), base);
            let Some((own, leaf)) = derived else { return class };
            let class = build(ClassBuilder::new("Gen_Thing").superclass(&class), own);
            leaf.map_or(class.clone(), |leaf| build(ClassBuilder::new("Gen_\u{e4}\u{3a9}").superclass(&class), leaf))
        })
        .boxed()
}

type Level = (Vec<PropertyBuilder>, (Option<MethodBuilder>, Option<MethodBuilder>), Vec<(String, Flavor, CimValue)>);

fn build(class: ClassBuilder, (properties, (start, stop), qualifiers): Level) -> Arc<CimClass> {
    let class = properties.into_iter().fold(class, ClassBuilder::property);
    let class = start.into_iter().chain(stop).fold(class, ClassBuilder::method);
    let class = qualifiers.into_iter().fold(class, |c, (name, flavor, value)| c.qualifier(name, flavor, value));
    class.build().expect("a generated class is consistent")
}

/// An instance of a class, with defaults, NULLs, own values and sometimes qualifiers.
pub fn instance(class: Arc<CimClass>, depth: u32) -> BoxedStrategy<CimObject> {
    let cell = |property: &wmi_proto::cim::CimProperty| {
        let own = value(property.cim_type(), property.is_array(), depth);
        (Just(property.name().clone()), option::of(own), option::weighted(0.05, qualifier()))
    };
    let cells: Vec<_> = class.properties().iter().map(cell).collect();
    (cells, vec(qualifier(), 0..2), decoration())
        .prop_map(move |(cells, qualifiers, decoration)| {
            let mut builder = InstanceBuilder::new(&class);
            for (property, value, qualifier) in cells {
                if let Some(value) = value {
                    builder = builder.set(property.clone(), value);
                }
                if let Some((name, flavor, value)) = qualifier {
                    builder = builder.property_qualifier(property, name, flavor, value);
                }
            }
            for (name, flavor, value) in qualifiers {
                builder = builder.qualifier(name, flavor, value);
            }
            let object = builder.build().expect("a generated instance fits its class");
            decorated(object, decoration)
        })
        .boxed()
}

fn decoration() -> impl Strategy<Value = Option<(String, String)>> {
    option::of((text(), text()))
}

fn decorated(object: CimObject, decoration: Option<(String, String)>) -> CimObject {
    match decoration {
        Some((server, namespace)) => object.with_decoration(CimString::from(server), CimString::from(namespace)),
        None => object,
    }
}

/// A class definition or an instance; objects are embedded at most `depth` deep.
pub fn object(depth: u32) -> BoxedStrategy<CimObject> {
    (class(depth), decoration(), any::<bool>())
        .prop_flat_map(move |(class, decoration, is_class)| {
            if is_class {
                Just(decorated(CimObject::of_class(class), decoration)).boxed()
            } else {
                instance(class, depth).boxed()
            }
        })
        .boxed()
}
