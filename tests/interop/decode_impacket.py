"""Decodes stubs with impacket, which parses the class anew for each object."""

import fold
from client_impacket import SmartNextResponse, marshalled_block, packet_blocks, plain
from impacket.dcerpc.v5.dcom import wmi


def rows(name, stubs):
    """The rows of two stubs."""
    blocks = smart if name.startswith("smart") else next_
    classes, order = {}, []
    for stub in stubs:
        for block in blocks(stub, classes):
            yield values(block, order)


def next_(stub, _):
    """The objects of a reply of IEnumWbemClassObject::Next."""
    for pointer in wmi.IEnumWbemClassObject_NextResponse(stub)["apObjects"]:
        yield marshalled_block(b"".join(pointer["abData"]))


def smart(stub, classes):
    """The objects of a reply of IWbemWCOSmartEnum::Next."""
    reply = SmartNextResponse(stub)
    for block in packet_blocks(b"".join(reply["pBuffer"]), classes):
        yield wmi.OBJECT_BLOCK(block)


def values(block, order):
    """The values of one row in the order of the names, which is kept from the first row."""
    block.parseObject()
    properties = block.ctCurrent["properties"]
    if not order:
        order.extend(sorted(properties))
    return [plain(properties[name]["value"], properties[name]["stype"]) for name in order]


if __name__ == "__main__":
    fold.main(["next_1", "next_100", "smart_1", "smart_100"], rows)
