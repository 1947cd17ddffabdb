"""The published policies and the trials beside them: which policy decides about whom, and when.

Whoever decides about a store asks `for_store`, and lets each of `shadows_at` decide as well, with nothing coming of it.
The terms of the programme itself (orders, withdrawals, calendar) are those of `at`: a trial is about limits alone.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Final, Literal

import msgspec

from houfu.core.money import BASIS_POINTS
from houfu.policy.document import Policy

TrialKind = Literal["shadow", "challenger"]
SHADOWS_MAX: Final = 4
"""How many shadows may run at once: each decides about every store that is assessed."""


class NoPolicy(LookupError):
    """No policy is in force at the moment."""


class Published(msgspec.Struct, frozen=True):
    """A policy version and since when it is in force."""

    policy: Policy
    effective_from: datetime


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """A policy that runs without being the programme's, from `started_at` until `ended_at`, excluded; `share_bp` is how many
    of 10,000 stores a challenger decides about, 0 for a shadow."""

    policy: Policy
    kind: TrialKind
    share_bp: int
    started_at: datetime
    ended_at: datetime | None = None

    def runs_at(self, moment: datetime) -> bool:
        """Whether it has started by `moment` and not ended."""
        return self.started_at <= moment and (self.ended_at is None or moment < self.ended_at)


def challenged(version: int, store_id: str, share_bp: int) -> bool:
    """Whether a store is of the share that the challenger of this version decides about: the same answer for ever, and a
    larger share holds every store of a smaller one."""
    digest = hashlib.sha256(f"{version}|{store_id}".encode()).digest()
    return int.from_bytes(digest, "big") % BASIS_POINTS < share_bp


class PolicyBook:
    """The published policies and the trials, read once and again when something is new. Asking it costs no database."""

    def __init__(self, published: Sequence[Published], trials: Sequence[Trial] = ()) -> None:
        self._published = sorted(published, key=lambda entry: entry.effective_from)
        self._trials = tuple(trials)
        policies = [entry.policy for entry in self._published] + [trial.policy for trial in trials]
        self._by_version = {policy.version: policy for policy in policies}

    def at(self, moment: datetime) -> Policy:
        """The policy in force at `moment`. NoPolicy when that lies before the first."""
        found: Policy | None = None
        for entry in self._published:
            if entry.effective_from > moment:
                break
            found = entry.policy
        if found is None:
            raise NoPolicy(f"no policy is in force at {moment.isoformat()}")
        return found

    def for_store(self, store_id: str, moment: datetime) -> Policy:
        """The policy that decides about a store at `moment`: the challenger's for its share, else the one in force."""
        for trial in self._running("challenger", moment):
            if challenged(trial.policy.version, store_id, trial.share_bp):
                return trial.policy
        return self.at(moment)

    def shadows_at(self, moment: datetime) -> tuple[Policy, ...]:
        """The policies that decide beside the one in force at `moment`, for the record alone."""
        in_force = self.at(moment)
        return tuple(
            trial.policy
            for trial in self._running("shadow", moment)
            if trial.policy.version != in_force.version
        )

    def deciding(self, moment: datetime) -> tuple[Policy, ...]:
        """Every policy that decides about some store at `moment`, the one in force first."""
        in_force = self.at(moment)
        challengers = (trial.policy for trial in self._running("challenger", moment))
        return (in_force, *(policy for policy in challengers if policy.version != in_force.version))

    @property
    def published(self) -> tuple[Published, ...]:
        """Every publication, in the order in which they come into force."""
        return tuple(self._published)

    @property
    def trials(self) -> tuple[Trial, ...]:
        """Every trial that was ever started."""
        return self._trials

    @property
    def versions(self) -> frozenset[int]:
        """The numbers of every version in it, published or tried."""
        return frozenset(self._by_version)

    def version(self, version: int) -> Policy | None:
        """The policy of that version, in force or not."""
        return self._by_version.get(version)

    @property
    def mark(self) -> tuple[int, int, int]:
        """Publications, trials started, trials ended. None of them ever falls: another mark is another book."""
        ended = sum(trial.ended_at is not None for trial in self._trials)
        return len(self._published), len(self._trials), ended

    def _running(self, kind: TrialKind, moment: datetime) -> list[Trial]:
        return [trial for trial in self._trials if trial.kind == kind and trial.runs_at(moment)]
