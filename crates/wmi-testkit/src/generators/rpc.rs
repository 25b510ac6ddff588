//! Strategies for PDUs, their parts, and verification trailers.

use bytes::Bytes;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use wmi_proto::wire::rpc::{
    AuthTrailer, AuthType, AuthnLevel, Bind, BindAck, BindNak, Body, ContextResult, ContextResultCode, Fault, Pdu,
    PduType, PfcFlags, PresentationContext, ProviderReason, Request, Response, VerificationBody, VerificationCommand,
    VerificationTrailer, bind_time_features,
};
use wmi_proto::wire::status::BindNakReason;
use wmi_proto::wire::{FaultStatus, Interface};

use crate::generators::{guid, octets};

/// Any interface, sometimes the pseudo syntax of bind-time features.
pub fn interface() -> impl Strategy<Value = Interface> {
    prop_oneof![
        4 => (guid(), any::<u16>(), any::<u16>()).prop_map(|(uuid, major, minor)| Interface { uuid, major, minor }),
        1 => any::<u64>().prop_map(bind_time_features),
    ]
}

/// bind or alter_context.
pub fn bind() -> impl Strategy<Value = Bind> {
    let context = (any::<u16>(), interface(), vec(interface(), 0..3)).prop_map(|(id, abstract_syntax, syntaxes)| {
        PresentationContext { id, abstract_syntax, transfer_syntaxes: syntaxes.into_iter().collect() }
    });
    (any::<u16>(), any::<u16>(), any::<u32>(), vec(context, 0..8)).prop_map(
        |(max_xmit_frag, max_recv_frag, assoc_group_id, contexts)| Bind {
            max_xmit_frag,
            max_recv_frag,
            assoc_group_id,
            contexts: contexts.into_iter().collect(),
        },
    )
}

/// bind_ack or alter_context_resp.
pub fn bind_ack() -> impl Strategy<Value = BindAck> {
    let result = (0..5u16, any::<u16>(), interface()).prop_map(|(result, reason, transfer_syntax)| ContextResult {
        result: ContextResultCode(result),
        reason: ProviderReason(reason),
        transfer_syntax,
    });
    (any::<u16>(), any::<u16>(), any::<u32>(), octets(20), vec(result, 0..8)).prop_map(
        |(max_xmit_frag, max_recv_frag, assoc_group_id, secondary_address, results)| BindAck {
            max_xmit_frag,
            max_recv_frag,
            assoc_group_id,
            secondary_address,
            results: results.into_iter().collect(),
        },
    )
}

/// bind_nak.
pub fn bind_nak() -> impl Strategy<Value = BindNak> {
    (any::<u16>(), vec((any::<u8>(), any::<u8>()), 0..4), octets(40)).prop_map(|(reason, versions, extended)| BindNak {
        reason: BindNakReason(reason),
        versions: versions.into_iter().collect(),
        extended,
    })
}

/// request.
pub fn request() -> impl Strategy<Value = Request> {
    (any::<u32>(), any::<u16>(), any::<u16>(), option::of(guid()), octets(200)).prop_map(
        |(alloc_hint, context_id, opnum, object, stub)| Request { alloc_hint, context_id, opnum, object, stub },
    )
}

/// response.
pub fn response() -> impl Strategy<Value = Response> {
    (any::<u32>(), any::<u16>(), any::<u8>(), octets(200)).prop_map(|(alloc_hint, context_id, cancel_count, stub)| {
        Response { alloc_hint, context_id, cancel_count, stub }
    })
}

/// fault.
pub fn fault() -> impl Strategy<Value = Fault> {
    (any::<u32>(), any::<u16>(), any::<[u8; 2]>(), any::<u32>(), octets(40)).prop_map(
        |(alloc_hint, context_id, [cancel_count, extended], status, stub)| Fault {
            alloc_hint,
            context_id,
            cancel_count,
            extended,
            status: FaultStatus(status),
            stub,
        },
    )
}

/// Any body.
pub fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        bind().prop_map(Body::Bind),
        bind_ack().prop_map(Body::BindAck),
        bind_nak().prop_map(Body::BindNak),
        bind().prop_map(Body::AlterContext),
        bind_ack().prop_map(Body::AlterContextResp),
        Just(Body::Auth3),
        call_body(),
        Just(Body::Shutdown),
        Just(Body::CoCancel),
        Just(Body::Orphaned),
    ]
}

/// A body with a stub.
pub fn call_body() -> impl Strategy<Value = Body> {
    prop_oneof![request().prop_map(Body::Request), response().prop_map(Body::Response), fault().prop_map(Body::Fault),]
}

/// A sec_trailer with a token.
pub fn auth_trailer() -> impl Strategy<Value = AuthTrailer> {
    (any::<[u8; 2]>(), any::<u8>(), any::<u32>(), octets(80).prop_filter("a token", |token| !token.is_empty()))
        .prop_map(|([auth_type, auth_level], pad_length, context_id, value)| AuthTrailer {
            auth_type: AuthType(auth_type),
            auth_level: AuthnLevel(auth_level),
            pad_length,
            context_id,
            value,
        })
}

/// A whole PDU; auth3 always has its token, bind_nak never one.
pub fn pdu() -> impl Strategy<Value = Pdu> {
    (any::<u8>(), any::<u32>(), body(), option::of(auth_trailer()), auth_trailer()).prop_map(
        |(flags, call_id, body, auth, token)| {
            let flags = PfcFlags(flags);
            let (flags, auth) = match &body {
                Body::Request(Request { object: Some(_), .. }) => (flags | PfcFlags::OBJECT_UUID, auth),
                Body::Request(_) => (flags.without(PfcFlags::OBJECT_UUID), auth),
                Body::Auth3 => (flags, Some(token)),
                Body::BindNak(_) => (flags, None),
                _ => (flags, auth),
            };
            Pdu { flags, call_id, body, auth }
        },
    )
}

/// A verification trailer.
pub fn verification_trailer() -> impl Strategy<Value = VerificationTrailer> {
    let body = prop_oneof![
        any::<u32>().prop_map(VerificationBody::Bitmask),
        (interface(), interface())
            .prop_map(|(interface, transfer_syntax)| VerificationBody::PContext { interface, transfer_syntax }),
        (any::<u8>(), any::<[u8; 4]>(), any::<u32>(), any::<u16>(), any::<u16>()).prop_map(
            |(ptype, drep, call_id, context_id, opnum)| VerificationBody::Header2 {
                ptype: PduType(ptype),
                drep,
                call_id,
                context_id,
                opnum,
            }
        ),
        (4u16..0x4000, vec(any::<[u8; 4]>(), 0..4))
            .prop_map(|(command, words)| VerificationBody::Unknown { command, data: Bytes::from(words.concat()) }),
    ];
    let command = (any::<bool>(), body).prop_map(|(must_process, body)| VerificationCommand { must_process, body });
    vec(command, 1..5).prop_map(|commands| VerificationTrailer { commands: commands.into_iter().collect() })
}
