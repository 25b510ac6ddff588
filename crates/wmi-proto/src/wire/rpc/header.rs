//! The sixteen octets that every PDU starts with ([C706 12.6.3.1]), readable before the PDU is whole.

use core::ops::{BitOr, BitOrAssign};

use crate::wire::codes::open_enum;
use crate::wire::{WireError, WireErrorKind, Writer};

open_enum! {
    /// The type of a connection-oriented PDU ([C706 12.6.4], [MS-RPCE 2.2.2.10] for auth3).
    pub struct PduType(u8);
    /// Client to server: (a fragment of) a call.
    REQUEST = 0,
    /// Server to client: (a fragment of) an answer.
    RESPONSE = 2,
    /// Server to client: a call failed.
    FAULT = 3,
    /// Client to server: the first PDU of an association.
    BIND = 11,
    /// Server to client: the answer to bind.
    BIND_ACK = 12,
    /// Server to client: bind refused.
    BIND_NAK = 13,
    /// Client to server: more presentation or security contexts.
    ALTER_CONTEXT = 14,
    /// Server to client: the answer to alter_context.
    ALTER_CONTEXT_RESP = 15,
    /// Client to server: the last leg of a three-leg log-on; never answered.
    AUTH3 = 16,
    /// Server to client: please disconnect.
    SHUTDOWN = 17,
    /// Client to server: cancel a call.
    CO_CANCEL = 18,
    /// Client to server: the caller has gone.
    ORPHANED = 19,
}

/// The pfc_flags of a PDU ([C706 12.6.3.1]).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct PfcFlags(pub u8);

impl PfcFlags {
    /// The first fragment of a call or an answer.
    pub const FIRST_FRAG: Self = Self(0x01);
    /// The last fragment of a call or an answer.
    pub const LAST_FRAG: Self = Self(0x02);
    /// First and last: a PDU that is whole.
    pub const WHOLE: Self = Self(0x03);
    /// In request, response and fault: a cancel was pending at the sender.
    pub const PENDING_CANCEL: Self = Self(0x04);
    /// In the bind family and auth3: the sender can sign headers ([MS-RPCE 2.2.2.3]).
    pub const SUPPORT_HEADER_SIGN: Self = Self(0x04);
    /// Several calls may be outstanding on the association.
    pub const CONC_MPX: Self = Self(0x10);
    /// In fault: the call was certainly not executed.
    pub const DID_NOT_EXECUTE: Self = Self(0x20);
    /// In request: no answer is wanted.
    pub const MAYBE: Self = Self(0x40);
    /// In request: an object UUID follows the opnum.
    pub const OBJECT_UUID: Self = Self(0x80);

    /// Whether all bits of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// The same without the bits of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for PfcFlags {
    type Output = Self;
    fn bitor(self, rhs: Self) -> Self {
        Self(self.0 | rhs.0)
    }
}

impl BitOrAssign for PfcFlags {
    fn bitor_assign(&mut self, rhs: Self) {
        self.0 |= rhs.0;
    }
}

/// The common header ([C706 12.6.3.1]).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommonHeader {
    /// rpc_vers_minor, 0 or 1; rpc_vers is always 5.
    pub version_minor: u8,
    /// PTYPE.
    pub ptype: PduType,
    /// pfc_flags.
    pub flags: PfcFlags,
    /// packed_drep, the data representation label ([C706 14.1]).
    pub drep: [u8; 4],
    /// Octets of the whole PDU, this header included.
    pub frag_length: u16,
    /// Octets of the authentication token at the end; zero when there is no sec_trailer.
    pub auth_length: u16,
    /// Which call this belongs to.
    pub call_id: u32,
}

impl CommonHeader {
    /// Octets of the header.
    pub const LEN: usize = 16;

    /// The header at the start of `data`, or `None` while fewer than sixteen octets are there.
    ///
    /// # Errors
    /// `BadValue` when this is not version 5, or when the lengths contradict each other.
    pub fn peek(data: &[u8]) -> Result<Option<Self>, WireError> {
        let Some(&[version, version_minor, ptype, flags, d0, d1, d2, d3, f0, f1, a0, a1, c0, c1, c2, c3]) =
            data.first_chunk::<{ Self::LEN }>()
        else {
            return Ok(None);
        };
        let bad = |what, offset| WireError::new(WireErrorKind::BadValue, what, offset);
        if version != 5 {
            return Err(bad("rpc_vers", 0));
        }
        let big_endian = d0 & 0x10 == 0;
        let u16_of = |b| if big_endian { u16::from_be_bytes(b) } else { u16::from_le_bytes(b) };
        let (frag_length, auth_length) = (u16_of([f0, f1]), u16_of([a0, a1]));
        let call_id = [c0, c1, c2, c3];
        let header = Self {
            version_minor,
            ptype: PduType(ptype),
            flags: PfcFlags(flags),
            drep: [d0, d1, d2, d3],
            frag_length,
            auth_length,
            call_id: if big_endian { u32::from_be_bytes(call_id) } else { u32::from_le_bytes(call_id) },
        };
        if usize::from(frag_length) < Self::LEN {
            return Err(bad("frag_length", 8));
        }
        if auth_length != 0 && header.trailer_offset().is_none() {
            return Err(bad("auth_length", 10));
        }
        Ok(Some(header))
    }

    /// Whether integers are big-endian.
    #[must_use]
    pub const fn is_big_endian(&self) -> bool {
        let [integers, ..] = self.drep;
        integers & 0x10 == 0
    }

    /// Where the sec_trailer starts, counted from the start of the PDU ([MS-RPCE 2.2.2.11]); `None` without one, or
    /// when it would start inside this header.
    #[must_use]
    pub fn trailer_offset(&self) -> Option<usize> {
        let tail = usize::from(self.auth_length) + 8;
        let offset = usize::from(self.frag_length).checked_sub(tail)?;
        (self.auth_length != 0 && offset >= Self::LEN).then_some(offset)
    }

    /// Writes the header, little-endian whatever [`CommonHeader::drep`] says about a header that was read.
    pub fn encode(&self, w: &mut Writer) {
        w.bytes(&[5, self.version_minor, self.ptype.0, self.flags.0]);
        w.bytes(&LITTLE_ENDIAN_DREP);
        w.u16(self.frag_length);
        w.u16(self.auth_length);
        w.u32(self.call_id);
    }
}

/// Little-endian integers, ASCII, IEEE floating point ([C706 14.1]).
pub const LITTLE_ENDIAN_DREP: [u8; 4] = [0x10, 0, 0, 0];
