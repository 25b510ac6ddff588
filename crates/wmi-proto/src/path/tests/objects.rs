use std::sync::Arc;

use crate::cim::{CimClass, CimObject, CimString, CimType, CimValue, ClassBuilder, Flavor, PropertyBuilder};
use crate::path::{MAX_KEYS, ObjectPath, SYSTEM_PROPERTIES, Sent};

/// Test_Account : Test_Base : Test_Top, with the keys Number of the topmost class, Name and Domain.
fn account() -> Arc<CimClass> {
    let top = ClassBuilder::new("Test_Top").property(PropertyBuilder::new("Number", CimType::UINT64).key());
    let base = ClassBuilder::new("Test_Base").superclass(&top.build().unwrap()).build().unwrap();
    let name = PropertyBuilder::new("name", CimType::STRING).key();
    ClassBuilder::new("Test_Account")
        .superclass(&base)
        .property(PropertyBuilder::new("Comment", CimType::STRING))
        .property(name)
        .property(PropertyBuilder::new("Domain", CimType::STRING).key())
        .property(PropertyBuilder::new("__HIDDEN", CimType::STRING))
        .build()
        .unwrap()
}

/// As the host sends and this client reads it.
fn sent(object: &CimObject) -> CimObject {
    CimObject::decode_unit(object.encode_unit()).unwrap()
}

fn row(class: &Arc<CimClass>) -> CimObject {
    let values = [("Number", 7_u64.into()), ("NAME", r#"b\o, "x""#.into()), ("Domain", "ACME".into())];
    CimObject::instance(class, values).unwrap()
}

fn text(object: &CimObject, name: &str) -> Sent<String> {
    object.system_property(name).unwrap().map(|value| value.as_str().unwrap().into_owned())
}

fn value(text: &str) -> Sent<String> {
    Sent::Value(text.to_owned())
}

#[test]
fn of_a_row() {
    let row = sent(&row(&account()).with_decoration("HOST", "ROOT\\CIMV2"));
    let relpath = r#"Test_Account.Domain="ACME",name="b\\o, \"x\"",Number=7"#;
    assert_eq!(text(&row, "__relpath"), value(relpath));
    assert_eq!(text(&row, "__PATH"), value(&format!(r"\\HOST\ROOT\CIMV2:{relpath}")));
    assert_eq!(row.path().value().unwrap().relative(), relpath.parse().unwrap());
    assert_eq!(text(&row, "__SERVER"), value("HOST"));
    assert_eq!(text(&row, "__NAMESPACE"), value("ROOT\\CIMV2"));
    assert_eq!(text(&row, "__CLASS"), value("Test_Account"));
    assert_eq!(text(&row, "__SUPERCLASS"), value("Test_Base"));
    assert_eq!(text(&row, "__DYNASTY"), value("Test_Top"));
    let above = CimValue::from(vec!["Test_Base", "Test_Top"]);
    assert_eq!(row.system_property("__DERIVATION"), Some(Sent::Value(above)));
    assert_eq!(row.system_property("__GENUS"), Some(Sent::Value(2.into())));
    // Four of its own; one is named like a system property.
    assert_eq!(row.system_property("__PROPERTY_COUNT"), Some(Sent::Value(4.into())));
    assert_eq!(row.system_property("__HIDDEN"), None);
    assert_eq!(row.system_property("Name"), None);
}

#[test]
fn of_a_class() {
    let object = sent(&CimObject::of_class(account()).with_decoration("HOST", "root"));
    assert_eq!(text(&object, "__PATH"), value(r"\\HOST\root:Test_Account"));
    assert_eq!(object.system_property("__GENUS"), Some(Sent::Value(1.into())));
    let top = sent(&CimObject::of_class(ClassBuilder::new("Top").build().unwrap()));
    assert_eq!(text(&top, "__SUPERCLASS"), Sent::Null);
    assert_eq!(text(&top, "__DYNASTY"), value("Top"));
    assert_eq!(text(&top, "__RELPATH"), value("Top"));
    assert_eq!(text(&top, "__PATH"), Sent::NotSent);
    assert_eq!(top.system_property("__DERIVATION"), Some(Sent::Value(CimValue::Array(vec![]))));
}

/// Nothing is said of a row about what was left out; the whole class tells which keys it lacks.
#[test]
fn of_a_row_of_some_columns() {
    let class = account();
    for (columns, relpath) in [
        (&["Comment"][..], Sent::NotSent),
        (&["Name", "Domain"], Sent::NotSent),
        (&["Name", "Domain", "Number"], value(r#"Test_Account.Domain="ACME",name="b\\o, \"x\"",Number=7"#)),
    ] {
        let projection = class.project(columns).unwrap();
        let row = sent(&row(&class).project(&projection).unwrap());
        assert_eq!(text(&row, "__RELPATH"), Sent::NotSent, "{columns:?}");
        assert_eq!(row.relpath_of(&class).map(|path| path.to_string()), relpath, "{columns:?}");
        assert_eq!(text(&row, "__SERVER"), Sent::NotSent);
        assert_eq!(row.property_count(), columns.len());
    }
}

/// Windows leaves the superclasses out as well.
#[test]
fn superclasses_that_were_not_sent() {
    let class = ClassBuilder::new("Test_Row").property(PropertyBuilder::new("A", CimType::STRING)).build().unwrap();
    let row = CimObject::instance(&class, []).unwrap();
    for name in ["__SUPERCLASS", "__DYNASTY"] {
        assert_eq!(text(&sent(&row), name), Sent::NotSent);
    }
    assert_eq!(sent(&row).system_property("__DERIVATION"), Some(Sent::NotSent));
    // With a decoration, and without a property from above, there are none.
    let row = sent(&row.with_decoration("HOST", "root"));
    assert_eq!(text(&row, "__SUPERCLASS"), Sent::Null);
    assert_eq!(text(&row, "__DYNASTY"), value("Test_Row"));
    // Of a decoration that says half, half is told.
    let half = sent(&row.with_decoration("", "root"));
    assert_eq!((text(&half, "__SERVER"), text(&half, "__NAMESPACE")), (Sent::NotSent, value("root")));
    assert_eq!(text(&half, "__PATH"), Sent::NotSent);
}

#[test]
fn keys_that_make_no_path() {
    let class = account();
    let decorated = |object: CimObject| sent(&object.with_decoration("HOST", "root"));
    let null = CimObject::instance(&class, [("Name", "x".into())]).unwrap();
    assert_eq!(text(&decorated(null), "__RELPATH"), Sent::Null);

    let singleton = ClassBuilder::new("Only").qualifier("Singleton", Flavor::default(), true).build().unwrap();
    let only = decorated(CimObject::instance(&singleton, []).unwrap());
    assert_eq!(text(&only, "__PATH"), value(r"\\HOST\root:Only=@"));
    let keyless = ClassBuilder::new("Keyless").property(PropertyBuilder::new("A", CimType::STRING)).build().unwrap();
    let instance = decorated(CimObject::instance(&keyless, []).unwrap());
    assert_eq!((instance.relpath(), instance.relpath_of(&keyless)), (Sent::NotSent, Sent::Null));

    // What a host may send, but what is no path.
    let keyed = |name: &str, key: &str, keys: usize| {
        let mut class = ClassBuilder::new(name);
        for number in 0..keys {
            class = class.property(PropertyBuilder::new(format!("{key}{number}"), CimType::UINT8).key().default(1_u8));
        }
        decorated(CimObject::instance(&class.build().unwrap(), []).unwrap())
    };
    assert_eq!(text(&keyed("A", "K", 1), "__PATH"), value(r"\\HOST\root:A.K0=1"));
    assert_eq!(keyed("A", "K", MAX_KEYS).relpath().map(|_| ()), Sent::Value(()));
    assert_eq!(keyed("A", "K", MAX_KEYS + 1).relpath(), Sent::Malformed);
    assert_eq!(keyed("A:B", "K", 1).relpath(), Sent::Malformed);
    assert_eq!(keyed("A", "K\"=", 1).relpath(), Sent::Malformed);
    for server in ["HO\\ST", "HO ST", "\\HOST", "."] {
        let row = decorated(row(&class)).with_decoration(server, "root");
        let server = row.path().map(|path| path.server().map(str::to_owned));
        assert_eq!(
            server,
            if text(&row, "__SERVER") == value(".") { Sent::Value(Some(".".into())) } else { Sent::Malformed }
        );
    }
}

#[test]
fn references_and_datetimes_as_keys() {
    let class = ClassBuilder::new("Link")
        .property(PropertyBuilder::new("To", CimType::REFERENCE).key())
        .property(PropertyBuilder::new("At", CimType::DATETIME).key())
        .property(PropertyBuilder::new("On", CimType::BOOLEAN).key())
        .build()
        .unwrap();
    let target = r#"\\H\root:A.B="c,d""#;
    let at = CimValue::DateTime("20260101000000.000000+060".into());
    let values = [("To", CimValue::Reference(target.into())), ("At", at), ("On", true.into())];
    let link = sent(&CimObject::instance(&class, values).unwrap().with_decoration("H", "root"));
    let path: ObjectPath = link.relpath().value().unwrap();
    let expected = r#"Link.At="20260101000000.000000+060",On=TRUE,To="\\\\H\\root:A.B=\"c,d\"""#;
    assert_eq!(path.to_string(), expected);
    assert_eq!(path.key("to").unwrap().as_path(), Some(target.parse()));
    assert_eq!(link.get("To").unwrap().unwrap().as_path(), Some(target.parse()));
}

#[test]
fn every_name_is_known() {
    let object = row(&account());
    assert!(SYSTEM_PROPERTIES.iter().all(|name| object.system_property(&name.to_lowercase()).is_some()));
    assert_eq!(object.class_name(), &CimString::from("Test_Account"));
}
