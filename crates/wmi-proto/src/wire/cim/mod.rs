//! [MS-WMIO] CIM objects: classes, instances and their values, decoded and encoded.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use crate::wire::{WireError, codes::open_enum};

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

/// Text of an object: a slice of its encoding, converted when asked for ([MS-WMIO 2.2.78] Encoded-String).
#[derive(Clone)]
pub struct CimString {
    bytes: Bytes,
    /// UTF-16LE when set, otherwise one octet per character, 00 to FF (compressed).
    wide: bool,
}

impl CimString {
    /// The text; borrowed when it is ASCII.
    #[must_use]
    pub fn to_str(&self) -> Cow<'_, str> {
        todo!()
    }
}

impl From<&str> for CimString {
    fn from(_: &str) -> Self {
        todo!()
    }
}

/// A value of a property, parameter or qualifier.
#[derive(Clone, Debug, PartialEq)]
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
    /// An array; its element type is the property's.
    Array(Vec<Self>),
}

/// Class or instance ([MS-WMIO 2.2.6] ObjectFlags).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genus {
    /// A class definition.
    Class,
    /// An instance.
    Instance,
}

/// A class: what its instances have in common. Parsed once, shared by all rows.
#[derive(Clone, Debug, PartialEq)]
pub struct CimClass {}

/// A property as its class declares it.
#[derive(Clone, Debug, PartialEq)]
pub struct CimProperty {}

/// A class or an instance. An instance keeps the octets of its encoding; a value is decoded when it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct CimObject {}

/// Where the value of an instance's property comes from ([MS-WMIO 2.2.26] NdTable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Set in the instance itself.
    Own,
    /// The default of the class, which the instance did not override.
    ClassDefault,
}

impl CimClass {
    /// The name, for example `Win32_Service`.
    #[must_use]
    pub fn name(&self) -> &CimString {
        todo!()
    }

    /// Properties in the order of the class ([MS-WMIO] declaration order).
    #[must_use]
    pub fn properties(&self) -> &[CimProperty] {
        todo!()
    }
}

impl CimProperty {
    /// The name as the class spells it.
    #[must_use]
    pub fn name(&self) -> &CimString {
        todo!()
    }

    /// The type of the value, of an element when it is an array.
    #[must_use]
    pub fn cim_type(&self) -> CimType {
        todo!()
    }

    /// Whether the value is an array.
    #[must_use]
    pub fn is_array(&self) -> bool {
        todo!()
    }
}

impl CimObject {
    /// The class, or the class of which it is an instance.
    #[must_use]
    pub fn class(&self) -> &Arc<CimClass> {
        todo!()
    }

    /// Class or instance.
    #[must_use]
    pub fn genus(&self) -> Genus {
        todo!()
    }

    /// The value of the property at `index` of [`CimClass::properties`]; for a class its default.
    ///
    /// # Errors
    /// The cell does not decode; the other cells may.
    pub fn value(&self, _index: usize) -> Result<CimValue, WireError> {
        todo!()
    }

    /// Whether that value is the instance's own or its class's default.
    #[must_use]
    pub fn source(&self, _index: usize) -> Source {
        todo!()
    }

    /// The value of the property called `name` (ASCII case is ignored); `None` when there is no such property.
    #[must_use]
    pub fn get(&self, _name: &str) -> Option<Result<CimValue, WireError>> {
        todo!()
    }
}

impl core::fmt::Debug for CimString {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        core::fmt::Debug::fmt(&self.to_str(), f)
    }
}

impl PartialEq for CimString {
    fn eq(&self, other: &Self) -> bool {
        self.to_str() == other.to_str()
    }
}
