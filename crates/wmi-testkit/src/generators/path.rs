//! Object paths of every form, and text that looks like one.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wmi_proto::path::{KeyValue, ObjectPath};

use super::cim::text;

fn name() -> impl Strategy<Value = String> {
    prop_oneof!["[A-Za-z_][A-Za-z0-9_]{0,12}", "[a-zäß_東𝄞][a-zäß_東𝄞0-9]{0,5}"]
}

fn value() -> BoxedStrategy<KeyValue> {
    prop_oneof![
        4 => text().prop_map(KeyValue::String),
        1 => "[\"'\\\\,=.@:/{}]{0,12}".prop_map(KeyValue::String),
        1 => any::<i64>().prop_map(KeyValue::from),
        1 => any::<u64>().prop_map(KeyValue::from),
        1 => any::<bool>().prop_map(KeyValue::from),
        1 => any::<f64>().prop_filter("finite", |value| value.is_finite()).prop_map(KeyValue::from),
    ]
    .boxed()
}

/// A server or none, then a namespace or none.
fn namespace() -> impl Strategy<Value = Option<String>> {
    let server = option::of(prop_oneof![Just(".".to_owned()), "[A-Za-z0-9.:_-]{1,15}"]);
    let parts = vec(prop_oneof![name(), "[A-Za-z0-9_$-]{1,8}"], 1..4);
    option::of((server, parts, any::<bool>()).prop_map(|(server, parts, slash)| {
        let slash = if slash { "/" } else { "\\" };
        let server = server.map_or_else(String::new, |server| format!("{slash}{slash}{server}{slash}"));
        format!("{server}{}", parts.join(slash))
    }))
}

/// A path that is made of its parts, `depth` references deep.
pub fn object_path(depth: u32) -> BoxedStrategy<ObjectPath> {
    let value = match depth {
        0 => value(),
        _ => prop_oneof![2 => value(), 1 => object_path(depth - 1).prop_map(|path| KeyValue::from(&path))].boxed(),
    };
    let keys = prop_oneof![
        1 => Just(Keys::None),
        1 => Just(Keys::Singleton),
        1 => value.clone().prop_map(Keys::Single),
        4 => vec((name(), value), 1..4).prop_map(Keys::Named),
    ];
    let path = (option::of(name()), keys, namespace()).prop_map(|(class, keys, namespace)| {
        let Some(class) = class else { return ObjectPath::of_namespace(&namespace.unwrap_or("root".into())) };
        let path = ObjectPath::of_class(&class)?;
        let path = match keys {
            Keys::None => path,
            Keys::Singleton => path.singleton()?,
            Keys::Single(value) => path.with_single_key(value)?,
            Keys::Named(keys) => keys.into_iter().try_fold(path, |path, (name, value)| path.with_key(&name, value))?,
        };
        match namespace {
            Some(namespace) => path.with_namespace(&namespace),
            None => Ok(path),
        }
    });
    path.prop_map(|path| path.expect("the parts are good")).boxed()
}

#[derive(Clone, Debug)]
enum Keys {
    None,
    Singleton,
    Single(KeyValue),
    Named(Vec<(String, KeyValue)>),
}

/// Text made of the pieces of paths, mostly none.
pub fn path_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        name(),
        text(),
        "[\"'\\\\,=.@:/{} +-]{1,3}",
        value().prop_map(|value| value.to_string()),
        Just("//./root".to_owned()),
    ];
    vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}
