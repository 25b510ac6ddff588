//! One accepted connection: its association, its security contexts, and requests put together from fragments.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use wmi_proto::Role;
use wmi_proto::wire::rpc::{
    AuthTrailer, AuthType, AuthnLevel, Bind, BindAck, BindNak, Body, CommonHeader, ContextResult,
    KEEP_CONNECTION_ON_ORPHAN, NDR_SYNTAX, Pdu, PduType, PfcFlags, PresentationContext, Protected, ProviderReason,
    Request, SECURITY_CONTEXT_MULTIPLEXING, VerificationBody, VerificationTrailer, offered_features,
};
use wmi_proto::wire::status::BindNakReason;
use wmi_proto::wire::{FaultStatus, Guid, Interface, WireError, WireErrorKind};

use crate::framer::Framer;
use crate::machine::Machine;
use crate::security::{Refusal, Security};
use crate::{ConnId, Fault, dispatch, refusal};

/// The largest request that is put together, in octets of stub.
const MAX_REQUEST: usize = 16 << 20;
/// How many requests may be put together at the same time on one connection.
const MAX_INCOMING: usize = 32;
/// How many security contexts one connection may have; impacket makes a new one for every call that changes interface.
const MAX_SECURITIES: usize = 4096;
/// The smallest fragment size that every peer must take ([C706] 12.6.3.1 MustRecvFragSize).
const MIN_FRAGMENT: u16 = 1432;
/// The only association group that there is.
const ASSOCIATION_GROUP: u32 = 0x0001_5a3c;

/// The server side of one association.
pub(crate) struct Connection {
    pub(crate) id: ConnId,
    pub(crate) role: Role,
    /// Of the listener.
    pub(crate) port: u16,
    pub(crate) framer: Framer,
    /// The largest fragment that is sent; `None` before the bind.
    pub(crate) max_fragment: Option<u16>,
    pub(crate) securities: BTreeMap<u32, Security>,
    header_signing: HeaderSigning,
    contexts: BTreeMap<u16, Interface>,
    incoming: BTreeMap<u32, Incoming>,
}

/// What was said about header signing on a connection.
#[derive(Default)]
struct HeaderSigning {
    /// By the client, in a bind or an alter_context.
    offered: bool,
    /// By both.
    agreed: bool,
}

/// A request of which fragments are still to come.
struct Incoming {
    first: Request,
    stub: BytesMut,
}

/// Where an answer belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReplyTo {
    pub(crate) conn: ConnId,
    pub(crate) call_id: u32,
    pub(crate) context_id: u16,
    /// The security context of the request, which protects the answer.
    pub(crate) security: Option<u32>,
}

/// A whole request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) reply_to: ReplyTo,
    pub(crate) role: Role,
    /// Of the listener.
    pub(crate) port: u16,
    /// The interface of the presentation context.
    pub(crate) interface: Interface,
    pub(crate) opnum: u16,
    pub(crate) object: Option<Guid>,
    pub(crate) stub: Bytes,
    /// Whether the client writes integers most significant octet first.
    pub(crate) big_endian: bool,
    pub(crate) level: AuthnLevel,
}

/// What a PDU asks the host to do; binds are answered on the spot.
#[derive(Debug)]
pub(crate) enum Arrival {
    Nothing,
    Call(Call),
    /// A request that gets no further.
    Refused(ReplyTo, FaultStatus),
    /// The same, and the security context cannot be used any longer.
    Tampered(ReplyTo, FaultStatus),
    /// The caller does not want to wait any longer.
    Cancelled(u32),
    /// The caller has gone.
    Orphaned(u32),
    /// The host is told to drop the connection.
    Reset,
    /// The bind was refused; the connection ends.
    Over,
}

impl Connection {
    pub(crate) fn new(id: ConnId, role: Role, port: u16) -> Self {
        Self {
            id,
            role,
            port,
            framer: Framer::default(),
            max_fragment: None,
            securities: BTreeMap::new(),
            header_signing: HeaderSigning::default(),
            contexts: BTreeMap::new(),
            incoming: BTreeMap::new(),
        }
    }

    /// Handles one whole PDU. An error means that the peer does not speak the protocol.
    pub(crate) fn handle(
        &mut self,
        header: &CommonHeader,
        pdu: BytesMut,
        machine: &mut Machine,
    ) -> Result<Arrival, WireError> {
        if header.ptype == PduType::REQUEST {
            return self.request(header.is_big_endian(), pdu, machine);
        }
        let Pdu { flags, call_id, body, auth } = Pdu::decode(pdu.freeze())?;
        match body {
            Body::Bind(bind) => {
                machine.stats.binds += 1;
                if self.max_fragment.is_some() {
                    return Err(misplaced("second bind"));
                }
                Ok(self.bind(flags, call_id, &bind, auth, machine))
            }
            Body::AlterContext(bind) => {
                machine.stats.alter_contexts += 1;
                if self.max_fragment.is_none() {
                    return Err(misplaced("alter_context before bind"));
                }
                Ok(self.alter_context(flags, call_id, &bind, auth, machine))
            }
            Body::Auth3 => {
                let auth = auth.ok_or(misplaced("auth3 without a token"))?;
                let security = self.securities.get_mut(&auth.context_id);
                // Nothing is said to an auth3, not even that it is wrong.
                let _ = security.ok_or(misplaced("auth3 before bind"))?.step(&auth, machine);
                Ok(Arrival::Nothing)
            }
            Body::CoCancel => Ok(Arrival::Cancelled(call_id)),
            Body::Orphaned => {
                self.incoming.remove(&call_id);
                Ok(Arrival::Orphaned(call_id))
            }
            _ => Err(misplaced("PDU of a server")),
        }
    }

    fn bind(
        &mut self,
        flags: PfcFlags,
        call_id: u32,
        bind: &Bind,
        auth: Option<AuthTrailer>,
        machine: &mut Machine,
    ) -> Arrival {
        let (reset, silence) = match self.role {
            Role::Activator => (Fault::ResetAtBind, Fault::SilenceAtBind),
            _ => (Fault::ResetAtObjectBind, Fault::SilenceAtObjectBind),
        };
        if machine.has(reset) {
            return Arrival::Reset;
        }
        if machine.has(silence) {
            return Arrival::Nothing;
        }
        let Some(PresentationContext { abstract_syntax: first, .. }) = bind.contexts.first() else {
            return self.nak(call_id, BindNakReason::REASON_NOT_SPECIFIED, machine);
        };
        let several = bind.contexts.iter().any(|context| context.abstract_syntax != *first);
        if machine.has(Fault::SpeaksHttp) {
            machine.transmit(self.id, Bytes::from_static(refusal::HTTP));
            return Arrival::Over;
        }
        let reason = (several && machine.has(Fault::SingleContextBind)).then_some(BindNakReason::REASON_NOT_SPECIFIED);
        if let Some(reason) = refusal::bind(machine).or(reason) {
            return self.nak(call_id, reason, machine);
        }
        let challenge = match auth.map(|auth| self.leg(&auth, machine)).transpose() {
            Ok(challenge) => challenge.flatten(),
            Err(reason) => return self.nak(call_id, reason, machine),
        };
        self.max_fragment = Some(match machine.config.max_fragment.min(bind.max_recv_frag.max(MIN_FRAGMENT)) {
            size if machine.has(Fault::Fragment1024) => size.min(1024),
            size => size,
        });
        let ack = self.ack(bind, Bytes::from(format!("{}\0", self.port)), machine);
        self.answer(flags, call_id, Body::BindAck(ack), challenge, machine);
        Arrival::Nothing
    }

    fn alter_context(
        &mut self,
        flags: PfcFlags,
        call_id: u32,
        bind: &Bind,
        auth: Option<AuthTrailer>,
        machine: &mut Machine,
    ) -> Arrival {
        let to = ReplyTo { conn: self.id, call_id, context_id: 0, security: None };
        let challenge = match auth.map(|auth| self.leg(&auth, machine)).transpose() {
            Ok(challenge) => challenge.flatten(),
            Err(_) => return Arrival::Refused(to, FaultStatus::ACCESS_DENIED),
        };
        let ack = self.ack(bind, Bytes::new(), machine);
        self.answer(flags, call_id, Body::AlterContextResp(ack), challenge, machine);
        Arrival::Nothing
    }

    /// One leg of a log-on: the token that answers the client's, if there is one.
    fn leg(&mut self, auth: &AuthTrailer, machine: &mut Machine) -> Result<Option<AuthTrailer>, BindNakReason> {
        if !matches!(auth.auth_type, AuthType::WINNT | AuthType::GSS_NEGOTIATE) {
            return Err(BindNakReason::AUTHENTICATION_TYPE_NOT_RECOGNIZED);
        }
        let full = self.securities.len() >= MAX_SECURITIES;
        let value = match self.securities.get_mut(&auth.context_id) {
            Some(security) => security.step(auth, machine),
            None if full => return Err(BindNakReason::LOCAL_LIMIT_EXCEEDED),
            None => {
                let mut security = Security::new(auth, machine).ok_or(BindNakReason::INVALID_CHECKSUM)?;
                let value = security.step(auth, machine);
                if value.is_some() {
                    self.securities.insert(auth.context_id, security);
                }
                value
            }
        };
        let value = value.ok_or(BindNakReason::INVALID_CHECKSUM)?;
        Ok((!value.is_empty()).then(|| AuthTrailer { value, pad_length: 0, ..auth.clone() }))
    }

    fn nak(&self, call_id: u32, reason: BindNakReason, machine: &mut Machine) -> Arrival {
        let nak = BindNak { reason, versions: SmallVec::from_slice(&[(5, 0)]), extended: Bytes::new() };
        machine.transmit(self.id, Pdu::new(call_id, Body::BindNak(nak)).encode().freeze());
        Arrival::Over
    }

    /// Decides on every offered presentation context by itself.
    fn ack(&mut self, bind: &Bind, secondary_address: Bytes, machine: &Machine) -> BindAck {
        let results = bind.contexts.iter().map(|context| {
            let features = context.transfer_syntaxes.iter().find_map(offered_features);
            if let Some(offered) = features {
                let granted = offered & (SECURITY_CONTEXT_MULTIPLEXING | KEEP_CONNECTION_ON_ORPHAN);
                return ContextResult::negotiate_ack(u16::try_from(granted).unwrap_or(0));
            }
            let result = consider(self.role, context, machine);
            if result.is_accepted() {
                self.contexts.insert(context.id, context.abstract_syntax);
            }
            result
        });
        BindAck {
            max_xmit_frag: bind.max_recv_frag.min(machine.config.max_fragment),
            max_recv_frag: bind.max_xmit_frag.min(machine.config.max_fragment),
            assoc_group_id: ASSOCIATION_GROUP,
            secondary_address,
            results: results.collect(),
        }
    }

    fn answer(
        &mut self,
        offered: PfcFlags,
        call_id: u32,
        body: Body,
        auth: Option<AuthTrailer>,
        machine: &mut Machine,
    ) {
        let mut flags = PfcFlags::WHOLE;
        let late = machine.has(Fault::LateHeaderSigning) && matches!(body, Body::BindAck(_));
        if offered.contains(PfcFlags::SUPPORT_HEADER_SIGN) {
            self.header_signing.offered = true;
            if !late && !machine.has(Fault::NoHeaderSigning) {
                flags |= PfcFlags::SUPPORT_HEADER_SIGN;
                if !std::mem::replace(&mut self.header_signing.agreed, true) {
                    machine.stats.header_signing += 1;
                }
            }
        }
        if offered.contains(PfcFlags::CONC_MPX) && !machine.has(Fault::NoMpx) {
            flags |= PfcFlags::CONC_MPX;
        }
        machine.transmit(self.id, Pdu { flags, call_id, body, auth }.encode().freeze());
    }

    fn request(&mut self, big_endian: bool, mut pdu: BytesMut, machine: &mut Machine) -> Result<Arrival, WireError> {
        if self.max_fragment.is_none() {
            return Err(misplaced("request before bind"));
        }
        let protected = Protected::locate(&pdu)?;
        let opened = match &protected {
            None => Ok(AuthnLevel::NONE),
            Some(protected) => match self.securities.get_mut(&protected.context_id) {
                Some(security) => security.open(&mut pdu, protected),
                None => Err(Refusal::NoLogon),
            },
        };
        let Pdu { flags, call_id, body: Body::Request(request), .. } = Pdu::decode(pdu.freeze())? else {
            return Err(misplaced("request"));
        };
        let security = protected.map(|protected| protected.context_id);
        let mut reply_to = ReplyTo { conn: self.id, call_id, context_id: request.context_id, security };
        let level = match opened {
            Ok(level) => level,
            Err(refusal) => {
                machine.stats.unverified += 1;
                self.incoming.remove(&call_id);
                // There are no keys to sign the refusal with, or none that the client would believe.
                reply_to.security = None;
                return Ok(match refusal {
                    Refusal::NoLogon => Arrival::Refused(reply_to, FaultStatus::ACCESS_DENIED),
                    Refusal::Tampered => Arrival::Tampered(reply_to, FaultStatus::ACCESS_DENIED),
                });
            }
        };
        if level != AuthnLevel::NONE {
            machine.stats.verified += 1;
        }
        let Some((request, stub)) = self.reassemble(flags, call_id, request)? else {
            return Ok(Arrival::Nothing);
        };
        let Some(interface) = self.contexts.get(&request.context_id).copied() else {
            return Ok(Arrival::Refused(reply_to, dispatch::NCA_S_INVALID_PRES_CONTEXT_ID));
        };
        let stub = match VerificationTrailer::split(&stub) {
            Some((_, trailer)) if !self.agrees(&trailer, interface) => {
                return Ok(Arrival::Refused(reply_to, FaultStatus::ACCESS_DENIED));
            }
            Some((stub, _)) => stub,
            None => stub,
        };
        let Request { opnum, object, .. } = request;
        let (role, port) = (self.role, self.port);
        Ok(Arrival::Call(Call { reply_to, role, port, interface, opnum, object, stub, big_endian, level }))
    }

    /// Whether what a request repeats inside its protected stub is what came without protection: the interface of its
    /// context, and that header signing was offered ([MS-RPCE 2.2.2.13.2, 2.2.2.13.4]).
    fn agrees(&self, trailer: &VerificationTrailer, interface: Interface) -> bool {
        trailer.commands.iter().all(|command| match &command.body {
            VerificationBody::Bitmask(bits) => bits & 1 == 0 || self.header_signing.offered,
            VerificationBody::PContext { interface: meant, transfer_syntax } => {
                (*meant, *transfer_syntax) == (interface, NDR_SYNTAX)
            }
            _ => !command.must_process,
        })
    }

    /// The first fragment of a request and its whole stub, once its last fragment is there.
    fn reassemble(
        &mut self,
        flags: PfcFlags,
        call_id: u32,
        request: Request,
    ) -> Result<Option<(Request, Bytes)>, WireError> {
        if flags.contains(PfcFlags::WHOLE) {
            let stub = request.stub.clone();
            return Ok(Some((request, stub)));
        }
        if flags.contains(PfcFlags::FIRST_FRAG) {
            if self.incoming.len() >= MAX_INCOMING {
                return Err(WireError::new(WireErrorKind::TooLong, "requests under way", MAX_INCOMING));
            }
            let stub = BytesMut::from(&request.stub[..]);
            self.incoming.insert(call_id, Incoming { first: request, stub });
            return Ok(None);
        }
        // Fragments of a call that was refused or orphaned are dropped.
        let Some(incoming) = self.incoming.get_mut(&call_id) else {
            return Ok(None);
        };
        incoming.stub.extend_from_slice(&request.stub);
        if incoming.stub.len() > MAX_REQUEST {
            return Err(WireError::new(WireErrorKind::TooLong, "request", MAX_REQUEST));
        }
        if !flags.contains(PfcFlags::LAST_FRAG) {
            return Ok(None);
        }
        Ok(self.incoming.remove(&call_id).map(|Incoming { first, stub }| (first, stub.freeze())))
    }
}

/// Whether calls may use `context`.
fn consider(role: Role, context: &PresentationContext, machine: &Machine) -> ContextResult {
    let PresentationContext { abstract_syntax, transfer_syntaxes, .. } = context;
    if !dispatch::is_offered(role, abstract_syntax, machine) {
        return ContextResult::rejected(ProviderReason::ABSTRACT_SYNTAX_NOT_SUPPORTED);
    }
    if !transfer_syntaxes.contains(&NDR_SYNTAX) {
        return ContextResult::rejected(ProviderReason::PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED);
    }
    ContextResult::ACCEPTED_NDR
}

fn misplaced(what: &'static str) -> WireError {
    WireError::new(WireErrorKind::BadValue, what, 0)
}
