//! The remote methods of [MS-WMI] that are used here, one file per interface.

pub mod bstr;
pub mod context;
pub mod data_packet;
pub mod enumerator;
pub mod login;
pub mod object;
pub mod services;
pub mod smart_enum;

#[cfg(test)]
mod tests;

pub use bstr::Bstr;
pub use context::{ContextProperty, WbemContext};
pub use data_packet::{DataPacket, DataPacketObject, PacketType};
pub use enumerator::{CloneEnumerator, Next, Reset, Skip};
pub use login::{EstablishPosition, NtlmLogin, SetClientInfo};
pub use services::{CancelAsyncCall, ExecMethod, ExecQuery, GetObject, InOutInterface, OpenNamespace};
pub use smart_enum::{GetSmartEnum, SmartNext};

use crate::wire::dcom::MInterfacePointer;
use crate::wire::{HResult, Reader, Wire, WireError, Writer};

/// One interface pointer and the return value, the response of several methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfaceResponse {
    /// The interface; `None` when the call failed.
    pub pointer: Option<MInterfacePointer>,
    /// How the call went.
    pub status: HResult,
}

impl Wire for InterfaceResponse {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let pointer = MInterfacePointer::decode_optional(r)?;
        Ok(Self { pointer, status: HResult::decode(r)? })
    }

    fn encode(&self, w: &mut Writer) {
        MInterfacePointer::encode_optional(self.pointer.as_ref(), w);
        self.status.encode(w);
    }
}
