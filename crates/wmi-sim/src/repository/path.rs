//! Object paths ([MS-WMI 2.2.2]), read by code of the host's own so that a client's paths meet another reader.

use super::QueryError;
use crate::wql::Constant;

/// The longest path, in UTF-16 units (WBEM_MAX_PATH in [MS-WMI] appendix B).
const MAX_PATH: usize = 8_192;
/// The longest name of a class or method, in UTF-16 units (WBEM_MAX_IDENTIFIER).
pub(crate) const MAX_NAME: usize = 4_096;

/// What a path names.
#[derive(Debug, PartialEq)]
pub(super) struct Path {
    /// Server and namespace, or the namespace alone, as written.
    pub(super) namespace: Option<String>,
    pub(super) class: String,
    pub(super) keys: Keys,
}

/// What follows the class.
#[derive(Debug, PartialEq)]
pub(super) enum Keys {
    /// Nothing: the class itself.
    Class,
    /// `=@`
    Singleton,
    /// `="value"`
    Only(Constant),
    /// `.Name="value",Other=1`
    Named(Vec<(String, Constant)>),
}

/// Reads a path.
pub(super) fn parse(text: &str) -> Result<Path, QueryError> {
    if longer(text, MAX_PATH) {
        return Err(QueryError::Quota("path"));
    }
    let wrong = |what: &str| QueryError::InvalidPath(format!("{text}: {what}"));
    // A colon within the keys is part of a value.
    let keys_at = text.find(['"', '\'', '=']).unwrap_or(text.len());
    let (namespace, relative) = match text[..keys_at].rfind(':') {
        Some(at) => (Some(text[..at].to_owned()), &text[at + 1..]),
        None if text.starts_with(['\\', '/']) => return Err(wrong("a namespace, not an object")),
        None => (None, text),
    };
    let end = relative.find(['.', '=']).unwrap_or(relative.len());
    let (class, keys) = (relative[..end].trim(), &relative[end..]);
    if class.is_empty() || class.contains(|c: char| c.is_whitespace() || "\\/\"'{},:@".contains(c)) {
        return Err(wrong("no class"));
    }
    if longer(class, MAX_NAME) {
        return Err(QueryError::Quota("class"));
    }
    let keys = match keys.split_at_checked(1) {
        None => Keys::Class,
        Some(("=", only)) if only.trim() == "@" => Keys::Singleton,
        Some(("=", only)) => {
            let (value, rest) = constant(only.trim_start()).ok_or_else(|| wrong("no value of the key"))?;
            if !rest.trim().is_empty() {
                return Err(wrong("something after the value of the key"));
            }
            Keys::Only(value)
        }
        Some((_, named)) => Keys::Named(named_keys(named).ok_or_else(|| wrong("no list of keys"))?),
    };
    Ok(Path { namespace, class: class.to_owned(), keys })
}

/// Whether a text has more than `limit` UTF-16 units.
pub(crate) fn longer(text: &str, limit: usize) -> bool {
    text.encode_utf16().nth(limit).is_some()
}

fn named_keys(mut rest: &str) -> Option<Vec<(String, Constant)>> {
    let mut keys = Vec::new();
    loop {
        let (name, after) = rest.split_once('=')?;
        let name = name.trim();
        if name.is_empty() || !name.chars().all(|c| c == '_' || c.is_alphanumeric()) {
            return None;
        }
        let (value, after) = constant(after.trim_start())?;
        keys.push((name.to_owned(), value));
        rest = after.trim_start();
        if rest.is_empty() {
            return Some(keys);
        }
        rest = rest.strip_prefix(',')?;
    }
}

/// The constant at the start of a text, and what follows it.
fn constant(text: &str) -> Option<(Constant, &str)> {
    if let Some(quote) = text.chars().next().filter(|c| matches!(c, '"' | '\'')) {
        return quoted(&text[1..], quote);
    }
    let end = text.find([',', ' ', '\t']).unwrap_or(text.len());
    let (word, rest) = text.split_at(end);
    let constant = match word.to_ascii_uppercase().as_str() {
        "TRUE" => Constant::Boolean(true),
        "FALSE" => Constant::Boolean(false),
        upper => match upper.strip_prefix("0X") {
            Some(hex) => {
                Constant::Integer(i128::from_str_radix(hex, 16).ok().filter(|_| !hex.starts_with(['-', '+']))?)
            }
            None => Constant::Integer(upper.parse().ok()?),
        },
    };
    Some((constant, rest))
}

/// Text up to `quote`; a backslash takes the next character literally.
fn quoted(text: &str, quote: char) -> Option<(Constant, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.push(chars.next()?.1),
            _ if c == quote => return Some((Constant::Text(value), &text[at + 1..])),
            _ => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Constant {
        Constant::Text(text.to_owned())
    }

    fn read(path: &str) -> (Option<String>, String, Keys) {
        let Path { namespace, class, keys } = parse(path).expect(path);
        (namespace, class, keys)
    }

    #[test]
    fn quotes_commas_and_colons_belong_to_the_value() {
        let (namespace, class, keys) =
            read(r#"//./root/cimv2:Win32_X.A="a,\"b\":\\=c",B='it "is"', C = 0x1F,D=-7,E=true"#);
        assert_eq!((namespace.as_deref(), class.as_str()), (Some("//./root/cimv2"), "Win32_X"));
        let keys = match keys {
            Keys::Named(keys) => keys,
            other => panic!("{other:?}"),
        };
        let values: Vec<_> = keys.into_iter().map(|(_, value)| value).collect();
        let integers = [Constant::Integer(31), Constant::Integer(-7), Constant::Boolean(true)];
        assert_eq!(values[..2], [text(r#"a,"b":\=c"#), text(r#"it "is""#)]);
        assert_eq!(values[2..], integers);
    }

    #[test]
    fn classes_singletons_and_only_keys() {
        assert_eq!(read("Win32_X"), (None, "Win32_X".to_owned(), Keys::Class));
        assert_eq!(read("root\\cimv2:X=@"), (Some("root\\cimv2".to_owned()), "X".to_owned(), Keys::Singleton));
        assert_eq!(read("X=\"C:\""), (None, "X".to_owned(), Keys::Only(text("C:"))));
    }

    #[test]
    fn what_is_no_path() {
        for path in [
            "",
            " ",
            "\\\\.\\root",
            "X.",
            "X.A",
            "X.A=",
            "X.A=\"",
            "X.A=\"\\",
            "X.A=1,",
            "X=1 2",
            "X.A=1;B=2",
            "a b",
            "X.=1",
            "X.A=0x",
            "X.A=0x-1",
            ":",
            "root:",
        ] {
            assert!(matches!(parse(path), Err(QueryError::InvalidPath(_))), "{path}");
        }
        assert_eq!(parse(&"x".repeat(8_193)), Err(QueryError::Quota("path")));
        assert_eq!(parse(&"x".repeat(4_097)), Err(QueryError::Quota("class")));
        assert!(parse(&"x".repeat(4_096)).is_ok());
    }
}
