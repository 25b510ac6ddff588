use bytes::Bytes;
use hex_literal::hex;

use super::serialization;
use crate::wire::dcom::{ComVersion, DualStringArray};
use crate::wire::{HResult, Reader, Wire, WireErrorKind, Writer};

fn reader(octets: &'static [u8]) -> Reader {
    Reader::new(Bytes::from_static(octets))
}

#[test]
fn wide_strings_end_with_nul() {
    let good = hex!("03000000 00000000 03000000 4800 6900 0000");
    assert_eq!(reader(&hex!("03000000 00000000 03000000 4800 6900 0000")).ndr_wide_string("text"), Ok("Hi".to_owned()));
    let mut w = Writer::new();
    w.ndr_wide_string("Hi");
    assert_eq!(w.as_slice(), good);
    for (octets, kind) in [
        (&hex!("02000000 00000000 02000000 4800 6900")[..], WireErrorKind::BadValue),
        (&hex!("03000000 01000000 02000000 6900 0000"), WireErrorKind::BadValue),
        (&hex!("01000000 00000000 02000000 6900 0000"), WireErrorKind::BadValue),
        (&hex!("00000000 00000000 00000000"), WireErrorKind::BadValue),
        (&hex!("ffffffff 00000000 ffffffff 0000"), WireErrorKind::Truncated),
    ] {
        let error = Reader::new(Bytes::copy_from_slice(octets)).ndr_wide_string("text").unwrap_err();
        assert_eq!(error.kind, kind, "{octets:02x?}");
    }
}

#[test]
fn counts_are_bounded_by_what_is_there() {
    assert_eq!(reader(&hex!("02000000 00 00 00 00")).ndr_count(2, "items"), Ok(2));
    assert_eq!(reader(&hex!("03000000 00 00 00 00")).ndr_count(2, "items").unwrap_err().kind, WireErrorKind::Truncated);
    assert_eq!(reader(&hex!("ffffffff")).ndr_count(usize::MAX, "items").unwrap_err().kind, WireErrorKind::Truncated);
    assert_eq!(reader(&hex!("02000000 aa")).ndr_octets(1, "octets").unwrap_err().kind, WireErrorKind::BadValue);
}

#[test]
fn alignment_counts_from_the_start() {
    let mut r = reader(&hex!("01 ff ff ff 02000000 0300 ffff ffffffff 0400000000000000"));
    assert_eq!(r.u8("first"), Ok(1));
    assert_eq!(r.ndr_u32("second"), Ok(2));
    assert_eq!(r.ndr_u16("third"), Ok(3));
    assert_eq!(r.ndr_u64("fourth"), Ok(4));
    assert!(r.is_empty());
    let mut w = Writer::new();
    w.u8(1);
    w.ndr_u32(2);
    w.ndr_u16(3);
    w.ndr_u64(4);
    assert_eq!(w.as_slice(), hex!("01000000 02000000 03000000 00000000 0400000000000000"));
}

#[test]
fn big_endian_peers_are_understood() {
    let octets = hex!("00000008 0008 0004 0007 0061 0000 0000 000a ffff 0000 0000");
    let mut r = Reader::with_endianness(Bytes::copy_from_slice(&octets), true);
    let array = DualStringArray::decode(&mut r).unwrap();
    assert_eq!(array.tcp().collect::<Vec<_>>(), [("a", None)]);
    assert_eq!(array.security_bindings[0].authn_svc, 10);
    assert!(r.is_empty());
    let mut wide = Reader::with_endianness(Bytes::from_static(&hex!("0002 0041 6587")), true);
    wide.skip(2, "count").unwrap();
    assert_eq!(wide.units(2, "text"), Ok(Bytes::from_static(&hex!("4100 8765"))));
}

#[test]
fn serialized_types_have_two_headers() {
    let data = serialization::encode(&ComVersion::V5_7);
    assert_eq!(data[..], hex!("01 10 0800 cccccccc 08000000 00000000 0500 0700 00000000"));
    assert_eq!(serialization::decode(&mut Reader::new(data)), Ok(ComVersion::V5_7));
    // The length may leave out the padding, as impacket does, and the octets may be in the other order.
    let mut unpadded = reader(&hex!("01 10 0800 cccccccc 04000000 00000000 0500 0700"));
    assert_eq!(serialization::decode(&mut unpadded), Ok(ComVersion::V5_7));
    let mut big = reader(&hex!("01 00 0008 cccccccc 00000004 00000000 80004002"));
    assert_eq!(serialization::decode(&mut big), Ok(HResult::E_NOINTERFACE));
    for (octets, kind) in [
        (&hex!("02 10 0800 cccccccc 04000000 00000000 0500 0700")[..], WireErrorKind::Unsupported),
        (&hex!("01 11 0800 cccccccc 04000000 00000000 0500 0700"), WireErrorKind::BadValue),
        (&hex!("01 10 0800 cccccccc 05000000 00000000 0500 0700"), WireErrorKind::Truncated),
        (&hex!("01 10 0800 cccccccc 03000000 00000000 0500 0700"), WireErrorKind::Truncated),
    ] {
        let error = serialization::decode::<ComVersion>(&mut Reader::new(Bytes::copy_from_slice(octets))).unwrap_err();
        assert_eq!(error.kind, kind, "{octets:02x?}");
    }
}
