//! The outermost encodings of an object, and the memory of classes that many objects share.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use super::class::peek_part;
use super::encode;
use super::object::{Decoration, Instance};
use super::string::Extent;
use super::{CimClass, CimObject, CimString, method};
use crate::wire::{Reader, WireError, Writer};

/// [MS-WMIO 2.2.77] Signature.
const SIGNATURE: u32 = 0x1234_5678;

/// [MS-WMIO 2.2.6] ObjectFlags.
mod flags {
    pub(super) const CLASS: u8 = 0x01;
    pub(super) const INSTANCE: u8 = 0x02;
    pub(super) const DECORATED: u8 = 0x04;
}

/// Classes that were seen with instances: the same octets are the same class and are parsed once.
#[derive(Clone, Debug, Default)]
pub struct ClassCache {
    /// The latest first.
    classes: Vec<Arc<CimClass>>,
}

impl ClassCache {
    /// How many classes are remembered at most; a query seldom meets more than a few.
    pub const CAPACITY: usize = 16;

    /// A cache that remembers nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self { classes: Vec::new() }
    }

    /// The class whose ClassPart is `part`.
    fn class(&mut self, part: &Bytes) -> Result<Arc<CimClass>, WireError> {
        match self.classes.iter().position(|class| class.part == part) {
            Some(0) => {}
            Some(at) => {
                let class = self.classes.remove(at);
                self.classes.insert(0, class);
            }
            None => {
                // A copy, so that a small class does not keep a large reply.
                let class = CimClass::decode_part(Bytes::copy_from_slice(part), 0)?;
                self.classes.truncate(Self::CAPACITY - 1);
                self.classes.insert(0, Arc::new(class));
            }
        }
        self.classes.first().cloned().ok_or_else(|| Reader::new(part.clone()).bad("ClassPart"))
    }
}

impl CimObject {
    /// Reads an EncodingUnit ([MS-WMIO 2.2.1]): a signature, a length and an ObjectBlock.
    ///
    /// # Errors
    /// Where and why the octets are not one.
    pub fn decode_unit(data: Bytes) -> Result<Self, WireError> {
        Self::decode_block(unit(data)?)
    }

    /// As [`CimObject::decode_unit`]; an instance of a class that `cache` knows shares it.
    ///
    /// # Errors
    /// As [`CimObject::decode_unit`].
    pub fn decode_unit_with(cache: &mut ClassCache, data: Bytes) -> Result<Self, WireError> {
        Self::decode_block_with(cache, unit(data)?)
    }

    /// Reads an ObjectBlock ([MS-WMIO 2.2.5]), of which the objects of a WBEM_DATAPACKET consist.
    /// Octets after its last part are ignored; Windows leaves some.
    ///
    /// # Errors
    /// Where and why the octets are not one.
    pub fn decode_block(data: Bytes) -> Result<Self, WireError> {
        Self::decode_at_depth(data, 0)
    }

    /// As [`CimObject::decode_block`]; an instance of a class that `cache` knows shares it.
    ///
    /// # Errors
    /// As [`CimObject::decode_block`].
    pub fn decode_block_with(cache: &mut ClassCache, data: Bytes) -> Result<Self, WireError> {
        Self::decode(&mut Reader::new(data), 0, |r, _| {
            let part = peek_part(r)?;
            r.skip(part.len(), "ClassPart")?;
            cache.class(&part)
        })
    }

    /// Reads an EncodingUnitInstanceNoClass ([MS-WMIO 2.2.3]): an instance of a class that is known.
    ///
    /// No capture of Windows shows one; the witnesses are the specification and a foreign simulated host.
    ///
    /// # Errors
    /// Where and why the octets are not one.
    pub fn decode_instance_without_class(data: Bytes, class: &Arc<CimClass>) -> Result<Self, WireError> {
        let mut r = Reader::new(data);
        let (other_flags, is_class, decoration) = decode_head(&mut r)?;
        if is_class {
            return Err(r.bad("ObjectFlags"));
        }
        let instance = Some(Instance::decode(&mut r, class, 0)?);
        Ok(Self { other_flags, decoration, class: Arc::clone(class), instance })
    }

    pub(super) fn decode_at_depth(data: Bytes, depth: u8) -> Result<Self, WireError> {
        Self::decode(&mut Reader::new(data), depth, |r, depth| Ok(Arc::new(CimClass::decode(r, depth)?)))
    }

    fn decode(
        r: &mut Reader,
        depth: u8,
        class_of_instance: impl FnOnce(&mut Reader, u8) -> Result<Arc<CimClass>, WireError>,
    ) -> Result<Self, WireError> {
        let (other_flags, is_class, decoration) = decode_head(r)?;
        if !is_class {
            let class = class_of_instance(r, depth)?;
            let instance = Some(Instance::decode(r, &class, depth)?);
            return Ok(Self { other_flags, decoration, class, instance });
        }
        let mut with_methods = || -> Result<CimClass, WireError> {
            let mut class = CimClass::decode(r, depth)?;
            let (methods, part) = method::decode_part(r, depth)?;
            class.methods = methods;
            class.methods_part = Some(part);
            Ok(class)
        };
        let parent = with_methods()?;
        let class = CimClass { parent: Some(Arc::new(parent)), ..with_methods()? };
        Ok(Self { other_flags, decoration, class: Arc::new(class), instance: None })
    }

    /// Writes an EncodingUnit ([MS-WMIO 2.2.1]).
    #[must_use]
    pub fn encode_unit(&self) -> Bytes {
        let block = self.encode_block();
        let mut w = Writer::new();
        w.u32(SIGNATURE);
        w.len32(block.len());
        w.bytes(&block);
        w.finish()
    }

    /// Writes an ObjectBlock ([MS-WMIO 2.2.5]).
    ///
    /// Parts that were received are written as they were: a server refuses an instance whose copy of the class
    /// was altered ([MS-WMIO 2.3.4]). [`CimObject::canonical`] writes them anew.
    #[must_use]
    pub fn encode_block(&self) -> Bytes {
        let mut w = Writer::new();
        self.encode_head(&mut w);
        match &self.instance {
            Some(instance) => {
                w.bytes(&self.class.part);
                w.bytes(&instance.part);
            }
            None => {
                match &self.class.parent {
                    Some(parent) => encode_class(parent, &mut w),
                    None => encode::nobody(&mut w),
                }
                encode_class(&self.class, &mut w);
            }
        }
        w.finish()
    }

    /// Writes an EncodingUnitInstanceNoClass ([MS-WMIO 2.2.3]); `None` for a class.
    #[must_use]
    pub fn encode_instance_without_class(&self) -> Option<Bytes> {
        let mut w = Writer::new();
        self.encode_head(&mut w);
        w.bytes(&self.instance.as_ref()?.part);
        Some(w.finish())
    }

    fn encode_head(&self, w: &mut Writer) {
        let genus = if self.instance.is_some() { flags::INSTANCE } else { flags::CLASS };
        let decorated = if self.decoration.is_some() { flags::DECORATED } else { 0 };
        w.u8(self.other_flags | genus | decorated);
        if let Some(Decoration { server, namespace }) = &self.decoration {
            let mut text = BytesMut::new();
            server.encode(&mut text);
            namespace.encode(&mut text);
            w.bytes(&text);
        }
    }
}

/// ClassAndMethodsPart ([MS-WMIO 2.2.14]) as it is part of a class definition.
fn encode_class(class: &CimClass, w: &mut Writer) {
    w.bytes(&class.part);
    match &class.methods_part {
        Some(part) => w.bytes(part),
        None => method::encode_part(&[], w),
    }
}

/// The ObjectBlock of an EncodingUnit.
///
/// The specification's own example announces more octets than there are, so a length beyond the end is not an error;
/// the parts inside have lengths of their own.
fn unit(data: Bytes) -> Result<Bytes, WireError> {
    let mut r = Reader::new(data);
    if r.u32("Signature")? != SIGNATURE {
        return Err(r.bad("Signature"));
    }
    let length = usize::try_from(r.u32("ObjectEncodingLength")?).unwrap_or(usize::MAX);
    r.bytes(length.min(r.remaining()), "ObjectBlock")
}

/// ObjectFlags and Decoration: the flags that are not known here, whether it is a class, the decoration.
fn decode_head(r: &mut Reader) -> Result<(u8, bool, Option<Decoration>), WireError> {
    let all = r.u8("ObjectFlags")?;
    let is_class = match all & (flags::CLASS | flags::INSTANCE) {
        flags::CLASS => true,
        flags::INSTANCE => false,
        _ => return Err(r.bad("ObjectFlags")),
    };
    let mut text = || -> Result<CimString, WireError> {
        let extent = Extent::of(r.peek())?;
        let text = CimString::slice(r.peek(), 0, extent);
        r.skip(extent.length(), "Decoration")?;
        Ok(text)
    };
    let decoration = match all & flags::DECORATED {
        0 => None,
        _ => Some(Decoration { server: text()?, namespace: text()? }),
    };
    Ok((all & !(flags::CLASS | flags::INSTANCE | flags::DECORATED), is_class, decoration))
}
