//! Octets as stubs of DCOM and WMI calls.

use bytes::Bytes;
use wmi_proto::wire::dcom::activation::ActivationProperties;
use wmi_proto::wire::dcom::activation::properties::{
    ActivationContextInfoData, Context, InstanceInfoData, InstantiationInfoData, LocationInfoData, PropsOutInfo,
    ScmReplyInfoData, ScmRequestInfoData, SecurityInfoData, SpecialPropertiesData,
};
use wmi_proto::wire::dcom::exporter::{ComplexPing, ResolveOxid2, ServerAlive2, SimplePing};
use wmi_proto::wire::dcom::{
    ActivationRequest, DualStringArray, MInterfacePointer, ObjRef, OrpcThat, OrpcThis, RemAddRef, RemQueryInterface,
    RemRelease, RemoteCreateInstance,
};
use wmi_proto::wire::wmi::{
    CancelAsyncCall, CloneEnumerator, DataPacket, EstablishPosition, ExecMethod, ExecQuery, GetObject, GetSmartEnum,
    Next, NtlmLogin, OpenNamespace, Reset, SetClientInfo, Skip, SmartNext, WbemContext,
};
use wmi_proto::wire::{Operation, Reader, Wire, Writer};

/// Decodes `data` as every message of every method. Whatever decodes must survive being encoded and decoded again.
///
/// # Panics
/// When it does not.
pub fn stub(data: &Bytes) {
    operation::<ServerAlive2>(data);
    operation::<ResolveOxid2>(data);
    operation::<SimplePing>(data);
    operation::<ComplexPing>(data);
    operation::<RemoteCreateInstance>(data);
    operation::<RemQueryInterface>(data);
    operation::<RemAddRef>(data);
    operation::<RemRelease>(data);
    operation::<EstablishPosition>(data);
    operation::<NtlmLogin>(data);
    operation::<SetClientInfo>(data);
    operation::<OpenNamespace>(data);
    operation::<CancelAsyncCall>(data);
    operation::<GetObject>(data);
    operation::<ExecQuery>(data);
    operation::<ExecMethod>(data);
    operation::<Reset>(data);
    operation::<Next>(data);
    operation::<CloneEnumerator>(data);
    operation::<Skip>(data);
    operation::<GetSmartEnum>(data);
    operation::<SmartNext>(data);
}

/// Decodes `data` as activation properties and looks for every property in them.
///
/// # Panics
/// When something that decodes does not survive being encoded and decoded again.
pub fn activation(data: &Bytes) {
    let Some(properties) = survives::<ActivationProperties>(data) else { return };
    for (_, property) in &properties.properties {
        serialized::<InstantiationInfoData>(property);
        serialized::<SpecialPropertiesData>(property);
        serialized::<InstanceInfoData>(property);
        serialized::<ScmRequestInfoData>(property);
        serialized::<ActivationContextInfoData>(property);
        serialized::<LocationInfoData>(property);
        serialized::<SecurityInfoData>(property);
        serialized::<ScmReplyInfoData>(property);
        serialized::<PropsOutInfo>(property);
    }
}

/// Decodes `data` as an OBJREF, as bindings and as contexts of both kinds.
///
/// # Panics
/// When something that decodes does not survive being encoded and decoded again.
pub fn objref(data: &Bytes) {
    survives::<ObjRef>(data);
    survives::<Context>(data);
    survives::<WbemContext>(data);
    if let Some(bindings) = survives::<DualStringArray>(data) {
        for binding in &bindings.string_bindings {
            let _ = binding.as_tcp();
        }
    }
}

/// Decodes `data` as everything that names objects: interface pointers, bindings, and both directions of an activation.
///
/// # Panics
/// When something that decodes does not survive being encoded and decoded again.
pub fn objref_activation(data: &Bytes) {
    objref(data);
    activation(data);
    look_inside(data);
}

/// Decodes `data` as an ObjectArray.
///
/// # Panics
/// When something that decodes does not survive being encoded and decoded again.
pub fn data_packet(data: &Bytes) {
    survives::<DataPacket>(data);
}

fn operation<O>(data: &Bytes)
where
    O: Operation<Request: PartialEq + core::fmt::Debug, Response: PartialEq + core::fmt::Debug>,
{
    // Object calls have a prefix, calls of the resolver have none.
    survives::<O::Request>(data);
    survives::<O::Response>(data);
    behind::<OrpcThis, O::Request>(data);
    behind::<OrpcThat, O::Response>(data);
}

fn behind<P: Wire + PartialEq, T: Wire + PartialEq + core::fmt::Debug>(data: &Bytes) {
    for big_endian in [false, true] {
        let mut r = Reader::with_endianness(data.clone(), big_endian);
        let (Ok(prefix), Ok(value)) = (P::decode(&mut r), T::decode(&mut r)) else { continue };
        let mut w = Writer::new();
        prefix.encode(&mut w);
        value.encode(&mut w);
        let mut again = Reader::new(w.finish());
        assert!(P::decode(&mut again).is_ok_and(|p| p == prefix), "the prefix of {value:?} changed");
        assert_eq!(T::decode(&mut again).as_ref(), Ok(&value));
    }
}

pub(super) fn survives<T: Wire + PartialEq + core::fmt::Debug>(data: &Bytes) -> Option<T> {
    let mut found = None;
    for big_endian in [true, false] {
        let Ok(value) = T::decode(&mut Reader::with_endianness(data.clone(), big_endian)) else { continue };
        assert_eq!(T::decode(&mut Reader::new(value.to_bytes())).as_ref(), Ok(&value));
        found = Some(value);
    }
    found
}

fn serialized<T: Wire + PartialEq + core::fmt::Debug>(property: &Bytes) {
    use wmi_proto::wire::ndr::serialization::{decode, encode};
    if let Ok(value) = decode::<T>(&mut Reader::new(property.clone())) {
        assert_eq!(decode::<T>(&mut Reader::new(encode(&value))).as_ref(), Ok(&value));
    }
}

/// Looks into what a request to activate and an interface pointer hold; only panics count.
pub fn look_inside(data: &Bytes) {
    let mut r = Reader::new(data.clone());
    if let (Ok(_), Ok(request)) =
        (OrpcThis::decode(&mut r), <RemoteCreateInstance as Operation>::Request::decode(&mut r))
    {
        let _ = ActivationRequest::from_request(&request);
    }
    let mut r = Reader::new(data.clone());
    if let (Ok(_), Ok(response)) =
        (OrpcThat::decode(&mut r), <RemoteCreateInstance as Operation>::Response::decode(&mut r))
    {
        let _ = response.reply();
    }
    let pointer = MInterfacePointer { data: data.clone() };
    let _ = (pointer.objref(), pointer.std(), pointer.wbem_object(), pointer.wbem_context());
}
