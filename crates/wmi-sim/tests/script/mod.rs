//! A client of few words: it writes and reads PDUs one by one and shares no code with the client machine.
#![allow(dead_code, reason = "each test program uses its own part")]

pub(crate) mod rows;

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;
use wmi_proto::internals::{NtlmInitiator, SecurityContext, Tampered};
use wmi_proto::wire::dcom::rem_unknown::{RemQueryInterfaceRequest, RemRefsRequest};
use wmi_proto::wire::dcom::{
    ActivationReply, ActivationRequest, ComVersion, MInterfacePointer, OrpcThat, OrpcThis, RemAddRef, RemInterfaceRef,
    RemQueryInterface, RemRelease, RemoteCreateInstance, StdObjRef,
};
use wmi_proto::wire::guid;
use wmi_proto::wire::rpc::{
    AuthTrailer, AuthType, AuthnLevel, Bind, BindAck, Body, CommonHeader, ContextResult, Pdu, PfcFlags,
    PresentationContext, Protected, Protection, Request, Unsigned,
};
use wmi_proto::wire::wmi::login::NtlmLoginRequest;
use wmi_proto::wire::wmi::services::ExecQueryRequest;
use wmi_proto::wire::wmi::{ExecQuery, NtlmLogin};
use wmi_proto::wire::{FaultStatus, Guid, HResult, Interface, Operation, Reader, Wire, Writer};
use wmi_proto::{AuthLevel, Credentials, FileTime, Instant, Role, Secret, SeededEntropy};
use wmi_sim::{ConnId, DEFAULT_PASSWORD, Fault, Host, HostConfig, HostInput, HostOutput};

/// What ended a call in place of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Fault(FaultStatus),
    UnsignedFault(FaultStatus),
    Tampered(Tampered),
    /// An answer of another call came.
    Misplaced(u32),
    Undecodable,
    Closed,
    Reset,
    /// Nothing more comes, ever.
    Silence,
}

/// The host under test, its clock, and what it wrote.
pub(crate) struct World {
    pub(crate) host: Host,
    pub(crate) now: Instant,
    /// Of COM, that calls are made in.
    pub(crate) version: ComVersion,
    written: BTreeMap<ConnId, BytesMut>,
    ended: BTreeMap<ConnId, Ended>,
    next: u32,
}

impl World {
    pub(crate) fn new(faults: &[Fault]) -> Self {
        Self::with(HostConfig::new(49_664).rows(25).faults(faults.iter().copied()))
    }

    pub(crate) fn with(config: HostConfig) -> Self {
        let host = Host::new(config, Box::new(SeededEntropy::new(1)), Instant::default(), WALL);
        Self {
            host,
            now: Instant::default(),
            version: ComVersion::V5_7,
            written: BTreeMap::new(),
            ended: BTreeMap::new(),
            next: 0,
        }
    }

    pub(crate) fn connect(&mut self, role: Role) -> Peer {
        let port = if role == Role::Activator { 135 } else { self.host.config().object_port };
        self.connect_at(role, port)
    }

    pub(crate) fn connect_at(&mut self, role: Role, port: u16) -> Peer {
        let conn = ConnId::new(self.next);
        self.next += 1;
        self.host.handle_input(HostInput::Accepted { conn, role, port }, self.now);
        self.drain();
        Peer { conn, call_id: 0, security: None, level: AuthLevel::Privacy, fragments: Vec::new() }
    }

    pub(crate) fn send(&mut self, conn: ConnId, data: BytesMut) {
        self.host.handle_input(HostInput::Received { conn, data }, self.now);
        self.drain();
    }

    /// Lets the time pass in which the host has something to do; whether there was any.
    pub(crate) fn pass(&mut self) -> bool {
        let Some(at) = self.host.poll_timeout() else { return false };
        self.now = at.max(self.now);
        self.host.handle_timeout(self.now);
        self.drain();
        true
    }

    pub(crate) fn wait(&mut self, time: Duration) {
        self.now = self.now.saturating_add(time);
        self.host.handle_timeout(self.now);
        self.drain();
    }

    pub(crate) fn has_written(&self, conn: ConnId) -> bool {
        self.written.get(&conn).is_some_and(|octets| !octets.is_empty())
    }

    fn drain(&mut self) {
        while let Some(output) = self.host.poll_output() {
            match output {
                HostOutput::Transmit { conn, data } => {
                    self.written.entry(conn).or_default().extend_from_slice(&data);
                }
                HostOutput::Close { conn } => {
                    self.ended.insert(conn, Ended::Closed);
                }
                HostOutput::Reset { conn } => {
                    self.ended.insert(conn, Ended::Reset);
                }
            }
        }
    }

    /// The next whole PDU on a connection, or why there is none.
    pub(crate) fn receive(&mut self, conn: ConnId) -> Result<(CommonHeader, BytesMut), Ended> {
        loop {
            let written = self.written.entry(conn).or_default();
            match CommonHeader::peek(written) {
                Ok(Some(header)) if written.len() >= usize::from(header.frag_length) => {
                    return Ok((header, written.split_to(header.frag_length.into())));
                }
                Err(_) => return Err(Ended::Undecodable),
                Ok(_) => {}
            }
            if let Some(ended) = self.ended.get(&conn) {
                return Err(*ended);
            }
            if !self.pass() {
                return Err(Ended::Silence);
            }
        }
    }
}

/// One connection, seen from the client.
pub(crate) struct Peer {
    pub(crate) conn: ConnId,
    pub(crate) call_id: u32,
    pub(crate) level: AuthLevel,
    pub(crate) security: Option<SecurityContext>,
    /// The lengths of the fragments of the last answer, and their paddings.
    pub(crate) fragments: Vec<(usize, usize)>,
}

impl Peer {
    /// Binds `interfaces` as contexts 0, 1, … without security.
    pub(crate) fn bind(&mut self, world: &mut World, interfaces: &[Interface]) -> Result<BindAck, Ended> {
        let (_, ack, _) = self.offer(world, PfcFlags::WHOLE, Body::Bind(bind(0, interfaces)), None)?;
        Ok(ack)
    }

    /// Binds with NTLM; the last leg is sent too.
    pub(crate) fn log_on(&mut self, world: &mut World, interfaces: &[Interface]) -> Result<BindAck, Ended> {
        self.log_on_as(world, interfaces, "ACME\\monitor", DEFAULT_PASSWORD)
    }

    pub(crate) fn log_on_as(
        &mut self,
        world: &mut World,
        interfaces: &[Interface],
        account: &str,
        password: &str,
    ) -> Result<BindAck, Ended> {
        let credentials = Credentials::new(account, Secret::from(password));
        let mut initiator = NtlmInitiator::new(&credentials, "", self.level);
        let auth = self.trailer(initiator.negotiate());
        let body = Body::Bind(bind(0, interfaces));
        let (_, ack, challenge) = self.offer(world, PfcFlags::WHOLE | PfcFlags::CONC_MPX, body, Some(auth))?;
        let challenge = challenge.expect("a challenge").value;
        let mut entropy = SeededEntropy::new(u64::from(self.conn.index()));
        let (token, security) = initiator.authenticate(challenge, &mut entropy, WALL).expect("a usable challenge");
        let auth3 = Pdu { auth: Some(self.trailer(token)), ..Pdu::new(self.call_id, Body::Auth3) };
        world.send(self.conn, auth3.encode());
        self.security = Some(security);
        Ok(ack)
    }

    /// Offers one more interface as context `id`.
    pub(crate) fn alter(&mut self, world: &mut World, id: u16, interface: Interface) -> Result<bool, Ended> {
        let body = Body::AlterContext(bind(id, &[interface]));
        let (_, ack, _) = self.offer(world, PfcFlags::WHOLE, body, None)?;
        Ok(ack.results[0].is_accepted())
    }

    pub(crate) fn offer(
        &mut self,
        world: &mut World,
        flags: PfcFlags,
        body: Body,
        auth: Option<AuthTrailer>,
    ) -> Result<(PfcFlags, BindAck, Option<AuthTrailer>), Ended> {
        self.call_id += 1;
        world.send(self.conn, Pdu { flags, call_id: self.call_id, body, auth }.encode());
        let (_, pdu) = world.receive(self.conn)?;
        match Pdu::decode(pdu.freeze()) {
            Ok(Pdu { flags, body: Body::BindAck(ack) | Body::AlterContextResp(ack), auth, .. }) => {
                Ok((flags, ack, auth))
            }
            Ok(Pdu { body: Body::BindNak(_), .. }) => Err(world.receive(self.conn).err().unwrap_or(Ended::Undecodable)),
            _ => Err(Ended::Undecodable),
        }
    }

    fn trailer(&self, value: Bytes) -> AuthTrailer {
        let auth_level = AuthnLevel(self.level.code());
        AuthTrailer { auth_type: AuthType::WINNT, auth_level, pad_length: 0, context_id: 7, value }
    }

    /// Sends a request in fragments of at most `room` octets of stub.
    pub(crate) fn request(
        &mut self,
        world: &mut World,
        context_id: u16,
        opnum: u16,
        object: Option<Guid>,
        stub: &[u8],
    ) -> u32 {
        self.request_in(world, context_id, opnum, object, stub, 4096)
    }

    pub(crate) fn request_in(
        &mut self,
        world: &mut World,
        context_id: u16,
        opnum: u16,
        object: Option<Guid>,
        stub: &[u8],
        room: usize,
    ) -> u32 {
        self.call_id += 1;
        let pieces: Vec<_> = if stub.is_empty() { vec![stub] } else { stub.chunks(room).collect() };
        for (i, piece) in pieces.iter().enumerate() {
            let mut flags = PfcFlags::default();
            if i == 0 {
                flags |= PfcFlags::FIRST_FRAG;
            }
            if i + 1 == pieces.len() {
                flags |= PfcFlags::LAST_FRAG;
            }
            let stub = Bytes::copy_from_slice(piece);
            let body = Body::Request(Request { alloc_hint: 0, context_id, opnum, object, stub });
            let pdu = match &mut self.security {
                Some(security) => {
                    let protection = Protection::ntlm(AuthnLevel(self.level.code()), 7);
                    let Unsigned { mut pdu, stub } = Unsigned::new(flags, self.call_id, &body, &protection);
                    security.protect(self.level, &mut pdu, stub);
                    pdu
                }
                None => Pdu { flags, call_id: self.call_id, body, auth: None }.encode(),
            };
            world.send(self.conn, pdu);
        }
        self.call_id
    }

    /// Reads the answer to `call_id`.
    pub(crate) fn answer(&mut self, world: &mut World, call_id: u32) -> Result<Bytes, Ended> {
        self.fragments.clear();
        let mut stub = BytesMut::new();
        loop {
            let (header, mut pdu) = world.receive(self.conn)?;
            let protected = Protected::locate(&pdu).map_err(|_| Ended::Undecodable)?;
            if let Some(protected) = &protected {
                self.fragments.push((pdu.len(), protected.pad_length.into()));
                let security = self.security.as_mut().expect("a security context");
                security.unprotect(self.level, &mut pdu, protected.stub.clone()).map_err(Ended::Tampered)?;
            }
            let Pdu { body, .. } = Pdu::decode(pdu.freeze()).map_err(|_| Ended::Undecodable)?;
            if header.call_id != call_id {
                return Err(Ended::Misplaced(header.call_id));
            }
            match body {
                Body::Response(response) => {
                    assert_eq!(protected.is_some(), self.security.is_some(), "an unprotected answer");
                    stub.extend_from_slice(&response.stub);
                    if header.flags.contains(PfcFlags::LAST_FRAG) {
                        return Ok(stub.freeze());
                    }
                }
                Body::Fault(fault) if protected.is_some() => return Err(Ended::Fault(fault.status)),
                Body::Fault(fault) => return Err(Ended::UnsignedFault(fault.status)),
                _ => return Err(Ended::Undecodable),
            }
        }
    }

    /// An object call.
    pub(crate) fn call<O: Operation>(
        &mut self,
        world: &mut World,
        context_id: u16,
        ipid: Option<Guid>,
        request: &O::Request,
    ) -> Result<O::Response, Ended> {
        let mut w = Writer::new();
        OrpcThis::new(world.version, Guid::from_u128(0x77)).encode(&mut w);
        request.encode(&mut w);
        let call_id = self.request(world, context_id, O::OPNUM, ipid, &w.finish());
        response::<O>(self.answer(world, call_id)?)
    }
}

/// Reads the results of an object call.
pub(crate) fn response<O: Operation>(stub: Bytes) -> Result<O::Response, Ended> {
    let mut r = Reader::new(stub);
    OrpcThat::decode(&mut r).map_err(|_| Ended::Undecodable)?;
    let response = O::Response::decode(&mut r).map_err(|_| Ended::Undecodable)?;
    r.finish("end of stub").map_err(|_| Ended::Undecodable)?;
    Ok(response)
}

fn bind(first: u16, interfaces: &[Interface]) -> Bind {
    let contexts: SmallVec<_> = (first..).zip(interfaces).map(|(id, i)| PresentationContext::ndr(id, *i)).collect();
    Bind { max_xmit_frag: 5840, max_recv_frag: 5840, assoc_group_id: 0, contexts }
}

/// An object server that one has logged on to, and what one holds there.
pub(crate) struct Session {
    pub(crate) world: World,
    pub(crate) peer: Peer,
    pub(crate) reply: ActivationReply,
    pub(crate) login: StdObjRef,
    held: Vec<StdObjRef>,
    accepted: Vec<bool>,
}

pub(crate) const CONTEXTS: [Guid; 6] = [
    guid::IID_IWBEM_LEVEL1_LOGIN,
    guid::IID_IREM_UNKNOWN2,
    guid::IID_IWBEM_SERVICES,
    guid::IID_IENUM_WBEM_CLASS_OBJECT,
    guid::IID_IWBEM_FETCH_SMART_ENUM,
    guid::IID_IWBEM_WCO_SMART_ENUM,
];

impl Session {
    /// Activates WMI and logs on to the object server, at PKT_PRIVACY.
    pub(crate) fn open(faults: &[Fault]) -> Result<Self, Ended> {
        Self::open_in(World::new(faults), AuthLevel::Privacy)
    }

    pub(crate) fn open_in(mut world: World, level: AuthLevel) -> Result<Self, Ended> {
        let reply = activate(&mut world, level, &[guid::IID_IWBEM_LEVEL1_LOGIN])?.expect("an activation");
        let login = *reply.interfaces[0].objref.as_ref().and_then(|o| o.std()).expect("a reference");
        let mut peer = world.connect(Role::ObjectServer);
        peer.level = level;
        let mut offered = CONTEXTS.map(Interface::orpc).to_vec();
        if world.host.config().faults.contains(&Fault::SingleContextBind) {
            offered.truncate(1);
        }
        let ack = peer.log_on(&mut world, &offered)?;
        let mut accepted: Vec<_> = ack.results.iter().map(ContextResult::is_accepted).collect();
        accepted.resize(CONTEXTS.len(), false);
        Ok(Self { world, peer, reply, login, held: vec![login], accepted })
    }

    /// A call of an operation of any object, in the context of its interface, which is asked for again if need be.
    pub(crate) fn call<O: Operation>(&mut self, ipid: Guid, request: &O::Request) -> Result<O::Response, Ended> {
        let uuid =
            if O::INTERFACE.uuid == guid::IID_IREM_UNKNOWN { guid::IID_IREM_UNKNOWN2 } else { O::INTERFACE.uuid };
        let id = CONTEXTS.iter().position(|iid| *iid == uuid).expect("an interface");
        if !self.accepted[id] {
            self.accepted[id] = self.peer.alter(&mut self.world, id as u16, Interface::orpc(uuid))?;
            assert!(self.accepted[id], "context {id} is still rejected");
        }
        self.peer.call::<O>(&mut self.world, id as u16, Some(ipid), request)
    }

    /// Keeps a reference until `release`; asks for references when none were given.
    pub(crate) fn hold(&mut self, pointer: Option<MInterfacePointer>) -> Result<Guid, Ended> {
        let mut std = pointer.expect("an interface").std().expect("a reference");
        if std.public_refs == 0 {
            let refs = vec![RemInterfaceRef { ipid: std.ipid, public_refs: 5, private_refs: 0 }];
            let added = self.call::<RemAddRef>(self.reply.ipid_rem_unknown, &RemRefsRequest { refs })?;
            assert_eq!(added.results, [HResult::S_OK]);
            std.public_refs = 5;
        }
        self.held.push(std);
        Ok(std.ipid)
    }

    pub(crate) fn services(&mut self, namespace: &str) -> Result<Guid, Ended> {
        let network_resource = Some(format!("//./{namespace}"));
        let request = NtlmLoginRequest { network_resource, ..NtlmLoginRequest::default() };
        let answer = self.call::<NtlmLogin>(self.login.ipid, &request)?;
        assert_eq!(answer.status, HResult::S_OK);
        self.hold(answer.pointer)
    }

    pub(crate) fn query(&mut self, services: Guid, wql: &str) -> Result<Guid, Ended> {
        let answer = self.call::<ExecQuery>(services, &ExecQueryRequest::wql(wql))?;
        assert_eq!(answer.status, HResult::S_OK);
        self.hold(answer.pointer)
    }

    pub(crate) fn query_interface(&mut self, ipid: Guid, iid: Guid) -> Result<Result<Guid, HResult>, Ended> {
        let request = RemQueryInterfaceRequest { ipid, refs: 5, iids: vec![iid] };
        let answer = self.call::<RemQueryInterface>(self.reply.ipid_rem_unknown, &request)?;
        if !answer.status.is_success() {
            return Ok(Err(answer.status));
        }
        let item = answer.results[0];
        if item.result != HResult::S_OK {
            return Ok(Err(item.result));
        }
        self.held.push(item.std);
        Ok(Ok(item.std.ipid))
    }

    /// Gives everything back.
    pub(crate) fn release(&mut self) -> Result<(), Ended> {
        let refs = self.held.drain(..);
        let refs = refs.map(|std| RemInterfaceRef { ipid: std.ipid, public_refs: std.public_refs, private_refs: 0 });
        let request = RemRefsRequest { refs: refs.collect() };
        let status = self.call::<RemRelease>(self.reply.ipid_rem_unknown, &request)?;
        assert_eq!(status, HResult::S_OK);
        Ok(())
    }
}

/// Activates WMI on a connection of its own.
pub(crate) fn activate(
    world: &mut World,
    level: AuthLevel,
    iids: &[Guid],
) -> Result<Result<ActivationReply, HResult>, Ended> {
    let mut peer = world.connect(Role::Activator);
    peer.level = level;
    peer.log_on(world, &[RemoteCreateInstance::INTERFACE])?;
    let request = ActivationRequest {
        clsid: guid::CLSID_WBEM_LEVEL1_LOGIN,
        iids: iids.to_vec(),
        client_version: world.version,
        context_id: Guid::from_u128(0x99),
    };
    let answer = peer.call::<RemoteCreateInstance>(world, 0, None, &request.to_request())?;
    if answer.properties.is_none() {
        return Ok(Err(answer.status));
    }
    Ok(Ok(answer.reply().expect("activation properties")))
}

const WALL: FileTime = FileTime(133_800_000_000_000_000);
