//! Names for the octets of a client's PDU: which field each of them belongs to.

use std::ops::Range;

use bytes::{Bytes, BytesMut};
use wmi_proto::wire::dcom::{MInterfacePointer, RemAddRef, RemQueryInterface, RemRelease, RemoteCreateInstance};
use wmi_proto::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use wmi_proto::wire::rpc::{Body, CommonHeader, Pdu, PduType, PfcFlags, Protected, Request};
use wmi_proto::wire::spnego::NegotiationToken;
use wmi_proto::wire::wmi::{Bstr, CloneEnumerator, ExecQuery, GetSmartEnum, Next, NtlmLogin, Reset, Skip, SmartNext};
use wmi_proto::wire::{Guid, Operation, Reader, Wire, WireError};

/// Where in a message an octet is.
pub(crate) struct Field {
    pub(crate) kind: &'static str,
    pub(crate) operation: Option<&'static str>,
    pub(crate) name: String,
}

/// Names octet `at` of the last of `pdus`, which are what a client said on one stream from its start on, in clear.
pub(crate) fn of(pdus: &[Bytes], at: usize) -> Field {
    let unknown = |name: &str| Field { kind: "octets", operation: None, name: name.to_owned() };
    let Some(pdu) = pdus.last() else { return unknown("nothing") };
    let Ok(Some(header)) = CommonHeader::peek(pdu) else { return unknown("octets that are no PDU") };
    let kind = kind(header.ptype);
    let mut operation = None;
    let name = if let Some(name) = named(&HEADER, at) {
        format!("header.{name}")
    } else {
        match Protected::locate(pdu) {
            Ok(Some(place)) if at >= place.value.start => {
                format!("auth.{}", token(&pdu.slice(place.value.clone()), at - place.value.start, header.ptype))
            }
            Ok(Some(place)) if at + TRAILER >= place.value.start => {
                let within = at + TRAILER - place.value.start;
                format!("sec_trailer.{}", named(&SEC_TRAILER, within).unwrap_or("auth_context_id"))
            }
            place => {
                let end = place
                    .ok()
                    .flatten()
                    .map_or(pdu.len(), |place| place.stub.end.saturating_sub(usize::from(place.pad_length)));
                match header.ptype {
                    _ if at >= end => format!("{kind}.padding"),
                    PduType::BIND | PduType::ALTER_CONTEXT => format!("{kind}.{}", bind(pdu, at)),
                    PduType::REQUEST => {
                        let has_object = header.flags.contains(PfcFlags::OBJECT_UUID);
                        operation = called(pdus, header.call_id).and_then(name_of);
                        match named(&REQUEST, at) {
                            Some(name) => format!("{kind}.{name}"),
                            None if at < Request::stub_offset(has_object) => format!("{kind}.object"),
                            None => format!("{kind}.stub: {}", stub(pdus, at - Request::stub_offset(has_object))),
                        }
                    }
                    PduType::AUTH3 => format!("{kind}.pad"),
                    _ => format!("{kind}.body"),
                }
            }
        }
    };
    Field { kind, operation, name }
}

pub(crate) const fn kind(ptype: PduType) -> &'static str {
    match ptype {
        PduType::BIND => "bind",
        PduType::AUTH3 => "auth3",
        PduType::ALTER_CONTEXT => "alter_context",
        PduType::REQUEST => "request",
        _ => "PDU",
    }
}

/// Names with the octet at which each ends.
type Names = [(&'static str, usize)];

const HEADER: [(&str, usize); 8] = [
    ("rpc_vers", 1),
    ("rpc_vers_minor", 2),
    ("PTYPE", 3),
    ("pfc_flags", 4),
    ("packed_drep", 8),
    ("frag_length", 10),
    ("auth_length", 12),
    ("call_id", 16),
];

const REQUEST: [(&str, usize); 3] = [("alloc_hint", 20), ("p_cont_id", 22), ("opnum", 24)];

const SEC_TRAILER: [(&str, usize); 5] =
    [("auth_type", 1), ("auth_level", 2), ("auth_pad_length", 3), ("auth_reserved", 4), ("auth_context_id", 8)];

/// Octets of the sec_trailer.
const TRAILER: usize = 8;

const SIGNATURE: [(&str, usize); 3] = [("Version", 4), ("Checksum", 12), ("SeqNum", 16)];

const NEGOTIATE: [(&str, usize); 6] = [
    ("Signature", 8),
    ("MessageType", 12),
    ("NegotiateFlags", 16),
    ("DomainNameFields", 24),
    ("WorkstationFields", 32),
    ("Version", 40),
];

const AUTHENTICATE: [(&str, usize); 11] = [
    ("Signature", 8),
    ("MessageType", 12),
    ("LmChallengeResponseFields", 20),
    ("NtChallengeResponseFields", 28),
    ("DomainNameFields", 36),
    ("UserNameFields", 44),
    ("WorkstationFields", 52),
    ("EncryptedRandomSessionKeyFields", 60),
    ("NegotiateFlags", 64),
    ("Version", 72),
    ("MIC", 88),
];

/// Where the fields of AUTHENTICATE_MESSAGE that refer to the payload are.
const PAYLOAD: [(&str, usize); 6] = [
    ("LmChallengeResponse", 12),
    ("NtChallengeResponse", 20),
    ("DomainName", 28),
    ("UserName", 36),
    ("Workstation", 44),
    ("EncryptedRandomSessionKey", 52),
];

const RESPONSE: [(&str, usize); 5] =
    [("NTProofStr", 16), ("RespType", 18), ("Reserved", 24), ("TimeStamp", 32), ("ChallengeFromClient", 40)];

fn named(names: &Names, at: usize) -> Option<&'static str> {
    // Names begin where the ones before end, except that the first may begin later.
    names.iter().find(|(_, end)| at < *end).map(|(name, _)| *name)
}

/// The token of a log-on, or a signature.
fn token(token: &Bytes, at: usize, ptype: PduType) -> String {
    if !matches!(ptype, PduType::BIND | PduType::ALTER_CONTEXT | PduType::AUTH3) {
        return format!("signature.{}", named(&SIGNATURE, at).unwrap_or("behind it"));
    }
    let Range { start, end } = message(token);
    if at < start || at >= end {
        let mic = match NegotiationToken::from_bytes(token.clone()) {
            Ok(NegotiationToken::Resp(resp)) => resp.mech_list_mic.map_or(0, |mic| mic.len()),
            _ => 0,
        };
        return if at + mic >= token.len() { "value: SPNEGO.mechListMIC" } else { "value: SPNEGO" }.to_owned();
    }
    let at = at - start;
    if ptype == PduType::BIND {
        return format!("value: NEGOTIATE.{}", named(&NEGOTIATE, at).unwrap_or("payload"));
    }
    let message = token.get(start..end).unwrap_or_default();
    let name = named(&AUTHENTICATE, at).map_or_else(|| payload(message, at), str::to_owned);
    format!("value: AUTHENTICATE.{name}")
}

/// Where the message of NTLM is in a token: all of it, or what SPNEGO is around.
fn message(token: &Bytes) -> Range<usize> {
    let inner = match NegotiationToken::from_bytes(token.clone()) {
        Ok(NegotiationToken::Init(init)) => init.mech_token,
        Ok(NegotiationToken::Resp(resp)) => resp.response_token,
        Err(_) => None,
    };
    let start = inner.as_ref().and_then(|inner| token.windows(inner.len().max(1)).position(|part| part == *inner));
    match (start, inner) {
        (Some(start), Some(inner)) => start..start + inner.len(),
        _ => 0..token.len(),
    }
}

fn payload(token: &[u8], at: usize) -> String {
    let range = |place: usize| -> Option<Range<usize>> {
        let [l0, l1, _, _, o0, o1, o2, o3] = *token.get(place..)?.first_chunk()?;
        let start = usize::try_from(u32::from_le_bytes([o0, o1, o2, o3])).ok()?;
        Some(start..start.checked_add(u16::from_le_bytes([l0, l1]).into())?)
    };
    let found = PAYLOAD.iter().find_map(|(name, place)| {
        let range = range(*place)?;
        range.contains(&at).then(|| (*name, at - range.start))
    });
    match found {
        Some((name @ "NtChallengeResponse", within)) => {
            format!("{name}.{}", named(&RESPONSE, within).unwrap_or("AvPairs"))
        }
        Some((name, _)) => name.to_owned(),
        None => "payload".to_owned(),
    }
}

fn bind(pdu: &[u8], at: usize) -> String {
    if let Some(name) = named(&[("max_xmit_frag", 18), ("max_recv_frag", 20), ("assoc_group_id", 24)], at) {
        return name.to_owned();
    }
    if at < 28 {
        return "n_context_elem".to_owned();
    }
    let mut start = 28;
    for index in 0_usize.. {
        let Some(syntaxes) = pdu.get(start + 2) else { break };
        let end = start + 24 + 20 * usize::from(*syntaxes);
        if at < end {
            let names = [("p_cont_id", 2), ("n_transfer_syn", 3), ("reserved", 4), ("abstract_syntax", 24)];
            let name = named(&names, at - start).unwrap_or("transfer_syntaxes");
            return format!("p_context_elem[{index}].{name}");
        }
        start = end;
    }
    "p_context_elem".to_owned()
}

/// The method that the fragments of a call name.
fn called(pdus: &[Bytes], call: u32) -> Option<(Guid, u16)> {
    let mut interface = None;
    let mut offers = Vec::new();
    for pdu in pdus {
        let Ok(pdu) = Pdu::decode(pdu.clone()) else { continue };
        match pdu.body {
            Body::Bind(bind) | Body::AlterContext(bind) => offers.extend(bind.contexts),
            Body::Request(request) if pdu.call_id == call => {
                let context = offers.iter().find(|context| context.id == request.context_id);
                interface = context.map(|context| (context.abstract_syntax.uuid, request.opnum));
            }
            _ => {}
        }
    }
    interface.map(|(uuid, opnum)| (if uuid == IID_IREM_UNKNOWN2 { IID_IREM_UNKNOWN } else { uuid }, opnum))
}

/// What octet `at` of the stub of the last PDU belongs to.
fn stub(pdus: &[Bytes], at: usize) -> String {
    let Some(Ok(last)) = pdus.last().map(|pdu| Pdu::decode(pdu.clone())) else { return "parameters".to_owned() };
    let mut whole = BytesMut::new();
    let mut before = 0;
    for pdu in pdus {
        if let Ok(Pdu { flags, call_id, body: Body::Request(request), .. }) = Pdu::decode(pdu.clone())
            && call_id == last.call_id
        {
            if flags.contains(PfcFlags::FIRST_FRAG) {
                whole.clear();
            }
            before = whole.len();
            whole.extend_from_slice(&request.stub);
        }
    }
    let method = called(pdus, last.call_id);
    let mut fields = Fields { r: Reader::new(whole.freeze()), names: Vec::new() };
    let outcome = fields.of_call(method);
    let name = fields.names.iter().find(|(_, end)| before + at < *end).map(|(name, _)| *name);
    match (name, outcome) {
        (Some(name), _) => name.to_owned(),
        (None, Ok(())) => "verification trailer".to_owned(),
        (None, Err(error)) => error.what.to_owned(),
    }
}

/// The fields of a stub, with the octet at which each ends.
struct Fields {
    r: Reader,
    names: Vec<(&'static str, usize)>,
}

impl Fields {
    fn of_call(&mut self, method: Option<(Guid, u16)>) -> Result<(), WireError> {
        for (name, length) in [("ORPCTHIS.version", 4), ("ORPCTHIS.flags", 4), ("ORPCTHIS.reserved1", 4)] {
            self.step(name, |r| r.bytes(length, name).map(drop))?;
        }
        self.step("ORPCTHIS.cid", |r| r.guid("cid").map(drop))?;
        self.step("ORPCTHIS.extensions", |r| r.u32("extensions").map(drop))?;
        let is = |uuid: Guid, opnum: u16| method == Some((uuid, opnum));
        macro_rules! is {
            ($operation:ty) => {
                is(<$operation>::INTERFACE.uuid, <$operation>::OPNUM)
            };
        }
        if is!(RemoteCreateInstance) {
            self.whole::<<RemoteCreateInstance as Operation>::Request>("RemoteCreateInstance.pActProperties")
        } else if is!(NtlmLogin) {
            self.step("NTLMLogin.wszNetworkResource", |r| r.ndr_optional_wide_string("resource").map(drop))?;
            self.step("NTLMLogin.wszPreferredLocale", |r| r.ndr_optional_wide_string("locale").map(drop))?;
            self.step("NTLMLogin.lFlags", |r| r.ndr_i32("lFlags").map(drop))?;
            self.step("NTLMLogin.pCtx", |r| MInterfacePointer::decode_optional(r).map(drop))
        } else if is!(ExecQuery) {
            self.whole::<Bstr>("ExecQuery.strQueryLanguage")?;
            self.whole::<Bstr>("ExecQuery.strQuery")?;
            self.step("ExecQuery.lFlags", |r| r.ndr_i32("lFlags").map(drop))?;
            self.step("ExecQuery.pCtx", |r| MInterfacePointer::decode_optional(r).map(drop))
        } else if is!(Next) || is!(Skip) {
            let [timeout, count] =
                if is!(Next) { ["Next.lTimeout", "Next.uCount"] } else { ["Skip.lTimeout", "Skip.nCount"] };
            self.step(timeout, |r| r.ndr_i32("lTimeout").map(drop))?;
            self.step(count, |r| r.ndr_u32("uCount").map(drop))
        } else if is!(SmartNext) {
            self.step("Next.proxyGUID", |r| r.guid("proxyGUID").map(drop))?;
            self.step("Next.lTimeout", |r| r.i32("lTimeout").map(drop))?;
            self.step("Next.uCount", |r| r.u32("uCount").map(drop))
        } else if is!(RemQueryInterface) {
            self.step("RemQueryInterface.ripid", |r| r.guid("ripid").map(drop))?;
            self.step("RemQueryInterface.cRefs", |r| r.u32("cRefs").map(drop))?;
            self.step("RemQueryInterface.cIids", |r| r.u16("cIids").map(drop))?;
            self.step("RemQueryInterface.iids", |r| {
                r.ndr_count(16, "iids").and_then(|n| r.bytes(n * 16, "iids")).map(drop)
            })
        } else if is!(RemRelease) {
            self.whole::<<RemRelease as Operation>::Request>("RemRelease.InterfaceRefs")
        } else if is!(RemAddRef) {
            self.whole::<<RemAddRef as Operation>::Request>("RemAddRef.InterfaceRefs")
        } else {
            Ok(())
        }
    }

    fn whole<W: Wire>(&mut self, name: &'static str) -> Result<(), WireError> {
        self.step(name, |r| W::decode(r).map(drop))
    }

    fn step(
        &mut self,
        name: &'static str,
        read: impl FnOnce(&mut Reader) -> Result<(), WireError>,
    ) -> Result<(), WireError> {
        read(&mut self.r)?;
        self.names.push((name, self.r.offset()));
        Ok(())
    }
}

fn name_of(method: (Guid, u16)) -> Option<&'static str> {
    macro_rules! names {
        ($($operation:ty),*) => {
            $(if method == (<$operation>::INTERFACE.uuid, <$operation>::OPNUM) {
                return Some(<$operation>::NAME);
            })*
        };
    }
    names!(RemoteCreateInstance, NtlmLogin, ExecQuery, Next, SmartNext, GetSmartEnum, Reset, Skip, CloneEnumerator);
    names!(RemQueryInterface, RemRelease, RemAddRef);
    None
}
