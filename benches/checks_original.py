"""All checks of the original probe, again and again on one host: benches/checks.rs compares with what this tells.

    checks_original.py CHECKOUT ADDRESS LATER_ROUNDS
"""

import asyncio
import json
import pathlib
import resource
import sys
import time

checkout, address, later = sys.argv[1:]
sys.path.insert(0, str(pathlib.Path(checkout).resolve()))

from lib.check.memory import CheckMemory  # noqa: E402
from lib.check.netstat import CheckNetstat  # noqa: E402
from lib.check.network import CheckNetwork  # noqa: E402
from lib.check.nt_domain import CheckNtDomain  # noqa: E402
from lib.check.process import CheckProcess  # noqa: E402
from lib.check.services import CheckServices  # noqa: E402
from lib.check.software import CheckSoftware  # noqa: E402
from lib.check.storage import CheckStorage  # noqa: E402
from lib.check.system import CheckSystem  # noqa: E402
from lib.check.updates import CheckUpdates  # noqa: E402
from lib.check.users import CheckUsers  # noqa: E402
from libprobe.asset import Asset  # noqa: E402

CHECKS = [
    CheckMemory, CheckNetwork, CheckNetstat, CheckNtDomain, CheckProcess, CheckServices, CheckSoftware, CheckStorage,
    CheckSystem, CheckUpdates, CheckUsers,
]
ACCOUNT = {"username": "ACME\\monitor", "password": "Tr0ub4dor&3"}


async def round_of_all():
    """As its scheduler runs them: all at once, one after the other by the asset's lock."""
    asset = Asset(1, "host", "all")
    runs = [check.run(asset, ACCOUNT, {"address": address}) for check in CHECKS]
    await asyncio.gather(*runs)


async def main():
    rounds = []
    for _ in range(int(later) + 1):
        begun, cpu = time.monotonic(), time.process_time()
        await round_of_all()
        rounds.append({"cpu": time.process_time() - cpu, "time": time.monotonic() - begun})
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"rounds": rounds, "memory": memory}))


asyncio.run(main())
