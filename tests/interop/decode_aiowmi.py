"""Decodes stubs with aiowmi. It reads one object a reply; the others of a smart reply are read with the same function.

In the only reading in which aiowmi knows NULL, zero and false are NULL to it as well.
"""

import fold
from aiowmi.ndr.next_big_response import NextBigResponse
from aiowmi.ndr.smart_response import SmartResponse
from aiowmi.ndr.wbem_datapacket_object import WbemDatapacketObject
from client_aiowmi import plain

# The octets of a smart reply before its first object, and where its number of objects stands.
SMART_HEAD = 70
SMART_COUNT = 66


def rows(name, stubs):
    """The rows of two stubs."""
    decode = smart if name.startswith("smart") else next_
    classes, order = {}, []
    for stub in stubs:
        for response in decode(stub, classes):
            yield values(response, order)


def next_(stub, _):
    """The one object of a reply of IEnumWbemClassObject::Next."""
    yield NextBigResponse(stub)


def smart(stub, classes):
    """The objects of a reply of IWbemWCOSmartEnum::Next, as aiowmi reads the first."""
    response = SmartResponse(stub, classes)
    yield response
    offset = SMART_HEAD + 9 + int.from_bytes(stub[SMART_HEAD + 4 : SMART_HEAD + 8], "little")
    for _ in range(1, int.from_bytes(stub[SMART_COUNT : SMART_COUNT + 4], "little")):
        response._obj_block, _ = WbemDatapacketObject.from_data(stub, offset, classes)
        yield response
        offset += 9 + int.from_bytes(stub[offset + 4 : offset + 8], "little")


def values(response, order):
    """The values of one row in the order of the names, which is kept from the first row."""
    properties = response.get_properties(ignore_defaults=True)
    if not order:
        order.extend(sorted(properties))
    # None of these has reals; the 64 is for those.
    return [plain(properties[name].value, 64) for name in order]


if __name__ == "__main__":
    fold.main(["next_1", "smart_1", "smart_100"], rows)
