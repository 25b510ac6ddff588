//! Proptest strategies for the values of the wire.

pub mod cim;
pub mod dcom;
pub mod ntlm;
pub mod path;
pub mod rpc;
pub mod spnego;
pub mod wmi;

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use wmi_proto::wire::{FaultStatus, Guid, HResult};

/// Up to `max` octets.
pub fn octets(max: usize) -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..=max).prop_map(Bytes::from)
}

/// Any GUID.
pub fn guid() -> impl Strategy<Value = Guid> {
    any::<[u8; 16]>().prop_map(Guid::from_bytes)
}

/// Short text of any characters but NUL.
pub fn text() -> impl Strategy<Value = String> {
    "[^\0]{0,12}"
}

/// Any HRESULT, often a known one.
pub fn hresult() -> impl Strategy<Value = HResult> {
    prop_oneof![
        Just(HResult::S_OK),
        Just(HResult::WBEM_S_FALSE),
        Just(HResult::WBEM_E_INVALID_QUERY),
        any::<u32>().prop_map(HResult)
    ]
}

/// Any status of a call that is no object call.
pub fn fault_status() -> impl Strategy<Value = FaultStatus> {
    prop_oneof![Just(FaultStatus(0)), any::<u32>().prop_map(FaultStatus)]
}
