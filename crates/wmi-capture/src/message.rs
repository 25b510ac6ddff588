//! What a capture says, as values: messages, and everything that is missing or cannot be read.

use std::net::SocketAddr;

use bytes::Bytes;
use wmi_proto::cim::CimObject;
use wmi_proto::internals::AcceptError;
use wmi_proto::wire::rpc::{AuthType, AuthnLevel, PduType};
use wmi_proto::wire::status::BindNakReason;
use wmi_proto::wire::{FaultStatus, Guid, HResult, Interface, WireError};

use crate::file::FileError;
use crate::interfaces;

/// One thing that a capture says.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Event {
    /// A whole message.
    Message(Box<Message>),
    /// Octets of a DCE/RPC stream that are not in the capture.
    Missing {
        /// Of whom, and before which frame.
        at: Location,
        /// How many octets; `None` when the start of the stream was not captured.
        octets: Option<u64>,
    },
    /// Octets of a DCE/RPC stream that belong to no message that could be read: the rest of one whose start is missing,
    /// or something that is no message.
    Skipped {
        /// Where the first of them was.
        at: Location,
        /// How many octets.
        octets: u64,
    },
    /// A message of several fragments that lacks some.
    Incomplete {
        /// Where its last fragment was.
        at: Location,
        /// Its type.
        ptype: PduType,
        /// Which call it belongs to.
        call_id: u32,
    },
    /// An NTLM log-on was tried with the given password.
    LogOn {
        /// Where its AUTHENTICATE_MESSAGE was.
        at: Location,
        /// Domain and name of the account, as the client sent them.
        account: [String; 2],
        /// Why there are no keys, if so.
        outcome: Result<(), AcceptError>,
    },
    /// The file cannot be read on. Always the last.
    Stopped(FileError),
}

/// A place in a capture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// The frame, counted from 1.
    pub frame: u64,
    /// The TCP stream, counted from 0 over all streams of the file.
    pub stream: u32,
    /// Who sent it.
    pub from: SocketAddr,
    /// To whom.
    pub to: SocketAddr,
}

/// Whether the stub of a message can be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It was not encrypted.
    Clear,
    /// It was encrypted and is in clear now.
    Unsealed,
    /// It is encrypted.
    Sealed,
}

/// How a call or an association went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Status {
    /// The return value of an object call.
    HResult(HResult),
    /// The status of a fault, or the return value of a call that is no object call.
    Fault(FaultStatus),
    /// The reason of a bind_nak.
    Refused(BindNakReason),
}

impl Status {
    /// The number.
    #[must_use]
    pub const fn code(self) -> u32 {
        match self {
            Self::HResult(HResult(code)) | Self::Fault(FaultStatus(code)) => code,
            Self::Refused(reason) => reason.0 as u32,
        }
    }

    /// The specification's name of it.
    #[must_use]
    pub const fn name(self) -> Option<&'static str> {
        match self {
            Self::HResult(status) => status.name(),
            Self::Fault(status) => status.name(),
            Self::Refused(reason) => reason.name(),
        }
    }
}

/// One DCE/RPC message with all its fragments.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Where its first fragment was, in the frame that made that fragment whole.
    pub at: Location,
    /// The frame that made it whole.
    pub last_frame: u64,
    /// Its type.
    pub ptype: PduType,
    /// Which call it belongs to.
    pub call_id: u32,
    /// How many fragments it has.
    pub fragments: u32,
    /// The interface: of the interface pointer where that is known, otherwise of the presentation context. For bind and
    /// alter_context the first one that is offered.
    pub interface: Option<Interface>,
    /// The method's number; for an answer that of its request, `None` when the request is not in the capture.
    pub opnum: Option<u16>,
    /// The object UUID of the request: for object calls the IPID.
    pub object: Option<Guid>,
    /// The security provider of its sec_trailer; NONE without one.
    pub auth_type: AuthType,
    /// The authentication level of its sec_trailer; 0 without one.
    pub auth_level: AuthnLevel,
    /// Whether both ends had agreed on header signing on this connection, this message included
    /// ([MS-RPCE 3.3.1.5.2.2]). It can be switched on in mid connection, then for all security contexts.
    pub header_signing: bool,
    /// Whether its stub can be read.
    pub state: State,
    /// Whether all its signatures are right; `None` when there is no key for them, or no signature. Behind a hole, and
    /// behind two wrong signatures one after the other, keys are out of step, which is as if there were none.
    pub verified: Option<bool>,
    /// What it says about how the call went.
    pub status: Option<Status>,
    /// The CIM objects in it, in order.
    pub objects: Vec<Result<CimObject, WireError>>,
    /// The stub of all fragments, without padding and verification trailer; as captured where it is sealed.
    pub stub: Bytes,
    /// Whether the method is one whose parameters are known here, and the stub could be looked into.
    pub decoded: bool,
    /// Octets of the stub behind the parameters.
    pub unread: usize,
    /// Why the message, or its stub, does not decode.
    pub error: Option<WireError>,
}

impl Message {
    /// The type as a word: `bind`, `bind_ack`, …, `request`, `response`, `fault`.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.ptype {
            PduType::REQUEST => "request",
            PduType::RESPONSE => "response",
            PduType::FAULT => "fault",
            PduType::BIND => "bind",
            PduType::BIND_ACK => "bind_ack",
            PduType::BIND_NAK => "bind_nak",
            PduType::ALTER_CONTEXT => "alter_context",
            PduType::ALTER_CONTEXT_RESP => "alter_context_resp",
            PduType::AUTH3 => "auth3",
            PduType::SHUTDOWN => "shutdown",
            PduType::CO_CANCEL => "co_cancel",
            PduType::ORPHANED => "orphaned",
            _ => "unknown",
        }
    }

    /// The method's name, without that of its interface.
    #[must_use]
    pub fn operation(&self) -> Option<&'static str> {
        interfaces::operation(&self.interface?.uuid, self.opnum?)
    }

    /// The interface's name, or its UUID.
    #[must_use]
    pub fn interface_name(&self) -> Option<String> {
        let uuid = self.interface?.uuid;
        Some(interfaces::name(&uuid).map_or_else(|| uuid.to_string(), str::to_owned))
    }
}
