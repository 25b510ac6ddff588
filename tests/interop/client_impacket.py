"""Runs a plan with impacket, at PKT_INTEGRITY or PKT_PRIVACY, with Next or with the smart enumerator."""

import struct
import sys
from functools import partial

import calls
import rows
from impacket.dcerpc.v5 import dcomrt
from impacket.dcerpc.v5.dcom import wmi
from impacket.dcerpc.v5.dcom.wmi import DCERPCSessionError  # noqa: F401  impacket looks for it beside a call
from impacket.dcerpc.v5.dcomrt import DCOMANSWER, DCOMCALL, INTERFACE, DCOMConnection
from impacket.dcerpc.v5.dtypes import GUID, LONG, NULL, ULONG
from impacket.dcerpc.v5.ndr import NDRPOINTER
from impacket.dcerpc.v5.rpcrt import (
    RPC_C_AUTHN_LEVEL_PKT_INTEGRITY,
    RPC_C_AUTHN_LEVEL_PKT_PRIVACY,
    DCERPCException,
)

LEVELS = {"integrity": RPC_C_AUTHN_LEVEL_PKT_INTEGRITY, "privacy": RPC_C_AUTHN_LEVEL_PKT_PRIVACY}
WBEM_FLAG_RETURN_IMMEDIATELY = 0x10
WBEM_FLAG_RETURN_IMMEDIATELY_FORWARD_ONLY = 0x30
WBEM_S_FALSE = 1
WBEM_S_TIMEDOUT = 0x40004
WBEM_E_INVALID_OPERATION = 0x80041016
WBEM_INFINITE = 0xFFFFFFFF
PROXY_GUID = bytes(range(16))


class PacketPointer(NDRPOINTER):
    """Unique pointer to the octets of a WBEM_DATAPACKET."""

    referent = (("Data", dcomrt.BYTE_ARRAY),)


class QueryResults(dcomrt.NDRUniConformantArray):
    """The REMQIRESULTs of a RemQueryInterface."""

    item = dcomrt.REMQIRESULT


class QueryResultsPointer(NDRPOINTER):
    """Unique pointer to the REMQIRESULTs of a RemQueryInterface."""

    referent = (("Data", QueryResults),)


# Two calls are declared anew, with impacket's NDR types, since impacket's own declarations miss the wire. Of
# RemQueryInterface ([MS-DCOM] 3.1.1.5.6.1.1) it takes the array for one element without a count; of
# IWbemWCOSmartEnum::Next ([MS-WMI] 3.1.4.7.1) it takes the GUID for a pointer and the packet for none.
class RemQueryInterface(dcomrt.RemQueryInterface):
    opnum = 3


class RemQueryInterfaceResponse(DCOMANSWER):
    structure = (("ppQIResults", QueryResultsPointer), ("ErrorCode", ULONG))


class SmartNext(DCOMCALL):
    opnum = 3
    structure = (("proxyGUID", GUID), ("lTimeout", LONG), ("uCount", ULONG))


class SmartNextResponse(DCOMANSWER):
    structure = (("puReturned", ULONG), ("pdwBuffSize", ULONG), ("pBuffer", PacketPointer), ("ErrorCode", ULONG))


def main(plan):
    """Carries out a plan, and says whether every job was completed."""
    wmi.ENCODED_VALUE.getValue = rows.guarded(wmi.ENCODED_VALUE.getValue)
    level = LEVELS[plan["level"]]
    try:
        connection = DCOMConnection(plan["host"], plan["name"], plan["password"], plan["domain"], authLevel=level)
        instance = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
        instance.get_cinstance().set_auth_level(level)
    except Exception as cause:
        rows.fail(cause)
    login = wmi.IWbemLevel1Login(instance)
    if "client" in plan:
        introduced = wmi.IWbemLoginClientID(query_interface(login, wmi.IID_IWbemLoginClientID))
        introduced.SetClientInfo(plan["client"], 4711)
        release(introduced)
    services = {}
    good = True
    for job in plan["jobs"]:
        try:
            space = job["namespace"]
            if space not in services:
                services[space] = login.NTLMLogin("//./" + space, NULL, NULL)
            work = partial(calls.call, values=values) if "path" in job else walk if job["walk"] else run
            rows.rows(job, work(services[space], job))
        except Exception as cause:
            rows.failed(job, cause)
            good = False
    for service in services.values():
        release(service)
    release(login)
    connection.disconnect()
    return good


def use_port(port):
    """Makes impacket, which knows port 135 only, look for the activator on another port."""
    factory = dcomrt.transport.DCERPCTransportFactory

    def with_port(binding):
        return factory(binding if "[" in binding else f"{binding}[{port}]")

    dcomrt.transport.DCERPCTransportFactory = with_port


def run(services, job):
    """Prints the rows of one job and returns how many there were."""
    enumerator = services.ExecQuery(job["query"], WBEM_FLAG_RETURN_IMMEDIATELY_FORWARD_ONLY)
    blocks = next_blocks if job["enumerator"] == "next" else smart_blocks
    count = 0
    for block in blocks(enumerator, job["batch"]):
        try:
            row = values(block())
        except Exception as cause:  # the row counts, its values are lost
            row = {"__CLASS": None, "__error": rows.explain(cause)}
        rows.row(job, row)
        count += 1
    release(enumerator)
    return count


def walk(services, job):
    """Reads some rows with Next, Skip, Reset and Clone, and checks that a forward-only enumerator refuses them."""
    count = 0
    classes = {}
    enumerator = services.ExecQuery(job["query"], WBEM_FLAG_RETURN_IMMEDIATELY)
    blocks = next_blocks if job["enumerator"] == "next" else smart_blocks

    def read(of, wanted):
        nonlocal count
        reader = blocks(of, wanted, classes)
        for _ in range(wanted):
            rows.row(job, values(next(reader)()))
            count += 1

    read(enumerator, 3)
    copy = clone(enumerator)
    if skip(enumerator, 10):
        raise DCOMRefusal("a skip within the rows ended")
    read(enumerator, 2)
    read(copy, 2)
    call(enumerator, wmi.IEnumWbemClassObject_Reset(), wmi.IID_IEnumWbemClassObject)
    read(enumerator, 1)
    if not skip(enumerator, 1000) or any(blocks(enumerator, 1)):
        raise DCOMRefusal("a skip beyond the rows did not end")
    call(copy, wmi.IEnumWbemClassObject_Reset(), wmi.IID_IEnumWbemClassObject)
    read(copy, 1)
    release(copy)
    release(enumerator)
    once = services.ExecQuery(job["query"], WBEM_FLAG_RETURN_IMMEDIATELY_FORWARD_ONLY)
    for refused in (
        lambda: call(once, wmi.IEnumWbemClassObject_Reset(), wmi.IID_IEnumWbemClassObject),
        lambda: clone(once),
        lambda: skip(once, 1),
    ):
        try:
            refused()
        except DCERPCException as refusal:
            if refusal.get_error_code() != WBEM_E_INVALID_OPERATION:
                raise
        else:
            raise DCOMRefusal("a forward-only enumerator took what it cannot do")
    release(once)
    return count


def clone(enumerator):
    """A second enumerator at the same place."""
    reply, _ = call(enumerator, wmi.IEnumWbemClassObject_Clone(), wmi.IID_IEnumWbemClassObject)
    reference = b"".join(reply["ppEnum"]["abData"])
    made = INTERFACE(
        enumerator.get_cinstance(), reference, enumerator.get_ipidRemUnknown(), target=enumerator.get_target()
    )
    return wmi.IEnumWbemClassObject(made)


def skip(enumerator, count):
    """Goes over rows, and says whether there were fewer."""
    request = wmi.IEnumWbemClassObject_Skip()
    request["lTimeout"] = -1
    request["uCount"] = count
    return call(enumerator, request, wmi.IID_IEnumWbemClassObject)[1]


def next_blocks(enumerator, batch, _=None):
    """The objects of IEnumWbemClassObject::Next, each as a function that decodes it."""
    ended = False
    while not ended:
        request = wmi.IEnumWbemClassObject_Next()
        request["lTimeout"] = WBEM_INFINITE
        request["uCount"] = batch
        reply, ended = call(enumerator, request, wmi.IID_IEnumWbemClassObject)
        for pointer in reply["apObjects"]:
            yield partial(marshalled_block, b"".join(pointer["abData"]))


def marshalled_block(reference):
    """The ObjectBlock of an object that is marshalled by value."""
    return wmi.ENCODING_UNIT(dcomrt.OBJREF_CUSTOM(reference)["pObjectData"])["ObjectBlock"]


def smart_blocks(enumerator, batch, classes=None):
    """The objects of IWbemWCOSmartEnum::Next, each as a function that decodes it; and the classes that came before."""
    classes = {} if classes is None else classes
    fetcher = query_interface(enumerator, wmi.IID_IWbemFetchSmartEnum)
    reply, _ = call(fetcher, wmi.IWbemFetchSmartEnum_GetSmartEnum(), wmi.IID_IWbemFetchSmartEnum)
    reference = b"".join(reply["ppSmartEnum"]["abData"])
    smart = wmi.IWbemWCOSmartEnum(
        INTERFACE(fetcher.get_cinstance(), reference, fetcher.get_ipidRemUnknown(), target=fetcher.get_target())
    )
    ended = False
    while not ended:
        request = SmartNext()
        request["proxyGUID"] = PROXY_GUID
        request["lTimeout"] = -1
        request["uCount"] = batch
        reply, ended = call(smart, request, wmi.IID_IWbemWCOSmartEnum)
        packet = b"".join(reply["pBuffer"]) if reply["pdwBuffSize"] else b""
        for block in packet_blocks(packet, classes):
            yield partial(wmi.OBJECT_BLOCK, block)
    release(smart)
    release(fetcher)


def query_interface(interface, iid):
    """Another interface of the same object."""
    request = RemQueryInterface()
    request["ripid"] = interface.get_iPid()
    request["cRefs"] = 1
    request["cIids"] = 1
    wanted = dcomrt.IID()
    wanted["Data"] = iid
    request["iids"].append(wanted)
    reply = interface.request(request, iid=dcomrt.IID_IRemUnknown, uuid=interface.get_ipidRemUnknown())
    found = reply["ppQIResults"][0]
    if found["hResult"] != 0:
        raise DCOMRefusal(f"interface refused: {found['hResult'] & 0xFFFFFFFF:#010x}")
    return dcomrt.IRemUnknown(
        INTERFACE(
            interface.get_cinstance(),
            None,
            interface.get_ipidRemUnknown(),
            found["std"]["ipid"],
            found["std"]["oxid"],
            found["std"]["oid"],
            interface.get_target(),
        )
    )


class DCOMRefusal(Exception):
    """The host does not give an interface."""


def call(interface, request, iid):
    """The reply to a call, and whether it was the last of an enumeration.

    impacket raises for every status but 0 and so drops the objects of the last short batch; they are in the exception.
    """
    try:
        return interface.request(request, iid=iid, uuid=interface.get_iPid()), False
    except DCERPCException as refusal:
        if refusal.get_error_code() not in (WBEM_S_FALSE, WBEM_S_TIMEDOUT) or refusal.get_packet() is None:
            raise
        return refusal.get_packet(), refusal.get_error_code() == WBEM_S_FALSE


def packet_blocks(packet, classes):
    """The ObjectBlocks in a WBEM_DATAPACKET ([MS-WMI] 2.2.14), which impacket has no words for.

    An instance without its class part gets the one that came earlier, so that impacket sees a whole object.
    """
    if not packet:
        return
    (count,) = struct.unpack_from("<L", packet, 26 + 8 + 8)
    offset = 26 + 8 + 12
    for _ in range(count):
        header, size, kind, inner, _ = struct.unpack_from("<LLBLL", packet, offset)
        body = offset + header
        block = packet[body + inner : body + size]
        class_id = packet[body + 8 : body + 24]
        head = head_length(block)
        if kind == 2:
            (length,) = struct.unpack_from("<L", block, head)
            classes[class_id] = block[head : head + length]
        elif kind == 3:
            block = block[:head] + classes[class_id] + block[head:]
        yield block
        offset = body + size


def head_length(block):
    """The length of ObjectFlags and Decoration ([MS-WMIO] 2.2.6, 2.2.7) before the class part."""
    head = 1
    if block[0] & wmi.CIM_DECORATION:
        for _ in range(2):
            head += len(wmi.ENCODED_STRING(block[head:]))
    return head


def release(interface):
    """Gives back the one reference that impacket gives back."""
    try:
        interface.RemRelease()
    except Exception:  # the session goes on, and the host's own clean-up is another test's
        pass


def values(block):
    """One object, read the way impacket's own wmiquery reads it."""
    block.parseObject()
    row = {"__CLASS": block.ctCurrent["name"].split(" ")[0]}
    for name, info in block.ctCurrent["properties"].items():
        row[name] = plain(info["value"], info["stype"])
    return row


def plain(value, kind):
    """The JSON form of one value."""
    if isinstance(value, wmi.ENCODING_UNIT):
        return values(value["ObjectBlock"])
    if isinstance(value, list):
        return [plain(item, kind) for item in value]
    if kind == "bool" and value in ("True", "False"):
        return value == "True"
    return rows.plain(value, 32 if kind == "real32" else 64)


if __name__ == "__main__":
    PLAN = rows.read_plan()
    use_port(PLAN["port"])
    sys.exit(0 if main(PLAN) else 1)
