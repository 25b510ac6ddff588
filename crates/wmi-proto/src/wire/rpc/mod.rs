//! DCE/RPC connection-oriented PDUs ([C706 chapter 12], [MS-RPCE 2.2.2]): a whole fragment to a value and back.

use core::ops::Range;

use bytes::{Bytes, BytesMut};

use crate::wire::{Reader, Wire, WireError, WireErrorKind, Writer};

mod auth;
mod bind;
mod call;
mod header;
mod verification;

pub use auth::{AuthTrailer, AuthType, AuthnLevel, Protected, Protection};
pub use bind::{
    Bind, BindAck, BindNak, ContextResult, ContextResultCode, KEEP_CONNECTION_ON_ORPHAN, NDR_SYNTAX,
    PresentationContext, ProviderReason, SECURITY_CONTEXT_MULTIPLEXING, bind_time_features, offered_features,
};
pub use call::{Fault, Request, Response, max_stub_per_fragment};
pub use header::{CommonHeader, LITTLE_ENDIAN_DREP, PduType, PfcFlags};
pub use verification::{VerificationBody, VerificationCommand, VerificationTrailer};

/// One whole PDU. A sealed one must be unsealed in place before it is decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pdu {
    /// pfc_flags. OBJECT_UUID follows the body when written.
    pub flags: PfcFlags,
    /// Which call this belongs to.
    pub call_id: u32,
    /// What it says.
    pub body: Body,
    /// The sec_trailer and the authentication token.
    pub auth: Option<AuthTrailer>,
}

/// The bodies of the PDUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// [C706 12.6.4.3]
    Bind(Bind),
    /// [C706 12.6.4.4]
    BindAck(BindAck),
    /// [C706 12.6.4.5]
    BindNak(BindNak),
    /// [C706 12.6.4.1]
    AlterContext(Bind),
    /// [C706 12.6.4.2]
    AlterContextResp(BindAck),
    /// [MS-RPCE 2.2.2.10]: four octets that mean nothing, then the token.
    Auth3,
    /// [C706 12.6.4.9]
    Request(Request),
    /// [C706 12.6.4.10]
    Response(Response),
    /// [C706 12.6.4.7]
    Fault(Fault),
    /// [C706 12.6.4.11]
    Shutdown,
    /// [C706 12.6.4.6] (cancel)
    CoCancel,
    /// [C706 12.6.4.8]
    Orphaned,
}

impl Body {
    /// The type in the common header.
    #[must_use]
    pub const fn ptype(&self) -> PduType {
        match self {
            Self::Bind(_) => PduType::BIND,
            Self::BindAck(_) => PduType::BIND_ACK,
            Self::BindNak(_) => PduType::BIND_NAK,
            Self::AlterContext(_) => PduType::ALTER_CONTEXT,
            Self::AlterContextResp(_) => PduType::ALTER_CONTEXT_RESP,
            Self::Auth3 => PduType::AUTH3,
            Self::Request(_) => PduType::REQUEST,
            Self::Response(_) => PduType::RESPONSE,
            Self::Fault(_) => PduType::FAULT,
            Self::Shutdown => PduType::SHUTDOWN,
            Self::CoCancel => PduType::CO_CANCEL,
            Self::Orphaned => PduType::ORPHANED,
        }
    }

    /// The stub of request, response and fault.
    #[must_use]
    pub const fn stub(&self) -> Option<&Bytes> {
        match self {
            Self::Request(Request { stub, .. })
            | Self::Response(Response { stub, .. })
            | Self::Fault(Fault { stub, .. }) => Some(stub),
            _ => None,
        }
    }

    fn encode(&self, w: &mut Writer) {
        match self {
            Self::Bind(bind) | Self::AlterContext(bind) => bind.encode(w),
            Self::BindAck(ack) | Self::AlterContextResp(ack) => ack.encode(w),
            Self::BindNak(nak) => nak.encode(w),
            Self::Auth3 => w.zeros(4),
            Self::Request(request) => request.encode(w),
            Self::Response(response) => response.encode(w),
            Self::Fault(fault) => fault.encode(w),
            Self::Shutdown | Self::CoCancel | Self::Orphaned => {}
        }
    }
}

impl Pdu {
    /// A whole PDU (first and last fragment) without authentication.
    #[must_use]
    pub const fn new(call_id: u32, body: Body) -> Self {
        Self { flags: PfcFlags::WHOLE, call_id, body, auth: None }
    }

    /// Decodes one whole fragment. Either byte order is read.
    ///
    /// # Errors
    /// Where and why the octets are not a PDU; `Unsupported` for a PDU type that is not known.
    pub fn decode(fragment: Bytes) -> Result<Self, WireError> {
        let Some(header) = CommonHeader::peek(&fragment)? else {
            return Err(WireError::new(WireErrorKind::Truncated, "common header", 0));
        };
        if usize::from(header.frag_length) != fragment.len() {
            return Err(WireError::new(WireErrorKind::BadValue, "frag_length", 8));
        }
        let mut body_end = fragment.len();
        let mut auth = None;
        if let Some(at) = header.trailer_offset() {
            let mut r = Reader::with_endianness(fragment.slice(at..), header.is_big_endian());
            let trailer = AuthTrailer::decode(&mut r)?;
            body_end = at;
            // Elsewhere the body tells its own length, and not everybody counts the padding.
            if matches!(header.ptype, PduType::REQUEST | PduType::RESPONSE | PduType::FAULT) {
                let end = at.checked_sub(usize::from(trailer.pad_length)).filter(|end| *end >= CommonHeader::LEN);
                body_end = end.ok_or(WireError::new(WireErrorKind::BadValue, "auth_pad_length", at + 2))?;
            }
            auth = Some(trailer);
        }
        let mut r = Reader::with_endianness(fragment.slice(CommonHeader::LEN..body_end), header.is_big_endian());
        let r = &mut r;
        let body = match header.ptype {
            PduType::BIND => Body::Bind(Bind::decode(r)?),
            PduType::BIND_ACK => Body::BindAck(BindAck::decode(r)?),
            PduType::BIND_NAK => Body::BindNak(BindNak::decode(r)?),
            PduType::ALTER_CONTEXT => Body::AlterContext(Bind::decode(r)?),
            PduType::ALTER_CONTEXT_RESP => Body::AlterContextResp(BindAck::decode(r)?),
            PduType::AUTH3 => {
                // Four octets that mean nothing.
                r.rest();
                Body::Auth3
            }
            PduType::REQUEST => Body::Request(Request::decode(r, header.flags.contains(PfcFlags::OBJECT_UUID))?),
            PduType::RESPONSE => Body::Response(Response::decode(r)?),
            PduType::FAULT => Body::Fault(Fault::decode(r)?),
            PduType::SHUTDOWN => Body::Shutdown,
            PduType::CO_CANCEL => Body::CoCancel,
            PduType::ORPHANED => Body::Orphaned,
            _ => return Err(WireError::new(WireErrorKind::Unsupported, "PTYPE", 2)),
        };
        if auth.is_none() {
            r.finish("end of PDU")?;
        }
        Ok(Self { flags: header.flags, call_id: header.call_id, body, auth })
    }

    /// The octets of the PDU, with its lengths and the authentication token as it is.
    #[must_use]
    pub fn encode(&self) -> BytesMut {
        let auth = self.auth.as_ref().filter(|auth| !auth.value.is_empty());
        let mut w = Writer::new();
        encode_header(&mut w, self.flags, self.call_id, &self.body);
        self.body.encode(&mut w);
        if let Some(auth) = auth {
            w.zeros(usize::from(auth.pad_length));
            auth.encode(&mut w);
        }
        with_lengths(w, auth.map_or(0, |auth| auth.value.len()))
    }
}

/// A fragment whose lengths are final and whose authentication token is still zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsigned {
    /// The whole fragment.
    pub pdu: BytesMut,
    /// The stub and its padding within `pdu`: what is encrypted at PKT_PRIVACY.
    pub stub: Range<usize>,
}

impl Unsigned {
    /// Lays `body` out with padding, sec_trailer and room for the token.
    #[must_use]
    pub fn new(flags: PfcFlags, call_id: u32, body: &Body, protection: &Protection) -> Self {
        let stub_length = body.stub().map_or(0, Bytes::len);
        let mut w = Writer::with_capacity(stub_length + usize::from(protection.value_length) + AROUND_STUB);
        encode_header(&mut w, flags, call_id, body);
        body.encode(&mut w);
        let stub_offset = w.len().saturating_sub(stub_length);
        let pad_length = protection.pad_length(stub_length);
        w.zeros(usize::from(pad_length));
        let stub = stub_offset..w.len();
        let trailer = AuthTrailer {
            auth_type: protection.auth_type,
            auth_level: protection.auth_level,
            pad_length,
            context_id: protection.context_id,
            value: Bytes::new(),
        };
        trailer.encode(&mut w);
        w.zeros(usize::from(protection.value_length));
        Self { pdu: with_lengths(w, usize::from(protection.value_length)), stub }
    }
}

/// Octets of a fragment beside its stub and token: header, the fields before the stub, padding and sec_trailer.
const AROUND_STUB: usize = 64;

fn encode_header(w: &mut Writer, flags: PfcFlags, call_id: u32, body: &Body) {
    let flags = match body {
        Body::Request(Request { object: Some(_), .. }) => flags | PfcFlags::OBJECT_UUID,
        Body::Request(_) => flags.without(PfcFlags::OBJECT_UUID),
        _ => flags,
    };
    let header = CommonHeader {
        version_minor: 0,
        ptype: body.ptype(),
        flags,
        drep: LITTLE_ENDIAN_DREP,
        frag_length: 0,
        auth_length: 0,
        call_id,
    };
    header.encode(w);
}

/// Fills in frag_length and auth_length. A PDU over 64 KiB is written with the largest length, which no reader takes.
fn with_lengths(w: Writer, auth_length: usize) -> BytesMut {
    let mut pdu = w.finish_mut();
    let frag_length = u16::try_from(pdu.len()).unwrap_or(u16::MAX).to_le_bytes();
    let auth_length = u16::try_from(auth_length).unwrap_or(u16::MAX).to_le_bytes();
    if let Some([_, _, _, _, _, _, _, _, f0, f1, a0, a1, ..]) = pdu.first_chunk_mut::<16>() {
        ([*f0, *f1], [*a0, *a1]) = (frag_length, auth_length);
    }
    pdu
}

#[cfg(test)]
mod tests;
