//! Values of `wire::wmi`.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wmi_proto::wire::wmi::enumerator::{NextRequest, NextResponse};
use wmi_proto::wire::wmi::login::{
    EstablishPositionRequest, EstablishPositionResponse, NtlmLoginRequest, SetClientInfoRequest,
};
use wmi_proto::wire::wmi::services::{
    CancelAsyncCallRequest, ExecMethodRequest, ExecQueryRequest, PathRequest, PathResponse,
};
use wmi_proto::wire::wmi::smart_enum::{SmartNextRequest, SmartNextResponse};
use wmi_proto::wire::wmi::{
    Bstr, DataPacket, DataPacketObject, InOutInterface, InterfaceResponse, PacketType, WbemContext,
};

use super::cim;
use super::dcom::{interface_pointer, optional_pointer};
use super::{guid, hresult, octets, text};

/// A BSTR, NULL and with NULs inside too.
pub fn bstr() -> impl Strategy<Value = Bstr> {
    prop_oneof![Just(Bstr::NULL), text().prop_map(Bstr::from), ".{0,4}\0{0,2}".prop_map(Bstr::from)]
}

/// The response of methods that return an interface.
pub fn interface_response() -> impl Strategy<Value = InterfaceResponse> {
    (optional_pointer(), hresult()).prop_map(|(pointer, status)| InterfaceResponse { pointer, status })
}

/// The request of EstablishPosition.
pub fn establish_position_request() -> impl Strategy<Value = EstablishPositionRequest> {
    (option::of(text()), any::<u32>())
        .prop_map(|(reserved1, reserved2)| EstablishPositionRequest { reserved1, reserved2 })
}

/// Its response.
pub fn establish_position_response() -> impl Strategy<Value = EstablishPositionResponse> {
    (any::<u32>(), hresult()).prop_map(|(locale_version, status)| EstablishPositionResponse { locale_version, status })
}

/// The request of NTLMLogin.
pub fn ntlm_login_request() -> impl Strategy<Value = NtlmLoginRequest> {
    (option::of(text()), option::of(text()), any::<i32>(), optional_pointer()).prop_map(
        |(network_resource, preferred_locale, flags, context)| NtlmLoginRequest {
            network_resource,
            preferred_locale,
            flags,
            context,
        },
    )
}

/// The request of SetClientInfo.
pub fn set_client_info_request() -> impl Strategy<Value = SetClientInfoRequest> {
    (option::of(text()), any::<(i32, i32)>()).prop_map(|(client_machine, (client_process, reserved))| {
        SetClientInfoRequest { client_machine, client_process, reserved }
    })
}

/// A context with values of every type that a VARIANT can hold, arrays and objects too.
pub fn wbem_context() -> impl Strategy<Value = WbemContext> {
    let value = cim::cim_type().prop_flat_map(|(ty, array)| cim::value(ty, array, 1));
    (guid(), vec((text(), value), 0..4)).prop_map(|(id, values)| {
        values
            .into_iter()
            .fold(WbemContext::new().identified_by(id), |context, (name, value)| context.with(name, value))
    })
}

/// A pointer that goes in and out.
pub fn in_out_interface() -> impl Strategy<Value = InOutInterface> {
    prop_oneof![
        Just(InOutInterface::Absent),
        Just(InOutInterface::Null),
        interface_pointer().prop_map(InOutInterface::Interface)
    ]
}

/// The request of GetObject and OpenNamespace.
pub fn path_request() -> impl Strategy<Value = PathRequest> {
    (bstr(), any::<i32>(), optional_pointer(), in_out_interface(), in_out_interface()).prop_map(
        |(path, flags, context, object, call_result)| PathRequest { path, flags, context, object, call_result },
    )
}

/// Their response.
pub fn path_response() -> impl Strategy<Value = PathResponse> {
    (in_out_interface(), in_out_interface(), hresult()).prop_map(|(object, call_result, status)| PathResponse {
        object,
        call_result,
        status,
    })
}

/// The request of CancelAsyncCall.
pub fn cancel_request() -> impl Strategy<Value = CancelAsyncCallRequest> {
    optional_pointer().prop_map(|sink| CancelAsyncCallRequest { sink })
}

/// The request of ExecQuery.
pub fn exec_query_request() -> impl Strategy<Value = ExecQueryRequest> {
    (bstr(), bstr(), any::<i32>(), optional_pointer())
        .prop_map(|(query_language, query, flags, context)| ExecQueryRequest { query_language, query, flags, context })
}

/// The request of ExecMethod.
pub fn exec_method_request() -> impl Strategy<Value = ExecMethodRequest> {
    let pointers = (optional_pointer(), optional_pointer(), in_out_interface(), in_out_interface());
    (bstr(), bstr(), any::<i32>(), pointers).prop_map(|(path, method, flags, pointers)| {
        let (context, input, output, call_result) = pointers;
        ExecMethodRequest { path, method, flags, context, input, output, call_result }
    })
}

/// The request of IEnumWbemClassObject::Next and Skip.
pub fn next_request() -> impl Strategy<Value = NextRequest> {
    any::<(i32, u32)>().prop_map(|(timeout, count)| NextRequest { timeout, count })
}

/// The response of IEnumWbemClassObject::Next.
pub fn next_response() -> impl Strategy<Value = NextResponse> {
    (any::<(u32, u32)>(), vec(interface_pointer(), 0..4), hresult())
        .prop_map(|((requested, returned), objects, status)| NextResponse { requested, objects, returned, status })
}

/// The request of IWbemWCOSmartEnum::Next.
pub fn smart_next_request() -> impl Strategy<Value = SmartNextRequest> {
    (guid(), any::<(i32, u32)>()).prop_map(|(proxy_guid, (timeout, count))| SmartNextRequest {
        proxy_guid,
        timeout,
        count,
    })
}

/// Its response.
pub fn smart_next_response() -> impl Strategy<Value = SmartNextResponse> {
    (any::<u32>(), octets(40), hresult()).prop_map(|(returned, buffer, status)| SmartNextResponse {
        returned,
        buffer,
        status,
    })
}

/// A packet of good objects.
pub fn data_packet() -> impl Strategy<Value = DataPacket> {
    let object = prop_oneof![
        octets(40).prop_map(|data| DataPacketObject::Class { data }),
        (guid(), octets(40)).prop_map(|(class_id, data)| DataPacketObject::Instance { class_id, data }),
        (guid(), octets(40)).prop_map(|(class_id, data)| DataPacketObject::InstanceNoClass { class_id, data }),
    ];
    (any::<u8>(), vec(object, 0..5))
        .prop_map(|(packet_type, objects)| DataPacket { packet_type: PacketType(packet_type), objects })
}
