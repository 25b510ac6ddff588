use super::path;
use crate::cim::CimValue;
use crate::path::{MAX_NAME, Select, associators, quoted, references, select};

/// The example of [MS-WMI 2.2.1.1] and all keywords.
#[test]
fn queries_for_associations() {
    let disk = path(r#"//HOST/root/cimv2:Win32_LogicalDisk.DeviceID="C:""#);
    let query = associators(&disk).required_assoc_qualifier("Association").build().unwrap();
    assert_eq!(query, r#"ASSOCIATORS OF {Win32_LogicalDisk.DeviceID="C:"} WHERE RequiredAssocQualifier=Association"#);
    assert_eq!(associators(&disk).build().unwrap(), r#"ASSOCIATORS OF {Win32_LogicalDisk.DeviceID="C:"}"#);
    assert_eq!(references(&disk).keys_only().build().unwrap().split_once("} ").unwrap().1, "WHERE KeysOnly");
    let query = associators(&disk)
        .assoc_class("A")
        .result_class("B")
        .result_role("C")
        .role("D")
        .required_qualifier("E")
        .required_assoc_qualifier("F")
        .assoc_class("G")
        .keys_only()
        .class_defs_only();
    let text = query.build().unwrap();
    let (_, filters) = text.split_once(" WHERE ").unwrap();
    let all = "ResultClass=B ResultRole=C Role=D RequiredQualifier=E RequiredAssocQualifier=F AssocClass=G";
    assert_eq!(filters, format!("{all} ClassDefsOnly"));
    let text = references(&disk).result_class("B").role("D").required_qualifier("E").build().unwrap();
    assert!(text.starts_with("REFERENCES OF {Win32_LogicalDisk.DeviceID=\"C:\"} WHERE "), "{text}");
    assert!(text.ends_with(" ResultClass=B Role=D RequiredQualifier=E"), "{text}");
    let schema = references(&path("Win32_Service")).schema_only().build().unwrap();
    assert_eq!(schema, "REFERENCES OF {Win32_Service} WHERE SchemaOnly");
}

#[test]
fn keys_of_associations_are_quoted() {
    let file = path(r#"CIM_DataFile='C:\\a} b\'s \"x\".txt'"#);
    let expected = r#"ASSOCIATORS OF {CIM_DataFile="C:\\a} b's \"x\".txt"}"#;
    assert_eq!(associators(&file).build().unwrap(), expected);
    // What stands between the braces is read as the same path.
    let text = expected.split_once('{').unwrap().1.strip_suffix('}').unwrap();
    assert_eq!(path(text), file);
}

#[test]
fn what_cannot_be_asked() {
    let told = |result: Result<String, crate::path::PathError>| result.unwrap_err().to_string();
    assert!(told(associators(&path("root/cimv2")).build()).contains("a namespace has no associations"));
    assert!(told(associators(&path("A")).build()).contains("a key is missing"));
    assert!(told(references(&path("A=@")).schema_only().build()).contains("SchemaOnly asks about a class"));
    assert!(told(Select::object(&path("A=5")).and_then(|q| q.build())).contains("the name of the key is missing"));
    assert!(told(Select::object(&path("root:")).and_then(|q| q.build())).contains("a namespace has no instances"));

    let a = path("A=1");
    let long = "x".repeat(MAX_NAME + 1);
    for name in ["", "B C", "B} WHERE KeysOnly", "B;", "B--", "\"B\"", "B.C", "B\0", "*", long.as_str()] {
        for result in [
            associators(&a).assoc_class(name).build(),
            associators(&a).result_class(name).build(),
            associators(&a).role(name).build(),
            associators(&a).result_role(name).build(),
            associators(&a).required_qualifier(name).build(),
            references(&a).result_class(name).build(),
            select(name).build(),
            select("A").columns([name]).build(),
            select("A").equals(name, 1).build(),
        ] {
            assert!(result.is_err(), "{name:.20}: {result:?}");
        }
    }
    for value in [CimValue::Array(vec![]), CimValue::Real64(f64::NAN)] {
        assert!(select("A").equals("B", value).build().is_err());
    }
}

#[test]
fn selections() {
    assert_eq!(select("Win32_Service").build().unwrap(), "SELECT * FROM Win32_Service");
    let query = select("A").columns(["B", "C"]).equals("D", r#"x' OR "1"="1\"#).equals("E", CimValue::Null);
    let query = query.equals("F", true).equals("G", -5);
    assert_eq!(
        query.build().unwrap(),
        r#"SELECT B,C FROM A WHERE D="x' OR \"1\"=\"1\\" AND E IS NULL AND F=TRUE AND G=-5"#
    );
    let object = Select::object(&path(r#"root:A.B="x",C=18446744073709551615"#)).unwrap();
    assert_eq!(object.build().unwrap(), r#"SELECT * FROM A WHERE B="x" AND C=18446744073709551615"#);
    assert_eq!(Select::object(&path("A=@")).unwrap().build().unwrap(), "SELECT * FROM A");
    assert_eq!(quoted(r#"a"b\c"#), r#""a\"b\\c""#);
}
