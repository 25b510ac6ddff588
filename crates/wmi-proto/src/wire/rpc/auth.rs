//! The sec_trailer at the end of a PDU and the place of what it protects ([MS-RPCE 2.2.2.11]).

use core::ops::Range;

use bytes::Bytes;

use crate::wire::codes::open_enum;
use crate::wire::rpc::{CommonHeader, Fault, PduType, PfcFlags, Request, Response};
use crate::wire::{Reader, WireError, WireErrorKind, Writer};

open_enum! {
    /// The security provider ([MS-RPCE 2.2.1.1.7]).
    pub struct AuthType(u8);
    /// No security.
    NONE = 0,
    /// SPNEGO.
    GSS_NEGOTIATE = 9,
    /// NTLM.
    WINNT = 10,
    /// Kerberos.
    GSS_KERBEROS = 16,
}

open_enum! {
    /// The authentication level as a number on the wire ([MS-RPCE 2.2.1.1.8]).
    pub struct AuthnLevel(u8);
    /// No authentication.
    NONE = 1,
    /// Authenticated at the start only.
    CONNECT = 2,
    /// Like PKT.
    CALL = 3,
    /// Authenticated data, protected against replay; on connections the same as integrity.
    PKT = 4,
    /// Signed.
    PKT_INTEGRITY = 5,
    /// Signed and encrypted.
    PKT_PRIVACY = 6,
}

/// The sec_trailer and the authentication token behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuthTrailer {
    /// The security provider.
    pub auth_type: AuthType,
    /// The level.
    pub auth_level: AuthnLevel,
    /// Octets of padding between the body and the sec_trailer; that many zeros are written.
    pub pad_length: u8,
    /// auth_context_id: which security context of the connection.
    pub context_id: u32,
    /// auth_value: the token. Empty means that the PDU goes without a trailer.
    pub value: Bytes,
}

impl AuthTrailer {
    /// Reads the eight octets of the sec_trailer; the rest of the reader is the token.
    pub(super) fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (auth_type, auth_level) = (AuthType(r.u8("auth_type")?), AuthnLevel(r.u8("auth_level")?));
        let pad_length = r.u8("auth_pad_length")?;
        r.skip(1, "auth_reserved")?;
        let context_id = r.u32("auth_context_id")?;
        Ok(Self { auth_type, auth_level, pad_length, context_id, value: r.rest() })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.bytes(&[self.auth_type.0, self.auth_level.0, self.pad_length, 0]);
        w.u32(self.context_id);
        w.bytes(&self.value);
    }
}

/// Where things are in a whole fragment that carries a sec_trailer, found without decoding its (perhaps encrypted) body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protected {
    /// The stub and its padding: what is encrypted at PKT_PRIVACY. Empty for PDUs without a stub.
    pub stub: Range<usize>,
    /// The security provider.
    pub auth_type: AuthType,
    /// The level.
    pub auth_level: AuthnLevel,
    /// Octets of padding at the end of `stub`.
    pub pad_length: u8,
    /// auth_context_id.
    pub context_id: u32,
    /// The authentication token.
    pub value: Range<usize>,
}

impl Protected {
    /// Looks at `fragment`, which is one whole PDU; `None` when it carries no sec_trailer.
    ///
    /// # Errors
    /// `BadValue` or `Truncated` when its lengths contradict each other or its size.
    pub fn locate(fragment: &[u8]) -> Result<Option<Self>, WireError> {
        let error = |kind, what, offset| WireError::new(kind, what, offset);
        let Some(header) = CommonHeader::peek(fragment)? else {
            return Err(error(WireErrorKind::Truncated, "common header", 0));
        };
        if usize::from(header.frag_length) != fragment.len() {
            return Err(error(WireErrorKind::BadValue, "frag_length", 8));
        }
        let Some(at) = header.trailer_offset() else {
            return Ok(None);
        };
        let Some(&[auth_type, auth_level, pad_length, _, i0, i1, i2, i3]) =
            fragment.get(at..).and_then(|t| t.first_chunk::<8>())
        else {
            return Err(error(WireErrorKind::Truncated, "sec_trailer", at));
        };
        let id = [i0, i1, i2, i3];
        let stub_at = match header.ptype {
            PduType::REQUEST => Request::stub_offset(header.flags.contains(PfcFlags::OBJECT_UUID)),
            PduType::RESPONSE => Response::STUB_OFFSET,
            PduType::FAULT => Fault::STUB_OFFSET,
            _ => at,
        };
        let room = at.checked_sub(stub_at).ok_or(error(WireErrorKind::BadValue, "auth_length", 10))?;
        if stub_at != at && room < usize::from(pad_length) {
            return Err(error(WireErrorKind::BadValue, "auth_pad_length", at + 2));
        }
        Ok(Some(Self {
            stub: stub_at..at,
            auth_type: AuthType(auth_type),
            auth_level: AuthnLevel(auth_level),
            pad_length,
            context_id: if header.is_big_endian() { u32::from_be_bytes(id) } else { u32::from_le_bytes(id) },
            value: at + 8..fragment.len(),
        }))
    }
}

/// How the fragments of a security context are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// The security provider.
    pub auth_type: AuthType,
    /// The level.
    pub auth_level: AuthnLevel,
    /// auth_context_id.
    pub context_id: u32,
    /// Octets of the authentication token, 16 for NTLM.
    pub value_length: u16,
    /// The stub is padded to a multiple of this: 16 by specification; readers accept any.
    pub align: u8,
}

impl Protection {
    /// NTLM at `auth_level` under `context_id`, padded to 16.
    #[must_use]
    pub const fn ntlm(auth_level: AuthnLevel, context_id: u32) -> Self {
        Self { auth_type: AuthType::WINNT, auth_level, context_id, value_length: 16, align: 16 }
    }

    /// Octets of padding behind a stub of `length` octets.
    #[must_use]
    pub fn pad_length(&self, length: usize) -> u8 {
        let align = usize::from(self.align.max(1));
        // Less than `align`, which is an octet.
        u8::try_from(length.next_multiple_of(align).saturating_sub(length)).unwrap_or(0)
    }
}
