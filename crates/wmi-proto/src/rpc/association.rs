//! The machine of one association: bind, log-on, alter_context, and calls with their fragments.

use std::collections::{BTreeMap, VecDeque};

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::auth::{AuthLevel, Initiator, SecurityContext, Step, Tampered};
use crate::cx::Cx;
use crate::limits::Limits;
use crate::rpc::Error;
use crate::rpc::framer::Framer;
use crate::rpc::queue::{Call, Queue};
use crate::wire::rpc::{
    AuthTrailer, AuthType, AuthnLevel, Bind, Body, Fault, KEEP_CONNECTION_ON_ORPHAN, NDR_SYNTAX, Pdu, PduType,
    PfcFlags, PresentationContext, Protected, Protection, Request, Response, SECURITY_CONTEXT_MULTIPLEXING, Unsigned,
    VerificationTrailer, bind_time_features, max_stub_per_fragment,
};
use crate::wire::{FaultStatus, Interface, Reader};

/// What became of an association or of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Done<T> {
    /// The bind was accepted; calls go out from now on.
    Bound,
    /// The whole answer, verified, in the byte order in which the host writes.
    Response { ticket: T, stub: Reader },
    /// The host refused the call; `executed` unless it says that it did not begin with it (PFC_DID_NOT_EXECUTE).
    Fault { ticket: T, status: FaultStatus, verified: bool, executed: bool },
    /// The host does not offer the interface of the call, which was not made.
    NoInterface(Call<T>),
}

/// One association. `T` names a call to whoever made it.
pub(crate) struct Association<T> {
    framer: Framer,
    limits: Limits,
    auth_type: AuthType,
    level: AuthLevel,
    phase: Phase,
    contexts: Vec<Context>,
    /// Calls that have not been sent.
    queue: Queue<T>,
    /// Calls that were sent and not answered.
    outstanding: BTreeMap<u32, Outstanding<T>>,
    /// Octets of answers that are not whole yet, of all calls together.
    buffered: usize,
    next_call_id: u32,
    /// The longest fragment that the host accepts.
    max_xmit: u16,
    /// Whether several calls may be outstanding.
    concurrent: bool,
    /// Supports Header Signing Flag ([MS-RPCE 3.3.1.5.2.2]): both ends can. It is what is asked of the security provider,
    /// and NTLM signs headers in either case.
    header_signing: bool,
    /// Whether a request was sent; the first one repeats what the bind offered where nobody can change it.
    requested: bool,
    /// Whether a reply was verified: from then on the log-on is known to have succeeded.
    trusted: bool,
    done: VecDeque<Done<T>>,
}

enum Phase {
    Idle(Box<Initiator>),
    /// A token is on its way: in the bind, or in an alter_context when the mechanism has more legs than NTLM's three.
    Binding {
        initiator: Box<Initiator>,
        call_id: u32,
        accepted: bool,
    },
    Bound {
        security: Box<SecurityContext>,
        auth3: Option<Bytes>,
        altering: Option<Altering>,
    },
    Dead,
}

/// An alter_context that was sent and not answered.
struct Altering {
    call_id: u32,
    context: usize,
}

struct Context {
    id: u16,
    interface: Interface,
    state: ContextState,
    /// Whether a request named it yet; the first one carries a verification trailer.
    used: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ContextState {
    /// Not offered, or rejected in the bind: to be asked for when it is first needed.
    Wanting,
    Accepted,
    /// Rejected when it was asked for by itself.
    Refused,
}

impl Context {
    fn offer(&self) -> PresentationContext {
        PresentationContext::ndr(self.id, self.interface)
    }
}

struct Outstanding<T> {
    ticket: T,
    /// Fragments so far; `None` before the first.
    stub: Option<BytesMut>,
}

impl<T: Copy> Association<T> {
    /// An association that will offer `interfaces`, all of them in its bind, and seal or sign at `level`.
    pub(crate) fn new(initiator: Initiator, level: AuthLevel, interfaces: &[Interface], limits: &Limits) -> Self {
        let contexts = interfaces.iter().zip(0..).map(|(interface, id)| Context {
            id,
            interface: *interface,
            state: ContextState::Wanting,
            used: false,
        });
        Self {
            framer: Framer::new(limits.max_fragment),
            limits: *limits,
            auth_type: initiator.auth_type(),
            level,
            phase: Phase::Idle(Box::new(initiator)),
            contexts: contexts.collect(),
            queue: Queue::default(),
            outstanding: BTreeMap::new(),
            buffered: 0,
            next_call_id: 1,
            max_xmit: limits.max_fragment,
            concurrent: false,
            header_signing: false,
            requested: false,
            trusted: false,
            done: VecDeque::new(),
        }
    }

    /// The transport is open: sends the bind.
    pub(crate) fn start(&mut self, cx: &mut Cx<'_>) {
        let phase = std::mem::replace(&mut self.phase, Phase::Dead);
        let Phase::Idle(initiator) = phase else {
            self.phase = phase;
            return;
        };
        let mut contexts: SmallVec<[PresentationContext; 4]> = self.contexts.iter().map(Context::offer).collect();
        if let (true, Some(first)) = (contexts.len() > 1, self.contexts.first()) {
            let features = bind_time_features(SECURITY_CONTEXT_MULTIPLEXING | KEEP_CONNECTION_ON_ORPHAN);
            contexts.push(PresentationContext {
                id: u16::try_from(self.contexts.len()).unwrap_or(u16::MAX),
                abstract_syntax: first.interface,
                transfer_syntaxes: SmallVec::from_buf([features]),
            });
        }
        let call_id = self.take_call_id();
        let bind = self.offer(contexts);
        let pdu = Pdu {
            flags: PfcFlags::WHOLE | PfcFlags::CONC_MPX | PfcFlags::SUPPORT_HEADER_SIGN,
            call_id,
            body: Body::Bind(bind),
            auth: Some(self.trailer(initiator.first())),
        };
        cx.stats.round_trips += 1;
        send(pdu.encode().freeze(), cx);
        self.phase = Phase::Binding { initiator, call_id, accepted: false };
    }

    /// Queues a call; it goes out when the association is bound, its interface accepted and the line free.
    pub(crate) fn call(&mut self, call: Call<T>, cx: &mut Cx<'_>) -> Result<(), Error> {
        self.enqueue(call);
        self.pump(cx)
    }

    /// Queues a call without sending anything yet.
    pub(crate) fn enqueue(&mut self, call: Call<T>) {
        self.queue.push(call);
    }

    /// Forgets calls that were not sent. One that was sent is answered all the same; its answer has to be verified,
    /// because it moves the keys on.
    pub(crate) fn withdraw(&mut self, whose: impl Fn(&T) -> bool) {
        self.queue.retain(|call| !whose(&call.ticket));
    }

    /// Whether nothing is queued and no answer is due.
    pub(crate) fn is_idle(&self) -> bool {
        let altering = matches!(&self.phase, Phase::Bound { altering: Some(_), .. });
        self.queue.is_empty() && self.outstanding.is_empty() && !altering
    }

    /// Whether the host accepted `interface` already.
    pub(crate) fn accepted(&self, interface: &Interface) -> bool {
        self.contexts.iter().any(|c| c.interface == *interface && c.state == ContextState::Accepted)
    }

    /// Whether the host refused `interface` when it was asked for by itself.
    pub(crate) fn refused(&self, interface: &Interface) -> bool {
        self.contexts.iter().any(|c| c.interface == *interface && c.state == ContextState::Refused)
    }

    /// Sends what completes the log-on even when no call is waiting to carry it.
    pub(crate) fn flush(&mut self, cx: &mut Cx<'_>) {
        if let Phase::Bound { auth3, .. } = &mut self.phase
            && let Some(auth3) = auth3.take()
        {
            send(auth3, cx);
        }
    }

    /// Octets arrived; `next` tells what they say.
    pub(crate) fn receive(&mut self, data: BytesMut) {
        if !matches!(self.phase, Phase::Dead) {
            self.framer.push(data);
        }
    }

    /// What happened next. A fragment is looked at when all that came before it was taken, so that the cut of the octets
    /// makes no difference. After an error the association is dead.
    ///
    /// Calls that waited for their turn go out when what came before was taken: the call that follows an answer stands
    /// in the queue by then.
    pub(crate) fn next(&mut self, cx: &mut Cx<'_>) -> Result<Option<Done<T>>, Error> {
        while self.done.is_empty() {
            let whole = self.pump(cx).and_then(|()| if self.done.is_empty() { self.fragment(cx) } else { Ok(true) });
            match whole {
                Ok(true) => {}
                Ok(false) => break,
                Err(error) => {
                    self.phase = Phase::Dead;
                    self.queue.clear();
                    self.outstanding.clear();
                    return Err(error);
                }
            }
        }
        Ok(self.done.pop_front())
    }

    /// Handles one fragment; says whether there was a whole one.
    fn fragment(&mut self, cx: &mut Cx<'_>) -> Result<bool, Error> {
        if matches!(self.phase, Phase::Dead) {
            return Ok(false);
        }
        let next = self.framer.next();
        let Some((header, fragment)) = next.map_err(|error| self.unverifiable(error))? else { return Ok(false) };
        match header.ptype {
            PduType::RESPONSE | PduType::FAULT => self.answer(header.is_big_endian(), fragment)?,
            _ => self.handshake(header.ptype, fragment, cx).map_err(|error| self.unverifiable(error))?,
        }
        Ok(true)
    }

    /// Once keys are agreed, octets whose signature cannot even be looked for are as good as forged.
    fn unverifiable(&self, error: Error) -> Error {
        match (&self.phase, error) {
            (Phase::Bound { .. }, Error::Malformed(_) | Error::Misbehaved(_) | Error::OtherProtocol(_)) => {
                Error::Tampered("octets in place of a signed message")
            }
            (_, error) => error,
        }
    }

    /// PDUs that carry no signature.
    fn handshake(&mut self, ptype: PduType, fragment: BytesMut, cx: &mut Cx<'_>) -> Result<(), Error> {
        match ptype {
            PduType::BIND_ACK if matches!(self.phase, Phase::Binding { accepted: false, .. }) => {
                self.bind_ack(Pdu::decode(fragment.freeze())?, cx)
            }
            PduType::ALTER_CONTEXT_RESP if matches!(self.phase, Phase::Binding { accepted: true, .. }) => {
                self.next_leg(Pdu::decode(fragment.freeze())?, cx)
            }
            PduType::BIND_NAK if matches!(self.phase, Phase::Binding { accepted: false, .. }) => {
                match Pdu::decode(fragment.freeze())?.body {
                    Body::BindNak(nak) => Err(Error::BindRefused(nak.reason)),
                    _ => Err(Error::Misbehaved("bind_nak")),
                }
            }
            PduType::ALTER_CONTEXT_RESP => self.alter_context_resp(Pdu::decode(fragment.freeze())?, cx),
            PduType::SHUTDOWN => Err(Error::Shutdown),
            _ => Err(Error::Misbehaved("a PDU that does not belong here")),
        }
    }

    fn answer(&mut self, big_endian: bool, fragment: BytesMut) -> Result<(), Error> {
        let (verified, fragment) = self.unprotect(fragment).map_err(|error| self.unverifiable(error))?;
        self.trusted |= verified;
        let pdu = match Pdu::decode(fragment) {
            Err(error) if !verified => return Err(self.unverifiable(error.into())),
            pdu => pdu?,
        };
        match pdu.body {
            Body::Response(_) if !verified => Err(Error::Tampered("an answer without a signature")),
            Body::Response(response) => self.response(pdu.flags, pdu.call_id, big_endian, &response),
            Body::Fault(fault) => {
                let executed = !pdu.flags.contains(PfcFlags::DID_NOT_EXECUTE);
                self.fault(pdu.call_id, &fault, verified, executed)
            }
            _ => Err(Error::Misbehaved("a PDU that does not belong here")),
        }
    }

    fn bind_ack(&mut self, pdu: Pdu, cx: &mut Cx<'_>) -> Result<(), Error> {
        let (Body::BindAck(ack), Some(auth)) = (pdu.body, pdu.auth) else {
            return Err(Error::Misbehaved("the host answered the bind without a challenge"));
        };
        for (context, result) in self.contexts.iter_mut().zip(&ack.results) {
            if result.is_accepted() && result.transfer_syntax == NDR_SYNTAX {
                context.state = ContextState::Accepted;
            }
        }
        self.max_xmit = ack.max_recv_frag.min(self.limits.max_fragment);
        self.concurrent = pdu.flags.contains(PfcFlags::CONC_MPX);
        self.header_signing_granted(pdu.flags, cx);
        self.leg(pdu.call_id, auth, cx)
    }

    /// The answer to an alter_context that carried nothing new but a token.
    fn next_leg(&mut self, pdu: Pdu, cx: &mut Cx<'_>) -> Result<(), Error> {
        let (Body::AlterContextResp(_), Some(auth)) = (pdu.body, pdu.auth) else {
            return Err(Error::Misbehaved("the host answered the log-on without a token"));
        };
        self.header_signing_granted(pdu.flags, cx);
        self.leg(pdu.call_id, auth, cx)
    }

    /// One leg of the log-on: the host's token goes to the mechanism, and what that says to the host.
    fn leg(&mut self, answered: u32, auth: AuthTrailer, cx: &mut Cx<'_>) -> Result<(), Error> {
        let Phase::Binding { initiator, call_id, accepted } = std::mem::replace(&mut self.phase, Phase::Dead) else {
            return Err(Error::Misbehaved("a token without a log-on"));
        };
        if answered != call_id {
            return Err(Error::Misbehaved("the answer to a bind under another call id"));
        }
        if auth.auth_type != self.auth_type {
            return Err(Error::Misbehaved("the host answered the bind with another authentication type"));
        }
        let step = initiator.step(auth.value, cx.entropy, cx.wall)?;
        cx.stats.logons += u64::from(!accepted);
        let (security, auth3) = match step {
            Step::Continue(token, initiator) => {
                // Under the same call id, and with a context that there is already, as Windows does it.
                let context = self.contexts.iter().find(|c| c.state == ContextState::Accepted);
                let Some(context) = context.or(self.contexts.first()) else {
                    return Err(Error::Misbehaved("a log-on without an interface"));
                };
                let body = Body::AlterContext(self.offer(SmallVec::from_iter([context.offer()])));
                cx.stats.round_trips += 1;
                // Repeated when it is granted, and offered once more when it is not.
                let flags = PfcFlags::WHOLE | PfcFlags::SUPPORT_HEADER_SIGN;
                send(Pdu { flags, call_id, body, auth: Some(self.trailer(token)) }.encode().freeze(), cx);
                self.phase = Phase::Binding { initiator: Box::new(initiator), call_id, accepted: true };
                return Ok(());
            }
            Step::Last(token, security) => {
                let signing = if self.header_signing { PfcFlags::SUPPORT_HEADER_SIGN } else { PfcFlags::default() };
                let flags = PfcFlags::WHOLE | signing;
                let auth3 = Pdu { flags, call_id, body: Body::Auth3, auth: Some(self.trailer(token)) };
                (security, Some(auth3.encode().freeze()))
            }
            Step::Done(security) => {
                self.trusted = true;
                (security, None)
            }
        };
        self.phase = Phase::Bound { security, auth3, altering: None };
        self.done.push_back(Done::Bound);
        Ok(())
    }

    fn alter_context_resp(&mut self, pdu: Pdu, cx: &mut Cx<'_>) -> Result<(), Error> {
        let Phase::Bound { altering, .. } = &mut self.phase else {
            return Err(Error::Misbehaved("alter_context_resp before the bind"));
        };
        let (Some(asked), Body::AlterContextResp(ack)) = (altering.take(), pdu.body) else {
            return Err(Error::Misbehaved("alter_context_resp without an alter_context"));
        };
        if pdu.call_id != asked.call_id {
            return Err(Error::Misbehaved("alter_context_resp with another call id"));
        }
        let accepted = ack.results.first().is_some_and(|r| r.is_accepted() && r.transfer_syntax == NDR_SYNTAX);
        if let Some(context) = self.contexts.get_mut(asked.context) {
            context.state = if accepted { ContextState::Accepted } else { ContextState::Refused };
        }
        self.header_signing_granted(pdu.flags, cx);
        Ok(())
    }

    /// A host may grant header signing in the bind_ack or, in mid connection, with an alter_context_resp.
    fn header_signing_granted(&mut self, flags: PfcFlags, cx: &mut Cx<'_>) {
        if !self.header_signing && flags.contains(PfcFlags::SUPPORT_HEADER_SIGN) {
            self.header_signing = true;
            cx.stats.header_signing += 1;
        }
    }

    /// Verifies the fragment and decrypts it in place; says whether there was a signature.
    fn unprotect(&mut self, mut fragment: BytesMut) -> Result<(bool, Bytes), Error> {
        let Phase::Bound { security, .. } = &mut self.phase else {
            // Nothing is protected yet: a fault is the host's refusal, anything else is out of place.
            return Ok((false, fragment.freeze()));
        };
        let Some(protected) = Protected::locate(&fragment)? else { return Ok((false, fragment.freeze())) };
        if protected.auth_type != self.auth_type
            || protected.auth_level != AuthnLevel(self.level.code())
            || protected.context_id != AUTH_CONTEXT_ID
        {
            return Err(Error::Tampered("an answer at another level of protection"));
        }
        security.unprotect(self.level, &mut fragment, protected.stub).map_err(tampered)?;
        Ok((true, fragment.freeze()))
    }

    fn response(&mut self, flags: PfcFlags, call_id: u32, big_endian: bool, response: &Response) -> Result<(), Error> {
        let Some(call) = self.outstanding.get_mut(&call_id) else {
            return Err(Error::Misbehaved("an answer to a call that was not made"));
        };
        let (first, last) = (flags.contains(PfcFlags::FIRST_FRAG), flags.contains(PfcFlags::LAST_FRAG));
        if first != call.stub.is_none() {
            return Err(Error::Misbehaved("fragments of an answer out of order"));
        }
        let stub = if first && last {
            response.stub.clone()
        } else {
            self.buffered = self.buffered.saturating_add(response.stub.len());
            if self.buffered > self.limits.max_stub {
                return Err(Error::Misbehaved("an answer over the limit"));
            }
            call.stub.get_or_insert_with(BytesMut::new).extend_from_slice(&response.stub);
            if !last {
                return Ok(());
            }
            let stub = call.stub.take().unwrap_or_default();
            self.buffered = self.buffered.saturating_sub(stub.len());
            stub.freeze()
        };
        let ticket = call.ticket;
        self.outstanding.remove(&call_id);
        self.done.push_back(Done::Response { ticket, stub: Reader::with_endianness(stub, big_endian) });
        Ok(())
    }

    fn fault(&mut self, call_id: u32, fault: &Fault, verified: bool, executed: bool) -> Result<(), Error> {
        if !verified && !self.trusted {
            return Err(Error::UnverifiedFault(fault.status));
        }
        if let Phase::Bound { altering, .. } = &mut self.phase
            && let Some(asked) = altering.take_if(|asked| asked.call_id == call_id)
        {
            if let Some(context) = self.contexts.get_mut(asked.context) {
                context.state = ContextState::Refused;
            }
            return Ok(());
        }
        let Some(call) = self.outstanding.remove(&call_id) else {
            return Err(Error::Misbehaved("a fault for a call that was not made"));
        };
        self.buffered = self.buffered.saturating_sub(call.stub.map_or(0, |stub| stub.len()));
        self.done.push_back(Done::Fault { ticket: call.ticket, status: fault.status, verified, executed });
        Ok(())
    }

    /// Sends what can be sent: the next calls whose interface is accepted, or an alter_context for one that is not.
    fn pump(&mut self, cx: &mut Cx<'_>) -> Result<(), Error> {
        loop {
            let Phase::Bound { auth3, altering, .. } = &mut self.phase else { return Ok(()) };
            let busy = altering.is_some() || (!self.concurrent && !self.outstanding.is_empty());
            if busy {
                return Ok(());
            }
            let turn = if self.concurrent { 0 } else { self.queue.turn() };
            let Some(call) = self.queue.get(turn) else { return Ok(()) };
            if let Some(auth3) = auth3.take() {
                send(auth3, cx);
            }
            let interface = call.interface;
            let index = match self.contexts.iter().position(|c| c.interface == interface) {
                Some(index) => index,
                None => self.add_context(interface),
            };
            let state = self.contexts.get(index).map_or(ContextState::Refused, |c| c.state);
            match state {
                ContextState::Accepted => {
                    let Some(call) = self.queue.take(turn) else { return Ok(()) };
                    self.request(call, index, cx)?;
                }
                ContextState::Wanting => self.alter_context(index, cx),
                ContextState::Refused => {
                    let Some(call) = self.queue.take(turn) else { return Ok(()) };
                    self.done.push_back(Done::NoInterface(call));
                }
            }
        }
    }

    fn add_context(&mut self, interface: Interface) -> usize {
        // The bind gave the number behind its contexts to the feature negotiation: that one is left out.
        let id = self.contexts.iter().map(|c| c.id).max().map_or(0, |id| id.saturating_add(2));
        self.contexts.push(Context { id, interface, state: ContextState::Wanting, used: false });
        self.contexts.len() - 1
    }

    /// Asks for one context by itself, without a security trailer. Header signing is offered until it is granted.
    fn alter_context(&mut self, index: usize, cx: &mut Cx<'_>) {
        let call_id = self.take_call_id();
        let Some(context) = self.contexts.get(index) else { return };
        let bind = self.offer(SmallVec::from_iter([context.offer()]));
        if let Phase::Bound { altering, .. } = &mut self.phase {
            *altering = Some(Altering { call_id, context: index });
        }
        cx.stats.round_trips += 1;
        cx.stats.alter_contexts += 1;
        let offer = if self.header_signing { PfcFlags::default() } else { PfcFlags::SUPPORT_HEADER_SIGN };
        let pdu = Pdu { flags: PfcFlags::WHOLE | offer, call_id, body: Body::AlterContext(bind), auth: None };
        send(pdu.encode().freeze(), cx);
    }

    /// Sends all fragments of a request, each but the last filled so that it needs no padding.
    fn request(&mut self, call: Call<T>, index: usize, cx: &mut Cx<'_>) -> Result<(), Error> {
        let call_id = self.take_call_id();
        let Phase::Bound { security, .. } = &mut self.phase else { return Ok(()) };
        let Some(context) = self.contexts.get_mut(index) else { return Ok(()) };
        let mut stub = call.stub;
        if !std::mem::replace(&mut context.used, true) {
            let mut trailer = VerificationTrailer::pcontext(context.interface, NDR_SYNTAX);
            if !std::mem::replace(&mut self.requested, true) {
                trailer = trailer.with_header_signing();
            }
            stub = trailer.append(&stub);
        }
        let protection =
            Protection { auth_type: self.auth_type, ..Protection::ntlm(self.level.wire(), AUTH_CONTEXT_ID) };
        let offset = Request::stub_offset(call.object.is_some());
        let room = max_stub_per_fragment(self.max_xmit, offset, Some(&protection));
        if room == 0 {
            return Err(Error::Misbehaved("fragments too small for any call"));
        }
        let mut first = PfcFlags::FIRST_FRAG;
        loop {
            let part = stub.split_to(room.min(stub.len()));
            let last = if stub.is_empty() { PfcFlags::LAST_FRAG } else { PfcFlags::default() };
            let body = Body::Request(Request {
                // What is still to come, this fragment included.
                alloc_hint: u32::try_from(part.len() + stub.len()).unwrap_or(u32::MAX),
                context_id: context.id,
                opnum: call.opnum,
                object: call.object,
                stub: part,
            });
            let Unsigned { mut pdu, stub: range } = Unsigned::new(first | last, call_id, &body, &protection);
            security.protect(self.level, &mut pdu, range);
            send(pdu.freeze(), cx);
            first = PfcFlags::default();
            if stub.is_empty() {
                break;
            }
        }
        cx.stats.round_trips += u64::from(call.awaited);
        self.outstanding.insert(call_id, Outstanding { ticket: call.ticket, stub: None });
        Ok(())
    }

    fn offer(&self, contexts: SmallVec<[PresentationContext; 4]>) -> Bind {
        let max_fragment = self.limits.max_fragment;
        Bind { max_xmit_frag: max_fragment, max_recv_frag: max_fragment, assoc_group_id: 0, contexts }
    }

    fn trailer(&self, value: Bytes) -> AuthTrailer {
        AuthTrailer {
            auth_type: self.auth_type,
            auth_level: AuthnLevel(self.level.code()),
            pad_length: 0,
            context_id: AUTH_CONTEXT_ID,
            value,
        }
    }

    fn take_call_id(&mut self) -> u32 {
        let id = self.next_call_id;
        self.next_call_id = self.next_call_id.checked_add(1).unwrap_or(1);
        id
    }
}

fn send(pdu: Bytes, cx: &mut Cx<'_>) {
    cx.stats.octets_out += pdu.len() as u64;
    cx.tx.push(pdu);
}

const fn tampered(error: Tampered) -> Error {
    Error::Tampered(match error {
        Tampered::Malformed => "a malformed signature",
        Tampered::OutOfOrder { .. } => "a fragment out of order",
        Tampered::Checksum => "a signature that does not match",
    })
}

/// The one security context of an association. Any number will do; peers only compare it.
const AUTH_CONTEXT_ID: u32 = 1;
