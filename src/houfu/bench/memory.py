"""How much memory this process held at its highest, with those that it started."""

import resource
import sys
from pathlib import Path
from typing import Final

_PROC: Final = Path("/proc")


def peak_memory_kb() -> int:
    """The peaks of resident memory of this process and of all below it that still run, added up.

    Where there is no /proc: this process's peak, and the highest of those that it has waited for.
    """
    peaks = [_peak_kb(pid) for pid in _family()]
    if any(peaks):
        return sum(peaks)
    kilobyte = 1024 if sys.platform == "darwin" else 1
    return sum(
        resource.getrusage(who).ru_maxrss // kilobyte
        for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )


def _family() -> list[str]:
    """The ids of this process and of all below it."""
    below: dict[str, list[str]] = {}
    for status in _PROC.glob("[0-9]*/stat"):
        try:
            # The name, in brackets, may hold anything; the state and the parent's id stand behind it.
            parent = status.read_text(errors="replace").rpartition(")")[2].split()[1]
        except (OSError, IndexError):
            continue
        below.setdefault(parent, []).append(status.parent.name)
    found = [str(_PROC.joinpath("self").resolve().name)] if below else []
    for pid in found:
        found.extend(below.get(pid, ()))
    return found


def _peak_kb(pid: str) -> int:
    """The high-water mark of the process's own memory: unlike `ru_maxrss`, it begins anew with the program."""
    try:
        lines = (_PROC / pid / "status").read_text(errors="replace").splitlines()
    except OSError:
        return 0
    marks = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(marks[0]) if marks else 0
