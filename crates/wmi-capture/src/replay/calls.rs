//! The calls of a captured client and what the host answered, as far as they tell what the client was told to do.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use wmi_proto::wire::dcom::rem_unknown::RemQueryInterfaceRequest;
use wmi_proto::wire::dcom::{MInterfacePointer, OrpcThat, RemQueryInterface, RemRelease, RemoteCreateInstance};
use wmi_proto::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use wmi_proto::wire::rpc::{Body, Pdu, PduType, PfcFlags, VerificationTrailer};
use wmi_proto::wire::wmi::enumerator::NextResponse;
use wmi_proto::wire::wmi::smart_enum::SmartNextResponse;
use wmi_proto::wire::wmi::{
    Bstr, CloneEnumerator, ExecQuery, GetSmartEnum, InterfaceResponse, Next, NtlmLogin, Reset, Skip, SmartNext,
};
use wmi_proto::wire::{Guid, Operation, Reader, Wire, WireError};

use crate::replay::log_on::LogOn;
use crate::replay::transcript::{Stream, Transcript};

/// One call.
pub(crate) struct Call {
    pub(crate) stream: usize,
    /// Where its first PDU begins, in octets of what the client said.
    pub(crate) start: usize,
    /// When that was said.
    pub(crate) moment: usize,
    pub(crate) asked: Asked,
    /// The interface pointer that was called.
    pub(crate) object: Option<Guid>,
    pub(crate) answer: Option<Answer>,
}

/// What was called, with what matters of its parameters.
pub(crate) enum Asked {
    Activation,
    Login {
        resource: String,
    },
    Query {
        text: String,
        flags: i32,
    },
    Interface(RemQueryInterfaceRequest),
    SmartEnum,
    Next {
        count: u32,
        timeout: i32,
        smart: bool,
    },
    Reset,
    Skip {
        count: u32,
        timeout: i32,
    },
    Clone,
    Release {
        ipids: Vec<Guid>,
    },
    /// Something that the client does by itself, or that is not understood.
    Other,
}

/// How a call was answered.
pub(crate) struct Answer {
    /// When its last octet came.
    pub(crate) moment: usize,
    /// The interface pointers that were handed out.
    pub(crate) ipids: Vec<Guid>,
    /// Whether it brought objects.
    pub(crate) has_rows: bool,
}

/// Every PDU of the clients in clear, and the calls in the order in which they were begun.
pub(crate) fn read(transcript: &Transcript, log_ons: &[Option<LogOn>]) -> (Vec<Vec<Bytes>>, Vec<Call>) {
    let (mut opened, mut calls) = (Vec::new(), Vec::new());
    for (index, (stream, log_on)) in transcript.streams.iter().zip(log_ons).enumerate() {
        let pdus = (0..stream.said.pdus.len()).filter_map(|pdu| stream.said.pdu(pdu));
        let pdus = log_on.as_ref().map_or_else(|| pdus.clone().collect(), |log_on| log_on.opened(pdus.clone()));
        calls.extend(of_stream(index, stream, &pdus, log_on.as_ref()));
        opened.push(pdus);
    }
    calls.sort_by_key(|call| (call.moment, call.start));
    (opened, calls)
}

fn of_stream(index: usize, stream: &Stream, pdus: &[Bytes], log_on: Option<&LogOn>) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    let mut by_id = BTreeMap::new();
    for (call_id, request) in requests(stream, pdus) {
        by_id.insert(call_id, calls.len());
        let asked = asked(request.method, request.stub);
        let (start, object) = (request.start, request.object);
        let moment = stream.said.moment(start).unwrap_or_default();
        calls.push(Call { stream: index, start, moment, asked, object, answer: None });
    }
    for (call_id, moment, stub) in answers(stream, log_on) {
        let call = by_id.get(&call_id).and_then(|place| calls.get_mut(*place));
        if let Some(call) = call {
            let (ipids, has_rows) = stub.and_then(|stub| answered(&call.asked, stub)).unwrap_or_default();
            call.answer.get_or_insert(Answer { moment, ipids, has_rows });
        }
    }
    calls
}

struct Whole {
    start: usize,
    method: (Guid, u16),
    object: Option<Guid>,
    stub: Bytes,
}

/// The requests of a stream with all their fragments, by call.
fn requests(stream: &Stream, pdus: &[Bytes]) -> Vec<(u32, Whole)> {
    let mut interfaces = BTreeMap::new();
    let mut whole: Vec<(u32, Whole)> = Vec::new();
    // By call, the place of the request that was begun last; by place, the stub of one with several fragments.
    let (mut begun, mut stubs) = (BTreeMap::new(), BTreeMap::<usize, BytesMut>::new());
    for (pdu, place) in pdus.iter().zip(&stream.said.pdus) {
        let Ok(pdu) = Pdu::decode(pdu.clone()) else { continue };
        match pdu.body {
            Body::Bind(bind) | Body::AlterContext(bind) => {
                for context in bind.contexts {
                    interfaces.entry(context.id).or_insert(context.abstract_syntax.uuid);
                }
            }
            Body::Request(request) if pdu.flags.contains(PfcFlags::FIRST_FRAG) => {
                let interface = interfaces.get(&request.context_id).copied().unwrap_or(Guid::NULL);
                let method = (interface, request.opnum);
                let (start, object, stub) = (place.start, request.object, request.stub);
                begun.insert(pdu.call_id, whole.len());
                whole.push((pdu.call_id, Whole { start, method, object, stub }));
            }
            Body::Request(request) => {
                if let Some(place) = begun.get(&pdu.call_id)
                    && let Some((_, open)) = whole.get(*place)
                {
                    let stub = stubs.entry(*place).or_insert_with(|| BytesMut::from(&open.stub[..]));
                    stub.extend_from_slice(&request.stub);
                }
            }
            _ => {}
        }
    }
    for (place, stub) in stubs {
        if let Some((_, request)) = whole.get_mut(place) {
            request.stub = stub.freeze();
        }
    }
    for (_, request) in &mut whole {
        if let Some((stub, _)) = VerificationTrailer::split(&request.stub) {
            request.stub = stub;
        }
    }
    whole
}

/// The calls that were answered, when, and with what; `None` for a fault.
fn answers(stream: &Stream, log_on: Option<&LogOn>) -> Vec<(u32, usize, Option<Bytes>)> {
    let pdus = log_on.map(|log_on| log_on.verified(&stream.heard)).unwrap_or_default();
    let mut open: BTreeMap<u32, BytesMut> = BTreeMap::new();
    let mut answers = Vec::new();
    for (pdu, place) in pdus.iter().zip(&stream.heard.pdus) {
        let Some(moment) = stream.heard.moment(place.end - 1) else { continue };
        let Ok(pdu) = Pdu::decode(pdu.clone()) else { continue };
        match pdu.body {
            Body::Response(response) => {
                let stub = open.entry(pdu.call_id).or_default();
                stub.extend_from_slice(&response.stub);
                if pdu.flags.contains(PfcFlags::LAST_FRAG) {
                    let stub = open.remove(&pdu.call_id).unwrap_or_default();
                    answers.push((pdu.call_id, moment, Some(stub.freeze())));
                }
            }
            body if body.ptype() == PduType::FAULT => answers.push((pdu.call_id, moment, None)),
            _ => {}
        }
    }
    answers
}

fn asked((interface, opnum): (Guid, u16), stub: Bytes) -> Asked {
    let interface = if interface == IID_IREM_UNKNOWN2 { IID_IREM_UNKNOWN } else { interface };
    let is = |uuid: Guid, number: u16| (interface, opnum) == (uuid, number);
    macro_rules! request {
        ($operation:ty) => {
            is(<$operation>::INTERFACE.uuid, <$operation>::OPNUM)
                .then(|| parameters::<$operation>(stub.clone()))
                .flatten()
        };
    }
    // Of these two what comes first is enough: what is damaged behind it shall be named in the comparison.
    if is(RemoteCreateInstance::INTERFACE.uuid, RemoteCreateInstance::OPNUM) {
        Asked::Activation
    } else if is(NtlmLogin::INTERFACE.uuid, NtlmLogin::OPNUM) {
        let resource = start(stub, |r| r.ndr_optional_wide_string("wszNetworkResource"));
        resource.map_or(Asked::Other, |resource| Asked::Login { resource: resource.unwrap_or_default() })
    } else if is(ExecQuery::INTERFACE.uuid, ExecQuery::OPNUM) {
        let query = start(stub, |r| {
            let (_language, text) = (Bstr::decode(r)?, Bstr::decode(r)?);
            Ok((text.0.unwrap_or_default(), r.ndr_i32("lFlags").unwrap_or_default()))
        });
        query.map_or(Asked::Other, |(text, flags)| Asked::Query { text, flags })
    } else if let Some(request) = request!(RemQueryInterface) {
        Asked::Interface(request)
    } else if request!(GetSmartEnum).is_some() {
        Asked::SmartEnum
    } else if let Some(next) = request!(Next) {
        Asked::Next { count: next.count, timeout: next.timeout, smart: false }
    } else if let Some(next) = request!(SmartNext) {
        Asked::Next { count: next.count, timeout: next.timeout, smart: true }
    } else if request!(Reset).is_some() {
        Asked::Reset
    } else if let Some(skip) = request!(Skip) {
        Asked::Skip { count: skip.count, timeout: skip.timeout }
    } else if request!(CloneEnumerator).is_some() {
        Asked::Clone
    } else if let Some(release) = request!(RemRelease) {
        Asked::Release { ipids: release.refs.iter().map(|refs| refs.ipid).collect() }
    } else {
        Asked::Other
    }
}

fn parameters<O: Operation>(stub: Bytes) -> Option<O::Request> {
    start(stub, O::Request::decode)
}

/// What the parameters begin with.
fn start<T>(stub: Bytes, read: impl FnOnce(&mut Reader) -> Result<T, WireError>) -> Option<T> {
    let mut r = Reader::new(stub);
    // Extensions, which this client never sends, would follow.
    r.skip(ORPCTHIS, "ORPCTHIS").and_then(|()| read(&mut r)).ok()
}

/// Octets of ORPCTHIS without extensions.
const ORPCTHIS: usize = 32;

/// The interface pointers in an answer, and whether there are objects.
fn answered(asked: &Asked, stub: Bytes) -> Option<(Vec<Guid>, bool)> {
    let mut r = Reader::new(stub);
    OrpcThat::decode(&mut r).ok()?;
    Some(match asked {
        Asked::Login { .. } | Asked::Query { .. } | Asked::SmartEnum | Asked::Clone => {
            let pointer = InterfaceResponse::decode(&mut r).ok()?.pointer?;
            (vec![MInterfacePointer::std(&pointer).ok()?.ipid], false)
        }
        Asked::Interface(_) => {
            let results = <RemQueryInterface as Operation>::Response::decode(&mut r).ok()?.results;
            (results.iter().filter(|item| item.result.is_success()).map(|item| item.std.ipid).collect(), false)
        }
        Asked::Next { smart: false, .. } => (Vec::new(), !NextResponse::decode(&mut r).ok()?.objects.is_empty()),
        Asked::Next { smart: true, .. } => (Vec::new(), SmartNextResponse::decode(&mut r).ok()?.returned > 0),
        Asked::Activation | Asked::Reset | Asked::Skip { .. } | Asked::Release { .. } | Asked::Other => {
            (Vec::new(), false)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use wmi_proto::wire::rpc::Request;

    use super::*;
    use crate::replay::transcript::Half;

    #[test]
    fn fragments_of_calls_that_take_turns_are_put_together() {
        let fragment = |call_id, flags, octet: u8| {
            let stub = vec![octet; 100].into();
            let request = Request { alloc_hint: 0, context_id: 0, opnum: 3, object: None, stub };
            Pdu { flags, ..Pdu::new(call_id, Body::Request(request)) }.encode().freeze()
        };
        let (first, middle, last) = (PfcFlags::FIRST_FRAG, PfcFlags(0), PfcFlags::LAST_FRAG);
        let pdus = [
            fragment(9, last, 0),
            fragment(1, first, 1),
            fragment(2, first, 2),
            fragment(1, middle, 3),
            fragment(2, last, 4),
            fragment(1, last, 5),
            fragment(1, first, 6),
            fragment(1, last, 7),
        ];
        let length = pdus[0].len();
        let places = (0..pdus.len()).map(|index| index * length..(index + 1) * length).collect();
        let mut said = Half::default();
        said.pdus = places;
        let server = SocketAddr::from(([10, 0, 0, 2], 135));
        let stream = Stream { number: 0, server, said, heard: Half::default() };
        let found: Vec<_> = requests(&stream, &pdus)
            .into_iter()
            .map(|(call_id, whole)| {
                (call_id, whole.start / length, whole.stub.chunks(100).map(|part| part[0]).collect())
            })
            .collect();
        let expected: [(u32, usize, Vec<u8>); 3] = [(1, 1, vec![1, 3, 5]), (2, 2, vec![2, 4]), (1, 6, vec![6, 7])];
        assert_eq!(found, expected);
    }
}
