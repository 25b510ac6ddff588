//! The canonical encoding of classes and instances: no unused octets, items in one order.
//!
//! The order is the one of the worked examples of [MS-WMIO 3]: in a class its name, its qualifiers, then for each
//! property of the lookup table name, PropertyInfo and what its qualifiers refer to, then the defaults; in an instance
//! the class name, the values in the order of the lookup table, then what the qualifiers refer to.

use bytes::{BufMut, Bytes, BytesMut};

use super::class::INHERITED_FLAG;
use super::heap::{HeapWriter, NO_REF};
use super::method::{self, MethodModel};
use super::qualifier::{self, ARRAY_FLAG, QualifierModel};
use super::{CimClass, CimMethod, CimObject, CimProperty, CimString, CimType, CimValue, Source};
use crate::wire::{WireError, Writer};

/// A class as it is to be written.
#[derive(Clone, Debug, Default)]
pub(super) struct ClassModel {
    /// `None` for the superclass of a class that has none.
    pub(super) name: Option<CimString>,
    pub(super) derivation: Vec<CimString>,
    pub(super) qualifiers: Vec<QualifierModel>,
    /// In declaration order.
    pub(super) properties: Vec<PropertyModel>,
    pub(super) methods: Vec<MethodModel>,
}

/// A property as it is to be written.
#[derive(Clone, Debug)]
pub(super) struct PropertyModel {
    pub(super) name: CimString,
    pub(super) cim_type: CimType,
    pub(super) is_array: bool,
    pub(super) inherited: bool,
    pub(super) class_of_origin: u32,
    pub(super) default: CimValue,
    pub(super) default_inherited: bool,
    pub(super) qualifiers: Vec<QualifierModel>,
}

impl PropertyModel {
    fn of(property: &CimProperty) -> Result<Self, WireError> {
        Ok(Self {
            name: property.name.clone(),
            cim_type: property.cim_type,
            is_array: property.is_array,
            inherited: property.inherited,
            class_of_origin: property.class_of_origin,
            default: property.default_value()?,
            default_inherited: property.default.inherited,
            qualifiers: QualifierModel::all(&property.qualifiers)?,
        })
    }
}

impl MethodModel {
    fn of(method: &CimMethod) -> Result<Self, WireError> {
        let canonical = |signature: Option<CimObject>| signature.map(|object| object.canonical()).transpose();
        Ok(Self {
            name: method.name().clone(),
            flags: method.flags(),
            origin: method.origin(),
            qualifiers: QualifierModel::all(method.qualifiers())?,
            input: canonical(method.input()?)?,
            output: canonical(method.output()?)?,
        })
    }
}

impl ClassModel {
    pub(super) fn of(class: &CimClass) -> Result<Self, WireError> {
        Ok(Self {
            name: Some(class.name.clone()).filter(|name| !name.is_empty()),
            derivation: class.derivation.clone(),
            qualifiers: QualifierModel::all(&class.qualifiers)?,
            properties: class.properties.iter().map(PropertyModel::of).collect::<Result<_, _>>()?,
            methods: class.methods.iter().map(MethodModel::of).collect::<Result<_, _>>()?,
        })
    }

    /// Positions of the properties in the order of the lookup table.
    fn lookup(&self) -> Vec<(usize, &PropertyModel)> {
        let mut sorted: Vec<_> = self.properties.iter().enumerate().collect();
        sorted.sort_by(|(_, a), (_, b)| a.name.cmp_ignore_ascii_case(&b.name));
        sorted
    }

    /// The ClassPart ([MS-WMIO 2.2.15]).
    pub(super) fn class_part(&self) -> Bytes {
        let mut heap = HeapWriter::default();
        let name = self.name.as_ref().map_or(NO_REF, |name| heap.string(name));
        let mut qualifiers = BytesMut::new();
        qualifier::encode_set(&self.qualifiers, &mut heap, &mut qualifiers);

        let offsets = self.offsets();
        let mut table = Writer::new();
        for (order, property) in self.lookup() {
            table.u32(heap.string(&property.name));
            let offset = offsets.get(order).copied().unwrap_or_default();
            table.u32(property_info(property, order, offset, &mut heap));
        }
        let mut tables = Tables::new(self.properties.len());
        for (order, property) in self.lookup() {
            tables.put(order, property.default.is_null(), property.default_inherited, |slot| {
                heap.value(property.cim_type, property.is_array, &property.default, slot);
            });
        }
        let tables = tables.finish();

        let mut derivation = BytesMut::new();
        for name in &self.derivation {
            let start = derivation.len();
            name.encode(&mut derivation);
            derivation.put_u32_le(u32::try_from(derivation.len() - start).unwrap_or(u32::MAX));
        }
        let mut w = Writer::new();
        let total =
            13 + 4 + derivation.len() + qualifiers.len() + 4 + table.len() + tables.len() + 4 + heap.bytes.len();
        w.len32(total);
        w.u8(0);
        w.u32(name);
        w.len32(tables.len());
        w.len32(4 + derivation.len());
        w.bytes(&derivation);
        w.bytes(&qualifiers);
        w.len32(self.properties.len());
        w.bytes(table.as_slice());
        w.bytes(&tables);
        heap.finish(&mut w);
        w.finish()
    }

    /// The MethodsPart ([MS-WMIO 2.2.38]).
    pub(super) fn methods_part(&self) -> Bytes {
        let mut w = Writer::new();
        method::encode_part(&self.methods, &mut w);
        w.finish()
    }

    /// ValueTableOffset of every property.
    fn offsets(&self) -> Vec<u32> {
        let mut next = 0_u32;
        let offset = |property: &PropertyModel| {
            let size = if property.is_array { 4 } else { property.cim_type.size().unwrap_or(0) };
            let at = next;
            next = next.saturating_add(u32::try_from(size).unwrap_or(0));
            at
        };
        self.properties.iter().map(offset).collect()
    }
}

/// A PropertyInfo ([MS-WMIO 2.2.30]) and what its qualifiers refer to.
fn property_info(property: &PropertyModel, order: usize, offset: u32, heap: &mut HeapWriter) -> u32 {
    let array = if property.is_array { ARRAY_FLAG } else { 0 };
    let inherited = if property.inherited { INHERITED_FLAG } else { 0 };
    let mut info = BytesMut::new();
    info.put_u32_le(u32::from(property.cim_type.0 | array | inherited));
    info.put_u16_le(u16::try_from(order).unwrap_or(u16::MAX));
    info.put_u32_le(offset);
    info.put_u32_le(property.class_of_origin);
    let at = heap.reserve(info.len() + qualifier::set_size(&property.qualifiers));
    qualifier::encode_set(&property.qualifiers, heap, &mut info);
    heap.fill(at, &info);
    at
}

/// NdTable and ValueTable, filled in any order.
struct Tables {
    nd: Vec<u8>,
    slots: Vec<BytesMut>,
}

impl Tables {
    fn new(count: usize) -> Self {
        Self { nd: vec![0; count.div_ceil(4)], slots: vec![BytesMut::new(); count] }
    }

    /// Sets the flags and the slot of the property at `order`.
    fn put(&mut self, order: usize, null: bool, default: bool, value: impl FnOnce(&mut BytesMut)) {
        if let Some(octet) = self.nd.get_mut(order / 4) {
            *octet |= (u8::from(null) | u8::from(default) << 1) << (order % 4 * 2);
        }
        if let Some(slot) = self.slots.get_mut(order) {
            value(slot);
        }
    }

    fn finish(self) -> Vec<u8> {
        let mut octets = self.nd;
        self.slots.iter().for_each(|slot| octets.extend_from_slice(slot));
        octets
    }
}

/// The superclass of a class that has none ([MS-WMIO 2.2.11]).
pub(super) fn nobody(w: &mut Writer) {
    let model = ClassModel::default();
    w.bytes(&model.class_part());
    w.bytes(&model.methods_part());
}

/// What an instance says about a property.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum InstanceCell {
    /// This value, which may be NULL.
    Own(CimValue),
    /// The default of the class.
    ClassDefault,
}

/// An instance as it is to be written.
pub(super) struct InstanceModel<'c> {
    pub(super) class: &'c CimClass,
    /// For every property in declaration order.
    pub(super) cells: Vec<InstanceCell>,
    pub(super) qualifiers: Vec<QualifierModel>,
    /// For every property in declaration order, or nothing.
    pub(super) property_qualifiers: Vec<Vec<QualifierModel>>,
}

impl InstanceModel<'_> {
    /// The InstanceType ([MS-WMIO 2.2.53]) without the class.
    pub(super) fn part(&self) -> Bytes {
        let mut heap = HeapWriter::default();
        let name = heap.string(&self.class.name);
        let mut nd = vec![0_u8; self.class.nd_len];
        let mut values = vec![0_u8; self.class.values_len];
        for &index in &self.class.lookup {
            let (Some(property), Some(cell)) = (self.class.properties.get(index), self.cells.get(index)) else {
                continue;
            };
            let (null, default) = match cell {
                InstanceCell::Own(value) => (value.is_null(), false),
                InstanceCell::ClassDefault => (property.default.null, true),
            };
            if let Some(octet) = nd.get_mut(usize::from(property.order / 4)) {
                *octet |= (u8::from(null) | u8::from(default) << 1) << (property.order % 4 * 2);
            }
            // Windows leaves the slot of a NULL at zero in an instance (and at FF in a class), as all captures show.
            let InstanceCell::Own(value) = cell else { continue };
            if value.is_null() {
                continue;
            }
            let mut slot = BytesMut::new();
            heap.value(property.cim_type, property.is_array, value, &mut slot);
            let start = usize::try_from(property.offset).unwrap_or(usize::MAX);
            if let Some(place) = values.get_mut(start..start.saturating_add(slot.len())) {
                place.copy_from_slice(&slot);
            }
        }
        let mut qualifiers = BytesMut::new();
        qualifier::encode_set(&self.qualifiers, &mut heap, &mut qualifiers);
        if self.property_qualifiers.iter().all(Vec::is_empty) {
            qualifiers.put_u8(1);
        } else {
            qualifiers.put_u8(2);
            for &index in &self.class.lookup {
                let set = self.property_qualifiers.get(index).map(Vec::as_slice).unwrap_or_default();
                qualifier::encode_set(set, &mut heap, &mut qualifiers);
            }
        }
        let mut w = Writer::new();
        w.len32(9 + nd.len() + values.len() + qualifiers.len() + 4 + heap.bytes.len());
        w.u8(0);
        w.u32(name);
        w.bytes(&nd);
        w.bytes(&values);
        w.bytes(&qualifiers);
        heap.finish(&mut w);
        w.finish()
    }
}

impl CimClass {
    /// The class that `model` describes, read back from its encoding.
    pub(super) fn from_model(model: &ClassModel, parent: Option<std::sync::Arc<Self>>) -> Result<Self, WireError> {
        let mut class = Self::decode_part(model.class_part(), 0)?;
        let methods = model.methods_part();
        let (methods, part) = method::decode_part(&mut crate::wire::Reader::new(methods), 0)?;
        class.methods = methods;
        class.methods_part = Some(part);
        class.parent = parent;
        Ok(class)
    }

    /// The same class written anew: no octets that nothing refers to, items in the order of [MS-WMIO 3].
    ///
    /// # Errors
    /// A default or a qualifier that does not decode.
    pub fn canonical(&self) -> Result<Self, WireError> {
        let parent = self.parent.as_ref().map(|parent| parent.canonical().map(std::sync::Arc::new)).transpose()?;
        Self::from_model(&ClassModel::of(self)?, parent)
    }
}

impl CimObject {
    /// The same object written anew: no octets that nothing refers to, items in the order of [MS-WMIO 3].
    ///
    /// A server refuses an instance whose copy of the class was altered ([MS-WMIO 2.3.4]), so this is for comparing
    /// and for objects of one's own, not for sending back what was received.
    ///
    /// # Errors
    /// A cell, a default or a qualifier that does not decode.
    pub fn canonical(&self) -> Result<Self, WireError> {
        let class = std::sync::Arc::new(self.class.canonical()?);
        let head = Self { other_flags: self.other_flags, decoration: self.decoration.clone(), class, instance: None };
        if self.instance.is_none() {
            return Ok(head);
        }
        let cell = |index| match self.source(index) {
            Source::Own => self.value(index).map(InstanceCell::Own),
            Source::ClassDefault => Ok(InstanceCell::ClassDefault),
        };
        let count = self.class.properties.len();
        let model = InstanceModel {
            class: &head.class,
            cells: (0..count).map(cell).collect::<Result<_, _>>()?,
            qualifiers: QualifierModel::all(&self.qualifiers()?)?,
            property_qualifiers: (0..count)
                .map(|index| QualifierModel::all(&self.property_qualifiers(index)?))
                .collect::<Result<_, _>>()?,
        };
        let instance = Some(model.instance()?);
        Ok(Self { instance, ..head })
    }
}

impl InstanceModel<'_> {
    /// The instance, read back from its encoding.
    pub(super) fn instance(&self) -> Result<super::object::Instance, WireError> {
        super::object::Instance::decode(&mut crate::wire::Reader::new(self.part()), self.class, 0)
    }
}
