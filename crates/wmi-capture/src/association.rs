//! One TCP stream as a DCE/RPC association, seen from outside: PDUs, contexts, fragments and calls of both directions.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use bytes::{Bytes, BytesMut};
use wmi_proto::wire::guid::{IID_IREM_UNKNOWN, IID_IREM_UNKNOWN2};
use wmi_proto::wire::rpc::{
    AuthTrailer, AuthType, AuthnLevel, Body, CommonHeader, Pdu, PduType, PfcFlags, Protected, VerificationTrailer,
};
use wmi_proto::wire::{Guid, Interface, WireError};

use crate::message::{Event, Location, Message, State, Status};
use crate::observer::{Facts, Trust};
use crate::parameters::{self, Parameters};
use crate::security::{Security, Sender, has_token};
use crate::stream::{End, Piece, Place};

/// Octets of unfinished messages of one association; the message that exceeds them is given up.
const MOST_HELD: usize = 64 << 20;
/// Offers, contexts, calls and unfinished messages of one association.
const MOST_ENTRIES: usize = 4096;

#[derive(Default)]
pub(crate) struct Association {
    halves: [Half; 2],
    /// A PDU was seen. Until then this may be any protocol, and nothing is reported.
    recognised: bool,
    unreported: Vec<Event>,
    client: Option<End>,
    offers: BTreeMap<u32, Vec<(u16, Interface)>>,
    header_signing: bool,
    contexts: BTreeMap<u16, Interface>,
    calls: BTreeMap<u32, Call>,
    open: BTreeMap<(End, u32), Open>,
    held: usize,
    security: Security,
}

/// What one end sends.
#[derive(Default)]
struct Half {
    sync: Sync,
    buffer: BytesMut,
    /// Octets that belong to no PDU, and where they began.
    skipped: Option<(Location, u64)>,
}

/// Whether it is known where PDUs start.
#[derive(Default, PartialEq, Eq)]
enum Sync {
    /// At the start of the stream; it may be another protocol.
    #[default]
    Start,
    /// PDU after PDU.
    Framed,
    /// Waits for a segment that starts with a header.
    Lost,
    /// Another protocol.
    Foreign,
}

/// A request that may be answered.
struct Call {
    context_id: u16,
    opnum: u16,
    object: Option<Guid>,
    asked: Vec<Guid>,
    /// It is signed, and not wrongly as far as that is known.
    signed: bool,
}

/// A message whose last fragment has not come.
struct Open {
    /// Where its first fragment was.
    at: Location,
    ptype: PduType,
    head: Head,
    fragments: u32,
    stub: BytesMut,
    auth: Option<(AuthType, AuthnLevel)>,
    state: State,
    /// `None` as soon as one fragment has no key.
    verified: Option<bool>,
    big_endian: bool,
    /// Something of it is missing.
    broken: bool,
}

/// What the header of the first fragment says.
#[derive(Clone, Copy)]
enum Head {
    Request { context_id: u16, opnum: u16, object: Option<Guid> },
    Response { context_id: u16 },
    Fault { context_id: u16, status: Status },
}

/// A fragment with what is known about its protection.
struct Opened {
    pdu: Pdu,
    state: State,
    verified: Option<bool>,
    big_endian: bool,
}

impl Association {
    pub(crate) fn piece(&mut self, place: Place, piece: Piece, facts: &mut Facts, events: &mut VecDeque<Event>) {
        let at = location(place);
        let Some(half) = self.halves.get_mut(place.end) else { return };
        if half.sync == Sync::Foreign {
            return;
        }
        match piece {
            Piece::Accepted | Piece::Last => {}
            Piece::JoinedLate => {
                half.sync = Sync::Lost;
                self.report(Event::Missing { at, octets: None }, events);
            }
            Piece::Missing(octets) => {
                half.lose(at);
                self.lost(place.end);
                self.report(Event::Missing { at, octets: Some(octets) }, events);
            }
            Piece::Data { data, whole } => {
                if half.sync == Sync::Lost {
                    if !(whole && is_header(&data)) {
                        half.skip(at, data.len());
                        return;
                    }
                    half.sync = Sync::Framed;
                    if let Some((at, octets)) = half.skipped.take() {
                        self.report(Event::Skipped { at, octets }, events);
                    }
                }
                if let Some(half) = self.halves.get_mut(place.end) {
                    half.buffer.extend_from_slice(&data);
                }
                self.pdus(place, facts, events);
            }
        }
    }

    /// Nothing more comes.
    pub(crate) fn ended(mut self, events: &mut VecDeque<Event>) {
        if !self.recognised {
            return;
        }
        for half in &mut self.halves {
            if let Some((at, octets)) = half.skipped.take() {
                events.push_back(Event::Skipped { at, octets });
            }
        }
    }

    /// Keeps what may be of another protocol to itself.
    fn report(&mut self, event: Event, events: &mut VecDeque<Event>) {
        if self.recognised {
            events.push_back(event);
        } else if self.unreported.len() < MOST_ENTRIES {
            self.unreported.push(event);
        }
    }

    /// All PDUs that are whole.
    fn pdus(&mut self, place: Place, facts: &mut Facts, events: &mut VecDeque<Event>) {
        let at = location(place);
        while let Some(half) = self.halves.get_mut(place.end) {
            if half.sync == Sync::Start {
                match half.buffer.first() {
                    Some(5) if half.buffer.len() < CommonHeader::LEN => return,
                    Some(5) if is_header(&half.buffer) => half.sync = Sync::Framed,
                    _ => {
                        *half = Half { sync: Sync::Foreign, ..Half::default() };
                        return;
                    }
                }
            }
            let header = match CommonHeader::peek(&half.buffer) {
                Ok(Some(header)) => header,
                Ok(None) => return,
                Err(_) => {
                    half.lose(at);
                    self.lost(place.end);
                    return;
                }
            };
            if half.buffer.len() < usize::from(header.frag_length) {
                return;
            }
            let fragment = half.buffer.split_to(usize::from(header.frag_length));
            if !self.recognised {
                self.recognised = true;
                events.extend(self.unreported.drain(..));
            }
            self.fragment(place, &header, fragment, facts, events);
        }
    }

    /// Octets of `end` are missing: what is unfinished stays so, and keys no longer fit.
    fn lost(&mut self, end: End) {
        for ((of, _), open) in &mut self.open {
            if *of == end {
                self.held -= open.stub.len();
                open.stub.clear();
                open.broken = true;
            }
        }
        match self.client {
            Some(client) => self.security.lose(if client == end { Sender::Client } else { Sender::Server }),
            None => [Sender::Client, Sender::Server].into_iter().for_each(|sender| self.security.lose(sender)),
        }
    }

    fn fragment(
        &mut self,
        place: Place,
        header: &CommonHeader,
        fragment: BytesMut,
        facts: &mut Facts,
        events: &mut VecDeque<Event>,
    ) {
        let (at, call_id) = (location(place), header.call_id);
        if let Some(from_client) = from_client(header.ptype) {
            self.client = Some(if from_client { place.end } else { 1 - place.end });
        }
        let Opened { pdu, state, verified, big_endian } = match self.open_fragment(header, fragment) {
            Ok(opened) => opened,
            Err(error) => {
                let mut message = message(at, header.ptype, call_id);
                message.error = Some(error);
                events.push_back(Event::Message(Box::new(message)));
                return;
            }
        };
        if let Some(auth) = pdu.auth.as_ref().filter(|_| has_token(header.ptype))
            && let Some((account, outcome)) = self.security.token(auth, facts.account.as_ref())
        {
            events.push_back(Event::LogOn { at, account, outcome });
        }
        let (head, stub) = match pdu.body {
            Body::Request(request) => {
                let head =
                    Head::Request { context_id: request.context_id, opnum: request.opnum, object: request.object };
                (head, request.stub)
            }
            Body::Response(response) => (Head::Response { context_id: response.context_id }, response.stub),
            Body::Fault(fault) => {
                (Head::Fault { context_id: fault.context_id, status: Status::Fault(fault.status) }, fault.stub)
            }
            body => {
                // An answer has the bit only where it was offered.
                let answers = matches!(header.ptype, PduType::BIND_ACK | PduType::ALTER_CONTEXT_RESP);
                self.header_signing |= answers && pdu.flags.contains(PfcFlags::SUPPORT_HEADER_SIGN);
                let mut message = message(at, header.ptype, call_id);
                message.header_signing = self.header_signing;
                message.of(pdu.auth.as_ref());
                (message.interface, message.status) = self.set_up(call_id, &body);
                message.decoded = true;
                events.push_back(Event::Message(Box::new(message)));
                return;
            }
        };
        let key = (place.end, call_id);
        let first = pdu.flags.contains(PfcFlags::FIRST_FRAG);
        if first && self.close(key).is_some_and(|open| !open.broken) {
            events.push_back(Event::Incomplete { at, ptype: header.ptype, call_id });
        }
        if let Head::Request { context_id, opnum, object } = head
            && first
        {
            bounded(&mut self.calls);
            let signed = pdu.auth.is_some() && verified != Some(false);
            self.calls.insert(call_id, Call { context_id, opnum, object, asked: Vec::new(), signed });
        }
        if self.open.len() >= MOST_ENTRIES
            && let Some(oldest) = self.open.keys().next().copied()
        {
            self.close(oldest);
        }
        let open = self.open.entry(key).or_insert_with(|| Open {
            at,
            ptype: header.ptype,
            head,
            fragments: 0,
            stub: BytesMut::new(),
            auth: pdu.auth.as_ref().map(|auth| (auth.auth_type, auth.auth_level)),
            state,
            verified,
            big_endian,
            broken: !first,
        });
        open.add(&stub, state, verified);
        self.held += stub.len();
        open.broken |= open.ptype != header.ptype || self.held > MOST_HELD;
        if open.broken {
            self.held -= open.stub.len();
            open.stub.clear();
        }
        if !pdu.flags.contains(PfcFlags::LAST_FRAG) {
            return;
        }
        match self.close(key) {
            Some(open) if !open.broken => {
                let message = self.whole(place, call_id, open, facts);
                events.push_back(Event::Message(Box::new(message)));
            }
            _ => events.push_back(Event::Incomplete { at, ptype: header.ptype, call_id }),
        }
    }

    fn close(&mut self, key: (End, u32)) -> Option<Open> {
        let open = self.open.remove(&key)?;
        self.held -= open.stub.len();
        Some(open)
    }

    /// Verifies, unseals and decodes a fragment.
    fn open_fragment(&mut self, header: &CommonHeader, mut fragment: BytesMut) -> Result<Opened, WireError> {
        let sender = match header.ptype {
            PduType::REQUEST => Some(Sender::Client),
            PduType::RESPONSE | PduType::FAULT => Some(Sender::Server),
            _ => None,
        };
        let (mut state, mut verified) = (State::Clear, None);
        if let (Some(sender), Some(place)) = (sender, Protected::locate(&fragment)?) {
            let sealed = (place.auth_level == AuthnLevel::PKT_PRIVACY).then(|| fragment.clone());
            verified = self.security.open(sender, &mut fragment, &place);
            if let Some(captured) = sealed {
                state = if verified == Some(true) { State::Unsealed } else { State::Sealed };
                if state == State::Sealed {
                    fragment = captured;
                }
            }
        }
        let pdu = Pdu::decode(fragment.freeze())?;
        Ok(Opened { pdu, state, verified, big_endian: header.is_big_endian() })
    }

    /// What the PDUs of the set-up say: the first interface that is offered or answered, and why a bind was refused.
    fn set_up(&mut self, call_id: u32, body: &Body) -> (Option<Interface>, Option<Status>) {
        match body {
            Body::Bind(bind) | Body::AlterContext(bind) => {
                bounded(&mut self.offers);
                let offered: Vec<_> = bind.contexts.iter().map(|c| (c.id, c.abstract_syntax)).collect();
                let first = offered.first().map(|(_, interface)| *interface);
                self.offers.insert(call_id, offered);
                (first, None)
            }
            Body::BindAck(ack) | Body::AlterContextResp(ack) => {
                let offered = self.offers.remove(&call_id).unwrap_or_default();
                let accepted = offered.iter().zip(&ack.results).filter(|(_, result)| result.is_accepted());
                for ((id, interface), _) in accepted {
                    bounded(&mut self.contexts);
                    self.contexts.insert(*id, *interface);
                }
                (offered.first().map(|(_, interface)| *interface), None)
            }
            Body::BindNak(nak) => {
                let offered = self.offers.remove(&call_id).unwrap_or_default();
                (offered.first().map(|(_, interface)| *interface), Some(Status::Refused(nak.reason)))
            }
            _ => (None, None),
        }
    }

    /// The interface under a context: accepted, or offered in a bind whose answer is not in the capture.
    fn context(&self, id: u16) -> Option<Interface> {
        let offered = || self.offers.values().flatten().rfind(|(offered, _)| *offered == id).map(|(_, i)| *i);
        self.contexts.get(&id).copied().or_else(offered)
    }

    /// The interface of a request: that of the interface pointer, since there are clients that call everything under
    /// one presentation context.
    fn called(
        &self,
        host: IpAddr,
        context_id: u16,
        object: Option<Guid>,
        (facts, trust): (&Facts, Trust),
    ) -> Option<Interface> {
        let context = self.context(context_id);
        let pointer = object.and_then(|ipid| facts.interface(host, ipid, trust));
        match (pointer, context) {
            // One pointer serves both.
            (Some(IID_IREM_UNKNOWN), Some(context)) if context.uuid == IID_IREM_UNKNOWN2 => Some(context),
            (Some(iid), _) => Some(Interface::orpc(iid)),
            (None, context) => context,
        }
    }

    fn whole(&mut self, place: Place, call_id: u32, open: Open, facts: &mut Facts) -> Message {
        let mut message = message(open.at, open.ptype, call_id);
        message.last_frame = place.frame;
        (message.auth_type, message.auth_level) = open.auth.unwrap_or((AuthType::NONE, AuthnLevel(0)));
        (message.fragments, message.state, message.verified) = (open.fragments, open.state, open.verified);
        message.header_signing = self.header_signing;
        message.stub = open.stub.freeze();
        let readable = open.state != State::Sealed;
        let trust = match open.verified {
            Some(true) => Trust::Verified,
            None if !self.security.has_keys() => Trust::Keyless,
            _ => Trust::Doubtful,
        };
        match open.head {
            Head::Request { context_id, opnum, object } => {
                let interface = self.called(place.to.ip(), context_id, object, (facts, trust));
                (message.interface, message.opnum, message.object) = (interface, Some(opnum), object);
                if readable && let Some((stub, _)) = VerificationTrailer::split(&message.stub) {
                    message.stub = stub;
                }
                if readable && interface.is_some() {
                    let asked = requested(&mut message, place.to.ip(), open.big_endian, (facts, trust));
                    if let Some(call) = self.calls.get_mut(&call_id) {
                        call.asked = asked;
                    }
                }
            }
            Head::Response { context_id } => {
                let host = place.from.ip();
                let call = self.call(call_id, trust);
                self.answers(&mut message, host, context_id, call.as_ref(), (facts, trust));
                if let (true, Some(interface), Some(call)) = (readable, message.interface, call) {
                    let (uuid, stub, ipid) = (interface.uuid, message.stub.clone(), call.object.unwrap_or(Guid::NULL));
                    let (cache, classes) = facts.classes(host, ipid, trust);
                    let before = classes.len();
                    let known =
                        parameters::response((uuid, call.opnum), stub, open.big_endian, &call.asked, classes, cache);
                    if trust == Trust::Verified && classes.len() > before {
                        facts.share_classes(host, ipid);
                    }
                    for (ipid, iid) in message.take(known).pointers {
                        facts.learn(host, ipid, iid, trust);
                    }
                }
            }
            Head::Fault { context_id, status } => {
                let call = self.call(call_id, trust);
                self.answers(&mut message, place.from.ip(), context_id, call.as_ref(), (facts, trust));
                (message.status, message.decoded) = (Some(status), true);
            }
        }
        message
    }

    /// The call that is answered. A verified answer belongs to a request that is signed: what else has its number is
    /// not what the server answers.
    fn call(&mut self, call_id: u32, trust: Trust) -> Option<Call> {
        self.calls.remove(&call_id).filter(|call| trust != Trust::Verified || call.signed)
    }

    fn answers(
        &self,
        message: &mut Message,
        host: IpAddr,
        context_id: u16,
        call: Option<&Call>,
        facts: (&Facts, Trust),
    ) {
        let Some(call) = call else {
            message.interface = self.context(context_id);
            return;
        };
        message.interface = self.called(host, call.context_id, call.object, facts);
        message.opnum = Some(call.opnum);
    }
}

impl Half {
    /// Goes on at the next segment that starts with a header.
    fn lose(&mut self, at: Location) {
        let pending = self.buffer.len();
        self.buffer.clear();
        self.sync = Sync::Lost;
        if pending > 0 {
            self.skip(at, pending);
        }
    }

    fn skip(&mut self, at: Location, octets: usize) {
        let (_, skipped) = self.skipped.get_or_insert((at, 0));
        *skipped = skipped.saturating_add(octets as u64);
    }
}

impl Open {
    fn add(&mut self, stub: &Bytes, state: State, verified: Option<bool>) {
        self.fragments = self.fragments.saturating_add(1);
        self.stub.extend_from_slice(stub);
        self.state = if self.state == State::Sealed { State::Sealed } else { state };
        self.verified = match (self.verified, verified) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        };
    }
}

impl Message {
    fn of(&mut self, auth: Option<&AuthTrailer>) {
        if let Some(auth) = auth {
            (self.auth_type, self.auth_level) = (auth.auth_type, auth.auth_level);
        }
    }

    /// Takes over what the stub says, and leaves the rest.
    fn take(&mut self, known: Option<Result<Parameters, WireError>>) -> Parameters {
        match known {
            None => Parameters::default(),
            Some(Err(error)) => {
                self.error = Some(error);
                Parameters::default()
            }
            Some(Ok(mut parameters)) => {
                self.decoded = true;
                (self.status, self.unread) = (parameters.status, parameters.unread);
                self.objects = std::mem::take(&mut parameters.objects);
                parameters
            }
        }
    }
}

/// Looks into the stub of a request; gives the interfaces that it asks for.
fn requested(message: &mut Message, host: IpAddr, big_endian: bool, (facts, trust): (&mut Facts, Trust)) -> Vec<Guid> {
    let (Some(interface), Some(opnum)) = (message.interface, message.opnum) else { return Vec::new() };
    let stub = message.stub.clone();
    let known = parameters::request((interface.uuid, opnum), stub.clone(), big_endian, &mut facts.cache);
    // A client that calls everything under one context calls IRemUnknown under it too, and its interface pointer
    // came with an activation that may be sealed. A stub that is a call of the one and not of the other tells.
    if let (Some(Err(_)), Some(ipid)) = (&known, message.object)
        && facts.interface(host, ipid, trust).is_none()
        && let Some(Ok(other)) = parameters::request((IID_IREM_UNKNOWN, opnum), stub, big_endian, &mut facts.cache)
        && other.unread == 0
    {
        facts.learn(host, ipid, IID_IREM_UNKNOWN, trust);
        message.interface = Some(Interface::orpc(IID_IREM_UNKNOWN));
        return message.take(Some(Ok(other))).asked;
    }
    message.take(known).asked
}

/// A message of one fragment of which nothing is known yet.
fn message(at: Location, ptype: PduType, call_id: u32) -> Message {
    Message {
        at,
        last_frame: at.frame,
        ptype,
        call_id,
        fragments: 1,
        interface: None,
        opnum: None,
        object: None,
        auth_type: AuthType::NONE,
        auth_level: AuthnLevel(0),
        header_signing: false,
        state: State::Clear,
        verified: None,
        status: None,
        objects: Vec::new(),
        stub: Bytes::new(),
        decoded: false,
        unread: 0,
        error: None,
    }
}

const fn location(place: Place) -> Location {
    Location { frame: place.frame, stream: place.stream, from: place.from, to: place.to }
}

/// Whether `data` starts like a PDU: the version, a known type, a data representation that exists, lengths that fit.
pub(crate) fn is_header(data: &[u8]) -> bool {
    let Ok(Some(header)) = CommonHeader::peek(data) else { return false };
    let [integers, rest @ ..] = header.drep;
    header.version_minor <= 1 && header.ptype.name().is_some() && integers & 0xef == 0 && rest == [0; 3]
}

/// Which end sends PDUs of this type.
const fn from_client(ptype: PduType) -> Option<bool> {
    match ptype {
        PduType::REQUEST
        | PduType::BIND
        | PduType::ALTER_CONTEXT
        | PduType::AUTH3
        | PduType::CO_CANCEL
        | PduType::ORPHANED => Some(true),
        PduType::RESPONSE
        | PduType::FAULT
        | PduType::BIND_ACK
        | PduType::BIND_NAK
        | PduType::ALTER_CONTEXT_RESP
        | PduType::SHUTDOWN => Some(false),
        _ => None,
    }
}

/// Makes room for one more entry.
fn bounded<K: Ord, V>(map: &mut BTreeMap<K, V>) {
    if map.len() >= MOST_ENTRIES {
        map.pop_first();
    }
}
