//! Values of `wire::dcom`.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wmi_proto::wire::dcom::activation::properties::{
    ActivationContextInfoData, Context, InstanceInfoData, InstantiationInfoData, LocationInfoData, PropsOutInfo,
    PropsOutInterface, ScmReplyInfoData, ScmRequestInfoData, SecurityInfoData, SpecialPropertiesData,
};
use wmi_proto::wire::dcom::activation::{ActivationProperties, InterfaceResult, RemoteCreateInstanceResponse};
use wmi_proto::wire::dcom::exporter::{
    ComplexPingRequest, ComplexPingResponse, ResolveOxid2Request, ResolveOxid2Response, ServerAlive2Response,
};
use wmi_proto::wire::dcom::rem_unknown::{
    RemAddRefResponse, RemQueryInterfaceRequest, RemQueryInterfaceResponse, RemRefsRequest,
};
use wmi_proto::wire::dcom::{
    ActivationReply, ActivationRequest, ComVersion, DualStringArray, MInterfacePointer, ObjRef, ObjRefBody, OrpcExtent,
    OrpcThat, OrpcThis, RemInterfaceRef, RemQiResult, SecurityBinding, StdObjRef, StringBinding,
};

use super::{fault_status, guid, hresult, octets, text};

/// A version.
pub fn com_version() -> impl Strategy<Value = ComVersion> {
    any::<(u16, u16)>().prop_map(|(major, minor)| ComVersion { major, minor })
}

/// An extension of ORPCTHIS or ORPCTHAT.
pub fn orpc_extent() -> impl Strategy<Value = OrpcExtent> {
    (guid(), octets(20)).prop_map(|(id, data)| OrpcExtent { id, data })
}

/// An ORPCTHIS.
pub fn orpc_this() -> impl Strategy<Value = OrpcThis> {
    (com_version(), any::<u32>(), guid(), vec(orpc_extent(), 0..4))
        .prop_map(|(version, flags, causality_id, extensions)| OrpcThis { version, flags, causality_id, extensions })
}

/// An ORPCTHAT.
pub fn orpc_that() -> impl Strategy<Value = OrpcThat> {
    (any::<u32>(), vec(orpc_extent(), 0..4)).prop_map(|(flags, extensions)| OrpcThat { flags, extensions })
}

/// Bindings, TCP and others.
pub fn dual_string_array() -> impl Strategy<Value = DualStringArray> {
    let string = (prop_oneof![Just(7), 1..=u16::MAX], text())
        .prop_map(|(tower_id, address)| StringBinding { tower_id, address });
    let security = (1..=u16::MAX, text()).prop_map(|(authn_svc, principal)| SecurityBinding { authn_svc, principal });
    (vec(string, 0..4), vec(security, 0..4))
        .prop_map(|(string_bindings, security_bindings)| DualStringArray { string_bindings, security_bindings })
}

/// A reference.
pub fn std_objref() -> impl Strategy<Value = StdObjRef> {
    (any::<(u32, u32, u64, u64)>(), guid()).prop_map(|((flags, public_refs, oxid, oid), ipid)| StdObjRef {
        flags,
        public_refs,
        oxid,
        oid,
        ipid,
    })
}

/// An OBJREF of any of the four forms.
pub fn objref() -> impl Strategy<Value = ObjRef> {
    let bound = (std_objref(), dual_string_array());
    let custom = (guid(), any::<u32>(), octets(40));
    let body = prop_oneof![
        bound.prop_map(|(std, resolver)| ObjRefBody::Standard { std, resolver }),
        (std_objref(), guid(), dual_string_array()).prop_map(|(std, clsid, resolver)| ObjRefBody::Handler {
            std,
            clsid,
            resolver
        }),
        custom.prop_map(|(clsid, reserved, data)| ObjRefBody::Custom { clsid, reserved, data }),
        (std_objref(), dual_string_array(), guid(), octets(20))
            .prop_map(|(std, resolver, data_id, data)| ObjRefBody::Extended { std, resolver, data_id, data }),
    ];
    (guid(), body).prop_map(|(iid, body)| ObjRef { iid, body })
}

/// An interface pointer, not always a good one.
pub fn interface_pointer() -> impl Strategy<Value = MInterfacePointer> {
    prop_oneof![
        objref().prop_map(|objref| MInterfacePointer::new(&objref)),
        octets(9).prop_map(|data| MInterfacePointer { data })
    ]
}

/// An interface pointer or NULL.
pub fn optional_pointer() -> impl Strategy<Value = Option<MInterfacePointer>> {
    option::of(interface_pointer())
}

/// InstantiationInfoData.
pub fn instantiation_info() -> impl Strategy<Value = InstantiationInfoData> {
    (guid(), any::<(u32, u32)>(), vec(guid(), 0..4), com_version()).prop_map(
        |(class_id, (class_ctx, actv_flags), iids, client_version)| InstantiationInfoData {
            class_id,
            class_ctx,
            actv_flags,
            iids,
            client_version,
        },
    )
}

/// SpecialPropertiesData of both definitions.
pub fn special_properties() -> impl Strategy<Value = SpecialPropertiesData> {
    let reserved = prop_oneof![vec(any::<u8>(), 32), vec(any::<u8>(), 40)];
    (any::<[u32; 5]>(), guid(), any::<[u32; 3]>(), reserved).prop_map(|(first, partition, second, reserved)| {
        SpecialPropertiesData {
            session_id: first[0],
            remote_this_session_id: first[1],
            client_impersonating: first[2],
            partition_id_present: first[3],
            default_authn_level: first[4],
            partition,
            prt_flags: second[0],
            orig_class_ctx: second[1],
            flags: second[2],
            reserved: reserved.into(),
        }
    })
}

/// InstanceInfoData.
pub fn instance_info() -> impl Strategy<Value = InstanceInfoData> {
    (option::of(text()), any::<u32>(), optional_pointer(), optional_pointer())
        .prop_map(|(file_name, mode, rot, storage)| InstanceInfoData { file_name, mode, rot, storage })
}

/// ScmRequestInfoData.
pub fn scm_request_info() -> impl Strategy<Value = ScmRequestInfoData> {
    (any::<u32>(), vec(any::<u16>(), 0..4))
        .prop_map(|(client_imp_level, requested_protseqs)| ScmRequestInfoData { client_imp_level, requested_protseqs })
}

/// ActivationContextInfoData.
pub fn activation_context_info() -> impl Strategy<Value = ActivationContextInfoData> {
    (optional_pointer(), optional_pointer())
        .prop_map(|(client_ctx, prototype_ctx)| ActivationContextInfoData { client_ctx, prototype_ctx })
}

/// A context.
pub fn context() -> impl Strategy<Value = Context> {
    (guid(), any::<(u32, u32)>(), octets(20)).prop_map(|(id, (mshl_flags, count), properties)| Context {
        id,
        mshl_flags,
        count,
        properties,
    })
}

/// LocationInfoData.
pub fn location_info() -> impl Strategy<Value = LocationInfoData> {
    (option::of(text()), any::<(u32, u32, u32)>()).prop_map(|(machine_name, (process_id, apartment_id, context_id))| {
        LocationInfoData { machine_name, process_id, apartment_id, context_id }
    })
}

/// SecurityInfoData.
pub fn security_info() -> impl Strategy<Value = SecurityInfoData> {
    (any::<u32>(), option::of(option::of(text())))
        .prop_map(|(authn_flags, server)| SecurityInfoData { authn_flags, server })
}

/// ScmReplyInfoData.
pub fn scm_reply_info() -> impl Strategy<Value = ScmReplyInfoData> {
    (any::<u64>(), dual_string_array(), guid(), any::<u32>(), com_version()).prop_map(
        |(oxid, bindings, ipid_rem_unknown, authn_hint, server_version)| ScmReplyInfoData {
            oxid,
            bindings,
            ipid_rem_unknown,
            authn_hint,
            server_version,
        },
    )
}

/// PropsOutInfo.
pub fn props_out_info() -> impl Strategy<Value = PropsOutInfo> {
    let interface = (guid(), hresult(), optional_pointer()).prop_map(|(iid, result, pointer)| PropsOutInterface {
        iid,
        result,
        pointer,
    });
    vec(interface, 0..4).prop_map(|interfaces| PropsOutInfo { interfaces })
}

/// A BLOB of properties that mean nothing.
pub fn activation_properties() -> impl Strategy<Value = ActivationProperties> {
    (any::<u32>(), vec((guid(), octets(40)), 0..5))
        .prop_map(|(dest_ctx, properties)| ActivationProperties { dest_ctx, properties })
}

/// The short form of an activation.
pub fn activation_request() -> impl Strategy<Value = ActivationRequest> {
    (guid(), vec(guid(), 1..4), com_version(), guid()).prop_map(|(clsid, iids, client_version, context_id)| {
        ActivationRequest { clsid, iids, client_version, context_id }
    })
}

/// The short form of its answer.
pub fn activation_reply() -> impl Strategy<Value = ActivationReply> {
    let interface = (guid(), hresult(), option::of(objref())).prop_map(|(iid, result, objref)| InterfaceResult {
        iid,
        result,
        objref,
    });
    (scm_reply_info(), vec(interface, 1..4)).prop_map(|(scm, interfaces)| ActivationReply {
        oxid: scm.oxid,
        ipid_rem_unknown: scm.ipid_rem_unknown,
        bindings: scm.bindings,
        authn_hint: scm.authn_hint,
        server_version: scm.server_version,
        interfaces,
    })
}

/// The response of RemoteCreateInstance.
pub fn activation_response() -> impl Strategy<Value = RemoteCreateInstanceResponse> {
    (option::of(activation_properties()), hresult())
        .prop_map(|(properties, status)| RemoteCreateInstanceResponse { properties, status })
}

/// The request of RemQueryInterface.
pub fn query_interface_request() -> impl Strategy<Value = RemQueryInterfaceRequest> {
    (guid(), any::<u32>(), vec(guid(), 0..4)).prop_map(|(ipid, refs, iids)| RemQueryInterfaceRequest {
        ipid,
        refs,
        iids,
    })
}

/// Its response.
pub fn query_interface_response() -> impl Strategy<Value = RemQueryInterfaceResponse> {
    let result = (hresult(), std_objref()).prop_map(|(result, std)| RemQiResult { result, std });
    (vec(result, 0..4), hresult()).prop_map(|(results, status)| RemQueryInterfaceResponse { results, status })
}

/// The request of RemAddRef and RemRelease.
pub fn rem_refs_request() -> impl Strategy<Value = RemRefsRequest> {
    let reference = (guid(), any::<(u32, u32)>()).prop_map(|(ipid, (public_refs, private_refs))| RemInterfaceRef {
        ipid,
        public_refs,
        private_refs,
    });
    vec(reference, 0..4).prop_map(|refs| RemRefsRequest { refs })
}

/// The response of RemAddRef.
pub fn add_ref_response() -> impl Strategy<Value = RemAddRefResponse> {
    (vec(hresult(), 0..4), hresult()).prop_map(|(results, status)| RemAddRefResponse { results, status })
}

/// The response of ServerAlive2.
pub fn server_alive2_response() -> impl Strategy<Value = ServerAlive2Response> {
    (com_version(), option::of(dual_string_array()), fault_status())
        .prop_map(|(version, bindings, status)| ServerAlive2Response { version, bindings, status })
}

/// The request of ResolveOxid2.
pub fn resolve_oxid2_request() -> impl Strategy<Value = ResolveOxid2Request> {
    (any::<u64>(), vec(any::<u16>(), 0..4))
        .prop_map(|(oxid, requested_protseqs)| ResolveOxid2Request { oxid, requested_protseqs })
}

/// Its response.
pub fn resolve_oxid2_response() -> impl Strategy<Value = ResolveOxid2Response> {
    (option::of(dual_string_array()), guid(), any::<u32>(), com_version(), fault_status()).prop_map(
        |(bindings, ipid_rem_unknown, authn_hint, version, status)| ResolveOxid2Response {
            bindings,
            ipid_rem_unknown,
            authn_hint,
            version,
            status,
        },
    )
}

/// The request of ComplexPing.
pub fn complex_ping_request() -> impl Strategy<Value = ComplexPingRequest> {
    (any::<(u64, u16)>(), vec(any::<u64>(), 0..4), vec(any::<u64>(), 0..4))
        .prop_map(|((set_id, sequence), add, del)| ComplexPingRequest { set_id, sequence, add, del })
}

/// Its response.
pub fn complex_ping_response() -> impl Strategy<Value = ComplexPingResponse> {
    (any::<(u64, u16)>(), fault_status()).prop_map(|((set_id, backoff_factor), status)| ComplexPingResponse {
        set_id,
        backoff_factor,
        status,
    })
}
