//! System properties: what an object says of itself, from its decoration, its class and its keys.

use super::{KeyValue, MAX_KEYS, ObjectPath, same_name};
use crate::wire::cim::{CimClass, CimObject, CimProperty, CimString, CimValue, Decoration, Genus};

/// A system property, as far as the host sent what it is made of.
///
/// Rows of `SELECT` with a column list are instances of a projection of their class: without the columns that were not
/// asked for, and from Windows mostly also without decoration and superclasses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sent<T> {
    /// It is this.
    Value(T),
    /// It is known to be none: the superclass of a topmost class, the path of an instance that has no key.
    Null,
    /// It was not sent, or not all that it is made of.
    NotSent,
    /// It was sent, but it is none: text in place of a name, a key that does not decode.
    Malformed,
}

impl<T> Sent<T> {
    /// The value.
    #[must_use]
    pub fn value(self) -> Option<T> {
        if let Self::Value(value) = self { Some(value) } else { None }
    }

    /// The same, of something made of the value.
    #[must_use]
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Sent<U> {
        self.and_then(|value| Sent::Value(make(value)))
    }

    /// The same by reference.
    #[must_use]
    pub const fn as_ref(&self) -> Sent<&T> {
        match self {
            Self::Value(value) => Sent::Value(value),
            Self::Null => Sent::Null,
            Self::NotSent => Sent::NotSent,
            Self::Malformed => Sent::Malformed,
        }
    }

    fn and_then<U>(self, make: impl FnOnce(T) -> Sent<U>) -> Sent<U> {
        match self {
            Self::Value(value) => make(value),
            Self::Null => Sent::Null,
            Self::NotSent => Sent::NotSent,
            Self::Malformed => Sent::Malformed,
        }
    }
}

/// The names of the system properties that [`CimObject::system_property`] knows.
pub const SYSTEM_PROPERTIES: [&str; 10] = [
    "__GENUS",
    "__CLASS",
    "__SUPERCLASS",
    "__DYNASTY",
    "__RELPATH",
    "__PROPERTY_COUNT",
    "__DERIVATION",
    "__SERVER",
    "__NAMESPACE",
    "__PATH",
];

/// System properties, of what [MS-WMIO 2.2.5, 2.2.7, 2.2.14] send.
impl CimObject {
    /// `__SERVER`: the server in whatever form it calls itself.
    #[must_use]
    pub fn server(&self) -> Sent<CimString> {
        self.decorated(|decoration| &decoration.server)
    }

    /// `__NAMESPACE`, for example `ROOT\CIMV2`.
    #[must_use]
    pub fn namespace(&self) -> Sent<CimString> {
        self.decorated(|decoration| &decoration.namespace)
    }

    fn decorated(&self, part: impl Fn(&Decoration) -> &CimString) -> Sent<CimString> {
        match self.decoration().map(part) {
            Some(text) if !text.is_empty() => Sent::Value(text.clone()),
            _ => Sent::NotSent,
        }
    }

    /// `__CLASS`.
    #[must_use]
    pub fn class_name(&self) -> &CimString {
        self.class().name()
    }

    /// `__DERIVATION`: the superclass, its superclass and so on; empty for a topmost class.
    #[must_use]
    pub fn derivation(&self) -> Sent<&[CimString]> {
        match self.class().derivation() {
            [] if !self.is_topmost() => Sent::NotSent,
            derivation => Sent::Value(derivation),
        }
    }

    /// `__SUPERCLASS`.
    #[must_use]
    pub fn superclass(&self) -> Sent<CimString> {
        self.derivation().and_then(|derivation| derivation.first().cloned().map_or(Sent::Null, Sent::Value))
    }

    /// `__DYNASTY`: the topmost superclass; of a topmost class the class itself.
    #[must_use]
    pub fn dynasty(&self) -> Sent<CimString> {
        self.derivation().map(|derivation| derivation.last().unwrap_or(self.class_name()).clone())
    }

    /// `__PROPERTY_COUNT`: the properties that the object was sent with, of a row those of its columns.
    #[must_use]
    pub fn property_count(&self) -> usize {
        let own = |name: &CimString| !name.to_str().starts_with("__");
        self.class().properties().iter().filter(|property| own(property.name())).count()
    }

    /// `__RELPATH`: class and keys.
    ///
    /// An instance without decoration is a row of some columns, or is part of another object: whether its keys are all
    /// there it does not say, and without any key it does not say that its class has none. [`CimObject::relpath_of`]
    /// asks the class. One thing cannot be told from a whole row: a column list that names `__SERVER` or `__NAMESPACE`
    /// and some of several keys, but neither `__PATH` nor `__RELPATH`.
    #[must_use]
    pub fn relpath(&self) -> Sent<ObjectPath> {
        match (self.genus(), self.decoration()) {
            (Genus::Class, _) => ObjectPath::of_class(&self.class_name().to_str()).map_or(Sent::Malformed, Sent::Value),
            (Genus::Instance, Some(_)) => match self.relpath_of(self.class()) {
                Sent::Null if !self.class().properties().iter().any(CimProperty::is_key) => Sent::NotSent,
                path => path,
            },
            (Genus::Instance, None) => Sent::NotSent,
        }
    }

    /// `__RELPATH` of an instance with the keys that `class` says it has: the whole definition of its class, which
    /// GetObject gives.
    #[must_use]
    pub fn relpath_of(&self, class: &CimClass) -> Sent<ObjectPath> {
        let Ok(path) = ObjectPath::of_class(&self.class_name().to_str()) else { return Sent::Malformed };
        let mut keys: Vec<_> = class.properties().iter().filter(|property| property.is_key()).collect();
        if keys.len() > MAX_KEYS {
            return Sent::Malformed;
        }
        if keys.is_empty() {
            let singleton = class.qualifier("singleton").is_some_and(|q| q.value() == Ok(CimValue::Boolean(true)));
            return if singleton { path.singleton().map_or(Sent::Malformed, Sent::Value) } else { Sent::Null };
        }
        // Windows prints them in the order of their names, as in the captured path of a Win32_Environment.
        keys.sort_by_cached_key(|property| property.name().to_str().to_ascii_lowercase());
        keys.into_iter().fold(Sent::Value(path), |path, property| {
            path.and_then(|path| {
                let name = property.name().to_str();
                let value = match self.get(&name) {
                    None => return Sent::NotSent,
                    Some(Ok(CimValue::Null)) => return Sent::Null,
                    Some(value) => value.ok().and_then(|value| KeyValue::try_from(&value).ok()),
                };
                value.and_then(|value| path.with_key(&name, value).ok()).map_or(Sent::Malformed, Sent::Value)
            })
        })
    }

    /// `__PATH`: server, namespace, class and keys.
    #[must_use]
    pub fn path(&self) -> Sent<ObjectPath> {
        let place = self.server().and_then(|server| self.namespace().map(|namespace| (server, namespace)));
        place.and_then(|(server, namespace)| {
            self.relpath().and_then(|path| match path.with_namespace(&format!(r"\\{server}\{namespace}")) {
                // A slash in the server would move the border.
                Ok(path) if path.server() == Some(&server.to_str()) => Sent::Value(path),
                _ => Sent::Malformed,
            })
        })
    }

    /// The system property called `name` (case is ignored) as a value; `None` when it is no system property.
    #[must_use]
    pub fn system_property(&self, name: &str) -> Option<Sent<CimValue>> {
        let name = SYSTEM_PROPERTIES.into_iter().find(|known| same_name(known, name))?;
        let path = |path: Sent<ObjectPath>| path.map(|path| CimValue::from(path.to_string()));
        let number = |number: usize| i32::try_from(number).map_or(Sent::Malformed, |n| Sent::Value(n.into()));
        Some(match name {
            "__GENUS" => number(if self.genus() == Genus::Class { 1 } else { 2 }),
            "__CLASS" => Sent::Value(self.class_name().clone().into()),
            "__SUPERCLASS" => self.superclass().map(CimValue::from),
            "__DYNASTY" => self.dynasty().map(CimValue::from),
            "__RELPATH" => path(self.relpath()),
            "__PROPERTY_COUNT" => number(self.property_count()),
            "__DERIVATION" => self.derivation().map(|derivation| derivation.to_vec().into()),
            "__SERVER" => self.server().map(CimValue::from),
            "__NAMESPACE" => self.namespace().map(CimValue::from),
            _ => path(self.path()),
        })
    }

    /// Whether an object without superclasses has none, rather than that they were not sent: a definition has them
    /// all, and so has an instance that says where it comes from and has no property from above.
    fn is_topmost(&self) -> bool {
        match self.genus() {
            Genus::Class => true,
            Genus::Instance => {
                self.decoration().is_some() && !self.class().properties().iter().any(|p| p.is_inherited())
            }
        }
    }
}
