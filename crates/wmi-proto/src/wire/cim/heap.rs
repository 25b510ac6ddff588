//! Heaps, and the cells of value tables that point into them.

use std::borrow::Cow;

use bytes::{BufMut, Bytes, BytesMut};

use super::string::{Extent, dictionary, dictionary_ordinal};
use super::{CimObject, CimString, CimType, CimValue, MAX_DEPTH};
use crate::wire::{Reader, WireError, WireErrorKind, Writer};

/// [MS-WMIO 2.2.69] the HeapRef that refers to nothing.
pub(super) const NO_REF: u32 = 0xffff_ffff;
/// The bit that makes a HeapRef a dictionary reference, and that every heap length has set.
pub(super) const HIGH_BIT: u32 = 0x8000_0000;

/// [MS-WMIO 2.2.66] Heap, as it was received: octets that references point into.
///
/// Items are not shared ([MS-WMIO 2.2.66]), so the items that are read together cannot be larger than the heap;
/// whoever keeps what it reads takes each length from a [`Budget`], which makes reading linear in the octets present.
#[derive(Clone, Debug, Default)]
pub(super) struct Heap {
    bytes: Bytes,
    /// How many objects the one that owns this heap is embedded in.
    pub(super) depth: u8,
}

/// How often one text or array of numbers may be referred to on average, to be tolerant of encoders that share them.
const SHARING: usize = 8;

/// Octets of a heap that may still be read.
pub(super) struct Budget {
    /// For items that refer to others: sharing these multiplies from level to level, so there is none.
    items: usize,
    /// For texts and numbers.
    leaves: usize,
}

impl Budget {
    /// Takes the octets of an item away that refers to others.
    pub(super) fn item(&mut self, octets: usize, what: &'static str) -> Result<(), WireError> {
        spend(&mut self.items, octets, what)
    }

    /// Takes the octets of a text or of numbers away.
    fn leaf(&mut self, octets: usize, what: &'static str) -> Result<(), WireError> {
        spend(&mut self.leaves, octets, what)
    }
}

fn spend(left: &mut usize, octets: usize, what: &'static str) -> Result<(), WireError> {
    *left = left.checked_sub(octets).ok_or(WireError::new(WireErrorKind::TooLong, what, octets))?;
    Ok(())
}

/// The first octets of a cell.
fn start<const N: usize>(octets: &[u8], what: &'static str) -> Result<[u8; N], WireError> {
    octets.first_chunk().copied().ok_or(WireError::new(WireErrorKind::Truncated, what, octets.len()))
}

/// The integer with which a cell or an item starts.
fn u32_at_start(octets: &[u8], what: &'static str) -> Result<u32, WireError> {
    start(octets, what).map(u32::from_le_bytes)
}

impl Heap {
    pub(super) fn decode(r: &mut Reader, depth: u8) -> Result<Self, WireError> {
        let length = r.u32("HeapLength")? & !HIGH_BIT;
        let length = usize::try_from(length).map_err(|_| r.bad("HeapLength"))?;
        Ok(Self { bytes: r.bytes(length, "Heap")?, depth })
    }

    pub(super) const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) const fn budget(&self) -> Budget {
        Budget { items: self.bytes.len(), leaves: self.bytes.len().saturating_mul(SHARING) }
    }

    /// The octets from the item at `at` to the end of the heap, which is as much as is known about an item's length.
    pub(super) fn item(&self, at: u32, what: &'static str) -> Result<Bytes, WireError> {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        if start >= self.bytes.len() {
            return Err(WireError::new(WireErrorKind::BadValue, what, start));
        }
        Ok(self.bytes.slice(start..))
    }

    /// The same octets, borrowed.
    fn octets(&self, at: u32, what: &'static str) -> Result<&[u8], WireError> {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        match self.bytes.get(start..) {
            Some(octets) if !octets.is_empty() => Ok(octets),
            _ => Err(WireError::new(WireErrorKind::BadValue, what, start)),
        }
    }

    /// [MS-WMIO 2.2.68] HeapStringRef: `None` for a reference to nothing.
    pub(super) fn string(
        &self,
        at: u32,
        what: &'static str,
        budget: &mut Budget,
    ) -> Result<Option<CimString>, WireError> {
        if at & HIGH_BIT == 0 {
            let (start, extent) = self.text(at, what, budget)?;
            return Ok(Some(CimString::slice(&self.bytes, start, extent?)));
        }
        match dictionary(at & !HIGH_BIT) {
            Some(text) => Ok(Some(text)),
            None if at == NO_REF => Ok(None),
            None => Err(WireError::new(WireErrorKind::BadValue, "DictionaryReference", 0)),
        }
    }

    /// The text of which `slot` is the EncodedValue, borrowed when it is ASCII.
    pub(super) fn text_value(&self, slot: &[u8]) -> Result<Option<Cow<'_, str>>, WireError> {
        const WHAT: &str = "EncodedValue";
        let at = u32_at_start(slot, WHAT)?;
        if at & HIGH_BIT != 0 {
            let text = self.string(at, WHAT, &mut self.budget())?;
            return Ok(text.map(|text| Cow::Owned(text.to_str().into_owned())));
        }
        let item = self.octets(at, WHAT)?;
        Ok(Some(Extent::of(item)?.text(item)))
    }

    /// Whether [`Heap::text_value`] finds a text, or that there is none.
    pub(super) fn check_text(&self, slot: &[u8]) -> Result<(), WireError> {
        const WHAT: &str = "EncodedValue";
        let at = u32_at_start(slot, WHAT)?;
        if at & HIGH_BIT != 0 {
            return self.string(at, WHAT, &mut self.budget()).map(drop);
        }
        Extent::of(self.octets(at, WHAT)?).map(drop)
    }

    /// Where the text at `at` starts, and how far it goes. The outer error is that there is none or that the budget is
    /// used up; looking for the terminator costs as much as finding it.
    fn text(
        &self,
        at: u32,
        what: &'static str,
        budget: &mut Budget,
    ) -> Result<(usize, Result<Extent, WireError>), WireError> {
        let item = self.octets(at, what)?;
        let extent = Extent::of(item);
        let looked_at = match &extent {
            Ok(extent) => extent.length(),
            Err(error) if error.kind == WireErrorKind::Truncated => item.len(),
            Err(_) => 1,
        };
        budget.leaf(looked_at, "shared heap items")?;
        Ok((self.bytes.len() - item.len(), extent))
    }

    /// Takes away what a value refers to, without decoding it. What does not decode takes nothing.
    pub(super) fn reach(
        &self,
        cim_type: CimType,
        is_array: bool,
        slot: &[u8],
        budget: &mut Budget,
    ) -> Result<(), WireError> {
        const WHAT: &str = "shared heap items";
        let Ok(at) = u32_at_start(slot, WHAT) else { return Ok(()) };
        if is_array {
            let (Ok((_, cells)), Some(size)) = (self.array(at, cim_type), cim_type.size()) else { return Ok(()) };
            budget.leaf(cells.len(), WHAT)?;
            if cim_type.refers() {
                cells.chunks_exact(size).try_for_each(|cell| self.reach(cim_type, false, cell, budget))?;
            }
            return Ok(());
        }
        if !cim_type.refers() || at & HIGH_BIT != 0 {
            return Ok(());
        }
        let Ok(item) = self.octets(at, WHAT) else { return Ok(()) };
        if cim_type == CimType::OBJECT {
            let length = usize::try_from(u32_at_start(item, WHAT).unwrap_or(0)).unwrap_or(usize::MAX);
            return if length < item.len() { budget.item(length, WHAT) } else { Ok(()) };
        }
        self.text(at, WHAT, budget).map(|_| ())
    }

    /// [MS-WMIO 2.2.71] Encoded-Array at `at`: the octets of one element, and all elements.
    fn array(&self, at: u32, cim_type: CimType) -> Result<(usize, &[u8]), WireError> {
        const WHAT: &str = "Encoded-Array";
        let item = self.octets(at, WHAT)?;
        let count = usize::try_from(u32_at_start(item, "ArrayCount")?).unwrap_or(usize::MAX);
        let size = cim_type.size().ok_or(WireError::new(WireErrorKind::Unsupported, "CimType", 0))?;
        let end = count.saturating_mul(size).saturating_add(4);
        let cells = item.get(4..end).ok_or(WireError::new(WireErrorKind::Truncated, WHAT, item.len()))?;
        Ok((size, cells))
    }

    /// A value, of which `slot` is the EncodedValue ([MS-WMIO 2.2.71]).
    pub(super) fn value(&self, cim_type: CimType, is_array: bool, slot: &[u8]) -> Result<CimValue, WireError> {
        if !is_array {
            return self.scalar(cim_type, slot, &mut self.budget());
        }
        let at = u32_at_start(slot, "HeapRef of an array")?;
        if at == NO_REF {
            return Ok(CimValue::Null);
        }
        let (size, cells) = self.array(at, cim_type)?;
        let mut budget = self.budget();
        let values = cells.chunks_exact(size).map(|cell| self.scalar(cim_type, cell, &mut budget));
        values.collect::<Result<_, _>>().map(CimValue::Array)
    }

    fn scalar(&self, cim_type: CimType, slot: &[u8], budget: &mut Budget) -> Result<CimValue, WireError> {
        const WHAT: &str = "EncodedValue";
        let mut text = || self.string(u32_at_start(slot, WHAT)?, WHAT, budget);
        Ok(match cim_type {
            CimType::BOOLEAN => CimValue::Boolean(u16::from_le_bytes(start(slot, WHAT)?) != 0),
            CimType::SINT8 => CimValue::Sint8(i8::from_le_bytes(start(slot, WHAT)?)),
            CimType::UINT8 => CimValue::Uint8(u8::from_le_bytes(start(slot, WHAT)?)),
            CimType::SINT16 => CimValue::Sint16(i16::from_le_bytes(start(slot, WHAT)?)),
            CimType::UINT16 => CimValue::Uint16(u16::from_le_bytes(start(slot, WHAT)?)),
            CimType::SINT32 => CimValue::Sint32(i32::from_le_bytes(start(slot, WHAT)?)),
            CimType::UINT32 => CimValue::Uint32(u32::from_le_bytes(start(slot, WHAT)?)),
            CimType::SINT64 => CimValue::Sint64(i64::from_le_bytes(start(slot, WHAT)?)),
            CimType::UINT64 => CimValue::Uint64(u64::from_le_bytes(start(slot, WHAT)?)),
            CimType::REAL32 => CimValue::Real32(f32::from_le_bytes(start(slot, WHAT)?)),
            CimType::REAL64 => CimValue::Real64(f64::from_le_bytes(start(slot, WHAT)?)),
            CimType::CHAR16 => CimValue::Char16(u16::from_le_bytes(start(slot, WHAT)?)),
            CimType::STRING => text()?.map_or(CimValue::Null, CimValue::String),
            CimType::DATETIME => text()?.map_or(CimValue::Null, CimValue::DateTime),
            CimType::REFERENCE => text()?.map_or(CimValue::Null, CimValue::Reference),
            CimType::OBJECT => match u32_at_start(slot, WHAT)? {
                NO_REF => CimValue::Null,
                at => self.object(at, budget)?.map_or(CimValue::Null, |object| CimValue::Object(Box::new(object))),
            },
            _ => return Err(WireError::new(WireErrorKind::Unsupported, "CimType", 0)),
        })
    }

    /// ObjectEncodingLength and ObjectBlock at `at`; `None` when the length is zero ([MS-WMIO 2.2.70]).
    pub(super) fn object(&self, at: u32, budget: &mut Budget) -> Result<Option<CimObject>, WireError> {
        const WHAT: &str = "embedded object";
        if self.depth >= MAX_DEPTH {
            return Err(WireError::new(WireErrorKind::TooLong, "depth of embedded objects", 0));
        }
        let mut r = Reader::new(self.item(at, WHAT)?);
        let length = usize::try_from(r.u32("ObjectEncodingLength")?).unwrap_or(usize::MAX);
        if length == 0 {
            return Ok(None);
        }
        let block = r.bytes(length, WHAT)?;
        budget.item(length, WHAT)?;
        CimObject::decode_at_depth(block, self.depth + 1).map(Some)
    }
}

/// A heap that is being written. Items are laid down in the order in which they are first referred to.
#[derive(Default)]
pub(super) struct HeapWriter {
    pub(super) bytes: BytesMut,
}

impl HeapWriter {
    /// Where the next item will be.
    pub(super) fn position(&self) -> u32 {
        u32::try_from(self.bytes.len()).unwrap_or(NO_REF)
    }

    /// Room for an item that refers to others, which lie behind it.
    pub(super) fn reserve(&mut self, octets: usize) -> u32 {
        let at = self.position();
        self.bytes.put_bytes(0, octets);
        at
    }

    /// Fills an item for which there is room.
    pub(super) fn fill(&mut self, at: u32, item: &[u8]) {
        let start = usize::try_from(at).unwrap_or(usize::MAX);
        if let Some(place) = self.bytes.get_mut(start..start.saturating_add(item.len())) {
            place.copy_from_slice(item);
        }
    }

    /// A HeapStringRef to `text`: of the dictionary when it is there, of a new item otherwise.
    pub(super) fn string(&mut self, text: &CimString) -> u32 {
        match dictionary_ordinal(text) {
            Some(ordinal) => ordinal | HIGH_BIT,
            None => self.literal(text),
        }
    }

    /// A HeapRef to `text` as a new item.
    ///
    /// Text values are always written so, although [MS-WMIO 2.2.80] lets the dictionary serve them too: aiowmi, impacket
    /// and go-msrpc look for a value in the heap and nowhere else, and no value captured from Windows is a reference to it.
    fn literal(&mut self, text: &CimString) -> u32 {
        let at = self.position();
        text.encode(&mut self.bytes);
        at
    }

    /// A reference to an ObjectBlock with its length before it.
    pub(super) fn object(&mut self, object: &CimObject) -> u32 {
        let at = self.position();
        let block = object.encode_block();
        self.bytes.put_u32_le(u32::try_from(block.len()).unwrap_or(NO_REF));
        self.bytes.put_slice(&block);
        at
    }

    /// Appends the EncodedValue of `value` to `slot`, and to the heap what it refers to. NULL gives octets of FF.
    pub(super) fn value(&mut self, cim_type: CimType, is_array: bool, value: &CimValue, slot: &mut BytesMut) {
        match value {
            CimValue::Null => slot.put_bytes(0xff, if is_array { 4 } else { cim_type.size().unwrap_or(0) }),
            CimValue::Boolean(v) => slot.put_u16_le(if *v { 0xffff } else { 0 }),
            CimValue::Sint8(v) => slot.put_i8(*v),
            CimValue::Uint8(v) => slot.put_u8(*v),
            CimValue::Sint16(v) => slot.put_i16_le(*v),
            CimValue::Uint16(v) | CimValue::Char16(v) => slot.put_u16_le(*v),
            CimValue::Sint32(v) => slot.put_i32_le(*v),
            CimValue::Uint32(v) => slot.put_u32_le(*v),
            CimValue::Sint64(v) => slot.put_i64_le(*v),
            CimValue::Uint64(v) => slot.put_u64_le(*v),
            CimValue::Real32(v) => slot.put_f32_le(*v),
            CimValue::Real64(v) => slot.put_f64_le(*v),
            CimValue::String(v) | CimValue::DateTime(v) | CimValue::Reference(v) => slot.put_u32_le(self.literal(v)),
            CimValue::Object(v) => slot.put_u32_le(self.object(v)),
            CimValue::Array(items) => slot.put_u32_le(self.array(cim_type, items)),
        }
    }

    /// A reference to an Encoded-Array. Its cells come first, then what they refer to.
    fn array(&mut self, cim_type: CimType, items: &[CimValue]) -> u32 {
        let size = 4 + cim_type.size().unwrap_or(0) * items.len();
        let at = self.reserve(size);
        let mut array = BytesMut::with_capacity(size);
        array.put_u32_le(u32::try_from(items.len()).unwrap_or(NO_REF));
        for item in items {
            self.value(cim_type, false, item, &mut array);
        }
        self.fill(at, &array);
        at
    }

    /// Writes the heap with its length before it.
    pub(super) fn finish(&self, w: &mut Writer) {
        w.u32(self.position() | HIGH_BIT);
        w.bytes(&self.bytes);
    }
}
