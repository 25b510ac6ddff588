//! The PDUs of a call: request, response, fault ([C706 12.6.4.7], 12.6.4.9, 12.6.4.10).

use bytes::Bytes;

use crate::wire::rpc::Protection;
use crate::wire::{FaultStatus, Guid, Reader, WireError, Writer};

/// One fragment of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// Octets of stub in this and the following fragments; 0 when not told ([MS-RPCE 2.2.2.6]).
    pub alloc_hint: u32,
    /// p_cont_id: the presentation context.
    pub context_id: u16,
    /// The method's number.
    pub opnum: u16,
    /// The object UUID (for ORPC the IPID); written when present, with its flag.
    pub object: Option<Guid>,
    /// The stub without padding.
    pub stub: Bytes,
}

/// One fragment of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// Octets of stub in this and the following fragments; 0 when not told.
    pub alloc_hint: u32,
    /// p_cont_id: the presentation context.
    pub context_id: u16,
    /// Cancels received for this call.
    pub cancel_count: u8,
    /// The stub without padding.
    pub stub: Bytes,
}

/// A call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Octets of stub; with extended error information 0x20 more than its length ([MS-RPCE 2.2.2.8]).
    pub alloc_hint: u32,
    /// p_cont_id: the presentation context.
    pub context_id: u16,
    /// Cancels received for this call.
    pub cancel_count: u8,
    /// reserved: bit 0 says that extended error information follows ([MS-RPCE 2.2.2.8]).
    pub extended: u8,
    /// Why it failed.
    pub status: FaultStatus,
    /// What follows, without padding; ignored ([MS-RPCE 2.2.2.8]).
    pub stub: Bytes,
}

impl Request {
    /// Where the stub starts, counted from the start of the PDU.
    #[must_use]
    pub const fn stub_offset(has_object: bool) -> usize {
        if has_object { 40 } else { 24 }
    }

    pub(super) fn decode(r: &mut Reader, has_object: bool) -> Result<Self, WireError> {
        let alloc_hint = r.u32("alloc_hint")?;
        let (context_id, opnum) = (r.u16("p_cont_id")?, r.u16("opnum")?);
        let object = if has_object { Some(r.guid("object")?) } else { None };
        Ok(Self { alloc_hint, context_id, opnum, object, stub: r.rest() })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.u32(self.alloc_hint);
        w.u16(self.context_id);
        w.u16(self.opnum);
        if let Some(object) = &self.object {
            w.guid(object);
        }
        w.bytes(&self.stub);
    }
}

impl Response {
    /// Where the stub starts, counted from the start of the PDU.
    pub const STUB_OFFSET: usize = 24;

    pub(super) fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (alloc_hint, context_id) = (r.u32("alloc_hint")?, r.u16("p_cont_id")?);
        let cancel_count = r.u8("cancel_count")?;
        r.skip(1, "reserved")?;
        Ok(Self { alloc_hint, context_id, cancel_count, stub: r.rest() })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.u32(self.alloc_hint);
        w.u16(self.context_id);
        w.bytes(&[self.cancel_count, 0]);
        w.bytes(&self.stub);
    }
}

impl Fault {
    /// Where the stub starts, counted from the start of the PDU: the status is followed by four reserved octets.
    pub const STUB_OFFSET: usize = 32;

    pub(super) fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (alloc_hint, context_id) = (r.u32("alloc_hint")?, r.u16("p_cont_id")?);
        let (cancel_count, extended) = (r.u8("cancel_count")?, r.u8("reserved")?);
        let status = FaultStatus(r.u32("status")?);
        r.skip(4, "reserved2")?;
        Ok(Self { alloc_hint, context_id, cancel_count, extended, status, stub: r.rest() })
    }

    pub(super) fn encode(&self, w: &mut Writer) {
        w.u32(self.alloc_hint);
        w.u16(self.context_id);
        w.bytes(&[self.cancel_count, self.extended]);
        w.u32(self.status.0);
        w.u32(0);
        w.bytes(&self.stub);
    }
}

/// The most octets of stub in a fragment of at most `max_frag` octets whose stub starts at `stub_offset`, such that
/// a full fragment needs no padding. Zero when not even one unit fits.
#[must_use]
pub fn max_stub_per_fragment(max_frag: u16, stub_offset: usize, protection: Option<&Protection>) -> usize {
    let room = usize::from(max_frag).saturating_sub(stub_offset);
    let Some(protection) = protection else {
        // Fragments of an unprotected call stay multiples of eight, as the NDR of some readers wants it.
        return room & !7;
    };
    let room = room.saturating_sub(8 + usize::from(protection.value_length));
    room - room % usize::from(protection.align.max(1))
}
