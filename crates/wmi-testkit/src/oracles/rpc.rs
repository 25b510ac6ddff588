//! Oracles for PDUs.

use crate::oracles::dcom::survives;
use bytes::Bytes;
use wmi_proto::wire::Wire;
use wmi_proto::wire::rpc::{Body, CommonHeader, Pdu, Protected, VerificationTrailer};

/// `data` as a whole fragment.
pub fn pdu(data: &[u8]) {
    let header = CommonHeader::peek(data);
    let located = Protected::locate(data);
    let Ok(pdu) = Pdu::decode(Bytes::copy_from_slice(data)) else { return };
    let header = header.expect("what decodes has a header").expect("a whole one");
    assert_eq!((header.ptype, header.call_id, header.flags), (pdu.body.ptype(), pdu.call_id, pdu.flags));
    match (&pdu.auth, located) {
        (None, Ok(None)) => {}
        (Some(auth), Ok(Some(place))) => {
            assert_eq!((auth.auth_type, auth.auth_level), (place.auth_type, place.auth_level));
            assert_eq!((auth.context_id, auth.pad_length), (place.context_id, place.pad_length));
            assert_eq!(auth.value, data[place.value]);
            if let Some(stub) = pdu.body.stub() {
                assert_eq!(stub.len() + usize::from(auth.pad_length), place.stub.len());
                assert!(data[place.stub].starts_with(stub));
            }
        }
        (auth, located) => panic!("{auth:?} was located as {located:?}"),
    }
    let again = pdu.encode().freeze();
    // Padding that was announced but not there makes the encoded form longer, and where the body is whatever is left
    // (bind_nak, which never has a trailer in earnest) it becomes part of it.
    let body_is_the_rest = matches!(pdu.body, Body::BindNak(_)) && pdu.auth.is_some();
    if again.len() <= usize::from(u16::MAX) && !body_is_the_rest {
        assert_eq!(Pdu::decode(again), Ok(pdu.clone()));
    }
    if let Body::Request(request) = &pdu.body {
        stub(&request.stub);
    }
}

/// `data` as the stub of a request.
pub fn stub(data: &[u8]) {
    if let Some((front, trailer)) = VerificationTrailer::split(&Bytes::copy_from_slice(data)) {
        assert!(data.starts_with(&front));
        assert_eq!(VerificationTrailer::from_bytes(trailer.to_bytes()), Ok(trailer));
    }
    survives::<VerificationTrailer>(&Bytes::copy_from_slice(data));
}
