//! Properties of `wire::{ndr, dcom, wmi}`: every value survives, no octets panic.

use core::fmt::Debug;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use proptest::prelude::*;
use proptest::sample::Index;
use wmi_proto::wire::dcom::exporter::SimplePingRequest;
use wmi_proto::wire::dcom::{ActivationReply, ActivationRequest, RemoteCreateInstanceResponse};
use wmi_proto::wire::ndr::serialization;
use wmi_proto::wire::{Reader, Wire, Writer};
use wmi_testkit::generators::{dcom, fault_status, hresult, octets, wmi};
use wmi_testkit::oracles;

/// `value` decodes to itself at several alignments, and its truncations do not panic.
fn round_trip<T: Wire + PartialEq + Debug>(value: &T, words: usize) -> Result<(), TestCaseError> {
    let mut w = Writer::new();
    w.zeros(words * 4);
    value.encode(&mut w);
    let encoded = w.finish();
    let mut r = Reader::new(encoded.clone());
    r.skip(words * 4, "prefix").map_err(|error| TestCaseError::fail(error.to_string()))?;
    let decoded = T::decode(&mut r);
    prop_assert_eq!(decoded.as_ref(), Ok(value));
    prop_assert!(r.is_empty(), "{} octets are left", r.remaining());
    for end in 0..encoded.len() {
        let _ = T::decode(&mut Reader::new(encoded.slice(..end)));
    }
    Ok(())
}

macro_rules! round_trips {
    ($($name:ident: $strategy:expr;)*) => {
        proptest! {
            $(
                #[test]
                fn $name(value in $strategy, words in 0..4_usize) {
                    round_trip(&value, words)?;
                }
            )*
        }
    };
}

round_trips! {
    com_version: dcom::com_version();
    orpc_this: dcom::orpc_this();
    orpc_that: dcom::orpc_that();
    dual_string_array: dcom::dual_string_array();
    std_objref: dcom::std_objref();
    objref: dcom::objref();
    interface_pointer: dcom::interface_pointer();
    instantiation_info: dcom::instantiation_info();
    instance_info: dcom::instance_info();
    scm_request_info: dcom::scm_request_info();
    activation_context_info: dcom::activation_context_info();
    context: dcom::context();
    location_info: dcom::location_info();
    security_info: dcom::security_info();
    scm_reply_info: dcom::scm_reply_info();
    props_out_info: dcom::props_out_info();
    special_properties: dcom::special_properties();
    activation_properties: dcom::activation_properties();
    activation_response: dcom::activation_response();
    query_interface_request: dcom::query_interface_request();
    query_interface_response: dcom::query_interface_response();
    rem_refs_request: dcom::rem_refs_request();
    add_ref_response: dcom::add_ref_response();
    server_alive2_response: dcom::server_alive2_response();
    resolve_oxid2_request: dcom::resolve_oxid2_request();
    resolve_oxid2_response: dcom::resolve_oxid2_response();
    simple_ping_request: any::<u64>().prop_map(|set_id| SimplePingRequest { set_id });
    complex_ping_request: dcom::complex_ping_request();
    complex_ping_response: dcom::complex_ping_response();
    return_value: hresult();
    error_status: fault_status();
    bstr: wmi::bstr();
    interface_response: wmi::interface_response();
    establish_position_request: wmi::establish_position_request();
    establish_position_response: wmi::establish_position_response();
    ntlm_login_request: wmi::ntlm_login_request();
    set_client_info_request: wmi::set_client_info_request();
    wbem_context: wmi::wbem_context();
    in_out_interface: wmi::in_out_interface();
    path_request: wmi::path_request();
    path_response: wmi::path_response();
    cancel_request: wmi::cancel_request();
    exec_query_request: wmi::exec_query_request();
    exec_method_request: wmi::exec_method_request();
    next_request: wmi::next_request();
    next_response: wmi::next_response();
    smart_next_request: wmi::smart_next_request();
    smart_next_response: wmi::smart_next_response();
    data_packet: wmi::data_packet();
}

proptest! {
    /// The short forms of an activation become properties and are found again, in any order and among strangers.
    #[test]
    fn activation_short_forms(
        request in dcom::activation_request(),
        reply in dcom::activation_reply(),
        strangers in dcom::activation_properties(),
        turn in any::<Index>(),
    ) {
        let mut sent = request.to_request();
        prop_assert_eq!(ActivationRequest::from_request(&sent), Ok(request.clone()));
        sent.properties.properties.extend(strangers.properties.clone());
        let by = turn.index(sent.properties.properties.len());
        sent.properties.properties.rotate_left(by);
        round_trip(&sent, 0)?;
        prop_assert_eq!(ActivationRequest::from_request(&sent), Ok(request));

        let mut answered = RemoteCreateInstanceResponse::success(&reply);
        let properties = answered.properties.as_mut().unwrap();
        properties.properties.extend(strangers.properties);
        let by = turn.index(properties.properties.len());
        properties.properties.rotate_left(by);
        prop_assert_eq!(ActivationReply::from_properties(properties), Ok(reply.clone()));
        round_trip(&answered, 0)?;
        prop_assert_eq!(answered.reply(), Ok(reply));
    }

    #[test]
    fn serialization_headers(info in dcom::instantiation_info(), noise in octets(8)) {
        let data = serialization::encode(&info);
        prop_assert_eq!(data.len() % 8, 0);
        let data = Bytes::from([&data[..], &noise].concat());
        let mut r = Reader::new(data);
        prop_assert_eq!(serialization::decode(&mut r), Ok(info));
        prop_assert_eq!(r.rest(), noise);
    }

    #[test]
    fn no_octets_panic(data in octets(300)) {
        every_oracle(&data);
    }

    #[test]
    fn no_mutation_of_a_captured_stub_panics(
        which in any::<Index>(),
        places in proptest::collection::vec((any::<Index>(), any::<u8>()), 1..4),
        end in any::<Index>(),
        cut in any::<bool>(),
    ) {
        let stubs = captured();
        if stubs.is_empty() {
            println!("skipped: WMI_CAPTURES=none");
            return Ok(());
        }
        let mut data = which.get(stubs).to_vec();
        for (place, octet) in places {
            *place.get_mut(&mut data) = octet;
        }
        if cut {
            data.truncate(end.index(data.len()));
        }
        every_oracle(&data.into());
    }
}

fn every_oracle(data: &Bytes) {
    oracles::dcom::stub(data);
    oracles::dcom::activation(data);
    oracles::dcom::objref(data);
    oracles::dcom::data_packet(data);
    oracles::dcom::look_inside(data);
}

/// The captured stubs of at most 4 KiB, with the parts that lie inside them; none when there are no captures.
fn captured() -> &'static [Bytes] {
    static STUBS: std::sync::OnceLock<Vec<Bytes>> = std::sync::OnceLock::new();
    STUBS.get_or_init(|| {
        let captures = match std::env::var("WMI_CAPTURES") {
            Ok(dir) if dir == "none" => {
                assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "captures may not be left out in CI");
                return Vec::new();
            }
            Ok(dir) => PathBuf::from(dir),
            Err(_) => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/captures"),
        };
        let mut stubs = Vec::new();
        for capture in std::fs::read_dir(captures).expect("the captures").flatten() {
            let files = std::fs::read_dir(capture.path().join("stubs")).into_iter().flatten().flatten();
            for data in files.filter_map(|file| std::fs::read(file.path()).ok()) {
                if (1..4096).contains(&data.len()) {
                    let data = Bytes::from(data);
                    // Activation properties, OBJREFs and packets start behind their own headers.
                    let inside = [(&b"MEOW"[..], 0), (b"MEOW\x04", 48), (b"WBEMDATA", -4)];
                    for (pattern, skip) in inside {
                        let at = data.windows(pattern.len()).position(|window| window == pattern);
                        let start = at.and_then(|at| at.checked_add_signed(skip)).filter(|start| *start < data.len());
                        stubs.extend(start.map(|start| data.slice(start..)));
                    }
                    stubs.push(data);
                }
            }
        }
        assert!(!stubs.is_empty(), "there are no captured stubs");
        stubs
    })
}
