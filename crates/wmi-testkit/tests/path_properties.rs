//! Properties of `wmi_proto::path`: what is printed is read, in every spelling, and no text panics.

use proptest::prelude::*;
use wmi_proto::cim::CimValue;
use wmi_proto::path::{Keys, ObjectPath, associators, quoted};
use wmi_testkit::generators::path::{object_path, path_like};
use wmi_testkit::generators::{cim, octets};
use wmi_testkit::oracles;

/// The same path as somebody else may spell it: slashes, apostrophes, case, blanks.
fn spelt_otherwise(path: &ObjectPath) -> String {
    let mut text = String::new();
    if let Some(server) = path.server() {
        text = format!("//{server}/");
    }
    if let Some(namespace) = path.namespace() {
        text = format!("{text}{}:", namespace.replace('\\', "/").to_ascii_uppercase());
    }
    text.push_str(&path.class_name().unwrap_or_default().to_ascii_lowercase());
    let value = |value: &wmi_proto::path::KeyValue| match value.as_str() {
        Some(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
        None => value.to_string().to_ascii_lowercase(),
    };
    match path.keys() {
        Keys::Named(keys) => {
            let keys: Vec<_> = keys.iter().rev().map(|(name, key)| format!(" {name} =\t{} ", value(key))).collect();
            format!("{text} .{}", keys.join(","))
        }
        Keys::Single(key) => format!("{text} = {}", value(key)),
        Keys::Singleton => format!("{text} = @ "),
        _ => text,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn what_is_printed_is_read(path in object_path(2)) {
        let text = path.to_string();
        prop_assert_eq!(text.parse(), Ok(path), "{}", text);
        oracles::path::object_path(text.as_bytes());
    }

    #[test]
    fn other_spellings_are_the_same_object(path in object_path(1)) {
        let text = spelt_otherwise(&path);
        let read: ObjectPath = text.parse().map_err(|error| TestCaseError::fail(format!("{text:?}: {error}")))?;
        prop_assert!(path.same_object(&read) && read.same_object(&path), "{} and {}", path, text);
    }

    /// One octet more or less of a good path, and text of its pieces: a path or an error, and never another path.
    #[test]
    fn no_text_panics(path in object_path(1), at in any::<prop::sample::Index>(), other in path_like(), octets in octets(200)) {
        let mut text: Vec<char> = path.to_string().chars().collect();
        text.remove(at.index(text.len()));
        oracles::path::object_path(text.into_iter().collect::<String>().as_bytes());
        oracles::path::object_path(other.as_bytes());
        oracles::path::object_path(&octets);
    }

    /// Whatever stands in a key stays there.
    #[test]
    fn keys_do_not_leave_their_quotation_marks(key in cim::text(), name in "[A-Za-z]{1,8}") {
        let path = ObjectPath::of_class(&name).unwrap().with_key("K", key.as_str()).unwrap();
        prop_assert_eq!(associators(&path).build().unwrap(), format!("ASSOCIATORS OF {{{name}.K={}}}", quoted(&key)));
        let reference = CimValue::Reference(path.to_string().into());
        prop_assert_eq!(reference.as_path(), Some(Ok(path)));
    }

    /// A path that an object says it has is one.
    #[test]
    fn paths_of_objects_are_read(object in cim::object(0)) {
        for path in [object.path(), object.relpath(), object.relpath_of(object.class())] {
            if let Some(path) = path.value() {
                prop_assert_eq!(path.to_string().parse(), Ok(path));
            }
        }
    }
}
