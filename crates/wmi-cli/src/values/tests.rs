//! What is typed, and the value of the wanted type that it is.

use wmi_proto::cim::{CimMethod, ClassBuilder, MethodBuilder, PropertyBuilder};

use super::*;

fn class() -> Arc<CimClass> {
    let startup = PropertyBuilder::new("Startup", CimType::OBJECT).class("Sim_Startup");
    let method = MethodBuilder::new("Do")
        .input(PropertyBuilder::new("Text", CimType::STRING))
        .input(PropertyBuilder::new("Small", CimType::UINT8))
        .input(PropertyBuilder::new("Signed", CimType::SINT64))
        .input(PropertyBuilder::new("Large", CimType::UINT64))
        .input(PropertyBuilder::new("Real", CimType::REAL32))
        .input(PropertyBuilder::new("Truth", CimType::BOOLEAN))
        .input(PropertyBuilder::new("When", CimType::DATETIME))
        .input(PropertyBuilder::new("Letter", CimType::CHAR16))
        .input(PropertyBuilder::new("Other", CimType::REFERENCE))
        .input(startup)
        .input(PropertyBuilder::new("Any", CimType::OBJECT))
        .input(PropertyBuilder::array("Texts", CimType::STRING))
        .input(PropertyBuilder::array("Smalls", CimType::UINT8))
        .returns(CimType::UINT32);
    ClassBuilder::new("Sim_Class").method(method).build().expect("a class")
}

fn startup() -> Arc<CimClass> {
    ClassBuilder::new("Sim_Startup")
        .property(PropertyBuilder::new("ShowWindow", CimType::UINT16))
        .property(PropertyBuilder::array("Environment", CimType::STRING))
        .build()
        .expect("a class")
}

fn fetch(name: &str) -> Result<Arc<CimClass>, Trouble> {
    assert!(name.eq_ignore_ascii_case("Sim_Startup"), "{name}");
    Ok(startup())
}

fn read(assignments: &[(&str, &str)]) -> Result<Vec<CimValue>, String> {
    let class = class();
    let known: Vec<_> = class.methods().iter().map(CimMethod::name).collect();
    let signature = MethodSignature::of(&class, "Do").unwrap_or_else(|error| panic!("{known:?}: {error}"));
    let pairs: Vec<_> = assignments.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    match parameters(&signature, &pairs, &mut fetch) {
        Ok(values) => Ok(values
            .into_iter()
            .map(|(name, value)| signature.input(&name).expect("known").fit(value).expect("fits"))
            .collect()),
        Err(Refusal::Wrong(why)) => Err(why),
        Err(Refusal::Trouble(trouble)) => panic!("{trouble:?}"),
    }
}

#[track_caller]
fn is(name: &str, text: &str, value: impl Into<CimValue>) {
    assert_eq!(read(&[(name, text)]), Ok(vec![value.into()]), "{name}={text}");
}

#[track_caller]
fn refused(name: &str, text: &str, words: &[&str]) {
    let why = read(&[(name, text)]).expect_err(text);
    let all = [&["Do", name], words].concat();
    assert!(all.iter().all(|word| why.contains(word)), "{name}={text}: {why}");
}

#[test]
fn text_is_taken_as_it_is() {
    is("Text", "plain, with = and 'quotes'", "plain, with = and 'quotes'");
    is("text", "", "");
    is("Text", "5", "5");
    is("Text", "true", "true");
    is("Text", "[1]", "[1]");
    is("Text", r#""say \"hi\"""#, r#"say "hi""#);
    is("Text", r#""null""#, "null");
    is("Text", "null", CimValue::Null);
    refused("Text", r#""C:\x" -a"#, &["string", "quotation mark"]);
}

#[test]
fn numbers_are_held_against_their_range() {
    is("Small", "255", 255_u8);
    is("Signed", "-9223372036854775808", i64::MIN);
    is("Signed", r#""-9223372036854775808""#, i64::MIN);
    is("Large", "18446744073709551615", u64::MAX);
    is("Large", r#""18446744073709551615""#, u64::MAX);
    is("Real", "0.5", 0.5_f32);
    is("Real", "NaN", f32::NAN);
    is("Small", "null", CimValue::Null);
    refused("Small", "256", &["uint8", "256"]);
    refused("Small", "-1", &["uint8", "-1"]);
    refused("Small", "1.5", &["uint8", "1.5"]);
    refused("Small", "many", &["uint8", "string"]);
    refused("Small", "true", &["uint8", "boolean"]);
    refused("Large", "18446744073709551616", &["uint64", "18446744073709551616"]);
    refused("Signed", "9223372036854775808", &["sint64", "9223372036854775808"]);
    refused("Smalls", "[18446744073709551616]", &["uint8", "18446744073709551616"]);
    refused("Real", "1e39", &["real32"]);
    refused("Real", "1e400", &["real32", "400"]);
}

#[test]
fn the_other_types() {
    is("Truth", "true", true);
    is("Truth", "FALSE", false);
    refused("Truth", "1", &["boolean"]);
    is("When", "20251231235958.987654+090", CimValue::DateTime("20251231235958.987654+090".into()));
    refused("When", "yesterday", &["datetime", "yesterday"]);
    is("Letter", "937", CimValue::Char16(937));
    is("Letter", "Ω", CimValue::Char16(937));
    refused("Letter", "65536", &["char16", "65536"]);
    refused("Letter", "ab", &["char16"]);
    is("Other", "X.A=\"b\"", CimValue::Reference("X.A=\"b\"".into()));
    refused("Other", "X.A=\"b", &["ref", "at character"]);
    is("Texts", r#"["a",null,""]"#, vec![Some("a"), None, Some("")]);
    is("Smalls", "[]", CimValue::Array(Vec::new()));
    is("Smalls", "[0, 255]", vec![0_u8, 255]);
    refused("Smalls", "[0, 256]", &["uint8", "256"]);
    refused("Smalls", "[null]", &["NULL"]);
    refused("Smalls", "7", &["uint8[]"]);
    refused("Smalls", "[1", &["JSON"]);
    refused("Small", "[1]", &["uint8"]);
    refused("Small", r#"{"a":1}"#, &["uint8", "object"]);
}

#[test]
fn embedded_objects() {
    let object = InstanceBuilder::new(&startup())
        .set("ShowWindow", CimValue::Uint16(5))
        .set("Environment", vec!["A=1"])
        .build()
        .expect("an object");
    let text = r#"{"showwindow":5,"Environment":["A=1"]}"#;
    is("Startup", text, object.clone());
    is("Any", r#"{"__CLASS":"sim_startup","ShowWindow":5,"Environment":["A=1"]}"#, object);
    refused("Any", text, &["__CLASS"]);
    refused("Startup", r#"{"Show":5}"#, &["Sim_Startup", "no property Show", "ShowWindow, Environment"]);
    refused("Startup", r#"{"ShowWindow":65536}"#, &["property ShowWindow", "uint16", "65536"]);
    refused("Startup", "5", &["object:Sim_Startup"]);
    refused("Startup", "x", &["object:Sim_Startup", "JSON"]);
}

#[test]
fn names_that_the_method_does_not_have_or_that_come_twice() {
    let why = read(&[("Nonsense", "{")]).expect_err("unknown");
    assert!(why.contains("Nonsense") && why.contains("Do") && why.contains("Text, Small"), "{why}");
    let why = read(&[("Small", "1"), ("SMALL", "1")]).expect_err("twice");
    assert!(why.contains("twice"), "{why}");
    let signature = MethodSignature::of(&class(), "Do").expect("a method");
    assert!(taken(&signature).starts_with("string Text, uint8 Small, sint64 Signed"));
}

#[test]
fn values_of_the_context() {
    assert_eq!(of_context("32"), Ok(CimValue::Sint32(32)));
    assert_eq!(of_context("true"), Ok(CimValue::Boolean(true)));
    assert_eq!(of_context("MS_409"), Ok("MS_409".into()));
    assert_eq!(of_context(r#""32""#), Ok("32".into()));
    assert_eq!(of_context("null"), Ok(CimValue::Null));
    assert_eq!(of_context("0.5"), Ok(CimValue::Real64(0.5)));
    assert_eq!(of_context(r#"["a","b"]"#), Ok(vec!["a", "b"].into()));
    assert!(of_context("4294967296").is_err_and(|why| why.contains("32 bits")));
    assert!(of_context(r#"["a",1]"#).is_err());
    assert!(of_context(r#"{"a":1}"#).is_err());
    assert!(of_context(r#""a"#).is_err_and(|why| why.contains("JSON")));
}
