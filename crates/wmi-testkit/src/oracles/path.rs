//! Text as object paths and as parts of queries.

use wmi_proto::path::{Keys, ObjectPath, Select, associators, quoted, references};

/// Reads `data` as a path. What is one survives being printed, is the same in the other case, and makes queries that
/// name it and nothing else; what stands in it as a reference is read in turn.
///
/// # Panics
/// When a path does not.
pub fn object_path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let path: ObjectPath = match text.parse() {
        Ok(path) => path,
        Err(error) => {
            let error: wmi_proto::path::PathError = error;
            assert!(error.position() <= text.chars().count(), "{error}");
            assert!(!error.to_string().contains(char::is_control), "{error}");
            return;
        }
    };
    let printed = path.to_string();
    assert_eq!(printed.parse().as_ref(), Ok(&path), "{text:?} was printed as {printed:?}");
    assert!(path.same_object(&path), "{text:?}");
    let relative = path.relative();
    assert_eq!(relative.to_string().parse().as_ref(), Ok(&relative));
    if let Some(namespace) = path.namespace() {
        assert_eq!(relative.with_namespace(namespace).as_ref().map(ObjectPath::namespace), Ok(path.namespace()));
    }
    queries(&path);
    if let Keys::Named(keys) = path.keys() {
        for (name, value) in keys {
            assert_eq!(path.key(&name.to_ascii_uppercase()), Some(value));
            if let Some(Ok(inner)) = value.as_path() {
                assert_eq!(inner.to_string().parse(), Ok(inner));
            }
        }
    }
}

fn queries(path: &ObjectPath) {
    for query in [associators(path).build(), references(path).schema_only().build()].into_iter().flatten() {
        let inner = query.split_once('{').and_then(|(_, rest)| rest.rsplit_once('}'));
        let read = inner.map(|(inner, _)| inner.parse::<ObjectPath>());
        assert_eq!(read, Some(Ok(path.relative())), "{query}");
    }
    if let Ok(query) = Select::object(path).and_then(|query| query.build()) {
        assert!(query.starts_with("SELECT * FROM "), "{query}");
        assert_eq!(unquoted(&query), quote_free(path), "{query}");
    }
}

/// What of the texts of the keys does not stand between quotation marks, counted: nothing but names, marks and words.
fn unquoted(query: &str) -> usize {
    let (mut outside, mut inside, mut escaped) = (0, false, false);
    for c in query.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' => inside = !inside,
            _ if !inside => outside += 1,
            _ => {}
        }
    }
    assert!(!inside && !escaped, "{query}");
    outside
}

/// What [`unquoted`] has to count.
fn quote_free(path: &ObjectPath) -> usize {
    let class = path.class_name().map_or(0, |class| class.chars().count());
    let Keys::Named(keys) = path.keys() else { return "SELECT * FROM ".len() + class };
    let words = "SELECT * FROM ".len() + class + " WHERE ".len() + " AND ".len() * (keys.len() - 1);
    let each = keys.iter().map(|(name, value)| {
        let value = value.as_str().map_or_else(|| value.to_string().chars().count(), |text| unquoted(&quoted(text)));
        name.chars().count() + 1 + value
    });
    words + each.sum::<usize>()
}
