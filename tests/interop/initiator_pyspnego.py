"""Runs a plan with impacket's calls under a security context of pyspnego.

pyspnego sends a MIC when the host sends a timestamp, and here every reply's signature is verified with it. Header signing
is offered and has to be granted. The plan's mechanism is ntlm or negotiate: NTLM inside of SPNEGO, with a mechListMIC
from both ends. Interfaces
after the first get a presentation context by a plain alter_context, as Windows' own clients do it.
"""

import socket
import struct
import sys

import client_impacket
import rows
import rpc
import spnego
from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.rpcrt import DCERPC, DCERPCException, rpc_status_codes
from spnego._spnego import unpack_token

CONTEXT_ID = 1


def main():
    plan = rows.read_plan()
    dcomrt.transport.DCERPCTransportFactory = lambda binding: Transport(binding, plan)
    return client_impacket.main(plan)


class Transport:
    """What impacket expects to have between itself and a socket."""

    def __init__(self, binding, plan):
        host, _, port = binding.partition(":")[2].partition("[")
        self.address = (host, int(port.rstrip("]") or plan["port"]))
        self.plan = plan

    def get_dce_rpc(self):
        return Association(self)

    def getRemoteName(self):
        return self.plan["host"]

    def get_kerberos(self):
        return False

    def get_kdcHost(self):
        return None

    def set_credentials(self, *_):
        pass

    def set_kerberos(self, *_):
        pass

    def set_connect_timeout(self, _):
        pass


class Association(DCERPC):
    """The client's side of an association: one security context, one presentation context for each interface."""

    def __init__(self, transport):
        DCERPC.__init__(self, transport)
        self.interfaces = []
        self.current = 0
        self.calls = 0
        self.security = None
        self.level = rpc.PACKET_PRIVACY

    def set_auth_level(self, level):
        self.level = level

    def get_auth_type(self):
        return rpc.provider(self._transport.plan)[0]

    def get_credentials(self):
        return ()

    def connect(self):
        self.socket = socket.create_connection(self._transport.address, timeout=20)
        self.stream = self.socket.makefile("rb")

    def disconnect(self):
        self.stream.close()
        self.socket.close()

    def bind(self, iid):
        """Binds to one interface, and authenticates: bind, bind_ack, auth3, or bind and alter_context and their answers."""
        plan = self._transport.plan
        kind, options = rpc.provider(plan)
        context = spnego.client(plan["user"], plan["password"], hostname=plan["host"], service="RPCSS", **options)
        self.security = rpc.Security(context, kind, self.level, CONTEXT_ID)
        offer = self.offer(iid)
        ack = self.exchange(rpc.BIND, offer, self.security.trailer(), context.step())
        token = context.step(ack.token)
        if not ack.flags & rpc.HEADER_SIGN:
            raise DCERPCException("header signing was not granted")
        if kind == rpc.AUTHN_GSS_NEGOTIATE:
            answer = self.exchange(rpc.ALTER_CONTEXT, offer, self.security.trailer(), token)
            if context.step(answer.token) or not context.complete:
                raise DCERPCException("the negotiation is not complete")
            if unpack_token(answer.token).mech_list_mic is None:
                raise DCERPCException("the host sent no mechListMIC")
            return
        flags = rpc.WHOLE | rpc.HEADER_SIGN
        self.socket.sendall(rpc.pdu(rpc.AUTH3, self.calls, b"\0" * 4, self.security.trailer(), token, flags))

    def alter_ctx(self, iid):
        """Gives an interface a presentation context under the security context that there is."""
        if iid in self.interfaces:
            self.current = self.interfaces.index(iid)
        else:
            self.exchange(rpc.ALTER_CONTEXT, self.offer(iid))
        return self

    def offer(self, iid):
        """The body of a bind or alter_context with one presentation context."""
        self.current = len(self.interfaces)
        self.interfaces.append(iid)
        sizes = struct.pack("<HHL", rpc.MAX_FRAGMENT, rpc.MAX_FRAGMENT, 0)
        return sizes + struct.pack("<BBHHBB", 1, 0, 0, self.current, 1, 0) + iid + rpc.NDR

    def exchange(self, kind, body, trailer=b"", token=b""):
        """Sends a bind or alter_context and returns the acknowledgement."""
        self.calls += 1
        flags = rpc.WHOLE | (rpc.HEADER_SIGN if token else 0)
        self.socket.sendall(rpc.pdu(kind, self.calls, body, trailer, token, flags))
        answer = self.receive()
        if answer.kind not in (rpc.BIND_ACK, rpc.ALTER_CONTEXT_RESP):
            raise DCERPCException(f"PDU of type {answer.kind} in answer to a bind")
        (address,) = struct.unpack_from("<H", answer.body, 8)
        results = 10 + address + (-(10 + address) % 4)
        result, reason = struct.unpack_from("<HH", answer.body, results + 4)
        if result:
            raise DCERPCException(f"presentation context rejected: {result}, {reason}")
        return answer

    def call(self, function, body, uuid=None):
        """Sends a request."""
        stub = body.getData() if hasattr(body, "getData") else body
        head = struct.pack("<LHH", len(stub), self.current, function) + (uuid or b"")
        self.calls += 1
        flags = rpc.WHOLE | (rpc.OBJECT_UUID if uuid else 0)
        self.socket.sendall(self.security.protect(rpc.REQUEST, self.calls, head, stub, flags))

    def recv(self):
        """Receives the fragments of a response and verifies each."""
        stub = b""
        while True:
            answer = self.receive()
            if answer.kind == rpc.FAULT:
                (status,) = struct.unpack_from("<L", answer.raw, 24)
                raise DCERPCException(rpc_status_codes.get(status, f"fault {status:#010x}"))
            if answer.kind != rpc.RESPONSE or answer.call != self.calls:
                raise DCERPCException(f"PDU of type {answer.kind} for call {answer.call}")
            stub += self.security.verify(answer)
            if answer.flags & rpc.LAST_FRAG:
                return stub

    def receive(self):
        """The next PDU."""
        answer = rpc.read_pdu(self.stream)
        if answer is None:
            raise DCERPCException("the host closed the connection")
        return answer


if __name__ == "__main__":
    sys.exit(0 if main() else 1)
