"""Loads texts as a policy, each in a process of its own that may only use so much processor time and memory."""

import base64
from collections.abc import Mapping

import msgspec

from bounded import bounded

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
    """The outcome of each text."""
    given = {name: base64.b64encode(_raw(text)).decode() for name, text in texts.items()}
    return bounded(_LOAD, given, Outcome, cpu_seconds=CPU_SECONDS, memory_bytes=MEMORY_BYTES)


def _raw(text: str | bytes) -> bytes:
    return text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text


_LOAD = """
import base64
from houfu.policy.document import load_policy, shipped_text
from houfu.policy.evaluate import evaluate
from houfu.policy.explain import explain
from houfu.policy.fault import PolicyInvalid
load_policy(shipped_text())

def outcome(text):
    try:
        policy = load_policy(base64.b64decode(text))
        inputs = {term.name: term.min for term in policy.terms.inputs}
        explain(policy, inputs)
        return {"loaded": True, "total": evaluate(policy, inputs).total, "count": len(policy.warnings)}
    except PolicyInvalid as refused:
        told = [str(fault) for fault in refused.faults]
        return {"faults": told[:20], "count": len(told), "longest": max(map(len, told))}
"""
