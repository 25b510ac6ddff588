//! Classes: what their instances have in common, parsed once.

use core::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::heap::{Budget, Heap};
use super::qualifier::{self, Cell};
use super::{CimMethod, CimQualifier, CimString, CimType, CimValue};
use crate::wire::{Reader, WireError, WireErrorKind};

/// [MS-WMIO 2.2.32] the flag of a property that a parent class defines.
pub(super) const INHERITED_FLAG: u16 = 0x4000;

/// As many properties as DeclarationOrder can tell apart ([MS-WMIO 2.2.33]).
pub(super) const MAX_PROPERTIES: usize = 1 << 16;

/// [MS-WMIO 2.2.14] a class: what its instances have in common. Parsed once, shared by all rows.
#[derive(Clone)]
pub struct CimClass {
    pub(super) name: CimString,
    pub(super) derivation: Vec<CimString>,
    pub(super) qualifiers: Vec<CimQualifier>,
    /// In declaration order.
    pub(super) properties: Vec<CimProperty>,
    /// Positions in `properties` in the order of the PropertyLookupTable.
    pub(super) lookup: Vec<usize>,
    pub(super) methods: Vec<CimMethod>,
    /// What a class definition carries before itself: the superclass, nameless when there is none.
    pub(super) parent: Option<Arc<Self>>,
    /// The ClassPart as it was received. An instance has to carry an unaltered copy ([MS-WMIO 2.3.4]).
    pub(super) part: Bytes,
    /// The MethodsPart as it was received; instances do not carry it.
    pub(super) methods_part: Option<Bytes>,
    /// Octets of the NdTable and the ValueTable of every instance.
    pub(super) nd_len: usize,
    pub(super) values_len: usize,
    /// How many cells of an instance refer to its heap.
    pub(super) references: usize,
    /// Whether an instance can embed objects.
    pub(super) embeds: bool,
}

/// [MS-WMIO 2.2.30] PropertyInfo: a property as its class declares it.
#[derive(Clone)]
pub struct CimProperty {
    pub(super) name: CimString,
    pub(super) cim_type: CimType,
    pub(super) is_array: bool,
    pub(super) inherited: bool,
    /// DeclarationOrder: also the property's place in the NdTable.
    pub(super) order: u16,
    /// Where its value lies in a ValueTable.
    pub(super) offset: u32,
    pub(super) class_of_origin: u32,
    pub(super) default: Default,
    pub(super) qualifiers: Vec<CimQualifier>,
}

/// [MS-WMIO 2.2.27] NullAndDefaultFlag of a class's property, with the default.
#[derive(Clone, Debug)]
pub(super) struct Default {
    pub(super) null: bool,
    pub(super) inherited: bool,
    /// `Err` when the tables have no place for it.
    pub(super) cell: Result<Cell, WireError>,
}

impl CimClass {
    /// The name, for example `Win32_Service`.
    #[must_use]
    pub const fn name(&self) -> &CimString {
        &self.name
    }

    /// The name of the superclass.
    #[must_use]
    pub fn superclass(&self) -> Option<&CimString> {
        self.derivation.first()
    }

    /// [MS-WMIO 2.2.17] DerivationList: the superclass, its superclass and so on.
    #[must_use]
    pub fn derivation(&self) -> &[CimString] {
        &self.derivation
    }

    /// The definition of the superclass, which a class definition carries and an instance does not.
    #[must_use]
    pub fn parent(&self) -> Option<&Arc<Self>> {
        self.parent.as_ref().filter(|parent| !parent.name.is_empty())
    }

    /// Properties in the order of their declaration; those of the superclasses come first.
    #[must_use]
    pub fn properties(&self) -> &[CimProperty] {
        &self.properties
    }

    /// The property called `name` (ASCII case is ignored) and its position.
    #[must_use]
    pub fn property(&self, name: &str) -> Option<(usize, &CimProperty)> {
        self.properties.iter().enumerate().find(|(_, property)| property.name.eq_ignore_ascii_case(name))
    }

    /// Qualifiers of the class as a whole, for example `dynamic`, `abstract`, `provider`.
    #[must_use]
    pub fn qualifiers(&self) -> &[CimQualifier] {
        &self.qualifiers
    }

    /// The qualifier called `name` (ASCII case is ignored).
    #[must_use]
    pub fn qualifier(&self, name: &str) -> Option<&CimQualifier> {
        qualifier::find(&self.qualifiers, name)
    }

    /// Methods; none when the class comes with an instance, which does not carry them.
    #[must_use]
    pub fn methods(&self) -> &[CimMethod] {
        &self.methods
    }

    /// The method called `name` (ASCII case is ignored).
    #[must_use]
    pub fn method(&self, name: &str) -> Option<&CimMethod> {
        self.methods.iter().find(|method| method.name().eq_ignore_ascii_case(name))
    }

    /// The class that first defined something with this origin ([MS-WMIO 2.2.35, 2.2.45]).
    ///
    /// Origins count from the topmost class, as the worked examples prove; the class itself has the highest.
    #[must_use]
    pub fn origin(&self, class_of_origin: u32) -> Option<&CimString> {
        let above = self.derivation.len().checked_sub(usize::try_from(class_of_origin).ok()?)?;
        if above == 0 { Some(&self.name) } else { self.derivation.get(above - 1) }
    }

    /// Whether everything is equal that an instance carries of its class: neither methods nor superclass.
    pub(super) fn same_part(&self, other: &Self) -> bool {
        (&self.name, &self.derivation, &self.qualifiers, &self.properties)
            == (&other.name, &other.derivation, &other.qualifiers, &other.properties)
    }

    /// Reads a ClassPart ([MS-WMIO 2.2.15]).
    pub(super) fn decode(r: &mut Reader, depth: u8) -> Result<Self, WireError> {
        let part = peek_part(r)?;
        r.skip(part.len(), "ClassPart")?;
        Self::decode_part(part, depth)
    }

    /// Reads the ClassPart that `part` is.
    pub(super) fn decode_part(part: Bytes, depth: u8) -> Result<Self, WireError> {
        let mut r = Reader::new(part.clone());
        r.skip(5, "ClassHeader")?;
        let name = r.u32("ClassNameRef")?;
        let tables_len = usize::try_from(r.u32("NdTableValueTableLength")?).unwrap_or(usize::MAX);
        let derivation = decode_derivation(&mut r)?;
        let qualifiers = qualifier::set(&mut r)?;
        let count = usize::try_from(r.u32("PropertyCount")?).unwrap_or(usize::MAX);
        if count > MAX_PROPERTIES {
            return Err(r.error(WireErrorKind::TooLong, "PropertyCount"));
        }
        let mut table = r.sub(count.saturating_mul(8), "PropertyLookupTable")?;
        let nd_len = count.div_ceil(4);
        let values_len = tables_len.checked_sub(nd_len).ok_or_else(|| r.bad("NdTableValueTableLength"))?;
        let nd = r.bytes(nd_len, "NdTable")?;
        let values = r.bytes(values_len, "ValueTable")?;
        let heap = Heap::decode(&mut r, depth)?;

        let mut budget = heap.budget();
        let mut properties = Vec::new();
        for position in 0..count {
            let name = table.u32("PropertyNameRef")?;
            let name =
                heap.string(name, "PropertyNameRef", &mut budget)?.ok_or_else(|| table.bad("PropertyNameRef"))?;
            let info = heap.item(table.u32("PropertyInfoRef")?, "PropertyInfo")?;
            let mut info = Reader::new(info);
            let property = CimProperty::decode(name, &mut info, &heap, (&nd, &values), &mut budget)?;
            budget.item(info.offset(), "PropertyInfo")?;
            properties.push((position, property));
        }
        properties.sort_by_key(|(_, property)| property.order);
        let mut lookup: Vec<_> =
            properties.iter().enumerate().map(|(index, (position, _))| (*position, index)).collect();
        lookup.sort_unstable();
        let embeds = properties.iter().any(|(_, property)| property.cim_type == CimType::OBJECT);
        Ok(Self {
            // A superclass that does not exist has no name.
            name: heap.string(name, "ClassNameRef", &mut budget)?.unwrap_or_default(),
            references: properties.iter().filter(|(_, property)| property.refers()).count(),
            embeds,
            derivation,
            qualifiers: qualifier::decode_set(qualifiers, &heap, &mut budget)?,
            properties: properties.into_iter().map(|(_, property)| property).collect(),
            lookup: lookup.into_iter().map(|(_, index)| index).collect(),
            methods: Vec::new(),
            parent: None,
            part,
            methods_part: None,
            nd_len,
            values_len,
        })
    }
}

/// The ClassPart at which `r` stands: its first field is its length.
pub(super) fn peek_part(r: &Reader) -> Result<Bytes, WireError> {
    let length = usize::try_from(r.peek_u32("ClassPart")?).unwrap_or(usize::MAX);
    r.clone().bytes(length, "ClassPart")
}

/// [MS-WMIO 2.2.17] DerivationList.
fn decode_derivation(r: &mut Reader) -> Result<Vec<CimString>, WireError> {
    let length = usize::try_from(r.u32("DerivationList")?).unwrap_or(usize::MAX);
    let length = length.checked_sub(4).ok_or_else(|| r.bad("DerivationList"))?;
    let mut r = r.sub(length, "DerivationList")?;
    let mut names = Vec::new();
    while !r.is_empty() {
        let (name, length) = CimString::decode(r.peek())?;
        r.skip(length, "ClassNameEncoding")?;
        r.u32("ClassNameEncoding")?;
        names.push(name);
    }
    Ok(names)
}

impl CimProperty {
    fn decode(
        name: CimString,
        r: &mut Reader,
        heap: &Heap,
        (nd, values): (&Bytes, &Bytes),
        budget: &mut Budget,
    ) -> Result<Self, WireError> {
        let encoded_type = r.u32("PropertyType")?;
        let (cim_type, is_array) = qualifier::decode_type(encoded_type);
        let order = r.u16("DeclarationOrder")?;
        let offset = r.u32("ValueTableOffset")?;
        let class_of_origin = r.u32("ClassOfOrigin")?;
        let qualifiers = qualifier::decode_set(qualifier::set(r)?, heap, budget)?;
        let cell = slot(values, offset, cim_type, is_array).map(|slot| Cell {
            cim_type,
            is_array,
            slot: values.slice_ref(slot),
            heap: heap.clone(),
        });
        // A bit of a place that the table does not have is of no use; the cell says so.
        let (flags, cell) = match null_and_default(nd, order) {
            Ok(flags) => (flags, cell),
            Err(error) => ((false, false), Err(error)),
        };
        if let (Ok(cell), false) = (&cell, flags.0) {
            heap.reach(cim_type, is_array, &cell.slot, budget)?;
        }
        Ok(Self {
            name,
            cim_type,
            is_array,
            inherited: encoded_type & u32::from(INHERITED_FLAG) != 0,
            order,
            offset,
            class_of_origin,
            default: Default { null: flags.0, inherited: flags.1, cell },
            qualifiers,
        })
    }

    /// Whether its value lies in the heap.
    pub(super) const fn refers(&self) -> bool {
        self.is_array || self.cim_type.refers()
    }

    /// Whether its value is one text.
    pub(super) const fn is_text(&self) -> bool {
        !self.is_array && matches!(self.cim_type, CimType::STRING | CimType::DATETIME | CimType::REFERENCE)
    }

    /// The name as the class spells it.
    #[must_use]
    pub const fn name(&self) -> &CimString {
        &self.name
    }

    /// The type of the value, of an element when it is an array.
    #[must_use]
    pub const fn cim_type(&self) -> CimType {
        self.cim_type
    }

    /// Whether the value is an array.
    #[must_use]
    pub const fn is_array(&self) -> bool {
        self.is_array
    }

    /// [MS-WMIO 2.2.33] DeclarationOrder: the position in the declaration, counted from 0.
    #[must_use]
    pub const fn declaration_order(&self) -> u16 {
        self.order
    }

    /// Whether a superclass defines it.
    #[must_use]
    pub const fn is_inherited(&self) -> bool {
        self.inherited
    }

    /// [MS-WMIO 2.2.35] ClassOfOrigin; [`CimClass::origin`] gives the name.
    #[must_use]
    pub const fn class_of_origin(&self) -> u32 {
        self.class_of_origin
    }

    /// The value that an instance has which sets none: NULL when the class declares none.
    ///
    /// # Errors
    /// It does not decode; other properties may.
    pub fn default_value(&self) -> Result<CimValue, WireError> {
        if self.default.null {
            return Ok(CimValue::Null);
        }
        match &self.default.cell {
            Ok(cell) => cell.value(),
            Err(error) => Err(*error),
        }
    }

    /// Whether the class declares a default other than NULL, or inherits one.
    #[must_use]
    pub const fn has_default(&self) -> bool {
        !self.default.null
    }

    /// Whether the default, NULL or not, is the superclass's.
    #[must_use]
    pub const fn is_default_inherited(&self) -> bool {
        self.default.inherited
    }

    /// Qualifiers, among them `CIMTYPE` and, for a part of the key, `key`.
    #[must_use]
    pub fn qualifiers(&self) -> &[CimQualifier] {
        &self.qualifiers
    }

    /// The qualifier called `name` (ASCII case is ignored).
    #[must_use]
    pub fn qualifier(&self, name: &str) -> Option<&CimQualifier> {
        qualifier::find(&self.qualifiers, name)
    }

    /// Whether it is part of the key: the qualifier `key` is TRUE.
    #[must_use]
    pub fn is_key(&self) -> bool {
        self.qualifier("key").is_some_and(|q| q.value() == Ok(CimValue::Boolean(true)))
    }
}

/// The EncodedValue of a property in a ValueTable.
pub(super) fn slot(values: &[u8], offset: u32, cim_type: CimType, is_array: bool) -> Result<&[u8], WireError> {
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    let size = if is_array { Some(4) } else { cim_type.size() };
    let size = size.ok_or(WireError::new(WireErrorKind::Unsupported, "CimType", start))?;
    let slot = start.checked_add(size).and_then(|end| values.get(start..end));
    slot.ok_or(WireError::new(WireErrorKind::Truncated, "ValueTable", start))
}

/// [MS-WMIO 2.2.27] bits 0 (NULL) and 1 (default) of the NullAndDefaultFlag at place `order`.
pub(super) fn null_and_default(nd: &[u8], order: u16) -> Result<(bool, bool), WireError> {
    let octet = usize::from(order / 4);
    let bits = nd.get(octet).ok_or(WireError::new(WireErrorKind::Truncated, "NdTable", octet))?;
    let bits = bits >> (order % 4 * 2);
    Ok((bits & 1 != 0, bits & 2 != 0))
}

impl PartialEq for CimClass {
    fn eq(&self, other: &Self) -> bool {
        self.same_part(other) && self.methods == other.methods && self.parent() == other.parent()
    }
}

impl PartialEq for CimProperty {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.cim_type, self.is_array, self.inherited, self.order, self.class_of_origin)
            == (&other.name, other.cim_type, other.is_array, other.inherited, other.order, other.class_of_origin)
            && (self.has_default(), self.is_default_inherited(), self.default_value())
                == (other.has_default(), other.is_default_inherited(), other.default_value())
            && self.qualifiers == other.qualifiers
    }
}

impl fmt::Debug for CimClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CimClass")
            .field("name", &self.name)
            .field("derivation", &self.derivation)
            .field("qualifiers", &self.qualifiers)
            .field("properties", &self.properties)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for CimProperty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CimProperty")
            .field("name", &self.name)
            .field("type", &self.cim_type)
            .field("array", &self.is_array)
            .field("inherited", &self.inherited)
            .field("default", &self.default_value())
            .finish_non_exhaustive()
    }
}
