"""Folds rows into the checksum of `fold.rs`, and measures how fast that goes.

A decoder is a function from a set of stubs to its rows, each row the list of its values in the order of their names.
One JSON line is printed for each set: `stubs`, `rows`, `checksum`, and `rows_per_second` of CPU time.
"""

import json
import sys
import time
import zlib
from pathlib import Path

NULL = "\0"


def text(values):
    """The text of one row: a line for each value."""
    return "\n".join([NULL if value is None else str(value) for value in values]) + "\n"


def fold(rows):
    """The checksum of rows, and how many there were."""
    checksum = count = 0
    for values in rows:
        checksum = zlib.crc32(text(values).encode(), checksum)
        count += 1
    return checksum, count


def main(sets, decode):
    """Reads `folder seconds` from the command line; decodes each set at least once and until the seconds are over."""
    folder, seconds = Path(sys.argv[1]), float(sys.argv[2])
    for name in sets:
        stubs = [(folder / f"{name}.{number}.bin").read_bytes() for number in range(2)]
        passes, begun = 0, time.process_time()
        while not passes or time.process_time() - begun < seconds:
            checksum, rows = fold(decode(name, stubs))
            passes += 1
        rate = rows * passes / (time.process_time() - begun)
        result = {"stubs": name, "rows": rows, "checksum": checksum, "rows_per_second": rate}
        print(json.dumps(result), flush=True)
