"""Connection-oriented DCE/RPC PDUs ([MS-RPCE] 2.2.2, C706 12.6) over a socket, protected by a pyspnego context."""

import struct

import spnego
from spnego.iov import BufferType

BIND, BIND_ACK, BIND_NAK, ALTER_CONTEXT, ALTER_CONTEXT_RESP, AUTH3 = 11, 12, 13, 14, 15, 16
REQUEST, RESPONSE, FAULT = 0, 2, 3
FIRST_FRAG, LAST_FRAG, HEADER_SIGN, OBJECT_UUID = 0x01, 0x02, 0x04, 0x80
WHOLE = FIRST_FRAG | LAST_FRAG
PACKET_INTEGRITY, PACKET_PRIVACY = 5, 6
AUTHN_GSS_NEGOTIATE, AUTHN_WINNT = 9, 10
NDR = bytes.fromhex("045d888aeb1cc9119fe808002b10486002000000")
MAX_FRAGMENT = 5840
SIGNATURE_LENGTH = 16
TRAILER = struct.Struct("<BBBBL")


class Pdu:
    """One PDU: its type, flags and call id, its body, and the sec_trailer and token at its end, if any."""

    def __init__(self, raw):
        (self.version, _, self.kind, self.flags, _, self.length, self.auth_length, self.call) = struct.unpack_from(
            "<BBBBLHHL", raw
        )
        if self.length != len(raw):
            raise ValueError("fragment length")
        self.raw = raw
        self.end = len(raw)
        self.trailer = self.token = b""
        if self.auth_length:
            self.end -= self.auth_length + TRAILER.size
            self.trailer = raw[self.end : self.end + TRAILER.size]
            self.token = raw[self.end + TRAILER.size :]

    @property
    def body(self):
        """What lies between the common header and the sec_trailer."""
        return self.raw[16 : self.end]

    @property
    def head_length(self):
        """Where the stub of a request, response or fault begins."""
        return 40 if self.kind == REQUEST and self.flags & OBJECT_UUID else 24


def read_pdu(stream):
    """The next PDU of a binary file object, or None at its end."""
    head = stream.read(16)
    if len(head) < 16:
        return None
    (length,) = struct.unpack_from("<H", head, 8)
    rest = stream.read(length - 16)
    return Pdu(head + rest) if len(rest) == length - 16 else None


def header(kind, flags, call, length, auth_length):
    """The common header of a PDU."""
    return struct.pack("<BBBBLHHL", 5, 0, kind, flags, 0x10, length, auth_length, call)


def pdu(kind, call, body, trailer=b"", token=b"", flags=WHOLE):
    """A whole PDU whose token is known beforehand; the body is padded so that the sec_trailer is aligned."""
    if token:
        body += bytes(-len(body) % 4)
    length = 16 + len(body) + len(trailer) + len(token)
    return header(kind, flags, call, length, len(token)) + body + trailer + token


def provider(plan):
    """Of a plan's mechanism the authentication type, and how pyspnego calls it: NTLM, by itself or inside of SPNEGO."""
    if plan["mechanism"] == "negotiate":
        return AUTHN_GSS_NEGOTIATE, {"protocol": "negotiate", "options": spnego.NegotiateOptions.use_negotiate}
    return AUTHN_WINNT, {"protocol": "ntlm", "options": spnego.NegotiateOptions.use_ntlm}


class Security:
    """A security context on an association."""

    def __init__(self, context, kind, level, context_id):
        self.context = context
        self.kind = kind
        self.level = level
        self.context_id = context_id

    def trailer(self, padding=0):
        """The sec_trailer of a PDU under this context."""
        return TRAILER.pack(self.kind, self.level, padding, 0, self.context_id)

    def protect(self, kind, call, head, stub, flags=WHOLE):
        """A signed or sealed PDU."""
        data = stub + bytes(-len(stub) % 16)
        trailer = self.trailer(len(data) - len(stub))
        length = 16 + len(head) + len(data) + len(trailer) + SIGNATURE_LENGTH
        prefix = header(kind, flags, call, length, SIGNATURE_LENGTH) + head
        if self.level == PACKET_PRIVACY:
            sealed = self.context.wrap_iov(
                [(BufferType.sign_only, prefix), data, (BufferType.sign_only, trailer), BufferType.header]
            )
            data, signature = sealed.buffers[1].data, sealed.buffers[3].data
        else:
            signature = self.context.sign(prefix + data + trailer)
        return prefix + data + trailer + signature

    def verify(self, received):
        """The stub of a received PDU; raises BadMICError when its signature is wrong."""
        kind, level, padding, _, context_id = TRAILER.unpack(received.trailer)
        if (kind, level, context_id) != (self.kind, self.level, self.context_id):
            raise ValueError(f"the sec_trailer says {kind}, {level}, {context_id}")
        prefix = received.raw[: received.head_length]
        data = received.raw[received.head_length : received.end]
        if self.level == PACKET_PRIVACY:
            opened = self.context.unwrap_iov(
                [
                    (BufferType.sign_only, prefix),
                    data,
                    (BufferType.sign_only, received.trailer),
                    (BufferType.header, received.token),
                ]
            )
            data = opened.buffers[1].data
        else:
            self.context.verify(prefix + data + received.trailer, received.token)
        return data[: len(data) - padding]
