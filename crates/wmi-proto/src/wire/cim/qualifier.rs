//! Qualifiers: named metadata of classes, instances, properties, methods and parameters.

use core::fmt;
use core::ops::Range;

use bytes::{BufMut, Bytes, BytesMut};

use super::heap::{Budget, Heap, HeapWriter};
use super::{CimString, CimType, CimValue};
use crate::wire::{Reader, WireError};

/// [MS-WMIO 2.2.82] CimArrayFlag.
pub(super) const ARRAY_FLAG: u16 = 0x2000;

/// [MS-WMIO 2.2.62] QualifierFlavor: where a qualifier comes from and where it goes to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flavor(pub u8);

impl Flavor {
    /// Instances get the qualifier, too.
    pub const TO_INSTANCE: Self = Self(0x01);
    /// Derived classes get the qualifier, too.
    pub const TO_DERIVED: Self = Self(0x02);
    /// A derived class or an instance cannot change the value.
    pub const NOT_OVERRIDABLE: Self = Self(0x10);
    /// The qualifier comes from the parent class.
    pub const PROPAGATED: Self = Self(0x20);
    /// The qualifier belongs to a standard property.
    pub const SYSTEM: Self = Self(0x40);
    /// The text is localized.
    pub const AMENDED: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The bits of both.
    #[must_use]
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// The EncodedValue of a qualifier or a default, with the heap that it may refer to. Decoded when asked for.
#[derive(Clone)]
pub(super) struct Cell {
    pub(super) cim_type: CimType,
    pub(super) is_array: bool,
    pub(super) slot: Bytes,
    pub(super) heap: Heap,
}

impl Cell {
    pub(super) fn value(&self) -> Result<CimValue, WireError> {
        self.heap.value(self.cim_type, self.is_array, &self.slot)
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// [MS-WMIO 2.2.60] Qualifier.
#[derive(Clone, Debug)]
pub struct CimQualifier {
    name: CimString,
    flavor: Flavor,
    cell: Cell,
}

impl CimQualifier {
    /// The name, for example `key`.
    #[must_use]
    pub const fn name(&self) -> &CimString {
        &self.name
    }

    /// Origin and propagation.
    #[must_use]
    pub const fn flavor(&self) -> Flavor {
        self.flavor
    }

    /// The type of the value, of an element when it is an array.
    #[must_use]
    pub const fn cim_type(&self) -> CimType {
        self.cell.cim_type
    }

    /// Whether the value is an array.
    #[must_use]
    pub const fn is_array(&self) -> bool {
        self.cell.is_array
    }

    /// The value.
    ///
    /// # Errors
    /// It does not decode; the rest of the class may.
    pub fn value(&self) -> Result<CimValue, WireError> {
        self.cell.value()
    }

    fn decode(r: &mut Reader, heap: &Heap, budget: &mut Budget) -> Result<Self, WireError> {
        let name = r.u32("QualifierName")?;
        let name = heap.string(name, "QualifierName", budget)?.ok_or_else(|| r.bad("QualifierName"))?;
        let flavor = Flavor(r.u8("QualifierFlavor")?);
        let (cim_type, is_array) = decode_type(r.u32("QualifierType")?);
        // Without a size the next qualifier cannot be found.
        let size = if is_array { Some(4) } else { cim_type.size() };
        let size = size.ok_or_else(|| r.bad("QualifierType"))?;
        let slot = r.bytes(size, "QualifierValue")?;
        heap.reach(cim_type, is_array, &slot, budget)?;
        Ok(Self { name, flavor, cell: Cell { cim_type, is_array, slot, heap: heap.clone() } })
    }
}

impl PartialEq for CimQualifier {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.flavor, self.cim_type(), self.is_array(), self.value())
            == (&other.name, other.flavor, other.cim_type(), other.is_array(), other.value())
    }
}

/// The qualifier called `name`, ASCII case ignored.
pub(super) fn find<'q>(qualifiers: &'q [CimQualifier], name: &str) -> Option<&'q CimQualifier> {
    qualifiers.iter().find(|q| q.name.eq_ignore_ascii_case(name))
}

/// [MS-WMIO 2.2.31, 2.2.82] base type and array flag; the Inherited flag and the upper 16 bits do not belong to either.
pub(super) const fn decode_type(encoded: u32) -> (CimType, bool) {
    let [lo, hi, _, _] = encoded.to_le_bytes();
    let bits = u16::from_le_bytes([lo, hi]);
    (CimType(bits & 0x0fff), bits & ARRAY_FLAG != 0)
}

/// The octets of a QualifierSet ([MS-WMIO 2.2.59]) after its EncodingLength.
pub(super) fn set(r: &mut Reader) -> Result<Bytes, WireError> {
    let length = usize::try_from(r.u32("QualifierSet")?).unwrap_or(usize::MAX);
    let length = length.checked_sub(4).ok_or_else(|| r.bad("QualifierSet"))?;
    r.bytes(length, "QualifierSet")
}

/// Goes over a set: where it lies, without its length.
pub(super) fn skip_set(r: &mut Reader) -> Result<Range<usize>, WireError> {
    let length = usize::try_from(r.u32("QualifierSet")?).unwrap_or(usize::MAX);
    let length = length.checked_sub(4).ok_or_else(|| r.bad("QualifierSet"))?;
    let start = r.offset();
    r.skip(length, "QualifierSet")?;
    Ok(start..r.offset())
}

/// The qualifiers of a set.
pub(super) fn decode_set(octets: Bytes, heap: &Heap, budget: &mut Budget) -> Result<Vec<CimQualifier>, WireError> {
    let mut qualifiers = Vec::with_capacity(octets.len() / LEAST);
    let mut r = Reader::new(octets);
    while !r.is_empty() {
        qualifiers.push(CimQualifier::decode(&mut r, heap, budget)?);
    }
    Ok(qualifiers)
}

/// Octets of a qualifier with the shortest value but one: name, flavor, type and a boolean.
const LEAST: usize = 4 + 1 + 4 + 2;

/// Reads a set that lies at `at` of the heap; none when `at` refers to nothing.
pub(super) fn decode_set_at(at: u32, heap: &Heap, budget: &mut Budget) -> Result<Vec<CimQualifier>, WireError> {
    if at == super::heap::NO_REF {
        return Ok(Vec::new());
    }
    let octets = set(&mut Reader::new(heap.item(at, "QualifierSet")?))?;
    budget.item(octets.len(), "QualifierSet")?;
    decode_set(octets, heap, budget)
}

/// A qualifier as it is to be written.
#[derive(Clone, Debug)]
pub(super) struct QualifierModel {
    pub(super) name: CimString,
    pub(super) flavor: Flavor,
    pub(super) cim_type: CimType,
    pub(super) is_array: bool,
    pub(super) value: CimValue,
}

impl QualifierModel {
    pub(super) fn of(qualifier: &CimQualifier) -> Result<Self, WireError> {
        Ok(Self {
            name: qualifier.name.clone(),
            flavor: qualifier.flavor,
            cim_type: qualifier.cim_type(),
            is_array: qualifier.is_array(),
            value: qualifier.value()?,
        })
    }

    pub(super) fn all(qualifiers: &[CimQualifier]) -> Result<Vec<Self>, WireError> {
        qualifiers.iter().map(Self::of).collect()
    }

    /// Octets in its set.
    fn size(&self) -> usize {
        4 + 1 + 4 + if self.is_array { 4 } else { self.cim_type.size().unwrap_or(0) }
    }
}

/// The octets of a QualifierSet with its EncodingLength.
pub(super) fn set_size(qualifiers: &[QualifierModel]) -> usize {
    4 + qualifiers.iter().map(QualifierModel::size).sum::<usize>()
}

/// A QualifierSet with its EncodingLength; what it refers to goes into `heap`, name before value.
pub(super) fn encode_set(qualifiers: &[QualifierModel], heap: &mut HeapWriter, out: &mut BytesMut) {
    out.put_u32_le(u32::try_from(set_size(qualifiers)).unwrap_or(u32::MAX));
    for q in qualifiers {
        out.put_u32_le(heap.string(&q.name));
        out.put_u8(q.flavor.0);
        out.put_u32_le(u32::from(q.cim_type.0 | if q.is_array { ARRAY_FLAG } else { 0 }));
        heap.value(q.cim_type, q.is_array, &q.value, out);
    }
}
