//! Answers on the wire: fragmented, protected, and damaged where a fault says so.

use bytes::{Bytes, BytesMut};
use wmi_proto::Draw;
use wmi_proto::wire::FaultStatus;
use wmi_proto::wire::rpc::{Body, Fault as FaultBody, Pdu, PfcFlags, Response, max_stub_per_fragment};

use crate::Fault;
use crate::connection::{Connection, ReplyTo};
use crate::dispatch::{self, NCA_S_FAULT_UNSPEC};
use crate::machine::Machine;

/// How an answer is damaged on its way out.
pub(crate) type Damage = Option<Fault>;

impl Connection {
    /// Answers a call with `stub`; what it gives back is for [`Self::continue_with`], a little later.
    pub(crate) fn respond(
        &mut self,
        mut to: ReplyTo,
        mut stub: Bytes,
        damage: Damage,
        machine: &mut Machine,
    ) -> Option<Bytes> {
        if let Some(hook) = &mut machine.on_stub {
            let mut changed = BytesMut::from(stub);
            hook(&mut changed);
            stub = changed.freeze();
        }
        match damage {
            None if machine.has(Fault::InterleaveFragments) => {
                let first = self.fragment(to, &mut stub, true, machine);
                machine.transmit(self.id, first.freeze());
                return Some(stub).filter(|rest| !rest.is_empty());
            }
            Some(Fault::FaultPdu) => {
                self.fault(to, NCA_S_FAULT_UNSPEC, machine);
                return None;
            }
            Some(Fault::UnsignedFault) => {
                to.security = None;
                self.fault(to, NCA_S_FAULT_UNSPEC, machine);
                return None;
            }
            Some(Fault::WrongCallId) => to.call_id = to.call_id.wrapping_add(0x5000),
            Some(Fault::TruncatedStub) => stub.truncate(stub.len() - stub.len() / 3),
            _ => {}
        }
        let mut fragments = self.fragments(to, &stub, damage, machine);
        let first = fragments.first_mut()?;
        match damage {
            // Of the checksum: the last four octets are the sequence number.
            Some(Fault::BadSignature) => flip(first.iter_mut().nth_back(5)),
            Some(Fault::FlipData) => flip(first.get_mut(Response::STUB_OFFSET + 8)),
            Some(Fault::BadFragmentLength) => first[8..10].copy_from_slice(&8_u16.to_le_bytes()),
            Some(Fault::Garbage) => {
                machine.entropy().fill(Draw::HostIdentifier, first);
                // By accident it could start like a PDU of version 5.
                first[0] |= 0x80;
            }
            Some(Fault::CutMidReply | Fault::ResetMidReply) => {
                let mut octets = BytesMut::new();
                fragments.iter().for_each(|fragment| octets.extend_from_slice(fragment));
                octets.truncate(octets.len() / 2);
                machine.transmit(self.id, octets.freeze());
                if damage == Some(Fault::CutMidReply) {
                    machine.close(self.id)
                } else {
                    machine.reset(self.id)
                }
                return None;
            }
            _ => {}
        }
        for fragment in fragments {
            machine.transmit(self.id, fragment.freeze());
        }
        None
    }

    /// Sends the next fragment of an answer.
    pub(crate) fn continue_with(&mut self, to: ReplyTo, mut rest: Bytes, machine: &mut Machine) -> Option<Bytes> {
        let fragment = self.fragment(to, &mut rest, false, machine);
        machine.transmit(self.id, fragment.freeze());
        Some(rest).filter(|rest| !rest.is_empty())
    }

    fn fragments(&mut self, to: ReplyTo, stub: &Bytes, damage: Damage, machine: &Machine) -> Vec<BytesMut> {
        let mut rest = stub.clone();
        if damage == Some(Fault::WrongSequence) {
            // As if a fragment before the first one had been lost on the way.
            self.fragment(to, &mut rest.clone(), true, machine);
        }
        let mut fragments = vec![self.fragment(to, &mut rest, true, machine)];
        while !rest.is_empty() {
            fragments.push(self.fragment(to, &mut rest, false, machine));
        }
        fragments
    }

    /// Takes as much of an answer as goes into one fragment.
    fn fragment(&mut self, to: ReplyTo, rest: &mut Bytes, is_first: bool, machine: &Machine) -> BytesMut {
        let align = pad(machine);
        let security = to.security.and_then(|id| self.securities.get_mut(&id));
        let protection = security.as_ref().map(|security| security.protection(align));
        let max_fragment = self.max_fragment.unwrap_or(u16::MAX);
        let room = max_stub_per_fragment(max_fragment, Response::STUB_OFFSET, protection.as_ref()).max(8);
        let alloc_hint = u32::try_from(rest.len()).unwrap_or(0);
        let stub = rest.split_to(room.min(rest.len()));
        let mut flags = PfcFlags::default();
        if is_first {
            flags |= PfcFlags::FIRST_FRAG;
        }
        if rest.is_empty() {
            flags |= PfcFlags::LAST_FRAG;
        }
        let body = Body::Response(Response { alloc_hint, context_id: to.context_id, cancel_count: 0, stub });
        match security {
            Some(security) => security.protect(flags, to.call_id, &body, align),
            None => Pdu { flags, call_id: to.call_id, body, auth: None }.encode(),
        }
    }

    /// Answers a call with a fault, protected when the call was.
    pub(crate) fn fault(&mut self, to: ReplyTo, status: FaultStatus, machine: &mut Machine) {
        let mut flags = PfcFlags::WHOLE;
        if is_unseen(status) {
            flags |= PfcFlags::DID_NOT_EXECUTE;
        }
        let body = Body::Fault(FaultBody {
            alloc_hint: 0,
            context_id: to.context_id,
            cancel_count: 0,
            extended: 0,
            status,
            stub: Bytes::new(),
        });
        let pdu = match to.security.and_then(|id| self.securities.get_mut(&id)) {
            Some(security) => security.protect(flags, to.call_id, &body, pad(machine)),
            None => Pdu { flags, call_id: to.call_id, body, auth: None }.encode(),
        };
        machine.transmit(self.id, pdu.freeze());
    }
}

/// Whether a fault is one of the runtime, which refuses calls before anybody sees them.
fn is_unseen(status: FaultStatus) -> bool {
    [
        FaultStatus::ERROR_ACCESS_DENIED,
        FaultStatus::NCA_SERVER_TOO_BUSY,
        dispatch::NCA_S_OP_RNG_ERROR,
        dispatch::NCA_S_UNK_IF,
        dispatch::NCA_S_INVALID_PRES_CONTEXT_ID,
    ]
    .contains(&status)
}

/// What stubs are padded to, in octets.
fn pad(machine: &Machine) -> u8 {
    if machine.has(Fault::Pad4) {
        4
    } else if machine.has(Fault::Pad8) {
        8
    } else {
        16
    }
}

fn flip(octet: Option<&mut u8>) {
    if let Some(octet) = octet {
        *octet ^= 0x10;
    }
}
