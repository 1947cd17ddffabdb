"""Reads files as a bank's message, each in a process of its own that may only use so much processor time and memory."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

CPU_SECONDS = 20
"""A fifth of it is usual for the worst file; the rest is for slow machines."""
MEMORY_BYTES = 512 * 1024 * 1024
"""What a read may take beyond the interpreter and its libraries, the file itself included."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a file: `refused` in words, or `read`; `error` is what should never be: another exception."""

    read: str = ""
    refused: str = ""
    error: str = ""
    signal: int = 0
    cpu_seconds: float = 0.0
    peak_kb: int = 0


def read_bounded(paths: Mapping[str, Path]) -> dict[str, Outcome]:
    """The outcome of each file. A process that was stopped by a limit has its `signal`."""
    made = subprocess.run(
        [sys.executable, "-c", _GUARD],
        input=json.dumps(
            {"cpu": CPU_SECONDS, "memory": MEMORY_BYTES, "paths": {n: str(p) for n, p in paths.items()}}
        ),
        capture_output=True,
        text=True,
        check=True,
        timeout=CPU_SECONDS * len(paths) + 60,
    )
    told: dict[str, Any] = json.loads(made.stdout)
    return {name: msgspec.convert(outcome, Outcome) for name, outcome in told.items()}


# The parent has everything imported, so a child only pays for its file.
_GUARD = """
import json, os, resource, sys
from houfu.iso20022.message import MessageRefused
from houfu.iso20022.read import read
from houfu.iso20022.xml import take

def outcome(path):
    try:
        with open(path, "rb") as source:
            return {"read": type(read(take(source))).__name__}
    except MessageRefused as refused:
        return {"refused": str(refused)}
    except BaseException as error:
        return {"error": repr(error)[:300]}

asked = json.load(sys.stdin)
told = {}
for name, path in asked["paths"].items():
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        size = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + asked["memory"],) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu"],) * 2)
        os.write(writes, json.dumps(outcome(path)).encode())
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
