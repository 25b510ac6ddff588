"""Pings the objects of a session as impacket's resolver thread does, at once in place of every two minutes.

ComplexPing makes a set of what DCOMConnection noted, SimplePing keeps it. A set cannot be changed: impacket sends the
identifier of the set as its sequence number, which has 16 bits.
"""

import logging
import sys

import rows
from client_impacket import LEVELS, use_port
from impacket.dcerpc.v5.dcom import wmi
from impacket.dcerpc.v5.dcomrt import DCOMConnection


class Complaints(logging.Handler):
    """What impacket logs in place of raising."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.heard = []

    def emit(self, record):
        self.heard.append(record.getMessage())


def main(plan):
    """Activates WMI and pings twice; nothing is given back."""
    complaints = Complaints()
    logging.getLogger("impacket").addHandler(complaints)
    connection = DCOMConnection(
        plan["host"], plan["name"], plan["password"], plan["domain"], authLevel=LEVELS[plan["level"]], oxidResolver=True
    )
    instance = connection.CoCreateInstanceEx(wmi.CLSID_WbemLevel1Login, wmi.IID_IWbemLevel1Login)
    target = instance.get_target()
    DCOMConnection.addOid(target, instance.get_oid())
    for _ in range(2):
        DCOMConnection.PINGTIMER.cancel()
        DCOMConnection.pingServer()
    DCOMConnection.PINGTIMER.cancel()
    if complaints.heard or not DCOMConnection.OID_SET[target]["setid"]:
        rows.fail(RuntimeError("; ".join(complaints.heard) or "no set"))


if __name__ == "__main__":
    PLAN = rows.read_plan()
    use_port(PLAN["port"])
    try:
        main(PLAN)
    except Exception as cause:
        rows.fail(cause)
    sys.exit(0)
