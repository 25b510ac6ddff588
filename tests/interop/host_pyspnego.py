"""A foreign host: DCE/RPC by rpc.py, security by pyspnego as acceptor, DCOM and WMI structures by impacket.

It verifies the MIC of the client's AUTHENTICATE and the signature of every request, decodes every request with
impacket's declarations, and answers any query with the objects of a captured reply. The plan on standard input has
user (DOMAIN\\name, in which {HOST} is the name of this host), password, mechanism (ntlm, or negotiate: NTLM inside of
SPNEGO), level (integrity or privacy), next and smart (paths of captured replies to
IEnumWbemClassObject::Next and IWbemWCOSmartEnum::Next), object and result (those of replies to GetObject and
ExecMethod, which any such call is answered with), smart_refused, and header_signing (granted, late: with an
alter_context_resp, for which only the first interface is accepted in the bind, or refused). It prints one line when it listens, one for
each thing that it saw, and ends at the end of its input.
"""

import os
import socket
import struct
import sys
import tempfile
import threading

import client_impacket
import rows
import rpc
import spnego
from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dcom import wmi
from spnego._ntlm_raw.messages import Authenticate, AvFlags, AvId, NTClientChallengeV2
from spnego._spnego import unpack_token

OXID = 0x0102030405060708
PUBLIC_REFS = 5
E_NOINTERFACE = 0x80004002
NCA_OP_RANGE_ERROR = 0x1C010002
ACCESS_DENIED = 5
# The signature of a verification trailer and its first command: rpc_sec_vt_bitmask with its one bit.
HEADER_SIGNING_OFFERED = bytes.fromhex("8ae3137102f43671 01000400 01000000")
WBEM_FLAG_FORWARD_ONLY = 0x20
# impacket takes a pointer to a NULL pointer for one to an empty structure, which is longer.
MISDECLARED = bytes(24)
# What pyspnego calls this host in its challenge.
COMPUTER = socket.gethostname().upper()
LEVELS = {"integrity": rpc.PACKET_INTEGRITY, "privacy": rpc.PACKET_PRIVACY}


def ipid(number):
    """The identifier of the interface with that number."""
    return bytes([number]) * 16


REM_UNKNOWN, LOGIN, SERVICES = (ipid(number) for number in range(1, 4))


class Host:
    """What all connections share."""

    def __init__(self, plan):
        self.plan = plan
        self.level = LEVELS[plan["level"]]
        self.lock = threading.Lock()
        self.objects = captured_objects(plan["next"])
        self.packets = captured_packets(plan["smart"])
        self.places = {}
        self.references = {}
        self.header_signing = 0
        self.activator = listen()
        self.exporter = listen()

    def serve(self):
        """Accepts connections until the input ends."""
        for listener in (self.activator, self.exporter):
            threading.Thread(target=self.accept, args=(listener,), daemon=True).start()
        rows.line({"listening": self.activator.getsockname()[1]})
        sys.stdout.flush()
        sys.stdin.read()
        self.say(event="left", references=sum(self.references.values()), header_signing=self.header_signing)

    def accept(self, listener):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=Connection(self, connection).serve, daemon=True).start()

    def say(self, **what):
        """Prints what was seen."""
        with self.lock:
            rows.line(what)
            sys.stdout.flush()

    def enumerator(self, place):
        """A new interface of an enumerator; those of one enumerator share their place, as the specification has it."""
        interface = ipid(4 + len(self.places))
        self.places[interface] = place
        return interface

    def hand_out(self, interface):
        """Counts the references that go out with a marshalled interface."""
        self.references[interface] = self.references.get(interface, 0) + PUBLIC_REFS


def listen():
    """A listening socket on a free port of the loopback."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    return listener


def captured_objects(paths):
    """The marshalled objects in captured replies to IEnumWbemClassObject::Next, in order."""
    objects = []
    for path in paths:
        with open(path, "rb") as file:
            reply = wmi.IEnumWbemClassObject_NextResponse(file.read())
        objects += [b"".join(pointer["abData"]) for pointer in reply["apObjects"]]
    return objects


def captured_packets(paths):
    """The WBEM_DATAPACKET_OBJECTs in captured replies to IWbemWCOSmartEnum::Next, in order."""
    objects = []
    for path in paths:
        with open(path, "rb") as file:
            packet = b"".join(client_impacket.SmartNextResponse(file.read())["pBuffer"])
        (count,) = struct.unpack_from("<L", packet, 42)
        offset = 46
        for _ in range(count):
            header, size = struct.unpack_from("<LL", packet, offset)
            objects.append(packet[offset : offset + header + size])
            offset += header + size
    return objects


class Place:
    """The place of an enumerator in its result."""

    def __init__(self, forward_only, at=0):
        self.forward_only = forward_only
        self.at = at

    def movable(self):
        """Checks that the enumerator can go back and be copied."""
        if self.forward_only:
            raise ValueError("a forward-only enumerator is moved")

    def take(self, objects, count):
        """The next objects."""
        taken = objects[self.at : self.at + count]
        self.at += len(taken)
        return taken


class Connection:
    """One association, with its presentation contexts and its security context."""

    def __init__(self, host, connection):
        self.host = host
        self.socket = connection
        self.stream = connection.makefile("rb")
        self.interfaces = {}
        self.security = None
        self.offered = self.agreed = self.called = False

    def serve(self):
        handlers = {
            rpc.BIND: self.bind,
            rpc.ALTER_CONTEXT: self.bind,
            rpc.AUTH3: self.authenticate,
            rpc.REQUEST: self.request,
        }
        try:
            while (received := rpc.read_pdu(self.stream)) is not None:
                handlers[received.kind](received)
        except OSError:
            pass
        except Exception as cause:
            self.host.say(event="error", error=rows.explain(cause))
        self.socket.close()

    def bind(self, received):
        """Answers a bind or an alter_context: NDR is accepted for every interface, all else is refused."""
        body = received.body
        late = received.kind == rpc.BIND and self.host.plan["header_signing"] == "late"
        xmit, recv, _, count = struct.unpack_from("<HHLB", body)
        self.fragment = min(recv, rpc.MAX_FRAGMENT)
        results = struct.pack("<BBH", count, 0, 0)
        offset = 12
        for _ in range(count):
            context, syntaxes, _ = struct.unpack_from("<HBB", body, offset)
            abstract = body[offset + 4 : offset + 24]
            offers = [body[offset + 24 + 20 * i : offset + 44 + 20 * i] for i in range(syntaxes)]
            offset += 24 + 20 * syntaxes
            if rpc.NDR in offers and not (late and self.interfaces):
                self.interfaces[context] = abstract
                results += struct.pack("<HH", 0, 0) + rpc.NDR
            else:
                results += struct.pack("<HH", 2, 2) + bytes(20)
        address = b"\0" if received.kind == rpc.ALTER_CONTEXT else b"135\0"
        head = struct.pack("<HHLH", xmit, recv, 0x4D57, len(address)) + address
        head += bytes(-len(head) % 4) + results
        trailer = token = b""
        if received.token:
            token = self.leg(received)
            if token is None:
                self.fault(received, ACCESS_DENIED)
                return
            trailer = self.security.trailer()
        kind = rpc.BIND_ACK if received.kind == rpc.BIND else rpc.ALTER_CONTEXT_RESP
        flags = rpc.WHOLE
        if received.flags & rpc.HEADER_SIGN:
            self.offered = True
            if not late and self.host.plan["header_signing"] != "refused":
                self.host.header_signing += not self.agreed
                self.agreed = True
                flags |= rpc.HEADER_SIGN
        elif not self.agreed:
            raise ValueError("header signing is not offered")
        self.socket.sendall(rpc.pdu(kind, received.call, head, trailer, token, flags))

    def leg(self, received):
        """One token of the client; pyspnego checks the response, the MIC and the mechListMIC. None when it is refused."""
        kind, options = rpc.provider(self.host.plan)
        found, level, _, _, context_id = rpc.TRAILER.unpack(received.trailer)
        if (found, level) != (kind, self.host.level):
            raise ValueError(f"security {found} at level {level}")
        first = self.security is None
        if first:
            self.security = rpc.Security(spnego.server(**options), kind, level, context_id)
        try:
            token = self.security.context.step(received.token)
        except spnego.exceptions.SpnegoError as cause:
            self.host.say(event="refused", error=rows.explain(cause))
            self.security = None
            return None
        if not first:
            self.authenticated(received, kind)
        return token or b""

    def authenticate(self, received):
        """Takes the AUTHENTICATE message."""
        self.leg(received)

    def authenticated(self, received, kind):
        """Says what is in the AUTHENTICATE message."""
        token, mech_list_mic = received.token, None
        if kind == rpc.AUTHN_GSS_NEGOTIATE:
            around = unpack_token(token)
            token, mech_list_mic = around.response_token, around.mech_list_mic
        message = Authenticate.unpack(token)
        pairs = NTClientChallengeV2.unpack(message.nt_challenge_response[16:]).av_pairs
        promised = bool(pairs.get(AvId.flags, 0) & AvFlags.mic)
        self.host.say(
            event="authenticated",
            mic=promised and message.mic not in (None, bytes(16)),
            mech_list_mic=mech_list_mic is not None,
            complete=self.security.context.complete,
            target=pairs.get(AvId.target_name),
            bindings_zero=pairs.get(AvId.channel_bindings) == bytes(16),
            lm_zero=message.lm_challenge_response == bytes(24),
            user=f"{message.domain_name or ''}\\{message.user_name}".replace(COMPUTER, "{HOST}"),
            level=self.security.level,
            header_signing=bool(received.flags & rpc.HEADER_SIGN),
        )

    def request(self, received):
        """Verifies and answers one request, which is one fragment in everything that a query needs."""
        if self.security is None:
            self.fault(received, ACCESS_DENIED)
            return
        if received.flags & rpc.WHOLE != rpc.WHOLE:
            raise ValueError("a request in fragments")
        stub = self.security.verify(received)
        if not self.called and HEADER_SIGNING_OFFERED not in stub:
            raise ValueError("the first request does not say that header signing was offered")
        self.called = True
        _, context, opnum = struct.unpack_from("<LHH", received.raw, 16)
        target = received.raw[24:40] if received.flags & rpc.OBJECT_UUID else None
        answer = CALLS.get((self.interfaces[context][:16], opnum))
        if answer is None:
            self.fault(received, NCA_OP_RANGE_ERROR)
            return
        name, handler = answer
        self.host.say(event="call", name=name)
        self.respond(received, context, handler(self, stub, target))

    def respond(self, received, context, stub):
        """Sends a reply, in as many fragments as the client's receive size asks for; all but the last are full."""
        room = (self.fragment - 24 - rpc.TRAILER.size - rpc.SIGNATURE_LENGTH) // 16 * 16
        parts = [stub[at : at + room] for at in range(0, len(stub), room)]
        for number, part in enumerate(parts):
            flags = (rpc.FIRST_FRAG if number == 0 else 0) | (rpc.LAST_FRAG if number == len(parts) - 1 else 0)
            head = struct.pack("<LHBB", len(stub), context, 0, 0)
            self.socket.sendall(self.security.protect(rpc.RESPONSE, received.call, head, part, flags))

    def fault(self, received, status):
        """Sends an unsigned fault."""
        body = struct.pack("<LHBBLL", 0, 0, 0, 0, status, 0)
        self.socket.sendall(rpc.pdu(rpc.FAULT, received.call, body))

    def marshalled(self, interface, iid):
        """A standard OBJREF, and the references counted."""
        self.host.hand_out(interface)
        reference = dcomrt.OBJREF_STANDARD()
        reference["iid"] = iid[:16]
        standard(reference["std"], interface)
        reference["saResAddr"] = struct.pack("<HHHH", 2, 1, 0, 0)
        return reference.getData()

    def interface(self, reply, field, interface, iid):
        """Sets a PMInterfacePointer of a reply."""
        data = self.marshalled(interface, iid)
        reply[field]["ulCntData"] = len(data)
        reply[field]["abData"] = list(data)
        return finish(reply)

    def activate(self, stub, _):
        """IRemoteSCMActivator::RemoteCreateInstance."""
        asked = dcomrt.RemoteCreateInstance(stub)
        reference = dcomrt.OBJREF_CUSTOM(b"".join(asked["pActProperties"]["abData"]))
        blob = reference["pObjectData"]
        custom = dcomrt.ACTIVATION_BLOB(blob)["CustomHeader"]
        # The header's own size counts: impacket does not know that it may be padded.
        start = 8 + custom["headerSize"]
        found = {}
        for clsid, size in zip(custom["pclsid"], custom["pSizes"]):
            found[clsid["Data"]] = blob[start : start + size["Data"]]
            start += size["Data"]
        wanted = read(dcomrt.InstantiationInfoData(), found[dcomrt.CLSID_InstantiationInfo])
        if wanted["classId"] != wmi.CLSID_WbemLevel1Login:
            raise ValueError("another class is activated")
        request = read(dcomrt.ScmRequestInfoData(), found[dcomrt.CLSID_ScmRequestInfo])
        if 7 not in list(request["remoteRequest"]["pRequestedProtseqs"]):
            raise ValueError("ncacn_ip_tcp is not asked for")

        out = dcomrt.PropsOutInfo()
        out["cIfs"] = wanted["cIID"]
        for iid in wanted["pIID"]:
            known = iid["Data"] == wmi.IID_IWbemLevel1Login[:16]
            copy, result, pointer = dcomrt.IID(), dcomrt.HRESULT(), dcomrt.PMInterfacePointer()
            copy["Data"] = iid["Data"]
            result["Data"] = 0 if known else E_NOINTERFACE - (1 << 32)
            if known:
                data = self.marshalled(LOGIN, iid["Data"])
                pointer["ulCntData"] = len(data)
                pointer["abData"] = list(data)
            else:
                pointer = dcomrt.NULL
            out["piid"].append(copy)
            out["phresults"].append(result)
            out["ppIntfData"].append(pointer)
        scm = dcomrt.ScmReplyInfoData()
        scm["pdwReserved"] = 0
        remote = scm["remoteReply"]
        remote["Oxid"] = OXID
        port = self.host.exporter.getsockname()[1]
        strings, entries, security = bindings(f"127.0.0.1[{port}]")
        remote["pdsaOxidBindings"]["wNumEntries"] = entries
        remote["pdsaOxidBindings"]["wSecurityOffset"] = security
        remote["pdsaOxidBindings"]["aStringArray"] = strings
        remote["ipidRemUnknown"] = REM_UNKNOWN
        remote["authnHint"] = self.host.level

        answer = dcomrt.ACTIVATION_BLOB()
        header = answer["CustomHeader"]
        header["destCtx"] = 2
        header["pdwReserved"] = dcomrt.NULL
        properties = b""
        for clsid, value in ((dcomrt.CLSID_PropsOutInfo, out), (dcomrt.CLSID_ScmReplyInfo, scm)):
            data = value.getData() + value.getDataReferents()
            data += bytes(-len(data) % 8)
            entry, size = dcomrt.CLSID(), dcomrt.DWORD()
            entry["Data"] = clsid
            size["Data"] = len(data)
            header["pclsid"].append(entry)
            header["pSizes"].append(size)
            properties += data
        answer["Property"] = properties
        reference = dcomrt.OBJREF_CUSTOM()
        reference["iid"] = dcomrt.IID_IActivationPropertiesOut[:16]
        reference["clsid"] = dcomrt.CLSID_ActivationPropertiesOut
        reference["pObjectData"] = answer.getData()
        reference["ObjectReferenceSize"] = len(reference["pObjectData"]) + 8
        data = reference.getData()
        reply = dcomrt.RemoteCreateInstanceResponse()
        reply["ppActProperties"]["ulCntData"] = len(data)
        reply["ppActProperties"]["abData"] = list(data)
        return finish(reply)

    def login(self, stub, target):
        """IWbemLevel1Login::NTLMLogin."""
        expect(target, LOGIN)
        asked = wmi.IWbemLevel1Login_NTLMLogin(stub)
        self.host.say(event="namespace", text=asked["wszNetworkResource"].rstrip("\0"))
        reply = wmi.IWbemLevel1Login_NTLMLoginResponse()
        return self.interface(reply, "ppNamespace", SERVICES, wmi.IID_IWbemServices)

    def query(self, stub, target):
        """IWbemServices::ExecQuery."""
        expect(target, SERVICES)
        asked = wmi.IWbemServices_ExecQuery(stub)
        self.host.say(
            event="query",
            language=asked["strQueryLanguage"]["asData"].rstrip("\0"),
            text=asked["strQuery"]["asData"].rstrip("\0"),
            flags=asked["lFlags"],
        )
        reply = wmi.IWbemServices_ExecQueryResponse()
        place = Place(asked["lFlags"] & WBEM_FLAG_FORWARD_ONLY)
        return self.interface(reply, "ppEnum", self.host.enumerator(place), wmi.IID_IEnumWbemClassObject)

    def get_object(self, stub, target):
        """IWbemServices::GetObject: a captured reply, whatever the path."""
        expect(target, SERVICES)
        asked = wmi.IWbemServices_GetObject(stub + MISDECLARED)
        self.host.say(event="object", path=asked["strObjectPath"]["asData"].rstrip("\0"), flags=asked["lFlags"])
        return octets(self.host.plan["object"])

    def exec_method(self, stub, target):
        """IWbemServices::ExecMethod: a captured reply, after a look at the in-parameters."""
        expect(target, SERVICES)
        asked = wmi.IWbemServices_ExecMethod(stub + MISDECLARED)
        block = client_impacket.marshalled_block(b"".join(asked["pInParams"]["abData"]))
        self.host.say(
            event="method",
            path=asked["strObjectPath"]["asData"].rstrip("\0"),
            name=asked["strMethodName"]["asData"].rstrip("\0"),
            flags=asked["lFlags"],
            input=client_impacket.values(block),
        )
        return octets(self.host.plan["result"])

    def reset(self, stub, target):
        """IEnumWbemClassObject::Reset."""
        wmi.IEnumWbemClassObject_Reset(stub)
        place = self.host.places[target]
        place.movable()
        place.at = 0
        return finish(wmi.IEnumWbemClassObject_ResetResponse())

    def skip(self, stub, target):
        """IEnumWbemClassObject::Skip."""
        asked = wmi.IEnumWbemClassObject_Skip(stub)
        place = self.host.places[target]
        place.movable()
        place.at += asked["uCount"]
        beyond = place.at > len(self.host.objects)
        return finish(wmi.IEnumWbemClassObject_SkipResponse(), client_impacket.WBEM_S_FALSE if beyond else 0)

    def clone(self, stub, target):
        """IEnumWbemClassObject::Clone."""
        wmi.IEnumWbemClassObject_Clone(stub)
        place = self.host.places[target]
        place.movable()
        copy = self.host.enumerator(Place(place.forward_only, place.at))
        return self.interface(wmi.IEnumWbemClassObject_CloneResponse(), "ppEnum", copy, wmi.IID_IEnumWbemClassObject)

    def next(self, stub, target):
        """IEnumWbemClassObject::Next."""
        asked = wmi.IEnumWbemClassObject_Next(stub)
        objects = self.host.places[target].take(self.host.objects, asked["uCount"])
        reply = wmi.IEnumWbemClassObject_NextResponse()
        for data in objects:
            pointer = dcomrt.PMInterfacePointer()
            pointer["ulCntData"] = len(data)
            pointer["abData"] = list(data)
            reply["apObjects"].append(pointer)
        reply.fields["apObjects"].fields["MaximumCount"] = asked["uCount"]
        reply["puReturned"] = len(objects)
        return finish(reply, 0 if len(objects) == asked["uCount"] else client_impacket.WBEM_S_FALSE)

    def query_interface(self, stub, target):
        """IRemUnknown::RemQueryInterface."""
        expect(target, REM_UNKNOWN)
        asked = dcomrt.RemQueryInterface(stub)
        reply = client_impacket.RemQueryInterfaceResponse()
        for iid in asked["iids"]:
            known = iid["Data"] == wmi.IID_IWbemFetchSmartEnum[:16] and not self.host.plan["smart_refused"]
            result = dcomrt.REMQIRESULT()
            result["hResult"] = 0 if known else E_NOINTERFACE - (1 << 32)
            fetcher = self.host.enumerator(self.host.places[asked["ripid"]]) if known else bytes(16)
            standard(result["std"], fetcher)
            if known:
                self.host.hand_out(fetcher)
            reply["ppQIResults"].append(result)
        return finish(reply)

    def release(self, stub, target):
        """IRemUnknown::RemRelease."""
        expect(target, REM_UNKNOWN)
        asked = dcomrt.RemRelease(stub)
        for reference in asked["InterfaceRefs"]:
            left = self.host.references.get(reference["ipid"], 0) - reference["cPublicRefs"]
            if left < 0:
                raise ValueError("more references come back than went out")
            self.host.references[reference["ipid"]] = left
        return finish(dcomrt.RemReleaseResponse())

    def smart_enumerator(self, stub, target):
        """IWbemFetchSmartEnum::GetSmartEnum."""
        reply = wmi.IWbemFetchSmartEnum_GetSmartEnumResponse()
        smart = self.host.enumerator(self.host.places[target])
        return self.interface(reply, "ppSmartEnum", smart, wmi.IID_IWbemWCOSmartEnum)

    def smart_next(self, stub, target):
        """IWbemWCOSmartEnum::Next."""
        asked = client_impacket.SmartNext(stub)
        # The packets of all rows; each time as they were captured, the first with its class.
        objects = self.host.places[target].take(self.host.packets, asked["uCount"])
        reply = client_impacket.SmartNextResponse()
        reply["puReturned"] = len(objects)
        if not objects:
            reply["pdwBuffSize"] = 0
            reply["pBuffer"] = dcomrt.NULL
        else:
            data = b"".join(objects)
            third = struct.pack("<LLL", 12, len(data), len(objects)) + data
            second = struct.pack("<LL", 8, len(third)) + third
            packet = struct.pack("<L8sLLLBB", 0, b"WBEMDATA", 26, len(second), 0, 1, 1) + second
            reply["pdwBuffSize"] = len(packet)
            reply["pBuffer"] = list(bytes([octet]) for octet in packet)
        return finish(reply, 0 if len(objects) == asked["uCount"] else client_impacket.WBEM_S_FALSE)


def octets(path):
    """The octets of a file."""
    with open(path, "rb") as file:
        return file.read()


def read(structure, data):
    """A structure in type serialization, read from its octets."""
    size = structure.fromString(data)
    structure.fromStringReferents(data[size:])
    return structure


def expect(target, interface):
    """Checks that a call went to the interface that it belongs to."""
    if target != interface:
        raise ValueError(f"a call went to {target.hex() if target else None}")


def standard(reference, interface):
    """Fills a STDOBJREF."""
    reference["flags"] = 0
    reference["cPublicRefs"] = PUBLIC_REFS
    reference["oxid"] = OXID
    reference["oid"] = interface[0]
    reference["ipid"] = interface


def bindings(address):
    """A DUALSTRINGARRAY with one string binding and one security binding: its words, their number, the offset."""
    strings = [7] + [ord(letter) for letter in address] + [0, 0]
    security = [rpc.AUTHN_WINNT, 0xFFFF, 0, 0]
    return strings + security, len(strings) + len(security), len(strings)


def finish(reply, status=0):
    """The octets of a reply."""
    if "ORPCthat" in reply.fields:
        reply["ORPCthat"]["flags"] = 0
        reply["ORPCthat"]["extensions"] = dcomrt.NULL
    reply["ErrorCode"] = status
    return reply.getData()


CALLS = {
    (dcomrt.IID_IRemoteSCMActivator[:16], 4): ("RemoteCreateInstance", Connection.activate),
    (dcomrt.IID_IRemUnknown[:16], 3): ("RemQueryInterface", Connection.query_interface),
    (dcomrt.IID_IRemUnknown[:16], 5): ("RemRelease", Connection.release),
    (dcomrt.IID_IRemUnknown2[:16], 3): ("RemQueryInterface", Connection.query_interface),
    (dcomrt.IID_IRemUnknown2[:16], 5): ("RemRelease", Connection.release),
    (wmi.IID_IWbemLevel1Login[:16], 6): ("NTLMLogin", Connection.login),
    (wmi.IID_IWbemServices[:16], 6): ("GetObject", Connection.get_object),
    (wmi.IID_IWbemServices[:16], 20): ("ExecQuery", Connection.query),
    (wmi.IID_IWbemServices[:16], 24): ("ExecMethod", Connection.exec_method),
    (wmi.IID_IEnumWbemClassObject[:16], 3): ("Reset", Connection.reset),
    (wmi.IID_IEnumWbemClassObject[:16], 4): ("Next", Connection.next),
    (wmi.IID_IEnumWbemClassObject[:16], 6): ("Clone", Connection.clone),
    (wmi.IID_IEnumWbemClassObject[:16], 7): ("Skip", Connection.skip),
    (wmi.IID_IWbemFetchSmartEnum[:16], 3): ("GetSmartEnum", Connection.smart_enumerator),
    (wmi.IID_IWbemWCOSmartEnum[:16], 3): ("SmartNext", Connection.smart_next),
}


def main():
    line = sys.stdin.readline()
    plan = rows.json.loads(line)
    domain, _, name = plan["user"].replace("{HOST}", COMPUTER).rpartition("\\")
    with tempfile.NamedTemporaryFile("w", suffix=".ntlm", encoding="utf-8") as users:
        users.write(f"{domain}:{name}:{plan['password']}\n")
        users.flush()
        os.environ["NTLM_USER_FILE"] = users.name
        Host(plan).serve()


if __name__ == "__main__":
    main()
