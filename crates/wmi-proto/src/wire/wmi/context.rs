//! IWbemContext, marshalled by value: named values that go with a call.
//!
//! No capture shows one and no foreign client writes one; the specification is the only witness.

use bytes::Bytes;

use crate::wire::cim::{CimObject, CimValue};
use crate::wire::codes::open_enum;
use crate::wire::dcom::{MInterfacePointer, ObjRef, ObjRefBody};
use crate::wire::guid::{CLSID_WBEM_CLASS_OBJECT, CLSID_WBEM_CONTEXT, IID_IWBEM_CLASS_OBJECT, IID_IWBEM_CONTEXT};
use crate::wire::{Guid, Reader, Wire, WireError, WireErrorKind, Writer, text};

open_enum! {
    /// [MS-WMI 2.2.13.2] PropertyType, a VARTYPE of [MS-OAUT 2.2.7] without VT_ARRAY.
    pub struct VariantType(u16);
    /// No value.
    VT_NULL = 1,
    /// Signed 16 bits.
    VT_I2 = 2,
    /// Signed 32 bits.
    VT_I4 = 3,
    /// IEEE 754 single precision.
    VT_R4 = 4,
    /// IEEE 754 double precision.
    VT_R8 = 5,
    /// Text.
    VT_BSTR = 8,
    /// Truth value.
    VT_BOOL = 11,
    /// IWbemClassObject, marshalled by value.
    VT_UNKNOWN = 13,
    /// Signed 8 bits.
    VT_I1 = 16,
    /// Unsigned 8 bits.
    VT_UI1 = 17,
    /// Unsigned 16 bits.
    VT_UI2 = 18,
    /// Unsigned 32 bits.
    VT_UI4 = 19,
}

/// The bit of an array.
const VT_ARRAY: u16 = 0x2000;
/// Octets of a scalar that is not text, an object or NULL.
const SCALAR: usize = 8;
/// Octets of an OBJREF_CUSTOM before its data, and of an EncodingUnit before its ObjectBlock.
const OBJREF_HEADER: usize = 48;
const UNIT_HEADER: usize = 8;

/// [MS-WMI 2.2.13.1] IWbemContextBuffer.
///
/// A VARIANT has fewer types than CIM: 64-bit integers, datetimes and references go as text and char16 as a signed
/// 16-bit integer, which is how Automation represents them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WbemContext {
    /// What identifies the context; one, of which the specification says nothing more.
    pub ids: Vec<Guid>,
    /// The values, in order.
    pub properties: Vec<ContextProperty>,
}

/// [MS-WMI 2.2.13.2] IWbemContextProperty; PropertyFlags is written as 0 and ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContextProperty {
    name: String,
    vartype: VariantType,
    /// NULL for VT_NULL, an array for VT_ARRAY; otherwise of the type that `vartype` says.
    value: CimValue,
}

impl Default for WbemContext {
    fn default() -> Self {
        Self::new()
    }
}

impl WbemContext {
    /// A context without values.
    #[must_use]
    pub fn new() -> Self {
        Self { ids: vec![Guid::NULL], properties: Vec::new() }
    }

    /// The same, identified by `id`.
    #[must_use]
    pub fn identified_by(self, id: Guid) -> Self {
        Self { ids: vec![id], ..self }
    }

    /// The same with a value under `name`, in place of another of that name (ASCII case is ignored).
    ///
    /// What [`WbemContext::can_hold`] refuses becomes NULL.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<CimValue>) -> Self {
        let name = name.into();
        self.properties.retain(|property| !property.name.eq_ignore_ascii_case(&name));
        let (vartype, value) = variant(value.into()).unwrap_or((VariantType::VT_NULL, CimValue::Null));
        self.properties.push(ContextProperty { name, vartype, value });
        self
    }

    /// Whether a VARIANT can hold the value: everything but arrays of arrays and of more than one type.
    #[must_use]
    pub fn can_hold(value: &CimValue) -> bool {
        variant(value.clone()).is_some()
    }

    /// The value called `name` (ASCII case is ignored).
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&CimValue> {
        self.properties.iter().find(|property| property.name.eq_ignore_ascii_case(name)).map(|property| &property.value)
    }
}

impl ContextProperty {
    /// The name, for example `__ProviderArchitecture`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The type; of an array that of its elements.
    #[must_use]
    pub const fn vartype(&self) -> VariantType {
        self.vartype
    }

    /// The value.
    #[must_use]
    pub const fn value(&self) -> &CimValue {
        &self.value
    }
}

/// The VARIANT for a value; `None` when there is none.
fn variant(value: CimValue) -> Option<(VariantType, CimValue)> {
    let CimValue::Array(items) = value else { return scalar(value) };
    let mut vartype = None;
    let mut elements = Vec::with_capacity(items.len());
    for item in items {
        match scalar(item)? {
            (VariantType::VT_NULL, _) => elements.push(CimValue::from("")),
            (found, element) if *vartype.get_or_insert(found) == found => elements.push(element),
            _ => return None,
        }
    }
    // NULLs are texts without characters, and so is what an empty array would hold.
    let vartype = vartype.unwrap_or(VariantType::VT_BSTR);
    let uniform = elements.iter().all(|element| scalar(element.clone()).is_some_and(|(found, _)| found == vartype));
    uniform.then_some((vartype, CimValue::Array(elements)))
}

fn scalar(value: CimValue) -> Option<(VariantType, CimValue)> {
    Some(match value {
        CimValue::Array(_) => return None,
        CimValue::Null => (VariantType::VT_NULL, value),
        CimValue::Boolean(_) => (VariantType::VT_BOOL, value),
        CimValue::Sint8(_) => (VariantType::VT_I1, value),
        CimValue::Uint8(_) => (VariantType::VT_UI1, value),
        CimValue::Sint16(_) => (VariantType::VT_I2, value),
        CimValue::Char16(unit) => (VariantType::VT_I2, CimValue::Sint16(unit.cast_signed())),
        CimValue::Uint16(_) => (VariantType::VT_UI2, value),
        CimValue::Sint32(_) => (VariantType::VT_I4, value),
        CimValue::Uint32(_) => (VariantType::VT_UI4, value),
        CimValue::Sint64(number) => (VariantType::VT_BSTR, number.to_string().into()),
        CimValue::Uint64(number) => (VariantType::VT_BSTR, number.to_string().into()),
        CimValue::Real32(_) => (VariantType::VT_R4, value),
        CimValue::Real64(_) => (VariantType::VT_R8, value),
        CimValue::String(text) | CimValue::DateTime(text) | CimValue::Reference(text) => {
            (VariantType::VT_BSTR, CimValue::String(text))
        }
        CimValue::Object(_) => (VariantType::VT_UNKNOWN, value),
    })
}

/// All integers are little-endian and nothing is aligned.
impl Wire for WbemContext {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let count = r.u32("NumGuids")?;
        let count = r.fitting(count, 16, "NumGuids")?;
        let ids = (0..count).map(|_| r.guid("GuidArray")).collect::<Result<_, _>>()?;
        let count = r.u32("NumProps")?;
        let count = r.fitting(count, 10, "NumProps")?;
        let properties = (0..count).map(|_| ContextProperty::decode(r)).collect::<Result<_, _>>()?;
        Ok(Self { ids, properties })
    }

    fn encode(&self, w: &mut Writer) {
        w.len32(self.ids.len());
        for id in &self.ids {
            w.guid(id);
        }
        w.len32(self.properties.len());
        for property in &self.properties {
            property.encode(w);
        }
    }
}

impl Wire for ContextProperty {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let name = string(r)?;
        let (_flags, bits) = (r.u32("PropertyFlags")?, r.u16("PropertyType")?);
        let vartype = VariantType(bits & !VT_ARRAY);
        let value = if bits & VT_ARRAY != 0 { decode_array(vartype, r)? } else { decode_scalar(vartype, r)? };
        Ok(Self { name, vartype, value })
    }

    fn encode(&self, w: &mut Writer) {
        encode_string(&self.name, w);
        w.u32(0);
        let CimValue::Array(elements) = &self.value else {
            w.u16(self.vartype.0);
            let padding = if is_plain(self.vartype) { SCALAR.saturating_sub(size(self.vartype)) } else { 0 };
            encode_element(&self.value, w);
            w.zeros(padding);
            return;
        };
        w.u16(self.vartype.0 | VT_ARRAY);
        w.len32(elements.len());
        w.len32(element_size(self.vartype));
        for element in elements {
            encode_element(element, w);
            w.zeros(if self.vartype == VariantType::VT_R4 { 4 } else { 0 });
        }
    }
}

/// Whether a value is a number of a fixed size.
fn is_plain(vartype: VariantType) -> bool {
    size(vartype) != 0
}

/// Octets of a number; 0 for the other types.
const fn size(vartype: VariantType) -> usize {
    match vartype {
        VariantType::VT_I1 | VariantType::VT_UI1 => 1,
        VariantType::VT_I2 | VariantType::VT_UI2 | VariantType::VT_BOOL => 2,
        VariantType::VT_I4 | VariantType::VT_UI4 | VariantType::VT_R4 => 4,
        VariantType::VT_R8 => 8,
        _ => 0,
    }
}

/// [MS-WMI 2.2.13.4] ElementSize: of a pointer on a 64-bit host for what is no number; a VT_R4 takes eight octets.
const fn element_size(vartype: VariantType) -> usize {
    match vartype {
        VariantType::VT_BSTR | VariantType::VT_UNKNOWN | VariantType::VT_R4 => 8,
        _ => size(vartype),
    }
}

fn decode_scalar(vartype: VariantType, r: &mut Reader) -> Result<CimValue, WireError> {
    match vartype {
        VariantType::VT_NULL => Ok(CimValue::Null),
        VariantType::VT_BSTR => Ok(CimValue::from(string(r)?)),
        VariantType::VT_UNKNOWN => decode_object(r),
        _ => decode_number(vartype, SCALAR, r),
    }
}

fn decode_array(vartype: VariantType, r: &mut Reader) -> Result<CimValue, WireError> {
    const WHAT: &str = "IWbemContextArray";
    if element_size(vartype) == 0 {
        return Err(r.error(WireErrorKind::Unsupported, "PropertyType"));
    }
    let (count, size) = (r.u32(WHAT)?, r.u32(WHAT)?);
    let elements = match vartype {
        VariantType::VT_BSTR => {
            let count = r.fitting(count, 4, WHAT)?;
            (0..count).map(|_| string(r).map(CimValue::from)).collect::<Result<_, _>>()?
        }
        VariantType::VT_UNKNOWN => {
            let count = r.fitting(count, OBJREF_HEADER + UNIT_HEADER, WHAT)?;
            (0..count).map(|_| decode_object(r)).collect::<Result<_, _>>()?
        }
        _ => {
            // An element of no octets could be there any number of times.
            let size = usize::try_from(size).ok().filter(|&size| size > 0).ok_or_else(|| r.bad("ElementSize"))?;
            let count = r.fitting(count, size, WHAT)?;
            (0..count).map(|_| decode_number(vartype, size, r)).collect::<Result<_, _>>()?
        }
    };
    Ok(CimValue::Array(elements))
}

/// A number in `octets` octets, the first of which are its value.
fn decode_number(vartype: VariantType, octets: usize, r: &mut Reader) -> Result<CimValue, WireError> {
    const WHAT: &str = "PropertyValue";
    let mut r = r.sub(octets, WHAT)?;
    Ok(match vartype {
        VariantType::VT_I1 => CimValue::Sint8(r.u8(WHAT)?.cast_signed()),
        VariantType::VT_UI1 => CimValue::Uint8(r.u8(WHAT)?),
        VariantType::VT_I2 => CimValue::Sint16(r.u16(WHAT)?.cast_signed()),
        VariantType::VT_UI2 => CimValue::Uint16(r.u16(WHAT)?),
        VariantType::VT_BOOL => CimValue::Boolean(r.u16(WHAT)? != 0),
        VariantType::VT_I4 => CimValue::Sint32(r.i32(WHAT)?),
        VariantType::VT_UI4 => CimValue::Uint32(r.u32(WHAT)?),
        VariantType::VT_R4 => CimValue::Real32(f32::from_bits(r.u32(WHAT)?)),
        VariantType::VT_R8 => CimValue::Real64(f64::from_bits(r.u64(WHAT)?)),
        _ => return Err(r.error(WireErrorKind::Unsupported, "PropertyType")),
    })
}

/// An OBJREF around an EncodingUnit, which knows its own length.
fn decode_object(r: &mut Reader) -> Result<CimValue, WireError> {
    const WHAT: &str = "VT_UNKNOWN";
    let data = r.peek();
    let length = data.get(OBJREF_HEADER + 4..).and_then(|unit| unit.first_chunk().copied()).map(u32::from_le_bytes);
    let length = length.and_then(|length| usize::try_from(length).ok()?.checked_add(OBJREF_HEADER + UNIT_HEADER));
    let length = length.ok_or_else(|| r.error(WireErrorKind::Truncated, WHAT))?;
    let unit = MInterfacePointer { data: r.bytes(length, WHAT)? }.wbem_object()?;
    Ok(CimObject::decode_unit(unit)?.into())
}

fn encode_element(value: &CimValue, w: &mut Writer) {
    match value {
        // A property holds no arrays of arrays, and no type that a VARIANT does not have.
        CimValue::Null | CimValue::Array(_) | CimValue::Sint64(_) | CimValue::Uint64(_) => {}
        CimValue::Sint8(v) => w.u8(v.cast_unsigned()),
        CimValue::Uint8(v) => w.u8(*v),
        CimValue::Sint16(v) => w.u16(v.cast_unsigned()),
        CimValue::Uint16(v) | CimValue::Char16(v) => w.u16(*v),
        // VARIANT_TRUE is all bits.
        CimValue::Boolean(v) => w.u16(if *v { u16::MAX } else { 0 }),
        CimValue::Sint32(v) => w.i32(*v),
        CimValue::Uint32(v) => w.u32(*v),
        CimValue::Real32(v) => w.u32(v.to_bits()),
        CimValue::Real64(v) => w.u64(v.to_bits()),
        CimValue::String(v) | CimValue::DateTime(v) | CimValue::Reference(v) => encode_string(&v.to_str(), w),
        CimValue::Object(v) => {
            w.bytes(&ObjRef::custom(IID_IWBEM_CLASS_OBJECT, CLSID_WBEM_CLASS_OBJECT, v.encode_unit()).to_bytes());
        }
    }
}

/// [MS-WMI 2.2.13.3] IWbemContextString.
fn string(r: &mut Reader) -> Result<String, WireError> {
    const WHAT: &str = "IWbemContextString";
    let length = r.u32(WHAT)?;
    let units = r.fitting(length, 2, WHAT)?;
    Ok(text::utf16_lossy(&r.units(units, WHAT)?))
}

fn encode_string(text: &str, w: &mut Writer) {
    w.len32(text.encode_utf16().count());
    w.utf16(text);
}

/// [MS-WMI 2.2.13] IWbemContext.
impl MInterfacePointer {
    /// Marshals a context.
    #[must_use]
    pub fn from_wbem_context(context: &WbemContext) -> Self {
        Self::new(&ObjRef::custom(IID_IWBEM_CONTEXT, CLSID_WBEM_CONTEXT, context.to_bytes()))
    }

    /// The context inside. Octets behind it are ignored.
    ///
    /// # Errors
    /// Why it does not decode; `Unsupported` when it is no context.
    pub fn wbem_context(&self) -> Result<WbemContext, WireError> {
        match self.objref()?.body {
            ObjRefBody::Custom { clsid: CLSID_WBEM_CONTEXT, data, .. } => context(data),
            _ => Err(WireError::new(WireErrorKind::Unsupported, "OBJREF that is no IWbemContext", 0)),
        }
    }
}

fn context(data: Bytes) -> Result<WbemContext, WireError> {
    WbemContext::decode(&mut Reader::new(data))
}
