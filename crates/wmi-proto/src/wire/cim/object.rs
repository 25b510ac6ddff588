//! Objects: a class definition, or an instance whose values are decoded when they are asked for.

use core::fmt;
use core::ops::Range;
use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;

use super::class::{null_and_default, slot};
use super::heap::Heap;
use super::qualifier;
use super::{CimClass, CimProperty, CimQualifier, CimString, CimValue};
use crate::wire::{Reader, WireError, WireErrorKind};

/// Class or instance ([MS-WMIO 2.2.6] ObjectFlags).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Genus {
    /// A class definition.
    Class,
    /// An instance.
    Instance,
}

/// Where the value of an instance's property comes from ([MS-WMIO 2.2.26] NdTable).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Set in the instance itself.
    Own,
    /// The default of the class, which the instance did not override.
    ClassDefault,
}

/// [MS-WMIO 2.2.7] Decoration: where an object comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decoration {
    /// The server, in whatever form it calls itself.
    pub server: CimString,
    /// The namespace, for example `ROOT\CIMV2`.
    pub namespace: CimString,
}

/// [MS-WMIO 2.2.5] ObjectBlock: a class or an instance.
///
/// An instance keeps the octets of its encoding; a value is decoded when it is asked for. Cloning copies no octets.
#[derive(Clone)]
pub struct CimObject {
    /// The bits of ObjectFlags that say neither class, instance nor decoration.
    pub(super) other_flags: u8,
    pub(super) decoration: Option<Decoration>,
    pub(super) class: Arc<CimClass>,
    /// `None` for a class.
    pub(super) instance: Option<Instance>,
}

/// [MS-WMIO 2.2.53] InstanceType, without the class.
#[derive(Clone)]
pub(super) struct Instance {
    /// Everything from EncodingLength on, as it was received.
    pub(super) part: Bytes,
    /// Where the ValueTable starts in it; the NdTable lies before.
    values_at: usize,
    /// Where the QualifierSet of the instance lies in it, without its length.
    qualifiers: Range<usize>,
    /// Where the QualifierSets of the properties lie in the order of the lookup table; empty when there are none.
    property_qualifiers: Range<usize>,
    heap: Heap,
    /// Whether its cells refer to more octets than the heap has: references are shared, which is forbidden.
    overcommitted: bool,
}

impl CimObject {
    /// The definition of `class` as an object.
    #[must_use]
    pub const fn of_class(class: Arc<CimClass>) -> Self {
        Self { other_flags: 0, decoration: None, class, instance: None }
    }

    /// The class, or the class of which it is an instance.
    #[must_use]
    pub const fn class(&self) -> &Arc<CimClass> {
        &self.class
    }

    /// Class or instance.
    #[must_use]
    pub const fn genus(&self) -> Genus {
        if self.instance.is_some() { Genus::Instance } else { Genus::Class }
    }

    /// How many octets of its encoding an instance keeps; of a class, which is shared, none.
    #[must_use]
    pub const fn octets(&self) -> usize {
        match &self.instance {
            Some(instance) => instance.part.len(),
            None => 0,
        }
    }

    /// Server and namespace, when the object carries them.
    #[must_use]
    pub const fn decoration(&self) -> Option<&Decoration> {
        self.decoration.as_ref()
    }

    /// The same object, from that server and namespace.
    #[must_use]
    pub fn with_decoration(self, server: impl Into<CimString>, namespace: impl Into<CimString>) -> Self {
        Self { decoration: Some(Decoration { server: server.into(), namespace: namespace.into() }), ..self }
    }

    /// The value of the property at `index` of [`CimClass::properties`]; for a class its default.
    ///
    /// # Errors
    /// The cell does not decode; the other cells may. `BadValue` for an index that the class does not have.
    pub fn value(&self, index: usize) -> Result<CimValue, WireError> {
        match self.cell(index)? {
            Cell::Null => Ok(CimValue::Null),
            Cell::Default(property) => property.default_value(),
            Cell::Own(heap, property, slot) => heap.value(property.cim_type, property.is_array, slot),
        }
    }

    /// The text of the string, datetime or reference at `index`, of the object's own octets when it is ASCII; `None` for
    /// NULL and for what is no text. The same as [`CimObject::value`] tells, without a value of its own.
    ///
    /// # Errors
    /// As [`CimObject::value`].
    pub fn text(&self, index: usize) -> Result<Option<Cow<'_, str>>, WireError> {
        match self.cell(index)? {
            Cell::Own(heap, property, slot) if property.is_text() => heap.text_value(slot),
            Cell::Default(property) if property.is_text() => {
                Ok(property.default_value()?.as_str().map(Cow::into_owned).map(Cow::Owned))
            }
            _ => Ok(None),
        }
    }

    /// Whether the value at `index` decodes, without a value.
    ///
    /// # Errors
    /// As [`CimObject::value`].
    pub fn check(&self, index: usize) -> Result<(), WireError> {
        match self.cell(index)? {
            Cell::Own(heap, property, slot) if property.is_text() => heap.check_text(slot),
            // A slot that is there holds a number.
            Cell::Own(_, property, _) if !property.refers() => Ok(()),
            Cell::Null => Ok(()),
            _ => self.value(index).map(drop),
        }
    }

    fn cell(&self, index: usize) -> Result<Cell<'_>, WireError> {
        let Some(property) = self.class.properties.get(index) else {
            return Err(WireError::new(WireErrorKind::BadValue, "property index", index));
        };
        let Some(instance) = &self.instance else { return Ok(Cell::Default(property)) };
        let (null, default) = null_and_default(instance.nd(), property.order)?;
        if null {
            return Ok(Cell::Null);
        }
        if default {
            return Ok(Cell::Default(property));
        }
        let slot = slot(instance.values(&self.class), property.offset, property.cim_type, property.is_array)?;
        if instance.overcommitted && property.refers() {
            return Err(WireError::new(WireErrorKind::TooLong, "shared heap items", index));
        }
        Ok(Cell::Own(&instance.heap, property, slot))
    }

    /// Whether that value is the instance's own or its class's default. In a class everything is a default.
    ///
    /// [`super::CimProperty::is_default_inherited`] tells whether the default itself comes from a superclass.
    #[must_use]
    pub fn source(&self, index: usize) -> Source {
        let flags = match (&self.instance, self.class.properties.get(index)) {
            (Some(instance), Some(property)) => {
                null_and_default(instance.nd(), property.order).unwrap_or((false, false))
            }
            _ => return Source::ClassDefault,
        };
        if flags.1 { Source::ClassDefault } else { Source::Own }
    }

    /// The value of the property called `name` (ASCII case is ignored); `None` when there is no such property.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<Result<CimValue, WireError>> {
        let (index, _) = self.class.property(name)?;
        Some(self.value(index))
    }

    /// The values of all properties in the order of [`CimClass::properties`].
    pub fn values(&self) -> impl Iterator<Item = Result<CimValue, WireError>> + '_ {
        (0..self.class.properties.len()).map(|index| self.value(index))
    }

    /// [MS-WMIO 2.2.57] qualifiers of an instance as a whole; of a class those of the class.
    ///
    /// # Errors
    /// The set does not decode.
    pub fn qualifiers(&self) -> Result<Vec<CimQualifier>, WireError> {
        match &self.instance {
            Some(instance) => {
                let set = instance.octets(&instance.qualifiers);
                qualifier::decode_set(set, &instance.heap, &mut instance.heap.budget())
            }
            None => Ok(self.class.qualifiers.clone()),
        }
    }

    /// [MS-WMIO 2.2.65] qualifiers that an instance adds to the property at `index`; of a class those of the property.
    ///
    /// # Errors
    /// The set does not decode. `BadValue` for an index that the class does not have.
    pub fn property_qualifiers(&self, index: usize) -> Result<Vec<CimQualifier>, WireError> {
        let no_property = WireError::new(WireErrorKind::BadValue, "property index", index);
        let Some(instance) = &self.instance else {
            return self.class.properties.get(index).map(|p| p.qualifiers.clone()).ok_or(no_property);
        };
        if instance.property_qualifiers.is_empty() && index < self.class.properties.len() {
            return Ok(Vec::new());
        }
        let place = self.class.lookup.iter().position(|&i| i == index).ok_or(no_property)?;
        let mut r = Reader::new(instance.octets(&instance.property_qualifiers));
        for _ in 0..place {
            qualifier::set(&mut r)?;
        }
        qualifier::decode_set(qualifier::set(&mut r)?, &instance.heap, &mut instance.heap.budget())
    }

    /// Whether the instance adds qualifiers to its properties.
    #[must_use]
    pub fn has_property_qualifiers(&self) -> bool {
        self.instance.as_ref().is_some_and(|instance| !instance.property_qualifiers.is_empty())
    }
}

/// Where the value of a property is.
enum Cell<'o> {
    Null,
    /// In the class.
    Default(&'o CimProperty),
    /// In the instance: its heap, the property and the EncodedValue.
    Own(&'o Heap, &'o CimProperty, &'o [u8]),
}

/// Octets of EncodingLength, InstanceFlags and InstanceClassName, which the NdTable follows.
const ND_AT: usize = 9;

impl Instance {
    /// Reads what follows the class in an InstanceType.
    pub(super) fn decode(r: &mut Reader, class: &CimClass, depth: u8) -> Result<Self, WireError> {
        let length = usize::try_from(r.peek_u32("InstanceType")?).unwrap_or(usize::MAX);
        let part = r.bytes(length, "InstanceType")?;
        let mut r = Reader::new(part.clone());
        r.skip(ND_AT, "InstanceType")?;
        r.skip(class.nd_len, "NdTable")?;
        let values_at = r.offset();
        r.skip(class.values_len, "InstanceData")?;
        let qualifiers = qualifier::skip_set(&mut r)?;
        let property_qualifiers = match r.u8("InstPropQualSetFlag")? {
            1 => 0..0,
            2 => {
                let start = r.offset();
                for _ in &class.properties {
                    qualifier::skip_set(&mut r)?;
                }
                start..r.offset()
            }
            _ => return Err(r.bad("InstPropQualSetFlag")),
        };
        let heap = Heap::decode(&mut r, depth)?;
        let mut instance = Self { part, values_at, qualifiers, property_qualifiers, heap, overcommitted: false };
        instance.overcommitted = instance.is_overcommitted(class);
        Ok(instance)
    }

    /// A part of its encoding.
    fn octets(&self, range: &Range<usize>) -> Bytes {
        if self.part.get(range.clone()).is_some() { self.part.slice(range.clone()) } else { Bytes::new() }
    }

    /// The NdTable ([MS-WMIO 2.2.26]).
    fn nd(&self) -> &[u8] {
        self.part.get(ND_AT..self.values_at).unwrap_or_default()
    }

    /// The ValueTable ([MS-WMIO 2.2.29]).
    fn values(&self, class: &CimClass) -> &[u8] {
        self.part.get(self.values_at..self.values_at.saturating_add(class.values_len)).unwrap_or_default()
    }

    /// Adds up what the cells refer to. Looking at every text costs time, so a row is passed over in which sharing
    /// could not do much harm; embedded objects are always looked at, because sharing multiplies from level to level.
    fn is_overcommitted(&self, class: &CimClass) -> bool {
        const HARMLESS: usize = 1 << 18;
        let harmless = class.references.saturating_mul(self.heap.len()) <= HARMLESS;
        if harmless && !class.embeds {
            return false;
        }
        let mut budget = self.heap.budget();
        class.properties.iter().filter(|property| property.refers()).any(|property| {
            if matches!(null_and_default(self.nd(), property.order), Ok((false, false))) {
                let Ok(slot) = slot(self.values(class), property.offset, property.cim_type, property.is_array) else {
                    return false;
                };
                return self.heap.reach(property.cim_type, property.is_array, slot, &mut budget).is_err();
            }
            false
        })
    }
}

impl PartialEq for CimObject {
    fn eq(&self, other: &Self) -> bool {
        let class = if self.instance.is_some() { CimClass::same_part } else { CimClass::eq };
        (self.genus(), self.other_flags, &self.decoration) == (other.genus(), other.other_flags, &other.decoration)
            && (Arc::ptr_eq(&self.class, &other.class) || class(&self.class, &other.class))
            && self.qualifiers() == other.qualifiers()
            && (0..self.class.properties.len()).all(|i| {
                (self.source(i), self.value(i), self.property_qualifiers(i))
                    == (other.source(i), other.value(i), other.property_qualifiers(i))
            })
    }
}

impl fmt::Debug for CimObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} ", self.genus(), self.class.name)?;
        f.debug_map().entries(self.class.properties.iter().map(|p| &p.name).zip(self.values())).finish()
    }
}
