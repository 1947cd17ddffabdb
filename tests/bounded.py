"""Runs what reads files from outside, each in a process of its own that may only use so much processor time and memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import TypeVar

import msgspec

Told = TypeVar("Told")

# The parent has everything imported, so that a child only pays for what it is given.
_CHILDREN = """
import json, os, resource, sys
asked = json.load(sys.stdin)
told = {}
for name, given in asked["given"].items():
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        size = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + asked["memory"],) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu"],) * 2)
        try:
            said = outcome(given)
        except BaseException as error:
            said = {"error": repr(error)[:300]}
        os.write(writes, json.dumps(said).encode())
        os._exit(0)
    os.close(writes)
    with os.fdopen(reads, "rb") as pipe:
        said = pipe.read()
    _, status, used = os.wait4(child, 0)
    told[name] = json.loads(said or b"{}") | {
        "signal": os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_kb": used.ru_maxrss,
    }
json.dump(told, sys.stdout)
"""


def bounded(
    prepare: str, given: Mapping[str, str], kind: type[Told], *, cpu_seconds: int, memory_bytes: int
) -> dict[str, Told]:
    """What became of each of `given`: what `outcome(text)` says, a function that `prepare` defines, as a `kind`. A process
    that was stopped by a limit has its `signal`, one that raised what it should not an `error`. Memory is what it may take
    beyond the interpreter and its libraries."""
    made = subprocess.run(
        [sys.executable, "-c", f"{prepare}\n{_CHILDREN}"],
        input=json.dumps({"cpu": cpu_seconds, "memory": memory_bytes, "given": dict(given)}),
        capture_output=True,
        text=True,
        check=True,
        timeout=cpu_seconds * len(given) + 60,
    )
    told = json.loads(made.stdout)
    return {name: msgspec.convert(one, kind) for name, one in told.items()}
