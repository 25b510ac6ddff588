"""Objects by path and calls of methods, the way impacket's own programs make them."""

import rows
from impacket.dcerpc.v5.rpcrt import DCERPCException


class Refused(Exception):
    """The host's status."""


def call(services, job, values):
    """Prints the object at a path, or what a method gives; `values` makes a row of an object."""
    try:
        found = execute(services, job) if "method" in job else get(services, job["path"])
        rows.row(job, found if isinstance(found, dict) else values(found))
    except DCERPCException as refusal:
        raise Refused(f"status {refusal.get_error_code():#010x}") from refusal
    return 1


def get(services, path):
    """An instance, or of a class the names of its properties and methods."""
    found, _ = services.GetObject(path)
    if found.getObject().isInstance():
        return found.getObject()
    properties, methods = found.getProperties(), found.getMethods()
    return {"__CLASS": found.getClassName(), "properties": sorted(properties), "methods": sorted(methods)}


def execute(services, job):
    """Calls a method as a method of the Python object, which has one for each of its class; where there are no
    in-parameters that fails before the call, so the call itself is made."""
    if not job["arguments"]:
        return services.ExecMethod(job["path"], job["method"]).getObject()
    refusals = []
    original = type(services).ExecMethod

    def recorded(*args, **kwargs):
        # impacket logs what the host refuses, and goes on.
        try:
            return original(services, *args, **kwargs)
        except Exception as refusal:
            refusals.append(refusal)
            raise

    services.ExecMethod = recorded
    found, _ = services.GetObject(job["path"])
    answer = getattr(found, job["method"])(*[argument["value"] for argument in job["arguments"]])
    if refusals:
        raise refusals[0]
    if answer is None:
        raise Refused("impacket did not call")
    return answer.getObject()

