"""The plan that every witness reads from its standard input, and the JSON lines that it prints.

A plan is one JSON object: host, port, user (DOMAIN\\name), password, level (integrity or privacy) and jobs, each with
id, namespace, query, enumerator (next or smart), batch, and walk: the rows are not all to be read, but some of them back
and forth, in the order that each client's walk has. One line is printed for each row, {"job", "row"}; one for
each job, {"job", "rows"} or {"job", "error"}; and one {"error"} when the session could not be had.
Values have the form of `wmi query -o jsonl`.
"""

import json
import math
import struct
import sys


def read_plan():
    """The plan, with the user split into domain and name."""
    plan = json.load(sys.stdin)
    plan["domain"], _, plan["name"] = plan["user"].rpartition("\\")
    return plan


def line(value):
    """Prints one JSON line."""
    print(json.dumps(value), flush=False)


def row(job, values):
    """Prints one row."""
    line({"job": job["id"], "row": values})


def rows(job, count):
    """Says that a job is complete, and how many rows it had."""
    line({"job": job["id"], "rows": count})


def failed(job, cause):
    """Says why a job is not complete."""
    line({"job": job["id"], "error": explain(cause)})


def fail(cause):
    """Says why there is no session, and ends the program."""
    line({"error": explain(cause)})
    sys.stdout.flush()
    sys.exit(1)


def explain(cause):
    """One line for an exception."""
    return f"{type(cause).__name__}: {cause}".strip().replace("\n", " ")


class Undecodable:
    """Stands where a client's own decoder of a value gave up."""

    def __init__(self, cause):
        self.cause = explain(cause)


def guarded(decode):
    """A value decoder that answers with Undecodable instead of raising, so that one value does not cost a row."""

    def decoder(*args):
        try:
            return decode(*args)
        except Exception as cause:  # whatever it is, it is that client's
            return Undecodable(cause)

    return decoder


def plain(value, bits=64):
    """The JSON form of a value that has one."""
    if isinstance(value, Undecodable):
        return {"__error": value.cause}
    if isinstance(value, list):
        return [plain(item, bits) for item in value]
    if isinstance(value, float):
        if math.isnan(value):
            return "NaN"
        if math.isinf(value):
            return "Infinity" if value > 0 else "-Infinity"
        return shortest(value) if bits == 32 else value
    if isinstance(value, bytes):
        return value.decode("latin-1")
    return value


def shortest(value):
    """The shortest decimal that reads back to the same 32-bit real."""
    for digits in range(1, 10):
        text = f"{value:.{digits}g}"
        try:
            same = struct.pack("<f", float(text)) == struct.pack("<f", value)
        except OverflowError:  # rounded up past the largest
            same = False
        if same:
            return float(text)
    return value
