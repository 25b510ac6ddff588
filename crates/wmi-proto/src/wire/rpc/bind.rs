//! The PDUs that set an association up: bind, alter_context and their answers ([C706 12.6.4.3]–12.6.4.5, 12.6.4.1–2).

use bytes::Bytes;
use smallvec::SmallVec;

use crate::wire::codes::open_enum;
use crate::wire::status::BindNakReason;
pub use crate::wire::status::ProviderReason;
use crate::wire::{Guid, Interface, Reader, Wire, WireError, Writer, guid};

/// The body of bind and of alter_context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// The largest fragment that the sender will transmit, in octets.
    pub max_xmit_frag: u16,
    /// The largest fragment that the sender can receive, in octets.
    pub max_recv_frag: u16,
    /// The association group to join, 0 for a new one.
    pub assoc_group_id: u32,
    /// p_context_elem: what is offered. At most 255 are written.
    pub contexts: SmallVec<[PresentationContext; 4]>,
}

/// p_cont_elem_t: one interface under one number, with the transfer syntaxes that the client can speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentationContext {
    /// p_cont_id, chosen by the client.
    pub id: u16,
    /// The interface.
    pub abstract_syntax: Interface,
    /// NDR, NDR64 or the pseudo syntax of [`bind_time_features`]. At most 255 are written.
    pub transfer_syntaxes: SmallVec<[Interface; 1]>,
}

impl PresentationContext {
    /// `interface` under `id`, over NDR.
    #[must_use]
    pub fn ndr(id: u16, interface: Interface) -> Self {
        Self { id, abstract_syntax: interface, transfer_syntaxes: SmallVec::from_buf([NDR_SYNTAX]) }
    }
}

/// The body of bind_ack and of alter_context_resp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindAck {
    /// The largest fragment that the server will transmit, in octets.
    pub max_xmit_frag: u16,
    /// The largest fragment that the server can receive, in octets.
    pub max_recv_frag: u16,
    /// The association group that was joined.
    pub assoc_group_id: u32,
    /// sec_addr, its NUL included: the port as text in bind_ack, empty in alter_context_resp.
    pub secondary_address: Bytes,
    /// One result per offered context, in the order of the offer. At most 255 are written.
    pub results: SmallVec<[ContextResult; 4]>,
}

/// p_result_t: what became of one offered context.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContextResult {
    /// Accepted or not.
    pub result: ContextResultCode,
    /// Why not; in a negotiate_ack the granted feature bits ([MS-RPCE 2.2.2.15]).
    pub reason: ProviderReason,
    /// The transfer syntax that was chosen, all zeros unless accepted.
    pub transfer_syntax: Interface,
}

impl ContextResult {
    /// Accepted, over NDR.
    pub const ACCEPTED_NDR: Self = Self {
        result: ContextResultCode::ACCEPTANCE,
        reason: ProviderReason::NOT_SPECIFIED,
        transfer_syntax: NDR_SYNTAX,
    };

    /// Refused by the provider for `reason`.
    #[must_use]
    pub const fn rejected(reason: ProviderReason) -> Self {
        Self { result: ContextResultCode::PROVIDER_REJECTION, reason, transfer_syntax: Interface::orpc(Guid::NULL) }
    }

    /// The answer to an offer of bind-time features ([MS-RPCE 2.2.2.15]).
    #[must_use]
    pub const fn negotiate_ack(granted: u16) -> Self {
        Self {
            result: ContextResultCode::NEGOTIATE_ACK,
            reason: ProviderReason(granted),
            transfer_syntax: Interface::orpc(Guid::NULL),
        }
    }

    /// Whether calls may use the context.
    #[must_use]
    pub fn is_accepted(&self) -> bool {
        self.result == ContextResultCode::ACCEPTANCE
    }

    /// The granted bind-time features, when this is a negotiate_ack.
    #[must_use]
    pub fn granted_features(&self) -> Option<u16> {
        (self.result == ContextResultCode::NEGOTIATE_ACK).then_some(self.reason.0)
    }
}

open_enum! {
    /// p_cont_def_result_t ([C706 12.6.3.1], [MS-RPCE 2.2.2.4]).
    pub struct ContextResultCode(u16);
    /// The context may be used.
    ACCEPTANCE = 0,
    /// The server's user refused it.
    USER_REJECTION = 1,
    /// The server's provider refused it.
    PROVIDER_REJECTION = 2,
    /// This element offered bind-time features, and these are granted.
    NEGOTIATE_ACK = 3,
}

/// The body of bind_nak ([MS-RPCE 2.2.2.9]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BindNak {
    /// provider_reject_reason.
    pub reason: BindNakReason,
    /// p_rt_versions_supported_t: major and minor. At most 255 are written.
    pub versions: SmallVec<[(u8, u8); 2]>,
    /// What follows the versions, uninterpreted: padding, or the signature and extended error information.
    pub extended: Bytes,
}

/// NDR 2.0, the one transfer syntax that is spoken here.
pub const NDR_SYNTAX: Interface = Interface { uuid: guid::NDR, major: 2, minor: 0 };

/// Bind-time feature: several security contexts on one connection ([MS-RPCE 2.2.2.14]).
pub const SECURITY_CONTEXT_MULTIPLEXING: u64 = 1;
/// Bind-time feature: the connection survives an orphaned PDU ([MS-RPCE 2.2.2.14]).
pub const KEEP_CONNECTION_ON_ORPHAN: u64 = 2;

/// The pseudo transfer syntax that offers the bind-time features `bits` ([MS-RPCE 3.3.1.5.3]).
#[must_use]
pub const fn bind_time_features(bits: u64) -> Interface {
    Interface { uuid: Guid::from_fields(0x6cb7_1c2c, 0x9812, 0x4540, bits.to_le_bytes()), major: 1, minor: 0 }
}

/// The feature bits that `syntax` offers, when it is that pseudo syntax.
#[must_use]
pub fn offered_features(syntax: &Interface) -> Option<u64> {
    let [prefix @ .., b0, b1, b2, b3, b4, b5, b6, b7] = syntax.uuid.to_bytes();
    let bits = u64::from_le_bytes([b0, b1, b2, b3, b4, b5, b6, b7]);
    (bind_time_features(0).uuid.to_bytes().starts_with(&prefix)).then_some(bits)
}

impl Wire for Bind {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (max_xmit_frag, max_recv_frag) = (r.u16("max_xmit_frag")?, r.u16("max_recv_frag")?);
        let assoc_group_id = r.u32("assoc_group_id")?;
        let count = r.u8("n_context_elem")?;
        r.skip(3, "p_cont_list_t.reserved")?;
        let mut contexts = SmallVec::new();
        for _ in 0..count {
            contexts.push(PresentationContext::decode(r)?);
        }
        Ok(Self { max_xmit_frag, max_recv_frag, assoc_group_id, contexts })
    }

    fn encode(&self, w: &mut Writer) {
        w.u16(self.max_xmit_frag);
        w.u16(self.max_recv_frag);
        w.u32(self.assoc_group_id);
        let count = count(self.contexts.len());
        w.bytes(&[count, 0, 0, 0]);
        for context in self.contexts.iter().take(usize::from(count)) {
            context.encode(w);
        }
    }
}

impl Wire for PresentationContext {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let id = r.u16("p_cont_id")?;
        let count = r.u8("n_transfer_syn")?;
        r.skip(1, "p_cont_elem_t.reserved")?;
        let abstract_syntax = syntax(r, "abstract_syntax")?;
        let mut transfer_syntaxes = SmallVec::new();
        for _ in 0..count {
            transfer_syntaxes.push(syntax(r, "transfer_syntax")?);
        }
        Ok(Self { id, abstract_syntax, transfer_syntaxes })
    }

    fn encode(&self, w: &mut Writer) {
        w.u16(self.id);
        let count = count(self.transfer_syntaxes.len());
        w.bytes(&[count, 0]);
        encode_syntax(&self.abstract_syntax, w);
        for syntax in self.transfer_syntaxes.iter().take(usize::from(count)) {
            encode_syntax(syntax, w);
        }
    }
}

/// Alignment counts from the start of the body, which is a multiple of four like that of the PDU.
impl Wire for BindAck {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let (max_xmit_frag, max_recv_frag) = (r.u16("max_xmit_frag")?, r.u16("max_recv_frag")?);
        let assoc_group_id = r.u32("assoc_group_id")?;
        let length = r.u16("sec_addr.length")?;
        let secondary_address = r.bytes(usize::from(length), "sec_addr")?;
        r.align(4)?;
        let count = r.u8("n_results")?;
        r.skip(3, "p_result_list_t.reserved")?;
        let mut results = SmallVec::new();
        for _ in 0..count {
            let (result, reason) = (ContextResultCode(r.u16("result")?), ProviderReason(r.u16("reason")?));
            results.push(ContextResult { result, reason, transfer_syntax: syntax(r, "transfer_syntax")? });
        }
        Ok(Self { max_xmit_frag, max_recv_frag, assoc_group_id, secondary_address, results })
    }

    fn encode(&self, w: &mut Writer) {
        w.u16(self.max_xmit_frag);
        w.u16(self.max_recv_frag);
        w.u32(self.assoc_group_id);
        w.u16(u16::try_from(self.secondary_address.len()).unwrap_or(u16::MAX));
        w.bytes(&self.secondary_address);
        w.align(4);
        let count = count(self.results.len());
        w.bytes(&[count, 0, 0, 0]);
        for result in self.results.iter().take(usize::from(count)) {
            w.u16(result.result.0);
            w.u16(result.reason.0);
            encode_syntax(&result.transfer_syntax, w);
        }
    }
}

impl Wire for BindNak {
    fn decode(r: &mut Reader) -> Result<Self, WireError> {
        let reason = BindNakReason(r.u16("provider_reject_reason")?);
        let mut versions = SmallVec::new();
        // Some servers end the PDU after the reason.
        if !r.is_empty() {
            for _ in 0..r.u8("n_protocols")? {
                versions.push((r.u8("major")?, r.u8("minor")?));
            }
        }
        Ok(Self { reason, versions, extended: r.rest() })
    }

    fn encode(&self, w: &mut Writer) {
        w.u16(self.reason.0);
        let count = count(self.versions.len());
        w.u8(count);
        for (major, minor) in self.versions.iter().take(usize::from(count)) {
            w.bytes(&[*major, *minor]);
        }
        w.bytes(&self.extended);
    }
}

/// p_syntax_id_t: the version is one 32-bit integer with the major number in its low half.
pub(super) fn syntax(r: &mut Reader, what: &'static str) -> Result<Interface, WireError> {
    let uuid = r.guid(what)?;
    let [m0, m1, n0, n1] = r.u32(what)?.to_le_bytes();
    Ok(Interface { uuid, major: u16::from_le_bytes([m0, m1]), minor: u16::from_le_bytes([n0, n1]) })
}

pub(super) fn encode_syntax(syntax: &Interface, w: &mut Writer) {
    w.guid(&syntax.uuid);
    w.u16(syntax.major);
    w.u16(syntax.minor);
}

fn count(n: usize) -> u8 {
    u8::try_from(n).unwrap_or(u8::MAX)
}
