//! Octets that lie, and octets that Windows leaves in a strange state.

use std::sync::Arc;

use bytes::Bytes;

use super::captured;
use crate::wire::cim::{CimClass, CimObject, CimType, CimValue, ClassBuilder, InstanceBuilder, PropertyBuilder};
use crate::wire::{WireErrorKind, Writer};

fn class_of(properties: impl IntoIterator<Item = PropertyBuilder>) -> Arc<CimClass> {
    properties.into_iter().fold(ClassBuilder::new("T"), ClassBuilder::property).build().unwrap()
}

/// An object block whose octets `at..` of the last part are replaced.
fn with(object: &CimObject, from_instance: usize, octets: &[u8]) -> Bytes {
    let mut block = object.encode_block().to_vec();
    let at = block.len() - object.instance.as_ref().unwrap().part.len() + from_instance;
    block[at..at + octets.len()].copy_from_slice(octets);
    block.into()
}

#[test]
fn a_bad_cell_is_an_error_of_that_cell_only() {
    let class = class_of([
        PropertyBuilder::new("A", CimType::STRING),
        PropertyBuilder::array("B", CimType::UINT32),
        PropertyBuilder::new("C", CimType::SINT8),
    ]);
    let values = [("A", "text".into()), ("B", vec![1_u32, 2].into()), ("C", 3_i8.into())];
    let object = CimObject::instance(&class, values).unwrap();
    let (nd, slots) = (1, 9 + 1);
    // References beyond the heap, into the middle of nothing, and to a dictionary entry that does not exist.
    for reference in [0x7fff_ffff_u32, 0x8000_00ff, 0x8000_000b] {
        let damaged = CimObject::decode_block(with(&object, slots, &reference.to_le_bytes())).unwrap();
        assert!(damaged.value(0).is_err(), "{reference:#x}");
        assert_eq!(damaged.value(1), object.value(1));
        assert_eq!(damaged.value(2), object.value(2));
    }
    // An array that announces more than there is.
    let array = slots + 4;
    let at = u32::from_le_bytes(object.instance.as_ref().unwrap().part[array..array + 4].try_into().unwrap());
    let heap = slots + 9 + 4 + nd + 4;
    let damaged = with(&object, heap + at as usize, &u32::MAX.to_le_bytes());
    let damaged = CimObject::decode_block(damaged).unwrap();
    assert_eq!(damaged.value(1).unwrap_err().kind, WireErrorKind::Truncated);
    assert_eq!(damaged.value(2), object.value(2));
    assert_eq!(damaged.value(3).unwrap_err().kind, WireErrorKind::BadValue);
    // A reference to nothing is NULL, whatever the NdTable says.
    let damaged = CimObject::decode_block(with(&object, slots, &[0xff; 4])).unwrap();
    assert_eq!(damaged.value(0), Ok(CimValue::Null));
}

/// Only the NdTable decides; slots of NULL values hold zeros or ones.
#[test]
fn slots_of_null_values_do_not_matter() {
    let class = class_of([
        PropertyBuilder::new("A", CimType::UINT32).default(5_u32),
        PropertyBuilder::new("B", CimType::STRING),
    ]);
    let object = CimObject::instance(&class, [("A", CimValue::Null), ("B", CimValue::Null)]).unwrap();
    for fill in [0x00, 0xff, 0x41] {
        let read = CimObject::decode_block(with(&object, 10, &[fill; 8])).unwrap();
        assert_eq!([read.value(0), read.value(1)], [Ok(CimValue::Null), Ok(CimValue::Null)]);
    }
    let maximum = CimObject::instance(&class, [("A", u32::MAX.into())]).unwrap();
    assert_eq!(maximum.value(0), Ok(CimValue::Uint32(u32::MAX)));
}

/// Lengths that lie: every 32-bit field of the examples set to values that are too small and too large.
#[test]
fn lengths_that_lie_are_errors_or_do_not_matter() {
    for example in ["ex1_Base_class", "ex2_MyClass_class", "ex3_MyClass_instance", "ex4_class_with_methods"] {
        let Some(example) = captured(&format!("wmio_spec/{example}.wmio")) else { return };
        for at in 0..example.len() - 4 {
            for lie in [0, 1, 3, 4, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, u32::MAX] {
                let mut data = example.to_vec();
                data[at..at + 4].copy_from_slice(&u32::to_le_bytes(lie));
                if let Ok(object) = CimObject::decode_unit(data.into()) {
                    let _ = (format!("{object:?}"), object.canonical());
                }
            }
        }
    }
}

/// A ClassPart whose lookup entries all refer to the same items, from a heap and what comes before it.
fn sharing_part(count: u32, name: u32, info: u32, heap: &[u8]) -> Bytes {
    let mut tail = Writer::new();
    tail.u32(4); // derivation
    tail.u32(4); // qualifiers
    tail.u32(count);
    for _ in 0..count {
        tail.u32(name);
        tail.u32(info);
    }
    let nd = (count as usize).div_ceil(4);
    tail.bytes(&vec![0; nd + 4]);
    tail.u32(0x8000_0000 | u32::try_from(heap.len()).unwrap());
    tail.bytes(heap);
    let mut w = Writer::new();
    w.len32(13 + tail.len());
    w.u8(0);
    w.u32(u32::MAX);
    w.len32(nd + 4);
    w.bytes(tail.as_slice());
    w.finish()
}

/// PropertyInfo of a string property with an empty QualifierSet.
const INFO: [u8; 18] = [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];

#[test]
fn shared_items_do_not_multiply() {
    let kind = |part: Bytes| CimClass::decode_part(part, 0).map(|_| ()).map_err(|error| error.kind);
    let mut heap = [&INFO[..], b"\0N\0"].concat();
    assert_eq!(kind(sharing_part(1, 18, 0, &heap)), Ok(()), "the part is well made");
    assert_eq!(kind(sharing_part(2, 18, 0, &heap)), Err(WireErrorKind::TooLong), "one PropertyInfo, two properties");
    assert_eq!(kind(sharing_part(60_000, 18, 0, &heap)), Err(WireErrorKind::TooLong));
    assert_eq!(kind(sharing_part(70_000, 18, 0, &heap)), Err(WireErrorKind::TooLong), "too many to be told apart");
    for lie in [2, 60_000, 0x2000_0000, u32::MAX] {
        let mut part = sharing_part(1, 18, 0, &heap).to_vec();
        part[21..25].copy_from_slice(&u32::to_le_bytes(lie));
        assert!(kind(part.into()).is_err(), "{lie} properties where there is one");
    }

    // One long name for many properties, each with a PropertyInfo of its own.
    heap = INFO.repeat(20_000);
    let name = u32::try_from(heap.len()).unwrap();
    heap.extend(std::iter::repeat_n(b'n', 200_000));
    assert!(kind(sharing_part(20_000, name, 0, &heap)).is_err(), "without a terminator");
}

#[test]
fn shared_cells_of_an_instance_are_refused() {
    let class = class_of((0..40).map(|i| PropertyBuilder::new(format!("P{i:02}"), CimType::STRING)));
    let long = "x".repeat(20_000);
    let object = CimObject::instance(&class, [("P00", long.as_str().into())]).unwrap();
    // All forty properties refer to the one text: legal octets would be ten times as long.
    let part = &object.instance.as_ref().unwrap().part;
    let reference: [u8; 4] = part[19..23].try_into().unwrap();
    let mut forty = [0; 10].to_vec();
    forty.extend(reference.repeat(40));
    let damaged = CimObject::decode_block(with(&object, 9, &forty)).unwrap();
    assert_eq!(damaged.value(5).unwrap_err().kind, WireErrorKind::TooLong);
    // Two of them are tolerated.
    forty[1..10].fill(0x55);
    forty[0] = 0x50;
    assert_eq!(CimObject::decode_block(with(&object, 9, &forty)).unwrap().value(1), Ok(long.as_str().into()));

    // Objects are not shared at all: that would multiply from level to level.
    let inner = CimObject::instance(&class_of([]), []).unwrap();
    let class = class_of([PropertyBuilder::new("A", CimType::OBJECT), PropertyBuilder::new("B", CimType::OBJECT)]);
    let object = InstanceBuilder::new(&class).set("A", inner.clone()).set("B", inner).build().unwrap();
    assert!(object.value(0).is_ok() && object.value(1).is_ok());
    let part = &object.instance.as_ref().unwrap().part;
    let shared: Vec<u8> = [&part[10..14], &part[10..14]].concat();
    let damaged = CimObject::decode_block(with(&object, 10, &shared)).unwrap();
    assert!(damaged.value(0).is_ok(), "two small ones fit into the heap of two");
    let three = class_of(["A", "B", "C"].map(|name| PropertyBuilder::new(name, CimType::OBJECT)));
    let object = InstanceBuilder::new(&three).set("A", CimObject::instance(&three, []).unwrap()).build().unwrap();
    let part = &object.instance.as_ref().unwrap().part;
    let shared = [&[0][..], &part[10..14].repeat(3)].concat();
    let damaged = CimObject::decode_block(with(&object, 9, &shared)).unwrap();
    assert_eq!(damaged.value(0).unwrap_err().kind, WireErrorKind::TooLong);
}
