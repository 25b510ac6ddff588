"""InfraSonar's packets and secrets by msgpack, struct, json, pprint, cryptography and PyYAML: a line in, a line out."""

import json
import pprint
import struct
import sys
import unicodedata

import msgpack
import yaml
from cryptography.fernet import Fernet

HEADER = struct.Struct("<QIHBB")


def text(value):
    """Octets, which JSON does not have, as text."""
    return value.decode("latin-1")


def unpack(octets):
    """What a packet is, and whether packing its value gives the same octets again."""
    part, length, number, kind, check = HEADER.unpack_from(octets)
    body = octets[HEADER.size:]
    value = msgpack.unpackb(body)
    return {
        "part": part,
        "id": number,
        "type": kind,
        "is_frame": check == kind ^ 0xFF and length == len(body),
        "is_same": msgpack.packb(value) == body,
        "json": json.dumps(value, default=text),
        "indented": json.dumps(value, indent=2, default=text),
        "pretty": pprint.pformat(value, indent=2),
    }


def pack(kind, number, value):
    """A packet of `value`."""
    body = msgpack.packb(b"" if value is None else value)
    return (HEADER.pack(0, len(body), number, kind, kind ^ 0xFF) + body).hex()


def opened(node, fernet):
    """A configuration with its secrets decrypted; those that are not encrypted are told."""
    if isinstance(node, list):
        return [opened(item, fernet) for item in node]
    if not isinstance(node, dict):
        return node
    found = {}
    for key, value in node.items():
        if key in ("password", "secret"):
            is_token = isinstance(value, dict) and isinstance(value.get("encrypted"), bytes)
            found[key] = fernet.decrypt(value["encrypted"]).decode() if is_token else ["not encrypted", value]
        else:
            found[key] = opened(value, fernet)
    return found


def printed(first, last):
    """How pprint shows each character; none of those that this Unicode has not, and of halves of pairs."""
    known = (chr(code) for code in range(first, last + 1))
    return [None if unicodedata.category(c) in ("Cn", "Cs") else pprint.pformat(c) for c in known]


def answer(command, arguments):
    if command == "unpack":
        return unpack(bytes.fromhex(arguments))
    if command == "pack":
        return pack(*json.loads(arguments))
    if command == "printed":
        return printed(*json.loads(arguments))
    key, argument = json.loads(arguments)
    fernet = Fernet(key)
    if command == "encrypt":
        return fernet.encrypt(argument.encode()).decode()
    if command == "decrypt":
        return fernet.decrypt(argument.encode()).decode()
    if command == "configuration":
        return opened(yaml.safe_load(argument), fernet)
    raise ValueError(command)


for line in sys.stdin:
    print(json.dumps(answer(*line.rstrip("\n").split(" ", 1))), flush=True)
