//! Tokens as other implementations write them, and the ways in which octets are none.

use super::*;

/// How a Windows client starts on DCE/RPC when it has a ticket: three names of Kerberos and NegoEx, and NTLM. The token
/// is made short.
const WINDOWS_INIT: &[u8] = b"\x60\x44\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x3a\x30\x38\xa0\x30\x30\x2e\
    \x06\x09\x2a\x86\x48\x82\xf7\x12\x01\x02\x02\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02\
    \x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x1e\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\
    \xa2\x04\x04\x02\x6e\x00";

/// A Windows host that takes NTLM though Kerberos was offered first.
const WINDOWS_REQUEST_MIC: &[u8] =
    b"\xa1\x15\x30\x13\xa0\x03\x0a\x01\x03\xa1\x0c\x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a";

/// Its last token: the log-on was good, and the mechListMIC.
const WINDOWS_COMPLETED: &[u8] = b"\xa1\x1b\x30\x19\xa0\x03\x0a\x01\x00\xa3\x12\x04\x10\
    \x01\x00\x00\x00\x1a\xee\x53\x15\x65\xe3\x13\x03\x00\x00\x00\x00";

/// What MS-SPNG servers send when they speak first: NTLM and the hint.
const HINTS: &[u8] = b"\x60\x4c\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x42\x30\x40\xa0\x0e\x30\x0c\
    \x06\x0a\x2b\x06\x01\x04\x01\x82\x37\x02\x02\x0a\xa3\x2a\x30\x28\xa0\x26\x1b\x24not_defined_in_RFC4178@please_ignore\
    \xa4\x02\x04\x00";

fn decoded(octets: &'static [u8]) -> NegotiationToken {
    let token = NegotiationToken::from_bytes(Bytes::from_static(octets)).expect("a token");
    assert_eq!(token.to_bytes(), octets, "{token:?}");
    token
}

fn refused(octets: &[u8]) -> WireErrorKind {
    NegotiationToken::from_bytes(Bytes::copy_from_slice(octets)).expect_err("no token").kind
}

#[test]
fn the_first_token_of_windows() {
    let NegotiationToken::Init(init) = decoded(WINDOWS_INIT) else { panic!("not a NegTokenInit") };
    let names: Vec<String> = init.mech_types.iter().map(ToString::to_string).collect();
    assert_eq!(
        names,
        ["1.2.840.48018.1.2.2", "1.2.840.113554.1.2.2", "1.3.6.1.4.1.311.2.2.30", "1.3.6.1.4.1.311.2.2.10"]
    );
    assert_eq!(init.mech_types[0], MechType::ms_kerberos());
    assert_eq!(init.mech_types[1], MechType::kerberos());
    assert_eq!(init.mech_types[3], MechType::ntlmssp());
    assert_eq!(init.mech_token.as_deref(), Some(&[0x6e, 0x00][..]));
    assert_eq!(mech_type_list(&init.mech_types), &WINDOWS_INIT[16..64]);
}

#[test]
fn the_answers_of_windows() {
    let NegotiationToken::Resp(first) = decoded(WINDOWS_REQUEST_MIC) else { panic!("not a NegTokenResp") };
    assert_eq!(first.state, Some(NegState::REQUEST_MIC));
    assert_eq!(first.supported_mech, Some(MechType::ntlmssp()));
    assert_eq!(first.response_token, None);
    let NegotiationToken::Resp(last) = decoded(WINDOWS_COMPLETED) else { panic!("not a NegTokenResp") };
    assert_eq!(last.state, Some(NegState::ACCEPT_COMPLETED));
    assert_eq!(last.mech_list_mic.map(|mic| mic.len()), Some(16));
}

#[test]
fn hints_move_the_mic() {
    let NegotiationToken::Init(init) = decoded(HINTS) else { panic!("not a NegTokenInit") };
    assert_eq!(init.hints.as_ref().and_then(|hints| hints.name.as_ref()).map(Bytes::len), Some(36));
    assert_eq!(init.mech_list_mic.as_deref(), Some(&[][..]));
    let without = NegTokenInit { hints: None, ..init };
    let octets = NegotiationToken::Init(without.clone()).to_bytes();
    assert!(octets.ends_with(b"\xa3\x02\x04\x00"), "{octets:x?}");
    assert_eq!(NegotiationToken::from_bytes(octets), Ok(NegotiationToken::Init(without)));
}

#[test]
fn an_empty_answer_and_unknown_fields_survive() {
    assert_eq!(decoded(b"\xa1\x02\x30\x00"), NegotiationToken::Resp(NegTokenResp::default()));
    let NegotiationToken::Resp(extended) = decoded(b"\xa1\x09\x30\x07\xa0\x03\x0a\x01\x09\xa5\x00") else {
        panic!("not a NegTokenResp")
    };
    assert_eq!(extended.state, Some(NegState(9)));
    assert_eq!(extended.extensions, &b"\xa5\x00"[..]);
}

#[test]
fn cut_anywhere_or_with_more_behind() {
    for whole in [WINDOWS_INIT, WINDOWS_REQUEST_MIC, WINDOWS_COMPLETED, HINTS] {
        for end in 0..whole.len() {
            assert_eq!(refused(&whole[..end]), WireErrorKind::Truncated, "{end} octets of {whole:x?}");
        }
        assert_eq!(refused(&[whole, &[0]].concat()), WireErrorKind::Trailing);
    }
}

#[test]
fn only_the_shortest_definite_lengths() {
    for (octets, kind) in [
        (&b"\xa1\x80\x30\x00\x00\x00"[..], WireErrorKind::Unsupported),
        (b"\xa1\x81\x02\x30\x00", WireErrorKind::BadValue),
        (b"\xa1\x82\x00\x02\x30\x00", WireErrorKind::BadValue),
        (b"\xa1\x83\x00\x00\x02\x30\x00", WireErrorKind::TooLong),
        (b"\xa1\x84\xff\xff\xff\xff\x30\x00", WireErrorKind::TooLong),
    ] {
        assert_eq!(refused(octets), kind, "{octets:x?}");
    }
    for length in [0x7f, 0x80, 0xff, 0x100, 0xf000] {
        let token = NegTokenResp { response_token: Some(vec![7; length].into()), ..NegTokenResp::default() };
        let octets = NegotiationToken::Resp(token.clone()).to_bytes();
        assert_eq!(NegotiationToken::from_bytes(octets), Ok(NegotiationToken::Resp(token)));
    }
    let too_long = NegTokenResp { response_token: Some(vec![7; 0x1_0000].into()), ..NegTokenResp::default() };
    assert_eq!(refused(&NegotiationToken::Resp(too_long).to_bytes()), WireErrorKind::TooLong);
}

#[test]
fn what_is_no_token() {
    for octets in [
        // Raw NTLM, the start of a Kerberos token, and NegTokenInit without its frame.
        &b"NTLMSSP\0\x01\0\0\0"[..],
        b"\x6e\x00",
        b"\xa0\x02\x30\x00",
        // A field twice, two states, no state, no mechanism, an arc without its end, an octet behind the sequence.
        b"\xa1\x0c\x30\x0a\xa0\x03\x0a\x01\x00\xa0\x03\x0a\x01\x00",
        b"\xa1\x08\x30\x06\xa1\x04\x06\x02\x2b\x86",
        b"\xa1\x06\x30\x04\xa1\x02\x06\x00",
    ] {
        assert_eq!(refused(octets), WireErrorKind::BadValue, "{octets:x?}");
    }
    for (octets, kind) in [
        (&b"\xa1\x08\x30\x06\xa0\x04\x0a\x02\x00\x00"[..], WireErrorKind::Trailing),
        (b"\xa1\x06\x30\x04\xa0\x02\x0a\x00", WireErrorKind::Truncated),
        (b"\xa1\x04\x30\x00\x05\x00", WireErrorKind::Trailing),
        // Another framed mechanism, and a list of mechanisms with none in it.
        (b"\x60\x0b\x06\x09\x2a\x86\x48\x86\xf7\x12\x01\x02\x02", WireErrorKind::Unsupported),
        (b"\x60\x10\x06\x06\x2b\x06\x01\x05\x05\x02\xa0\x06\x30\x04\xa0\x02\x30\x00", WireErrorKind::Truncated),
    ] {
        assert_eq!(refused(octets), kind, "{octets:x?}");
    }
}

#[test]
fn long_lists_have_an_end() {
    let list = |length| NegTokenInit { mech_types: vec![MechType::ntlmssp(); length], ..NegTokenInit::default() };
    let octets = |length| NegotiationToken::Init(list(length)).to_bytes();
    assert!(NegotiationToken::from_bytes(octets(MAX_MECH_TYPES)).is_ok());
    assert_eq!(refused(&octets(MAX_MECH_TYPES + 1)), WireErrorKind::TooLong);
}

#[test]
fn long_arcs_are_printed_somehow() {
    let arcs = [&[0xff; 40][..], &[0x7f, 0x88, 0x37]].concat();
    let mech = MechType::new(arcs.into()).expect("an identifier");
    assert_eq!(mech.to_string(), format!("2.{}.1079", u64::MAX - 80));
    assert_eq!(MechType::new(Bytes::from_static(&[0x88, 0x37])).map(|mech| mech.to_string()), Some("2.999".to_owned()));
    assert_eq!(MechType::new(Bytes::new()), None);
}
