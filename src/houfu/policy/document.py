"""A policy: a checked document with its content hash.

`load_policy` takes a YAML text, `shipped_policy` the one in the package. Both give the same thing: the
terms as written, and the rules as checked trees, ready to compile.
"""

import functools
from dataclasses import dataclass
from importlib import resources
from zoneinfo import ZoneInfo

from houfu.policy.coherence import incoherences
from houfu.policy.fault import Fault, PolicyInvalid
from houfu.policy.rules import FAULTS_MAX, Rules, read_rules
from houfu.policy.shape import UNKNOWN, fit
from houfu.policy.source import Path, SourceFault, canonical_sha256, path_text, read_source
from houfu.policy.terms import PolicyTerms

SHIPPED = "taobao"


@dataclass(frozen=True, slots=True, eq=False)
class Policy:
    """A policy that passed every check. Two policies mean the same when their `sha256` is the same. `warnings` tell what
    in it has no effect."""

    terms: PolicyTerms
    rules: Rules
    sha256: str
    warnings: tuple[Fault, ...] = ()

    @property
    def version(self) -> int:
        return self.terms.version

    @property
    def partners(self) -> tuple[str, ...]:
        """The codes of its funding partners."""
        return tuple(term.code for term in self.terms.partners)

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.terms.timezone)


def load_policy(text: str | bytes) -> Policy:
    """The policy written in `text` (YAML, at most 256 kB).

    Raises PolicyInvalid with every fault found, in reading order.
    """
    try:
        source = read_source(text)
    except SourceFault as stopped:
        raise PolicyInvalid((stopped.fault,)) from None
    terms, misfits = fit(source, PolicyTerms)
    rules, inside, without_effect = read_rules(terms)
    faults = list(source.faults)
    read_wrong = {fault.path for fault in faults}
    # What could not be read as it stands is told once, not again as what it does not fit.
    faults += [
        source.fault(*misfit, at_key=misfit[1] == UNKNOWN)
        for misfit in misfits
        if path_text(misfit[0]) not in read_wrong
    ]
    bad = [path for path, _, _ in misfits]
    # What a stand-in breaks further on is no fault of the author's.
    faults += [source.fault(*misfit) for misfit in incoherences(terms) if not _touched(misfit[0], bad)]
    faults += [
        source.fault(*entry.misfit, offset=entry.offset)
        for entry in inside
        if not _touched(entry.misfit[0], bad)
    ]
    if faults:
        raise PolicyInvalid(_once(faults))
    warnings = tuple(sorted(source.fault(*misfit) for misfit in without_effect))
    return Policy(terms, rules, canonical_sha256(source.value), warnings)


def policy_sha(text: str | bytes) -> str:
    """SHA-256 (hex) of the document's content: layout, comments and the order of keys do not count.

    Raises PolicyInvalid where the text cannot be read at all.
    """
    try:
        return canonical_sha256(read_source(text).value)
    except SourceFault as stopped:
        raise PolicyInvalid((stopped.fault,)) from None


def shipped_text(name: str = SHIPPED) -> str:
    """The YAML text of a programme in the package."""
    return resources.files("houfu.policy").joinpath("programmes", f"{name}.yaml").read_text("utf-8")


@functools.cache
def shipped_policy() -> Policy:
    """The policy of the shipped Taobao-like programme."""
    return load_policy(shipped_text())


def _touched(path: Path, bad: list[Path]) -> bool:
    """Whether `path` is at, inside or around something that already has a fault."""
    return any(path[: len(other)] == other or (path and other[: len(path)] == path) for other in bad)


def _once(faults: list[Fault]) -> tuple[Fault, ...]:
    """In reading order; of several faults with one message in one place the first. Past FAULTS_MAX nothing is told."""
    kept: dict[tuple[int, int, str, str], Fault] = {}
    for fault in sorted(faults):
        kept.setdefault((fault.line, fault.column, fault.path, fault.message), fault)
    told = list(kept.values())
    if len(told) > FAULTS_MAX:
        more = Fault(told[FAULTS_MAX].line, 1, "$", f"over {FAULTS_MAX} faults: there are more from here on")
        told = [*told[:FAULTS_MAX], more]
    return tuple(told)
