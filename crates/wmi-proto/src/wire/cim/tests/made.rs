//! What is built: classes, instances, projections, and what is refused.

use std::sync::Arc;

use crate::wire::cim::{
    BuildError, CimClass, CimMethod, CimObject, CimString, CimType, CimValue, ClassBuilder, ClassCache, Flavor, Genus,
    InstanceBuilder, MAX_DEPTH, MethodBuilder, PropertyBuilder, Source,
};

fn service() -> Arc<CimClass> {
    let start = MethodBuilder::new("Start")
        .qualifier("Override", Flavor::TO_DERIVED, "Start")
        .qualifier("implemented", Flavor::default(), true)
        .input(PropertyBuilder::new("Name", CimType::STRING))
        .output(PropertyBuilder::new("State", CimType::UINT16))
        .input(PropertyBuilder::array("Arguments", CimType::STRING))
        .returns(CimType::UINT32);
    ClassBuilder::new("Test_Service")
        .qualifier("dynamic", Flavor::TO_INSTANCE, true)
        .qualifier("Locale", Flavor::TO_DERIVED, 1033_i32)
        .property(PropertyBuilder::new("Name", CimType::STRING).key())
        .property(PropertyBuilder::new("Count", CimType::UINT32).default(7_u32))
        .property(PropertyBuilder::new("active", CimType::BOOLEAN))
        .property(PropertyBuilder::new("Owner", CimType::REFERENCE).class("Test_User"))
        .method(start)
        .method(MethodBuilder::new("Stop"))
        .build()
        .unwrap()
}

/// NULL, zero, the class's default and an inherited default are four things.
#[test]
fn null_zero_and_defaults_are_told_apart() {
    let class = service();
    let derived = ClassBuilder::new("Test_Derived").superclass(&class).build().unwrap();
    let rows = [(&class, None), (&class, Some(CimValue::Null)), (&class, Some(0_u32.into())), (&derived, None)];
    let seen = rows.map(|(class, value)| {
        let object = CimObject::instance(class, value.map(|value| ("Count", value))).unwrap();
        let object = CimObject::decode_unit(object.encode_unit()).unwrap();
        let (index, property) = object.class().property("count").unwrap();
        (object.value(index).unwrap(), object.source(index), property.is_default_inherited())
    });
    assert_eq!(
        seen,
        [
            (CimValue::Uint32(7), Source::ClassDefault, false),
            (CimValue::Null, Source::Own, false),
            (CimValue::Uint32(0), Source::Own, false),
            (CimValue::Uint32(7), Source::ClassDefault, true),
        ]
    );
}

#[test]
fn a_derived_class_has_what_propagates() {
    let base = service();
    let derived = ClassBuilder::new("Test_Derived")
        .superclass(&base)
        .property(PropertyBuilder::new("count", CimType::UINT32).default(8_u32))
        .property(PropertyBuilder::new("Extra", CimType::SINT8))
        .method(MethodBuilder::new("STOP").returns(CimType::UINT32))
        .build()
        .unwrap();
    let leaf = ClassBuilder::new("Test_Leaf").superclass(&derived).build().unwrap();
    let object = CimObject::decode_unit(CimObject::of_class(leaf).encode_unit()).unwrap();
    let class = object.class();
    assert_eq!(object.genus(), Genus::Class);
    let names: Vec<_> = class.properties().iter().map(|p| p.name().to_string()).collect();
    assert_eq!(names, ["Name", "Count", "active", "Owner", "Extra"]);
    assert_eq!(class.derivation(), ["Test_Derived", "Test_Service"].map(CimString::from));
    assert_eq!(class.parent().map(|parent| parent.name().clone()), Some("Test_Derived".into()));
    let origin = |name: &str| class.origin(class.property(name).unwrap().1.class_of_origin()).unwrap().to_string();
    assert_eq!([origin("Count"), origin("Extra")], ["Test_Service", "Test_Derived"]);
    assert_eq!(object.get("Count"), Some(Ok(CimValue::Uint32(8))));

    assert!(class.property("Name").unwrap().1.is_key());
    assert_eq!(class.property("Name").unwrap().1.qualifier("KEY").unwrap().flavor(), Flavor(0x33));
    let cimtype = class.property("Owner").unwrap().1.qualifier("cimtype").unwrap();
    assert_eq!(cimtype.value(), Ok("ref:Test_User".into()));
    assert!(class.qualifier("dynamic").is_none(), "it goes to instances only");
    assert_eq!(class.qualifier("locale").unwrap().flavor(), Flavor::TO_DERIVED.with(Flavor::PROPAGATED));

    let start = class.method("start").unwrap();
    assert_eq!((start.flags(), start.origin(), start.is_inherited()), (CimMethod::INHERITED, 0, true));
    assert_eq!(start.qualifiers().len(), 1);
    assert_eq!(class.method("stop").unwrap().origin(), 1);
}

/// A method is called with an instance of its input signature.
#[test]
fn parameters_are_instances_of_the_signature() {
    let class = service();
    let start = class.method("Start").unwrap();
    let (input, output) = (start.input().unwrap().unwrap(), start.output().unwrap().unwrap());
    let ids = |object: &CimObject| -> Vec<_> {
        let of = |p: &super::super::CimProperty| (p.name().to_string(), p.qualifier("ID").map(|q| q.value().unwrap()));
        object.class().properties().iter().map(of).collect()
    };
    let id = |id: i32| Some(CimValue::Sint32(id));
    assert_eq!(ids(&input), [("Name".to_owned(), id(0)), ("Arguments".to_owned(), id(2))]);
    assert_eq!(ids(&output), [("State".to_owned(), id(1)), ("ReturnValue".to_owned(), None)]);
    assert!(class.method("Stop").unwrap().input().unwrap().is_none());

    let arguments = CimValue::from(vec!["-a", ""]);
    let call = CimObject::instance(input.class(), [("Arguments", arguments.clone())]).unwrap();
    let call = CimObject::decode_unit(call.encode_unit()).unwrap();
    assert_eq!(*call.class().name(), "__PARAMETERS");
    assert_eq!(call.get("arguments"), Some(Ok(arguments)));
    assert_eq!(call.get("Name"), Some(Ok(CimValue::Null)));
}

#[test]
fn an_instance_can_be_changed() {
    let object = CimObject::instance(&service(), [("Name", "a".into()), ("active", true.into())]).unwrap();
    let object = object.with_decoration("HOST", "root\\cimv2");
    let changed = InstanceBuilder::like(&object).unwrap().set("ACTIVE", false).set("Count", 1_u32).build().unwrap();
    assert_eq!(changed.decoration(), object.decoration());
    let values: Vec<_> = changed.values().map(Result::unwrap).collect();
    assert_eq!(values, ["a".into(), 1_u32.into(), false.into(), CimValue::Null]);
    assert_eq!(
        changed.encode_block()[..18 + changed.class().part.len()],
        object.encode_block()[..18 + object.class().part.len()]
    );
}

#[test]
fn a_projection_keeps_the_order_of_the_class() {
    let object = CimObject::instance(&service(), [("Name", "a".into())]).unwrap().with_decoration("HOST", "root");
    let class = object.class().project(&["ACTIVE", "name"]).unwrap();
    let row = CimObject::decode_unit(object.project(&class).unwrap().encode_unit()).unwrap();
    let names: Vec<_> = row.class().properties().iter().map(|p| p.name().to_string()).collect();
    assert_eq!(names, ["Name", "active"]);
    assert_eq!(row.decoration(), object.decoration());
    assert_eq!((row.get("Name"), row.source(1)), (Some(Ok("a".into())), Source::ClassDefault));
    let missing = BuildError::NoSuchProperty { class: "Test_Service".into(), property: "Nope".into() };
    assert_eq!(object.class().project(&["Nope"]), Err(missing));
}

#[test]
fn what_does_not_fit_is_refused() {
    let class = service();
    let instance = |name, value: CimValue| CimObject::instance(&class, [(name, value)]).map(|_| ());
    assert!(matches!(instance("Nope", CimValue::Null), Err(BuildError::NoSuchProperty { .. })));
    for (name, value) in [
        ("Count", CimValue::Sint32(1)),
        ("Count", vec![1_u32].into()),
        ("Owner", "a string".into()),
        ("active", CimValue::Uint16(1)),
    ] {
        assert!(matches!(instance(name, value), Err(BuildError::WrongType { .. })), "{name}");
    }
    let build = |property| ClassBuilder::new("X").property(property).build().map(|_| ());
    let numbers = CimValue::Array(vec![CimValue::Sint8(1), CimValue::Null]);
    assert!(build(PropertyBuilder::array("A", CimType::SINT8).default(numbers)).is_err(), "numbers cannot be NULL");
    let texts = CimValue::Array(vec!["".into(), CimValue::Null]);
    assert!(build(PropertyBuilder::array("A", CimType::STRING).default(texts)).is_ok());
    assert!(build(PropertyBuilder::new("A", CimType(99))).is_err());
    let (a, b) = (PropertyBuilder::new("A", CimType::SINT8), PropertyBuilder::new("a", CimType::SINT16));
    assert_eq!(ClassBuilder::new("X").property(a).property(b).build(), Err(BuildError::Twice("a".into())));
    let error = instance("Count", true.into()).unwrap_err();
    assert_eq!(error.to_string(), "Count is UINT32 (0x13), which the value is not");
}

#[test]
fn a_cache_shares_classes_and_forgets_old_ones() {
    let mut cache = ClassCache::new();
    let unit = |name: &str| {
        let class = ClassBuilder::new(name).property(PropertyBuilder::new("P", CimType::SINT8)).build().unwrap();
        CimObject::instance(&class, []).unwrap().encode_unit()
    };
    let first = CimObject::decode_unit_with(&mut cache, unit("C0")).unwrap();
    for index in 1..ClassCache::CAPACITY {
        let other = CimObject::decode_unit_with(&mut cache, unit(&format!("C{index}"))).unwrap();
        assert!(!Arc::ptr_eq(other.class(), first.class()));
    }
    let again = CimObject::decode_unit_with(&mut cache, unit("C0")).unwrap();
    assert!(Arc::ptr_eq(again.class(), first.class()));
    for index in 0..ClassCache::CAPACITY {
        CimObject::decode_unit_with(&mut cache, unit(&format!("D{index}"))).unwrap();
    }
    let forgotten = CimObject::decode_unit_with(&mut cache, unit("C0")).unwrap();
    assert!(!Arc::ptr_eq(forgotten.class(), first.class()));
    assert_eq!(forgotten, first);
}

#[test]
fn objects_are_embedded_to_a_depth() {
    let class = ClassBuilder::new("Nest").property(PropertyBuilder::new("Inner", CimType::OBJECT)).build().unwrap();
    let mut object = CimObject::instance(&class, []).unwrap();
    for _ in 0..usize::from(MAX_DEPTH) + 4 {
        object = CimObject::instance(&class, [("Inner", object.into())]).unwrap();
    }
    let _ = format!("{object:?}");
    let mut depth = 0;
    let mut inner = CimObject::decode_unit(object.encode_unit()).unwrap();
    loop {
        inner = match inner.value(0) {
            Ok(CimValue::Object(object)) => *object,
            Ok(value) => panic!("{value:?} at {depth}"),
            Err(error) => break assert_eq!(error.what, "depth of embedded objects"),
        };
        depth += 1;
    }
    assert_eq!(depth, MAX_DEPTH);
}

#[test]
fn conversions_are_truthful() {
    assert_eq!(CimValue::from(u32::MAX).as_i64(), Some(4_294_967_295));
    assert_eq!(CimValue::from(-1_i8).as_u64(), None);
    assert_eq!(CimValue::from(u64::MAX).as_u64(), Some(u64::MAX));
    assert_eq!(CimValue::from(u64::MAX).as_f64(), None);
    assert_eq!(CimValue::from(i64::MIN).as_f64(), Some(-9_223_372_036_854_775_808.0));
    assert_eq!(CimValue::from(0.1_f32).as_f64(), Some(0.100_000_001_490_116_12));
    assert_eq!(CimValue::from(true).as_i64(), None);
    assert_eq!(CimValue::Char16(65).as_i64(), None);
    assert_eq!(CimValue::from("1").as_i64(), None);
    assert_eq!(CimValue::Null.as_bool(), None);
    assert_eq!(CimValue::Reference("A.B=1".into()).as_str().as_deref(), Some("A.B=1"));
    assert_eq!(CimValue::Real64(f64::NAN), CimValue::Real64(f64::NAN));
    assert_ne!(CimValue::Real32(0.0), CimValue::Real32(-0.0));
}

#[test]
fn text_is_compressed_when_it_can_be() {
    let wide = CimString::from("a\u{3a9}");
    let latin = CimString::from("a\u{e9}");
    assert!(wide.is_wide() && !latin.is_wide());
    let encoded = |text: &CimString| {
        let mut out = bytes::BytesMut::new();
        text.encode(&mut out);
        out.freeze()
    };
    assert_eq!(encoded(&latin)[..], [0, b'a', 0xe9, 0]);
    assert_eq!(encoded(&wide)[..], [1, b'a', 0, 0xa9, 0x03, 0, 0]);
    // impacket writes text that could be compressed as UTF-16.
    let (uncompressed, length) = CimString::decode(&b"\x01a\0\xe9\0\0\0rest"[..].into()).unwrap();
    assert_eq!((&uncompressed, length), (&latin, 7));
    assert_eq!(encoded(&uncompressed), encoded(&latin));
    assert_eq!(CimString::from("cut\0off"), CimString::from("cut"));
    assert!(latin.eq_ignore_ascii_case("A\u{e9}") && !latin.eq_ignore_ascii_case("A\u{c9}"));
    let surrogate = CimString::decode(&b"\x01\x00\xd8\0\0"[..].into()).unwrap().0;
    assert_eq!(surrogate.to_str(), "\u{fffd}");
    assert_eq!(encoded(&surrogate)[..], b"\x01\x00\xd8\0\0"[..], "what cannot be shown is still sent back");
}
