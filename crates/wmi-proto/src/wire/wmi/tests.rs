use bytes::Bytes;
use hex_literal::hex;

use super::enumerator::NextResponse;
use super::services::PathRequest;
use super::smart_enum::SmartNextResponse;
use super::*;
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
