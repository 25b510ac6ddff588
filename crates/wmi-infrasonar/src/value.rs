//! Values as they stand in packets: what msgpack and Python have in common.

use core::fmt;

/// A value of a packet. Maps keep their order and have text keys only.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing: `None`.
    Nil,
    /// A truth value.
    Bool(bool),
    /// A number below zero, or any other that fits.
    Int(i64),
    /// A number from zero on.
    Uint(u64),
    /// A number with a fraction: 64 bits, as Python's.
    Real(f64),
    /// Text.
    Text(String),
    /// Octets.
    Bytes(Vec<u8>),
    /// Values in a row.
    List(Vec<Self>),
    /// Values by name.
    Map(Vec<(String, Self)>),
    /// An extension type with its octets; agentcore sends none.
    Extension(i8, Vec<u8>),
}

impl Value {
    /// The value of `key`, when this is a map that has it. Of several the last counts, as in Python.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Map(entries) = self else { return None };
        entries.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The text, when it is one.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The number, when it is a whole one that is not below zero.
    #[must_use]
    pub fn unsigned(&self) -> Option<u64> {
        match *self {
            Self::Uint(number) => Some(number),
            Self::Int(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The values, when it is a list.
    #[must_use]
    pub fn list(&self) -> Option<&[Self]> {
        match self {
            Self::List(values) => Some(values),
            _ => None,
        }
    }

    /// Whether Python takes it for true.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        match self {
            Self::Nil => false,
            Self::Bool(value) => *value,
            Self::Int(number) => *number != 0,
            Self::Uint(number) => *number != 0,
            Self::Real(number) => *number != 0.0,
            Self::Text(text) => !text.is_empty(),
            Self::Bytes(bytes) => !bytes.is_empty(),
            Self::List(values) => !values.is_empty(),
            Self::Map(entries) => !entries.is_empty(),
            Self::Extension(..) => true,
        }
    }

    /// A map of `entries`.
    #[must_use]
    pub fn map<const N: usize>(entries: [(&str, Self); N]) -> Self {
        Self::Map(entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<u64> for Value {
    fn from(number: u64) -> Self {
        Self::Uint(number)
    }
}

impl From<i64> for Value {
    fn from(number: i64) -> Self {
        Self::Int(number)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Real(number)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Self>> for Value {
    fn from(values: Vec<Self>) -> Self {
        Self::List(values)
    }
}

impl fmt::Display for Value {
    /// As JSON on one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::printed::json(self, None))
    }
}
