use bytes::Bytes;
use hex_literal::hex;

use super::*;
use crate::wire::guid::{IID_IOBJECT_EXPORTER, NDR};
use crate::wire::{Guid, Interface, WireErrorKind};

/// A ServerAlive2 association as both sides set it up: one context over NDR, one for bind-time features.
fn bind() -> Bind {
    let exporter = Interface::orpc(IID_IOBJECT_EXPORTER);
    let features = bind_time_features(SECURITY_CONTEXT_MULTIPLEXING | KEEP_CONNECTION_ON_ORPHAN);
    let negotiation = PresentationContext { id: 1, abstract_syntax: exporter, transfer_syntaxes: [features].into() };
    Bind {
        max_xmit_frag: 5840,
        max_recv_frag: 5840,
        assoc_group_id: 0,
        contexts: [PresentationContext::ndr(0, exporter), negotiation].into_iter().collect(),
    }
}

#[test]
fn a_bind_reads_the_same_in_both_byte_orders() {
    let little = hex!(
        "05000b03 10000000 7400 0000 02000000 d016 d016 00000000 02000000"
        "0000 0100 c4fefc99 6052 1b10 bbcb00aa0021347a 00000000 045d888a eb1c c911 9fe808002b104860 02000000"
        "0100 0100 c4fefc99 6052 1b10 bbcb00aa0021347a 00000000 2c1cb76c 1298 4045 0300000000000000 01000000"
    );
    let big = hex!(
        "05000b03 00000000 0074 0000 00000002 16d0 16d0 00000000 02000000"
        "0000 0100 99fcfec4 5260 101b bbcb00aa0021347a 00000000 8a885d04 1ceb 11c9 9fe808002b104860 00000002"
        "0001 0100 99fcfec4 5260 101b bbcb00aa0021347a 00000000 6cb71c2c 9812 4540 0300000000000000 00000001"
    );
    let pdu = Pdu::new(2, Body::Bind(bind()));
    assert_eq!(Pdu::decode(Bytes::copy_from_slice(&little)), Ok(pdu.clone()));
    assert_eq!(Pdu::decode(Bytes::copy_from_slice(&big)), Ok(pdu.clone()));
    assert_eq!(pdu.encode(), little.as_slice());
}

#[test]
fn a_request_with_object_and_trailer_reads_in_big_endian() {
    let octets = hex!(
        "05000083 00000000 0048 0010 00000007 00000004 0001 0003"
        "0000abcd 0001 0002 0304050607080900 11223344 00000000"
        "0a 05 04 00 00000009 000102030405060708090a0b0c0d0e0f"
    );
    let pdu = Pdu::decode(Bytes::copy_from_slice(&octets)).unwrap();
    let Body::Request(request) = &pdu.body else { panic!("{pdu:?}") };
    assert_eq!((pdu.call_id, request.alloc_hint, request.context_id, request.opnum), (7, 4, 1, 3));
    assert_eq!(request.object, Some(Guid::from_fields(0xabcd, 1, 2, [3, 4, 5, 6, 7, 8, 9, 0])));
    assert_eq!(request.stub.as_ref(), [0x11, 0x22, 0x33, 0x44]);
    let place = Protected::locate(&octets).unwrap().unwrap();
    assert_eq!((place.stub, place.pad_length, place.context_id, place.value), (40..48, 4, 9, 56..72));
}

#[test]
fn feature_bits_are_found_in_the_pseudo_syntax_only() {
    assert_eq!(offered_features(&bind_time_features(3)), Some(3));
    assert_eq!(offered_features(&NDR_SYNTAX), None);
    assert_eq!(NDR_SYNTAX.uuid, NDR);
    assert_eq!(ContextResult::negotiate_ack(3).granted_features(), Some(3));
    assert_eq!(ContextResult::ACCEPTED_NDR.granted_features(), None);
    let refused = ContextResult::rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
    assert!(ContextResult::ACCEPTED_NDR.is_accepted() && !refused.is_accepted());
}

#[test]
fn a_header_is_read_as_soon_as_it_is_there() {
    let octets = Pdu::new(2, Body::Bind(bind())).encode();
    for n in 0..16 {
        assert_eq!(CommonHeader::peek(&octets[..n]), Ok(None));
    }
    let header = CommonHeader::peek(&octets[..16]).unwrap().unwrap();
    assert_eq!((header.ptype, header.frag_length, header.call_id), (PduType::BIND, 116, 2));
    assert!(!header.is_big_endian());
}

#[test]
fn lengths_that_contradict_each_other_are_refused() {
    let header = |frag_length: u16, auth_length: u16| {
        let mut octets = [5, 0, 2, 3, 0x10, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0];
        octets[8..10].copy_from_slice(&frag_length.to_le_bytes());
        octets[10..12].copy_from_slice(&auth_length.to_le_bytes());
        CommonHeader::peek(&octets).map_err(|e| (e.kind, e.what))
    };
    assert_eq!(header(15, 0), Err((WireErrorKind::BadValue, "frag_length")));
    assert_eq!(header(39, 16), Err((WireErrorKind::BadValue, "auth_length")));
    assert_eq!(header(65535, 65535), Err((WireErrorKind::BadValue, "auth_length")));
    assert!(header(40, 16).is_ok());
    let version = CommonHeader::peek(b"HTTP/1.1 400 Bad").unwrap_err();
    assert_eq!((version.kind, version.what), (WireErrorKind::BadValue, "rpc_vers"));
}

#[test]
fn octets_that_belong_to_nothing_are_refused() {
    let mut octets = Pdu::new(2, Body::Bind(bind())).encode();
    octets.extend_from_slice(&[0; 4]);
    octets[8] += 4;
    assert_eq!(Pdu::decode(octets.freeze()).unwrap_err().kind, WireErrorKind::Trailing);
}

#[test]
fn padding_longer_than_the_stub_is_refused() {
    let response = Response { alloc_hint: 0, context_id: 0, cancel_count: 0, stub: Bytes::from_static(b"abc") };
    let protection = Protection::ntlm(AuthnLevel::PKT_INTEGRITY, 1);
    let Unsigned { mut pdu, stub } = Unsigned::new(PfcFlags::WHOLE, 1, &Body::Response(response), &protection);
    assert_eq!((stub.clone(), pdu.len()), (24..40, 64));
    assert!(Pdu::decode(pdu.clone().freeze()).is_ok());
    pdu[stub.end + 2] = 17;
    let refused = Protected::locate(&pdu).unwrap_err();
    assert_eq!((refused.kind, refused.what), (WireErrorKind::BadValue, "auth_pad_length"));
    pdu[stub.end + 2] = 25;
    assert_eq!(Pdu::decode(pdu.freeze()).unwrap_err().what, "auth_pad_length");
}

#[test]
fn an_unknown_type_is_unsupported() {
    let octets = hex!("0500 01 03 10000000 1000 0000 01000000");
    let refused = Pdu::decode(Bytes::copy_from_slice(&octets)).unwrap_err();
    assert_eq!((refused.kind, refused.what), (WireErrorKind::Unsupported, "PTYPE"));
}

#[test]
fn full_fragments_are_as_large_as_the_peer_allows() {
    let protection = Protection::ntlm(AuthnLevel::PKT_PRIVACY, 1);
    assert_eq!(max_stub_per_fragment(5840, 24, Some(&protection)), 5792);
    assert_eq!(max_stub_per_fragment(5840, 40, Some(&protection)), 5776);
    assert_eq!(max_stub_per_fragment(1024, 24, None), 1000);
    assert_eq!(max_stub_per_fragment(40, 40, Some(&protection)), 0);
}

#[test]
fn a_signature_inside_the_data_is_no_trailer() {
    let trailer = VerificationTrailer::pcontext(Interface::orpc(IID_IOBJECT_EXPORTER), NDR_SYNTAX);
    let whole = trailer.append(b"data!");
    assert_eq!(VerificationTrailer::split(&whole).unwrap().0.as_ref(), b"data!\0\0\0");
    let more = [whole.as_ref(), b"more"].concat();
    assert_eq!(VerificationTrailer::split(&Bytes::from(more)), None);
    assert_eq!(VerificationTrailer::split(&Bytes::from_static(b"short")), None);
    let twice = trailer.append(&whole);
    assert_eq!(VerificationTrailer::split(&twice).unwrap().0, whole);
}
