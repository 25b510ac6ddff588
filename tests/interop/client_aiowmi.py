"""Runs a plan with aiowmi: signed object calls only, one row for each round trip."""

import asyncio
import datetime
import sys

import rows
from aiowmi.cim_type import CimType
from aiowmi.connection import Connection
from aiowmi.exceptions import WbemFalse
from aiowmi.ndr.encoded_string import EncodedString
from aiowmi.ndr.encoded_value import EncodedValue
from aiowmi.query import Query


async def main():
    plan = rows.read_plan()
    EncodedValue.get_value = rows.guarded(EncodedValue.get_value)
    connection = Connection(plan["host"], plan["name"], plan["password"], domain=plan["domain"], port=plan["port"])
    try:
        await connection.connect()
        service = await connection.negotiate_ntlm()
    except Exception as cause:
        rows.fail(cause)
    good = True
    for job in plan["jobs"]:
        try:
            rows.rows(job, await run(connection, service, job))
        except Exception as cause:
            rows.failed(job, cause)
            good = False
    service.close()
    connection.close()
    return good


async def run(connection, service, job):
    """Prints the rows of one job and returns how many there were."""
    query = Query(job["query"], namespace=job["namespace"])
    count = 0
    async with query.context(connection, service, skip_optimize=job["enumerator"] == "next") as context:
        # Not `is_optimized`, which compares bound methods with `is` and so is never true.
        if (context.next == context._next_smart) != (job["enumerator"] == "smart"):
            raise RuntimeError("aiowmi uses another enumerator than it was asked for")
        while True:
            try:
                response = await context.next()
            except WbemFalse:
                return count
            # aiowmi shares the property objects of a class between its rows: print each row at once.
            rows.row(job, values(response))
            count += 1


def values(response):
    """One row, in the only reading in which aiowmi knows NULL: without defaults."""
    part = response.get_class_part()
    # ClassPart.get_name() never ends for a class with a superclass; its first step gives the name.
    name, _ = EncodedString.from_data(part.class_heap, part.class_name_ref)
    row = {"__CLASS": name}
    for name, info in response.get_properties(ignore_defaults=True).items():
        kind = info.type & ~(CimType.CIM_ARRAY_FLAG | CimType.CIM_INHERITED_FLAG)
        row[name] = plain(info.value, 32 if kind == CimType.CIM_TYPE_REAL32 else 64)
    return row


def plain(value, bits):
    """The JSON form of one value; aiowmi turns DMTF text into Python's types and this turns it back."""
    if isinstance(value, datetime.timedelta):
        minutes, seconds = divmod(value.seconds, 60)
        hours, minutes = divmod(minutes, 60)
        return f"{value.days:08}{hours:02}{minutes:02}{seconds:02}.{value.microseconds:06}:000"
    if isinstance(value, datetime.datetime):
        offset = value.utcoffset() or datetime.timedelta(0)
        minutes = int(offset.total_seconds()) // 60
        # strftime does not pad a year below 1000 on every platform
        text = f"{value.year:04}{value.month:02}{value.day:02}{value.hour:02}{value.minute:02}{value.second:02}"
        return f"{text}.{value.microsecond:06}{'-' if minutes < 0 else '+'}{abs(minutes):03}"
    return rows.plain(value, bits)


if __name__ == "__main__":
    sys.exit(0 if asyncio.run(main()) else 1)
