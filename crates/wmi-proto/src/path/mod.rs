//! Object paths, system properties and queries by path: the names of things, and text made of them.
//!
//! ```
//! use wmi_proto::path::{ObjectPath, associators};
//!
//! let path: ObjectPath = r#"//./root/cimv2:Win32_Account.Domain="ACME",Name="o'neil, \"Bo\"""#.parse()?;
//! assert_eq!(path.namespace(), Some(r"root\cimv2"));
//! assert_eq!(path.key("name").and_then(|name| name.as_str()), Some(r#"o'neil, "Bo""#));
//! let groups = associators(&path).assoc_class("Win32_GroupUser").build()?;
//! assert!(groups.ends_with(" WHERE AssocClass=Win32_GroupUser"));
//! # Ok::<(), wmi_proto::path::PathError>(())
//! ```

use core::fmt;
use core::str::FromStr;

mod error;
mod listing;
mod parse;
mod query;
mod system;
mod value;

pub use error::{PathError, PathErrorKind};
pub use listing::{NAMESPACES, classes, namespace_below};
pub use query::{Associators, References, Select, associators, quoted, references, select};
pub use system::{SYSTEM_PROPERTIES, Sent};
pub use value::KeyValue;

use crate::wire::cim::CimValue;
use crate::wire::text;

/// The longest path that a host takes, in UTF-16 units (WBEM_MAX_PATH in [MS-WMI] appendix B).
pub const MAX_PATH: usize = 8_192;

/// The longest name of a class, property or qualifier that a host takes, in UTF-16 units (WBEM_MAX_IDENTIFIER).
pub const MAX_NAME: usize = 4_096;

/// As many keys as a class can have on Windows.
const MAX_KEYS: usize = 256;

/// [MS-WMI 2.2.2] CIMPATH: the name of a namespace, a class or an instance.
///
/// Any of these is one, printed in the canonical spelling:
///
/// | path | of |
/// |---|---|
/// | `\\SERVER\root\cimv2:Win32_Service.Name="spooler"` | an instance, with everything |
/// | `Win32_Account.Domain="ACME",Name="bo"` | an instance with two keys |
/// | `Win32_Service="spooler"` | an instance of a class that has one key |
/// | `__SystemSecurity=@` | the only instance of its class |
/// | `root\cimv2:Win32_Service` | a class |
/// | `\\.\root\cimv2`, `root\cimv2`, `root:` | a namespace; one that stands alone has a colon, else it were a class |
///
/// Also read, but not printed: `/` for `\`, text in apostrophes, hexadecimal integers (`0x1F`), a plus sign, the truth
/// values in any case, and blanks around the parts of the key.
///
/// Two paths are equal when they are spelt alike; [`ObjectPath::same_object`] ignores what WMI ignores.
#[derive(Clone, Debug, PartialEq)]
pub struct ObjectPath {
    server: Option<String>,
    /// With backslashes.
    namespace: Option<String>,
    /// Never absent when there is no namespace.
    class: Option<String>,
    keys: Keys,
}

/// [MS-WMI 2.2.2] INSTANCE-KEY: which instance of its class a path names.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Keys {
    /// None: the path names a class or a namespace.
    None,
    /// `=@`: the only instance of its class.
    Singleton,
    /// `="x"`: the value of the only key, whose name is left out.
    Single(KeyValue),
    /// `.Name="x",Other=5`, in the order in which they stand.
    Named(Vec<(String, KeyValue)>),
}

impl ObjectPath {
    /// The path of a class; [`ObjectPath::with_key`] and its like make it the path of an instance.
    ///
    /// # Errors
    /// `class` is no name.
    pub fn of_class(class: &str) -> Result<Self, PathError> {
        parse::check_name("the name of a class", class)?;
        Self { server: None, namespace: None, class: Some(class.to_owned()), keys: Keys::None }.checked()
    }

    /// The path of a namespace, for example `root\cimv2`, `root/cimv2` or `\\SERVER\root\cimv2`.
    ///
    /// # Errors
    /// `namespace` is none.
    pub fn of_namespace(namespace: &str) -> Result<Self, PathError> {
        parse::namespace(namespace)?.checked()
    }

    /// The same object, or class, in this namespace: `root\cimv2`, or `\\SERVER\root\cimv2` to name the server, too.
    ///
    /// # Errors
    /// `namespace` is none, or the path becomes too long.
    pub fn with_namespace(self, namespace: &str) -> Result<Self, PathError> {
        let Self { server, namespace, .. } = parse::namespace(namespace)?;
        Self { server: server.or(self.server), namespace, ..self }.checked()
    }

    /// The same with one more key. A key that is there already gets the new value.
    ///
    /// # Errors
    /// `name` is no name, `value` cannot be a key, the path has no class, or it becomes too long.
    pub fn with_key(mut self, name: &str, value: impl Into<KeyValue>) -> Result<Self, PathError> {
        parse::check_name("the name of a key", name)?;
        let value = value.into().checked()?;
        let mut keys = match self.keys {
            Keys::Named(keys) => keys,
            _ => Vec::new(),
        };
        let full = keys.len() >= MAX_KEYS;
        match keys.iter_mut().find(|(known, _)| same_name(known, name)) {
            Some((_, known)) => *known = value,
            None if full => return Err(PathError::new(PathErrorKind::TooManyKeys, 0)),
            None => keys.push((name.to_owned(), value)),
        }
        self.keys = Keys::Named(keys);
        self.of_some_class()?.checked()
    }

    /// The instance of a class with one key whose name is left out: `Win32_Service="spooler"`.
    ///
    /// # Errors
    /// `value` cannot be a key, the path has no class, or it becomes too long.
    pub fn with_single_key(self, value: impl Into<KeyValue>) -> Result<Self, PathError> {
        let keys = Keys::Single(value.into().checked()?);
        Self { keys, ..self }.of_some_class()?.checked()
    }

    /// The only instance of a class: `__SystemSecurity=@`.
    ///
    /// # Errors
    /// The path has no class, or it becomes too long.
    pub fn singleton(self) -> Result<Self, PathError> {
        Self { keys: Keys::Singleton, ..self }.of_some_class()?.checked()
    }

    /// The server as it is spelt; `.` is the server that is asked.
    #[must_use]
    pub fn server(&self) -> Option<&str> {
        self.server.as_deref()
    }

    /// The namespace with backslashes, for example `root\cimv2`.
    #[must_use]
    pub fn namespace(&self) -> Option<&str> {
        self.namespace.as_deref()
    }

    /// The class; `None` when the path is that of a namespace.
    #[must_use]
    pub fn class_name(&self) -> Option<&str> {
        self.class.as_deref()
    }

    /// Which instance.
    #[must_use]
    pub const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// The value of the key called `name` (case is ignored), when the path names it.
    #[must_use]
    pub fn key(&self, name: &str) -> Option<&KeyValue> {
        let Keys::Named(keys) = &self.keys else { return None };
        keys.iter().find(|(known, _)| same_name(known, name)).map(|(_, value)| value)
    }

    /// Whether it names an instance.
    #[must_use]
    pub fn is_instance(&self) -> bool {
        self.keys != Keys::None
    }

    /// The path without server and namespace, as GetObject takes it in the namespace; of a namespace the same path.
    #[must_use]
    pub fn relative(&self) -> Self {
        let (server, namespace) = match self.class {
            Some(_) => (None, None),
            None => (self.server.clone(), self.namespace.clone()),
        };
        Self { server, namespace, class: self.class.clone(), keys: self.keys.clone() }
    }

    /// The path of the class of an instance, server and namespace included; of a class or namespace the same path.
    #[must_use]
    pub fn without_keys(&self) -> Self {
        Self { keys: Keys::None, ..self.clone() }
    }

    /// Whether both name the same thing to WMI: the case of names and of text in keys does not count ([MS-WMI 2.2.1]),
    /// nor does the order of keys, and a server `.` is as none. A server or namespace that only one of them has is a
    /// difference, because what it stands for is not known here; so is a key whose name only one of them has.
    #[must_use]
    pub fn same_object(&self, other: &Self) -> bool {
        let same = |a: Option<&str>, b: Option<&str>| match (a, b) {
            (Some(a), Some(b)) => same_name(a, b),
            (a, b) => a == b,
        };
        let server = |path: &Self| path.server.clone().filter(|server| server != ".");
        let keys = match (&self.keys, &other.keys) {
            (Keys::Single(a), Keys::Single(b)) => a.same(b),
            (Keys::Named(a), Keys::Named(b)) => {
                let found = |(name, value): &(String, KeyValue)| other.key(name).is_some_and(|other| other.same(value));
                a.len() == b.len() && a.iter().all(found)
            }
            (a, b) => a == b,
        };
        keys && same(self.class_name(), other.class_name())
            && same(self.namespace(), other.namespace())
            && same(server(self).as_deref(), server(other).as_deref())
    }

    fn of_some_class(self) -> Result<Self, PathError> {
        match self.class {
            Some(_) => Ok(self),
            None => Err(PathError::expected("a class in front of the key", 0, None)),
        }
    }

    /// The path, when it is not too long in its canonical spelling.
    fn checked(self) -> Result<Self, PathError> {
        let mut length = Length(0);
        // Counting does not fail.
        let _ = fmt::write(&mut length, format_args!("{self}"));
        if length.0 > MAX_PATH { Err(PathError::too_long("the path", length.0, MAX_PATH)) } else { Ok(self) }
    }
}

/// Counts the UTF-16 units that are written.
struct Length(usize);

impl fmt::Write for Length {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 = self.0.saturating_add(text.encode_utf16().count());
        Ok(())
    }
}

/// Whether both are the same name to WMI: case is ignored, as Windows does, unit by unit.
fn same_name(a: &str, b: &str) -> bool {
    a.encode_utf16().map(text::uppercase_unit).eq(b.encode_utf16().map(text::uppercase_unit))
}

/// The canonical spelling; what is printed is read as the same path.
impl fmt::Display for ObjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(server) = &self.server {
            write!(f, r"\\{server}\")?;
        }
        if let Some(namespace) = &self.namespace {
            f.write_str(namespace)?;
            let alone = self.server.is_none() && !namespace.contains('\\');
            if self.class.is_some() || alone {
                f.write_str(":")?;
            }
        }
        f.write_str(self.class.as_deref().unwrap_or_default())?;
        match &self.keys {
            Keys::None => Ok(()),
            Keys::Singleton => f.write_str("=@"),
            Keys::Single(value) => write!(f, "={value}"),
            Keys::Named(keys) => {
                for (place, (name, value)) in keys.iter().enumerate() {
                    write!(f, "{}{name}={value}", if place == 0 { '.' } else { ',' })?;
                }
                Ok(())
            }
        }
    }
}

impl FromStr for ObjectPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        parse::path(text)?.checked()
    }
}

impl CimValue {
    /// The path that a reference, or a text in place of one, is; `None` for values of other types.
    ///
    /// # Errors
    /// Where and why the text is no path.
    #[must_use]
    pub fn as_path(&self) -> Option<Result<ObjectPath, PathError>> {
        match self {
            Self::Reference(text) | Self::String(text) => Some(text.to_str().parse()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
