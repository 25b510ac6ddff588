//! Methods of classes and their signatures.

use core::fmt;

use bytes::{Bytes, BytesMut};

use super::heap::{Budget, Heap, HeapWriter, NO_REF};
use super::qualifier::{self, QualifierModel};
use super::{CimObject, CimQualifier, CimString, CimType};
use crate::wire::{Reader, WireError, Writer};

/// [MS-WMIO 2.2.41] MethodDescription.
#[derive(Clone)]
pub struct CimMethod {
    name: CimString,
    flags: u8,
    origin: u32,
    qualifiers: Vec<CimQualifier>,
    input: u32,
    output: u32,
    heap: Heap,
}

impl CimMethod {
    /// [MS-WMIO 2.2.43] the flag of a method that a parent class defines: WBEM_FLAVOR_ORIGIN_PROPAGATED.
    pub const INHERITED: u8 = 0x20;

    /// The name, for example `StartService`.
    #[must_use]
    pub const fn name(&self) -> &CimString {
        &self.name
    }

    /// [MS-WMIO 2.2.43] MethodFlags.
    #[must_use]
    pub const fn flags(&self) -> u8 {
        self.flags
    }

    /// Whether a superclass defines it.
    #[must_use]
    pub const fn is_inherited(&self) -> bool {
        self.flags & Self::INHERITED != 0
    }

    /// [MS-WMIO 2.2.45] MethodOrigin; [`super::CimClass::origin`] gives the name.
    #[must_use]
    pub const fn origin(&self) -> u32 {
        self.origin
    }

    /// Qualifiers of the method.
    #[must_use]
    pub fn qualifiers(&self) -> &[CimQualifier] {
        &self.qualifiers
    }

    /// The qualifier called `name` (ASCII case is ignored).
    #[must_use]
    pub fn qualifier(&self, name: &str) -> Option<&CimQualifier> {
        qualifier::find(&self.qualifiers, name)
    }

    /// The class `__PARAMETERS` whose properties are the `in` parameters ([MS-WMIO 2.3.3]); `None` when there are none.
    ///
    /// # Errors
    /// It does not decode; other methods may.
    pub fn input(&self) -> Result<Option<CimObject>, WireError> {
        self.signature(self.input)
    }

    /// The class `__PARAMETERS` of the `out` parameters and `ReturnValue`; `None` when there are none.
    ///
    /// # Errors
    /// As [`CimMethod::input`].
    pub fn output(&self) -> Result<Option<CimObject>, WireError> {
        self.signature(self.output)
    }

    fn signature(&self, at: u32) -> Result<Option<CimObject>, WireError> {
        if at == NO_REF {
            return Ok(None);
        }
        self.heap.object(at, &mut self.heap.budget())
    }

    fn decode(r: &mut Reader, heap: &Heap, budget: &mut Budget) -> Result<Self, WireError> {
        let name = r.u32("MethodName")?;
        let name = heap.string(name, "MethodName", budget)?.ok_or_else(|| r.bad("MethodName"))?;
        let flags = r.u8("MethodFlags")?;
        r.skip(3, "MethodPadding")?;
        let origin = r.u32("MethodOrigin")?;
        let qualifiers = qualifier::decode_set_at(r.u32("MethodQualifiers")?, heap, budget)?;
        let mut signature = || {
            let cell = r.bytes(4, "MethodSignature")?;
            heap.reach(CimType::OBJECT, false, &cell, budget)?;
            Reader::new(cell).u32("MethodSignature")
        };
        let (input, output) = (signature()?, signature()?);
        Ok(Self { name, flags, origin, qualifiers, input, output, heap: heap.clone() })
    }
}

impl PartialEq for CimMethod {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.flags, self.origin, &self.qualifiers, self.input(), self.output())
            == (&other.name, other.flags, other.origin, &other.qualifiers, other.input(), other.output())
    }
}

impl fmt::Debug for CimMethod {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CimMethod").field("name", &self.name).field("flags", &self.flags).finish_non_exhaustive()
    }
}

/// Reads a MethodsPart ([MS-WMIO 2.2.38]); gives the methods and the part's octets.
pub(super) fn decode_part(r: &mut Reader, depth: u8) -> Result<(Vec<CimMethod>, Bytes), WireError> {
    let mut ahead = r.clone();
    let length = usize::try_from(ahead.u32("MethodsPart")?).unwrap_or(usize::MAX);
    let part = r.bytes(length, "MethodsPart")?;
    let mut r = Reader::new(part.clone());
    r.skip(4, "MethodsPart")?;
    let count = usize::from(r.u16("MethodCount")?);
    r.skip(2, "MethodCountPadding")?;
    let mut table = r.sub(count * 24, "MethodDescription")?;
    let heap = Heap::decode(&mut r, depth)?;
    let mut budget = heap.budget();
    let methods = (0..count).map(|_| CimMethod::decode(&mut table, &heap, &mut budget)).collect::<Result<_, _>>()?;
    Ok((methods, part))
}

/// A method as it is to be written.
#[derive(Clone, Debug)]
pub(super) struct MethodModel {
    pub(super) name: CimString,
    pub(super) flags: u8,
    pub(super) origin: u32,
    pub(super) qualifiers: Vec<QualifierModel>,
    pub(super) input: Option<CimObject>,
    pub(super) output: Option<CimObject>,
}

/// Writes a MethodsPart.
pub(super) fn encode_part(methods: &[MethodModel], w: &mut Writer) {
    let mut heap = HeapWriter::default();
    let mut table = Writer::new();
    for method in methods {
        let name = heap.string(&method.name);
        let mut signature = |object: &Option<CimObject>| object.as_ref().map_or(NO_REF, |object| heap.object(object));
        let (input, output) = (signature(&method.input), signature(&method.output));
        let qualifiers = heap.reserve(qualifier::set_size(&method.qualifiers));
        let mut set = BytesMut::new();
        qualifier::encode_set(&method.qualifiers, &mut heap, &mut set);
        heap.fill(qualifiers, &set);
        table.u32(name);
        table.u8(method.flags);
        table.zeros(3);
        table.u32(method.origin);
        table.u32(qualifiers);
        table.u32(input);
        table.u32(output);
    }
    w.len32(12 + table.len() + heap.bytes.len());
    w.u16(u16::try_from(methods.len()).unwrap_or(u16::MAX));
    w.u16(0);
    w.bytes(table.as_slice());
    heap.finish(w);
}
