#!/usr/bin/env python3
"""What the original probe says of simulated hosts, recorded as data for `cargo test -p wmi-testkit --test golden`.

    tests/golden/record.py CHECKOUT [PROFILE...]

CHECKOUT is a checkout of github.com/infrasonar/wmi-probe, and this Python has what its requirements.txt names. Needs
port 135 of 127.0.0.9 and `target/release/wmi`. Each profile is a host of its own whose clock starts at the same time;
the checks of the original run over it one after the other, unchanged, with its own library, as its scheduler would run
them. Results go to tests/data/golden/PROFILE.json: {"recorded": {...}, "checks": {KEY: {"result", "error"}}}.
"""

import asyncio
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
ADDRESS = "127.0.0.9"
CLOCK = "2026-03-01T12:00:00Z"
ACCOUNT = {"username": "ACME\\monitor", "password": "Tr0ub4dor&3"}
# The longest that the original lets a check take by default.
TIMEOUT = 300

checkout = pathlib.Path(sys.argv[1]).resolve()
sys.path.insert(0, str(checkout))

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
from lib.version import __version__  # noqa: E402
from libprobe.asset import Asset  # noqa: E402
from libprobe.exceptions import IncompleteResultException  # noqa: E402

CHECKS = [
    CheckMemory, CheckNetwork, CheckNetstat, CheckNtDomain, CheckProcess, CheckServices, CheckSoftware, CheckStorage,
    CheckSystem, CheckUpdates, CheckUsers,
]


async def one(check, asset):
    try:
        result = await asyncio.wait_for(check.run(asset, ACCOUNT, {"address": ADDRESS}), TIMEOUT)
        return {"result": result, "error": None}
    except IncompleteResultException as error:
        return {"result": error.result, "error": f"{type(error).__name__}: {error}"}
    except (Exception, asyncio.CancelledError) as error:
        return {"result": None, "error": f"{type(error).__name__}: {error}"}


def plain(value):
    """Real numbers that JSON cannot write do not occur; bytes would be a mistake worth seeing."""
    raise TypeError(f"{value!r} is no JSON")


def record(profile):
    sim = subprocess.Popen(
        [ROOT / "target/release/wmi", "sim", "--listen", f"{ADDRESS}:135", "--profile", profile, "--clock", CLOCK],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "WMI_PASSWORD": ACCOUNT["password"]},
    )
    try:
        sim.stdout.readline()
        checks = {}
        # The original remembers by the number of the asset, and each host is another.
        for number, check in enumerate(CHECKS, PROFILES.index(profile) * len(CHECKS)):
            begun = time.monotonic()
            asset = Asset(number, profile, check.key)
            checks[check.key] = asyncio.run(one(check, asset))
            print(f"{profile} {check.key}: {time.monotonic() - begun:.1f} s {checks[check.key]['error'] or ''}")
    finally:
        sim.terminate()
        sim.wait()
    recorded = {
        "profile": profile,
        "clock": CLOCK,
        "wmi-probe": __version__,
        "aiowmi": importlib.metadata.version("aiowmi"),
        "libprobe": importlib.metadata.version("libprobe"),
    }
    # Lists of 100,000 items are not kept whole: their first items and their length are.
    for outcome in checks.values():
        for kind, items in (outcome["result"] or {}).items():
            if len(items) > 400:
                items.sort(key=lambda item: item["name"])
                outcome["result"][kind] = {"length": len(items), "first": items[:100]}
    text = json.dumps({"recorded": recorded, "checks": checks}, indent=1, sort_keys=True, default=plain)
    path = ROOT / "tests/data/golden" / f"{profile}.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text + "\n")


PROFILES = [
    "server-2022", "server-2008r2", "workstation", "domain-controller", "core-256-cpus", "no-rights", "broken-counters",
    "foreign-locale", "slow", "huge",
]
for wanted in sys.argv[2:] or PROFILES:
    record(wanted)
