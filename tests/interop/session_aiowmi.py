"""Reads one query of a plan with aiowmi, folds its rows, and prints rows, checksum and the CPU time of this process."""

import asyncio
import json
import time
import zlib

import fold
import rows
from aiowmi.connection import Connection
from aiowmi.exceptions import WbemFalse
from aiowmi.query import Query
from decode_aiowmi import values


async def main():
    plan = rows.read_plan()
    connection = Connection(plan["host"], plan["name"], plan["password"], domain=plan["domain"], port=plan["port"])
    await connection.connect()
    service = await connection.negotiate_ntlm()
    checksum, count, order = 0, 0, []
    async with Query(plan["query"]).context(connection, service) as context:
        while True:
            try:
                response = await context.next()
            except WbemFalse:
                break
            checksum = zlib.crc32(fold.text(values(response, order)).encode(), checksum)
            count += 1
    service.close()
    connection.close()
    print(json.dumps({"rows": count, "checksum": checksum, "cpu": time.process_time()}))


asyncio.run(main())
