"""Loads texts as a policy, each in a process of its own that may only use so much processor time and memory."""

import base64
import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import msgspec

CPU_SECONDS = 10
"""A tenth of it is usual for the worst text; the rest is for slow machines."""
MEMORY_BYTES = 256 * 1024 * 1024
"""What a load, and the first decision after it, may take beyond the interpreter and its libraries."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a text. `faults` are the first few; `error` is what should never be: another exception."""

    loaded: bool = False
    faults: tuple[str, ...] = ()
    count: int = 0
    longest: int = 0
    error: str = ""
    total: int | None = None
    signal: int = 0
    cpu_seconds: float = 0.0
    peak_kb: int = 0


def load_bounded(texts: Mapping[str, str | bytes]) -> dict[str, Outcome]:
    """The outcome of each text. A process that was stopped by a limit has its `signal`."""
    given = {name: base64.b64encode(_raw(text)).decode() for name, text in texts.items()}
    made = subprocess.run(
        [sys.executable, "-c", _GUARD],
        input=json.dumps({"cpu": CPU_SECONDS, "memory": MEMORY_BYTES, "texts": given}),
        capture_output=True,
        text=True,
        check=True,
        timeout=CPU_SECONDS * len(texts) + 60,
    )
    told: dict[str, Any] = json.loads(made.stdout)
    return {name: msgspec.convert(outcome, Outcome) for name, outcome in told.items()}


def _raw(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


# The parent has everything imported, so a child only pays for its text.
_GUARD = """
import base64, json, os, resource, sys
from houfu.policy.document import load_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.explain import explain
from houfu.policy.fault import PolicyInvalid
load_policy(shipped_text())

def outcome(raw):
    try:
        policy = load_policy(raw)
        inputs = {term.name: term.min for term in policy.terms.inputs}
        explain(policy, inputs)
        return {"loaded": True, "total": evaluate(policy, inputs).total, "count": len(policy.warnings)}
    except PolicyInvalid as refused:
        told = [str(fault) for fault in refused.faults]
        return {"faults": told[:20], "count": len(told), "longest": max(map(len, told))}
    except BaseException as error:
        return {"error": repr(error)[:300]}

asked = json.load(sys.stdin)
told = {}
for name, text in asked["texts"].items():
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        raw = base64.b64decode(text)
        size = int(open("/proc/self/statm").read().split()[0]) * os.sysconf("SC_PAGESIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + asked["memory"],) * 2)
        resource.setrlimit(resource.RLIMIT_CPU, (asked["cpu"],) * 2)
        os.write(writes, json.dumps(outcome(raw)).encode())
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
