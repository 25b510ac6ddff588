use bytes::Bytes;
use hex_literal::hex;

use super::activation::properties::{InstantiationInfoData, LocationInfoData};
use super::exporter::{ComplexPingRequest, ComplexPingResponse};
use super::*;
use crate::wire::guid::{CLSID_WBEM_LEVEL1_LOGIN, IID_IUNKNOWN, IID_IWBEM_LEVEL1_LOGIN};
use crate::wire::{Guid, HResult, Reader, Wire, WireErrorKind};

/// [MS-DCOM 2.2.13.2]: an even number of slots, each extent padded to eight octets.
#[test]
fn extensions_are_an_even_array() {
    let that =
        OrpcThat { flags: 1, extensions: vec![OrpcExtent { id: IID_IUNKNOWN, data: Bytes::from_static(&[0xaa; 3]) }] };
    let octets = hex!(
        "01000000 00000200" // flags, extensions
        "01000000 00000000 04000200" // size, reserved, extent
        "02000000 08000200 00000000" // two slots, the second NULL
        "08000000 0000000000000000c000000000000046 03000000 aaaaaa 0000000000"
    );
    assert_eq!(that.to_bytes()[..], octets);
    assert_eq!(OrpcThat::from_bytes(Bytes::copy_from_slice(&octets)), Ok(that));
}

/// An extent is found in whichever slot it stands, and a NULL array is no extension.
#[test]
fn null_slots_are_skipped() {
    let octets = hex!(
        "00000000 00000200" "01000000 00000000 04000200" "02000000 00000000 08000200"
        "00000000 0000000000000000c000000000000046 00000000"
    );
    let that = OrpcThat::from_bytes(Bytes::copy_from_slice(&octets)).unwrap();
    assert_eq!(that.extensions, [OrpcExtent { id: IID_IUNKNOWN, data: Bytes::new() }]);
    let empty = hex!("00000000 00000200 00000000 00000000 00000000");
    assert_eq!(OrpcThat::from_bytes(Bytes::copy_from_slice(&empty)), Ok(OrpcThat::default()));
    let lying = hex!("00000000 00000200 01000000 00000000 00000000");
    assert_eq!(OrpcThat::from_bytes(Bytes::copy_from_slice(&lying)).unwrap_err().kind, WireErrorKind::BadValue);
}

#[test]
fn tcp_bindings_are_host_and_port() {
    let binding = |tower_id, address: &str| StringBinding { tower_id, address: address.to_owned() };
    for (binding, tcp) in [
        (binding(7, "10.0.0.1[49154]"), Some(("10.0.0.1", Some(49154)))),
        (binding(7, "host"), Some(("host", None))),
        (binding(7, "fe80::1[135]"), Some(("fe80::1", Some(135)))),
        (binding(7, "host[99999]"), None),
        (binding(7, "host[]"), None),
        (binding(15, "host[\\PIPE\\atsvc]"), None),
    ] {
        assert_eq!(binding.as_tcp(), tcp, "{binding:?}");
    }
    assert_eq!(StringBinding::tcp("h", Some(1)).as_tcp(), Some(("h", Some(1))));
    assert_eq!(StringBinding::tcp("h", None).as_tcp(), Some(("h", None)));
}

/// [MS-DCOM 2.2.19.1]: the smallest array is four zero units behind 4 and 2.
#[test]
fn the_smallest_bindings() {
    let mut w = crate::wire::Writer::new();
    DualStringArray::default().encode_packet(&mut w);
    assert_eq!(w.as_slice(), hex!("0400 0200 0000 0000 0000 0000"));
    assert_eq!(DualStringArray::decode_packet(&mut Reader::new(w.finish())), Ok(DualStringArray::default()));
}

#[test]
fn bindings_that_contradict_themselves_are_refused() {
    for octets in [
        &hex!("0200 0300 0000 0000 0000")[..], // the security bindings start behind the end
        &hex!("0400 0200 0700 4100 0000 0000"), // an address without an end
        &hex!("0400 0200 0000 0000 0a00 ffff"), // a principal that is not there
        &hex!("0900 0200 0000 0000 0000 0000"), // longer than the octets
    ] {
        let array = DualStringArray::decode_packet(&mut Reader::new(Bytes::copy_from_slice(octets)));
        assert!(array.is_err(), "{octets:02x?}: {array:?}");
    }
    let counts_differ = hex!("05000000 0400 0200 0000 0000 0000 0000");
    assert!(DualStringArray::from_bytes(Bytes::copy_from_slice(&counts_differ)).is_err());
}

#[test]
fn an_object_by_value_is_no_reference() {
    let pointer = MInterfacePointer::new(&ObjRef::custom(IID_IUNKNOWN, IID_IUNKNOWN, Bytes::from_static(b"object")));
    assert_eq!(pointer.std().unwrap_err().kind, WireErrorKind::Unsupported);
    let mut unknown = pointer.data.to_vec();
    unknown[4] = 0x10;
    let unknown = MInterfacePointer { data: unknown.into() };
    assert_eq!(unknown.objref().unwrap_err().kind, WireErrorKind::Unsupported);
    assert_eq!(MInterfacePointer::from_bytes(unknown.to_bytes()), Ok(unknown));
}

#[test]
fn octets_behind_a_reference_are_ignored() {
    let objref = ObjRef::standard(IID_IUNKNOWN, StdObjRef::default(), DualStringArray::default());
    let pointer = MInterfacePointer { data: [&objref.to_bytes()[..], b"rest"].concat().into() };
    assert_eq!(pointer.objref(), Ok(objref));
}

fn activation() -> ActivationRequest {
    ActivationRequest {
        clsid: CLSID_WBEM_LEVEL1_LOGIN,
        iids: vec![IID_IWBEM_LEVEL1_LOGIN],
        client_version: ComVersion::V5_7,
        context_id: Guid::from_u128(1),
    }
}

#[test]
fn properties_are_found_in_any_order() {
    let mut request = activation().to_request();
    request.properties.properties.reverse();
    request.properties.properties.insert(0, (Guid::from_u128(7), Bytes::from_static(b"unknown")));
    let again = RemoteCreateInstanceRequest::from_bytes(request.to_bytes()).unwrap();
    assert_eq!(again, request);
    assert_eq!(ActivationRequest::from_request(&again), Ok(activation()));
    assert_eq!(again.properties.get(), Ok(Some(LocationInfoData::default())));
}

#[test]
fn a_property_that_is_missing_is_named() {
    let mut request = activation().to_request();
    request.properties.properties.clear();
    let error = ActivationRequest::from_request(&request).unwrap_err();
    assert_eq!((error.kind, error.what), (WireErrorKind::BadValue, "InstantiationInfoData"));
    assert_eq!(request.properties.get::<InstantiationInfoData>(), Ok(None));
    assert!(RemoteCreateInstanceResponse::failure(HResult::E_ACCESSDENIED).reply().is_err());
}

#[test]
fn properties_in_an_object_of_another_kind_are_refused() {
    let request = activation().to_request();
    let response = RemoteCreateInstanceResponse { properties: Some(request.properties), status: HResult::S_OK };
    let octets = response.to_bytes();
    assert!(RemoteCreateInstanceResponse::from_bytes(octets.clone()).is_ok());
    // The same octets as a request: pUnkOuter first, and the identifiers are those of a reply.
    let octets = Bytes::from([&hex!("00000000")[..], &octets[..octets.len() - 4]].concat());
    assert!(RemoteCreateInstanceRequest::from_bytes(octets).is_err());
}

#[test]
fn a_property_longer_than_the_blob_is_refused() {
    let mut octets = activation().to_request().properties.to_bytes().to_vec();
    octets.truncate(octets.len() - 1);
    assert_eq!(ActivationProperties::from_bytes(octets.into()).unwrap_err().kind, WireErrorKind::Truncated);
}

/// [MS-DCOM 3.1.2.5.1.3], laid out by hand: no capture shows ComplexPing in clear with its parameters.
#[test]
fn complex_ping() {
    let request = ComplexPingRequest { set_id: 0, sequence: 1, add: vec![0x1122], del: vec![] };
    let octets = hex!("0000000000000000 0100 0100 0000 0000 00000200 01000000 2211000000000000 00000000");
    assert_eq!(request.to_bytes()[..], octets);
    assert_eq!(ComplexPingRequest::from_bytes(Bytes::copy_from_slice(&octets)), Ok(request));
    let response = hex!("0807060504030201 0300 0000 00000000");
    let response = ComplexPingResponse::from_bytes(Bytes::copy_from_slice(&response)).unwrap();
    assert_eq!((response.set_id, response.backoff_factor), (0x0102_0304_0506_0708, 3));
}

#[test]
fn counts_of_references_must_agree() {
    let good = hex!("0100 0000 01000000 00000000000000000000000000000000 05000000 00000000");
    let request = rem_unknown::RemRefsRequest::from_bytes(Bytes::copy_from_slice(&good)).unwrap();
    assert_eq!(request.refs[0].public_refs, 5);
    let bad = hex!("0200 0000 01000000 00000000000000000000000000000000 05000000 00000000");
    assert!(rem_unknown::RemRefsRequest::from_bytes(Bytes::copy_from_slice(&bad)).is_err());
}
