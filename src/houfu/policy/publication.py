"""A policy version on its way into force: one person proposes it, another approves it, from then on it stands.

LookupError
└── VersionUnknown   nobody proposed that version
ValueError
├── VersionTaken     the number belongs to another content, or to another date
├── OwnProposal      whoever proposed it may not approve it
└── MomentTaken      another version comes into force at that very moment
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from houfu.policy.coherence import meaning_clashes
from houfu.policy.document import Policy
from houfu.policy.fault import Fault, PolicyInvalid
from houfu.policy.shape import Misfit
from houfu.policy.source import read_source

State = Literal["proposed", "scheduled", "in_force", "past"]
"""Where a version is: proposed until it is approved, then scheduled until its date, then in force until the next one's."""

_LASTING: Final = ("currency", "timezone")


class VersionUnknown(LookupError):
    """Nobody proposed that version."""


class VersionTaken(ValueError):
    """The number belongs to another content, or to another date."""


class OwnProposal(ValueError):
    """Whoever proposed a version may not approve it."""


class MomentTaken(ValueError):
    """Another version comes into force at that very moment."""


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A proposed version. `effective_from`: since when it shall be in force; None: as soon as it is approved."""

    version: int
    name: str
    sha256: str
    author: str
    effective_from: datetime | None
    proposed_at: datetime


class Publication(msgspec.Struct, frozen=True, kw_only=True):
    """An approved version: in force from `effective_from`. `postponed`: the date it was proposed for had passed."""

    version: int
    name: str
    sha256: str
    author: str
    approved_by: str
    effective_from: datetime
    postponed: bool
    approved_at: datetime


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """A version as history knows it. Of a version that is only proposed, `effective_from` is the date asked for, if any;
    `effective_to` is where the next version begins, None where none does."""

    version: int
    name: str
    sha256: str
    state: State
    author: str
    proposed_at: datetime
    approved_by: str | None
    approved_at: datetime | None
    effective_from: datetime | None
    effective_to: datetime | None


def in_force_from(asked: datetime | None, *, first: bool, now: datetime) -> datetime:
    """Since when a version approved at `now` is in force: the moment asked for, but never in the past, so that what was
    decided stays as it was decided. Before the first version nothing was decided: that one may reach back."""
    if asked is None:
        return now
    return asked if first else max(asked, now)


def state_of(effective_from: datetime | None, effective_to: datetime | None, now: datetime) -> State:
    """The state of a version whose period is given; no period: it is only proposed."""
    if effective_from is None:
        return "proposed"
    if now < effective_from:
        return "scheduled"
    return "in_force" if effective_to is None or now < effective_to else "past"


def must_succeed(document: str, policy: Policy, published: Sequence[Policy]) -> None:
    """PolicyInvalid with every reason why a policy cannot come after those that were published before it.

    The books are kept in one currency and days are those of one zone: neither ever changes. What a code or a name meant
    in any of them it means for ever.
    """
    source = read_source(document)
    faults: dict[str, Fault] = {}
    for earlier in published:
        if earlier.version == policy.version:
            continue
        for misfit in (*_changed_for_good(earlier, policy), *meaning_clashes(earlier.terms, policy.terms)):
            fault = source.fault(*misfit)
            # Several earlier versions say the same: the first is named.
            faults.setdefault(fault.path, fault)
    if faults:
        raise PolicyInvalid(tuple(sorted(faults.values())))


def _changed_for_good(earlier: Policy, policy: Policy) -> list[Misfit]:
    found: list[Misfit] = []
    for name in _LASTING:
        was = getattr(earlier.terms, name)
        if getattr(policy.terms, name) != was:
            found.append(((name,), f"the programme's {name} is {was} and cannot change", f"write {was}"))
    return found
