use bytes::Bytes;
use hex_literal::hex;

use super::context::VariantType;
use super::enumerator::NextResponse;
use super::login::SetClientInfoRequest;
use super::services::PathRequest;
use super::smart_enum::SmartNextResponse;
use super::*;
use crate::wire::cim::{CimObject, CimType, CimValue, ClassBuilder, PropertyBuilder};
use crate::wire::dcom::MInterfacePointer;
use crate::wire::{Guid, HResult, Wire, WireErrorKind};

#[test]
fn bstr_with_and_without_nul_inside_the_count() {
    let without = hex!("00000200 02000000 04000000 02000000 4800 6900");
    let with = hex!("55736572 03000000 06000000 03000000 4800 6900 0000");
    let hi = Bstr::from("Hi");
    assert_eq!(Bstr::from_bytes(Bytes::copy_from_slice(&without)), Ok(hi.clone()));
    assert_eq!(Bstr::from_bytes(Bytes::copy_from_slice(&with)), Ok(hi.clone()));
    assert_eq!(hi.to_bytes()[..], without);
}

#[test]
fn bstr_null_and_empty_are_two() {
    assert_eq!(Bstr::NULL.to_bytes()[..], hex!("00000000"));
    assert_eq!(Bstr::from("").to_bytes()[..], hex!("00000200 00000000 00000000 00000000"));
    let null_inside = hex!("00000200 00000000 ffffffff 00000000");
    assert_eq!(Bstr::from_bytes(Bytes::copy_from_slice(&null_inside)), Ok(Bstr::NULL));
    let nul = Bstr::from("\0");
    assert_eq!(Bstr::from_bytes(nul.to_bytes()), Ok(nul));
    let lying = hex!("00000200 02000000 04000000 03000000 4800 6900");
    assert!(Bstr::from_bytes(Bytes::copy_from_slice(&lying)).is_err());
}

/// The parameters of a captured GetObject behind its ORPCTHIS: the object is wanted, the call result is not.
#[test]
fn get_object_wants_the_object() {
    let request = PathRequest::new("abc");
    let octets = hex!(
        "00000200 03000000 06000000 03000000 6100 6200 6300 0000" // the path and its padding
        "00000000 00000000 04000200 00000000 00000000"
    );
    assert_eq!(request.to_bytes()[..], octets);
    assert_eq!(PathRequest::from_bytes(Bytes::copy_from_slice(&octets)), Ok(request));
}

#[test]
fn next_may_hold_fewer_than_asked_and_null_pointers() {
    let failed = hex!("0a000000 00000000 00000000 00000000 17100480");
    let failed = NextResponse::from_bytes(Bytes::copy_from_slice(&failed)).unwrap();
    assert_eq!(failed, NextResponse::new(10, vec![], HResult::WBEM_E_INVALID_QUERY));
    let sparse = hex!(
        "0a000000 00000000 03000000 00000000 00000200 00000000" // three slots, two of them NULL
        "01000000 01000000 aa 000000 01000000 01000000"
    );
    let sparse = NextResponse::from_bytes(Bytes::copy_from_slice(&sparse)).unwrap();
    let object = MInterfacePointer { data: Bytes::from_static(&[0xaa]) };
    assert_eq!(sparse, NextResponse::new(10, vec![object], HResult::WBEM_S_FALSE));
    for lying in [
        &hex!("0a000000 01000000 00000000 00000000 00000000")[..],
        &hex!("0a000000 00000000 ffffff7f 00000000 00000000"),
    ] {
        assert!(NextResponse::from_bytes(Bytes::copy_from_slice(lying)).is_err());
    }
}

#[test]
fn a_failed_smart_next_may_keep_its_size() {
    let octets = hex!("00000000 05000000 00000000 03100480");
    let response = SmartNextResponse::from_bytes(Bytes::copy_from_slice(&octets)).unwrap();
    assert!(response.buffer.is_empty());
    assert_eq!(response.status, HResult::WBEM_E_ACCESS_DENIED);
    let lying = hex!("00000000 05000000 00000200 04000000 aaaaaaaa 00000000");
    assert!(SmartNextResponse::from_bytes(Bytes::copy_from_slice(&lying)).is_err());
}

fn packet() -> DataPacket {
    DataPacket::smart_next(vec![
        DataPacketObject::Class { data: Bytes::from_static(b"class") },
        DataPacketObject::Instance { class_id: Guid::from_u128(1), data: Bytes::from_static(b"instance") },
        DataPacketObject::InstanceNoClass { class_id: Guid::from_u128(1), data: Bytes::from_static(b"second") },
    ])
}

/// [MS-WMI 2.2.14], laid out by hand.
#[test]
fn the_headers_of_a_packet() {
    let packet = DataPacket::smart_next(vec![DataPacketObject::Class { data: Bytes::from_static(&[0xaa; 3]) }]);
    let octets = hex!(
        "00000000 5742454d44415441 1a000000 28000000 00000000 01 01"
        "08000000 20000000 0c000000 14000000 01000000"
        "09000000 0b000000 01 08000000 03000000 aaaaaa"
    );
    assert_eq!(packet.to_bytes()[..], octets);
    assert_eq!(DataPacket::from_bytes(Bytes::copy_from_slice(&octets)), Ok(packet));
}

#[test]
fn a_bad_object_leaves_the_others() {
    let good = packet();
    let octets = good.to_bytes();
    // The second object starts behind the headers (46) and the first object (9 + 8 + 5).
    let second = 46 + 22;
    for (place, value) in [(second + 8, 9), (second + 9, 25), (second + 13, 99)] {
        let mut changed = octets.to_vec();
        changed[place] = value;
        let changed = Bytes::from(changed);
        let packet = DataPacket::from_bytes(changed.clone()).unwrap();
        assert!(matches!(packet.objects[1], DataPacketObject::Undecodable { .. }), "{packet:?}");
        assert_eq!((&packet.objects[0], &packet.objects[2]), (&good.objects[0], &good.objects[2]));
        assert_eq!(packet.to_bytes(), changed);
    }
}

#[test]
fn a_packet_that_lies_about_its_sizes_is_refused() {
    let octets = packet().to_bytes();
    for (place, value, kind) in [
        (0, 1, WireErrorKind::BadValue),      // byte order
        (4, b'w', WireErrorKind::BadValue),   // signature
        (12, 27, WireErrorKind::BadValue),    // size of the first header
        (16, 0xff, WireErrorKind::Truncated), // its data
        (24, 2, WireErrorKind::BadValue),     // version
        (30, 0xff, WireErrorKind::Truncated),
        (38, 0xff, WireErrorKind::Truncated),
        (42, 4, WireErrorKind::Truncated), // objects
        (45, 0xff, WireErrorKind::Truncated),
        (46, 10, WireErrorKind::BadValue), // size of an object's header
        (50, 0xff, WireErrorKind::Truncated),
    ] {
        let mut changed = octets.to_vec();
        changed[place] = value;
        let error = DataPacket::from_bytes(changed.into()).unwrap_err();
        assert_eq!(error.kind, kind, "octet {place}");
    }
}

/// The parameters of a captured SetClientInfo behind its ORPCTHIS.
#[test]
fn set_client_info_names_the_client() {
    let octets = hex!(
        "00000200 03000000 00000000 03000000 4100 4200 0000" // the name and its NUL
        "0000 c4040000 00000000"
    );
    let request = SetClientInfoRequest { client_machine: Some("AB".to_owned()), client_process: 0x4c4, reserved: 0 };
    assert_eq!(request.to_bytes()[..], octets);
    assert_eq!(SetClientInfoRequest::from_bytes(Bytes::copy_from_slice(&octets)), Ok(request));
}

/// [MS-WMI 2.2.13], laid out by hand: no capture has a context.
#[test]
fn a_context_laid_out_by_hand() {
    let octets = hex!(
        "01000000 00000000000000000000000000000000 07000000"
        "01000000 6100 00000000 0300 2000000000000000" // a = 32, VT_I4
        "01000000 6200 00000000 0b00 ffff000000000000" // b = true, VT_BOOL
        "01000000 6300 00000000 0800 02000000 4800 6900" // c = "Hi", VT_BSTR
        "01000000 6400 00000000 0100" // d, VT_NULL
        "01000000 6500 00000000 0220 02000000 02000000 0100 feff" // e = [1, -2], VT_I2
        "01000000 6600 00000000 0820 02000000 08000000 00000000 01000000 7800" // f = ["", "x"], VT_BSTR
        "01000000 6700 00000000 0420 01000000 08000000 0000803f 00000000" // g = [1.0], VT_R4
    );
    let context = WbemContext::new()
        .with("a", 32)
        .with("b", true)
        .with("c", "Hi")
        .with("d", CimValue::Null)
        .with("e", vec![1_i16, -2])
        .with("f", vec!["", "x"])
        .with("g", vec![1_f32]);
    assert_eq!(context.to_bytes()[..], octets);
    assert_eq!(WbemContext::from_bytes(Bytes::copy_from_slice(&octets)), Ok(context.clone()));
    assert_eq!(context.get("B"), Some(&CimValue::Boolean(true)));
    let pointer = MInterfacePointer::from_wbem_context(&context);
    assert_eq!(
        pointer.data[..],
        [
            &hex!("4d454f57 04000000 74a6ac44 fce8 d011 a07c00c04fb68820"
        "98664b67 92ee d011 ad7100c04fd8fdff 00000000 b2000000")[..],
            &octets
        ]
        .concat()
    );
    assert_eq!(pointer.wbem_context(), Ok(context));
}

#[test]
fn a_context_takes_what_a_variant_can_hold() {
    let wide = WbemContext::new().with("n", u64::MAX).with("c", CimValue::Char16(0xd800)).with("N", 7_i64);
    let kept: Vec<_> = wide.properties.iter().map(|p| (p.name(), p.vartype(), p.value().clone())).collect();
    let unit = CimValue::Sint16(0xd800_u16.cast_signed());
    assert_eq!(kept, [("c", VariantType::VT_I2, unit), ("N", VariantType::VT_BSTR, "7".into())]);

    let mixed = CimValue::Array(vec![CimValue::Sint32(1), CimValue::Uint8(1)]);
    let nested = CimValue::Array(vec![CimValue::Array(vec![])]);
    let holes = CimValue::Array(vec![CimValue::Null, CimValue::Sint32(1)]);
    for value in [mixed, nested, holes] {
        assert!(!WbemContext::can_hold(&value));
        assert_eq!(WbemContext::new().with("v", value).get("v"), Some(&CimValue::Null));
    }
    let class = ClassBuilder::new("Inner").property(PropertyBuilder::new("P", CimType::UINT32)).build().unwrap();
    let object = CimObject::instance(&class, [("P", CimValue::Uint32(5))]).unwrap();
    let context = WbemContext::new().with("o", object.clone()).with("a", vec![object.clone(), object]).with("z", 1_u8);
    assert_eq!(WbemContext::from_bytes(context.to_bytes()), Ok(context));
}

#[test]
fn a_context_that_lies_is_refused() {
    let octets = WbemContext::new().with("a", vec![1_i32, 2]).to_bytes();
    // The array's type, count and size of an element are at 34, 36 and 40.
    for (place, value, kind) in [
        (0, 0xff, WireErrorKind::Truncated),
        (20, 0xff, WireErrorKind::Truncated),
        (24, 0xff, WireErrorKind::Truncated),
        (34, 0x01, WireErrorKind::Unsupported), // elements without a value
        (34, 0x14, WireErrorKind::Unsupported), // VT_I8
        (36, 0xff, WireErrorKind::Truncated),
        (40, 0, WireErrorKind::BadValue),
        (40, 1, WireErrorKind::Truncated),
        (40, 0xff, WireErrorKind::Truncated),
    ] {
        let mut changed = octets.to_vec();
        changed[place] = value;
        let error = WbemContext::from_bytes(changed.into()).unwrap_err();
        assert_eq!(error.kind, kind, "octet {place}");
    }
    assert!(MInterfacePointer::from_wbem_object(Bytes::from_static(b"unit")).wbem_context().is_err());
}
