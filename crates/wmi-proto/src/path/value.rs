//! Values of keys: how they are printed in paths and compared.

use core::fmt;

use super::{ObjectPath, PathError, PathErrorKind, same_name};
use crate::wire::cim::CimValue;

/// [MS-WMI 2.2.2] TYPED-CONSTANT: the value of a key.
///
/// A path does not tell the type that the class declares: datetimes and references stand in it as text, a char16 as
/// the number of its code unit (of which no witness was found), integers of every width as a number.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum KeyValue {
    /// Text, a datetime, or a reference.
    String(String),
    /// An integer of 64 bits, with or without a sign.
    Integer(i128),
    /// A finite real; [MS-WMI 2.2.2] allows it, no known class has one.
    Real(f64),
    /// A truth value.
    Boolean(bool),
}

impl KeyValue {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        if let Self::String(text) = self { Some(text) } else { None }
    }

    /// The integer, when it fits.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        if let Self::Integer(value) = self { i64::try_from(*value).ok() } else { None }
    }

    /// The integer, when it fits.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Integer(value) = self { u64::try_from(*value).ok() } else { None }
    }

    /// The truth value.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(value) = self { Some(*value) } else { None }
    }

    /// The path that a reference in a key is.
    ///
    /// # Errors
    /// Where and why the text is no path.
    #[must_use]
    pub fn as_path(&self) -> Option<Result<ObjectPath, PathError>> {
        self.as_str().map(str::parse)
    }

    /// The value, when a path can say it.
    pub(super) fn checked(self) -> Result<Self, PathError> {
        let good = match &self {
            Self::String(text) => !text.contains('\0'),
            Self::Integer(value) => in_range(*value),
            Self::Real(value) => value.is_finite(),
            Self::Boolean(_) => true,
        };
        if good { Ok(self) } else { Err(PathError::new(PathErrorKind::NoKeyValue, 0)) }
    }

    /// Whether both are the same to WMI: the case of text is ignored ([MS-WMI 2.2.1]).
    pub(super) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::String(a), Self::String(b)) => same_name(a, b),
            (a, b) => a == b,
        }
    }
}

/// Whether 64 bits, with or without a sign, hold it.
pub(super) fn in_range(value: i128) -> bool {
    (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(&value)
}

/// Reals are equal when their bits are.
impl PartialEq for KeyValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::String(a), Self::String(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Real(a), Self::Real(b)) => a.to_bits() == b.to_bits(),
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            _ => false,
        }
    }
}

impl fmt::Display for KeyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String(text) => write_quoted(f, text),
            Self::Integer(value) => write!(f, "{value}"),
            // Without an exponent; with a point, so that it is no integer.
            Self::Real(value) if value.fract() == 0.0 => write!(f, "{value:.1}"),
            Self::Real(value) => write!(f, "{value}"),
            Self::Boolean(value) => f.write_str(if *value { "TRUE" } else { "FALSE" }),
        }
    }
}

/// `text` between quotation marks; these and backslashes in it get a backslash. Paths and WQL have this in common.
pub(super) fn write_quoted(f: &mut impl fmt::Write, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            f.write_char('\\')?;
        }
        f.write_char(c)?;
    }
    f.write_char('"')
}

macro_rules! from {
    ($variant:ident: $($ty:ty),*) => {
        $(impl From<$ty> for KeyValue {
            fn from(v: $ty) -> Self {
                Self::$variant(v.into())
            }
        })*
    };
}
from!(String: &str, String);
from!(Integer: i8, u8, i16, u16, i32, u32, i64, u64);
from!(Real: f64);
from!(Boolean: bool);

/// A reference as a key.
impl From<&ObjectPath> for KeyValue {
    fn from(path: &ObjectPath) -> Self {
        Self::String(path.to_string())
    }
}

impl From<KeyValue> for CimValue {
    fn from(value: KeyValue) -> Self {
        match value {
            KeyValue::String(text) => text.into(),
            KeyValue::Integer(value) => match i64::try_from(value) {
                Ok(value) => value.into(),
                Err(_) => u64::try_from(value).map_or(Self::Null, Self::from),
            },
            KeyValue::Real(value) => value.into(),
            KeyValue::Boolean(value) => value.into(),
        }
    }
}

/// The value of a key property; NULL, arrays and embedded objects are none.
impl TryFrom<&CimValue> for KeyValue {
    type Error = PathError;

    fn try_from(value: &CimValue) -> Result<Self, PathError> {
        let integer = || value.as_i64().map(i128::from).or_else(|| value.as_u64().map(i128::from)).map(Self::Integer);
        let found = match value {
            CimValue::Boolean(v) => Some(Self::Boolean(*v)),
            CimValue::Real32(v) => Some(Self::Real(f64::from(*v))),
            CimValue::Real64(v) => Some(Self::Real(*v)),
            CimValue::Char16(v) => Some(Self::Integer(i128::from(*v))),
            _ => value.as_str().map(|text| Self::String(text.into_owned())).or_else(integer),
        };
        found.ok_or_else(|| PathError::new(PathErrorKind::NoKeyValue, 0))?.checked()
    }
}
