//! Values of properties, parameters and qualifiers, and their types.

use std::borrow::Cow;

use super::{CimDateTime, CimObject, CimString};
use crate::wire::codes::open_enum;

open_enum! {
    /// [MS-WMIO 2.2.82] CimBaseType, without the array flag.
    pub struct CimType(u16);
    /// Signed 8 bits.
    SINT8 = 16,
    /// Unsigned 8 bits.
    UINT8 = 17,
    /// Signed 16 bits.
    SINT16 = 2,
    /// Unsigned 16 bits.
    UINT16 = 18,
    /// Signed 32 bits.
    SINT32 = 3,
    /// Unsigned 32 bits.
    UINT32 = 19,
    /// Signed 64 bits.
    SINT64 = 20,
    /// Unsigned 64 bits.
    UINT64 = 21,
    /// IEEE 754 single precision.
    REAL32 = 4,
    /// IEEE 754 double precision.
    REAL64 = 5,
    /// Truth value.
    BOOLEAN = 11,
    /// Text.
    STRING = 8,
    /// DMTF date and time or interval, as text.
    DATETIME = 101,
    /// Object path, as text.
    REFERENCE = 102,
    /// One UTF-16 code unit.
    CHAR16 = 103,
    /// Embedded object.
    OBJECT = 13,
}

impl CimType {
    /// The name in the managed object format, which is also the CIMTYPE qualifier of most properties.
    #[must_use]
    pub const fn mof_name(self) -> Option<&'static str> {
        Some(match self {
            Self::SINT8 => "sint8",
            Self::UINT8 => "uint8",
            Self::SINT16 => "sint16",
            Self::UINT16 => "uint16",
            Self::SINT32 => "sint32",
            Self::UINT32 => "uint32",
            Self::SINT64 => "sint64",
            Self::UINT64 => "uint64",
            Self::REAL32 => "real32",
            Self::REAL64 => "real64",
            Self::BOOLEAN => "boolean",
            Self::STRING => "string",
            Self::DATETIME => "datetime",
            Self::REFERENCE => "ref",
            Self::CHAR16 => "char16",
            Self::OBJECT => "object",
            _ => return None,
        })
    }

    /// Whether a value lies in the heap, and so can be NULL in an array.
    pub(super) const fn refers(self) -> bool {
        matches!(self, Self::STRING | Self::DATETIME | Self::REFERENCE | Self::OBJECT)
    }

    /// [MS-WMIO 2.2.71] octets of a value in a value table or an array; `None` for a type that is not known.
    pub(super) const fn size(self) -> Option<usize> {
        Some(match self {
            Self::SINT8 | Self::UINT8 => 1,
            Self::SINT16 | Self::UINT16 | Self::CHAR16 | Self::BOOLEAN => 2,
            Self::SINT32 | Self::UINT32 | Self::REAL32 => 4,
            Self::SINT64 | Self::UINT64 | Self::REAL64 => 8,
            Self::STRING | Self::DATETIME | Self::REFERENCE | Self::OBJECT => 4,
            _ => return None,
        })
    }
}

/// A value of a property, parameter or qualifier.
///
/// Values are equal when their encodings are: reals by their bits, so that NaN equals itself and -0 is not 0.
#[derive(Clone, Debug)]
pub enum CimValue {
    /// No value; not zero, not empty, not the default.
    Null,
    /// CIM_BOOLEAN.
    Boolean(bool),
    /// CIM_SINT8.
    Sint8(i8),
    /// CIM_UINT8.
    Uint8(u8),
    /// CIM_SINT16.
    Sint16(i16),
    /// CIM_UINT16.
    Uint16(u16),
    /// CIM_SINT32.
    Sint32(i32),
    /// CIM_UINT32.
    Uint32(u32),
    /// CIM_SINT64.
    Sint64(i64),
    /// CIM_UINT64.
    Uint64(u64),
    /// CIM_REAL32.
    Real32(f32),
    /// CIM_REAL64.
    Real64(f64),
    /// CIM_CHAR16: a UTF-16 code unit.
    Char16(u16),
    /// CIM_STRING.
    String(CimString),
    /// CIM_DATETIME: the DMTF text exactly as sent; see [`CimDateTime`].
    DateTime(CimString),
    /// CIM_REFERENCE: an object path as text.
    Reference(CimString),
    /// CIM_OBJECT.
    Object(Box<CimObject>),
    /// An array; its element type is the property's. An element may be [`CimValue::Null`] when it is text or an object.
    Array(Vec<Self>),
}

impl CimValue {
    /// Whether there is no value.
    #[must_use]
    pub const fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value of a boolean.
    #[must_use]
    pub const fn as_bool(&self) -> Option<bool> {
        if let Self::Boolean(v) = self { Some(*v) } else { None }
    }

    /// The value of an integer of any width that fits; no boolean, no real, no char16, no text.
    #[must_use]
    pub fn as_i64(&self) -> Option<i64> {
        match *self {
            Self::Uint64(v) => i64::try_from(v).ok(),
            Self::Uint32(v) => Some(v.into()),
            Self::Uint16(v) => Some(v.into()),
            Self::Uint8(v) => Some(v.into()),
            Self::Sint64(v) => Some(v),
            Self::Sint32(v) => Some(v.into()),
            Self::Sint16(v) => Some(v.into()),
            Self::Sint8(v) => Some(v.into()),
            _ => None,
        }
    }

    /// The value of an integer of any width that is not negative; no boolean, no real, no char16, no text.
    #[must_use]
    pub fn as_u64(&self) -> Option<u64> {
        if let Self::Uint64(v) = *self { Some(v) } else { u64::try_from(self.as_i64()?).ok() }
    }

    /// The value of a real, or of an integer that a double holds exactly.
    #[must_use]
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "what is lost is refused")]
    pub fn as_f64(&self) -> Option<f64> {
        match *self {
            Self::Real32(v) => Some(v.into()),
            Self::Real64(v) => Some(v),
            Self::Uint64(v) => Some(v as f64).filter(|&real| real as u128 == u128::from(v)),
            _ => self.as_i64().and_then(|v| Some(v as f64).filter(|&real| real as i128 == i128::from(v))),
        }
    }

    /// The code unit of a char16.
    #[must_use]
    pub const fn as_char16(&self) -> Option<u16> {
        if let Self::Char16(v) = self { Some(*v) } else { None }
    }

    /// The text of a string, datetime or reference.
    #[must_use]
    pub fn as_str(&self) -> Option<Cow<'_, str>> {
        self.as_cim_string().map(CimString::to_str)
    }

    /// The text of a string, datetime or reference as it is encoded.
    #[must_use]
    pub const fn as_cim_string(&self) -> Option<&CimString> {
        match self {
            Self::String(v) | Self::DateTime(v) | Self::Reference(v) => Some(v),
            _ => None,
        }
    }

    /// The date and time or interval of a datetime whose text is one.
    #[must_use]
    pub fn as_datetime(&self) -> Option<CimDateTime> {
        if let Self::DateTime(v) = self { v.to_str().parse().ok() } else { None }
    }

    /// The elements of an array.
    #[must_use]
    pub fn as_array(&self) -> Option<&[Self]> {
        if let Self::Array(v) = self { Some(v) } else { None }
    }

    /// The embedded object.
    #[must_use]
    pub fn as_object(&self) -> Option<&CimObject> {
        if let Self::Object(v) = self { Some(v) } else { None }
    }

    /// The type of a scalar; `None` for NULL and arrays, whose type only their property knows.
    #[must_use]
    pub const fn cim_type(&self) -> Option<CimType> {
        Some(match self {
            Self::Null | Self::Array(_) => return None,
            Self::Boolean(_) => CimType::BOOLEAN,
            Self::Sint8(_) => CimType::SINT8,
            Self::Uint8(_) => CimType::UINT8,
            Self::Sint16(_) => CimType::SINT16,
            Self::Uint16(_) => CimType::UINT16,
            Self::Sint32(_) => CimType::SINT32,
            Self::Uint32(_) => CimType::UINT32,
            Self::Sint64(_) => CimType::SINT64,
            Self::Uint64(_) => CimType::UINT64,
            Self::Real32(_) => CimType::REAL32,
            Self::Real64(_) => CimType::REAL64,
            Self::Char16(_) => CimType::CHAR16,
            Self::String(_) => CimType::STRING,
            Self::DateTime(_) => CimType::DATETIME,
            Self::Reference(_) => CimType::REFERENCE,
            Self::Object(_) => CimType::OBJECT,
        })
    }

    /// Whether a property of this type can hold the value. NULL fits every type; an element of an array of numbers
    /// cannot be NULL.
    #[must_use]
    pub fn fits(&self, cim_type: CimType, is_array: bool) -> bool {
        match self {
            Self::Null => true,
            Self::Array(items) => {
                is_array && items.iter().all(|v| v.cim_type() == Some(cim_type) || (cim_type.refers() && v.is_null()))
            }
            _ => !is_array && self.cim_type() == Some(cim_type),
        }
    }
}

impl PartialEq for CimValue {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Sint8(a), Self::Sint8(b)) => a == b,
            (Self::Uint8(a), Self::Uint8(b)) => a == b,
            (Self::Sint16(a), Self::Sint16(b)) => a == b,
            (Self::Uint16(a), Self::Uint16(b)) | (Self::Char16(a), Self::Char16(b)) => a == b,
            (Self::Sint32(a), Self::Sint32(b)) => a == b,
            (Self::Uint32(a), Self::Uint32(b)) => a == b,
            (Self::Sint64(a), Self::Sint64(b)) => a == b,
            (Self::Uint64(a), Self::Uint64(b)) => a == b,
            (Self::Real32(a), Self::Real32(b)) => a.to_bits() == b.to_bits(),
            (Self::Real64(a), Self::Real64(b)) => a.to_bits() == b.to_bits(),
            (Self::String(a), Self::String(b))
            | (Self::DateTime(a), Self::DateTime(b))
            | (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for CimValue {}

macro_rules! from {
    ($($ty:ty => $variant:ident),* $(,)?) => {
        $(impl From<$ty> for CimValue {
            fn from(v: $ty) -> Self {
                Self::$variant(v.into())
            }
        })*
    };
}
from! {
    bool => Boolean, i8 => Sint8, u8 => Uint8, i16 => Sint16, u16 => Uint16, i32 => Sint32, u32 => Uint32,
    i64 => Sint64, u64 => Uint64, f32 => Real32, f64 => Real64, &str => String, String => String,
    CimString => String,
}

impl From<CimDateTime> for CimValue {
    fn from(v: CimDateTime) -> Self {
        Self::DateTime(v.to_string().into())
    }
}

impl From<CimObject> for CimValue {
    fn from(v: CimObject) -> Self {
        Self::Object(Box::new(v))
    }
}

impl<T: Into<Self>> From<Vec<T>> for CimValue {
    fn from(items: Vec<T>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }
}

/// `None` is NULL.
impl<T: Into<Self>> From<Option<T>> for CimValue {
    fn from(v: Option<T>) -> Self {
        v.map_or(Self::Null, Into::into)
    }
}
