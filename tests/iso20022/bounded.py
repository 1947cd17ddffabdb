"""Reads files as a bank's message, each in a process of its own that may only use so much processor time and memory."""

from collections.abc import Mapping
from pathlib import Path

import msgspec

from bounded import bounded

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
    """The outcome of each file."""
    given = {name: str(path) for name, path in paths.items()}
    return bounded(_READ, given, Outcome, cpu_seconds=CPU_SECONDS, memory_bytes=MEMORY_BYTES)


_READ = """
from houfu.iso20022.message import MessageRefused
from houfu.iso20022.read import read
from houfu.iso20022.xml import take

def outcome(path):
    try:
        with open(path, "rb") as source:
            return {"read": type(read(take(source))).__name__}
    except MessageRefused as refused:
        return {"refused": str(refused)}
"""
