//! One call on a connection of its own without any security, for what the specification wants asked that way.

use bytes::{Bytes, BytesMut};
use smallvec::SmallVec;

use crate::cx::Cx;
use crate::limits::Limits;
use crate::rpc::Error;
use crate::rpc::framer::Framer;
use crate::wire::rpc::{Bind, Body, NDR_SYNTAX, Pdu, PfcFlags, PresentationContext, Request};
use crate::wire::{FaultStatus, Interface, Reader};

/// Binds without authentication, asks one question, and hands over the answer. Nobody has verified it.
pub(crate) struct Plain {
    framer: Framer,
    max_fragment: u16,
    max_stub: usize,
    interface: Interface,
    opnum: u16,
    request: Bytes,
    answer: BytesMut,
}

impl Plain {
    pub(crate) fn new(interface: Interface, opnum: u16, request: Bytes, limits: &Limits) -> Self {
        let (max_fragment, max_stub) = (limits.max_fragment, limits.max_stub);
        let framer = Framer::new(max_fragment);
        Self { framer, max_fragment, max_stub, interface, opnum, request, answer: BytesMut::new() }
    }

    /// The transport is open: sends the bind.
    pub(crate) fn start(&self, cx: &mut Cx<'_>) {
        let bind = Bind {
            max_xmit_frag: self.max_fragment,
            max_recv_frag: self.max_fragment,
            assoc_group_id: 0,
            contexts: SmallVec::from_iter([PresentationContext::ndr(0, self.interface)]),
        };
        send(BIND_ID, Body::Bind(bind), cx);
    }

    /// Octets arrived. The answer, or why the host does not give it, once it is whole.
    pub(crate) fn receive(
        &mut self,
        data: BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Option<Result<Reader, FaultStatus>>, Error> {
        self.framer.push(data);
        while let Some((header, fragment)) = self.framer.next()? {
            let pdu = Pdu::decode(fragment.freeze())?;
            match (pdu.call_id, pdu.body) {
                (BIND_ID, Body::BindAck(ack)) => {
                    let accepted =
                        ack.results.first().is_some_and(|r| r.is_accepted() && r.transfer_syntax == NDR_SYNTAX);
                    if !accepted {
                        return Err(Error::Misbehaved("the host offers no object resolver"));
                    }
                    let request = Request {
                        alloc_hint: u32::try_from(self.request.len()).unwrap_or(u32::MAX),
                        context_id: 0,
                        opnum: self.opnum,
                        object: None,
                        stub: self.request.clone(),
                    };
                    send(CALL_ID, Body::Request(request), cx);
                }
                (BIND_ID, Body::BindNak(nak)) => return Err(Error::BindRefused(nak.reason)),
                (CALL_ID, Body::Response(response)) => {
                    self.answer.extend_from_slice(&response.stub);
                    if self.answer.len() > self.max_stub {
                        return Err(Error::Misbehaved("an answer over the limit"));
                    }
                    if pdu.flags.contains(PfcFlags::LAST_FRAG) {
                        let stub = std::mem::take(&mut self.answer).freeze();
                        return Ok(Some(Ok(Reader::with_endianness(stub, header.is_big_endian()))));
                    }
                }
                (_, Body::Shutdown) => return Err(Error::Shutdown),
                (_, Body::Fault(fault)) => return Ok(Some(Err(fault.status))),
                _ => return Err(Error::Misbehaved("a PDU that does not belong here")),
            }
        }
        Ok(None)
    }
}

fn send(call_id: u32, body: Body, cx: &mut Cx<'_>) {
    let pdu = Pdu { flags: PfcFlags::WHOLE, call_id, body, auth: None }.encode().freeze();
    cx.stats.round_trips += 1;
    cx.stats.octets_out += pdu.len() as u64;
    cx.tx.push(pdu);
}

const BIND_ID: u32 = 1;
const CALL_ID: u32 = 2;
